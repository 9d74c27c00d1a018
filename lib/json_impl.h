#ifndef XRAT_LIB_JSON_IMPL_H
#define XRAT_LIB_JSON_IMPL_H
/* Shared by the parts of the JSON reader; not for others. */
#include "lib/arena.h"
#include "lib/diag.h"
#include "lib/value.h"

/* A text that is wrong this often is not JSON; more messages would not help. */
enum { JSON_MAX_FAULTS = 100 };

/* State of one read. Children of open containers wait on the two stacks and are copied once, when they close. */
struct json_reader {
	const char *base, *p, *end;
	uint32_t src;
	struct arena *arena;
	struct diag_sink *sink;
	bool lenient, refused;
	bool behind; /* the value, where Xray does not look */
	unsigned depth, faults;
	struct value *items;
	unsigned n_items, cap_items;
	struct member *members;
	unsigned n_members, cap_members;
	uint32_t *slots; /* hash table for finding duplicate keys of big objects */
	unsigned cap_slots;
};

static inline struct span json_span(const struct json_reader *r, const char *begin, const char *end)
{
	return (struct span){ r->src, (uint32_t)(begin - r->base), (uint32_t)(end - r->base) };
}

/* What stands at p, for messages: "the end of the text", "'x'", … in the arena. */
const char *json_found(const struct json_reader *r, const char *p);
/* Adds an error and marks the text as refused; whoever calls decides whether to go on. NULL: JSON_MAX_FAULTS reached,
 * not added. */
struct diag *json_fault(struct json_reader *r, enum diag_code code, struct span at, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The same for what Xray accepts: with r->lenient a warning that refuses nothing. */
struct diag *json_dislike(struct json_reader *r, enum diag_code code, struct span at, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* "expected <what>, found …" at p. Always false: "stop". */
bool json_expected(struct json_reader *r, const char *what);

/* Each of these moves r->p behind what it read; false = stop, the fault has been reported. */
bool json_skip_space(struct json_reader *r);
/* r->p stands on the opening quote. */
bool json_read_string(struct json_reader *r, struct str *ret_text, struct span *ret_span);
/* r->p stands on '-', '+', '.' or a digit. */
bool json_read_number(struct json_reader *r, struct value *ret_value);
/* A key or value that does not begin as one: a bare word or single quotes. what = "a value" or "a key in double
 * quotes". */
bool json_read_odd(struct json_reader *r, const char *what, struct str *ret_text, struct span *ret_span);
/* Reports the keys of members[0..n) that were there before. */
void json_check_duplicates(struct json_reader *r, const struct member *members, unsigned n);

#endif
