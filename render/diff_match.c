/* Which item of one list is which of another, and which of them moved. */
#include <string.h>

#include "render/diff_impl.h"

/* Equal values have equal hashes: objects regardless of key order, as value_equal sees them. */
static uint64_t value_hash(const struct value *v)
{
	uint64_t h = v->kind * 0x9e3779b97f4a7c15u + v->truth;

	switch ((enum value_kind)v->kind) {
	case VAL_NUMBER:
	case VAL_STRING:
	case VAL_DATETIME:
		return h ^ str_hash(value_str(v));
	case VAL_ARRAY:
		for (uint32_t i = 0; i < v->n; i++)
			h = h * 0x100000001b3u + value_hash(&v->items[i]);
		return h;
	case VAL_OBJECT:
		for (uint32_t i = 0; i < v->n_members; i++) {
			uint64_t m = str_hash(member_key(&v->members[i])) * 31 + value_hash(&v->members[i].value);

			h += (m ^ m >> 29) * 0xbf58476d1ce4e5b9u;
		}
		return h;
	default:
		return h;
	}
}

/* Items of `before` under one key, in order: a queue, so that equal ones are paired first with first. */
struct queue {
	uint32_t head, tail;
};
struct matcher {
	struct arena *a;
	const struct xlist *before, *after;
	const char *tag_key;
	struct map *queues;
	uint32_t *next;  /* chain of the queues */
	uint64_t *hashes; /* keys of untagged items before */
	struct matching m;
};

static struct str tag_of(const struct matcher *mt, const struct xitem *item)
{
	const struct member *tag = value_member_nocase(&item->v, mt->tag_key);

	return tag && tag->value.kind == VAL_STRING ? value_str(&tag->value) : str_of(NULL);
}

/* The key of an item: its tag, or the hash of its content (room must live as long as the key). */
static struct str key_of(const struct matcher *mt, const struct xitem *item, uint64_t *room)
{
	struct str tag = tag_of(mt, item);

	if (tag.len)
		return tag;
	*room = value_hash(&item->v);
	return (struct str){ (const char *)room, sizeof(*room) };
}

static void enqueue(struct matcher *mt, uint32_t i)
{
	struct str key = key_of(mt, &mt->before->v[i], &mt->hashes[i]);
	struct queue *q = map_get(mt->queues, key);

	mt->next[i] = NO_MATCH;
	if (q) {
		mt->next[q->tail] = i;
		q->tail = i;
		return;
	}
	q = arena_new_of(mt->a, struct queue);
	*q = (struct queue){ i, i };
	map_put(mt->queues, key, q);
}

/* Tags and hashes share the map: both sides must be tagged alike, and untagged ones really equal. */
static bool belong(const struct matcher *mt, const struct xitem *before, const struct xitem *after)
{
	bool tagged = tag_of(mt, before).len;

	if (tagged != (tag_of(mt, after).len > 0))
		return false;
	return tagged || value_equal(&before->v, &after->v);
}

static void pair(struct matcher *mt, uint32_t before, uint32_t after)
{
	mt->m.after_of[before] = after;
	mt->m.before_of[after] = before;
}

static void match_by_key(struct matcher *mt)
{
	for (uint32_t i = 0; i < mt->before->n; i++)
		enqueue(mt, i);
	for (uint32_t i = 0; i < mt->after->n; i++) {
		uint64_t room;
		struct queue *q = map_get(mt->queues, key_of(mt, &mt->after->v[i], &room));

		if (!q || q->head == NO_MATCH || !belong(mt, &mt->before->v[q->head], &mt->after->v[i]))
			continue;
		pair(mt, q->head, i);
		q->head = mt->next[q->head];
	}
}

/* Longest increasing subsequence of before_of over what is paired (patience sorting): those stay, the others moved. */
static void find_moved(struct matcher *mt)
{
	uint32_t n = mt->after->n, len = 0;
	uint32_t *ends = arena_array(mt->a, uint32_t, n + 1), *previous = arena_array(mt->a, uint32_t, n + 1);
	const uint32_t *before_of = mt->m.before_of;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t low = 0, high = len;

		if (before_of[i] == NO_MATCH)
			continue;
		mt->m.moved[i] = true;
		while (low < high) {
			uint32_t mid = (low + high) / 2;

			if (before_of[ends[mid]] < before_of[i])
				low = mid + 1;
			else
				high = mid;
		}
		previous[i] = low ? ends[low - 1] : NO_MATCH;
		ends[low] = i;
		len += low == len;
	}
	for (uint32_t i = len ? ends[len - 1] : NO_MATCH; i != NO_MATCH; i = previous[i])
		mt->m.moved[i] = false;
}

static bool is_loose(const struct matcher *mt, const struct xlist *list, const uint32_t *other, uint32_t i)
{
	return other[i] == NO_MATCH && !tag_of(mt, &list->v[i]).len;
}

/* Pairs what is left between two neighbours that stayed, first with first. */
static void match_gap(struct matcher *mt, uint32_t before, uint32_t before_end, uint32_t after, uint32_t after_end)
{
	for (; after < after_end; after++) {
		if (!is_loose(mt, mt->after, mt->m.before_of, after))
			continue;
		while (before < before_end && !is_loose(mt, mt->before, mt->m.after_of, before))
			before++;
		if (before == before_end)
			return;
		pair(mt, before++, after);
	}
}

static void match_by_position(struct matcher *mt)
{
	uint32_t before = 0, after = 0;

	for (uint32_t i = 0; i < mt->after->n; i++) {
		if (mt->m.before_of[i] == NO_MATCH || mt->m.moved[i])
			continue;
		match_gap(mt, before, mt->m.before_of[i], after, i);
		before = mt->m.before_of[i] + 1;
		after = i + 1;
	}
	match_gap(mt, before, mt->before->n, after, mt->after->n);
}

struct matching diff_match(struct arena *a, const struct xlist *before, const struct xlist *after, const char *tag_key)
{
	struct matcher mt = {
		.a = a, .before = before, .after = after, .tag_key = tag_key,
		.queues = map_new(a, before->n),
		.next = arena_array(a, uint32_t, before->n + 1),
		.hashes = arena_array(a, uint64_t, before->n + 1),
		.m = {
			.after_of = arena_array(a, uint32_t, before->n + 1),
			.before_of = arena_array(a, uint32_t, after->n + 1),
			.moved = arena_array(a, bool, after->n + 1),
		},
	};

	memset(mt.m.after_of, 0xff, before->n * sizeof(uint32_t));
	memset(mt.m.before_of, 0xff, after->n * sizeof(uint32_t));
	match_by_key(&mt);
	find_moved(&mt);
	match_by_position(&mt);
	return mt.m;
}
