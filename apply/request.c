/* apply.request: who asked for an apply, by role. Two programs may write it at once, so everything that changes it holds
 * apply-request.lock from the reading to the writing; readers that only look need no lock, since it is replaced as a
 * whole. */
#include "apply/note_impl.h"

#define NAME "apply.request"
#define SHOWN ".state/" NAME

static struct span place(struct diag_sink *sink)
{
	/* The sink only reads its sources; whoever owns both adds to them. */
	return (struct span){ sources_add((struct sources *)diag_sources(sink), SHOWN, "", 0), 0, 0 };
}

static void report(struct diag_sink *sink, int fault, const char *why)
{
	struct diag *d;

	if (!sink)
		return;
	d = diag_add(sink, fault == REQUEST_VERSION ? DIAG_XR711 : DIAG_XR710, place(sink),
		     "the request cannot be read and is set aside: %s", why);
	diag_help(sink, d, "ask again with 'xrat apply'; the old file is '%s.corrupt'", SHOWN);
}

static void report_dropped(struct diag_sink *sink, const struct request_set *set)
{
	struct diag *d;

	if (!sink || !set->dropped)
		return;
	d = diag_add(sink, DIAG_XR712, place(sink), "a request for the unknown role '%s' is dropped", set->dropped);
	diag_help(sink, d, "roles are 'client' and 'server'; version 1 takes 'any' too");
}

/* 0: *ret_set; 1: none; 2: unusable, *ret_fault and *ret_why. */
static int look(struct arena *a, const struct state *s, struct request_set *ret_set, int *ret_fault, const char **ret_why,
		struct err *e)
{
	struct str bytes;
	int r = note_read(a, s->state_fd, NAME, REQUEST_MAX_BYTES, &bytes, ret_why, e);

	*ret_fault = REQUEST_CORRUPT;
	if (r)
		return r;
	*ret_fault = request_parse(a, bytes, ret_set, ret_why);
	return *ret_fault ? 2 : 0;
}

static int make_id(struct arena *a, const char **ret_id, struct err *e)
{
	char id[UUID_TEXT];
	int r = uuid_make(id);

	if (r)
		return err_sys(e, r, "make a request id");
	*ret_id = arena_strdup(a, id);
	return 0;
}

static const char *now(struct arena *a)
{
	char text[CLOCK_TEXT];

	clock_text(text);
	return arena_strdup(a, text);
}

/* Ids and times that an old form left out. */
static int complete(struct arena *a, struct request_set *set, struct err *e)
{
	int r = 0;

	for (unsigned role = 0; !r && role < ROLE__N; role++) {
		if (!set->has[role])
			continue;
		if (!*set->of[role].timestamp)
			set->of[role].timestamp = now(a);
		if (!set->of[role].id)
			r = make_id(a, &set->of[role].id, e);
	}
	return r;
}

static int store(struct arena *a, const struct state *s, const struct request_set *set, struct err *e)
{
	struct value v;

	for (unsigned role = 0; role < ROLE__N; role++) {
		if (!set->has[role])
			continue;
		v = request_value(a, set);
		return note_write(s->state_fd, NAME, &v, e);
	}
	return note_remove(s->state_fd, NAME, e);
}

/* What is there, complete and in its newest form; an unusable file is set aside and counts as none. With the lock held.
 * 0 or -errno. */
static int settle(struct arena *a, const struct state *s, struct diag_sink *sink, struct request_set *ret_set,
		  struct err *e)
{
	const char *why = NULL;
	int fault, r;

	*ret_set = (struct request_set){ 0 };
	r = look(a, s, ret_set, &fault, &why, e);
	if (r == 2) {
		report(sink, fault, why);
		return note_set_aside(a, s->state_fd, NAME, e);
	}
	if (r)
		return r == 1 ? 0 : r;
	report_dropped(sink, ret_set);
	if (!ret_set->is_old)
		return 0;
	r = complete(a, ret_set, e);
	return r ? r : store(a, s, ret_set, e);
}

struct job {
	enum role role;
	struct diag_sink *sink;
	struct request request; /* found, or made */
	const char *id;         /* done: which */
};

static int do_put(void *ctx, struct arena *a, const struct state *s, struct err *e)
{
	struct job *j = ctx;
	struct request_set set;
	int r = settle(a, s, j->sink, &set, e);

	if (!r)
		r = make_id(a, &j->request.id, e);
	if (r)
		return r;
	j->request.timestamp = now(a);
	set.of[j->role] = j->request;
	set.has[j->role] = true;
	return store(a, s, &set, e);
}

static int do_get(void *ctx, struct arena *a, const struct state *s, struct err *e)
{
	struct job *j = ctx;
	struct request_set set;
	int r = settle(a, s, j->sink, &set, e);

	if (r)
		return r;
	j->request = set.of[j->role];
	return !set.has[j->role];
}

static int do_done(void *ctx, struct arena *a, const struct state *s, struct err *e)
{
	struct job *j = ctx;
	struct request_set set;
	int r = settle(a, s, j->sink, &set, e);

	if (r)
		return r;
	if (!set.has[j->role] || !str_is(str_of(set.of[j->role].id), j->id))
		return 1;
	set.has[j->role] = false;
	return store(a, s, &set, e);
}

int request_put(struct arena *a, const struct state *s, enum role role, char **ret_id, struct err *e)
{
	struct job j = { .role = role };
	int r = note_locked(a, s, do_put, &j, e);

	if (r)
		return err_wrap(e, "queue a request for the %s role", role_names[role]);
	*ret_id = arena_strdup(a, j.request.id);
	return 0;
}

int request_get(struct arena *a, const struct state *s, enum role role, struct diag_sink *sink,
		struct request *ret_request, struct err *e)
{
	struct job j = { .role = role, .sink = sink };
	int r;

	if (s->locks_fd < 0)
		return request_peek(a, s, role, sink, ret_request, e);
	r = note_locked(a, s, do_get, &j, e);

	if (r < 0)
		return err_wrap(e, "read the request for the %s role", role_names[role]);
	if (!r)
		*ret_request = j.request;
	return r;
}

int request_peek(struct arena *a, const struct state *s, enum role role, struct diag_sink *sink,
		 struct request *ret_request, struct err *e)
{
	struct request_set set;
	const char *why = NULL;
	int fault, r = look(a, s, &set, &fault, &why, e);

	if (r == 2 && sink)
		diag_add(sink, fault == REQUEST_VERSION ? DIAG_XR711 : DIAG_XR710, place(sink),
			 "the request cannot be read: %s", why);
	if (r)
		return r < 0 ? r : 1;
	*ret_request = set.of[role];
	if (!ret_request->id)
		ret_request->id = "";
	return !set.has[role];
}

int request_done(struct arena *a, const struct state *s, enum role role, const char *id, struct err *e)
{
	struct job j = { .role = role, .id = id };
	int r = note_locked(a, s, do_done, &j, e);

	return r < 0 ? err_wrap(e, "complete the request of the %s role", role_names[role]) : r;
}
