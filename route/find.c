/* route_find: the first rule in file order whose conditions all hold. */
#include <stdlib.h>
#include <string.h>

#include "route/ask.h"

struct route_scratch *route_scratch_new(const struct route_table *t)
{
	struct route_scratch *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->n_stamps = t->n_atoms + t->books[BOOK_RX_DOMAIN].n + t->books[BOOK_RX_USER].n;
	s->cap_lower = 256;
	s->stamp = calloc((size_t)s->n_stamps + 1, sizeof(*s->stamp));
	s->hits = calloc((size_t)t->n_atoms + 1, sizeof(*s->hits));
	s->lower = malloc(s->cap_lower);
	if (s->stamp && s->hits && s->lower)
		return s;
	route_scratch_free(s);
	return NULL;
}

void route_scratch_free(struct route_scratch *s)
{
	if (!s)
		return;
	free(s->stamp);
	free(s->hits);
	free(s->lower);
	free(s);
}

/* --- conditions --------------------------------------------------------------------------------------------------- */

uint16_t ask_port(const struct route_flow *f, enum dim dim)
{
	const uint16_t ports[PORT_DIMS] = { f->port, f->source_port, f->local_port,
		f->has_vless_route ? f->vless_route : 0 };

	return ports[dim - DIM_PORT];
}

static bool port_holds(const uint32_t *ranges, uint32_t n, uint16_t port)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (ranges[mid] >> 16 <= port)
			low = mid + 1;
		else
			high = mid;
	}
	return low && (ranges[low - 1] & UINT16_MAX) >= port;
}

enum { FEW_ATOMS = 16 };

static bool holds_one(const uint32_t *v, uint32_t n, uint32_t atom)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (v[mid] == atom)
			return true;
		if (v[mid] < atom)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* Sorted atoms, the lazy ones behind all others; a list can be both: names in it are looked up, patterns are not. */
static bool atoms_hold(struct ask *q, enum dim dim, const uint32_t *v, uint32_t n)
{
	ask_prepare(q, dim);
	if (n <= FEW_ATOMS) {
		for (uint32_t i = 0; i < n; i++)
			if (ask_is_hit(q, v[i] & ~ATOM_LAZY))
				return true;
	} else {
		for (uint32_t h = q->s->from[dim]; h < q->s->to[dim]; h++)
			if (holds_one(v, n, q->s->hits[h]) || holds_one(v, n, q->s->hits[h] | ATOM_LAZY))
				return true;
	}
	for (; n > 0 && v[n - 1] & ATOM_LAZY; n--)
		if (ask_lazy_holds(q, ask_lazy_of(q->t, v[n - 1] & ~ATOM_LAZY)))
			return true;
	return false;
}

/* The hash of a name in any case, as book_hash gives it for lower case. */
static uint32_t folded_hash(struct str s)
{
	uint32_t h = BOOK_HASH_BEGIN;

	for (size_t i = s.len; i > 0; i--) {
		char c = s.p[i - 1];
		h = book_hash_step(h, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
	}
	return book_hash_end(h, s.len);
}

bool ask_attr_atom(const struct route_table *t, struct str name, uint32_t *ret_atom)
{
	const struct book *b = &t->books[BOOK_ATTR];
	uint32_t hash = folded_hash(name);

	for (uint32_t i = hash & b->mask; b->n && b->slots[i]; i = (i + 1) & b->mask) {
		uint32_t text = b->slots[i] - 1;
		if (b->hashes[text] != hash || !str_eq_nocase(book_text(b, text), name))
			continue;
		*ret_atom = b->refs[b->first[text]] >> 2;
		return true;
	}
	return false;
}

/* Of headers that differ in case alone the last one counts. */
static bool attr_holds(const struct ask *q, uint32_t atom, uint32_t rx)
{
	uint32_t have;

	for (uint32_t i = q->f->n_attrs; i > 0; i--) {
		const struct route_attr *at = &q->f->attrs[i - 1];
		if (ask_attr_atom(q->t, at->name, &have) && have == atom)
			return regex_match(q->t->rx[BOOK_RX_ATTR - BOOK_RX_DOMAIN][rx], at->value);
	}
	return false;
}

static bool term_holds(struct ask *q, uint32_t term)
{
	enum dim dim = term >> TERM_SHIFT;
	const uint32_t *v;
	uint32_t n;

	if (dim == DIM_NETWORK)
		return term & TERM_ID & q->f->network;
	v = seqs_get(&q->t->conds, term & TERM_ID, &n);
	if (dim >= DIM_PORT && dim <= DIM_VLESS_ROUTE)
		return port_holds(v, n, ask_port(q->f, dim));
	if (dim != DIM_ATTRS)
		return atoms_hold(q, dim, v, n);
	for (uint32_t i = 0; i < n; i += 2)
		if (!attr_holds(q, v[i], v[i + 1]))
			return false;
	return true;
}

/* Terms stand in the order of dimensions, the cheap ones first. */
bool ask_rest_holds(struct ask *q, uint32_t rest)
{
	uint32_t n;
	const uint32_t *terms = seqs_get(&q->t->rests, rest, &n);

	for (uint32_t i = 0; i < n; i++)
		if (!term_holds(q, terms[i]))
			return false;
	return true;
}

/* --- owners ------------------------------------------------------------------------------------------------------- */

/* The first entry that could still win and whose other conditions hold; NULL. */
static const struct entry *alive(struct ask *q, uint32_t owner)
{
	const struct route_table *t = q->t;

	for (uint32_t i = t->first[owner]; i < t->first[owner + 1]; i++) {
		if (t->entries[i].rule >= q->best)
			return NULL;
		if (ask_rest_holds(q, t->entries[i].rest))
			return &t->entries[i];
	}
	return NULL;
}

static void try_owner(struct ask *q, uint32_t owner)
{
	const struct entry *e = alive(q, owner);

	if (e)
		q->best = e->rule;
}

static void try_ports(struct ask *q, enum dim dim)
{
	const struct route_table *t = q->t;

	for (uint32_t node = stab_leaf(&t->ports[dim - DIM_PORT], ask_port(q->f, dim)); node; node /= 2)
		try_owner(q, t->port_owner[dim - DIM_PORT] + node);
}

static void try_attrs(struct ask *q)
{
	uint32_t atom;

	for (uint32_t i = 0; i < q->f->n_attrs; i++)
		if (ask_attr_atom(q->t, q->f->attrs[i].name, &atom))
			try_owner(q, atom);
}

static void try_network(struct ask *q)
{
	if (q->f->network & ROUTE_TCP)
		try_owner(q, q->t->network_owner);
	if (q->f->network & ROUTE_UDP)
		try_owner(q, q->t->network_owner + 1);
}

static void try_dim(struct ask *q, enum dim dim)
{
	if (dim == DIM_NETWORK) {
		try_network(q);
	} else if (dim >= DIM_PORT && dim <= DIM_VLESS_ROUTE) {
		try_ports(q, dim);
	} else if (dim == DIM_ATTRS) {
		try_attrs(q);
	} else {
		ask_prepare(q, dim);
		for (uint32_t h = q->s->from[dim]; h < q->s->to[dim]; h++)
			try_owner(q, q->s->hits[h]);
	}
}

/* What costs something, in the order of the first rule it could lead to. */
static void try_lazies(struct ask *q)
{
	const struct route_table *t = q->t;

	for (uint32_t i = 0; i < t->n_driving; i++) {
		const struct lazy *l = &t->lazies[t->driving[i]];
		const struct entry *e;

		if (t->entries[t->first[l->atom]].rule >= q->best)
			return;
		e = alive(q, l->atom);
		if (e && ask_lazy_holds(q, l))
			q->best = e->rule;
	}
}

/* One pass over the rules with the addresses that are known. */
static uint32_t pass(struct ask *q)
{
	ask_begin(q);
	q->best = ROUTE_NONE;
	try_owner(q, q->t->always_owner);
	for (unsigned d = 0; d < DIM__N; d++)
		if (q->t->driven & DIM_BIT(d))
			try_dim(q, d);
	try_lazies(q);
	return q->best;
}

/* --- strategies --------------------------------------------------------------------------------------------------- */

bool route_wants_ip(const struct route_table *t, const struct route_flow *f)
{
	return t->n_asking && f->domain.len;
}

/* Whether Xray would ask for addresses before it comes to the rule that won without them. */
static bool asks(struct ask *q)
{
	const struct route_table *t = q->t;

	for (uint32_t i = 0; i < t->n_asking && t->asking[i].rule < q->best; i++)
		if (ask_rest_holds(q, t->asking[i].rest))
			return true;
	return false;
}

static uint32_t pass_resolved(struct ask *q)
{
	const struct route_flow *f = q->f;
	const struct route_ip *ips;
	uint32_t n;

	if (!f->resolve || f->resolve(f->resolve_ctx, f->domain, &ips, &n)) {
		q->ips = &f->target;
		q->n_ips = f->target.family ? 1 : 0;
	} else {
		q->ips = ips;
		q->n_ips = n;
	}
	return pass(q);
}

uint32_t route_find(const struct route_table *t, struct route_scratch *s, const struct route_flow *f)
{
	struct ask q = { .t = t, .s = s, .f = f, .ips = &f->target, .n_ips = f->target.family ? 1 : 0 };
	uint32_t rule;

	if (!route_wants_ip(t, f))
		return pass(&q);
	if (t->strategy == ROUTE_IP_ON_DEMAND)
		q.n_ips = 0; /* not known before they are asked for */
	rule = pass(&q);
	if (t->strategy == ROUTE_IP_IF_NON_MATCH && rule != ROUTE_NONE)
		return rule;
	return asks(&q) ? pass_resolved(&q) : rule;
}
