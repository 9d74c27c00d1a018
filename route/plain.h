#ifndef XRAT_ROUTE_PLAIN_H
#define XRAT_ROUTE_PLAIN_H
/* Conditions tested one item at a time from the text of the rule: slow, and apart from the index on purpose, so that
 * each can be held against the other. Only route/ includes this. */
#include "route/dat.h"

struct plain {
	struct arena *a;
	const struct route_table *t;
	const struct route_assets *assets;
	const struct route_flow *f;
	const struct route_ip *ips; /* of the target */
	uint32_t n_ips;
};
bool plain_domain(struct plain *p, const struct value *list);
/* v's addresses against a list; n 0 never matches. */
bool plain_ips(struct plain *p, const struct value *list, const struct route_ip *ips, uint32_t n);
bool plain_port(const struct value *list, uint16_t port);
bool plain_network(const struct value *list, enum route_network network);
bool plain_word(const struct value *list, struct str word);     /* one of them */
bool plain_prefix(const struct value *list, struct str word);   /* begins with one of them */
bool plain_user(struct plain *p, const struct value *list);
/* The name of the first attribute that fails, or the empty slice. */
struct str plain_attrs(struct plain *p, const struct value *attrs);
bool plain_process(const struct value *list, struct str process);
bool plain_os(const struct value *list);

#endif
