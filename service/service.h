#ifndef XRAT_SERVICE_H
#define XRAT_SERVICE_H
/* Edit -> publish -> engine -> proved, for as long as it runs; and what the commands of one moment share with it. */
#include "apply/apply.h"
#include "service/bundle.h"
#include "service/hooks.h"
#include "service/log.h"
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
/* Runs until SIGTERM or SIGINT: watches, applies, supervises, writes status files; stops its engines at the end, and
 * leaves its signals ignored. 0, SERVICE_BUSY, -errno. */
int service_run(const struct service_options *o, int *ret_holder, struct err *e);

/* --- the same on the loop of a program that has more to do; signals are that one's --- */
struct service;
/* Takes service.lock, recovers and begins to work. o must outlive it; on_stopped is called once, on the loop, when a stop
 * has come to its end. inherited_lock: a descriptor that holds service.lock already (it is taken over), -1 = none. Returns
 * as service_run; where it is not 0 nothing is left but handles that close when the loop turns. */
int service_open(struct service **ret_service, uv_loop_t *loop, const struct service_options *o, int inherited_lock,
		 void (*on_stopped)(void *ctx), void *ctx, int *ret_holder, struct err *e);
/* Looks at everything again, now. */
void service_reload(struct service *s);
/* Stops the engines and all work; on_stopped follows, maybe within the call. */
void service_stop(struct service *s);
/* Whether a job is in the middle of something; engines do not count. */
bool service_is_working(const struct service *s);
/* The descriptor that holds service.lock, for a successor; -1 = it is not held now. */
int service_lock_fd(const struct service *s);
/* Closes its handles; engines that were not stopped go on. service_free when the loop has turned. NULL is fine. */
void service_close(struct service *s);
void service_free(struct service *s);
/* What the status file of a role says, as of now. 0; 1: there is nothing to tell. */
int service_role_status(struct service *s, struct arena *a, enum role role, struct value *ret_status);
#endif
