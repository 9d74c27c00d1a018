#ifndef XRAT_MODEL_XKEYS_TABLES_H
#define XRAT_MODEL_XKEYS_TABLES_H
/* Shorthand for writing the rows, and the tables and names that rows of another file point to. Only model/xkeys_*.c
 * includes this. */
#include "model/xkeys.h"

#define KEY(key, kind, ...) { .name = key, .len = sizeof(key) - 1, .type = kind, __VA_ARGS__ }
#define TABLE_OF(rows) .keys = rows, .n = sizeof(rows) / sizeof((rows)[0])
#define NEEDS_OF(rows) .needs = rows, .n_needs = sizeof(rows) / sizeof((rows)[0])
#define ROWS_OF(rows) .v = rows, .n = sizeof(rows) / sizeof((rows)[0])

#define NEED(key, ...) { .when = key, .any = { __VA_ARGS__ } }
#define NEED_WITH(key, text, ...) { .when = key, .is = text, .any = { __VA_ARGS__ } }
#define NEED_UNLESS(key, key2, ...) { .any = { __VA_ARGS__ }, .unless = { key, key2 } }

#define U8 .lo = 0, .hi = 255
#define U16 .lo = 0, .hi = 65535
#define U32 .lo = 0, .hi = UINT32_MAX
#define U64 .lo = 0, .hi = INT64_MAX
#define I16 .lo = INT16_MIN, .hi = INT16_MAX
#define I32 .lo = INT32_MIN, .hi = INT32_MAX
#define I64 .lo = INT64_MIN, .hi = INT64_MAX

/* Who does not know a key. The rows that the embedded engine takes are those whose mask leaves it out; a protocol, a
 * transport or a security that it lacks is marked at its name, and the rows below that need no mark of their own. */
#define NO_V2RAY .lacks = TARGET_BIT_V2RAY_4_34
#define NO_26_2 .lacks = TARGET_BIT_V2RAY_4_34 | TARGET_BIT_XRAY_26_2
#define ONLY_V2RAY .lacks = TARGET_BITS_ALL & ~TARGET_BIT_V2RAY_4_34
#define ONLY_OLD .lacks = TARGET_BITS_ALL & ~(TARGET_BIT_V2RAY_4_34 | TARGET_BIT_XRAY_26_2)
#define ONLY_26_2 .lacks = TARGET_BITS_ALL & ~TARGET_BIT_XRAY_26_2
#define ONLY_26_7 .lacks = TARGET_BITS_ALL & ~TARGET_BIT_XRAY_26_7
#define ONLY_XRAY .lacks = TARGET_BITS_ALL & ~TARGET_BITS_XRAY
#define NO_BUILTIN .lacks = TARGET_BIT_BUILTIN
#define NOBODY .lacks = TARGET_BITS_ALL

extern const struct xtable xt_sniffing, xt_stream, xt_tls, xt_sockopt, xt_finalmask, xt_dns, xt_fakedns, xt_policy,
	xt_observatory, xt_burst, xt_reverse, xt_empty, xt_pool;
extern const struct xnames xn_networks, xn_strategies, xn_network_one;
extern const struct xvariants xv_inbound, xv_outbound;

#endif
