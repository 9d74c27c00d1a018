/* route_build: rules to terms, terms to entries, and everything to its finished form in the caller's arena. */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "route/index.h"

static enum route_strategy strategy_of(const struct xconf *x)
{
	static const struct {
		const char *name;
		enum route_strategy strategy;
	} rows[] = { { "IPIfNonMatch", ROUTE_IP_IF_NON_MATCH }, { "IPOnDemand", ROUTE_IP_ON_DEMAND } };
	const struct member *m = value_member_nocase(&x->routing, "domainStrategy");

	for (size_t i = 0; m && i < sizeof(rows) / sizeof(*rows); i++)
		if (str_is_nocase(items_text(&m->value), rows[i].name))
			return rows[i].strategy;
	return ROUTE_AS_IS;
}

/* --- where rules send --------------------------------------------------------------------------------------------- */

/* A tag is kept once, however many rules name it. */
static uint32_t target_of(struct builder *b, const struct value *const keys[RF__N])
{
	bool direct = keys[RF_OUTBOUND] != NULL;
	struct str tag = items_text(keys[direct ? RF_OUTBOUND : RF_BALANCER]), key;
	uint32_t known = b->targets.b.n, i;
	struct target_row row = { 0 };

	key = index_marked(b, direct ? 'o' : 'b', tag);
	i = book_put(b->tmp, &b->targets, key);
	if (i < known)
		return i;
	if (i == b->cap_targets)
		b->t->targets = arena_grow(b->a, b->t->targets, i, sizeof(*b->t->targets), &b->cap_targets);
	*(direct ? &row.outbound : &row.balancer) = arena_memdup(b->a, tag.p, tag.len);
	b->t->targets[i] = row;
	return i;
}

static void read_target(struct builder *b, uint32_t rule, const struct value *const keys[RF__N])
{
	struct route_table *t = b->t;
	struct str tag = items_text(keys[RF_RULE_TAG]);

	t->target_of[rule] = target_of(b, keys);
	if (!tag.len)
		return;
	if (!t->rule_tags)
		t->rule_tags = arena_array(b->a, const char *, t->n_rules);
	t->rule_tags[rule] = arena_memdup(b->a, tag.p, tag.len);
}

/* --- the finished form -------------------------------------------------------------------------------------------- */

static size_t book_bytes(const struct book *b)
{
	if (!b->n)
		return 0;
	return (b->n + 1 + (size_t)b->first[b->n]) * 4 + (b->bytes ? b->off[b->n] + (2 * (size_t)b->n + 1 + b->mask) * 4 : 0);
}

static size_t nets_bytes(const struct nets *n)
{
	return n->v4.n * (size_t)17 + n->v6.n * (size_t)25;
}

static void measure(struct route_table *t)
{
	t->bytes = sizeof(*t) + ac_bytes(&t->ac) + (size_t)t->n_rules * 4 + ((size_t)t->n_owners + 1) * 4 +
		((size_t)t->first[t->n_owners] + t->n_asking) * sizeof(struct entry) +
		((size_t)t->conds.pool.n + t->conds.start.n + t->rests.pool.n + t->rests.start.n) * 4;
	for (unsigned i = 0; i < BOOK__N; i++)
		t->bytes += book_bytes(&t->books[i]);
	for (unsigned d = 0; d < IP_DIMS; d++)
		t->bytes += nets_bytes(&t->nets[d]);
	for (unsigned d = 0; d < PORT_DIMS; d++)
		t->bytes += t->ports[d].n * sizeof(uint32_t);
	t->bytes += t->n_lazies * sizeof(struct lazy) + (t->rule_tags ? t->n_rules * sizeof(char *) : 0);
}

static void finish_books(struct builder *b)
{
	struct route_table *t = b->t;

	for (unsigned i = 0; i < BOOK_LIST; i++) {
		bool looked_up = i <= BOOK_DOMAIN;
		t->books[i] = book_freeze(b->a, &b->books[i], looked_up);
	}
	ac_build(b->a, b->tmp, &b->books[BOOK_KEYWORD], &t->ac);
	for (unsigned d = 0; d < IP_DIMS; d++)
		nets_build(b->a, b->tmp, &b->books[BOOK_NET + d], &t->nets[d]);
}

static void finish_lazies(struct builder *b)
{
	struct route_table *t = b->t;
	struct lazy *lazies = arena_array(b->a, struct lazy, t->n_lazies + 1);

	if (t->n_lazies)
		memcpy(lazies, t->lazies, t->n_lazies * sizeof(*lazies));
	t->lazies = lazies;
	t->lazy_ids = words_copy(b->a, b->lazy_ids.v, b->lazy_ids.n);
	for (unsigned k = 0; k < RX__N; k++) {
		uint32_t n = b->books[BOOK_RX_DOMAIN + k].b.n;
		struct regex **rx = arena_array(b->a, struct regex *, n + 1);

		if (n)
			memcpy(rx, t->rx[k], n * sizeof(*rx));
		t->rx[k] = rx;
	}
}

enum { SET_WORTHWHILE = 8 };

/* All patterns for names in one automaton; those that do not compile stand in it as one that matches nothing. */
static void make_set(struct builder *b)
{
	const struct book *rx = &b->books[BOOK_RX_DOMAIN].b;
	struct str *patterns;

	if (rx->n < SET_WORTHWHILE)
		return;
	patterns = arena_array(b->tmp, struct str, rx->n);
	for (uint32_t i = 0; i < rx->n; i++)
		patterns[i] = b->t->rx[0][i] ? book_text(rx, i) : STR("[^\\x00-\\x{10ffff}]");
	if (regex_set_new(patterns, rx->n, &b->t->rx_set) < 0)
		arena_fail(b->a);
}

static void build(struct builder *b)
{
	struct route_table *t = b->t;

	t->n_rules = b->x->rules.n;
	t->strategy = strategy_of(b->x);
	t->any_name = t->dotless_name = NO_ATOM;
	seqs_init(b->tmp, &b->conds);
	seqs_init(b->tmp, &b->rests);
	words_reserve(b->tmp, &b->first, t->n_rules + 1);
	words_reserve(b->tmp, &b->terms, t->n_rules * 2);
	words_push(b->tmp, &b->first, 0);
	t->target_of = arena_array(b->a, uint32_t, t->n_rules + 1);
	for (uint32_t i = 0; i < t->n_rules; i++) {
		const struct value *keys[RF__N];

		items_keys(&b->x->rules.v[i].v, keys);
		terms_read(b, keys);
		read_target(b, i, keys);
		words_push(b->tmp, &b->first, b->terms.n);
	}
	if (b->failed)
		return;
	drive_build(b);
	finish_books(b);
	finish_lazies(b);
	make_set(b);
	measure(t);
}

void route_table_fini(struct route_table *t)
{
	for (unsigned k = 0; t && k < RX__N; k++) {
		for (uint32_t i = 0; i < t->books[BOOK_RX_DOMAIN + k].n; i++)
			regex_free(t->rx[k][i]);
		t->books[BOOK_RX_DOMAIN + k].n = 0;
	}
	if (t)
		regex_set_free(t->rx_set);
}

/* What a build that ended early leaves behind. */
static void drop(struct builder *b)
{
	for (unsigned k = 0; k < RX__N; k++)
		for (uint32_t i = 0; i < b->books[BOOK_RX_DOMAIN + k].b.n && i < b->cap_rx[k]; i++)
			regex_free(b->t->rx[k][i]);
	regex_set_free(b->t->rx_set);
}

int route_build(struct arena *a, struct diag_sink *sink, const struct xconf *x, const struct route_assets *assets,
		struct route_table **ret_table)
{
	struct arena *tmp = arena_new();
	struct builder *volatile b = NULL;
	jmp_buf oom, *before;
	bool failed;

	*ret_table = NULL;
	if (!tmp)
		arena_fail(a);
	before = arena_on_oom(a, &oom);
	arena_on_oom(tmp, &oom);
	if (setjmp(oom)) {
		if (b && b->t)
			drop(b);
		arena_free(tmp);
		arena_on_oom(a, before);
		arena_fail(a);
	}
	b = arena_new_of(tmp, struct builder);
	*b = (struct builder){ .a = a, .tmp = tmp, .sink = sink, .x = x, .assets = assets, .files = map_new(tmp, 16) };
	b->t = arena_new_of(a, struct route_table);
	b->t->x = x;
	if (assets)
		b->t->assets = *assets;
	build(b);
	failed = b->failed;
	if (failed)
		drop(b);
	else
		*ret_table = b->t;
	arena_on_oom(a, before);
	arena_free(tmp);
	return failed ? 1 : 0;
}

uint32_t route_count(const struct route_table *t)
{
	return t->n_rules;
}

size_t route_bytes(const struct route_table *t)
{
	return t->bytes;
}

enum route_strategy route_strategy_of(const struct route_table *t)
{
	return t->strategy;
}

void route_target_of(const struct route_table *t, uint32_t rule, struct route_target *ret)
{
	const struct target_row *row = &t->targets[t->target_of[rule]];

	*ret = (struct route_target){ .outbound = row->outbound, .balancer = row->balancer,
				      .rule_tag = t->rule_tags && t->rule_tags[rule] ? t->rule_tags[rule] : "",
				      .item = &t->x->rules.v[rule] };
}
