#ifndef XRAT_ROUTE_DAT_H
#define XRAT_ROUTE_DAT_H
/* geosite.dat and geoip.dat from the inside. Only route/ includes this.
 *
 * Both are protobuf: file { 1: list }, list { 1: code, 2: entry, 3: reverse (of addresses; no router reads it) }.
 * A name is { 1: type, 2: value, 3: attribute { 1: key } }, a network { 1: address, 2: prefix }. */
#include "route/items.h"

struct dat_cursor {
	const uint8_t *p, *end;
	size_t offset;   /* of p in the file */
	const char *why; /* what is wrong at `offset`; sticky */
};
/* The entries of one list, one at a time. */
struct dat_walk {
	struct dat_cursor at;
	struct str attrs[16]; /* all of them must be there */
	unsigned n_attrs;
};
enum dat_type { DAT_KEYWORD, DAT_REGEXP, DAT_DOMAIN, DAT_FULL };
struct dat_name {
	uint32_t type; /* enum dat_type; higher ones are of a kind that no router knows */
	struct str value;
};

/* What is wrong with the file as a whole, or NULL. */
const char *dat_fault(const struct route_dat *d);
/* Begins at the list of that code (case-blind); attrs is "a@b" or empty. 0, or -ENOENT, or -E2BIG for too many attributes. */
int dat_find(const struct route_dat *d, struct str code, struct str attrs, struct dat_walk *ret_walk);
/* 1 and the next name that has all the attributes, 0 at the end, -EINVAL (walk->at says what and where). */
int dat_next_name(struct dat_walk *w, struct dat_name *ret_name);
/* The same for networks; host bits are cleared. One with an impossible length or prefix is passed over, as Xray does. */
int dat_next_net(struct dat_walk *w, struct ip_net *ret_net);

#endif
