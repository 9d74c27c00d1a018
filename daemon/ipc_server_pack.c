/* What a daemon gives its successor across exec: the socket that listens, and the clients that have not asked yet.
 *
 *   listen FD
 *   client FD SINCE_MS LENGTH
 *   <what was read of it: LENGTH bytes and a newline> */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ipc_server_impl.h"

static int let_through(int fd, bool through)
{
	return fcntl(fd, F_SETFD, through ? 0 : FD_CLOEXEC) < 0 ? -errno : 0;
}

static int each_fd(struct ipc_server *s, bool through)
{
	int r = let_through(s->fd, through);

	for (size_t i = 0; i < IPC_CLIENTS_MAX; i++)
		if (s->clients[i] && s->clients[i]->state == IPC_CLIENT_READS && !r)
			r = let_through(s->clients[i]->fd, through);
	return r;
}

int ipc_server_pack(struct ipc_server *s, struct buf *out, struct err *e)
{
	int r;

	ipc_server_pause(s);
	buf_printf(out, "listen %d\n", s->fd);
	for (size_t i = 0; i < IPC_CLIENTS_MAX; i++) {
		const struct ipc_client *c = s->clients[i];

		if (!c || c->state != IPC_CLIENT_READS)
			continue;
		buf_printf(out, "client %d %lld %zu\n", c->fd, (long long)c->since_ms, c->in.len);
		buf_add(out, c->in.p, c->in.len);
		buf_putc(out, '\n');
	}
	r = out->failed ? -ENOMEM : each_fd(s, true);
	if (!r)
		return 0;
	each_fd(s, false);
	ipc_server_keep(s);
	return err_sys(e, r, "hand the socket over");
}

void ipc_server_undo_pack(struct ipc_server *s)
{
	each_fd(s, false);
	ipc_server_keep(s);
}

int ipc_server_unpack_line(struct str *text, const char *key, int64_t *ret_numbers, size_t n)
{
	struct str line = str_cut(text, '\n');

	if (!str_is(str_cut(&line, ' '), key))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (str_int(str_cut(&line, ' '), &ret_numbers[i]) || ret_numbers[i] < INT32_MIN)
			return -EINVAL;
	return line.len ? -EINVAL : 0;
}

static int take_client(struct ipc_server *s, struct str *text)
{
	int64_t n[3];

	if (ipc_server_unpack_line(text, "client", n, 3) || n[0] > INT32_MAX || n[2] < 0 || n[2] >= (int64_t)text->len)
		return -EINVAL;
	if (let_through((int)n[0], false))
		return -EINVAL;
	ipc_client_new(s, (int)n[0], n[1], (struct str){ text->p, (size_t)n[2] });
	*text = str_skip(*text, (size_t)n[2] + 1);
	return 0;
}

int ipc_server_unpack(struct ipc_server **ret_server, uv_loop_t *loop, struct str *text, ipc_request_fn *fn, void *ctx,
		      struct err *e)
{
	int64_t fd;
	int r;

	if (ipc_server_unpack_line(text, "listen", &fd, 1) || fd > INT32_MAX || let_through((int)fd, false))
		return err_set(e, -EINVAL, "what the predecessor handed over cannot be read");
	r = ipc_server_new(ret_server, loop, (int)fd, fn, ctx, e);
	while (!r && str_starts(*text, "client "))
		if (take_client(*ret_server, text))
			return err_set(e, -EINVAL, "what the predecessor handed over cannot be read");
	return r;
}
