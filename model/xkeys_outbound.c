/* Rows of an outbound and of the settings of every outbound protocol. Those with one server have two forms: flat, with
 * the address in the settings themselves, and nested (servers, vnext), where Xray takes exactly one. */
#include "model/xkeys_tables.h"

#define FLAT NO_V2RAY
#define FLAT_FLAGS XK_REPORTED

extern const struct xnames xn_ss_methods, xn_vmess_securities;
extern const struct xtable xt_wireguard_out;

static const struct xname strategy_rows[] = {
	{ .name = "AsIs" }, { .name = "UseIP" }, { .name = "UseIPv4" }, { .name = "UseIPv6" },
	{ .name = "UseIPv4v6", .lacks = TARGET_BIT_V2RAY_4_34 },
	{ .name = "UseIPv6v4", .lacks = TARGET_BIT_V2RAY_4_34 },
	{ .name = "ForceIP", .lacks = TARGET_BIT_V2RAY_4_34 },
	{ .name = "ForceIPv4", .lacks = TARGET_BIT_V2RAY_4_34 },
	{ .name = "ForceIPv6", .lacks = TARGET_BIT_V2RAY_4_34 },
	{ .name = "ForceIPv4v6", .lacks = TARGET_BIT_V2RAY_4_34 },
	{ .name = "ForceIPv6v4", .lacks = TARGET_BIT_V2RAY_4_34 },
	{ .name = "", .hidden = true },
};
const struct xnames xn_strategies = { ROWS_OF(strategy_rows) };

static const struct xkey out_user_rows[] = {
	KEY("user", XT_STR, .flags = XK_PUBLIC),
	KEY("pass", XT_STR, .flags = XK_SECRET),
	KEY("level", XT_INT, U32),
	KEY("email", XT_STR),
};
static const struct xtable out_user_table = { "server-account", "an account", TABLE_OF(out_user_rows) };
static const struct xkey plain_server_rows[] = {
	KEY("address", XT_STR, .flags = XK_REQUIRED),
	KEY("port", XT_PORT, .flags = XK_NONZERO | XK_REQUIRED),
	KEY("users", XT_OBJS, .sub = &out_user_table, .flags = XK_ONE),
};
static const struct xtable plain_server_table = { "server-plain", "a server", TABLE_OF(plain_server_rows) };
static const struct xneed servers_needs[] = { NEED(NULL, "address", "servers"), NEED("address", "port") };
#define PLAIN_ROWS                                                                                     \
	KEY("address", XT_STR, FLAT, .flags = FLAT_FLAGS, .beats = "servers"),                         \
		KEY("port", XT_PORT, FLAT, .flags = FLAT_FLAGS | XK_NONZERO),                          \
		KEY("user", XT_STR, FLAT, .flags = FLAT_FLAGS | XK_PUBLIC),                            \
		KEY("pass", XT_STR, FLAT, .flags = FLAT_FLAGS | XK_SECRET),                            \
		KEY("level", XT_INT, U32, FLAT, .flags = FLAT_FLAGS),                                  \
		KEY("email", XT_STR, FLAT, .flags = FLAT_FLAGS),                                       \
		KEY("servers", XT_OBJS, .sub = &plain_server_table, .flags = XK_ONE | XK_NESTED)
static const struct xkey socks_rows[] = {
	PLAIN_ROWS,
	KEY("version", XT_STR, NOBODY, .advice = "remove it: Xray speaks SOCKS5"),
};
static const struct xtable socks_table = { "socks-out", "settings of a socks outbound", TABLE_OF(socks_rows),
	NEEDS_OF(servers_needs) };
static const struct xkey http_rows[] = {
	PLAIN_ROWS,
	KEY("headers", XT_MAP_STR, ONLY_XRAY),
};
static const struct xtable http_table = { "http-out", "settings of an http outbound", TABLE_OF(http_rows),
	NEEDS_OF(servers_needs) };

static const struct xkey ss_server_rows[] = {
	KEY("address", XT_STR, .flags = XK_REQUIRED),
	KEY("port", XT_PORT, .flags = XK_NONZERO | XK_REQUIRED),
	KEY("method", XT_ENUM, .names = &xn_ss_methods, .flags = XK_REQUIRED),
	KEY("password", XT_STR, .flags = XK_SECRET | XK_REQUIRED),
	KEY("level", XT_INT, U8),
	KEY("email", XT_STR),
	KEY("ota", XT_BOOL, ONLY_V2RAY, .advice = "remove it"),
	KEY("uot", XT_BOOL, NOBODY, .advice = "remove it"),
	KEY("ivCheck", XT_BOOL, NOBODY, .advice = "remove it"),
};
static const struct xtable ss_server_table = { "shadowsocks-server", "a shadowsocks server", TABLE_OF(ss_server_rows) };
static const struct xkey ss_rows[] = {
	KEY("address", XT_STR, FLAT, .flags = FLAT_FLAGS, .beats = "servers"),
	KEY("port", XT_PORT, FLAT, .flags = FLAT_FLAGS | XK_NONZERO),
	KEY("method", XT_ENUM, .names = &xn_ss_methods, FLAT, .flags = FLAT_FLAGS),
	KEY("password", XT_STR, FLAT, .flags = FLAT_FLAGS | XK_SECRET),
	KEY("level", XT_INT, U8, FLAT, .flags = FLAT_FLAGS),
	KEY("email", XT_STR, FLAT, .flags = FLAT_FLAGS),
	KEY("servers", XT_OBJS, .sub = &ss_server_table, .flags = XK_ONE | XK_NESTED),
};
static const struct xneed ss_needs[] = {
	NEED(NULL, "address", "servers"), NEED("address", "port"), NEED("address", "method"),
	NEED("address", "password"),
};
static const struct xtable ss_table = { "shadowsocks-out", "settings of a shadowsocks outbound", TABLE_OF(ss_rows),
	NEEDS_OF(ss_needs) };

#define NO_FLOW NOBODY, .flags = XK_REFUSED | XK_EMPTY_OK, .advice = "Trojan has no flow: use VLESS"
static const struct xkey trojan_server_rows[] = {
	KEY("address", XT_STR, .flags = XK_REQUIRED),
	KEY("port", XT_PORT, .flags = XK_NONZERO | XK_REQUIRED),
	KEY("password", XT_STR, .flags = XK_SECRET | XK_REQUIRED),
	KEY("level", XT_INT, U8),
	KEY("email", XT_STR),
	KEY("flow", XT_STR, NO_FLOW),
};
static const struct xtable trojan_server_table = { "trojan-server", "a Trojan server", TABLE_OF(trojan_server_rows) };
static const struct xkey trojan_rows[] = {
	KEY("address", XT_STR, FLAT, .flags = FLAT_FLAGS, .beats = "servers"),
	KEY("port", XT_PORT, FLAT, .flags = FLAT_FLAGS | XK_NONZERO),
	KEY("password", XT_STR, FLAT, .flags = FLAT_FLAGS | XK_SECRET),
	KEY("level", XT_INT, U8, FLAT, .flags = FLAT_FLAGS),
	KEY("email", XT_STR, FLAT, .flags = FLAT_FLAGS),
	KEY("flow", XT_STR, NO_FLOW),
	KEY("servers", XT_OBJS, .sub = &trojan_server_table, .flags = XK_ONE | XK_NESTED),
};
static const struct xneed trojan_needs[] = {
	NEED(NULL, "address", "servers"), NEED("address", "port"), NEED("address", "password"),
};
static const struct xtable trojan_table = { "trojan-out", "settings of a trojan outbound", TABLE_OF(trojan_rows),
	NEEDS_OF(trojan_needs) };

static const struct xname flow_rows[] = {
	{ .name = "xtls-rprx-vision" }, { .name = "xtls-rprx-vision-udp443" }, { .name = "", .hidden = true },
	{ .name = "none", .lacks = TARGET_BITS_ALL, .advice = "leave 'flow' out" },
	{ .name = "xtls-rprx-direct", .lacks = TARGET_BITS_ALL, .advice = "use xtls-rprx-vision" },
	{ .name = "xtls-rprx-splice", .lacks = TARGET_BITS_ALL, .advice = "use xtls-rprx-vision" },
	{ .name = "xtls-rprx-origin", .lacks = TARGET_BITS_ALL, .advice = "use xtls-rprx-vision" },
};
static const struct xnames flows = { ROWS_OF(flow_rows), .exact = true };
static const struct xkey vless_user_rows[] = {
	KEY("id", XT_STR, .format = XF_UUID, .flags = XK_SECRET | XK_REQUIRED),
	KEY("encryption", XT_STR, .format = XF_ENCRYPTION, .flags = XK_REQUIRED),
	KEY("flow", XT_ENUM, .names = &flows),
	KEY("level", XT_INT, U32),
	KEY("email", XT_STR),
	KEY("testpre", XT_INT, U32, NO_V2RAY),
	KEY("testseed", XT_INTS, U32, NO_V2RAY),
	KEY("reverse", XT_ANY, NOBODY, .flags = XK_REFUSED,
	    .advice = "write the address, the id and 'reverse' into 'settings' itself"),
	KEY("alterId", XT_ANY, NOBODY, .advice = "remove it: it belongs to VMess"),
	KEY("security", XT_ANY, NOBODY, .advice = "remove it: it belongs to VMess"),
};
static const struct xtable vless_user_table = { "vless-account", "a VLESS user", TABLE_OF(vless_user_rows) };
static const struct xkey vless_server_rows[] = {
	KEY("address", XT_STR, .flags = XK_REQUIRED),
	KEY("port", XT_PORT, .flags = XK_NONZERO | XK_REQUIRED),
	KEY("users", XT_OBJS, .sub = &vless_user_table, .flags = XK_ONE | XK_REQUIRED),
};
static const struct xtable vless_server_table = { "vless-server", "a VLESS server", TABLE_OF(vless_server_rows) };
static const struct xkey vless_reverse_rows[] = {
	KEY("tag", XT_STR, .flags = XK_REQUIRED),
	KEY("sniffing", XT_OBJ, .sub = &xt_sniffing),
};
static const struct xtable vless_reverse_table = { "vless-reverse", "reverse of a vless outbound",
	TABLE_OF(vless_reverse_rows) };
static const struct xkey vless_rows[] = {
	KEY("address", XT_STR, FLAT, .flags = FLAT_FLAGS, .beats = "vnext"),
	KEY("port", XT_PORT, FLAT, .flags = FLAT_FLAGS | XK_NONZERO),
	KEY("id", XT_STR, .format = XF_UUID, FLAT, .flags = FLAT_FLAGS | XK_SECRET),
	KEY("encryption", XT_STR, .format = XF_ENCRYPTION, FLAT, .flags = FLAT_FLAGS),
	KEY("flow", XT_ENUM, .names = &flows, FLAT, .flags = FLAT_FLAGS),
	KEY("level", XT_INT, U32, FLAT, .flags = FLAT_FLAGS),
	KEY("email", XT_STR, FLAT, .flags = FLAT_FLAGS),
	KEY("reverse", XT_OBJ, .sub = &vless_reverse_table, FLAT, .flags = FLAT_FLAGS),
	KEY("seed", XT_STR, FLAT, .flags = FLAT_FLAGS | XK_SECRET),
	KEY("testpre", XT_INT, U32, FLAT, .flags = FLAT_FLAGS),
	KEY("testseed", XT_INTS, U32, FLAT, .flags = FLAT_FLAGS),
	KEY("vnext", XT_OBJS, .sub = &vless_server_table, .flags = XK_ONE | XK_NESTED),
};
static const struct xneed vless_needs[] = {
	NEED(NULL, "address", "vnext"), NEED("address", "port"), NEED("address", "id"),
	NEED("address", "encryption"),
};
static const struct xtable vless_table = { "vless-out", "settings of a vless outbound", TABLE_OF(vless_rows),
	NEEDS_OF(vless_needs) };

static const struct xkey vmess_user_rows[] = {
	KEY("id", XT_STR, .format = XF_UUID, .flags = XK_SECRET | XK_REQUIRED),
	KEY("security", XT_ENUM, .names = &xn_vmess_securities),
	KEY("level", XT_INT, U32),
	KEY("email", XT_STR),
	KEY("experiments", XT_STR, NO_V2RAY),
	KEY("alterId", XT_INT, U16, ONLY_V2RAY, .advice = "remove it: only AEAD (0) is left"),
};
static const struct xtable vmess_user_table = { "vmess-account", "a VMess user", TABLE_OF(vmess_user_rows) };
static const struct xkey vmess_server_rows[] = {
	KEY("address", XT_STR, .flags = XK_REQUIRED),
	KEY("port", XT_PORT, .flags = XK_NONZERO | XK_REQUIRED),
	KEY("users", XT_OBJS, .sub = &vmess_user_table, .flags = XK_ONE | XK_REQUIRED),
};
static const struct xtable vmess_server_table = { "vmess-server", "a VMess server", TABLE_OF(vmess_server_rows) };
static const struct xkey vmess_rows[] = {
	KEY("address", XT_STR, FLAT, .flags = FLAT_FLAGS, .beats = "vnext"),
	KEY("port", XT_PORT, FLAT, .flags = FLAT_FLAGS | XK_NONZERO),
	KEY("id", XT_STR, .format = XF_UUID, FLAT, .flags = FLAT_FLAGS | XK_SECRET),
	KEY("security", XT_ENUM, .names = &xn_vmess_securities, FLAT, .flags = FLAT_FLAGS),
	KEY("level", XT_INT, U32, FLAT, .flags = FLAT_FLAGS),
	KEY("email", XT_STR, FLAT, .flags = FLAT_FLAGS),
	KEY("experiments", XT_STR, FLAT, .flags = FLAT_FLAGS),
	KEY("vnext", XT_OBJS, .sub = &vmess_server_table, .flags = XK_ONE | XK_NESTED),
};
static const struct xneed vmess_needs[] = {
	NEED(NULL, "address", "vnext"), NEED("address", "port"), NEED("address", "id"),
};
static const struct xtable vmess_table = { "vmess-out", "settings of a vmess outbound", TABLE_OF(vmess_rows),
	NEEDS_OF(vmess_needs) };

static const struct xkey fragment_rows[] = {
	KEY("packets", XT_STR, .format = XF_PACKETS),
	KEY("length", XT_RANGE, .lo = 1, .hi = INT32_MAX, .flags = XK_REQUIRED),
	KEY("interval", XT_RANGE, .flags = XK_REQUIRED),
	KEY("maxSplit", XT_RANGE),
};
static const struct xtable fragment_table = { "freedom-fragment", "fragment", TABLE_OF(fragment_rows) };
static const struct xname noise_type_rows[] = { { .name = "rand" }, { .name = "str" }, { .name = "hex" },
	{ .name = "base64" } };
static const struct xnames noise_types = { ROWS_OF(noise_type_rows), .exact = true };
static const struct xname apply_rows[] = {
	{ .name = "ip" }, { .name = "ipv4" }, { .name = "ipv6" }, { .name = "all", .hidden = true },
	{ .name = "", .hidden = true },
};
static const struct xnames applies = { ROWS_OF(apply_rows) };
static const struct xkey noise_rows[] = {
	KEY("type", XT_ENUM, .names = &noise_types, .flags = XK_REQUIRED),
	KEY("packet", XT_STR),
	KEY("delay", XT_RANGE),
	KEY("applyTo", XT_ENUM, .names = &applies),
};
static const struct xneed noise_needs[] = { NEED_WITH("type", "rand", "packet") };
static const struct xtable noise_table = { "freedom-noise", "a noise", TABLE_OF(noise_rows), NEEDS_OF(noise_needs) };
static const struct xname final_action_rows[] = { { .name = "allow" }, { .name = "block" } };
static const struct xnames final_actions = { ROWS_OF(final_action_rows) };
static const struct xkey final_rows[] = {
	KEY("action", XT_ENUM, .names = &final_actions, .flags = XK_REQUIRED),
	KEY("network", XT_ENUMLIST, .names = &xn_networks),
	KEY("port", XT_PORTS),
	KEY("ip", XT_STRLIST),
	KEY("blockDelay", XT_RANGE),
};
static const struct xtable final_table = { "freedom-final-rule", "a final rule", TABLE_OF(final_rows) };
static const struct xkey freedom_rows[] = {
	KEY("targetStrategy", XT_ENUM, .names = &xn_strategies, NO_V2RAY, .beats = "domainStrategy",
	    .flags = XK_MATTERS, .advice = "it is called 'domainStrategy' there"),
	KEY("domainStrategy", XT_ENUM, .names = &xn_strategies),
	KEY("redirect", XT_STR, .format = XF_REDIRECT),
	KEY("userLevel", XT_INT, U32),
	KEY("fragment", XT_OBJ, .sub = &fragment_table, ONLY_XRAY),
	KEY("noises", XT_OBJS, .sub = &noise_table, ONLY_XRAY),
	KEY("proxyProtocol", XT_INT, .lo = 0, .hi = 2, ONLY_XRAY),
	KEY("finalRules", XT_OBJS, .sub = &final_table, ONLY_26_7, .flags = XK_MATTERS),
	KEY("noise", XT_ANY, NOBODY, .flags = XK_REFUSED, .advice = "use a list, 'noises'"),
	KEY("ipsBlocked", XT_STRLIST, ONLY_26_2,
	    .advice = "write 'finalRules': [{\"action\": \"block\", \"ip\": [...]}]"),
	KEY("timeout", XT_INT, U32, ONLY_V2RAY, .advice = "set 'connIdle' of the policy level"),
};
static const struct xtable freedom_table = { "freedom", "settings of a freedom outbound", TABLE_OF(freedom_rows) };

static const struct xname response_rows[] = { { .name = "none" }, { .name = "http" } };
static const struct xnames responses = { ROWS_OF(response_rows) };
static const struct xkey response_keys[] = {
	KEY("type", XT_ENUM, .names = &responses, .flags = XK_REQUIRED),
};
static const struct xtable response_table = { "blackhole-response", "response", TABLE_OF(response_keys) };
static const struct xkey blackhole_rows[] = { KEY("response", XT_OBJ, .sub = &response_table) };
static const struct xtable blackhole_table = { "blackhole", "settings of a blackhole outbound",
	TABLE_OF(blackhole_rows) };

static const struct xname dns_action_rows[] = { { .name = "direct" }, { .name = "drop" }, { .name = "return" },
	{ .name = "hijack" } };
static const struct xnames dns_actions = { ROWS_OF(dns_action_rows) };
static const struct xkey dns_rule_rows[] = {
	KEY("action", XT_ENUM, .names = &dns_actions, .flags = XK_REQUIRED),
	KEY("qType", XT_PORTS),
	KEY("domain", XT_STRLIST),
	KEY("rCode", XT_INT, U16),
};
static const struct xtable dns_rule_table = { "dns-out-rule", "a rule of a dns outbound", TABLE_OF(dns_rule_rows) };
static const struct xname non_ip_rows[] = { { .name = "reject" }, { .name = "drop" }, { .name = "skip" },
	{ .name = "", .hidden = true } };
static const struct xnames non_ips = { ROWS_OF(non_ip_rows), .exact = true };
static const struct xkey dns_rows[] = {
	KEY("network", XT_ENUM, .names = &xn_network_one, .beats = "rewriteNetwork"),
	KEY("address", XT_STR, .beats = "rewriteAddress"),
	KEY("port", XT_PORT, .beats = "rewritePort"),
	KEY("rewriteNetwork", XT_ENUM, .names = &xn_network_one, NO_26_2, .flags = XK_MATTERS,
	    .advice = "it is called 'network' there"),
	KEY("rewriteAddress", XT_STR, NO_26_2, .flags = XK_MATTERS, .advice = "it is called 'address' there"),
	KEY("rewritePort", XT_PORT, NO_26_2, .flags = XK_MATTERS, .advice = "it is called 'port' there"),
	KEY("userLevel", XT_INT, U32, NO_V2RAY),
	KEY("rules", XT_OBJS, .sub = &dns_rule_table, NO_26_2, .flags = XK_MATTERS),
	KEY("nonIPQuery", XT_ENUM, .names = &non_ips, NO_V2RAY),
	KEY("blockTypes", XT_INTS, U16, NO_V2RAY),
};
static const struct xtable dns_table = { "dns-out", "settings of a dns outbound", TABLE_OF(dns_rows) };

static const struct xkey loopback_rows[] = {
	KEY("inboundTag", XT_STR),
	KEY("sniffing", XT_OBJ, .sub = &xt_sniffing, ONLY_26_7),
};
static const struct xtable loopback_table = { "loopback", "settings of a loopback outbound", TABLE_OF(loopback_rows) };
static const struct xkey hysteria_rows[] = {
	KEY("version", XT_INT, .lo = 2, .hi = 2, .flags = XK_REQUIRED),
	KEY("address", XT_STR, .flags = XK_REQUIRED),
	KEY("port", XT_PORT, .flags = XK_NONZERO | XK_REQUIRED),
};
static const struct xtable hysteria_table = { "hysteria-out", "settings of a hysteria outbound",
	TABLE_OF(hysteria_rows) };

static const struct xvariant outbound_variants[] = {
	{ "freedom", &freedom_table },   { "direct", &freedom_table },
	{ "blackhole", &blackhole_table }, { "block", &blackhole_table },
	{ "dns", &dns_table },           { "loopback", &loopback_table },
	{ "socks", &socks_table },       { "http", &http_table },
	{ "shadowsocks", &ss_table },    { "vless", &vless_table },
	{ "vmess", &vmess_table },       { "trojan", &trojan_table },
	{ "hysteria", &hysteria_table }, { "wireguard", &xt_wireguard_out },
};
const struct xvariants xv_outbound = { .by = "protocol", ROWS_OF(outbound_variants) };

static const struct xkey proxy_rows[] = {
	KEY("tag", XT_STR, .flags = XK_REQUIRED),
	KEY("transportLayer", XT_BOOL, NO_V2RAY),
};
static const struct xtable proxy_table = { "proxy-settings", "proxySettings", TABLE_OF(proxy_rows) };
static const struct xname udp443_rows[] = { { .name = "reject" }, { .name = "allow" }, { .name = "skip" },
	{ .name = "", .hidden = true } };
static const struct xnames udp443 = { ROWS_OF(udp443_rows), .exact = true };
static const struct xkey mux_rows[] = {
	KEY("enabled", XT_BOOL),
	KEY("concurrency", XT_INT, I16),
	KEY("xudpConcurrency", XT_INT, I16, NO_V2RAY),
	KEY("xudpProxyUDP443", XT_ENUM, .names = &udp443, NO_V2RAY),
};
static const struct xtable mux_table = { "mux", "mux", TABLE_OF(mux_rows) };
static const struct xname outbound_protocol_rows[] = {
	{ .name = "freedom" },
	{ .name = "direct", .lacks = TARGET_BIT_V2RAY_4_34, .advice = "it is called freedom there" },
	{ .name = "blackhole" },
	{ .name = "block", .lacks = TARGET_BIT_V2RAY_4_34, .advice = "it is called blackhole there" },
	{ .name = "dns" }, { .name = "loopback", .lacks = TARGET_BIT_V2RAY_4_34 }, { .name = "socks" },
	{ .name = "http" }, { .name = "shadowsocks", NO_BUILTIN, .reported = true },
	{ .name = "vless", NO_BUILTIN, .reported = true }, { .name = "vmess", NO_BUILTIN, .reported = true },
	{ .name = "trojan", NO_BUILTIN, .reported = true }, { .name = "hysteria", ONLY_XRAY, .reported = true },
	{ .name = "wireguard", ONLY_XRAY, .reported = true },
	{ .name = "mtproto", ONLY_V2RAY, .advice = "it is gone" },
};
static const struct xnames outbound_protocols = { ROWS_OF(outbound_protocol_rows) };
static const struct xkey outbound_rows[] = {
	KEY("tag", XT_STR),
	KEY("protocol", XT_ENUM, .names = &outbound_protocols, .flags = XK_REQUIRED),
	KEY("settings", XT_VARIANT, .variants = &xv_outbound, .flags = XK_IMPLIED),
	KEY("streamSettings", XT_OBJ, .sub = &xt_stream),
	KEY("sendThrough", XT_STR, .format = XF_SEND_THROUGH),
	KEY("proxySettings", XT_OBJ, .sub = &proxy_table, NO_BUILTIN),
	KEY("mux", XT_OBJ, .sub = &mux_table, NO_BUILTIN),
	KEY("targetStrategy", XT_ENUM, .names = &xn_strategies, NO_V2RAY),
	KEY("remark", XT_STR, NOBODY, .flags = XK_HARMLESS),
	KEY("remarks", XT_STR, NOBODY, .flags = XK_HARMLESS),
};
const struct xtable xt_outbound = { "outbound", "an outbound", TABLE_OF(outbound_rows) };
