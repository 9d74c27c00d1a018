/* What a flow makes true: its name, addresses and words in the look-ups of the table. */
#include <stdlib.h>
#include <string.h>

#include "route/ask.h"

void ask_begin(struct ask *q)
{
	struct route_scratch *s = q->s;

	if (++s->round >= 1u << 31) {
		memset(s->stamp, 0, s->n_stamps * sizeof(*s->stamp));
		s->round = 1;
	}
	s->n_hits = 0;
	q->prepared = 0;
	q->n_patterns = 0;
	q->set = q->t->rx_set ? SET_NOT_RUN : SET_USELESS;
}

static void hit(struct ask *q, uint32_t atom)
{
	if (ask_is_hit(q, atom))
		return;
	q->s->stamp[atom] = q->s->round << 1 | 1;
	q->s->hits[q->s->n_hits++] = atom;
}

/* Atoms of a text whose kind is among the bits. */
static void hit_text(struct ask *q, const struct book *b, uint32_t text, unsigned kinds)
{
	for (uint32_t r = b->first[text]; r < b->first[text + 1]; r++)
		if (kinds & 1u << (b->refs[r] & 3))
			hit(q, b->refs[r] >> 2);
}

static void look(struct ask *q, enum book_id book, struct str s, uint32_t hash, unsigned kinds)
{
	const struct book *b = &q->t->books[book];
	uint32_t text = book_find(b, s, hash);

	if (text != BOOK_NONE)
		hit_text(q, b, text, kinds);
}

static void look_word(struct ask *q, enum book_id book, struct str s)
{
	if (s.len)
		look(q, book, s, book_hash(s), 1);
}

/* --- names -------------------------------------------------------------------------------------------------------- */

/* False when there is none, or no memory for one that is longer than any before. */
static bool lower_name(struct ask *q)
{
	struct route_scratch *s = q->s;
	struct str d = q->f->domain;

	q->name = (struct str){ NULL, 0 };
	if (d.len > s->cap_lower) {
		char *p = realloc(s->lower, d.len);
		if (!p)
			return false;
		s->lower = p;
		s->cap_lower = d.len;
	}
	for (size_t i = 0; i < d.len; i++)
		s->lower[i] = d.p[i] >= 'A' && d.p[i] <= 'Z' ? (char)(d.p[i] + 32) : d.p[i];
	q->name = (struct str){ s->lower, d.len };
	return d.len > 0;
}

/* The whole name and what stands behind each of its dots; the hash grows from the end. */
static void look_endings(struct ask *q)
{
	uint32_t h = BOOK_HASH_BEGIN;
	struct str n = q->name;

	for (size_t i = n.len; i > 0; i--) {
		if (n.p[i - 1] == '.')
			look(q, BOOK_DOMAIN, str_skip(n, i), book_hash_end(h, n.len - i),
			     1u << NAME_DOMAIN | 1u << NAME_DOTTED);
		h = book_hash_step(h, n.p[i - 1]);
	}
	look(q, BOOK_DOMAIN, n, book_hash_end(h, n.len), 1u << NAME_FULL | 1u << NAME_DOMAIN);
}

static void look_keywords(struct ask *q, bool dotless)
{
	const struct ac *ac = &q->t->ac;
	unsigned kinds = dotless ? 1u << WORD_PLAIN | 1u << WORD_DOTLESS : 1u << WORD_PLAIN;
	uint32_t node = 0;

	for (size_t i = 0; i < q->name.len; i++) {
		node = ac_step(ac, node, q->name.p[i]);
		for (uint32_t o = ac->out[node]; o; o = ac->out[ac->fail[o]])
			hit_text(q, &q->t->books[BOOK_KEYWORD], ac_text(ac, o), kinds);
	}
}

static void look_name(struct ask *q)
{
	const struct route_table *t = q->t;
	bool dotless;

	if (!lower_name(q))
		return;
	dotless = !memchr(q->name.p, '.', q->name.len);
	if (t->any_name != NO_ATOM)
		hit(q, t->any_name);
	if (dotless && t->dotless_name != NO_ATOM)
		hit(q, t->dotless_name);
	if (t->books[BOOK_DOMAIN].n)
		look_endings(q);
	if (t->ac.n)
		look_keywords(q, dotless);
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

/* A rule's text is the beginning of what was sniffed. */
static void look_protocol(struct ask *q)
{
	struct str p = q->f->protocol;

	for (size_t len = 1; q->t->books[BOOK_PROTOCOL].n && len <= p.len; len++)
		look_word(q, BOOK_PROTOCOL, (struct str){ p.p, len });
}

static void look_process(struct ask *q)
{
	struct str p = q->f->process;
	size_t name = 0;

	if (!q->t->books[BOOK_PROCESS].n || !p.len)
		return;
	for (size_t i = 0; i < p.len; i++) {
		if (p.p[i] != '/')
			continue;
		name = i + 1;
		look(q, BOOK_PROCESS, (struct str){ p.p, name }, book_hash((struct str){ p.p, name }),
		     1u << PROCESS_FOLDER);
	}
	look(q, BOOK_PROCESS, p, book_hash(p), 1u << PROCESS_PATH);
	look(q, BOOK_PROCESS, str_skip(p, name), book_hash(str_skip(p, name)), 1u << PROCESS_NAME);
}

static const struct route_ip *ips_of(const struct ask *q, enum dim dim, uint32_t *ret_n)
{
	const struct route_ip *one = dim == DIM_SOURCE_IP ? &q->f->source : &q->f->local;

	*ret_n = dim == DIM_IP ? q->n_ips : one->family ? 1 : 0;
	return dim == DIM_IP ? q->ips : one;
}

static void look_ips(struct ask *q, enum dim dim)
{
	const struct nets *nets = &q->t->nets[dim - DIM_IP];
	const struct nets_family *f;
	uint32_t n;
	const struct route_ip *ips = ips_of(q, dim, &n);

	for (uint32_t k = 0; k < n; k++)
		for (uint32_t i = nets_find(nets, &ips[k], &f); i; i = f->parent[i - 1])
			hit_text(q, &q->t->books[BOOK_NET + (dim - DIM_IP)], f->text[i - 1], 1);
}

void ask_prepare(struct ask *q, enum dim dim)
{
	if (q->prepared & DIM_BIT(dim))
		return;
	q->prepared |= DIM_BIT(dim);
	q->s->from[dim] = q->s->n_hits;
	if (dim == DIM_DOMAIN)
		look_name(q);
	else if (dim == DIM_INBOUND)
		look_word(q, BOOK_INBOUND, q->f->inbound_tag);
	else if (dim == DIM_USER)
		look_word(q, BOOK_USER, q->f->user);
	else if (dim == DIM_PROTOCOL)
		look_protocol(q);
	else if (dim == DIM_PROCESS)
		look_process(q);
	else if (dim >= DIM_IP && dim <= DIM_LOCAL_IP)
		look_ips(q, dim);
	q->s->to[dim] = q->s->n_hits;
}

/* --- lazy atoms --------------------------------------------------------------------------------------------------- */

const struct lazy *ask_lazy_of(const struct route_table *t, uint32_t atom)
{
	uint32_t low = 0, high = t->n_lazies;

	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;
		if (t->lazies[mid].atom <= atom)
			low = mid;
		else
			high = mid;
	}
	return &t->lazies[low];
}

static bool remember(struct ask *q, uint32_t i, bool holds)
{
	q->s->stamp[i] = q->s->round << 1 | (holds ? 1 : 0);
	return holds;
}

static void seen(void *ctx, size_t i)
{
	struct ask *q = ctx;

	remember(q, q->t->n_atoms + (uint32_t)i, true);
}

/* The first few patterns are asked by themselves, then all at once. */
static bool pattern_holds(struct ask *q, enum lazy_kind kind, uint32_t rx)
{
	const struct route_table *t = q->t;
	uint32_t i = t->n_atoms + rx + (kind == LAZY_USER ? t->books[BOOK_RX_DOMAIN].n : 0);
	const struct regex *re = t->rx[kind == LAZY_USER ? 1 : 0][rx];

	if (ask_is_known(q, i))
		return ask_is_hit(q, i);
	if (kind == LAZY_USER)
		return remember(q, i, regex_match(re, q->f->user));
	if (q->set == SET_NOT_RUN && ++q->n_patterns > 2)
		q->set = regex_set_match(t->rx_set, q->name, seen, q) ? SET_USELESS : SET_RUN;
	if (q->set == SET_RUN)
		return ask_is_known(q, i) && ask_is_hit(q, i);
	return remember(q, i, regex_match(re, q->name));
}

static bool is_among(const uint32_t *v, uint32_t n, uint32_t x)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (v[mid] == x)
			return true;
		if (v[mid] < x)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* Whether one network of the set holds the address. */
static bool set_holds(const struct route_table *t, const struct lazy *l, const struct route_ip *ip)
{
	const struct book *b = &t->books[BOOK_NET + (l->dim - DIM_IP)];
	const struct nets_family *f;

	for (uint32_t i = nets_find(&t->nets[l->dim - DIM_IP], ip, &f); i; i = f->parent[i - 1]) {
		uint32_t text = f->text[i - 1];
		for (uint32_t r = b->first[text]; r < b->first[text + 1]; r++)
			if (is_among(t->lazy_ids + l->first, l->n, b->refs[r] >> 2))
				return true;
	}
	return false;
}

static bool inverted_holds(struct ask *q, const struct lazy *l)
{
	uint32_t n;
	const struct route_ip *ips = ips_of(q, l->dim, &n);

	for (uint32_t k = 0; k < n; k++)
		if ((ips[k].family == 6 ? l->has_v6 : l->has_v4) && !set_holds(q->t, l, &ips[k]))
			return true;
	return false;
}

bool ask_lazy_holds(struct ask *q, const struct lazy *l)
{
	bool holds = false;

	ask_prepare(q, l->dim);
	if (ask_is_known(q, l->atom))
		return ask_is_hit(q, l->atom);
	if (l->kind == LAZY_NOT)
		return remember(q, l->atom, inverted_holds(q, l));
	if (!(l->kind == LAZY_USER ? q->f->user.len : q->name.len))
		return remember(q, l->atom, false);
	for (uint32_t i = 0; i < l->n && !holds; i++)
		holds = pattern_holds(q, l->kind, q->t->lazy_ids[l->first + i]);
	return remember(q, l->atom, holds);
}
