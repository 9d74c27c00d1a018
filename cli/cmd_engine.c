/* engine run, engine check: the compiler's checks, then the engine's own. */
#include "cli/cmd_engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/engine.h"

/* What the callbacks of the engine need. */
struct engine_cmd {
	const struct invocation *inv;
	bool quiet_ok; /* do not say that all is well */
};

static int read_given(struct arena *a, int fd, struct str *ret_bytes)
{
	struct stat st;
	size_t done = 0;
	char *p;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > JSON_MAX_BYTES)
		return S_ISREG(st.st_mode) ? -EFBIG : -EINVAL;
	p = arena_alloc(a, (size_t)st.st_size + 1);
	while (done < (size_t)st.st_size) {
		ssize_t n = pread(fd, p + done, (size_t)st.st_size - done, (off_t)done);

		if (n <= 0 && errno != EINTR)
			return n ? -errno : -EIO;
		done += n > 0 ? (size_t)n : 0;
	}
	p[done] = 0;
	*ret_bytes = (struct str){ p, done };
	return 0;
}

/* The rows of the builtin target decide, as for `check --raw --target builtin`. */
static int load(void *ctx, int fd, struct arena *a, struct diag_sink *sink, struct xconf *ret_x, struct err *e)
{
	const struct engine_cmd *cmd = ctx;
	struct compile_options o = { .target = "builtin" };
	struct compiled *c = arena_new_of(a, struct compiled);
	int r = fd < 0 ? 0 : read_given(a, fd, &o.raw_bytes);

	if (r)
		return err_sys(e, r, "read '%s' as it was given", cmd->inv->config);
	diag_errors_only(sink, cmd->quiet_ok); /* `check` has told the rest, and looking for it takes its time */
	r = compile_raw(a, sink, cmd->inv->config, &o, c, e);
	diag_errors_only(sink, false);
	if (r)
		return r;
	*ret_x = c->merged.x;
	return c->has_checked && !diag_count(sink, SEV_ERROR) ? 0 : 1;
}

static const char *plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

static void report(void *ctx, struct arena *a, struct diag_sink *sink)
{
	const struct engine_cmd *cmd = ctx;
	const struct invocation *inv = cmd->inv;
	unsigned errors, warnings;
	struct buf out = { 0 };

	(void)a;
	diag_finish(sink, false);
	errors = diag_count(sink, SEV_ERROR);
	warnings = diag_count(sink, SEV_WARNING);
	if (inv->format == FORMAT_JSON) {
		if (errors)
			out_fail_all(a, inv, EXIT_CONFIG, sink, NULL);
		return;
	}
	out_diags(inv, sink);
	if (inv->quiet || (cmd->quiet_ok && !errors))
		return;
	buf_printf(&out, "%s (builtin): ", inv->config);
	if (errors || warnings)
		buf_printf(&out, "%u error%s, %u warning%s\n", errors, plural(errors), warnings, plural(warnings));
	else
		buf_puts(&out, "ok\n");
	out_buf(STDERR_FILENO, &out);
}

/* Where Xray looks for .dat files. */
static void set_assets(struct engine_options *o)
{
	const char *dir = getenv("XRAY_LOCATION_ASSET");

	if (dir && *dir) {
		o->assets[0] = dir;
		return;
	}
	o->assets[0] = "/usr/local/share/xray";
	o->assets[1] = "/usr/share/xray";
}

static int finish(struct arena *a, const struct invocation *inv, int r, struct err *e)
{
	if (r < 0)
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(e));
	else if (r)
		r = EXIT_CONFIG;
	err_fini(e);
	return r;
}

static int no_config(struct arena *a, const struct invocation *inv)
{
	return out_fail(a, inv, EXIT_USAGE, NULL, "engine %s needs -c FILE", inv->operands[0]);
}

int engine_cmd_run(struct arena *a, const struct invocation *inv)
{
	struct engine_cmd cmd = { .inv = inv, .quiet_ok = true };
	struct engine_options o = { .load = load, .report = report, .ctx = &cmd, .workers = (unsigned)inv->workers,
				    .control = inv->control, .user = inv->user, .no_seccomp = inv->no_seccomp };
	struct err e = { 0 };

	if (!inv->config)
		return no_config(a, inv);
	set_assets(&o);
	return finish(a, inv, engine_run(&o, &e), &e);
}

int engine_cmd_check(struct arena *a, const struct invocation *inv)
{
	struct engine_cmd cmd = { .inv = inv };
	struct engine_options o = { .load = load, .report = report, .ctx = &cmd };
	struct err e = { 0 };
	int r;

	if (!inv->config)
		return no_config(a, inv);
	set_assets(&o);
	r = engine_try(&o, &e);
	if (!r && inv->format == FORMAT_JSON) {
		struct value result = value_object(SPAN_NONE);

		value_put_str(a, &result, "checked", inv->config);
		return out_result(a, inv, result);
	}
	return finish(a, inv, r, &e);
}

/* --- reload -c: asks what runs, opens what is new, and sends that with the reload --- */
static int read_running(struct arena *a, const struct invocation *inv, struct value **ret_running)
{
	struct buf line = { 0 };
	int r = engine_ask(inv->control, "status", NULL, &line, NULL);

	if (r)
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "ask the engine at '%s': %s", inv->control, strerror(-r));
	else
		r = engine_read_answer(a, inv, (struct str){ arena_memdup(a, line.p, line.len), line.len }, ret_running);
	buf_fini(&line);
	return r;
}

static int send_parcel(struct arena *a, const struct invocation *inv, struct parcel *p)
{
	struct buf line = { 0 };
	struct value *result = NULL;
	bool asked = false;
	int r = engine_ask(inv->control, NULL, p, &line, &asked);

	if (r)
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "ask the engine at '%s': %s", inv->control, strerror(-r));
	else
		r = engine_read_answer(a, inv, (struct str){ line.p, line.len }, &result);
	engine_free_parcel(p, result ? ENGINE_PARCEL_TAKEN : asked ? ENGINE_PARCEL_IN_DOUBT : ENGINE_PARCEL_UNSENT);
	if (!r && result)
		r = engine_show_result(a, inv, result);
	buf_fini(&line);
	return r;
}

int engine_cmd_reload(struct arena *a, const struct invocation *inv)
{
	struct engine_cmd cmd = { .inv = inv, .quiet_ok = true };
	struct engine_options o = { .load = load, .report = report, .ctx = &cmd };
	struct value *running = NULL;
	struct parcel *p = NULL;
	struct err e = { 0 };
	int r;

	if (!inv->config || !inv->control)
		return engine_cmd_ask(a, inv);
	set_assets(&o);
	r = read_running(a, inv, &running);
	if (r)
		return r;
	r = engine_pack(&o, inv->config, running, &p, &e);
	return r ? finish(a, inv, r, &e) : send_parcel(a, inv, p);
}
