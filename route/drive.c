/* Which condition finds a rule, and the entries under it. */
#include <stdlib.h>
#include <string.h>

#include "route/index.h"

enum { PORTS = UINT16_MAX + 1 };
struct plan {
	struct builder *b;
	uint32_t n_rules;
	uint32_t *atom_refs;         /* rules that name an atom */
	uint32_t *cover[PORT_DIMS];  /* rules that take a port */
	uint32_t network_refs[2];
	uint32_t *driver, *rest;     /* of a rule: its term (NO_ATOM: none), its other terms */
	struct words owners, rules;  /* what stands where, in the order of the rules */
	uint32_t node_base;          /* first owner that is no atom */
};

static bool is_port(unsigned dim)
{
	return dim >= DIM_PORT && dim <= DIM_VLESS_ROUTE;
}

static unsigned dim_of(uint32_t term)
{
	return term >> TERM_SHIFT;
}

static const uint32_t *terms_of(const struct plan *p, uint32_t rule, uint32_t *ret_n)
{
	const struct builder *b = p->b;

	*ret_n = b->first.v[rule + 1] - b->first.v[rule];
	return b->terms.v + b->first.v[rule];
}

static const uint32_t *cond_of(const struct plan *p, uint32_t term, uint32_t *ret_n)
{
	return seqs_get(&p->b->conds, term & TERM_ID, ret_n);
}

static bool is_dead(const uint32_t *terms, uint32_t n)
{
	return n == 1 && dim_of(terms[0]) == DIM__N;
}

/* --- how many rules share what ------------------------------------------------------------------------------------ */

static void count_ports(struct plan *p, unsigned dim, const uint32_t *ranges, uint32_t n)
{
	uint32_t **cover = &p->cover[dim - DIM_PORT];

	if (!*cover)
		*cover = arena_array(p->b->tmp, uint32_t, PORTS + 1);
	for (uint32_t i = 0; i < n; i++) { /* differences first, sums later */
		(*cover)[ranges[i] >> 16]++;
		(*cover)[(ranges[i] & UINT16_MAX) + 1]--;
	}
}

static void count_term(struct plan *p, uint32_t term)
{
	unsigned dim = dim_of(term);
	uint32_t n;
	const uint32_t *v;

	if (dim == DIM_NETWORK) {
		p->network_refs[(term & ROUTE_UDP) != 0]++;
		return;
	}
	v = cond_of(p, term, &n);
	if (is_port(dim)) {
		count_ports(p, dim, v, n);
		return;
	}
	for (uint32_t i = 0; i < n; i += dim == DIM_ATTRS ? 2 : 1)
		p->atom_refs[v[i] & ~ATOM_LAZY]++;
}

static void count(struct plan *p)
{
	for (uint32_t r = 0; r < p->n_rules; r++) {
		uint32_t n;
		const uint32_t *terms = terms_of(p, r, &n);

		for (uint32_t i = 0; i < n && !is_dead(terms, n); i++)
			count_term(p, terms[i]);
	}
	for (unsigned d = 0; d < PORT_DIMS; d++)
		for (uint32_t i = 1; p->cover[d] && i < PORTS; i++)
			p->cover[d][i] += p->cover[d][i - 1];
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* The most rules that one of its owners would hold: the less, the better it finds the rule. */
static uint32_t sharers(const struct plan *p, uint32_t term)
{
	unsigned dim = dim_of(term);
	uint32_t n, most = 0;
	const uint32_t *v;

	if (dim == DIM_NETWORK)
		return p->network_refs[(term & ROUTE_UDP) != 0];
	v = cond_of(p, term, &n);
	if (dim == DIM_ATTRS)
		return p->atom_refs[v[0]];
	for (uint32_t i = 0; i < n; i++) {
		if (is_port(dim)) {
			const uint32_t *cover = p->cover[dim - DIM_PORT];
			uint32_t lo = v[i] >> 16, hi = v[i] & UINT16_MAX;
			most = larger(most, larger(larger(cover[lo], cover[hi]), cover[lo + (hi - lo) / 2]));
		} else {
			most = larger(most, p->atom_refs[v[i] & ~ATOM_LAZY]);
		}
	}
	return most;
}

/* What it costs beside the number of rules: a pattern is run, a look-up is nearly free. Of equals the earlier wins. */
static uint64_t cost(const struct plan *p, uint32_t term)
{
	static const uint8_t extra[DIM__N] = { [DIM_DOMAIN] = 0, [DIM_USER] = 1, [DIM_IP] = 2, [DIM_SOURCE_IP] = 2,
		[DIM_LOCAL_IP] = 2, [DIM_INBOUND] = 3, [DIM_PROCESS] = 3, [DIM_SOURCE_PORT] = 4, [DIM_PORT] = 5,
		[DIM_LOCAL_PORT] = 5, [DIM_VLESS_ROUTE] = 5, [DIM_PROTOCOL] = 6, [DIM_NETWORK] = 7, [DIM_ATTRS] = 200 };
	unsigned dim = dim_of(term);
	uint64_t c = (uint64_t)sharers(p, term) * 8 + extra[dim];
	uint32_t n;
	const uint32_t *v;

	if (dim == DIM_NETWORK || is_port(dim) || dim == DIM_ATTRS)
		return c;
	v = cond_of(p, term, &n); /* sorted: a lazy one would be the last */
	return v[n - 1] & ATOM_LAZY ? c + 256 : c;
}

static void choose(struct plan *p, uint32_t rule)
{
	struct words rest = { 0 };
	uint32_t room[DIM__N], n;
	const uint32_t *terms = terms_of(p, rule, &n);
	uint64_t best = UINT64_MAX;

	p->driver[rule] = NO_ATOM;
	if (is_dead(terms, n))
		return;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t c = n > 1 ? cost(p, terms[i]) : 0;
		if (c < best) {
			best = c;
			p->driver[rule] = terms[i];
		}
	}
	rest.v = room;
	for (uint32_t i = 0; i < n; i++) /* the name of an attribute alone does not make its condition hold */
		if (terms[i] != p->driver[rule] || dim_of(terms[i]) == DIM_ATTRS)
			rest.v[rest.n++] = terms[i];
	p->rest[rule] = seqs_put(p->b->tmp, &p->b->rests, rest.v, rest.n);
}

/* --- entries ------------------------------------------------------------------------------------------------------ */

static void build_ports(struct plan *p)
{
	struct route_table *t = p->b->t;
	struct words ends[PORT_DIMS] = { 0 };

	for (uint32_t r = 0; r < p->n_rules; r++) {
		unsigned dim = p->driver[r] == NO_ATOM ? DIM__N : dim_of(p->driver[r]);
		const uint32_t *v;
		uint32_t n;

		if (!is_port(dim))
			continue;
		v = cond_of(p, p->driver[r], &n);
		for (uint32_t i = 0; i < n; i++) {
			words_push(p->b->tmp, &ends[dim - DIM_PORT], v[i] >> 16);
			words_push(p->b->tmp, &ends[dim - DIM_PORT], (v[i] & UINT16_MAX) + 1);
		}
	}
	t->n_owners = t->n_atoms;
	for (unsigned d = 0; d < PORT_DIMS; d++) {
		stab_build(p->b->a, &ends[d], &t->ports[d]);
		t->port_owner[d] = t->n_owners;
		t->n_owners += t->ports[d].n * 2;
	}
	t->network_owner = t->n_owners;
	t->always_owner = t->n_owners + 2;
	t->n_owners += 3;
}

static void post(struct plan *p, uint32_t owner, uint32_t rule)
{
	words_push(p->b->tmp, &p->owners, owner);
	words_push(p->b->tmp, &p->rules, rule);
}

static void post_ports(struct plan *p, uint32_t rule, unsigned dim, const uint32_t *v, uint32_t n)
{
	const struct route_table *t = p->b->t;
	uint32_t nodes[40];

	for (uint32_t i = 0; i < n; i++) {
		unsigned k = stab_nodes(&t->ports[dim - DIM_PORT], v[i] >> 16, v[i] & UINT16_MAX, nodes);
		while (k > 0)
			post(p, t->port_owner[dim - DIM_PORT] + nodes[--k], rule);
	}
}

static void post_rule(struct plan *p, uint32_t rule)
{
	struct route_table *t = p->b->t;
	uint32_t term = p->driver[rule], n;
	unsigned dim = dim_of(term);
	const uint32_t *v;

	t->driven |= DIM_BIT(dim);
	if (dim == DIM_NETWORK) {
		post(p, t->network_owner + ((term & ROUTE_UDP) != 0), rule);
		return;
	}
	v = cond_of(p, term, &n);
	if (is_port(dim)) {
		post_ports(p, rule, dim, v, n);
		return;
	}
	for (uint32_t i = 0; i < (dim == DIM_ATTRS ? 1 : n); i++)
		post(p, v[i] & ~ATOM_LAZY, rule);
}

static void post_all(struct plan *p)
{
	for (uint32_t r = 0; r < p->n_rules; r++) {
		uint32_t n;
		const uint32_t *terms = terms_of(p, r, &n);

		if (!n)
			post(p, p->b->t->always_owner, r);
		else if (!is_dead(terms, n))
			post_rule(p, r);
	}
}

/* Sorts by owner, keeping the order of the rules, and drops what an earlier rule with the same rest makes pointless. */
static void make_entries(struct plan *p)
{
	struct route_table *t = p->b->t;
	uint32_t *first = arena_array(p->b->a, uint32_t, t->n_owners + 1), kept = 0, begin = 0;
	uint32_t *at = arena_array(p->b->tmp, uint32_t, t->n_owners + 1);
	uint32_t *sorted = arena_array(p->b->tmp, uint32_t, p->rules.n + 1);
	uint32_t *seen = arena_array(p->b->tmp, uint32_t, seqs_count(&p->b->rests));

	for (uint32_t i = 0; i < p->owners.n; i++)
		at[p->owners.v[i] + 1]++;
	for (uint32_t o = 0; o < t->n_owners; o++)
		at[o + 1] += at[o];
	for (uint32_t i = 0; i < p->owners.n; i++)
		sorted[at[p->owners.v[i]]++] = p->rules.v[i];
	for (uint32_t o = 0; o < t->n_owners; o++) { /* at[o] is now the end of o */
		for (uint32_t i = begin; i < at[o]; i++) {
			if (seen[p->rest[sorted[i]]] == o + 1)
				continue;
			seen[p->rest[sorted[i]]] = o + 1;
			sorted[kept++] = sorted[i];
		}
		begin = at[o];
		first[o + 1] = kept;
	}
	t->first = first;
	t->entries = arena_array(p->b->a, struct entry, kept + 1);
	for (uint32_t i = 0; i < kept; i++)
		t->entries[i] = (struct entry){ sorted[i], p->rest[sorted[i]] };
}

/* What Xray tests before 'ip': once all of it holds, the name of the flow is resolved. */
static void make_asking(struct plan *p)
{
	static const uint32_t before = DIM_BIT(DIM_NETWORK) | DIM_BIT(DIM_INBOUND) | DIM_BIT(DIM_PROTOCOL) |
		DIM_BIT(DIM_PORT) | DIM_BIT(DIM_SOURCE_PORT) | DIM_BIT(DIM_LOCAL_PORT) | DIM_BIT(DIM_VLESS_ROUTE) |
		DIM_BIT(DIM_USER) | DIM_BIT(DIM_ATTRS);
	struct route_table *t = p->b->t;
	struct words rules = { 0 }, rests = { 0 };

	for (uint32_t r = 0; r < p->n_rules && t->strategy != ROUTE_AS_IS; r++) {
		uint32_t room[DIM__N], n, kept = 0;
		const uint32_t *terms = terms_of(p, r, &n);
		bool asks = false;

		for (uint32_t i = 0; i < n; i++) {
			asks |= dim_of(terms[i]) == DIM_IP;
			if (before & DIM_BIT(dim_of(terms[i])))
				room[kept++] = terms[i];
		}
		if (!asks)
			continue;
		words_push(p->b->tmp, &rules, r);
		words_push(p->b->tmp, &rests, seqs_put(p->b->tmp, &p->b->rests, room, kept));
	}
	t->asking = arena_array(p->b->a, struct entry, rules.n + 1);
	uint8_t *seen = arena_array(p->b->tmp, uint8_t, seqs_count(&p->b->rests));
	for (unsigned i = 0; i < rules.n; i++) {
		if (seen[rests.v[i]])
			continue;
		seen[rests.v[i]] = 1;
		t->asking[t->n_asking++] = (struct entry){ rules.v[i], rests.v[i] };
	}
}

/* --- the finished form -------------------------------------------------------------------------------------------- */

/* Only the conditions of rests are looked at again: the drivers' ones live in the look-ups. */
static void freeze(struct plan *p)
{
	struct route_table *t = p->b->t;
	struct builder *b = p->b;
	struct seqs conds, rests = b->rests;
	uint32_t *to = arena_array(b->tmp, uint32_t, seqs_count(&b->conds));

	seqs_init(b->tmp, &conds);
	for (unsigned i = 0; i < rests.pool.n; i++) {
		uint32_t term = rests.pool.v[i], old = term & TERM_ID, n;
		const uint32_t *v;

		if (dim_of(term) == DIM_NETWORK)
			continue;
		if (!to[old]) {
			v = seqs_get(&b->conds, old, &n);
			to[old] = seqs_put(b->tmp, &conds, v, n);
		}
		rests.pool.v[i] = (term & ~(uint32_t)TERM_ID) | to[old];
	}
	t->conds.pool.v = words_copy(b->a, conds.pool.v, conds.pool.n);
	t->conds.start.v = words_copy(b->a, conds.start.v, conds.start.n);
	t->rests.pool.v = words_copy(b->a, rests.pool.v, rests.pool.n);
	t->rests.start.v = words_copy(b->a, rests.start.v, rests.start.n);
	t->conds.pool.n = conds.pool.n;
	t->conds.start.n = conds.start.n;
	t->rests.pool.n = rests.pool.n;
	t->rests.start.n = rests.start.n;
}

struct first_rule {
	uint32_t rule, lazy;
};

static int by_rule(const void *a, const void *b)
{
	const struct first_rule *x = a, *y = b;

	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	return (x->lazy > y->lazy) - (x->lazy < y->lazy);
}

static void make_driving(struct plan *p)
{
	struct route_table *t = p->b->t;
	struct first_rule *v = arena_array(p->b->tmp, struct first_rule, t->n_lazies + 1);
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n_lazies; i++) {
		uint32_t atom = t->lazies[i].atom;
		if (t->first[atom] < t->first[atom + 1])
			v[n++] = (struct first_rule){ t->entries[t->first[atom]].rule, i };
	}
	if (n > 1)
		qsort(v, n, sizeof(*v), by_rule);
	t->driving = arena_array(p->b->a, uint32_t, n + 1);
	for (; t->n_driving < n; t->n_driving++)
		t->driving[t->n_driving] = v[t->n_driving].lazy;
}

void drive_build(struct builder *b)
{
	struct plan p = { .b = b, .n_rules = b->t->n_rules };

	p.atom_refs = arena_array(b->tmp, uint32_t, b->t->n_atoms + 1);
	p.driver = arena_array(b->tmp, uint32_t, p.n_rules + 1);
	p.rest = arena_array(b->tmp, uint32_t, p.n_rules + 1);
	words_reserve(b->tmp, &p.owners, p.n_rules * 2);
	words_reserve(b->tmp, &p.rules, p.n_rules * 2);
	count(&p);
	for (uint32_t r = 0; r < p.n_rules; r++)
		choose(&p, r);
	build_ports(&p);
	post_all(&p);
	make_entries(&p);
	make_asking(&p);
	make_driving(&p);
	freeze(&p);
}
