#ifndef XRAT_DAEMON_NETWORK_H
#define XRAT_DAEMON_NETWORK_H
/* Whether it is our own network that is down, rather than a node. Blocking; for a worker. Nothing is ever sent to the
 * probe's URL but through a node.
 *
 * Down is: no route to where the node is, i.e. no default route (of either family) and none that covers its address; or
 * other nodes are known, and none of five of them takes a TCP connection. A node on loopback needs no route; and whether
 * another node on loopback answers tells about a node on loopback alone, so that a local listener cannot speak for the
 * network. Addresses are asked before names, names are resolved at the same time, and a name alone that is not resolved in
 * time is not known. Where there is nothing to ask, or nothing is known, it is taken to be up. */
#include "lib/lib.h"

enum { NETWORK_ASKED = 5, NETWORK_TABLE_MAX_BYTES = 256 * 1024 };

struct network_node {
	const char *address; /* name or literal */
	unsigned port;
};
enum network_state { NETWORK_UP, NETWORK_NO_ROUTE, NETWORK_NO_ANSWER, NETWORK_STATE__N };
/* One line each, for people. */
extern const char *const network_state_words[NETWORK_STATE__N];

struct network_world {
	const char *route4, *route6; /* NULL: /proc/net/route and /proc/net/ipv6_route */
	unsigned limit_ms;           /* of all connections together; 0: 4000 */
	bool (*abort)(void *data);   /* asked often; NULL: never */
	void *data;
};
/* address: of the node that seems to be down. Of `others`, best first, the first five that may be asked are;
 * addresses before names. */
enum network_state network_look(const struct network_world *w, const char *address, const struct network_node *others, size_t n);

/* Whether it takes a TCP connection. */
bool network_answers(const struct network_world *w, const struct network_node *node);

/* The texts of the two tables (either may be NULL). A name needs a default route, or two halves of one. */
bool network_has_route(const char *route4, const char *route6, const char *address);
/* 127.0.0.0/8, ::1, "localhost". */
bool network_is_loopback(const char *address);

#endif
