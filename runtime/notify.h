#ifndef XRAT_RUNTIME_NOTIFY_H
#define XRAT_RUNTIME_NOTIFY_H
/* The socket on which an engine says how its reload went: datagrams of "KEY=VALUE" lines as sd_notify(3) sends them to
 * $NOTIFY_SOCKET. The socket is LOG_DIR/engine-NAME.notify, mode 0600 from birth, so that the same path serves an engine
 * that outlives us; who speaks is taken from the kernel's credentials. */
#include "lib/lib.h"

enum { NOTIFY_STATUS_BYTES = 240 };
struct notify_message {
	bool reloading, ready;
	uint64_t monotonic_usec; /* of RELOADING=1; 0 = not given */
	int error;               /* ERRNO=; 0 = none */
	char status[NOTIFY_STATUS_BYTES + 1]; /* STATUS=, cleaned */
};
/* Binds the socket, replacing one that stands there. *ret_path on the heap. A descriptor; -ENAMETOOLONG; -errno. */
int notify_open(const char *dir, const char *name, char **ret_path);
/* The next message of process `pid`; others are dropped. 0; 1: nothing is waiting; -errno. */
int notify_receive(int fd, int pid, struct notify_message *ret_message);

#endif
