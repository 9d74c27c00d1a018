/* Lists of geodata files: found, told apart, and shared by all rules that name them. */
#include <errno.h>

#include "route/index.h"

struct asset {
	struct route_dat *dat; /* NULL: there is none */
	bool told;             /* that it is missing or damaged */
};

static struct asset *asset_of(struct builder *b, struct str file)
{
	struct asset *as = map_get(b->files, file);

	if (!as) {
		as = arena_new_of(b->tmp, struct asset);
		if (b->assets && b->assets->get)
			as->dat = b->assets->get(b->assets->ctx, arena_memdup(b->tmp, file.p, file.len));
		map_put(b->files, file, as);
	}
	return as;
}

/* A file is reported once, not once for each rule. */
static bool tell_file(struct builder *b, const struct list_name *l, struct asset *as)
{
	const char *fault = as->dat ? dat_fault(as->dat) : NULL;
	struct diag *d;

	if (as->dat && !fault)
		return false;
	b->failed = true;
	if (as->told)
		return true;
	as->told = true;
	if (!as->dat) {
		d = diag_add(b->sink, DIAG_XR750, l->at, "'%.*s' is missing or unreadable", (int)l->file.len, l->file.p);
		diag_help(b->sink, d, "put it where the engine looks for it, or name the directory in XRAY_LOCATION_ASSET");
	} else {
		diag_add(b->sink, DIAG_XR752, l->at, "'%.*s' is damaged at %s", (int)l->file.len, l->file.p, fault);
	}
	return true;
}

void index_list_damaged(struct builder *b, const struct list_name *l, const struct dat_walk *w)
{
	diag_add(b->sink, DIAG_XR752, l->at, "list '%.*s' of '%.*s' is damaged at byte %zu: %s", (int)l->code.len,
		 l->code.p, (int)l->file.len, l->file.p, w->at.offset, w->at.why);
	b->failed = true;
}

static bool open_list(struct builder *b, const struct list_name *l, struct dat_walk *w)
{
	struct asset *as = asset_of(b, l->file);
	struct diag *d;
	int r;

	if (tell_file(b, l, as))
		return false;
	r = dat_find(as->dat, l->code, l->attrs, w);
	if (!r)
		return true;
	b->failed = true;
	if (r == -E2BIG) {
		diag_add(b->sink, DIAG_XR751, l->at, "'%.*s' names more than 16 attributes", (int)l->attrs.len, l->attrs.p);
		return false;
	}
	d = diag_add(b->sink, DIAG_XR751, l->at, "'%.*s' has no list '%.*s'", (int)l->file.len, l->file.p,
		     (int)l->code.len, l->code.p);
	diag_help(b->sink, d, "look the name up in the file's own documentation, or fetch a newer file");
	return false;
}

/* Dimension, file, code and attributes; the case of the last two does not count. */
static struct str key_of(struct builder *b, enum dim dim, const struct list_name *l)
{
	char *p = arena_array(b->tmp, char, l->file.len + l->code.len + l->attrs.len + 4);
	struct str parts[] = { l->file, l->code, l->attrs };
	size_t n = 0;

	p[n++] = (char)('a' + dim);
	for (unsigned i = 0; i < 3; i++) {
		struct str s = i ? index_lower(b, parts[i]) : parts[i];
		for (size_t k = 0; k < s.len; k++)
			p[n++] = s.p[k];
		p[n++] = '\0';
	}
	return (struct str){ p, n };
}

uint32_t index_list(struct builder *b, enum dim dim, const struct list_name *l, struct dat_walk *w, bool *ret_new,
		    uint32_t **ret_marks)
{
	struct book_maker *m = &b->books[BOOK_LIST];
	uint32_t known = m->b.n, i = book_put(b->tmp, m, key_of(b, dim, l));

	*ret_new = i == known && open_list(b, l, w);
	if (i == known) {
		book_add(b->tmp, m, i, index_new_atom(b), 0, true);
		words_push(b->tmp, &b->list_marks, 0);
	}
	*ret_marks = &b->list_marks.v[i];
	return book_own(m, i, 0);
}
