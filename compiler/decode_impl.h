#ifndef XRAT_COMPILER_DECODE_IMPL_H
#define XRAT_COMPILER_DECODE_IMPL_H
/* Shared by decode.c and decode_types.c; not for other folders. */
#include "model/model.h"

struct dec {
	struct arena *a;
	struct diag_sink *sink;
	struct desired *owner; /* collects the secrets */
};
/* Names of the tables around a value, innermost first; made into text for messages alone. */
struct path {
	const struct path *up; /* NULL: the file */
	const char *key;
	bool quoted;
};
/* "client.tun_mtu"; "" for the file. */
const char *decode_path(struct arena *a, const struct path *p);
/* The place a value stands at: its row, its path, and the value itself. */
struct slot {
	const struct field *f;
	const struct path *path;
	const struct value *v;
};

/* Reads a scalar, a list of scalars or a raw subtree into *out, which holds the default already. Not for tables.
 * On a fault: a diagnostic, and out keeps the default with set = false and the place of the fault in `at`. */
void decode_value(const struct dec *d, const struct slot *s, void *out);
/* Writes the row's default (set = false); tables excepted. */
void decode_default(const struct dec *d, const struct field *f, void *out);
/* Gives a value that was not set a place, as a refused one has: it is not "missing", its fault is reported. */
void decode_refused(const struct field *f, void *out, struct span at);
/* Index of a word among names, without case; "raw=tcp" gives the index of tcp. -1 when it is none. */
int decode_name(const char *const *names, struct str word);
/* FIELD_FIXED and the one harmless value of a FIELD_REFUSED row. */
bool decode_is_fixed(const struct field *f, const struct value *v);
/* XR151: "'x' must be …, not …". */
void decode_wrong_type(const struct dec *d, const struct slot *s, const char *must);
/* Keeps a secret value out of printed source lines. */
void decode_hide(const struct dec *d, const struct value *v);
/* Adds to the owner's list. */
void secrets_add(struct arena *a, struct desired *owner, struct secret *s);

#endif
