#ifndef XRAT_ROUTE_NETS_H
#define XRAT_ROUTE_NETS_H
/* Which of many networks hold an address. Networks either hold one another or are apart, so sorted by their beginning
 * (wider ones first) each has one parent, and all that hold an address are on one way up. Only route/ includes this. */
#include "route/book.h"
#include "route/route.h"

enum { NETS_KEY = 18 }; /* in a book: family, prefix, 16 bytes */
struct nets_family {
	uint32_t n;
	uint64_t *hi, *lo; /* begin, as two big-endian halves; of IPv4 hi is absent and lo the address */
	uint8_t *bits;
	uint32_t *parent;  /* + 1; 0 = none */
	uint32_t *text;    /* of the book */
};
struct nets {
	struct nets_family v4, v6;
};
void nets_key(const struct ip_net *net, char ret_key[NETS_KEY]);
void nets_build(struct arena *a, struct arena *tmp, const struct book_maker *m, struct nets *ret_nets);
/* The smallest network that holds the address, + 1; 0 = none. Go on with *ret_family->parent. */
uint32_t nets_find(const struct nets *n, const struct route_ip *ip, const struct nets_family **ret_family);

#endif
