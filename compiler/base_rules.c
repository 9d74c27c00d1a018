/* Rules of the client's own slots, and the managed slot of both roles. */
#include <stdlib.h>
#include <string.h>

#include "compiler/base_impl.h"

/* IPv4 before IPv6, each once. */
static struct value bypass_addresses(const struct maker *m, const struct endpoint *e, const char **ret_joined)
{
	struct value list = value_array(span_or(e->ips.at, e->at));
	struct map *seen = map_new(m->a, e->ips.n);
	const char *joined = "";

	for (int v6 = 0; v6 < 2; v6++) {
		for (uint32_t i = 0; i < e->ips.n; i++) {
			const struct text *ip = &e->ips.v[i];
			if ((strchr(ip->s, ':') != NULL) != v6 || map_get(seen, str_of(ip->s)))
				continue;
			map_set(seen, str_of(ip->s), (void *)ip);
			value_push(m->a, &list, value_string(ip->s, span_or(ip->at, list.span)));
			joined = base_format(m, "%s%s%s", joined, *joined ? "," : "", ip->s);
		}
	}
	*ret_joined = joined;
	return list;
}

/* Connections to the endpoint itself must not go through it. */
static void bypass(const struct maker *m, const struct endpoint *e)
{
	const struct text *direct = &m->knobs->direct.tag, *address = &e->node.address;
	const char *target = address->s;
	struct value rule = base_rule_begin(m, e->at);

	if (e->ips.n)
		value_put(m->a, &rule, "ip", bypass_addresses(m, e, &target));
	else if (ip_is_literal(str_of(address->s)))
		put_one(m, &rule, "ip", address->s, address->at);
	else
		put_one(m, &rule, "domain", base_format(m, "full:%s", str_lower(m->a, str_of(address->s))),
			address->at);
	base_rule_add(m, SLOT_BYPASS, &rule, direct->s, SPAN_NONE,
		      (const char *const[]){ "endpoint-bypass", e->tag.s, target, NULL },
		      base_format(m, "bypass of endpoint '%s'", e->hostname.s));
}

/* A probe to a marker address tells whether one endpoint works. */
static void marker(const struct maker *m, const struct endpoint *e, uint32_t index)
{
	const struct num *port = &m->d->client.diag_port;
	struct value rule = base_rule_begin(m, e->at);
	const char *address = base_marker_address(m, index);

	if (!address) {
		diag_add(m->sink, DIAG_XR608, e->at,
			 "endpoint '%s' goes without a diagnostics marker: they end at 65535", e->tag.s);
		return;
	}
	put_one(m, &rule, "ip", address, e->at);
	value_put(m->a, &rule, "port",
		  value_string(base_format(m, "%lld", (long long)port->v), span_or(port->at, e->at)));
	base_rule_add(m, SLOT_SYSTEM, &rule, e->tag.s, e->tag.at,
		      (const char *const[]){ "diagnostics-marker", e->tag.s, NULL },
		      base_format(m, "diagnostics marker of endpoint '%s'", e->hostname.s));
}

static void full_tunnel(const struct maker *m)
{
	const struct client *c = &m->d->client;
	struct value rule = base_rule_begin(m, span_or(c->tun_mode.at, c->full_tunnel_tag.at));

	if (!c->tun.enabled.v || c->tun_mode.v != TUN_FULL || !text_given(&c->full_tunnel_tag))
		return;
	put_str(m, &rule, "network", "tcp,udp");
	base_rule_add(m, SLOT_FULL_TUNNEL, &rule, c->full_tunnel_tag.s, c->full_tunnel_tag.at,
		 (const char *const[]){ "full-tunnel", c->full_tunnel_tag.s, NULL }, "full tunnel");
}

/* Domains first, then CIDRs from the longest prefix to the shortest, then value, tag and place in the file. */
struct sorted {
	const struct redirect *r;
	int prefix; /* 129 for a domain */
	const char *tag;
};

static int compare(const void *pa, const void *pb)
{
	const struct sorted *a = pa, *b = pb;
	const struct text *va = text_given(&a->r->domain) ? &a->r->domain : &a->r->cidr;
	const struct text *vb = text_given(&b->r->domain) ? &b->r->domain : &b->r->cidr;
	int by = b->prefix - a->prefix;

	by = by ? by : strcmp(va->s, vb->s);
	by = by ? by : strcmp(a->tag, b->tag);
	return by ? by : (a->r > b->r) - (a->r < b->r);
}

static int prefix_of(const struct redirect *r)
{
	struct ip_net net;

	if (text_given(&r->domain))
		return 129;
	return ip_parse(str_of(r->cidr.s), &net) ? 0 : net.prefix;
}

static uint32_t sort_redirects(const struct maker *m, const struct list *list, struct sorted **ret_sorted)
{
	const struct redirect *r = list->v;
	struct sorted *all = arena_array(m->a, struct sorted, list->n);
	uint32_t n = 0;

	for (uint32_t i = 0; i < list->n; i++, r++)
		if (!r->disabled.v && (text_given(&r->domain) || text_given(&r->cidr)))
			all[n++] = (struct sorted){ r, prefix_of(r), str_lower(m->a, str_of(r->outbound_tag.s)) };
	if (n)
		qsort(all, n, sizeof(*all), compare);
	*ret_sorted = all;
	return n;
}

static const char *const domain_prefixes[] = { "full:", "domain:",     "keyword:",  "regexp:", "geosite:",
					       "ext:",  "ext-domain:", "ext-site:", "dotless:" };

static const char *domain_matcher(const struct maker *m, const char *value)
{
	for (size_t i = 0; i < sizeof(domain_prefixes) / sizeof(*domain_prefixes); i++)
		if (str_starts(str_of(value), domain_prefixes[i]))
			return value;
	return base_format(m, "domain:%s", value);
}

static void redirect(const struct maker *m, const struct redirect *r)
{
	bool domain = text_given(&r->domain);
	const struct text *value = domain ? &r->domain : &r->cidr;
	struct value rule = base_rule_begin(m, r->at);

	put_one(m, &rule, domain ? "domain" : "ip", domain ? domain_matcher(m, value->s) : value->s, value->at);
	base_rule_add(m, SLOT_MANAGED, &rule, r->outbound_tag.s, r->outbound_tag.at,
		 (const char *const[]){ "redirect", r->outbound_tag.s, domain ? "domain" : "cidr", value->s, NULL },
		 base_format(m, "redirect %s", value->s));
}

/* Rules as the operator wrote them; V2Ray wants their type. */
static void raw_rules(const struct maker *m)
{
	const struct list *list = &m->knobs->routing.rules;
	const struct value *v = list->v;

	for (uint32_t i = 0; i < list->n; i++) {
		struct value rule = v[i];
		if (rule.kind == VAL_OBJECT && !value_get(&rule, "type") && !target_has(m->t, CAP_RULE_TYPE_OPTIONAL)) {
			rule = value_clone(m->a, &v[i]);
			put_str(m, &rule, "type", "field");
		}
		xlist_add(m->a, &m->x->rules, rule, NULL)->slot = SLOT_MANAGED;
	}
}

void base_managed_rules(const struct maker *m, const struct list *redirects)
{
	struct sorted *all;
	uint32_t n = sort_redirects(m, redirects, &all);

	raw_rules(m);
	for (uint32_t i = 0; i < n; i++)
		redirect(m, all[i].r);
}

void base_client_rules(const struct maker *m)
{
	const struct client *c = &m->d->client;
	const struct endpoint *e = c->endpoints.v;
	struct channels channels;

	for (uint32_t i = 0; i < c->endpoints.n; i++)
		if (!e[i].disabled.v)
			bypass(m, &e[i]);
	reverse_channels_init(m, &c->reverse, false, &channels);
	base_client_reverse(m, &channels);
	for (uint32_t i = 0; i < c->endpoints.n; i++)
		if (!e[i].disabled.v)
			marker(m, &e[i], i + 1);
	base_managed_rules(m, &c->redirects);
	full_tunnel(m);
}
