#ifndef XRAT_DAEMON_H
#define XRAT_DAEMON_H
/* The daemon: sessions, rotation, nodes and the role pipeline behind one socket. What the commands of one moment share
 * with it. Nothing here needs an event loop but daemon_run itself. */
#include "daemon/ipc.h"
#include "daemon/ipc_client.h"
#include "daemon/trial.h"

struct daemon_options {
	const char *root;
	unsigned roles;       /* of the pipeline, bits; 0 = every role that has a file */
	const char *target;   /* of the pipeline: --target, or NULL */
	const char *log_file; /* "" or NULL = stderr */
	unsigned quiet, verbose;
	bool json;            /* log lines as JSON */
	char *const *argv;    /* what its successor is started with; paths in it are absolute */
};
enum {
	DAEMON_DONE = 0,
	DAEMON_BUSY = 1,    /* another daemon or `watch` holds the root: *ret_holder is its pid, 0 = unknown */
	DAEMON_INVALID = 2, /* config.toml has errors: they were printed */
};
/* Runs until SIGTERM, SIGINT or a request to stop; leaves these ignored, and so SIGHUP and SIGUSR2. DAEMON_*, -errno. */
int daemon_run(const struct daemon_options *o, int *ret_holder, struct err *e);

/* Whether the local ports that sessions will use are free, or held by an engine of this root. 0; 1: *ret_why says which is
 * not; -errno. */
int daemon_check_ports(struct arena *a, const char *root, const struct config *c, const char **ret_why);

struct daemon_start {
	char *const *argv;    /* of the daemon: "xrat --root DIR … daemon run-server" */
	const char *log_file; /* where its stderr goes; "" = the caller's */
};
/* Starts a daemon in a session of its own and waits until it answers. 0, *ret_ping; 1: it ended, *ret_status is its wait status;
 * -ETIMEDOUT; -errno. */
int daemon_start(struct arena *a, const char *root, const struct daemon_start *s, struct ipc_ping *ret_ping,
		 int *ret_status, struct err *e);

#endif
