/* Rows of finalmask. */
#include "model/xkeys_tables.h"

static const struct xname packet_type_rows[] = {
	{ .name = "array" }, { .name = "str" }, { .name = "hex" }, { .name = "base64" }, { .name = "", .hidden = true },
};
static const struct xnames packet_types = { ROWS_OF(packet_type_rows) };
extern const struct xtable xt_transform;
static const struct xkey arg_rows[] = {
	KEY("type", XT_ENUM, .names = &packet_types),
	KEY("bytes", XT_ANY),
	KEY("u64", XT_INT, U64),
	KEY("reuse", XT_STR),
	KEY("metadata", XT_STR),
	KEY("transform", XT_OBJ, .sub = &xt_transform),
};
static const struct xtable arg_table = { "mask-transform-arg", "an argument", TABLE_OF(arg_rows) };
static const struct xkey transform_rows[] = {
	KEY("op", XT_STR, .flags = XK_REQUIRED),
	KEY("args", XT_OBJS, .sub = &arg_table, .flags = XK_REQUIRED),
};
const struct xtable xt_transform = { "mask-transform", "transform", TABLE_OF(transform_rows) };

#define ITEM_ROWS                                                                     \
	KEY("rand", XT_INT, I32), KEY("randRange", XT_RANGE, .lo = 0, .hi = 255),     \
		KEY("capture", XT_STR), KEY("type", XT_ENUM, .names = &packet_types), \
		KEY("reuse", XT_STR), KEY("transform", XT_OBJ, .sub = &xt_transform), \
		KEY("packet", XT_ANY)
static const struct xkey tcp_item_rows[] = { ITEM_ROWS, KEY("delay", XT_RANGE) };
static const struct xtable tcp_item_table = { "mask-tcp-item", "an item", TABLE_OF(tcp_item_rows) };
static const struct xkey tcp_custom_rows[] = {
	KEY("clients", XT_OBJ_LISTS, .sub = &tcp_item_table),
	KEY("servers", XT_OBJ_LISTS, .sub = &tcp_item_table),
	KEY("errors", XT_OBJ_LISTS, .sub = &tcp_item_table),
};
static const struct xtable tcp_custom_table = { "mask-tcp-custom", "settings of header-custom",
	TABLE_OF(tcp_custom_rows) };
static const struct xkey udp_item_rows[] = { ITEM_ROWS };
static const struct xtable udp_item_table = { "mask-udp-item", "an item", TABLE_OF(udp_item_rows) };
static const struct xname udp_mode_rows[] = { { .name = "prefix" }, { .name = "standalone" },
	{ .name = "", .hidden = true } };
static const struct xnames udp_modes = { ROWS_OF(udp_mode_rows), .exact = true };
static const struct xkey udp_custom_rows[] = {
	KEY("mode", XT_ENUM, .names = &udp_modes),
	KEY("client", XT_OBJS, .sub = &udp_item_table),
	KEY("server", XT_OBJS, .sub = &udp_item_table),
};
static const struct xtable udp_custom_table = { "mask-udp-custom", "settings of header-custom",
	TABLE_OF(udp_custom_rows) };

static const struct xkey fragment_rows[] = {
	KEY("packets", XT_STR, .format = XF_PACKETS),
	KEY("length", XT_RANGE, .lo = 1, .hi = INT32_MAX),
	KEY("delay", XT_RANGE),
	KEY("lengths", XT_RANGES),
	KEY("delays", XT_RANGES),
	KEY("maxSplit", XT_RANGE),
};
static const struct xneed fragment_needs[] = { NEED(NULL, "length", "lengths") };
static const struct xtable fragment_table = { "mask-fragment", "settings of fragment", TABLE_OF(fragment_rows),
	NEEDS_OF(fragment_needs) };
static const struct xkey sudoku_rows[] = {
	KEY("password", XT_STR, .flags = XK_SECRET),
	KEY("ascii", XT_STR),
	KEY("customTable", XT_STR, .beats = "custom_table"),
	KEY("customTables", XT_STRS, .beats = "custom_tables"),
	KEY("paddingMin", XT_INT, U32, .beats = "padding_min"),
	KEY("paddingMax", XT_INT, U32, .beats = "padding_max"),
	KEY("custom_table", XT_STR),
	KEY("custom_tables", XT_STRS),
	KEY("padding_min", XT_INT, U32),
	KEY("padding_max", XT_INT, U32),
};
static const struct xtable sudoku_table = { "mask-sudoku", "settings of sudoku", TABLE_OF(sudoku_rows) };
static const struct xkey profile_rows[] = {
	KEY("username", XT_STR, .flags = XK_REQUIRED),
	KEY("uuid", XT_STR, .flags = XK_REQUIRED | XK_SECRET),
	KEY("texturesValue", XT_STR, .flags = XK_REQUIRED),
	KEY("texturesSignature", XT_STR, .flags = XK_REQUIRED),
};
static const struct xtable profile_table = { "mask-xmc-profile", "a profile", TABLE_OF(profile_rows) };
static const struct xkey xmc_rows[] = {
	KEY("hostname", XT_STR),
	KEY("profiles", XT_OBJS, .sub = &profile_table, .flags = XK_REQUIRED),
	KEY("password", XT_STR, .flags = XK_REQUIRED | XK_SECRET),
};
static const struct xtable xmc_table = { "mask-xmc", "settings of xmc", TABLE_OF(xmc_rows) };

static const struct xname legacy_header_rows[] = {
	{ .name = "dns" }, { .name = "dtls" }, { .name = "srtp" }, { .name = "utp" }, { .name = "wechat" },
	{ .name = "wireguard" }, { .name = "", .hidden = true },
};
static const struct xnames legacy_headers = { ROWS_OF(legacy_header_rows) };
static const struct xkey legacy_rows[] = {
	KEY("header", XT_ENUM, .names = &legacy_headers),
	KEY("value", XT_STR, .flags = XK_SECRET),
};
static const struct xtable legacy_table = { "mask-mkcp-legacy", "settings of mkcp-legacy", TABLE_OF(legacy_rows) };
static const struct xkey noise_item_rows[] = {
	KEY("rand", XT_RANGE),
	KEY("randRange", XT_RANGE, .lo = 0, .hi = 255),
	KEY("type", XT_ENUM, .names = &packet_types),
	KEY("packet", XT_ANY),
	KEY("delay", XT_RANGE),
};
static const struct xtable noise_item_table = { "mask-noise-item", "a noise", TABLE_OF(noise_item_rows) };
static const struct xkey noise_rows[] = {
	KEY("reset", XT_RANGE),
	KEY("noise", XT_OBJS, .sub = &noise_item_table),
};
static const struct xtable noise_table = { "mask-noise", "settings of noise", TABLE_OF(noise_rows) };
static const struct xkey salamander_rows[] = {
	KEY("password", XT_STR, .flags = XK_SECRET),
	KEY("packetSize", XT_RANGE, .lo = 0, .hi = 2048),
};
static const struct xtable salamander_table = { "mask-salamander", "settings of salamander",
	TABLE_OF(salamander_rows) };
static const struct xkey xdns_rows[] = {
	KEY("domains", XT_STRS),
	KEY("resolvers", XT_STRS),
	KEY("domain", XT_ANY, NOBODY, .flags = XK_REFUSED,
	    .advice = "use 'domains' on the server, 'resolvers' on the client"),
};
static const struct xneed xdns_needs[] = { NEED(NULL, "domains", "resolvers") };
static const struct xtable xdns_table = { "mask-xdns", "settings of xdns", TABLE_OF(xdns_rows), NEEDS_OF(xdns_needs) };
static const struct xkey xicmp_rows[] = {
	KEY("dgram", XT_BOOL),
	KEY("ips", XT_STRS, .format = XF_IP),
};
static const struct xtable xicmp_table = { "mask-xicmp", "settings of xicmp", TABLE_OF(xicmp_rows) };
static const struct xkey realm_rows[] = {
	KEY("url", XT_STR, .flags = XK_REQUIRED | XK_SECRET),
	KEY("stunServers", XT_STRS, .flags = XK_REQUIRED),
	KEY("tlsConfig", XT_OBJ, .sub = &xt_tls),
};
static const struct xtable realm_table = { "mask-realm", "settings of realm", TABLE_OF(realm_rows) };

static const struct xvariant tcp_variants[] = {
	{ "header-custom", &tcp_custom_table }, { "fragment", &fragment_table }, { "sudoku", &sudoku_table },
	{ "xmc", &xmc_table },
};
static const struct xvariants tcp_settings = { .by = "type", ROWS_OF(tcp_variants) };
static const struct xname tcp_type_rows[] = { { .name = "header-custom" }, { .name = "fragment" },
	{ .name = "sudoku" }, { .name = "xmc" } };
static const struct xnames tcp_types = { ROWS_OF(tcp_type_rows) };
static const struct xkey tcp_mask_rows[] = {
	KEY("type", XT_ENUM, .names = &tcp_types, .flags = XK_REQUIRED),
	KEY("settings", XT_VARIANT, .variants = &tcp_settings, .flags = XK_IMPLIED),
};
static const struct xtable tcp_mask_table = { "mask-tcp", "a TCP mask", TABLE_OF(tcp_mask_rows) };
static const struct xvariant udp_variants[] = {
	{ "header-custom", &udp_custom_table }, { "mkcp-legacy", &legacy_table }, { "noise", &noise_table },
	{ "salamander", &salamander_table },    { "sudoku", &sudoku_table },      { "xdns", &xdns_table },
	{ "xicmp", &xicmp_table },              { "realm", &realm_table },
};
static const struct xvariants udp_settings = { .by = "type", ROWS_OF(udp_variants) };
static const struct xname udp_type_rows[] = {
	{ .name = "header-custom" }, { .name = "mkcp-legacy" }, { .name = "noise" }, { .name = "salamander" },
	{ .name = "sudoku" }, { .name = "xdns" }, { .name = "xicmp" }, { .name = "realm" },
};
static const struct xnames udp_types = { ROWS_OF(udp_type_rows) };
static const struct xkey udp_mask_rows[] = {
	KEY("type", XT_ENUM, .names = &udp_types, .flags = XK_REQUIRED),
	KEY("settings", XT_VARIANT, .variants = &udp_settings, .flags = XK_IMPLIED),
};
static const struct xtable udp_mask_table = { "mask-udp", "a UDP mask", TABLE_OF(udp_mask_rows) };

static const struct xname congestion_rows[] = { { .name = "reno" }, { .name = "bbr" }, { .name = "brutal" },
	{ .name = "force-brutal" }, { .name = "", .hidden = true } };
static const struct xnames congestions = { ROWS_OF(congestion_rows) };
static const struct xname profile_name_rows[] = { { .name = "conservative" }, { .name = "standard" },
	{ .name = "aggressive" }, { .name = "", .hidden = true } };
static const struct xnames profiles = { ROWS_OF(profile_name_rows) };
static const struct xkey hop_rows[] = {
	KEY("ports", XT_PORTS),
	KEY("interval", XT_RANGE),
};
static const struct xtable hop_table = { "udp-hop", "udpHop", TABLE_OF(hop_rows) };
static const struct xkey quic_rows[] = {
	KEY("congestion", XT_ENUM, .names = &congestions),
	KEY("debug", XT_BOOL),
	KEY("bbrProfile", XT_ENUM, .names = &profiles),
	KEY("brutalUp", XT_STR, .format = XF_BANDWIDTH),
	KEY("brutalDown", XT_STR, .format = XF_BANDWIDTH),
	KEY("udpHop", XT_OBJ, .sub = &hop_table),
	KEY("initStreamReceiveWindow", XT_INT, U64),
	KEY("maxStreamReceiveWindow", XT_INT, U64),
	KEY("initConnectionReceiveWindow", XT_INT, U64),
	KEY("maxConnectionReceiveWindow", XT_INT, U64),
	KEY("maxIdleTimeout", XT_INT, .lo = 0, .hi = 120),
	KEY("keepAlivePeriod", XT_INT, .lo = 0, .hi = 60),
	KEY("disablePathMTUDiscovery", XT_BOOL),
	KEY("maxIncomingStreams", XT_INT, I64),
};
static const struct xtable quic_table = { "quic-params", "quicParams", TABLE_OF(quic_rows) };
static const struct xkey finalmask_rows[] = {
	KEY("tcp", XT_OBJS, .sub = &tcp_mask_table),
	KEY("udp", XT_OBJS, .sub = &udp_mask_table),
	KEY("quicParams", XT_OBJ, .sub = &quic_table, NO_26_2),
};
const struct xtable xt_finalmask = { "finalmask", "finalmask", TABLE_OF(finalmask_rows) };
