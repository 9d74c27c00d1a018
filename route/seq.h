#ifndef XRAT_ROUTE_SEQ_H
#define XRAT_ROUTE_SEQ_H
/* Growing arrays of 32-bit words, and sequences of them that are kept once each. Only route/ includes this. */
#include "lib/lib.h"

struct words {
	uint32_t *v;
	unsigned n, cap;
};
static inline void words_push(struct arena *a, struct words *w, uint32_t x)
{
	if (w->n == w->cap)
		w->v = arena_grow(a, w->v, w->n, sizeof(*w->v), &w->cap);
	w->v[w->n++] = x;
}
/* Room for n words in all, of an array that is still empty. */
static inline void words_reserve(struct arena *a, struct words *w, unsigned n)
{
	w->v = arena_array(a, uint32_t, n + 1);
	w->cap = n + 1;
}
/* Ascending order without repetitions. */
void words_sort(struct words *w);
/* An exact copy of n words in another arena. */
uint32_t *words_copy(struct arena *a, const uint32_t *v, size_t n);

/* Sequence i is pool[start[i] .. start[i + 1]). Sequence 0 is the empty one. */
struct seqs {
	struct words pool, start;
	uint32_t *slots; /* of the hash table: number + 1 */
	uint32_t mask;
};
void seqs_init(struct arena *a, struct seqs *s);
/* The number of a sequence; equal ones have one number. */
uint32_t seqs_put(struct arena *a, struct seqs *s, const uint32_t *v, size_t n);
static inline const uint32_t *seqs_get(const struct seqs *s, uint32_t id, uint32_t *ret_n)
{
	*ret_n = s->start.v[id + 1] - s->start.v[id];
	return *ret_n ? s->pool.v + s->start.v[id] : s->pool.v; /* an empty pool has no memory */
}
static inline uint32_t seqs_count(const struct seqs *s) { return s->start.n - 1; }

#endif
