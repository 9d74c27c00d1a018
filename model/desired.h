#ifndef XRAT_MODEL_DESIRED_H
#define XRAT_MODEL_DESIRED_H
/* What the operator wants, decoded and normalised: the one input of the managed base. A role file and a session fill
 * the same struct. Lists are typed by the comment beside them. */
#include "model/node.h"
#include "model/target.h"

enum role { ROLE_CLIENT, ROLE_SERVER, ROLE__N };
extern const char *const role_names[]; /* "client", "server" */

struct endpoint {
	struct span at; /* the [[client.endpoints]] header */
	struct text tag;
	struct secret link;
	struct text hostname, profile;
	struct texts ips;
	struct flag disabled;
	struct node node;
	const char *label; /* what messages call it: "node 7 (NAME)" of a session; NULL in role files */
};
struct redirect {
	struct span at;
	struct text cidr, domain; /* exactly one; normalised (network address, lower case) */
	struct text outbound_tag;
	struct flag disabled;
};
struct reverse_channel {
	struct span at;
	struct text key; /* name of the table */
	struct text user_id, host, tag, domain, endpoint_tag;
	struct secret id; /* UUID, for targets with VLESS reverse */
	struct flag disabled;
};
struct forward {
	struct span at;
	struct text listen_address;
	struct num listen_port;
	struct text target_host;
	struct num target_port;
	struct num protocol; /* enum forward_protocol */
	struct text tag, remark;
};
enum forward_protocol { FORWARD_TCP, FORWARD_UDP, FORWARD_BOTH };

struct account { /* socks and http users */
	struct span at;
	struct text user;
	struct secret password;
};
struct xray_inbound { /* socks, http, dokodemo, tun, trojan: each uses its own rows */
	struct span at;
	struct flag enabled;
	struct text tag, remark, listen;
	struct num port;
	struct text network, security;
	struct flag udp, follow_redirect;
	struct list users; /* struct account */
};
struct sniffing {
	struct span at;
	struct flag enabled, route_only, metadata_only;
	struct texts dest_override, domains_excluded, ips_excluded;
};
struct xray_knobs { /* [client.xray], [server.xray] */
	struct span at;
	struct xray_inbound socks, http, dokodemo, tun, trojan;
	struct sniffing sniffing;
	struct {
		struct text level, access, error;
		struct flag dns_log;
		struct text mask;
		struct flag stats_enabled;
		struct flag api_enabled;
		struct text api_tag, api_listen;
		struct texts api_services;
		struct span at, api_at;
	} logs;
	struct {
		struct text domain_strategy;
		struct list rules; /* struct value, as written */
		struct span at;
	} routing;
	struct {
		struct text tag, domain_strategy, send_through;
		struct span at;
	} direct;
};
struct tun {
	struct flag enabled;
	struct text name, addr;
	struct num mtu;
};
enum tun_mode { TUN_SPLIT, TUN_FULL };
struct user { /* server user; the legacy spelling decodes into it too */
	struct span at;
	struct text label;
	struct secret credential, previous;
	struct text rotation_expires_at;
	struct flag disabled;
};

struct client {
	struct span at;
	struct text config_dir;
	struct num diag_port;
	struct tun tun;
	struct num tun_mode;
	struct text full_tunnel_tag;
	struct texts dns_servers;
	struct flag allow_direct;
	struct list endpoints; /* struct endpoint */
	struct list redirects; /* struct redirect */
	struct list reverse;   /* struct reverse_channel */
	struct list forwards;  /* struct forward */
	struct xray_knobs xray;
};
struct server {
	struct span at;
	struct text config_dir;
	struct num trojan_port, port;
	struct text profile, host, certificate, key;
	/* REALITY listener (profile vless-reality-vision) and the path of vless-ws-tls */
	struct secret private_key;
	struct text reality_target, path;
	struct texts server_names, short_ids;
	struct tun tun;
	struct list users;        /* struct user */
	struct list trojan_users; /* struct user: legacy rows; normalising appends them to users */
	struct list redirects, reverse, forwards; /* as on the client */
	struct xray_knobs xray;
};
struct asset_file {
	struct span at;
	struct text name, url, stale_after;
};
/* A session instead of a role file. Its nodes are client.endpoints, its listeners, sniffing and logs client.xray. */
struct config;
struct session {
	const struct config *config;
	struct xray_inbound shadowsocks; /* where it listens; the rest is in config */
	struct list probes; /* struct xray_inbound, SOCKS: entry i leads to endpoint i whatever [routing] says */
	bool test;          /* the probes alone: no other listener, no lists */
};
struct desired {
	enum role role;
	const struct session *session; /* NULL: a role file */
	struct {
		struct num level, format;
	} logging;
	struct client client; /* ROLE_CLIENT */
	struct server server; /* ROLE_SERVER */
	struct texts override; /* [extensions] */
	struct {
		struct text stale_after;
		struct list files; /* struct asset_file */
	} assets;
	struct secret **secrets; /* every secret that was set, for the loader to resolve and the masks to use */
	uint32_t n_secrets, cap_secrets;
};

#endif
