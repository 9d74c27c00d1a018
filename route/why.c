/* route_why_not: the first condition of a rule that a flow does not meet, in words. */
#include <string.h>

#include "route/index.h"
#include "route/plain.h"

enum { SHOWN = 80 };

/* A text of the flow or the rule for a message: cut when long, control characters left out of sight. */
static const char *shown(struct arena *a, struct str s)
{
	bool cut = s.len > SHOWN;
	char *p = arena_memdup(a, s.p, cut ? SHOWN : s.len);

	for (char *c = p; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return cut ? arena_printf(a, "%s...", p) : p;
}

/* "'x'" for one item, "one of 3 domains" for more. */
static const char *wanted(struct arena *a, const struct value *list, const char *noun)
{
	struct xparts it = xparts_of(list);
	struct xpart item, first = { 0 };
	unsigned n = 0;

	while (xparts_next(&it, &item))
		if (!n++)
			first = item;
	return n == 1 ? arena_printf(a, "'%s'", shown(a, first.s)) : arena_printf(a, "one of %u %s", n, noun);
}

static const char *ports_wanted(struct arena *a, const struct value *list)
{
	struct xports p = xports_of(list);
	struct port_range r;
	const char *text = NULL;

	while (items_ports_next(&p, NULL, &r)) {
		const char *one = r.lo == r.hi ? arena_printf(a, "%u", r.lo) : arena_printf(a, "%u-%u", r.lo, r.hi);
		text = text ? arena_printf(a, "%s, %s", text, one) : one;
		if (strlen(text) > SHOWN)
			return arena_printf(a, "%s, ...", text);
	}
	return text ? text : "any range: the list is empty";
}

static const char *ip_text(struct arena *a, const struct route_ip *ip)
{
	struct ip_net net = { .v6 = ip->family == 6 };

	memcpy(net.addr, ip->bytes, sizeof(net.addr));
	return ip_format(a, &net, false);
}

/* --- reasons, one for each condition; NULL = it holds -------------------------------------------------------------- */

static const char *why_text(struct plain *p, const struct value *v, struct str have, const char *what, const char *nouns,
			    bool holds)
{
	if (holds)
		return NULL;
	if (!have.len)
		return arena_printf(p->a, "the %s is not known, and the rule wants %s", what, wanted(p->a, v, nouns));
	return arena_printf(p->a, "%s '%s' is not %s", what, shown(p->a, have), wanted(p->a, v, nouns));
}

static const char *why_os(struct plain *p, const struct value *v)
{
	return plain_os(v) ? NULL : arena_printf(p->a, "the engine runs on 'linux', not on %s", wanted(p->a, v, "systems"));
}

static const char *why_inbound(struct plain *p, const struct value *v)
{
	return why_text(p, v, p->f->inbound_tag, "inbound", "tags", plain_word(v, p->f->inbound_tag));
}

static const char *why_network(struct plain *p, const struct value *v)
{
	return why_text(p, v, str_of(p->f->network == ROUTE_TCP ? "tcp" : "udp"), "network", "networks",
			plain_network(v, p->f->network));
}

static const char *why_protocol(struct plain *p, const struct value *v)
{
	return why_text(p, v, p->f->protocol, "protocol", "protocols", plain_prefix(v, p->f->protocol));
}

static const char *why_port_of(struct plain *p, const struct value *v, const char *what, uint16_t port)
{
	if (plain_port(v, port))
		return NULL;
	return arena_printf(p->a, "%s %u is not in %s", what, port, ports_wanted(p->a, v));
}

static const char *why_port(struct plain *p, const struct value *v)
{
	return why_port_of(p, v, "port", p->f->port);
}

static const char *why_source_port(struct plain *p, const struct value *v)
{
	return why_port_of(p, v, "source port", p->f->source_port);
}

static const char *why_local_port(struct plain *p, const struct value *v)
{
	return why_port_of(p, v, "local port", p->f->local_port);
}

static const char *why_vless_route(struct plain *p, const struct value *v)
{
	return why_port_of(p, v, "VLESS route", p->f->has_vless_route ? p->f->vless_route : 0);
}

static const char *why_user(struct plain *p, const struct value *v)
{
	return why_text(p, v, p->f->user, "user", "users", plain_user(p, v));
}

static const char *why_attrs(struct plain *p, const struct value *v)
{
	struct str failed = plain_attrs(p, v);

	if (!failed.p)
		return NULL;
	if (!p->f->n_attrs)
		return arena_printf(p->a, "no HTTP headers are known, and the rule looks at '%s'", shown(p->a, failed));
	return arena_printf(p->a, "HTTP header '%s' is absent or has another value", shown(p->a, failed));
}

static const char *why_ip(struct plain *p, const struct value *v)
{
	const char *strategies[] = { "AsIs", "IPIfNonMatch", "IPOnDemand" };

	if (plain_ips(p, v, p->ips, p->n_ips))
		return NULL;
	if (p->n_ips)
		return arena_printf(p->a, "address %s%s is not in %s", ip_text(p->a, p->ips),
				    p->n_ips > 1 ? " (and the others)" : "", wanted(p->a, v, "networks and lists"));
	if (p->t->strategy == ROUTE_AS_IS)
		return "the target is a name, and domainStrategy AsIs asks for no address";
	if (!p->f->resolve)
		return arena_printf(p->a, "no address of the name is known%s",
				    p->t->strategy == ROUTE_IP_IF_NON_MATCH ? ": IPIfNonMatch asks when no rule matched" : "");
	return arena_printf(p->a, "the name has no address (domainStrategy %s)", strategies[p->t->strategy]);
}

static const char *why_one_ip(struct plain *p, const struct value *v, const char *what, const struct route_ip *ip)
{
	if (plain_ips(p, v, ip, 1))
		return NULL;
	if (!ip->family)
		return arena_printf(p->a, "the %s address is not known, and the rule wants %s", what,
				    wanted(p->a, v, "networks and lists"));
	return arena_printf(p->a, "%s address %s is not in %s", what, ip_text(p->a, ip),
			    wanted(p->a, v, "networks and lists"));
}

static const char *why_source_ip(struct plain *p, const struct value *v)
{
	return why_one_ip(p, v, "source", &p->f->source);
}

static const char *why_local_ip(struct plain *p, const struct value *v)
{
	return why_one_ip(p, v, "local", &p->f->local);
}

static const char *why_domain(struct plain *p, const struct value *v)
{
	if (plain_domain(p, v))
		return NULL;
	if (!p->f->domain.len)
		return "the target is an address, and the rule wants a domain";
	return arena_printf(p->a, "domain '%s' is not %s", shown(p->a, p->f->domain), wanted(p->a, v, "domains"));
}

static const char *why_process(struct plain *p, const struct value *v)
{
	return why_text(p, v, p->f->process, "process", "processes", plain_process(v, p->f->process));
}

static const char *(*const reasons[RF_CONDITIONS__N])(struct plain *p, const struct value *v) = {
	[RF_LOCAL_OS] = why_os, [RF_INBOUND] = why_inbound, [RF_NETWORK] = why_network, [RF_PROTOCOL] = why_protocol,
	[RF_PORT] = why_port, [RF_SOURCE_PORT] = why_source_port, [RF_LOCAL_PORT] = why_local_port,
	[RF_VLESS_ROUTE] = why_vless_route, [RF_USER] = why_user, [RF_ATTRS] = why_attrs, [RF_IP] = why_ip,
	[RF_SOURCE_IP] = why_source_ip, [RF_LOCAL_IP] = why_local_ip, [RF_DOMAIN] = why_domain,
	[RF_PROCESS] = why_process,
};

/* The addresses of the target as the strategy has them. */
static void set_ips(struct plain *p)
{
	const struct route_flow *f = p->f;

	p->ips = &f->target;
	p->n_ips = f->target.family ? 1 : 0;
	if (p->t->strategy == ROUTE_AS_IS || !f->domain.len || !f->resolve)
		return;
	if (f->resolve(f->resolve_ctx, f->domain, &p->ips, &p->n_ips)) {
		p->ips = &f->target;
		p->n_ips = f->target.family ? 1 : 0;
	}
}

const char *route_why_not(struct arena *a, const struct route_table *t, uint32_t rule, const struct route_flow *f)
{
	struct plain p = { .a = a, .t = t, .assets = &t->assets, .f = f };
	const struct value *keys[RF__N];
	bool any = false;

	items_keys(&t->x->rules.v[rule].v, keys);
	set_ips(&p);
	for (unsigned k = 0; k < RF_CONDITIONS__N; k++) {
		const char *why;

		if (!keys[k])
			continue;
		any = true;
		why = reasons[k](&p, keys[k]);
		if (why)
			return why;
	}
	return any ? NULL : "the rule has no condition";
}
