#ifndef XRAT_ENGINE_CONFINE_H
#define XRAT_ENGINE_CONFINE_H
/* What the engine gives up once it has started. */
#include "lib/lib.h"

/* No new privileges for this process; and becomes that user, with its groups dropped, when one is named (root alone can).
 * Before other threads exist. 0 or -errno. */
int confine_user(const char *user, struct err *e);
/* No system call but those that a running engine needs, for all threads, for good; others fail with EPERM. No program can
 * be started, no process or thread made, none traced. 0 or -errno. */
int confine_calls(struct err *e);

#endif
