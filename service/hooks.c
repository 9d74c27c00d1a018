/* The engine side of an apply. */
#include "service/hooks.h"

#include <errno.h>

#include "runtime/runtime.h"

/* What [paths] says of a family. */
static const struct text *path_of(const struct config *c, enum engine_family family)
{
	static const struct text none = { 0 };
	const struct text *const paths[ENGINE__N] = { [ENGINE_XRAY] = &c->paths.xray, [ENGINE_V2RAY] = &c->paths.v2ray };

	return paths[family] ? paths[family] : &none;
}

static bool is_named(const struct text *path)
{
	return path->s && *path->s;
}

/* --- engine = "auto" --- */
/* The row for the program that is there. */
static const struct target *for_program(struct arena *a, struct diag_sink *sink, const struct config *c,
					enum engine_family family, const char *exe, const struct engine_abort *abort)
{
	const char *version = engine_version(a, family, exe, abort);
	const struct target *t;
	struct diag *d;

	if (!version)
		version = c->runtime.engine_version.set ? c->runtime.engine_version.s : NULL;
	if (!version)
		return target_newest(family);
	t = target_for_version(family, str_of(version));
	if (t)
		return t;
	d = diag_add(sink, DIAG_XR645, c->runtime.engine.at, "'%s' is %s %s, which is older than any target xrat knows", exe,
		     engine_family_name(family), version);
	diag_help(sink, d, "upgrade it, name another in [paths], or set [runtime] engine to 'builtin', which comes with xrat");
	return target_newest(family);
}

const struct target *hook_auto(void *ctx, struct arena *a, struct diag_sink *sink, const struct config *c)
{
	static const enum engine_family order[] = { ENGINE_XRAY, ENGINE_V2RAY };

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		const struct target *newest = target_newest(order[i]);
		const struct text *path = path_of(c, order[i]);
		const char *exe = engine_find(a, newest, path->s);

		if (exe)
			return for_program(a, sink, c, order[i], exe, ctx);
		if (is_named(path)) /* hook_find_engine says that it is not there; nothing else may run in its place */
			return newest;
	}
	return target_newest(ENGINE_BUILTIN);
}

/* --- where it is --- */
static int is_no_program(const struct sources *sources, const struct text *path, const char *name, struct err *e)
{
	const struct source *source = sources_get(sources, path->at.src);
	uint32_t line = 0, column = 0;

	err_set(e, -ENOENT, "[paths] %s names '%s', which is no program; install it, mend the path, or remove it to take what "
		"is on PATH", name, path->s);
	if (!source)
		return -ENOENT;
	source_place(sources, path->at.src, path->at.begin, &line, &column);
	err_wrap(e, "%s:%u:%u", source->path, line, column);
	return -ENOENT;
}

int hook_find_engine(struct arena *a, const struct compiled *c, const struct sources *sources, char **ret_exe,
		     struct err *e)
{
	const struct text *path;

	*ret_exe = NULL;
	if (!c->target)
		return 0;
	path = path_of(&c->config, c->target->family);
	*ret_exe = engine_find(a, c->target, path->s);
	return *ret_exe || !c->is_auto || !is_named(path) ?
		0 : is_no_program(sources, path, engine_family_name(c->target->family), e);
}

int hook_no_engine(const struct compiled *c, const struct sources *sources, struct err *e)
{
	const char *name = engine_family_name(c->target->family);
	const struct text *path = path_of(&c->config, c->target->family);

	if (is_named(path))
		return is_no_program(sources, path, name, e);
	return err_set(e, -ENOENT, "no '%s' on PATH or in [paths] of config.toml; install it, or set [runtime] engine to 'builtin', which "
		       "comes with xrat", name);
}

int hook_check(void *ctx, struct arena *a, const struct target *t, const char *file, char **ret_words, struct err *e)
{
	const struct publish_engine *engine = ctx;

	return *engine->exe ? engine_run_check(a, t, engine->exe, file, engine->abort, ret_words, e) : 2;
}
