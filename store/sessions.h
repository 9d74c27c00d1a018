#ifndef XRAT_STORE_SESSIONS_H
#define XRAT_STORE_SESSIONS_H
/* Sessions: one row for each time a node was connected. */
#include "store/base.h"

/* starting -> running -> stopping -> stopped; starting -> stopping; failed from the first three. */
enum { STORE_SESSIONS_KEEP = 1000 };
enum store_status { STORE_STARTING, STORE_RUNNING, STORE_STOPPING, STORE_STOPPED, STORE_FAILED_SESSION, STORE_STATUS__N };
extern const char *const store_status_names[]; /* "starting", … "failed" */
enum store_owner { STORE_OWNER_CLI, STORE_OWNER_DAEMON, STORE_OWNER__N };
extern const char *const store_owner_names[]; /* "cli", "daemon" */

struct store_endpoint {
	const char *host; /* NULL = this inbound is off */
	int port;
};
/* Which parts of a struct store_session a call writes; a part is written whole, NULL and 0 included. */
enum store_session_parts {
	STORE_S_NODE = 1,         /* node_id */
	STORE_S_PROCESS = 2,      /* process_id … executable_inode */
	STORE_S_CONFIG_PATH = 4,  /* engine, engine_config_path */
	STORE_S_INBOUNDS = 8,     /* socks, http, shadowsocks */
	STORE_S_OWNER = 16,       /* owner, owner_instance_id */
	STORE_S_REASON = 32,      /* reason_code */
	STORE_S_FAILURE = 64,     /* failure_reason */
};
struct store_session {
	int64_t id, node_id;  /* node_id 0: the node was erased */
	enum store_status status;
	int process_id;       /* 0 = none */
	uint64_t process_start_ticks;
	const char *boot_id;
	uint64_t executable_dev, executable_inode;
	const char *engine;   /* "xray", "v2ray", "builtin" */
	const char *engine_config_path;
	struct store_endpoint socks, http, shadowsocks;
	const char *failure_reason, *reason_code; /* why it failed; what moved it last ("manual_connect") */
	enum store_owner owner;
	const char *owner_instance_id;
	int64_t started_at, stopped_at; /* set by moves to running, and to stopped or failed */
	int64_t created_at, updated_at;
};

/* A row in `starting`; id, status and the times of *in are ignored, everything else is written. */
int store_session_add(struct store *s, const struct store_session *in, int64_t now_ms, int64_t *ret_id, struct err *e);
/* From one status to the next, if it still has the one: compared and set in one statement, with the parts named in
 * `parts` of *with (NULL with parts 0). 0; STORE_STALE: it has another status; STORE_MISSING; -EINVAL: no such
 * transition. */
int store_session_move(struct store *s, int64_t id, enum store_status from, enum store_status to, int64_t now_ms,
		       const struct store_session *with, unsigned parts, struct err *e);
/* Writes parts of a live session. 0; STORE_STALE: it has ended; STORE_MISSING. */
int store_session_set(struct store *s, int64_t id, int64_t now_ms, const struct store_session *with, unsigned parts,
		      struct err *e);
/* 0: in the arena; STORE_MISSING. */
int store_session_get(struct store *s, struct arena *a, int64_t id, struct store_session *ret_session, struct err *e);
/* What `status` shows: the running one, else the one being started or stopped, else the newest. 0; STORE_MISSING. */
int store_session_latest(struct store *s, struct arena *a, struct store_session *ret_session, struct err *e);
/* The newest one that ever ran. 0; STORE_MISSING. */
int store_session_latest_run(struct store *s, struct arena *a, struct store_session *ret_session, struct err *e);
/* Starting, running and stopping, by id. */
int store_sessions_live(struct store *s, struct arena *a, struct store_session **ret_sessions, size_t *ret_n,
			struct err *e);
/* The newest `max`, newest first. */
int store_sessions_newest(struct store *s, struct arena *a, size_t max, struct store_session **ret_sessions, size_t *ret_n,
			  struct err *e);
/* Ended sessions beyond the newest `keep` are forgotten; *ret_n of them (may be NULL). */
int store_sessions_prune(struct store *s, int64_t keep, int64_t *ret_n, struct err *e);

#endif
