#ifndef XRAT_COMPILER_PICK_H
#define XRAT_COMPILER_PICK_H
#include "compiler/compiler.h"
/* The target to compile for: the named one, else [runtime] engine and engine_version, else the default; never what
 * happens to be installed. NULL with a diagnostic when config.toml names an engine nobody can compile for. */
const struct target *pick_target(struct diag_sink *sink, const struct config *c, const char *name);
/* Whether nobody names an engine: no target by name, and engine = "auto". */
bool pick_is_open(const struct config *c, const char *name);
#endif
