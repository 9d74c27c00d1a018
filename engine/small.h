#ifndef XRAT_ENGINE_SMALL_H
#define XRAT_ENGINE_SMALL_H
/* Questions beside routing that a route table answers well: is this name, or this address, one of a list? */
#include "route/route.h"

struct conf;
/* A list of a configuration; table NULL = no list. */
struct small {
	const struct route_table *table;
	uint32_t at; /* which of the configuration's small tables it is */
};
/* One thread's memory for asking all of them: as many scratches as the newest configuration asked about has tables, each
 * made when it is first needed. Zero-initialised. */
struct small_asker {
	uint64_t generation; /* whose tables they belong to */
	struct route_scratch **scratches;
	uint32_t n;
};
/* 1: it is one; 0: it is not, or there is no list; -ENOMEM. q holds the domain, the target, or both. */
int small_ask(struct small_asker *a, const struct conf *c, const struct small *s, const struct route_flow *q);
int small_has_name(struct small_asker *a, const struct conf *c, const struct small *s, struct str name);
int small_has_ip(struct small_asker *a, const struct conf *c, const struct small *s, const struct route_ip *ip);
void small_fini(struct small_asker *a);

#endif
