/* State x event. A cell that is not written here is { 0, 0 } = SUP_STOPPED, SUP_DO_NOTHING, which no cell may be (a unit
 * test holds that), so that nothing is forgotten. */
#include "runtime/sup_table.h"

const char *const sup_state_names[SUP_STATE__N] = {
	[SUP_STOPPED] = "stopped",
	[SUP_STARTING] = "starting",
	[SUP_RUNNING] = "running",
	[SUP_DEGRADED] = "degraded",
	[SUP_STOPPING] = "stopping",
	[SUP_BACKOFF] = "backoff",
	[SUP_FAILED] = "failed",
};

const char *const sup_event_names[SUP_EV__N] = {
	[SUP_EV_RUN] = "run",
	[SUP_EV_STOP] = "stop",
	[SUP_EV_ADOPT] = "adopt",
	[SUP_EV_READY] = "ready",
	[SUP_EV_UNREADY] = "unready",
	[SUP_EV_SICK] = "sick",
	[SUP_EV_WELL] = "well",
	[SUP_EV_LEFTOVERS] = "leftovers",
	[SUP_EV_TIMER] = "timer",
	[SUP_EV_GONE_NEXT] = "gone-next",
	[SUP_EV_GONE_IDLE] = "gone-idle",
	[SUP_EV_GONE_RETRY] = "gone-retry",
	[SUP_EV_GONE_LOST] = "gone-lost",
};

#define STAY(state) { state, SUP_DO_IGNORE }
/* Nothing runs. */
#define IDLE(state) \
	[SUP_EV_RUN] = { SUP_STARTING, SUP_DO_START }, [SUP_EV_STOP] = { SUP_STOPPED, SUP_DO_NOT_RUNNING }, \
	[SUP_EV_ADOPT] = { SUP_STARTING, SUP_DO_WATCH }, [SUP_EV_READY] = STAY(state), [SUP_EV_UNREADY] = STAY(state), \
	[SUP_EV_SICK] = STAY(state), [SUP_EV_WELL] = STAY(state), [SUP_EV_LEFTOVERS] = STAY(state), \
	[SUP_EV_GONE_NEXT] = STAY(state), [SUP_EV_GONE_IDLE] = STAY(state), [SUP_EV_GONE_RETRY] = STAY(state), \
	[SUP_EV_GONE_LOST] = STAY(state)
/* A process runs. */
#define HELD(state) \
	[SUP_EV_RUN] = { SUP_STOPPING, SUP_DO_TERMINATE }, [SUP_EV_STOP] = { SUP_STOPPING, SUP_DO_TERMINATE }, \
	[SUP_EV_ADOPT] = STAY(state), [SUP_EV_UNREADY] = { SUP_STOPPING, SUP_DO_TERMINATE }, \
	[SUP_EV_LEFTOVERS] = { SUP_STOPPING, SUP_DO_SWEEP }, [SUP_EV_TIMER] = STAY(state)
/* Nothing of it is left. */
#define GONE \
	[SUP_EV_GONE_NEXT] = { SUP_STARTING, SUP_DO_START }, [SUP_EV_GONE_IDLE] = { SUP_STOPPED, SUP_DO_OUTCOME }, \
	[SUP_EV_GONE_RETRY] = { SUP_BACKOFF, SUP_DO_WAIT }, [SUP_EV_GONE_LOST] = { SUP_FAILED, SUP_DO_GIVE_UP }

const struct sup_rule sup_table[SUP_STATE__N][SUP_EV__N] = {
	[SUP_STOPPED] = { IDLE(SUP_STOPPED), [SUP_EV_TIMER] = STAY(SUP_STOPPED) },
	[SUP_FAILED] = { IDLE(SUP_FAILED), [SUP_EV_TIMER] = STAY(SUP_FAILED) },
	[SUP_BACKOFF] = { IDLE(SUP_BACKOFF), [SUP_EV_TIMER] = { SUP_STARTING, SUP_DO_START } },
	[SUP_STARTING] = {
		HELD(SUP_STARTING), GONE,
		[SUP_EV_READY] = { SUP_RUNNING, SUP_DO_SERVE },
		[SUP_EV_SICK] = STAY(SUP_STARTING),
		[SUP_EV_WELL] = STAY(SUP_STARTING),
	},
	[SUP_RUNNING] = {
		HELD(SUP_RUNNING), GONE,
		[SUP_EV_READY] = STAY(SUP_RUNNING),
		[SUP_EV_SICK] = { SUP_DEGRADED, SUP_DO_NOTHING },
		[SUP_EV_WELL] = STAY(SUP_RUNNING),
	},
	[SUP_DEGRADED] = {
		HELD(SUP_DEGRADED), GONE,
		[SUP_EV_READY] = STAY(SUP_DEGRADED),
		[SUP_EV_SICK] = STAY(SUP_DEGRADED),
		[SUP_EV_WELL] = { SUP_RUNNING, SUP_DO_NOTHING },
	},
	[SUP_STOPPING] = {
		GONE,
		[SUP_EV_RUN] = { SUP_STOPPING, SUP_DO_NOTE_WISH },
		[SUP_EV_STOP] = { SUP_STOPPING, SUP_DO_NOTE_WISH },
		[SUP_EV_ADOPT] = STAY(SUP_STOPPING),
		[SUP_EV_READY] = STAY(SUP_STOPPING),
		[SUP_EV_UNREADY] = STAY(SUP_STOPPING),
		[SUP_EV_SICK] = STAY(SUP_STOPPING),
		[SUP_EV_WELL] = STAY(SUP_STOPPING),
		[SUP_EV_LEFTOVERS] = { SUP_STOPPING, SUP_DO_SWEEP },
		[SUP_EV_TIMER] = STAY(SUP_STOPPING),
	},
};
