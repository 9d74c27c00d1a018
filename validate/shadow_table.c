/* Open addressing over entry numbers, behind a bit filter that fits the cache: most lookups fail, and the filter
 * answers them. What is put was looked up before, so putting compares nothing. */
#include <string.h>

#include "validate/shadow.h"

struct entry {
	const char *p;
	uint32_t len, context, rule, hash;
	uint16_t kind;
};
struct shadow_table {
	struct arena *a;
	uint32_t *slots;  /* entry + 1; 0 = free */
	uint64_t *filter; /* as many bits as 8 for each slot */
	struct entry *entries;
	uint32_t mask, n, cap;
};

static void make_slots(struct shadow_table *t, uint32_t size)
{
	t->mask = size - 1;
	t->slots = arena_array(t->a, uint32_t, size);
	t->filter = arena_array(t->a, uint64_t, size / 8);
}

struct shadow_table *shadow_table_new(struct arena *a, uint32_t expected)
{
	struct shadow_table *t = arena_new_of(a, struct shadow_table);
	uint32_t size = 64;

	while (size < expected * 4ull / 3 && size < 1u << 30)
		size *= 2;
	t->a = a;
	t->cap = expected + 16;
	t->entries = arena_array(a, struct entry, t->cap);
	make_slots(t, size);
	return t;
}

static uint32_t mix(const struct shadow_key *k)
{
	uint64_t h = (k->hash ^ ((uint64_t)k->context << 32 | k->kind)) * 0x9e3779b97f4a7c15u;

	return (uint32_t)(h >> 32);
}

/* A second choice of bits, so that neighbours in the slots are none in the filter. */
static uint64_t filter_bit(const struct shadow_table *t, uint32_t hash)
{
	return (hash * 0xd6e8feb86659fd93u >> 24) & (t->mask * 8ull + 7);
}

static bool filter_has(const struct shadow_table *t, uint32_t hash)
{
	uint64_t bit = filter_bit(t, hash);

	return t->filter[bit / 64] >> bit % 64 & 1;
}

static bool same(const struct entry *e, const struct shadow_key *k)
{
	return e->len == k->len && e->context == k->context && e->kind == k->kind && !memcmp(e->p, k->p, e->len);
}

uint32_t shadow_table_find(const struct shadow_table *t, const struct shadow_key *k)
{
	uint32_t hash = mix(k), i = hash & t->mask;

	if (!filter_has(t, hash))
		return SHADOW_NONE;
	for (; t->slots[i]; i = (i + 1) & t->mask) {
		const struct entry *e = &t->entries[t->slots[i] - 1];
		if (e->hash == hash && same(e, k))
			return e->rule;
	}
	return SHADOW_NONE;
}

static void place(struct shadow_table *t, uint32_t entry)
{
	uint32_t hash = t->entries[entry].hash, i = hash & t->mask;
	uint64_t bit = filter_bit(t, hash);

	while (t->slots[i])
		i = (i + 1) & t->mask;
	t->slots[i] = entry + 1;
	t->filter[bit / 64] |= 1ull << bit % 64;
}

void shadow_table_put(struct shadow_table *t, const struct shadow_key *k, uint32_t rule)
{
	if (shadow_table_find(t, k) != SHADOW_NONE)
		return;
	if (t->n == t->cap)
		t->entries = arena_grow(t->a, t->entries, t->n, sizeof(*t->entries), &t->cap);
	t->entries[t->n] = (struct entry){ k->p, k->len, k->context, rule, mix(k), k->kind };
	place(t, t->n++);
	if (t->n < t->mask / 4 * 3)
		return;
	make_slots(t, (t->mask + 1) * 2);
	for (uint32_t i = 0; i < t->n; i++)
		place(t, i);
}
