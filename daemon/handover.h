#ifndef XRAT_DAEMON_HANDOVER_H
#define XRAT_DAEMON_HANDOVER_H
/* Being replaced by our own successor in the same process: an anonymous file (memfd) whose number stands in the environment
 * says which descriptors are what. Between the exec and the successor's first turn of the loop nothing is lost: clients
 * wait in the queue of the socket that stays open.
 *
 *   xrat-daemon 1
 *   lock FD          runtime/daemon.lock
 *   service FD       .state/locks/service.lock; -1
 *   listen …         ipc_server_pack
 *
 * Every later version has to read this form: the locks are held by these very descriptors. */
#include "daemon/frame.h"

/* What the predecessor left; NULL: there was none, or what it left cannot be used. Takes it out of the environment. */
struct handover *handover_read(void);
/* Each is given once; -1 = there is none. Those not taken are closed by handover_free. */
int handover_take_lock(struct handover *h);
int handover_take_service_lock(struct handover *h);
/* 0: the server; 1: there is none to take; -errno. */
int handover_take_server(struct handover *h, struct daemon *d, struct ipc_server **ret_server, struct err *e);
void handover_free(struct handover *h);

/* Replaces the program. Returns only when that failed, and then everything is as before. -errno. */
int handover_exec(struct daemon *d, const char *exe, struct err *e);

#endif
