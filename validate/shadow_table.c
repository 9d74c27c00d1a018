/* Open addressing over 8-byte slots (hash and entry number), so that a lookup that fails, which most do, touches little. */
#include <string.h>

#include "validate/shadow.h"

struct entry {
	struct shadow_key key;
	uint32_t rule;
};
struct slot {
	uint32_t hash, entry; /* entry + 1; 0 = free */
};
struct shadow_table {
	struct arena *a;
	struct slot *slots;
	struct entry *entries;
	uint32_t mask, n, cap;
};

struct shadow_table *shadow_table_new(struct arena *a, uint32_t expected)
{
	struct shadow_table *t = arena_new_of(a, struct shadow_table);
	uint32_t size = 64;

	while (size < expected * 2ull && size < 1u << 30)
		size *= 2;
	t->a = a;
	t->mask = size - 1;
	t->slots = arena_array(a, struct slot, size);
	t->cap = expected + 16;
	t->entries = arena_array(a, struct entry, t->cap);
	return t;
}

static uint32_t mix(const struct shadow_key *k)
{
	uint64_t h = (k->hash ^ ((uint64_t)k->context << 32 | k->kind)) * 0x9e3779b97f4a7c15u;

	return (uint32_t)(h >> 32);
}

static bool same(const struct shadow_key *a, const struct shadow_key *b)
{
	return a->len == b->len && a->context == b->context && a->kind == b->kind && !memcmp(a->p, b->p, a->len);
}

static struct slot *find(const struct shadow_table *t, const struct shadow_key *k, uint32_t hash)
{
	uint32_t i = hash & t->mask;

	while (t->slots[i].entry && (t->slots[i].hash != hash || !same(&t->entries[t->slots[i].entry - 1].key, k)))
		i = (i + 1) & t->mask;
	return &t->slots[i];
}

uint32_t shadow_table_find(const struct shadow_table *t, const struct shadow_key *k)
{
	const struct slot *s = find(t, k, mix(k));

	return s->entry ? t->entries[s->entry - 1].rule : SHADOW_NONE;
}

static void grow(struct shadow_table *t)
{
	uint32_t size = (t->mask + 1) * 2;

	t->slots = arena_array(t->a, struct slot, size);
	t->mask = size - 1;
	for (uint32_t e = 0; e < t->n; e++) {
		uint32_t hash = mix(&t->entries[e].key), i = hash & t->mask;
		while (t->slots[i].entry)
			i = (i + 1) & t->mask;
		t->slots[i] = (struct slot){ hash, e + 1 };
	}
}

void shadow_table_put(struct shadow_table *t, const struct shadow_key *k, uint32_t rule)
{
	uint32_t hash = mix(k);
	struct slot *s = find(t, k, hash);

	if (s->entry)
		return;
	if (t->n == t->cap)
		t->entries = arena_grow(t->a, t->entries, t->n, sizeof(*t->entries), &t->cap);
	t->entries[t->n++] = (struct entry){ *k, rule };
	*s = (struct slot){ hash, t->n };
	if (t->n * 2ull > t->mask)
		grow(t);
}
