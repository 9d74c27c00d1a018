#ifndef XRAT_MODEL_XRULE_H
#define XRAT_MODEL_XRULE_H
/* A routing rule as Xray's decoder reads it: its keys, its string lists and its port lists, one item at a time and without
 * allocation. The checker and the router both read rules through this. */
#include "lib/lib.h"

/* Conditions first, in the order in which Xray tests them. */
enum rule_field {
	RF_LOCAL_OS, RF_INBOUND, RF_NETWORK, RF_PROTOCOL, RF_PORT, RF_SOURCE_PORT, RF_LOCAL_PORT, RF_VLESS_ROUTE, RF_USER,
	RF_ATTRS, RF_IP, RF_SOURCE_IP, RF_LOCAL_IP, RF_DOMAIN, RF_PROCESS, RF_CONDITIONS__N,
	RF_OUTBOUND = RF_CONDITIONS__N, RF_BALANCER, RF_RULE_TAG, RF__N
};
extern const char *const xrule_names[RF__N];
/* The members of a rule, keys without case, of two spellings the one that Xray takes; NULL = absent or null. */
void xrule_fields(const struct value *rule, const struct value *ret_fields[RF__N]);
/* Whether Xray makes a condition of it: ports always, lists when they have an element. */
bool xrule_has_effect(enum rule_field field, const struct value *v);

/* A string list is an array of strings or one string with commas, whose parts are not trimmed. */
struct xparts {
	const struct value *v;
	struct str rest;
	uint32_t i;
};
struct xpart {
	struct str s;
	struct span at;
};
/* v may be NULL: no parts. */
static inline struct xparts xparts_of(const struct value *v)
{
	struct xparts it = { .v = v };

	if (v && v->kind == VAL_STRING)
		it.rest = value_str(v);
	return it;
}
bool xparts_next(struct xparts *it, struct xpart *ret_part);

struct xports {
	const struct value *v;
	struct str rest;
	bool done;
};
enum xport_kind { XPORT_RANGE, XPORT_REVERSED, XPORT_ENV /* env:NAME */, XPORT_UNKNOWN /* not a port: others report it */ };
struct xport {
	enum xport_kind kind;
	uint32_t from, to;
	struct span at;
};
static inline struct xports xports_of(const struct value *v)
{
	struct xports p = { .v = v, .done = !v };

	if (v && v->kind == VAL_STRING)
		p.rest = value_str(v);
	return p;
}
/* The number 0 and the empty text hold no port at all. */
bool xports_next(struct xports *p, struct xport *ret_port);

#endif
