/* Talking to the daemon, and showing what it says. */
#include "cli/ask_daemon.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/grid.h"

const char *ask_root(struct arena *a, const struct invocation *inv)
{
	return inv->root ? inv->root : default_root(a);
}

int ask_no_daemon(struct arena *a, const struct invocation *inv, const char *root)
{
	const char *message = arena_printf(a, "daemon socket not reachable at %s", ipc_path(a, root));
	static const char hint[] = "start the daemon with 'xrat daemon start'";
	struct value details = value_object(SPAN_NONE);

	value_put_str(a, &details, "hint", hint);
	if (inv->format == FORMAT_JSON)
		return out_fail_with(a, inv, EXIT_NO_DAEMON, value_array(SPAN_NONE), details, message);
	if (inv->quiet < 2)
		out_write(STDERR_FILENO, str_of(arena_printf(a, "Error: %s\nHint: %s\n", message, hint)));
	return EXIT_NO_DAEMON;
}

/* How a command ends that was refused. A daemon that gives no reason is taken at its code. */
static enum exit_code exit_of(const struct ipc_reply *reply)
{
	static const enum exit_code by_code[IPC_CODE__N] = {
		[IPC_OK] = EXIT_DONE, [IPC_BAD_REQUEST] = EXIT_USAGE, [IPC_NOT_FOUND] = EXIT_NOT_FOUND,
		[IPC_BUSY] = EXIT_BUSY, [IPC_INVALID_STATE] = EXIT_BUSY, [IPC_INTERNAL] = EXIT_SYSTEM,
	};
	static const enum exit_code by_reason[IPC_REASON__N] = {
#define X(name, word, exit, help) [IPC_REASON_##name] = exit,
#include "daemon/ipc_reasons.def"
#undef X
	};

	return reply->reason ? by_reason[reply->reason] : by_code[reply->code];
}

static int tell_refusal(struct arena *a, const struct invocation *inv, const struct ipc_reply *reply)
{
	struct value details = value_object(SPAN_NONE);

	if (inv->format != FORMAT_JSON)
		return out_fail(a, inv, exit_of(reply), NULL, "%s", grid_clean(a, reply->message));
	if (reply->reason)
		value_put_str(a, &details, "reason", ipc_reason_name(reply->reason));
	return out_fail_with(a, inv, exit_of(reply), value_array(SPAN_NONE), details, reply->message);
}

int ask_daemon(struct arena *a, const struct invocation *inv, struct ipc_request *q, unsigned answer_ms,
	       struct ipc_reply *ret_reply, struct value *ret_payload)
{
	const struct ipc_call call = { .root = ask_root(a, inv), .answer_ms = answer_ms };
	struct value payload;
	struct err e = { 0 };
	int r = ipc_call(a, &call, q, ret_reply, &payload, &e);

	if (r == IPC_UNREACHABLE)
		r = ask_no_daemon(a, inv, call.root);
	else if (r)
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&e));
	else if (ret_reply->code != IPC_OK)
		r = tell_refusal(a, inv, ret_reply);
	else if (ret_payload)
		*ret_payload = payload;
	err_fini(&e);
	return r;
}

int ask_quietly(struct arena *a, const char *root, struct ipc_request *q, struct ipc_reply *ret_reply,
		struct value *ret_payload)
{
	struct ipc_call call = { .root = root };
	struct err ignored = { 0 };
	bool held = false;
	int r;

	ipc_holder(root, &held, &ignored);
	err_fini(&ignored);
	ignored = (struct err){ 0 };
	call.tries = held ? IPC_TRIES : 1;
	r = ipc_call(a, &call, q, ret_reply, ret_payload, &ignored);
	err_fini(&ignored);
	return r;
}

int ask_show(struct arena *a, const struct invocation *inv, struct value payload, struct buf *out)
{
	if (inv->format == FORMAT_JSON) {
		buf_fini(out);
		return out_result(a, inv, payload);
	}
	return out_buf(STDOUT_FILENO, out) ? EXIT_SYSTEM : EXIT_DONE;
}

void ask_inbounds(struct buf *out, const struct ipc_inbounds *inbounds, bool with_state)
{
	for (size_t i = 0; i < inbounds->n; i++) {
		const struct ipc_inbound *in = &inbounds->v[i];

		buf_printf(out, strchr(in->host, ':') ? "  %-16s [%s]:%lld" : "  %-16s %s:%lld", in->kind, in->host,
			   (long long)in->port);
		buf_printf(out, with_state ? " (%s)\n" : "\n", in->state);
	}
}

const char *ask_node(struct arena *a, struct ipc_int id, const char *name)
{
	const char *number = id.is_set ? arena_printf(a, "node %lld", (long long)id.n) : "";

	if (!name || !*name)
		return id.is_set ? number : "a node";
	return arena_printf(a, "%s%s'%s'", number, id.is_set ? " " : "", grid_clean(a, name));
}

/* Names come from strangers, reasons from engines. */
static void session_line(struct arena *a, struct buf *out, const char *name, const char *text)
{
	if (text && *text)
		buf_printf(out, "  %-16s %s\n", name, grid_clean(a, text));
}

static bool has_ended(const struct ipc_runtime *s)
{
	return s->stopped_at || (!s->pid_running && !s->active_config_id.is_set);
}

static const char *session_state(struct arena *a, const struct ipc_runtime *s)
{
	const char *pid = s->pid.is_set ? arena_printf(a, ", process %lld%s", (long long)s->pid.n, s->pid_running ? "" : " (gone)") : "";
	const char *at = has_ended(s) ? s->stopped_at : s->started_at;

	return arena_printf(a, "%s%s%s%s", s->runtime_status, at ? " since " : "", at ? at : "", pid);
}

void ask_session_text(struct arena *a, struct buf *out, const struct ipc_runtime *s)
{
	buf_puts(out, "session\n");
	if (!s->session_id.is_set) {
		session_line(a, out, "state", "none; 'xrat connect ID' starts one");
		return;
	}
	session_line(a, out, "state", session_state(a, s));
	session_line(a, out, "node", ask_node(a, s->active_config_id, s->name));
	session_line(a, out, "", s->address ? arena_printf(a, "%s %s port %lld", s->protocol ? s->protocol : "", s->address,
							   (long long)s->port.n) : NULL);
	session_line(a, out, "engine", s->engine);
	if (!has_ended(s))
		ask_inbounds(out, &s->inbounds, true);
	session_line(a, out, "failure", s->failure_reason);
}

int ask_verbs(struct arena *a, const struct invocation *inv, const struct ask_verb *verbs, size_t n)
{
	const char *allowed = "";

	for (size_t i = 0; i < n; i++)
		if (str_is(str_of(inv->operands[0]), verbs[i].name))
			return verbs[i].run(a, inv);
	for (size_t i = 0; i < n; i++)
		allowed = arena_printf(a, "%s%s%s", allowed, i ? ", " : "", verbs[i].name);
	return out_fail(a, inv, EXIT_USAGE, NULL, "%s does not know '%s', allowed are %s", inv->command->name,
			inv->operands[0], allowed);
}
