#ifndef XRAT_STORE_ROTATION_H
#define XRAT_STORE_ROTATION_H
/* Rotation: who may be next, who has to wait, and what the daemon remembers over a restart. */
#include "store/base.h"

struct store_wanted {
	int64_t now_ms;
	int64_t fresh_since_ms; /* the latest test is not older; 0 = of any age */
	bool ignore_cooldown;   /* manual */
	int64_t not_id;         /* one more that is not wanted, 0 = none */
	size_t max;             /* 0 = all */
};
struct store_candidate {
	int64_t id, real_delay_ms, tested_at;
	double download_mbps; /* 0 = not measured */
};
/* Nodes that are enabled, not removed, without a live session, not cooling down, and whose latest test passed the real
 * delay: lowest delay, then highest download (missing last), then lowest id. */
int store_candidates(struct store *s, struct arena *a, const struct store_wanted *w,
		     struct store_candidate **ret_candidates, size_t *ret_n, struct err *e);

/* A failure is forgotten when the next one comes this long after its cooldown was over. */
enum { STORE_COOLDOWN_FORGET_MS = 24 * 3600 * 1000 };
/* One more failure: it waits base_ms, then twice that, four times…, at most max_ms (not under base_ms). *ret_until may be
 * NULL. 0; STORE_MISSING: no such node. */
int store_cooldown_fail(struct store *s, int64_t node_id, const char *reason, int64_t base_ms, int64_t max_ms,
			int64_t now_ms, int64_t *ret_until, struct err *e);
/* It proved itself: forgets its failures. 0; STORE_UNCHANGED: there were none. */
int store_cooldown_clear(struct store *s, int64_t node_id, struct err *e);
struct store_cooldown {
	int64_t node_id, failures, cooldown_until, last_failed_at;
	const char *reason;
};
/* Who waits at now_ms, by id. */
int store_cooldowns(struct store *s, struct arena *a, int64_t now_ms, struct store_cooldown **ret_cooldowns,
		    size_t *ret_n, struct err *e);

/* What `proxy status` tells, beside the settings of config.toml. */
enum store_switch { STORE_AS_CONFIGURED, STORE_SWITCHED_ON, STORE_SWITCHED_OFF };
struct store_rotation {
	enum store_switch enabled; /* `proxy start` and `proxy stop` outlive a restart */
	const char *last_trigger, *last_result, *last_candidate_result, *last_health_error;
	int64_t last_candidate_id; /* 0 = none */
	int64_t last_rotated_at, next_timer_at, last_health_check_at;
	int64_t consecutive_health_failures;
	bool pending_health_recovery;
};
/* All of it at once. A database that knows nothing yet gives zeros. (`proxy start` and `stop` put it within a durable batch.) */
int store_rotation_get(struct store *s, struct arena *a, struct store_rotation *ret_rotation, struct err *e);
int store_rotation_put(struct store *s, const struct store_rotation *r, struct err *e);

#endif
