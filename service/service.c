/* The service: one loop, two roles, a watcher. It holds service.lock for its life, so there is one for a root. */
#include "service/service.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/keeper.h"

enum { ROOT_RETRY_MS = 500 };

static void each_role(struct service *s, void (*fn)(struct keeper *r))
{
	for (int i = 0; i < ROLE__N; i++)
		fn(&s->keepers[i]);
}

/* --- CONFIG_ROOT --- */
static void close_root(struct service *s)
{
	lock_drop(&s->lock);
	if (s->has_state)
		state_close(&s->state);
	if (s->root_fd >= 0)
		close(s->root_fd);
	s->root_fd = -1;
	s->has_state = false;
}

/* 0, SERVICE_BUSY, -errno. */
static int open_root(struct service *s, int *ret_holder, struct err *e)
{
	char *real = realpath(s->o->root, NULL);
	int r;

	if (!real)
		return err_sys(e, -errno, "open directory '%s'", s->o->root);
	s->root = arena_strdup(s->a, real);
	free(real);
	s->root_fd = dir_open(s->root, e);
	if (s->root_fd < 0)
		return s->root_fd;
	r = state_open(s->root, s->root_fd, &s->state, e);
	if (r)
		return r;
	s->has_state = true;
	if (s->lock.fd >= 0 && lock_is_current(s->lock.fd, s->state.locks_fd, STATE_LOCK_SERVICE) == 1)
		return 0; /* it came from our predecessor */
	lock_drop(&s->lock);
	r = lock_take(s->state.locks_fd, STATE_LOCK_SERVICE, 0, &s->lock, ret_holder, e);
	return r == 1 ? SERVICE_BUSY : r;
}

/* Numbers of generations mean something within one .state only. */
static void know_state(struct service *s)
{
	struct stat st;

	if (fstat(s->state.state_fd, &st))
		return;
	if (s->state_ino && (s->state_dev != st.st_dev || s->state_ino != st.st_ino))
		each_role(s, keeper_forget);
	s->state_dev = st.st_dev;
	s->state_ino = st.st_ino;
}

static void reopen_root(struct service *s)
{
	struct err e = { 0 };
	int holder = 0, r;

	s->reopen = false;
	close_root(s);
	r = open_root(s, &holder, &e);
	if (!r) {
		log_line(&s->log, SEV_NOTE, NULL, "reading '%s'", s->root);
		s->root_lost = false;
		know_state(s);
		service_update_dirs(s);
		each_role(s, keeper_start);
		return;
	}
	if (!s->root_lost)
		log_line(&s->log, SEV_WARNING, NULL, "%s; what runs goes on running, and CONFIG_ROOT is looked for again",
			 r == SERVICE_BUSY ? "another service holds CONFIG_ROOT" : err_text(&e));
	err_fini(&e);
	close_root(s);
	s->root_lost = true;
}

/* The directory that is open is still the one that the path leads to. */
static bool is_same_root(const struct service *s)
{
	struct stat open_one, named;

	return s->has_state && !fstat(s->root_fd, &open_one) && !stat(s->o->root, &named) &&
	       open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

static bool has_state_dir(const struct service *s)
{
	struct stat st, mine;

	return !fstatat(s->root_fd, ".state", &st, AT_SYMLINK_NOFOLLOW) && !fstat(s->state.state_fd, &mine) &&
	       st.st_ino == mine.st_ino && st.st_dev == mine.st_dev;
}

static void on_root_timer(uv_timer_t *t)
{
	struct service *s = t->data;
	struct stat st;

	if (s->stopping)
		return;
	if (!s->has_state ? !stat(s->o->root, &st) : !is_same_root(s) || !has_state_dir(s))
		s->reopen = true;
	service_check_stopped(s);
}

void service_update_dirs(struct service *s)
{
	size_t n = 0;
	const char **all;
	struct arena *a = arena_new();

	if (!a || !s->watcher) {
		arena_free(a);
		return;
	}
	all = arena_array(a, const char *, s->keepers[0].n_dirs + s->keepers[1].n_dirs + 1);
	for (int i = 0; i < ROLE__N; i++)
		for (size_t k = 0; k < s->keepers[i].n_dirs; k++)
			all[n++] = s->keepers[i].dirs[k];
	watcher_set_dirs(s->watcher, all, n);
	arena_free(a);
}

/* --- what happens --- */
static void on_change(void *ctx, unsigned what)
{
	struct service *s = ctx;
	int64_t now = clock_mono_ms();

	if (s->stopping)
		return;
	if (what & WATCH_ROOT)
		on_root_timer(&s->root_timer);
	for (int i = 0; i < ROLE__N; i++) {
		struct keeper *r = &s->keepers[i];

		if (what & (WATCH_INPUTS | WATCH_ROOT))
			settle_note(&r->settle, now);
		if (what & WATCH_REQUEST)
			r->due = true;
		if (what & (WATCH_INPUTS | WATCH_REQUEST))
			r->blocked_until_ms = 0;
		if (what & WATCH_LIVE)
			keeper_live_changed(r);
		keeper_next(r);
	}
}

void service_reload(struct service *s)
{
	on_change(s, WATCH_INPUTS | WATCH_REQUEST | WATCH_LIVE);
}

void service_stop(struct service *s)
{
	if (s->stopping)
		return;
	log_line(&s->log, SEV_NOTE, NULL, "stopping");
	s->stopping = true;
	each_role(s, keeper_stop);
	service_check_stopped(s);
}

static bool has_job(const struct service *s)
{
	return s->keepers[0].job || s->keepers[1].job;
}

void service_check_stopped(struct service *s)
{
	if (s->reopen && !has_job(s) && !s->stopping)
		reopen_root(s);
	if (!s->stopping || !keeper_is_stopped(&s->keepers[0]) || !keeper_is_stopped(&s->keepers[1]))
		return;
	if (s->stopped)
		return;
	s->stopped = true;
	each_role(s, keeper_publish_status);
	s->on_stopped(s->on_stopped_ctx);
}

bool service_is_working(const struct service *s)
{
	return has_job(s);
}

int service_lock_fd(const struct service *s)
{
	return s->lock.fd;
}

/* --- its life --- */
void service_close(struct service *s)
{
	if (!s)
		return;
	s->stopping = s->stopped = true;
	if (s->root_timer.data)
		uv_close((uv_handle_t *)&s->root_timer, NULL);
	if (s->watcher)
		watcher_stop(s->watcher);
	s->watcher = NULL;
	each_role(s, keeper_close);
	close_root(s);
}

void service_free(struct service *s)
{
	if (!s)
		return;
	arena_free(s->a);
	free(s);
}

static struct service *service_new(const struct service_options *o)
{
	static const enum severity levels[] = { SEV_NOTE, SEV_WARNING, SEV_ERROR };
	struct service *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->o = o;
	s->root_fd = -1;
	s->lock = LOCK_NONE;
	s->pid = (int)getpid();
	s->log = (struct log){ .from = levels[o->quiet > 2 ? 2 : o->quiet], .json = o->json };
	clock_text(s->started);
	s->a = arena_new();
	if (s->a)
		return s;
	free(s);
	return NULL;
}

static int begin(struct service *s, struct err *e)
{
	int r = uv_timer_init(s->loop, &s->root_timer);

	s->root_timer.data = s;
	uv_timer_start(&s->root_timer, on_root_timer, ROOT_RETRY_MS, ROOT_RETRY_MS);
	for (int i = 0; i < ROLE__N && !r; i++)
		r = keeper_open(&s->keepers[i], s, (enum role)i, e);
	if (!r)
		r = watcher_start(&s->watcher, s->loop, s->o->root, on_change, s, e);
	if (r)
		return r;
	log_line(&s->log, SEV_NOTE, NULL, "reading '%s'", s->root);
	know_state(s);
	each_role(s, keeper_start);
	return 0;
}

/* Its handles are inside of it: they are let go before it is. */
static void give_up(struct service *s)
{
	service_close(s);
	uv_run(s->loop, UV_RUN_NOWAIT);
	service_free(s);
}

int service_open(struct service **ret_service, uv_loop_t *loop, const struct service_options *o, int inherited_lock,
		 void (*on_stopped)(void *ctx), void *ctx, int *ret_holder, struct err *e)
{
	struct service *s = service_new(o);
	int r;

	*ret_holder = 0;
	if (!s)
		return err_sys(e, -ENOMEM, "start the service");
	s->loop = loop;
	s->on_stopped = on_stopped;
	s->on_stopped_ctx = ctx;
	s->lock.fd = inherited_lock;
	r = open_root(s, ret_holder, e);
	if (!r)
		r = begin(s, e);
	if (r) {
		give_up(s);
		return r;
	}
	*ret_service = s;
	return 0;
}

/* --- alone: `watch` --- */
struct watch {
	uv_loop_t loop;
	uv_signal_t signals[3];
	struct service *service; /* NULL until it is open */
};

static void on_signal(uv_signal_t *h, int number)
{
	struct watch *w = h->data;

	if (w->service)
		(number == SIGHUP ? service_reload : service_stop)(w->service);
}

static void on_watch_stopped(void *ctx)
{
	struct watch *w = ctx;

	uv_stop(&w->loop);
}

static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
enum { SIGNALS = sizeof(signals) / sizeof(*signals) };

static void start_signals(struct watch *w)
{
	for (int i = 0; i < SIGNALS; i++) {
		uv_signal_init(&w->loop, &w->signals[i]);
		w->signals[i].data = w;
		uv_signal_start(&w->signals[i], on_signal, signals[i]);
	}
}

/* One that comes from now on is too late, and must not end the process in the middle of its clean-up. */
static void end_signals(struct watch *w)
{
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	for (int i = 0; i < SIGNALS; i++) {
		uv_close((uv_handle_t *)&w->signals[i], NULL);
		signal(signals[i], SIG_IGN);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
}

int service_run(const struct service_options *o, int *ret_holder, struct err *e)
{
	struct watch w = { 0 };
	int r;

	signal(SIGPIPE, SIG_IGN);
	r = uv_loop_init(&w.loop);
	if (r)
		return err_sys(e, r, "make an event loop");
	start_signals(&w);
	r = service_open(&w.service, &w.loop, o, -1, on_watch_stopped, &w, ret_holder, e);
	if (!r)
		uv_run(&w.loop, UV_RUN_DEFAULT);
	end_signals(&w);
	service_close(w.service);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	service_free(w.service);
	if (uv_loop_close(&w.loop))
		log_line(&(struct log){ .json = o->json }, SEV_WARNING, NULL, "a handle was left open");
	return r;
}
