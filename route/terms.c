/* One rule into terms: the conditions that are not names or addresses. */
#include <string.h>

#include "route/index.h"

static void make_room(struct builder *b, size_t len)
{
	while (len > b->cap_lower)
		b->lower = arena_grow(b->tmp, b->lower, 0, 1, &b->cap_lower);
}

struct str index_marked(struct builder *b, char mark, struct str s)
{
	make_room(b, s.len + 1);
	b->lower[0] = mark;
	if (s.len)
		memcpy(b->lower + 1, s.p, s.len);
	return (struct str){ b->lower, s.len + 1 };
}

struct str index_lower(struct builder *b, struct str s)
{
	make_room(b, s.len);
	for (size_t i = 0; i < s.len; i++)
		b->lower[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i];
	return (struct str){ b->lower, s.len };
}

uint32_t index_new_atom(struct builder *b)
{
	return b->t->n_atoms++;
}

uint32_t index_atom(struct builder *b, enum book_id book, struct str text, unsigned kind)
{
	struct book_maker *m = &b->books[book];
	uint32_t i = book_put(b->tmp, m, text), atom = book_own(m, i, kind);

	if (atom == BOOK_NONE) {
		atom = index_new_atom(b);
		book_add(b->tmp, m, i, atom, kind, true);
	}
	return atom;
}

uint32_t index_regex(struct builder *b, enum book_id book, struct str pattern)
{
	struct book_maker *m = &b->books[book];
	unsigned k = book - BOOK_RX_DOMAIN;
	uint32_t n = m->b.n, i = book_put(b->tmp, m, pattern);
	const char *why;
	int r;

	if (i < n)
		return b->t->rx[k][i] ? i : NO_ATOM;
	if (i == b->cap_rx[k])
		b->t->rx[k] = arena_grow(b->tmp, b->t->rx[k], i, sizeof(*b->t->rx[k]), &b->cap_rx[k]);
	b->t->rx[k][i] = NULL;
	r = regex_new(b->tmp, pattern, &b->t->rx[k][i], &why);
	if (r < 0)
		arena_fail(b->a);
	return r ? NO_ATOM : i;
}

struct lazy *index_lazy(struct builder *b, uint32_t atom, enum lazy_kind kind, enum dim dim, uint32_t first)
{
	struct route_table *t = b->t;
	struct lazy *l;

	if (t->n_lazies == b->cap_lazies)
		t->lazies = arena_grow(b->tmp, t->lazies, t->n_lazies, sizeof(*t->lazies), &b->cap_lazies);
	l = &t->lazies[t->n_lazies++];
	*l = (struct lazy){ .atom = atom, .first = first, .n = b->lazy_ids.n - first, .kind = (uint8_t)kind,
			    .dim = (uint8_t)dim };
	return l;
}

/* --- conditions --------------------------------------------------------------------------------------------------- */

static void add_term(struct builder *b, enum dim dim, uint32_t id)
{
	words_push(b->tmp, &b->terms, (uint32_t)dim << TERM_SHIFT | id);
}

/* A condition that no item can make true ends the rule. */
static void add_cond(struct builder *b, enum dim dim)
{
	if (!b->cond.n) {
		b->dead = true;
		return;
	}
	words_sort(&b->cond);
	add_term(b, dim, seqs_put(b->tmp, &b->conds, b->cond.v, b->cond.n));
}

static void read_words(struct builder *b, const struct value *v, enum dim dim, enum book_id book)
{
	struct xparts it = xparts_of(v);
	struct xpart item;

	while (xparts_next(&it, &item))
		if (item.s.len)
			words_push(b->tmp, &b->cond, index_atom(b, book, item.s, 0));
	add_cond(b, dim);
}

/* A pattern that does not compile is dropped, as Xray does. */
static void add_user_regex(struct builder *b, struct str item)
{
	struct str pattern = str_skip(item, strlen("regexp:"));
	uint32_t rx = index_regex(b, BOOK_RX_USER, pattern), atom;

	if (rx == NO_ATOM)
		return;
	atom = book_own(&b->books[BOOK_RX_USER], rx, 0);
	if (atom == BOOK_NONE) {
		atom = index_atom(b, BOOK_RX_USER, pattern, 0);
		words_push(b->tmp, &b->lazy_ids, rx);
		index_lazy(b, atom, LAZY_USER, DIM_USER, b->lazy_ids.n - 1);
	}
	words_push(b->tmp, &b->cond, atom | ATOM_LAZY);
}

static void read_users(struct builder *b, const struct value *v)
{
	struct xparts it = xparts_of(v);
	struct xpart item;

	while (xparts_next(&it, &item)) {
		if (str_starts(item.s, "regexp:") && item.s.len > strlen("regexp:"))
			add_user_regex(b, item.s);
		else if (item.s.len)
			words_push(b->tmp, &b->cond, index_atom(b, BOOK_USER, item.s, 0));
	}
	add_cond(b, DIM_USER);
}

/* "curl", "/usr/bin/curl" or "/usr/bin/". */
static void read_processes(struct builder *b, const struct value *v)
{
	struct xparts it = xparts_of(v);
	struct xpart item;

	while (xparts_next(&it, &item)) {
		struct str s = item.s;
		unsigned kind = s.len && s.p[s.len - 1] == '/' ? PROCESS_FOLDER :
				s.len && memchr(s.p, '/', s.len) ? PROCESS_PATH : PROCESS_NAME;

		if (kind == PROCESS_NAME && s.len >= 4 && !memcmp(s.p + s.len - 4, ".exe", 4))
			s.len -= 4;
		if (s.len)
			words_push(b->tmp, &b->cond, index_atom(b, BOOK_PROCESS, s, kind));
	}
	add_cond(b, DIM_PROCESS);
}

static void read_network(struct builder *b, const struct value *v)
{
	struct xparts it = xparts_of(v);
	struct xpart item;
	uint32_t bits = 0;

	while (xparts_next(&it, &item)) {
		bits |= str_is_nocase(item.s, "tcp") ? ROUTE_TCP : 0;
		bits |= str_is_nocase(item.s, "udp") ? ROUTE_UDP : 0;
	}
	if (!bits)
		b->dead = true;
	else if (bits != (ROUTE_TCP | ROUTE_UDP))
		add_term(b, DIM_NETWORK, bits);
}

/* Sorted ranges, overlapping and touching ones joined. */
static void join_ranges(struct words *w)
{
	unsigned n = 0;

	words_sort(w);
	for (unsigned i = 0; i < w->n; i++) {
		uint32_t lo = w->v[i] >> 16, hi = w->v[i] & UINT16_MAX;

		if (n && lo <= (w->v[n - 1] & UINT16_MAX) + 1) {
			if (hi > (w->v[n - 1] & UINT16_MAX))
				w->v[n - 1] = (w->v[n - 1] & ~(uint32_t)UINT16_MAX) | hi;
		} else {
			w->v[n++] = w->v[i];
		}
	}
	w->n = n;
}

static void read_ports(struct builder *b, const struct value *v, enum dim dim)
{
	struct xports p = xports_of(v);
	struct port_range r;
	bool unknown = false;
	struct diag *d;

	while (items_ports_next(&p, &unknown, &r))
		words_push(b->tmp, &b->cond, (uint32_t)r.lo << 16 | r.hi);
	if (unknown) {
		d = diag_add(b->sink, DIAG_XR753, v->span, "the port comes from the environment of the engine, and nobody "
			     "knows it here");
		diag_help(b->sink, d, "write the port itself");
		b->failed = true;
	}
	join_ranges(&b->cond);
	if (b->cond.n != 1 || b->cond.v[0] != UINT16_MAX)
		add_cond(b, dim);
}

/* Every attribute has to be there: pairs of its name and its pattern. */
static void read_attrs(struct builder *b, const struct value *v)
{
	for (uint32_t i = 0; i < v->n_members; i++) {
		const struct member *m = &v->members[i];
		uint32_t rx = m->value.kind == VAL_STRING ? index_regex(b, BOOK_RX_ATTR, value_str(&m->value)) : NO_ATOM;

		b->dead |= rx == NO_ATOM;
		words_push(b->tmp, &b->cond, index_atom(b, BOOK_ATTR, index_lower(b, member_key(m)), 0));
		words_push(b->tmp, &b->cond, rx);
	}
	add_term(b, DIM_ATTRS, seqs_put(b->tmp, &b->conds, b->cond.v, b->cond.n));
}

/* Rules of another operating system are none here: the engine of this file runs on Linux. */
static void read_os(struct builder *b, const struct value *v)
{
	struct xparts it = xparts_of(v);
	struct xpart item;

	while (xparts_next(&it, &item))
		if (str_is_nocase(item.s, "linux"))
			return;
	b->dead = true;
}

static void read_condition(struct builder *b, enum rule_field key, const struct value *v)
{
	switch (key) {
	case RF_LOCAL_OS:
		read_os(b, v);
		break;
	case RF_INBOUND:
		read_words(b, v, DIM_INBOUND, BOOK_INBOUND);
		break;
	case RF_NETWORK:
		read_network(b, v);
		break;
	case RF_PROTOCOL:
		read_words(b, v, DIM_PROTOCOL, BOOK_PROTOCOL);
		break;
	case RF_PORT:
	case RF_SOURCE_PORT:
	case RF_LOCAL_PORT:
	case RF_VLESS_ROUTE:
		read_ports(b, v, DIM_PORT + (key - RF_PORT));
		break;
	case RF_USER:
		read_users(b, v);
		break;
	case RF_ATTRS:
		read_attrs(b, v);
		break;
	case RF_IP:
	case RF_SOURCE_IP:
	case RF_LOCAL_IP:
		addrs_read(b, v, DIM_IP + (key - RF_IP));
		add_cond(b, DIM_IP + (key - RF_IP));
		break;
	case RF_DOMAIN:
		names_read(b, v);
		add_cond(b, DIM_DOMAIN);
		break;
	default:
		read_processes(b, v);
		break;
	}
}

void terms_read(struct builder *b, const struct value *const keys[RF__N])
{
	unsigned first = b->terms.n, conditions = 0;

	b->dead = false;
	for (unsigned k = 0; k < RF_CONDITIONS__N; k++) {
		if (!keys[k])
			continue;
		conditions++;
		b->cond.n = 0;
		read_condition(b, k, keys[k]);
	}
	if (!b->dead && conditions)
		return;
	b->terms.n = first; /* without a condition: no router takes it, and the check says so */
	add_term(b, DIM__N, 0);
}
