/* Outbounds: one per endpoint in file order, then direct. Targets that judge plaintext by the flat form get that one;
 * the others the nested form, which every version reads. */
#include <string.h>

#include "compiler/base_impl.h"

/* The account of one protocol, either in the server's own object or in its list of users. */
static void vless_account(const struct maker *m, struct value *o, const struct endpoint *e,
			  const struct reverse_channel *c)
{
	put_secret(m, o, "id", c ? &c->id : &e->node.uuid);
	put_text(m, o, "encryption", &e->node.encryption);
	put_text_if(m, o, "flow", &e->node.flow);
	put_text_if(m, o, "email", &e->node.user);
}

static void vmess_account(const struct maker *m, struct value *o, const struct endpoint *e,
			  const struct reverse_channel *c)
{
	(void)c;
	put_secret(m, o, "id", &e->node.uuid);
	if (e->node.alter_id.set && target_has(m->t, CAP_ALTER_ID))
		put_num(m, o, "alterId", &e->node.alter_id);
	put_text(m, o, "security", &e->node.encryption);
	put_text_if(m, o, "email", &e->node.user);
}

static void trojan_account(const struct maker *m, struct value *o, const struct endpoint *e,
			   const struct reverse_channel *c)
{
	(void)c;
	put_secret(m, o, "password", &e->node.password);
	put_text_if(m, o, "email", &e->node.user);
}

static void ss_account(const struct maker *m, struct value *o, const struct endpoint *e,
		       const struct reverse_channel *c)
{
	(void)c;
	put_text(m, o, "method", &e->node.method);
	put_secret(m, o, "password", &e->node.password);
	put_text_if(m, o, "email", &e->node.user);
}

static void login_account(const struct maker *m, struct value *o, const struct endpoint *e,
			  const struct reverse_channel *c)
{
	(void)c;
	if (!text_given(&e->node.user))
		return;
	put_text(m, o, "user", &e->node.user);
	put_secret(m, o, "pass", &e->node.password);
}

struct protocol {
	const char *name, *list; /* list: of the nested form */
	bool users;              /* the nested form has the account in a list of its own */
	void (*account)(const struct maker *, struct value *, const struct endpoint *, const struct reverse_channel *);
};
static const struct protocol protocols[NODE_PROTOCOL__N] = {
	[NODE_VLESS] = { "vless", "vnext", true, vless_account },
	[NODE_VMESS] = { "vmess", "vnext", true, vmess_account },
	[NODE_TROJAN] = { "trojan", "servers", false, trojan_account },
	[NODE_SHADOWSOCKS] = { "shadowsocks", "servers", false, ss_account },
	[NODE_SOCKS] = { "socks", "servers", true, login_account },
	[NODE_HTTP] = { "http", "servers", true, login_account },
	[NODE_HYSTERIA2] = { "hysteria", NULL, false, NULL },
	[NODE_WIREGUARD] = { "wireguard", NULL, false, NULL },
};

static void put_server(const struct maker *m, struct value *o, const struct endpoint *e)
{
	put_text(m, o, "address", &e->node.address);
	put_num(m, o, "port", &e->node.port);
}

static struct value flat_settings(const struct maker *m, const struct protocol *p, const struct endpoint *e,
				  const struct reverse_channel *c)
{
	struct value settings = base_object(e->at), reverse;

	put_server(m, &settings, e);
	p->account(m, &settings, e, c);
	if (!c)
		return settings;
	reverse = base_object(c->at);
	put_text(m, &reverse, "tag", &c->tag);
	value_put(m->a, &settings, "reverse", reverse);
	return settings;
}

static struct value nested_settings(const struct maker *m, const struct protocol *p, const struct endpoint *e)
{
	struct value settings = base_object(e->at), list = value_array(e->at), server = base_object(e->at);
	struct value users = value_array(e->at), user = base_object(e->at);

	put_server(m, &server, e);
	p->account(m, p->users ? &user : &server, e, NULL);
	if (p->users && user.n_members) {
		value_push(m->a, &users, user);
		value_put(m->a, &server, "users", users);
	}
	value_push(m->a, &list, server);
	value_put(m->a, &settings, p->list, list);
	return settings;
}

static struct value hysteria_settings(const struct maker *m, const struct endpoint *e)
{
	struct value settings = base_object(e->at);

	value_put_int(m->a, &settings, "version", 2);
	put_server(m, &settings, e);
	return settings;
}

/* "a,b" as an array; numbers where they are numbers. */
static struct value split_list(const struct maker *m, const struct value *text)
{
	struct value array = value_array(text->span);
	struct str rest = value_str(text);
	int64_t n;

	while (rest.len) {
		struct str item = str_trim(str_cut(&rest, ','));
		if (!str_int(item, &n))
			value_push(m->a, &array, value_number(m->a, n, text->span));
		else if (item.len)
			value_push(m->a, &array, value_string_n(item, text->span));
	}
	return array;
}

static void put_extra(const struct maker *m, struct value *o, const char *key, const struct node *n, const char *name)
{
	const struct value *v = stream_extra(n, name);

	if (v)
		value_put(m->a, o, key, *v);
}

static void put_extra_list(const struct maker *m, struct value *o, const char *key, const struct node *n,
			   const char *name)
{
	const struct value *v = stream_extra(n, name);

	if (v)
		value_put(m->a, o, key, split_list(m, v));
}

static struct value wireguard_settings(const struct maker *m, const struct endpoint *e)
{
	const struct node *n = &e->node;
	struct value settings = base_object(e->at), peers = value_array(e->at), peer = base_object(e->at);
	bool v6 = n->address.s && strchr(n->address.s, ':');

	put_secret(m, &settings, "secretKey", &n->password);
	put_extra_list(m, &settings, "address", n, "address");
	put_text(m, &peer, "publicKey", &n->public_key);
	put_extra(m, &peer, "preSharedKey", n, "presharedkey");
	put_str(m, &peer, "endpoint", base_format(m, v6 ? "[%s]:%lld" : "%s:%lld", n->address.s, (long long)n->port.v));
	put_extra(m, &peer, "keepAlive", n, "keepalive");
	put_extra_list(m, &peer, "allowedIPs", n, "allowedips");
	value_push(m->a, &peers, peer);
	value_put(m->a, &settings, "peers", peers);
	put_extra(m, &settings, "mtu", n, "mtu");
	put_extra_list(m, &settings, "reserved", n, "reserved");
	return settings;
}

static struct value settings_of(const struct maker *m, const struct endpoint *e, const struct reverse_channel *c)
{
	const struct protocol *p = &protocols[e->node.protocol.v];

	if (e->node.protocol.v == NODE_HYSTERIA2)
		return hysteria_settings(m, e);
	if (e->node.protocol.v == NODE_WIREGUARD)
		return wireguard_settings(m, e);
	return c || target_has(m->t, CAP_WRITE_FLAT) ? flat_settings(m, p, e, c) : nested_settings(m, p, e);
}

struct value base_outbound(const struct maker *m, const struct endpoint *e, const struct reverse_channel *c)
{
	struct value o = base_object(c ? c->at : e->at), stream = base_stream(m, e);

	value_put(m->a, &o, "protocol",
		  value_string(protocols[e->node.protocol.v].name, span_or(e->node.protocol.at, o.span)));
	value_put(m->a, &o, "settings", settings_of(m, e, c));
	if (stream.kind != VAL_NONE)
		value_put(m->a, &o, "streamSettings", stream);
	if (c)
		put_str(m, &o, "tag", base_format(m, "xp2p-%s", c->tag.s));
	else
		put_text(m, &o, "tag", &e->tag);
	return o;
}

struct value base_placeholder(const struct maker *m, const char *tag, struct span at)
{
	struct value o = base_object(at);

	put_str(m, &o, "protocol", "freedom");
	put_str(m, &o, "tag", tag);
	return o;
}

/* What is missing here was reported when the endpoint was read. */
static bool is_whole(const struct node *n)
{
	bool by_uuid = n->protocol.v == NODE_VLESS || n->protocol.v == NODE_VMESS;
	bool anonymous = n->protocol.v == NODE_SOCKS || n->protocol.v == NODE_HTTP;
	const struct secret *s = by_uuid ? &n->uuid : &n->password;

	return text_given(&n->address) && n->port.v && (anonymous || (s->s && *s->s)) &&
	       (n->protocol.v != NODE_SHADOWSOCKS || text_given(&n->method));
}

bool base_endpoint(const struct maker *m, const struct endpoint *e, struct value *ret)
{
	bool ok = target_takes_endpoint(m, e) && is_whole(&e->node);

	*ret = ok ? base_outbound(m, e, NULL) : base_placeholder(m, e->tag.s, e->at);
	return ok;
}

void base_endpoints(const struct maker *m)
{
	const struct list *list = &m->d->client.endpoints;
	const struct endpoint *e = list->v;

	for (uint32_t i = 0; i < list->n; i++, e++) {
		struct value o;
		if (e->disabled.v)
			continue;
		base_endpoint(m, e, &o);
		xlist_add(m->a, &m->x->outbounds, o, base_format(m, "outbound of endpoint '%s'", e->hostname.s));
	}
}

/* Where freedom guards itself, what comes over a VLESS reverse channel or a session's Shadowsocks listener is blocked
 * unless a rule allows it: the guard concerns tunnel inbounds alone, and the client has no other of its own. */
static bool is_guarded(const struct maker *m)
{
	const struct list *list = &m->d->client.reverse;
	const struct reverse_channel *c = list->v;

	if (m->d->session)
		return m->d->session->shadowsocks.enabled.v && target_has(m->t, CAP_FREEDOM_GUARD | CAP_SHADOWSOCKS);
	if (m->d->role != ROLE_CLIENT || !target_has(m->t, CAP_VLESS_REVERSE | CAP_FREEDOM_GUARD))
		return false;
	for (uint32_t i = 0; i < list->n; i++)
		if (!c[i].disabled.v)
			return true;
	return false;
}

void base_put_allow(const struct maker *m, struct value *settings)
{
	if (!is_guarded(m))
		return;
	struct value rules = value_array(settings->span), rule = base_object(settings->span);

	put_str(m, &rule, "action", "allow");
	value_push(m->a, &rules, rule);
	value_put(m->a, settings, "finalRules", rules);
}

/* A server's direct outbound has no settings, as xp2p writes it, unless the operator asked for some. */
void base_direct(const struct maker *m)
{
	const struct xray_knobs *k = m->knobs;
	struct value o = base_object(k->direct.at), settings = base_object(k->direct.at);

	put_str(m, &o, "protocol", "freedom");
	if (m->d->role == ROLE_CLIENT || k->direct.domain_strategy.set) {
		put_text_if(m, &settings, "domainStrategy", &k->direct.domain_strategy);
		base_put_allow(m, &settings);
		value_put(m->a, &o, "settings", settings);
	}
	put_text(m, &o, "tag", &k->direct.tag);
	put_text_if(m, &o, "sendThrough", &k->direct.send_through);
	xlist_add(m->a, &m->x->outbounds, o, "direct outbound");
}
