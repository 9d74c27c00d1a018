#ifndef XRAT_RUNTIME_H
#define XRAT_RUNTIME_H
/* Engine processes. An engine is only ever run as a process; its words are data. */
#include "runtime/probe.h"
#include "runtime/process.h"
#include "runtime/supervise.h"

/* The engine's program: `configured` when not empty (a path, or a name to be found on PATH), else the family's name on
 * PATH; for the builtin engine xrat-engine beside /proc/self/exe: in libexec/ there, in ../libexec/xrat/ (installed), or
 * in the same directory. NULL when there is none. */
char *engine_find(struct arena *a, const struct target *t, const char *configured);

/* Runs the engine's checker on a file whose name ends in .json, in a session of its own and with the environment of
 * runtime/spawn.h; stdin is /dev/null, output is kept up to 64 KiB, 60 s at most. It is over when the checker ends,
 * whatever it has left behind (that is killed). 0: accepted; 1: refused, *ret_words holds its last lines, cleaned for
 * printing; -ETIMEDOUT; -errno. */
int engine_run_check(struct arena *a, const struct target *t, const char *exe, const char *file, char **ret_words,
		     struct err *e);

#endif
