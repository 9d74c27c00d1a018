/* Items of 'ip', 'sourceIP' and 'localIP': networks and lists into atoms.
 *
 * Xray joins the networks of a rule, its negated networks, its lists and its negated lists into one set each; the
 * negated sets are turned over and the four are or-ed. */
#include <string.h>

#include "route/index.h"

struct inverted {
	struct words atoms;
	unsigned families;
	bool used;
};

static enum book_id net_book(enum dim dim)
{
	return BOOK_NET + (dim - DIM_IP);
}

static uint32_t net_atom(struct builder *b, enum dim dim, const struct ip_net *net)
{
	char key[NETS_KEY];

	nets_key(net, key);
	return index_atom(b, net_book(dim), (struct str){ key, NETS_KEY }, 0);
}

static void fill(struct builder *b, enum dim dim, uint32_t atom, const struct list_name *l, struct dat_walk *w,
		 uint32_t *marks)
{
	struct book_maker *m = &b->books[net_book(dim)];
	char key[NETS_KEY];
	struct ip_net net;
	int r;

	while ((r = dat_next_net(w, &net)) > 0) {
		*marks |= net.v6 ? LIST_V6 : LIST_V4;
		nets_key(&net, key);
		book_add(b->tmp, m, book_put(b->tmp, m, (struct str){ key, NETS_KEY }), atom, 0, false);
	}
	if (r < 0)
		index_list_damaged(b, l, w);
}

static uint32_t list_atom(struct builder *b, enum dim dim, const struct ip_item *ip, struct span at, unsigned *families)
{
	struct list_name l = { ip->file, ip->code, { NULL, 0 }, at };
	uint32_t atom, *marks;
	struct dat_walk w;
	bool is_new;

	atom = index_list(b, dim, &l, &w, &is_new, &marks);
	if (is_new)
		fill(b, dim, atom, &l, &w, marks);
	*families = *marks;
	return atom;
}

/* An inverted set is an atom of its own, the same for all rules that negate the same. */
static void add_inverted(struct builder *b, enum dim dim, struct inverted *set)
{
	struct book_maker *m = &b->books[BOOK_NOT];
	struct str key;
	uint32_t i, atom;

	if (!set->used)
		return;
	words_sort(&set->atoms); /* atoms differ by dimension, so the key needs no other mark */
	key = (struct str){ (const char *)set->atoms.v, set->atoms.n * sizeof(*set->atoms.v) };
	i = book_put(b->tmp, m, key);
	atom = book_own(m, i, 0);
	if (atom == BOOK_NONE) {
		uint32_t first = b->lazy_ids.n;
		struct lazy *l;

		atom = index_new_atom(b);
		book_add(b->tmp, m, i, atom, 0, true);
		for (unsigned k = 0; k < set->atoms.n; k++)
			words_push(b->tmp, &b->lazy_ids, set->atoms.v[k]);
		l = index_lazy(b, atom, LAZY_NOT, dim, first);
		l->has_v4 = set->families & LIST_V4;
		l->has_v6 = set->families & LIST_V6;
	}
	words_push(b->tmp, &b->cond, atom | ATOM_LAZY);
}

void addrs_read(struct builder *b, const struct value *list, enum dim dim)
{
	struct inverted nets = { 0 }, lists = { 0 };
	struct xparts it = xparts_of(list);
	struct xpart item;
	struct ip_item ip;

	while (xparts_next(&it, &item)) {
		struct inverted *set;
		unsigned families = 0;
		uint32_t atom;

		if (!items_ip(item.s, &ip))
			continue;
		atom = ip.is_list ? list_atom(b, dim, &ip, item.at, &families) : net_atom(b, dim, &ip.net);
		if (!ip.negated) {
			words_push(b->tmp, &b->cond, atom);
			continue;
		}
		set = ip.is_list ? &lists : &nets;
		set->used = true;
		set->families |= ip.is_list ? families : ip.net.v6 ? LIST_V6 : LIST_V4;
		words_push(b->tmp, &set->atoms, atom);
	}
	add_inverted(b, dim, &nets);
	add_inverted(b, dim, &lists);
}
