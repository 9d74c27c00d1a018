/* What changed between two configs, as an operator says it: this rule was added, that outbound moved, this field
 * changed. */
#include "render/diff_impl.h"

struct differ {
	struct arena *a;
	const struct xconf *before, *after;
	struct value changes, removals; /* removals come last */
};

/* Xray's API and reload can exchange objects of the lists; a tun device and whole sections need a new process. */
static bool needs_restart(const struct value *v)
{
	return str_is(value_get_str(v, "protocol"), "tun");
}

static const char *name_of(struct differ *d, enum list_kind k, const struct value *v, uint32_t i)
{
	const struct member *tag = value_member_nocase(v, list_infos[k].tag_key);

	if (tag && tag->value.kind == VAL_STRING && tag->value.len)
		return arena_memdup(d->a, tag->value.text, tag->value.len);
	return arena_printf(d->a, "%s[%u]", list_infos[k].path[list_infos[k].n_path - 1], i);
}

static struct diff_sink sink_for(struct differ *d, enum list_kind k, const struct value *v, uint32_t i)
{
	return (struct diff_sink){
		.a = d->a, .out = &d->changes, .kind = list_infos[k].kind, .name = name_of(d, k, v, i),
		.pointer = pointer_index(d->a, list_infos[k].pointer, i), .restart = needs_restart(v),
	};
}

/* moved says which places: fields "before" and "after" hold the indexes. */
static void report_moved(struct diff_sink *s, uint32_t before, uint32_t after)
{
	struct value from = value_number(s->a, before, SPAN_NONE), to = value_number(s->a, after, SPAN_NONE);
	struct keypath none = { { NULL }, 0 };

	diff_report(s, "moved", NULL, &none, &from, &to);
}

static void diff_item(struct differ *d, enum list_kind k, const struct matching *m, uint32_t i)
{
	const struct value *after = &list_of(d->after, k)->v[i].v;
	struct diff_sink s = sink_for(d, k, after, i);
	struct keypath at = list_path(k);
	const struct value *before;

	if (m->before_of[i] == NO_MATCH) {
		diff_report(&s, "added", NULL, &at, NULL, after);
		return;
	}
	before = &list_of(d->before, k)->v[m->before_of[i]].v;
	s.restart |= needs_restart(before);
	if (m->moved[i])
		report_moved(&s, m->before_of[i], i);
	diff_fields(&s, &at, before, after);
}

static void diff_list(struct differ *d, enum list_kind k)
{
	const struct xlist *before = list_of(d->before, k), *after = list_of(d->after, k);
	struct matching m = diff_match(d->a, before, after, list_infos[k].tag_key);
	struct keypath at = list_path(k);

	for (uint32_t i = 0; i < after->n; i++)
		if (m.before_of[i] == NO_MATCH || m.moved[i] ||
		    !value_equal(&before->v[m.before_of[i]].v, &after->v[i].v))
			diff_item(d, k, &m, i);
	for (uint32_t i = 0; i < before->n; i++) {
		struct diff_sink s;

		if (m.after_of[i] != NO_MATCH)
			continue;
		s = sink_for(d, k, &before->v[i].v, i);
		s.out = &d->removals;
		diff_report(&s, "removed", NULL, &at, &before->v[i].v, NULL);
	}
}

static void diff_section(struct differ *d, struct str key, const struct value *before, const struct value *after)
{
	const char *name = arena_memdup(d->a, key.p, key.len);
	struct diff_sink s = {
		.a = d->a, .out = &d->changes, .kind = "section", .name = name,
			.pointer = pointer_join(d->a, "", key), .restart = true,
	};
	struct keypath at = { { name }, 1 };

	if (after->kind == VAL_NONE && before->kind == VAL_NONE)
		return;
	if (after->kind == VAL_NONE) {
		s.out = &d->removals;
		diff_report(&s, "removed", NULL, &at, before, NULL);
	} else if (before->kind == VAL_NONE) {
		diff_report(&s, "added", NULL, &at, NULL, after);
	} else {
		diff_fields(&s, &at, before, after);
	}
}

static void diff_sections(struct differ *d, enum xsection from, enum xsection to)
{
	for (enum xsection s = from; s <= to; s++)
		diff_section(d, str_of(xsection_names[s]), &d->before->section[s], &d->after->section[s]);
}

static void diff_rest(struct differ *d)
{
	const struct value none = { .kind = VAL_NONE }, *before = &d->before->rest, *after = &d->after->rest;

	for (uint32_t i = 0; after->kind == VAL_OBJECT && i < after->n_members; i++) {
		const struct member *m = &after->members[i], *old = value_member(before, member_key(m));

		diff_section(d, member_key(m), old ? &old->value : &none, &m->value);
	}
	for (uint32_t i = 0; before->kind == VAL_OBJECT && i < before->n_members; i++)
		if (!value_member(after, member_key(&before->members[i])))
			diff_section(d, member_key(&before->members[i]), &before->members[i].value, &none);
}

struct value render_diff(struct arena *a, const struct value *before, const struct value *after)
{
	struct xconf x[2] = { { 0 }, { 0 } };
	struct differ d = {
		.a = a, .before = &x[0], .after = &x[1], .changes = value_array(SPAN_NONE),
			.removals = value_array(SPAN_NONE),
	};

	xconf_from_value(a, before, target_default(), &x[0]);
	xconf_from_value(a, after, target_default(), &x[1]);
	diff_sections(&d, XS_LOG, XS_REVERSE);
	diff_section(&d, STR("routing"), &x[0].routing, &x[1].routing);
	for (enum list_kind k = 0; k < LIST__N; k++)
		diff_list(&d, k);
	diff_sections(&d, XS_OBSERVATORY, XS_BURST_OBSERVATORY);
	diff_rest(&d);
	for (uint32_t i = 0; i < d.removals.n; i++)
		value_push(a, &d.changes, d.removals.items[i]);
	return d.changes;
}
