/* Rules that are never used: everything behind a rule that matches all, and rules whose every connection an earlier
 * rule takes first. Only what is certain is reported. An earlier rule covers a later one when
 * - its conditions are among the later one's, text by text, or
 * - it has the later one's other conditions, or none of them, and one more of which it holds every item that the later
 * rule
 *   has or something wider (several earlier rules may share the items).
 * Every question is a hash lookup, so the whole list costs time in proportion to its items. */
#include "validate/shadow.h"

enum { SETS_WHOLE, SETS_CONTEXT }; /* kinds of keys in `sets` */
enum { SUBSETS_UP_TO = 4 };        /* of so many conditions every subset is looked up */

struct shadow {
	struct facts *f;
	struct shadow_items items;
	/* Signatures: all conditions of a rule -> rule; the others beside one -> context number. */
	struct shadow_table *sets;
	struct shadow_ports *ports; /* made for the first rule with ports alone */
	uint32_t n_contexts;
	uint32_t catch_all; /* the rule that matches everything, or SHADOW_NONE */
	bool told;
};
struct subject { /* the rule that is looked at */
	const struct rule *rule;
	unsigned n;
	uint8_t fields[RF_CONDITIONS__N];
	struct shadow_sig sigs[RF_CONDITIONS__N]; /* of the conditions, when there are several */
	uint32_t contexts[RF_CONDITIONS__N];      /* of the others beside each; SHADOW_NONE = new */
	bool has_sigs;
	struct shadow_cover cover;
};

struct shadow *shadow_new(struct facts *f, uint32_t n_rules)
{
	struct shadow *s = arena_new_of(f->a, struct shadow);

	*s = (struct shadow){ .f = f, .catch_all = SHADOW_NONE };
	s->items = (struct shadow_items){ .a = f->a,
					  .nets = &f->nets,
					  .folds = target_has(f->x->target, CAP_XRAY_VALUES) };
	s->items.table = shadow_table_new(f->a, n_rules + n_rules / 2);
	s->sets = shadow_table_new(f->a, n_rules / 2);
	return s;
}

/* --- sets of conditions ------------------------------------------------------------------------------------------- */

static void read_sigs(struct subject *j)
{
	j->has_sigs = true;
	for (unsigned i = 0; i < j->n; i++) {
		j->sigs[i] = (struct shadow_sig){ 0 };
		j->has_sigs &= shadow_sig_add(&j->sigs[i], j->fields[i], j->rule->f[j->fields[i]]);
	}
}

/* Of the subject's conditions whose bit is set (bits count the subject's own list). */
static struct shadow_sig set_sig(const struct subject *j, unsigned bits)
{
	struct shadow_sig sig = { 0 };

	for (unsigned i = 0; i < j->n; i++)
		if (bits >> i & 1)
			shadow_sig_join(&sig, &j->sigs[i]);
	return sig;
}

static struct shadow_key set_key(const struct shadow_sig *sig, uint16_t kind)
{
	return (struct shadow_key){ .p = (const char *)sig, .len = sizeof(*sig), .kind = kind, .hash = sig->a };
}

static uint32_t set_find(const struct shadow *s, const struct subject *j, unsigned bits, uint16_t kind)
{
	struct shadow_sig sig = set_sig(j, bits);
	struct shadow_key k = set_key(&sig, kind);

	return j->has_sigs ? shadow_table_find(s->sets, &k) : SHADOW_NONE;
}

static void set_put(struct shadow *s, const struct subject *j, unsigned bits, uint16_t kind, uint32_t value)
{
	struct shadow_sig *sig;
	struct shadow_key k;

	if (!j->has_sigs)
		return;
	sig = arena_new_of(s->f->a, struct shadow_sig);
	*sig = set_sig(j, bits);
	k = set_key(sig, kind);
	shadow_table_put(s->sets, &k, value);
}

static bool is_set_there(struct shadow *s, struct subject *j, unsigned bits)
{
	uint32_t rule = set_find(s, j, bits, SETS_WHOLE);

	if (rule != SHADOW_NONE)
		shadow_cover_add(&j->cover, rule);
	return rule != SHADOW_NONE;
}

/* An earlier rule that has some of these conditions and no others. Of a long list only all of them and each one
 * alone. */
static bool is_subset_there(struct shadow *s, struct subject *j)
{
	unsigned all = (1u << j->n) - 1;

	if (!j->has_sigs)
		return false;
	if (is_set_there(s, j, all))
		return true;
	if (j->n <= SUBSETS_UP_TO) {
		for (unsigned bits = all; --bits;)
			if (is_set_there(s, j, bits))
				return true;
		return false;
	}
	for (unsigned i = 0; i < j->n; i++)
		if (is_set_there(s, j, 1u << i))
			return true;
	return false;
}

/* --- one condition, item by item ---------------------------------------------------------------------------------- */

static unsigned others(const struct subject *j, unsigned i)
{
	return ((1u << j->n) - 1) & ~(1u << i);
}

static bool are_items_there(struct shadow *s, struct subject *j)
{
	for (unsigned i = 0; i < j->n; i++) {
		const struct value *v = j->rule->f[j->fields[i]];
		uint32_t contexts[2] = { 0, 0 };
		struct shadow_cover cover = { 0 };
		bool found;

		if (j->fields[i] == RF_PORT) {
			found = s->ports && shadow_ports_find(s->ports, v, &cover) == SHADOW_COVERED;
		} else if (shadow_items_knows(j->fields[i])) {
			if (j->n > 1)
				j->contexts[i] = set_find(s, j, others(j, i), SETS_CONTEXT);
			contexts[0] = j->contexts[i] == SHADOW_NONE ? 0 : j->contexts[i];
			found = shadow_items_find(&s->items, j->fields[i], v, contexts, &cover) == SHADOW_COVERED;
		} else {
			continue;
		}
		if (!found)
			continue;
		j->cover = cover;
		return true;
	}
	return false;
}

/* Puts the items of one condition; whether all of them have keys. */
static bool put_items(struct shadow *s, struct subject *j, unsigned i, uint32_t index)
{
	if (j->contexts[i] == SHADOW_NONE && !j->has_sigs)
		return false;
	if (j->contexts[i] == SHADOW_NONE) {
		j->contexts[i] = ++s->n_contexts;
		set_put(s, j, others(j, i), SETS_CONTEXT, j->contexts[i]);
	}
	return shadow_items_put(&s->items, j->fields[i], j->rule->f[j->fields[i]], j->contexts[i], index);
}

static void put_ports(struct shadow *s, const struct value *ports, uint32_t index)
{
	if (!s->ports)
		s->ports = shadow_ports_new(s->f->a);
	shadow_ports_put(s->ports, ports, index);
}

/* A rule with one condition is found by its items, so only what has no key needs the whole condition. */
static bool put_single(struct shadow *s, struct subject *j, uint32_t index)
{
	if (shadow_items_knows(j->fields[0]) && put_items(s, j, 0, index))
		return true;
	if (j->fields[0] == RF_PORT)
		put_ports(s, j->rule->f[RF_PORT], index);
	read_sigs(j);
	if (is_subset_there(s, j))
		return false;
	set_put(s, j, 1, SETS_WHOLE, index);
	return true;
}

/* Whether the rule is new; false when an earlier one has its conditions or some of them. */
static bool put(struct shadow *s, struct subject *j, uint32_t index)
{
	if (j->n == 1)
		return put_single(s, j, index);
	if (is_subset_there(s, j))
		return false;
	for (unsigned i = 0; i < j->n; i++)
		if (shadow_items_knows(j->fields[i]))
			put_items(s, j, i, index);
	set_put(s, j, (1u << j->n) - 1, SETS_WHOLE, index);
	return true;
}

/* --- reports ------------------------------------------------------------------------------------------------------ */

static const struct xitem *rule_item(const struct shadow *s, uint32_t index)
{
	return &s->f->x->rules.v[index];
}

static void relate(struct shadow *s, struct diag *d, uint32_t index, const char *msg)
{
	const struct xitem *it = rule_item(s, index);

	diag_relate(s->f->sink, d, facts_point(&it->v), "%s%s%s", msg, it->owner ? ": " : "",
		    it->owner ? it->owner : "");
}

static void report_catch_all(struct shadow *s, const struct rule *r)
{
	struct diag *d;

	if (s->told)
		return;
	s->told = true;
	d = diag_add(s->f->sink, DIAG_XR533, rule_at(r),
		     "this rule and those behind it are never used: an earlier one matches everything");
	relate(s, d, s->catch_all, "this one matches everything");
	diag_help(s->f->sink, d, "move the rule that matches everything to the end");
}

/* Rules that xrat makes for itself may repeat each other (two endpoints on one host), and nobody wrote them; two
 * redirects that are equal have their own diagnostic. */
static bool is_own_affair(const struct shadow *s, const struct subject *j)
{
	const struct xitem *it = j->rule->it, *by = rule_item(s, j->cover.rules[0]);
	struct str tag = facts_str(&it->v, "ruleTag");

	if (!it->owner || !by->owner)
		return false;
	return it->slot <= SLOT_SYSTEM || (tag.len && str_eq(tag, facts_str(&by->v, "ruleTag")));
}

static void report(struct shadow *s, const struct subject *j)
{
	struct diag *d;

	if (is_own_affair(s, j))
		return;
	d = diag_add(s->f->sink, DIAG_XR534, rule_at(j->rule), "the rule is never used: %s first",
		     j->cover.n > 1 ? "earlier ones together match all of its connections" :
				      "an earlier one matches all of its connections");
	for (unsigned i = 0; i < j->cover.n; i++)
		relate(s, d, j->cover.rules[i], j->cover.n > 1 ? "this one matches some" : "this one matches first");
	diag_help(s->f->sink, d, "remove the rule, or move it up");
}

static void subject_read(struct subject *j, const struct rule *r)
{
	j->rule = r;
	j->n = 0;
	j->cover.n = 0;
	for (unsigned left = r->conditions; left; left &= left - 1) {
		j->contexts[j->n] = 0;
		j->fields[j->n++] = (uint8_t)__builtin_ctz(left);
	}
}

void shadow_feed(struct shadow *s, const struct rule *r, uint32_t index)
{
	struct subject j; /* its arrays are filled as far as they are used */

	if (r->spoilt || (!facts_filled(r->f[RF_OUTBOUND]) && !facts_filled(r->f[RF_BALANCER])))
		return; /* reported, and never loaded */
	if (s->catch_all != SHADOW_NONE) {
		report_catch_all(s, r);
		return;
	}
	subject_read(&j, r);
	if (!j.n) {
		if (r->f[RF_NETWORK] || r->f[RF_PORT])
			s->catch_all = index;
		return;
	}
	if (j.n > 1)
		read_sigs(&j);
	if (are_items_there(s, &j) || !put(s, &j, index))
		report(s, &j);
}
