/* Rows of an inbound and of the settings of every inbound protocol. */
#include "model/xkeys_tables.h"

#define RENAMED_CLIENTS NO_26_2, .flags = XK_MATTERS, .advice = "it is called 'clients' there"
#define RENAMED_ACCOUNTS NO_26_2, .flags = XK_MATTERS, .advice = "it is called 'accounts' there"
#define NO_TIMEOUT ONLY_V2RAY, .advice = "set 'connIdle' of the user's policy level"

static const struct xname sniffer_rows[] = {
	{ .name = "http" }, { .name = "tls" },
	{ .name = "quic", .lacks = TARGET_BIT_V2RAY_4_34, .reported = true },
	{ .name = "fakedns", .lacks = TARGET_BIT_V2RAY_4_34 },
	{ .name = "fakedns+others", .lacks = TARGET_BIT_V2RAY_4_34 },
	{ .name = "https", .hidden = true }, { .name = "ssl", .hidden = true },
};
static const struct xnames sniffers = { ROWS_OF(sniffer_rows) };
static const struct xkey sniffing_rows[] = {
	KEY("enabled", XT_BOOL),
	KEY("destOverride", XT_ENUMLIST, .names = &sniffers),
	KEY("domainsExcluded", XT_STRLIST, NO_V2RAY),
	KEY("ipsExcluded", XT_STRLIST, NO_26_2),
	KEY("metadataOnly", XT_BOOL, NO_V2RAY, .flags = XK_REPORTED),
	KEY("routeOnly", XT_BOOL, NO_V2RAY, .flags = XK_REPORTED),
};
const struct xtable xt_sniffing = { "sniffing", "sniffing", TABLE_OF(sniffing_rows) };

static const struct xkey account_rows[] = {
	KEY("user", XT_STR, .flags = XK_PUBLIC),
	KEY("pass", XT_STR, .flags = XK_SECRET),
};
static const struct xtable account_table = { "account", "an account", TABLE_OF(account_rows) };
static const struct xname auth_rows[] = {
	{ .name = "noauth" }, { .name = "password" }, { .name = "", .hidden = true },
};
static const struct xnames auths = { ROWS_OF(auth_rows), .exact = true,
	.silent = "'noauth': anyone who reaches the port may use it" };
static const struct xkey socks_rows[] = {
	KEY("auth", XT_ENUM, .names = &auths),
	KEY("users", XT_OBJS, .sub = &account_table, RENAMED_ACCOUNTS),
	KEY("accounts", XT_OBJS, .sub = &account_table, .beats = "users"),
	KEY("udp", XT_BOOL),
	KEY("ip", XT_STR),
	KEY("userLevel", XT_INT, U32),
	KEY("timeout", XT_INT, U32, NO_TIMEOUT),
};
static const struct xtable socks_table = { "socks-in", "settings of a socks inbound", TABLE_OF(socks_rows) };
static const struct xkey http_rows[] = {
	KEY("users", XT_OBJS, .sub = &account_table, RENAMED_ACCOUNTS),
	KEY("accounts", XT_OBJS, .sub = &account_table, .beats = "users"),
	KEY("allowTransparent", XT_BOOL),
	KEY("userLevel", XT_INT, U32),
	KEY("timeout", XT_INT, U32, NO_TIMEOUT),
};
static const struct xtable http_table = { "http-in", "settings of an http inbound", TABLE_OF(http_rows) };

static const struct xkey tunnel_rows[] = {
	KEY("address", XT_STR, .beats = "rewriteAddress"),
	KEY("port", XT_PORT, .beats = "rewritePort"),
	KEY("network", XT_ENUMLIST, .names = &xn_networks, .beats = "allowedNetwork"),
	KEY("rewriteAddress", XT_STR, NO_26_2, .flags = XK_MATTERS, .advice = "it is called 'address' there"),
	KEY("rewritePort", XT_PORT, NO_26_2, .flags = XK_MATTERS, .advice = "it is called 'port' there"),
	KEY("allowedNetwork", XT_ENUMLIST, .names = &xn_networks, NO_26_2, .flags = XK_MATTERS,
	    .advice = "it is called 'network' there"),
	KEY("portMap", XT_MAP_STR, NO_V2RAY, .format = XF_HOST_PORT, .flags = XK_PUBLIC),
	KEY("followRedirect", XT_BOOL),
	KEY("userLevel", XT_INT, U32),
	KEY("timeout", XT_INT, U32, NO_TIMEOUT),
};
static const struct xtable tunnel_table = { "tunnel-in", "settings of a tunnel inbound", TABLE_OF(tunnel_rows) };

static const struct xname ss_method_rows[] = {
	{ .name = "aes-128-gcm" }, { .name = "aes-256-gcm" }, { .name = "chacha20-ietf-poly1305" },
	{ .name = "xchacha20-ietf-poly1305", .lacks = TARGET_BIT_V2RAY_4_34 },
	{ .name = "2022-blake3-aes-128-gcm", .lacks = TARGET_BIT_V2RAY_4_34 },
	{ .name = "2022-blake3-aes-256-gcm", .lacks = TARGET_BIT_V2RAY_4_34 },
	{ .name = "2022-blake3-chacha20-poly1305", .lacks = TARGET_BIT_V2RAY_4_34 },
	{ .name = "chacha20-poly1305", .hidden = true },
	{ .name = "xchacha20-poly1305", .hidden = true, .lacks = TARGET_BIT_V2RAY_4_34 },
	{ .name = "aead_aes_128_gcm", .hidden = true }, { .name = "aead_aes_256_gcm", .hidden = true },
	{ .name = "aead_chacha20_poly1305", .hidden = true },
	{ .name = "aead_xchacha20_poly1305", .hidden = true, .lacks = TARGET_BIT_V2RAY_4_34 },
	{ .name = "none", .lacks = TARGET_BIT_XRAY_26_7 | TARGET_BIT_BUILTIN,
	  .advice = "it sent everything in the clear; use 2022-blake3-aes-128-gcm" },
	{ .name = "plain", .lacks = TARGET_BIT_XRAY_26_7 | TARGET_BIT_BUILTIN,
	  .advice = "it sent everything in the clear; use 2022-blake3-aes-128-gcm" },
};
const struct xnames xn_ss_methods = { ROWS_OF(ss_method_rows) };
static const struct xname ss_user_method_rows[] = {
	{ .name = "aes-128-gcm" }, { .name = "aes-256-gcm" }, { .name = "chacha20-ietf-poly1305" },
	{ .name = "xchacha20-ietf-poly1305" }, { .name = "", .hidden = true },
	{ .name = "chacha20-poly1305", .hidden = true }, { .name = "xchacha20-poly1305", .hidden = true },
	{ .name = "aead_aes_128_gcm", .hidden = true }, { .name = "aead_aes_256_gcm", .hidden = true },
	{ .name = "aead_chacha20_poly1305", .hidden = true }, { .name = "aead_xchacha20_poly1305", .hidden = true },
};
static const struct xnames ss_user_methods = { ROWS_OF(ss_user_method_rows) };
static const struct xkey ss_user_rows[] = {
	KEY("password", XT_STR, .flags = XK_SECRET | XK_REQUIRED),
	KEY("method", XT_ENUM, .names = &ss_user_methods),
	KEY("level", XT_INT, U8),
	KEY("email", XT_STR),
	KEY("address", XT_STR),
	KEY("port", XT_PORT),
};
static const struct xtable ss_user_table = { "shadowsocks-user", "a shadowsocks user", TABLE_OF(ss_user_rows) };
static const struct xkey ss_rows[] = {
	KEY("method", XT_ENUM, .names = &xn_ss_methods),
	KEY("password", XT_STR, .flags = XK_SECRET),
	KEY("level", XT_INT, U8),
	KEY("email", XT_STR),
	KEY("users", XT_OBJS, .sub = &ss_user_table, RENAMED_CLIENTS),
	KEY("clients", XT_OBJS, .sub = &ss_user_table, NO_V2RAY, .flags = XK_MATTERS, .beats = "users"),
	KEY("network", XT_ENUMLIST, .names = &xn_networks),
	KEY("udp", XT_BOOL, ONLY_V2RAY, .advice = "write 'network': \"tcp,udp\""),
	KEY("ivCheck", XT_BOOL, NOBODY, .advice = "remove it"),
};
static const struct xneed ss_needs[] = {
	NEED(NULL, "password", "users", "clients"),
	NEED(NULL, "method", "users", "clients"),
};
static const struct xtable ss_table = { "shadowsocks-in", "settings of a shadowsocks inbound", TABLE_OF(ss_rows),
	NEEDS_OF(ss_needs) };

static const struct xname user_flow_rows[] = {
	{ .name = "xtls-rprx-vision" }, { .name = "", .hidden = true },
	{ .name = "none", .lacks = TARGET_BITS_ALL, .advice = "leave 'flow' out" },
	{ .name = "xtls-rprx-direct", .lacks = TARGET_BITS_ALL, .advice = "use xtls-rprx-vision" },
	{ .name = "xtls-rprx-origin", .lacks = TARGET_BITS_ALL, .advice = "use xtls-rprx-vision" },
};
static const struct xnames user_flows = { ROWS_OF(user_flow_rows), .exact = true };
static const struct xkey user_reverse_rows[] = {
	KEY("tag", XT_STR, .flags = XK_REQUIRED),
	KEY("sniffing", XT_ANY, NOBODY, .flags = XK_REFUSED, .advice = "it belongs to the outbound's side"),
};
static const struct xtable user_reverse_table = { "vless-user-reverse", "reverse of a VLESS user",
	TABLE_OF(user_reverse_rows) };
static const struct xkey vless_user_rows[] = {
	KEY("id", XT_STR, .format = XF_UUID, .flags = XK_SECRET | XK_REQUIRED),
	KEY("email", XT_STR),
	KEY("level", XT_INT, U32),
	KEY("flow", XT_ENUM, .names = &user_flows),
	KEY("reverse", XT_OBJ, .sub = &user_reverse_table, NO_V2RAY, .flags = XK_REPORTED),
	KEY("testpre", XT_INT, U32, NO_V2RAY),
	KEY("testseed", XT_INTS, U32, NO_V2RAY),
	KEY("encryption", XT_STR, NOBODY, .flags = XK_REFUSED | XK_EMPTY_OK,
	    .advice = "an inbound has 'decryption', beside 'clients'"),
	KEY("alterId", XT_ANY, NOBODY, .advice = "remove it: it belongs to VMess"),
	KEY("security", XT_ANY, NOBODY, .advice = "remove it: it belongs to VMess"),
};
static const struct xtable vless_user_table = { "vless-user", "a VLESS user", TABLE_OF(vless_user_rows) };
static const struct xkey fallback_rows[] = {
	KEY("name", XT_STR, NO_V2RAY),
	KEY("alpn", XT_STR),
	KEY("path", XT_STR, .format = XF_SLASH),
	KEY("type", XT_STR),
	KEY("dest", XT_DEST, .flags = XK_REQUIRED),
	KEY("xver", XT_INT, .lo = 0, .hi = 2),
};
static const struct xtable fallback_table = { "fallback", "a fallback", TABLE_OF(fallback_rows) };
static const struct xkey vless_rows[] = {
	KEY("users", XT_OBJS, .sub = &vless_user_table, RENAMED_CLIENTS),
	KEY("clients", XT_OBJS, .sub = &vless_user_table, .beats = "users"),
	KEY("decryption", XT_STR, .format = XF_DECRYPTION, .flags = XK_REQUIRED | XK_SECRET),
	KEY("fallbacks", XT_OBJS, .sub = &fallback_table),
	KEY("flow", XT_ENUM, .names = &user_flows, NO_V2RAY),
	KEY("testseed", XT_INTS, U32, NO_V2RAY),
	KEY("fallback", XT_ANY, NOBODY, .flags = XK_MATTERS, .advice = "use a list, 'fallbacks'"),
	KEY("encryption", XT_STR, NOBODY, .advice = "an inbound has 'decryption'"),
};
static const struct xtable vless_table = { "vless-in", "settings of a vless inbound", TABLE_OF(vless_rows) };

static const struct xname vmess_security_rows[] = {
	{ .name = "auto" }, { .name = "aes-128-gcm" }, { .name = "chacha20-poly1305" }, { .name = "", .hidden = true },
	{ .name = "none", .lacks = TARGET_BIT_XRAY_26_7 | TARGET_BIT_BUILTIN, .advice = "use auto" },
	{ .name = "zero", .lacks = TARGET_BIT_XRAY_26_7 | TARGET_BIT_BUILTIN | TARGET_BIT_V2RAY_4_34,
	  .advice = "use auto" },
};
const struct xnames xn_vmess_securities = { ROWS_OF(vmess_security_rows), .silent = "'auto'" };
static const struct xkey vmess_user_rows[] = {
	KEY("id", XT_STR, .format = XF_UUID, .flags = XK_SECRET | XK_REQUIRED),
	KEY("email", XT_STR),
	KEY("level", XT_INT, U32),
	KEY("security", XT_ENUM, .names = &xn_vmess_securities, NO_V2RAY, .flags = XK_HARMLESS),
	KEY("experiments", XT_STR, NO_V2RAY),
	KEY("alterId", XT_INT, U16, ONLY_V2RAY, .advice = "remove it: only AEAD (0) is left"),
};
static const struct xtable vmess_user_table = { "vmess-user", "a VMess user", TABLE_OF(vmess_user_rows) };
static const struct xkey vmess_default_rows[] = {
	KEY("level", XT_INT, U8),
	KEY("alterId", XT_INT, U16, ONLY_V2RAY, .advice = "remove it: only AEAD (0) is left"),
};
static const struct xtable vmess_default_table = { "vmess-default", "default", TABLE_OF(vmess_default_rows) };
static const struct xkey vmess_rows[] = {
	KEY("users", XT_OBJS, .sub = &vmess_user_table, RENAMED_CLIENTS),
	KEY("clients", XT_OBJS, .sub = &vmess_user_table, .beats = "users"),
	KEY("default", XT_OBJ, .sub = &vmess_default_table),
	KEY("detour", XT_ANY, ONLY_V2RAY, .advice = "remove it"),
	KEY("disableInsecureEncryption", XT_BOOL, ONLY_V2RAY, .advice = "remove it: insecure ciphers are gone"),
};
static const struct xtable vmess_table = { "vmess-in", "settings of a vmess inbound", TABLE_OF(vmess_rows) };

static const struct xkey trojan_user_rows[] = {
	KEY("password", XT_STR, .flags = XK_SECRET),
	KEY("email", XT_STR),
	KEY("level", XT_INT, U8),
	KEY("flow", XT_STR, NOBODY, .flags = XK_REFUSED | XK_EMPTY_OK, .advice = "Trojan has no flow: use VLESS"),
};
static const struct xtable trojan_user_table = { "trojan-user", "a Trojan user", TABLE_OF(trojan_user_rows) };
static const struct xkey trojan_rows[] = {
	KEY("users", XT_OBJS, .sub = &trojan_user_table, RENAMED_CLIENTS),
	KEY("clients", XT_OBJS, .sub = &trojan_user_table, .beats = "users"),
	KEY("fallbacks", XT_OBJS, .sub = &fallback_table),
};
static const struct xtable trojan_table = { "trojan-in", "settings of a trojan inbound", TABLE_OF(trojan_rows) };

static const struct xkey hysteria_user_rows[] = {
	KEY("auth", XT_STR, .flags = XK_SECRET),
	KEY("email", XT_STR),
	KEY("level", XT_INT, U32),
};
static const struct xtable hysteria_user_table = { "hysteria-user", "a Hysteria user", TABLE_OF(hysteria_user_rows) };
static const struct xkey hysteria_rows[] = {
	KEY("version", XT_INT, .lo = 2, .hi = 2, .flags = XK_REQUIRED),
	KEY("users", XT_OBJS, .sub = &hysteria_user_table, RENAMED_CLIENTS),
	KEY("clients", XT_OBJS, .sub = &hysteria_user_table, .beats = "users"),
};
static const struct xtable hysteria_table = { "hysteria-in", "settings of a hysteria inbound",
	TABLE_OF(hysteria_rows) };

static const struct xkey tun_rows[] = {
	KEY("name", XT_STR),
	KEY("desc", XT_STR, NO_26_2),
	KEY("mtu", XT_INT, U32),
	KEY("gateway", XT_STRS, NO_26_2),
	KEY("dns", XT_STRS, NO_26_2),
	KEY("userLevel", XT_INT, U32),
	KEY("autoSystemRoutingTable", XT_STRS, NO_26_2),
	KEY("autoOutboundsInterface", XT_STR, NO_26_2),
};
static const struct xtable tun_table = { "tun-in", "settings of a tun inbound", TABLE_OF(tun_rows) };

extern const struct xtable xt_wireguard_in;
static const struct xvariant inbound_variants[] = {
	{ "socks", &socks_table },           { "mixed", &socks_table },
	{ "http", &http_table },             { "tunnel", &tunnel_table },
	{ "dokodemo-door", &tunnel_table },  { "shadowsocks", &ss_table },
	{ "vless", &vless_table },           { "vmess", &vmess_table },
	{ "trojan", &trojan_table },         { "hysteria", &hysteria_table },
	{ "wireguard", &xt_wireguard_in },   { "tun", &tun_table },
};
const struct xvariants xv_inbound = { .by = "protocol", ROWS_OF(inbound_variants) };

static const struct xname inbound_protocol_rows[] = {
	{ .name = "socks" }, { .name = "http" },
	{ .name = "mixed", .lacks = TARGET_BIT_V2RAY_4_34, .reported = true },
	{ .name = "tunnel", .lacks = TARGET_BIT_V2RAY_4_34, .advice = "it is called dokodemo-door there" },
	{ .name = "dokodemo-door" }, { .name = "vless", NO_BUILTIN, .reported = true },
	{ .name = "vmess", NO_BUILTIN, .reported = true }, { .name = "trojan", NO_BUILTIN, .reported = true },
	{ .name = "shadowsocks", NO_BUILTIN, .reported = true }, { .name = "hysteria", ONLY_XRAY, .reported = true },
	{ .name = "wireguard", ONLY_XRAY, .reported = true }, { .name = "tun", ONLY_XRAY, .reported = true },
	{ .name = "mtproto", ONLY_V2RAY, .advice = "it is gone: run an MTProto proxy of its own" },
};
static const struct xnames inbound_protocols = { ROWS_OF(inbound_protocol_rows) };
static const struct xkey inbound_rows[] = {
	KEY("tag", XT_STR),
	KEY("protocol", XT_ENUM, .names = &inbound_protocols, .flags = XK_REQUIRED),
	KEY("listen", XT_STR, .format = XF_LISTEN),
	KEY("port", XT_PORTS, .flags = XK_NONZERO),
	KEY("settings", XT_VARIANT, .variants = &xv_inbound, .flags = XK_IMPLIED),
	KEY("streamSettings", XT_OBJ, .sub = &xt_stream),
	KEY("sniffing", XT_OBJ, .sub = &xt_sniffing),
	KEY("allocate", XT_ANY, ONLY_V2RAY, .advice = "remove it: ports are fixed now"),
	KEY("detour", XT_ANY, NOBODY, .advice = "remove it"),
	KEY("domainOverride", XT_ANY, ONLY_V2RAY, .advice = "use 'sniffing' with 'destOverride'"),
	KEY("remark", XT_STR, NOBODY, .flags = XK_HARMLESS),
	KEY("remarks", XT_STR, NOBODY, .flags = XK_HARMLESS),
};
const struct xtable xt_inbound = { "inbound", "an inbound", TABLE_OF(inbound_rows) };
