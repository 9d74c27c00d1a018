/* Port ranges that hold a port. */
#include "route/stab.h"

void stab_build(struct arena *a, struct words *ends, struct stab *s)
{
	*s = (struct stab){ 0 };
	if (!ends->n)
		return;
	words_sort(ends);
	s->begin = arena_array(a, uint32_t, ends->n + 1);
	if (ends->v[0])
		s->n = 1; /* ports before the first range */
	for (unsigned i = 0; i < ends->n; i++)
		s->begin[s->n++] = ends->v[i];
}

/* The segment that a port is in. */
static uint32_t segment_of(const struct stab *s, uint32_t port)
{
	uint32_t low = 0, high = s->n;

	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;
		if (s->begin[mid] <= port)
			low = mid;
		else
			high = mid;
	}
	return low;
}

unsigned stab_nodes(const struct stab *s, uint32_t lo, uint32_t hi, uint32_t nodes[40])
{
	uint32_t l = segment_of(s, lo) + s->n, r = segment_of(s, hi) + s->n + 1;
	unsigned n = 0;

	for (; l < r; l /= 2, r /= 2) {
		if (l & 1)
			nodes[n++] = l++;
		if (r & 1)
			nodes[n++] = --r;
	}
	return n;
}

uint32_t stab_leaf(const struct stab *s, uint32_t port)
{
	return s->n ? segment_of(s, port) + s->n : 0;
}
