/* Sequences of words that are kept once each. */
#include "route/seq.h"

#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void words_sort(struct words *w)
{
	unsigned kept = 0;

	if (w->n > 1)
		qsort(w->v, w->n, sizeof(*w->v), by_value);
	for (unsigned i = 0; i < w->n; i++)
		if (!kept || w->v[kept - 1] != w->v[i])
			w->v[kept++] = w->v[i];
	w->n = kept;
}

uint32_t *words_copy(struct arena *a, const uint32_t *v, size_t n)
{
	uint32_t *copy = arena_array(a, uint32_t, n + 1);

	if (n)
		memcpy(copy, v, n * sizeof(*v));
	return copy;
}

void seqs_init(struct arena *a, struct seqs *s)
{
	*s = (struct seqs){ .slots = arena_array(a, uint32_t, 1024), .mask = 1023 };
	words_reserve(a, &s->pool, 256);
	words_push(a, &s->start, 0);
	seqs_put(a, s, NULL, 0);
}

static uint32_t hash_of(const uint32_t *v, size_t n)
{
	uint64_t h = 0x9e3779b97f4a7c15u + n;

	for (size_t i = 0; i < n; i++) {
		h = (h ^ v[i]) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	return (uint32_t)(h ^ h >> 17);
}

static uint32_t *find(const struct seqs *s, const uint32_t *v, size_t n)
{
	for (uint32_t i = hash_of(v, n) & s->mask;; i = (i + 1) & s->mask) {
		uint32_t have, *slot = &s->slots[i];
		const uint32_t *w;

		if (!*slot)
			return slot;
		w = seqs_get(s, *slot - 1, &have);
		if (have == n && (!n || !memcmp(w, v, n * sizeof(*v))))
			return slot;
	}
}

static void grow(struct arena *a, struct seqs *s)
{
	uint32_t n = seqs_count(s), have;

	s->mask = s->mask * 2 + 1;
	s->slots = arena_array(a, uint32_t, (size_t)s->mask + 1);
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t *v = seqs_get(s, i, &have);
		*find(s, v, have) = i + 1;
	}
}

uint32_t seqs_put(struct arena *a, struct seqs *s, const uint32_t *v, size_t n)
{
	uint32_t *slot = find(s, v, n);

	if (*slot)
		return *slot - 1;
	if (seqs_count(s) * 2 >= s->mask) {
		grow(a, s);
		slot = find(s, v, n);
	}
	*slot = seqs_count(s) + 1;
	for (size_t i = 0; i < n; i++)
		words_push(a, &s->pool, v[i]);
	words_push(a, &s->start, s->pool.n);
	return seqs_count(s) - 1;
}
