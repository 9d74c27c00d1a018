/* link: daemon model lib */
/* Any line to the daemon: it is a request or is refused with one line of words, what was read survives being written and
 * read again, and the reply to it is one line that a client can read. The same bytes as a reply never crash a client. */
#include <stdlib.h>
#include <string.h>

#include "daemon/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_int(struct ipc_int a, struct ipc_int b)
{
	return a.is_set == b.is_set && (!a.is_set || a.n == b.n);
}

static void again(struct arena *a, const struct ipc_request *q)
{
	struct ipc_request back;
	struct ipc_reply refusal;
	struct buf out = { 0 };

	ipc_write_request(a, q, &out);
	require(!out.failed && out.p[out.len - 1] == '\n' && !memchr(out.p, '\n', out.len - 1));
	require(!ipc_read_request(a, (struct str){ out.p, out.len - 1 }, &back, &refusal));
	require(back.method == q->method && back.dialect == q->dialect && back.trigger == q->trigger && back.role == q->role);
	require(same_int(back.config_id, q->config_id) && same_int(back.candidate_id, q->candidate_id));
	require(same_text(back.config_ref, q->config_ref) && same_text(back.candidate_ref, q->candidate_ref));
	buf_fini(&out);
}

static void reply_to(struct arena *a, const struct ipc_request *q, const struct ipc_reply *reply)
{
	struct ipc_reply back;
	struct buf out = { 0 };

	ipc_write_reply(a, q->dialect, q->method, reply, &out);
	require(!out.failed && out.p[out.len - 1] == '\n' && !memchr(out.p, '\n', out.len - 1));
	require(!ipc_read_reply(a, (struct str){ out.p, out.len - 1 }, q, &back, NULL, NULL));
	require((back.code == IPC_OK) == (reply->code == IPC_OK));
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new();
	const struct str line = { (const char *)data, len };
	struct ipc_request q;
	struct ipc_reply reply = { 0 };
	struct err e = { 0 };

	if (ipc_read_request(a, line, &q, &reply)) {
		require(reply.code == IPC_BAD_REQUEST && reply.message && *reply.message);
		reply_to(a, &q, &reply);
	} else {
		again(a, &q);
		ipc_reply_init(&reply, q.method);
		reply_to(a, &q, &reply);
	}
	for (int m = 0; m < IPC_METHOD__N; m++) {
		ipc_request_init(&q, IPC_SNAKE, (enum ipc_method)m);
		if (!ipc_read_reply(a, line, &q, &reply, NULL, &e) && reply.code == IPC_OK)
			reply_to(a, &q, &reply);
		err_fini(&e);
		e = (struct err){ 0 };
	}
	arena_free(a);
	return 0;
}
