/* Networks that hold an address. */
#include "route/nets.h"

#include <stdlib.h>
#include <string.h>

void nets_key(const struct ip_net *net, char key[NETS_KEY])
{
	key[0] = net->v6;
	key[1] = (char)net->prefix;
	memcpy(key + 2, net->addr, sizeof(net->addr));
}

struct half {
	uint64_t hi, lo;
};
struct row {
	struct half begin;
	uint32_t text;
	uint8_t bits;
};

static uint64_t big_endian(const uint8_t *p, unsigned n)
{
	uint64_t x = 0;

	for (unsigned i = 0; i < n; i++)
		x = x << 8 | p[i];
	return x;
}

static struct half begin_of(const uint8_t *addr, bool v6)
{
	if (v6)
		return (struct half){ big_endian(addr, 8), big_endian(addr + 8, 8) };
	return (struct half){ 0, big_endian(addr, 4) };
}

static int by_begin(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->begin.hi != y->begin.hi)
		return x->begin.hi < y->begin.hi ? -1 : 1;
	if (x->begin.lo != y->begin.lo)
		return x->begin.lo < y->begin.lo ? -1 : 1;
	return (int)x->bits - (int)y->bits;
}

/* Whether the first `bits` bits are the same; width is that of the family. */
static bool holds(struct half net, unsigned bits, struct half at, unsigned width)
{
	uint64_t hi = net.hi ^ at.hi, lo = net.lo ^ at.lo;

	if (!bits)
		return true;
	if (width == 32)
		return !(lo >> (32 - bits));
	if (bits <= 64)
		return !(hi >> (64 - bits));
	return !hi && !(lo >> (128 - bits));
}

static void fill(struct arena *a, struct nets_family *f, const struct row *rows, uint32_t n, unsigned width)
{
	*f = (struct nets_family){ .n = n };
	if (!n)
		return;
	f->lo = arena_array(a, uint64_t, n);
	f->hi = width > 32 ? arena_array(a, uint64_t, n) : NULL;
	f->bits = arena_array(a, uint8_t, n);
	f->parent = arena_array(a, uint32_t, n);
	f->text = arena_array(a, uint32_t, n);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t up = i;

		while (up && !holds(rows[up - 1].begin, rows[up - 1].bits, rows[i].begin, width))
			up = f->parent[up - 1];
		f->parent[i] = up;
		f->lo[i] = rows[i].begin.lo;
		if (f->hi)
			f->hi[i] = rows[i].begin.hi;
		f->bits[i] = rows[i].bits;
		f->text[i] = rows[i].text;
	}
}

void nets_build(struct arena *a, struct arena *tmp, const struct book_maker *m, struct nets *ret)
{
	struct row *rows = arena_array(tmp, struct row, m->b.n + 1);
	uint32_t n = 0;

	for (unsigned v6 = 0; v6 < 2; v6++) {
		n = 0;
		for (uint32_t i = 0; i < m->b.n; i++) {
			const uint8_t *key = (const uint8_t *)book_text(&m->b, i).p;
			if (key[0] == v6)
				rows[n++] = (struct row){ begin_of(key + 2, v6), i, key[1] };
		}
		if (n > 1)
			qsort(rows, n, sizeof(*rows), by_begin);
		fill(a, v6 ? &ret->v6 : &ret->v4, rows, n, v6 ? 128 : 32);
	}
}

/* How many networks begin at or before the address. */
static uint32_t up_to(const struct nets_family *f, struct half at)
{
	uint32_t low = 0, high = f->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		uint64_t hi = f->hi ? f->hi[mid] : 0;
		if (hi < at.hi || (hi == at.hi && f->lo[mid] <= at.lo))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

uint32_t nets_find(const struct nets *n, const struct route_ip *ip, const struct nets_family **ret_family)
{
	const struct nets_family *f = ip->family == 6 ? &n->v6 : &n->v4;
	struct half at = begin_of(ip->bytes, ip->family == 6);
	uint32_t i;

	*ret_family = f;
	if (ip->family != 4 && ip->family != 6)
		return 0;
	i = up_to(f, at);
	while (i && !holds((struct half){ f->hi ? f->hi[i - 1] : 0, f->lo[i - 1] }, f->bits[i - 1], at, f->hi ? 128 : 32))
		i = f->parent[i - 1];
	return i;
}
