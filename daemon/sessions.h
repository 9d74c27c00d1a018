#ifndef XRAT_DAEMON_SESSIONS_H
#define XRAT_DAEMON_SESSIONS_H
/* Sessions: one node, one engine process, one row of the store. At most one is active. All of the loop's thread; what may
 * block is done as work. */
#include "daemon/frame.h"
#include "store/store.h"

enum session_cause { SESSION_BY_USER, SESSION_BY_TIMER, SESSION_BY_HEALTH, SESSION_AGAIN /* it was under way when a daemon died */ };

/* How an order ended. */
enum session_outcome {
	SESSION_OK,
	SESSION_NO_NODE,      /* not there, or removed */
	SESSION_DISABLED,     /* the node is */
	SESSION_BUSY,         /* another order is under way */
	SESSION_OCCUPIED,     /* one runs, and replace_active_session is false */
	SESSION_STOPPING,     /* the daemon stops, or is being replaced */
	SESSION_NONE,         /* nothing to disconnect, or to change */
	SESSION_BAD_CONFIG,   /* config.toml has errors: why says it */
	SESSION_REFUSED,      /* the node cannot be compiled, or the engine's checker refused: why says it */
	SESSION_NO_ENGINE,    /* the engine's program is not there */
	SESSION_NOT_READY,    /* its engine did not get ready */
	SESSION_NOT_PROVED,   /* no request went through it */
	SESSION_LOST,         /* the switch failed and what ran before could not be brought back either */
	SESSION_LOCKED,       /* another process holds the database */
	SESSION_FAULT,        /* the system: disk, memory, store */
	SESSION_CANCELLED,    /* called off */
	/* of rotations alone */
	SESSION_NO_CANDIDATE,
	SESSION_SAME_NODE,    /* the one in use was named */
	SESSION_COOLING,      /* the last one was not long ago */
	SESSION_OUTCOME__N
};
struct session_result {
	enum session_outcome outcome;
	const char *why;          /* one line without secrets; "" */
	int64_t session_id, node_id, pid;
	int64_t old_session_id;   /* that was replaced; 0 = none */
	bool kept_old;            /* not OK, and what ran before runs on */
	int64_t gap_ms;           /* while the configured port did not answer; -1 = not measured, 0 = it never stopped */
};
/* Called once, on the loop, never from inside the call that ordered it; r is of the call. */
typedef void session_done_fn(struct daemon *d, void *ctx, const struct session_result *r);
/* Connects, or replaces the active one: the new engine is proved on ports of its own before the old one goes. */
void sessions_connect(struct daemon *d, int64_t node_id, enum session_cause cause, session_done_fn *done, void *ctx);
/* Ends what runs, and what is under way towards it; done is told when nothing of it is left. Several at a time are told the
 * same. */
void sessions_disconnect(struct daemon *d, session_done_fn *done, void *ctx);
bool sessions_is_busy(const struct daemon *d);

/* The active session, for health, rotation and status. */
struct session_view {
	int64_t id, node_id, pid;
	const char *engine;              /* "xray", "v2ray", "builtin" */
	const char *status;              /* of its row: "starting", "running", "stopping" */
	const struct store_session *row; /* ports, times; until the loop turns */
	/* A SOCKS listener of it on 127.0.0.1 whose traffic goes through the node, with its account ("" = none). */
	unsigned probe_port;
	const char *probe_user, *probe_password;
	bool is_udp_only;                /* its shadowsocks listener: cannot be connected to */
};
bool sessions_active(const struct daemon *d, struct session_view *ret_view);

/* What ran when the daemon before this one ended, and whose engine was gone when this one started. false: nothing. */
struct session_lost {
	int64_t id, node_id, started_at;
};
bool sessions_lost(const struct daemon *d, struct session_lost *ret_lost);

/* What health watches is told at once; called from the loop. why: for DIED, the engine's last words. */
enum session_event { SESSION_BEGAN /* running, or reattached */, SESSION_ENDED /* as ordered; id 0: nothing ran, and nothing
	shall follow what died */, SESSION_DIED };
/* daemon/health.c has it. */
void health_session_event(struct daemon *d, enum session_event event, int64_t session_id, const char *why);
/* "running" is shown as "degraded" while this holds; daemon/health.c has it. */
bool health_is_degraded(const struct daemon *d);

/* --- sessions*.c, for modules.c and handlers.c --- */
int sessions_start(struct daemon *d, struct err *e);
void sessions_reconcile(struct daemon *d);
void sessions_reloaded(struct daemon *d);
void sessions_stop(struct daemon *d);
bool sessions_is_stopped(const struct daemon *d);
bool sessions_may_be_replaced(const struct daemon *d);
void sessions_close(struct daemon *d);
void sessions_free(struct daemon *d);
/* A client that waited for something has gone. */
void sessions_client_gone(struct daemon *d, struct ipc_token token);
daemon_handler_fn sessions_handle_connect, sessions_handle_disconnect, sessions_handle_status;

/* The node that a request names, by number or ref. 0: *ret_id; else the token was answered. */
int session_answer_find(struct daemon *d, struct ipc_int number, const char *ref, struct ipc_token token, int64_t *ret_id);
/* Tells what became of an order that is not SESSION_OK. */
void session_answer_refuse(struct daemon *d, enum ipc_method method, struct ipc_token token, const struct session_result *r);

/* --- health.c, rotation.c --- */
int health_start(struct daemon *d, struct err *e);
void health_reloaded(struct daemon *d);
void health_close(struct daemon *d);
void health_free(struct daemon *d);
int rotation_start(struct daemon *d, struct err *e);
void rotation_reconcile(struct daemon *d);
void rotation_reloaded(struct daemon *d);
bool rotation_may_be_replaced(const struct daemon *d);
void rotation_close(struct daemon *d);
void rotation_free(struct daemon *d);
daemon_handler_fn rotation_handle_replace, rotation_handle_start, rotation_handle_stop, rotation_handle_status;

#endif
