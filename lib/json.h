#ifndef XRAT_LIB_JSON_H
#define XRAT_LIB_JSON_H
/* JSON as Xray reads it (RFC 8259 plus //, block and # comments), with the byte range of every key and value; and the
 * canonical writer. */
#include "lib/diag.h"
#include "lib/value.h"

enum { JSON_MAX_DEPTH = 64, JSON_MAX_BYTES = 16 * 1024 * 1024 };

/* Reads the whole of source src (already registered in the sink's sources). Every fault is a diagnostic XR2xx.
 * 0: *ret_value set; 1: blank text (comments and white space alone), *ret_value set to VAL_NONE; 2: refused, *ret_value
 * not written. `lenient` (check --raw) makes duplicate keys and trailing text warnings, as Xray accepts them. */
int json_parse(struct arena *a, struct diag_sink *sink, uint32_t src, bool lenient, struct value *ret_value);

/* Canonical form: two spaces, one member or element a line, {} and [] when empty, UTF-8 unescaped, final newline. */
void json_write(struct buf *out, const struct value *v);
/* The same without the final newline, for a value that stands `indent` levels deep. */
void json_write_at(struct buf *out, const struct value *v, unsigned indent);
/* On one line without spaces. */
void json_write_compact(struct buf *out, const struct value *v);
/* A JSON string literal with its quotes. */
void json_write_string(struct buf *out, struct str s);

#endif
