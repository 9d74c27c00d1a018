/* Choosing what to knock at. */
#include "runtime/probe.h"

#include <stdio.h>
#include <string.h>

const char *const probe_kind_names[PROBE__N] = {
	[PROBE_SOCKS] = "socks",
	[PROBE_HTTP] = "http",
	[PROBE_TCP] = "tcp",
	[PROBE_ALIVE] = "alive",
};

/* What an inbound's protocol says by itself. */
struct protocol {
	const char *name;
	enum probe_kind kind;
	const char *const *networks; /* keys of settings that say tcp, udp or both */
	const char *network_default;
};
static const char *const tunnel_keys[] = { "allowedNetwork", "network", NULL };
static const char *const network_keys[] = { "network", NULL };
static const struct protocol protocols[] = {
	{ "socks", PROBE_SOCKS, NULL, "tcp" },
	{ "mixed", PROBE_SOCKS, NULL, "tcp" },
	{ "http", PROBE_HTTP, NULL, "tcp" },
	{ "dokodemo-door", PROBE_TCP, tunnel_keys, "tcp" },
	{ "tunnel", PROBE_TCP, tunnel_keys, "tcp" },
	{ "shadowsocks", PROBE_TCP, network_keys, "tcp" },
	{ "wireguard", PROBE_ALIVE, NULL, "udp" },
	{ "hysteria", PROBE_ALIVE, NULL, "udp" },
	{ "tun", PROBE_ALIVE, NULL, "" },
};
static const struct protocol any_protocol = { "", PROBE_TCP, NULL, "tcp" };

/* Transports; what is not here runs over TCP and hides the protocol. */
struct transport {
	const char *name;
	bool udp, plain;
};
static const struct transport transports[] = {
	{ "", false, true }, { "raw", false, true }, { "tcp", false, true }, { "kcp", true, false }, { "mkcp", true, false },
	{ "quic", true, false }, { "hysteria", true, false },
};

static const struct protocol *protocol_of(const struct value *inbound)
{
	struct str name = value_get_str(inbound, "protocol");

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (str_is_nocase(name, protocols[i].name))
			return &protocols[i];
	return &any_protocol;
}

static struct transport transport_of(const struct value *inbound)
{
	const struct value *stream = value_get(inbound, "streamSettings");
	struct str name = value_get_str(stream, "method");

	if (!name.len)
		name = value_get_str(stream, "network");
	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++)
		if (str_is_nocase(name, transports[i].name))
			return transports[i];
	return (struct transport){ "", false, false };
}

/* "tcp", "tcp,udp" or a list of them. */
static bool names_tcp(const struct value *v)
{
	struct str rest = value_str(v), one;

	if (v->kind == VAL_ARRAY) {
		for (uint32_t i = 0; i < v->n; i++)
			if (v->items[i].kind == VAL_STRING && names_tcp(&v->items[i]))
				return true;
		return false;
	}
	while (rest.len) {
		one = str_trim(str_cut(&rest, ','));
		if (str_is_nocase(one, "tcp"))
			return true;
	}
	return false;
}

static bool is_tcp(const struct protocol *p, const struct value *inbound)
{
	const struct value *settings = value_get(inbound, "settings");

	for (size_t i = 0; p->networks && p->networks[i]; i++) {
		const struct value *v = value_get(settings, p->networks[i]);

		if (v && (v->kind == VAL_STRING || v->kind == VAL_ARRAY))
			return names_tcp(v);
	}
	return str_is(str_of(p->network_default), "tcp");
}

/* The first number of 1080, "1080", "1080-1090", "1080,1090"; 0 = none. */
static unsigned port_of(const struct value *inbound)
{
	const struct value *port = value_get(inbound, "port");
	struct str rest, first;
	int64_t n = 0;

	if (!port || (port->kind != VAL_NUMBER && port->kind != VAL_STRING))
		return 0;
	rest = value_str(port);
	first = str_cut(&rest, ',');
	first = str_cut(&first, '-');
	return !str_int(str_trim(first), &n) && n > 0 && n < 65536 ? (unsigned)n : 0;
}

const char *probe_own_address(const char *address)
{
	static const struct { const char *any, *own; } rows[] = { { "0.0.0.0", "127.0.0.1" }, { "::", "::1" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (str_is(str_of(address), rows[i].any))
			return rows[i].own;
	return address;
}

/* Where to connect to, spelled as the kernel spells it; NULL: not an address of TCP. */
static const char *address_of(struct arena *a, const struct value *inbound)
{
	struct str listen = value_get_str(inbound, "listen");
	struct ip_net net;
	const char *address;

	if (listen.len > 2 && listen.p[0] == '[' && listen.p[listen.len - 1] == ']')
		listen = (struct str){ listen.p + 1, listen.len - 2 };
	if (!listen.len || str_is_nocase(listen, "localhost"))
		return "127.0.0.1";
	if (!ip_is_literal(listen) || ip_parse(listen, &net))
		return NULL;
	address = ip_format(a, &net, false);
	return probe_own_address(address);
}

static bool flag(const struct value *v, const char *key)
{
	const struct value *member = value_get(v, key);

	return member && member->kind == VAL_BOOL && member->truth;
}

/* Transparent inbounds take the address of the connection for its destination. */
static bool is_circle(const struct value *inbound)
{
	const struct value *sockopt = value_get(value_get(inbound, "streamSettings"), "sockopt");

	return str_is_nocase(value_get_str(sockopt, "tproxy"), "tproxy") ||
		flag(value_get(inbound, "settings"), "followRedirect");
}

/* Whether the first bytes on the connection are the protocol's own. */
static bool is_bare(const struct value *inbound)
{
	const struct value *stream = value_get(inbound, "streamSettings");
	struct str security = value_get_str(stream, "security");

	return transport_of(inbound).plain && (!security.len || str_is_nocase(security, "none")) &&
		!flag(value_get(stream, "sockopt"), "acceptProxyProtocol");
}

static struct probe probe_of(struct arena *a, const struct value *inbound)
{
	const struct protocol *protocol = protocol_of(inbound);
	struct str tag = value_get_str(inbound, "tag");
	struct probe p = { .kind = PROBE_ALIVE, .address = "", .tag = "" };
	const char *address = address_of(a, inbound);
	unsigned port = port_of(inbound);

	if (!address || !port || !is_tcp(protocol, inbound) || transport_of(inbound).udp)
		return p;
	p.kind = is_bare(inbound) ? protocol->kind : PROBE_TCP;
	p.address = address;
	p.port = port;
	p.tag = tag.len ? arena_memdup(a, tag.p, tag.len) : "";
	p.no_connect = is_circle(inbound);
	return p;
}

void probe_choose(struct arena *a, const struct value *xray, struct probe *ret_probe)
{
	const struct value *inbounds = value_get(xray, "inbounds");
	struct probe best = { .kind = PROBE_ALIVE, .address = "", .tag = "" };

	for (uint32_t i = 0; inbounds && inbounds->kind == VAL_ARRAY && i < inbounds->n; i++) {
		struct probe p = probe_of(a, &inbounds->items[i]);

		if (p.kind < best.kind || (p.kind == best.kind && best.no_connect && !p.no_connect))
			best = p;
	}
	*ret_probe = best;
}

void probe_where(const struct probe *p, char ret_text[PROBE_WHERE_TEXT])
{
	const char *form = p->kind == PROBE_ALIVE ? "" : strchr(p->address, ':') ? "[%s]:%u" : "%s:%u";

	snprintf(ret_text, PROBE_WHERE_TEXT, form, p->address, p->port);
}
