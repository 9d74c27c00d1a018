/* What is open to the world, and where traffic goes that nobody aimed: the default outbound, freedom's own guard. */
#include "validate/rules.h"

#include <string.h>

enum reach { REACH_LOCAL, REACH_PRIVATE, REACH_WORLD };

static enum reach reach_of(struct str listen)
{
	static const struct ip_net loop4 = { { 127 }, 8, false }, loop6 = { { [15] = 1 }, 128, true };
	struct ip_net net;
	bool zero = true;

	if (!listen.len)
		return REACH_WORLD;
	if (ip_parse(listen, &net)) /* localhost, a Unix socket, or what others report */
		return REACH_LOCAL;
	for (size_t i = 0; i < sizeof(net.addr); i++)
		zero &= !net.addr[i];
	if (zero)
		return REACH_WORLD;
	if (ip_contains(&loop4, &net) || ip_contains(&loop6, &net))
		return REACH_LOCAL;
	return ip_is_private(&net) ? REACH_PRIVATE : REACH_WORLD;
}

/* Whether anybody who reaches the port may use it. */
static bool is_open(const struct peer *p)
{
	const struct value *users = facts_users(p->settings);

	switch (p->proto) {
	case PROTO_SOCKS:
		return !str_is(facts_str(p->settings, "auth"), "password");
	case PROTO_HTTP:
		return !facts_filled(users);
	case PROTO_TUNNEL:
		return true;
	default:
		return false;
	}
}

static void check_open(struct facts *f, const struct peer *p)
{
	const struct value *listen = facts_get(p->v, "listen");
	struct str s = listen && listen->kind == VAL_STRING ? value_str(listen) : str_of(NULL);
	enum reach reach =
		is_open(p) && !facts_managed(p) ? reach_of(s) : REACH_LOCAL; /* of managed ones the TOML line is told */
	const char *name;
	struct diag *d;

	if (reach == REACH_LOCAL)
		return;
	name = facts_name(f, "inbound", p, &f->ins);
	if (listen && reach == REACH_PRIVATE)
		d = diag_add(f->sink, DIAG_XR579, listen->span,
			     "%s asks nobody for a password: whoever is on that network may use it", name);
	else
		d = diag_add(f->sink, DIAG_XR580, listen ? listen->span : facts_at(p),
			     "%s is open to the world: it listens on %s and asks nobody for a password",
			     name, listen && s.len ? arena_printf(f->a, "'%s'", facts_shown(f, s)) : "every address");
	if (p->proto == PROTO_TUNNEL)
		diag_help(f->sink, d, "set 'listen' to 127.0.0.1, or let a firewall guard the port");
	else
		diag_help(f->sink, d, "set 'listen' to 127.0.0.1, or add accounts");
}

/* "host:port" of api and metrics: neither knows passwords. */
static void check_service(struct facts *f, const struct value *section, const char *what, const char *danger)
{
	const struct value *listen = facts_get(section, "listen");
	const char *colon;
	struct diag *d;
	struct str s;

	if (!listen || listen->kind != VAL_STRING || !listen->len)
		return;
	s = value_str(listen);
	colon = memrchr(s.p, ':', s.len);
	if (!colon)
		return;
	s.len = (size_t)(colon - s.p);
	if (s.len > 2 && s.p[0] == '[')
		s = (struct str){ s.p + 1, s.len - 2 };
	if (reach_of(s) == REACH_LOCAL)
		return;
	d = diag_add(f->sink, DIAG_XR581, listen->span, "%s listens on '%s', and whoever reaches it %s", what,
		     facts_shown(f, value_str(listen)), danger);
	diag_help(f->sink, d, "listen on 127.0.0.1");
}

/* --- the default outbound ----------------------------------------------------------------------------------------- */

static void check_default(struct facts *f)
{
	const struct peer *p = f->outs.v;
	struct diag *d;

	if (!f->outs.n)
		return;
	if (p->proto != PROTO_BLACKHOLE) {
		diag_add(f->sink, DIAG_XR584, facts_at(p), "what no rule matches goes to %s, the first one",
			 facts_name(f, "outbound", p, &f->outs));
		return;
	}
	if (f->outs.n == 1)
		return;
	d = diag_add(f->sink, DIAG_XR583, facts_at(p),
		     "what no rule matches is dropped: the first outbound is a blackhole");
	diag_help(f->sink, d, "put the outbound for everything else first");
}

/* --- freedom's guard ---------------------------------------------------------------------------------------------- */

/* Freedom drops private destinations of what came in through these. */
static bool is_guarded(const struct peer *p)
{
	static const uint32_t protos = 1u << PROTO_VLESS | 1u << PROTO_VMESS | 1u << PROTO_TROJAN |
		1u << PROTO_SHADOWSOCKS | 1u << PROTO_HYSTERIA | 1u << PROTO_WIREGUARD;

	return protos >> p->proto & 1;
}

static bool takes_guarded(const struct facts *f, const struct rule *r)
{
	struct xparts it = xparts_of(r->f[RF_INBOUND]);
	struct xpart item;

	while (xparts_next(&it, &item)) {
		const struct peer *p = map_get(f->ins.by_tag, item.s);
		if (p && is_guarded(p))
			return true;
	}
	return !r->f[RF_INBOUND] && f->takes_guarded;
}

static bool is_private_item(struct str s)
{
	struct ip_net net;

	return str_is_nocase(s, "geoip:private") || (!ip_parse(s, &net) && ip_is_private(&net));
}

static const struct value *private_item(const struct rule *r)
{
	struct xparts it = xparts_of(r->f[RF_IP]);
	struct xpart item;

	if (!xparts_next(&it, &item) || !is_private_item(item.s))
		return NULL;
	while (xparts_next(&it, &item))
		if (!is_private_item(item.s))
			return NULL;
	return r->f[RF_IP];
}

void exposure_check_rule(struct facts *f, const struct rule *r)
{
	const struct value *tag = r->f[RF_OUTBOUND], *ip;
	const struct peer *out;
	struct diag *d;

	if (!rule_has(r, RF_IP) || r->it->owner || !tag || tag->kind != VAL_STRING ||
	    !target_has(f->x->target, CAP_FREEDOM_GUARD))
		return;
	out = map_get(f->outs.by_tag, value_str(tag));
	if (!out || out->proto != PROTO_FREEDOM || facts_filled(facts_get(out->settings, "finalRules")))
		return;
	ip = private_item(r);
	if (!ip || !takes_guarded(f, r))
		return;
	d = diag_add(f->sink, DIAG_XR582, facts_point(ip),
		     "'%s' drops private destinations of what came through a proxy inbound: this rule forwards nothing",
		     facts_shown(f, value_str(tag)));
	diag_relate(f->sink, d, facts_at(out), "the outbound has no 'finalRules'");
	diag_help(f->sink, d, "add \"finalRules\": [{ \"action\": \"allow\", \"ip\": [...] }] to its settings");
}

void exposure_check(struct facts *f)
{
	for (uint32_t i = 0; i < f->ins.n; i++) {
		check_open(f, &f->ins.v[i]);
		f->takes_guarded |= is_guarded(&f->ins.v[i]);
	}
	if (!f->x->section_owner[XS_API])
		check_service(f, &f->x->section[XS_API], "the api", "commands the engine");
	check_service(f, facts_get(&f->x->rest, "metrics"), "metrics", "reads all counters");
	check_default(f);
}
