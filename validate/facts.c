/* Looks up the parts of a configuration that the semantic checks ask for again and again. */
#include "validate/facts.h"

#include <string.h>

enum { SHOWN_MAX = 60, LISTED_MAX = 8, SUGGESTED_MAX = 100 /* each one costs a look at every name */ };

const struct value *facts_get(const struct value *v, const char *key)
{
	const struct member *m = v ? value_member_nocase(v, key) : NULL;

	return m && m->value.kind != VAL_NULL ? &m->value : NULL;
}

const struct value *facts_dig(const struct value *v, const char *const keys[4])
{
	for (unsigned i = 0; i < 4 && keys[i] && v; i++)
		v = facts_get(v, keys[i]);
	return v;
}

struct str facts_str(const struct value *v, const char *key)
{
	const struct value *s = facts_get(v, key);

	return s && s->kind == VAL_STRING ? value_str(s) : str_of(NULL);
}

bool facts_true(const struct value *v, const char *key)
{
	const struct value *b = facts_get(v, key);

	return b && b->kind == VAL_BOOL && b->truth;
}

bool facts_filled(const struct value *v)
{
	if (!v)
		return false;
	switch (v->kind) {
	case VAL_NONE:
	case VAL_NULL:
		return false;
	case VAL_STRING:
		return v->len > 0;
	case VAL_ARRAY:
		return v->n > 0;
	case VAL_OBJECT:
		return v->n_members > 0;
	default:
		return true;
	}
}

static const struct value *array_of(const struct value *v, const char *key)
{
	const struct value *l = facts_get(v, key);

	return l && l->kind == VAL_ARRAY ? l : NULL;
}

const struct value *facts_users(const struct value *settings)
{
	static const char *const names[] = { "clients", "accounts", "users" }; /* an older name wins, as in Xray */

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct value *l = array_of(settings, names[i]);
		if (l)
			return l;
	}
	return NULL;
}

const struct value *facts_server(const struct value *settings)
{
	const struct value *l;

	if (facts_get(settings, "address"))
		return settings;
	l = array_of(settings, "vnext");
	if (!l)
		l = array_of(settings, "servers");
	return l && l->n && l->items[0].kind == VAL_OBJECT ? &l->items[0] : NULL;
}

const struct value *facts_account(const struct value *settings)
{
	const struct value *server = facts_server(settings), *users = array_of(server, "users");

	if (server != settings && users)
		return users->n && users->items[0].kind == VAL_OBJECT ? &users->items[0] : NULL;
	return server;
}

struct span facts_point(const struct value *v)
{
	struct span at = v->span;

	if ((v->kind == VAL_OBJECT || v->kind == VAL_ARRAY) && at.end > at.begin + 1)
		at.end = at.begin + 1;
	return at;
}

struct span facts_at(const struct peer *p)
{
	return p->tag_at ? p->tag_at->span : facts_point(p->v);
}

const char *facts_shown(const struct facts *f, struct str s)
{
	size_t len = s.len > SHOWN_MAX ? SHOWN_MAX : s.len;
	char *text;

	while (len < s.len && len && ((unsigned char)s.p[len] & 0xc0) == 0x80)
		len--;
	text = arena_printf(f->a, "%.*s%s", (int)len, s.len ? s.p : "", len < s.len ? "..." : "");
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return text;
}

const char *facts_name(const struct facts *f, const char *noun, const struct peer *p, const struct peers *all)
{
	if (p->tag.len)
		return arena_printf(f->a, "%s '%s'", noun, facts_shown(f, p->tag));
	return arena_printf(f->a, "%s %u (it has no tag)", noun, (unsigned)(p - all->v) + 1);
}

bool facts_has(const struct peers *peers, struct str tag)
{
	return map_get(peers->by_tag, tag) || map_get(peers->extra, tag);
}

void facts_suggest(struct facts *f, struct diag *d, struct str wrong, const struct peers *peers)
{
	const char *near, *list = "";

	if (f->n_suggested++ >= SUGGESTED_MAX)
		return;
	near = str_nearest(wrong, peers->names, peers->n_names);
	if (near) {
		diag_help(f->sink, d, "did you mean '%s'?", facts_shown(f, str_of(near)));
		return;
	}
	for (uint32_t i = 0; i < peers->n_names && i < LISTED_MAX; i++)
		list = arena_printf(f->a, "%s%s'%s'", list, i ? ", " : "", facts_shown(f, str_of(peers->names[i])));
	if (peers->n_names)
		diag_help(f->sink, d, "there is %s%s", list, peers->n_names > LISTED_MAX ? " and more" : "");
}

/* --- building --------------------------------------------------------------------------------------------------- */

struct word {
	const char *name;
	int id;
};
static const struct word protos[] = {
	{ "blackhole", PROTO_BLACKHOLE }, { "block", PROTO_BLACKHOLE }, { "dns", PROTO_DNS },
	{ "freedom", PROTO_FREEDOM },
	{ "direct", PROTO_FREEDOM }, { "http", PROTO_HTTP }, { "hysteria", PROTO_HYSTERIA },
	{ "loopback", PROTO_LOOPBACK },
	{ "shadowsocks", PROTO_SHADOWSOCKS }, { "socks", PROTO_SOCKS }, { "mixed", PROTO_SOCKS },
	{ "trojan", PROTO_TROJAN },
	{ "tun", PROTO_TUN }, { "tunnel", PROTO_TUNNEL }, { "dokodemo-door", PROTO_TUNNEL }, { "vless", PROTO_VLESS },
	{ "vmess", PROTO_VMESS }, { "wireguard", PROTO_WIREGUARD }, { NULL, PROTO_OTHER },
};
static const struct word carriers[] = {
	{ "raw", CARRIER_RAW }, { "tcp", CARRIER_RAW }, { "", CARRIER_RAW }, { "xhttp", CARRIER_XHTTP },
	{ "splithttp", CARRIER_XHTTP }, { "kcp", CARRIER_KCP }, { "mkcp", CARRIER_KCP }, { "grpc", CARRIER_GRPC },
	{ "ws", CARRIER_WS }, { "websocket", CARRIER_WS }, { "httpupgrade", CARRIER_HTTPUPGRADE },
	{ "hysteria", CARRIER_HYSTERIA }, { "h2", CARRIER_H2 }, { "http", CARRIER_H2 }, { "quic", CARRIER_QUIC },
	{ "ds", CARRIER_DS }, { "domainsocket", CARRIER_DS }, { NULL, CARRIER_OTHER },
};
static const struct word secrecies[] = {
	{ "", SECRECY_NONE }, { "none", SECRECY_NONE }, { "tls", SECRECY_TLS }, { "reality", SECRECY_REALITY },
	{ NULL, SECRECY_OTHER },
};

static int word_id(const struct word *words, struct str s)
{
	while (words->name && !str_is_nocase(s, words->name))
		words++;
	return words->id;
}

enum carrier facts_carrier(struct str name)
{
	return (enum carrier)word_id(carriers, name);
}

static struct stream stream_read(const struct value *v)
{
	struct stream s = { .v = v };

	s.carrier_at = facts_get(v, "method"); /* the newer name wins */
	if (!s.carrier_at)
		s.carrier_at = facts_get(v, "network");
	s.secrecy_at = facts_get(v, "security");
	if (s.carrier_at && s.carrier_at->kind == VAL_STRING)
		s.carrier = facts_carrier(value_str(s.carrier_at));
	if (s.secrecy_at && s.secrecy_at->kind == VAL_STRING)
		s.secrecy = (enum secrecy)word_id(secrecies, value_str(s.secrecy_at));
	return s;
}

static void name_add(struct facts *f, struct peers *peers, struct str name)
{
	if (peers->n_names == peers->cap_names)
		peers->names = arena_grow(f->a, peers->names, peers->n_names, sizeof(*peers->names), &peers->cap_names);
	peers->names[peers->n_names++] = arena_printf(f->a, "%.*s", (int)name.len, name.p);
}

static void extra_add(struct facts *f, struct peers *peers, const struct value *name)
{
	if (name && name->kind == VAL_STRING && name->len && !facts_has(peers, value_str(name))) {
		map_put(peers->extra, value_str(name), (void *)name);
		peers->n_extra++;
		name_add(f, peers, value_str(name));
	}
}

static void peer_read(struct facts *f, struct peers *peers, const struct xitem *it)
{
	struct peer *p = &peers->v[peers->n++];
	const struct value *sniffing = facts_get(&it->v, "sniffing");

	*p = (struct peer){ .it = it, .v = &it->v, .settings = facts_get(&it->v, "settings") };
	p->protocol_at = facts_get(&it->v, "protocol");
	p->tag_at = facts_get(&it->v, "tag");
	if (p->tag_at && p->tag_at->kind == VAL_STRING)
		p->tag = value_str(p->tag_at);
	p->proto = (enum proto)word_id(protos, facts_str(&it->v, "protocol"));
	p->stream = stream_read(facts_get(&it->v, "streamSettings"));
	if (facts_true(sniffing, "enabled"))
		p->sniffing = sniffing;
	if (p->tag.len && map_put(peers->by_tag, p->tag, p) == p)
		name_add(f, peers, p->tag);
}

static void peers_read(struct facts *f, struct peers *peers, const struct xlist *list)
{
	peers->v = arena_array(f->a, struct peer, list->n ? list->n : 1);
	peers->by_tag = map_new(f->a, list->n);
	peers->extra = map_new(f->a, 8);
	for (uint32_t i = 0; i < list->n; i++)
		peer_read(f, peers, &list->v[i]);
}

/* The names of one inbound's users, and the outbounds that their reverse channels make. */
static void users_read(struct facts *f, const struct peer *p)
{
	const struct value *users = facts_users(p->settings), *email;

	for (uint32_t i = 0; users && i < users->n; i++) {
		email = facts_get(&users->items[i], "email");
		if (!email) /* socks and http accounts go by their name */
			email = facts_get(&users->items[i], "user");
		if (email && email->kind == VAL_STRING)
			map_put(f->emails, value_str(email), (void *)email);
		f->has_users = true;
		extra_add(f, &f->outs, facts_dig(&users->items[i], (const char *const[4]){ "reverse", "tag" }));
	}
	email = users ? NULL : facts_get(p->settings, "email");
	if (email && email->kind == VAL_STRING)
		map_put(f->emails, value_str(email), (void *)email);
}

static void legacy_reverse_read(struct facts *f)
{
	const struct value *reverse = &f->x->section[XS_REVERSE];
	const struct value *bridges = array_of(reverse, "bridges"), *portals = array_of(reverse, "portals");

	for (uint32_t i = 0; bridges && i < bridges->n; i++)
		extra_add(f, &f->ins, facts_get(&bridges->items[i], "tag"));
	for (uint32_t i = 0; portals && i < portals->n; i++)
		extra_add(f, &f->outs, facts_get(&portals->items[i], "tag"));
}

static void dns_read(struct facts *f)
{
	const struct value *dns = &f->x->section[XS_DNS], *servers = array_of(dns, "servers");

	extra_add(f, &f->ins, facts_get(dns, "tag"));
	for (uint32_t i = 0; servers && i < servers->n; i++)
		extra_add(f, &f->ins, facts_get(&servers->items[i], "tag"));
}

/* Names beyond inbounds[].tag and outbounds[].tag that rules may use. */
static void extras_read(struct facts *f)
{
	static const struct value metrics_name = { .kind = VAL_STRING, .text = "Metrics", .len = 7 };
	const struct value *api = &f->x->section[XS_API], *metrics = facts_get(&f->x->rest, "metrics");

	if (!facts_str(api, "listen").len)
		extra_add(f, &f->outs, facts_get(api, "tag"));
	if (metrics)
		extra_add(f, &f->outs, facts_str(metrics, "tag").len ? facts_get(metrics, "tag") : &metrics_name);
	for (uint32_t i = 0; i < f->outs.n; i++) {
		const struct peer *p = &f->outs.v[i];
		if (p->proto == PROTO_LOOPBACK)
			extra_add(f, &f->ins, facts_get(p->settings, "inboundTag"));
		extra_add(f, &f->ins, facts_dig(p->settings, (const char *const[4]){ "reverse", "tag" }));
	}
	dns_read(f);
	legacy_reverse_read(f);
}

void facts_build(struct arena *a, struct diag_sink *sink, const struct xconf *x, struct facts *f)
{
	struct str strategy = facts_str(&x->routing, "domainStrategy");

	*f = (struct facts){ .a = a, .sink = sink, .x = x };
	peers_read(f, &f->ins, &x->inbounds);
	peers_read(f, &f->outs, &x->outbounds);
	f->emails = map_new(a, 16);
	f->balancers = map_new(a, x->balancers.n);
	for (uint32_t i = 0; i < f->ins.n; i++) {
		users_read(f, &f->ins.v[i]);
		f->route_only |= facts_true(f->ins.v[i].sniffing, "routeOnly");
	}
	extras_read(f);
	for (uint32_t i = 0; i < x->balancers.n; i++) {
		const struct value *tag = facts_get(&x->balancers.v[i].v, "tag");
		if (tag && tag->kind == VAL_STRING && tag->len)
			map_put(f->balancers, value_str(tag), (void *)&x->balancers.v[i].v);
	}
	f->as_is = !str_is_nocase(strategy, "IPIfNonMatch") && !str_is_nocase(strategy, "IPOnDemand");
}
