/* Source texts and places. Line starts are found once, on the first question about a source. */
#include "lib/source.h"

#include <string.h>

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

static struct source *indexed(const struct sources *s, uint32_t id)
{
	struct source *src = id && id <= s->n ? &s->v[id - 1] : NULL;

	if (src && !src->lines)
		index_lines(s->arena, src);
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
	struct source *src = indexed(s, id);
	uint32_t line, col = 1, from;

	*ret_line = *ret_col = 0;
	if (!src)
		return;
	if (offset > src->len)
		offset = src->len;
	line = line_of(src, offset);
	from = src->lines[line];
	if (src->last_col && src->last_offset >= from && src->last_offset <= offset) {
		from = src->last_offset; /* a line of 16 MiB must not be counted from its start for every place */
		col = src->last_col;
	}
	for (uint32_t i = from; i < offset; i++)
		col += ((unsigned char)src->bytes[i] & 0xc0) != 0x80;
	src->last_offset = offset;
	src->last_col = col;
	*ret_line = line + 1;
	*ret_col = col;
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
