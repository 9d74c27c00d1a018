/* What config.toml adds to a session beside listeners and lists: mux and fragment of the node's outbound, and dns. What
 * the target lacks is an error at the line that asked; what this node cannot use is left out with a warning. */
#include "compiler/base_impl.h"
#include "compiler/session_impl.h"

static const struct config *config_of(const struct maker *m)
{
	return m->d->session->config;
}

static void left_out(const struct maker *m, struct span at, const struct endpoint *e, const char *what, const char *why)
{
	diag_add(m->sink, DIAG_XR621, at, "%s goes without '%s': %s", e->label, what, why);
}

/* --- mux ----------------------------------------------------------------------------------------------------------- */
static bool target_has_mux(const struct maker *m)
{
	const struct config_mux *c = &config_of(m)->runtime.mux;
	bool ok = target_takes(m, CAP_MUX, DIAG_XR620, c->enabled.at, "'runtime.mux'");

	if (ok && c->xudp_concurrency.v)
		ok = target_takes(m, CAP_XUDP, DIAG_XR620, c->xudp_concurrency.at, "'runtime.mux.xudp_concurrency'");
	if (ok && c->xudp_proxy_udp443.set)
		ok = target_takes(m, CAP_XUDP, DIAG_XR620, c->xudp_proxy_udp443.at, "'runtime.mux.xudp_proxy_udp443'");
	return ok;
}

/* Only the server's own side of these protocols takes the streams apart again. */
static const bool muxed[NODE_PROTOCOL__N] = {
	[NODE_VLESS] = true, [NODE_VMESS] = true, [NODE_TROJAN] = true, [NODE_SHADOWSOCKS] = true
};

static void put_mux(const struct maker *m, const struct endpoint *e, struct value *outbound)
{
	const struct config_mux *c = &config_of(m)->runtime.mux;
	struct num concurrency = c->concurrency;
	struct value mux = base_object(c->enabled.at);

	if (!c->enabled.v)
		return;
	if (!muxed[e->node.protocol.v]) {
		left_out(m, c->enabled.at, e, "runtime.mux",
			 base_format(m, "a server of %s takes one connection at a time",
				     node_protocol_names[e->node.protocol.v]));
		return;
	}
	if (text_given(&e->node.flow) && concurrency.v >= 0) {
		left_out(m, span_or(c->concurrency.at, c->enabled.at), e, "runtime.mux.concurrency",
			 "vision takes the TLS connection of each TCP stream itself");
		concurrency.v = -1;
	}
	put_flag(m, &mux, "enabled", &c->enabled);
	put_num(m, &mux, "concurrency", &concurrency);
	if (target_has(m->t, CAP_XUDP)) {
		put_num(m, &mux, "xudpConcurrency", &c->xudp_concurrency);
		put_text(m, &mux, "xudpProxyUDP443", &c->xudp_proxy_udp443);
	}
	value_put(m->a, outbound, "mux", mux);
}

/* --- fragment ------------------------------------------------------------------------------------------------------ */
/* Packets of TCP alone are cut. */
static const char *over_udp(const struct node *n)
{
	bool udp = n->protocol.v == NODE_HYSTERIA2 || n->protocol.v == NODE_WIREGUARD;

	if (udp)
		return node_protocol_names[n->protocol.v];
	return n->transport.v == NODE_KCP ? node_transport_names[n->transport.v] : NULL;
}

static void put_dialer(const struct maker *m, const struct endpoint *e, struct value *outbound)
{
	const struct config_fragment *c = &config_of(m)->runtime.fragment;
	const char *udp = over_udp(&e->node);
	struct value sockopt = base_object(c->enabled.at), stream = base_object(c->enabled.at);
	struct value *own = value_get(outbound, "streamSettings");

	if (!c->enabled.v || !target_has(m->t, CAP_FRAGMENT))
		return;
	if (udp) {
		left_out(m, c->enabled.at, e, "runtime.fragment", base_format(m, "%s runs over UDP", udp));
		return;
	}
	put_str(m, &sockopt, "dialerProxy", SESSION_TAG_FRAGMENT);
	value_put(m->a, own ? own : &stream, "sockopt", sockopt);
	if (!own)
		value_put(m->a, outbound, "streamSettings", stream);
}

void session_dress(const struct maker *m, const struct endpoint *e, struct value *outbound)
{
	if (target_has(m->t, CAP_MUX))
		put_mux(m, e, outbound);
	put_dialer(m, e, outbound);
}

static void put_pair(const struct maker *m, struct value *o, const char *key, const struct nums *n)
{
	const char *text = base_format(m, "%lld-%lld", (long long)n->v[0], (long long)n->v[1]);

	value_put(m->a, o, key, value_string(text, span_or(n->at, o->span)));
}

static bool is_dialled(const struct maker *m)
{
	const struct endpoint *e = m->d->client.endpoints.v;

	for (uint32_t i = 0; i < m->d->client.endpoints.n; i++)
		if (!over_udp(&e[i].node))
			return true;
	return false;
}

/* Also asks whether the target has mux at all: once for all nodes. */
void session_fragment(const struct maker *m)
{
	const struct config_fragment *c = &config_of(m)->runtime.fragment;
	struct value o = base_object(c->enabled.at), settings = base_object(o.span), cut = base_object(o.span);

	if (config_of(m)->runtime.mux.enabled.v)
		target_has_mux(m);
	if (!c->enabled.v || !target_takes(m, CAP_FRAGMENT, DIAG_XR620, c->enabled.at, "'runtime.fragment'") ||
	    !is_dialled(m))
		return;
	if (str_is(str_of(c->packets_mode.s), "tlshello"))
		put_text(m, &cut, "packets", &c->packets_mode);
	else
		put_pair(m, &cut, "packets", &c->packets);
	put_pair(m, &cut, "length", &c->length);
	put_pair(m, &cut, "interval", &c->interval);
	put_str(m, &settings, "domainStrategy", "AsIs");
	value_put(m->a, &settings, "fragment", cut);
	base_put_allow(m, &settings);
	put_str(m, &o, "protocol", "freedom");
	value_put(m->a, &o, "settings", settings);
	put_str(m, &o, "tag", SESSION_TAG_FRAGMENT);
	xlist_add(m->a, &m->x->outbounds, o, "fragment outbound");
}

/* --- dns ----------------------------------------------------------------------------------------------------------- */
/* A flag of [dns]: rendered where the target has it; refused when it was written and asks for something. */
static void put_option(const struct maker *m, struct value *dns, const struct flag *f, uint64_t cap, const char *key,
		       const char *name)
{
	if (target_has(m->t, cap))
		put_flag(m, dns, key, f);
	else if (f->set && f->v)
		target_takes(m, cap, DIAG_XR620, f->at, name);
}

static void put_strategy(const struct maker *m, struct value *dns, const struct text *t)
{
	bool system = str_is(str_of(t->s), "UseSystem");
	uint64_t cap = system ? CAP_DNS_SYSTEM : CAP_DNS_OPTIONS;

	if (target_has(m->t, cap))
		put_text(m, dns, "queryStrategy", t);
	else if (t->set)
		target_takes(m, cap, DIAG_XR620, t->at, base_format(m, "'dns.query_strategy' %s", t->s));
}

static bool is_written(const struct config_dns *c)
{
	return c->query_strategy.set || c->servers.set || c->hosts.set || c->use_system_hosts.set ||
	       c->disable_cache.set || c->disable_fallback.set || c->enable_parallel_query.set;
}

void session_dns(const struct maker *m)
{
	const struct config_dns *c = &config_of(m)->dns;
	struct value dns = base_object(span_or(c->servers.at, m->x->at));

	if (!is_written(c) && !target_has(m->t, CAP_DNS_SYSTEM))
		return;
	if (c->hosts.set)
		value_put(m->a, &dns, "hosts", c->hosts.v);
	if (c->servers.n)
		put_texts(m, &dns, "servers", &c->servers);
	put_strategy(m, &dns, &c->query_strategy);
	put_option(m, &dns, &c->disable_cache, CAP_DNS_OPTIONS, "disableCache", "'dns.disable_cache'");
	put_option(m, &dns, &c->disable_fallback, CAP_DNS_OPTIONS, "disableFallback", "'dns.disable_fallback'");
	put_option(m, &dns, &c->use_system_hosts, CAP_DNS_SYSTEM, "useSystemHosts", "'dns.use_system_hosts'");
	put_option(m, &dns, &c->enable_parallel_query, CAP_DNS_SYSTEM, "enableParallelQuery",
		   "'dns.enable_parallel_query'");
	if (dns.n_members)
		base_section_set(m, XS_DNS, dns, "config.toml's [dns]");
}
