/* routing: rules with what they lead to, and balancers. A tag that no outbound has is an error: Xray would close such flows
 * one by one, or give them to the first outbound. */
#include "engine/conf_impl.h"

struct tags {
	struct map *outbounds, *balancers;
};

static struct map *outbounds_by_tag(struct conf_reader *r)
{
	struct conf *c = r->c;
	struct map *m = map_new(r->a, c->n_outbounds);

	for (uint32_t i = 0; i < c->n_outbounds; i++) {
		struct outbound *o = &c->outbounds[i];

		if (*o->tag && map_put(m, str_of(o->tag), o) != o)
			conf_fault(r, r->x->outbounds.v[i].v.span, "the tag '%s' has two outbounds", o->tag);
	}
	return m;
}

/* --- balancers --- */
enum strategy { STRATEGY_RANDOM, STRATEGY_ROUND_ROBIN };
static const struct conf_name strategies[] = {
	{ "random", STRATEGY_RANDOM }, { "roundRobin", STRATEGY_ROUND_ROBIN }, { "", STRATEGY_RANDOM },
};

static void set_nothing(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	conf_object(r, k->name, NULL, 0, v, to);
}

static void set_strategy(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	static const struct conf_key keys[] = {
		{ "type", conf_set_name, .offset = 0, CONF_NAMES(strategies) },
		{ "settings", set_nothing, .offset = 0 },
	};

	conf_object(r, k->name, keys, CONF_N(keys), v, to);
}

struct entry {
	const char *tag;
	unsigned strategy;
	const struct value *selector;
};
static const struct conf_key balancer_keys[] = {
	{ "tag", conf_set_text, CONF_AT(struct entry, tag) },
	{ "selector", conf_set_value, CONF_AT(struct entry, selector) },
	{ "strategy", set_strategy, CONF_AT(struct entry, strategy) },
};

static void read_members(struct conf_reader *r, struct balancer *b, const struct value *v, const struct tags *tags)
{
	const char **names = NULL;
	uint32_t n = 0;

	route_members(r->a, r->x, v, &names, &n);
	b->members = arena_array(r->a, const struct outbound *, n);
	for (uint32_t i = 0; i < n; i++) {
		const struct outbound *o = map_get(tags->outbounds, str_of(names[i]));

		if (o)
			b->members[b->n++] = o;
	}
}

static void read_balancer(struct conf_reader *r, const struct value *v, const struct tags *tags)
{
	struct balancer *b = arena_new_of(r->a, struct balancer);
	struct entry e = { .tag = "" };

	conf_object(r, "a balancer", balancer_keys, CONF_N(balancer_keys), v, &e);
	b->tag = e.tag;
	b->round_robin = e.strategy == STRATEGY_ROUND_ROBIN;
	if (v->kind == VAL_OBJECT)
		read_members(r, b, v, tags);
	if (!b->n)
		diag_add(r->sink, DIAG_XR770, e.selector ? e.selector->span : v->span,
			 "no outbound is selected by balancer '%s': write the beginning of a tag that one has", e.tag);
	map_set(tags->balancers, str_of(b->tag), b); /* of two with one tag the later counts, as in Xray */
	r->c->balancers[r->c->n_balancers++] = b;
}

static void read_balancers(struct conf_reader *r, const struct tags *tags)
{
	const struct xlist *l = &r->x->balancers;

	r->c->balancers = arena_array(r->a, struct balancer *, l->n);
	for (uint32_t i = 0; i < l->n; i++)
		read_balancer(r, &l->v[i].v, tags);
}

/* --- rules --- */
static struct route_goal goal_of(struct conf_reader *r, uint32_t rule, const struct tags *tags)
{
	struct route_goal goal = { .rule_tag = "" };
	struct route_target t;
	struct span at;

	route_target_of(r->c->routes, rule, &t);
	at = t.item ? t.item->v.span : SPAN_NONE;
	if (t.rule_tag && *t.rule_tag)
		goal.rule_tag = arena_strdup(r->a, t.rule_tag);
	if (t.outbound)
		goal.outbound = map_get(tags->outbounds, str_of(t.outbound));
	else if (t.balancer)
		goal.balancer = map_get(tags->balancers, str_of(t.balancer));
	if (t.outbound && !goal.outbound)
		diag_add(r->sink, DIAG_XR770, at, "the rule leads to the outbound '%s', which is not there", t.outbound);
	else if (!goal.outbound && !goal.balancer)
		diag_add(r->sink, DIAG_XR770, at, "the rule leads to the balancer '%s', which is not there",
			 t.balancer ? t.balancer : "");
	return goal;
}

static void read_rules(struct conf_reader *r, const struct tags *tags)
{
	struct conf *c = r->c;
	uint32_t n;

	if (!r->x->rules.n || route_build(r->a, r->sink, r->x, &r->assets, &c->routes))
		return;
	n = route_count(c->routes);
	c->goals = arena_array(r->a, struct route_goal, n);
	for (uint32_t i = 0; i < n; i++)
		c->goals[i] = goal_of(r, i, tags);
}

/* domainStrategy is read by route/. */
static const struct conf_key routing_keys[] = {
	{ "domainStrategy", conf_set_ignored, .offset = 0 },
	{ "rules", conf_set_ignored, .offset = 0 },
	{ "balancers", conf_set_ignored, .offset = 0 },
};

void conf_routes(struct conf_reader *r)
{
	const struct tags tags = { outbounds_by_tag(r), map_new(r->a, r->x->balancers.n) };

	conf_object(r, "routing", routing_keys, CONF_N(routing_keys), &r->x->routing, r);
	read_balancers(r, &tags);
	read_rules(r, &tags);
}
