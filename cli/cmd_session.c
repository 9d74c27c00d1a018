/* connect, disconnect, proxy, rotate: questions to the daemon. */
#include <string.h>
#include <unistd.h>

#include "cli/ask_daemon.h"
#include "cli/grid.h"
#include "cli/nodes.h"

/* Longer than an engine may take to be ready, with a replacement before it. */
enum { CONNECT_MS = 120 * 1000, SWITCH_MS = 10 * 1000, ROTATE_MS = 600 * 1000 };

/* An id, or the beginning of a ref; many digits may be either, few are a number: `connect 7` shall never reach the node whose
 * ref begins with a 7. */
static void set_node(const char *text, struct ipc_int *id, const char **ref)
{
	int64_t n;
	bool is_number = !str_int(str_of(text), &n) && n > 0;

	if (is_number)
		*id = (struct ipc_int){ true, n };
	if (!is_number || strlen(text) >= DIGITS_OF_REF)
		*ref = text;
}

int cmd_connect(struct arena *a, const struct invocation *inv)
{
	struct ipc_request q;
	struct ipc_reply reply;
	struct value payload;
	struct buf out = { 0 };
	int r;

	ipc_request_init(&q, IPC_SNAKE, IPC_RUNTIME_CONNECT);
	set_node(inv->operands[0], &q.config_id, &q.config_ref);
	r = ask_daemon(a, inv, &q, CONNECT_MS, &reply, &payload);
	if (r)
		return r;
	buf_printf(&out, "Connected to %s (session %lld, process %lld)\n",
		   ask_node(a, (struct ipc_int){ true, reply.connect.config_id }, reply.connect.name),
		   (long long)reply.connect.session_id, (long long)reply.connect.pid);
	ask_inbounds(&out, &reply.connect.inbounds, false);
	return ask_show(a, inv, payload, &out);
}

int cmd_disconnect(struct arena *a, const struct invocation *inv)
{
	struct ipc_request q;
	struct ipc_reply reply;
	struct value payload;
	struct buf out = { 0 };
	int r;

	ipc_request_init(&q, IPC_SNAKE, IPC_RUNTIME_DISCONNECT);
	r = ask_daemon(a, inv, &q, CONNECT_MS, &reply, &payload);
	if (r)
		return r;
	if (reply.disconnect.session_id.is_set)
		buf_printf(&out, "Session %lld ended", (long long)reply.disconnect.session_id.n);
	else
		buf_puts(&out, reply.disconnect.stopped_session ? "The session ended" : "Nothing was running");
	buf_printf(&out, reply.disconnect.outcome ? " (%s)\n" : "%s\n",
		   reply.disconnect.outcome ? reply.disconnect.outcome : "");
	return ask_show(a, inv, payload, &out);
}

/* --- rotation --- */
static int set_rotation(struct arena *a, const struct invocation *inv, enum ipc_method method)
{
	struct ipc_request q;
	struct ipc_reply reply;
	struct value payload;
	struct buf out = { 0 };
	int r;

	ipc_request_init(&q, IPC_SNAKE, method);
	r = ask_daemon(a, inv, &q, SWITCH_MS, &reply, &payload);
	if (r)
		return r;
	buf_printf(&out, "Rotation is %s\n", reply.rotation.rotation_enabled ? "on" : "off");
	return ask_show(a, inv, payload, &out);
}

static int rotation_on(struct arena *a, const struct invocation *inv)
{
	return set_rotation(a, inv, IPC_PROXY_START);
}

static int rotation_off(struct arena *a, const struct invocation *inv)
{
	return set_rotation(a, inv, IPC_PROXY_STOP);
}

static int rotate_now(struct arena *a, const struct invocation *inv)
{
	struct ipc_request q;
	struct ipc_reply reply;
	struct value payload;
	struct buf out = { 0 };
	int r;

	ipc_request_init(&q, IPC_SNAKE, IPC_RUNTIME_REPLACE);
	q.trigger = IPC_TRIGGER_MANUAL;
	if (inv->id)
		set_node(inv->id, &q.candidate_id, &q.candidate_ref);
	r = ask_daemon(a, inv, &q, ROTATE_MS, &reply, &payload);
	if (r)
		return r;
	if (reply.replace.replaced)
		buf_printf(&out, "Changed to %s", ask_node(a, reply.replace.new_config_id, reply.replace.name));
	else
		buf_puts(&out, "Nothing was changed");
	if (reply.replace.new_session_id.is_set)
		buf_printf(&out, " (session %lld)", (long long)reply.replace.new_session_id.n);
	if (reply.replace.gap_ms.is_set)
		buf_printf(&out, ", without an answer for %lld ms", (long long)reply.replace.gap_ms.n);
	buf_putc(&out, '\n');
	return ask_show(a, inv, payload, &out);
}

static void time_line(struct arena *a, struct buf *out, const char *name, struct ipc_int seconds)
{
	if (seconds.is_set)
		buf_printf(out, "%-20s %s\n", name, nodes_time(a, seconds.n * 1000));
}

static void rotation_text(struct arena *a, struct buf *out, const struct ipc_proxy *p)
{
	buf_printf(out, "%-20s %s, every %lld s, %s\n", "rotation", p->rotation_enabled ? "on" : "off",
		   (long long)p->interval_secs, p->health_trigger_enabled ? "and when health fails" : "not by health");
	if (p->active_config_id.is_set)
		buf_printf(out, "%-20s %s\n", "active", ask_node(a, p->active_config_id, NULL));
	if (p->last_trigger >= 0)
		buf_printf(out, "%-20s %s%s%s\n", "last rotation", ipc_trigger_name(p->last_trigger),
			   p->last_result ? ": " : "", p->last_result ? p->last_result : "");
	if (p->last_candidate_config_id.is_set)
		buf_printf(out, "%-20s %s%s%s\n", "last candidate", ask_node(a, p->last_candidate_config_id, NULL),
			   p->last_candidate_result ? ": " : "",
			   p->last_candidate_result ? grid_clean(a, p->last_candidate_result) : "");
	time_line(a, out, "next by timer", p->next_timer_epoch_secs);
	buf_printf(out, "%-20s %lld of %lld failures%s%s%s%s\n", "health", (long long)p->consecutive_health_failures,
		   (long long)p->health_failure_threshold, p->health_probe_in_flight ? ", a probe is under way" : "",
		   p->pending_health_recovery ? ", a rotation is wanted" : "", p->last_health_error ? ": " : "",
		   p->last_health_error ? grid_clean(a, p->last_health_error) : "");
	time_line(a, out, "last health check", p->last_health_check_epoch_secs);
	buf_printf(out, "%-20s %s, %lld s\n", "cooldown", p->cooldown_active ? "the next change waits" : "none",
		   (long long)p->cooldown_secs);
}

static int rotation_status(struct arena *a, const struct invocation *inv)
{
	struct ipc_request q;
	struct ipc_reply reply;
	struct value payload;
	struct buf out = { 0 };
	int r;

	ipc_request_init(&q, IPC_SNAKE, IPC_PROXY_STATUS);
	r = ask_daemon(a, inv, &q, 0, &reply, &payload);
	if (r)
		return r;
	rotation_text(a, &out, &reply.proxy);
	return ask_show(a, inv, payload, &out);
}

/* Both families of names, each under both commands. */
static const struct ask_verb verbs[] = {
	{ "start", rotation_on },   { "stop", rotation_off },     { "status", rotation_status }, { "rotate", rotate_now },
	{ "enable", rotation_on },  { "disable", rotation_off },  { "now", rotate_now },
};

int cmd_proxy(struct arena *a, const struct invocation *inv)
{
	return ask_verbs(a, inv, verbs, sizeof(verbs) / sizeof(*verbs));
}
