#ifndef XRAT_MERGE_H
#define XRAT_MERGE_H
/* Snippets into the managed base at fixed slots. Managed objects are authoritative: a snippet adds, it never deletes or
 * changes one. */
#include "model/model.h"

enum snippet_kind { SNIPPET_RULES_AFTER_SYSTEM, SNIPPET_RULES_AFTER_MANAGED, SNIPPET_INBOUNDS, SNIPPET_OUTBOUNDS,
	SNIPPET_BALANCERS, SNIPPET_DNS, SNIPPET_POLICY, SNIPPET_OBSERVATORY, SNIPPET__N };
/* "routing.rules.after-xp2p-system.json" … */
extern const char *const snippet_file_names[];
/* Key(s) a snippet may have at its top level, NULL-terminated. */
extern const char *const *const snippet_keys[SNIPPET__N];

struct snippet {
	struct value root; /* VAL_NONE: absent or blank */
};
/* Shape of one parsed snippet: an object with the file's key of the right kind and no other (XR224-XR227, XR312). A
 * snippet of the wrong shape may still be merged: what is unusable is passed over. */
void snippet_check(struct diag_sink *sink, enum snippet_kind kind, const struct value *root);

/* 0: *ret_merged set (possibly with errors in the sink). Diagnostics XR3xx. An empty section object adds nothing. */
int merge_snippets(struct arena *a, struct diag_sink *sink, const struct base *base,
		   const struct snippet snippets[SNIPPET__N], const struct texts *override, struct merged *ret_merged);

#endif
