/* What `status` is told. Whether the listeners answer is looked at when somebody asks, at most once a second; who asks
 * waits for it a few milliseconds and is then told what was known before. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ledger.h"
#include "daemon/session_impl.h"

enum { FRESH_MS = 1000, PATIENCE_MS = 6, KNOCK_MS = 1000, INBOUNDS = 3 };
enum reach_state { NOT_CHECKED, REACHABLE, UNREACHABLE };
static const char *const state_names[] = { "not_checked", "reachable", "unreachable" };

struct reach_one {
	struct reach *reach;
	enum reach_state state;
	struct knock *knock;
};
struct reach {
	struct sessions *all;
	int64_t session_id;  /* it is about; 0 = none */
	int64_t checked_ms;  /* 0 = not yet */
	struct reach_one one[INBOUNDS];
	unsigned knocking;
	uv_timer_t patience;
	bool is_open;
	struct ipc_token waiting[IPC_CLIENTS_MAX];
	unsigned n_waiting;
};

static void answer(struct daemon *d, struct ipc_token token);

static void answer_all(struct reach *r)
{
	unsigned n = r->n_waiting;

	r->n_waiting = 0;
	uv_timer_stop(&r->patience);
	for (unsigned i = 0; i < n; i++)
		answer(r->all->daemon, r->waiting[i]);
}

static void on_patience(uv_timer_t *t)
{
	answer_all(t->data);
}

/* --- looking --- */
static const struct {
	const char *name;
	enum probe_kind kind;
	size_t offset;
} listeners[INBOUNDS] = {
	{ "socks", PROBE_SOCKS, offsetof(struct store_session, socks) },
	{ "http", PROBE_HTTP, offsetof(struct store_session, http) },
	{ "shadowsocks", PROBE_TCP, offsetof(struct store_session, shadowsocks) },
};

static const struct store_endpoint *listener(const struct store_session *row, int i)
{
	return (const struct store_endpoint *)((const char *)row + listeners[i].offset);
}

/* The one that a session counts as ready by. */
static void note_first(struct reach *r, const struct session_life *s)
{
	int i = 0;

	while (i < INBOUNDS && !listener(&s->row, i)->host)
		i++;
	if (i < INBOUNDS && !(listeners[i].kind == PROBE_TCP && s->is_udp_only))
		r->one[i].state = REACHABLE;
}

static void on_knock(void *ctx, const char *fault)
{
	struct reach_one *one = ctx;
	struct reach *r = one->reach;

	one->knock = NULL;
	one->state = fault ? UNREACHABLE : REACHABLE;
	if (--r->knocking)
		return;
	r->checked_ms = clock_mono_ms();
	answer_all(r);
}

static void cancel(struct reach *r)
{
	for (int i = 0; i < INBOUNDS; i++) {
		knock_cancel(r->one[i].knock);
		r->one[i].knock = NULL;
	}
	r->knocking = 0;
}

static void look(struct reach *r, const struct session_life *s)
{
	for (int i = 0; i < INBOUNDS; i++) {
		const struct store_endpoint *at = listener(&s->row, i);
		const struct probe p = { .kind = listeners[i].kind, .address = at->host, .port = (unsigned)at->port, .tag = "" };

		if (p.address && !(p.kind == PROBE_TCP && s->is_udp_only) &&
		    !knock_start(&r->one[i].knock, &r->all->daemon->loop, &p, KNOCK_MS, on_knock, &r->one[i]))
			r->knocking++;
	}
}

/* Whether there is something to wait for. */
static bool refresh(struct reach *r)
{
	const struct session_life *s = r->all->active;

	if (!s || s->row.id != r->session_id || r->all->stopping)
		return false;
	if (!r->knocking && (!r->checked_ms || clock_mono_ms() - r->checked_ms >= FRESH_MS))
		look(r, s);
	return r->knocking;
}

int session_reach_open(struct sessions *all)
{
	struct reach *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	all->reach = r;
	r->all = all;
	for (int i = 0; i < INBOUNDS; i++)
		r->one[i].reach = r;
	uv_timer_init(&all->daemon->loop, &r->patience);
	r->patience.data = r;
	r->is_open = true;
	return 0;
}

void session_reach_reset(struct sessions *all, bool is_ready)
{
	struct reach *r = all->reach;

	cancel(r);
	for (int i = 0; i < INBOUNDS; i++)
		r->one[i].state = NOT_CHECKED;
	r->session_id = all->active ? all->active->row.id : 0;
	if (is_ready && all->active)
		note_first(r, all->active);
	r->checked_ms = 0;
	if (!refresh(r) && r->n_waiting)
		answer_all(r);
}

void session_reach_close(struct sessions *all)
{
	struct reach *r = all->reach;

	if (!r || !r->is_open)
		return;
	r->is_open = false;
	cancel(r);
	uv_close((uv_handle_t *)&r->patience, NULL);
}

struct ipc_inbounds session_reach_inbounds(struct sessions *all, struct arena *a, const struct store_session *row)
{
	struct ipc_inbound *v = arena_array(a, struct ipc_inbound, INBOUNDS);
	bool is_known = row->id == all->reach->session_id;
	size_t n = 0;

	for (int i = 0; i < INBOUNDS; i++) {
		const struct store_endpoint *at = listener(row, i);

		if (at->host)
			v[n++] = (struct ipc_inbound){ listeners[i].name, at->host, at->port,
						       state_names[is_known ? all->reach->one[i].state : NOT_CHECKED] };
	}
	return (struct ipc_inbounds){ v, n };
}

/* --- answering --- */
static const char *time_text(struct arena *a, int64_t at_ms)
{
	char text[CLOCK_TEXT];

	if (!at_ms)
		return NULL;
	clock_text_in(at_ms - clock_wall_ms(), text);
	return arena_strdup(a, text);
}

static struct ipc_int some(int64_t n)
{
	return (struct ipc_int){ .is_set = n != 0, .n = n };
}

/* The node may be gone. */
static void put_node(struct daemon *d, struct arena *a, int64_t node_id, struct ipc_runtime *out)
{
	struct store_node *node = arena_new_of(a, struct store_node);

	if (!node_id || store_node_get(d->store, a, node_id, SPAN_NONE, node, NULL))
		return;
	out->config_ref = node->row.ref;
	out->name = node->row.name;
	out->protocol = node->row.protocol;
	out->address = node->row.address;
	out->port = some(node->row.port);
}

/* A live row that nobody here runs is one whose end could not be written. */
static const char *status_of(const struct daemon *d, const struct store_session *row, bool is_ours)
{
	bool is_live = row->status <= STORE_STOPPING;

	if (is_live && !is_ours)
		return store_status_names[STORE_FAILED_SESSION];
	return row->status == STORE_RUNNING && health_is_degraded(d) ? "degraded" : store_status_names[row->status];
}

static void put_row(struct daemon *d, struct arena *a, const struct store_session *row, bool is_ours,
		    struct ipc_runtime *out)
{
	const struct process_id id = { .pid = row->process_id, .start_ticks = row->process_start_ticks };

	out->runtime_status = status_of(d, row, is_ours);
	out->runtime_owned = is_ours && row->owner_instance_id && str_is(str_of(row->owner_instance_id), d->instance_id);
	out->session_id = some(row->id);
	out->active_config_id = some(is_ours ? row->node_id : 0);
	out->pid = some(is_ours ? row->process_id : 0);
	out->pid_running = is_ours && row->process_id && process_state(&id) && process_state(&id) != 'Z';
	out->engine = row->engine;
	out->inbounds = session_reach_inbounds(d->sessions, a, row);
	out->started_at = time_text(a, row->started_at);
	out->stopped_at = time_text(a, row->stopped_at);
	out->failure_reason = row->failure_reason;
	put_node(d, a, row->node_id, out);
}

static void put(struct daemon *d, struct arena *a, struct ipc_reply *reply)
{
	struct store_session *row = arena_new_of(a, struct store_session);
	struct session_view v;

	if (sessions_active(d, &v)) {
		put_row(d, a, v.row, true, &reply->runtime);
		return;
	}
	if (!ledger_session_latest(d, a, row, NULL))
		put_row(d, a, row, false, &reply->runtime);
}

static void answer(struct daemon *d, struct ipc_token token)
{
	struct arena *volatile a = arena_new();
	struct ipc_reply reply;
	jmp_buf oom;

	if (!a || setjmp(oom)) {
		ipc_refuse(d->ipc, token, IPC_INTERNAL, "out of memory");
		arena_free(a);
		return;
	}
	arena_on_oom(a, &oom);
	ipc_reply_init(&reply, IPC_RUNTIME_STATUS);
	reply.runtime.daemon_ready = true;
	reply.runtime.runtime_status = "none";
	put(d, a, &reply);
	ipc_answer(d->ipc, token, &reply);
	arena_free(a);
}

void sessions_handle_status(struct daemon *d, const struct ipc_request *q, struct ipc_token token)
{
	struct reach *r = d->sessions->reach;

	(void)q;
	if (!refresh(r) || r->n_waiting == IPC_CLIENTS_MAX) {
		answer(d, token);
		return;
	}
	if (!r->n_waiting)
		uv_timer_start(&r->patience, on_patience, PATIENCE_MS, 0);
	r->waiting[r->n_waiting++] = token;
}
