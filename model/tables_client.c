/* Field rows of xp2p-client.toml. */
#include "model/tables_impl.h"

static const char *const names_tun_mode[] = { "split", "full", "proxy=split", NULL };

#define CL(key, kind, member, ...) ROW(key, kind, struct client, member, __VA_ARGS__)
#define SEED "xp2p's installer used it; write a [[client.endpoints]] entry instead"

static const struct field client_rows[] = {
	CL("config_dir", F_PATH, config_dir, .flags = FIELD_NONEMPTY, .def = "\"config-client\"",
	   .help = "snippet directory, relative to the configuration root"),
	CL("diag_port", F_PORT, diag_port, .def = "62022", .help = "port of the diagnostics markers"),
	CL("tun_enabled", F_BOOL, tun.enabled, .def = "false",
	   .help = "add a TUN inbound; needs privileges and the xray engine"),
	CL("tun_name", F_STR, tun.name, .flags = FIELD_NONEMPTY, .def = "\"xp2pc\"",
	   .help = "name of the TUN interface"),
	CL("tun_mtu", F_INT, tun.mtu, .lo = 576, .hi = 9000, .def = "1500", .help = "MTU of the TUN interface"),
	CL("tun_addr", F_PREFIX, tun.addr, .def = "\"198.18.0.1/30\"", .help = "address of the TUN interface"),
	CL("tun_mode", F_ENUM, tun_mode, .names = names_tun_mode, .def = "\"split\"",
	   .help = "full sends everything from the TUN to full_tunnel_tag"),
	CL("full_tunnel_tag", F_TAG, full_tunnel_tag, .example = "\"proxy-edge-example-net\"",
	   .help = "outbound of the full-tunnel rule; required when tun_mode is full"),
	CL("dns_servers", F_HOSTS, dns_servers, .def = "[]", .example = "[\"9.9.9.9\"]",
	   .help = "name servers of the TUN interface in full mode, where the target can set them"),
	CL("allow_direct", F_BOOL, allow_direct, .def = "false",
	   .help = "without an enabled endpoint everything leaves directly, in the clear: say that this is wanted"),
	CL("endpoints", F_TABLES, endpoints, .sub = &table_endpoint, .help = "one upstream server each, in this order"),
	CL("redirects", F_TABLES, redirects, .sub = &table_redirect,
	   .help = "destinations and the outbound that carries them"),
	CL("reverse", F_MAP, reverse, .sub = &table_client_reverse, .help = "reverse channels by name"),
	CL("forwards", F_TABLES, forwards, .sub = &table_forward,
	   .help = "local ports that lead to hosts behind the tunnel"),
	CL("xray", F_TABLE, xray, .sub = &table_client_xray, .help = "low-level knobs"),
	ROW_UNUSED("socks_address", F_STR, "the SOCKS listener is [client.xray.inbounds.socks]"),
	ROW_UNUSED("server_address", F_STR, SEED),
	ROW_UNUSED("server_port", F_ANY, SEED),
	ROW_UNUSED("user", F_STR, SEED),
	ROW_UNUSED("password", F_SECRET, SEED),
	ROW_UNUSED("server_name", F_STR, SEED),
	ROW_UNUSED("allow_insecure", F_BOOL, SEED),
	ROW_UNUSED("install_dir", F_STR, "engines are found on PATH or in [paths] of config.toml"),
	ROW_UNUSED("full_tunnel_verbose", F_BOOL, "use 'check -v'"),
	ROW_REFUSED("endpoint_groups", "endpoint groups are out of scope; write a balancer in balancers.append.json"),
};
static const struct table table_client = { ROWS(client_rows), .at_offset = offsetof(struct client, at) };

static const struct field client_file_rows[] = {
	ROW_INLINE("logging", &table_logging, "xrat's own messages"),
	ROW("client", F_TABLE, struct desired, client, .sub = &table_client, .help = "the client role"),
	ROW_INLINE("extensions", &table_extensions, "what snippets may replace"),
	ROW_INLINE("xray_assets", &table_assets, "geoip, geosite and other data files"),
};
const struct table table_client_file = { ROWS(client_file_rows), .at_offset = TABLE_NO_AT };
