/* Looks for thousands of byte strings at once: a sorted array, in which the longest match at a place is the largest
 * pattern not above the text there, or a shorter one that it begins with. A bit map over the first four bytes passes
 * over nearly all places before that. */
#include <stdlib.h>
#include <string.h>

#include "service/mask_impl.h"

void mask_index_add(struct mask_index *x, struct str text, uint32_t entry)
{
	if (text.len < MASK_SHORTEST)
		return;
	if (x->n == x->cap) {
		size_t cap = x->cap ? x->cap * 2 : 64;
		void *v = realloc(x->v, cap * sizeof(*x->v));

		if (!v) {
			x->failed = true;
			return;
		}
		x->v = v;
		x->cap = cap;
	}
	x->v[x->n++] = (struct mask_pattern){ text, entry, -1 };
}

static int compare(const void *left, const void *right)
{
	const struct mask_pattern *a = left, *b = right;
	size_t n = a->text.len < b->text.len ? a->text.len : b->text.len;
	int c = memcmp(a->text.p, b->text.p, n);

	if (c)
		return c;
	if (a->text.len != b->text.len)
		return a->text.len < b->text.len ? -1 : 1;
	return (a->entry > b->entry) - (a->entry < b->entry);
}

static bool begins(struct str text, struct str with)
{
	return text.len >= with.len && !memcmp(text.p, with.p, with.len);
}

static uint32_t slot_of(const char *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof(word));
	return word * 2654435761u >> (32 - MASK_FILTER_BITS);
}

void mask_index_seal(struct mask_index *x)
{
	size_t n = 0;

	if (x->n)
		qsort(x->v, x->n, sizeof(*x->v), compare);
	for (size_t i = 0; i < x->n; i++)
		if (!n || !str_eq(x->v[n - 1].text, x->v[i].text))
			x->v[n++] = x->v[i];
	x->n = n;
	for (size_t i = 0; i < n; i++) {
		int32_t shorter = (int32_t)i - 1;
		uint32_t slot = slot_of(x->v[i].text.p);

		while (shorter >= 0 && !begins(x->v[i].text, x->v[shorter].text))
			shorter = x->v[shorter].shorter;
		x->v[i].shorter = shorter;
		x->filter[slot / 64] |= UINT64_C(1) << slot % 64;
	}
}

/* Pattern against the text from a place on: a text that goes on equals the pattern. */
static bool is_above(struct str pattern, struct str text)
{
	size_t n = pattern.len < text.len ? pattern.len : text.len;
	int c = memcmp(pattern.p, text.p, n);

	return c ? c > 0 : pattern.len > text.len;
}

const struct mask_pattern *mask_index_at(const struct mask_index *x, struct str text, size_t at)
{
	struct str rest = str_skip(text, at);
	size_t low = 0, high = x->n;
	uint32_t slot;

	if (rest.len < MASK_SHORTEST)
		return NULL;
	slot = slot_of(rest.p);
	if (!(x->filter[slot / 64] >> slot % 64 & 1))
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (is_above(x->v[middle].text, rest))
			high = middle;
		else
			low = middle + 1;
	}
	for (int32_t i = (int32_t)low - 1; i >= 0; i = x->v[i].shorter)
		if (begins(rest, x->v[i].text))
			return &x->v[i];
	return NULL;
}
