/* The daemon's socket: who may come in, and how many. */
#include "daemon/ipc_server_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/ipc_client.h"

enum { BACKLOG = 256, ACCEPTS_A_TURN = 32, RETRY_MS = 100 };

/* --- the socket --- */
/* A long root does not fit into an address, /proc/self/fd/N always does. */
static int bind_at(int fd, int dir_fd)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/" IPC_SOCKET, dir_fd);
	/* The name gets the descriptor's mode, less the umask: no instant with another one, and other threads keep theirs. */
	if (fchmod(fd, 0600) < 0)
		return -errno;
	return bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ? -errno : 0;
}

int ipc_listen(int dir_fd, struct err *e)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	if (fd < 0)
		return err_sys(e, -errno, "make the socket");
	r = unlinkat(dir_fd, IPC_SOCKET, 0) < 0 && errno != ENOENT ? -errno : bind_at(fd, dir_fd);
	if (!r && listen(fd, BACKLOG) < 0)
		r = -errno;
	if (!r)
		return fd;
	close(fd);
	return err_sys(e, r, "listen on '" IPC_RUNTIME_DIR "/" IPC_SOCKET "'");
}

/* --- clients that come --- */
static bool is_welcome(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && (peer.uid == geteuid() || !peer.uid);
}

/* The one that has been silent longest, NULL when all have asked something. */
static struct ipc_client *oldest_idle(const struct ipc_server *s)
{
	struct ipc_client *oldest = NULL;

	for (size_t i = 0; i < IPC_CLIENTS_MAX; i++) {
		struct ipc_client *c = s->clients[i];

		if (c && (c->state == IPC_CLIENT_READS || c->state == IPC_CLIENT_LINGERS) &&
		    (!oldest || c->since_ms < oldest->since_ms || (c->since_ms == oldest->since_ms && c->serial < oldest->serial)))
			oldest = c;
	}
	return oldest;
}

static bool is_full(const struct ipc_server *s)
{
	for (size_t i = 0; i < IPC_CLIENTS_MAX; i++)
		if (!s->clients[i])
			return false;
	return true;
}

/* As much as the kernel takes at once. */
static void say_busy(int fd)
{
	static const char text[] = "{\"protocol_version\":1,\"ok\":false,\"code\":409,\"reason\":\"busy\","
				   "\"message\":\"too many clients\",\"payload\":null}\n";

	(void)!send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool make_room(struct ipc_server *s)
{
	struct ipc_client *c = oldest_idle(s);

	if (!c)
		return false;
	if (c->state == IPC_CLIENT_READS)
		say_busy(c->fd);
	ipc_client_close(c);
	return true;
}

static void welcome(struct ipc_server *s, int fd)
{
	if (!is_welcome(fd)) {
		close(fd);
	} else if (is_full(s) && !make_room(s)) {
		say_busy(fd);
		close(fd);
	} else {
		ipc_client_new(s, fd, clock_mono_ms(), str_of(NULL));
	}
}

static void on_connection(uv_poll_t *poll, int status, int events);

static void on_retry(uv_timer_t *timer)
{
	struct ipc_server *s = timer->data;

	if (!s->paused && !s->closed)
		uv_poll_start(&s->poll, UV_READABLE, on_connection);
}

/* Without descriptors the one that waits can neither be taken nor sent away. */
static void on_exhausted(struct ipc_server *s)
{
	make_room(s); /* its descriptor is free when the loop has turned */
	uv_poll_stop(&s->poll);
	uv_timer_start(&s->retry, on_retry, RETRY_MS, 0);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct ipc_server *s = poll->data;
	int fd = 0;

	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
			break;
		if (fd >= 0)
			welcome(s, fd);
	}
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
		on_exhausted(s);
}

/* --- answers --- */
static struct ipc_client *find(struct ipc_server *s, struct ipc_token t)
{
	struct ipc_client *c = t.slot < IPC_CLIENTS_MAX ? s->clients[t.slot] : NULL;

	return c && c->serial == t.serial && c->state == IPC_CLIENT_WAITS ? c : NULL;
}

void ipc_server_on_gone(struct ipc_server *s, ipc_gone_fn *fn)
{
	s->gone = fn;
}

void ipc_answer(struct ipc_server *s, struct ipc_token token, const struct ipc_reply *reply)
{
	struct ipc_client *c = s ? find(s, token) : NULL;

	if (!c)
		return;
	ipc_client_encode(c, reply);
	ipc_client_answer(c);
}

static void refuse(struct ipc_server *s, struct ipc_token token, struct ipc_reply reply, const char *fmt, va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) >= 0)
		reply.message = text;
	ipc_answer(s, token, &reply);
	free(text);
}

void ipc_refuse(struct ipc_server *s, struct ipc_token token, enum ipc_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	refuse(s, token, (struct ipc_reply){ .code = code }, fmt, ap);
	va_end(ap);
}

void ipc_refuse_because(struct ipc_server *s, struct ipc_token token, enum ipc_code code, enum ipc_reason reason,
			const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	refuse(s, token, (struct ipc_reply){ .code = code, .reason = reason }, fmt, ap);
	va_end(ap);
}

static unsigned count(const struct ipc_server *s, enum ipc_client_state state)
{
	unsigned n = 0;

	for (size_t i = 0; i < IPC_CLIENTS_MAX; i++)
		n += s->clients[i] && s->clients[i]->state == state;
	return n;
}

unsigned ipc_server_waiting(const struct ipc_server *s)
{
	return count(s, IPC_CLIENT_WAITS);
}

void ipc_server_dismiss(struct ipc_server *s, const char *message)
{
	const struct ipc_reply reply = { .code = IPC_BUSY, .reason = IPC_REASON_STOPPING, .message = message };

	for (size_t i = 0; i < IPC_CLIENTS_MAX; i++)
		if (s->clients[i] && s->clients[i]->state == IPC_CLIENT_WAITS) {
			ipc_client_encode(s->clients[i], &reply);
			ipc_client_answer(s->clients[i]);
		}
}

bool ipc_server_writing(const struct ipc_server *s)
{
	return count(s, IPC_CLIENT_WRITES) != 0;
}

/* --- its life --- */
int ipc_server_new(struct ipc_server **ret_server, uv_loop_t *loop, int listen_fd, ipc_request_fn *fn, void *ctx,
		   struct err *e)
{
	struct ipc_server *s = calloc(1, sizeof(*s));
	int r = -ENOMEM;

	if (s) {
		*s = (struct ipc_server){ .loop = loop, .fd = listen_fd, .fn = fn, .ctx = ctx };
		r = uv_poll_init(loop, &s->poll, listen_fd);
	}
	if (r) {
		free(s);
		close(listen_fd);
		return err_sys(e, r, "serve the socket");
	}
	uv_timer_init(loop, &s->retry);
	s->open_handles = 2;
	s->poll.data = s->retry.data = s;
	uv_poll_start(&s->poll, UV_READABLE, on_connection);
	*ret_server = s;
	return 0;
}

void ipc_server_pause(struct ipc_server *s)
{
	s->paused = true;
	uv_poll_stop(&s->poll);
	uv_timer_stop(&s->retry);
	for (size_t i = 0; i < IPC_CLIENTS_MAX; i++)
		if (s->clients[i] && s->clients[i]->state == IPC_CLIENT_READS) {
			uv_poll_stop(&s->clients[i]->poll);
			uv_timer_stop(&s->clients[i]->timer);
		}
}

void ipc_server_keep(struct ipc_server *s)
{
	s->paused = false;
	uv_poll_start(&s->poll, UV_READABLE, on_connection);
	for (size_t i = 0; i < IPC_CLIENTS_MAX; i++)
		if (s->clients[i])
			ipc_client_go_on(s->clients[i]);
}

static void on_closed(uv_handle_t *handle)
{
	struct ipc_server *s = handle->data;

	if (--s->open_handles)
		return;
	close(s->fd);
	free(s);
}

void ipc_server_close(struct ipc_server *s)
{
	if (!s || s->closed)
		return;
	s->closed = true;
	for (size_t i = 0; i < IPC_CLIENTS_MAX; i++)
		if (s->clients[i])
			ipc_client_close(s->clients[i]);
	uv_close((uv_handle_t *)&s->poll, on_closed);
	uv_close((uv_handle_t *)&s->retry, on_closed);
}
