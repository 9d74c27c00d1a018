#ifndef XRAT_DAEMON_IPC_H
#define XRAT_DAEMON_IPC_H
/* What the daemon and its clients say to each other: protocol version 1, one JSON object a line each way. One table row a
 * method; this is the only place that knows how things are spelt. Pure: no I/O, no clock.
 *
 * Two dialects are read, whichever way their parts are mixed, and a request is answered in the one of its type's spelling:
 *
 *   IPC_PASCAL  {"protocol_version":1,"request":{"type":"RuntimeConnect","payload":{"config_id":7}}}
 *               {"protocol_version":1,"ok":true,"code":200,"message":"success","payload":{…}}
 *   IPC_SNAKE   {"protocol_version":1,"request":{"type":"runtime_connect","config_id":7}}
 *               {"protocol_version":1,"ok":true,"code":"ok","message":"success","payload":{…}}
 *
 * Words such as triggers are spelt as the dialect spells types. Where ok is false payload is null and "reason" says for
 * programs what "message" says for people, in the same words in both dialects. Members that are not known are passed over. */
#include "model/model.h"

enum { IPC_VERSION = 1, IPC_REQUEST_MAX_BYTES = 64 * 1024, IPC_REPLY_MAX_BYTES = 8 * 1024 * 1024, IPC_REF_MAX_BYTES = 64 };

enum ipc_dialect { IPC_PASCAL, IPC_SNAKE, IPC_DIALECT__N };
enum ipc_code {
	IPC_OK,            /* 200  ok */
	IPC_BAD_REQUEST,   /* 400  invalid_state: not understood, or another version */
	IPC_NOT_FOUND,     /* 404  not_found: no such node, nothing running */
	IPC_BUSY,          /* 409  busy: something else is under way, or runs already */
	IPC_INVALID_STATE, /* 409  invalid_state: not possible as things are */
	IPC_INTERNAL,      /* 500  internal_error */
	IPC_CODE__N
};
/* Which says more than the code does, and alone decides how a command ends. */
enum ipc_reason {
	IPC_REASON_NONE, /* not said */
#define X(name, word, exit, help) IPC_REASON_##name,
#include "daemon/ipc_reasons.def"
#undef X
	IPC_REASON__N
};
enum ipc_method {
	IPC_DAEMON_PING,
	IPC_DAEMON_SHUTDOWN,
	IPC_DAEMON_RESTART,
	IPC_RUNTIME_STATUS,
	IPC_RUNTIME_CONNECT,
	IPC_RUNTIME_REPLACE,
	IPC_RUNTIME_DISCONNECT,
	IPC_PROXY_START,
	IPC_PROXY_STATUS,
	IPC_PROXY_STOP,
	IPC_APPLY_REQUEST,
	IPC_APPLY_STATUS,
	IPC_METHOD__N
};
enum ipc_trigger { IPC_TRIGGER_NONE = -1, IPC_TRIGGER_MANUAL, IPC_TRIGGER_TIMER, IPC_TRIGGER_HEALTH, IPC_TRIGGER__N };

/* --- requests --- */
struct ipc_int {
	bool is_set;
	int64_t n;
};
struct ipc_request {
	enum ipc_dialect dialect;
	enum ipc_method method;
	/* Its arguments; the others are as ipc_request_init leaves them. A node is named by id, by ref (any unique prefix)
	 * or both: then the id counts where there is a node with it, else the ref. */
	struct ipc_int config_id;   /* runtime_connect */
	const char *config_ref;     /* runtime_connect; NULL = not given */
	int trigger;                /* runtime_replace: enum ipc_trigger */
	struct ipc_int candidate_id; /* runtime_replace */
	const char *candidate_ref;  /* runtime_replace; NULL */
	int role;                   /* apply_request, apply_status: enum role, -1 = all */
};
void ipc_request_init(struct ipc_request *q, enum ipc_dialect dialect, enum ipc_method method);

/* --- replies: a struct a method; what is "null" on the wire is an ipc_int not set, a NULL text, -1 or VAL_NONE --- */
struct ipc_ping {
	bool daemon_ready, live_tun;
	int64_t pid;
	const char *instance_id, *version, *started_at;
	int64_t uptime_seconds;
};
struct ipc_shutdown {
	bool daemon_ready, runtime_disconnected;
};
struct ipc_restart {
	bool daemon_ready;
	const char *instance_id; /* of the one that goes */
};
struct ipc_inbound {
	const char *kind;  /* "socks", "http", "shadowsocks" */
	const char *host;
	int64_t port;
	const char *state; /* "reachable", "unreachable", "not_checked" */
};
struct ipc_inbounds {
	const struct ipc_inbound *v;
	size_t n;
};
struct ipc_runtime {
	bool daemon_ready, runtime_owned; /* owned: by this instance of the daemon */
	const char *runtime_status;       /* "none", or the session's state; "degraded" while it runs badly */
	struct ipc_int session_id, active_config_id;
	bool pid_running, http_api_enabled;
	const char *http_api_addr;
	struct value tun;                 /* there is none: VAL_NONE */
	struct ipc_int pid;
	const char *config_ref, *name, *protocol, *address; /* of the node */
	struct ipc_int port;
	const char *engine;               /* "xray", "v2ray", "builtin" */
	struct ipc_inbounds inbounds;
	const char *started_at, *stopped_at, *failure_reason;
};
struct ipc_connect {
	int64_t config_id, session_id, pid;
	const char *name, *engine;
	struct ipc_inbounds inbounds;
	struct ipc_int replaced_session_id;
};
struct ipc_replace {
	int trigger;
	bool replaced;
	struct ipc_int old_session_id, new_config_id, new_session_id, new_pid;
	const char *name;           /* of the new node */
	struct ipc_int gap_ms;      /* how long the port did not answer, where that was measured */
};
struct ipc_disconnect {
	bool stopped_session;
	struct ipc_int session_id;
	const char *outcome; /* "Terminated", "Killed", "NotRunning"; "Cancelled": it was being connected */
};
struct ipc_rotation {
	bool rotation_enabled;
};
struct ipc_proxy {
	bool daemon_ready, rotation_enabled;
	int64_t interval_secs;
	bool health_trigger_enabled;
	int64_t cooldown_secs;
	struct ipc_int active_config_id;
	int last_trigger;
	const char *last_result;
	struct ipc_int last_candidate_config_id;
	const char *last_candidate_result;
	bool cooldown_active;
	struct ipc_int next_timer_epoch_secs;
	int64_t health_failure_threshold, consecutive_health_failures;
	bool health_probe_in_flight;
	struct ipc_int last_health_check_epoch_secs;
	const char *last_health_error;
	bool pending_health_recovery;
};
struct ipc_apply {
	struct value requests; /* array of {role, request_id} */
};
struct ipc_apply_status {
	struct value roles;    /* array of what the status files hold (schemas/state.schema.json) */
};
struct ipc_reply {
	enum ipc_code code;
	enum ipc_reason reason; /* of a refusal; none = what its code means without more */
	const char *message;    /* one line; NULL = "success", or the code's name */
	union { /* by the request's method, when code is IPC_OK */
		struct ipc_ping ping;
		struct ipc_shutdown shutdown;
		struct ipc_restart restart;
		struct ipc_runtime runtime;
		struct ipc_connect connect;
		struct ipc_replace replace;
		struct ipc_disconnect disconnect;
		struct ipc_rotation rotation; /* proxy_start, proxy_stop */
		struct ipc_proxy proxy;
		struct ipc_apply apply;
		struct ipc_apply_status apply_status;
	};
};
/* IPC_OK with nothing set. */
void ipc_reply_init(struct ipc_reply *r, enum ipc_method method);

/* --- bytes --- */
/* One line without its end. 0: *ret_request; 1: refused, *ret_refusal says why and ret_request->dialect how to say it
 * (IPC_PASCAL where nothing can be told). Texts are in the arena, which may jump. */
int ipc_read_request(struct arena *a, struct str line, struct ipc_request *ret_request, struct ipc_reply *ret_refusal);
/* One line with its end. The method is looked at only when the reply is IPC_OK. */
void ipc_write_reply(struct arena *a, enum ipc_dialect dialect, enum ipc_method method, const struct ipc_reply *reply,
		     struct buf *out);
void ipc_write_request(struct arena *a, const struct ipc_request *request, struct buf *out);
/* The reply to a request. *ret_payload (may be NULL) is the payload as it came. 0; -EPROTO: it is none, and e says why. */
int ipc_read_reply(struct arena *a, struct str line, const struct ipc_request *request, struct ipc_reply *ret_reply,
		   struct value *ret_payload, struct err *e);

/* "runtime_connect". */
const char *ipc_method_name(enum ipc_method method);
/* "manual", "timer", "health_check_failed"; "" for none. */
const char *ipc_trigger_name(int trigger);
/* "busy"; "" for none. */
const char *ipc_reason_name(enum ipc_reason reason);
/* JSON Schema (draft-07) of every request and reply in both dialects, made from the table. */
void ipc_schema(struct arena *a, struct value *ret_schema);

#endif
