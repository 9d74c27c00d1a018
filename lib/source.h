#ifndef XRAT_LIB_SOURCE_H
#define XRAT_LIB_SOURCE_H
/* Texts the operator wrote, and places in them. */
#include <stdint.h>

#include "lib/str.h"

/* Byte range [begin, end) of source src; src 0 means "no place" (a built-in default). */
struct span {
	uint32_t src, begin, end;
};
#define SPAN_NONE ((struct span){ 0, 0, 0 })

struct source {
	const char *path; /* as shown to people: relative to CONFIG_ROOT where inside it */
	const char *bytes;
	uint32_t len;
	uint32_t *lines; /* offsets of line starts, made on first use */
	uint32_t nlines;
	uint32_t *chars; /* characters before each block of bytes, made with them */
};

struct sources;
struct sources *sources_new(struct arena *a);
/* Registers a text (bytes stay the caller's, for the arena's life); returns its id, from 1. */
uint32_t sources_add(struct sources *s, const char *path, const char *bytes, uint32_t len);
/* NULL for id 0 or an unknown id. */
const struct source *sources_get(const struct sources *s, uint32_t id);
uint32_t sources_count(const struct sources *s);
/* Line and column (1-based; column counts UTF-8 characters) of a byte offset. */
void source_place(const struct sources *s, uint32_t id, uint32_t offset, uint32_t *ret_line, uint32_t *ret_col);
/* Bytes of one line (1-based) without its end. */
struct str source_line(const struct sources *s, uint32_t id, uint32_t line);

#endif
