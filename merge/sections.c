/* Whole sections: dns and the observatories are the operator's; policy is merged key by key. */
#include "merge/merge_impl.h"

static void own_section(struct merge *m, const struct snippet *s, const char *key, enum xsection section)
{
	const struct value *v = merge_snippet_value(s, key, VAL_OBJECT);

	if (!v || !v->n_members)
		return;
	m->x->section[section] = *v;
	m->x->section_owner[section] = NULL;
}

static void put_member(struct arena *a, struct value *object, const struct member *m)
{
	value_put(a, object, "", m->value);
	object->members[object->n_members - 1] = *m;
}

static struct value copy_members(struct arena *a, const struct value *from, struct span at)
{
	struct value copy = value_object(from ? from->span : at);

	for (uint32_t i = 0; from && i < from->n_members; i++)
		put_member(a, &copy, &from->members[i]);
	return copy;
}

static void report_managed(struct merge *m, const struct member *user, const char *what, struct span managed)
{
	struct diag *d = diag_add(m->sink, DIAG_XR311, user->key_span, "%s of the policy is managed", what);

	if (managed.src)
		diag_relate(m->sink, d, managed, "it comes from here");
	diag_help(m->sink, d,
		  "use another level, or set stats_enabled = false in [%s.xray.logs] and own the whole policy",
		  role_names[m->base->role]);
}

/* Levels are numbers to Xray, so "00" is level 0 too. */
static bool has_level(const struct value *levels, struct str key)
{
	int64_t want, have;

	if (value_member(levels, key))
		return true;
	if (str_int(key, &want))
		return false;
	for (uint32_t i = 0; i < levels->n_members; i++)
		if (!str_int(member_key(&levels->members[i]), &have) && have == want)
			return true;
	return false;
}

static void merge_levels(struct merge *m, struct value *policy, struct member *managed, const struct member *user)
{
	struct value levels;

	if (user->value.kind != VAL_OBJECT) {
		struct diag *d = diag_add(m->sink, DIAG_XR227, user->value.span, "'%.*s' is %s, it must be an object",
					  (int)user->key_len, user->key, value_kind_name(user->value.kind));

		diag_help(m->sink, d, "write { \"1\": { ... } } with a level's number as key");
		return;
	}
	if (!managed) {
		put_member(m->a, policy, user);
		return;
	}
	levels = copy_members(m->a, &managed->value, managed->value.span);
	for (uint32_t i = 0; i < user->value.n_members; i++) {
		const struct member *level = &user->value.members[i];

		if (has_level(&managed->value, member_key(level)))
			report_managed(m, level, arena_printf(m->a, "level \"%s\"", merge_shown(m, member_key(level))),
				       managed->value.span);
		else
			put_member(m->a, &levels, level);
	}
	managed->value = levels;
}

static void merge_policy(struct merge *m, const struct value *user)
{
	const struct value *base = &m->base->section[XS_POLICY];
	struct value policy = copy_members(m->a, base->kind == VAL_OBJECT ? base : NULL, user->span);

	for (uint32_t i = 0; i < user->n_members; i++) {
		const struct member *u = &user->members[i];
		const char *key = arena_memdup(m->a, u->key, u->key_len);
		struct member *managed = value_member_nocase(&policy, key);

		if (str_is_nocase(member_key(u), "levels"))
			merge_levels(m, &policy, managed, u);
		else if (managed)
			report_managed(m, u, arena_printf(m->a, "'%s'", merge_shown(m, member_key(u))),
				       managed->value.span);
		else
			put_member(m->a, &policy, u);
	}
	m->x->section[XS_POLICY] = policy;
}

void merge_sections(struct merge *m, const struct snippet snippets[SNIPPET__N])
{
	const struct value *policy = merge_snippet_value(&snippets[SNIPPET_POLICY], "policy", VAL_OBJECT);

	own_section(m, &snippets[SNIPPET_DNS], "dns", XS_DNS);
	own_section(m, &snippets[SNIPPET_OBSERVATORY], "observatory", XS_OBSERVATORY);
	/* Both at once are an error already; later checks need not say it again. */
	if (m->x->section[XS_OBSERVATORY].kind == VAL_NONE)
		own_section(m, &snippets[SNIPPET_OBSERVATORY], "burstObservatory", XS_BURST_OBSERVATORY);
	if (policy && policy->n_members)
		merge_policy(m, policy);
}
