#ifndef XRAT_SERVICE_HOOKS_H
#define XRAT_SERVICE_HOOKS_H
/* Where the publisher meets the engines: what apply_options asks for. */
#include "apply/apply.h"

/* The engine that the compiled configuration would run on: 0 and its path in the arena, or NULL where there is none;
 * -ENOENT when the engine is "auto" and the one that [paths] names is no program. */
int hook_find_engine(struct arena *a, const struct compiled *c, const struct sources *sources, char **ret_exe,
		     struct err *e);
/* -ENOENT, and why: what [paths] names is no program, or none was found. */
int hook_no_engine(const struct compiled *c, const struct sources *sources, struct err *e);
/* A compile_auto_fn whose ctx is a struct engine_abort or NULL: xray, else v2ray, else builtin, as they are in [paths] or on PATH. A program that [paths]
 * names is the one that is meant, whether it is there or not. Xray and V2Ray are asked for their version; where one says
 * none, [runtime] engine_version or the newest is taken, and one that is too old is an error (XR645). */
const struct target *hook_auto(void *ctx, struct arena *a, struct diag_sink *sink, const struct config *c);
/* A publish_check_fn; ctx is a struct publish_engine whose abort is a struct engine_abort or NULL. */
int hook_check(void *ctx, struct arena *a, const struct target *t, const char *file, char **ret_words, struct err *e);

#endif
