/* Field rows of [client.xray] and [server.xray]: the same keys, other defaults. */
#include "model/tables_impl.h"

static const char *const names_services[] = { "HandlerService", "RoutingService", "StatsService", "LoggerService",
	"ReflectionService", "ObservatoryService", NULL };
static const char *const names_tunnel_network[] = { "tcp", "ws", "raw=tcp", "websocket=ws", NULL };
static const char *const names_security[] = { "none", "tls", "reality", NULL };

static const struct field account_rows[] = {
	ROW("user", F_STR, struct account, user, .flags = FIELD_REQUIRED | FIELD_NONEMPTY, .example = "\"alice\"",
	    .help = "user name"),
	ROW("password", F_SECRET, struct account, password, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .example = "{ env = \"ALICE_PASSWORD\" }", .help = "password"),
};
static const struct table table_account = { ROWS(account_rows), .elem_size = sizeof(struct account),
	.at_offset = offsetof(struct account, at) };

#define IN(key, kind, member, ...) ROW(key, kind, struct xray_inbound, member, __VA_ARGS__)
#define IN_TAG(tag_def) IN("tag", F_TAG, tag, .flags = FIELD_NONEMPTY, .def = tag_def, .help = "tag of the inbound")
#define IN_LISTEN(addr)                                                                                                \
	IN("listen", F_HOST, listen, .flags = FIELD_NONEMPTY, .def = addr, .help = "address it listens on")
#define IN_PORT(number) IN("port", F_PORT, port, .def = number, .help = "port it listens on")
#define IN_USERS \
	IN("users", F_TABLES, users, .sub = &table_account, .help = "accounts; without any the listener asks for none")
#define IN_PROTOCOL(value) ROW_FIXED("protocol", F_STR, value, "the protocol of this inbound cannot be changed")
#define INBOUND_TABLE(name, rows) \
	static const struct table name = { ROWS(rows), \
		.at_offset = offsetof(struct xray_inbound, at) }

#define SOCKS_ROWS(port) \
	IN_TAG("\"socks-in\""), IN_LISTEN("\"127.0.0.1\""), IN_PORT(port), \
	IN("udp", F_BOOL, udp, .def = "true", .help = "UDP through SOCKS"), IN_USERS, IN_PROTOCOL("socks")
static const struct field client_socks[] = { SOCKS_ROWS("51180") };
static const struct field server_socks[] = { SOCKS_ROWS("51080") };
INBOUND_TABLE(table_client_socks, client_socks);
INBOUND_TABLE(table_server_socks, server_socks);

#define HTTP_ROWS(port) \
	IN("enabled", F_BOOL, enabled, .def = "false", .help = "add an HTTP proxy listener"), \
	IN_TAG("\"http-in\""), IN_LISTEN("\"127.0.0.1\""), IN_PORT(port), IN_USERS, IN_PROTOCOL("http")
static const struct field client_http[] = { HTTP_ROWS("51181") };
static const struct field server_http[] = { HTTP_ROWS("51081") };
INBOUND_TABLE(table_client_http, client_http);
INBOUND_TABLE(table_server_http, server_http);

#define DOKODEMO_ROWS(tag_def, port) \
	IN("enabled", F_BOOL, enabled, .def = "true", .help = "add the transparent listener"), IN_TAG(tag_def), \
	IN("remark", F_STR, remark, .def = "\"local-input\"", .help = "remark of the inbound"), \
	IN_LISTEN("\"127.0.0.1\""), \
	IN_PORT(port), \
	IN("network", F_STR, network, .names = names_networks, .def = "\"tcp\"", .help = "what it accepts"), \
	IN("follow_redirect", F_BOOL, follow_redirect, .def = "true", \
	   .help = "take the target from the firewall's redirect"), \
	IN_PROTOCOL("dokodemo-door")
static const struct field client_dokodemo[] = { DOKODEMO_ROWS("\"in-48054\"", "48054") };
static const struct field server_dokodemo[] = { DOKODEMO_ROWS("\"in-48044\"", "48044") };
INBOUND_TABLE(table_client_dokodemo, client_dokodemo);
INBOUND_TABLE(table_server_dokodemo, server_dokodemo);

static const struct field tun[] = {
	IN_TAG("\"tun-in\""),
	IN_PROTOCOL("tun"),
	ROW_FIXED("port", F_PORT, "0", "a TUN inbound has no port"),
};
INBOUND_TABLE(table_tun, tun);

static const struct field header[] = {
	ROW_FIXED("type", F_STR, "none", "the tunnel carries TLS, a disguise as plain HTTP cannot work"),
	ROW_UNUSED("request", F_ANY, "it has no meaning with header type none"),
};
static const struct table table_header = { ROWS(header), .at_offset = TABLE_NO_AT };
static const struct field trojan[] = {
	IN_TAG("\"xp2p-tunnel\""),
	IN_LISTEN("\"0.0.0.0\""),
	IN("network", F_STR, network, .names = names_tunnel_network, .def = "\"tcp\"",
	   .help = "transport of the tunnel; the profile decides it when not set"),
	IN("security", F_STR, security, .names = names_security, .def = "\"tls\"",
	   .help = "the profile decides it when not set; none is for a listener behind something that adds TLS"),
	{ .name = "protocol", .type = F_STR, .flags = FIELD_FIXED, .fixed = "trojan",
	  .help = "set 'profile' in [server] to choose what the tunnel speaks" },
	ROW_FIXED("allow_insecure", F_BOOL, "false", "a listener checks no certificate"),
	ROW_INLINE("header", &table_header, "camouflage of xp2p"),
};
INBOUND_TABLE(table_trojan, trojan);

#define KN(key, kind, member, ...) ROW(key, kind, struct xray_knobs, member, __VA_ARGS__)
static const struct field client_inbounds[] = {
	KN("socks", F_TABLE, socks, .sub = &table_client_socks, .help = "SOCKS proxy listener"),
	KN("http", F_TABLE, http, .sub = &table_client_http, .help = "HTTP proxy listener"),
	KN("dokodemo", F_TABLE, dokodemo, .sub = &table_client_dokodemo, .help = "transparent listener"),
	KN("tun", F_TABLE, tun, .sub = &table_tun, .help = "TUN inbound, see tun_enabled"),
	{ .name = "trojan", .type = F_ANY, .flags = FIELD_UNUSED, .alias = "tunnel",
	.help = "a client has no tunnel listener" },
};
static const struct table table_client_inbounds = { ROWS(client_inbounds), .at_offset = TABLE_NO_AT };
static const struct field server_inbounds[] = {
	KN("socks", F_TABLE, socks, .sub = &table_server_socks, .help = "SOCKS proxy listener"),
	KN("http", F_TABLE, http, .sub = &table_server_http, .help = "HTTP proxy listener"),
	KN("dokodemo", F_TABLE, dokodemo, .sub = &table_server_dokodemo, .help = "transparent listener"),
	KN("tun", F_TABLE, tun, .sub = &table_tun, .help = "TUN inbound, see tun_enabled"),
	KN("trojan", F_TABLE, trojan, .sub = &table_trojan, .alias = "tunnel", .help = "the tunnel listener"),
};
static const struct table table_server_inbounds = { ROWS(server_inbounds), .at_offset = TABLE_NO_AT };

#define SN(key, kind, member, ...) ROW(key, kind, struct sniffing, member, __VA_ARGS__)
static const struct field sniffing_rows[] = {
	SN("enabled", F_BOOL, enabled, .def = "true", .help = "look into connections for their domain"),
	SN("dest_override", F_ENUMS, dest_override, .names = names_sniff, .def = "[\"http\", \"tls\", \"quic\"]",
	   .help = "protocols whose domain replaces the address"),
	SN("route_only", F_BOOL, route_only, .def = "true", .help = "use the domain for rules alone"),
	SN("metadata_only", F_BOOL, metadata_only, .def = "false", .help = "never look into the data"),
	SN("domains_excluded", F_STRS, domains_excluded, .def = "[]", .example = "[\"full:courier.example.org\"]",
	   .help = "domains that never replace the address"),
	SN("ips_excluded", F_STRS, ips_excluded, .def = "[]", .example = "[\"10.0.0.0/8\"]",
	   .help = "addresses that are never replaced"),
};
const struct table table_sniffing = { ROWS(sniffing_rows), .at_offset = offsetof(struct sniffing, at) };

#define POLICY "per-user counters and system counters stay managed; set other levels in policy.json"
static const struct field policy_level[] = {
	ROW_FIXED("stats_user_uplink", F_BOOL, "true", POLICY),
	ROW_FIXED("stats_user_downlink", F_BOOL, "true", POLICY),
	ROW_FIXED("stats_user_online", F_BOOL, "true", POLICY),
};
static const struct table table_policy_level = { ROWS(policy_level), .at_offset = TABLE_NO_AT };
static const struct field policy_levels[] = { ROW_INLINE("0", &table_policy_level, "the level of every user") };
static const struct table table_policy_levels = { ROWS(policy_levels), .at_offset = TABLE_NO_AT };
static const struct field policy_system[] = {
	ROW_FIXED("stats_inbound_uplink", F_BOOL, "true", POLICY),
	ROW_FIXED("stats_inbound_downlink", F_BOOL, "true", POLICY),
	ROW_FIXED("stats_outbound_uplink", F_BOOL, "true", POLICY),
	ROW_FIXED("stats_outbound_downlink", F_BOOL, "true", POLICY),
};
static const struct table table_policy_system = { ROWS(policy_system), .at_offset = TABLE_NO_AT };
static const struct field policy[] = {
	ROW_INLINE("levels", &table_policy_levels, "counters of users"),
	ROW_INLINE("system", &table_policy_system, "counters of inbounds and outbounds"),
};
static const struct table table_policy = { ROWS(policy), .at_offset = TABLE_NO_AT };

#define API_TABLES(name, listen) \
	static const struct field name[] = { \
		KN("enabled", F_BOOL, logs.api_enabled, .def = "true", .help = "the engine's control API"), \
		KN("tag", F_TAG, logs.api_tag, .flags = FIELD_NONEMPTY, .def = "\"api\"", .help = "tag of the API"), \
		KN("listen", F_HOSTPORT, logs.api_listen, .flags = FIELD_NONEMPTY, .def = listen, \
		   .help = "where it listens"), \
		KN("services", F_ENUMS, logs.api_services, .names = names_services, \
		   .def = "[\"HandlerService\", \"RoutingService\", \"StatsService\", \"LoggerService\"]", \
		   .help = "what it offers"), \
	}; \
	static const struct table table_##name = { ROWS(name), .at_offset = offsetof(struct xray_knobs, logs.api_at) }
API_TABLES(client_api, "\"127.0.0.1:52180\"");
API_TABLES(server_api, "\"127.0.0.1:52080\"");

#define LOGS_TABLES(name, api) \
	static const struct field name[] = { \
		KN("level", F_STR, logs.level, .names = names_log_level, .def = "\"warning\"", \
		   .help = "the engine's log level"), \
		KN("access", F_STR, logs.access, .def = "\"none\"", \
		   .help = "access log file; none turns it off, \"\" is the console"), \
		KN("error", F_STR, logs.error, .def = "\"\"", .help = "error log file; \"\" is the console"), \
		KN("dns_log", F_BOOL, logs.dns_log, .def = "false", .help = "log name look-ups"), \
		KN("mask", F_STR, logs.mask, .names = names_log_mask, .def = "\"\"", \
		   .help = "how much of an address logs hide"), \
		ROW_INLINE("api", &table_##api, "the engine's control API"), \
		KN("stats_enabled", F_BOOL, logs.stats_enabled, .def = "true", .help = "count traffic"), \
		ROW_INLINE("policy", &table_policy, "what is counted"), \
	}; \
	static const struct table table_##name = { ROWS(name), .at_offset = offsetof(struct xray_knobs, logs.at) }
LOGS_TABLES(client_logs, client_api);
LOGS_TABLES(server_logs, server_api);

#define ROUTING_TABLES(name, strategy) \
	static const struct field name[] = { \
		KN("domain_strategy", F_STR, routing.domain_strategy, .names = names_routing_strategy, \
		   .def = strategy, .help = "IPOnDemand resolves domains locally before a proxy is chosen; AsIs never does"), \
		KN("rules", F_RAWS, routing.rules, \
		   .example = "[{ domain = [\"domain:example.org\"], outboundTag = \"direct\" }]", \
		   .help = "Xray rules as they are, first among the managed ones"), \
	}; \
	static const struct table table_##name = { ROWS(name), .at_offset = offsetof(struct xray_knobs, routing.at) }
ROUTING_TABLES(client_routing, "\"IPOnDemand\"");
ROUTING_TABLES(server_routing, "\"AsIs\"");

static const struct field direct[] = {
	KN("tag", F_TAG, direct.tag, .flags = FIELD_NONEMPTY, .def = "\"direct\"",
	   .help = "tag of the direct outbound"),
	KN("domain_strategy", F_STR, direct.domain_strategy, .names = names_freedom_strategy, .def = "\"UseIP\"",
	   .help = "how it resolves domains"),
	KN("send_through", F_STR, direct.send_through, .def = "\"\"", .help = "local address it sends from"),
	ROW_FIXED("protocol", F_STR, "freedom", "the direct outbound is always freedom"),
};
static const struct table table_direct = { ROWS(direct), .at_offset = offsetof(struct xray_knobs, direct.at) };

#define XRAY_ROWS(role) \
	ROW_INLINE("inbounds", &table_##role##_inbounds, "local listeners"), \
	KN("sniffing", F_TABLE, sniffing, .sub = &table_sniffing, .help = "sniffing on every inbound"), \
	ROW_INLINE("logs", &table_##role##_logs, "the engine's log, API and counters"), \
	ROW_INLINE("routing", &table_##role##_routing, "routing"), \
	ROW_INLINE("direct_outbound", &table_direct, "the outbound that goes straight to the Internet")
static const struct field client_xray[] = { XRAY_ROWS(client) };
static const struct field server_xray[] = { XRAY_ROWS(server) };
const struct table table_client_xray = { ROWS(client_xray), .at_offset = offsetof(struct xray_knobs, at) };
const struct table table_server_xray = { ROWS(server_xray), .at_offset = offsetof(struct xray_knobs, at) };
