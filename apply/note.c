/* The small files below .state. A file that cannot be used is moved aside, never deleted: it may be all that tells what
 * happened. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apply/note_impl.h"

/* What file_read says of a thing in the file's place that is no such file. */
static const struct {
	int code;
	const char *why;
} unusable[] = {
	{ -EFBIG, "it is too large" },
	{ -EISDIR, "it is a directory" },
	{ -ENOTSUP, "it is not a regular file" },
	{ -EXDEV, "it is a symbolic link that leads out of .state" },
	{ -ELOOP, "it is a symbolic link that leads in a circle" },
	{ -ENOTDIR, "it is a symbolic link that leads through a file" },
};

int note_read(struct arena *a, int dir_fd, const char *name, size_t max_bytes, struct str *ret_bytes, const char **ret_why,
	      struct err *e)
{
	struct err mine = { 0 };
	int r = dir_fd < 0 ? -ENOENT : file_read(a, dir_fd, name, max_bytes, ret_bytes, &mine);

	err_fini(&mine);
	if (r == -ENOENT)
		return 1;
	for (size_t i = 0; i < sizeof(unusable) / sizeof(*unusable); i++) {
		if (unusable[i].code != r)
			continue;
		*ret_why = unusable[i].why;
		return 2;
	}
	return r ? err_sys(e, r, "read '.state/%s'", name) : 0;
}

int note_write(int dir_fd, const char *name, const struct value *v, struct err *e)
{
	struct buf out = { 0 };
	int r;

	json_write(&out, v);
	r = out.failed ? err_sys(e, -ENOMEM, "write '.state/%s'", name) :
			 file_write_atomic(dir_fd, name, (struct str){ out.p, out.len }, 0600, e);
	buf_fini(&out);
	return r;
}

int note_remove(int dir_fd, const char *name, struct err *e)
{
	if (!unlinkat(dir_fd, name, 0))
		return dir_sync(dir_fd, ".state", e);
	return errno == ENOENT ? 0 : err_sys(e, -errno, "remove '.state/%s'", name);
}

/* Whether a rename failed because a directory stands where a file comes, or the other way round. */
static bool is_in_the_way(int code)
{
	return code == EISDIR || code == ENOTDIR || code == ENOTEMPTY || code == EEXIST;
}

int note_set_aside(struct arena *a, int dir_fd, const char *name, struct err *e)
{
	const char *aside = arena_printf(a, "%s.corrupt", name);
	int r = renameat(dir_fd, name, dir_fd, aside) ? errno : 0;

	if (is_in_the_way(r)) {
		r = tree_remove(dir_fd, aside, e);
		if (r)
			return r;
		r = renameat(dir_fd, name, dir_fd, aside) ? errno : 0;
	}
	if (r && r != ENOENT)
		return err_sys(e, -r, "rename '.state/%s' to '%s'", name, aside);
	return dir_sync(dir_fd, ".state", e);
}

/* The first fault, with its line. */
static const char *fault_of(struct arena *a, struct diag_sink *sink)
{
	uint32_t line, col;
	const struct diag *d;

	diag_finish(sink, false);
	for (unsigned i = 0; i < diag_total(sink); i++) {
		d = diag_at(sink, i);
		if (d->severity != SEV_ERROR)
			continue;
		source_place(diag_sources(sink), d->at.src, d->at.begin, &line, &col);
		return arena_printf(a, "line %u is not JSON: %s", line, d->msg);
	}
	return "it is not JSON";
}

int note_parse(struct arena *a, struct str bytes, struct value *ret_value, const char **ret_why)
{
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	uint32_t src = sources_add(sources, "", bytes.p ? bytes.p : "", (uint32_t)bytes.len);
	int r = json_parse(a, sink, src, true, ret_value);

	if (r == 2)
		*ret_why = fault_of(a, sink);
	return r;
}

const char *note_text(struct arena *a, const struct value *object, const char *key, const char *fallback)
{
	const struct value *v = value_get(object, key);

	return v && v->kind == VAL_STRING ? note_clean(a, value_str(v), v->len) : fallback;
}

int note_role(struct str name)
{
	if (!name.len || str_is(name, "any"))
		return ROLE__N;
	for (int role = 0; role < ROLE__N; role++)
		if (str_is(name, role_names[role]))
			return role;
	return -1;
}

static int run(struct arena *a, const struct state *s, note_job *job, void *ctx, struct err *e)
{
	jmp_buf oom, *volatile outer = arena_on_oom(a, NULL);
	int r;

	if (setjmp(oom)) {
		r = err_sys(e, -ENOMEM, "read '.state'");
	} else {
		arena_on_oom(a, &oom);
		r = job(ctx, a, s, e);
	}
	arena_on_oom(a, outer);
	return r;
}

int note_locked(struct arena *a, const struct state *s, note_job *job, void *ctx, struct err *e)
{
	struct lock lock = LOCK_NONE;
	int holder = 0, r = lock_take(s->locks_fd, STATE_LOCK_REQUEST, NOTE_LOCK_WAIT_MS, &lock, &holder, e);

	if (r == 1 && !holder)
		return err_set(e, -EBUSY, "'.state/locks/%s' is held by another process for more than %d seconds",
			       STATE_LOCK_REQUEST, NOTE_LOCK_WAIT_MS / 1000);
	if (r == 1)
		return err_set(e, -EBUSY, "'.state/locks/%s' is held by process %d for more than %d seconds",
			       STATE_LOCK_REQUEST, holder, NOTE_LOCK_WAIT_MS / 1000);
	if (r)
		return err_wrap(e, "lock '.state/locks/%s'", STATE_LOCK_REQUEST);
	r = run(a, s, job, ctx, e);
	lock_drop(&lock);
	return r;
}
