/* Who listens where: one port twice, and ports that listen nowhere. On Linux engines set SO_REUSEPORT, so a second
 * listener on the same address starts, and connections fall to one or the other at random; a wildcard beside a single
 * address starts too, and the single address takes its own connections. Wildcards are one: 0.0.0.0 takes both families
 * in Go. */
#include "validate/rules.h"

#include <stdlib.h>
#include <string.h>

enum { NET_TCP = 1, NET_UDP = 2 };

struct listener {
	const struct peer *peer; /* NULL = api or metrics */
	struct span at;          /* of the port */
	const char *name;
	struct str path;         /* a Unix socket */
	struct ip_net addr;
	uint32_t from, to;
	uint8_t nets;
	bool wildcard, v6_only;
};
struct listeners {
	struct facts *f;
	struct listener *v;
	uint32_t n, cap;
};

static void add(struct listeners *l, struct listener one)
{
	if (l->n == l->cap)
		l->v = arena_grow(l->f->a, l->v, l->n, sizeof(*l->v), &l->cap);
	l->v[l->n++] = one;
}

/* --- what an inbound listens on ----------------------------------------------------------------------------------- */

static uint8_t nets_in(const struct value *list)
{
	struct xparts it = xparts_of(list);
	struct xpart item;
	uint8_t nets = 0;

	while (xparts_next(&it, &item))
		nets |= str_is_nocase(item.s, "tcp") ? NET_TCP : str_is_nocase(item.s, "udp") ? NET_UDP : 0;
	return list ? nets : NET_TCP;
}

/* XHTTP is HTTP/3, and so UDP, when that is the only ALPN. */
static bool is_h3(const struct peer *p)
{
	const struct value *alpn = facts_dig(p->stream.v, (const char *const[4]){ "tlsSettings", "alpn" });

	return p->stream.secrecy == SECRECY_TLS && items_count(alpn) == 1 && items_has(alpn, STR("h3"));
}

static uint8_t nets_of(const struct peer *p)
{
	const struct value *list;

	switch (p->stream.carrier) {
	case CARRIER_KCP:
	case CARRIER_HYSTERIA:
	case CARRIER_QUIC:
		return NET_UDP;
	case CARRIER_XHTTP:
		return is_h3(p) ? NET_UDP : NET_TCP;
	default:
		break;
	}
	switch (p->proto) {
	case PROTO_WIREGUARD:
	case PROTO_HYSTERIA:
		return NET_UDP;
	case PROTO_TUN:
		return 0;
	case PROTO_TUNNEL:
		list = facts_get(p->settings, "network");
		return nets_in(list ? list : facts_get(p->settings, "allowedNetwork"));
	case PROTO_SHADOWSOCKS:
		return nets_in(facts_get(p->settings, "network"));
	default:
		return NET_TCP;
	}
}

/* False for what others report: names, environment variables. */
static bool address_read(struct str s, struct listener *l)
{
	static const struct ip_net loopback = { { 127, 0, 0, 1 }, 32, false };
	bool zero = true;

	l->addr = loopback;
	if (!s.len) {
		l->wildcard = true;
		return true;
	}
	if (s.p[0] == '/' || s.p[0] == '@') {
		l->path = str_cut(&s, ','); /* what follows is the mode */
		return true;
	}
	if (str_is(s, "localhost"))
		return true;
	if (s.len > 2 && s.p[0] == '[' && s.p[s.len - 1] == ']')
		s = (struct str){ s.p + 1, s.len - 2 };
	if (ip_parse(s, &l->addr))
		return false;
	for (size_t i = 0; i < sizeof(l->addr.addr); i++)
		zero &= !l->addr.addr[i];
	l->wildcard = zero;
	return true;
}

static void report_reversed(struct facts *f, const struct xport *p)
{
	struct diag *d =
		diag_add(f->sink, DIAG_XR557, p->at, "port range %u-%u is reversed: nothing listens", p->from, p->to);

	diag_help(f->sink, d, "write %u-%u", p->to, p->from);
}

static void add_inbound(struct listeners *l, const struct peer *p)
{
	const struct value *listen = facts_get(p->v, "listen"), *port = facts_get(p->v, "port");
	struct listener one = { .peer = p, .nets = nets_of(p) };
	struct xports ports = xports_of(port);
	struct xport range;
	bool known;

	one.name = facts_name(l->f, "inbound", p, &l->f->ins);
	known = address_read(listen && listen->kind == VAL_STRING ? value_str(listen) : str_of(NULL), &one);
	one.v6_only = facts_dig(p->stream.v, (const char *const[4]){ "sockopt", "v6only" }) != NULL;
	if (listen && one.path.len) {
		one.at = listen->span;
		add(l, one);
		return;
	}
	while (xports_next(&ports, &range)) {
		one.at = range.at;
		one.from = range.from;
		one.to = range.to;
		if (range.kind == XPORT_REVERSED)
			report_reversed(l->f, &range);
		else if (range.kind == XPORT_RANGE && known && one.nets)
			add(l, one);
	}
}

/* api.listen and metrics.listen: "host:port" on TCP. */
static void add_service(struct listeners *l, const struct value *section, const char *name)
{
	const struct value *listen = facts_get(section, "listen");
	struct str host;
	struct listener one = { .name = name, .nets = NET_TCP };
	const char *colon;
	int64_t port = 0;

	if (!listen || listen->kind != VAL_STRING || !listen->len)
		return;
	host = value_str(listen);
	colon = memrchr(host.p, ':', host.len);
	if (!colon || str_int(str_skip(host, (size_t)(colon - host.p) + 1), &port) || port < 1 || port > 65535)
		return;
	host.len = (size_t)(colon - host.p);
	if (!address_read(host, &one) || one.path.len)
		return;
	one.at = listen->span;
	one.from = one.to = (uint32_t)port;
	add(l, one);
}

/* --- overlaps ----------------------------------------------------------------------------------------------------- */

static bool same_address(const struct listener *a, const struct listener *b)
{
	if (a->wildcard || b->wildcard)
		return a->wildcard && b->wildcard && !a->v6_only && !b->v6_only;
	return ip_contains(&a->addr, &b->addr);
}

static const char *port_text(struct facts *f, const struct listener *a, const struct listener *b)
{
	uint32_t from = a->from > b->from ? a->from : b->from, to = a->to < b->to ? a->to : b->to;

	return from == to ? arena_printf(f->a, "port %u", from) : arena_printf(f->a, "ports %u-%u", from, to);
}

static void report(struct facts *f, const struct listener *later, const struct listener *earlier)
{
	const char *net = (later->nets & earlier->nets) == NET_UDP ? "UDP" : "TCP";
	bool same = later->path.len || same_address(later, earlier);
	struct diag *d;

	if (later->path.len)
		d = diag_add(f->sink, DIAG_XR555, later->at, "%s and %s listen on the same socket '%s'", later->name,
			     earlier->name, facts_shown(f, later->path));
	else if (same)
		d = diag_add(f->sink, DIAG_XR555, later->at, "%s and %s listen on the same address, %s %s", later->name,
			     earlier->name, net, port_text(f, later, earlier));
	else
		d = diag_add(f->sink, DIAG_XR556, later->at,
			     "%s and %s share %s %s: one listens on every address, the other on one of them",
			     later->name, earlier->name, net, port_text(f, later, earlier));
	diag_relate(f->sink, d, earlier->at, "%s is here", earlier->name);
	diag_help(f->sink, d,
		  same ? "give one of them another port" : "give one of them another port or a single address");
}

static bool clash(const struct listener *a, const struct listener *b)
{
	if (a->path.len || b->path.len)
		return str_eq(a->path, b->path);
	if (!(a->nets & b->nets) || a->to < b->from || b->to < a->from)
		return false;
	/* one wildcard of a family of its own beside the other is fine */
	if (a->wildcard && b->wildcard)
		return same_address(a, b);
	return a->wildcard || b->wildcard || same_address(a, b);
}

static int by_port(const void *pa, const void *pb)
{
	const struct listener *a = pa, *b = pb;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	if (a->to != b->to)
		return a->to < b->to ? -1 : 1;
	return a->at.begin < b->at.begin ? -1 : a->at.begin > b->at.begin;
}

enum { COMPARED_MAX = 4000000 };

/* Ports in order: only those that begin before this one ends can overlap it. One report for each listener. Thousands of
 * addresses on one port are nobody's configuration, and the comparisons end there. */
static void sweep(struct listeners *l)
{
	uint32_t compared = 0;

	for (uint32_t i = 0; i < l->n; i++) {
		for (uint32_t k = i + 1; k < l->n && l->v[k].from <= l->v[i].to; k++) {
			bool swapped = l->v[k].at.begin < l->v[i].at.begin;
			if (++compared > COMPARED_MAX)
				return;
			if (!clash(&l->v[i], &l->v[k]))
				continue;
			report(l->f, &l->v[swapped ? i : k], &l->v[swapped ? k : i]);
			break;
		}
	}
}

void listen_check(struct facts *f)
{
	struct listeners l = { .f = f };

	for (uint32_t i = 0; i < f->ins.n; i++)
		add_inbound(&l, &f->ins.v[i]);
	add_service(&l, &f->x->section[XS_API], "api.listen");
	add_service(&l, facts_get(&f->x->rest, "metrics"), "metrics.listen");
	if (l.n > 1)
		qsort(l.v, l.n, sizeof(*l.v), by_port);
	sweep(&l);
}
