/* One client of the socket: reads a line, hands it over, writes a line, ends. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <string.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/ipc_server_impl.h"

enum { READ_BYTES = 16 * 1024, READS_A_TURN = 8 };

static void on_ready(uv_poll_t *poll, int status, int events);

/* --- its end --- */
static void on_handle_closed(uv_handle_t *handle)
{
	struct ipc_client *c = handle->data;

	if (--c->open_handles)
		return;
	close(c->fd); /* not before: libuv forgets a descriptor only by its number */
	buf_fini(&c->in);
	buf_fini(&c->out);
	free(c);
}

void ipc_client_close(struct ipc_client *c)
{
	if (c->state == IPC_CLIENT_CLOSING)
		return;
	c->state = IPC_CLIENT_CLOSING;
	c->server->clients[c->slot] = NULL;
	c->server = NULL;
	shutdown(c->fd, SHUT_RDWR);
	uv_close((uv_handle_t *)&c->poll, on_handle_closed);
	uv_close((uv_handle_t *)&c->timer, on_handle_closed);
}

static void on_late(uv_timer_t *timer)
{
	struct ipc_client *c = timer->data;

	if (c->state == IPC_CLIENT_READS)
		ipc_client_refuse(c, IPC_BAD_REQUEST, "no complete request came within 5 seconds");
	else
		ipc_client_close(c);
}

/* --- writing --- */
/* What it still sends is read, or the kernel would take the reply back from it. */
static void linger(struct ipc_client *c)
{
	c->state = IPC_CLIENT_LINGERS;
	shutdown(c->fd, SHUT_WR);
	if (c->at_end)
		ipc_client_close(c);
	else
		uv_poll_start(&c->poll, UV_READABLE, on_ready);
}

static void write_more(struct ipc_client *c)
{
	while (c->written < c->out.len) {
		ssize_t n = send(c->fd, c->out.p + c->written, c->out.len - c->written, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			uv_poll_start(&c->poll, UV_WRITABLE, on_ready);
			return;
		}
		if (n < 0) {
			ipc_client_close(c);
			return;
		}
		c->written += (size_t)n;
	}
	linger(c);
}

void ipc_client_answer(struct ipc_client *c)
{
	c->state = IPC_CLIENT_WRITES;
	uv_timer_start(&c->timer, on_late, IPC_WRITE_MS, 0);
	write_more(c);
}

void ipc_client_encode(struct ipc_client *c, const struct ipc_reply *reply)
{
	static const char *const no_memory[IPC_DIALECT__N] = {
		[IPC_PASCAL] = "{\"protocol_version\":1,\"ok\":false,\"code\":500,\"reason\":\"system\",\"message\":"
			       "\"out of memory\",\"payload\":null}\n",
		[IPC_SNAKE] = "{\"protocol_version\":1,\"ok\":false,\"code\":\"internal_error\",\"reason\":\"system\","
			      "\"message\":\"out of memory\",\"payload\":null}\n",
	};
	struct arena *volatile a = arena_new();
	jmp_buf oom;

	if (!a || setjmp(oom)) {
		c->out.failed = true;
	} else {
		arena_on_oom(a, &oom);
		ipc_write_reply(a, c->dialect, c->method, reply, &c->out);
	}
	arena_free(a);
	if (!c->out.failed && c->out.len <= IPC_REPLY_MAX_BYTES)
		return;
	buf_fini(&c->out);
	buf_puts(&c->out, no_memory[c->dialect]);
}

void ipc_client_refuse(struct ipc_client *c, enum ipc_code code, const char *message)
{
	const struct ipc_reply reply = { .code = code, .message = message };

	ipc_client_encode(c, &reply);
	ipc_client_answer(c);
}

/* --- reading --- */
static void hand_over(struct ipc_client *c, struct arena *a, struct str line)
{
	const struct ipc_token token = { c->slot, c->serial };
	struct ipc_request request;
	struct ipc_reply refusal;

	if (ipc_read_request(a, line, &request, &refusal)) {
		c->dialect = request.dialect;
		ipc_client_encode(c, &refusal);
		ipc_client_answer(c);
		return;
	}
	c->dialect = request.dialect;
	c->method = request.method;
	c->state = IPC_CLIENT_WAITS;
	if (c->at_end)
		uv_poll_stop(&c->poll);
	else
		uv_poll_start(&c->poll, UV_DISCONNECT, on_ready);
	uv_timer_stop(&c->timer);
	c->server->fn(c->server->ctx, &request, token);
}

/* A line has come, or all that will ever come. */
static void take_request(struct ipc_client *c, size_t len)
{
	struct arena *volatile a = arena_new();
	jmp_buf oom;

	if (a && !setjmp(oom)) {
		arena_on_oom(a, &oom);
		hand_over(c, a, (struct str){ c->in.p ? c->in.p : "", len });
	} else if (c->state == IPC_CLIENT_READS || c->state == IPC_CLIENT_WAITS) {
		ipc_client_refuse(c, IPC_INTERNAL, "out of memory");
	}
	arena_free(a);
}

/* Whether the request was complete, or is known to be none. */
static bool look(struct ipc_client *c, size_t looked_at)
{
	char *end = c->in.p ? memchr(c->in.p + looked_at, '\n', c->in.len - looked_at) : NULL;
	size_t len = end ? (size_t)(end - c->in.p) : c->in.len;

	if (len > IPC_REQUEST_MAX_BYTES)
		ipc_client_refuse(c, IPC_BAD_REQUEST, "bad request: it is longer than 65536 bytes");
	else if (end || c->at_end)
		take_request(c, len);
	else
		return false;
	return true;
}

static void read_more(struct ipc_client *c)
{
	size_t before = c->in.len;
	ssize_t n;

	buf_reserve(&c->in, READ_BYTES);
	if (c->in.failed) {
		ipc_client_refuse(c, IPC_INTERNAL, "out of memory");
		return;
	}
	n = recv(c->fd, c->in.p + c->in.len, READ_BYTES, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		ipc_client_close(c);
		return;
	}
	c->at_end = !n;
	c->in.len += (size_t)n;
	look(c, before);
}

/* A little at a time, so that one who never stops does not keep the others waiting. */
static void throw_away(struct ipc_client *c)
{
	char bytes[READ_BYTES];
	ssize_t n = 1;

	for (int i = 0; n > 0 && i < READS_A_TURN; i++)
		n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
		ipc_client_close(c);
}

/* It has closed its end, or the sending half of it: that one still reads. */
static void look_after(struct ipc_client *c)
{
	struct ipc_server *s = c->server;
	const struct ipc_token token = { c->slot, c->serial };
	struct pollfd p = { .fd = c->fd };

	if (poll(&p, 1, 0) < 1 || !(p.revents & (POLLHUP | POLLERR))) {
		uv_poll_stop(&c->poll);
		return;
	}
	ipc_client_close(c);
	if (s->gone)
		s->gone(s->ctx, token);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct ipc_client *c = poll->data;

	(void)events;
	if (c->state == IPC_CLIENT_WAITS)
		look_after(c);
	else if (status < 0)
		ipc_client_close(c);
	else if (c->state == IPC_CLIENT_READS)
		read_more(c);
	else if (c->state == IPC_CLIENT_WRITES)
		write_more(c);
	else if (c->state == IPC_CLIENT_LINGERS)
		throw_away(c);
}

/* --- its beginning --- */
void ipc_client_go_on(struct ipc_client *c)
{
	int64_t left = c->since_ms + IPC_REQUEST_MS - clock_mono_ms();

	if (c->state != IPC_CLIENT_READS)
		return;
	uv_timer_start(&c->timer, on_late, left > 0 ? (uint64_t)left : 0, 0);
	uv_poll_start(&c->poll, UV_READABLE, on_ready);
}

static int init_handles(struct ipc_client *c)
{
	int r = uv_poll_init(c->server->loop, &c->poll, c->fd);

	if (r < 0)
		return r;
	uv_timer_init(c->server->loop, &c->timer);
	c->poll.data = c->timer.data = c;
	c->open_handles = 2;
	return 0;
}

int ipc_client_new(struct ipc_server *s, int fd, int64_t since_ms, struct str read_already)
{
	struct ipc_client *c = calloc(1, sizeof(*c));
	uint32_t slot = 0;
	int r = -ENOMEM;

	while (slot < IPC_CLIENTS_MAX && s->clients[slot])
		slot++;
	if (!c || slot == IPC_CLIENTS_MAX)
		goto fail;
	*c = (struct ipc_client){ .server = s, .fd = fd, .slot = slot, .serial = ++s->serial, .since_ms = since_ms,
				  .method = IPC_DAEMON_PING };
	buf_add(&c->in, read_already.p, read_already.len);
	r = c->in.failed ? -ENOMEM : init_handles(c);
	if (r)
		goto fail;
	s->clients[slot] = c;
	if (!s->paused)
		ipc_client_go_on(c);
	return 0;
fail:
	if (c)
		buf_fini(&c->in);
	free(c);
	close(fd);
	return r;
}
