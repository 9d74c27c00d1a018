#ifndef XRAT_SERVICE_H
#define XRAT_SERVICE_H
/* Edit -> publish -> engine -> proved, for as long as it runs; and what the commands of one moment share with it. */
#include "apply/apply.h"
#include "service/bundle.h"
#include "service/hooks.h"
#include "service/settle.h"
#include "service/status.h"
#include "service/watcher.h"

struct service_options {
	const char *root;
	unsigned roles;      /* bits; 0 = every role that has a file, also one that gets it later */
	const char *target;  /* --target, or NULL */
	unsigned quiet, verbose;
	bool json;           /* log lines as JSON */
};
enum { SERVICE_DONE = 0, SERVICE_BUSY = 1 /* another one holds the root: *ret_holder is its pid */ };
/* Runs until SIGTERM or SIGINT: watches, applies, supervises, writes status files; stops its engines at the end. 0,
 * SERVICE_BUSY, -errno. */
int service_run(const struct service_options *o, int *ret_holder, struct err *e);

#endif
