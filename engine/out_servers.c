/* Outbounds that ask another proxy: socks and http. */
#include <errno.h>
#include <stdlib.h>

#include "engine/codecs.h"
#include "engine/http.h"
#include "engine/sock.h"
#include "engine/socks.h"

static void send_to_server(struct worker *w, struct flow *f, const void *p, size_t len)
{
	/* A greeting fits into the buffer of a fresh socket; what does not is no proxy worth waiting for. */
	if (sock_send(f->server.fd, p, len))
		flow_fail(w, f, EPIPE, "the proxy does not take the request");
}

static void on_dialed(struct worker *w, struct flow *f, int error)
{
	if (error) {
		flow_fail(w, f, error, "cannot connect to the proxy");
		return;
	}
	f->stage = FLOW_ANSWER;
	timer_set(&w->loop, &f->timer, f->policy->handshake_ms, flow_answer_over);
	f->outbound->ops->connected(w, f);
}

static void server_start(struct worker *w, struct flow *f)
{
	f->setup->dial = f->outbound->server;
	dial_start(w, f, &f->setup->dial, (enum domain_strategy)f->outbound->sockopt.domain_strategy, on_dialed);
}

/* --- socks --- */
static void socks_connected(struct worker *w, struct flow *f)
{
	struct setup *s = f->setup;
	struct socks_client *c = s->outbound_state;
	enum socks_step step;
	size_t used;
	int error;

	if (!c) {
		c = s->outbound_state = calloc(1, sizeof(*c));
		if (!c) {
			flow_close(w, f, true);
			return;
		}
		c->user = f->outbound->user.name;
		c->password = f->outbound->user.password;
		c->command = SOCKS_CONNECT;
		c->target = &s->target;
	}
	do {
		step = socks_client_step(c, (struct str){ s->server.p, s->server.len }, &used, &error);
		bytes_drop(&s->server, used);
		if (step == SOCKS_REPLY)
			send_to_server(w, f, c->send, c->send_len);
	} while (step == SOCKS_REPLY && f->stage == FLOW_ANSWER);
	if (f->stage != FLOW_ANSWER)
		return;
	if (step == SOCKS_REQUEST)
		flow_server_ready(w, f);
	else if (step == SOCKS_BAD)
		flow_fail(w, f, error, "the SOCKS server refused");
}

const struct outbound_ops outbound_socks = { server_start, socks_connected };

/* --- http --- */
static void http_connected(struct worker *w, struct flow *f)
{
	struct setup *s = f->setup;
	struct buf out = { 0 };
	size_t used;
	int error;

	if (!s->outbound_state) {
		s->outbound_state = malloc(1);
		http_connect_write(&s->target, f->outbound->user.name, f->outbound->user.password, &out);
		if (out.failed || !s->outbound_state)
			flow_close(w, f, true);
		else
			send_to_server(w, f, out.p, out.len);
		buf_fini(&out);
		return;
	}
	switch (http_connect_read((struct str){ s->server.p, s->server.len }, &used, &error)) {
	case HTTP_MORE:
		return;
	case HTTP_BAD:
		flow_fail(w, f, error, "the HTTP proxy refused");
		return;
	case HTTP_REQUEST:
		bytes_drop(&s->server, used);
		flow_server_ready(w, f);
	}
}

const struct outbound_ops outbound_http = { server_start, http_connected };
