/* The protocols, by kind. */
#include "engine/codecs.h"

const struct inbound_ops *const inbound_ops_of[INBOUND__N] = {
	[INBOUND_SOCKS] = &inbound_socks, [INBOUND_HTTP] = &inbound_http, [INBOUND_MIXED] = &inbound_mixed,
	[INBOUND_TUNNEL] = &inbound_tunnel,
};
const struct outbound_ops *const outbound_ops_of[OUTBOUND__N] = {
	[OUTBOUND_FREEDOM] = &outbound_freedom, [OUTBOUND_BLACKHOLE] = &outbound_blackhole,
	[OUTBOUND_SOCKS] = &outbound_socks,     [OUTBOUND_HTTP] = &outbound_http,
	[OUTBOUND_LOOPBACK] = &outbound_loopback, [OUTBOUND_DNS] = &outbound_dns,
};
