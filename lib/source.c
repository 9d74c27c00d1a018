/* Source texts and places. Line starts, and how many characters stand before each block of bytes, are found once, on the first
 * question about a source: a line of 16 MiB with a thousand faults must not be counted through for each of them. */
#include "lib/source.h"

#include <string.h>

enum { BLOCK = 4096 };

struct sources {
	struct arena *arena;
	struct source *v;
	unsigned n, cap;
};

struct sources *sources_new(struct arena *a)
{
	struct sources *s = arena_new_of(a, struct sources);

	s->arena = a;
	return s;
}

uint32_t sources_add(struct sources *s, const char *path, const char *bytes, uint32_t len)
{
	if (s->n == s->cap)
		s->v = arena_grow(s->arena, s->v, s->n, sizeof(*s->v), &s->cap);
	s->v[s->n] = (struct source){ .path = path, .bytes = bytes, .len = len };
	return ++s->n;
}

const struct source *sources_get(const struct sources *s, uint32_t id)
{
	return id && id <= s->n ? &s->v[id - 1] : NULL;
}

uint32_t sources_count(const struct sources *s)
{
	return s->n;
}

static void index_lines(struct arena *a, struct source *src)
{
	uint32_t n = 1;

	for (uint32_t i = 0; i < src->len; i++)
		n += src->bytes[i] == '\n';
	src->lines = arena_array(a, uint32_t, n);
	src->nlines = 1;
	for (uint32_t i = 0; i < src->len; i++)
		if (src->bytes[i] == '\n')
			src->lines[src->nlines++] = i + 1;
}

/* Characters begun in a range: continuation bytes of UTF-8 begin none. */
static uint32_t characters(const struct source *src, uint32_t from, uint32_t to)
{
	uint32_t n = 0;

	for (uint32_t i = from; i < to; i++)
		n += ((unsigned char)src->bytes[i] & 0xc0) != 0x80;
	return n;
}

static void index_characters(struct arena *a, struct source *src)
{
	uint32_t n = 0;

	src->chars = arena_array(a, uint32_t, src->len / BLOCK + 1);
	for (uint32_t at = 0; src->len - at >= BLOCK; at += BLOCK) {
		src->chars[at / BLOCK] = n;
		n += characters(src, at, at + BLOCK);
	}
	src->chars[src->len / BLOCK] = n;
}

static uint32_t characters_before(const struct source *src, uint32_t offset)
{
	return src->chars[offset / BLOCK] + characters(src, offset / BLOCK * BLOCK, offset);
}

static struct source *indexed(const struct sources *s, uint32_t id)
{
	struct source *src = id && id <= s->n ? &s->v[id - 1] : NULL;

	if (src && !src->lines) {
		index_lines(s->arena, src);
		index_characters(s->arena, src);
	}
	return src;
}

/* Index of the last line that starts at or before offset. */
static uint32_t line_of(const struct source *src, uint32_t offset)
{
	uint32_t low = 0, high = src->nlines;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (src->lines[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

void source_place(const struct sources *s, uint32_t id, uint32_t offset, uint32_t *ret_line, uint32_t *ret_col)
{
	const struct source *src = indexed(s, id);
	uint32_t line, from;

	*ret_line = *ret_col = 0;
	if (!src)
		return;
	if (offset > src->len)
		offset = src->len;
	line = line_of(src, offset);
	from = src->lines[line];
	*ret_line = line + 1;
	*ret_col = 1 + (offset - from < BLOCK ? characters(src, from, offset) :
						 characters_before(src, offset) - characters_before(src, from));
}

struct str source_line(const struct sources *s, uint32_t id, uint32_t line)
{
	const struct source *src = indexed(s, id);
	uint32_t begin, end;

	if (!src || !line || line > src->nlines)
		return (struct str){ NULL, 0 };
	begin = src->lines[line - 1];
	end = line < src->nlines ? src->lines[line] - 1 : src->len;
	if (end > begin && src->bytes[end - 1] == '\r')
		end--;
	return (struct str){ src->bytes + begin, end - begin };
}
