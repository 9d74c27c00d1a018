/* Counters, named as Xray names them. Those that the table before had under the same name are shared with it: they go on
 * counting, and old flows count into them too. */
#include <stdlib.h>
#include <string.h>

#include "engine/conf_impl.h"

/* A counter for each cache line: workers write different ones at the same time. */
static struct counter *new_counter(struct str name)
{
	size_t size = (sizeof(struct counter) + name.len + 1 + 63) / 64 * 64;
	struct counter *n = aligned_alloc(64, size);

	if (!n)
		return NULL;
	memset(n, 0, size);
	atomic_init(&n->refs, 1);
	memcpy(n + 1, name.p, name.len);
	n->name = (const char *)(n + 1);
	return n;
}

/* Of the table before. */
static struct counter *kept(struct conf_reader *r, struct str name)
{
	uint32_t n = r->before ? r->before->n_counters : 0;
	struct counter *found;

	if (!n)
		return NULL;
	if (!r->counters_before) {
		r->counters_before = map_new(r->a, n);
		for (uint32_t i = 0; i < n; i++)
			map_put(r->counters_before, str_of(r->before->counters[i]->name), r->before->counters[i]);
	}
	found = map_get(r->counters_before, name);
	if (found)
		atomic_fetch_add_explicit(&found->refs, 1, memory_order_relaxed);
	return found;
}

static struct counter *counter(struct conf_reader *r, const char *kind, struct str tag, const char *direction)
{
	struct str name = str_of(arena_printf(r->a, "%s>>>%.*s>>>traffic>>>%s", kind, (int)tag.len, tag.p, direction));
	struct counter *found = map_get(r->counters, name);
	struct conf *c = r->c;

	if (found)
		return found;
	if (c->n_counters == c->cap_counters)
		c->counters = arena_grow(r->a, c->counters, c->n_counters, sizeof(struct counter *), &c->cap_counters);
	found = kept(r, name);
	if (!found)
		found = new_counter(name);
	if (!found)
		arena_fail(r->a);
	c->counters[c->n_counters++] = found; /* from here on the table frees it */
	map_put(r->counters, str_of(found->name), found);
	return found;
}

struct traffic conf_traffic(struct conf_reader *r, const char *kind, struct str name, bool up, bool down)
{
	struct traffic t = { NULL, NULL };

	if (!r->has_stats || !name.len)
		return t;
	if (up)
		t.up = counter(r, kind, name, "uplink");
	if (down)
		t.down = counter(r, kind, name, "downlink");
	return t;
}

void conf_counters_free(struct conf *c)
{
	for (uint32_t i = 0; i < c->n_counters; i++)
		if (atomic_fetch_sub_explicit(&c->counters[i]->refs, 1, memory_order_acq_rel) == 1)
			free(c->counters[i]);
	c->n_counters = 0;
}
