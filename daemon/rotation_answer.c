/* Clients of the rotation. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/rotation_impl.h"

struct rotation_asker {
	struct ipc_token token;
	int trigger;
};

static struct ipc_int number(int64_t n)
{
	return (struct ipc_int){ .is_set = n != 0, .n = n };
}

/* --- RuntimeReplace --- */
static void answer_replaced(struct daemon *d, struct arena *a, const struct rotation_asker *asker, const struct session_result *r)
{
	struct ipc_reply reply;
	struct store_node node;

	ipc_reply_init(&reply, IPC_RUNTIME_REPLACE);
	reply.replace = (struct ipc_replace){
		.trigger = asker->trigger,
		.replaced = true,
		.old_session_id = number(r->old_session_id),
		.new_config_id = number(r->node_id),
		.new_session_id = number(r->session_id),
		.new_pid = number(r->pid),
		.gap_ms = { .is_set = r->gap_ms >= 0, .n = r->gap_ms },
	};
	if (!store_node_get(d->store, a, r->node_id, SPAN_NONE, &node, NULL))
		reply.replace.name = node.row.name;
	ipc_answer(d->ipc, asker->token, &reply);
}

static void on_replaced(struct daemon *d, void *ctx, const struct session_result *r)
{
	struct rotation_asker *asker = ctx;
	struct arena *volatile a = NULL;
	jmp_buf oom;

	if (r->outcome != SESSION_OK) {
		session_answer_refuse(d, IPC_RUNTIME_REPLACE, asker->token, r);
	} else if (!(a = arena_new()) || setjmp(oom)) {
		ipc_refuse(d->ipc, asker->token, IPC_INTERNAL, "changed, but memory is out");
	} else {
		arena_on_oom(a, &oom);
		answer_replaced(d, a, asker, r);
	}
	arena_free(a);
	free(asker);
}

void rotation_handle_replace(struct daemon *d, const struct ipc_request *q, struct ipc_token token)
{
	struct rotation_asker *asker;
	int64_t id = 0; /* the best one */

	if ((q->candidate_id.is_set || q->candidate_ref) &&
	    session_answer_find(d, q->candidate_id, q->candidate_ref, token, &id))
		return;
	asker = malloc(sizeof(*asker));
	if (!asker) {
		ipc_refuse(d->ipc, token, IPC_INTERNAL, "out of memory");
		return;
	}
	*asker = (struct rotation_asker){ token, q->trigger };
	rotation_order(d, (enum ipc_trigger)q->trigger, true, id, on_replaced, asker);
}

/* --- ProxyStart, ProxyStop --- */
struct switch_asker {
	struct ipc_token token;
	enum ipc_method method;
};

static void on_switched(struct daemon *d, void *ctx, int r, struct err *e)
{
	struct switch_asker *asker = ctx;
	struct ipc_reply reply;

	if (r) {
		ipc_refuse_because(d->ipc, asker->token, r == -EBUSY ? IPC_BUSY : IPC_INTERNAL,
				   r == -EBUSY ? IPC_REASON_LOCKED : IPC_REASON_SYSTEM, "%s", err_text(e));
	} else {
		ipc_reply_init(&reply, asker->method);
		reply.rotation.rotation_enabled = d->rotation->core.policy.enabled;
		ipc_answer(d->ipc, asker->token, &reply);
	}
	free(asker);
}

static void handle_switch(struct daemon *d, const struct ipc_request *q, struct ipc_token token, enum store_switch to)
{
	struct switch_asker *asker = malloc(sizeof(*asker));

	if (!asker) {
		ipc_refuse(d->ipc, token, IPC_INTERNAL, "out of memory");
		return;
	}
	*asker = (struct switch_asker){ token, q->method };
	rotation_switch(d, to, on_switched, asker);
}

void rotation_handle_start(struct daemon *d, const struct ipc_request *q, struct ipc_token token)
{
	handle_switch(d, q, token, STORE_SWITCHED_ON);
}

void rotation_handle_stop(struct daemon *d, const struct ipc_request *q, struct ipc_token token)
{
	handle_switch(d, q, token, STORE_SWITCHED_OFF);
}

/* --- ProxyStatus --- */
static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

static struct ipc_int seconds(int64_t ms)
{
	return number(ms / 1000);
}

void rotation_handle_status(struct daemon *d, const struct ipc_request *q, struct ipc_token token)
{
	const struct rotation *all = d->rotation;
	const struct rotation_core *c = &all->core;
	struct ipc_reply reply;

	ipc_reply_init(&reply, q->method);
	reply.proxy = (struct ipc_proxy){
		.daemon_ready = d->phase == DAEMON_READY || d->phase == DAEMON_RESTARTING,
		.rotation_enabled = c->policy.enabled,
		.interval_secs = c->policy.interval_ms / 1000,
		.health_trigger_enabled = c->policy.health_trigger,
		.cooldown_secs = c->policy.cooldown_ms / 1000,
		.active_config_id = number(c->session_id ? c->node_id : 0),
		.last_trigger = all->last_trigger,
		.last_result = or_null(all->last_result),
		.last_candidate_config_id = number(all->last_candidate_id),
		.last_candidate_result = or_null(all->last_candidate_result),
		.cooldown_active = rotation_core_is_cooling(c, clock_wall_ms()),
		.next_timer_epoch_secs = seconds(c->next_timer_at),
		.health_failure_threshold = c->policy.threshold,
		.consecutive_health_failures = c->failures,
		.health_probe_in_flight = c->probe_session_id != 0,
		.last_health_check_epoch_secs = seconds(c->checked_at),
		.last_health_error = or_null(all->last_health_error),
		.pending_health_recovery = c->recovery,
	};
	ipc_answer(d->ipc, token, &reply);
}
