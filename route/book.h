#ifndef XRAT_ROUTE_BOOK_H
#define XRAT_ROUTE_BOOK_H
/* Texts that rules look for, each once, with the conditions ("atoms") that it makes true. Only route/ includes this.
 *
 * The hash runs from the last byte to the first, so that the hashes of all endings of a name come out of one walk. */
#include "route/seq.h"

enum { BOOK_NONE = UINT32_MAX, BOOK_HASH_BEGIN = 0x811c9dc5 };

struct book {
	char *bytes;      /* all texts, one behind the other */
	uint32_t *off;    /* n + 1 */
	uint32_t *hashes; /* of the texts, so that a wrong one is seldom read */
	uint32_t *slots;  /* text + 1 */
	uint32_t *first;  /* n + 1: refs of a text; while building: its newest ref + 1 */
	uint32_t *refs;   /* atom << 2 | kind; while building: atom << 3 | own << 2 | kind */
	uint32_t n, mask;
};
/* While it grows. */
struct book_maker {
	struct book b;
	unsigned cap, cap_bytes, n_refs, cap_refs;
	uint32_t *next; /* of a ref: the older ref of the same text + 1 */
};

static inline uint32_t book_hash_step(uint32_t h, char c) { return (h ^ (uint8_t)c) * 0x01000193u; }
/* Spreads what the steps left in the upper bits. */
static inline uint32_t book_hash_end(uint32_t h, size_t len)
{
	h = (h ^ h >> 15 ^ (uint32_t)len) * 0x2c1b3c6du;
	return h ^ h >> 13;
}
uint32_t book_hash(struct str s);
static inline struct str book_text(const struct book *b, uint32_t i)
{
	return (struct str){ b->bytes + b->off[i], b->off[i + 1] - b->off[i] };
}
/* The number of a text, or BOOK_NONE; hash as book_hash gives it. */
uint32_t book_find(const struct book *b, struct str s, uint32_t hash);

/* The number of a text, added when it is new. */
uint32_t book_put(struct arena *a, struct book_maker *m, struct str s);
/* The atom that is this text's own for a kind (0 to 3), or BOOK_NONE. */
uint32_t book_own(const struct book_maker *m, uint32_t text, unsigned kind);
/* Makes a text lead to an atom. */
void book_add(struct arena *a, struct book_maker *m, uint32_t text, uint32_t atom, unsigned kind, bool own);
/* The finished form in another arena; without the texts when they will not be looked up. */
struct book book_freeze(struct arena *a, const struct book_maker *m, bool with_texts);

#endif
