/* SOCKS 5 UDP ASSOCIATE: a socket of its own for each association, on the address that the client connected to (or the configured
 * one). Datagrams count when they come from the address of the TCP connection; the first one fixes the port. What the client sends
 * makes a path; when that has been idle it ends, and the next datagram makes another. The association ends with its connection. */
#include "engine/packet_impl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "engine/sock.h"

struct association {
	struct retired retired; /* first */
	struct io io;
	struct flow *flow;
	struct path *path;      /* NULL: nothing was sent yet, or not for long */
	const struct login *user;
	struct route_ip client, local;
	uint16_t local_port;
	bool fixed;             /* source is known */
	union path_sa source;
};

void packet_init_associations(struct packet_worker *k)
{
	slab_init(&k->associations, sizeof(struct association));
}

/* --- down --- */
static void reply(struct worker *w, struct path *p, struct datagram *d, unsigned n)
{
	uint8_t header[SOCKS_UDP_HEADER];

	for (unsigned i = 0; i < n; i++) {
		size_t len = socks_udp_write(&d[i].at, header);

		d[i].p -= len;
		d[i].len += (uint32_t)len;
		memcpy(d[i].p, header, len);
		d[i].sa = p->association->source;
	}
	packet_send(w, p->association->io.fd, d, n);
}

static void closed(struct worker *w, struct path *p)
{
	(void)w;
	p->association->path = NULL;
}

static const struct path_in associated = { .reply = reply, .closed = closed };

/* --- up --- */
static bool is_from_client(struct association *a, const union path_sa *sa)
{
	struct addr from;
	struct route_ip ip;

	if (a->fixed)
		return packet_same_sa(sa, &a->source);
	packet_sa_addr(sa, &from);
	addr_ip(&from, &ip);
	if (ip.family != a->client.family || memcmp(ip.bytes, a->client.bytes, ip.family == ADDR_V4 ? 4 : 16) != 0)
		return false;
	a->fixed = true;
	a->source = *sa;
	return true;
}

/* Takes the header off. */
static bool unwrap(struct association *a, struct datagram *d)
{
	int header = is_from_client(a, &d->sa) ? socks_udp_read((struct str){ d->p, d->len }, &d->at) : -1;

	if (header < 0)
		return false;
	d->p += header;
	d->len -= (uint32_t)header;
	return d->at.family != ADDR_NONE && d->at.port;
}

static struct path *path_of(struct worker *w, struct association *a)
{
	if (a->path)
		return a->path;
	a->path = path_new(w, a->flow->conf, a->flow->inbound, &associated, -1, &a->source);
	if (!a->path)
		return NULL;
	a->path->association = a;
	a->path->user = a->user;
	a->path->local = a->local;
	a->path->local_port = a->local_port;
	return a->path;
}

static void on_datagrams(struct loop *l, struct io *io)
{
	struct worker *w = l->owner;
	struct association *a = (struct association *)((char *)io - offsetof(struct association, io));
	struct datagram *d = w->packets->batch;
	unsigned n, good = 0;
	struct path *p;

	io->up = 0;
	n = packet_recv(w, io->fd, false);
	for (unsigned i = 0; i < n; i++) {
		if (!unwrap(a, &d[i]))
			continue;
		if (good != i)
			d[good] = d[i];
		good++;
	}
	p = good ? path_of(w, a) : NULL;
	if (p)
		path_take(w, p, d, good);
}

/* --- begin and end --- */
static void release(struct loop *l, struct retired *r)
{
	struct worker *w = l->owner;

	slab_put(&w->packets->associations, r);
}

void packet_release(struct worker *w, struct association *a)
{
	if (a->path)
		path_close(w, a->path);
	io_close(&a->io, false);
	loop_retire(&w->loop, &a->retired, release);
}

/* Fills local, bound. 0 or -errno. */
static int open_socket(struct worker *w, struct association *a, const struct inbound *in, struct addr *ret_bound)
{
	struct sockopt o = in->sockopt;
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	int fd, r;

	if (getsockname(a->flow->client.fd, (struct sockaddr *)&sa, &len) < 0)
		return -errno;
	addr_from_sockaddr(ret_bound, (struct sockaddr *)&sa);
	addr_ip(ret_bound, &a->local);
	a->local_port = ret_bound->port;
	if (in->udp_ip.family)
		addr_set_ip(ret_bound, &in->udp_ip, 0);
	if (ret_bound->family != ADDR_V4 && ret_bound->family != ADDR_V6)
		return -EOPNOTSUPP; /* a Unix socket */
	ret_bound->port = 0;
	o.transparent = false;
	fd = worker_take_fd(w, sock_udp(ret_bound, &o, SOCK_ALONE));
	if (fd < 0)
		return fd;
	len = sizeof(sa);
	r = getsockname(fd, (struct sockaddr *)&sa, &len) < 0 ? -errno : io_open_level(&w->loop, &a->io, fd);
	if (r) {
		close(fd);
		return r;
	}
	addr_from_sockaddr(ret_bound, (struct sockaddr *)&sa);
	return 0;
}

void packet_associate(struct worker *w, struct flow *f)
{
	static const struct socks_server version5 = { .version = 5 };
	struct association *a = f->inbound->udp_associate ? slab_get(&w->packets->associations) : NULL;
	uint8_t answer[SOCKS_REPLY_MAX];
	struct addr bound;
	int r;

	if (!a) {
		flow_fail(w, f, f->inbound->udp_associate ? ENOMEM : EOPNOTSUPP, "UDP is not switched on for this inbound");
		return;
	}
	a->flow = f;
	a->user = f->setup->user;
	addr_ip(&f->setup->source, &a->client);
	io_init(&a->io, on_datagrams);
	r = open_socket(w, a, f->inbound, &bound);
	if (r) {
		slab_put(&w->packets->associations, a);
		flow_fail(w, f, -r, "no socket for a UDP association");
		return;
	}
	flow_tell_client(w, f, answer, socks_server_reply(&version5, 0, &bound, answer));
	flow_hold(w, f, a);
}
