#ifndef XRAT_ROUTE_ITEMS_H
#define XRAT_ROUTE_ITEMS_H
/* One routing rule as Xray reads it: its keys, its string lists and its port lists. Only route/ includes this. */
#include "route/route.h"

/* Conditions first, in the order in which Xray tests them. */
enum rule_key {
	RK_LOCAL_OS, RK_INBOUND, RK_NETWORK, RK_PROTOCOL, RK_PORT, RK_SOURCE_PORT, RK_LOCAL_PORT, RK_VLESS_ROUTE, RK_USER,
	RK_ATTRS, RK_IP, RK_SOURCE_IP, RK_LOCAL_IP, RK_DOMAIN, RK_PROCESS, RK_CONDITIONS__N,
	RK_OUTBOUND = RK_CONDITIONS__N, RK_BALANCER, RK_RULE_TAG, RK__N
};
extern const char *const items_key_names[RK__N];
/* Fills ret_keys: NULL = absent, or a condition that Xray makes nothing of (an empty list). */
void items_keys(const struct value *rule, const struct value *ret_keys[RK__N]);
/* A text member, NUL-terminated or not; the empty slice when it is none. */
struct str items_text(const struct value *v);

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
static inline struct items items_of(const struct value *v)
{
	struct items it = { .v = v };

	if (v && v->kind == VAL_STRING)
		it.rest = value_str(v);
	return it;
}
bool item_next(struct items *it, struct item *ret_item);

/* Port ranges of a list; a reversed one and what is no port are left out: they match nothing. `unknown` is set when a
 * part is env:NAME, whose value nobody knows here. */
struct port_range {
	uint16_t lo, hi;
};
struct port_items {
	const struct value *v;
	struct str rest;
	bool done, unknown;
};
struct port_items items_ports_of(const struct value *v);
bool items_ports_next(struct port_items *p, struct port_range *ret_range);

enum domain_kind {
	DK_KEYWORD, DK_DOMAIN, DK_FULL, DK_REGEXP, DK_DOTLESS,
	DK_LIST /* geosite: and ext: */
};
/* One item of a domain list: kind and the text behind the prefix; of a list the file, the code and the attributes
 * ("a@b"; empty = none). */
struct domain_item {
	enum domain_kind kind;
	struct str text, file, code, attrs;
};
void items_domain(struct str item, struct domain_item *ret_item);
/* One item of an address list: a network, or a list of a file. */
struct ip_item {
	bool negated, is_list;
	struct ip_net net; /* host bits cleared */
	struct str file, code;
};
/* False when it is neither. */
bool items_ip(struct str item, struct ip_item *ret_item);

#endif
