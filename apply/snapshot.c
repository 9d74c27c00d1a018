/* One consistent look at the inputs. A file that moved between being read and being compiled would give a configuration
 * that the operator never wrote, so everything is looked at again afterwards, and read anew when something moved. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "apply/apply.h"

enum { SNAPSHOT_TRIES = 5, FIRST_PAUSE_MS = 20 };

static void wait_ms(unsigned ms)
{
	struct timespec left = { ms / 1000, (long)(ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/* Into the arena; the buffer is let go whatever happens. */
static int take_bytes(struct arena *a, struct buf *from, struct str *ret_bytes)
{
	char *p = from->failed ? NULL : arena_try_alloc(a, from->len + 1);

	if (p) {
		memcpy(p, from->p, from->len);
		*ret_bytes = (struct str){ p, from->len };
	}
	buf_fini(from);
	return p ? 0 : -ENOMEM;
}

static int render(struct arena *a, struct snapshot *snap)
{
	struct buf xray = { 0 };
	int r;

	render_xray(a, &snap->compiled.checked, &xray);
	r = take_bytes(a, &xray, &snap->xray);
	if (!r)
		sha256_hex(snap->xray, 32, snap->rendered);
	return r;
}

int snapshot_map(struct arena *a, const struct snapshot *snap, struct str *ret_map)
{
	struct value map = render_map(a, &snap->compiled.checked, diag_sources(snap->sink));
	struct buf text = { 0 };

	json_write(&text, &map);
	return take_bytes(a, &text, ret_map);
}

/* Alone: what the compile said is about a text that nobody wrote. */
static void report(struct arena *a, struct snapshot *snap, const char *moved)
{
	struct sources *sources = sources_new(a);
	struct span at = { sources_add(sources, moved, "", 0), 0, 0 };
	struct diag *d;

	snap->sink = diag_sink_new(a, sources);
	d = diag_add(snap->sink, DIAG_XR720, at, "the input kept changing while it was read, %d times in a row",
		     SNAPSHOT_TRIES);
	diag_help(snap->sink, d, "wait until whatever writes it is done, then run 'xrat apply' again");
	diag_finish(snap->sink, false);
}

/* One try: 0, 1 when *ret_moved is another file now, -errno. */
static int take(struct arena *a, const struct state *s, enum role role, const struct compile_options *o,
		struct snapshot *snap, const char **ret_moved, struct err *e)
{
	int r;

	*snap = (struct snapshot){ .sink = diag_sink_new(a, sources_new(a)) };
	r = compile_root(a, snap->sink, s->root_fd, s->root, role, o, &snap->compiled, e);
	return r ? r : load_moved_file(s->root_fd, &snap->compiled.in, ret_moved);
}

static int finish(struct arena *a, const struct compile_options *o, struct snapshot *snap, struct err *e)
{
	int r = 0;

	load_digest(a, &snap->compiled.in, snap->digest);
	diag_finish(snap->sink, o->strict);
	if (!diag_count(snap->sink, SEV_ERROR) && snap->compiled.has_checked)
		r = render(a, snap);
	return r ? err_sys(e, r, "render") : 0;
}

int snapshot_take(struct arena *a, const struct state *s, enum role role, const struct compile_options *o,
		  struct snapshot *ret_snapshot, struct err *e)
{
	const char *moved = NULL;
	unsigned pause = FIRST_PAUSE_MS;
	int r;

	for (unsigned i = 1;; i++) {
		r = take(a, s, role, o, ret_snapshot, &moved, e);
		/* An editor may take the file away for a moment before it puts the new one there. */
		if ((r != 1 && r != -ENOENT) || i == SNAPSHOT_TRIES)
			break;
		if (e)
			err_fini(e);
		wait_ms(pause);
		pause *= 2;
	}
	if (!r)
		return finish(a, o, ret_snapshot, e);
	if (r < 0)
		return r;
	load_digest(a, &ret_snapshot->compiled.in, ret_snapshot->digest);
	report(a, ret_snapshot, moved);
	return SNAPSHOT_STALE;
}
