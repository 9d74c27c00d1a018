/* Rules: two lists of the operator between the managed ones. The six slots never move. Work is linear, and a rule costs
 * no allocation but its place in the list. */
#include "merge/merge_impl.h"

struct rule_adder {
	struct merge *m;
	struct xlist list;
	enum rule_slot slot;
	bool needs_type;
	unsigned typed;          /* rules of this snippet that got a type */
	struct span first_typed;
};

static void report_twice(struct merge *m, const struct entry *e, const struct xitem *first)
{
	const char *tag = merge_shown(m, value_str(e->tag));
	const struct member *other = value_member_nocase(&first->v, "ruleTag");
	struct diag *d = diag_add(m->sink, DIAG_XR309, e->tag->span, "ruleTag '%s' is used twice", tag);

	if (first->owner)
		diag_relate(m->sink, d, first->v.span, "'%s' is the %s", tag, first->owner);
	else
		diag_relate(m->sink, d, other ? other->value.span : first->v.span, "the first one");
	diag_help(m->sink, d, "rename one of them");
}

/* An empty ruleTag is none, and one of another type is the structure check's to report. */
static void check_rule_tag(struct merge *m, const struct entry *e, struct xitem *item)
{
	struct str tag = e->tag && e->tag->kind == VAL_STRING ? value_str(e->tag) : str_of(NULL);
	const struct xitem *first;

	if (!e->tag || !tag.len || !merge_tag_is_text(m, e) || merge_reserved(m, "ruleTag", tag, e->tag->span, NULL))
		return;
	first = map_put(merge_rule_tags(m), tag, item);
	if (first != item)
		report_twice(m, e, first);
}

/* The operator's object stays as it is; the list gets a copy with one member more. */
static struct value with_type(struct rule_adder *ad, const struct value *rule)
{
	struct value copy = *rule;

	copy.members = arena_array(ad->m->a, struct member, rule->n_members + 1u);
	copy.cap_members = rule->n_members + 1;
	for (uint32_t i = 0; i < rule->n_members; i++)
		copy.members[i] = rule->members[i];
	value_put_str(ad->m->a, &copy, "type", "field");
	if (!ad->typed++)
		ad->first_typed = merge_point(rule);
	return copy;
}

static void add_rule(struct rule_adder *ad, const struct value *v)
{
	struct xitem *item = &ad->list.v[ad->list.n];
	struct entry e;

	if (merge_entry(ad->m, "rule", "ruleTag", v, &e))
		return;
	ad->list.n++;
	*item = (struct xitem){ .v = *v, .slot = ad->slot };
	check_rule_tag(ad->m, &e, item);
	if (ad->needs_type && !e.has_type)
		item->v = with_type(ad, v);
}

static void add_snippet(struct rule_adder *ad, enum rule_slot slot, const struct value *rules)
{
	ad->slot = slot;
	ad->typed = 0;
	for (uint32_t i = 0; rules && i < rules->n; i++)
		add_rule(ad, &rules->items[i]);
	if (ad->typed)
		diag_add(ad->m->sink, DIAG_XR315, ad->first_typed,
			 "\"type\": \"field\" was added to %u rule%s, which %s needs", ad->typed,
			 ad->typed == 1 ? "" : "s", ad->m->x->target->name);
}

static void add_managed(struct rule_adder *ad, const struct xlist *base, enum rule_slot slot)
{
	for (uint32_t i = 0; i < base->n; i++)
		if (base->v[i].slot == slot)
			ad->list.v[ad->list.n++] = base->v[i];
}

void merge_rules(struct merge *m, const struct value *after_system, const struct value *after_managed)
{
	const struct xlist *base = &m->base->rules;
	const struct value *user[SLOT__N] = {
		[SLOT_AFTER_SYSTEM] = after_system, [SLOT_AFTER_MANAGED] = after_managed
	};
	struct rule_adder ad = { .m = m, .list = { .cap = m->n_rules } };

	if (m->n_rules == base->n)
		return;
	ad.needs_type = m->x->target && !target_has(m->x->target, CAP_RULE_TYPE_OPTIONAL);
	ad.list.v = arena_array(m->a, struct xitem, m->n_rules); /* never grows: the map of ruleTags points into it */
	for (unsigned slot = 0; slot < SLOT__N; slot++) {
		add_managed(&ad, base, slot);
		add_snippet(&ad, slot, user[slot]);
	}
	m->x->rules = ad.list;
}
