/* Field rows of config.toml: machine settings. */
#include "model/tables_impl.h"

static const char *const names_query[] = { "UseSystem", "UseIP", "UseIPv4", "UseIPv6", NULL };

#define CF(key, kind, member, ...) ROW(key, kind, struct config, member, __VA_ARGS__)

static const struct field paths[] = {
	CF("xray", F_PATH, paths.xray, .example = "\"/usr/bin/xray\"",
	   .help = "the xray program; default: found on PATH"),
	CF("v2ray", F_PATH, paths.v2ray, .example = "\"/usr/bin/v2ray\"",
	   .help = "the v2ray program; default: found on PATH"),
	CF("sing_box", F_PATH, paths.sing_box, .example = "\"/usr/bin/sing-box\"",
	   .help = "the sing-box program; without effect, since it is only exported for"),
	ROW_UNUSED("database", F_STR, "set 'path' in [database]"),
};
static const struct table table_paths = { ROWS(paths), .at_offset = TABLE_NO_AT };

static const struct field database[] = {
	CF("path", F_PATH, database.path, .flags = FIELD_NONEMPTY, .def = "\"xrat.db\"",
	   .help = "the database file, relative to the configuration root, or absolute"),
	ROW_FIXED("backend", F_STR, "sqlite", "SQLite is the only database"),
	ROW_UNUSED("sqlite", F_ANY, "set 'path' in [database]"),
	ROW_REFUSED("postgres", "PostgreSQL is out of scope; nodes and sessions live in SQLite"),
};
static const struct table table_database = { ROWS(database), .at_offset = TABLE_NO_AT };

#define CR(key, kind, member, ...) ROW(key, kind, struct config_rules, member, __VA_ARGS__)
static const struct field rules[] = {
	CR("domain", F_STRS, domain, .def = "[]", .example = "[\"domain:example.org\"]",
	   .help = "domains, as in rules"),
	CR("ip", F_STRS, ip, .def = "[]", .example = "[\"192.168.0.0/16\"]", .help = "addresses, as in rules"),
	CR("geosite", F_STRS, geosite, .def = "[]", .example = "[\"private\"]", .help = "codes of geosite.dat"),
	CR("geoip", F_STRS, geoip, .def = "[]", .example = "[\"private\"]", .help = "codes of geoip.dat"),
};
static const struct table table_rules = { ROWS(rules), .at_offset = TABLE_NO_AT };
static const struct field routing[] = {
	CF("domain_strategy", F_STR, routing.domain_strategy, .names = names_routing_strategy,
	   .def = "\"IPIfNonMatch\"", .help = "when domains are resolved for address rules"),
	CF("direct", F_TABLE, routing.direct, .sub = &table_rules, .help = "what goes past the proxy"),
	CF("block", F_TABLE, routing.block, .sub = &table_rules, .help = "what is refused"),
};
static const struct table table_routing = { ROWS(routing), .at_offset = TABLE_NO_AT };

#define DN(key, kind, member, ...) ROW(key, kind, struct config_dns, member, __VA_ARGS__)
#define NEWER "this table of newer versions is not read; use servers and hosts"
static const struct field dns[] = {
	DN("query_strategy", F_STR, query_strategy, .names = names_query, .def = "\"UseSystem\"",
	   .help = "which addresses are asked for"),
	DN("servers", F_STRS, servers, .def = "[]", .example = "[\"https://9.9.9.9/dns-query\"]",
	   .help = "name servers, as in Xray"),
	DN("use_system_hosts", F_BOOL, use_system_hosts, .def = "true", .help = "read the system's hosts file"),
	DN("disable_cache", F_BOOL, disable_cache, .def = "false", .help = "ask every time"),
	DN("disable_fallback", F_BOOL, disable_fallback, .def = "false", .help = "never ask the next server"),
	DN("enable_parallel_query", F_BOOL, enable_parallel_query, .def = "true", .help = "ask all servers at once"),
	DN("hosts", F_RAW, hosts, .example = "{ \"router.example\" = \"192.168.1.1\" }",
	   .help = "names with fixed addresses"),
	ROW_UNUSED("resolvers", F_ANY, NEWER),
	ROW_UNUSED("rules", F_ANY, NEWER),
	ROW_UNUSED("final_resolver", F_ANY, NEWER),
	ROW_UNUSED("bootstrap_resolver", F_ANY, NEWER),
	ROW_UNUSED("listener", F_ANY, NEWER),
	ROW_UNUSED("outbound", F_ANY, NEWER),
	ROW_UNUSED("fakeip", F_ANY, NEWER),
};
static const struct table table_dns = { ROWS(dns), .at_offset = TABLE_NO_AT };

static const struct field apply[] = {
	CF("settle_ms", F_INT, apply.settle_ms, .lo = 0, .hi = 60000, .def = "200",
	   .help = "quiet time before an edit is applied"),
	CF("max_wait_ms", F_INT, apply.max_wait_ms, .lo = 0, .hi = 600000, .def = "2000",
	   .help = "apply by then even while edits go on"),
	CF("prove_seconds", F_INT, apply.prove_seconds, .lo = 0, .hi = 3600, .def = "5",
	   .help = "how long a new configuration must run to count as good"),
	CF("keep_generations", F_INT, apply.keep_generations, .lo = 1, .hi = 1000, .def = "5",
	   .help = "generations kept for rollback"),
};
static const struct table table_apply = { ROWS(apply), .at_offset = TABLE_NO_AT };

static const struct field server[] = {
	CF("enabled", F_BOOL, server.enabled, .def = "false", .help = "the HTTP API"),
	CF("host", F_HOST, server.host, .flags = FIELD_NONEMPTY, .def = "\"127.0.0.1\"",
	   .help = "address it listens on"),
	CF("port", F_PORT, server.port, .def = "18203", .help = "port it listens on"),
	CF("key", F_SECRET, server.key, .example = "{ env = \"XRAT_API_KEY\" }", .help = "what callers must present"),
	ROW_UNUSED("pac_enabled", F_BOOL, "no proxy script is served"),
	ROW_UNUSED("pac_allowed_hosts", F_ANY, "no proxy script is served"),
};
static const struct table table_server = { ROWS(server), .at_offset = offsetof(struct config, server.at) };

#define NOT_HERE "no setting of it exists here"
static const struct field config_rows[] = {
	ROW_INLINE("paths", &table_paths, "programs"),
	ROW_INLINE("database", &table_database, "nodes, sessions and events"),
	ROW_INLINE("runtime", &table_runtime, "engine and sessions"),
	ROW_INLINE("routing", &table_routing, "rules of sessions"),
	CF("dns", F_TABLE, dns, .sub = &table_dns, .help = "name resolution of sessions"),
	ROW_INLINE("apply", &table_apply, "publishing"),
	ROW_INLINE("server", &table_server, "the HTTP API"),
	ROW_UNUSED("subscriptions", F_ANY, "run 'xrat update' from a timer"),
	ROW_UNUSED("testing", F_ANY, "options of 'xrat test' are given on the command line"),
	ROW_UNUSED("parser", F_ANY, "use 'xrat import --lenient'"),
	ROW_UNUSED("geo", F_ANY, "asset files are listed in [xray_assets]"),
	ROW_UNUSED("mmdb", F_ANY, NOT_HERE),
};
const struct table table_config_file = { ROWS(config_rows), .at_offset = TABLE_NO_AT };
