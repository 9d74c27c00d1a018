/* The rows of share link parameters. Sources: the VMessAEAD/VLESS share link proposal, SIP002, the hysteria 2 URI scheme,
 * the links xp2p writes, and what clients are seen to write. */
#include <stddef.h>

#include "links/params.h"

#define P(protocol) (1u << NODE_##protocol)
#define STREAM (P(VLESS) | P(VMESS) | P(TROJAN) | P(SHADOWSOCKS))
#define TLS (STREAM | P(HTTP) | P(HYSTERIA2))
#define ALL ((1u << NODE_PROTOCOL__N) - 1)
#define AT(field) offsetof(struct node, field)

static const char *const header_types[] = { "none", "http", "srtp", "utp", "wechat-video", "dtls", "wireguard", "dns",
	NULL };
static const char *const modes[] = { "gun", "multi", "auto", "packet-up", "stream-up", "stream-one", NULL };
static const char *const flows[] = { "xtls-rprx-vision", "xtls-rprx-vision-udp443", NULL };
static const char *const packet_encodings[] = { "xudp", "none", NULL };
static const char *const obfs_kinds[] = { "salamander", NULL };
static const char *const early_headers[] = { "Sec-WebSocket-Protocol", NULL };
static const char *const only_none[] = { "none", NULL };
static const char *const only_tls[] = { "tls", NULL };
static const char *const only_off[] = { "0", "false", NULL };
static const char *const only_empty[] = { NULL };

const struct param params[] = {
	{ "type", "net network", PARAM_TRANSPORT, STREAM, AT(transport), NULL },
	{ "security", NULL, PARAM_SECURITY, STREAM, AT(security), NULL },
	{ "encryption", NULL, PARAM_TEXT, P(VLESS) | P(VMESS), AT(encryption), NULL },
	{ "flow", NULL, PARAM_TEXT, P(VLESS), AT(flow), flows },
	{ "sni", "peer servername serverName", PARAM_TEXT, TLS, AT(server_name), NULL },
	{ "alpn", NULL, PARAM_ALPN, TLS, AT(alpn), NULL },
	{ "fp", "fingerprint", PARAM_TEXT, TLS, AT(fingerprint), NULL },
	{ "allowInsecure", "insecure allow_insecure skip-cert-verify", PARAM_FLAG, TLS, AT(allow_insecure), NULL },
	{ "pcs", "pinnedPeerCertSha256 pinSHA256", PARAM_TEXT, TLS, AT(pinned_peer_cert_sha256), NULL },
	{ "vcn", "verifyPeerCertByName", PARAM_TEXT, TLS, AT(verify_peer_cert_by_name), NULL },
	{ "ech", NULL, PARAM_EXTRA, TLS, 0, NULL },
	{ "pbk", "publicKey", PARAM_TEXT, STREAM, AT(public_key), NULL },
	{ "sid", "shortId", PARAM_TEXT, STREAM, AT(short_id), NULL },
	{ "spx", "spiderX", PARAM_TEXT, STREAM, AT(spider_x), NULL },
	{ "pqv", NULL, PARAM_EXTRA, STREAM, 0, NULL },
	{ "host", NULL, PARAM_TEXT, STREAM, AT(host), NULL },
	{ "path", NULL, PARAM_TEXT, STREAM, AT(path), NULL },
	{ "serviceName", NULL, PARAM_TEXT, STREAM, AT(service_name), NULL },
	{ "authority", NULL, PARAM_TEXT, STREAM, AT(authority), NULL },
	{ "mode", NULL, PARAM_TEXT, STREAM, AT(mode), modes },
	{ "headerType", NULL, PARAM_EXTRA, STREAM, 0, header_types },
	{ "seed", NULL, PARAM_EXTRA, STREAM, 0, NULL },
	{ "ed", NULL, PARAM_EXTRA_INT, STREAM, 0, NULL },
	{ "eh", "earlyDataHeaderName", PARAM_EXTRA, STREAM, 0, early_headers },
	{ "headers", NULL, PARAM_HEADERS, STREAM, AT(headers), NULL },
	{ "extra", NULL, PARAM_EXTRA_JSON, STREAM, 0, NULL },
	{ "quicSecurity", NULL, PARAM_FIXED, STREAM, 0, only_none },
	{ "key", NULL, PARAM_FIXED, STREAM, 0, only_empty },
	{ "fm", NULL, PARAM_EXTRA_JSON, STREAM | P(HYSTERIA2), 0, NULL },
	{ "packetEncoding", NULL, PARAM_EXTRA, P(VLESS) | P(VMESS), 0, packet_encodings },
	{ "alterId", "aid", PARAM_INT, P(VMESS), AT(alter_id), NULL },
	{ "plugin", NULL, PARAM_EXTRA, P(SHADOWSOCKS), 0, NULL },
	{ "uot", "udp-over-tcp", PARAM_FIXED, P(SHADOWSOCKS), 0, only_off },
	{ "security", NULL, PARAM_FIXED, P(HYSTERIA2), 0, only_tls },
	{ "obfs", NULL, PARAM_EXTRA, P(HYSTERIA2), 0, obfs_kinds },
	{ "obfs-password", NULL, PARAM_EXTRA, P(HYSTERIA2), 0, NULL },
	{ "mport", NULL, PARAM_EXTRA, P(HYSTERIA2), 0, NULL },
	{ "hopInterval", "hop-interval mportHopInt", PARAM_EXTRA_INT, P(HYSTERIA2), 0, NULL },
	{ "upmbps", "up", PARAM_EXTRA_INT, P(HYSTERIA2), 0, NULL },
	{ "downmbps", "down", PARAM_EXTRA_INT, P(HYSTERIA2), 0, NULL },
	{ "publickey", "publicKey peer-public-key", PARAM_TEXT, P(WIREGUARD), AT(public_key), NULL },
	{ "presharedkey", "preSharedKey psk", PARAM_EXTRA, P(WIREGUARD), 0, NULL },
	{ "address", "ip", PARAM_EXTRA, P(WIREGUARD), 0, NULL },
	{ "reserved", NULL, PARAM_EXTRA, P(WIREGUARD), 0, NULL },
	{ "allowedips", "allowedIPs", PARAM_EXTRA, P(WIREGUARD), 0, NULL },
	{ "mtu", NULL, PARAM_EXTRA_INT, P(WIREGUARD), 0, NULL },
	{ "keepalive", "keepAlive", PARAM_EXTRA_INT, P(WIREGUARD), 0, NULL },
	/* labels, without any effect on the connection */
	{ "remark", NULL, PARAM_EXTRA, ALL, 0, NULL },
	{ "remarks", NULL, PARAM_EXTRA, ALL, 0, NULL },
	{ "name", NULL, PARAM_EXTRA, ALL, 0, NULL },
	{ "group", NULL, PARAM_EXTRA, ALL, 0, NULL },
	{ "email", NULL, PARAM_EXTRA, ALL, 0, NULL },
};
const size_t params_n = sizeof(params) / sizeof(params[0]);
_Static_assert(sizeof(params) / sizeof(params[0]) <= PARAMS_MAX, "link_reader.seen is too small");
