#ifndef XRAT_ENGINE_CODECS_H
#define XRAT_ENGINE_CODECS_H
/* The protocols, by kind. */
#include "engine/flow.h"

extern const struct inbound_ops inbound_socks, inbound_http, inbound_mixed, inbound_tunnel;
extern const struct outbound_ops outbound_freedom, outbound_blackhole, outbound_loopback, outbound_socks, outbound_http,
	outbound_dns;
extern const struct inbound_ops *const inbound_ops_of[INBOUND__N];
extern const struct outbound_ops *const outbound_ops_of[OUTBOUND__N];

#endif
