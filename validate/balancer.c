/* Balancers and observatories: selectors are prefixes of outbound tags, and what a balancer picks from has to be
 * watched. */
#include <stdlib.h>
#include <string.h>

#include "validate/rules.h"

struct member_tag {
	struct str tag;
	uint32_t unwatched; /* among those before this one in the order */
};
/* Outbound tags in order of bytes, so that what a prefix selects is a range. One more entry ends the list. */
struct chosen {
	struct facts *f;
	struct member_tag *v;
	uint32_t n;
};
struct range {
	uint32_t from, to;
};

static int compare(struct str a, struct str b)
{
	int r = memcmp(a.len ? a.p : "", b.len ? b.p : "", a.len < b.len ? a.len : b.len);

	return r ? r : a.len < b.len ? -1 : a.len > b.len;
}

static int by_tag(const void *a, const void *b)
{
	return compare(((const struct member_tag *)a)->tag, ((const struct member_tag *)b)->tag);
}

/* The first entry that does not come before the prefix, or, with `past`, behind all that begin with it. */
static uint32_t bound(const struct chosen *c, struct str prefix, bool past)
{
	uint32_t low = 0, high = c->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		struct str head = c->v[mid].tag;
		int r;

		if (past && head.len > prefix.len)
			head.len = prefix.len;
		r = compare(head, prefix);
		if (r < 0 || (past && !r))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct range range_of(const struct chosen *c, struct str prefix)
{
	return (struct range){ bound(c, prefix, false), bound(c, prefix, true) };
}

static uint32_t selected(const struct chosen *c, struct str prefix)
{
	struct range r = range_of(c, prefix);

	return r.to - r.from;
}

/* One warning for each selector that selects nothing; the number of outbounds that the list selects. */
static uint32_t check_selectors(const struct chosen *c, const struct value *list)
{
	struct facts *f = c->f;
	struct xparts it = xparts_of(list);
	uint32_t all = 0, empty = 0;
	struct xpart item, first = { 0 };
	struct diag *d;

	while (xparts_next(&it, &item)) {
		uint32_t n = selected(c, item.s);
		all += n;
		if (!n && !empty++)
			first = item;
	}
	if (all && empty) {
		d = diag_add(f->sink, DIAG_XR508, first.at, "no outbound tag begins with '%s'",
			     facts_shown(f, first.s));
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
	d = diag_add(f->sink, DIAG_XR507, list->span, "the balancer selects no outbound: its traffic goes to %s",
		     where);
	diag_help(f->sink, d, "selectors are the beginnings of outbound tags");
}

/* --- observatories ------------------------------------------------------------------------------------------------ */

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
	return f->x->section[XS_OBSERVATORY].kind == VAL_OBJECT ||
		f->x->section[XS_BURST_OBSERVATORY].kind == VAL_OBJECT;
}

/* leastPing and leastLoad rank what was probed; the others ask for the state of members only for their fallback. */
static bool ranks(const struct value *b)
{
	struct str type = facts_str(facts_get(b, "strategy"), "type");

	return str_is_nocase(type, "leastPing") || str_is_nocase(type, "leastLoad");
}

/* Counts in v[].unwatched: a difference list of watched ranges first, then sums. */
static void read_watched(struct chosen *c)
{
	struct xparts it = xparts_of(subjects(c->f));
	struct xpart item;
	uint32_t watching = 0, unwatched = 0;

	while (xparts_next(&it, &item)) {
		struct range r = range_of(c, item.s);
		c->v[r.from].unwatched++;
		c->v[r.to].unwatched--;
	}
	for (uint32_t i = 0; i <= c->n; i++) {
		watching += c->v[i].unwatched;
		c->v[i].unwatched = unwatched;
		unwatched += !watching;
	}
}

static uint32_t first_unwatched(const struct chosen *c, uint32_t from)
{
	while (c->v[from + 1].unwatched == c->v[from].unwatched)
		from++;
	return from;
}

static void check_coverage(const struct chosen *c, const struct value *list)
{
	struct xparts it = xparts_of(list);
	struct xpart item;
	uint32_t members = 0, unwatched = 0, first = 0;
	struct diag *d;

	while (xparts_next(&it, &item)) {
		struct range r = range_of(c, item.s);
		uint32_t here = c->v[r.to].unwatched - c->v[r.from].unwatched;

		members += r.to - r.from;
		if (here && !unwatched)
			first = first_unwatched(c, r.from);
		unwatched += here;
	}
	if (!unwatched)
		return;
	d = diag_add(c->f->sink, DIAG_XR510, list->span,
		     "the observatory does not watch %s '%s': the balancer never picks %s",
		     unwatched == members ? "any member, as" : "member", facts_shown(c->f, c->v[first].tag),
		     unwatched == members ? "one" : "it");
	if (subjects(c->f))
		diag_relate(c->f->sink, d, subjects(c->f)->span, "what it watches");
	diag_help(c->f->sink, d, "let subjectSelector name the same prefixes as the balancer's selector");
}

static void check_observatory(const struct chosen *c, const struct value *b, const struct value *list)
{
	struct facts *f = c->f;
	const struct value *strategy = facts_get(b, "strategy"), *fallback = facts_get(b, "fallbackTag");
	struct diag *d;

	if (!ranks(b) && !facts_filled(fallback))
		return;
	if (has_observatory(f)) {
		if (ranks(b))
			check_coverage(c, list);
		return;
	}
	if (!target_has(f->x->target, CAP_OBSERVATORY))
		return; /* then neither may be written */
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

/* Reverse channels are outbounds too. */
static struct chosen chosen_read(struct facts *f)
{
	struct chosen c = { .f = f, .v = arena_array(f->a, struct member_tag, f->outs.n_names + 1) };

	for (; c.n < f->outs.n_names; c.n++)
		c.v[c.n].tag = str_of(f->outs.names[c.n]);
	if (c.n)
		qsort(c.v, c.n, sizeof(*c.v), by_tag);
	read_watched(&c);
	return c;
}

void balancer_check(struct facts *f)
{
	struct chosen c = chosen_read(f);

	for (uint32_t i = 0; i < f->x->balancers.n; i++) {
		const struct value *b = &f->x->balancers.v[i].v, *list = facts_get(b, "selector");

		check_fallback(f, b);
		if (!facts_filled(list))
			continue;
		if (!check_selectors(&c, list))
			check_empty(f, b, list);
		check_observatory(&c, b, list);
	}
	check_both(f);
	for (unsigned s = XS_OBSERVATORY; s <= XS_BURST_OBSERVATORY; s++) {
		const struct value *list = facts_get(&f->x->section[s], "subjectSelector");
		if (facts_filled(list) && !check_selectors(&c, list))
			diag_add(f->sink, DIAG_XR508, list->span, "'%s' watches no outbound", xsection_names[s]);
	}
}
