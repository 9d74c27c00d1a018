#ifndef XRAT_RUNTIME_H
#define XRAT_RUNTIME_H
/* Engine processes. An engine is only ever run as a process; its words are data. */
#include "runtime/knock.h"
#include "runtime/probe.h"
#include "runtime/process.h"
#include "runtime/supervise.h"

/* The engine's program: `configured` when not empty (a path, or a name to be found on PATH), else the family's name on
 * PATH; for the builtin engine xrat-engine beside /proc/self/exe: in libexec/ there, in ../libexec/xrat/ (installed), or
 * in the same directory. NULL when there is none. */
char *engine_find(struct arena *a, const struct target *t, const char *configured);

/* The program that a generation was made for (meta.json's engine; "" = none was there). When it is gone: what PATH has of its
 * family if it stood on PATH itself, else NULL: one that was named by its path is not replaced by another. */
char *engine_again(struct arena *a, const struct target *t, const char *recorded);

/* Asked some twenty times a second while a program of an engine is waited for; true: it is ended. */
struct engine_abort {
	bool (*fn)(void *data);
	void *data;
};

/* The version that a program of a family says it is ("26.7.28"), in the arena; asked with -version, 5 s at most. NULL where
 * it says none. abort may be NULL. */
char *engine_version(struct arena *a, enum engine_family family, const char *exe, const struct engine_abort *abort);

/* Runs the engine's checker on a file whose name ends in .json, in a session of its own and with the environment of
 * runtime/spawn.h; stdin is /dev/null, output is kept up to 64 KiB, 60 s at most. It is over when the checker ends,
 * whatever it has left behind (that is killed). abort may be NULL. 0: accepted; 1: refused, *ret_words holds its last
 * lines, cleaned for printing; -ETIMEDOUT; -ECANCELED: aborted; -errno. */
int engine_run_check(struct arena *a, const struct target *t, const char *exe, const char *file, const struct engine_abort *abort,
		     char **ret_words, struct err *e);

#endif
