/* Balancers and observatories: selectors are prefixes of outbound tags, and what a balancer picks from has to be watched. */
#include "validate/rules.h"

static bool selects(struct str prefix, struct str tag)
{
	return tag.len >= prefix.len && str_eq(prefix, (struct str){ tag.p, prefix.len });
}

static uint32_t selected(const struct facts *f, struct str prefix)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->outs.n; i++)
		n += f->outs.v[i].tag.len && selects(prefix, f->outs.v[i].tag);
	for (uint32_t i = 0; !n && i < f->outs.n_names; i++) /* reverse channels are outbounds too */
		n += selects(prefix, str_of(f->outs.names[i]));
	return n;
}

/* One warning for each selector that selects nothing; the number of outbounds that the list selects. */
static uint32_t check_selectors(struct facts *f, const struct value *list)
{
	struct items it = items_of(list);
	uint32_t all = 0, empty = 0;
	struct item item, first = { 0 };
	struct diag *d;

	while (items_next(&it, &item)) {
		uint32_t n = selected(f, item.s);
		all += n;
		if (!n && !empty++)
			first = item;
	}
	if (all && empty) {
		d = diag_add(f->sink, DIAG_XR508, first.at, "no outbound tag begins with '%s'", facts_shown(f, first.s));
		facts_suggest(f, d, first.s, &f->outs);
	}
	return all;
}

static void check_fallback(struct facts *f, const struct value *b)
{
	const struct value *tag = facts_get(b, "fallbackTag");
	struct diag *d;

	if (!tag || tag->kind != VAL_STRING || !tag->len || facts_has(&f->outs, value_str(tag)))
		return;
	d = diag_add(f->sink, DIAG_XR506, tag->span, "fallbackTag names '%s', and there is no such outbound",
		     facts_shown(f, value_str(tag)));
	facts_suggest(f, d, value_str(tag), &f->outs);
}

static void check_empty(struct facts *f, const struct value *b, const struct value *list)
{
	const char *where = "the first outbound";
	struct str fallback = facts_str(b, "fallbackTag");
	struct diag *d;

	if (fallback.len)
		where = arena_printf(f->a, "'%s'", facts_shown(f, fallback));
	d = diag_add(f->sink, DIAG_XR507, list->span, "the balancer selects no outbound: its traffic goes to %s", where);
	diag_help(f->sink, d, "selectors are the beginnings of outbound tags");
}

/* --- observatories -------------------------------------------------------------------------------------------------- */

static const struct value *subjects(const struct facts *f)
{
	static const uint8_t sections[] = { XS_OBSERVATORY, XS_BURST_OBSERVATORY };

	for (size_t i = 0; i < sizeof(sections); i++)
		if (f->x->section[sections[i]].kind == VAL_OBJECT)
			return facts_get(&f->x->section[sections[i]], "subjectSelector");
	return NULL;
}

static bool has_observatory(const struct facts *f)
{
	return f->x->section[XS_OBSERVATORY].kind == VAL_OBJECT || f->x->section[XS_BURST_OBSERVATORY].kind == VAL_OBJECT;
}

static bool is_watched(const struct value *selector, struct str tag)
{
	struct items it = items_of(selector);
	struct item item;

	while (items_next(&it, &item))
		if (selects(item.s, tag))
			return true;
	return false;
}

static bool is_member(const struct value *selector, struct str tag)
{
	return tag.len && is_watched(selector, tag);
}

/* leastPing and leastLoad rank what was probed; the others ask for the state of members only for their fallback. */
static bool ranks(const struct value *b)
{
	struct str type = facts_str(facts_get(b, "strategy"), "type");

	return str_is_nocase(type, "leastPing") || str_is_nocase(type, "leastLoad");
}

static void check_coverage(struct facts *f, const struct value *list)
{
	const struct value *watched = subjects(f);
	uint32_t members = 0, unwatched = 0;
	const struct peer *first = NULL;
	struct diag *d;

	for (uint32_t i = 0; i < f->outs.n; i++) {
		const struct peer *p = &f->outs.v[i];
		if (!is_member(list, p->tag))
			continue;
		members++;
		if (!is_watched(watched, p->tag) && !unwatched++)
			first = p;
	}
	if (!unwatched)
		return;
	d = diag_add(f->sink, DIAG_XR510, list->span, "the observatory does not watch %s '%s': the balancer never picks %s",
		     unwatched == members ? "any member, as" : "member", facts_shown(f, first->tag),
		     unwatched == members ? "one" : "it");
	if (watched)
		diag_relate(f->sink, d, watched->span, "what it watches");
	diag_help(f->sink, d, "let subjectSelector name the same prefixes as the balancer's selector");
}

static void check_observatory(struct facts *f, const struct value *b, const struct value *list)
{
	const struct value *strategy = facts_get(b, "strategy"), *fallback = facts_get(b, "fallbackTag");
	struct diag *d;

	if (!ranks(b) && !facts_filled(fallback))
		return;
	if (has_observatory(f)) {
		if (ranks(b))
			check_coverage(f, list);
		return;
	}
	d = diag_add(f->sink, DIAG_XR509, ranks(b) ? facts_get(strategy, "type")->span : fallback->span,
		     "the balancer needs an observatory: without one the engine does not start");
	diag_help(f->sink, d, "add \"observatory\": { \"subjectSelector\": [...] } with the balancer's prefixes");
}

static void check_both(struct facts *f)
{
	const struct value *one = &f->x->section[XS_OBSERVATORY], *two = &f->x->section[XS_BURST_OBSERVATORY];
	struct diag *d;

	if (one->kind != VAL_OBJECT || two->kind != VAL_OBJECT)
		return;
	d = diag_add(f->sink, DIAG_XR511, facts_point(two), "balancers read one observatory: of 'observatory' and "
		     "'burstObservatory' one is in vain");
	diag_relate(f->sink, d, facts_point(one), "'observatory' is here");
	diag_help(f->sink, d, "keep 'burstObservatory' for leastLoad, 'observatory' for leastPing");
}

void balancer_check(struct facts *f)
{
	for (uint32_t i = 0; i < f->x->balancers.n; i++) {
		const struct value *b = &f->x->balancers.v[i].v, *list = facts_get(b, "selector");

		check_fallback(f, b);
		if (!facts_filled(list))
			continue;
		if (!check_selectors(f, list))
			check_empty(f, b, list);
		check_observatory(f, b, list);
	}
	check_both(f);
	for (unsigned s = XS_OBSERVATORY; s <= XS_BURST_OBSERVATORY; s++) {
		const struct value *list = facts_get(&f->x->section[s], "subjectSelector");
		if (facts_filled(list) && !check_selectors(f, list))
			diag_add(f->sink, DIAG_XR508, list->span, "'%s' watches no outbound", xsection_names[s]);
	}
}
