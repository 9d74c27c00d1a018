/* The eight snippet files: names, keys and shapes. */
#include "merge/merge_impl.h"

const char *const snippet_file_names[] = {
	[SNIPPET_RULES_AFTER_SYSTEM] = "routing.rules.after-xp2p-system.json",
	[SNIPPET_RULES_AFTER_MANAGED] = "routing.rules.after-xp2p-managed.json",
	[SNIPPET_INBOUNDS] = "inbounds.append.json",
	[SNIPPET_OUTBOUNDS] = "outbounds.append.json",
	[SNIPPET_BALANCERS] = "balancers.append.json",
	[SNIPPET_DNS] = "dns.json",
	[SNIPPET_POLICY] = "policy.json",
	[SNIPPET_OBSERVATORY] = "observatory.json",
};

static const char *const keys_rules[] = { "rules", NULL }, *const keys_inbounds[] = { "inbounds", NULL },
	*const keys_outbounds[] = { "outbounds", NULL }, *const keys_balancers[] = { "balancers", NULL },
	*const keys_dns[] = { "dns", NULL }, *const keys_policy[] = { "policy", NULL },
	*const keys_observatory[] = { "observatory", "burstObservatory", NULL };
const char *const *const snippet_keys[SNIPPET__N] = {
	[SNIPPET_RULES_AFTER_SYSTEM] = keys_rules,
	[SNIPPET_RULES_AFTER_MANAGED] = keys_rules,
	[SNIPPET_INBOUNDS] = keys_inbounds,
	[SNIPPET_OUTBOUNDS] = keys_outbounds,
	[SNIPPET_BALANCERS] = keys_balancers,
	[SNIPPET_DNS] = keys_dns,
	[SNIPPET_POLICY] = keys_policy,
	[SNIPPET_OBSERVATORY] = keys_observatory,
};

static enum value_kind kind_of(enum snippet_kind kind)
{
	return kind <= SNIPPET_BALANCERS ? VAL_ARRAY : VAL_OBJECT;
}

/* Which file carries a key that stands in the wrong one. */
static const char *home_of(struct str key)
{
	for (unsigned k = 0; k < SNIPPET__N; k++)
		for (const char *const *name = snippet_keys[k]; *name; name++)
			if (str_is_nocase(key, *name))
				return snippet_file_names[k];
	return NULL;
}

static bool is_own_key(enum snippet_kind kind, struct str key)
{
	for (const char *const *name = snippet_keys[kind]; *name; name++)
		if (str_is(key, *name))
			return true;
	return false;
}

static void report_extra(struct diag_sink *sink, enum snippet_kind kind, const struct member *m)
{
	struct str key = member_key(m);
	const char *home = home_of(key), *own = snippet_keys[kind][0];
	const char *near = str_nearest(key, snippet_keys[kind], snippet_keys[kind][1] ? 2 : 1);
	int shown = key.len > 60 ? 60 : (int)key.len;
	struct diag *d = diag_add(sink, DIAG_XR225, m->key_span,
				  "'%.*s' does not belong in this snippet; it carries '%s'", shown, key.p, own);

	if (home && home != snippet_file_names[kind])
		diag_help(sink, d, "move it to '%s'", home);
	else if (near)
		diag_help(sink, d, "did you mean '%s'", near);
	else
		diag_help(sink, d, "remove it");
}

static void check_kind(struct diag_sink *sink, enum snippet_kind kind, const struct member *m)
{
	enum value_kind want = kind_of(kind);
	struct diag *d;

	if (m->value.kind == want)
		return;
	d = diag_add(sink, DIAG_XR227, m->value.span, "'%.*s' is %s, it must be %s", (int)m->key_len, m->key,
		     value_kind_name(m->value.kind), value_kind_name(want));
	diag_help(sink, d, "write { \"%.*s\": %s }, or empty the file", (int)m->key_len, m->key,
		  want == VAL_ARRAY ? "[ ... ]" : "{ ... }");
}

static void check_members(struct diag_sink *sink, enum snippet_kind kind, const struct value *root)
{
	const struct member *first = NULL;

	for (uint32_t i = 0; i < root->n_members; i++) {
		const struct member *m = &root->members[i];
		struct diag *d;

		if (!is_own_key(kind, member_key(m))) {
			report_extra(sink, kind, m);
			continue;
		}
		check_kind(sink, kind, m);
		if (first && !str_eq(member_key(first), member_key(m))) {
			d = diag_add(sink, DIAG_XR312, m->key_span, "'%.*s' beside '%.*s': a snippet has one of them",
				     (int)m->key_len, m->key, (int)first->key_len, first->key);
			diag_relate(sink, d, first->key_span, "the other one");
			diag_help(sink, d, "keep one of them; Xray runs one observatory");
		}
		first = m;
	}
}

void snippet_check(struct diag_sink *sink, enum snippet_kind kind, const struct value *root)
{
	const char *own = snippet_keys[kind][0], *form = kind_of(kind) == VAL_ARRAY ? "[ ... ]" : "{ ... }";
	struct diag *d;

	if (root->kind == VAL_NONE)
		return;
	if (root->kind != VAL_OBJECT) {
		d = diag_add(sink, DIAG_XR224, root->kind == VAL_ARRAY ? merge_point(root) : root->span,
			"the snippet is %s, it must be an object with the key '%s'", value_kind_name(root->kind), own);
		diag_help(sink, d, "write { \"%s\": %s }, or empty the file", own, form);
		return;
	}
	check_members(sink, kind, root);
	if (!root->n_members) {
		d = diag_add(sink, DIAG_XR226, root->span, "the snippet has no key '%s'", own);
		diag_help(sink, d, "write { \"%s\": %s }, or empty the file", own, form);
	}
}

const struct value *merge_snippet_value(const struct snippet *s, const char *key, enum value_kind kind)
{
	const struct value *v = value_get(&s->root, key);

	return v && v->kind == kind ? v : NULL;
}
