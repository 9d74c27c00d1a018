#ifndef XRAT_ROUTE_ITEMS_H
#define XRAT_ROUTE_ITEMS_H
/* The conditions of one rule (model/xrule.h reads them) and their items. Only route/ includes this. */
#include "route/route.h"

/* Fills ret_keys: NULL = absent, or a condition that Xray makes nothing of (an empty list). */
void items_keys(const struct value *rule, const struct value *ret_keys[RF__N]);
/* A text member, NUL-terminated or not; the empty slice when it is none. */
struct str items_text(const struct value *v);

/* Port ranges of a list; a reversed one and what is no port are left out: they match nothing. `unknown` is set when a
 * part is env:NAME, whose value nobody knows here. */
struct port_range {
	uint16_t lo, hi;
};
bool items_ports_next(struct xports *p, bool *unknown, struct port_range *ret_range);

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
