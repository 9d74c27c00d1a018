/* The tunnel inbound (dokodemo-door), TCP side: the target is configured, or it is where the client wanted to go before netfilter
 * brought it here. No byte of the client is looked at. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/codecs.h"
#include "engine/tunnel.h"

enum { ORIGINAL_DST = 80 /* SO_ORIGINAL_DST, IP6T_SO_ORIGINAL_DST */ };

/* --- to itself? --- */
static bool is_any(const struct route_ip *ip)
{
	static const uint8_t any[16] = { 0 };

	return !memcmp(ip->bytes, any, ip->family == ADDR_V4 ? 4 : 16);
}

static bool same_ip(const struct route_ip *a, const struct route_ip *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, a->family == ADDR_V4 ? 4 : 16);
}

/* An address of this machine can be bound to. */
static bool is_here(const struct addr *a)
{
	struct addr any_port = *a;
	struct sockaddr_storage sa;
	bool here;
	int fd;

	any_port.port = 0;
	fd = socket(a->family == ADDR_V6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	here = fd < 0 || bind(fd, (struct sockaddr *)&sa, addr_to_sockaddr(&any_port, &sa)) == 0;
	if (fd >= 0)
		close(fd);
	return here;
}

int tunnel_own(const struct inbound *in, const struct addr *target)
{
	bool own_port = false;
	struct route_ip ip;

	for (uint32_t i = 0; i < in->n_ports; i++)
		own_port |= target->port >= in->ports[i].first && target->port <= in->ports[i].last;
	if (!own_port || in->unix_path || target->family == ADDR_NAME)
		return 0;
	addr_ip(target, &ip);
	return same_ip(&ip, &in->listen) || is_any(&ip) || (is_any(&in->listen) && is_here(target)) ? -ELOOP : 0;
}

/* --- what the settings say --- */
static void set_host(struct addr *a, const struct addr *host)
{
	uint16_t port = a->port;

	*a = *host;
	a->port = port;
}

static void use_map(const struct inbound *in, uint16_t port, struct addr *a)
{
	for (uint32_t i = 0; i < in->n_port_map; i++) {
		const struct port_target *t = &in->port_map[i];

		if (t->port != port)
			continue;
		if (t->target.family)
			set_host(a, &t->target);
		if (t->target.port)
			a->port = t->target.port;
		return;
	}
}

int tunnel_target(const struct inbound *in, const struct addr *local, struct addr *ret_target)
{
	static const struct route_ip loopback[] = { { ADDR_V4, { 127, 0, 0, 1 } }, { ADDR_V6, { [15] = 1 } } };
	struct addr a = in->target;

	if (!a.family)
		addr_set_ip(&a, &loopback[local->family == ADDR_V6], in->target.port);
	if (!a.port)
		a.port = local->port;
	use_map(in, local->port, &a);
	if (!a.port)
		return -EINVAL;
	*ret_target = a;
	return tunnel_own(in, &a);
}

/* --- a connection --- */
/* What netfilter's REDIRECT or DNAT has changed. */
static int original(int fd, const struct addr *local, struct addr *ret)
{
	int level = local->family == ADDR_V6 ? SOL_IPV6 : SOL_IP;
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);

	if (getsockopt(fd, level, ORIGINAL_DST, &sa, &len) < 0)
		return -EINVAL;
	addr_from_sockaddr(ret, (struct sockaddr *)&sa);
	return 0;
}

static int find_target(const struct inbound *in, int fd, const struct addr *local, struct addr *ret)
{
	int r;

	if (!in->follow_redirect)
		return tunnel_target(in, local, ret);
	*ret = *local;
	r = in->sockopt.transparent ? 0 : original(fd, local, ret);
	if (!r && ret->family != ADDR_V4 && ret->family != ADDR_V6)
		r = -EINVAL;
	return r ? r : tunnel_own(in, ret);
}

static void tunnel_read(struct worker *w, struct flow *f)
{
	struct setup *s = f->setup;
	int r = find_target(f->inbound, f->client.fd, &s->local, &s->target);

	if (!r) {
		flow_target_known(w, f);
		return;
	}
	flow_fail(w, f, -r, r == -ELOOP ? "the target is the tunnel itself" : "there is no target: nothing was redirected");
}

static void tunnel_answer(struct worker *w, struct flow *f, int error)
{
	(void)w;
	(void)f;
	(void)error;
}

const struct inbound_ops inbound_tunnel = { .read = tunnel_read, .answer = tunnel_answer };
