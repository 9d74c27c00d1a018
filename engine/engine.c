/* The engine's own thread: makes the workers, waits for signals and for questions on the control socket, reloads, drains. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "engine/confine.h"
#include "engine/control.h"
#include "engine/elog.h"
#include "engine/engine_impl.h"
#include "engine/listen.h"
#include "engine/notify.h"

enum { WORKERS_MAX = 64, DRAIN_MS = 3000, POLL_MS = 50, SPARE_LEAST = 8, SPARE_MOST = 64 /* descriptors */, FDS_LOOKED_AT = 256 };

/* --- telling the workers --- */
void engine_answer(struct engine *en)
{
	static const uint64_t one = 1;

	(void)!write(en->answer_fd, &one, sizeof(one));
}

/* Until each of them has answered; a worker never waits for anything, so neither does this for long. */
static void wait_all(struct engine *en)
{
	for (uint64_t n = 0, more; n < en->n_started; n += more)
		if (read(en->answer_fd, &more, sizeof(more)) != sizeof(more))
			more = 0;
}

static void wake_all(struct engine *en)
{
	for (unsigned i = 0; i < en->n_started; i++)
		loop_wake(&en->workers[i].loop);
}

/* --- reload --- */
/* The point of no return is listen_commit: nothing behind it fails. */
static int prepare(struct engine *en, struct conf **ret_conf, const char **ret_why, struct err *e)
{
	struct conf *c = NULL;
	int r = engine_load(en, &c, ret_why, e);

	if (r)
		return r;
	r = elog_prepare(en, c, e);
	if (!r)
		r = listen_prepare(en, c, e);
	if (r) {
		elog_cancel(en);
		conf_drop(c);
		return r;
	}
	*ret_conf = c;
	return 0;
}

static void count_fds(struct engine *en)
{
	en->fd_base = en->fd_others + listen_fds(en);
}

static void hand_over(struct engine *en, struct conf *c)
{
	struct conf *old = en->conf;

	elog_commit(en, c);
	listen_commit(en);
	count_fds(en);
	en->conf = c;
	for (unsigned i = 0; i < en->n_started; i++) {
		conf_hold(c);
		atomic_store(&en->workers[i].next_conf, c);
	}
	wake_all(en);
	wait_all(en);
	listen_sweep(en);
	count_fds(en);
	conf_drop(old);
}

static int refuse(struct engine *en, int r, const char **ret_why, const struct err *e)
{
	if (r < 0)
		*ret_why = engine_keep_text(en, err_text(e));
	elog_engine(en, LOG_ERROR, "reload refused, the old configuration stays: %s", *ret_why);
	notify_refused(r < 0 ? -r : EINVAL, *ret_why);
	return r;
}

int engine_reload(struct engine *en, const char **ret_why)
{
	struct conf *c = NULL;
	struct err e = { 0 };
	int r;

	notify_reloading();
	*ret_why = "";
	r = prepare(en, &c, ret_why, &e);
	if (r)
		r = refuse(en, r, ret_why, &e);
	else {
		hand_over(en, c);
		elog_engine(en, LOG_INFO, "reloaded: generation %llu", (unsigned long long)c->generation);
		notify_ready();
	}
	err_fini(&e);
	return r;
}

/* --- workers --- */
static unsigned count_workers(const struct engine_options *o)
{
	long cores = o->workers ? (long)o->workers : sysconf(_SC_NPROCESSORS_ONLN);

	return cores < 1 ? 1 : cores > WORKERS_MAX ? WORKERS_MAX : (unsigned)cores;
}

static int open_workers(struct engine *en, struct err *e)
{
	int r = 0;

	en->workers = calloc(en->n_workers, sizeof(*en->workers));
	if (!en->workers)
		return err_sys(e, -ENOMEM, "make workers");
	for (; en->n_opened < en->n_workers && !r; en->n_opened++)
		r = worker_open(&en->workers[en->n_opened], en, en->n_opened, e);
	return r;
}

static int start_workers(struct engine *en, struct err *e)
{
	for (unsigned i = 0; i < en->n_workers; i++) {
		int r = worker_start(&en->workers[i]);

		if (r)
			return err_sys(e, r, "start worker %u", i);
		en->n_started++;
	}
	return 0;
}

uint32_t engine_flows(const struct engine *en)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < en->n_opened; i++)
		n += atomic_load(&en->workers[i].n_flows);
	return n;
}

/* New connections are refused from now on; what runs may end. A second signal does not wait. */
static void drain(struct engine *en, int signal_fd)
{
	struct signalfd_siginfo info;
	int left = DRAIN_MS;

	en->draining = true;
	for (unsigned i = 0; i < en->n_started; i++)
		atomic_store(&en->workers[i].drain, true);
	wake_all(en);
	wait_all(en);
	listen_close(en);
	while (engine_flows(en) && left > 0) {
		if (read(signal_fd, &info, sizeof(info)) > 0 && info.ssi_signo != SIGHUP)
			break;
		poll(NULL, 0, POLL_MS);
		left -= POLL_MS;
	}
}

/* --- the loop of this thread --- */
/* Whether to go on. */
static bool on_signals(struct engine *en, int fd)
{
	struct signalfd_siginfo info;
	const char *why;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGHUP)
			return false;
		engine_reload(en, &why);
	}
	return true;
}

static void serve(struct engine *en, int signal_fd)
{
	struct pollfd fds[1 + CONTROL_FDS] = { { .fd = signal_fd, .events = POLLIN } };

	for (;;) {
		int timeout_ms = -1;
		unsigned n = control_poll(en->control, fds + 1, &timeout_ms);

		if (poll(fds, 1 + n, timeout_ms) < 0 && errno != EINTR)
			break;
		if (fds[0].revents && !on_signals(en, signal_fd))
			break;
		control_serve(en->control, fds + 1, n);
	}
	notify_stopping();
	elog_engine(en, LOG_INFO, "stopping: %u connections are open", engine_flows(en));
	drain(en, signal_fd);
}

static int open_signals(struct err *e)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd < 0 ? err_sys(e, -errno, "wait for signals") : fd;
}

static void raise_limits(struct engine *en)
{
	struct rlimit limit;
	rlim_t spare;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > INT_MAX)
		return;
	spare = limit.rlim_cur / 8 < SPARE_LEAST ? SPARE_LEAST : limit.rlim_cur / 8 > SPARE_MOST ? SPARE_MOST : limit.rlim_cur / 8;
	en->fd_most = (int)(limit.rlim_cur - spare);
	en->fd_grace = (int)spare / 2;
}

/* Before there are flows. Who started the engine may have left gaps, or others open. */
static void count_other_fds(struct engine *en)
{
	int n = 0;

	for (int fd = 0; fd < FDS_LOOKED_AT; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	n -= listen_fds(en);
	en->fd_others = n > 0 ? n : 0;
	count_fds(en);
}

/* A kernel that cannot filter is no reason not to run. */
static int give_up_calls(struct engine *en, struct err *e)
{
	int r = confine_calls(e);

	if (r != -ENOSYS && r != -EINVAL)
		return r;
	elog_engine(en, LOG_WARNING, "%s", err_text(e));
	err_fini(e);
	return 0;
}

static int start(struct engine *en, struct err *e)
{
	const char *why = "";
	int r = engine_load(en, &en->conf, &why, e);

	if (r)
		return r;
	en->n_workers = count_workers(en->o);
	en->answer_fd = eventfd(0, EFD_CLOEXEC);
	r = en->answer_fd < 0 ? err_sys(e, -errno, "make an eventfd") : elog_open(en, e);
	if (!r)
		r = listen_prepare(en, en->conf, e);
	if (!r) {
		listen_commit(en);
		r = open_workers(en, e);
	}
	if (!r)
		r = control_open(en, e);
	if (!r)
		r = confine_user(en->o->user, e);
	count_other_fds(en);
	if (!r)
		r = start_workers(en, e);
	return r || en->o->no_seccomp ? r : give_up_calls(en, e);
}

static void stop(struct engine *en)
{
	for (unsigned i = 0; i < en->n_started; i++)
		atomic_store(&en->workers[i].stop, true);
	wake_all(en);
	for (unsigned i = 0; i < en->n_started; i++)
		worker_join(&en->workers[i]);
	control_close(en->control);
	for (unsigned i = 0; i < en->n_opened; i++)
		worker_close(&en->workers[i]);
	listen_close(en);
	free(en->workers);
	if (en->conf)
		conf_drop(en->conf);
	elog_close(en);
	if (en->answer_fd >= 0)
		close(en->answer_fd);
	free(en->text);
}

int engine_run(const struct engine_options *o, struct err *e)
{
	struct engine en = { .o = o, .answer_fd = -1, .fd_most = INT_MAX, .started_ms = clock_mono_ms() };
	int signal_fd = open_signals(e), r = signal_fd < 0 ? signal_fd : 0;

	if (r)
		return r;
	raise_limits(&en);
	r = start(&en, e);
	if (!r) {
		elog_engine(&en, LOG_WARNING, "started: %u workers", en.n_workers);
		notify_ready();
		serve(&en, signal_fd);
	}
	stop(&en);
	close(signal_fd);
	return r;
}
