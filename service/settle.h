#ifndef XRAT_SERVICE_SETTLE_H
#define XRAT_SERVICE_SETTLE_H
/* When a burst of changes is over: quiet for settle_ms, or going on for max_wait_ms. Pure; times are clock_mono_ms. */
#include <stdbool.h>
#include <stdint.h>

struct settle {
	int64_t first_ms, last_ms; /* of the burst; first_ms -1 = none */
	unsigned settle_ms, max_wait_ms;
};
void settle_note(struct settle *s, int64_t now_ms);
/* Milliseconds until it is due: 0 = now, -1 = nothing is waiting. A clock that went back counts as no time passed. */
int64_t settle_wait(const struct settle *s, int64_t now_ms);
void settle_clear(struct settle *s);

#endif
