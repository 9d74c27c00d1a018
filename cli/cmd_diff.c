/* diff: live against desired, or two files, as changes an operator understands. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/report.h"

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
		report_change(&out, &changes.items[i]);
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
		if (r == -ENOENT && dir_fd != AT_FDCWD)
			r = out_fail(a, inv, EXIT_NOT_FOUND, NULL, "nothing is live to compare with (no '%s'); 'xrat apply "
				     "--dry-run' shows what would be published", path);
		else
			r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&e));
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

/* Adds what differs for one role to all. */
static int diff_live(struct arena *a, const struct invocation *inv, const struct workspace *ws, enum role role,
		     struct value *all, bool *restart)
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
	report_origins(a, &c, diag_sources(sink), &changes);
	*restart |= changes.n > 0 && c.target->family != ENGINE_BUILTIN;
	for (unsigned i = 0; i < changes.n; i++) {
		if (ws->roles & (ws->roles - 1))
			value_put_str(a, &changes.items[i], "role", role_names[role]);
		value_push(a, all, changes.items[i]);
	}
	return EXIT_DONE;
}

static int diff_roles(struct arena *a, const struct invocation *inv, const struct workspace *ws)
{
	struct value all = value_array(SPAN_NONE);
	bool restart = false;
	int r, worst = EXIT_DONE;

	for (int role = 0; role < ROLE__N; role++) {
		if (!(ws->roles & 1u << role))
			continue;
		r = diff_live(a, inv, ws, (enum role)role, &all, &restart);
		worst = r > worst ? r : worst;
		if (r && inv->format == FORMAT_JSON) /* one document alone */
			return r;
	}
	r = worst && !all.n ? EXIT_DONE : show(a, inv, all, restart);
	return worst ? worst : r;
}

int cmd_diff(struct arena *a, const struct invocation *inv)
{
	struct workspace ws = { .root_fd = -1 };
	int r;

	if (inv->n_operands == 1)
		return out_fail(a, inv, EXIT_USAGE, NULL, "diff needs two files, or none for live against desired");
	if (inv->n_operands)
		return diff_files(a, inv);
	r = workspace_open(a, inv, &ws);
	if (!r)
		r = diff_roles(a, inv, &ws);
	workspace_close(&ws);
	return r;
}
