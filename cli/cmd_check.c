/* check: compile everything, say everything, write nothing. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/engine_check.h"

/* What one role, or one raw file, came to. */
struct outcome {
	const char *what; /* "client", "server" or the raw file */
	const struct target *target;
	struct diag_sink *sink;
};

static const char *plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

/* "client (xray-26.7): 2 errors, 1 warning" on stderr. 0 or -errno. */
static int summary(const struct invocation *inv, const struct outcome *o)
{
	unsigned errors = diag_count(o->sink, SEV_ERROR), warnings = diag_count(o->sink, SEV_WARNING);
	struct buf out = { 0 };

	if (inv->format == FORMAT_JSON || inv->quiet)
		return 0;
	buf_printf(&out, "%s", o->what);
	if (o->target)
		buf_printf(&out, " (%s)", o->target->name);
	if (!errors && !warnings)
		buf_puts(&out, ": ok\n");
	else
		buf_printf(&out, ": %u error%s, %u warning%s\n", errors, plural(errors), warnings, plural(warnings));
	return out_buf(STDERR_FILENO, &out);
}

static struct value outcome_json(struct arena *a, const struct outcome *o)
{
	struct value v = value_object(SPAN_NONE);

	value_put_str(a, &v, "name", o->what);
	value_put(a, &v, "target", o->target ? value_string(o->target->name, SPAN_NONE) : value_null(SPAN_NONE));
	value_put_int(a, &v, "errors", diag_count(o->sink, SEV_ERROR));
	value_put_int(a, &v, "warnings", diag_count(o->sink, SEV_WARNING));
	value_put(a, &v, "diagnostics", diag_json(o->sink, a));
	return v;
}

/* One JSON document whatever the number of roles: success on stdout, else the first failed role's faults and the
 * others'. */
static int finish_json(struct arena *a, const struct invocation *inv, const struct outcome *o, unsigned n, int worst)
{
	struct value list = value_array(SPAN_NONE), result = value_object(SPAN_NONE);

	if (worst)
		return out_fail_all(a, inv, worst, o[0].sink, n > 1 ? o[1].sink : NULL);
	for (unsigned i = 0; i < n; i++)
		value_push(a, &list, outcome_json(a, &o[i]));
	value_put(a, &result, "checked", list);
	return out_result(a, inv, result);
}

static int finish(struct arena *a, const struct invocation *inv, const struct outcome *o, unsigned n, int worst)
{
	if (inv->format == FORMAT_JSON)
		return finish_json(a, inv, o, n, worst);
	for (unsigned i = 0; i < n; i++)
		if (summary(inv, &o[i]))
			return EXIT_SYSTEM;
	return worst;
}

static int check_raw(struct arena *a, const struct invocation *inv)
{
	const struct compile_options options = { .target = inv->target, .missing_secret_is_warning = true };
	struct outcome o = { .what = inv->raw, .sink = diag_sink_new(a, sources_new(a)) };
	struct compiled c = { 0 };
	struct err e = { 0 };
	int r = compile_raw(a, o.sink, inv->raw, &options, &c, &e);

	if (r) {
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&e));
		err_fini(&e);
		return r;
	}
	o.target = c.target;
	if (inv->exec && c.has_checked)
		engine_check(a, o.sink, &c);
	diag_finish(o.sink, inv->strict);
	if (out_diags(inv, o.sink))
		return EXIT_SYSTEM;
	return finish(a, inv, &o, 1, diag_count(o.sink, SEV_ERROR) ? EXIT_CONFIG : EXIT_DONE);
}

static int check_role(struct arena *a, const struct invocation *inv, const struct workspace *ws, enum role role,
		      struct outcome *o)
{
	const struct compile_options options = { .target = inv->target, .missing_secret_is_warning = true };
	struct compiled c = { 0 };
	struct err e = { 0 };
	int r;

	*o = (struct outcome){ .what = role_names[role], .sink = diag_sink_new(a, sources_new(a)) };
	r = compile_root(a, o->sink, ws->root_fd, ws->root, role, &options, &c, &e);
	if (r) {
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&e));
		err_fini(&e);
		return r;
	}
	o->target = c.target;
	if (inv->exec && c.has_checked)
		engine_check(a, o->sink, &c);
	diag_finish(o->sink, inv->strict);
	if (out_diags(inv, o->sink))
		return EXIT_SYSTEM;
	return diag_count(o->sink, SEV_ERROR) ? EXIT_CONFIG : EXIT_DONE;
}

int cmd_check(struct arena *a, const struct invocation *inv)
{
	struct outcome outcomes[ROLE__N];
	struct workspace ws = { .root_fd = -1 };
	unsigned n = 0;
	int worst, r;

	if (inv->raw)
		return check_raw(a, inv);
	worst = workspace_open(a, inv, &ws);
	if (worst) {
		workspace_close(&ws);
		return worst;
	}
	for (int role = 0; role < ROLE__N; role++) {
		if (!(ws.roles & 1u << role))
			continue;
		r = check_role(a, inv, &ws, (enum role)role, &outcomes[n++]);
		if (r == EXIT_SYSTEM) {
			workspace_close(&ws);
			return r;
		}
		worst = r > worst ? r : worst;
	}
	workspace_close(&ws);
	return finish(a, inv, outcomes, n, worst);
}
