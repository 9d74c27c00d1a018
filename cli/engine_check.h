#ifndef XRAT_CLI_ENGINE_CHECK_H
#define XRAT_CLI_ENGINE_CHECK_H
#include "compiler/compiler.h"
/* Renders into a private temporary file and asks the target engine's own checker, run as a process. Its refusal is a
 * diagnostic XR701, a missing engine XR702. */
void engine_check(struct arena *a, struct diag_sink *sink, const struct compiled *c);
#endif
