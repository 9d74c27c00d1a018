/* The engine side of an apply. */
#include "service/hooks.h"

#include "runtime/runtime.h"

char *hook_find_engine(struct arena *a, const struct compiled *c)
{
	const char *const paths[ENGINE__N] = {
		[ENGINE_XRAY] = c->config.paths.xray.s,
		[ENGINE_V2RAY] = c->config.paths.v2ray.s,
	};

	return c->target ? engine_find(a, c->target, paths[c->target->family]) : NULL;
}

int hook_check(void *ctx, struct arena *a, const struct target *t, const char *file, char **ret_words, struct err *e)
{
	const char *exe = ctx;

	return *exe ? engine_run_check(a, t, exe, file, ret_words, e) : 2;
}
