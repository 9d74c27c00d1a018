#ifndef XRAT_CLI_ROUTE_SHOW_H
#define XRAT_CLI_ROUTE_SHOW_H
/* The answer of `xrat route`, made once and printed as text or JSON. */
#include "cli/cli.h"
#include "route/route.h"

struct route_answer {
	const char *host;
	const struct checked *checked;
	const struct sources *sources;
	const struct route_table *table;
	struct route_flow flow;     /* as the rules were asked: without resolve when addresses played no part */
	uint32_t rule;              /* ROUTE_NONE = the first outbound */
	bool port_assumed;
	bool asked, resolved;       /* for the addresses of the name; they were given */
	const struct route_ip *ips; /* from --resolve */
	uint32_t n_ips;
};
int route_show(struct arena *a, const struct invocation *inv, const struct route_answer *answer);

#endif
