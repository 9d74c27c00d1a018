/* Merge: the managed base plus the operator's snippets, in fixed places. Nothing managed is deleted or changed unless
 * [extensions] override names it. */
#include "merge/merge_impl.h"

enum { SHOWN_MAX = 60 };

const char *merge_shown(struct merge *m, struct str name)
{
	size_t len = name.len > SHOWN_MAX ? SHOWN_MAX : name.len;
	char *s;

	while (len < name.len && len && ((unsigned char)name.p[len] & 0xc0) == 0x80)
		len--;
	s = arena_printf(m->a, "%.*s%s", (int)len, name.len ? name.p : "", len < name.len ? "..." : "");
	for (char *p = s; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return s;
}

struct span merge_point(const struct value *v)
{
	struct span at = v->span;

	if (at.end > at.begin + 1)
		at.end = at.begin + 1;
	return at;
}

int merge_snippets(struct arena *a, struct diag_sink *sink, const struct base *base,
		   const struct snippet snippets[SNIPPET__N], const struct texts *override, struct merged *ret_merged)
{
	struct merged out = { .x = base->x };
	struct merge m = { .a = a, .sink = sink, .base = &base->x, .x = &out.x, .override = override };
	const struct snippet *s = snippets;
	const struct value *after_system = merge_snippet_value(&s[SNIPPET_RULES_AFTER_SYSTEM], "rules", VAL_ARRAY);
	const struct value *after_managed = merge_snippet_value(&s[SNIPPET_RULES_AFTER_MANAGED], "rules", VAL_ARRAY);

	m.n_rules = base->x.rules.n + (after_system ? after_system->n : 0) + (after_managed ? after_managed->n : 0);
	merge_overrides_start(&m);
	merge_items(&m, "inbound", merge_snippet_value(&s[SNIPPET_INBOUNDS], "inbounds", VAL_ARRAY), &base->x.inbounds,
		    &out.x.inbounds);
	merge_items(&m, "outbound", merge_snippet_value(&s[SNIPPET_OUTBOUNDS], "outbounds", VAL_ARRAY),
		    &base->x.outbounds, &out.x.outbounds);
	merge_items(&m, "balancer", merge_snippet_value(&s[SNIPPET_BALANCERS], "balancers", VAL_ARRAY),
		    &base->x.balancers, &out.x.balancers);
	merge_rules(&m, after_system, after_managed);
	merge_sections(&m, snippets);
	merge_overrides_finish(&m, &out.overrides_used);
	*ret_merged = out;
	return 0;
}
