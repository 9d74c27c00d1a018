#ifndef XRAT_ENGINE_RESOLVE_IMPL_H
#define XRAT_ENGINE_RESOLVE_IMPL_H
/* A lookup under way: resolve.c has who waits for it, resolve_step.c what is asked. */
#include "engine/resolve.h"

enum { RESOLVE_BUCKETS = 256, RESOLVE_STEPS = 64, RESOLVE_SYSTEM_SERVER = 254 /* number of the system's resolver */ };

struct step {
	uint8_t server;   /* of the table; RESOLVE_SYSTEM_SERVER */
	uint8_t system;   /* which of the system's servers */
	uint8_t suffix;   /* of the system's search list, from 1; 0: the name as it is */
	bool is_first;    /* of those of this server: the hosts file comes before them */
};
/* One kind of address at one server. */
struct part {
	struct lookup *of;
	struct exchange *exchange;
	uint16_t type;
	bool wanted, answered;
	bool plain;           /* asked without EDNS, which this server does not know */
	uint8_t rcode;
	int error;
	uint32_t ttl, n;
	struct route_ip ips[DNS_IPS_MAX];
};
struct lookup {
	struct retired retired; /* first */
	struct lookup *next, **at;
	struct query *waiting;
	struct worker *w;
	struct conf *conf;    /* held */
	unsigned how, running;
	bool ending;
	struct step steps[RESOLVE_STEPS];
	uint32_t n_steps, step;
	uint8_t rcode;        /* the best that was said: 0, then NXDOMAIN, then SERVFAIL */
	int error;
	struct part parts[2]; /* A, AAAA */
	struct str name;      /* of text */
	struct str base;      /* or what hosts has put in its place */
	struct str asked;     /* in this step */
	char text[ADDR_NAME_MAX + 1], full[ADDR_NAME_MAX + 1]; /* full: base with a suffix */
};
struct resolver {
	struct dnscache *cache;
	uint64_t cache_of;    /* generation of the table whose servers are meant */
	uint32_t n_lookups;
	unsigned n_random;
	uint16_t random[64];
	struct resolve_system system;
	struct lookup *buckets[RESOLVE_BUCKETS];
};

/* Fills the steps. */
void resolve_choose(struct lookup *l);
/* Goes through the steps until one has to wait for a server; ends in resolve_end, perhaps at once. */
void resolve_go_on(struct lookup *l);
void resolve_end(struct lookup *l, const struct resolved *r);

#endif
