/* Tags: unique among inbounds, among outbounds and among balancers. In a tree of snippets the merge answers for what
 * snippets name; here are complete files, and managed objects that collide with each other. */
#include "validate/rules.h"

struct named {
	const struct value *tag;
	const struct xitem *it;
};
struct group {
	struct facts *f;
	const char *noun;
	struct map *exact, *folded; /* struct named */
};

/* Whether the merge has answered for the pair already. */
static bool is_merged(const struct facts *f, const struct named *a, const struct named *b)
{
	return !f->x->raw && (!a->it->owner || !b->it->owner);
}

static void report_pair(struct group *g, enum diag_code code, const struct named *now, const struct named *before,
			const char *what)
{
	struct facts *f = g->f;
	struct diag *d;

	if (is_merged(f, now, before))
		return;
	d = diag_add(f->sink, code, now->tag->span, "%s '%s' %s", g->noun, facts_shown(f, value_str(now->tag)), what);
	diag_relate(f->sink, d, before->tag->span, "%s '%s' is here%s%s", g->noun,
		    facts_shown(f, value_str(before->tag)), before->it->owner ? ": " : "",
		    before->it->owner ? before->it->owner : "");
	diag_help(f->sink, d, "rename one of them");
}

static void check_spaces(struct group *g, const struct named *n)
{
	struct facts *f = g->f;
	struct str s = value_str(n->tag);
	struct diag *d;

	if (!f->x->raw || str_trim(s).len == s.len)
		return;
	d = diag_add(f->sink, DIAG_XR522, n->tag->span, "tag '%s' has space around it: a reference has to have it too",
		     facts_shown(f, s));
	diag_help(f->sink, d, "remove the space");
}

static void tag_add(struct group *g, enum diag_code twice, const struct xitem *it, const struct value *tag)
{
	struct named *n, *before;

	if (!tag || tag->kind != VAL_STRING || !tag->len)
		return;
	n = arena_new_of(g->f->a, struct named);
	*n = (struct named){ tag, it };
	check_spaces(g, n);
	before = map_put(g->exact, value_str(tag), n);
	if (before != n) {
		report_pair(g, twice, n, before, twice == DIAG_XR525 ? "exists twice: the later one wins silently" :
			    "exists twice: the engine does not start, or loses one of them");
		return;
	}
	before = map_put(g->folded, str_of(str_lower(g->f->a, value_str(tag))), n);
	if (before != n)
		report_pair(g, DIAG_XR521, n, before, "differs from another tag in case alone");
}

static struct group group_new(struct facts *f, const char *noun, uint32_t n)
{
	return (struct group){ f, noun, map_new(f->a, n), map_new(f->a, n) };
}

static void check_peers(struct facts *f, const char *noun, const struct peers *peers)
{
	struct group g = group_new(f, noun, peers->n);

	for (uint32_t i = 0; i < peers->n; i++)
		tag_add(&g, DIAG_XR520, peers->v[i].it, peers->v[i].tag_at);
}

/* ruleTags: the API refuses a second one, a file may hold it. Most files have none, and the map is made for the
 * first. */
void tags_check_rule(struct facts *f, const struct rule *r)
{
	const struct value *tag = r->f[RF_RULE_TAG];
	const struct xitem *before;
	struct diag *d;

	if (!f->x->raw || !tag || tag->kind != VAL_STRING || !tag->len) /* the base and the merge answer for the rest */
		return;
	if (!f->rule_tags)
		f->rule_tags = map_new(f->a, f->x->rules.n);
	before = map_put(f->rule_tags, value_str(tag), (void *)r->it);
	if (before == r->it)
		return;
	d = diag_add(f->sink, DIAG_XR523, tag->span, "ruleTag '%s' exists twice: the API refuses to change either",
		     facts_shown(f, value_str(tag)));
	diag_relate(f->sink, d, facts_get(&before->v, "ruleTag")->span, "the first one is here");
	diag_help(f->sink, d, "rename one of them");
}

void tags_check(struct facts *f)
{
	struct group balancers = group_new(f, "balancer", f->x->balancers.n);

	check_peers(f, "inbound", &f->ins);
	check_peers(f, "outbound", &f->outs);
	for (uint32_t i = 0; i < f->x->balancers.n; i++)
		tag_add(&balancers, DIAG_XR525, &f->x->balancers.v[i], facts_get(&f->x->balancers.v[i].v, "tag"));
}
