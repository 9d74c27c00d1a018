/* Lists of names and addresses outside of routing: each becomes a route table of its own, made from rules that say nothing
 * but the list. What is wrong with an item is reported at the item's place, as in a rule. */
#include "engine/conf_impl.h"

static bool is_empty(const struct value *list)
{
	return conf_absent(list) || (list->kind == VAL_ARRAY && !list->n) || (list->kind == VAL_STRING && !list->len);
}

static bool is_list(struct conf_reader *r, const struct conf_list *l)
{
	bool ok = l->list->kind == VAL_ARRAY || l->list->kind == VAL_STRING;

	for (uint32_t i = 0; ok && l->list->kind == VAL_ARRAY && i < l->list->n; i++)
		ok = l->list->items[i].kind == VAL_STRING;
	if (!ok)
		conf_fault(r, l->list->span, "a list of strings must stand here");
	return ok;
}

/* Room for a table before there is one, so that running out of memory cannot lose it. */
static void make_room(struct conf_reader *r)
{
	struct conf *c = r->c;

	if (c->n_smalls == c->cap_smalls)
		c->smalls = arena_grow(r->a, c->smalls, c->n_smalls, sizeof(struct route_table *), &c->cap_smalls);
}

void conf_small(struct conf_reader *r, const struct conf_list *lists, size_t n, struct small *ret_small)
{
	struct xconf *x = arena_new_of(r->a, struct xconf);
	struct route_table *table = NULL;
	struct conf *c = r->c;

	x->target = r->x->target;

	for (size_t i = 0; i < n; i++) {
		struct value rule;

		if (is_empty(lists[i].list) || !is_list(r, &lists[i]))
			continue;
		rule = value_object(lists[i].list->span);
		value_put(r->a, &rule, lists[i].key, *lists[i].list);
		value_put_str(r->a, &rule, "outboundTag", "listed");
		xlist_add(r->a, &x->rules, rule, NULL);
	}
	make_room(r);
	if (!x->rules.n || route_build(r->a, r->sink, x, &r->assets, &table))
		return;
	*ret_small = (struct small){ table, c->n_smalls };
	c->smalls[c->n_smalls++] = table;
}
