/* link: lib */
/* What flows of the embedded engine lead to, fast enough for thousands of them: engine_peer prints "TCP UDP" (two ports of
 * 127.0.0.1) and echoes what comes to either until its standard input ends. What a client has not taken yet is kept for it, and
 * no more is read from it meanwhile; its end is answered with ours when everything is out. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BYTES = 64 * 1024, EVENTS = 256, BACKLOG = 4096 };

struct conn {
	int fd;
	char *kept; /* heap; NULL = nothing waits */
	size_t at, len;
};
struct peer {
	int epoll, tcp, udp;
	char bytes[BYTES];
};

static void watch(struct peer *p, int how, int fd, uint32_t events, void *data)
{
	struct epoll_event e = { .events = events, .data.ptr = data };

	epoll_ctl(p->epoll, how, fd, &e);
}

static void drop(struct conn *c)
{
	close(c->fd);
	free(c->kept);
	free(c);
}

/* Whether it is all out. */
static bool send_kept(struct conn *c)
{
	while (c->at < c->len) {
		ssize_t n = send(c->fd, c->kept + c->at, c->len - c->at, MSG_NOSIGNAL);

		if (n < 0)
			return false;
		c->at += (size_t)n;
	}
	free(c->kept);
	c->kept = NULL;
	return true;
}

static void on_room(struct peer *p, struct conn *c)
{
	if (send_kept(c))
		watch(p, EPOLL_CTL_MOD, c->fd, EPOLLIN, c);
	else if (errno != EAGAIN)
		drop(c);
}

static void keep(struct peer *p, struct conn *c, const char *bytes, size_t n)
{
	c->kept = malloc(n);
	if (!c->kept)
		abort();
	memcpy(c->kept, bytes, n);
	c->at = 0;
	c->len = n;
	watch(p, EPOLL_CTL_MOD, c->fd, EPOLLOUT, c);
}

static void on_bytes(struct peer *p, struct conn *c)
{
	ssize_t n = recv(c->fd, p->bytes, sizeof(p->bytes), 0), sent;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		drop(c);
		return;
	}
	sent = send(c->fd, p->bytes, (size_t)n, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		drop(c);
	else if (sent < n)
		keep(p, c, p->bytes + (sent < 0 ? 0 : sent), (size_t)(n - (sent < 0 ? 0 : sent)));
}

static void on_client(struct peer *p)
{
	int fd = accept4(p->tcp, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct conn *c = fd < 0 ? NULL : calloc(1, sizeof(*c));

	if (!c)
		return;
	c->fd = fd;
	watch(p, EPOLL_CTL_ADD, fd, EPOLLIN, c);
}

static void on_datagram(struct peer *p)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(p->udp, p->bytes, sizeof(p->bytes), MSG_DONTWAIT, (struct sockaddr *)&from, &len);

	if (n >= 0)
		sendto(p->udp, p->bytes, (size_t)n, MSG_DONTWAIT, (struct sockaddr *)&from, len);
}

static unsigned open_at(struct peer *p, int type, int *ret_fd)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), room = 4 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, type == SOCK_DGRAM ? sizeof(room) : 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, len) || (type == SOCK_STREAM && listen(fd, BACKLOG)) ||
	    getsockname(fd, (struct sockaddr *)&sa, &len)) {
		perror("engine_peer");
		exit(2);
	}
	watch(p, EPOLL_CTL_ADD, fd, EPOLLIN, ret_fd);
	*ret_fd = fd;
	return ntohs(sa.sin_port);
}

static void on_event(struct peer *p, const struct epoll_event *e)
{
	if (e->data.ptr == &p->tcp)
		on_client(p);
	else if (e->data.ptr == &p->udp)
		on_datagram(p);
	else if (((struct conn *)e->data.ptr)->kept)
		on_room(p, e->data.ptr);
	else
		on_bytes(p, e->data.ptr);
}

int main(void)
{
	static struct peer p;
	struct epoll_event events[EVENTS];
	struct rlimit limit;
	unsigned tcp, udp;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	p.epoll = epoll_create1(EPOLL_CLOEXEC);
	tcp = open_at(&p, SOCK_STREAM, &p.tcp);
	udp = open_at(&p, SOCK_DGRAM, &p.udp);
	printf("%u %u\n", tcp, udp);
	fflush(stdout);
	watch(&p, EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, NULL);
	for (;;) {
		int n = epoll_wait(p.epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (!events[i].data.ptr)
				return 0;
			on_event(&p, &events[i]);
		}
	}
}
