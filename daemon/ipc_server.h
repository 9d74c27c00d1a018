#ifndef XRAT_DAEMON_IPC_SERVER_H
#define XRAT_DAEMON_IPC_SERVER_H
/* The daemon's socket on the loop. A client says one line and is told one line; nobody waits for anybody else. Its limits:
 * a request is at most 64 KiB and complete within 5 s (a newline or the end of the stream ends it); a reply is read within 5 s; 64
 * clients at a time, and where they are that many, the one that has been silent longest goes. Who is refused is told why
 * (IPC_PASCAL) where the kernel takes it at once. Other users are closed without a word.
 *
 * Of those 64 at most 48 may wait for something that takes its time (handlers.c), so that there is always room to ask how
 * things stand.
 *
 * A request is handed over with a token. Whoever has it answers with ipc_answer, in the call or any time later; when the
 * client has gone meanwhile, the answer is dropped. Every token must be answered exactly once, or its client waits. */
#include <uv.h>

#include "daemon/ipc.h"

enum { IPC_CLIENTS_MAX = 64, IPC_WAITING_MAX = 48, IPC_REQUEST_MS = 5000, IPC_WRITE_MS = 5000 };
struct ipc_token {
	uint32_t slot, serial;
};
struct ipc_server;
/* The request's texts live for the call alone. */
typedef void ipc_request_fn(void *ctx, const struct ipc_request *request, struct ipc_token token);

/* A client whose request was handed over has gone before its answer. One that has closed its sending half alone is there. */
typedef void ipc_gone_fn(void *ctx, struct ipc_token token);

/* A socket that listens: made below dir_fd as "daemon.sock", mode 0600, through /proc/self/fd, replacing what a dead
 * daemon left (the caller holds daemon.lock). Close-on-exec. A descriptor or -errno. */
int ipc_listen(int dir_fd, struct err *e);
/* Serves it; listen_fd is taken over (also on failure). 0 or -errno. */
int ipc_server_new(struct ipc_server **ret_server, uv_loop_t *loop, int listen_fd, ipc_request_fn *fn, void *ctx,
		   struct err *e);
/* fn gets the ctx of the requests; nobody is told before it is set. */
void ipc_server_on_gone(struct ipc_server *s, ipc_gone_fn *fn);
/* Copies the reply. Unknown and stale tokens are fine. */
void ipc_answer(struct ipc_server *s, struct ipc_token token, const struct ipc_reply *reply);
/* The same with a code and a line alone; the reason is what the code means without more. */
void ipc_refuse(struct ipc_server *s, struct ipc_token token, enum ipc_code code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void ipc_refuse_because(struct ipc_server *s, struct ipc_token token, enum ipc_code code, enum ipc_reason reason,
			const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Requests that were handed over and have no answer yet. */
unsigned ipc_server_waiting(const struct ipc_server *s);
/* Refuses those all, for the end. */
void ipc_server_dismiss(struct ipc_server *s, const char *message);
/* Whether replies are still on their way out. */
bool ipc_server_writing(const struct ipc_server *s);
/* No new clients, and no new requests of those that are there; replies still go out. Until ipc_server_keep. */
void ipc_server_pause(struct ipc_server *s);
void ipc_server_keep(struct ipc_server *s);
/* Ends all of it; the loop must turn once more. NULL is fine. */
void ipc_server_close(struct ipc_server *s);

/* --- being replaced by our own successor: clients that have said nothing or half a line go along --- */
/* Pauses, writes what a successor needs, and lets the descriptors through the next exec. When that exec fails,
 * ipc_server_undo_pack makes it as if nothing had been. 0 or -errno (undone already). */
int ipc_server_pack(struct ipc_server *s, struct buf *out, struct err *e);
void ipc_server_undo_pack(struct ipc_server *s);
/* One line of it, cut off *text: the key and n numbers behind it. 0 or -EINVAL. */
int ipc_server_unpack_line(struct str *text, const char *key, int64_t *ret_numbers, size_t n);
/* In the successor: *text is what ipc_server_pack wrote, moved behind it. 0 or -errno. */
int ipc_server_unpack(struct ipc_server **ret_server, uv_loop_t *loop, struct str *text, ipc_request_fn *fn, void *ctx,
		      struct err *e);

#endif
