/* Aho-Corasick over the texts of a book, built level by level from the sorted texts. */
#include "route/ac.h"

#include <string.h>

/* --- sorting: quicksort on one byte at a time, for texts that share their beginnings ------------------------------- */

static int byte_at(const struct book *b, uint32_t text, uint32_t depth)
{
	uint32_t at = b->off[text] + depth;

	return at < b->off[text + 1] ? (uint8_t)b->bytes[at] : -1;
}

static void swap(uint32_t *v, size_t i, size_t j)
{
	uint32_t x = v[i];

	v[i] = v[j];
	v[j] = x;
}

struct part {
	uint32_t *v;
	size_t n;
	uint32_t depth;
};

/* Into less, equal and greater by the byte at depth; ret_parts are in that order. */
static int partition(const struct book *b, struct part p, struct part ret_parts[3])
{
	int pivot = byte_at(b, p.v[p.n / 2], p.depth);
	size_t less = 0, i = 0, more = p.n;

	while (i < more) {
		int c = byte_at(b, p.v[i], p.depth);
		if (c < pivot)
			swap(p.v, less++, i++);
		else if (c > pivot)
			swap(p.v, i, --more);
		else
			i++;
	}
	ret_parts[0] = (struct part){ p.v, less, p.depth };
	ret_parts[1] = (struct part){ p.v + less, more - less, p.depth + 1 };
	ret_parts[2] = (struct part){ p.v + more, p.n - more, p.depth };
	return pivot;
}

/* With a stack of its own: texts may be long, and each byte of a shared beginning is a level. */
static void sort(struct arena *tmp, const struct book *b, uint32_t *v, size_t n)
{
	struct part *stack = NULL, parts[3];
	unsigned used = 0, cap = 0;

	for (struct part p = { v, n, 0 };; p = stack[--used]) {
		while (p.n > 1) {
			bool ended = partition(b, p, parts) < 0;
			for (unsigned i = 1; i < 3; i++) {
				if (parts[i].n < 2 || (i == 1 && ended))
					continue;
				if (used == cap)
					stack = arena_grow(tmp, stack, used, sizeof(*stack), &cap);
				stack[used++] = parts[i];
			}
			p = parts[0];
		}
		if (!used)
			return;
	}
}

/* --- nodes -------------------------------------------------------------------------------------------------------- */

/* A node stands for the sorted texts from lo to hi, which share their first depth bytes. */
struct level {
	uint32_t *lo, *hi;
	uint32_t depth_end; /* first node of the next depth */
};

static uint32_t count_nodes(const struct book *b, const uint32_t *sorted)
{
	uint32_t n = 1;

	for (uint32_t i = 0; i < b->n; i++) {
		struct str s = book_text(b, sorted[i]), before = i ? book_text(b, sorted[i - 1]) : (struct str){ NULL, 0 };
		size_t shared = 0, most = s.len < before.len ? s.len : before.len;

		while (shared < most && s.p[shared] == before.p[shared])
			shared++;
		n += (uint32_t)(s.len - shared);
	}
	return n;
}

static void add_children(struct ac *ac, const struct book *b, const uint32_t *sorted, struct level *l, uint32_t node,
			 uint32_t depth, uint32_t *next)
{
	uint32_t i = l->lo[node], hi = l->hi[node];

	ac->first[node] = *next;
	if (i < hi && byte_at(b, sorted[i], depth) < 0) { /* the one text that ends here sorts first */
		ac->text_at[ac->n_texts] = node;
		ac->text[ac->n_texts++] = sorted[i++];
		ac->out[node] = node;
	}
	while (i < hi) {
		int c = byte_at(b, sorted[i], depth);
		uint32_t begin = i;

		while (i < hi && byte_at(b, sorted[i], depth) == c)
			i++;
		l->lo[*next] = begin;
		l->hi[*next] = i;
		ac->byte[(*next)++] = (uint8_t)c;
	}
}

static void make_nodes(struct ac *ac, struct arena *tmp, const struct book *b, const uint32_t *sorted)
{
	struct level l = { arena_array(tmp, uint32_t, ac->n), arena_array(tmp, uint32_t, ac->n), 1 };
	uint32_t next = 1, depth = 0;

	l.hi[0] = b->n;
	for (uint32_t node = 0; node < ac->n; node++) {
		if (node == l.depth_end) {
			depth++;
			l.depth_end = next;
		}
		add_children(ac, b, sorted, &l, node, depth, &next);
	}
	ac->first[ac->n] = next;
}

static uint32_t child(const struct ac *ac, uint32_t node, uint8_t c)
{
	uint32_t lo = ac->first[node], hi = ac->first[node + 1];

	while (hi - lo > 8) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (ac->byte[mid] <= c)
			lo = mid;
		else
			hi = mid;
	}
	for (; lo < hi; lo++)
		if (ac->byte[lo] == c)
			return lo;
	return 0;
}

uint32_t ac_step(const struct ac *ac, uint32_t node, char c)
{
	while (node) {
		uint32_t to = child(ac, node, (uint8_t)c);
		if (to)
			return to;
		node = ac->fail[node];
	}
	return ac->root[(uint8_t)c];
}

static void link_fails(struct ac *ac)
{
	for (uint32_t i = ac->first[0]; i < ac->first[1]; i++)
		ac->root[ac->byte[i]] = i;
	for (uint32_t node = 1; node < ac->n; node++) {
		if (!ac->out[node])
			ac->out[node] = ac->out[ac->fail[node]];
		for (uint32_t i = ac->first[node]; i < ac->first[node + 1]; i++)
			ac->fail[i] = ac_step(ac, ac->fail[node], (char)ac->byte[i]);
	}
}

void ac_build(struct arena *a, struct arena *tmp, const struct book_maker *m, struct ac *ac)
{
	const struct book *b = &m->b;
	uint32_t *sorted;

	*ac = (struct ac){ 0 };
	if (!b->n)
		return;
	sorted = arena_array(tmp, uint32_t, b->n);
	for (uint32_t i = 0; i < b->n; i++)
		sorted[i] = i;
	sort(tmp, b, sorted, b->n);
	ac->n = count_nodes(b, sorted);
	ac->first = arena_array(a, uint32_t, ac->n + 1);
	ac->fail = arena_array(a, uint32_t, ac->n);
	ac->out = arena_array(a, uint32_t, ac->n);
	ac->byte = arena_array(a, uint8_t, ac->n);
	ac->text_at = arena_array(a, uint32_t, b->n);
	ac->text = arena_array(a, uint32_t, b->n);
	make_nodes(ac, tmp, b, sorted);
	link_fails(ac);
}

uint32_t ac_text(const struct ac *ac, uint32_t node)
{
	uint32_t lo = 0, hi = ac->n_texts;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (ac->text_at[mid] <= node)
			lo = mid;
		else
			hi = mid;
	}
	return ac->text[lo];
}

size_t ac_bytes(const struct ac *ac)
{
	return ac->n ? sizeof(*ac) + ac->n * (size_t)13 + ac->n_texts * (size_t)8 : 0;
}
