/* daemon_run: everything a daemon holds, taken in order and let go the other way round. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/handover.h"
#include "daemon/life.h"

/* --- the log --- */
/* $XRAT_LOG where neither -q nor -v says otherwise. Whether it can be understood. */
static bool read_level(struct daemon_options *o)
{
	static const struct { const char *name; unsigned quiet, verbose; } levels[] = {
		{ "error", 2, 0 }, { "warning", 1, 0 }, { "warn", 1, 0 }, { "info", 0, 0 }, { "debug", 0, 1 }, { "trace", 0, 2 },
	};
	const char *wish = getenv("XRAT_LOG");

	if (!wish || !*wish || o->quiet || o->verbose)
		return true;
	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++)
		if (str_is_nocase(str_of(wish), levels[i].name)) {
			o->quiet = levels[i].quiet;
			o->verbose = levels[i].verbose;
			return true;
		}
	return false;
}

static void open_log(struct daemon *d, struct daemon_options *o)
{
	static const enum severity severities[] = { SEV_NOTE, SEV_WARNING, SEV_ERROR };
	static const enum log_depth depths[] = { LOG_PLAIN, LOG_DEBUG, LOG_TRACE };

	d->is_level_known = read_level(o);
	d->log = (struct log){ .from = severities[o->quiet > 2 ? 2 : o->quiet],
			       .depth = o->quiet ? LOG_PLAIN : depths[o->verbose > 2 ? 2 : o->verbose], .json = o->json };
}

/* --- CONFIG_ROOT and its lock --- */
static int open_root(struct daemon *d, struct err *e)
{
	char *real = realpath(d->o->root, NULL);
	struct stat st;

	if (!real)
		return err_sys(e, -errno, "open directory '%s'", d->o->root);
	d->root = arena_strdup(d->a, real);
	free(real);
	d->root_fd = dir_open(d->root, e);
	if (d->root_fd < 0)
		return d->root_fd;
	d->runtime_fd = dir_make(d->root_fd, IPC_RUNTIME_DIR, 0700, e);
	if (d->runtime_fd < 0)
		return d->runtime_fd;
	if (fstat(d->runtime_fd, &st))
		return err_sys(e, -errno, "look at '" IPC_RUNTIME_DIR "'");
	if (st.st_uid != geteuid())
		return err_set(e, -EPERM, "'%s/" IPC_RUNTIME_DIR "' belongs to another user (uid %u)", d->root, st.st_uid);
	if ((st.st_mode & 07777) != 0700 && fchmod(d->runtime_fd, 0700))
		return err_sys(e, -errno, "set the mode of '" IPC_RUNTIME_DIR "'");
	return 0;
}

static int take_lock(struct daemon *d, int *ret_holder, struct err *e)
{
	int fd = handover_take_lock(d->handover), r;

	if (fd >= 0 && lock_is_current(fd, d->runtime_fd, IPC_LOCK) == 1) {
		d->lock.fd = fd;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	r = lock_take(d->runtime_fd, IPC_LOCK, 0, &d->lock, ret_holder, e);
	return r == 1 ? DAEMON_BUSY : r;
}

/* --- its parts --- */
static int start_modules(struct daemon *d, int *ret_holder, struct err *e)
{
	for (size_t i = 0; i < daemon_modules_n; i++) {
		int r = daemon_modules[i].start ? daemon_modules[i].start(d, e) : 0;

		if (r == DAEMON_BUSY)
			*ret_holder = d->holder;
		if (r)
			return r < 0 ? err_wrap(e, "%s", daemon_modules[i].name) : r;
		life_set_started(d, i + 1);
	}
	return 0;
}

static int open_socket(struct daemon *d, struct err *e)
{
	int r = handover_take_server(d->handover, d, &d->ipc, e), fd;

	if (!r)
		return 0;
	if (r < 0) { /* a socket of our own is better than none */
		daemon_log(d, SEV_WARNING, NULL, "%s", err_text(e));
		err_fini(e);
		*e = (struct err){ 0 };
		ipc_server_close(d->ipc);
		d->ipc = NULL;
	}
	fd = ipc_listen(d->runtime_fd, e);
	return fd < 0 ? fd : ipc_server_new(&d->ipc, &d->loop, fd, daemon_handle, d, e);
}

static int serve(struct daemon *d, int *ret_holder, struct err *e)
{
	int r = life_open(d, e);

	if (r)
		return r;
	r = life_read_config(d, &d->config_a, &d->config, e);
	if (!r)
		r = start_modules(d, ret_holder, e);
	if (!r)
		r = open_socket(d, e);
	if (r) { /* what has started is in the middle of things: it ends in good order */
		daemon_stop(d, NULL);
		uv_run(&d->loop, UV_RUN_DEFAULT);
		return r;
	}
	ipc_server_on_gone(d->ipc, daemon_client_gone);
	life_ready(d);
	if (!d->is_level_known)
		daemon_log(d, SEV_WARNING, NULL, "XRAT_LOG names no level; allowed are error, warning, info, debug, trace");
	daemon_log(d, SEV_NOTE, NULL, "the daemon of '%s' is ready, process %d, instance %s", d->root, (int)getpid(),
		   d->instance_id);
	for (size_t i = 0; i < daemon_modules_n; i++)
		if (daemon_modules[i].reconcile)
			daemon_modules[i].reconcile(d);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	return 0;
}

static void end_modules(struct daemon *d, void (*fn)(const struct daemon_module *m, struct daemon *d))
{
	for (size_t i = daemon_modules_n; i--;)
		fn(&daemon_modules[i], d);
}

static void close_module(const struct daemon_module *m, struct daemon *d)
{
	if (m->close)
		m->close(d);
}

static void free_module(const struct daemon_module *m, struct daemon *d)
{
	if (m->free)
		m->free(d);
}

/* Signals wait until somebody listens: a successor that is being asked to stop must not just vanish. */
static void hold_signals(void)
{
	sigset_t all;

	signal(SIGPIPE, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

static int run(struct daemon *d, int *ret_holder, struct err *e)
{
	char threads[16];
	int r;

	snprintf(threads, sizeof(threads), "%d", WORK_THREADS);
	setenv("UV_THREADPOOL_SIZE", threads, 0);
	r = uv_loop_init(&d->loop);
	if (r)
		return err_sys(e, r, "make an event loop");
	r = serve(d, ret_holder, e);
	hold_signals();
	ipc_server_close(d->ipc);
	d->ipc = NULL;
	end_modules(d, close_module);
	life_close(d);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	end_modules(d, free_module);
	life_free(d);
	if (uv_loop_close(&d->loop))
		daemon_log(d, SEV_WARNING, NULL, "a handle was left open");
	return r;
}

static void close_all(struct daemon *d)
{
	handover_free(d->handover);
	lock_drop(&d->lock);
	if (d->runtime_fd >= 0)
		close(d->runtime_fd);
	if (d->root_fd >= 0)
		close(d->root_fd);
	arena_free(d->config_a);
	arena_free(d->a);
	free(d);
}

/* The process is about to end: one that came meanwhile is too late. */
static void release_signals(void)
{
	static const int late[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR2 };
	sigset_t none;

	for (size_t i = 0; i < sizeof(late) / sizeof(*late); i++)
		signal(late[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int daemon_run(const struct daemon_options *o, int *ret_holder, struct err *e)
{
	struct daemon_options own = *o;
	struct daemon *d = calloc(1, sizeof(*d));
	int r = 0;

	*ret_holder = 0;
	hold_signals();
	if (!d || !(d->a = arena_new())) {
		free(d);
		return err_sys(e, -ENOMEM, "start the daemon");
	}
	d->o = &own;
	d->root_fd = d->runtime_fd = -1;
	d->lock = LOCK_NONE;
	d->started_ms = clock_mono_ms();
	clock_text(d->started);
	open_log(d, &own);
	d->handover = handover_read();
	if (own.log_file && *own.log_file)
		r = logfile_open(own.log_file, e);
	if (!r)
		r = uuid_make(d->instance_id);
	if (!r)
		r = open_root(d, e);
	if (!r)
		r = take_lock(d, ret_holder, e);
	if (!r)
		r = run(d, ret_holder, e);
	close_all(d);
	release_signals();
	return r;
}
