/* apply: publish here, or ask the service that holds the root. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "cli/report.h"
#include "service/service.h"

enum { LOCK_WAIT_MS = 10 * 1000, POLL_MS = 50 };

/* --- without a service -------------------------------------------------------------------------------------------- */
static const struct { int code; bool changed; const char *message; } verdicts[APPLY__N] = {
	[APPLY_PUBLISHED] = { EXIT_DONE, true, NULL },
	[APPLY_UNCHANGED] = { EXIT_DONE, false, NULL },
	[APPLY_WOULD] = { EXIT_DONE, true, NULL },
	[APPLY_REFUSED] = { EXIT_CONFIG, false, "nothing was published, the configuration has errors" },
	[APPLY_HELD] = { EXIT_CONFIG, false, "nothing was published, a rollback holds this input" },
	[APPLY_REMEMBERED] = { EXIT_CONFIG, false, "nothing was published, this input failed before" },
	[APPLY_BUSY] = { EXIT_BUSY, false, NULL },
	[APPLY_STALE] = { EXIT_BUSY, false, "nothing was published, the inputs kept changing while they were read" },
};

static void fill_report(struct arena *a, const struct apply_result *result, struct report *out)
{
	out->outcome = apply_outcome_names[result->outcome];
	out->code = verdicts[result->outcome].code;
	out->changed = verdicts[result->outcome].changed;
	out->message = verdicts[result->outcome].message;
	if (result->outcome == APPLY_BUSY)
		out->message = report_busy(a, out->role, result->holder);
	if (result->published.words)
		out->message = "nothing was published, the engine's own checker refused the file";
	/* Where nothing was switched, live is still what a publish would have taken the place of. */
	out->generation = result->outcome == APPLY_PUBLISHED ? result->published.generation : result->published.previous;
	out->previous = result->outcome == APPLY_PUBLISHED ? result->published.previous : 0;
	out->sink = result->snapshot.sink;
	if (result->outcome != APPLY_STALE && result->snapshot.compiled.target)
		out->target = result->snapshot.compiled.target->name;
	out->restart = result->restart && out->changed;
	out->no_engine = result->no_engine;
	out->engine = result->engine;
	out->is_auto = result->snapshot.compiled.is_auto;
	out->audit_incomplete = result->published.audit_incomplete;
	if (result->outcome != APPLY_WOULD)
		return;
	out->is_dry = true;
	out->changes = result->changes;
	report_origins(a, &result->snapshot.compiled, diag_sources(result->snapshot.sink), &out->changes);
}

/* Writes down how it ended, for status and for who asked: a failure into apply.error; a success answers the request that
 * was there before. */
static int answer(struct arena *a, const struct state *s, const struct apply_result *result, const struct report *report,
		  const struct request *request, struct err *e)
{
	struct failure f = { .request_id = request->id ? request->id : "", .reason = report->message,
			     .kind = result->published.words ? "engine_check" : "configuration" };
	int r;

	if (report->code == EXIT_CONFIG) {
		f.diagnostics = diag_json(result->snapshot.sink, a);
		f.mask = failure_mask_new(a, &result->snapshot.compiled);
		return failure_write(a, s, report->role, &f, e);
	}
	if (report->code)
		return 0;
	r = failure_clear(a, s, report->role, e);
	if (!r && request->id)
		r = request_done(a, s, report->role, request->id, e);
	return r < 0 ? r : 0;
}

static int run_here(struct arena *a, const struct invocation *inv, const struct state *s, struct report *out,
		    struct err *e)
{
	struct apply_options o = {
		.role = out->role, .target = inv->target, .is_explicit = true, .dry_run = inv->dry_run,
		.strict = inv->strict, .lock_wait_ms = LOCK_WAIT_MS, .check = hook_check,
		.find_engine = hook_find_engine, .on_auto = hook_auto, .notes = out->notes,
	};
	struct request request = { 0 };
	struct apply_result result;
	int r = inv->dry_run ? 0 : request_get(a, s, out->role, out->notes, &request, e);

	if (r < 0)
		return r;
	if (r)
		request.id = NULL;
	actor_self(a, "apply", &o.actor);
	o.request_id = request.id;
	r = apply_run(a, s, &o, &result, e);
	if (r) {
		/* Behind the switch what failed is not the publishing. */
		out->changed = result.published.switched;
		out->generation = result.published.generation;
		return r;
	}
	fill_report(a, &result, out);
	return inv->dry_run ? 0 : answer(a, s, &result, out, &request, e);
}

/* --- with a service ----------------------------------------------------------------------------------------------- */
static const struct { const char *kind; int code; } failure_kinds[] = {
	{ "configuration", EXIT_CONFIG }, { "engine_check", EXIT_CONFIG }, { "engine_died", EXIT_ROLLED_BACK },
	{ "engine_failed", EXIT_SYSTEM },
	{ "system", EXIT_SYSTEM },
};

static const char *died_message(struct arena *a, const struct state *s, const struct report *out, const char *reason)
{
	uint64_t live = 0;

	if (generation_of_link(s, out->role, LINK_LIVE, &live) || live != out->generation)
		return arena_printf(a, "the engine did not live: %s", reason);
	return arena_printf(a, "the engine did not live (%s); generation %llu is live again", reason,
			    (unsigned long long)live);
}

/* 1: no verdict yet. The request is read first: the service writes why it failed, then takes the request away. */
static int look_for_verdict(struct arena *a, const struct state *s, struct report *out, struct err *e)
{
	struct request waiting = { 0 };
	struct failure f = { 0 };
	const struct target *target;
	struct meta meta;
	uint64_t live;
	int r, asked = request_get(a, s, out->role, NULL, &waiting, e);

	if (asked < 0)
		return asked;
	r = failure_read(a, s, out->role, NULL, &f, e);
	if (r < 0)
		return r;
	if (!r && str_is(str_of(f.request_id), out->request_id)) {
		out->code = EXIT_SYSTEM;
		for (size_t i = 0; i < sizeof(failure_kinds) / sizeof(*failure_kinds); i++)
			if (str_is(str_of(f.kind), failure_kinds[i].kind))
				out->code = failure_kinds[i].code;
		out->message = out->code == EXIT_ROLLED_BACK ? died_message(a, s, out, f.reason) : f.reason;
		out->diagnostics = f.diagnostics;
		return 0;
	}
	if (!asked) {
		out->request_id = waiting.id; /* or a newer one, which took its place and stands for both */
		return 1;
	}
	r = generation_of_link(s, out->role, LINK_LIVE, &live);
	if (!r)
		r = generation_meta(a, s, out->role, live, &meta, e);
	if (r)
		return r;
	out->changed = live != out->generation;
	out->previous = out->changed ? out->generation : 0;
	out->generation = live;
	out->target = meta.target;
	out->engine = meta.engine;
	target = target_find(str_of(meta.target));
	out->restart = out->changed && target && target->family != ENGINE_BUILTIN;
	out->outcome = apply_outcome_names[out->changed ? APPLY_PUBLISHED : APPLY_UNCHANGED];
	return 0;
}

static int wait_for_verdict(struct arena *a, const struct state *s, int seconds, struct report *out, struct err *e)
{
	const struct timespec pause = { 0, POLL_MS * 1000000L };
	int64_t end = clock_mono_ms() + (int64_t)seconds * 1000;
	bool held = true;
	int r;

	for (;;) {
		r = look_for_verdict(a, s, out, e);
		if (r != 1)
			return r;
		r = lock_holder(s->locks_fd, STATE_LOCK_SERVICE, &held, e);
		if (r < 0)
			return r;
		out->code = EXIT_BUSY;
		out->message = held ? arena_printf(a, "no verdict of the service within %d s; the request stays queued",
						   seconds) :
				      "the service ended before it gave a verdict; the request stays queued";
		if (!held || clock_mono_ms() >= end)
			return 0;
		out->code = EXIT_DONE;
		nanosleep(&pause, NULL);
	}
}

static int ask_service(struct arena *a, const struct invocation *inv, const struct state *s, struct report *out,
		       struct err *e)
{
	struct audit line = { .action = "request", .role = (int)out->role };
	char *id;
	int r;

	if (generation_of_link(s, out->role, LINK_LIVE, &out->generation))
		out->generation = 0;
	r = request_put(a, s, out->role, &id, e);
	if (r)
		return r;
	out->request_id = id;
	out->outcome = "queued";
	actor_self(a, "apply", &line.actor);
	line.request_id = id;
	r = audit_write(s, &line, e);
	if (r || inv->wait < 0)
		return r;
	return wait_for_verdict(a, s, inv->wait, out, e);
}

/* ------------------------------------------------------------------------------------------------------------------ */
static void apply_role(struct arena *a, const struct invocation *inv, const struct state *s, struct report *out)
{
	struct err e = { 0 };
	bool held = false;
	int r = 0;

	if (!inv->dry_run)
		r = lock_holder(s->locks_fd, STATE_LOCK_SERVICE, &held, &e);
	if (r >= 0)
		r = held ? ask_service(a, inv, s, out, &e) : run_here(a, inv, s, out, &e);
	if (r)
		report_system(a, out, &e);
	if (!out->generation && generation_of_link(s, out->role, LINK_LIVE, &out->generation))
		out->generation = 0;
	diag_finish(out->notes, false);
}

static int apply_roles(struct arena *a, const struct invocation *inv, const struct workspace *ws)
{
	struct report reports[ROLE__N];
	struct state s;
	unsigned n = 0;
	int r = workspace_state(a, inv, ws, !inv->dry_run, &s);

	if (r)
		return r;
	for (int role = 0; role < ROLE__N; role++) {
		if (!(ws->roles & 1u << role))
			continue;
		reports[n] = (struct report){ .role = (enum role)role, .outcome = "",
					      .notes = diag_sink_new(a, sources_new(a)) };
		apply_role(a, inv, &s, &reports[n++]);
	}
	state_close(&s);
	return report_show(a, inv, reports, n);
}

int cmd_apply(struct arena *a, const struct invocation *inv)
{
	struct workspace ws = { .root_fd = -1 };
	int r = workspace_open(a, inv, &ws);

	if (!r)
		r = apply_roles(a, inv, &ws);
	workspace_close(&ws);
	return r;
}
