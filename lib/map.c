/* String map: open addressing, linear probing, at most half full. */
#include <string.h>

#include "lib/str.h"

struct slot {
	struct str key;
	uint64_t hash;
	void *value;
};
struct map {
	struct arena *arena;
	struct slot *slots;
	size_t mask, used;
};

uint64_t str_hash(struct str s)
{
	uint64_t h = 0x9e3779b97f4a7c15u ^ s.len, word;

	for (; s.len >= sizeof(word); s = str_skip(s, sizeof(word))) {
		memcpy(&word, s.p, sizeof(word));
		h = (h ^ word) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	word = 0;
	if (s.len)
		memcpy(&word, s.p, s.len);
	h = (h ^ word) * 0xff51afd7ed558ccdu;
	return h ^ h >> 29;
}

struct map *map_new(struct arena *a, size_t expected)
{
	struct map *m = arena_new_of(a, struct map);
	size_t size = 16;

	while (size < expected * 2)
		size *= 2;
	m->arena = a;
	m->slots = arena_array(a, struct slot, size);
	m->mask = size - 1;
	return m;
}

static struct slot *find(const struct map *m, struct str key, uint64_t hash)
{
	size_t i = hash & m->mask;

	while (m->slots[i].value && (m->slots[i].hash != hash || !str_eq(m->slots[i].key, key)))
		i = (i + 1) & m->mask;
	return &m->slots[i];
}

static void grow(struct map *m)
{
	struct slot *old = m->slots;
	size_t n = m->mask + 1;

	m->slots = arena_array(m->arena, struct slot, n * 2);
	m->mask = n * 2 - 1;
	for (size_t i = 0; i < n; i++)
		if (old[i].value)
			*find(m, old[i].key, old[i].hash) = old[i];
}

void *map_get(const struct map *m, struct str key)
{
	return find(m, key, str_hash(key))->value;
}

static struct slot *claim(struct map *m, struct str key)
{
	uint64_t hash = str_hash(key);
	struct slot *s;

	if (m->used * 2 > m->mask)
		grow(m);
	s = find(m, key, hash);
	if (!s->value) {
		s->key = key;
		s->hash = hash;
		m->used++;
	}
	return s;
}

void *map_put(struct map *m, struct str key, void *value)
{
	struct slot *s = claim(m, key);

	if (!s->value)
		s->value = value;
	return s->value;
}

void map_set(struct map *m, struct str key, void *value)
{
	claim(m, key)->value = value;
}
