/* The dns outbound for datagrams: each is a query. Its answer seems to come from the server that the client wrote to. */
#include <stdlib.h>
#include <string.h>

#include "engine/out_dns.h"
#include "engine/packet_impl.h"

struct state {
	struct dns_owner owner; /* first */
	struct path *path;
};

static void answered(struct worker *w, struct dns_owner *o, struct str message, const struct addr *asked)
{
	struct datagram d = { .p = w->scratch + PACKET_HEADROOM, .len = (uint32_t)message.len, .at = *asked };
	struct path *p = ((struct state *)o)->path;

	if (message.len > PACKET_MAX)
		return;
	memmove(d.p, message.p, message.len); /* may lie in the scratch itself */
	path_reply(w, p, &d, 1, true);
}

static void dns_start(struct worker *w, struct path *p)
{
	struct state *s = calloc(1, sizeof(*s));

	if (!s) {
		path_deaf(w, p, PATH_AGAIN_MS, "rejected", "out of memory");
		return;
	}
	s->owner = (struct dns_owner){ .conf = p->conf, .outbound = p->outbound, .answered = answered };
	s->path = p;
	p->state = s;
	path_ready(w, p);
}

static void dns_send(struct worker *w, struct path *p, struct datagram *d, unsigned n)
{
	struct state *s = p->state;

	for (unsigned i = 0; i < n; i++)
		dns_owner_ask(w, &s->owner, (struct str){ d[i].p, d[i].len }, &d[i].at);
}

static void dns_stop(struct worker *w, struct path *p)
{
	struct state *s = p->state;

	if (!s)
		return;
	dns_owner_stop(w, &s->owner);
	free(s);
	p->state = NULL;
}

const struct path_out path_out_dns = { .start = dns_start, .send = dns_send, .stop = dns_stop };
