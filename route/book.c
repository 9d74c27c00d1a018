/* Texts that rules look for. */
#include "route/book.h"

#include <string.h>

uint32_t book_hash(struct str s)
{
	uint32_t h = BOOK_HASH_BEGIN;

	for (size_t i = s.len; i > 0; i--)
		h = book_hash_step(h, s.p[i - 1]);
	return book_hash_end(h, s.len);
}

static uint32_t *find(const struct book *b, struct str s, uint32_t hash)
{
	for (uint32_t i = hash & b->mask;; i = (i + 1) & b->mask) {
		uint32_t *slot = &b->slots[i];
		if (!*slot || (b->hashes[*slot - 1] == hash && str_eq(book_text(b, *slot - 1), s)))
			return slot;
	}
}

uint32_t book_find(const struct book *b, struct str s, uint32_t hash)
{
	uint32_t *slot;

	if (!b->n)
		return BOOK_NONE;
	slot = find(b, s, hash);
	return *slot ? *slot - 1 : BOOK_NONE;
}

/* --- building ----------------------------------------------------------------------------------------------------- */

static void make_slots(struct arena *a, struct book *b, uint32_t size)
{
	b->mask = size - 1;
	b->slots = arena_array(a, uint32_t, size);
	for (uint32_t i = 0; i < b->n; i++) {
		uint32_t at = b->hashes[i] & b->mask;
		while (b->slots[at])
			at = (at + 1) & b->mask;
		b->slots[at] = i + 1;
	}
}

static void grow(struct arena *a, struct book_maker *m)
{
	struct book *b = &m->b;
	uint32_t bigger = m->cap ? m->cap * 2 : 64;
	uint32_t *off = arena_array(a, uint32_t, bigger + 1), *first = arena_array(a, uint32_t, bigger + 1);
	uint32_t *hashes = arena_array(a, uint32_t, bigger);

	if (b->n) {
		memcpy(hashes, b->hashes, b->n * sizeof(*hashes));
		memcpy(off, b->off, (b->n + 1) * sizeof(*off));
		memcpy(first, b->first, b->n * sizeof(*first));
	}
	if (!b->bytes)
		b->bytes = arena_grow(a, NULL, 0, 1, &m->cap_bytes);
	b->off = off;
	b->first = first;
	b->hashes = hashes;
	m->cap = bigger;
	make_slots(a, b, bigger * 2);
}

uint32_t book_put(struct arena *a, struct book_maker *m, struct str s)
{
	struct book *b = &m->b;
	uint32_t hash = book_hash(s), found = book_find(b, s, hash);

	if (found != BOOK_NONE)
		return found;
	if (b->n == m->cap)
		grow(a, m);
	while (s.len > m->cap_bytes - b->off[b->n])
		b->bytes = arena_grow(a, b->bytes, b->off[b->n], 1, &m->cap_bytes);
	if (s.len)
		memcpy(b->bytes + b->off[b->n], s.p, s.len);
	b->off[b->n + 1] = b->off[b->n] + (uint32_t)s.len;
	*find(b, s, hash) = b->n + 1; /* an empty slot: the text is new */
	b->hashes[b->n] = hash;
	return b->n++;
}

uint32_t book_own(const struct book_maker *m, uint32_t text, unsigned kind)
{
	for (uint32_t r = m->b.first[text]; r; r = m->next[r - 1])
		if ((m->b.refs[r - 1] & 7) == (4 | kind))
			return m->b.refs[r - 1] >> 3;
	return BOOK_NONE;
}

void book_add(struct arena *a, struct book_maker *m, uint32_t text, uint32_t atom, unsigned kind, bool own)
{
	struct book *b = &m->b;
	uint32_t newest = b->first[text];
	unsigned cap = m->cap_refs;

	if (newest && b->refs[newest - 1] == (atom << 3 | (own ? 4u : 0) | kind))
		return; /* a list that holds a name twice */
	if (m->n_refs == m->cap_refs) {
		b->refs = arena_grow(a, b->refs, m->n_refs, sizeof(*b->refs), &m->cap_refs);
		m->next = arena_grow(a, m->next, m->n_refs, sizeof(*m->next), &cap);
	}
	b->refs[m->n_refs] = atom << 3 | (own ? 4u : 0) | kind;
	m->next[m->n_refs] = newest;
	b->first[text] = ++m->n_refs;
}

struct book book_freeze(struct arena *a, const struct book_maker *m, bool with_texts)
{
	struct book b = { .n = m->b.n, .mask = 1 };

	if (!b.n)
		return b;
	b.first = arena_array(a, uint32_t, b.n + 1);
	b.refs = arena_array(a, uint32_t, m->n_refs);
	for (uint32_t i = 0, n = 0; i < b.n; i++) {
		for (uint32_t r = m->b.first[i]; r; r = m->next[r - 1])
			b.refs[n++] = m->b.refs[r - 1] >> 3 << 2 | (m->b.refs[r - 1] & 3);
		b.first[i + 1] = n;
	}
	if (!with_texts)
		return b;
	b.bytes = arena_memdup(a, m->b.bytes, m->b.off[b.n]);
	b.off = words_copy(a, m->b.off, b.n + 1);
	b.hashes = words_copy(a, m->b.hashes, b.n);
	while (b.mask + 1 < b.n + b.n / 2)
		b.mask = b.mask * 2 + 1;
	make_slots(a, &b, b.mask + 1);
	return b;
}
