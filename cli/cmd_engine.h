#ifndef XRAT_CLI_CMD_ENGINE_H
#define XRAT_CLI_CMD_ENGINE_H
#include "cli/cli.h"
/* The commands of xrat-engine: for the engine itself… */
int engine_cmd_run(struct arena *a, const struct invocation *inv);
int engine_cmd_check(struct arena *a, const struct invocation *inv);
/* …and for one that runs: stats, status, reload over its control socket. */
int engine_cmd_ask(struct arena *a, const struct invocation *inv);
#endif
