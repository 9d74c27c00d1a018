#ifndef XRAT_SERVICE_HOOKS_H
#define XRAT_SERVICE_HOOKS_H
/* Where the publisher meets the engines: what apply_options asks for. */
#include "apply/apply.h"

/* The engine that the compiled configuration would run on: its path in the arena, or NULL. */
char *hook_find_engine(struct arena *a, const struct compiled *c);
/* A publish_check_fn; ctx is the engine's path (const char *), "" = none. */
int hook_check(void *ctx, struct arena *a, const struct target *t, const char *file, char **ret_words, struct err *e);

#endif
