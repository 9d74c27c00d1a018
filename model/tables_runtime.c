/* Field rows of [runtime] in config.toml: sessions. */
#include "model/tables_impl.h"

static const char *const names_engine[] = { "auto", "xray", "v2ray", "builtin", "sing-box", "singbox=sing-box", NULL };
static const char *const names_mask[] = { "none", "quarter", "half", "full", NULL };
static const char *const names_udp443[] = { "reject", "allow", "skip", NULL };
static const char *const names_packets[] = { "tlshello", "range", NULL };

#define AU(key, kind, member, ...) ROW(key, kind, struct config_auth, member, __VA_ARGS__)
static const struct field auth[] = {
	AU("enabled", F_BOOL, enabled, .def = "false", .help = "ask for the user name and password"),
	AU("username", F_STR, username, .example = "\"xrat\"", .help = "user name"),
	AU("password", F_SECRET, password, .example = "{ env = \"XRAT_SOCKS_PASSWORD\" }", .help = "password"),
};
static const struct table table_auth = { ROWS(auth), .at_offset = offsetof(struct config_auth, at) };

#define CI(key, kind, member, ...) ROW(key, kind, struct config_inbound, member, __VA_ARGS__)
#define CI_ROWS(on, number) \
	CI("enabled", F_BOOL, enabled, .def = on, .help = "open this listener in sessions"), \
	CI("host", F_HOST, host, .flags = FIELD_NONEMPTY, .def = "\"127.0.0.1\"", .help = "address it listens on"), \
	CI("port", F_PORT, port, .def = number, .help = "port it listens on")
#define CI_TABLE(rows) \
	static const struct table table_##rows = { ROWS(rows), \
		.at_offset = offsetof(struct config_inbound, at) }
static const struct field socks[] = {
	CI_ROWS("true", "1080"),
	CI("udp", F_BOOL, udp, .def = "true", .help = "UDP through SOCKS"),
	CI("auth", F_TABLE, auth, .sub = &table_auth, .help = "account of the listener"),
};
CI_TABLE(socks);
static const struct field http[] = {
	CI_ROWS("false", "8080"),
	CI("auth", F_TABLE, auth, .sub = &table_auth, .help = "account of the listener"),
};
CI_TABLE(http);
static const struct field shadowsocks[] = {
	CI_ROWS("false", "1081"),
	CI("method", F_STR, method, .names = names_ss_method, .def = "\"aes-128-gcm\"", .help = "cipher"),
	CI("password", F_SECRET, password, .example = "{ env = \"XRAT_SHADOWSOCKS_PASSWORD\" }",
	   .help = "password; required when enabled"),
	CI("network", F_STR, network, .names = names_networks, .def = "\"tcp,udp\"", .help = "what it accepts"),
};
CI_TABLE(shadowsocks);

#define LG(key, kind, member, ...) ROW(key, kind, struct config_log, member, __VA_ARGS__)
static const struct field log_rows[] = {
	LG("enabled", F_BOOL, enabled, .def = "true", .help = "write the engine's log to files"),
	LG("mask", F_STR, mask, .names = names_mask, .def = "\"none\"", .help = "how much of an address logs hide"),
	LG("dir", F_PATH, dir, .flags = FIELD_NONEMPTY, .def = "\"logs\"",
	   .help = "relative to the configuration root, or absolute"),
	LG("dns_log", F_BOOL, dns_log, .def = "false", .help = "log name look-ups"),
	LG("level", F_STR, level, .names = names_log_level, .def = "\"warning\"", .help = "the engine's log level"),
	LG("keep", F_BOOL, keep, .def = "true", .help = "keep a session's logs when it ends"),
};
static const struct table table_log = { ROWS(log_rows), .at_offset = TABLE_NO_AT };

#define RO(key, kind, member, ...) ROW(key, kind, struct config_rotation, member, __VA_ARGS__)
#define DAY 86400
static const struct field rotation[] = {
	RO("enabled", F_BOOL, enabled, .def = "false", .help = "change the node on a timer"),
	RO("interval_secs", F_INT, interval_secs, .lo = 1, .hi = 30 * DAY, .def = "1800",
	   .help = "seconds between changes"),
	RO("health_trigger_enabled", F_BOOL, health_trigger_enabled, .def = "true",
	   .help = "change the node when it fails"),
	RO("health_failure_threshold", F_INT, health_failure_threshold, .lo = 1, .hi = 1000, .def = "3",
	   .help = "failures in a row that count as down"),
	RO("cooldown_secs", F_INT, cooldown_secs, .lo = 0, .hi = 30 * DAY, .def = "300",
	   .help = "seconds a failed node rests, and between changes by themselves"),
	RO("probe_url", F_URL, probe_url, .flags = FIELD_NONEMPTY, .def = "\"https://www.gstatic.com/generate_204\"",
	   .help = "what a health check fetches through the proxy; an answer of 200 to 299 is good"),
	ROW_UNUSED("test_concurrency", F_INT, "candidates prove themselves one at a time"),
	ROW_UNUSED("test_stages", F_ANY, "candidates are proved by a real request"),
	ROW_UNUSED("refresh_subscriptions", F_BOOL, "run 'xrat update' instead"),
};
static const struct table table_rotation = { ROWS(rotation), .at_offset = TABLE_NO_AT };

#define MX(key, kind, member, ...) ROW(key, kind, struct config_mux, member, __VA_ARGS__)
static const struct field mux[] = {
	MX("enabled", F_BOOL, enabled, .def = "false", .help = "several connections over one"),
	MX("concurrency", F_INT, concurrency, .lo = -1, .hi = 128, .def = "8",
	   .help = "0 is the engine's default, -1 turns it off for TCP"),
	MX("xudp_concurrency", F_INT, xudp_concurrency, .lo = -1, .hi = 1024, .def = "0", .help = "the same for UDP"),
	MX("xudp_proxy_udp443", F_STR, xudp_proxy_udp443, .names = names_udp443, .def = "\"reject\"",
	   .help = "what happens to QUIC"),
};
static const struct table table_mux = { ROWS(mux), .at_offset = TABLE_NO_AT };

#define FR(key, kind, member, ...) ROW(key, kind, struct config_fragment, member, __VA_ARGS__)
static const struct field fragment[] = {
	FR("enabled", F_BOOL, enabled, .def = "false", .help = "cut the first packets into pieces"),
	FR("packets_mode", F_STR, packets_mode, .names = names_packets, .def = "\"tlshello\"",
	   .help = "cut the TLS hello, or the packets of the range"),
	FR("packets", F_INTS, packets, .lo = 1, .hi = 65535, .def = "[1, 3]", .help = "first and last packet"),
	FR("length", F_INTS, length, .lo = 1, .hi = 65535, .def = "[100, 200]",
	   .help = "shortest and longest piece in bytes"),
	FR("interval", F_INTS, interval, .lo = 1, .hi = 60000, .def = "[10, 20]",
	   .help = "shortest and longest pause in ms"),
};
static const struct table table_fragment = { ROWS(fragment), .at_offset = offsetof(struct config_fragment, at) };

#define RT(key, kind, member, ...) ROW(key, kind, struct config, runtime.member, __VA_ARGS__)
#define LATER "this version opens no such inbound; remove the table"
static const struct field runtime_rows[] = {
	RT("engine", F_ENUM, engine, .names = names_engine, .def = "\"auto\"",
	   .help = "which engine runs; auto takes xray, else v2ray, else builtin"),
	RT("engine_version", F_STR, engine_version, .example = "\"26.7\"",
	   .help = "version to compile for when it cannot be asked"),
	RT("replace_active_session", F_BOOL, replace_active_session, .def = "true",
	   .help = "connect replaces a running session"),
	RT("health_tick_secs", F_INT, health_tick_secs, .lo = 1, .hi = 3600, .def = "15",
	   .help = "seconds between health checks"),
	RT("cleanup", F_BOOL, cleanup, .def = "true", .help = "remove the session's file at its end"),
	RT("allow_lan", F_BOOL, allow_lan, .def = "false",
	   .help = "allow listeners beyond loopback without authentication"),
	RT("socks", F_TABLE, socks, .sub = &table_socks, .help = "SOCKS listener of sessions"),
	RT("http", F_TABLE, http, .sub = &table_http, .help = "HTTP listener of sessions"),
	RT("shadowsocks", F_TABLE, shadowsocks, .sub = &table_shadowsocks, .help = "Shadowsocks listener of sessions"),
	RT("sniffing", F_TABLE, sniffing, .sub = &table_sniffing, .help = "sniffing on every inbound"),
	RT("log", F_TABLE, log, .sub = &table_log, .help = "logs of sessions"),
	RT("rotation", F_TABLE, rotation, .sub = &table_rotation, .help = "changing nodes"),
	RT("mux", F_TABLE, mux, .sub = &table_mux, .help = "multiplexing"),
	RT("fragment", F_TABLE, fragment, .sub = &table_fragment, .help = "fragmenting the handshake"),
	ROW_UNUSED("xray_compatibility", F_ANY, "set 'engine_version' instead"),
	ROW_UNUSED("stats", F_ANY, "counters come over the engine's API"),
	ROW_REFUSED("network", LATER),
	ROW_REFUSED("tun", LATER),
};
const struct table table_runtime = { ROWS(runtime_rows), .at_offset = TABLE_NO_AT };
