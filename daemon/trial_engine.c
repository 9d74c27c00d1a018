/* The engine of one group: its directory, its life from the check to the end. It is driven by a loop of its own, in the
 * thread of the caller. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/trial_impl.h"

enum { TRIES = 20, LISTEN_MS = 5000, LOOK_MS = 20 };

/* --- its directory --- */
static int make_one(struct trial_dir *d)
{
	char uuid[UUID_TEXT];
	int r = uuid_make(uuid);

	if (r)
		return r;
	snprintf(d->name, sizeof(d->name), "%s%.8s", TRIAL_DIR_PREFIX, uuid);
	if (mkdirat(d->parent_fd, d->name, 0700))
		return -errno;
	return sweep_hold(d->parent_fd, d->name, &d->fd);
}

/* A sweep of another trial may take it between its making and its locking. */
static int make_dir(struct trial_dir *d, const char *runtime_dir, struct err *e)
{
	int r = -EEXIST;

	if (mkdir(runtime_dir, 0700) && errno != EEXIST)
		return err_sys(e, -errno, "make directory '%s'", runtime_dir);
	d->parent_fd = dir_open(runtime_dir, e);
	if (d->parent_fd < 0)
		return d->parent_fd;
	for (int i = 0; i < TRIES && (r == -EEXIST || r == -ENOENT || r == 1); i++)
		r = make_one(d);
	if (r)
		return err_sys(e, r < 0 ? r : -EBUSY, "make a directory in '%s'", runtime_dir);
	if (asprintf(&d->path, "%s/%s", runtime_dir, d->name) < 0)
		d->path = NULL;
	if (!d->path || asprintf(&d->file, "%s/xray.json", d->path) < 0)
		d->file = NULL;
	return d->file ? 0 : err_sys(e, -ENOMEM, "try nodes");
}

static void remove_dir(struct trial_dir *d)
{
	struct err ignored = { 0 };

	if (d->fd >= 0)
		tree_remove(d->parent_fd, d->name, &ignored);
	err_fini(&ignored);
	if (d->fd >= 0)
		close(d->fd);
	if (d->parent_fd >= 0)
		close(d->parent_fd);
	free(d->path);
	free(d->file);
	*d = (struct trial_dir){ .parent_fd = -1, .fd = -1 };
}

int trial_engine_prepare(struct trial_engine *t, const char *runtime_dir, struct str xray, struct err *e)
{
	int r = make_dir(&t->dir, runtime_dir, e);

	return r ? r : file_create_in(t->dir.fd, "xray.json", xray, 0600, e);
}

/* --- its process --- */
static void on_report(void *ctx, const struct sup_report *r)
{
	struct trial_engine *t = ctx;

	if (r->kind == SUP_REPORT_STOPPED)
		t->stopped = true;
	if (r->kind != SUP_REPORT_STATE && r->kind != SUP_REPORT_UNPROVED_FAILED)
		return;
	t->state = r->state;
	if (*r->reason)
		str_print(t->reason, sizeof(t->reason), "%s", r->reason);
}

static void on_tick(uv_timer_t *tick)
{
	(void)tick;
}

/* Turns the loop until something happens, for LOOK_MS at most. */
static void turn(struct trial_engine *t)
{
	uv_timer_t tick;

	uv_timer_init(&t->loop, &tick);
	uv_timer_start(&tick, on_tick, LOOK_MS, 0);
	uv_run(&t->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(&t->loop, UV_RUN_NOWAIT);
}

static int launch(struct trial_engine *t, const struct trial_start *s, unsigned port, struct err *e)
{
	const struct sup_spec spec = {
		.target = s->target, .exe = s->exe, .file = t->dir.file, .cwd = s->root, .name = t->dir.name,
		.log_dir = t->dir.path, .once = true, .health_ms = 1000 * 1000,
		.probe = { .kind = PROBE_SOCKS, .address = "127.0.0.1", .port = port, .tag = "" },
	};
	int r = uv_loop_init(&t->loop);

	if (r)
		return err_sys(e, r, "make an event loop");
	t->has_loop = true;
	t->state = SUP_STARTING;
	r = sup_new(&t->sup, &t->loop, on_report, t, e);
	if (!r)
		sup_run(t->sup, &spec);
	return r;
}

static bool is_up(enum sup_state state)
{
	return state == SUP_RUNNING || state == SUP_DEGRADED;
}

static unsigned first_port(const struct trial_start *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->jobs[i].refused)
			return s->jobs[i].port;
	return 0;
}

/* How many of the inbounds nobody listens on. */
static size_t missing(const struct trial_start *s)
{
	struct arena *a = arena_new();
	struct listener *v = NULL;
	size_t n = 0, left = 0;
	unsigned char *there = calloc(1, 65536);

	if (a && there && !process_listeners(a, &v, &n))
		for (size_t i = 0; i < n; i++)
			there[v[i].port & 0xffff] = 1;
	for (size_t i = 0; there && i < s->n; i++)
		left += !s->jobs[i].refused && !there[s->jobs[i].port];
	free(there);
	arena_free(a);
	return left;
}

/* Inbounds are opened one after the other; the first is no proof of the last. */
static int wait_for_all(struct trial_engine *t, const struct trial_start *s)
{
	int64_t end_ms = clock_mono_ms() + LISTEN_MS;

	while (missing(s)) {
		if (s->abort && s->abort(s->data))
			return -ECANCELED;
		if (clock_mono_ms() >= end_ms) {
			snprintf(t->reason, sizeof(t->reason), "it does not listen on every port of its file");
			return 1;
		}
		turn(t);
		if (!is_up(t->state))
			return 1;
	}
	return 0;
}

int trial_engine_start(struct trial_engine *t, const struct trial_start *s, struct err *e)
{
	int r = launch(t, s, first_port(s), e);

	if (r)
		return r;
	do {
		if (s->abort && s->abort(s->data))
			return -ECANCELED;
		turn(t);
	} while (t->state == SUP_STARTING);
	return is_up(t->state) ? wait_for_all(t, s) : 1;
}

bool trial_engine_lives(struct trial_engine *t)
{
	if (!t->has_loop)
		return true;
	uv_run(&t->loop, UV_RUN_NOWAIT);
	return is_up(t->state);
}

void trial_engine_end(struct trial_engine *t)
{
	if (t->sup) {
		sup_stop(t->sup);
		while (!t->stopped)
			turn(t);
		sup_close(t->sup);
		t->sup = NULL;
	}
	if (t->has_loop) {
		uv_run(&t->loop, UV_RUN_DEFAULT);
		uv_loop_close(&t->loop);
		t->has_loop = false;
	}
	remove_dir(&t->dir);
}
