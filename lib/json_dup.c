/* Duplicate keys of one JSON object: pairwise for small ones, through a hash table for big ones. */
#include <string.h>

#include "lib/json_impl.h"

enum { PAIRWISE_MAX = 16 };

static void report(struct json_reader *r, const struct member *first, const struct member *again)
{
	struct diag *d = json_dislike(r, DIAG_XR204, again->key_span, "key '%.*s' stands in this object twice%s",
				      (int)(again->key_len > 80 ? 80 : again->key_len), again->key,
				      r->lenient ? ": the last one wins" : "");

	if (!d)
		return;
	diag_relate(r->sink, d, first->key_span, "the first one is here");
	diag_help(r->sink, d, "remove one of them or give it another name");
}

static bool same_key(const struct member *a, const struct member *b)
{
	return a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0;
}

static void check_pairwise(struct json_reader *r, const struct member *members, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		for (unsigned k = 0; k < i; k++) {
			if (same_key(&members[i], &members[k])) {
				report(r, &members[k], &members[i]);
				break;
			}
		}
	}
}

/* An empty table of at least twice n slots; returns its mask. */
static unsigned clear_slots(struct json_reader *r, unsigned n)
{
	unsigned size = 64;

	while (size < n * 2)
		size *= 2;
	if (size > r->cap_slots) {
		r->slots = arena_array(r->arena, uint32_t, size);
		r->cap_slots = size;
	} else {
		memset(r->slots, 0, size * sizeof(*r->slots));
	}
	return size - 1;
}

/* A slot holds 1 + the index of a member. */
static void check_hashed(struct json_reader *r, const struct member *members, unsigned n)
{
	unsigned mask = clear_slots(r, n);

	for (unsigned i = 0; i < n; i++) {
		unsigned at = (unsigned)str_hash(member_key(&members[i])) & mask;

		while (r->slots[at] && !same_key(&members[r->slots[at] - 1], &members[i]))
			at = (at + 1) & mask;
		if (r->slots[at])
			report(r, &members[r->slots[at] - 1], &members[i]);
		else
			r->slots[at] = i + 1;
	}
}

void json_check_duplicates(struct json_reader *r, const struct member *members, unsigned n)
{
	if (n > PAIRWISE_MAX)
		check_hashed(r, members, n);
	else
		check_pairwise(r, members, n);
}
