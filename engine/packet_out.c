/* Freedom for datagrams: one socket for all targets, so that anybody may answer (full cone). Names are looked up once for each
 * target of the path. */
#include "engine/packet_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/sock.h"

/* --- the socket --- */
/* A system without IPv6 gives a socket of IPv4 for any address. */
static bool is_v6(int fd)
{
	socklen_t len = sizeof(int);
	int domain = AF_INET;

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
	return domain == AF_INET6;
}

static int open_any(struct worker *w, struct path *p)
{
	struct sockopt o = p->outbound->sockopt;
	struct addr source, at = { .family = ADDR_V6 }, local;
	struct route_ip from;
	int fd;

	o.v6only = false; /* says something about listeners */
	packet_sa_addr(&p->source, &source);
	addr_set_ip(&local, &p->local, 0);
	from = dial_from(w, p->outbound, &local, &source);
	if (from.family)
		addr_set_ip(&at, &from, 0);
	fd = worker_take_fd(w, sock_udp(&at, &o, SOCK_ALONE));
	p->up_is_v6 = fd >= 0 && is_v6(fd);
	return fd;
}

static void freedom_start(struct worker *w, struct path *p)
{
	int fd = open_any(w, p), r;

	if (fd == -EMFILE && w->packets->oldest != p) { /* who was quiet for longest has to give */
		path_close(w, w->packets->oldest);
		fd = open_any(w, p);
	}
	r = fd < 0 ? fd : io_open_level(&w->loop, &p->up, fd);
	if (r && fd >= 0)
		close(fd);
	if (r)
		path_deaf(w, p, PATH_AGAIN_MS, "rejected", "no socket for datagrams");
	else
		path_ready(w, p);
}

/* False: the socket cannot reach that family. */
static bool make_sa(const struct path *p, const struct addr *a, union path_sa *ret)
{
	struct sockaddr_storage sa;
	struct in6_addr mapped = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	if (!p->up_is_v6 || a->family == ADDR_V6) {
		if (a->family != (p->up_is_v6 ? ADDR_V6 : ADDR_V4))
			return false;
		addr_to_sockaddr(a, &sa);
		memcpy(ret, &sa, sizeof(*ret));
		return true;
	}
	memcpy(mapped.s6_addr + 12, a->ip, 4);
	*ret = (union path_sa){ .in6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_addr = mapped } };
	return true;
}

/* --- names --- */
/* The family that the client speaks, if it wrote an address; else IPv4 unless the strategy says otherwise. */
static unsigned wanted_family(const struct path *p, const struct peer *e)
{
	enum domain_strategy s = p->outbound->strategy;

	if (e->asked.family == ADDR_V4 || e->asked.family == ADDR_V6)
		return e->asked.family;
	return s == DS_USE_IP6 || s == DS_USE_IP64 || s == DS_FORCE_IP6 || s == DS_FORCE_IP64 ? ADDR_V6 : ADDR_V4;
}

static void take_address(const struct path *p, struct peer *e, const struct route_ip *ips, uint32_t n)
{
	unsigned family = wanted_family(p, e);
	struct addr a;

	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < n; i++) {
			addr_set_ip(&a, &ips[i], e->to.port);
			if ((round || a.family == family) && make_sa(p, &a, &e->sa))
				return;
		}
}

static void on_peer(struct worker *w, void *ctx, int error, const struct route_ip *ips, uint32_t n)
{
	struct peer *e = ctx;
	struct path *p = e->path;
	struct datagram d = { .len = 0 };
	struct queued *q;

	e->query = NULL;
	if (!error)
		take_address(p, e, ips, n);
	while ((q = queue_take(&e->waiting))) {
		d.p = q->bytes;
		d.len = q->len;
		d.sa = e->sa;
		if (e->sa.sa.sa_family)
			packet_send(w, p->up.fd, &d, 1);
		free(q);
	}
	if (!e->sa.sa.sa_family)
		elog(w, LOG_INFO, p->id, "no address for a datagram to '%s'", e->to.name);
}

/* False: it waits, or has nowhere to go. */
static bool aim_at_peer(struct worker *w, struct path *p, struct peer *e, struct datagram *d)
{
	if (e->to.family != ADDR_NAME)
		return make_sa(p, &e->to, &d->sa) && make_sa(p, &e->to, &e->sa);
	if (!e->sa.sa.sa_family && !e->query)
		resolve_dial(w, p->conf, addr_name(&e->to), p->outbound->strategy, on_peer, e, &e->query);
	d->sa = e->sa;
	if (e->query)
		queue_add(&e->waiting, d);
	return e->sa.sa.sa_family;
}

static bool aim(struct worker *w, struct path *p, struct datagram *d)
{
	struct peer *e;

	if (!path_aim(w, p, d, &e))
		return false;
	return e ? aim_at_peer(w, p, e, d) : make_sa(p, &d->at, &d->sa);
}

static void freedom_send(struct worker *w, struct path *p, struct datagram *d, unsigned n)
{
	unsigned run = 0;

	for (unsigned i = 0; i < n; i++) {
		if (aim(w, p, &d[i])) {
			run++;
			continue;
		}
		packet_send(w, p->up.fd, &d[i - run], run);
		run = 0;
	}
	packet_send(w, p->up.fd, &d[n - run], run);
}

const struct path_out path_out_freedom = { .start = freedom_start, .send = freedom_send };
