/* Back to an earlier generation: because somebody asked, or because the engine of the newest one did not live. What is
 * left behind is written down first: a kill in between then leaves a note that changes nothing, never a generation that
 * comes back by itself. */
#include <errno.h>

#include "apply/apply.h"

struct job {
	struct arena *a;
	const struct state *s;
	const struct rollback_options *o;
	uint64_t live, lkg; /* 0 = none */
};

static int read_link(const struct job *j, enum which_link which, uint64_t *ret_generation, struct err *e)
{
	int r = generation_of_link(j->s, j->o->role, which, ret_generation);

	if (r == -ENOENT || r == -EINVAL)
		*ret_generation = 0;
	else if (r)
		return err_sys(e, r, "read the links of %s", role_names[j->o->role]);
	return 0;
}

/* The newest kept generation below `below`. 0 = none. */
static int newest_below(const struct job *j, uint64_t below, uint64_t *ret_generation, struct err *e)
{
	uint64_t *numbers;
	size_t n;
	int r = generation_list(j->a, j->s, j->o->role, &numbers, &n, e);

	*ret_generation = 0;
	for (size_t i = 0; !r && i < n && numbers[i] < below; i++)
		*ret_generation = numbers[i];
	return r;
}

/* Where to: 0 and *ret_to (0 = nowhere). */
static int choose(const struct job *j, uint64_t *ret_to, struct err *e)
{
	*ret_to = j->o->to;
	if (j->o->to)
		return 0;
	*ret_to = j->lkg == j->live ? 0 : j->lkg;
	return *ret_to || j->o->failed ? 0 : newest_below(j, j->live, ret_to, e);
}

static int note(const struct job *j, struct err *e)
{
	struct err ignored = { 0 };
	struct memory m = { 0 };
	struct meta left;
	char now[CLOCK_TEXT];
	int r = memory_read(j->a, j->s, j->o->role, &m, e);

	if (r)
		return r;
	if (j->o->failed) {
		m.failed = *j->o->attempt;
		m.failed_reason = j->o->reason;
		return memory_write(j->a, j->s, j->o->role, &m, e);
	}
	if (!generation_meta(j->a, j->s, j->o->role, j->live, &left, &ignored)) {
		clock_text(now);
		m.held = left.input_digest;
		m.held_rendered = left.rendered_digest;
		m.held_since = arena_strdup(j->a, now);
	}
	err_fini(&ignored);
	return memory_write(j->a, j->s, j->o->role, &m, e);
}

/* A request that still waits for its proof asked for what is left now: unanswered, it would bring that back. */
static int answer_request(const struct job *j, struct err *e)
{
	struct request request = { 0 };
	struct failure f = { .kind = "configuration", .reason = "a rollback took it back; 'xrat apply' asks again",
			     .diagnostics = value_array(SPAN_NONE) };
	int r = j->o->failed ? 1 : request_get(j->a, j->s, j->o->role, NULL, &request, e);

	if (r)
		return r < 0 ? r : 0;
	f.request_id = request.id;
	return failure_write(j->a, j->s, j->o->role, &f, e);
}

static int run_locked(struct job *j, struct rollback_result *out, struct err *e)
{
	unsigned swept;
	uint64_t to;
	struct meta there;
	int r = publish_recover(j->a, j->s, j->o->role, &swept, e);

	if (!r)
		r = read_link(j, LINK_LIVE, &j->live, e);
	if (!r)
		r = read_link(j, LINK_LKG, &j->lkg, e);
	if (!r)
		r = choose(j, &to, e);
	if (r)
		return r;
	*out = (struct rollback_result){ .from = j->live, .to = to };
	if (!j->live || !to)
		return ROLLBACK_NONE;
	if (to == j->live)
		return ROLLBACK_SAME;
	r = generation_meta(j->a, j->s, j->o->role, to, &there, e);
	if (r == -ENOENT) {
		err_fini(e);
		return ROLLBACK_NONE;
	}
	if (!r)
		r = note(j, e);
	if (!r)
		r = answer_request(j, e);
	return r ? r : publish_switch(j->a, j->s, j->o->role, to, "rollback", &j->o->actor, j->o->request_id,
				      &out->audit_incomplete, e);
}

int apply_rollback(struct arena *a, const struct state *s, const struct rollback_options *o,
		   struct rollback_result *ret_result, struct err *e)
{
	struct job j = { .a = a, .s = s, .o = o };
	struct lock lock = LOCK_NONE;
	jmp_buf oom, *volatile outer;
	volatile int r;

	*ret_result = (struct rollback_result){ 0 };
	r = lock_take(s->locks_fd, state_lock_names[o->role], o->lock_wait_ms, &lock, &ret_result->holder, e);
	if (r)
		return r == 1 ? ROLLBACK_BUSY : err_wrap(e, "lock the %s role", role_names[o->role]);
	outer = arena_on_oom(a, &oom);
	if (setjmp(oom))
		r = err_sys(e, -ENOMEM, "roll back the %s configuration", role_names[o->role]);
	else
		r = run_locked(&j, ret_result, e);
	arena_on_oom(a, outer);
	lock_drop(&lock);
	return r;
}
