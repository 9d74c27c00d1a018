#ifndef XRAT_LIB_TOML_IMPL_H
#define XRAT_LIB_TOML_IMPL_H
/* Shared by the C and the C++ part of the TOML reader; not for others. Diagnostics are added on the C side alone: an
 * arena jump must not cross C++ frames. */
#include "lib/arena.h"
#include "lib/diag.h"
#include "lib/value.h"

/* What the C++ part found wrong; offsets count from the start of the bytes it was given. */
struct toml_fault {
	enum diag_code code;
	uint32_t begin, end;
	const char *msg; /* in the arena */
	bool has_first;  /* first_begin, first_end: where it was defined first */
	uint32_t first_begin, first_end;
};

/* What the scan found beside faults. */
struct toml_shape {
	bool open_bracket; /* the bracket at open_at is never closed */
	uint32_t open_at;
};

/* Strings, brackets and dotted parts of bytes[from..): false when refused, the fault has been added. */
bool toml_scan(struct diag_sink *sink, uint32_t src, struct str bytes, uint32_t from, struct toml_shape *ret_shape);
/* The end of the string that opens at p, behind its quotes; NULL when it is not closed (on its line). */
const char *toml_skip_string(const char *p, const char *end);

/* A part of a text, for the marker of a fault. */
struct toml_range {
	uint32_t begin, end;
};
/* The character at a place; empty at a line end. */
struct toml_range toml_char_at(struct str text, uint32_t at);
/* The word around a place, for toml++ stops somewhere in it or behind it; the character where there is none. */
struct toml_range toml_word_at(struct str text, uint32_t at);
/* The key whose value begins at a place, for toml++ notices a second key there; the character where there is none. */
struct toml_range toml_key_before(struct str text, uint32_t at);

/* Parses bytes[from..] of source src into the arena. 0; 1: *ret_fault is set; -ENOMEM. Never jumps. */
int toml_convert(struct arena *a, struct str bytes, uint32_t from, uint32_t src, struct value *ret_value,
		 struct toml_fault *ret_fault);

#endif
