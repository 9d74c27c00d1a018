#ifndef XRAT_VALIDATE_ITEMS_H
#define XRAT_VALIDATE_ITEMS_H
/* Xray's string lists and port lists, one item at a time and without allocation. Only validate/ includes this. */
#include "model/model.h"

/* A string list is an array of strings or one string with commas, whose parts are not trimmed. */
struct items {
	const struct value *v;
	struct str rest;
	uint32_t i;
};
struct item {
	struct str s;
	struct span at;
};
/* v may be NULL: no items. */
static inline struct items items_of(const struct value *v)
{
	struct items it = { .v = v };

	if (v && v->kind == VAL_STRING)
		it.rest = value_str(v);
	return it;
}
bool items_next(struct items *it, struct item *ret_item);
/* How many strings there are; one string counts as at least one. */
uint32_t items_count(const struct value *v);
bool items_has(const struct value *v, struct str wanted);

/* ip_parse of items that several checks ask about: remembers the last few texts by their place. */
struct nets {
	struct {
		const char *p;
		size_t len;
		int result;
		struct ip_net net;
	} last[8];
};
int items_net(struct nets *n, struct str s, struct ip_net *ret_net);

struct ports {
	const struct value *v;
	struct str rest;
	bool done;
};
enum port_kind { PORT_RANGE, PORT_REVERSED, PORT_UNKNOWN /* env:NAME, or not a port: others report that */ };
struct port_item {
	enum port_kind kind;
	uint32_t from, to;
	struct span at;
};
static inline struct ports ports_of(const struct value *v)
{
	struct ports p = { .v = v, .done = !v };

	if (v && v->kind == VAL_STRING)
		p.rest = value_str(v);
	return p;
}
/* The number 0 and the empty text hold no port at all. */
bool ports_next(struct ports *p, struct port_item *ret_item);

#endif
