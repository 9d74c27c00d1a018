/* rollback and history. */
#include <unistd.h>

#include "cli/report.h"
#include "runtime/runtime.h"

enum { LOCK_WAIT_MS = 10 * 1000 };

static const char *refusal(struct arena *a, const struct rollback_result *result, int outcome, struct report *out)
{
	static const int codes[] = { [ROLLBACK_NONE] = EXIT_NOT_FOUND, [ROLLBACK_BUSY] = EXIT_BUSY,
				     [ROLLBACK_SAME] = EXIT_DONE };

	out->code = codes[outcome];
	if (outcome == ROLLBACK_BUSY)
		return report_busy(a, out->role, result->holder);
	if (!result->from)
		return "nothing is live, so there is nothing to go back from";
	if (!result->to)
		return "there is no earlier generation to go back to; 'xrat history' lists them";
	return arena_printf(a, "generation %llu is not kept; 'xrat history' lists those that are",
			    (unsigned long long)result->to);
}

/* Whether what it goes back to can run here. */
static void name_engine(struct arena *a, const struct state *s, struct report *out)
{
	const struct target *t = NULL;
	struct meta m;

	if (!generation_meta(a, s, out->role, out->generation, &m, NULL))
		t = target_find(str_of(m.target));
	if (!t || !*m.engine)
		return;
	out->target = t->name;
	out->engine = engine_again(a, t, m.engine);
	out->no_engine = !out->engine;
	if (out->no_engine)
		out->note = arena_printf(a, "it was made for '%s', which is not on this machine now",
					 engine_family_name(t->family));
}

static void roll_back(struct arena *a, const struct invocation *inv, const struct state *s, struct report *out)
{
	struct rollback_options o = { .role = out->role, .to = inv->to > 0 ? (uint64_t)inv->to : 0,
				      .lock_wait_ms = LOCK_WAIT_MS };
	struct rollback_result result;
	struct err e = { 0 };
	int r;

	actor_self(a, "rollback", &o.actor);
	r = apply_rollback(a, s, &o, &result, &e);
	if (r < 0) {
		report_system(a, out, &e);
		return;
	}
	out->outcome = r == ROLLBACK_DONE ? "rolled_back" : "unchanged";
	out->changed = r == ROLLBACK_DONE;
	out->audit_incomplete = result.audit_incomplete;
	out->generation = r == ROLLBACK_DONE ? result.to : result.from;
	out->previous = r == ROLLBACK_DONE ? result.from : 0;
	if (r != ROLLBACK_DONE)
		out->message = refusal(a, &result, r, out);
	else
		name_engine(a, s, out);
}

int cmd_rollback(struct arena *a, const struct invocation *inv)
{
	struct workspace ws = { .root_fd = -1 };
	struct report reports[ROLE__N];
	struct state s;
	unsigned n = 0;
	int r = inv->to == 0 ? out_fail(a, inv, EXIT_USAGE, NULL, "generations are numbered from 1") :
			       workspace_open_live(a, inv, &ws);

	if (!r && inv->to > 0 && (ws.roles & (ws.roles - 1)))
		r = out_fail(a, inv, EXIT_USAGE, NULL, "both roles have generations; say which: 'xrat --role client "
						       "rollback --to %d' or --role server", inv->to);
	if (!r)
		r = workspace_state(a, inv, &ws, true, &s);
	if (r) {
		workspace_close(&ws);
		return r;
	}
	for (int role = 0; role < ROLE__N; role++) {
		if (!(ws.roles & 1u << role))
			continue;
		reports[n] = (struct report){ .role = (enum role)role, .outcome = "" };
		roll_back(a, inv, &s, &reports[n++]);
	}
	state_close(&s);
	workspace_close(&ws);
	return report_show(a, inv, reports, n);
}

/* --- history ------------------------------------------------------------------------------------------------------ */
struct shown {
	struct buf text;
	struct value list;
};

static void show_generation(struct arena *a, struct shown *out, const struct meta *m, bool live, bool lkg, bool damaged)
{
	struct value v = value_object(SPAN_NONE);

	buf_printf(&out->text, "%6llu  %-24s  %-10s  %.12s  %s%s%s%s\n", (unsigned long long)m->generation,
		   damaged ? "(meta.json is damaged)" : m->time, damaged ? "" : m->target,
		   damaged ? "" : m->rendered_digest, damaged ? "" : m->actor, live ? "  live" : "",
		   lkg ? "  last-known-good" : "", "");
	value_put_str(a, &v, "role", role_names[m->role]);
	value_put_int(a, &v, "generation", (int64_t)m->generation);
	value_put_bool(a, &v, "live", live);
	value_put_bool(a, &v, "last_known_good", lkg);
	value_put_bool(a, &v, "damaged", damaged);
	if (!damaged) {
		value_put_str(a, &v, "time", m->time);
		value_put_str(a, &v, "target", m->target);
		value_put_str(a, &v, "tool_version", m->tool_version);
		value_put_str(a, &v, "input_digest", m->input_digest);
		value_put_str(a, &v, "rendered_digest", m->rendered_digest);
		value_put_str(a, &v, "actor", m->actor);
		value_put(a, &v, "request_id",
			  *m->request_id ? value_string(m->request_id, SPAN_NONE) : value_null(SPAN_NONE));
	}
	value_push(a, &out->list, v);
}

static int show_role(struct arena *a, const struct state *s, enum role role, struct shown *out, struct err *e)
{
	uint64_t live = 0, lkg = 0, *numbers;
	size_t n;
	int r = generation_list(a, s, role, &numbers, &n, e);

	if (r)
		return r;
	if (generation_of_link(s, role, LINK_LIVE, &live))
		live = 0;
	if (generation_of_link(s, role, LINK_LKG, &lkg))
		lkg = 0;
	if (n)
		buf_printf(&out->text, "%s\n", role_names[role]);
	for (size_t i = 0; i < n; i++) {
		struct meta m = { 0 };
		struct err ignored = { 0 };
		bool damaged = generation_meta(a, s, role, numbers[i], &m, &ignored) != 0;

		err_fini(&ignored);
		m.role = role;
		m.generation = numbers[i];
		show_generation(a, out, &m, numbers[i] == live, numbers[i] == lkg, damaged);
	}
	return 0;
}

int cmd_history(struct arena *a, const struct invocation *inv)
{
	struct shown out = { .list = value_array(SPAN_NONE) };
	struct workspace ws = { .root_fd = -1 };
	struct value result = value_object(SPAN_NONE);
	struct err e = { 0 };
	struct state s;
	int r = workspace_open_live(a, inv, &ws);

	if (!r)
		r = workspace_state(a, inv, &ws, false, &s);
	if (r) {
		workspace_close(&ws);
		return r;
	}
	for (int role = 0; role < ROLE__N && !r; role++)
		if (ws.roles & 1u << role)
			r = show_role(a, &s, (enum role)role, &out, &e);
	state_close(&s);
	workspace_close(&ws);
	if (r) {
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&e));
		err_fini(&e);
		buf_fini(&out.text);
		return r;
	}
	value_put(a, &result, "generations", out.list);
	if (inv->format == FORMAT_JSON) {
		buf_fini(&out.text);
		return out_result(a, inv, result);
	}
	return out_buf(STDOUT_FILENO, &out.text) ? EXIT_SYSTEM : EXIT_DONE;
}
