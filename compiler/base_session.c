/* The base of a session: its listeners, the outbound of its node, and the lists of config.toml. Unmatched traffic goes to
 * the first outbound, the node. */
#include "compiler/base_impl.h"
#include "compiler/session_impl.h"

static void shadowsocks_inbound(const struct maker *m)
{
	const struct xray_inbound *k = &m->d->session->shadowsocks;
	const struct config_inbound *c = &m->d->session->config->runtime.shadowsocks;
	struct value in = base_inbound_head(m, k, "shadowsocks"), settings = base_object(in.span);

	if (!k->enabled.v ||
	    !target_takes(m, CAP_SHADOWSOCKS, DIAG_XR620, span_or(k->enabled.at, k->at), "'runtime.shadowsocks'"))
		return;
	if (str_starts(str_of(c->method.s), "2022-") &&
	    !target_takes(m, CAP_SS2022, DIAG_XR620, c->method.at, "this method of 'runtime.shadowsocks'"))
		return;
	put_text(m, &settings, "method", &c->method);
	put_secret(m, &settings, "password", &c->password);
	put_text(m, &settings, "network", &c->network);
	value_put(m->a, &in, "settings", settings);
	base_inbound_add(m, &in, true, "Shadowsocks inbound");
}

/* A probe tells how the node is, so nothing may lead it elsewhere. */
static void probe(const struct maker *m, const struct xray_inbound *k, const struct endpoint *e)
{
	struct value rule = base_rule_begin(m, k->at);

	base_socks_inbound(m, k, false, base_format(m, "probe of %s", e->label));
	put_one(m, &rule, "inboundTag", k->tag.s, k->at);
	base_rule_add(m, SLOT_SYSTEM, &rule, e->tag.s, e->at, (const char *const[]){ "session-probe", k->tag.s, NULL },
		      base_format(m, "rule of the probe of %s", e->label));
}

static void inbounds(const struct maker *m)
{
	const struct session *s = m->d->session;
	const struct xray_inbound *probes = s->probes.v;
	const struct endpoint *e = m->d->client.endpoints.v;

	if (m->knobs->socks.enabled.v)
		base_socks_inbound(m, &m->knobs->socks, true, "SOCKS inbound");
	base_http_inbound(m, &m->knobs->http);
	shadowsocks_inbound(m);
	for (uint32_t i = 0; i < s->probes.n; i++)
		probe(m, &probes[i], &e[i]);
}

static void nodes(const struct maker *m)
{
	const struct list *list = &m->d->client.endpoints;
	const struct endpoint *e = list->v;

	for (uint32_t i = 0; i < list->n; i++, e++) {
		struct value o;
		if (base_endpoint(m, e, &o))
			session_dress(m, e, &o);
		xlist_add(m->a, &m->x->outbounds, o, base_format(m, "outbound of %s", e->label));
	}
}

/* --- the lists of [routing] ---------------------------------------------------------------------------------------- */
static void push_all(const struct maker *m, struct value *list, const struct texts *t, const char *prefix)
{
	for (uint32_t i = 0; i < t->n; i++) {
		bool bare = !str_starts(str_of(t->v[i].s), prefix);
		const char *item = bare ? base_format(m, "%s%s", prefix, t->v[i].s) : t->v[i].s;
		value_push(m->a, list, value_string(item, span_or(t->v[i].at, t->at)));
	}
}

static const char *joined(const struct maker *m, const struct value *list)
{
	const char *all = "";

	for (uint32_t i = 0; i < list->n; i++)
		all = base_format(m, "%s%s%.*s", all, i ? "," : "", (int)list->items[i].len, list->items[i].text);
	return all;
}

/* One rule for names or addresses of one list; geo: the codes of geosite or geoip that go with them. */
static bool list_rule(const struct maker *m, const char *action, const char *key, const struct texts *plain,
		      const struct texts *codes)
{
	struct span at = span_or(plain->at, codes->at);
	struct value rule = base_rule_begin(m, at), list = value_array(at);

	push_all(m, &list, plain, "");
	push_all(m, &list, codes, str_is(str_of(key), "ip") ? "geoip:" : "geosite:");
	if (!list.n)
		return false;
	const char *all = joined(m, &list);
	value_put(m->a, &rule, key, list);
	base_rule_add(m, SLOT_MANAGED, &rule, action, SPAN_NONE,
		      (const char *const[]){ "session-list", action, key, all, NULL },
		      base_format(m, "routing.%s.%s", action, key));
	return true;
}

static bool list_rules(const struct maker *m, const struct config_rules *r, const char *action)
{
	bool names = list_rule(m, action, "domain", &r->domain, &r->geosite);

	return list_rule(m, action, "ip", &r->ip, &r->geoip) || names;
}

static void block_outbound(const struct maker *m)
{
	struct value o = base_object(m->knobs->routing.at);

	put_str(m, &o, "protocol", "blackhole");
	put_str(m, &o, "tag", SESSION_TAG_BLOCK);
	xlist_add(m->a, &m->x->outbounds, o, "block outbound");
}

static void lists(const struct maker *m)
{
	const struct config *c = m->d->session->config;

	if (list_rules(m, &c->routing.direct, m->knobs->direct.tag.s))
		base_direct(m);
	if (list_rules(m, &c->routing.block, SESSION_TAG_BLOCK))
		block_outbound(m);
}

void base_session(const struct maker *m)
{
	inbounds(m);
	nodes(m);
	session_fragment(m);
	if (!m->d->session->test)
		lists(m);
	session_dns(m);
}
