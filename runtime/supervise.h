#ifndef XRAT_RUNTIME_SUPERVISE_H
#define XRAT_RUNTIME_SUPERVISE_H
/* One engine process kept as it should be: spawned, proved ready, watched, restarted, stopped. A table of state x event
 * says what happens (sup_table.c); this drives it on a libuv loop. It reports through a sink and decides nothing about
 * configurations. */
#include <uv.h>

#include "runtime/probe.h"
#include "runtime/process.h"

enum sup_state { SUP_STOPPED, SUP_STARTING, SUP_RUNNING, SUP_DEGRADED, SUP_STOPPING, SUP_BACKOFF, SUP_FAILED, SUP_STATE__N };
extern const char *const sup_state_names[SUP_STATE__N];

/* Milliseconds; 0 = the default behind it. */
struct sup_times {
	unsigned ready_ms;         /* until it must be ready: 10000 */
	unsigned poll_ms;          /* between looks while it starts or stops: 100 */
	unsigned alive_ms;         /* ready by being alive, where there is nothing to probe: 1000 */
	unsigned probe_ms;         /* for one probe: 3000 */
	unsigned term_ms;          /* from SIGTERM to SIGKILL: 5000 */
	unsigned backoff_first_ms; /* 500 */
	unsigned backoff_max_ms;   /* 30000 */
	unsigned healthy_reset_ms; /* healthy this long makes it a first failure again: 60000 */
	unsigned reload_ms;        /* for the answer to a reload: 5000 */
	unsigned log_ms;           /* between looks at the size of its logs: 1000 */
};

enum { SUP_OPENED = 2 };
/* Strings must live until the next spec is given and its SUP_REPORT_STATE SUP_STARTING was seen, or sup_close. (After
 * sup_reload: until RELOADED was seen; then those of the spec that lost may go.) */
struct sup_spec {
	const struct target *target;
	const char *exe;   /* "" = none was found: every start fails as "no engine" */
	const char *file;  /* absolute path of xray.json */
	const char *cwd;   /* CONFIG_ROOT */
	const char *name;  /* "client", "session-12": logs engine-NAME.out.log, .err.log (session-…: NAME.out.log) */
	const char *log_dir;
	uint64_t log_max_bytes; /* each; 0 = 8 MiB. Rotated to .1 by copy and truncate, since an engine may outlive us */
	const char *opened[SUP_OPENED]; /* log files that the engine opens itself, cut in the same way; NULL = none */
	struct probe probe;
	uint64_t generation;
	bool proved;            /* was healthy once, in this or an earlier life */
	unsigned prove_ms;      /* healthy this long = proved */
	unsigned health_ms;     /* between probes while it runs; 0 = 15 s (shorter until it is proved) */
	bool may_reload;        /* SIGHUP makes it read its file again (the builtin engine) */
	bool once;              /* it is not started again by itself: its first end is SUP_FAILED, with the reason */
	struct sup_times times;
};

enum sup_report_kind {
	SUP_REPORT_STATE,  /* entered a new state; reason says why */
	SUP_REPORT_PROVED, /* healthy for prove_ms without a break; not for a spec that came as proved */
	SUP_REPORT_UNPROVED_FAILED, /* an unproved spec failed two starts (or died before it was proved, twice): state FAILED */
	SUP_REPORT_STOPPED, /* the outcome of sup_stop: "Terminated", "Killed", "NotRunning" in reason. One for all the
			     * calls that one end answers; none when a newer sup_run took the wish back */
	SUP_REPORT_RELOADED, /* the engine runs the new file, or reason says why not (then nothing changed). None when a
			      * newer sup_ call took its place */
	SUP_REPORT__N
};
struct sup_report {
	enum sup_report_kind kind;
	enum sup_state state;
	const char *reason;     /* one line, "" = none; the engine's last words are in it when it died. Of the call */
	uint64_t generation;    /* of the spec it is about */
	bool ok;                /* RELOADED */
};
typedef void sup_sink_fn(void *ctx, const struct sup_report *r);

struct sup_view { /* for status */
	enum sup_state state;
	const char *reason;        /* until the loop turns */
	int64_t since_ms;          /* clock_mono_ms of the last change of state */
	struct process_id process; /* pid 0 = none */
	bool ownership_proved;     /* the listening socket is known to be the engine's */
	unsigned starts;           /* of this spec; an adopted engine was not started */
	unsigned fast_failures;
	int64_t next_start_ms;     /* BACKOFF: when (clock_mono_ms); else 0 */
	uint64_t generation;
};

/* Faults of the system (no program, no memory, a missing directory) are retried for ever with back-off and
 * never become UNPROVED_FAILED. A spec that was proved and fails fast 5 times in a row is tried at backoff_max_ms from
 * then on; the state report of the fifth says so.
 *
 * Reload (may_reload), as type notify-reload of systemd.service(5) has it: the engine finds a socket in $NOTIFY_SOCKET.
 * It gets SIGHUP, reads its configuration file again (the path of its command line) and sends, see sd_notify(3),
 *     RELOADING=1 and MONOTONIC_USEC=<CLOCK_MONOTONIC now>      when it begins
 *     READY=1                                                   when it runs the new file, or
 *     READY=1, ERRNO=<n>, STATUS=<one line: why>                when it refused it and goes on with the old one
 * Each is one datagram of lines. READY=1 counts after a RELOADING=1 whose time is not before the signal's. Silence for
 * reload_ms, or the end of the process, is "not reloaded". READY=1 after a start is accepted and changes nothing. */
struct sup;
/* Makes this process the one that orphans of engines come to (PR_SET_CHILD_SUBREAPER). 0 or -errno. The sink is called
 * from the loop only, never from inside a sup_ call; it may call any of them. */
int sup_new(struct sup **ret_sup, uv_loop_t *loop, sup_sink_fn *sink, void *ctx, struct err *e);
/* Start with this spec; while another runs: stop that one first (restart). Copies nothing but the struct. In any state
 * the newest of sup_run and sup_stop is what counts. */
void sup_run(struct sup *s, const struct sup_spec *spec);
/* The same spec shape, without a restart: the running engine is told to read `file` again. Reports RELOADED. Only where
 * may_reload holds, `file` is the path the engine runs from, and the state is RUNNING or DEGRADED; else it is sup_run. */
void sup_reload(struct sup *s, const struct sup_spec *spec);
/* Take over a process that is already running from spec->file (after our predecessor was killed). 0, or -ESRCH when it is
 * not what it was; -EBUSY while another engine is held; then nothing has changed and sup_run is what is left. Readiness
 * is probed as after a start. */
int sup_adopt(struct sup *s, const struct sup_spec *spec, const struct process_id *id);
/* SIGTERM, poll every 100 ms, after 5 s SIGKILL, with all of its session. Reports STOPPED. */
void sup_stop(struct sup *s);
/* The running generation is proved (its link was promoted): restarts of it no longer count towards UNPROVED_FAILED. */
void sup_set_proved(struct sup *s);
void sup_view(const struct sup *s, struct sup_view *ret_view);
/* Frees; a running engine is left running (stop it first when that is not wanted). The loop must turn once more. NULL is
 * fine. */
void sup_close(struct sup *s);

#endif
