#ifndef XRAT_DAEMON_IPC_SERVER_IMPL_H
#define XRAT_DAEMON_IPC_SERVER_IMPL_H
/* Shared by the ipc_server*.c files. */
#include "daemon/ipc_server.h"

enum ipc_client_state {
	IPC_CLIENT_READS,    /* its request is on its way */
	IPC_CLIENT_WAITS,    /* handed over, no answer yet */
	IPC_CLIENT_WRITES,   /* the reply is on its way */
	IPC_CLIENT_LINGERS,  /* told; what it still sends is thrown away, so that it can read the reply */
	IPC_CLIENT_CLOSING,
	IPC_CLIENT_STATE__N
};
/* On the heap of its own, since libuv lets go of its handles one turn later. */
struct ipc_client {
	struct ipc_server *server; /* NULL = the server has gone */
	int fd;
	enum ipc_client_state state;
	uint32_t slot, serial;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned open_handles;
	int64_t since_ms;          /* connected */
	enum ipc_dialect dialect;
	enum ipc_method method;
	struct buf in, out;
	size_t written;
	bool at_end;               /* it has said all it will say */
};
struct ipc_server {
	uv_loop_t *loop;
	uv_poll_t poll;
	uv_timer_t retry;          /* no descriptors were left: accept again then */
	unsigned open_handles;
	int fd;
	ipc_request_fn *fn;
	ipc_gone_fn *gone;         /* may be NULL */
	void *ctx;
	struct ipc_client *clients[IPC_CLIENTS_MAX]; /* by slot */
	uint32_t serial;
	bool paused, closed;
};

/* Takes a connected descriptor over; more NULL, or what was read of it already. 0 or -errno (then it is closed). */
int ipc_client_new(struct ipc_server *s, int fd, int64_t since_ms, struct str read_already);
void ipc_client_close(struct ipc_client *c);
/* Starts to write what is in c->out. */
void ipc_client_answer(struct ipc_client *c);
/* Says no and ends; a line of IPC_PASCAL unless its request was understood that far. */
void ipc_client_refuse(struct ipc_client *c, enum ipc_code code, const char *message);
/* Goes on where a pause or a failed hand-over has stopped it. */
void ipc_client_go_on(struct ipc_client *c);
/* The reply as a line in c->out; memory that is out gives one that was made beforehand. */
void ipc_client_encode(struct ipc_client *c, const struct ipc_reply *reply);

#endif
