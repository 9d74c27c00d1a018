/* What an ended job changes. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "service/keeper.h"

enum { RETRY_FIRST_MS = 1000, RETRY_MAX_MS = 60 * 1000, ENGINE_RETRY_MS = 30 * 1000 };

static const char *name_of(const struct keeper *r)
{
	return role_names[r->which];
}

static void note(struct keeper *r, enum severity severity, const char *text)
{
	log_line(&r->service->log, severity, name_of(r), "%s", text);
}

/* A fault of the system: tried again later, each time a little later. */
static void block(struct keeper *r, const char *reason)
{
	r->retry_ms = r->retry_ms ? r->retry_ms * 2 : RETRY_FIRST_MS;
	if (r->retry_ms > RETRY_MAX_MS)
		r->retry_ms = RETRY_MAX_MS;
	r->blocked_until_ms = clock_mono_ms() + r->retry_ms;
	log_line(&r->service->log, SEV_ERROR, name_of(r), "%s; tried again in %u s", reason, r->retry_ms / 1000);
}

static void unblock(struct keeper *r)
{
	r->retry_ms = 0;
	r->blocked_until_ms = 0;
}

/* The same complaint about the same input is printed once. */
static void print_diagnostics(struct keeper *r, const struct job *j)
{
	struct buf out = { 0 };

	if (!j->apply.snapshot.sink || r->service->log.from > SEV_ERROR)
		return;
	if (r->service->log.json) {
		struct value all = diag_json(j->apply.snapshot.sink, j->a);

		for (uint32_t i = 0; i < all.n; i++)
			if (!str_is(value_get_str(&all.items[i], "severity"), "note"))
				log_diagnostic(&r->service->log, name_of(r), &all.items[i]);
		return;
	}
	diag_print(j->apply.snapshot.sink, false, SEV_WARNING, &out);
	if (!out.failed && out.len)
		(void)!write(STDERR_FILENO, out.p, out.len);
	buf_fini(&out);
}

/* Settings that the service itself obeys come from the newest configuration that compiled. */
static void take_settings(struct keeper *r, const struct job *j)
{
	const struct config *c = &j->apply.snapshot.compiled.config;

	r->prove_ms = c->apply.prove_seconds.set ? (unsigned)c->apply.prove_seconds.v * 1000 : 5000;
	r->settle.settle_ms = c->apply.settle_ms.set ? (unsigned)c->apply.settle_ms.v : 200;
	r->settle.max_wait_ms = c->apply.max_wait_ms.set ? (unsigned)c->apply.max_wait_ms.v : 2000;
}

static void on_published(struct keeper *r, const struct job *j)
{
	struct published p = j->apply.published;

	r->live = p.generation;
	r->must_clear = true;
	r->engine_retry_at_ms = 0;
	keeper_set_text(&r->answer_id, j->request_id);
	log_line(&r->service->log, SEV_NOTE, name_of(r), "published generation %llu%s%s",
		 (unsigned long long)p.generation, *j->request_id ? ", request " : "", j->request_id);
	if (j->apply.snapshot.compiled.is_auto && j->apply.snapshot.compiled.target != target_default())
		log_line(&r->service->log, SEV_NOTE, name_of(r), "engine 'auto' is %s here: %s",
			 j->apply.snapshot.compiled.target->name, j->apply.engine);
	keeper_set_desired(r, j->apply.snapshot.digest, "applying", "");
	keeper_set_last(r, "published", p.generation, j->request_id, "");
}

static void on_unchanged(struct keeper *r, const struct job *j)
{
	r->must_clear = true;
	if (r->lkg == r->live)
		r->proved = r->live;
	if (*j->request_id) {
		keeper_set_text(&r->answer_id, j->request_id);
		r->engine_retry_at_ms = 0; /* who asks does not wait for the next try */
	}
	keeper_set_desired(r, j->apply.snapshot.digest, r->lkg == r->live ? "applied" : "applying", "");
	if (*j->request_id)
		keeper_set_last(r, "unchanged", r->live, j->request_id, "");
}

static void on_refused(struct keeper *r, const struct job *j)
{
	print_diagnostics(r, j);
	log_line(&r->service->log, SEV_ERROR, name_of(r),
		 r->live ? "kept generation %llu, the configuration has errors" :
			   "nothing is live, the configuration has errors", (unsigned long long)r->live);
	keeper_set_desired(r, j->apply.snapshot.digest, "failed", j->reason);
	keeper_set_last(r, "kept", r->live, j->request_id, j->reason);
}

static void on_held(struct keeper *r, const struct job *j)
{
	if (!str_is(str_of(r->status.desired.digest), j->apply.snapshot.digest))
		note(r, SEV_NOTE, "a rollback holds this input; 'xrat apply' takes it again");
	keeper_set_desired(r, j->apply.snapshot.digest, "held", "a rollback holds this input; 'xrat apply' takes it again");
}

static void on_remembered(struct keeper *r, const struct job *j)
{
	keeper_set_desired(r, j->apply.snapshot.digest, "failed",
			 *j->reason ? j->reason : "it failed before, and nothing it depends on has changed");
}

static void on_busy(struct keeper *r, const struct job *j)
{
	(void)j;
	r->due = true;
	block(r, "another process holds the role's lock");
}

static void on_stale(struct keeper *r, const struct job *j)
{
	(void)j;
	r->due = true;
	block(r, "the inputs kept changing while they were read");
}

static void (*const on_outcome[APPLY__N])(struct keeper *r, const struct job *j) = {
	[APPLY_PUBLISHED] = on_published, [APPLY_UNCHANGED] = on_unchanged,   [APPLY_WOULD] = on_unchanged,
	[APPLY_REFUSED] = on_refused,     [APPLY_HELD] = on_held,             [APPLY_REMEMBERED] = on_remembered,
	[APPLY_BUSY] = on_busy,           [APPLY_STALE] = on_stale,
};

/* What to watch: the directory of the snippets (empty or not) and others inside CONFIG_ROOT, single files elsewhere,
 * wherever something was read or looked for. */
static void take_dirs(struct keeper *r, const struct job *j)
{
	const struct input_log *log = &j->apply.snapshot.compiled.in.log;
	const struct input_file *f;
	struct arena *a = arena_new();
	size_t n = 1;

	for (f = log->first; f; f = f->next)
		n++;
	if (!a || !log->first) {
		arena_free(a);
		return;
	}
	arena_free(r->dirs_a);
	r->dirs_a = a;
	r->dirs = arena_array(a, const char *, n);
	r->n_dirs = 0;
	if (log->dir.path)
		r->dirs[r->n_dirs++] = arena_strdup(a, log->dir.path);
	for (f = log->first; f; f = f->next) {
		const char *slash = strrchr(f->path, '/');

		if (*f->path == '/')
			r->dirs[r->n_dirs++] = arena_strdup(a, f->path);
		else if (slash)
			r->dirs[r->n_dirs++] = arena_memdup(a, f->path, (size_t)(slash - f->path));
	}
	service_update_dirs(r->service);
}

/* What was wrong with the files of .state themselves. */
static void print_notes(struct keeper *r, const struct job *j)
{
	for (unsigned i = 0; j->notes && i < diag_total(j->notes); i++)
		log_line(&r->service->log, diag_at(j->notes, i)->severity, name_of(r), "%s: %s",
			 diag_infos[diag_at(j->notes, i)->code].name, diag_at(j->notes, i)->msg);
}

static void apply_finished(struct keeper *r, struct job *j)
{
	print_notes(r, j);
	if (j->r) {
		r->due = true;
		block(r, err_text(&j->e));
		keeper_set_desired(r, r->status.desired.digest, "waiting", err_text(&j->e));
		return;
	}
	if (j->absent) {
		keeper_set_desired(r, "", "absent", "there is no file of this role");
		return;
	}
	take_dirs(r, j);
	if (j->apply.outcome == APPLY_PUBLISHED || j->apply.outcome == APPLY_UNCHANGED)
		take_settings(r, j);
	if (j->apply.outcome != APPLY_BUSY && j->apply.outcome != APPLY_STALE)
		unblock(r);
	on_outcome[j->apply.outcome](r, j);
}

static void promote_finished(struct keeper *r, struct job *j)
{
	if (j->r) {
		block(r, err_text(&j->e));
		return;
	}
	unblock(r);
	if (r->lkg != j->generation)
		log_line(&r->service->log, SEV_NOTE, name_of(r), "generation %llu is the last known good now",
			 (unsigned long long)j->generation);
	keeper_read_links(r);
	r->must_clear = false;
	sup_set_proved(r->sup);
	keeper_set_last(r, "applied", j->generation, r->answer_id, "");
	if (str_is(str_of(r->status.desired.state), "applying"))
		keeper_set_desired(r, r->status.desired.digest, "applied", "");
	if (r->answer_id && str_is(str_of(r->answer_id), j->answer_id))
		keeper_set_text(&r->answer_id, "");
}

static void rollback_finished(struct keeper *r, struct job *j)
{
	if (j->r < 0) {
		block(r, err_text(&j->e));
		return;
	}
	unblock(r);
	keeper_read_links(r);
	keeper_set_text(&r->answer_id, "");
	r->died = 0;
	keeper_set_desired(r, r->status.desired.digest, "failed", j->reason);
	if (j->r == ROLLBACK_DONE) {
		log_line(&r->service->log, SEV_ERROR, name_of(r), "generation %llu did not live (%s), back to %llu",
			 (unsigned long long)j->rollback.from, j->reason, (unsigned long long)j->rollback.to);
		keeper_set_last(r, "rolled_back", j->rollback.to, j->answer_id, j->reason);
		return;
	}
	log_line(&r->service->log, SEV_ERROR, name_of(r),
		 "generation %llu did not live (%s), and there is no last known good; it is tried again in %d s",
		 (unsigned long long)j->generation, j->reason, ENGINE_RETRY_MS / 1000);
	keeper_set_last(r, "failed", j->generation, j->answer_id, j->reason);
	r->told = 0;
	r->engine_retry_at_ms = clock_mono_ms() + ENGINE_RETRY_MS;
}

static void (*const finished[JOB__N])(struct keeper *r, struct job *j) = {
	[JOB_APPLY] = apply_finished, [JOB_PROMOTE] = promote_finished, [JOB_ROLLBACK] = rollback_finished,
};

void job_finished(struct keeper *r, struct job *j)
{
	if (j->r == -ECANCELED)
		note(r, SEV_NOTE, "an apply was given up, since the service stops");
	else
		finished[j->kind](r, j);
	keeper_publish_status(r);
}
