#ifndef XRAT_RUNTIME_SUP_TABLE_H
#define XRAT_RUNTIME_SUP_TABLE_H
/* What happens to an engine, as data: the next state and the one thing to do, for every state and event. */
#include "runtime/supervise.h"

enum sup_event {
	SUP_EV_RUN,        /* a spec is wished for */
	SUP_EV_STOP,       /* nothing is wished for */
	SUP_EV_ADOPT,      /* a running process was found to be ours */
	SUP_EV_READY,      /* the start was proved */
	SUP_EV_UNREADY,    /* it must go: not ready in time, or unhealthy before it was proved */
	SUP_EV_SICK,       /* probes fail */
	SUP_EV_WELL,       /* a probe succeeded again */
	SUP_EV_LEFTOVERS,  /* the process ended and left others behind */
	SUP_EV_TIMER,      /* the back-off is over */
	SUP_EV_GONE_NEXT,  /* nothing of it is left; another spec is wished for */
	SUP_EV_GONE_IDLE,  /* … nothing is wished for */
	SUP_EV_GONE_RETRY, /* … it failed and is tried again later */
	SUP_EV_GONE_LOST,  /* … it failed and is not tried again */
	SUP_EV__N
};
enum sup_action {
	SUP_DO_NOTHING,
	SUP_DO_IGNORE,    /* this event has no meaning here: the state is not entered anew */
	SUP_DO_NOTE_WISH, /* the wish is looked at when the process is gone */
	SUP_DO_START,
	SUP_DO_WATCH,     /* probe the readiness of what was adopted */
	SUP_DO_SERVE,     /* begin to watch its health */
	SUP_DO_TERMINATE, /* SIGTERM, later SIGKILL */
	SUP_DO_SWEEP,     /* end what it left behind */
	SUP_DO_WAIT,      /* set the timer of the back-off */
	SUP_DO_GIVE_UP,   /* report UNPROVED_FAILED */
	SUP_DO_OUTCOME,   /* report STOPPED: how it ended */
	SUP_DO_NOT_RUNNING, /* report STOPPED: there was nothing to stop */
	SUP_DO__N
};
struct sup_rule {
	uint8_t next;   /* enum sup_state */
	uint8_t action; /* enum sup_action */
};
extern const struct sup_rule sup_table[SUP_STATE__N][SUP_EV__N];
extern const char *const sup_event_names[SUP_EV__N];

#endif
