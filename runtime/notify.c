/* sd_notify(3), the receiving side. */
#include "runtime/notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/words.h"

enum { MESSAGE_MAX = 4096 };

/* The mode goes onto the socket before the name exists: bind takes it from there. */
static int bind_at(int fd, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct stat st;
	size_t len = strlen(path);

	if (len >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, len + 1);
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
	if (fchmod(fd, 0600) || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &(int){ 1 }, sizeof(int)) ||
	    bind(fd, (struct sockaddr *)&to, sizeof(to)))
		return -errno;
	return 0;
}

int notify_open(const char *dir, const char *name, char **ret_path)
{
	char *path = NULL;
	int fd, r;

	if (asprintf(&path, "%s/engine-%s.notify", dir, name) < 0)
		return -ENOMEM;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = fd < 0 ? -errno : bind_at(fd, path);
	if (!r) {
		*ret_path = path;
		return fd;
	}
	free(path);
	if (fd >= 0)
		close(fd);
	return r;
}

static void put_reloading(struct notify_message *m, struct str value)
{
	m->reloading = str_is(value, "1");
}

static void put_ready(struct notify_message *m, struct str value)
{
	m->ready = str_is(value, "1");
}

static void put_time(struct notify_message *m, struct str value)
{
	int64_t n = 0;

	if (!str_int(value, &n) && n > 0)
		m->monotonic_usec = (uint64_t)n;
}

static void put_error(struct notify_message *m, struct str value)
{
	int64_t n = 0;

	m->error = !str_int(value, &n) && n > 0 && n < 4096 ? (int)n : EPROTO;
}

static void put_status(struct notify_message *m, struct str value)
{
	struct str text = words_last(value, 1, NOTIFY_STATUS_BYTES);

	if (text.len)
		memcpy(m->status, text.p, text.len);
	m->status[text.len] = 0;
	words_clean(m->status, text.len);
}

static const struct {
	const char *key;
	void (*put)(struct notify_message *m, struct str value);
} keys[] = {
	{ "RELOADING", put_reloading },
	{ "READY", put_ready },
	{ "MONOTONIC_USEC", put_time },
	{ "ERRNO", put_error },
	{ "STATUS", put_status },
};

static void parse(struct str text, struct notify_message *ret_message)
{
	*ret_message = (struct notify_message){ 0 };
	while (text.len) {
		struct str line = str_cut(&text, '\n'), key = str_cut(&line, '=');

		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (str_is(key, keys[i].key))
				keys[i].put(ret_message, line);
	}
}

/* Room for the credentials alone: descriptors that come along are closed by the kernel. */
static ssize_t receive(int fd, char *text, int *ret_pid)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec part = { text, MESSAGE_MAX };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;
	struct ucred from;

	*ret_pid = 0;
	if (n < 0)
		return -errno;
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&from, CMSG_DATA(c), sizeof(from));
			*ret_pid = from.pid;
		}
	return n;
}

int notify_receive(int fd, int pid, struct notify_message *ret_message)
{
	char text[MESSAGE_MAX];
	int from;
	ssize_t n;

	do
		n = receive(fd, text, &from);
	while (n == -EINTR || (n >= 0 && from != pid));
	if (n < 0)
		return n == -EAGAIN ? 1 : (int)n;
	parse((struct str){ text, (size_t)n }, ret_message);
	return 0;
}
