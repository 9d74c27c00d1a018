#ifndef XRAT_DAEMON_ROTATION_CORE_H
#define XRAT_DAEMON_ROTATION_CORE_H
/* What health and rotation decide, without a clock, a store or a loop: rotation*.c and health*.c tell it what happened and do
 * what it says. Times are Unix milliseconds; 0 = never.
 *
 *              WANTED             FOUND               TAKEN
 *     RESTING --------> LOOKING --------> SWITCHING --------> RESTING
 *                       ^  | OVER           | |  | NEXT: the next candidate
 *                       |  v                | |  v
 *                       | RESTING           | `--> SWITCHING
 *                       `-------------------'
 *                          STALE: nothing fresh is left, so what was not tested lately is tested, once
 *
 * Two clocks keep automatic rotations apart: cooldown_ms after one that changed the node, and after one for health in vain.
 * What was wanted meanwhile waits (`recovery`). A rotation that somebody asked for by hand waits for neither. */
#include "daemon/ipc.h"

enum { ROTATION_TRIES = 5, ROTATION_CANDIDATES = 16, ROTATION_WAIT_MAX_MS = 60 * 1000, ROTATION_BUSY_MS = 1000 };

struct rotation_policy {
	bool enabled, health_trigger;
	bool may_replace; /* what runs; else only what died is followed by another */
	int64_t interval_ms, cooldown_ms, tick_ms;
	int64_t threshold;
};
enum rotation_state { ROTATION_RESTING, ROTATION_LOOKING, ROTATION_SWITCHING, ROTATION_STATE__N };
enum rotation_act {
	ROTATION_NOTHING,
	ROTATION_LOOK,   /* for candidates; core.may_test: tests first what was not tested lately */
	ROTATION_TRY,    /* core.candidate */
	ROTATION_DONE,   /* core.result says how it ended */
	ROTATION_REFUSED /* core.refusal says why; what is under way goes on */
};
enum rotation_result {
	ROTATION_REPLACED,
	ROTATION_NO_CANDIDATE,
	ROTATION_ALL_FAILED,    /* no candidate proved itself */
	ROTATION_NETWORK_DOWN,  /* our own: nobody's fault */
	ROTATION_INTERRUPTED,   /* not wanted any more: another session, healthy again, switched off, the daemon stops */
	ROTATION_BUSY,          /* sessions were */
	ROTATION_FAULT,         /* the system, not a node */
	ROTATION_NO_SESSION, ROTATION_SAME_NODE, ROTATION_COOLING, /* refused */
	ROTATION_RESULT__N
};
/* "replaced", "no_candidate", … as status and events tell it. */
extern const char *const rotation_result_names[ROTATION_RESULT__N];

struct rotation_core {
	struct rotation_policy policy;
	/* what is active */
	int64_t session_id, node_id;           /* 0 = nothing is */
	int64_t dead_session_id, dead_node_id; /* died, and nothing came after it; 0 */
	int64_t began_at;
	/* health of it */
	int64_t failures;
	int64_t probe_session_id; /* a probe of this one is under way; 0 = none */
	int64_t checked_at;
	bool network_down;        /* found by the last probe or look */
	bool recovery;            /* a rotation for health is wanted */
	bool punished;            /* its node was sent to cool down */
	/* rotation */
	enum rotation_state state;
	enum ipc_trigger trigger;
	bool asked;               /* by somebody, not by us */
	bool may_test, has_stale;
	int64_t for_session_id;   /* what was active when it began; 0 = something that had died */
	int64_t candidates[ROTATION_CANDIDATES];
	size_t n_candidates, at;
	int64_t tried[ROTATION_TRIES];
	size_t n_tried;
	int64_t candidate;
	enum rotation_result result, refusal;
	int64_t rotated_at;       /* by itself */
	int64_t next_timer_at;
	int64_t retry_at;         /* not for health before */
};

/* config.toml, or the switch, is another one. */
void rotation_core_set_policy(struct rotation_core *c, const struct rotation_policy *p, int64_t now);

/* --- what becomes of sessions --- */
/* since: when it began to run, if that was under the daemon before this one: what is known of its health and its timer stays,
 * unless that is of the session before it. 0: just now. */
void rotation_core_began(struct rotation_core *c, int64_t session_id, int64_t node_id, int64_t since, int64_t now);
void rotation_core_ended(struct rotation_core *c, int64_t session_id);
void rotation_core_died(struct rotation_core *c, int64_t session_id, int64_t node_id, int64_t now);

/* --- health --- */
enum rotation_verdict { ROTATION_GOOD, ROTATION_BAD, ROTATION_NOT_ITS_FAULT /* our network is down */ };
enum rotation_health {
	ROTATION_H_DROPPED,   /* of a session that is gone */
	ROTATION_H_GOOD,
	ROTATION_H_RECOVERED, /* good again */
	ROTATION_H_FAILED,    /* once more, not for the first time above the threshold */
	ROTATION_H_DOWN,      /* reached the threshold with this one */
	ROTATION_H_NETWORK,   /* our network went down with this one */
	ROTATION_H_SAME,      /* as before */
};
/* Whether a probe of session_id should begin now; then it has, and rotation_core_probed must follow. */
bool rotation_core_probe(struct rotation_core *c);
enum rotation_health rotation_core_probed(struct rotation_core *c, enum rotation_verdict v, int64_t now);
/* The probe came to no result. */
void rotation_core_unprobed(struct rotation_core *c);

/* --- rotation --- */
/* What should begin by itself now: IPC_TRIGGER_NONE, TIMER or HEALTH. Corrects times of a clock that was set back. */
int rotation_core_due(struct rotation_core *c, int64_t now);
/* Milliseconds until rotation_core_due should be asked again, -1 = not before something happens. */
int64_t rotation_core_wait(const struct rotation_core *c, int64_t now);
bool rotation_core_is_cooling(const struct rotation_core *c, int64_t now);
/* asked: somebody wants it; automatic ones wait for the cooldown even so. named: the node to go to, 0 = the best.
 * ROTATION_LOOK, ROTATION_TRY or ROTATION_REFUSED. */
enum rotation_act rotation_core_begin(struct rotation_core *c, enum ipc_trigger trigger, bool asked, int64_t named, int64_t now);

enum rotation_looked { ROTATION_LOOKED, ROTATION_LOOKED_NETWORK_DOWN, ROTATION_LOOKED_FAULT, ROTATION_LOOKED_INTERRUPTED };
/* What a look found: candidates, best first; has_stale: there are more that were not tested lately. */
enum rotation_act rotation_core_looked(struct rotation_core *c, enum rotation_looked how, const int64_t *ids, size_t n,
				       bool has_stale, int64_t now);
enum rotation_tried { ROTATION_TRIED_TAKEN, ROTATION_TRIED_FAILED, ROTATION_TRIED_BUSY, ROTATION_TRIED_FAULT,
	ROTATION_TRIED_INTERRUPTED };
enum rotation_act rotation_core_tried(struct rotation_core *c, enum rotation_tried how, int64_t now);
/* The node that health is about and that should cool down now, once; 0 = none. */
int64_t rotation_core_punish(struct rotation_core *c);

#endif
