#ifndef XRAT_CLI_CMD_ENGINE_H
#define XRAT_CLI_CMD_ENGINE_H
#include "cli/cli.h"
/* The commands of xrat-engine: for the engine itself… */
int engine_cmd_run(struct arena *a, const struct invocation *inv);
int engine_cmd_check(struct arena *a, const struct invocation *inv);
/* …and for one that runs: stats, status, reload over its control socket. */
int engine_cmd_ask(struct arena *a, const struct invocation *inv);
/* With -c the reload brings what an engine that has given up root may not open itself. */
int engine_cmd_reload(struct arena *a, const struct invocation *inv);

/* --- engine_ask.c --- */
struct parcel;
/* One command, or a reload with that parcel (command NULL): the line that comes back. 0 or -errno; *ret_asked: the engine has
 * the question all the same (may be NULL). */
int engine_ask(const char *path, const char *command, const struct parcel *parcel, struct buf *ret_answer, bool *ret_asked);
/* What the line says: 0 and the result; else it was told, and the exit code. */
int engine_read_answer(struct arena *a, const struct invocation *inv, struct str line, struct value **ret_result);
int engine_show_result(struct arena *a, const struct invocation *inv, const struct value *result);
#endif
