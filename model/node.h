#ifndef XRAT_MODEL_NODE_H
#define XRAT_MODEL_NODE_H
/* One upstream server: an endpoint of a desired file, a share link, later a row of the store. */
#include "model/field.h"

enum node_protocol { NODE_VLESS, NODE_VMESS, NODE_TROJAN, NODE_SHADOWSOCKS, NODE_SOCKS, NODE_HTTP, NODE_HYSTERIA2,
	NODE_WIREGUARD, NODE_PROTOCOL__N };
enum node_transport { NODE_TCP, NODE_WS, NODE_GRPC, NODE_HTTPUPGRADE, NODE_XHTTP, NODE_KCP, NODE_TRANSPORT__N };
enum node_security { NODE_NONE, NODE_TLS, NODE_REALITY, NODE_SECURITY__N };
/* NULL-terminated: "vless", … ; "tcp", … ; "none", … */
extern const char *const node_protocol_names[], *const node_transport_names[], *const node_security_names[];

struct node {
	struct text name; /* remark; decides nothing */
	struct num protocol, transport, security; /* the enums above */
	struct text address;
	struct num port;
	struct text user;       /* e-mail or label; socks and http: user name */
	struct secret password, uuid;
	struct text encryption; /* VLESS; VMess: its security */
	struct text method;     /* shadowsocks */
	struct num alter_id;
	struct text flow;
	struct text server_name, fingerprint, pinned_peer_cert_sha256, verify_peer_cert_by_name;
	struct texts alpn;
	struct flag allow_insecure;
	struct text public_key, short_id, spider_x;
	struct text path, host, service_name, mode, authority;
	struct raw headers; /* object of strings */
	struct raw extra;   /* object: link parameters kept and rendered by name (xhttp extra, ech, header type…) */
};
/* Every field set in `over` replaces the one in `base`. */
void node_overlay(struct node *base, const struct node *over);

/* One field of a node by name, for links, dedup and overlay. */
enum node_field_kind { NODE_F_TEXT, NODE_F_NUM, NODE_F_SECRET, NODE_F_TEXTS, NODE_F_FLAG, NODE_F_RAW };
struct node_field {
	const char *name;
	enum node_field_kind kind;
	size_t offset;
};
extern const struct node_field node_fields[];
extern const size_t node_fields_n;

#endif
