/* Proxies of Clash configs (YAML or JSON), Mihomo's keys included. What concerns this machine alone (udp, tfo, smux,
 * interface names) is left out: config.toml says it. */
#include <string.h>

#include "links/codec.h"
#include "links/import.h"
#include "links/reader.h"

static const struct {
	const char *name;
	enum node_protocol protocol;
} types[] = {
	{ "vless", NODE_VLESS },   { "vmess", NODE_VMESS }, { "trojan", NODE_TROJAN },       { "ss", NODE_SHADOWSOCKS },
	{ "socks5", NODE_SOCKS },  { "http", NODE_HTTP },   { "hysteria2", NODE_HYSTERIA2 }, { "hy2", NODE_HYSTERIA2 },
	{ "wireguard", NODE_WIREGUARD },
};
static const char *const no_proxies[] = { "direct", "reject", "reject-drop", "pass", "dns" };

#define STREAM (FOR(VLESS) | FOR(VMESS) | FOR(TROJAN))
#define TLS (STREAM | FOR(HTTP) | FOR(HYSTERIA2))

/* ---- values that are written differently ---- */
/* "30 Mbps", "30". */
static IMPORT_READER(read_mbps)
{
	static const char *const units[] = { "", "mbps" };
	struct str text, unit;
	size_t n = 0;

	if (!import_scalar(im, v, &text))
		return;
	while (n < text.len && text.p[n] >= '0' && text.p[n] <= '9')
		n++;
	unit = str_trim(str_skip(text, n));
	if (!n || !import_is_one_of(unit, units, 2))
		link_fault(&im->r, DIAG_XR808, NULL, "'%s' must be a number of Mbps", key->name);
	else
		param_read(&im->r, str_of(key->param), (struct str){ arena_memdup(im->r.a, text.p, n), n });
}

/* Base64 of three bytes, as WARP writes it, or a list of three numbers. */
static IMPORT_READER(read_reserved)
{
	struct str text, bytes;

	if (v->kind != VAL_STRING || memchr(v->text, ',', v->len)) {
		import_list(im, v, key);
		return;
	}
	if (!import_scalar(im, v, &text) || !text.len)
		return;
	if (base64_decode(im->r.a, text, &bytes) || bytes.len != 3) {
		link_fault(&im->r, DIAG_XR808, NULL, "'reserved' must be three numbers, or base64 of three bytes");
		return;
	}
	const unsigned char *b = (const unsigned char *)bytes.p;
	param_read(&im->r, STR("reserved"), str_of(arena_printf(im->r.a, "%u,%u,%u", b[0], b[1], b[2])));
}

/* WireGuard's own addresses: "ip" and "ipv6" are one parameter. */
static IMPORT_READER(read_own_address)
{
	const struct value *had = im->r.n->extra.set ? value_get(&im->r.n->extra.v, "address") : NULL;
	struct str text;

	if (!import_scalar(im, v, &text) || !text.len)
		return;
	if (!had) {
		param_read(&im->r, str_of(key->param), text);
		return;
	}
	struct str both = str_of(arena_printf(im->r.a, "%.*s,%s", (int)had->len, had->text, text.p));
	value_member(&im->r.n->extra.v, STR("address"))->value = value_string_n(both, im->r.at);
}

/* hysteria 2 may have a range of ports alone. */
static IMPORT_READER(read_ports)
{
	struct str text, first;

	import_param(im, v, key);
	if (im->r.n->port.set || !import_scalar(im, v, &text))
		return;
	first = str_cut(&text, ',');
	first = str_cut(&first, '-');
	link_read_port(&im->r, first);
}

static IMPORT_READER(read_xudp)
{
	if (import_is_true(v))
		param_read(&im->r, str_of(key->param), STR("xudp"));
}

/* An object that can be switched off as a whole. */
static IMPORT_READER(read_switched)
{
	if (v->kind != VAL_OBJECT || import_is_true(import_get(v, "enabled")) || import_is_true(import_get(v, "enable")))
		import_unknown(im, key->name, v);
}

static IMPORT_READER(read_ech)
{
	const struct value *config = import_get(v, "config");
	struct str text;

	if (!import_is_true(import_get(v, "enable")))
		return;
	if (!config || v->n_members > 2)
		import_unknown(im, key->name, v);
	else if (import_scalar(im, config, &text))
		param_read(&im->r, STR("ech"), text);
}

/* ---- plugins of shadowsocks: SIP003's "name;key=value;…" ---- */
static const char *const obfs_names[][2] = { { "mode", "obfs" }, { "host", "obfs-host" } };

static const char *plugin_key(struct arena *a, bool obfs, const struct member *m)
{
	for (size_t i = 0; obfs && i < 2; i++)
		if (str_is(member_key(m), obfs_names[i][0]))
			return obfs_names[i][1];
	return arena_memdup(a, m->key, m->key_len);
}

static void put_escaped(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (memchr(";=\\", s.p[i], 3))
			buf_putc(b, '\\');
		buf_putc(b, s.p[i]);
	}
}

/* A flag that is off says nothing; one that is on stands alone. */
static void put_option(struct import *im, struct buf *b, const char *name, const struct value *v)
{
	struct str text;

	if (v->kind == VAL_NULL || (v->kind == VAL_BOOL && !v->truth))
		return;
	if (v->kind == VAL_ARRAY || v->kind == VAL_OBJECT)
		text = param_compact(im->r.a, v);
	else if (!import_scalar(im, v, &text))
		return;
	buf_putc(b, ';');
	put_escaped(b, str_of(name));
	if (v->kind == VAL_BOOL)
		return;
	buf_putc(b, '=');
	put_escaped(b, text);
}

static void read_plugin(struct import *im, const struct value *proxy)
{
	const struct value *plugin = import_get(proxy, "plugin"), *options = import_get(proxy, "plugin-opts");
	struct buf b = { 0 };
	struct str name;
	bool obfs;

	if (!plugin || !import_scalar(im, plugin, &name) || !name.len)
		return;
	obfs = str_is(name, "obfs");
	buf_puts(&b, obfs ? "obfs-local" : name.p);
	for (uint32_t i = 0; options && options->kind == VAL_OBJECT && i < options->n_members; i++)
		put_option(im, &b, plugin_key(im->r.a, obfs, &options->members[i]), &options->members[i].value);
	struct str text = { arena_memdup(im->r.a, b.p, b.len), b.len };
	buf_fini(&b);
	import_plain(im, "plugin", text);
}

/* ---- transports ---- */
static const struct import_key ws_keys[] = {
	{ "path", 0, import_param, "path", NULL },
	{ "headers", 0, import_ignore, NULL, NULL }, /* read by hand */
	{ "max-early-data", 0, import_param, "ed", NULL },
	{ "early-data-header-name", 0, import_param, "eh", NULL },
	{ "v2ray-http-upgrade", 0, import_ignore, NULL, NULL }, /* read first */
	{ "v2ray-http-upgrade-fast-open", 0, import_ignore, NULL, NULL },
};
IMPORT_TABLE(ws);
static const struct import_key grpc_keys[] = {
	{ "grpc-service-name", 0, import_param, "serviceName", NULL },
	{ "grpc-mode", 0, import_param, "mode", NULL },
	{ "grpc-user-agent", 0, import_tuning, "user_agent", NULL },
	{ "ping-interval", 0, import_ignore, NULL, NULL },
	{ "max-connections", 0, import_ignore, NULL, NULL },
	{ "min-streams", 0, import_ignore, NULL, NULL },
	{ "max-streams", 0, import_ignore, NULL, NULL },
};
IMPORT_TABLE(grpc);
static const struct import_key xhttp_keys[] = {
	{ "path", 0, import_param, "path", NULL },
	{ "host", 0, import_param, "host", NULL },
	{ "mode", 0, import_param, "mode", NULL },
	{ "headers", 0, import_ignore, NULL, NULL },
};
IMPORT_TABLE(xhttp);
static const struct import_key http_keys[] = {
	{ "path", 0, import_list, "path", NULL },
	{ "headers", 0, import_ignore, NULL, NULL },
	{ "method", 0, import_ignore, NULL, NULL }, /* how the first bytes look; the server reads past it */
};
IMPORT_TABLE(http);

static const struct {
	const char *name;
	enum node_transport transport;
	const struct import_table *table;
} transports[] = {
	{ "ws-opts", NODE_WS, &ws_table },
	{ "ws-opts", NODE_HTTPUPGRADE, &ws_table },
	{ "grpc-opts", NODE_GRPC, &grpc_table },
	{ "xhttp-opts", NODE_XHTTP, &xhttp_table },
	{ "http-opts", NODE_TCP, &http_table },
};

static void read_options(struct import *im, const struct value *proxy)
{
	for (size_t i = 0; i < sizeof(transports) / sizeof(*transports); i++) {
		const struct value *v = import_get(proxy, transports[i].name);
		if (!v || v->kind != VAL_OBJECT || im->r.n->transport.v != (int)transports[i].transport)
			continue;
		if (transports[i].transport == NODE_TCP && !str_is(value_get_str(proxy, "network"), "http"))
			continue;
		import_walk_in(im, v, transports[i].table, transports[i].name);
		im->prefix = arena_printf(im->r.a, "%s.", transports[i].name);
		if (import_get(v, "headers"))
			import_headers(im, import_get(v, "headers"));
		im->prefix = "";
	}
}

/* "http" means the header of plain tcp here, and ws can mean httpupgrade. */
static void read_network(struct import *im, const struct value *proxy)
{
	struct str network = value_get_str(proxy, "network");
	const struct value *ws = import_get(proxy, "ws-opts");

	if (str_is(network, "http")) {
		param_read(&im->r, STR("headerType"), STR("http"));
		network = STR("tcp");
	} else if (str_is(network, "ws") && import_is_true(import_get(ws, "v2ray-http-upgrade"))) {
		network = STR("httpupgrade");
	}
	param_read(&im->r, STR("type"), (struct str){ arena_memdup(im->r.a, network.p, network.len), network.len });
	if (!im->r.n->transport.set)
		node_num(&im->r.n->transport, NODE_TCP, im->r.at);
	read_options(im, proxy);
}

/* ---- security ---- */
static const struct import_key reality_keys[] = {
	{ "public-key", 0, import_param, "pbk", NULL },
	{ "short-id", 0, import_param, "sid", NULL },
	{ "support-x25519mlkem768", 0, import_ignore, NULL, NULL },
};
IMPORT_TABLE(reality);

static void read_security(struct import *im, const struct value *proxy)
{
	unsigned p = 1u << im->r.n->protocol.v;
	bool always = p & (FOR(TROJAN) | FOR(HYSTERIA2));
	bool on = always || import_is_true(import_get(proxy, "tls"));
	const struct value *reality = import_get(proxy, "reality-opts");

	if (on && !(p & TLS))
		import_unknown(im, "tls", import_get(proxy, "tls"));
	if (!on || !(p & TLS))
		return;
	node_num(&im->r.n->security, NODE_TLS, im->r.at);
	if (!reality || reality->kind != VAL_OBJECT || !reality->n_members)
		return;
	node_num(&im->r.n->security, NODE_REALITY, im->r.at);
	import_walk_in(im, reality, &reality_table, "reality-opts");
}

/* ---- the proxy ---- */
static const struct import_table peer_table;
static const struct import_key proxy_keys[] = {
	{ "name", 0, import_name, NULL, NULL },
	{ "type", 0, import_ignore, NULL, NULL },
	{ "server", 0, import_address, NULL, NULL },
	{ "port", 0, import_port, NULL, NULL },
	{ "uuid", FOR(VLESS) | FOR(VMESS), import_uuid, NULL, NULL },
	{ "password", FOR(TROJAN) | FOR(SHADOWSOCKS) | FOR(SOCKS) | FOR(HTTP) | FOR(HYSTERIA2), import_password, NULL,
	  NULL },
	{ "auth", FOR(HYSTERIA2), import_password, NULL, NULL },
	{ "username", FOR(SOCKS) | FOR(HTTP), import_user, NULL, NULL },
	{ "alterId", FOR(VMESS), import_param, "alterId", NULL },
	{ "cipher", FOR(VMESS), import_param, "encryption", NULL },
	{ "cipher", FOR(SHADOWSOCKS), import_method, NULL, NULL },
	{ "flow", FOR(VLESS), import_param, "flow", NULL },
	{ "flow", FOR(TROJAN), import_off, NULL, NULL },
	{ "encryption", FOR(VLESS), import_param, "encryption", NULL },
	{ "packet-encoding", FOR(VLESS) | FOR(VMESS), import_param, "packetEncoding", NULL },
	{ "xudp", FOR(VLESS) | FOR(VMESS), read_xudp, "packetEncoding", NULL },
	{ "packet-addr", FOR(VLESS) | FOR(VMESS), import_off, NULL, NULL },
	{ "global-padding", FOR(VMESS), import_off, NULL, NULL },
	{ "authenticated-length", FOR(VMESS), import_off, NULL, NULL },
	{ "tls", 0, import_ignore, NULL, NULL }, /* these are read first */
	{ "network", STREAM, import_ignore, NULL, NULL },
	{ "network", 0, import_off, NULL, NULL },
	{ "reality-opts", STREAM, import_ignore, NULL, NULL },
	{ "ws-opts", STREAM, import_ignore, NULL, NULL },
	{ "grpc-opts", STREAM, import_ignore, NULL, NULL },
	{ "xhttp-opts", STREAM, import_ignore, NULL, NULL },
	{ "http-opts", STREAM, import_ignore, NULL, NULL },
	{ "h2-opts", STREAM, import_ignore, NULL, NULL },
	{ "plugin", FOR(SHADOWSOCKS), import_ignore, NULL, NULL },
	{ "plugin-opts", FOR(SHADOWSOCKS), import_ignore, NULL, NULL },
	{ "ech-opts", TLS, read_ech, NULL, NULL },
	{ "servername", TLS, import_param, "sni", NULL },
	{ "sni", TLS, import_param, "peer", NULL },
	{ "alpn", TLS, import_list, "alpn", NULL },
	{ "skip-cert-verify", TLS, import_param, "allowInsecure", NULL },
	{ "skip-cert-verify", 0, import_off, NULL, NULL },
	{ "fingerprint", TLS, import_param, "pcs", NULL },
	{ "client-fingerprint", TLS, import_param, "fp", NULL },
	{ "client-fingerprint", FOR(SHADOWSOCKS), import_ignore, NULL, NULL },
	{ "ss-opts", FOR(TROJAN), read_switched, NULL, NULL },
	{ "udp-over-tcp", FOR(SHADOWSOCKS), import_off, NULL, NULL },
	{ "udp-over-tcp-version", FOR(SHADOWSOCKS), import_ignore, NULL, NULL },
	{ "headers", FOR(HTTP), import_off, NULL, NULL },
	{ "ports", FOR(HYSTERIA2), read_ports, "mport", NULL },
	{ "hop-interval", FOR(HYSTERIA2), import_param, "hopInterval", NULL },
	{ "up", FOR(HYSTERIA2), read_mbps, "upmbps", NULL },
	{ "down", FOR(HYSTERIA2), read_mbps, "downmbps", NULL },
	{ "obfs", FOR(HYSTERIA2), import_param, "obfs", NULL },
	{ "obfs-password", FOR(HYSTERIA2), import_param, "obfs-password", NULL },
	{ "ca", FOR(HYSTERIA2), import_off, NULL, NULL },
	{ "ca-str", FOR(HYSTERIA2), import_off, NULL, NULL },
	{ "cwnd", FOR(HYSTERIA2), import_ignore, NULL, NULL },
	{ "udp-mtu", FOR(HYSTERIA2), import_ignore, NULL, NULL },
	{ "disable-mtu-discovery", FOR(HYSTERIA2), import_ignore, NULL, NULL },
	{ "fast-open", FOR(HYSTERIA2), import_ignore, NULL, NULL },
	{ "private-key", FOR(WIREGUARD), import_password, NULL, NULL },
	{ "public-key", FOR(WIREGUARD), import_param, "publickey", NULL },
	{ "pre-shared-key", FOR(WIREGUARD), import_param, "presharedkey", NULL },
	{ "preshared-key", FOR(WIREGUARD), import_param, "psk", NULL },
	{ "ip", FOR(WIREGUARD), read_own_address, "address", NULL },
	{ "ipv6", FOR(WIREGUARD), read_own_address, "address", NULL },
	{ "allowed-ips", FOR(WIREGUARD), import_list, "allowedips", NULL },
	{ "reserved", FOR(WIREGUARD), read_reserved, "reserved", NULL },
	{ "persistent-keepalive", FOR(WIREGUARD), import_param, "keepalive", NULL },
	{ "mtu", FOR(WIREGUARD), import_param, "mtu", NULL },
	{ "peers", FOR(WIREGUARD), import_one, NULL, &peer_table },
	{ "amnezia-wg-option", FOR(WIREGUARD), import_off, NULL, NULL },
	{ "remote-dns-resolve", FOR(WIREGUARD), import_ignore, NULL, NULL },
	{ "dns", FOR(WIREGUARD), import_ignore, NULL, NULL },
	{ "workers", FOR(WIREGUARD), import_ignore, NULL, NULL },
	{ "udp", 0, import_ignore, NULL, NULL },
	{ "tfo", 0, import_ignore, NULL, NULL },
	{ "mptcp", 0, import_ignore, NULL, NULL },
	{ "smux", 0, import_ignore, NULL, NULL },
	{ "ip-version", 0, import_ignore, NULL, NULL },
	{ "interface-name", 0, import_ignore, NULL, NULL },
	{ "routing-mark", 0, import_ignore, NULL, NULL },
	{ "dialer-proxy", 0, import_off, NULL, NULL },
};
IMPORT_TABLE(proxy);
static const struct import_key peer_keys[] = {
	{ "server", 0, import_address, NULL, NULL },
	{ "port", 0, import_port, NULL, NULL },
	{ "public-key", 0, import_param, "publickey", NULL },
	{ "pre-shared-key", 0, import_param, "presharedkey", NULL },
	{ "allowed-ips", 0, import_list, "allowedips", NULL },
	{ "reserved", 0, read_reserved, "reserved", NULL },
};
static const struct import_table peer_table = { peer_keys, sizeof(peer_keys) / sizeof(*peer_keys) };

static void read_proxy(struct import *im, const struct value *v)
{
	unsigned p = 1u << im->r.n->protocol.v;

	read_security(im, v);
	if (p & STREAM)
		read_network(im, v);
	if (p & FOR(SHADOWSOCKS))
		read_plugin(im, v);
	import_walk(im, v, &proxy_table);
}

int import_clash(struct arena *a, struct diag_sink *sink, const struct value *v, bool lenient, struct node *ret_node)
{
	struct str type = value_get_str(v, "type");
	size_t n = sizeof(types) / sizeof(*types), i = 0;
	struct node node = { 0 };
	struct import im;

	if (import_is_one_of(type, no_proxies, sizeof(no_proxies) / sizeof(*no_proxies)))
		return 2;
	while (i < n && !str_is_nocase(type, types[i].name))
		i++;
	if (i == n)
		return import_no_kind(sink, v->span, "proxy");
	import_begin(&im, a, sink, v->span, lenient, "proxy", &node);
	import_protocol(&im, types[i].protocol);
	read_proxy(&im, v);
	if (import_end(&im))
		return 1;
	*ret_node = node;
	return 0;
}
