/* The socks inbound, TCP side. */
#include <errno.h>
#include <stdlib.h>

#include "engine/codecs.h"
#include "engine/packet.h"
#include "engine/socks.h"
#include "engine/wire.h"

static const struct login *find_login(const struct inbound *in, const struct socks_server *state)
{
	for (uint32_t i = 0; i < in->n_users; i++)
		if (wire_same_secret(state->user, in->users[i].name) && wire_same_secret(state->password, in->users[i].password))
			return &in->users[i];
	return NULL;
}

static void take_request(struct worker *w, struct flow *f, struct socks_server *state)
{
	f->setup->target = state->target;
	if (state->command == SOCKS_UDP_ASSOCIATE)
		packet_associate(w, f);
	else
		flow_target_known(w, f);
}

static void socks_read(struct worker *w, struct flow *f)
{
	struct setup *s = f->setup;
	struct socks_server *state = s->inbound_state;
	enum socks_step step;
	size_t used;

	if (!state) {
		state = s->inbound_state = calloc(1, sizeof(*state));
		if (!state) {
			flow_close(w, f, true);
			return;
		}
		state->wants_password = f->inbound->needs_login;
	}
	do {
		step = socks_server_step(state, (struct str){ s->client.p, s->client.len }, &used);
		if (state->check_user) {
			s->user = find_login(f->inbound, state);
			socks_server_login(state, s->user != NULL);
		}
		if (state->reply_len)
			flow_tell_client(w, f, state->reply, state->reply_len);
		bytes_drop(&s->client, used);
	} while (step == SOCKS_REPLY && (!state->check_user || s->user));
	if (step == SOCKS_REQUEST)
		take_request(w, f, state);
	else if (step != SOCKS_MORE)
		flow_fail(w, f, 0, "not a SOCKS client that may come in");
}

static void socks_answer(struct worker *w, struct flow *f, int error)
{
	uint8_t reply[22];
	size_t len = socks_server_reply(f->setup->inbound_state, error, NULL, reply);

	flow_tell_client(w, f, reply, len);
}

const struct inbound_ops inbound_socks = { .read = socks_read, .answer = socks_answer };
