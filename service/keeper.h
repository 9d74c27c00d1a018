#ifndef XRAT_SERVICE_KEEPER_H
#define XRAT_SERVICE_KEEPER_H
/* One role inside the service. It is driven by facts, not by the order of events: whatever happened sets a fact, and
 * keeper_next looks down the table of steps for the first one that is needed. A lost or doubled event changes nothing. */
#include <stdatomic.h>

#include "runtime/runtime.h"
#include "service/log.h"
#include "service/service.h"

/* What a worker thread does: everything that may block on the disk, a lock or the engine's checker. */
enum job_kind { JOB_APPLY, JOB_PROMOTE, JOB_ROLLBACK, JOB__N };
struct keeper;
struct job {
	uv_work_t work;
	atomic_bool cancelled;      /* the service stops: an engine's checker is not waited for */
	enum job_kind kind;
	struct keeper *keeper;
	struct arena *a;
	const struct state *state;
	const char *target;         /* --target */
	uint64_t generation;        /* PROMOTE, ROLLBACK: the one it is about */
	const char *reason;         /* ROLLBACK: given; APPLY: why it was refused */
	const char *answer_id;      /* request that is waiting for this verdict, "" = none */
	const char *digest;         /* ROLLBACK: of the newest inputs that come to the same, "" = those it was made from */
	/* results */
	int r;                      /* of the whole: 0, positive outcome, -errno */
	struct err e;
	bool absent;                /* APPLY: the role has no file */
	bool is_request;            /* APPLY: somebody asked */
	const char *request_id;     /* APPLY: "" = none pending */
	struct diag_sink *notes;    /* APPLY: about damaged files of .state */
	struct apply_result apply;
	struct rollback_result rollback;
};

struct keeper {
	struct service *service;
	enum role which;
	bool off;                   /* this service was told to leave the role alone */
	struct sup *sup;
	uv_timer_t timer;           /* settle, retry */
	bool timer_open;
	struct settle settle;
	struct job *job;            /* running */

	/* facts */
	uint64_t live, lkg;         /* as last read; 0 = none */
	uint64_t told;              /* the generation the supervisor was given; 0 = none */
	bool is_foreign;            /* told is one of another .state, which was there before */
	bool due;                   /* look at the desired files (a request, a start, a retry) */
	int64_t blocked_until_ms;   /* a system fault: no job before then; 0 = none */
	unsigned retry_ms;          /* how long the next block is */
	uint64_t died;              /* unproved generation whose engine did not live; 0 = none */
	char *died_reason;          /* heap */
	uint64_t proved;            /* generation seen healthy long enough */
	bool live_moved;            /* the link was switched while a job ran: perhaps by that job */
	bool must_reload;           /* an adopted engine may run older bytes than its file has */
	bool must_clear;            /* an old failure may stand in apply.error */
	int64_t engine_retry_at_ms; /* the engine cannot be started now: look again then; 0 = at once */

	char *answer_id;            /* heap: request that waits for the proof, "" = none */
	unsigned prove_ms;

	struct arena *spec_a;       /* strings of spec */
	struct arena *old_spec_a;   /* of the spec before, until the supervisor has let go of it */
	struct sup_spec spec;
	char engine_since[CLOCK_TEXT];
	char *engine_reason;        /* heap: the supervisor's, masked */
	char *engine_trouble;       /* heap: why it could not even be tried, "" = nothing */
	struct arena *status_a;     /* strings of status */
	struct status status;
	bool status_failed;         /* said once */
	struct arena *dirs_a;
	const char **dirs;          /* directories the newest compile read from */
	size_t n_dirs;
};

struct service {
	const struct service_options *o;
	uv_loop_t *loop;
	void (*on_stopped)(void *ctx); /* once, when nothing runs any more after service_stop */
	void *on_stopped_ctx;
	const char *root;           /* absolute, links resolved */
	int root_fd;
	struct state state;
	bool has_state;             /* false while CONFIG_ROOT is gone */
	bool reopen;                /* CONFIG_ROOT must be opened again as soon as no job runs */
	uint64_t state_dev, state_ino; /* of the .state that the keepers know */
	bool root_lost;             /* said once */
	uv_timer_t root_timer;
	struct lock lock;
	struct watcher *watcher;
	struct keeper keepers[ROLE__N];
	bool stopping, stopped;
	struct arena *a;            /* for the life of the service */
	int pid;
	char started[CLOCK_TEXT];
	struct log log;
};

/* Does the first needed step, and goes on until none is needed or a job runs. */
void keeper_next(struct keeper *r);
int keeper_open(struct keeper *r, struct service *s, enum role which, struct err *e);
/* Reads live and lkg, adopts what a killed predecessor left running, and makes the desired files due. */
void keeper_start(struct keeper *r);
void keeper_stop(struct keeper *r);
/* Another directory is CONFIG_ROOT's .state now. The engine goes on until something is live there. */
void keeper_forget(struct keeper *r);
/* Whether nothing of it is running any more. */
bool keeper_is_stopped(const struct keeper *r);
void keeper_close(struct keeper *r);
void keeper_read_links(struct keeper *r);
/* Somebody switched the live link; when it was not this service, what is desired is looked at again too. */
void keeper_live_changed(struct keeper *r);

/* jobs.c */
void job_start(struct keeper *r, enum job_kind kind);
/* results.c: on the loop, when a job has ended. */
void job_finished(struct keeper *r, struct job *j);
/* The engine's words as they may be shown: one line, secrets masked. In the arena. */
const char *keeper_words(struct keeper *r, struct arena *a, const char *words);
/* NULL frees; else a copy takes the place of *at. */
void keeper_set_text(char **at, const char *text);

/* activate.c */
/* Brings the engine to what is live: started, restarted or reloaded. */
void keeper_activate(struct keeper *r);
/* What the supervisor needs to know of a generation. Its strings are in the arena. 0 or -errno. */
int keeper_make_spec(struct arena *a, struct keeper *r, uint64_t generation, struct sup_spec *ret_spec, struct err *e);
/* Takes the new spec's memory over; the old one lives until the supervisor has started the new one. */
void keeper_take_spec(struct keeper *r, struct arena *a, const struct sup_spec *spec);

/* adopt.c */
/* Takes over the engine that a killed predecessor left, and ends what else is left; nothing where one is held. */
void keeper_adopt(struct keeper *r);

/* view.c */
void keeper_set_desired(struct keeper *r, const char *digest, const char *state, const char *reason);
void keeper_set_last(struct keeper *r, const char *outcome, uint64_t generation, const char *request_id, const char *reason);
/* Writes status-ROLE.json. */
void keeper_publish_status(struct keeper *r);

void service_update_dirs(struct service *s);
/* Calls on_stopped when a stop was asked for and nothing runs any more; opens CONFIG_ROOT again when that waits. */
void service_check_stopped(struct service *s);

#endif
