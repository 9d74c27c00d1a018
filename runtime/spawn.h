#ifndef XRAT_RUNTIME_SPAWN_H
#define XRAT_RUNTIME_SPAWN_H
/* Starting an engine or its checker, with nothing of ours in it: no descriptor, no signal mask or disposition, no
 * controlling terminal (its own session), and of the environment only what is named here.
 *
 * Environment, an allow-list, because operators put secrets into variables that the TOML names: PATH HOME USER LOGNAME
 * SHELL TZ LANG LANGUAGE LC_* TMPDIR, SSL_CERT_FILE SSL_CERT_DIR, limits of the Go runtime (GOMAXPROCS GOGC GOMEMLIMIT
 * GODEBUG GOTRACEBACK), where engines find their data (XRAY_LOCATION_ASSET, XRAY_LOCATION_CERT, the same of V2RAY and
 * their dotted spellings), and what the configuration file itself names as "env:NAME", since the engine reads that. Not
 * XRAY_LOCATION_CONFIG and _CONFDIR: engines merge what lies there into the published file. */
#include "model/model.h"

enum { SPAWN_ARGV_MAX = 16 };
/* Fills in {exe} and {file} of a row of the target table. The strings are those given. */
void spawn_argv(const char *const *pattern, const char *exe, const char *file, char *ret_argv[SPAWN_ARGV_MAX]);
/* The environment as above for an engine that reads `file` (NULL or unreadable = none), and `extra` ("NAME=VALUE", NULL
 * entries at its end). One block on the heap; NULL when memory is out. */
char **spawn_env(const char *file, const char *const extra[2]);

struct spawn {
	char *const *argv, *const *env;
	const char *cwd;    /* NULL = ours */
	int out_fd, err_fd; /* borrowed; not 0, 1 or 2 */
};
/* *ret_pid is the leader of its session, *ret_pidfd holds it. 0, -EINVAL (no argv), -errno: nothing runs. */
int spawn_start(const struct spawn *s, int *ret_pid, int *ret_pidfd);

#endif
