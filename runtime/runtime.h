#ifndef XRAT_RUNTIME_H
#define XRAT_RUNTIME_H
/* Engine processes. An engine is only ever run as a process; its words are data. */
#include "model/model.h"

/* The engine's program: `configured` when not empty, else found on PATH by the family's name. NULL when there is
 * none. */
char *engine_find(struct arena *a, const struct target *t, const char *configured);

/* Runs the engine's checker on a file whose name ends in .json; stdin is /dev/null, output is kept up to 64 KiB, 60 s
 * at most. 0: accepted; 1: refused, *ret_words holds its last lines; -ETIMEDOUT; -errno. */
int engine_run_check(struct arena *a, const struct target *t, const char *exe, const char *file, char **ret_words,
		     struct err *e);

#endif
