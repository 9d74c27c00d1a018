/* Descriptors over the control socket. */
#include "engine/parcel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NAME_BYTES = 4096 };
union control {
	struct cmsghdr head; /* for its alignment */
	char bytes[CMSG_SPACE(PARCEL_MOST * sizeof(int))];
};

int parcel_add(struct parcel *p, const char *kind, const char *name, int fd)
{
	struct buf text = { 0 };
	int r = p->n == PARCEL_MOST ? -E2BIG : 0;

	if (!r) {
		buf_printf(&text, "%s%s%s", kind, *name ? ":" : "", name);
		buf_putc(&text, '\0');
		r = text.failed ? -ENOMEM : 0;
	}
	if (r) {
		buf_fini(&text);
		close(fd);
		return r;
	}
	p->names[p->n] = text.p;
	p->fds[p->n++] = fd;
	return 0;
}

static bool is_named(const char *text, struct str kind, struct str name)
{
	struct str s = str_of(text), first = str_cut(&s, ':');

	return text && str_eq(first, kind) && str_eq(s, name);
}

int parcel_take(struct parcel *p, const char *kind, const char *name)
{
	for (unsigned i = 0; p && i < p->n; i++)
		if (p->fds[i] >= 0 && is_named(p->names[i], str_of(kind), str_of(name))) {
			int fd = p->fds[i];

			p->fds[i] = -1;
			return fd;
		}
	return -ENOENT;
}

void parcel_fini(struct parcel *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		if (p->fds[i] >= 0)
			close(p->fds[i]);
		free(p->names[i]);
	}
	p->n = 0;
}

int parcel_name(struct parcel *p, const struct value *given)
{
	unsigned n = given && given->kind == VAL_ARRAY ? given->n : 0;

	if (n != p->n || (given && given->kind != VAL_ARRAY))
		return -EINVAL;
	for (unsigned i = 0; i < n; i++) {
		const struct value *v = &given->items[i];

		if (v->kind != VAL_STRING || v->len >= NAME_BYTES)
			return -EINVAL;
		p->names[i] = strndup(v->text, v->len);
		if (!p->names[i])
			return -ENOMEM;
	}
	return 0;
}

/* --- the wire --- */
static void put_in(struct parcel *p, const struct cmsghdr *c)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
		if (p->n == PARCEL_MOST) {
			close(fd);
			continue;
		}
		p->names[p->n] = NULL;
		p->fds[p->n++] = fd;
	}
}

ssize_t parcel_recv(struct parcel *p, int fd, void *bytes, size_t len)
{
	union control control;
	struct iovec iov = { bytes, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			put_in(p, c);
	return n;
}

static int write_line(const struct parcel *p, struct buf *line)
{
	struct arena *a = arena_new();
	struct value request = value_object(SPAN_NONE), given = value_array(SPAN_NONE);
	jmp_buf oom;

	if (!a || setjmp(oom)) {
		arena_free(a);
		return -ENOMEM;
	}
	arena_on_oom(a, &oom);
	for (unsigned i = 0; i < p->n; i++)
		value_push(a, &given, value_string(arena_strdup(a, p->names[i]), SPAN_NONE));
	value_put_str(a, &request, "command", "reload");
	value_put(a, &request, "given", given);
	json_write_compact(line, &request);
	buf_putc(line, '\n');
	arena_free(a);
	return line->failed ? -ENOMEM : 0;
}

/* The descriptors go with the first byte. */
static ssize_t send_some(const struct parcel *p, int fd, char *bytes, size_t len, bool with_fds)
{
	union control control = { .bytes = { 0 } };
	struct iovec iov = { bytes, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (with_fds && p->n) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(p->n * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(p->n * sizeof(int)) };
		memcpy(CMSG_DATA(c), p->fds, p->n * sizeof(int));
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

int parcel_send(const struct parcel *p, int fd)
{
	struct buf line = { 0 };
	size_t done = 0;
	int r = write_line(p, &line);

	while (!r && done < line.len) {
		ssize_t n = send_some(p, fd, line.p + done, line.len - done, !done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = -errno;
		else
			done += (size_t)n;
	}
	buf_fini(&line);
	return r;
}
