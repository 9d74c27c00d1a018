/* A probe connection: a TCP handle and a timer that end together. */
#include "runtime/knock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { SOCKS_VERSION = 5, SOCKS_REPLY = 2, SOCKS_NONE = 0, SOCKS_PASSWORD = 2, SOCKS_REFUSED = 0xFF };

struct knock {
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_connect_t connect;
	uv_write_t write;
	unsigned open_handles;
	enum probe_kind kind;
	bool done;
	unsigned char reply[SOCKS_REPLY];
	size_t reply_len;
	char where[PROBE_WHERE_TEXT];
	knock_fn *fn;
	void *ctx;
};

static void closed(uv_handle_t *h)
{
	struct knock *k = h->data;

	if (!--k->open_handles)
		free(k);
}

static void end(struct knock *k)
{
	k->done = true;
	uv_close((uv_handle_t *)&k->tcp, closed);
	uv_close((uv_handle_t *)&k->timer, closed);
}

static void answer(struct knock *k, const char *what)
{
	char fault[160];
	knock_fn *fn = k->fn;
	void *ctx = k->ctx;

	if (k->done)
		return;
	snprintf(fault, sizeof(fault), "%s %s", k->where, what ? what : "");
	end(k);
	fn(ctx, what ? fault : NULL);
}

static void on_timeout(uv_timer_t *t)
{
	answer(t->data, "does not answer");
}

static void give_buffer(uv_handle_t *h, size_t suggested, uv_buf_t *ret_buf)
{
	struct knock *k = h->data;

	(void)suggested;
	*ret_buf = uv_buf_init((char *)k->reply + k->reply_len, (unsigned)(SOCKS_REPLY - k->reply_len));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct knock *k = s->data;
	unsigned char method;

	(void)buf;
	if (n < 0) {
		answer(k, "closes the connection instead of answering as SOCKS");
		return;
	}
	k->reply_len += (size_t)n;
	if (k->reply_len < SOCKS_REPLY)
		return;
	method = k->reply[1];
	if (k->reply[0] == SOCKS_VERSION && (method == SOCKS_NONE || method == SOCKS_PASSWORD || method == SOCKS_REFUSED))
		answer(k, NULL);
	else
		answer(k, "answers, but not as SOCKS");
}

static void on_written(uv_write_t *w, int status)
{
	if (status && status != UV_ECANCELED)
		answer(w->data, "closes the connection instead of answering as SOCKS");
}

static void greet(struct knock *k)
{
	static const unsigned char hello[] = { SOCKS_VERSION, 1, SOCKS_NONE };
	uv_buf_t buf = uv_buf_init((char *)hello, sizeof(hello));

	k->write.data = k;
	if (uv_read_start((uv_stream_t *)&k->tcp, give_buffer, on_read) ||
	    uv_write(&k->write, (uv_stream_t *)&k->tcp, &buf, 1, on_written))
		answer(k, "closes the connection instead of answering as SOCKS");
}

static void on_connect(uv_connect_t *c, int status)
{
	struct knock *k = c->data;

	if (status == UV_ECANCELED || k->done)
		return;
	if (status)
		answer(k, status == UV_ECONNREFUSED ? "refuses connections" : "cannot be connected to");
	else if (k->kind == PROBE_SOCKS)
		greet(k);
	else
		answer(k, NULL);
}

static int target_of(const struct probe *p, struct sockaddr_storage *ret_addr)
{
	if (!uv_ip4_addr(p->address, (int)p->port, (struct sockaddr_in *)ret_addr))
		return 0;
	return uv_ip6_addr(p->address, (int)p->port, (struct sockaddr_in6 *)ret_addr);
}

int knock_start(struct knock **ret_knock, uv_loop_t *loop, const struct probe *probe, unsigned timeout_ms, knock_fn *fn,
		void *ctx)
{
	struct sockaddr_storage to = { 0 };
	struct knock *k;
	int r = target_of(probe, &to);

	if (r)
		return r;
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	k->fn = fn;
	k->ctx = ctx;
	k->kind = probe->kind;
	k->open_handles = 2;
	k->tcp.data = k->timer.data = k->connect.data = k;
	probe_where(probe, k->where);
	uv_timer_init(loop, &k->timer);
	uv_tcp_init(loop, &k->tcp);
	r = uv_tcp_connect(&k->connect, &k->tcp, (const struct sockaddr *)&to, on_connect);
	if (!r)
		r = uv_timer_start(&k->timer, on_timeout, timeout_ms, 0);
	if (r) {
		end(k);
		return r;
	}
	*ret_knock = k;
	return 0;
}

void knock_cancel(struct knock *k)
{
	if (k && !k->done)
		end(k);
}
