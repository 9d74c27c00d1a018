#ifndef XRAT_MODEL_XKEYS_SCHEMA_H
#define XRAT_MODEL_XKEYS_SCHEMA_H
/* What the parts of the schema writer share. Only model/xkeys_schema*.c includes this. */
#include "model/xkeys.h"

/* The schema of one value by its row; required = it must not be null or empty. Objects are references to
 * definitions. */
struct value schema_value(struct arena *a, const struct xkey *k);
/* A regular expression for the form (ECMA 262, searched), or NULL. */
const char *schema_format_pattern(enum xformat f);
/* The same for a port list; nonzero: 0 and an empty list do not pass. */
const char *schema_ports_pattern(bool nonzero);
/* What a fallback's dest may be when no 'type' stands beside it. */
const char *schema_dest_pattern(void);
/* The names that the default target takes: "^(?:[aA]…|…)$"; list: several with commas. */
const char *schema_names_pattern(struct arena *a, const struct xnames *names, bool list);
/* One text without regard to case: "^[tT][uU][nN]$". */
const char *schema_nocase_pattern(struct arena *a, const char *text);

/* { "$ref": "#/definitions/ID" } */
struct value schema_ref(struct arena *a, const struct xtable *t);
/* { key: value } */
struct value schema_one(struct arena *a, const char *key, struct value v);
struct value schema_text(const char *s);
/* {"type": [kinds]}: space separated names, "null" added unless required. */
struct value schema_type(struct arena *a, const char *kinds, bool nullable);

#endif
