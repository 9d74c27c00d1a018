/* Reserved names, who owns them, and the override list that lifts a reservation. */
#include "merge/merge_impl.h"

void merge_overrides_start(struct merge *m)
{
	uint32_t n = m->override ? m->override->n : 0;

	if (!n)
		return;
	m->lifts = map_new(m->a, n);
	m->lift_used = arena_array(m->a, bool, n);
	for (uint32_t i = 0; i < n; i++) {
		struct text *t = &m->override->v[i];

		map_put(m->lifts, str_of(str_lower(m->a, str_trim(str_of(t->s)))), t);
	}
}

/* The first entry that names this, or NULL. */
static const struct text *lift_of(struct merge *m, struct str name)
{
	return map_get(m->lifts, str_of(str_lower(m->a, str_trim(name))));
}

static void warn_unused(struct merge *m, const struct text *t)
{
	struct str name = str_of(t->s);
	struct diag *d = diag_add(m->sink, DIAG_XR314, t->at, "override '%s' is not used", merge_shown(m, name));

	if (merge_is_managed(m, str_trim(name)))
		diag_help(m->sink, d, "no snippet defines it; remove the entry, or correct its spelling");
	else
		diag_help(m->sink, d, "the name is not reserved; remove the entry");
}

void merge_overrides_finish(struct merge *m, struct texts *ret_used)
{
	struct texts used = { .set = m->lifts };

	if (!m->lifts)
		return;
	used.at = m->override->at;
	used.v = arena_array(m->a, struct text, m->override->n);
	for (uint32_t i = 0; i < m->override->n; i++) {
		if (m->lift_used[lift_of(m, str_of(m->override->v[i].s)) - m->override->v])
			used.v[used.n++] = m->override->v[i];
		else
			warn_unused(m, &m->override->v[i]);
	}
	*ret_used = used;
}

bool merge_lifted(struct merge *m, struct str name, struct span at, const struct xitem *replaced)
{
	const struct text *t;
	struct diag *d;

	if (!m->lifts)
		return false;
	t = lift_of(m, name);
	if (!t)
		return false;
	if (m->lift_used[t - m->override->v])
		return true;
	m->lift_used[t - m->override->v] = true;
	d = replaced ? diag_add(m->sink, DIAG_XR313, at, "override lets '%s' replace the %s", merge_shown(m, name),
				replaced->owner) :
		       diag_add(m->sink, DIAG_XR313, at, "override lets a snippet use '%s'", merge_shown(m, name));
	diag_relate(m->sink, d, t->at, "listed here");
	return true;
}

/* --- who owns a name ---------------------------------------------------------------------------------------------- */
static void index_list(struct merge *m, struct xlist *list)
{
	for (uint32_t i = 0; i < list->n; i++) {
		struct str tag = str_trim(value_get_str(&list->v[i].v, "tag"));

		if (tag.len)
			map_put(m->managed, str_of(str_lower(m->a, tag)), &list->v[i]);
	}
}

static struct map *managed_tags(struct merge *m)
{
	struct xlist lists[] = { m->base->inbounds, m->base->outbounds, m->base->balancers };
	const struct value *api = &m->base->section[XS_API];
	struct str tag = value_get_str(api, "tag");

	if (m->managed)
		return m->managed;
	m->managed = map_new(m->a, lists[0].n + lists[1].n + lists[2].n);
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		index_list(m, &lists[i]);
	if (tag.len) {
		struct xitem *item = arena_new_of(m->a, struct xitem);

		*item = (struct xitem){ .v = *api, .owner = "api" };
		map_put(m->managed, str_of(str_lower(m->a, str_trim(tag))), item);
	}
	return m->managed;
}

static void index_reverse(struct merge *m, struct value *tag)
{
	if (tag && tag->kind == VAL_STRING)
		map_put(m->reverse, str_of(str_lower(m->a, str_trim(value_str(tag)))), tag);
}

static void index_reverse_array(struct merge *m, const struct value *array, bool nested)
{
	for (uint32_t i = 0; array && array->kind == VAL_ARRAY && i < array->n; i++) {
		struct value *v = &array->items[i];

		index_reverse(m, value_get(nested ? value_get(v, "reverse") : v, "tag"));
	}
}

/* Reverse channels stand in the top-level reverse, or in a VLESS outbound or inbound user. */
static struct map *reverse_tags(struct merge *m)
{
	const struct xconf *x = m->base;
	const struct value *reverse = &x->section[XS_REVERSE];

	if (m->reverse)
		return m->reverse;
	m->reverse = map_new(m->a, 16);
	index_reverse_array(m, value_get(reverse, "bridges"), false);
	index_reverse_array(m, value_get(reverse, "portals"), false);
	for (uint32_t i = 0; i < x->outbounds.n; i++)
		index_reverse(m, value_get(value_get(value_get(&x->outbounds.v[i].v, "settings"), "reverse"), "tag"));
	for (uint32_t i = 0; i < x->inbounds.n; i++)
		index_reverse_array(m, value_get(value_get(&x->inbounds.v[i].v, "settings"), "clients"), true);
	return m->reverse;
}

struct map *merge_rule_tags(struct merge *m)
{
	const struct xlist *rules = &m->base->rules;

	if (m->rule_tags)
		return m->rule_tags;
	m->rule_tags = map_new(m->a, m->n_rules);
	for (uint32_t i = 0; i < rules->n; i++) {
		struct str tag = value_get_str(&rules->v[i].v, "ruleTag");

		if (tag.len)
			map_put(m->rule_tags, tag, &rules->v[i]);
	}
	return m->rule_tags;
}

struct pattern {
	const char *name, *owner[ROLE__N];
};
static const struct pattern patterns[] = {
	{ "proxy-*",
	  { "'proxy-*' names belong to [[client.endpoints]]", "'proxy-*' names belong to the endpoints of a client" } },
	{ "*.rev",
	  { "'*.rev' names belong to [client.reverse]", "'*.rev' names belong to [server.reverse_channels]" } },
	{ "xp2p-*",
	  { "'xp2p-*' names belong to what xrat builds itself", "'xp2p-*' names belong to what xrat builds itself" } },
};

/* A place that shows what kind of thing has such names: the first endpoint. */
static struct span first_endpoint(const struct xconf *x)
{
	for (uint32_t i = 0; i < x->outbounds.n; i++)
		if (str_starts_nocase(value_get_str(&x->outbounds.v[i].v, "tag"), "proxy-"))
			return x->outbounds.v[i].v.span;
	return SPAN_NONE;
}

static void relate_pattern(struct merge *m, struct diag *d, const char *name)
{
	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
		if (str_is(str_of(name), patterns[i].name))
			diag_relate(m->sink, d, i ? SPAN_NONE : first_endpoint(m->base), "%s",
				    patterns[i].owner[m->base->role]);
}

void merge_relate_owner(struct merge *m, struct diag *d, struct str name)
{
	struct str trimmed = str_trim(name), lower = str_of(str_lower(m->a, trimmed));
	const struct xitem *item = map_get(managed_tags(m), lower);
	const struct value *reverse = map_get(reverse_tags(m), lower);
	const char *shown = merge_shown(m, trimmed);

	if (!item)
		item = map_get(merge_rule_tags(m), lower);
	if (item && item->owner)
		diag_relate(m->sink, d, item->v.span, "'%s' is the %s", shown, item->owner);
	else if (reverse)
		diag_relate(m->sink, d, reverse->span, "'%s' is a reverse channel", shown);
	else if (name_reserved(name))
		relate_pattern(m, d, name_reserved(name));
}

bool merge_is_managed(struct merge *m, struct str name)
{
	return name_reserved(name) || map_get(managed_tags(m), str_of(str_lower(m->a, str_trim(name))));
}

/* 'nyc' for 'proxy-nyc': what the name would be without the reserved part. */
static struct str free_name(struct str name, const char *pattern)
{
	size_t tail = sizeof(".rev") - 1, head = str_of(pattern).len - 1;

	name = str_trim(name);
	if (*pattern == '*')
		return (struct str){ name.p, name.len - tail };
	return str_skip(name, head);
}

bool merge_reserved(struct merge *m, const char *what, struct str name, struct span at, const struct xitem *replaced)
{
	const char *pattern = name_reserved(name);
	struct diag *d;
	struct str other;

	if (!pattern || merge_lifted(m, name, at, replaced))
		return false;
	d = diag_add(m->sink, DIAG_XR302, at, "%s '%s' is reserved", what, merge_shown(m, name));
	merge_relate_owner(m, d, name);
	other = free_name(name, pattern);
	if (other.len && !merge_is_managed(m, other))
		diag_help(m->sink, d, "rename it, for example '%s', or list it in [extensions] override",
			  merge_shown(m, other));
	else
		diag_help(m->sink, d, "rename it, or list it in [extensions] override");
	return true;
}
