/* Small route tables and what one thread needs to ask them. */
#include "engine/small.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/conf.h"

void small_fini(struct small_asker *a)
{
	for (uint32_t i = 0; i < a->n; i++)
		route_scratch_free(a->scratches[i]);
	free(a->scratches);
	*a = (struct small_asker){ 0 };
}

/* Flows of an older table may still ask after a reload; then the scratches change hands, which is slow and rare. */
static int take_up(struct small_asker *a, const struct conf *c)
{
	if (a->generation == c->generation)
		return 0;
	small_fini(a);
	a->scratches = calloc(c->n_smalls, sizeof(struct route_scratch *));
	if (!a->scratches)
		return -ENOMEM;
	a->n = c->n_smalls;
	a->generation = c->generation;
	return 0;
}

int small_ask(struct small_asker *a, const struct conf *c, const struct small *s, const struct route_flow *q)
{
	struct route_scratch **scratch;

	if (!s->table)
		return 0;
	if (take_up(a, c))
		return -ENOMEM;
	scratch = &a->scratches[s->at];
	if (!*scratch)
		*scratch = route_scratch_new(s->table);
	if (!*scratch)
		return -ENOMEM;
	return route_find(s->table, *scratch, q) != ROUTE_NONE;
}

int small_has_name(struct small_asker *a, const struct conf *c, const struct small *s, struct str name)
{
	struct route_flow q = { .network = ROUTE_TCP, .domain = name };

	return small_ask(a, c, s, &q);
}

int small_has_ip(struct small_asker *a, const struct conf *c, const struct small *s, const struct route_ip *ip)
{
	struct route_flow q = { .network = ROUTE_TCP, .target = *ip };

	return small_ask(a, c, s, &q);
}
