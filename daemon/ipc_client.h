#ifndef XRAT_DAEMON_IPC_CLIENT_H
#define XRAT_DAEMON_IPC_CLIENT_H
/* One question to the daemon, and its answer. Blocks; needs no event loop. */
#include "daemon/ipc.h"

#define IPC_RUNTIME_DIR "runtime"         /* below CONFIG_ROOT */
#define IPC_SOCKET "daemon.sock"          /* in there */
#define IPC_LOCK "daemon.lock"
enum { IPC_TRIES = 10, IPC_TRY_MS = 100, IPC_ANSWER_MS = 5000 };
enum { IPC_UNREACHABLE = 1 };

struct ipc_call {
	const char *root;
	unsigned tries;     /* to connect, 100 ms apart; 0 = 10 */
	unsigned answer_ms; /* how long to wait for the answer; 0 = 5000 */
};
/* 0: *ret_reply (its code may be any) and *ret_payload (may be NULL; VAL_NONE where there is none); IPC_UNREACHABLE: no
 * daemon listens there, e says "daemon socket not reachable at PATH"; -ETIMEDOUT; -EPROTO; -errno. */
int ipc_call(struct arena *a, const struct ipc_call *c, const struct ipc_request *request, struct ipc_reply *ret_reply,
	     struct value *ret_payload, struct err *e);
/* Path of the socket, for messages. */
char *ipc_path(struct arena *a, const char *root);
/* Who holds daemon.lock: the pid, 0 nobody or unknown (*ret_held tells which), -errno. No runtime directory is nobody. */
int ipc_holder(const char *root, bool *ret_held, struct err *e);

#endif
