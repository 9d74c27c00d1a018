/* why TAG|RULETAG|/POINTER. */
#include <unistd.h>

#include "cli/cli.h"

static void print_place(struct buf *out, const struct value *origin)
{
	struct str file = value_get_str(origin, "file");
	int64_t line = 0, column = 0;

	if (!file.len) {
		buf_puts(out, "  a built-in default\n");
		return;
	}
	value_int(value_get(origin, "line"), &line);
	value_int(value_get(origin, "column"), &column);
	buf_printf(out, "  %.*s:%lld:%lld\n", (int)file.len, file.p, (long long)line, (long long)column);
}

static void print_origin(struct buf *out, const struct value *origin)
{
	struct str pointer = value_get_str(origin, "pointer"), owner = value_get_str(origin, "owner"),
		   slot = value_get_str(origin, "slot");
	struct value *v = value_get(origin, "value");

	buf_printf(out, "%.*s: ", (int)pointer.len, pointer.p);
	if (owner.len)
		buf_printf(out, "%.*s", (int)owner.len, owner.p);
	else
		buf_puts(out, "written by the operator");
	if (slot.len)
		buf_printf(out, " (slot %.*s)", (int)slot.len, slot.p);
	buf_putc(out, '\n');
	print_place(out, origin);
	if (!v)
		return;
	buf_puts(out, "  ");
	json_write_at(out, v, 1);
	buf_putc(out, '\n');
}

static int show(struct arena *a, const struct invocation *inv, struct value origins)
{
	struct buf out = { 0 };
	int r;

	if (inv->format == FORMAT_JSON) {
		struct value result = value_object(SPAN_NONE);

		value_put(a, &result, "origins", origins);
		return out_result(a, inv, result);
	}
	for (unsigned i = 0; i < origins.n; i++)
		print_origin(&out, &origins.items[i]);
	r = out_buf(STDOUT_FILENO, &out);
	return r ? out_fail(a, inv, EXIT_SYSTEM, NULL, "could not write to stdout") : EXIT_DONE;
}

static int why(struct arena *a, const struct invocation *inv, const struct workspace *ws, enum role role)
{
	const struct compile_options options = { .target = inv->target, .missing_secret_is_warning = true };
	struct diag_sink *sink = NULL;
	struct compiled c = { 0 };
	struct value origins;
	int r = workspace_compile(a, inv, ws, role, &options, &sink, &c);

	/* A broken configuration is just when people ask: what could be merged is enough. */
	if (r == EXIT_SYSTEM)
		return r;
	if (!c.has_merged)
		return inv->format == FORMAT_JSON ? out_fail_all(a, inv, EXIT_CONFIG, sink, NULL) : EXIT_CONFIG;
	c.checked.x = c.merged.x;
	origins = render_why(a, &c.checked, diag_sources(sink), str_of(inv->operands[0]));
	if (!origins.n)
		return out_fail(a, inv, EXIT_NOT_FOUND, NULL,
				"nothing in the %s configuration is called '%s'; give a tag, a ruleTag or a JSON "
				"pointer such as /inbounds/0",
				role_names[role], inv->operands[0]);
	return show(a, inv, origins);
}

int cmd_why(struct arena *a, const struct invocation *inv)
{
	struct workspace ws = { .root_fd = -1 };
	enum role role;
	int r = workspace_open(a, inv, &ws);

	if (!r)
		r = workspace_one_role(a, inv, &ws, &role);
	if (!r)
		r = why(a, inv, &ws, role);
	workspace_close(&ws);
	return r;
}
