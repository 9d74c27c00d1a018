#ifndef XRAT_DAEMON_SESSION_IMPL_H
#define XRAT_DAEMON_SESSION_IMPL_H
/* Shared by the sessions*.c and session_*.c files.
 *
 *   sessions.c         the module: its life, what is active, what the configuration says
 *   session_order.c    connect and replace, step by step
 *   session_cancel.c   orders that somebody does not want any more
 *   session_switch.c   the steps of an order that touch what runs
 *   session_end.c      disconnect, an engine that died, what is removed at the end
 *   session_plan.c     work: a node and config.toml into the files that an engine runs from
 *   session_run.c      an engine process, and who hears of it
 *   session_request.c  work: one real request; how long a port did not answer; files
 *   session_logs.c     log files: their names, and which of them go
 *   session_row.c      the store: rows, events, by way of the ledger: a row may be behind `session_life.row`
 *   session_resume.c   after a start: what was under way begins anew
 *   session_adopt.c    after a start: rows and processes are brought together
 *   session_judge.c    which row has which process
 *   session_find.c     engines of ours in /proc
 *   session_status.c   what `status` is told
 *   session_answer.c   connect and disconnect of clients
 *
 * Files, all 0600 in CONFIG_ROOT/runtime:
 *   session-N.json                 what session N runs from (with the builtin engine: what its process was started with)
 *   session-N-proof.json           the same on ports of its own, until it is proved
 *   session-N.out.log, .err.log    the engine's words
 *   engine-session-N.notify        how its reloads go */
#include "apply/apply.h"
#include "daemon/sessions.h"
#include "runtime/runtime.h"

enum { SESSION_WHY_BYTES = 600, SESSION_LOGS_KEPT = 20, SESSION_REQUEST_MS = 10000 };

/* The reason code of a session that is begun anew. */
#define SESSION_AGAIN_CODE "daemon_restart_again"

/* One session and all that belongs to it, in an arena of its own. Held by whoever uses its texts. */
struct session_life {
	struct arena *a;
	unsigned holders;
	struct store_session row;  /* as the store has it */
	struct store_node node;
	enum session_cause cause;
	struct sup_spec spec;      /* what it runs as */
	struct str bytes;          /* of spec.file; p NULL: not known */
	struct failure_mask *mask; /* NULL: no secret is known by value */
	unsigned probe_port;       /* 0: it has none */
	const char *probe_user, *probe_password;
	const char *probe_url;
	struct sup_spec proof;     /* on ports of its own; file NULL: not wanted */
	unsigned proof_port;
	const char *log_dir;       /* of the log files that the engine itself opens */
	bool is_udp_only;          /* its shadowsocks listener, as its file has it */
};

struct sessions;
struct session_run;
typedef void session_report_fn(struct session_run *r, const struct sup_report *report);
/* An engine process. */
struct session_run {
	struct sessions *all;
	struct sup *sup;
	session_report_fn *on_report;
	struct session_life *now, *before; /* whose texts the supervisor has; before: until the switch is over, may be NULL */
	bool must_reload;             /* adopted: which bytes it read is not known */
	bool is_restarting;           /* outside of an order: that it stops is no fault */
	struct session_run *next;     /* of the strays */
};

enum session_step {
	STEP_ROW,       /* its row is to be written: with nothing but an id, and again with what was planned */
	STEP_PLAN,      /* work: node to files */
	STEP_PROOF,     /* the second engine gets ready */
	STEP_REQUEST,   /* work: a request through it */
	STEP_WATCH,     /* work: the port begins to be watched */
	STEP_CLEAR,     /* engines that have to go first */
	STEP_FILE,      /* work: the file of an engine that reloads */
	STEP_SWITCH,    /* the engine starts, restarts or reloads */
	STEP_CONFIRM,   /* work: a request through what started beside nothing */
	STEP_BACK_FILE, /* work: the file as it was */
	STEP_BACK,      /* what ran before is brought back */
	STEP_STOP,      /* disconnect */
	STEP_OVER,      /* waits for its work */
	STEP__N
};
struct gap;
/* What is under way; there is one at a time. */
struct session_order {
	struct sessions *all;
	enum session_step step;
	struct session_life *next;      /* to become the active one; NULL: disconnect */
	struct session_run *trial;
	struct gap *gap;
	bool has_proof;            /* planned with a second engine, beside the one that runs */
	bool wants_confirm;        /* nothing else proves it */
	bool is_cancelled;
	enum session_outcome cancel; /* is_cancelled: what becomes of it */
	const char *cancel_why;
	struct work *work;         /* that is cancelled with it; NULL */
	bool is_adoption;          /* nobody waits for it */
	bool was_watched;
	unsigned works;
	struct outcome *outcome;
};
/* What somebody waits for. */
struct outcome {
	session_done_fn *done;     /* may be NULL */
	void *ctx;
	struct session_result result;
	char why[SESSION_WHY_BYTES];
	struct outcome *next;
};

struct reach;
struct sessions {
	struct daemon *daemon;
	const char *dir;           /* CONFIG_ROOT/runtime */
	char mark[SESSION_MARK_TEXT]; /* of this root, in the names of log files */
	struct session_life *active;
	struct session_run *run;   /* the engine on the configured ports */
	struct session_run *strays; /* being ended */
	struct session_order *order;
	struct outcome *outcomes;  /* to be told */
	struct outcome *enders;    /* disconnects: told when nothing runs */
	struct session_result ended; /* for them: what was */
	char ended_why[SESSION_WHY_BYTES];
	uv_timer_t tell;
	bool timer_open, stopping;
	struct session_lost lost;  /* id 0: nothing */
	int64_t fallback_id;       /* the node to go back to when what is begun anew fails; 0: none */
	struct reach *reach;
};

/* --- sessions.c --- */
/* Told later, from the loop. */
void sessions_tell(struct sessions *all, struct outcome *o);
/* Goes on with whatever waited for something to end. */
void sessions_go_on(struct sessions *all);

/* --- session_order.c --- */
void session_order_on_main(struct session_order *o, const struct sup_report *report);
void session_order_fail(struct session_order *o, enum session_outcome outcome, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same without being done with it: its row, its files, whoever watches. */
void session_order_leave(struct session_order *o, enum session_outcome outcome, const char *why);
/* It is done with, whatever came of it; waits for work that is under way. */
void session_order_finish(struct session_order *o);
struct session_order *session_order_new(struct sessions *all, session_done_fn *done, void *ctx);
/* For one that waits for it; never NULL. */
struct outcome *session_outcome_new(session_done_fn *done, void *ctx);
void session_order_work_over(struct session_order *o);

/* --- session_cancel.c --- */
/* Ends an order as soon as may be, with this outcome (SESSION_CANCELLED, or SESSION_BUSY: the daemon stops). One that touches
 * what runs ends that too: whoever calls wants that. why: a literal. */
void session_cancel(struct session_order *o, enum session_outcome outcome, const char *why);
/* Nobody waits for it any more: the same, unless it touches what runs. */
void session_cancel_withdraw(struct session_order *o);
/* Behind a step that waits: whether it was cancelled; then it has been seen to. */
bool session_cancel_due(struct session_order *o);
/* What the disconnects that wait are to be told: s has ended (NULL: there was none). */
void session_cancel_ended(struct sessions *all, const struct session_life *s, enum session_outcome outcome, const char *why);
/* What is under way has come to its end, or strays have: goes on with the disconnects that wait. */
void session_cancel_go_on(struct sessions *all);

/* --- session_switch.c --- */
void session_switch(struct session_order *o);
/* A session_report_fn: of the engine on the configured ports. */
void session_switch_hear(struct session_run *r, const struct sup_report *report);
void session_switch_on_main(struct session_order *o, const struct sup_report *report);
/* A row in `starting` whose engine runs and is right: it becomes the active one. */
void session_switch_commit(struct session_order *o);
/* What s planned is in the file of the process by now. Its own file goes when the rows say so; until then it is needed to tell
 * how far this came. */
void session_switch_drop_file(const struct sessions *all, struct session_life *s);

/* --- session_end.c --- */
/* A report that no order expected. */
void session_end_on_main(struct sessions *all, const struct sup_report *report);
void session_end_disconnect(struct session_order *o);
void session_end_on_stop(struct session_order *o, const struct sup_report *report);
/* Removes what s leaves, but for the files of a process that goes on with another session. */
void session_end_clean(struct sessions *all, const struct session_life *s);
/* Logs of sessions that ended long ago. newest: the highest id there is. */
void session_end_prune(struct sessions *all, int64_t newest);

/* --- session_logs.c --- */
/* What the log files that the engine of session id opens are called: "session-12-3f9a1c07". */
char *session_logs_name(struct arena *a, const char *mark, int64_t id);
/* name: "session-12" */
void session_logs_remove_own(int runtime_fd, const char *name);
void session_logs_remove_opened(const char *dir, const char *mark, int64_t id);
/* Which session a file is a log of, by its whole name; 0 = none. mark NULL: in runtime/; else among the opened ones of that
 * mark. */
int64_t session_logs_id(const char *name, const char *mark);
/* Removes those with an id below `below`, except `but`. */
void session_logs_prune(int dir_fd, const char *mark, int64_t below, int64_t but);

/* --- session_plan.c --- */
/* A session of this node, not in the store yet, held once. 0; STORE_MISSING; -errno. */
int session_new(struct daemon *d, int64_t node_id, struct session_life **ret_session, struct err *e);
struct session_life *session_hold(struct session_life *s);
/* A copy that lives as long as s; NULL: no memory. */
char *session_copy(struct session_life *s, const char *text);
void session_drop(struct session_life *s); /* NULL is fine */
struct plan {
	struct session_life *session; /* not the worker's: the loop tells of it meanwhile */
	struct session_life draft;  /* what the worker fills in, with texts in the session's arena, which is its alone */
	const struct daemon *daemon; /* root, root_fd, runtime_fd, sessions->dir alone */
	bool wants_proof;
	unsigned ports[5];
	struct engine_abort abort;
	struct buf out;
	enum session_outcome outcome;
	char why[SESSION_WHY_BYTES];
};
/* Before the work; holds s. */
void session_plan_begin(struct plan *p, struct session_life *s, const struct daemon *d, bool wants_proof);
/* When the work is over, however it ended: the draft is the session. */
void session_plan_end(struct plan *p);
/* A work_spec.run; ctx is a struct plan. 0; 1: outcome and why tell; -errno. */
int session_plan_run(struct work *w, struct arena *a, void *ctx, struct err *e);
/* What shows that a session with these listeners is ready. */
struct probe session_probe_of(const struct store_session *row);
/* What shows that s is ready: its probe listener where no other takes TCP. After session_learn_file. */
void session_set_probe(struct session_life *s);
/* What its file tells: secrets, its listener for probes, whether that of Shadowsocks takes TCP. */
void session_learn_file(struct session_life *s, struct str bytes);

/* --- session_run.c --- */
/* An idle engine. NULL: no memory. */
struct session_run *session_run_new(struct sessions *all, session_report_fn *fn);
/* Starts s with spec (one of its own); what runs is stopped first. */
void session_run_start(struct session_run *r, struct session_life *s, const struct sup_spec *spec);
void session_run_reload(struct session_run *r, struct session_life *s);
/* 0 or -errno. */
int session_run_adopt(struct session_run *r, struct session_life *s, const struct process_id *id);
/* The switch is over: the one before is let go. */
void session_run_settle(struct session_run *r);
/* Ends it, if it runs, among the strays. NULL is fine. */
void session_run_discard(struct session_run *r);
/* Lets go of it; an engine that runs goes on. NULL is fine. */
void session_run_close(struct session_run *r);

/* --- session_request.c --- */
typedef void session_request_fn(struct daemon *d, void *ctx, int r, const char *why, int64_t ms);
/* One request through the SOCKS listener on that port; fn is called once, from the loop; *ret_work (may be NULL) until then. 0
 * or -errno. */
int session_request(struct daemon *d, const struct session_life *s, unsigned port, session_request_fn *fn, void *ctx,
		    struct work **ret_work);
/* Watches how long a port does not answer, until gap_stop: `began` is called when it has looked once, fn at the end with the
 * milliseconds, -1 = not known (then without `began`, maybe). NULL: it cannot be watched. */
typedef void gap_began_fn(struct daemon *d, void *ctx);
typedef void gap_fn(struct daemon *d, void *ctx, int64_t ms);
struct gap *session_gap_start(struct daemon *d, const struct store_session *row, gap_began_fn *began, gap_fn *fn, void *ctx);
void session_gap_stop(struct gap *g); /* NULL is fine */
/* Bytes of s into the file `name` of runtime/. */
typedef void session_put_fn(struct daemon *d, void *ctx, int r, struct err *e);
int session_put(struct daemon *d, struct session_life *s, const char *file, session_put_fn *fn, void *ctx);

/* --- session_row.c --- */
/* Compare and set, through the ledger: written now, or as soon as the database is free, and s goes on as if it were. What did
 * not work is told in the log. 0; STORE_STALE; STORE_MISSING; -errno. */
int session_row_move(struct daemon *d, struct session_life *s, enum store_status to, unsigned parts, struct err *e);
/* The old one is stopped and the next one runs, as one change. */
int session_row_replace(struct daemon *d, struct session_life *old, struct session_life *next, unsigned parts, struct err *e);
/* To `failed`, from wherever it is. */
void session_row_fail(struct daemon *d, struct session_life *s, const char *code, const char *why);
/* To `stopped`, of what never ran. */
void session_row_cancel(struct daemon *d, struct session_life *s);
void session_row_set(struct daemon *d, struct session_life *s, unsigned parts);
void session_row_take_process(struct session_life *s, const struct process_id *id);
/* A line in the log and an event. who: s may be NULL. */
void session_tell(struct daemon *d, enum store_level level, const struct session_life *s, const char *kind, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Words of an engine without secrets, in the session's arena. */
const char *session_words(struct session_life *s, const char *words);

/* --- session_judge.c, session_find.c --- */
struct session_engine { /* a process that is one of ours: its mark and its arguments say so */
	struct process_id id;
	const char *file, *name;
	bool used;
};
int session_find(struct arena *a, const char *root, const char *dir, struct session_engine **ret_engines, size_t *ret_n);
struct session_verdict {
	struct store_session *row;
	bool is_proved;
	struct process_id id;      /* is_proved */
	const char *code, *why;    /* not proved */
	bool is_other_boot;        /* which is why */
};
void session_judge(struct store_session *row, struct session_engine *engines, size_t n, struct session_verdict *ret);

/* --- session_resume.c --- */
/* The node that was to come, proved by a request; when that fails, the one that was there (0: none). */
void session_resume(struct sessions *all, int64_t node_id, int64_t fallback_id);

/* --- session_adopt.c --- */
void session_adopt_all(struct sessions *all);

/* --- session_status.c --- */
int session_reach_open(struct sessions *all);
/* What was known of another session does not count any more; is_ready: the listener that shows it has just answered. */
void session_reach_reset(struct sessions *all, bool is_ready);
void session_reach_close(struct sessions *all);
/* The inbounds of a row with what is known of them, in the arena. */
struct ipc_inbounds session_reach_inbounds(struct sessions *all, struct arena *a, const struct store_session *row);

#endif
