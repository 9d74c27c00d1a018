/* Field rows of [[client.endpoints]]: the fields of a node. */
#include "model/tables_impl.h"

static const char *const names_profile[] = { "trojan-tls", "vless-tls-vision", "vless-reality-vision", "vless-ws-tls",
	"vless-grpc-tls", "vless-xhttp-tls", "vless-xhttp-reality", "vmess-ws-tls", "shadowsocks", "socks", "http",
	NULL };
static const char *const names_protocol[] = { "vless", "vmess", "trojan", "shadowsocks", "socks", "http", NULL };
static const char *const names_transport[] = { "tcp", "ws", "grpc", "httpupgrade", "xhttp", "kcp", "raw=tcp",
	"websocket=ws", "splithttp=xhttp", "mkcp=kcp", NULL };
static const char *const names_security[] = { "none", "tls", "reality", NULL };
static const char *const names_flow[] = { "", "xtls-rprx-vision", "xtls-rprx-vision-udp443", NULL };
static const char *const names_mode[] = { "", "auto", "packet-up", "stream-up", "stream-one", "gun", "multi", NULL };

#define EP(key, kind, member, ...) ROW(key, kind, struct endpoint, member, __VA_ARGS__)

static const struct field endpoint_rows[] = {
	EP("tag", F_TAG, tag, .flags = FIELD_NONEMPTY, .example = "\"proxy-edge-example-net\"",
	   .help = "tag of the outbound, in proxy-*; default: proxy- and the sanitised hostname"),
	EP("link", F_SECRET, link, .example = "{ env = \"EDGE_LINK\" }",
	   .help = "a share link; other keys beside it override its fields; give a tag too when it is read from env "
	   "or file"),
	EP("name", F_STR, node.name, .example = "\"Edge\"", .help = "what people call it; it decides nothing"),
	EP("hostname", F_HOST, hostname, .example = "\"edge.example.net\"",
	    .help = "the server's name; default: the address"),
	EP("address", F_HOST, node.address, .example = "\"198.51.100.7\"",
	   .help = "where to connect, an IP or a DNS name; default: the hostname"),
	EP("ips", F_IPS, ips, .example = "[\"198.51.100.7\"]",
	    .help = "its literal addresses, used for the bypass rule"),
	EP("port", F_PORT, node.port, .example = "58443", .help = "port of the server"),
	EP("profile", F_STR, profile, .names = names_profile, .example = "\"trojan-tls\"",
	   .help = "shorthand for protocol, transport, security and flow; trojan-tls when nothing says otherwise"),
	EP("protocol", F_ENUM, node.protocol, .names = names_protocol, .example = "\"trojan\"",
	   .help = "the long form of profile"),
	EP("transport", F_ENUM, node.transport, .names = names_transport, .example = "\"tcp\"",
	   .help = "the long form of profile; tcp when not set"),
	EP("security", F_ENUM, node.security, .names = names_security, .example = "\"tls\"",
	   .help = "the long form of profile; tls for vless and trojan, none for the others, when not set"),
	EP("flow", F_STR, node.flow, .names = names_flow, .example = "\"xtls-rprx-vision\"",
	   .help = "VLESS flow control, over TLS or REALITY on tcp"),
	EP("user", F_STR, node.user, .example = "\"branch@example.org\"",
	   .help = "label of the account; the user name of socks and http"),
	EP("password", F_SECRET, node.password, .example = "{ env = \"EDGE_PASSWORD\" }",
	   .help = "password of the account; for vless and vmess it may hold the UUID"),
	EP("uuid", F_SECRET, node.uuid, .example = "{ file = \"/etc/xrat/edge.uuid\" }",
	    .help = "UUID of a vless or vmess account"),
	EP("encryption", F_STR, node.encryption, .example = "\"none\"",
	   .help = "VLESS encryption (none when not set) or VMess cipher (auto when not set)"),
	EP("method", F_STR, node.method, .names = names_ss_method, .example = "\"aes-128-gcm\"",
	    .help = "shadowsocks cipher"),
	EP("alter_id", F_INT, node.alter_id, .lo = 0, .hi = 65535, .example = "0",
	    .help = "VMess alterId; 0 is the only modern value"),
	EP("server_name", F_HOST, node.server_name, .example = "\"edge.example.net\"",
	    .help = "name in the TLS handshake"),
	EP("alpn", F_STRS, node.alpn, .example = "[\"h2\", \"http/1.1\"]",
	    .help = "protocols offered in the TLS handshake"),
	EP("fingerprint", F_STR, node.fingerprint, .example = "\"chrome\"",
	    .help = "browser whose handshake is imitated"),
	EP("pinned_peer_cert_sha256", F_SHA256, node.pinned_peer_cert_sha256, .example = "\"\"",
	   .help = "SHA-256 of the certificate, hex or colon-hex, several with commas"),
	EP("verify_peer_cert_by_name", F_STR, node.verify_peer_cert_by_name, .example = "\"edge.example.net\"",
	   .help = "name the pinned certificate must have; default: server_name when a pin is set"),
	EP("allow_insecure", F_BOOL, node.allow_insecure, .example = "false",
	   .help = "accept any certificate; off whenever a pin is set"),
	EP("public_key", F_STR, node.public_key, .example = "\"BASE64URL-KEY\"",
	    .help = "REALITY public key of the server"),
	EP("short_id", F_STR, node.short_id, .example = "\"0123abcd\"",
	    .help = "REALITY short id, up to 16 hex digits"),
	EP("spider_x", F_STR, node.spider_x, .example = "\"/\"", .help = "REALITY start path"),
	EP("path", F_STR, node.path, .example = "\"/tunnel\"", .help = "path of ws, httpupgrade and xhttp"),
	EP("host", F_STR, node.host, .example = "\"edge.example.net\"",
	    .help = "Host header of ws, httpupgrade and xhttp"),
	EP("service_name", F_STR, node.service_name, .example = "\"tunnel\"", .help = "gRPC service name"),
	EP("authority", F_STR, node.authority, .example = "\"edge.example.net\"", .help = "gRPC authority"),
	EP("mode", F_STR, node.mode, .names = names_mode, .example = "\"auto\"",
	   .help = "xhttp: auto, packet-up, stream-up, stream-one; grpc: gun, multi"),
	EP("headers", F_RAW, node.headers, .example = "{ User-Agent = \"example\" }",
	    .help = "more request headers of the transport"),
	EP("disabled", F_BOOL, disabled, .def = "false",
	    .help = "skip the endpoint everywhere; it keeps its marker number"),
};
const struct table table_endpoint = { ROWS(endpoint_rows), .elem_size = sizeof(struct endpoint),
	.at_offset = offsetof(struct endpoint, at) };
