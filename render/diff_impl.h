#ifndef XRAT_RENDER_DIFF_IMPL_H
#define XRAT_RENDER_DIFF_IMPL_H
/* What the files of the semantic difference share. */
#include "render/render_impl.h"

enum { NO_MATCH = UINT32_MAX };

/* How the items of two lists belong together. */
struct matching {
	uint32_t *after_of;  /* for each item before: its index after, or NO_MATCH */
	uint32_t *before_of; /* for each item after: its index before, or NO_MATCH */
	bool *moved;         /* for each item after: it stands in another order than its neighbours */
};
/* Pairs by tag; items without one by content, then by position between what is paired already. Linear but for the
 * order check, which is n log n. */
struct matching diff_match(struct arena *a, const struct xlist *before, const struct xlist *after, const char *tag_key);

/* One line of the answer is made for each field that differs. */
struct diff_sink {
	struct arena *a;
	struct value *out;
	const char *kind, *name, *pointer;
	bool restart;
};
/* at: the keys from the root to the values, for masking. Reports "changed" for every field, or for the whole value when
 * both are plain. */
void diff_fields(struct diff_sink *s, struct keypath *at, const struct value *before, const struct value *after);
/* One entry; field, before and after may be NULL. */
void diff_report(struct diff_sink *s, const char *change, const char *field, struct keypath *at,
		 const struct value *before, const struct value *after);

#endif
