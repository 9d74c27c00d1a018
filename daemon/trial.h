#ifndef XRAT_DAEMON_TRIAL_H
#define XRAT_DAEMON_TRIAL_H
/* Trying nodes: TCP connect, and the real delay of a request through an engine that serves many nodes at once. Blocking;
 * for a worker thread or a command. Knows no store: the caller stores what it is told. */
#include "compiler/compiler.h"
#include "store/store.h"

struct trial_node {
	int64_t id;
	const struct node *node;
};
struct trial_options {
	int root_fd;
	const char *root;         /* absolute */
	const char *runtime_dir;  /* absolute: the engine's file and logs, removed at the end */
	const char *target;       /* NULL: what config.toml says, auto resolved on this machine */
	const char *url;          /* of the request; NULL: config.toml's probe_url */
	const char *ca_file;      /* NULL: the system's */
	unsigned tcp_ms, delay_ms; /* limits; 0: 5000 and 10000 */
	unsigned concurrency;     /* 0: 16 */
	unsigned attempts;        /* of each node; 0: 1 */
	bool skip_tcp, skip_delay;
	bool (*abort)(void *data); /* asked often; NULL: never */
	/* One attempt at one node is over; from the thread of the call. 0, or negative: stop. */
	int (*result)(void *data, const struct store_test *test, unsigned done, unsigned total);
	void *data;
};
/* 0: all were tried (each has a result, also those that the target cannot run: STORE_F_PROCESS with the reason); -ECANCELED;
 * -errno: no engine, config.toml refused (what diagnostics say is in *e), and the like. */
int trial_run(struct arena *a, const struct trial_node *nodes, size_t n, const struct trial_options *o, struct err *e);

/* A trial that is killed leaves RUNTIME_DIR/test-XXXXXXXX and perhaps its engine. This ends and removes what no living trial
 * holds; trial_run does it first. */
#define TRIAL_DIR_PREFIX "test-"
void trial_sweep(const char *runtime_dir);

#endif
