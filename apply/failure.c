/* apply.error: what the last failed apply of each role came to, for people and for other programs. One file for both
 * roles, changed under apply-request.lock; a failure of one role leaves the other's entry alone. */
#include "apply/note_impl.h"

#define NAME "apply.error"
#define SHOWN ".state/" NAME

static void report(struct diag_sink *sink, const char *why, bool aside)
{
	struct span at;
	struct diag *d;

	if (!sink)
		return;
	/* The sink only reads its sources; whoever owns both adds to them. */
	at = (struct span){ sources_add((struct sources *)diag_sources(sink), SHOWN, "", 0), 0, 0 };
	d = diag_add(sink, DIAG_XR713, at, "the record of the last failure cannot be read%s: %s",
		     aside ? " and is set aside" : "", why);
	diag_help(sink, d, aside ? "nothing depends on it; the old file is '%s.corrupt'" : "remove '%s'", SHOWN);
}

/* 0: *ret_set; 1: none; 2: unusable, *ret_why. */
static int look(struct arena *a, const struct state *s, struct failure_set *ret_set, const char **ret_why, struct err *e)
{
	struct str bytes;
	int r = note_read(a, s->state_fd, NAME, FAILURE_MAX_BYTES, &bytes, ret_why, e);

	if (r)
		return r;
	return failure_parse(a, bytes, ret_set, ret_why) ? 2 : 0;
}

static int settle(struct arena *a, const struct state *s, struct diag_sink *sink, struct failure_set *ret_set,
		  struct err *e)
{
	const char *why = NULL;
	int r;

	*ret_set = (struct failure_set){ 0 };
	r = look(a, s, ret_set, &why, e);
	if (r == 2) {
		report(sink, why, true);
		return note_set_aside(a, s->state_fd, NAME, e);
	}
	return r == 1 ? 0 : r;
}

static int store(struct arena *a, const struct state *s, struct failure_set *set, struct err *e)
{
	struct value v;

	for (unsigned role = 0; role < ROLE__N; role++) {
		if (!set->has[role])
			continue;
		if (!set->has[set->newest])
			set->newest = (enum role)role;
		v = failure_value(a, set);
		return note_write(s->state_fd, NAME, &v, e);
	}
	return note_remove(s->state_fd, NAME, e);
}

/* --- what is written ---------------------------------------------------------------------------------------------- */
static size_t size_of(const struct value *v)
{
	struct buf out = { 0 };
	size_t len;

	json_write_compact(&out, v);
	len = out.failed ? FAILURE_MAX_WRITTEN : out.len;
	buf_fini(&out);
	return len;
}

/* As many as fit, from the first on; what is left out is counted. */
static struct value take_diagnostics(struct arena *a, const struct failure_mask *mask, const struct value *from,
				     int64_t *ret_omitted)
{
	struct value kept = value_array(SPAN_NONE);
	size_t size = 0;
	uint32_t i = 0, n = from->kind == VAL_ARRAY ? from->n : 0;

	for (; i < n && i < FAILURE_MAX_DIAGNOSTICS; i++) {
		struct value one = note_clean_value(a, mask, &from->items[i]);

		size += size_of(&one);
		if (size > FAILURE_MAX_WRITTEN)
			break;
		value_push(a, &kept, one);
	}
	*ret_omitted += n - i;
	return kept;
}

static const char *clean_text(struct arena *a, const struct failure *f, const char *text, size_t max)
{
	struct str s = str_of(text);

	/* Masked first: a secret that the cap cuts in two is found by nobody. */
	return note_clean(a, str_of(failure_mask_text(a, f->mask, note_clean(a, s, s.len))), max);
}

static struct failure prepare(struct arena *a, const struct failure *f)
{
	struct failure out = *f;
	char now[CLOCK_TEXT];

	clock_text(now);
	out.request_id = clean_text(a, f, f->request_id, REQUEST_MAX_ID);
	out.kind = clean_text(a, f, f->kind, 64);
	out.reason = clean_text(a, f, f->reason, FAILURE_MAX_REASON);
	out.timestamp = arena_strdup(a, now);
	out.diagnostics = take_diagnostics(a, f->mask, &f->diagnostics, &out.omitted);
	return out;
}

struct job {
	enum role role;
	struct diag_sink *sink;
	struct failure failure;
};

static int do_write(void *ctx, struct arena *a, const struct state *s, struct err *e)
{
	struct job *j = ctx;
	struct failure_set set;
	int r = settle(a, s, j->sink, &set, e);

	if (r)
		return r;
	set.of[j->role] = prepare(a, &j->failure);
	set.has[j->role] = true;
	set.newest = j->role;
	return store(a, s, &set, e);
}

static int do_read(void *ctx, struct arena *a, const struct state *s, struct err *e)
{
	struct job *j = ctx;
	struct failure_set set;
	int r = settle(a, s, j->sink, &set, e);

	if (r)
		return r;
	j->failure = set.of[j->role];
	return !set.has[j->role];
}

static int do_clear(void *ctx, struct arena *a, const struct state *s, struct err *e)
{
	struct job *j = ctx;
	struct failure_set set;
	int r = settle(a, s, j->sink, &set, e);

	if (r || !set.has[j->role])
		return r;
	set.has[j->role] = false;
	return store(a, s, &set, e);
}

int failure_write(struct arena *a, const struct state *s, enum role role, const struct failure *f, struct err *e)
{
	struct job j = { .role = role, .failure = *f };
	int r = note_locked(a, s, do_write, &j, e);

	return r ? err_wrap(e, "write down the failure of the %s role", role_names[role]) : 0;
}

int failure_read(struct arena *a, const struct state *s, enum role role, struct diag_sink *sink,
		 struct failure *ret_failure, struct err *e)
{
	struct job j = { .role = role, .sink = sink };
	int r;

	if (s->locks_fd < 0)
		return failure_peek(a, s, role, sink, ret_failure, e);
	r = note_locked(a, s, do_read, &j, e);

	if (r < 0)
		return err_wrap(e, "read the failure of the %s role", role_names[role]);
	if (!r)
		*ret_failure = j.failure;
	return r;
}

int failure_peek(struct arena *a, const struct state *s, enum role role, struct diag_sink *sink,
		 struct failure *ret_failure, struct err *e)
{
	struct failure_set set = { 0 };
	const char *why = NULL;
	int r = look(a, s, &set, &why, e);

	if (r == 2)
		report(sink, why, false);
	if (r)
		return r < 0 ? r : 1;
	if (set.has[role])
		*ret_failure = set.of[role];
	return !set.has[role];
}

int failure_clear(struct arena *a, const struct state *s, enum role role, struct err *e)
{
	struct job j = { .role = role };
	int r = note_locked(a, s, do_clear, &j, e);

	return r ? err_wrap(e, "clear the failure of the %s role", role_names[role]) : 0;
}
