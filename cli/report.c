/* Results of apply and rollback. */
#include "cli/report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct { const char *change; char sign; } signs[] = {
	{ "added", '+' }, { "removed", '-' }, { "moved", '>' }, { "changed", '~' },
};

static char sign_of(struct str change)
{
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (str_is(change, signs[i].change))
			return signs[i].sign;
	return '?';
}

static void add_text(struct buf *out, const struct value *v)
{
	if (v)
		json_write_compact(out, v);
}

void report_change(struct buf *out, const struct value *c)
{
	struct str kind = value_get_str(c, "kind"), name = value_get_str(c, "name"), field = value_get_str(c, "field"),
		   file = value_get_str(c, "file"), change = value_get_str(c, "change"), role = value_get_str(c, "role");
	int64_t line = 0;

	buf_printf(out, "%c %.*s%s%.*s '%.*s'", sign_of(change), (int)role.len, role.p ? role.p : "",
		   role.len ? " " : "", (int)kind.len, kind.p, (int)name.len, name.p);
	if (field.len) {
		buf_printf(out, " %.*s: ", (int)field.len, field.p);
		add_text(out, value_get(c, "before"));
		buf_puts(out, " -> ");
		add_text(out, value_get(c, "after"));
	}
	if (file.len && value_get(c, "line") && !value_int(value_get(c, "line"), &line))
		buf_printf(out, "  (%.*s:%lld)", (int)file.len, file.p, (long long)line);
	buf_putc(out, '\n');
}

void report_origins(struct arena *a, const struct compiled *c, const struct sources *sources, struct value *changes)
{
	for (unsigned i = 0; i < changes->n; i++) {
		struct value *pointer = value_get(&changes->items[i], "pointer");
		struct value origin;

		if (!pointer || pointer->kind != VAL_STRING ||
		    str_is(value_get_str(&changes->items[i], "change"), "removed"))
			continue;
		origin = render_why(a, &c->checked, sources, value_str(pointer));
		if (!origin.n || !value_get_str(&origin.items[0], "file").len)
			continue;
		value_put(a, &changes->items[i], "file", *value_get(&origin.items[0], "file"));
		value_put(a, &changes->items[i], "line", *value_get(&origin.items[0], "line"));
		value_put(a, &changes->items[i], "column", *value_get(&origin.items[0], "column"));
	}
}

static void put_generation(struct arena *a, struct value *v, const char *key, uint64_t generation)
{
	if (generation)
		value_put_int(a, v, key, (int64_t)generation);
	else
		value_put(a, v, key, value_null(SPAN_NONE));
}

static void add_all(struct arena *a, struct value *list, struct value from)
{
	for (uint32_t i = 0; from.kind == VAL_ARRAY && i < from.n; i++)
		value_push(a, list, from.items[i]);
}

static struct value diagnostics_of(struct arena *a, const struct report *r)
{
	struct value all = value_array(SPAN_NONE);

	if (r->notes)
		add_all(a, &all, diag_json(r->notes, a));
	add_all(a, &all, r->sink ? diag_json(r->sink, a) : r->diagnostics);
	return all;
}

static struct value report_json(struct arena *a, const struct report *r)
{
	struct value v = value_object(SPAN_NONE);

	value_put_str(a, &v, "role", role_names[r->role]);
	value_put_str(a, &v, "outcome", r->outcome);
	value_put_bool(a, &v, "changed", r->changed);
	put_generation(a, &v, "generation", r->generation);
	put_generation(a, &v, "previous", r->previous);
	value_put(a, &v, "target", r->target ? value_string(r->target, SPAN_NONE) : value_null(SPAN_NONE));
	value_put_bool(a, &v, "restart_needed", r->restart);
	value_put(a, &v, "engine_found", r->target ? value_bool(!r->no_engine, SPAN_NONE) : value_null(SPAN_NONE));
	value_put(a, &v, "engine",
		  r->engine && *r->engine ? value_string(r->engine, SPAN_NONE) : value_null(SPAN_NONE));
	value_put(a, &v, "request_id",
		  r->request_id && *r->request_id ? value_string(r->request_id, SPAN_NONE) : value_null(SPAN_NONE));
	value_put(a, &v, "changes", r->changes.kind ? r->changes : value_array(SPAN_NONE));
	value_put(a, &v, "diagnostics", diagnostics_of(a, r));
	return v;
}

/* How an outcome stands before the generation, where its name alone would not do. */
static const struct { const char *outcome, *words; } phrases[] = {
	{ "unchanged", "unchanged," },
	{ "queued", "queued, live is" },
	{ "rolled_back", "rolled back to" },
	{ "would_publish", "would publish in place of" },
};

static const char *phrase_of(const struct report *r)
{
	for (size_t i = 0; r->generation && i < sizeof(phrases) / sizeof(*phrases); i++)
		if (str_is(str_of(r->outcome), phrases[i].outcome))
			return phrases[i].words;
	return r->outcome;
}

/* "client: published generation 7, was 6 (xray-26.7)" */
static void report_text(struct buf *out, const struct report *r)
{
	buf_printf(out, "%s: ", role_names[r->role]);
	for (const char *p = phrase_of(r); *p; p++)
		buf_putc(out, *p == '_' ? ' ' : *p);
	if (r->generation)
		buf_printf(out, " generation %llu", (unsigned long long)r->generation);
	if (r->previous)
		buf_printf(out, ", was %llu", (unsigned long long)r->previous);
	if (r->target)
		buf_printf(out, " (%s)", r->target);
	if (r->request_id && *r->request_id)
		buf_printf(out, ", request %s", r->request_id);
	buf_putc(out, '\n');
	for (uint32_t i = 0; i < r->changes.n; i++)
		report_change(out, &r->changes.items[i]);
	if (r->changes.n)
		buf_puts(out, r->restart ? "applying this restarts the engine\n" : "applying this needs no restart\n");
}

/* Beside the result: what was left out on the way to it. */
static void note_text(struct buf *out, const struct report *r)
{
	if (r->no_engine && r->changed && !r->is_dry && !r->note)
		buf_printf(out, "%s: no engine was found, so its own checker was not asked; engine 'builtin' comes with xrat\n",
			   role_names[r->role]);
	else if (r->is_auto && r->changed && !r->code && !str_is(str_of(r->target), target_default()->name))
		buf_printf(out, "%s: engine 'auto' is %s here: %s\n", role_names[r->role], r->target, r->engine);
	if (r->note)
		buf_printf(out, "%s: %s\n", role_names[r->role], r->note);
	if (r->audit_incomplete)
		buf_printf(out, "%s: the end of this could not be written to audit.log; the next apply writes it\n",
			   role_names[r->role]);
}

/* As out_diags does. */
static bool is_shown(const struct invocation *inv, const struct value *d)
{
	struct str severity = value_get_str(d, "severity");

	return str_is(severity, "error") || (!inv->quiet && (inv->verbose || !str_is(severity, "note")));
}

void report_diagnostic(struct buf *out, const struct value *d)
{
	struct str file = value_get_str(d, "file"), severity = value_get_str(d, "severity"), code = value_get_str(d, "code"),
		   message = value_get_str(d, "message");
	int64_t line = 0, column = 0;

	if (file.len && value_get(d, "line") && !value_int(value_get(d, "line"), &line) && value_get(d, "column") &&
	    !value_int(value_get(d, "column"), &column))
		buf_printf(out, "%.*s:%lld:%lld: ", (int)file.len, file.p, (long long)line, (long long)column);
	buf_printf(out, "%.*s[%.*s]: %.*s\n", (int)severity.len, severity.p, (int)code.len, code.p, (int)message.len,
		   message.p);
}

static int show_json(struct arena *a, const struct invocation *inv, const struct report *reports, unsigned n,
		     const struct report *worst)
{
	struct value result = value_object(SPAN_NONE), list = value_array(SPAN_NONE), all = value_array(SPAN_NONE);
	bool changed = false;

	for (unsigned i = 0; i < n; i++) {
		add_all(a, &all, diagnostics_of(a, &reports[i]));
		value_push(a, &list, report_json(a, &reports[i]));
		changed |= reports[i].changed;
	}
	value_put_bool(a, &result, "changed", changed);
	value_put(a, &result, "roles", list);
	if (worst->code)
		return out_fail_with(a, inv, worst->code, all, result,
				     arena_printf(a, "%s: %s", role_names[worst->role], worst->message));
	return out_result(a, inv, result);
}

/* Diagnostics and failures on stderr, results on stdout. EXIT_DONE, or EXIT_SYSTEM when that did not get out. */
static int show_text(struct arena *a, const struct invocation *inv, const struct report *r)
{
	struct buf out = { 0 };
	int code;

	if (r->notes && out_diags(inv, r->notes))
		return EXIT_SYSTEM;
	if (r->sink && out_diags(inv, r->sink))
		return EXIT_SYSTEM;
	if (!r->sink && r->diagnostics.kind == VAL_ARRAY && inv->quiet < 2) {
		for (uint32_t i = 0; i < r->diagnostics.n; i++)
			if (is_shown(inv, &r->diagnostics.items[i]))
				report_diagnostic(&out, &r->diagnostics.items[i]);
		if (out_buf(STDERR_FILENO, &out))
			return EXIT_SYSTEM;
	}
	if (r->code) {
		out_fail(a, inv, r->code, NULL, "%s: %s", role_names[r->role], r->message);
		return EXIT_DONE;
	}
	if (!inv->quiet)
		note_text(&out, r);
	if (out.len && out_buf(STDERR_FILENO, &out))
		return EXIT_SYSTEM;
	out = (struct buf){ 0 };
	report_text(&out, r);
	code = out_buf(STDOUT_FILENO, &out);
	return code ? out_fail(a, inv, EXIT_SYSTEM, NULL, "write to stdout: %s", strerror(-code)) : EXIT_DONE;
}

int report_show(struct arena *a, const struct invocation *inv, const struct report *reports, unsigned n)
{
	const struct report *worst = &reports[0];
	int r;

	for (unsigned i = 1; i < n; i++)
		if (reports[i].code > worst->code)
			worst = &reports[i];
	if (inv->format == FORMAT_JSON)
		return show_json(a, inv, reports, n, worst);
	for (unsigned i = 0; i < n; i++) {
		r = show_text(a, inv, &reports[i]);
		if (r)
			return r;
	}
	return worst->code;
}

void report_system(struct arena *a, struct report *r, struct err *e)
{
	r->code = EXIT_SYSTEM;
	r->message = r->changed && r->generation ?
			     arena_printf(a, "generation %llu is live, but what comes behind that failed: %s",
					  (unsigned long long)r->generation, err_text(e)) :
			     arena_strdup(a, err_text(e));
	if (!r->changed)
		r->outcome = "failed";
	err_fini(e);
}

const char *report_busy(struct arena *a, enum role role, int holder)
{
	return holder ? arena_printf(a, "process %d holds the lock of the %s role", holder, role_names[role]) :
			arena_printf(a, "another process holds the lock of the %s role", role_names[role]);
}
