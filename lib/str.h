#ifndef XRAT_LIB_STR_H
#define XRAT_LIB_STR_H
/* Slices of bytes, a growing output buffer and a string-keyed map. */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"

/* A slice: not NUL-terminated unless its maker says so. */
struct str {
	const char *p;
	size_t len;
};
#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })

struct str str_of(const char *s); /* NULL gives the empty slice */
bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *b);
bool str_is_nocase(struct str a, const char *b); /* ASCII case */
bool str_eq_nocase(struct str a, struct str b);
bool str_starts(struct str a, const char *prefix);
bool str_starts_nocase(struct str a, const char *prefix);
bool str_ends_nocase(struct str a, const char *suffix);
struct str str_trim(struct str a); /* ASCII white space */
struct str str_skip(struct str a, size_t n);
/* Cuts off and returns what stands before sep; *rest moves behind it (empty, p NULL, at the end). */
struct str str_cut(struct str *rest, char sep);
char *str_lower(struct arena *a, struct str s); /* NUL-terminated, ASCII lower case */
/* Whole slice as a decimal integer. 0, or -EINVAL, or -ERANGE. */
int str_int(struct str s, int64_t *ret_value);
/* Levenshtein distance, at most max + 1. */
unsigned str_distance(struct str a, struct str b, unsigned max);
/* The nearest of n names (case-blind, at most a third of its length away, rounded up); NULL when none is near. */
const char *str_nearest(struct str s, const char *const *names, size_t n);
/* Whether every byte sequence is well-formed UTF-8 (RFC 3629); *ret_bad is the first bad offset. */
bool str_is_utf8(struct str s, size_t *ret_bad);
/* How many bytes of a text, at most max, end behind a whole character: for "%.*s". */
int str_fit(const char *s, size_t max);
/* snprintf into a buffer of its own size for words that may be too long: what does not fit is left out, whole characters at
 * a time; also a character that `fmt` itself cut at the end is. */
void str_print(char *ret_text, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void str_vprint(char *ret_text, size_t size, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

/* Growing heap buffer; after a failed allocation `failed` stays set and additions do nothing. */
struct buf {
	char *p;
	size_t len, cap;
	bool failed;
};
void buf_add(struct buf *b, const void *p, size_t len_bytes);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_reserve(struct buf *b, size_t more_bytes);
void buf_fini(struct buf *b);

/* Open-addressing map from byte strings to pointers, in an arena; keys are not copied. */
struct map;
struct map *map_new(struct arena *a, size_t expected);
/* The value of key, or NULL. */
void *map_get(const struct map *m, struct str key);
/* Stores value (not NULL) unless key is there already; returns what the map now holds for it. */
void *map_put(struct map *m, struct str key, void *value);
/* Stores value, replacing. */
void map_set(struct map *m, struct str key, void *value);
uint64_t str_hash(struct str s);

#endif
