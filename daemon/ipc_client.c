/* One question to the daemon, with poll(2) and deadlines alone. */
#include "daemon/ipc_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 16 * 1024 };

char *ipc_path(struct arena *a, const char *root)
{
	return arena_printf(a, "%s/" IPC_RUNTIME_DIR "/" IPC_SOCKET, root);
}

/* A descriptor, -errno. Paths of sockets are short, so it is named through the directory's descriptor. */
static int open_runtime(const char *root)
{
	char path[4096];
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/" IPC_RUNTIME_DIR, root) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

int ipc_holder(const char *root, bool *ret_held, struct err *e)
{
	int dir = open_runtime(root), r;

	*ret_held = false;
	if (dir == -ENOENT || dir == -ENOTDIR)
		return 0;
	if (dir < 0)
		return err_sys(e, dir, "open '%s/" IPC_RUNTIME_DIR "'", root);
	r = lock_holder(dir, IPC_LOCK, ret_held, e);
	close(dir);
	return r;
}

/* A connected descriptor or -errno. */
static int try_connect(const char *root)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int dir = open_runtime(root), fd, r = 0;

	if (dir < 0)
		return dir;
	snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d/" IPC_SOCKET, dir);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		r = -errno;
	close(dir);
	if (!r)
		return fd;
	if (fd >= 0)
		close(fd);
	return r;
}

/* Nobody there yet, or a queue that is full: worth another try. */
static bool is_worth_waiting(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED || r == -EAGAIN || r == -ENOTDIR;
}

static int connect_to(const struct ipc_call *c)
{
	const struct timespec pause = { .tv_nsec = IPC_TRY_MS * 1000000 };
	unsigned tries = c->tries ? c->tries : IPC_TRIES;
	int fd = try_connect(c->root);

	while (is_worth_waiting(fd) && --tries) {
		nanosleep(&pause, NULL);
		fd = try_connect(c->root);
	}
	return fd;
}

/* 0 or -errno. */
static int wait_for(int fd, short events, int64_t until_ms)
{
	int64_t left;
	int r;

	do {
		left = until_ms - clock_mono_ms();
		r = poll(&(struct pollfd){ .fd = fd, .events = events }, 1, left > 0 ? (int)left : 0);
	} while (r < 0 && errno == EINTR);
	return r > 0 ? 0 : r < 0 ? -errno : -ETIMEDOUT;
}

/* A daemon that refuses at once may stop reading: its reply is read all the same. */
static int send_all(int fd, struct str bytes, int64_t until_ms)
{
	while (bytes.len) {
		ssize_t n = send(fd, bytes.p, bytes.len, MSG_NOSIGNAL);
		int r = 0;

		if (n >= 0)
			bytes = str_skip(bytes, (size_t)n);
		else if (errno == EAGAIN)
			r = wait_for(fd, POLLOUT, until_ms);
		else if (errno == EPIPE)
			return 0;
		else if (errno != EINTR)
			r = -errno;
		if (r)
			return r;
	}
	return 0;
}

/* Until a newline or the end. */
static int receive_line(int fd, struct buf *in, int64_t until_ms)
{
	ssize_t n = 1;
	int r = 0;

	while (!r && n && (!in->len || in->p[in->len - 1] != '\n')) {
		buf_reserve(in, READ_BYTES);
		if (in->failed)
			return -ENOMEM;
		if (in->len > IPC_REPLY_MAX_BYTES)
			return -EMSGSIZE;
		n = recv(fd, in->p + in->len, READ_BYTES, 0);
		if (n < 0 && errno == EAGAIN)
			r = wait_for(fd, POLLIN, until_ms);
		else if (n < 0 && errno != EINTR)
			r = -errno;
		if (n > 0)
			in->len += (size_t)n;
	}
	return r ? r : in->len ? 0 : -ECONNRESET;
}

static int exchange(int fd, const struct ipc_call *c, struct str question, struct buf *in, struct err *e)
{
	int64_t until_ms = clock_mono_ms() + (c->answer_ms ? c->answer_ms : IPC_ANSWER_MS);
	int r = send_all(fd, question, until_ms);

	if (r)
		return err_sys(e, r, "ask the daemon");
	r = receive_line(fd, in, until_ms);
	if (r == -ETIMEDOUT)
		return err_set(e, r, "the daemon did not answer within %u ms", c->answer_ms ? c->answer_ms : IPC_ANSWER_MS);
	if (r == -ECONNRESET)
		return err_set(e, r, "the daemon closed the connection without an answer");
	return r ? err_sys(e, r, "read the daemon's answer") : 0;
}

/* The whole of it without the arena, which may jump. 0, IPC_UNREACHABLE, -errno. */
static int ask(const struct ipc_call *c, struct str question, struct buf *in, struct err *e)
{
	int fd = connect_to(c), r;

	if (is_worth_waiting(fd)) {
		err_set(e, fd, "daemon socket not reachable at %s/" IPC_RUNTIME_DIR "/" IPC_SOCKET, c->root);
		return IPC_UNREACHABLE;
	}
	if (fd < 0)
		return err_sys(e, fd, "connect to '%s/" IPC_RUNTIME_DIR "/" IPC_SOCKET "'", c->root);
	r = exchange(fd, c, question, in, e);
	close(fd);
	return r;
}

int ipc_call(struct arena *a, const struct ipc_call *c, const struct ipc_request *request, struct ipc_reply *ret_reply,
	     struct value *ret_payload, struct err *e)
{
	struct buf question = { 0 }, in = { 0 };
	const char *line;
	size_t len;
	int r;

	ipc_write_request(a, request, &question);
	r = question.failed ? err_sys(e, -ENOMEM, "ask the daemon") :
			      ask(c, (struct str){ question.p, question.len }, &in, e);
	buf_fini(&question);
	len = r ? 0 : in.len;
	line = arena_try_alloc(a, len + 1);
	if (line && len)
		memcpy((char *)line, in.p, len);
	buf_fini(&in);
	if (r)
		return r;
	if (!line)
		return err_sys(e, -ENOMEM, "read the daemon's answer");
	return ipc_read_reply(a, str_trim((struct str){ line, len }), request, ret_reply, ret_payload, e);
}
