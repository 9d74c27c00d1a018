/* Rows of the top level and of its small sections: log, api, stats, policy, metrics, observatories, reverse,
 * geodata. */
#include "model/xkeys_tables.h"

static const struct xname loglevel_rows[] = {
	{ .name = "debug" }, { .name = "info" }, { .name = "warning" }, { .name = "error" }, { .name = "none" },
	{ .name = "", .hidden = true },
};
static const struct xnames loglevels = { ROWS_OF(loglevel_rows), .silent = "'warning'" };
static const struct xkey log_rows[] = {
	KEY("access", XT_STR),
	KEY("error", XT_STR),
	KEY("loglevel", XT_ENUM, .names = &loglevels),
	KEY("dnsLog", XT_BOOL, NO_V2RAY, .flags = XK_HARMLESS),
	KEY("maskAddress", XT_STR, NO_V2RAY),
};
static const struct xtable log_table = { "log", "log", TABLE_OF(log_rows) };

static const struct xname service_rows[] = {
	{ .name = "HandlerService" }, { .name = "StatsService" }, { .name = "LoggerService" },
	{ .name = "RoutingService", .lacks = TARGET_BIT_V2RAY_4_34 },
	{ .name = "ObservatoryService", .lacks = TARGET_BIT_V2RAY_4_34 },
	{ .name = "ReflectionService", .lacks = TARGET_BIT_V2RAY_4_34 },
};
static const struct xnames services = { ROWS_OF(service_rows), .silent = "nothing: the service is left out" };
static const struct xkey api_rows[] = {
	KEY("tag", XT_STR, .flags = XK_REQUIRED),
	KEY("listen", XT_STR, NO_V2RAY, .flags = XK_REPORTED),
	KEY("services", XT_ENUMS, .names = &services),
};
static const struct xtable api_table = { "api", "api", TABLE_OF(api_rows) };
const struct xtable xt_empty = { "empty", "an object without keys", NULL, 0, NULL, 0 };

static const struct xkey level_rows[] = {
	KEY("handshake", XT_INT, U32),
	KEY("connIdle", XT_INT, U32),
	KEY("uplinkOnly", XT_INT, U32),
	KEY("downlinkOnly", XT_INT, U32),
	KEY("statsUserUplink", XT_BOOL),
	KEY("statsUserDownlink", XT_BOOL),
	KEY("statsUserOnline", XT_BOOL, ONLY_XRAY, .flags = XK_HARMLESS),
	KEY("bufferSize", XT_INT, I32),
};
static const struct xtable level_table = { "policy-level", "a policy level", TABLE_OF(level_rows) };
static const struct xkey system_rows[] = {
	KEY("statsInboundUplink", XT_BOOL),
	KEY("statsInboundDownlink", XT_BOOL),
	KEY("statsOutboundUplink", XT_BOOL),
	KEY("statsOutboundDownlink", XT_BOOL),
};
static const struct xtable system_table = { "policy-system", "policy.system", TABLE_OF(system_rows) };
static const struct xkey policy_rows[] = {
	KEY("levels", XT_MAP_LEVELS, .sub = &level_table),
	KEY("system", XT_OBJ, .sub = &system_table),
};
const struct xtable xt_policy = { "policy", "policy", TABLE_OF(policy_rows) };

static const struct xkey metrics_rows[] = {
	KEY("tag", XT_STR),
	KEY("listen", XT_STR),
};
static const struct xneed metrics_needs[] = { NEED(NULL, "listen", "tag") };
static const struct xtable metrics_table = { "metrics", "metrics", TABLE_OF(metrics_rows), NEEDS_OF(metrics_needs) };

static const struct xkey observatory_rows[] = {
	KEY("subjectSelector", XT_STRS),
	KEY("probeURL", XT_STR),
	KEY("probeInterval", XT_STR, .format = XF_DURATION),
	KEY("enableConcurrency", XT_BOOL),
};
const struct xtable xt_observatory = { "observatory", "observatory", TABLE_OF(observatory_rows) };
static const struct xkey ping_rows[] = {
	KEY("destination", XT_STR),
	KEY("connectivity", XT_STR),
	KEY("interval", XT_STR, .format = XF_DURATION),
	KEY("sampling", XT_INT, I64),
	KEY("timeout", XT_STR, .format = XF_DURATION),
	KEY("httpMethod", XT_STR),
};
static const struct xtable ping_table = { "ping-config", "pingConfig", TABLE_OF(ping_rows) };
static const struct xkey burst_rows[] = {
	KEY("subjectSelector", XT_STRS),
	KEY("pingConfig", XT_OBJ, .sub = &ping_table, .flags = XK_REQUIRED),
};
const struct xtable xt_burst = { "burst-observatory", "burstObservatory", TABLE_OF(burst_rows) };

static const struct xkey bridge_rows[] = {
	KEY("tag", XT_STR),
	KEY("domain", XT_STR),
};
static const struct xtable bridge_table = { "reverse-item", "a bridge or portal", TABLE_OF(bridge_rows) };
static const struct xkey reverse_rows[] = {
	KEY("bridges", XT_OBJS, .sub = &bridge_table),
	KEY("portals", XT_OBJS, .sub = &bridge_table),
};
const struct xtable xt_reverse = { "reverse", "reverse", TABLE_OF(reverse_rows) };

static const struct xkey version_rows[] = {
	KEY("min", XT_STR),
	KEY("max", XT_STR),
};
static const struct xtable version_table = { "version", "version", TABLE_OF(version_rows) };
static const struct xkey asset_rows[] = {
	KEY("url", XT_STR, .format = XF_HTTPS, .flags = XK_REQUIRED),
	KEY("file", XT_STR, .flags = XK_REQUIRED),
};
static const struct xtable asset_table = { "geodata-asset", "a geodata asset", TABLE_OF(asset_rows) };
static const struct xkey geodata_rows[] = {
	KEY("cron", XT_STR),
	KEY("outbound", XT_STR),
	KEY("assets", XT_OBJS, .sub = &asset_table),
};
static const struct xtable geodata_table = { "geodata", "geodata", TABLE_OF(geodata_rows) };

static const struct xkey root_rows[] = {
	KEY("env", XT_MAP_STR, ONLY_26_7),
	KEY("log", XT_OBJ, .sub = &log_table),
	KEY("api", XT_OBJ, .sub = &api_table, NO_BUILTIN, .flags = XK_NOTED),
	KEY("stats", XT_OBJ, .sub = &xt_empty),
	KEY("policy", XT_OBJ, .sub = &xt_policy),
	KEY("dns", XT_OBJ, .sub = &xt_dns),
	KEY("fakedns", XT_OBJ_OR_OBJS, .sub = &xt_pool, NO_V2RAY),
	KEY("fakeDns", XT_OBJ_OR_OBJS, .sub = &xt_pool, NO_V2RAY, .beats = "fakedns"),
	KEY("routing", XT_OBJ, .sub = &xt_routing),
	KEY("inbounds", XT_OBJS, .sub = &xt_inbound, .flags = XK_SOME),
	KEY("outbounds", XT_OBJS, .sub = &xt_outbound, .flags = XK_SOME),
	KEY("reverse", XT_OBJ, .sub = &xt_reverse, ONLY_OLD, .flags = XK_REPORTED | XK_NOTED),
	KEY("metrics", XT_OBJ, .sub = &metrics_table, ONLY_XRAY),
	KEY("observatory", XT_OBJ, .sub = &xt_observatory, ONLY_XRAY),
	KEY("burstObservatory", XT_OBJ, .sub = &xt_burst, ONLY_XRAY),
	KEY("version", XT_OBJ, .sub = &version_table, ONLY_XRAY),
	KEY("geodata", XT_OBJ, .sub = &geodata_table, ONLY_26_7),
	KEY("transport", XT_ANY, ONLY_V2RAY, .flags = XK_REFUSED | XK_EMPTY_OK,
	    .advice = "move it into the streamSettings of each inbound and outbound"),
	KEY("inbound", XT_ANY, ONLY_V2RAY, .advice = "use a list, 'inbounds'"),
	KEY("outbound", XT_ANY, ONLY_V2RAY, .advice = "use a list, 'outbounds'"),
	KEY("inboundDetour", XT_ANY, ONLY_V2RAY, .advice = "move its entries to 'inbounds'"),
	KEY("outboundDetour", XT_ANY, ONLY_V2RAY, .advice = "move its entries to 'outbounds'"),
	KEY("$schema", XT_STR, NOBODY, .flags = XK_HARMLESS),
};
const struct xtable xt_root = { "root", "the top level", TABLE_OF(root_rows) };
