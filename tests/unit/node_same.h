#ifndef XRAT_TESTS_NODE_SAME_H
#define XRAT_TESTS_NODE_SAME_H
/* Whether two nodes say the same, places aside. */
#include <string.h>

#include "model/model.h"

static bool same_text(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static bool same_texts(const struct texts *a, const struct texts *b)
{
	if (a->set != b->set || a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (!same_text(a->v[i].s, b->v[i].s))
			return false;
	return true;
}

static bool same_field(const struct node_field *f, const struct node *na, const struct node *nb)
{
	const void *a = (const char *)na + f->offset, *b = (const char *)nb + f->offset;

	switch (f->kind) {
	case NODE_F_TEXT:
		return ((const struct text *)a)->set == ((const struct text *)b)->set &&
		       same_text(((const struct text *)a)->s, ((const struct text *)b)->s);
	case NODE_F_NUM:
		return ((const struct num *)a)->set == ((const struct num *)b)->set &&
		       ((const struct num *)a)->v == ((const struct num *)b)->v;
	case NODE_F_SECRET:
		return ((const struct secret *)a)->set == ((const struct secret *)b)->set &&
		       same_text(((const struct secret *)a)->s, ((const struct secret *)b)->s);
	case NODE_F_TEXTS:
		return same_texts(a, b);
	case NODE_F_FLAG:
		return ((const struct flag *)a)->set == ((const struct flag *)b)->set &&
		       ((const struct flag *)a)->v == ((const struct flag *)b)->v;
	case NODE_F_RAW:
		return ((const struct raw *)a)->set == ((const struct raw *)b)->set &&
		       (!((const struct raw *)a)->set ||
			value_equal(&((const struct raw *)a)->v, &((const struct raw *)b)->v));
	}
	return false;
}

/* The name of the first field that differs; NULL: none. */
static inline const char *node_lost(const struct node *one, const struct node *two)
{
	for (size_t k = 0; k < node_fields_n; k++)
		if (!same_field(&node_fields[k], one, two))
			return node_fields[k].name;
	return NULL;
}

#endif
