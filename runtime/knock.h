#ifndef XRAT_RUNTIME_KNOCK_H
#define XRAT_RUNTIME_KNOCK_H
/* One connection to a listener to see whether it answers, on the loop. SOCKS: a greeting that offers no authentication
 * (RFC 1928), answered by "none", "password" or "no acceptable methods". Others: being accepted is the answer. */
#include <uv.h>

#include "runtime/probe.h"

struct knock;
/* fault NULL: it answered; else one line that says what did not. Called once from the loop, not when cancelled. */
typedef void knock_fn(void *ctx, const char *fault);
/* probe->kind is not PROBE_ALIVE; the probe's strings are not kept. 0 or -errno (fn is not called then). */
int knock_start(struct knock **ret_knock, uv_loop_t *loop, const struct probe *probe, unsigned timeout_ms, knock_fn *fn,
		void *ctx);
/* Ends it without an answer; NULL is fine. Its memory goes when the loop turns. */
void knock_cancel(struct knock *k);

#endif
