#ifndef XRAT_SERVICE_STATUS_H
#define XRAT_SERVICE_STATUS_H
/* .state/status-ROLE.json: rewritten at each change of state, read by `status` when no daemon answers. */
#include "apply/apply.h"
#include "runtime/runtime.h"

struct status {
	enum role role;
	int service_pid;             /* 0 = no service wrote this */
	const char *service_started; /* RFC 3339 */
	struct {
		const char *digest;  /* of the inputs, "" = unknown */
		const char *state;   /* applied, applying, failed, held, waiting, absent */
		const char *reason;  /* why it is not what is live; "" */
		const char *since;
	} desired;
	uint64_t live, lkg;          /* generations; 0 = none */
	const char *live_digest, *lkg_digest; /* of the rendered bytes */
	struct {
		const char *state;   /* sup_state_names */
		const char *reason, *since;
		struct process_id process; /* pid 0 = none */
		uint64_t generation;
		const char *path, *target, *file, *listening; /* "127.0.0.1:51180", "" */
		bool ownership_proved, proved;
		unsigned starts;
		const char *next_start; /* "" = none */
	} engine;
	struct {
		const char *outcome; /* "applied", "kept", "rolled_back", "unchanged", "" = none yet */
		const char *request_id, *reason, *time;
		uint64_t generation;
	} last;
	bool polling;                /* the watcher has no watches */
	const char *warning;         /* "" */
};
struct value status_value(struct arena *a, const struct status *s);
/* Writes it atomically. 0 or -errno. */
int status_write(struct arena *a, const struct state *s, const struct status *status, struct err *e);
/* 0; -ENOENT; -EINVAL damaged; -errno. Missing members are empty. */
int status_read(struct arena *a, const struct state *s, enum role role, struct status *ret_status, struct err *e);

#endif
