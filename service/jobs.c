/* Work that may block, done in the loop's thread pool: one job a role at a time. A job touches nothing of the role but
 * what it was given. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "service/keeper.h"

enum { LOCK_WAIT_MS = 10 * 1000 };

/* A request that stands in apply.error already was answered; it waits for another edit, or a newer request. */
static bool was_answered(struct job *j, const char *id)
{
	struct failure f = { 0 };
	struct err ignored = { 0 };
	int r = failure_read(j->a, j->state, j->keeper->which, j->notes, &f, &ignored);

	err_fini(&ignored);
	return !r && str_is(str_of(f.request_id), id) && !str_is(str_of(f.kind), "system");
}

static int find_request(struct job *j)
{
	struct request request = { 0 };
	int r = request_get(j->a, j->state, j->keeper->which, j->notes, &request, &j->e);

	j->request_id = r ? "" : request.id;
	j->is_request = !r && !was_answered(j, request.id);
	return r < 0 ? r : 0;
}

/* Into apply.error, for status and for whoever waits. A fault of this writing gives way to the one it is about. */
static void tell_failure(struct job *j, const char *kind, const char *reason)
{
	struct diag_sink *sink = j->apply.snapshot.sink;
	const struct failure f = { .request_id = j->request_id, .kind = kind, .reason = reason,
				   .diagnostics = sink ? diag_json(sink, j->a) : value_array(SPAN_NONE),
				   .mask = failure_mask_new(j->a, &j->apply.snapshot.compiled) };
	struct err ignored = { 0 };

	failure_write(j->a, j->state, j->keeper->which, &f, &ignored);
	err_fini(&ignored);
}

/* The first error with its place, for where there is one line. */
static const char *first_error(struct job *j)
{
	struct diag_sink *sink = j->apply.snapshot.sink;
	unsigned errors = diag_count(sink, SEV_ERROR), i = 0;
	const struct source *source;
	const struct diag *d;
	const char *more = errors > 1 ? arena_printf(j->a, " (and %u more)", errors - 1) : "";
	uint32_t line, column;

	while (i < diag_total(sink) && diag_at(sink, i)->severity != SEV_ERROR)
		i++;
	if (i == diag_total(sink))
		return "the configuration has errors";
	d = diag_at(sink, i);
	source = sources_get(diag_sources(sink), d->at.src);
	if (!source)
		return arena_printf(j->a, "%s: %s%s", diag_infos[d->code].name, d->msg, more);
	source_place(diag_sources(sink), d->at.src, d->at.begin, &line, &column);
	return arena_printf(j->a, "%s:%u:%u: %s: %s%s", source->path, line, column, diag_infos[d->code].name, d->msg, more);
}

/* Why it failed, from when it did. */
static void recall_reason(struct job *j)
{
	struct failure f = { 0 };
	struct err ignored = { 0 };

	j->reason = failure_read(j->a, j->state, j->keeper->which, j->notes, &f, &ignored) ? "" : f.reason;
	err_fini(&ignored);
}

static void tell_refusal(struct job *j)
{
	j->reason = failure_mask_text(j->a, failure_mask_new(j->a, &j->apply.snapshot.compiled), first_error(j));
	tell_failure(j, j->apply.published.words ? "engine_check" : "configuration",
		     arena_printf(j->a, "nothing was published: %s", j->reason));
}

/* An old or empty apply.request asks for both roles; what was never there has nothing to apply. */
static int answer_absent(struct job *j)
{
	int r = 0;

	if (j->is_request && j->generation)
		tell_failure(j, "configuration", "there is no file of this role");
	else if (j->is_request)
		r = request_done(j->a, j->state, j->keeper->which, j->request_id, &j->e);
	return r < 0 ? r : 0;
}

static bool is_cancelled(void *data)
{
	const struct job *j = data;

	return atomic_load(&j->cancelled);
}

static int run_apply(struct job *j)
{
	struct engine_abort abort = { is_cancelled, j };
	struct apply_options o = {
		.role = j->keeper->which, .target = j->target, .lock_wait_ms = LOCK_WAIT_MS, .check = hook_check,
		.find_engine = hook_find_engine, .on_auto = hook_auto, .need_engine = true,
		.abort = &abort,
	};
	int roles = load_roles(j->state->root_fd, &j->e), r;

	if (roles < 0)
		return roles;
	o.notes = j->notes = diag_sink_new(j->a, sources_new(j->a));
	r = find_request(j);
	if (r)
		return r;
	if (!(roles & 1 << j->keeper->which)) {
		j->absent = true;
		return answer_absent(j);
	}
	actor_self(j->a, "service", &o.actor);
	o.is_explicit = j->is_request;
	o.request_id = j->request_id;
	r = apply_run(j->a, j->state, &o, &j->apply, &j->e);
	if (r == -ECANCELED) /* it is due again at the next start */
		return r;
	if (r)
		tell_failure(j, "system", err_text(&j->e));
	else if (j->apply.outcome == APPLY_REFUSED)
		tell_refusal(j);
	else if (j->apply.outcome == APPLY_REMEMBERED)
		recall_reason(j);
	return r;
}

/* What stands in apply.error is over; a request that was answered there is answered for good, or it would look new. */
static int forget_failure(struct job *j)
{
	struct failure f = { 0 };
	int r = failure_read(j->a, j->state, j->keeper->which, j->notes, &f, &j->e);

	if (!r && *f.request_id)
		r = request_done(j->a, j->state, j->keeper->which, f.request_id, &j->e);
	return r < 0 ? r : failure_clear(j->a, j->state, j->keeper->which, &j->e);
}

/* The proof is worth something only while the generation is still live. */
static int run_promote(struct job *j)
{
	struct lock lock = LOCK_NONE;
	uint64_t live = 0;
	int holder, r = lock_take(j->state->locks_fd, state_lock_names[j->keeper->which], LOCK_WAIT_MS, &lock, &holder,
				  &j->e);

	if (r)
		return r == 1 ? err_set(&j->e, -EBUSY, "process %d holds the role's lock", holder) : r;
	r = generation_of_link(j->state, j->keeper->which, LINK_LIVE, &live);
	if (!r && live == j->generation)
		r = publish_promote(j->state, j->keeper->which, j->generation, &j->e);
	lock_drop(&lock);
	if (!r && *j->answer_id)
		r = request_done(j->a, j->state, j->keeper->which, j->answer_id, &j->e);
	if (r >= 0)
		r = forget_failure(j);
	return r < 0 ? r : 0;
}

/* What the generation that died depends on. */
static int attempt_of(struct job *j, struct attempt *ret_attempt)
{
	struct meta m;
	struct stat st;
	int r = generation_meta(j->a, j->state, j->keeper->which, j->generation, &m, &j->e);

	if (r)
		return r;
	*ret_attempt = (struct attempt){ .input_digest = *j->digest ? j->digest : m.input_digest,
					 .rendered_digest = m.rendered_digest, .target = m.target,
					 .tool_version = m.tool_version, .engine = m.engine };
	if (*m.engine && !stat(m.engine, &st))
		ret_attempt->engine_mtime_ns = (int64_t)((uint64_t)st.st_mtim.tv_sec * 1000000000 +
							 (uint64_t)st.st_mtim.tv_nsec);
	return 0;
}

static int run_rollback(struct job *j)
{
	struct attempt attempt = { 0 };
	struct rollback_options o = { .role = j->keeper->which, .failed = true, .attempt = &attempt,
				      .reason = j->reason, .request_id = j->answer_id, .lock_wait_ms = LOCK_WAIT_MS };
	struct failure f = { .request_id = j->answer_id, .kind = "engine_died", .reason = j->reason,
			     .diagnostics = value_array(SPAN_NONE) };
	int r = attempt_of(j, &attempt);

	if (r)
		return r;
	actor_self(j->a, "service", &o.actor);
	r = apply_rollback(j->a, j->state, &o, &j->rollback, &j->e);
	if (r == ROLLBACK_BUSY)
		return err_set(&j->e, -EBUSY, "process %d holds the role's lock", j->rollback.holder);
	if (r >= 0 && r != ROLLBACK_DONE)
		f.kind = "engine_failed";
	if (r >= 0) {
		int w = failure_write(j->a, j->state, j->keeper->which, &f, &j->e);

		r = w ? w : r;
	}
	return r;
}

static int (*const runs[JOB__N])(struct job *j) = {
	[JOB_APPLY] = run_apply, [JOB_PROMOTE] = run_promote, [JOB_ROLLBACK] = run_rollback,
};

static void on_worker(uv_work_t *work)
{
	struct job *j = work->data;
	jmp_buf oom;

	if (setjmp(oom)) {
		j->r = err_sys(&j->e, -ENOMEM, "work on the %s role", role_names[j->keeper->which]);
	} else {
		arena_on_oom(j->a, &oom);
		j->r = runs[j->kind](j);
	}
	arena_on_oom(j->a, NULL); /* this frame ends */
}

static void on_done(uv_work_t *work, int status)
{
	struct job *j = work->data;
	struct keeper *r = j->keeper;

	r->job = NULL;
	if (status == UV_ECANCELED)
		j->r = err_sys(&j->e, -ECANCELED, "work on the %s role", role_names[r->which]);
	job_finished(r, j);
	if (r->live_moved)
		keeper_live_changed(r);
	err_fini(&j->e);
	arena_free(j->a);
	free(j);
	keeper_next(r);
	service_check_stopped(r->service);
}

/* A job's own copy: the keeper's may be replaced before the job has ended. NULL when memory is out. */
static const char *copy(struct arena *a, const char *text)
{
	size_t n = text ? strlen(text) : 0;
	char *own = a ? arena_try_alloc(a, n + 1) : NULL;

	return own && n ? memcpy(own, text, n) : own;
}

/* The newest look at the desired files found what is live, maybe written in other words. */
static bool is_same_as_live(const struct keeper *r)
{
	struct str state = str_of(r->status.desired.state);

	return str_is(state, "applying") || str_is(state, "applied");
}

void job_start(struct keeper *r, enum job_kind kind)
{
	struct job *j = calloc(1, sizeof(*j));
	struct arena *a = arena_new();
	const char *reason = copy(a, r->died_reason), *answer_id = copy(a, r->answer_id);
	const char *digest = copy(a, is_same_as_live(r) ? r->status.desired.digest : "");

	if (!j || !reason || !answer_id || !digest) { /* tried again at the next event or retry */
		free(j);
		arena_free(a);
		r->blocked_until_ms = clock_mono_ms() + 1000;
		return;
	}
	*j = (struct job){ .kind = kind, .keeper = r, .a = a, .state = &r->service->state, .generation = r->live,
			   .target = r->service->o->target, .reason = reason, .answer_id = answer_id,
			   .digest = digest, .request_id = "" };
	j->work.data = j;
	r->job = j;
	uv_queue_work(r->service->loop, &j->work, on_worker, on_done);
}
