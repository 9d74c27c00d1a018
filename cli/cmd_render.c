/* render xray --desired | --live. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

/* To a file (atomic, 0600) or stdout. */
static int deliver(struct arena *a, const struct invocation *inv, const char *path, struct str bytes)
{
	struct err e = { 0 };
	int r;

	if (!path || str_is(str_of(path), "-")) {
		r = out_write(STDOUT_FILENO, bytes);
		return r ? out_fail(a, inv, EXIT_SYSTEM, NULL, "write to stdout: %s", strerror(-r)) : EXIT_DONE;
	}
	if (!file_write_out(path, bytes, 0600, &e))
		return EXIT_DONE;
	r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&e));
	err_fini(&e);
	return r;
}

static int deliver_buf(struct arena *a, const struct invocation *inv, const char *path, struct buf *out)
{
	int r = out->failed ? out_fail(a, inv, EXIT_SYSTEM, NULL, "render: out of memory") :
			      deliver(a, inv, path, (struct str){ out->p, out->len });

	buf_fini(out);
	return r;
}

static int write_map(struct arena *a, const struct invocation *inv, const struct compiled *c,
		     const struct sources *sources)
{
	struct value map = render_map(a, &c->checked, sources);
	struct buf out = { 0 };

	json_write(&out, &map);
	return deliver_buf(a, inv, inv->map, &out);
}

static int render_desired(struct arena *a, const struct invocation *inv, const struct workspace *ws, enum role role)
{
	const struct compile_options options = { .target = inv->target };
	struct diag_sink *sink = NULL;
	struct compiled c = { 0 };
	struct buf out = { 0 };
	int r = workspace_compile(a, inv, ws, role, &options, &sink, &c);

	if (r)
		return r == EXIT_CONFIG && inv->format == FORMAT_JSON ? out_fail_all(a, inv, EXIT_CONFIG, sink, NULL) :
									r;
	if (inv->redact)
		render_xray_redacted(a, &c.checked, &out);
	else
		render_xray(a, &c.checked, &out);
	r = deliver_buf(a, inv, inv->output, &out);
	return r || !inv->map ? r : write_map(a, inv, &c, diag_sources(sink));
}

/* The published bytes; masking needs them parsed. */
static int redact_bytes(struct arena *a, const char *path, struct str bytes, struct buf *out)
{
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	struct checked c = { 0 };
	struct value root;

	if (json_parse(a, sink, sources_add(sources, path, bytes.p, (uint32_t)bytes.len), true, &root))
		return -EINVAL;
	xconf_from_value(a, &root, target_default(), &c.x);
	render_xray_redacted(a, &c, out);
	return 0;
}

static int render_live(struct arena *a, const struct invocation *inv, const struct workspace *ws, enum role role)
{
	const char *path = arena_printf(a, ".state/live/config-%s/xray.json", role_names[role]);
	struct buf out = { 0 };
	struct err e = { 0 };
	struct str bytes;
	int r = file_read(a, ws->root_fd, path, (size_t)4 * JSON_MAX_BYTES, &bytes, &e);

	if (r) {
		r = out_fail(a, inv, r == -ENOENT ? EXIT_NOT_FOUND : EXIT_SYSTEM, NULL,
			     r == -ENOENT ? "nothing is live: %s" : "%s", err_text(&e));
		err_fini(&e);
		return r;
	}
	if (!inv->redact)
		return deliver(a, inv, inv->output, bytes);
	if (redact_bytes(a, path, bytes, &out))
		return out_fail(a, inv, EXIT_SYSTEM, NULL, "'%s' is not a complete JSON file and cannot be masked",
				path);
	return deliver_buf(a, inv, inv->output, &out);
}

int cmd_render(struct arena *a, const struct invocation *inv)
{
	struct workspace ws = { .root_fd = -1 };
	enum role role;
	int r;

	if (!str_is(str_of(inv->operands[0]), "xray"))
		return out_fail(a, inv, EXIT_USAGE, NULL, "render knows 'xray' only, not '%s'", inv->operands[0]);
	if (inv->desired == inv->live)
		return out_fail(a, inv, EXIT_USAGE, NULL, "render xray needs exactly one of --desired and --live");
	if (inv->live && inv->map)
		return out_fail(a, inv, EXIT_USAGE, NULL,
				"--map goes with --desired; the published map stands beside the live file");
	r = inv->live ? workspace_open_live(a, inv, &ws) : workspace_open(a, inv, &ws);
	if (!r)
		r = workspace_one_role(a, inv, &ws, &role);
	if (!r)
		r = inv->live ? render_live(a, inv, &ws, role) : render_desired(a, inv, &ws, role);
	workspace_close(&ws);
	return r;
}
