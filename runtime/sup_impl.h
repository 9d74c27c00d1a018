#ifndef XRAT_RUNTIME_SUP_IMPL_H
#define XRAT_RUNTIME_SUP_IMPL_H
/* Shared by supervise.c and the sup_*.c files.
 *
 *   supervise.c   the calls of supervise.h, reports, the one function that changes state
 *   sup_start.c   spawning and adopting
 *   sup_ready.c   readiness
 *   sup_health.c  health, proving
 *   sup_end.c     exit, stopping, sweeping, what comes behind
 *   sup_reload.c  reload */
#include "runtime/engine_log.h"
#include "runtime/knock.h"
#include "runtime/sup_table.h"

enum { REPORTS_MAX = 32, UNPROVED_STARTS = 2, FAST_FAILURES_MAX = 5, MISSES_MAX = 3, STRANGER_LOOKS = 5 };

/* A process that is held. On the heap of its own, since libuv lets go of its handles one turn later. */
struct engine {
	struct sup *sup; /* NULL = given up, only closing */
	uv_poll_t exit_poll, notify_poll;
	unsigned open_handles;
	int pidfd, notify_fd;
	struct process_id id;
	bool ended, is_adopted, port_was_free;
	siginfo_t info;          /* how it ended; si_pid 0 = unknown */
	char *marker, *notify_path, *log_trouble; /* log_trouble NULL = it has its logs */
	struct engine_log log;
	int64_t started_ms;
};

struct pending_report {
	enum sup_report_kind kind;
	enum sup_state state;
	uint64_t generation;
	bool ok;
	char *reason; /* NULL = "" */
};

struct sup {
	uv_loop_t *loop;
	sup_sink_fn *sink;
	void *ctx;
	uv_timer_t tick, log_tick, deliver, reload_tick;
	unsigned open_handles;
	bool closed;

	enum sup_state state;
	char *reason;
	int64_t since_ms;
	struct pending_report reports[REPORTS_MAX]; /* a ring */
	unsigned reports_first, reports_n;

	struct sup_spec spec, next; /* what runs or ran last; what is wished instead */
	bool has_next, wanted;
	struct engine *engine;      /* NULL = none */
	struct knock *knock;
	unsigned starts, failures, fast_failures;
	int64_t next_start_ms;

	struct { /* why the engine goes; text NULL = it was asked to */
		char *text;
		bool is_set, is_system;
	} fault;
	struct { /* STARTING */
		char *doubt; /* what was last seen that was not readiness */
		unsigned strangers;
		bool ownership_proved;
	} ready;
	struct { /* RUNNING, DEGRADED */
		int64_t healthy_since_ms; /* 0 = not now */
		unsigned misses;
	} health;
	struct { /* STOPPING */
		int64_t kill_at_ms;
		bool killed, swept;
	} end;
	struct {
		bool active, began;
		struct sup_spec spec;
		uint64_t signalled_usec;
	} reload;
};

/* --- supervise.c --- */
/* The only place that changes state: takes the row of the table, enters, reports, acts. reason is copied; NULL = "". */
void sup_step(struct sup *s, enum sup_event event, const char *reason);
void sup_report(struct sup *s, enum sup_report_kind kind, bool ok, const char *reason);
void sup_fault(struct sup *s, bool is_system, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void sup_fault_clear(struct sup *s);
const char *sup_fault_text(const struct sup *s);
/* The spec that was wished for becomes the one that counts; nothing failed yet. */
void sup_take_spec(struct sup *s, const struct sup_spec *spec);
void sup_fill_times(struct sup_times *t); /* zeros become defaults */
unsigned sup_health_ms(const struct sup *s);
/* Sets the timer of the state; repeat_ms 0 = once. */
void sup_tick_in(struct sup *s, unsigned first_ms, unsigned repeat_ms);

/* --- sup_start.c --- */
void sup_start(struct sup *s);
/* A process that runs already; takes the pidfd. 0 or -errno, then nothing has changed. */
int sup_hold_adopted(struct sup *s, const struct sup_spec *spec, const struct process_id *id, int pidfd);
/* Lets go of the process, whatever it does; closes what was open for it. */
void sup_let_go(struct sup *s);

/* --- sup_ready.c --- */
void sup_ready_begin(struct sup *s);
void sup_ready_tick(struct sup *s);

/* --- sup_health.c --- */
void sup_health_begin(struct sup *s);
void sup_health_tick(struct sup *s);
/* Forgets earlier failures when it has been healthy long enough. */
void sup_health_note(struct sup *s);

/* --- sup_end.c --- */
void sup_end_on_exit(struct sup *s);
void sup_end_terminate(struct sup *s);
void sup_end_sweep(struct sup *s);
void sup_end_tick(struct sup *s);
/* Nothing of it is left: counts the failure and takes the step. */
void sup_end_gone(struct sup *s);
void sup_end_wait(struct sup *s);

/* --- sup_reload.c --- */
bool sup_reload_begin(struct sup *s, const struct sup_spec *spec);
void sup_reload_drop(struct sup *s);
void sup_reload_finish(struct sup *s, bool ok, const char *reason);
void sup_reload_on_message(struct engine *e);

#endif
