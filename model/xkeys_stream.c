/* Rows of streamSettings: the transports and sockopt. */
#include "model/xkeys_tables.h"

static const struct xkey http_request_rows[] = {
	KEY("version", XT_STR),
	KEY("method", XT_STR),
	KEY("path", XT_STRLIST),
	KEY("headers", XT_MAP_STRLIST),
};
static const struct xtable http_request_table = { "raw-request", "request", TABLE_OF(http_request_rows) };
static const struct xkey http_response_rows[] = {
	KEY("version", XT_STR),
	KEY("status", XT_STR),
	KEY("reason", XT_STR),
	KEY("headers", XT_MAP_STRLIST),
};
static const struct xtable http_response_table = { "raw-response", "response", TABLE_OF(http_response_rows) };
static const struct xname raw_header_rows[] = { { .name = "none" }, { .name = "http", NO_BUILTIN } };
static const struct xnames raw_headers = { ROWS_OF(raw_header_rows) };
static const struct xkey raw_header_keys[] = {
	KEY("type", XT_ENUM, .names = &raw_headers, .flags = XK_REQUIRED),
	KEY("request", XT_OBJ, .sub = &http_request_table, NO_BUILTIN),
	KEY("response", XT_OBJ, .sub = &http_response_table, NO_BUILTIN),
};
static const struct xtable raw_header_table = { "raw-header", "header", TABLE_OF(raw_header_keys) };
static const struct xkey raw_rows[] = {
	KEY("header", XT_OBJ, .sub = &raw_header_table),
	KEY("acceptProxyProtocol", XT_BOOL, NO_BUILTIN),
};
static const struct xtable raw_table = { "raw", "rawSettings", TABLE_OF(raw_rows) };

static const struct xkey ws_rows[] = {
	KEY("host", XT_STR, NO_V2RAY, .flags = XK_MATTERS, .advice = "write it as 'Host' into 'headers' there"),
	KEY("path", XT_STR),
	KEY("headers", XT_MAP_STR),
	KEY("acceptProxyProtocol", XT_BOOL),
	KEY("heartbeatPeriod", XT_INT, U32, NO_V2RAY),
	KEY("maxEarlyData", XT_INT, I32, NOBODY, .advice = "write it into 'path': \"/path?ed=2048\""),
	KEY("earlyDataHeaderName", XT_STR, NOBODY, .advice = "remove it: Sec-WebSocket-Protocol is used"),
	KEY("useBrowserForwarding", XT_BOOL, NOBODY, .advice = "remove it"),
};
static const struct xtable ws_table = { "ws", "wsSettings", TABLE_OF(ws_rows) };
static const struct xkey upgrade_rows[] = {
	KEY("host", XT_STR),
	KEY("path", XT_STR),
	KEY("headers", XT_MAP_STR, .flags = XK_NO_HOST),
	KEY("acceptProxyProtocol", XT_BOOL),
};
static const struct xtable upgrade_table = { "httpupgrade", "httpupgradeSettings", TABLE_OF(upgrade_rows) };
static const struct xkey grpc_rows[] = {
	KEY("authority", XT_STR),
	KEY("serviceName", XT_STR),
	KEY("multiMode", XT_BOOL),
	KEY("idle_timeout", XT_INT, I32),
	KEY("health_check_timeout", XT_INT, I32),
	KEY("permit_without_stream", XT_BOOL),
	KEY("initial_windows_size", XT_INT, I32),
	KEY("user_agent", XT_STR),
};
static const struct xtable grpc_table = { "grpc", "grpcSettings", TABLE_OF(grpc_rows) };

static const struct xname kcp_header_names[] = {
	{ .name = "none" }, { .name = "srtp" }, { .name = "utp" }, { .name = "wechat-video" }, { .name = "dtls" },
	{ .name = "wireguard" },
};
static const struct xnames kcp_headers = { ROWS_OF(kcp_header_names) };
static const struct xkey kcp_header_rows[] = { KEY("type", XT_ENUM, .names = &kcp_headers) };
static const struct xtable kcp_header_table = { "kcp-header", "header", TABLE_OF(kcp_header_rows) };
static const struct xkey kcp_rows[] = {
	KEY("mtu", XT_INT, .lo = 21, .hi = UINT32_MAX),
	KEY("tti", XT_INT, .lo = 10, .hi = 1000),
	KEY("uplinkCapacity", XT_INT, U32),
	KEY("downlinkCapacity", XT_INT, U32),
	KEY("cwndMultiplier", XT_INT, .lo = 1, .hi = UINT32_MAX, NO_26_2),
	KEY("maxSendingWindow", XT_INT, U32, NO_26_2),
	KEY("congestion", XT_BOOL, ONLY_OLD, .advice = "remove it"),
	KEY("readBufferSize", XT_INT, U32, ONLY_OLD, .advice = "remove it"),
	KEY("writeBufferSize", XT_INT, U32, ONLY_OLD, .advice = "use 'maxSendingWindow'"),
	KEY("header", XT_OBJ, .sub = &kcp_header_table, ONLY_V2RAY, .flags = XK_REFUSED,
	    .advice = "use 'finalmask': {\"udp\": [{\"type\": \"mkcp-legacy\", \"settings\": {\"header\": ...}}]}"),
	KEY("seed", XT_STR, ONLY_V2RAY, .flags = XK_REFUSED | XK_SECRET,
	    .advice = "use 'finalmask': {\"udp\": [{\"type\": \"mkcp-legacy\", \"settings\": {\"value\": ...}}]}"),
};
static const struct xtable kcp_table = { "kcp", "kcpSettings", TABLE_OF(kcp_rows) };

static const struct xkey xmux_rows[] = {
	KEY("maxConcurrency", XT_RANGE),
	KEY("maxConnections", XT_RANGE, .beats = "maxConcurrency", .flags = XK_CLASHES),
	KEY("cMaxReuseTimes", XT_RANGE),
	KEY("hMaxRequestTimes", XT_RANGE),
	KEY("hMaxReusableSecs", XT_RANGE),
	KEY("hKeepAlivePeriod", XT_INT, I64),
};
static const struct xtable xmux_table = { "xmux", "xmux", TABLE_OF(xmux_rows) };
static const struct xname mode_rows[] = {
	{ .name = "auto" }, { .name = "packet-up" }, { .name = "stream-up" }, { .name = "stream-one" },
	{ .name = "", .hidden = true },
};
static const struct xnames modes = { ROWS_OF(mode_rows), .exact = true };
static const struct xname padding_place_rows[] = {
	{ .name = "cookie" }, { .name = "header" }, { .name = "query" }, { .name = "queryInHeader" },
	{ .name = "", .hidden = true },
};
static const struct xnames padding_places = { ROWS_OF(padding_place_rows), .exact = true };
static const struct xname padding_method_rows[] = { { .name = "repeat-x" }, { .name = "tokenish" },
	{ .name = "", .hidden = true } };
static const struct xnames padding_methods = { ROWS_OF(padding_method_rows), .exact = true };
static const struct xname place_rows[] = {
	{ .name = "path" }, { .name = "cookie" }, { .name = "header" }, { .name = "query" },
	{ .name = "", .hidden = true },
};
static const struct xnames places = { ROWS_OF(place_rows), .exact = true };
static const struct xname data_place_rows[] = {
	{ .name = "auto" }, { .name = "body" }, { .name = "cookie" }, { .name = "header" },
	{ .name = "", .hidden = true },
};
static const struct xnames data_places = { ROWS_OF(data_place_rows), .exact = true };
#define XHTTP_ROWS                                                                                      \
	KEY("host", XT_STR), KEY("path", XT_STR), KEY("mode", XT_ENUM, .names = &modes),                \
		KEY("headers", XT_MAP_STR, .flags = XK_NO_HOST),                                        \
		KEY("xPaddingBytes", XT_RANGE, .lo = 1, .hi = INT32_MAX),                               \
		KEY("xPaddingObfsMode", XT_BOOL), KEY("xPaddingKey", XT_STR, .flags = XK_PUBLIC),       \
		KEY("xPaddingHeader", XT_STR), KEY("xPaddingPlacement", XT_ENUM, .names = &padding_places), \
		KEY("xPaddingMethod", XT_ENUM, .names = &padding_methods),                              \
		KEY("uplinkHTTPMethod", XT_STR),                                                        \
		KEY("sessionIDPlacement", XT_ENUM, .names = &places, NO_26_2,                           \
		    .advice = "it is called 'sessionPlacement' there"),                                 \
		KEY("sessionIDKey", XT_STR, NO_26_2, .flags = XK_PUBLIC,                                \
		    .advice = "it is called 'sessionKey' there"),                                       \
		KEY("sessionIDTable", XT_STR, NO_26_2, .flags = XK_PUBLIC),                             \
		KEY("sessionIDLength", XT_RANGE, NO_26_2),                                              \
		KEY("sessionPlacement", XT_ENUM, .names = &places, ONLY_26_2,                           \
		    .advice = "it is called 'sessionIDPlacement' now"),                                 \
		KEY("sessionKey", XT_STR, ONLY_26_2, .flags = XK_PUBLIC,                                \
		    .advice = "it is called 'sessionIDKey' now"),                                       \
		KEY("seqPlacement", XT_ENUM, .names = &places),                                         \
		KEY("seqKey", XT_STR, .flags = XK_PUBLIC),                                              \
		KEY("uplinkDataPlacement", XT_ENUM, .names = &data_places),                             \
		KEY("uplinkDataKey", XT_STR, .flags = XK_PUBLIC), KEY("uplinkChunkSize", XT_RANGE),     \
		KEY("noGRPCHeader", XT_BOOL), KEY("noSSEHeader", XT_BOOL),                              \
		KEY("scMaxEachPostBytes", XT_RANGE), KEY("scMinPostsIntervalMs", XT_RANGE),             \
		KEY("scMaxBufferedPosts", XT_INT, I64), KEY("scStreamUpServerSecs", XT_RANGE),          \
		KEY("scMaxConcurrentPosts", XT_ANY, NOBODY, .advice = "remove it; see 'xmux'"),         \
		KEY("keepAlivePeriod", XT_ANY, NOBODY, .advice = "use 'hKeepAlivePeriod' of 'xmux'"),   \
		KEY("serverMaxHeaderBytes", XT_INT, .lo = 0, .hi = INT32_MAX),                          \
		KEY("xmux", XT_OBJ, .sub = &xmux_table), KEY("downloadSettings", XT_OBJ, .sub = &xt_stream)
/* Inside 'extra' the outer host, path and mode win, and a nested 'extra' is not read. */
static const struct xkey xhttp_extra_rows[] = {
	XHTTP_ROWS,
	KEY("extra", XT_ANY, NOBODY, .advice = "it cannot be nested"),
};
static const struct xtable xhttp_extra_table = { "xhttp-extra", "extra", TABLE_OF(xhttp_extra_rows) };
static const struct xkey xhttp_rows[] = {
	XHTTP_ROWS,
	KEY("extra", XT_OBJ, .sub = &xhttp_extra_table),
};
static const struct xtable xhttp_table = { "xhttp", "xhttpSettings", TABLE_OF(xhttp_rows) };

static const struct xkey masquerade_rows[] = {
	KEY("type", XT_STR),
	KEY("dir", XT_STR),
	KEY("url", XT_STR),
	KEY("rewriteHost", XT_BOOL),
	KEY("insecure", XT_BOOL),
	KEY("content", XT_STR),
	KEY("headers", XT_MAP_STR),
	KEY("statusCode", XT_INT, I32),
};
static const struct xtable masquerade_table = { "masquerade", "masquerade", TABLE_OF(masquerade_rows) };
#define TO_QUIC ONLY_26_2, .advice = "move it to 'finalmask', into 'quicParams'"
static const struct xkey hysteria_rows[] = {
	KEY("version", XT_INT, .lo = 2, .hi = 2, .flags = XK_REQUIRED),
	KEY("auth", XT_STR, .flags = XK_SECRET),
	KEY("udpIdleTimeout", XT_INT, .lo = 0, .hi = 600),
	KEY("masquerade", XT_OBJ, .sub = &masquerade_table),
	KEY("congestion", XT_STR, TO_QUIC),
	KEY("up", XT_STR, TO_QUIC),
	KEY("down", XT_STR, TO_QUIC),
	KEY("udphop", XT_ANY, TO_QUIC),
};
static const struct xtable hysteria_table = { "hysteria-transport", "hysteriaSettings", TABLE_OF(hysteria_rows) };

extern const struct xnames xn_strategies;
static const struct xname tproxy_rows[] = { { .name = "off" }, { .name = "redirect" }, { .name = "tproxy" },
	{ .name = "", .hidden = true } };
static const struct xnames tproxies = { ROWS_OF(tproxy_rows), .silent = "'off'" };
static const struct xname record_rows[] = {
	{ .name = "none" }, { .name = "SrvPortOnly" }, { .name = "SrvAddressOnly" }, { .name = "SrvPortAndAddress" },
	{ .name = "TxtPortOnly" }, { .name = "TxtAddressOnly" }, { .name = "TxtPortAndAddress" },
	{ .name = "", .hidden = true },
};
static const struct xnames records = { ROWS_OF(record_rows) };
static const struct xkey eyeballs_rows[] = {
	KEY("prioritizeIPv6", XT_BOOL),
	KEY("tryDelayMs", XT_INT, U64),
	KEY("interleave", XT_INT, U32),
	KEY("maxConcurrentTry", XT_INT, U32),
};
static const struct xtable eyeballs_table = { "happy-eyeballs", "happyEyeballs", TABLE_OF(eyeballs_rows) };
static const struct xkey custom_rows[] = {
	KEY("system", XT_STR),
	KEY("network", XT_STR),
	KEY("level", XT_STR),
	KEY("opt", XT_STR),
	KEY("value", XT_STR),
	KEY("type", XT_STR),
};
static const struct xtable custom_table = { "custom-sockopt", "a custom socket option", TABLE_OF(custom_rows) };
static const struct xkey sockopt_rows[] = {
	KEY("mark", XT_INT, I32),
	KEY("tcpFastOpen", XT_BOOL_OR_INT, I32),
	KEY("tproxy", XT_ENUM, .names = &tproxies),
	KEY("acceptProxyProtocol", XT_BOOL, NO_BUILTIN),
	KEY("domainStrategy", XT_ENUM, .names = &xn_strategies, NO_V2RAY),
	KEY("dialerProxy", XT_STR, ONLY_XRAY, .flags = XK_MATTERS, .advice = "use 'proxySettings' there"),
	KEY("tcpKeepAliveInterval", XT_INT, I32, NO_V2RAY),
	KEY("tcpKeepAliveIdle", XT_INT, I32, NO_V2RAY),
	KEY("tcpCongestion", XT_STR, NO_V2RAY),
	KEY("tcpWindowClamp", XT_INT, I32, NO_V2RAY),
	KEY("tcpMaxSeg", XT_INT, I32, NO_V2RAY),
	KEY("tcpUserTimeout", XT_INT, I32, NO_V2RAY),
	KEY("tcpMptcp", XT_BOOL, NO_V2RAY),
	KEY("penetrate", XT_BOOL, ONLY_XRAY),
	KEY("v6only", XT_BOOL, NO_V2RAY),
	KEY("interface", XT_STR, NO_V2RAY, .flags = XK_MATTERS),
	KEY("customSockopt", XT_OBJS, .sub = &custom_table, ONLY_XRAY),
	KEY("addressPortStrategy", XT_ENUM, .names = &records, ONLY_XRAY),
	KEY("happyEyeballs", XT_OBJ, .sub = &eyeballs_table, NO_V2RAY),
	KEY("trustedXForwardedFor", XT_STRS, ONLY_XRAY),
	KEY("tcpNoDelay", XT_BOOL, NOBODY, .advice = "remove it: it is always on"),
};
const struct xtable xt_sockopt = { "sockopt", "sockopt", TABLE_OF(sockopt_rows) };

#define ADVICE_H2 "use 'xhttp' with mode stream-one"
static const struct xname network_rows[] = {
	{ .name = "raw", .lacks = TARGET_BIT_V2RAY_4_34, .reported = true },
	{ .name = "tcp" }, { .name = "ws", NO_BUILTIN, .reported = true },
	{ .name = "grpc", ONLY_XRAY, .reported = true }, { .name = "httpupgrade", ONLY_XRAY, .reported = true },
	{ .name = "xhttp", ONLY_XRAY, .reported = true }, { .name = "kcp", NO_BUILTIN, .reported = true },
	{ .name = "hysteria", ONLY_XRAY, .reported = true },
	{ .name = "mkcp", .hidden = true, NO_BUILTIN, .reported = true },
	{ .name = "websocket", .hidden = true, NO_BUILTIN, .reported = true },
	{ .name = "splithttp", .hidden = true, ONLY_XRAY, .reported = true },
	{ .name = "h2", ONLY_V2RAY, .advice = ADVICE_H2 }, { .name = "http", ONLY_V2RAY, .advice = ADVICE_H2 },
	{ .name = "h3", NOBODY, .advice = ADVICE_H2 },
	{ .name = "quic", ONLY_V2RAY, .advice = "use 'xhttp' over HTTP/3, or 'hysteria'" },
	{ .name = "domainsocket", ONLY_V2RAY, .advice = "write the path as 'listen' of the inbound" },
	{ .name = "ds", ONLY_V2RAY, .hidden = true, .advice = "write the path as 'listen' of the inbound" },
	{ .name = "gun", NOBODY, .advice = "use 'grpc'" },
};
static const struct xnames networks = { ROWS_OF(network_rows) };
static const struct xname security_rows[] = {
	{ .name = "none" }, { .name = "tls", NO_BUILTIN, .reported = true },
	{ .name = "reality", ONLY_XRAY, .reported = true },
	{ .name = "", .hidden = true },
	{ .name = "xtls", NOBODY, .advice = "use tls or reality with flow xtls-rprx-vision" },
};
static const struct xnames securities = { ROWS_OF(security_rows) };
extern const struct xvariants xv_reality;
static const struct xkey stream_rows[] = {
	KEY("network", XT_ENUM, .names = &networks),
	KEY("security", XT_ENUM, .names = &securities),
	KEY("method", XT_ENUM, .names = &networks, NO_26_2, .beats = "network", .flags = XK_MATTERS,
	    .advice = "it is called 'network' there"),
	KEY("tlsSettings", XT_OBJ, .sub = &xt_tls, NO_BUILTIN),
	KEY("realitySettings", XT_VARIANT, .variants = &xv_reality, ONLY_XRAY, .flags = XK_REPORTED),
	KEY("rawSettings", XT_OBJ, .sub = &raw_table, NO_V2RAY, .beats = "tcpSettings",
	    .advice = "it is called 'tcpSettings' there"),
	KEY("tcpSettings", XT_OBJ, .sub = &raw_table),
	KEY("wsSettings", XT_OBJ, .sub = &ws_table, NO_BUILTIN),
	KEY("xhttpSettings", XT_OBJ, .sub = &xhttp_table, ONLY_XRAY, .beats = "splithttpSettings",
	    .flags = XK_REPORTED),
	KEY("splithttpSettings", XT_OBJ, .sub = &xhttp_table, ONLY_XRAY, .flags = XK_REPORTED),
	KEY("grpcSettings", XT_OBJ, .sub = &grpc_table, ONLY_XRAY),
	KEY("httpupgradeSettings", XT_OBJ, .sub = &upgrade_table, ONLY_XRAY, .flags = XK_REPORTED),
	KEY("kcpSettings", XT_OBJ, .sub = &kcp_table, NO_BUILTIN),
	KEY("hysteriaSettings", XT_OBJ, .sub = &hysteria_table, ONLY_XRAY),
	KEY("finalmask", XT_OBJ, .sub = &xt_finalmask, ONLY_XRAY, .flags = XK_MATTERS),
	KEY("sockopt", XT_OBJ, .sub = &xt_sockopt),
	KEY("address", XT_STR, ONLY_XRAY),
	KEY("port", XT_PORT, ONLY_XRAY),
	KEY("httpSettings", XT_ANY, ONLY_V2RAY, .advice = ADVICE_H2),
	KEY("quicSettings", XT_ANY, ONLY_V2RAY, .advice = "use 'xhttp' over HTTP/3, or 'hysteria'"),
	KEY("dsSettings", XT_ANY, ONLY_V2RAY, .advice = "write the path as 'listen' of the inbound"),
	KEY("gunSettings", XT_ANY, NOBODY, .advice = "it is called 'grpcSettings'"),
	KEY("xtlsSettings", XT_ANY, NOBODY, .advice = "use 'tlsSettings' with flow xtls-rprx-vision"),
};
const struct xtable xt_stream = { "stream", "streamSettings", TABLE_OF(stream_rows) };
