/* check --exec. */
#include "cli/engine_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "apply/apply.h"
#include "runtime/runtime.h"

static const char *configured_path(const struct compiled *c)
{
	const char *const paths[ENGINE__N] = {
		[ENGINE_XRAY] = c->config.paths.xray.s,
		[ENGINE_V2RAY] = c->config.paths.v2ray.s,
	};

	return paths[c->target->family];
}

static int write_temporary(struct arena *a, const struct compiled *c, const char *dir, char **ret_file, struct err *e)
{
	struct buf out = { 0 };
	int r;

	render_xray(a, &c->checked, &out);
	*ret_file = arena_printf(a, "%s/xray.json", dir);
	r = out.failed ? err_sys(e, -ENOMEM, "render") :
			 file_create(AT_FDCWD, *ret_file, (struct str){ out.p, out.len }, 0600, e);
	buf_fini(&out);
	return r;
}

static void ask(struct arena *a, struct diag_sink *sink, const struct compiled *c, const char *exe, const char *dir)
{
	struct err e = { 0 };
	char *file = NULL, *words = NULL;
	int r = write_temporary(a, c, dir, &file, &e);

	if (!r) {
		r = engine_run_check(a, c->target, exe, file, NULL, &words, &e);
		unlink(file);
	}
	if (r == 1)
		diag_add(sink, DIAG_XR701, SPAN_NONE, "'%s' refused the rendered file: %s", exe,
			 words && *words ? failure_mask_text(a, failure_mask_new(a, c), words) : "it gave no reason");
	else if (r < 0)
		diag_add(sink, DIAG_XR701, SPAN_NONE, "the engine's checker could not be run: %s", err_text(&e));
	err_fini(&e);
}

void engine_check(struct arena *a, struct diag_sink *sink, const struct compiled *c)
{
	const char *set = getenv("TMPDIR"), *base = set && *set ? set : "/tmp";
	const char *exe = engine_find(a, c->target, configured_path(c));
	char *dir = arena_printf(a, "%s/xrat-XXXXXX", base);
	struct diag *d;

	if (!exe) {
		d = diag_add(sink, DIAG_XR702, SPAN_NONE, "no '%s' on PATH or in [paths] to check the rendered file with",
			     engine_family_name(c->target->family));
		diag_help(sink, d, "install it or name its program in [paths] of config.toml; 'builtin' comes with xrat");
		return;
	}
	if (!mkdtemp(dir)) {
		diag_add(sink, DIAG_XR701, SPAN_NONE,
			 "the engine's checker could not be run: no temporary directory in '%s'", base);
		return;
	}
	ask(a, sink, c, exe, dir);
	rmdir(dir);
}
