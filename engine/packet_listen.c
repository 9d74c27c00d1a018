/* Datagrams of tunnel inbounds: a path for each source. Transparent ones (TPROXY) get the target of each datagram from the
 * kernel, and answer with the address that the client wrote to; others answer from the address that was written to. */
#include "engine/packet_impl.h"

#include <errno.h>
#include <string.h>

#include "engine/tunnel.h"

static int set_on(int fd, int level, int option)
{
	static const int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on)) < 0 ? -errno : 0;
}

/* A socket of IPv6 gets IPv4 too, so both are asked for; one of IPv4 has only one of them. */
int packet_prepare(int fd, const struct inbound *in)
{
	bool transparent = in->follow_redirect && in->sockopt.transparent;
	int r4 = set_on(fd, SOL_IP, transparent ? IP_RECVORIGDSTADDR : IP_PKTINFO);
	int r6 = set_on(fd, SOL_IPV6, transparent ? IPV6_RECVORIGDSTADDR : IPV6_RECVPKTINFO);

	return r4 && r6 ? r4 : 0;
}

/* --- what the kernel says beside a datagram --- */
static void take_sockaddr(const struct cmsghdr *c, struct addr *ret)
{
	union path_sa sa = { .in6 = { 0 } };
	size_t len = c->cmsg_len - CMSG_LEN(0);

	memcpy(&sa, CMSG_DATA(c), len < sizeof(sa) ? len : sizeof(sa));
	packet_sa_addr(&sa, ret);
}

static void take_info(const struct cmsghdr *c, uint16_t port, struct addr *ret)
{
	union path_sa sa = { .in6 = { 0 } };
	struct in_pktinfo info4;
	struct in6_pktinfo info6;

	if (c->cmsg_level == SOL_IP) {
		memcpy(&info4, CMSG_DATA(c), sizeof(info4));
		sa.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = info4.ipi_spec_dst };
	} else {
		memcpy(&info6, CMSG_DATA(c), sizeof(info6));
		sa.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = info6.ipi6_addr };
	}
	packet_sa_addr(&sa, ret);
}

static void find_local(struct msghdr *m, uint16_t port, struct addr *ret)
{
	ret->family = ADDR_NONE;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		bool v4 = c->cmsg_level == SOL_IP, v6 = c->cmsg_level == SOL_IPV6;

		if ((v4 && c->cmsg_type == IP_ORIGDSTADDR) || (v6 && c->cmsg_type == IPV6_ORIGDSTADDR))
			take_sockaddr(c, ret);
		else if ((v4 && c->cmsg_type == IP_PKTINFO) || (v6 && c->cmsg_type == IPV6_PKTINFO && !ret->family))
			take_info(c, port, ret);
	}
}

/* --- down --- */
/* From the address that the client wrote to, where the listener has several. */
static void reply_as_written(struct worker *w, struct path *p, struct datagram *d, unsigned n)
{
	char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = { 0 };
	struct cmsghdr *c = (struct cmsghdr *)(void *)control;
	struct in_pktinfo info4 = { 0 };
	struct in6_pktinfo info6 = { 0 };
	bool v4 = p->local.family == ADDR_V4;

	c->cmsg_level = v4 ? SOL_IP : SOL_IPV6;
	c->cmsg_type = v4 ? IP_PKTINFO : IPV6_PKTINFO;
	c->cmsg_len = v4 ? CMSG_LEN(sizeof(info4)) : CMSG_LEN(sizeof(info6));
	memcpy(&info4.ipi_spec_dst, p->local.bytes, 4);
	memcpy(&info6.ipi6_addr, p->local.bytes, 16);
	memcpy(CMSG_DATA(c), v4 ? (void *)&info4 : (void *)&info6, v4 ? sizeof(info4) : sizeof(info6));
	for (unsigned i = 0; i < n; i++)
		d[i].sa = p->source;
	if (p->local.family)
		packet_send_from(w, p->fd, d, n, control, v4 ? CMSG_SPACE(sizeof(info4)) : CMSG_SPACE(sizeof(info6)));
	else
		packet_send(w, p->fd, d, n);
}

static void reply_transparent(struct worker *w, struct path *p, struct datagram *d, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		foreign_send(w, p, &d[i]);
}

static const struct path_in written = { .reply = reply_as_written }, transparent = { .reply = reply_transparent };

/* --- up --- */
static bool find_target(const struct inbound *in, struct datagram *d)
{
	if (!in->follow_redirect)
		return !tunnel_target(in, &d->local, &d->at);
	if (!in->sockopt.transparent || !d->local.family)
		return false; /* REDIRECT says nothing about datagrams */
	d->at = d->local;
	return d->at.port && !tunnel_own(in, &d->at);
}

static struct path *path_of(struct worker *w, const struct inbound *in, int fd, struct datagram *d)
{
	struct path *p = path_find(w, fd, &d->sa);

	if (p)
		return p;
	p = path_new(w, w->conf, in, in->follow_redirect ? &transparent : &written, fd, &d->sa);
	if (!p)
		return NULL;
	addr_ip(&d->local, &p->local);
	p->local_port = d->local.port;
	return p;
}

/* Runs of datagrams of one source go on together. */
static void deliver(struct worker *w, const struct inbound *in, int fd, struct datagram *d, unsigned n)
{
	unsigned end;

	for (unsigned i = 0; i < n; i = end) {
		struct path *p;

		end = i + 1;
		while (end < n && packet_same_sa(&d[end].sa, &d[i].sa))
			end++;
		p = path_of(w, in, fd, &d[i]);
		if (p)
			path_take(w, p, d + i, end - i);
	}
}

static uint16_t port_of(int fd)
{
	union path_sa sa = { .in6 = { 0 } };
	socklen_t len = sizeof(sa);
	struct addr a;

	if (getsockname(fd, &sa.sa, &len) < 0)
		return 0;
	packet_sa_addr(&sa, &a);
	return a.port;
}

void packet_read(struct worker *w, const struct inbound *in, int fd)
{
	struct packet_worker *k = w->packets;
	unsigned n = packet_recv(w, fd, true), good = 0;
	uint16_t port = n ? port_of(fd) : 0;

	for (unsigned i = 0; i < n; i++) {
		struct datagram *d = &k->batch[i];

		find_local(&k->msgs[i].msg_hdr, port, &d->local);
		if (!find_target(in, d))
			continue;
		if (good != i)
			k->batch[good] = *d;
		good++;
	}
	deliver(w, in, fd, k->batch, good);
}
