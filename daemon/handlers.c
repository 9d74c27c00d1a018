/* Who answers what. */
#include <string.h>
#include <unistd.h>

#include "daemon/sessions.h"

static void handle_ping(struct daemon *d, const struct ipc_request *q, struct ipc_token token)
{
	struct ipc_reply reply;

	ipc_reply_init(&reply, q->method);
	reply.ping = (struct ipc_ping){ .daemon_ready = d->phase == DAEMON_READY || d->phase == DAEMON_RESTARTING,
					.pid = getpid(), .instance_id = d->instance_id, .version = XRAT_VERSION,
					.started_at = d->started,
					.uptime_seconds = (clock_mono_ms() - d->started_ms) / 1000 };
	ipc_answer(d->ipc, token, &reply);
}

static void handle_shutdown(struct daemon *d, const struct ipc_request *q, struct ipc_token token)
{
	(void)q;
	daemon_stop(d, &token);
}

static void refuse_phase(struct daemon *d, struct ipc_token token)
{
	if (d->phase == DAEMON_STOPPING)
		ipc_refuse_because(d->ipc, token, IPC_BUSY, IPC_REASON_STOPPING, "the daemon stops");
	else
		ipc_refuse_because(d->ipc, token, IPC_BUSY, IPC_REASON_RESTARTING,
				   "the daemon is being replaced; try again in a moment");
}

static void handle_restart(struct daemon *d, const struct ipc_request *q, struct ipc_token token)
{
	struct ipc_reply reply;
	int r = daemon_replace(d);

	if (r == DAEMON_INVALID) {
		ipc_refuse_because(d->ipc, token, IPC_INVALID_STATE, IPC_REASON_CONFIG,
				   "config.toml has errors, see the daemon's log");
		return;
	}
	if (r < 0) {
		ipc_refuse_because(d->ipc, token, IPC_INVALID_STATE, IPC_REASON_SYSTEM,
				   "a successor could not start, see the daemon's log: %s", strerror(-r));
		return;
	}
	if (r) {
		refuse_phase(d, token);
		return;
	}
	ipc_reply_init(&reply, q->method);
	reply.restart = (struct ipc_restart){ .daemon_ready = true, .instance_id = d->instance_id };
	ipc_answer(d->ipc, token, &reply);
}

static const struct handler {
	daemon_handler_fn *fn;
	bool changes; /* refused while the daemon stops or waits to be replaced */
} handlers[IPC_METHOD__N] = {
	[IPC_DAEMON_PING] = { handle_ping, false },
	[IPC_DAEMON_SHUTDOWN] = { handle_shutdown, false },
	[IPC_DAEMON_RESTART] = { handle_restart, false },
	[IPC_RUNTIME_STATUS] = { sessions_handle_status, false },
	[IPC_RUNTIME_CONNECT] = { sessions_handle_connect, true },
	[IPC_RUNTIME_REPLACE] = { rotation_handle_replace, true },
	[IPC_RUNTIME_DISCONNECT] = { sessions_handle_disconnect, true },
	[IPC_PROXY_START] = { rotation_handle_start, true },
	[IPC_PROXY_STATUS] = { rotation_handle_status, false },
	[IPC_PROXY_STOP] = { rotation_handle_stop, true },
	[IPC_APPLY_REQUEST] = { pipeline_handle_apply, true },
	[IPC_APPLY_STATUS] = { pipeline_handle_status, false },
};

void daemon_handle(void *ctx, const struct ipc_request *q, struct ipc_token token)
{
	struct daemon *d = ctx;
	const struct handler *h = &handlers[q->method];

	daemon_debug(d, h->changes ? LOG_DEBUG : LOG_TRACE, "ipc", "request %s", ipc_method_name(q->method));
	if (h->changes && d->phase != DAEMON_READY)
		refuse_phase(d, token);
	else if (h->changes && ipc_server_waiting(d->ipc) > IPC_WAITING_MAX)
		ipc_refuse(d->ipc, token, IPC_BUSY, "too many requests are under way");
	else
		h->fn(d, q, token);
}

void daemon_client_gone(void *ctx, struct ipc_token token)
{
	sessions_client_gone(ctx, token);
}
