#ifndef XRAT_CLI_ASK_DAEMON_H
#define XRAT_CLI_ASK_DAEMON_H
/* What the commands that need the daemon share. */
#include "cli/cli.h"
#include "daemon/daemon.h"

const char *ask_root(struct arena *a, const struct invocation *inv);
/* EXIT_DONE, or the exit code after telling why: EXIT_NO_DAEMON with a hint, or what the daemon's refusal comes to by its reason.
 * ret_payload may be NULL; it is the payload in its snake_case spelling, for --format json. answer_ms 0 = 5 s. */
int ask_daemon(struct arena *a, const struct invocation *inv, struct ipc_request *q, unsigned answer_ms,
	       struct ipc_reply *ret_reply, struct value *ret_payload);
/* No reply, no word about it: 0, or what ipc_call says. One try unless somebody holds daemon.lock. */
int ask_quietly(struct arena *a, const char *root, struct ipc_request *q, struct ipc_reply *ret_reply,
		struct value *ret_payload);
/* Says that there is no daemon: EXIT_NO_DAEMON. */
int ask_no_daemon(struct arena *a, const struct invocation *inv, const char *root);
/* The payload as the result with --format json, else the text; out is freed. */
int ask_show(struct arena *a, const struct invocation *inv, struct value payload, struct buf *out);
/* Inbounds of a session, a line each. */
void ask_inbounds(struct buf *out, const struct ipc_inbounds *inbounds, bool with_state);
/* "node 7 'NAME'"; NULL and unset parts are left out. */
const char *ask_node(struct arena *a, struct ipc_int id, const char *name);
/* The session part of `status`. */
void ask_session_text(struct arena *a, struct buf *out, const struct ipc_runtime *s);

/* Verbs of a command: the first operand. */
struct ask_verb {
	const char *name;
	command_fn *run;
};
int ask_verbs(struct arena *a, const struct invocation *inv, const struct ask_verb *verbs, size_t n);

#endif
