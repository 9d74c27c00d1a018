#ifndef XRAT_LIB_VALUE_H
#define XRAT_LIB_VALUE_H
/* One tree for JSON, TOML and command output. Every value and key knows its byte range. Strings may hold any
 * UTF-8, NUL included in JSON escapes, so pointer and length travel together: keys and strings are slices (often of the
 * source itself), NUL-terminated only from toml_parse and builders that take C strings. */
#include <stdbool.h>
#include <stdint.h>

#include "lib/source.h"
#include "lib/str.h"

enum value_kind { VAL_NONE, VAL_NULL, VAL_BOOL, VAL_NUMBER, VAL_STRING, VAL_DATETIME, VAL_ARRAY, VAL_OBJECT, VAL__N };

struct member;
struct value {
	uint8_t kind;  /* enum value_kind; VAL_NONE = absent */
	bool truth;    /* VAL_BOOL */
	uint16_t mark; /* free for one stage's use */
	struct span span;
	union {
		struct {
			const char *text; /* string: decoded; number, datetime: as written (TOML 0x.. in decimal) */
			uint32_t len;
		};
		struct {
			struct value *items;
			uint32_t n, cap;
		};
		struct {
			struct member *members;
			uint32_t n_members, cap_members;
		};
	};
};
struct member {
	const char *key;
	uint32_t key_len;
	struct span key_span;
	struct value value;
};

static inline struct str value_str(const struct value *v) { return (struct str){ v->text, v->len }; }
static inline struct str member_key(const struct member *m) { return (struct str){ m->key, m->key_len }; }
const char *value_kind_name(enum value_kind kind); /* "a string", "an object"… for messages */

/* Member lookup; NULL when v is not an object or has no such key. The last one of duplicates (as Xray reads). */
struct value *value_get(const struct value *v, const char *key);
struct member *value_member(const struct value *v, struct str key);
/* Go's rule: an exact key first, else one that differs in ASCII case alone. */
struct member *value_member_nocase(const struct value *v, const char *key);
/* Text of a string member, or the empty slice. */
struct str value_get_str(const struct value *v, const char *key);
/* An integer number value: 0, -EINVAL (not an integer), -ERANGE. Exponents and fractions are not integers. */
int value_int(const struct value *v, int64_t *ret_value);

/* Builders. Texts must live as long as the arena (use arena_strdup); at = the place that caused the value. */
struct value value_string(const char *s, struct span at);
struct value value_string_n(struct str s, struct span at);
struct value value_number(struct arena *a, int64_t n, struct span at);
struct value value_bool(bool b, struct span at);
struct value value_null(struct span at);
struct value value_array(struct span at);
struct value value_object(struct span at);
void value_push(struct arena *a, struct value *array, struct value item);
/* Appends a member; key must outlive the arena (literals). */
void value_put(struct arena *a, struct value *object, const char *key, struct value v);
void value_put_str(struct arena *a, struct value *object, const char *key, const char *s); /* span of the object */
void value_put_int(struct arena *a, struct value *object, const char *key, int64_t n);
void value_put_bool(struct arena *a, struct value *object, const char *key, bool b);
/* Same kind and content, numbers by their text, objects regardless of key order. */
bool value_equal(const struct value *a, const struct value *b);
/* A deep copy whose containers can be changed without touching the original; texts are shared. */
struct value value_clone(struct arena *a, const struct value *v);

#endif
