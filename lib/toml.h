#ifndef XRAT_LIB_TOML_H
#define XRAT_LIB_TOML_H
/* TOML 1.0 through toml++ into the one value tree. */
#include "lib/diag.h"
#include "lib/value.h"

enum { TOML_MAX_DEPTH = 64, TOML_MAX_BYTES = 4 * 1024 * 1024 };

/* Reads source src. Size, UTF-8, NUL and nesting (brackets and dotted parts) are scanned first, because toml++ 3.3
 * overflows the stack. Every fault is a diagnostic XR1xx; a BOM is a note. Members stand in the file's order; keys and
 * texts are NUL-terminated copies; a table's place is its header. inf and nan are numbers that have no JSON form.
 * 0: *ret_value is the root object; 2: refused; -ENOMEM. */
int toml_parse(struct arena *a, struct diag_sink *sink, uint32_t src, struct value *ret_value);

#endif
