/* The daemon between its first and its last turn of the loop. */
#include "daemon/life.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/handover.h"
#include "daemon/sdnotify.h"

enum { TICK_MS = 50, LOG_LOOK_MS = 60 * 1000, REPLACE_CANCEL_MS = 10 * 1000, REPLACE_GIVE_UP_MS = 30 * 1000 };

static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR2 };
enum { SIGNALS = sizeof(signals) / sizeof(*signals) };

struct life {
	uv_signal_t signals[SIGNALS];
	uv_timer_t tick, watchdog, log_look;
	bool is_open;
	char *exe;              /* what a successor is started from; an upgrade puts another program there */
	struct ipc_token token; /* who asked for the stop */
	bool has_token, stop_called;
	size_t started;         /* modules that still have to stop */
	int64_t since_ms;       /* of the phase */
};

/* --- config.toml --- */
static void tell_diagnostics(struct daemon *d, struct arena *a, const struct diag_sink *sink)
{
	struct value all = diag_json(sink, a);
	struct buf out = { 0 };

	for (uint32_t i = 0; d->log.json && i < all.n; i++)
		log_diagnostic(&d->log, "config", &all.items[i]);
	if (!d->log.json)
		diag_print(sink, false, d->log.from == SEV_NOTE ? SEV_WARNING : d->log.from, &out);
	if (out.len)
		(void)!write(STDERR_FILENO, out.p, out.len);
	buf_fini(&out);
}

static int read_config(struct daemon *d, struct arena *a, const struct config **ret_config, struct err *e)
{
	struct compiled *c = arena_new_of(a, struct compiled);
	struct diag_sink *sink = diag_sink_new(a, sources_new(a));
	int r = compile_config(a, sink, d->root_fd, d->root, c, e);

	if (r)
		return r;
	diag_finish(sink, false);
	tell_diagnostics(d, a, sink);
	*ret_config = &c->config;
	return diag_count(sink, SEV_ERROR) ? DAEMON_INVALID : 0;
}

int life_read_config(struct daemon *d, struct arena **ret_arena, const struct config **ret_config, struct err *e)
{
	struct arena *volatile a = arena_new();
	jmp_buf oom;
	int r;

	if (!a || setjmp(oom)) {
		r = err_sys(e, -ENOMEM, "read 'config.toml'");
	} else {
		arena_on_oom(a, &oom);
		r = read_config(d, a, ret_config, e);
		arena_on_oom(a, NULL);
	}
	if (r) {
		arena_free(a);
		return r;
	}
	*ret_arena = a;
	return 0;
}

int daemon_reload(struct daemon *d)
{
	struct arena *a = NULL, *old = d->config_a;
	const struct config *config = d->config;
	struct err e = { 0 };
	int r;

	if (d->phase != DAEMON_READY)
		return DAEMON_BUSY;
	sdnotify(SDNOTIFY_RELOADING);
	r = life_read_config(d, &a, &config, &e);
	if (r) {
		daemon_log(d, SEV_ERROR, NULL, "config.toml is not taken over: %s", r < 0 ? err_text(&e) : "it has errors");
		r = DAEMON_INVALID;
	} else {
		daemon_log(d, SEV_NOTE, NULL, "config.toml was read again");
		d->config_a = a;
		d->config = config;
		for (size_t i = 0; i < daemon_modules_n; i++)
			if (daemon_modules[i].reloaded)
				daemon_modules[i].reloaded(d);
		arena_free(old);
	}
	err_fini(&e);
	sdnotify(SDNOTIFY_READY);
	return r;
}

/* --- stopping --- */
/* One module after the other, the newest first. */
static bool modules_stopped(struct daemon *d)
{
	struct life *l = d->life;

	for (; l->started; l->started--, l->stop_called = false) {
		const struct daemon_module *m = &daemon_modules[l->started - 1];

		if (!l->stop_called && m->stop)
			m->stop(d);
		l->stop_called = true;
		if (m->is_stopped && !m->is_stopped(d))
			return false;
	}
	return true;
}

static void answer_stop(struct daemon *d)
{
	struct ipc_reply reply;

	if (!d->life->has_token)
		return;
	d->life->has_token = false;
	ipc_reply_init(&reply, IPC_DAEMON_SHUTDOWN);
	reply.shutdown.runtime_disconnected = d->session_was_ended;
	ipc_answer(d->ipc, d->life->token, &reply);
}

/* Whether it has ended. */
static bool go_on_stopping(struct daemon *d)
{
	if (!modules_stopped(d) || d->works.n)
		return false;
	answer_stop(d);
	if (d->ipc)
		ipc_server_dismiss(d->ipc, "the daemon stops");
	if (d->ipc && ipc_server_writing(d->ipc))
		return false;
	if (d->ipc)
		unlinkat(d->runtime_fd, IPC_SOCKET, 0); /* daemon.lock is held: it is ours */
	uv_stop(&d->loop);
	return true;
}

/* --- being replaced --- */
static bool may_be_replaced(const struct daemon *d)
{
	if (d->works.n || ipc_server_waiting(d->ipc) || ipc_server_writing(d->ipc))
		return false;
	for (size_t i = 0; i < daemon_modules_n; i++)
		if (daemon_modules[i].may_be_replaced && !daemon_modules[i].may_be_replaced(d))
			return false;
	return true;
}

static void stay(struct daemon *d, const char *why)
{
	daemon_log(d, SEV_ERROR, NULL, "not replaced, this daemon goes on: %s", why);
	d->phase = DAEMON_READY;
	d->works.closed = false;
	sdnotify(SDNOTIFY_READY);
}

static bool go_on_replacing(struct daemon *d)
{
	int64_t waited = clock_mono_ms() - d->life->since_ms;
	struct err e = { 0 };

	if (!may_be_replaced(d)) {
		if (waited > REPLACE_CANCEL_MS)
			work_cancel_all(d);
		if (waited > REPLACE_GIVE_UP_MS)
			stay(d, "work that is under way does not end");
		return waited > REPLACE_GIVE_UP_MS;
	}
	handover_exec(d, d->life->exe, &e);
	stay(d, err_text(&e));
	err_fini(&e);
	return true;
}

/* --- phases --- */
static void on_tick(uv_timer_t *timer)
{
	static bool (*const go_on[DAEMON_PHASE__N])(struct daemon *d) = {
		[DAEMON_STOPPING] = go_on_stopping, [DAEMON_RESTARTING] = go_on_replacing,
	};
	struct daemon *d = timer->data;

	if (go_on[d->phase] && !go_on[d->phase](d))
		uv_timer_start(timer, on_tick, TICK_MS, 0);
}

/* Never in the caller's frame: it may be deep in what is to be ended. */
void daemon_check(struct daemon *d)
{
	if (d->life && d->life->is_open && d->phase >= DAEMON_RESTARTING)
		uv_timer_start(&d->life->tick, on_tick, 0, 0);
}

static void enter(struct daemon *d, enum daemon_phase phase)
{
	d->phase = phase;
	d->life->since_ms = clock_mono_ms();
	daemon_check(d);
}

void daemon_stop(struct daemon *d, const struct ipc_token *token)
{
	struct life *l = d->life;

	if (token && l->has_token) {
		ipc_refuse_because(d->ipc, *token, IPC_BUSY, IPC_REASON_STOPPING, "the daemon stops already");
		return;
	}
	if (token) {
		l->token = *token;
		l->has_token = true;
	}
	if (d->phase == DAEMON_STOPPING)
		return;
	if (d->phase != DAEMON_STARTING)
		daemon_log(d, SEV_NOTE, NULL, "the daemon stops");
	sdnotify(SDNOTIFY_STOPPING);
	d->works.closed = false;
	work_cancel_all(d);
	enter(d, DAEMON_STOPPING);
}

int daemon_replace(struct daemon *d)
{
	const struct config *ignored_config;
	struct arena *a = NULL;
	struct err e = { 0 };
	int r;

	if (d->phase != DAEMON_READY)
		return DAEMON_BUSY;
	r = life_read_config(d, &a, &ignored_config, &e);
	if (!r && access(d->life->exe, X_OK))
		r = err_sys(&e, -errno, "start '%s'", d->life->exe);
	arena_free(a);
	if (r) { /* the successor could not start */
		daemon_log(d, SEV_ERROR, NULL, "not replaced: %s", r < 0 ? err_text(&e) : "config.toml has errors");
		err_fini(&e);
		return r;
	}
	daemon_log(d, SEV_NOTE, NULL, "the daemon is replaced by '%s'", d->life->exe);
	sdnotify(SDNOTIFY_RELOADING);
	d->works.closed = true;
	enter(d, DAEMON_RESTARTING);
	return 0;
}

/* --- signals and timers --- */
static void on_signal(uv_signal_t *h, int number)
{
	struct daemon *d = h->data;

	if (number == SIGHUP)
		daemon_reload(d);
	else if (number == SIGUSR2)
		daemon_replace(d);
	else
		daemon_stop(d, NULL);
}

static void on_watchdog(uv_timer_t *timer)
{
	(void)timer;
	sdnotify(SDNOTIFY_WATCHDOG);
}

static void on_log_look(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	logfile_cap(d->o->log_file);
}

/* The path this program was started from; " (deleted)" when a package manager has put another one there. */
static char *own_path(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *gone;

	if (n <= 0)
		return NULL;
	path[n] = 0;
	gone = strstr(path, " (deleted)");
	if (gone && !gone[sizeof(" (deleted)") - 1])
		*gone = 0;
	return strdup(path);
}

int life_open(struct daemon *d, struct err *e)
{
	struct life *l = calloc(1, sizeof(*l));

	if (!l || !(l->exe = own_path())) {
		free(l);
		return err_sys(e, -ENOMEM, "start the daemon");
	}
	d->life = l;
	for (int i = 0; i < SIGNALS; i++) {
		uv_signal_init(&d->loop, &l->signals[i]);
		l->signals[i].data = d;
		uv_signal_start(&l->signals[i], on_signal, signals[i]);
	}
	uv_timer_init(&d->loop, &l->tick);
	uv_timer_init(&d->loop, &l->watchdog);
	uv_timer_init(&d->loop, &l->log_look);
	l->tick.data = l->watchdog.data = l->log_look.data = d;
	l->is_open = true;
	return 0;
}

void life_set_started(struct daemon *d, size_t n)
{
	d->life->started = n;
}

void life_ready(struct daemon *d)
{
	uint64_t every = sdnotify_watchdog_ms();
	sigset_t none;

	d->phase = DAEMON_READY;
	sdnotify(SDNOTIFY_READY);
	if (every)
		uv_timer_start(&d->life->watchdog, on_watchdog, every, every);
	if (d->o->log_file && *d->o->log_file)
		uv_timer_start(&d->life->log_look, on_log_look, LOG_LOOK_MS, LOG_LOOK_MS);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void life_close(struct daemon *d)
{
	struct life *l = d->life;

	if (!l || !l->is_open)
		return;
	l->is_open = false;
	for (int i = 0; i < SIGNALS; i++)
		uv_close((uv_handle_t *)&l->signals[i], NULL);
	uv_close((uv_handle_t *)&l->tick, NULL);
	uv_close((uv_handle_t *)&l->watchdog, NULL);
	uv_close((uv_handle_t *)&l->log_look, NULL);
}

void life_free(struct daemon *d)
{
	if (d->life)
		free(d->life->exe);
	free(d->life);
	d->life = NULL;
}
