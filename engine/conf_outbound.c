/* Outbounds: how they dial, and what the settings of each protocol say. */
#include <string.h>

#include "engine/codecs.h"
#include "engine/conf_impl.h"

struct entry {
	struct outbound out;
	const struct value *protocol, *settings, *strategy_at;
	enum domain_strategy target_strategy;
};

/* --- freedom --- */
struct freedom {
	enum domain_strategy strategy; /* targetStrategy wins */
	uint32_t level;
	const struct value *redirect;
};

/* "" is the same as absent: the other spelling's value stays. */
static void set_other_strategy(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	if (v->kind != VAL_STRING || v->len)
		conf_set_strategy(r, k, v, to);
}

static const struct conf_key freedom_keys[] = {
	{ "domainStrategy", conf_set_strategy, CONF_AT(struct freedom, strategy) },
	{ "targetStrategy", set_other_strategy, CONF_AT(struct freedom, strategy) },
	{ "redirect", conf_set_value, CONF_AT(struct freedom, redirect) },
	{ "userLevel", conf_set_u32, CONF_AT(struct freedom, level), CONF_U32 },
};

/* A redirect to an unspecified address keeps the host. */
static void read_redirect(struct conf_reader *r, struct outbound *o, const struct value *v)
{
	static const uint8_t any[16] = { 0 };
	struct addr *to = &o->redirect;

	if (v->kind == VAL_STRING && !v->len)
		return;
	o->has_redirect = conf_host_port(r, "redirect", v, to);
	if ((to->family == ADDR_V4 && !memcmp(to->ip, any, 4)) || (to->family == ADDR_V6 && !memcmp(to->ip, any, 16)))
		to->family = ADDR_NONE;
}

static void freedom(struct conf_reader *r, struct entry *e)
{
	struct freedom f = { .strategy = DS_AS_IS };

	conf_object(r, "settings of a freedom outbound", freedom_keys, CONF_N(freedom_keys), e->settings, &f);
	e->out.level = f.level;
	/* The first of them that says anything resolves the name. */
	e->out.strategy = e->target_strategy ? e->target_strategy :
			  f.strategy ? f.strategy : e->out.sockopt.domain_strategy;
	if (f.redirect)
		read_redirect(r, &e->out, f.redirect);
}

/* --- blackhole --- */
enum response { RESPONSE_NONE, RESPONSE_HTTP };
static const struct conf_name responses[] = { { "none", RESPONSE_NONE }, { "http", RESPONSE_HTTP } };
static const struct conf_key response_keys[] = { { "type", conf_set_name, .offset = 0, CONF_NAMES(responses) } };

static void set_response(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	conf_object(r, k->name, response_keys, CONF_N(response_keys), v, to);
}

static const struct conf_key blackhole_keys[] = { { "response", set_response, .offset = 0 } };

static void blackhole(struct conf_reader *r, struct entry *e)
{
	unsigned response = RESPONSE_NONE;

	conf_object(r, "settings of a blackhole outbound", blackhole_keys, CONF_N(blackhole_keys), e->settings, &response);
	e->out.http_answer = response == RESPONSE_HTTP;
}

/* --- loopback --- */
static const struct conf_key loopback_keys[] = { { "inboundTag", conf_set_text, CONF_AT(struct outbound, inbound_tag) } };

static void loopback(struct conf_reader *r, struct entry *e)
{
	e->out.inbound_tag = "";
	conf_object(r, "settings of a loopback outbound", loopback_keys, CONF_N(loopback_keys), e->settings, &e->out);
}

/* --- socks and http: one server, flat or in a list of one --- */
struct server_entry {
	struct addr addr;
	uint16_t port;
	struct str user, pass;
	uint32_t level;
	bool has_user;
	const struct value *servers;
};

static void set_user(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	static const struct conf_key keys[] = {
		{ "user", conf_set_str, CONF_AT(struct server_entry, user) },
		{ "pass", conf_set_str, CONF_AT(struct server_entry, pass) },
		{ "level", conf_set_u32, CONF_AT(struct server_entry, level), CONF_U32 },
		{ "email", conf_set_ignored, .offset = 0 },
	};
	struct server_entry *s = to;

	if (v->kind != VAL_ARRAY || v->n > 1) {
		conf_fault(r, v->span, "'%s' must be a list of at most one account", k->name);
		return;
	}
	if (!v->n)
		return;
	s->has_user = true;
	conf_object(r, "an account", keys, CONF_N(keys), &v->items[0], s);
}

/* email names a user to nobody: Xray reads it and makes no use of it here. */
static const struct conf_key flat_keys[] = {
	{ "address", conf_set_host, CONF_AT(struct server_entry, addr) },
	{ "port", conf_set_port, CONF_AT(struct server_entry, port) },
	{ "user", conf_set_str, CONF_AT(struct server_entry, user) },
	{ "pass", conf_set_str, CONF_AT(struct server_entry, pass) },
	{ "level", conf_set_u32, CONF_AT(struct server_entry, level), CONF_U32 },
	{ "email", conf_set_ignored, .offset = 0 },
	{ "servers", conf_set_value, CONF_AT(struct server_entry, servers) },
};
static const struct conf_key nested_keys[] = {
	{ "address", conf_set_host, CONF_AT(struct server_entry, addr) },
	{ "port", conf_set_port, CONF_AT(struct server_entry, port) },
	{ "users", set_user, .offset = 0 },
};

/* False and a fault when there is no such server. */
static bool read_nested(struct conf_reader *r, struct server_entry *s, const struct value *v)
{
	*s = (struct server_entry){ .servers = v };
	if (v->kind != VAL_ARRAY || v->n != 1) {
		conf_fault(r, v->span, "'servers' must be a list of exactly one server");
		return false;
	}
	conf_object(r, "a server", nested_keys, CONF_N(nested_keys), &v->items[0], s);
	return true;
}

static void server(struct conf_reader *r, struct entry *e)
{
	struct outbound *o = &e->out;
	struct server_entry s = { .level = 0 };

	conf_object(r, "settings of the outbound", flat_keys, CONF_N(flat_keys), e->settings, &s);
	s.has_user = s.user.len > 0;
	if (!s.addr.family && s.servers && !read_nested(r, &s, s.servers))
		return;
	if (!s.addr.family || !s.port)
		conf_fault(r, conf_absent(e->settings) ? e->protocol->span : e->settings->span,
			   "the outbound must have the 'address' and the 'port' of its server");
	o->server = s.addr;
	o->server.port = s.port;
	o->strategy = o->sockopt.domain_strategy;
	o->has_user = s.has_user;
	o->user = (struct login){ .name = s.user, .password = s.pass, .level = s.level };
	o->level = s.has_user ? s.level : 0;
}

static void dns(struct conf_reader *r, struct entry *e)
{
	e->out.strategy = e->out.sockopt.domain_strategy;
	conf_dns_out(r, e->settings, &e->out);
}

/* --- one outbound --- */
struct protocol {
	const char *name;
	enum outbound_kind kind;
	void (*read)(struct conf_reader *r, struct entry *e);
};
static const struct protocol protocols[] = {
	{ "freedom", OUTBOUND_FREEDOM, freedom },      { "direct", OUTBOUND_FREEDOM, freedom },
	{ "blackhole", OUTBOUND_BLACKHOLE, blackhole }, { "block", OUTBOUND_BLACKHOLE, blackhole },
	{ "socks", OUTBOUND_SOCKS, server },           { "http", OUTBOUND_HTTP, server },
	{ "loopback", OUTBOUND_LOOPBACK, loopback },   { "dns", OUTBOUND_DNS, dns },
};

/* "192.0.2.1", "192.0.2.0/24", "origin", "srcip". */
static void set_send_through(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	static const struct { const char *name; enum send_from from; } named[] = {
		{ "origin", SEND_FROM_LOCAL }, { "srcip", SEND_FROM_SOURCE },
	};
	struct outbound *o = to;
	struct str text, rest, ip;
	int64_t bits = 0;

	if (!conf_text_of(r, k, v, false, &text))
		return;
	for (size_t i = 0; i < CONF_N(named); i++) {
		if (str_is(text, named[i].name)) {
			o->send_from = named[i].from;
			return;
		}
	}
	rest = text;
	ip = str_cut(&rest, '/');
	o->send_from = rest.p ? SEND_FROM_NET : SEND_FROM_IP;
	if (route_ip_parse(ip, &o->send_through) || (rest.p && str_int(rest, &bits)) || bits < 0 ||
	    bits > (o->send_through.family == ADDR_V4 ? 32 : 128))
		conf_fault(r, v->span, "'%s' must be an address, a network, 'origin' or 'srcip', not '%.*s'", k->name,
			   (int)text.len, text.p);
	o->send_bits = (uint8_t)bits;
}

static const struct conf_key keys[] = {
	{ "tag", conf_set_text, CONF_AT(struct entry, out.tag) },
	{ "protocol", conf_set_value, CONF_AT(struct entry, protocol) },
	{ "settings", conf_set_value, CONF_AT(struct entry, settings) },
	{ "streamSettings", conf_stream_out, CONF_AT(struct entry, out.sockopt) },
	{ "sendThrough", set_send_through, CONF_AT(struct entry, out) },
	{ "targetStrategy", conf_set_strategy, CONF_AT(struct entry, target_strategy) },
	{ "targetStrategy", conf_set_value, CONF_AT(struct entry, strategy_at) },
	{ "remark", conf_set_ignored, .offset = 0 },
	{ "remarks", conf_set_ignored, .offset = 0 },
};

static void read_protocol(struct conf_reader *r, struct entry *e, struct span at)
{
	struct str name = e->protocol && e->protocol->kind == VAL_STRING ? value_str(e->protocol) : STR("");

	for (size_t i = 0; i < CONF_N(protocols); i++) {
		if (!str_is_nocase(name, protocols[i].name))
			continue;
		e->out.kind = protocols[i].kind;
		e->out.ops = outbound_ops_of[e->out.kind];
		protocols[i].read(r, e);
		if (e->target_strategy && e->out.kind != OUTBOUND_FREEDOM)
			conf_fault(r, e->strategy_at->span, "the embedded engine takes 'targetStrategy' on freedom outbounds "
				   "alone");
		return;
	}
	conf_fault(r, e->protocol ? e->protocol->span : at, "'%.*s' is not an outbound protocol of the embedded engine",
		   (int)name.len, name.p);
}

static struct outbound read_outbound(struct conf_reader *r, const struct value *v)
{
	struct entry e = { .out.tag = "" };

	if (v->kind != VAL_OBJECT) {
		conf_fault(r, v->span, "an outbound must be an object, not %s", value_kind_name(v->kind));
		return e.out;
	}
	conf_object(r, "an outbound", keys, CONF_N(keys), v, &e);
	read_protocol(r, &e, v->span);
	e.out.policy = conf_policy(r->c, e.out.level);
	e.out.traffic = conf_traffic(r, "outbound", str_of(e.out.tag), r->out_up, r->out_down);
	return e.out;
}

void conf_outbounds(struct conf_reader *r)
{
	const struct xlist *l = &r->x->outbounds;
	struct conf *c = r->c;

	c->outbounds = arena_array(r->a, struct outbound, l->n);
	for (uint32_t i = 0; i < l->n; i++)
		c->outbounds[c->n_outbounds++] = read_outbound(r, &l->v[i].v);
}
