/* Clients that connect and disconnect. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/session_impl.h"

struct asker {
	struct ipc_token token;
};

static const struct answer {
	enum ipc_code code;
	enum ipc_reason reason, kept; /* kept: where what ran before runs on, if that says more */
} answers[SESSION_OUTCOME__N] = {
	[SESSION_OK] = { IPC_OK, IPC_REASON_NONE, 0 },
	[SESSION_NO_NODE] = { IPC_NOT_FOUND, IPC_REASON_NOT_FOUND, 0 },
	[SESSION_DISABLED] = { IPC_NOT_FOUND, IPC_REASON_DISABLED, 0 },
	[SESSION_BUSY] = { IPC_BUSY, IPC_REASON_BUSY, 0 },
	[SESSION_OCCUPIED] = { IPC_BUSY, IPC_REASON_SESSION_ACTIVE, 0 },
	[SESSION_STOPPING] = { IPC_BUSY, IPC_REASON_STOPPING, 0 },
	[SESSION_NONE] = { IPC_NOT_FOUND, IPC_REASON_NO_SESSION, 0 },
	[SESSION_BAD_CONFIG] = { IPC_BAD_REQUEST, IPC_REASON_CONFIG, 0 },
	[SESSION_REFUSED] = { IPC_BAD_REQUEST, IPC_REASON_NODE, 0 },
	[SESSION_NO_ENGINE] = { IPC_INTERNAL, IPC_REASON_NO_ENGINE, 0 },
	[SESSION_NOT_READY] = { IPC_BAD_REQUEST, IPC_REASON_ENGINE, IPC_REASON_KEPT_OLD },
	[SESSION_NOT_PROVED] = { IPC_BAD_REQUEST, IPC_REASON_NOT_PROVED, IPC_REASON_KEPT_OLD },
	[SESSION_LOST] = { IPC_INTERNAL, IPC_REASON_LOST, 0 },
	[SESSION_LOCKED] = { IPC_BUSY, IPC_REASON_LOCKED, 0 },
	[SESSION_FAULT] = { IPC_INTERNAL, IPC_REASON_SYSTEM, 0 },
	[SESSION_CANCELLED] = { IPC_BUSY, IPC_REASON_CANCELLED, 0 },
	[SESSION_NO_CANDIDATE] = { IPC_NOT_FOUND, IPC_REASON_NO_CANDIDATE, 0 },
	[SESSION_SAME_NODE] = { IPC_INVALID_STATE, IPC_REASON_SAME_NODE, 0 },
	[SESSION_COOLING] = { IPC_INVALID_STATE, IPC_REASON_COOLING, 0 },
};

void session_answer_refuse(struct daemon *d, enum ipc_method method, struct ipc_token token, const struct session_result *r)
{
	const struct answer *row = &answers[r->outcome];
	enum ipc_reason reason = r->kept_old && row->kept ? row->kept : row->reason;
	enum ipc_code code = row->code;

	if (code == IPC_BAD_REQUEST && method == IPC_RUNTIME_REPLACE) /* 409 there, as ever; the word is the same */
		code = IPC_INVALID_STATE;
	if (reason == IPC_REASON_STOPPING && d->phase == DAEMON_RESTARTING)
		reason = IPC_REASON_RESTARTING;
	ipc_refuse_because(d->ipc, token, code, reason, "%s", r->why);
}

static struct asker *asker_new(struct daemon *d, struct ipc_token token)
{
	struct asker *asker = malloc(sizeof(*asker));

	if (asker)
		asker->token = token;
	else
		ipc_refuse(d->ipc, token, IPC_INTERNAL, "out of memory");
	return asker;
}

/* --- connect --- */
static void fill_connect(struct daemon *d, struct arena *a, const struct session_result *r, struct ipc_connect *out)
{
	const struct session_life *s = d->sessions->active;
	bool is_it = s && s->row.id == r->session_id;

	*out = (struct ipc_connect){ .config_id = r->node_id, .session_id = r->session_id, .pid = r->pid,
				     .replaced_session_id = { r->old_session_id != 0, r->old_session_id } };
	if (!is_it) /* it has ended since */
		return;
	out->name = s->node.row.name;
	out->engine = s->row.engine;
	out->inbounds = session_reach_inbounds(d->sessions, a, &s->row);
}

static void answer_connect(struct daemon *d, struct ipc_token token, const struct session_result *r)
{
	struct arena *volatile a = arena_new();
	struct ipc_reply reply;
	jmp_buf oom;

	if (!a || setjmp(oom)) {
		ipc_refuse(d->ipc, token, IPC_INTERNAL, "connected, but memory is out");
		arena_free(a);
		return;
	}
	arena_on_oom(a, &oom);
	ipc_reply_init(&reply, IPC_RUNTIME_CONNECT);
	fill_connect(d, a, r, &reply.connect);
	if (r->old_session_id && r->gap_ms >= 0)
		reply.message = arena_printf(a, "connected; the port did not answer for %lld ms", (long long)r->gap_ms);
	ipc_answer(d->ipc, token, &reply);
	arena_free(a);
}

static void on_connected(struct daemon *d, void *ctx, const struct session_result *r)
{
	struct asker *asker = ctx;

	if (r->outcome == SESSION_OK)
		answer_connect(d, asker->token, r);
	else
		session_answer_refuse(d, IPC_RUNTIME_CONNECT, asker->token, r);
	free(asker);
}

int session_answer_find(struct daemon *d, struct ipc_int number, const char *ref, struct ipc_token token, int64_t *ret_id)
{
	char digits[24];
	struct err e = { 0 };
	int r = STORE_MISSING;

	snprintf(digits, sizeof(digits), "%lld", (long long)number.n);
	if (number.is_set)
		r = store_node_find(d->store, digits, ret_id, &e);
	if (r == STORE_AMBIGUOUS || (!r && *ret_id != number.n)) /* a ref that begins so, or several */
		r = STORE_MISSING;
	if (r == STORE_MISSING && ref)
		r = store_node_find(d->store, ref, ret_id, &e);
	if (r == STORE_AMBIGUOUS)
		ipc_refuse_because(d->ipc, token, IPC_BAD_REQUEST, IPC_REASON_AMBIGUOUS_REF,
				   "more than one node's ref begins with '%s'; give more digits", ref ? ref : digits);
	else if (r > 0)
		ipc_refuse(d->ipc, token, IPC_NOT_FOUND, "there is no node '%s'", ref ? ref : digits);
	else if (r < 0)
		ipc_refuse_because(d->ipc, token, IPC_INTERNAL, r == -EBUSY ? IPC_REASON_LOCKED : IPC_REASON_SYSTEM, "%s",
				   err_text(&e));
	err_fini(&e);
	return r;
}

void sessions_handle_connect(struct daemon *d, const struct ipc_request *q, struct ipc_token token)
{
	struct asker *asker;
	int64_t id = 0;

	if (session_answer_find(d, q->config_id, q->config_ref, token, &id))
		return;
	asker = asker_new(d, token);
	if (asker)
		sessions_connect(d, id, SESSION_BY_USER, on_connected, asker);
}

void sessions_client_gone(struct daemon *d, struct ipc_token token)
{
	struct session_order *o = d->sessions->order;
	const struct asker *asker = o && o->outcome->done == on_connected ? o->outcome->ctx : NULL;

	if (asker && asker->token.slot == token.slot && asker->token.serial == token.serial)
		session_cancel_withdraw(o);
}

/* --- disconnect --- */
static void on_disconnected(struct daemon *d, void *ctx, const struct session_result *r)
{
	struct asker *asker = ctx;
	struct ipc_reply reply;

	if (r->outcome == SESSION_OK) {
		ipc_reply_init(&reply, IPC_RUNTIME_DISCONNECT);
		reply.disconnect = (struct ipc_disconnect){ .stopped_session = true, .session_id = { r->session_id != 0, r->session_id },
							    .outcome = r->why };
		ipc_answer(d->ipc, asker->token, &reply);
	} else {
		session_answer_refuse(d, IPC_RUNTIME_DISCONNECT, asker->token, r);
	}
	free(asker);
}

void sessions_handle_disconnect(struct daemon *d, const struct ipc_request *q, struct ipc_token token)
{
	struct asker *asker = asker_new(d, token);

	(void)q;
	if (asker)
		sessions_disconnect(d, on_disconnected, asker);
}
