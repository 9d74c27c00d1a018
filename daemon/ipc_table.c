/* Every method of the protocol: its two spellings, what it takes and what it gives. */
#include <stddef.h>
#include <string.h>

#include "daemon/ipc_impl.h"

static const struct ipc_word trigger_words[IPC_TRIGGER__N] = {
	[IPC_TRIGGER_MANUAL] = { { "Manual", "manual" } },
	[IPC_TRIGGER_TIMER] = { { "Timer", "timer" } },
	[IPC_TRIGGER_HEALTH] = { { "HealthCheckFailed", "health_check_failed" } },
};
const struct ipc_words ipc_triggers = { trigger_words, IPC_TRIGGER__N };

static const struct ipc_word role_words[ROLE__N] = {
	[ROLE_CLIENT] = { { "Client", "client" } },
	[ROLE_SERVER] = { { "Server", "server" } },
};
static const struct ipc_words roles = { role_words, ROLE__N };

const struct ipc_code_row ipc_codes[IPC_CODE__N] = {
	[IPC_OK] = { 200, "ok", IPC_REASON_NONE },
	[IPC_BAD_REQUEST] = { 400, "invalid_state", IPC_REASON_PROTOCOL },
	[IPC_NOT_FOUND] = { 404, "not_found", IPC_REASON_NOT_FOUND },
	[IPC_BUSY] = { 409, "busy", IPC_REASON_BUSY },
	[IPC_INVALID_STATE] = { 409, "invalid_state", IPC_REASON_BUSY },
	[IPC_INTERNAL] = { 500, "internal_error", IPC_REASON_SYSTEM },
};

const struct ipc_reason_row ipc_reasons[IPC_REASON__N] = {
	[IPC_REASON_NONE] = { "", "" },
#define X(name, word, exit, help) [IPC_REASON_##name] = { word, help },
#include "daemon/ipc_reasons.def"
#undef X
};

#define FIELDS(rows) { rows, sizeof(rows) / sizeof(*(rows)) }
#define NONE { NULL, 0 }

/* --- requests --- */
#define AT(member) offsetof(struct ipc_request, member)
static const struct ipc_field connect_args[] = {
	{ "config_id", IPC_KIND_OPT_INT, AT(config_id), IPC_FIELD_EITHER, "the node by its number", NULL },
	{ "config_ref", IPC_KIND_TEXT, AT(config_ref), IPC_FIELD_EITHER, "the node by a unique beginning of its ref", NULL },
};
static const struct ipc_field replace_args[] = {
	{ "trigger", IPC_KIND_WORD, AT(trigger), IPC_FIELD_REQUIRED, "why", &ipc_triggers },
	{ "candidate_id", IPC_KIND_OPT_INT, AT(candidate_id), IPC_FIELD_NULL, "the node to go to; default the best", NULL },
	{ "candidate_ref", IPC_KIND_TEXT, AT(candidate_ref), IPC_FIELD_NULL, "the same by a unique beginning of its ref",
	  NULL },
};
static const struct ipc_field role_args[] = {
	{ "role", IPC_KIND_WORD, AT(role), IPC_FIELD_NULL, "default every role that has a file", &roles },
};
#undef AT

/* --- replies --- */
#define AT(type, member) offsetof(struct type, member)
static const struct ipc_field ping[] = {
	{ "daemon_ready", IPC_KIND_BOOL, AT(ipc_ping, daemon_ready), 0, "it has started", NULL },
	{ "live_tun", IPC_KIND_BOOL, AT(ipc_ping, live_tun), 0, "always false", NULL },
	{ "pid", IPC_KIND_INT, AT(ipc_ping, pid), 0, "its process", NULL },
	{ "instance_id", IPC_KIND_TEXT, AT(ipc_ping, instance_id), 0, "UUID of this run of it", NULL },
	{ "version", IPC_KIND_TEXT, AT(ipc_ping, version), 0, "of xrat", NULL },
	{ "started_at", IPC_KIND_TEXT, AT(ipc_ping, started_at), 0, "RFC 3339", NULL },
	{ "uptime_seconds", IPC_KIND_INT, AT(ipc_ping, uptime_seconds), 0, "since then", NULL },
};
static const struct ipc_field shutdown_reply[] = {
	{ "daemon_ready", IPC_KIND_BOOL, AT(ipc_shutdown, daemon_ready), 0, "false: it ends", NULL },
	{ "runtime_disconnected", IPC_KIND_BOOL, AT(ipc_shutdown, runtime_disconnected), 0, "a session was ended", NULL },
};
static const struct ipc_field restart_reply[] = {
	{ "daemon_ready", IPC_KIND_BOOL, AT(ipc_restart, daemon_ready), 0, "true: it goes on answering", NULL },
	{ "instance_id", IPC_KIND_TEXT, AT(ipc_restart, instance_id), 0, "of the run that is replaced", NULL },
};
static const struct ipc_field runtime[] = {
	{ "daemon_ready", IPC_KIND_BOOL, AT(ipc_runtime, daemon_ready), 0, "it has started", NULL },
	{ "runtime_owned", IPC_KIND_BOOL, AT(ipc_runtime, runtime_owned), 0, "this run of the daemon has the session", NULL },
	{ "runtime_status", IPC_KIND_TEXT, AT(ipc_runtime, runtime_status), 0,
	  "none, starting, running, degraded, stopping, stopped, failed", NULL },
	{ "session_id", IPC_KIND_OPT_INT, AT(ipc_runtime, session_id), IPC_FIELD_NULL, "the latest session", NULL },
	{ "active_config_id", IPC_KIND_OPT_INT, AT(ipc_runtime, active_config_id), IPC_FIELD_NULL, "its node", NULL },
	{ "pid_running", IPC_KIND_BOOL, AT(ipc_runtime, pid_running), 0, "its engine lives", NULL },
	{ "http_api_enabled", IPC_KIND_BOOL, AT(ipc_runtime, http_api_enabled), 0, "the HTTP API listens", NULL },
	{ "http_api_addr", IPC_KIND_TEXT, AT(ipc_runtime, http_api_addr), IPC_FIELD_NULL, "where", NULL },
	{ "tun", IPC_KIND_OBJECT, AT(ipc_runtime, tun), IPC_FIELD_NULL, "always null", NULL },
	{ "pid", IPC_KIND_OPT_INT, AT(ipc_runtime, pid), IPC_FIELD_NULL, "its engine's process", NULL },
	{ "config_ref", IPC_KIND_TEXT, AT(ipc_runtime, config_ref), IPC_FIELD_NULL, "ref of the node", NULL },
	{ "name", IPC_KIND_TEXT, AT(ipc_runtime, name), IPC_FIELD_NULL, "name of the node", NULL },
	{ "protocol", IPC_KIND_TEXT, AT(ipc_runtime, protocol), IPC_FIELD_NULL, "of the node", NULL },
	{ "address", IPC_KIND_TEXT, AT(ipc_runtime, address), IPC_FIELD_NULL, "of the node", NULL },
	{ "port", IPC_KIND_OPT_INT, AT(ipc_runtime, port), IPC_FIELD_NULL, "of the node", NULL },
	{ "engine", IPC_KIND_TEXT, AT(ipc_runtime, engine), IPC_FIELD_NULL, "xray, v2ray, builtin", NULL },
	{ "inbounds", IPC_KIND_INBOUNDS, AT(ipc_runtime, inbounds), 0, "what it listens on", NULL },
	{ "started_at", IPC_KIND_TEXT, AT(ipc_runtime, started_at), IPC_FIELD_NULL, "RFC 3339", NULL },
	{ "stopped_at", IPC_KIND_TEXT, AT(ipc_runtime, stopped_at), IPC_FIELD_NULL, "RFC 3339", NULL },
	{ "failure_reason", IPC_KIND_TEXT, AT(ipc_runtime, failure_reason), IPC_FIELD_NULL, "why it failed", NULL },
};
static const struct ipc_field connect_reply[] = {
	{ "config_id", IPC_KIND_INT, AT(ipc_connect, config_id), 0, "the node", NULL },
	{ "session_id", IPC_KIND_INT, AT(ipc_connect, session_id), 0, "the new session", NULL },
	{ "pid", IPC_KIND_INT, AT(ipc_connect, pid), 0, "its engine's process", NULL },
	{ "name", IPC_KIND_TEXT, AT(ipc_connect, name), IPC_FIELD_NULL, "name of the node", NULL },
	{ "engine", IPC_KIND_TEXT, AT(ipc_connect, engine), IPC_FIELD_NULL, "xray, v2ray, builtin", NULL },
	{ "inbounds", IPC_KIND_INBOUNDS, AT(ipc_connect, inbounds), 0, "what it listens on", NULL },
	{ "replaced_session_id", IPC_KIND_OPT_INT, AT(ipc_connect, replaced_session_id), IPC_FIELD_NULL,
	  "the session whose place it took", NULL },
};
static const struct ipc_field replace_reply[] = {
	{ "trigger", IPC_KIND_WORD, AT(ipc_replace, trigger), IPC_FIELD_NULL, "as asked", &ipc_triggers },
	{ "replaced", IPC_KIND_BOOL, AT(ipc_replace, replaced), 0, "another node is used now", NULL },
	{ "old_session_id", IPC_KIND_OPT_INT, AT(ipc_replace, old_session_id), IPC_FIELD_NULL, "the session before", NULL },
	{ "new_config_id", IPC_KIND_OPT_INT, AT(ipc_replace, new_config_id), IPC_FIELD_NULL, "the new node", NULL },
	{ "new_session_id", IPC_KIND_OPT_INT, AT(ipc_replace, new_session_id), IPC_FIELD_NULL, "the new session", NULL },
	{ "new_pid", IPC_KIND_OPT_INT, AT(ipc_replace, new_pid), IPC_FIELD_NULL, "its engine's process", NULL },
	{ "name", IPC_KIND_TEXT, AT(ipc_replace, name), IPC_FIELD_NULL, "name of the new node", NULL },
	{ "gap_ms", IPC_KIND_OPT_INT, AT(ipc_replace, gap_ms), IPC_FIELD_NULL, "how long the port did not answer", NULL },
};
static const struct ipc_field disconnect_reply[] = {
	{ "stopped_session", IPC_KIND_BOOL, AT(ipc_disconnect, stopped_session), 0, "a session was ended", NULL },
	{ "session_id", IPC_KIND_OPT_INT, AT(ipc_disconnect, session_id), IPC_FIELD_NULL, "which", NULL },
	{ "outcome", IPC_KIND_TEXT, AT(ipc_disconnect, outcome), IPC_FIELD_NULL, "Terminated, Killed, NotRunning; Cancelled: it was being connected", NULL },
};
static const struct ipc_field rotation_reply[] = {
	{ "rotation_enabled", IPC_KIND_BOOL, AT(ipc_rotation, rotation_enabled), 0, "afterwards", NULL },
};
static const struct ipc_field proxy[] = {
	{ "daemon_ready", IPC_KIND_BOOL, AT(ipc_proxy, daemon_ready), 0, "it has started", NULL },
	{ "rotation_enabled", IPC_KIND_BOOL, AT(ipc_proxy, rotation_enabled), 0, "nodes are changed by timer and health", NULL },
	{ "interval_secs", IPC_KIND_INT, AT(ipc_proxy, interval_secs), 0, "of the timer", NULL },
	{ "health_trigger_enabled", IPC_KIND_BOOL, AT(ipc_proxy, health_trigger_enabled), 0, "bad health changes nodes", NULL },
	{ "cooldown_secs", IPC_KIND_INT, AT(ipc_proxy, cooldown_secs), 0, "how long a failed node rests", NULL },
	{ "active_config_id", IPC_KIND_OPT_INT, AT(ipc_proxy, active_config_id), IPC_FIELD_NULL, "the node in use", NULL },
	{ "last_trigger", IPC_KIND_WORD, AT(ipc_proxy, last_trigger), IPC_FIELD_NULL, "of the last rotation", &ipc_triggers },
	{ "last_result", IPC_KIND_TEXT, AT(ipc_proxy, last_result), IPC_FIELD_NULL, "of the last rotation", NULL },
	{ "last_candidate_config_id", IPC_KIND_OPT_INT, AT(ipc_proxy, last_candidate_config_id), IPC_FIELD_NULL,
	  "the node that was tried last", NULL },
	{ "last_candidate_result", IPC_KIND_TEXT, AT(ipc_proxy, last_candidate_result), IPC_FIELD_NULL, "how that went", NULL },
	{ "cooldown_active", IPC_KIND_BOOL, AT(ipc_proxy, cooldown_active), 0, "nodes are resting", NULL },
	{ "next_timer_epoch_secs", IPC_KIND_OPT_INT, AT(ipc_proxy, next_timer_epoch_secs), IPC_FIELD_NULL,
	  "when the timer fires next", NULL },
	{ "health_failure_threshold", IPC_KIND_INT, AT(ipc_proxy, health_failure_threshold), 0, "failures in a row", NULL },
	{ "consecutive_health_failures", IPC_KIND_INT, AT(ipc_proxy, consecutive_health_failures), 0, "so far", NULL },
	{ "health_probe_in_flight", IPC_KIND_BOOL, AT(ipc_proxy, health_probe_in_flight), 0, "one is under way", NULL },
	{ "last_health_check_epoch_secs", IPC_KIND_OPT_INT, AT(ipc_proxy, last_health_check_epoch_secs), IPC_FIELD_NULL,
	  "when the last one ended", NULL },
	{ "last_health_error", IPC_KIND_TEXT, AT(ipc_proxy, last_health_error), IPC_FIELD_NULL, "what it found", NULL },
	{ "pending_health_recovery", IPC_KIND_BOOL, AT(ipc_proxy, pending_health_recovery), 0, "a rotation is wanted", NULL },
};
static const struct ipc_field apply_reply[] = {
	{ "requests", IPC_KIND_LIST, AT(ipc_apply, requests), 0, "role and request_id of each that was queued", NULL },
};
static const struct ipc_field apply_status[] = {
	{ "roles", IPC_KIND_LIST, AT(ipc_apply_status, roles), 0, "what status-ROLE.json holds, of each role", NULL },
};
static const struct ipc_field inbound[] = {
	{ "kind", IPC_KIND_TEXT, AT(ipc_inbound, kind), 0, "socks, http, shadowsocks", NULL },
	{ "host", IPC_KIND_TEXT, AT(ipc_inbound, host), 0, "address", NULL },
	{ "port", IPC_KIND_INT, AT(ipc_inbound, port), 0, "port", NULL },
	{ "state", IPC_KIND_TEXT, AT(ipc_inbound, state), 0, "reachable, unreachable, not_checked", NULL },
};
#undef AT
const struct ipc_fields ipc_inbound_fields = FIELDS(inbound);

const struct ipc_row ipc_rows[IPC_METHOD__N] = {
	[IPC_DAEMON_PING] = { { "DaemonPing", "daemon_ping" }, NONE, FIELDS(ping), "is it there" },
	[IPC_DAEMON_SHUTDOWN] = { { "DaemonShutdown", "daemon_shutdown" }, NONE, FIELDS(shutdown_reply),
				  "end the session and the daemon; answered when that is done" },
	[IPC_DAEMON_RESTART] = { { "DaemonRestart", "daemon_restart" }, NONE, FIELDS(restart_reply),
				 "be replaced by a new run in the same process; what runs goes on" },
	[IPC_RUNTIME_STATUS] = { { "RuntimeStatus", "runtime_status" }, NONE, FIELDS(runtime), "the latest session" },
	[IPC_RUNTIME_CONNECT] = { { "RuntimeConnect", "runtime_connect" }, FIELDS(connect_args), FIELDS(connect_reply),
				  "start a session" },
	[IPC_RUNTIME_REPLACE] = { { "RuntimeReplace", "runtime_replace" }, FIELDS(replace_args), FIELDS(replace_reply),
				  "change to another node" },
	[IPC_RUNTIME_DISCONNECT] = { { "RuntimeDisconnect", "runtime_disconnect" }, NONE, FIELDS(disconnect_reply),
				     "end the session" },
	[IPC_PROXY_START] = { { "ProxyStart", "proxy_start" }, NONE, FIELDS(rotation_reply), "turn rotation on" },
	[IPC_PROXY_STATUS] = { { "ProxyStatus", "proxy_status" }, NONE, FIELDS(proxy), "how rotation stands" },
	[IPC_PROXY_STOP] = { { "ProxyStop", "proxy_stop" }, NONE, FIELDS(rotation_reply), "turn rotation off" },
	[IPC_APPLY_REQUEST] = { { "ApplyRequest", "apply_request" }, FIELDS(role_args), FIELDS(apply_reply),
				"apply the desired files" },
	[IPC_APPLY_STATUS] = { { "ApplyStatus", "apply_status" }, FIELDS(role_args), FIELDS(apply_status),
			       "desired, live, last known good and engine of each role" },
};

/* --- names --- */
const char *ipc_method_name(enum ipc_method method)
{
	return ipc_rows[method].names[IPC_SNAKE];
}

const char *ipc_trigger_name(int trigger)
{
	return trigger >= 0 && trigger < IPC_TRIGGER__N ? trigger_words[trigger].names[IPC_SNAKE] : "";
}

const char *ipc_reason_name(enum ipc_reason reason)
{
	return ipc_reasons[reason].name;
}

void ipc_request_init(struct ipc_request *q, enum ipc_dialect dialect, enum ipc_method method)
{
	*q = (struct ipc_request){ .dialect = dialect, .method = method, .trigger = IPC_TRIGGER_NONE, .role = -1 };
}

void ipc_reply_init(struct ipc_reply *r, enum ipc_method method)
{
	memset(r, 0, sizeof(*r));
	if (method == IPC_RUNTIME_REPLACE)
		r->replace.trigger = IPC_TRIGGER_NONE;
	if (method == IPC_PROXY_STATUS)
		r->proxy.last_trigger = IPC_TRIGGER_NONE;
}
