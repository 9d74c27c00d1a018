/* Items of 'domain': names, keywords, patterns and lists into atoms. */
#include <string.h>

#include "route/index.h"

/* Where the atom of a pattern goes: a text's own atom into the condition, or the atom of the list it stands in. */
struct sink_of {
	struct builder *b;
	uint32_t list; /* NO_ATOM: not within a list */
};

static void add(struct sink_of *s, enum book_id book, struct str text, unsigned kind)
{
	struct builder *b = s->b;
	struct book_maker *m = &b->books[book];

	if (s->list == NO_ATOM)
		words_push(b->tmp, &b->cond, index_atom(b, book, text, kind));
	else
		book_add(b->tmp, m, book_put(b->tmp, m, text), s->list, kind, false);
}

/* Xray keeps full: and domain: patterns as plain texts, and looks up the name itself and every ending of it that begins
 * with a dot. So a pattern that begins with a dot stands for the names below it, full: or not. */
static void add_dotted(struct sink_of *s, struct str name)
{
	add(s, BOOK_DOMAIN, str_skip(name, 1), NAME_DOTTED);
}

static void add_full(struct sink_of *s, struct str name)
{
	if (name.len && name.p[0] == '.')
		add_dotted(s, name);
	else if (name.len)
		add(s, BOOK_DOMAIN, name, NAME_FULL);
}

static void add_domain(struct sink_of *s, struct str name)
{
	if (name.len && name.p[0] != '.') {
		add(s, BOOK_DOMAIN, name, NAME_DOMAIN);
		return;
	}
	if (name.len)
		add_dotted(s, name);
	add(s, BOOK_DOMAIN, name, NAME_DOTTED);
}

static uint32_t *special(struct builder *b, uint32_t *atom)
{
	if (*atom == NO_ATOM)
		*atom = index_new_atom(b);
	return atom;
}

/* A pattern outside a list has a lazy atom of its own; those of a list are noted for it. */
static void add_regexp(struct sink_of *s, struct str pattern)
{
	struct builder *b = s->b;
	uint32_t rx = index_regex(b, BOOK_RX_DOMAIN, pattern), atom;

	if (rx == NO_ATOM)
		return;
	if (s->list != NO_ATOM) {
		words_push(b->tmp, &b->lazy_ids, rx);
		return;
	}
	atom = book_own(&b->books[BOOK_RX_DOMAIN], rx, 0);
	if (atom == BOOK_NONE) {
		atom = index_atom(b, BOOK_RX_DOMAIN, pattern, 0);
		words_push(b->tmp, &b->lazy_ids, rx);
		index_lazy(b, atom, LAZY_DOMAIN, DIM_DOMAIN, b->lazy_ids.n - 1);
	}
	words_push(b->tmp, &b->cond, atom | ATOM_LAZY);
}

static void add_keyword(struct sink_of *s, struct str text)
{
	struct builder *b = s->b;

	if (text.len)
		add(s, BOOK_KEYWORD, text, WORD_PLAIN);
	else if (s->list == NO_ATOM)
		words_push(b->tmp, &b->cond, *special(b, &b->t->any_name));
	else
		add_regexp(s, text);
}

static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '-' ||
		      s.p[i] == '_'))
			return false;
	return true;
}

/* Xray makes a pattern of it; of plain text that is a keyword for names without a dot. */
static void add_dotless(struct sink_of *s, struct str text)
{
	struct builder *b = s->b;

	if (!text.len)
		words_push(b->tmp, &b->cond, *special(b, &b->t->dotless_name));
	else if (is_plain(text))
		add(s, BOOK_KEYWORD, text, WORD_DOTLESS);
	else if (!memchr(text.p, '.', text.len))
		add_regexp(s, str_of(arena_printf(b->tmp, "^[^.]*%.*s[^.]*$", (int)text.len, text.p)));
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

/* Whether there are patterns in it. */
static bool fill(struct builder *b, uint32_t atom, const struct list_name *l, struct dat_walk *w)
{
	struct sink_of s = { b, atom };
	uint32_t first = b->lazy_ids.n, n = 0;
	struct dat_name name;
	int r;

	while ((r = dat_next_name(w, &name)) > 0) {
		n++;
		if (name.type == DAT_KEYWORD)
			add_keyword(&s, index_lower(b, name.value));
		else if (name.type == DAT_REGEXP)
			add_regexp(&s, name.value);
		else if (name.type == DAT_DOMAIN)
			add_domain(&s, index_lower(b, name.value));
		else if (name.type == DAT_FULL)
			add_full(&s, index_lower(b, name.value));
	}
	if (r < 0)
		index_list_damaged(b, l, w);
	else if (!n)
		diag_add(b->sink, DIAG_XR754, l->at, "the list '%.*s' has no name%s%.*s: it never matches", (int)l->code.len,
			 l->code.p, l->attrs.len ? " with " : "", (int)l->attrs.len, l->attrs.p);
	if (b->lazy_ids.n == first)
		return false;
	index_lazy(b, atom, LAZY_DOMAIN, DIM_DOMAIN, first);
	return true;
}

static void add_list(struct builder *b, const struct domain_item *d, struct span at)
{
	struct list_name l = { d->file, d->code, d->attrs, at };
	uint32_t atom, *marks;
	struct dat_walk w;
	bool is_new;

	atom = index_list(b, DIM_DOMAIN, &l, &w, &is_new, &marks);
	if (is_new && fill(b, atom, &l, &w))
		*marks |= LIST_LAZY;
	words_push(b->tmp, &b->cond, *marks & LIST_LAZY ? atom | ATOM_LAZY : atom);
}

static void add_item(struct builder *b, const struct xpart *item)
{
	struct sink_of s = { b, NO_ATOM };
	struct domain_item d;

	items_domain(item->s, &d);
	switch (d.kind) {
	case DK_KEYWORD:
		add_keyword(&s, index_lower(b, d.text));
		break;
	case DK_DOMAIN:
		add_domain(&s, index_lower(b, d.text));
		break;
	case DK_FULL:
		add_full(&s, index_lower(b, d.text));
		break;
	case DK_REGEXP:
		add_regexp(&s, d.text);
		break;
	case DK_DOTLESS:
		add_dotless(&s, d.text);
		break;
	case DK_LIST:
		add_list(b, &d, item->at);
		break;
	}
}

void names_read(struct builder *b, const struct value *list)
{
	struct xparts it = xparts_of(list);
	struct xpart item;

	while (xparts_next(&it, &item))
		add_item(b, &item);
}
