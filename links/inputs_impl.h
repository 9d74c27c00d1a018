#ifndef XRAT_LINKS_INPUTS_IMPL_H
#define XRAT_LINKS_INPUTS_IMPL_H
/* One text being read, for the parts of inputs.h. */
#include "links/import.h"

struct input_read {
	struct arena *a;
	struct diag_sink *sink;
	struct sources *sources;
	const struct input_options *o;
	struct input_summary *sum;
	struct input_list *list; /* inputs_collect; NULL: visit */
	uint32_t list_cap;
	uint32_t src;    /* of `text` */
	struct str text;
	uint32_t number; /* of the newest entry */
};

/* One entry: a link (`link` set) or a value that `entry` reads. `name` replaces the node's name; empty: it keeps its
 * own. 0, or what visit returned. */
struct input_item {
	struct str link;
	const struct value *value;
	import_entry *entry;
	struct str name;
	struct span at;
	uint32_t line;
};
int inputs_item(struct input_read *in, const struct input_item *item);
/* A refused text: XR860 or XR861; returns 1. */
int inputs_refuse(struct input_read *in, enum diag_code code, struct span at, const char *help, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* Each reads in->text, which is known to be of its form. 0, 1 refused, negative from visit. */
int inputs_links(struct input_read *in);
int inputs_json(struct input_read *in);
int inputs_clash(struct input_read *in);

#endif
