#ifndef XRAT_DAEMON_IPC_IMPL_H
#define XRAT_DAEMON_IPC_IMPL_H
/* The table that reading, writing and the schema share. */
#include "daemon/ipc.h"

enum ipc_kind {
	IPC_KIND_BOOL,     /* bool */
	IPC_KIND_INT,      /* int64_t */
	IPC_KIND_OPT_INT,  /* struct ipc_int */
	IPC_KIND_TEXT,     /* const char * */
	IPC_KIND_WORD,     /* int, -1 = null: one of ->words */
	IPC_KIND_INBOUNDS, /* struct ipc_inbounds */
	IPC_KIND_LIST,     /* struct value: an array */
	IPC_KIND_OBJECT,   /* struct value: an object or null */
	IPC_KIND__N
};
enum {
	IPC_FIELD_REQUIRED = 1 << 0, /* request: must be there */
	IPC_FIELD_EITHER = 1 << 1,   /* request: one of those with this flag must be there */
	IPC_FIELD_NULL = 1 << 2,     /* may be null */
};
struct ipc_word {
	const char *names[IPC_DIALECT__N];
};
struct ipc_words {
	const struct ipc_word *v;
	int n;
};
struct ipc_field {
	const char *name;
	enum ipc_kind kind;
	size_t offset; /* into struct ipc_request, or the method's struct of the reply */
	unsigned flags;
	const char *help;
	const struct ipc_words *words;
};
struct ipc_fields {
	const struct ipc_field *v;
	size_t n;
};
struct ipc_row {
	const char *names[IPC_DIALECT__N];
	struct ipc_fields request, reply;
	const char *help;
};
extern const struct ipc_row ipc_rows[IPC_METHOD__N];
extern const struct ipc_words ipc_triggers;
struct ipc_code_row {
	int number;
	const char *name;
	enum ipc_reason reason; /* where none is given */
};
extern const struct ipc_code_row ipc_codes[IPC_CODE__N];
struct ipc_reason_row {
	const char *name, *help;
};
extern const struct ipc_reason_row ipc_reasons[IPC_REASON__N];
/* Fields of one inbound. */
extern const struct ipc_fields ipc_inbound_fields;

#endif
