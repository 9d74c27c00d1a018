/* The http inbound, and mixed, which is socks or http by the client's first byte. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/codecs.h"
#include "engine/http.h"

/* A plain request's head is kept until the flow is routed: rules look at its headers. */
struct http_state {
	struct http_request request;
	char *head;
	bool is_plain;
};

static void refuse(struct worker *w, struct flow *f, int status)
{
	struct str answer = http_answer(status);

	flow_tell_client(w, f, answer.p, answer.len);
	flow_fail(w, f, 0, status == 407 ? "no valid login" : "not a proxy request");
}

static const struct login *find_login(const struct inbound *in, struct str value)
{
	for (uint32_t i = 0; i < in->n_users; i++)
		if (http_login(value, in->users[i].name, in->users[i].password))
			return &in->users[i];
	return NULL;
}

/* From here on a tunnel: whatever stands behind the head is the client's own. */
static void begin_tunnel(struct worker *w, struct flow *f)
{
	bytes_drop(&f->setup->client, ((struct http_state *)f->setup->inbound_state)->request.head_len);
	flow_target_known(w, f);
}

/* The head goes on rewritten; of the rest only this request's body may follow. */
static void begin_plain(struct worker *w, struct flow *f)
{
	struct setup *s = f->setup;
	struct http_state *state = s->inbound_state;
	struct http_request *r = &state->request;
	struct buf out = { 0 };
	int64_t first;

	state->is_plain = true;
	state->head = malloc(r->head_len);
	f->up.body = malloc(sizeof(*f->up.body));
	if (state->head && f->up.body) {
		memcpy(state->head, s->client.p, r->head_len);
		http_request_read((struct str){ state->head, r->head_len }, f->inbound->allow_transparent, r);
		*f->up.body = http_body_of(r);
		http_request_write((struct str){ state->head, r->head_len }, r, &out);
		bytes_add(&s->to_server, out.p, out.len);
	}
	if (out.failed || !s->to_server.p) {
		buf_fini(&out);
		flow_close(w, f, true);
		return;
	}
	buf_fini(&out);
	bytes_drop(&s->client, r->head_len);
	first = http_body_take(f->up.body, (struct str){ s->client.p, s->client.len });
	if (first < 0) {
		refuse(w, f, 400);
		return;
	}
	s->client.len = (uint32_t)first;
	s->n_attrs = r->n_attrs > FLOW_ATTRS ? FLOW_ATTRS : r->n_attrs;
	memcpy(s->attrs, r->attrs, s->n_attrs * sizeof(*s->attrs));
	s->protocol = STR("http/1.1");
	flow_sniffed(w, f);
}

static void take_request(struct worker *w, struct flow *f)
{
	struct http_state *state = f->setup->inbound_state;
	const struct http_request *r = &state->request;

	if (f->inbound->n_users) {
		f->setup->user = r->has_login ? find_login(f->inbound, r->login) : NULL;
		if (!f->setup->user) {
			refuse(w, f, 407);
			return;
		}
		f->policy = conf_policy(f->conf, f->setup->user->level);
	}
	f->setup->target = r->target;
	if (r->is_connect)
		begin_tunnel(w, f);
	else
		begin_plain(w, f);
}

static void http_read(struct worker *w, struct flow *f)
{
	struct setup *s = f->setup;
	struct http_state *state = s->inbound_state;

	if (!state) {
		state = s->inbound_state = calloc(1, sizeof(*state));
		if (!state) {
			flow_close(w, f, true);
			return;
		}
	}
	switch (http_request_read((struct str){ s->client.p, s->client.len }, f->inbound->allow_transparent,
				  &state->request)) {
	case HTTP_MORE:
		return;
	case HTTP_BAD:
		refuse(w, f, state->request.status);
		return;
	case HTTP_REQUEST:
		take_request(w, f);
	}
}

static void http_tell(struct worker *w, struct flow *f, int error)
{
	const struct http_state *state = f->setup->inbound_state;
	struct str answer;

	if (!error && state->is_plain)
		return;
	answer = http_answer(error ? http_status_of(error) : 200);
	flow_tell_client(w, f, answer.p, answer.len);
}

static void http_end(struct flow *f)
{
	struct http_state *state = f->setup->inbound_state;

	free(state ? state->head : NULL);
}

const struct inbound_ops inbound_http = { http_read, http_tell, http_end };

/* --- mixed --- */
static const struct inbound_ops *mixed_side(const struct flow *f)
{
	return f->is_socks ? &inbound_socks : &inbound_http;
}

static void mixed_read(struct worker *w, struct flow *f)
{
	const struct bytes *b = &f->setup->client;

	if (!f->setup->inbound_state) {
		if (!b->len)
			return;
		f->is_socks = *b->p == 4 || *b->p == 5;
	}
	mixed_side(f)->read(w, f);
}

static void mixed_tell(struct worker *w, struct flow *f, int error)
{
	mixed_side(f)->answer(w, f, error);
}

static void mixed_end(struct flow *f)
{
	if (mixed_side(f)->end)
		mixed_side(f)->end(f);
}

const struct inbound_ops inbound_mixed = { mixed_read, mixed_tell, mixed_end };
