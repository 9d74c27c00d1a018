/* Datagrams that the engine sends itself (its name queries) and that the rules may send through a proxy. */
#include <string.h>

#include "engine/packet_impl.h"

static bool is_from_target(const struct packet_own *o, const struct datagram *d)
{
	return o->target->family == ADDR_NAME ? d->at.port == o->target->port : addr_equal(&d->at, o->target);
}

static void reply(struct worker *w, struct path *p, struct datagram *d, unsigned n)
{
	struct packet_own *o = p->in_ctx;

	for (unsigned i = 0; i < n && o->path == p; i++)
		if (is_from_target(o, &d[i]))
			o->received(w, o, (struct str){ d[i].p, d[i].len });
}

static void closed(struct worker *w, struct path *p)
{
	struct packet_own *o = p->in_ctx;

	if (o->path != p)
		return; /* by its owner */
	o->path = NULL;
	o->received(w, o, (struct str){ NULL, 0 });
}

static const char *tag(const struct path *p)
{
	return ((const struct packet_own *)p->in_ctx)->tag;
}

static const struct path_in own = { reply, closed, tag, true };

void packet_own_send(struct worker *w, struct conf *c, struct packet_own *o, struct str datagram)
{
	static const struct inbound nowhere = { .tag = "" };
	static const union path_sa nobody;
	struct datagram d = { .p = w->scratch + PACKET_HEADROOM, .len = (uint32_t)datagram.len, .at = *o->target };

	if (!o->path) {
		o->path = path_new(w, c, &nowhere, &own, -1, &nobody);
		if (o->path)
			o->path->in_ctx = o;
	}
	if (!o->path) {
		o->received(w, o, (struct str){ NULL, 0 });
		return;
	}
	memmove(d.p, datagram.p, datagram.len);
	path_take(w, o->path, &d, 1);
}

void packet_own_close(struct worker *w, struct packet_own *o)
{
	struct path *p = o->path;

	o->path = NULL;
	if (p)
		path_close(w, p);
}
