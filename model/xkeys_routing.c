/* Rows of routing, dns and fakedns. */
#include "model/xkeys_tables.h"

static const struct xname network_rows[] = {
	{ .name = "tcp" }, { .name = "udp" }, { .name = "unix", .hidden = true },
};
const struct xnames xn_networks = { ROWS_OF(network_rows), .silent = "a network that never matches" };
static const struct xname network_one_rows[] = { { .name = "tcp" }, { .name = "udp" }, { .name = "", .hidden = true } };
const struct xnames xn_network_one = { ROWS_OF(network_one_rows), .silent = "no network" };

static const struct xkey webhook_rows[] = {
	KEY("url", XT_STR),
	KEY("deduplication", XT_INT, U32),
	KEY("headers", XT_MAP_STR),
};
static const struct xtable webhook_table = { "rule-webhook", "webhook", TABLE_OF(webhook_rows) };

/* The keys of most rules come first: they are looked up in this order. */
static const struct xkey rule_rows[] = {
	KEY("type", XT_STR, ONLY_V2RAY, .flags = XK_HARMLESS),
	KEY("domain", XT_STRLIST),
	KEY("ip", XT_STRLIST),
	KEY("outboundTag", XT_STR),
	KEY("ruleTag", XT_STR, NO_V2RAY, .flags = XK_HARMLESS),
	KEY("network", XT_ENUMLIST, .names = &xn_networks),
	KEY("port", XT_PORTS, .flags = XK_NONZERO),
	KEY("inboundTag", XT_STRLIST),
	KEY("balancerTag", XT_STR),
	KEY("protocol", XT_STRLIST),
	KEY("domains", XT_STRLIST, .beats = "domain"),
	KEY("user", XT_STRLIST),
	KEY("sourceIP", XT_STRLIST, NO_V2RAY, .beats = "source", .flags = XK_MATTERS,
	    .advice = "it is called 'source' there"),
	KEY("source", XT_STRLIST),
	KEY("sourcePort", XT_PORTS, .flags = XK_NONZERO),
	KEY("attrs", XT_MAP_STR, .flags = XK_PUBLIC),
	KEY("vlessRoute", XT_PORTS, ONLY_XRAY, .flags = XK_MATTERS),
	KEY("localIP", XT_STRLIST, NO_V2RAY, .flags = XK_MATTERS),
	KEY("localPort", XT_PORTS, NO_V2RAY, .flags = XK_NONZERO | XK_MATTERS),
	KEY("process", XT_STRLIST, ONLY_XRAY, .flags = XK_MATTERS),
	KEY("localOS", XT_STRLIST, ONLY_26_7, .flags = XK_MATTERS),
	KEY("webhook", XT_OBJ, .sub = &webhook_table, ONLY_26_7),
	KEY("processName", XT_STRLIST, NOBODY, .flags = XK_MATTERS, .advice = "it is called 'process' now"),
	KEY("domainMatcher", XT_STR, NOBODY, .flags = XK_HARMLESS),
	KEY("enabled", XT_BOOL, NOBODY, .flags = XK_MATTERS, .advice = "remove the rule instead"),
};
static const struct xneed rule_needs[] = { NEED(NULL, "outboundTag", "balancerTag") };
const struct xtable xt_rule = { "rule", "a routing rule", TABLE_OF(rule_rows), NEEDS_OF(rule_needs) };

static const struct xkey cost_rows[] = {
	KEY("regexp", XT_BOOL),
	KEY("match", XT_STR),
	KEY("value", XT_FLOAT),
};
static const struct xtable cost_table = { "cost", "a leastLoad cost", TABLE_OF(cost_rows) };
static const struct xkey least_load_rows[] = {
	KEY("costs", XT_OBJS, .sub = &cost_table),
	KEY("baselines", XT_STRS, .format = XF_DURATION),
	KEY("expected", XT_INT, I32),
	KEY("maxRTT", XT_STR, .format = XF_DURATION),
	KEY("tolerance", XT_FLOAT),
};
static const struct xtable least_load_table = { "least-load", "settings of leastLoad", TABLE_OF(least_load_rows) };
static const struct xtable strategy_none_table = { "strategy-none", "settings of this strategy", NULL, 0, NULL, 0 };
static const struct xvariant strategy_variants[] = {
	{ "random", &strategy_none_table },
	{ "roundRobin", &strategy_none_table },
	{ "leastPing", &strategy_none_table },
	{ "leastLoad", &least_load_table },
};
static const struct xvariants strategies = { .by = "type", ROWS_OF(strategy_variants) };
static const struct xname strategy_name_rows[] = {
	{ .name = "random" }, { .name = "roundRobin" }, { .name = "leastPing", ONLY_XRAY },
	{ .name = "leastLoad", ONLY_XRAY }, { .name = "", .hidden = true },
};
static const struct xnames strategy_names = { ROWS_OF(strategy_name_rows) };
static const struct xkey strategy_rows[] = {
	KEY("type", XT_ENUM, .names = &strategy_names),
	KEY("settings", XT_VARIANT, .variants = &strategies),
};
static const struct xtable strategy_table = { "strategy", "a balancer strategy", TABLE_OF(strategy_rows) };
static const struct xkey balancer_rows[] = {
	KEY("tag", XT_STR, .flags = XK_REQUIRED),
	KEY("selector", XT_STRLIST, .flags = XK_REQUIRED),
	KEY("strategy", XT_OBJ, .sub = &strategy_table, NO_V2RAY, .flags = XK_MATTERS),
	KEY("fallbackTag", XT_STR, ONLY_XRAY, .flags = XK_MATTERS),
};
const struct xtable xt_balancer = { "balancer", "a balancer", TABLE_OF(balancer_rows) };

static const struct xname route_strategy_rows[] = {
	{ .name = "AsIs" }, { .name = "IPIfNonMatch" }, { .name = "IPOnDemand" }, { .name = "", .hidden = true },
};
static const struct xnames route_strategies = { ROWS_OF(route_strategy_rows), .silent = "'AsIs'" };
static const struct xkey routing_rows[] = {
	KEY("rules", XT_OBJS, .sub = &xt_rule),
	KEY("domainStrategy", XT_ENUM, .names = &route_strategies),
	KEY("balancers", XT_OBJS, .sub = &xt_balancer),
	KEY("domainMatcher", XT_STR, NOBODY, .advice = "remove it: every matcher is the fast one now"),
	KEY("settings", XT_ANY, ONLY_V2RAY, .flags = XK_MATTERS,
	    .advice = "move 'rules' and 'domainStrategy' out of it, into 'routing' itself"),
	KEY("strategy", XT_STR, ONLY_V2RAY, .advice = "remove it"),
};
const struct xtable xt_routing = { "routing", "routing", TABLE_OF(routing_rows) };

static const struct xname query_rows[] = {
	{ .name = "UseIP" }, { .name = "UseIPv4" }, { .name = "UseIPv6" }, { .name = "UseSystem", ONLY_XRAY },
	{ .name = "", .hidden = true }, { .name = "use_ip", .hidden = true }, { .name = "use-ip", .hidden = true },
	{ .name = "useip4", .hidden = true }, { .name = "use_ip4", .hidden = true },
	{ .name = "use_ipv4", .hidden = true }, { .name = "use_ip_v4", .hidden = true },
	{ .name = "use-ip4", .hidden = true }, { .name = "use-ipv4", .hidden = true },
	{ .name = "use-ip-v4", .hidden = true }, { .name = "useip6", .hidden = true },
	{ .name = "use_ip6", .hidden = true }, { .name = "use_ipv6", .hidden = true },
	{ .name = "use_ip_v6", .hidden = true }, { .name = "use-ip6", .hidden = true },
	{ .name = "use-ipv6", .hidden = true }, { .name = "use-ip-v6", .hidden = true },
	{ .name = "usesys", .hidden = true, ONLY_XRAY }, { .name = "use_sys", .hidden = true, ONLY_XRAY },
	{ .name = "use_system", .hidden = true, ONLY_XRAY }, { .name = "use-sys", .hidden = true, ONLY_XRAY },
	{ .name = "use-system", .hidden = true, ONLY_XRAY },
};
static const struct xnames query_strategies = { ROWS_OF(query_rows), .silent = "'UseIP'" };
static const struct xkey dns_server_rows[] = {
	KEY("address", XT_STR, .flags = XK_REQUIRED),
	KEY("port", XT_PORT),
	KEY("domains", XT_STRLIST),
	KEY("expectedIPs", XT_STRLIST, NO_V2RAY, .beats = "expectIPs", .flags = XK_MATTERS,
	    .advice = "it is called 'expectIPs' there"),
	KEY("expectIPs", XT_STRLIST),
	KEY("unexpectedIPs", XT_STRLIST, NO_V2RAY),
	KEY("clientIp", XT_STR, NO_V2RAY, .format = XF_IP),
	KEY("skipFallback", XT_BOOL, NO_V2RAY),
	KEY("queryStrategy", XT_ENUM, .names = &query_strategies, NO_V2RAY),
	KEY("tag", XT_STR, NO_V2RAY),
	KEY("timeoutMs", XT_INT, U64, NO_V2RAY),
	KEY("disableCache", XT_BOOL, NO_V2RAY),
	KEY("serveStale", XT_BOOL, ONLY_XRAY),
	KEY("serveExpiredTTL", XT_INT, U32, ONLY_XRAY),
	KEY("finalQuery", XT_BOOL, NO_V2RAY),
	KEY("allowUnexpectedIPs", XT_BOOL, NOBODY, .advice = "put \"*\" into 'expectedIPs' instead"),
};
static const struct xtable dns_server_table = { "dns-server", "a DNS server", TABLE_OF(dns_server_rows) };
static const struct xkey dns_rows[] = {
	KEY("servers", XT_STR_OR_OBJS, .sub = &dns_server_table),
	KEY("hosts", XT_MAP_HOSTS),
	KEY("clientIp", XT_STR, .format = XF_IP),
	KEY("tag", XT_STR),
	KEY("queryStrategy", XT_ENUM, .names = &query_strategies, NO_V2RAY),
	KEY("disableCache", XT_BOOL, NO_V2RAY),
	KEY("serveStale", XT_BOOL, ONLY_XRAY),
	KEY("serveExpiredTTL", XT_INT, U32, ONLY_XRAY),
	KEY("disableFallback", XT_BOOL, NO_V2RAY),
	KEY("disableFallbackIfMatch", XT_BOOL, NO_V2RAY),
	KEY("enableParallelQuery", XT_BOOL, ONLY_XRAY),
	KEY("useSystemHosts", XT_BOOL, ONLY_XRAY),
};
const struct xtable xt_dns = { "dns", "dns", TABLE_OF(dns_rows) };
static const struct xkey pool_rows[] = {
	KEY("ipPool", XT_STR, .flags = XK_REQUIRED),
	KEY("poolSize", XT_INT, .lo = 1, .hi = INT64_MAX, .flags = XK_REQUIRED),
};
const struct xtable xt_pool = { "fakedns-pool", "a fakedns pool", TABLE_OF(pool_rows) };
