/* Outbounds of Xray and V2Ray JSON, in the flat and the nested form. What is the business of this machine alone (mux,
 * socket options, TLS session tickets) is left out: config.toml says it. */
#include <string.h>

#include "links/import.h"
#include "links/reader.h"

static const struct {
	const char *name;
	enum node_protocol protocol;
} protocols[] = {
	{ "vless", NODE_VLESS },   { "vmess", NODE_VMESS },         { "trojan", NODE_TROJAN },
	{ "shadowsocks", NODE_SHADOWSOCKS }, { "socks", NODE_SOCKS }, { "http", NODE_HTTP },
	{ "hysteria", NODE_HYSTERIA2 },      { "wireguard", NODE_WIREGUARD },
};
static const char *const no_proxies[] = { "freedom", "direct", "blackhole", "block", "dns", "loopback" };

/* ---- settings ---- */
/* host:port of a WireGuard peer. */
static IMPORT_READER(read_endpoint)
{
	struct link_parts p = { 0 };
	struct str text;

	(void)key;
	if (!import_scalar(im, v, &text))
		return;
	link_split_host(text, &p);
	link_read_server(&im->r, &p, 0);
}

static IMPORT_READER(read_version)
{
	int64_t version;

	if (value_int(v, &version) || version != 2)
		import_unknown(im, key->name, v);
}

static const struct import_key peer_keys[] = {
	{ "publicKey", 0, import_param, "publickey", NULL },
	{ "preSharedKey", 0, import_param, "presharedkey", NULL },
	{ "endpoint", 0, read_endpoint, NULL, NULL },
	{ "keepAlive", 0, import_param, "keepalive", NULL },
	{ "allowedIPs", 0, import_list, "allowedips", NULL },
	{ "level", 0, import_ignore, NULL, NULL },
};
IMPORT_TABLE(peer);

/* The server, its users and the flat form share one table: no key means two things. */
#define BY_UUID (FOR(VLESS) | FOR(VMESS))
#define LOGIN (FOR(SOCKS) | FOR(HTTP))
static const struct import_table settings_table;
static const struct import_key settings_keys[] = {
	{ "vnext", BY_UUID, import_one, NULL, &settings_table },
	{ "servers", FOR(TROJAN) | FOR(SHADOWSOCKS) | LOGIN, import_one, NULL, &settings_table },
	{ "users", BY_UUID | LOGIN, import_one, NULL, &settings_table },
	{ "address", FOR(WIREGUARD), import_list, "address", NULL },
	{ "address", 0, import_address, NULL, NULL },
	{ "port", 0, import_port, NULL, NULL },
	{ "id", BY_UUID, import_uuid, NULL, NULL },
	{ "encryption", FOR(VLESS), import_param, "encryption", NULL },
	{ "flow", FOR(VLESS), import_param, "flow", NULL },
	{ "flow", FOR(TROJAN), import_off, NULL, NULL },
	{ "security", FOR(VMESS), import_param, "encryption", NULL },
	{ "alterId", FOR(VMESS), import_param, "alterId", NULL },
	{ "security", FOR(VLESS), import_ignore, NULL, NULL }, /* what a common client leaves there of VMess */
	{ "alterId", FOR(VLESS), import_ignore, NULL, NULL },
	{ "experiments", FOR(VMESS), import_off, NULL, NULL },
	{ "password", FOR(TROJAN) | FOR(SHADOWSOCKS), import_password, NULL, NULL },
	{ "method", FOR(SHADOWSOCKS), import_method, NULL, NULL },
	{ "uot", FOR(SHADOWSOCKS), import_off, NULL, NULL },
	{ "UoT", FOR(SHADOWSOCKS), import_off, NULL, NULL },
	{ "UoTVersion", FOR(SHADOWSOCKS), import_ignore, NULL, NULL },
	{ "uotVersion", FOR(SHADOWSOCKS), import_ignore, NULL, NULL },
	{ "ivCheck", FOR(SHADOWSOCKS), import_ignore, NULL, NULL },
	{ "ota", FOR(SHADOWSOCKS), import_off, NULL, NULL },
	{ "user", LOGIN, import_user, NULL, NULL },
	{ "pass", LOGIN, import_password, NULL, NULL },
	{ "headers", FOR(HTTP), import_off, NULL, NULL },
	{ "version", FOR(HYSTERIA2), read_version, NULL, NULL },
	{ "version", FOR(SOCKS), import_off, NULL, NULL },
	{ "secretKey", FOR(WIREGUARD), import_password, NULL, NULL },
	{ "peers", FOR(WIREGUARD), import_one, NULL, &peer_table },
	{ "mtu", FOR(WIREGUARD), import_param, "mtu", NULL },
	{ "reserved", FOR(WIREGUARD), import_list, "reserved", NULL },
	{ "noKernelTun", FOR(WIREGUARD), import_ignore, NULL, NULL },
	{ "kernelMode", FOR(WIREGUARD), import_ignore, NULL, NULL },
	{ "workers", FOR(WIREGUARD), import_ignore, NULL, NULL },
	{ "domainStrategy", FOR(WIREGUARD), import_ignore, NULL, NULL },
	{ "email", 0, import_param, "email", NULL },
	{ "level", 0, import_ignore, NULL, NULL },
	{ "userLevel", 0, import_ignore, NULL, NULL },
};
static const struct import_table settings_table = { settings_keys, sizeof(settings_keys) / sizeof(*settings_keys) };

/* ---- security ---- */
static const struct import_key tls_keys[] = {
	{ "serverName", 0, import_param, "sni", NULL },
	{ "alpn", 0, import_list, "alpn", NULL },
	{ "fingerprint", 0, import_param, "fp", NULL },
	{ "allowInsecure", 0, import_param, "allowInsecure", NULL },
	{ "pinnedPeerCertSha256", 0, import_list, "pcs", NULL },
	{ "verifyPeerCertByName", 0, import_list, "vcn", NULL },
	{ "echConfigList", 0, import_param, "ech", NULL },
	{ "certificates", 0, import_off, NULL, NULL },
	{ "disableSystemRoot", 0, import_off, NULL, NULL },
	{ "enableSessionResumption", 0, import_ignore, NULL, NULL },
	{ "disableSessionResumption", 0, import_ignore, NULL, NULL },
	{ "masterKeyLog", 0, import_ignore, NULL, NULL },
	{ "rejectUnknownSni", 0, import_ignore, NULL, NULL },
	{ "allowInsecureCiphers", 0, import_off, NULL, NULL },
	{ "show", 0, import_ignore, NULL, NULL },
};
IMPORT_TABLE(tls);
static const struct import_key reality_keys[] = {
	{ "serverName", 0, import_param, "sni", NULL },
	{ "fingerprint", 0, import_param, "fp", NULL },
	{ "publicKey", 0, import_param, "pbk", NULL },
	{ "password", 0, import_param, "publicKey", NULL },
	{ "shortId", 0, import_param, "sid", NULL },
	{ "spiderX", 0, import_param, "spx", NULL },
	{ "mldsa65Verify", 0, import_param, "pqv", NULL },
	{ "show", 0, import_ignore, NULL, NULL },
	{ "masterKeyLog", 0, import_ignore, NULL, NULL },
};
IMPORT_TABLE(reality);

static IMPORT_READER(read_tls)
{
	if (im->r.n->security.v == NODE_TLS)
		import_sub(im, v, key);
}

static IMPORT_READER(read_reality)
{
	if (im->r.n->security.v == NODE_REALITY)
		import_sub(im, v, key);
}

/* ---- transports ---- */
/* The same header a link can say: type, path and Host. Whatever else it has goes along as it is. */
static IMPORT_READER(read_tcp_header)
{
	static const struct import_key type = { .name = "header.type", .param = "headerType" };
	static const struct import_key path = { .name = "header.request.path", .param = "path" };
	static const struct import_key host = { .name = "header.request.headers.Host", .param = "host" };
	const struct value *request = import_get(v, "request"), *headers = import_get(request, "headers");
	bool is_http = str_is_nocase(value_get_str(v, "type"), "http");
	uint32_t known = (import_get(v, "type") != NULL) + (request != NULL);
	uint32_t known_request = (import_get(request, "path") != NULL) + (headers != NULL);

	/* Proxies that have no transports are written with "none" too (export --format xray), and know no such parameter. */
	if (import_get(v, "type") && !(1u << im->r.n->protocol.v & LOGIN && str_is_nocase(value_get_str(v, "type"), "none")))
		import_param(im, import_get(v, "type"), &type);
	if (!is_http)
		return;
	if (import_get(request, "path"))
		import_list(im, import_get(request, "path"), &path);
	if (import_get(headers, "Host"))
		import_list(im, import_get(headers, "Host"), &host);
	if (v->n_members > known || (request && request->n_members > known_request) ||
	    (headers && headers->n_members > (import_get(headers, "Host") != NULL)))
		import_tuning(im, v, key);
}

static IMPORT_READER(read_kcp_header)
{
	static const struct import_key type = { .name = "header.type", .param = "headerType" };

	if (import_get(v, "type"))
		import_param(im, import_get(v, "type"), &type);
	if (import_get(v, "domain"))
		import_unknown(im, "header.domain", import_get(v, "domain"));
	(void)key;
}

static IMPORT_READER(read_multi_mode)
{
	(void)key;
	if (import_is_true(v))
		param_read(&im->r, STR("mode"), STR("multi"));
}

static const struct import_key tcp_keys[] = {
	{ "header", 0, read_tcp_header, NULL, NULL },
	{ "acceptProxyProtocol", 0, import_ignore, NULL, NULL },
};
IMPORT_TABLE(tcp);
static const struct import_key ws_keys[] = {
	{ "path", 0, import_param, "path", NULL },
	{ "host", 0, import_param, "host", NULL },
	{ "headers", 0, import_ignore, NULL, NULL }, /* after host */
	{ "maxEarlyData", 0, import_param, "ed", NULL },
	{ "earlyDataHeaderName", 0, import_param, "eh", NULL },
	{ "heartbeatPeriod", 0, import_tuning, NULL, NULL },
	{ "acceptProxyProtocol", 0, import_ignore, NULL, NULL },
	{ "useBrowserForwarding", 0, import_off, NULL, NULL },
};
IMPORT_TABLE(ws);
static const struct import_key grpc_keys[] = {
	{ "serviceName", 0, import_param, "serviceName", NULL },
	{ "authority", 0, import_param, "authority", NULL },
	{ "multiMode", 0, read_multi_mode, NULL, NULL },
	{ "idle_timeout", 0, import_tuning, NULL, NULL },
	{ "health_check_timeout", 0, import_tuning, NULL, NULL },
	{ "permit_without_stream", 0, import_tuning, NULL, NULL },
	{ "initial_windows_size", 0, import_tuning, NULL, NULL },
	{ "user_agent", 0, import_tuning, NULL, NULL },
};
IMPORT_TABLE(grpc);
static const struct import_key kcp_keys[] = {
	{ "header", 0, read_kcp_header, NULL, NULL },
	{ "seed", 0, import_param, "seed", NULL },
	{ "mtu", 0, import_tuning, NULL, NULL },
	{ "tti", 0, import_tuning, NULL, NULL },
	{ "uplinkCapacity", 0, import_tuning, NULL, NULL },
	{ "downlinkCapacity", 0, import_tuning, NULL, NULL },
	{ "congestion", 0, import_tuning, NULL, NULL },
	{ "readBufferSize", 0, import_tuning, NULL, NULL },
	{ "writeBufferSize", 0, import_tuning, NULL, NULL },
	{ "cwndMultiplier", 0, import_tuning, NULL, NULL },
	{ "maxSendingWindow", 0, import_tuning, NULL, NULL },
};
IMPORT_TABLE(kcp);
static const struct import_key xhttp_keys[] = {
	{ "headers", 0, import_ignore, NULL, NULL }, /* after host */
	{ "extra", 0, import_ignore, NULL, NULL },
	{ "path", 0, import_param, "path", NULL },
	{ "host", 0, import_param, "host", NULL },
	{ "mode", 0, import_param, "mode", NULL },
};
IMPORT_TABLE(xhttp);
static const struct import_key hysteria_keys[] = {
	{ "version", 0, read_version, NULL, NULL },
	{ "auth", 0, import_password, NULL, NULL },
	{ "udpIdleTimeout", 0, import_ignore, NULL, NULL },
};
IMPORT_TABLE(hysteria);

/* Where "extra" stands, Xray takes it for all but host, path and mode; without it the flat members mean the same. */
static void read_xhttp(struct import *im, const struct value *v)
{
	static const struct import_key extra = { .name = "extra", .param = "extra" };
	const struct value *own = import_get(v, "extra");
	struct value known = value_object(v->span);

	for (uint32_t i = 0; i < v->n_members; i++) {
		const struct member *m = &v->members[i];
		const char *name = arena_memdup(im->r.a, m->key, m->key_len);
		if (import_knows(im, &xhttp_table, member_key(m)))
			value_put(im->r.a, &known, name, m->value);
		else if (!own && m->value.kind != VAL_NULL)
			value_put(im->r.a, &im->tuning, name, m->value);
	}
	import_walk(im, &known, &xhttp_table);
	if (own)
		import_object(im, own, &extra);
}

static const struct {
	const char *name;
	enum node_transport transport;
	const struct import_table *table; /* NULL: xhttp */
} transports[] = {
	{ "rawSettings", NODE_TCP, &tcp_table },   { "tcpSettings", NODE_TCP, &tcp_table },
	{ "wsSettings", NODE_WS, &ws_table },      { "grpcSettings", NODE_GRPC, &grpc_table },
	{ "kcpSettings", NODE_KCP, &kcp_table },   { "httpupgradeSettings", NODE_HTTPUPGRADE, &ws_table },
	{ "xhttpSettings", NODE_XHTTP, NULL },     { "splithttpSettings", NODE_XHTTP, NULL },
};

/* The settings of the transport in use; those of others are for show. */
static IMPORT_READER(read_transport)
{
	const char *outer = im->prefix;
	size_t i = 0;

	while (!str_is(str_of(key->name), transports[i].name))
		i++;
	if (im->r.n->transport.v != transports[i].transport || v->kind != VAL_OBJECT)
		return;
	im->prefix = arena_printf(im->r.a, "%s%s.", outer, key->name);
	if (transports[i].table)
		import_walk(im, v, transports[i].table);
	else
		read_xhttp(im, v);
	if (import_get(v, "headers") && transports[i].transport != NODE_GRPC && transports[i].transport != NODE_TCP)
		import_headers(im, import_get(v, "headers"));
	im->prefix = outer;
}

static const struct import_key sockopt_keys[] = {
	{ "dialerProxy", 0, import_off, NULL, NULL },
	{ "customSockopt", 0, import_off, NULL, NULL },
};
IMPORT_TABLE(sockopt);

/* The rest of it is for this machine to decide. */
static IMPORT_READER(read_sockopt)
{
	struct value known = value_object(v->span);

	for (uint32_t i = 0; v->kind == VAL_OBJECT && i < v->n_members; i++)
		if (import_knows(im, &sockopt_table, member_key(&v->members[i])))
			value_put(im->r.a, &known, arena_memdup(im->r.a, v->members[i].key, v->members[i].key_len),
				  v->members[i].value);
	import_walk_in(im, &known, &sockopt_table, key->name);
}

static const struct import_key stream_keys[] = {
	{ "network", 0, import_ignore, NULL, NULL }, /* read first */
	{ "method", 0, import_ignore, NULL, NULL },
	{ "security", 0, import_ignore, NULL, NULL },
	{ "tlsSettings", 0, read_tls, NULL, &tls_table },
	{ "realitySettings", 0, read_reality, NULL, &reality_table },
	{ "xtlsSettings", 0, import_ignore, NULL, NULL },
	{ "rawSettings", 0, read_transport, NULL, NULL },
	{ "tcpSettings", 0, read_transport, NULL, NULL },
	{ "wsSettings", 0, read_transport, NULL, NULL },
	{ "grpcSettings", 0, read_transport, NULL, NULL },
	{ "kcpSettings", 0, read_transport, NULL, NULL },
	{ "httpupgradeSettings", 0, read_transport, NULL, NULL },
	{ "xhttpSettings", 0, read_transport, NULL, NULL },
	{ "splithttpSettings", 0, read_transport, NULL, NULL },
	{ "httpSettings", 0, import_ignore, NULL, NULL },
	{ "quicSettings", 0, import_ignore, NULL, NULL },
	{ "dsSettings", 0, import_ignore, NULL, NULL },
	{ "hysteriaSettings", FOR(HYSTERIA2), import_sub, NULL, &hysteria_table },
	{ "hysteriaSettings", 0, import_ignore, NULL, NULL },
	{ "finalmask", 0, import_object, "fm", NULL },
	{ "sockopt", 0, read_sockopt, NULL, NULL },
};
IMPORT_TABLE(stream);

/* Protocols without a choice of transport: tcp, or hysteria's own. */
static void read_network(struct import *im, const struct value *v)
{
	static const char *const plain[] = { "tcp", "raw" }, *const own[] = { "hysteria" };
	bool hysteria = im->r.n->protocol.v == NODE_HYSTERIA2;
	struct str text;

	if (!v || !import_scalar(im, v, &text))
		return;
	if (1u << im->r.n->protocol.v & (BY_UUID | FOR(TROJAN) | FOR(SHADOWSOCKS)))
		param_read(&im->r, STR("type"), text);
	else if (text.len && !import_is_one_of(text, hysteria ? own : plain, hysteria ? 1 : 2))
		import_unknown(im, "network", v);
}

static void read_security(struct import *im, const struct value *v)
{
	struct str text = STR("");
	bool choice = 1u << im->r.n->protocol.v & (BY_UUID | FOR(TROJAN) | FOR(SHADOWSOCKS));
	bool tls;

	if (v && !import_scalar(im, v, &text))
		return;
	tls = str_is_nocase(text, "tls");
	if (choice)
		param_read(&im->r, STR("security"), text);
	else if (tls && 1u << im->r.n->protocol.v & (FOR(HTTP) | FOR(HYSTERIA2)))
		node_num(&im->r.n->security, NODE_TLS, im->r.at);
	else if (text.len && !str_is_nocase(text, "none"))
		import_unknown(im, "security", v);
}

static IMPORT_READER(read_stream)
{
	const char *outer = im->prefix;

	if (v->kind != VAL_OBJECT) {
		import_unknown(im, key->name, v);
		return;
	}
	im->prefix = "streamSettings.";
	read_network(im, import_get(v, import_get(v, "method") ? "method" : "network")); /* the newer name wins */
	read_security(im, import_get(v, "security"));
	import_walk(im, v, &stream_table);
	im->prefix = outer;
}

static const struct import_key outbound_keys[] = {
	{ "protocol", 0, import_ignore, NULL, NULL },
	{ "tag", 0, import_name, NULL, NULL },
	{ "settings", 0, import_sub, NULL, &settings_table },
	{ "streamSettings", 0, read_stream, NULL, NULL },
	{ "proxySettings", 0, import_off, NULL, NULL },
	{ "mux", 0, import_ignore, NULL, NULL },
	{ "sendThrough", 0, import_ignore, NULL, NULL },
	{ "targetStrategy", 0, import_ignore, NULL, NULL },
	{ "domainStrategy", 0, import_ignore, NULL, NULL },
};
IMPORT_TABLE(outbound);

int import_xray(struct arena *a, struct diag_sink *sink, const struct value *v, bool lenient, struct node *ret_node)
{
	struct str protocol = value_get_str(v, "protocol");
	size_t n = sizeof(protocols) / sizeof(*protocols), i = 0;
	struct node node = { 0 };
	struct import im;

	if (import_is_one_of(protocol, no_proxies, sizeof(no_proxies) / sizeof(*no_proxies)))
		return 2;
	while (i < n && !str_is_nocase(protocol, protocols[i].name))
		i++;
	if (i == n)
		return import_no_kind(sink, v->span, "outbound");
	import_begin(&im, a, sink, v->span, lenient, "outbound", &node);
	import_protocol(&im, protocols[i].protocol);
	import_walk(&im, v, &outbound_table);
	if (import_end(&im))
		return 1;
	*ret_node = node;
	return 0;
}
