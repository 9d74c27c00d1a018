#ifndef XRAT_MODEL_TABLES_IMPL_H
#define XRAT_MODEL_TABLES_IMPL_H
/* Shared by the files that hold the rows of the field tables; not for other folders. */
#include "model/tables.h"

/* One row: key name, type, struct, member, then any other members of struct field. */
#define ROW(key, kind, st, member, ...) { .name = (key), .type = (kind), .offset = offsetof(st, member), __VA_ARGS__ }
/* A sub-table whose rows count their offsets from the struct that holds it. */
#define ROW_INLINE(key, table, why) { .name = (key), .type = F_TABLE, .sub = (table), .help = (why) }
/* Rows that store nothing. */
#define ROW_UNUSED(key, kind, why) { .name = (key), .type = (kind), .flags = FIELD_UNUSED, .help = (why) }
#define ROW_REFUSED(key, why) { .name = (key), .type = F_ANY, .flags = FIELD_REFUSED, .help = (why) }
#define ROW_FIXED(key, kind, value, why) \
	{ .name = (key), .type = (kind), .flags = FIELD_FIXED, .fixed = (value), .help = (why) }
#define ROWS(rows) .fields = (rows), .n = sizeof(rows) / sizeof((rows)[0])

/* tables_common.c */
extern const struct table table_logging, table_extensions, table_assets, table_redirect, table_forward;
extern const struct table table_client_reverse, table_server_reverse;
/* tables_xray.c */
extern const struct table table_client_xray, table_server_xray;
extern const struct table table_sniffing;
/* tables_endpoint.c */
extern const struct table table_endpoint;
/* tables_runtime.c */
extern const struct table table_runtime;

/* Spellings that several tables share; NULL-terminated. */
extern const char *const names_freedom_strategy[], *const names_routing_strategy[], *const names_log_level[];
extern const char *const names_sniff[], *const names_networks[], *const names_log_mask[], *const names_ss_method[];

#endif
