/* The fields of a node as rows: links, overlay and deduplication walk them instead of naming each one again. */
#include "model/node.h"

#include <stddef.h>
#include <string.h>

const char *const node_protocol_names[] = {
	[NODE_VLESS] = "vless",         [NODE_VMESS] = "vmess", [NODE_TROJAN] = "trojan",
	[NODE_SHADOWSOCKS] = "shadowsocks", [NODE_SOCKS] = "socks", [NODE_HTTP] = "http",
	[NODE_HYSTERIA2] = "hysteria2", [NODE_WIREGUARD] = "wireguard", [NODE_PROTOCOL__N] = NULL,
};
const char *const node_transport_names[] = {
	[NODE_TCP] = "tcp", [NODE_WS] = "ws",     [NODE_GRPC] = "grpc", [NODE_HTTPUPGRADE] = "httpupgrade",
	[NODE_XHTTP] = "xhttp", [NODE_KCP] = "kcp", [NODE_TRANSPORT__N] = NULL,
};
const char *const node_security_names[] = {
	[NODE_NONE] = "none", [NODE_TLS] = "tls", [NODE_REALITY] = "reality", [NODE_SECURITY__N] = NULL,
};

#define F(name, kind) { #name, NODE_F_##kind, offsetof(struct node, name) }
const struct node_field node_fields[] = {
	F(name, TEXT),
	F(protocol, NUM),
	F(transport, NUM),
	F(security, NUM),
	F(address, TEXT),
	F(port, NUM),
	F(user, TEXT),
	F(password, SECRET),
	F(uuid, SECRET),
	F(encryption, TEXT),
	F(method, TEXT),
	F(alter_id, NUM),
	F(flow, TEXT),
	F(server_name, TEXT),
	F(fingerprint, TEXT),
	F(pinned_peer_cert_sha256, TEXT),
	F(verify_peer_cert_by_name, TEXT),
	F(alpn, TEXTS),
	F(allow_insecure, FLAG),
	F(public_key, TEXT),
	F(short_id, TEXT),
	F(spider_x, TEXT),
	F(path, TEXT),
	F(host, TEXT),
	F(service_name, TEXT),
	F(mode, TEXT),
	F(authority, TEXT),
	F(headers, RAW),
	F(extra, RAW),
};
#undef F
const size_t node_fields_n = sizeof(node_fields) / sizeof(node_fields[0]);

/* What each kind of field is made of, for copying it without knowing it. */
#define KIND(type) { sizeof(struct type), offsetof(struct type, set) }
static const struct {
	size_t size, set;
} kinds[] = {
	[NODE_F_TEXT] = KIND(text),   [NODE_F_NUM] = KIND(num),   [NODE_F_SECRET] = KIND(secret),
	[NODE_F_TEXTS] = KIND(texts), [NODE_F_FLAG] = KIND(flag), [NODE_F_RAW] = KIND(raw),
};
#undef KIND

void node_overlay(struct node *base, const struct node *over)
{
	for (size_t i = 0; i < node_fields_n; i++) {
		const struct node_field *f = &node_fields[i];
		const char *from = (const char *)over + f->offset;
		if (*(const bool *)(from + kinds[f->kind].set))
			memcpy((char *)base + f->offset, from, kinds[f->kind].size);
	}
}
