#ifndef XRAT_MODEL_FIELD_H
#define XRAT_MODEL_FIELD_H
/* Values decoded from desired files: each with its place and a presence bit. "Not set" is never a magic value. */
#include "lib/lib.h"

struct text {
	const char *s; /* the default, or "", when not set; never NULL after decoding */
	struct span at;
	bool set;
};
struct num {
	int64_t v;
	struct span at;
	bool set;
};
struct flag {
	bool v, set;
	struct span at;
};
struct texts {
	struct text *v;
	uint32_t n;
	bool set;
	struct span at;
};
struct raw { /* a subtree passed on as written */
	struct value v;
	struct span at;
	bool set;
};
struct nums {
	int64_t *v;
	uint32_t n;
	bool set;
	struct span at;
};
enum secret_kind { SECRET_LITERAL, SECRET_ENV, SECRET_FILE };
/* A secret value: "text", { env = "NAME" }, { file = "PATH" } or "env:NAME". The loader resolves references; until then
 * (and in `check` when the source is missing) s is a UUID-shaped stand-in and `missing` is set. */
struct secret {
	const char *s;
	struct span at;
	bool set, missing;
	enum secret_kind kind;
	const char *ref; /* variable or path */
};

/* One key of a TOML table. The same row drives decoding, defaults, ranges, JSON Schema, starter TOML and docs.
 * What each type decodes into, and what it takes:
 *   F_STR struct text (with `names`: one of them, stored in the row's spelling); F_SECRET struct secret; F_INT struct
 *   num;
 *   F_PORT struct num, integer or digit string, 1-65535 unless lo..hi say otherwise; F_BOOL struct flag;
 *   F_ENUM struct num, the index into names; F_HOST, F_IP, F_CIDR (a bare address too), F_PREFIX (with its length),
 *   F_TAG (no white space around), F_PATH, F_DURATION (digits and one unit), F_DATETIME, F_URL (http or https),
 *   F_HOSTPORT, F_SHA256, F_FILENAME (letters, digits, . _ -): struct text;
 *   F_STRS, F_HOSTS, F_IPS, F_ENUMS: struct texts; F_INTS: struct nums; F_TABLE: a struct in place; F_TABLES, F_MAP:
 *   struct list;
 *   F_RAW (a table as written): struct raw; F_RAWS: struct list of struct value; F_ANY: nothing is stored. */
enum field_type {
	F_STR, F_SECRET, F_INT, F_PORT, F_BOOL, F_ENUM, F_HOST, F_IP, F_CIDR, F_PREFIX, F_TAG, F_PATH, F_DURATION,
	F_DATETIME, F_URL, F_HOSTPORT, F_SHA256, F_FILENAME, F_STRS, F_HOSTS, F_IPS, F_ENUMS, F_INTS, F_TABLE,
		F_TABLES, F_MAP, F_RAW,
	F_RAWS, F_ANY, F__N
};
enum field_flags {
	FIELD_REQUIRED = 1, FIELD_SECRET = 2, /* the value is masked wherever it is shown */
	FIELD_UNUSED = 4,    /* accepted, no effect: a note; nothing is stored */
	FIELD_REFUSED = 8,   /* out of scope: an error that says why (help) */
	FIELD_FIXED = 16,    /* only `fixed` passes; nothing is stored */
	FIELD_NONEMPTY = 32, /* "" is refused */
};
struct table;
struct field {
	const char *name;
	enum field_type type;
	unsigned flags;
	size_t offset;            /* into the struct of the table */
	int64_t lo, hi;           /* F_INT, F_INTS; F_PORT when not 1-65535 */
	const char *const *names; /* F_ENUM(S), F_STR: NULL-terminated, the index is the value; "raw=tcp": an alias */
	const char *def;          /* default as TOML text, NULL = none */
	const char *example;      /* TOML text for the starter file where there is no default */
	const char *fixed;        /* FIELD_FIXED */
	const char *alias;        /* second spelling of the key */
	const struct table *sub;  /* F_TABLE, F_TABLES, F_MAP */
	const char *help;         /* one sentence; for FIELD_REFUSED the reason */
};
struct table {
	const struct field *fields;
	size_t n;
	size_t elem_size;  /* sizeof the struct: F_TABLES and F_MAP make arrays of it */
	size_t key_offset; /* F_MAP: where the key goes (struct text) */
	size_t at_offset;  /* where the table's own place goes (struct span), or TABLE_NO_AT */
	const char *example; /* F_MAP: a name for the starter file */
};
#define TABLE_NO_AT ((size_t)-1)
/* Cuts "raw=tcp" into its spelling and the name it stands for (itself when there is no '='). */
struct str field_name_spelling(const char *name);
struct str field_name_meaning(const char *name);
/* F_TABLES and F_MAP decode into this. */
struct list {
	void *v;
	uint32_t n;
	bool set;
	struct span at;
};

#endif
