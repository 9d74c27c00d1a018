#ifndef XRAT_ENGINE_PACKET_H
#define XRAT_ENGINE_PACKET_H
/* UDP: datagrams of one client address form a path with one upstream socket of its own (full cone), found by inbound and
 * source; idle paths end after 2 minutes. Each datagram names its target, and the first decides the route. */
#include "engine/flow.h"

/* The client asked for a UDP association over its TCP connection: it lives as long as that does. */
void packet_associate(struct worker *w, struct flow *f);
/* That connection has ended. */
struct association;
void packet_release(struct worker *w, struct association *a);
int packet_open(struct worker *w);
void packet_close(struct worker *w);
/* Datagrams of the engine's own to one target: they are routed as if they came from that inbound, once more by a proxy if the rules
 * say so. The caller sets all but path. */
struct packet_own {
	const char *tag;
	const struct addr *target;
	/* What the target has sent; p NULL: nothing more will come (perhaps before packet_own_send returns). */
	void (*received)(struct worker *w, struct packet_own *o, struct str datagram);
	struct path *path;
};
void packet_own_send(struct worker *w, struct conf *c, struct packet_own *o, struct str datagram);
void packet_own_close(struct worker *w, struct packet_own *o);
/* An address that FakeDNS has lent becomes its name, the port stays: the length of the name; -ENOENT: not of a pool; -EINVAL: of
 * one, and lent to nobody. */
int packet_fake(const struct conf *c, struct addr *a);
/* What a listening datagram socket of an inbound needs to have switched on; before the first read. 0 or -errno. */
int packet_prepare(int fd, const struct inbound *in);
/* That socket is about to be closed. */
void packet_forget(struct worker *w, int fd);
/* A datagram socket of an inbound (tunnel, TPROXY) is readable. */
void packet_read(struct worker *w, const struct inbound *in, int fd);

#endif
