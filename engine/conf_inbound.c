/* Inbounds: where they listen, and what the settings of socks, mixed, http and tunnel say. */
#include <string.h>
#include <sys/un.h>

#include "engine/codecs.h"
#include "engine/conf_impl.h"

enum { UNIX_MODE = 0755 /* as Xray makes it: only the owner can connect */ };

/* --- users --- */
struct account_entry {
	struct str user, pass;
};
static const struct conf_key account_keys[] = {
	{ "user", conf_set_str, CONF_AT(struct account_entry, user) },
	{ "pass", conf_set_str, CONF_AT(struct account_entry, pass) },
};

/* The same name twice: the later password counts. */
static void put_user(struct conf_reader *r, struct inbound *in, struct login *users, struct map *by_name,
		     const struct account_entry *a)
{
	const struct policy *p = conf_policy(r->c, in->level);
	struct login *login = map_get(by_name, a->user);

	if (!login) {
		login = &users[in->n_users++];
		map_put(by_name, a->user, login);
	}
	*login = (struct login){ a->user, a->pass, in->level,
				 conf_traffic(r, "user", a->user, p->count_up, p->count_down) };
}

static void read_users(struct conf_reader *r, struct inbound *in, const struct value *v)
{
	struct map *by_name;
	struct login *users;

	if (!v)
		return;
	if (v->kind != VAL_ARRAY) {
		conf_fault(r, v->span, "'users' must be a list, not %s", value_kind_name(v->kind));
		return;
	}
	by_name = map_new(r->a, v->n);
	users = arena_array(r->a, struct login, v->n);
	for (uint32_t i = 0; i < v->n; i++) {
		struct account_entry a = { STR(""), STR("") };

		conf_object(r, "an account", account_keys, CONF_N(account_keys), &v->items[i], &a);
		put_user(r, in, users, by_name, &a);
	}
	in->users = users;
}

/* --- socks and mixed --- */
enum auth { AUTH_NONE, AUTH_PASSWORD };
static const struct conf_name auths[] = { { "noauth", AUTH_NONE }, { "password", AUTH_PASSWORD }, { "", AUTH_NONE } };
struct proxy {
	struct inbound *in;
	unsigned auth;
	bool udp, transparent;
	struct route_ip ip;
	uint32_t level;
	const struct value *users; /* `accounts` wins */
};
static const struct conf_key socks_keys[] = {
	{ "auth", conf_set_name, CONF_AT(struct proxy, auth), CONF_NAMES(auths) },
	{ "udp", conf_set_bool, CONF_AT(struct proxy, udp) },
	{ "ip", conf_set_ip, CONF_AT(struct proxy, ip) },
	{ "userLevel", conf_set_u32, CONF_AT(struct proxy, level), CONF_U32 },
	{ "users", conf_set_value, CONF_AT(struct proxy, users) },
	{ "accounts", conf_set_value, CONF_AT(struct proxy, users) },
};

static void socks(struct conf_reader *r, struct inbound *in, const struct value *settings)
{
	struct proxy p = { .auth = AUTH_NONE };

	conf_object(r, "settings of a socks inbound", socks_keys, CONF_N(socks_keys), settings, &p);
	in->level = p.level;
	in->udp_associate = p.udp;
	in->udp_ip = p.ip;
	in->needs_login = p.auth == AUTH_PASSWORD;
	in->tcp = true;
	if (in->needs_login)
		read_users(r, in, p.users);
}

/* --- http --- */
static const struct conf_key http_keys[] = {
	{ "allowTransparent", conf_set_bool, CONF_AT(struct proxy, transparent) },
	{ "userLevel", conf_set_u32, CONF_AT(struct proxy, level), CONF_U32 },
	{ "users", conf_set_value, CONF_AT(struct proxy, users) },
	{ "accounts", conf_set_value, CONF_AT(struct proxy, users) },
};

static void http(struct conf_reader *r, struct inbound *in, const struct value *settings)
{
	struct proxy p = { .auth = AUTH_NONE };

	conf_object(r, "settings of an http inbound", http_keys, CONF_N(http_keys), settings, &p);
	in->level = p.level;
	in->allow_transparent = p.transparent;
	in->tcp = true;
	read_users(r, in, p.users);
	in->needs_login = in->n_users > 0;
}

/* --- tunnel --- */
struct tunnel {
	struct addr target;
	uint16_t port;
	unsigned networks;
	bool follow;
	uint32_t level;
	const struct value *map;
};

/* 0 is the same as absent: the other spelling's port stays. */
static void set_other_port(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	uint16_t port = 0;

	conf_set_port(r, k, v, &port);
	if (port)
		*(uint16_t *)to = port;
}

static const struct conf_key tunnel_keys[] = {
	{ "rewriteAddress", conf_set_host, CONF_AT(struct tunnel, target) },
	{ "address", conf_set_host, CONF_AT(struct tunnel, target) },
	{ "rewritePort", set_other_port, CONF_AT(struct tunnel, port) },
	{ "port", set_other_port, CONF_AT(struct tunnel, port) },
	{ "allowedNetwork", conf_set_networks, CONF_AT(struct tunnel, networks) },
	{ "network", conf_set_networks, CONF_AT(struct tunnel, networks) },
	{ "portMap", conf_set_value, CONF_AT(struct tunnel, map) },
	{ "followRedirect", conf_set_bool, CONF_AT(struct tunnel, follow) },
	{ "userLevel", conf_set_u32, CONF_AT(struct tunnel, level), CONF_U32 },
};

static void read_port_map(struct conf_reader *r, struct inbound *in, const struct value *v)
{
	struct port_target *map;

	if (v->kind != VAL_OBJECT) {
		conf_fault(r, v->span, "'portMap' must be an object, not %s", value_kind_name(v->kind));
		return;
	}
	map = arena_array(r->a, struct port_target, v->n_members);
	for (uint32_t i = 0; i < v->n_members; i++) {
		const struct member *m = &v->members[i];
		struct port_target *t = &map[in->n_port_map];
		int64_t port;

		if (str_int(member_key(m), &port) || port < 0 || port > UINT16_MAX)
			conf_fault(r, m->key_span, "a key of 'portMap' must be a port, not '%.*s'", (int)m->key_len, m->key);
		else if (conf_host_port(r, "portMap", &m->value, &t->target))
			map[in->n_port_map++].port = (uint16_t)port;
	}
	in->port_map = map;
}

static void tunnel(struct conf_reader *r, struct inbound *in, const struct value *settings)
{
	struct tunnel t = { .networks = ROUTE_TCP };

	conf_object(r, "settings of a tunnel inbound", tunnel_keys, CONF_N(tunnel_keys), settings, &t);
	in->target = t.target;
	in->target.port = t.port;
	in->tcp = t.networks & ROUTE_TCP;
	in->udp = t.networks & ROUTE_UDP;
	in->follow_redirect = t.follow;
	in->level = t.level;
	if (t.map)
		read_port_map(r, in, t.map);
}

/* --- listen --- */
struct entry {
	struct inbound in;
	const struct value *protocol, *listen, *port, *settings, *tag_at;
};

static void listen_unix(struct conf_reader *r, struct inbound *in, struct str text, struct span at)
{
	const char *comma = *text.p == '/' ? memchr(text.p, ',', text.len) : NULL;
	size_t len = comma ? (size_t)(comma - text.p) : text.len;
	unsigned mode = 0;

	in->unix_mode = UNIX_MODE;
	for (size_t i = len + 1; i < text.len && mode <= 0777; i++)
		mode = text.p[i] >= '0' && text.p[i] <= '7' ? mode * 8 + (unsigned)(text.p[i] - '0') : 01000;
	if (comma && (mode > 0777 || len + 1 == text.len))
		conf_fault(r, at, "'listen': what stands behind the comma must be a mode in octal, like 0660");
	else if (comma)
		in->unix_mode = mode;
	if (len < 2 || len >= sizeof(((struct sockaddr_un *)0)->sun_path) || memchr(text.p, 0, len))
		conf_fault(r, at, "'listen' must be a path of 2 to %zu bytes", sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
	in->unix_path = conf_copy_z(r, (struct str){ text.p, len });
}

/* A listener on any address takes both families, as Xray's does whichever of them is written. */
static void listen_on(struct conf_reader *r, struct inbound *in, const struct value *v)
{
	static const struct conf_key key = { .name = "listen" };
	static const uint8_t any[16] = { 0 };
	struct route_ip *ip = &in->listen;
	struct str text = STR("");

	*ip = (struct route_ip){ .family = ADDR_V6 };
	if (!v || !conf_text_of(r, &key, v, true, &text))
		return;
	if (text.len && (*text.p == '/' || *text.p == '@')) {
		ip->family = ADDR_NONE;
		listen_unix(r, in, text, v->span);
		return;
	}
	if (str_is_nocase(text, "localhost"))
		text = STR("127.0.0.1");
	conf_set_ip(r, &key, &(struct value){ .kind = VAL_STRING, .span = v->span, .text = text.p, .len = (uint32_t)text.len },
		    ip);
	if (ip->family == ADDR_V4 && !memcmp(ip->bytes, any, 4))
		*ip = (struct route_ip){ .family = ADDR_V6 };
}

static void read_ports(struct conf_reader *r, struct entry *e, struct span at)
{
	struct inbound *in = &e->in;

	if (in->unix_path)
		return; /* Xray does not read them then */
	if (e->port)
		conf_ports(r, "port", e->port, &in->ports, &in->n_ports);
	for (uint32_t i = 0; i < in->n_ports; i++)
		if (!in->ports[i].first)
			conf_fault(r, e->port->span, "'port' 0 cannot be listened on");
	if (!in->n_ports)
		conf_fault(r, e->port ? e->port->span : at, "an inbound must have a port, or a Unix socket to listen on");
}

/* --- one inbound --- */
struct protocol {
	const char *name;
	enum inbound_kind kind;
	void (*read)(struct conf_reader *r, struct inbound *in, const struct value *settings);
};
static const struct protocol protocols[] = {
	{ "socks", INBOUND_MIXED, socks },   { "mixed", INBOUND_MIXED, socks },
	{ "http", INBOUND_HTTP, http },      { "tunnel", INBOUND_TUNNEL, tunnel },
	{ "dokodemo-door", INBOUND_TUNNEL, tunnel },
};
static const struct conf_key keys[] = {
	{ "tag", conf_set_text, CONF_AT(struct entry, in.tag) },
	{ "protocol", conf_set_value, CONF_AT(struct entry, protocol) },
	{ "listen", conf_set_value, CONF_AT(struct entry, listen) },
	{ "port", conf_set_value, CONF_AT(struct entry, port) },
	{ "settings", conf_set_value, CONF_AT(struct entry, settings) },
	{ "sniffing", conf_sniffing, CONF_AT(struct entry, in.sniffing) },
	{ "streamSettings", conf_stream_in, CONF_AT(struct entry, in.sockopt) },
	{ "remark", conf_set_ignored, .offset = 0 },
	{ "remarks", conf_set_ignored, .offset = 0 },
};

static void read_protocol(struct conf_reader *r, struct entry *e, struct span at)
{
	struct str name = e->protocol && e->protocol->kind == VAL_STRING ? value_str(e->protocol) : STR("");

	for (size_t i = 0; i < CONF_N(protocols); i++) {
		if (str_is_nocase(name, protocols[i].name)) {
			e->in.kind = protocols[i].kind;
			e->in.ops = inbound_ops_of[e->in.kind];
			protocols[i].read(r, &e->in, e->settings);
			return;
		}
	}
	conf_fault(r, e->protocol ? e->protocol->span : at, "'%.*s' is not an inbound protocol of the embedded engine",
		   (int)name.len, name.p);
}

static struct inbound read_inbound(struct conf_reader *r, const struct value *v)
{
	struct entry e = { .in.tag = "", .in.sockopt = { .keep_alive_idle_s = -1, .keep_alive_interval_s = -1 } };

	if (v->kind != VAL_OBJECT) {
		conf_fault(r, v->span, "an inbound must be an object, not %s", value_kind_name(v->kind));
		return e.in;
	}
	conf_object(r, "an inbound", keys, CONF_N(keys), v, &e);
	listen_on(r, &e.in, e.listen);
	read_ports(r, &e, v->span);
	read_protocol(r, &e, v->span);
	if (e.in.unix_path && !e.in.tcp)
		conf_fault(r, e.listen->span, "a Unix socket carries 'tcp' alone");
	e.in.policy = conf_policy(r->c, e.in.level);
	e.in.traffic = conf_traffic(r, "inbound", str_of(e.in.tag), r->in_up, r->in_down);
	return e.in;
}

void conf_inbounds(struct conf_reader *r)
{
	const struct xlist *l = &r->x->inbounds;
	struct conf *c = r->c;

	c->inbounds = arena_array(r->a, struct inbound, l->n);
	for (uint32_t i = 0; i < l->n; i++)
		c->inbounds[c->n_inbounds++] = read_inbound(r, &l->v[i].v);
}
