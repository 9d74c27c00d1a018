/* diff: live against desired, or two files, as changes an operator understands. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

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

static void print_text(struct buf *out, const struct value *v)
{
	if (v)
		json_write_compact(out, v);
}

static void print_change(struct buf *out, const struct value *c)
{
	struct str kind = value_get_str(c, "kind"), name = value_get_str(c, "name"), field = value_get_str(c, "field"),
		   file = value_get_str(c, "file"), change = value_get_str(c, "change");
	struct value *before = value_get(c, "before"), *after = value_get(c, "after");
	int64_t line = 0;

	buf_printf(out, "%c %.*s '%.*s'", sign_of(change), (int)kind.len, kind.p, (int)name.len, name.p);
	if (field.len) {
		buf_printf(out, " %.*s: ", (int)field.len, field.p);
		print_text(out, before);
		buf_puts(out, " -> ");
		print_text(out, after);
	}
	if (file.len && value_get(c, "line") && !value_int(value_get(c, "line"), &line))
		buf_printf(out, "  (%.*s:%lld)", (int)file.len, file.p, (long long)line);
	buf_putc(out, '\n');
}

static int show(struct arena *a, const struct invocation *inv, struct value changes, bool restart)
{
	struct value result = value_object(SPAN_NONE);
	struct buf out = { 0 };
	int r;

	if (inv->format == FORMAT_JSON) {
		value_put_bool(a, &result, "changed", changes.n > 0);
		value_put_bool(a, &result, "restart_needed", restart);
		value_put(a, &result, "changes", changes);
		r = out_result(a, inv, result);
		return r ? r : inv->exit_code && changes.n ? EXIT_DIFFERENT : EXIT_DONE;
	}
	for (unsigned i = 0; i < changes.n; i++)
		print_change(&out, &changes.items[i]);
	if (changes.n)
		buf_puts(&out, restart ? "applying this restarts the engine\n" : "applying this needs no restart\n");
	r = out_buf(STDOUT_FILENO, &out);
	if (r)
		return out_fail(a, inv, EXIT_SYSTEM, NULL, "write to stdout: %s", strerror(-r));
	return inv->exit_code && changes.n ? EXIT_DIFFERENT : EXIT_DONE;
}

/* Reads and parses one complete file; its faults are printed. */
static int read_config(struct arena *a, const struct invocation *inv, int dir_fd, const char *path, struct value *ret_v)
{
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	struct err e = { 0 };
	struct str bytes;
	int r = file_read(a, dir_fd, path, (size_t)4 * JSON_MAX_BYTES, &bytes, &e);

	if (r) {
		r = out_fail(a, inv, r == -ENOENT && dir_fd != AT_FDCWD ? EXIT_NOT_FOUND : EXIT_SYSTEM, NULL, "%s",
			     err_text(&e));
		err_fini(&e);
		return r;
	}
	if (!json_parse(a, sink, sources_add(sources, path, bytes.p, (uint32_t)bytes.len), true, ret_v))
		return EXIT_DONE;
	diag_finish(sink, false);
	out_diags(inv, sink);
	return out_fail(a, inv, EXIT_CONFIG, sink, "'%s' is not a complete xray.json", path);
}

static int diff_files(struct arena *a, const struct invocation *inv)
{
	struct value before, after, changes;
	int r = read_config(a, inv, AT_FDCWD, inv->operands[0], &before);

	if (!r)
		r = read_config(a, inv, AT_FDCWD, inv->operands[1], &after);
	if (r)
		return r;
	changes = render_diff(a, &before, &after);
	return show(a, inv, changes, changes.n > 0);
}

/* Adds file and line of the desired side to each change, by its pointer. */
static void add_origins(struct arena *a, const struct compiled *c, const struct sources *sources, struct value *changes)
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

static int diff_live(struct arena *a, const struct invocation *inv, const struct workspace *ws, enum role role)
{
	const struct compile_options options = { .target = inv->target };
	const char *path = arena_printf(a, ".state/live/config-%s/xray.json", role_names[role]);
	struct value before, after, changes;
	struct diag_sink *sink = NULL;
	struct compiled c = { 0 };
	int r = read_config(a, inv, ws->root_fd, path, &before);

	if (!r)
		r = workspace_compile(a, inv, ws, role, &options, &sink, &c);
	if (r)
		return r == EXIT_CONFIG && sink && inv->format == FORMAT_JSON ?
			out_fail_all(a, inv, EXIT_CONFIG, sink, NULL) :
			r;
	after = xconf_to_value(a, &c.checked.x);
	changes = render_diff(a, &before, &after);
	add_origins(a, &c, diag_sources(sink), &changes);
	return show(a, inv, changes, changes.n > 0 && c.target->family != ENGINE_BUILTIN);
}

int cmd_diff(struct arena *a, const struct invocation *inv)
{
	struct workspace ws = { .root_fd = -1 };
	int worst, r;

	if (inv->n_operands == 1)
		return out_fail(a, inv, EXIT_USAGE, NULL, "diff needs two files, or none for live against desired");
	if (inv->n_operands)
		return diff_files(a, inv);
	worst = workspace_open(a, inv, &ws);
	for (int role = 0; !worst && role < ROLE__N; role++)
		if (ws.roles & 1u << role) {
			r = diff_live(a, inv, &ws, (enum role)role);
			worst = r > worst ? r : worst;
		}
	workspace_close(&ws);
	return worst;
}
