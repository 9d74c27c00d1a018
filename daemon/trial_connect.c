/* A TCP connection to a node, with a limit that holds for the name's resolution too. getaddrinfo cannot be stopped, so it
 * runs in a thread that is left behind when the time is over. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/trial_impl.h"

enum { LOOK_MS = 50 };

struct lookup {
	atomic_uint users; /* who asked, and the thread: the last one frees */
	int done_fd;       /* wakes who asked */
	atomic_bool done;  /* result and found are theirs */
	int result;        /* of getaddrinfo */
	struct addrinfo *found;
	char port[8];
	char host[];
};

static void lookup_drop(struct lookup *l)
{
	if (atomic_fetch_sub(&l->users, 1) != 1)
		return;
	if (l->found)
		freeaddrinfo(l->found);
	close(l->done_fd);
	free(l);
}

static void *lookup_run(void *data)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct lookup *l = data;

	l->result = getaddrinfo(l->host, l->port, &hints, &l->found);
	atomic_store(&l->done, true);
	eventfd_write(l->done_fd, 1);
	lookup_drop(l);
	return NULL;
}

static struct lookup *lookup_new(const char *host, int port)
{
	size_t len = strlen(host);
	struct lookup *l = calloc(1, sizeof(*l) + len + 1);

	if (!l)
		return NULL;
	memcpy(l->host, host, len);
	if (host[0] == '[' && len > 1 && host[len - 1] == ']') { /* as URLs write IPv6 */
		memcpy(l->host, host + 1, len - 2);
		l->host[len - 2] = 0;
	}
	snprintf(l->port, sizeof(l->port), "%u", (unsigned)port & 0xffff);
	atomic_init(&l->users, 1);
	l->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->done_fd >= 0)
		return l;
	free(l);
	return NULL;
}

static int64_t left_of(int64_t end_ms)
{
	int64_t left = end_ms - clock_mono_ms();

	return left < 0 ? 0 : left;
}

/* 0: ready; -ETIMEDOUT; -ECANCELED. */
static int wait_for(int fd, short events, int64_t end_ms, const atomic_bool *stop)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		int64_t left = left_of(end_ms);

		if (atomic_load(stop))
			return -ECANCELED;
		if (poll(&p, 1, (int)(left < LOOK_MS ? left : LOOK_MS)) > 0)
			return 0;
		if (!left)
			return -ETIMEDOUT;
	}
}

static int in_thread(struct lookup *l, int64_t end_ms, const atomic_bool *stop)
{
	pthread_t thread;
	int r;

	atomic_store(&l->users, 2);
	r = pthread_create(&thread, NULL, lookup_run, l);
	if (r) {
		atomic_store(&l->users, 1);
		return -r;
	}
	pthread_detach(thread);
	r = wait_for(l->done_fd, POLLIN, end_ms, stop);
	return r || atomic_load(&l->done) ? r : -EIO;
}

/* An address needs no resolver. 0 with l->result, -ETIMEDOUT, -ECANCELED, -errno. */
static int resolve(struct lookup *l, int64_t end_ms, const atomic_bool *stop)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };

	if (!getaddrinfo(l->host, l->port, &hints, &l->found))
		return 0;
	return in_thread(l, end_ms, stop);
}

static int connect_to(const struct addrinfo *at, int64_t end_ms, const atomic_bool *stop)
{
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r = 0;
	socklen_t len = sizeof(r);

	if (fd < 0)
		return -errno;
	if (connect(fd, at->ai_addr, at->ai_addrlen) < 0)
		r = errno == EINPROGRESS ? wait_for(fd, POLLOUT, end_ms, stop) : -errno;
	if (!r && !getsockopt(fd, SOL_SOCKET, SO_ERROR, &r, &len))
		r = -r;
	close(fd);
	return r;
}

static const struct { int code; enum store_failure failure; } kinds[] = {
	{ ECONNREFUSED, STORE_F_REFUSED },       { ETIMEDOUT, STORE_F_TIMEOUT },
	{ ENETUNREACH, STORE_F_UNREACHABLE },    { EHOSTUNREACH, STORE_F_UNREACHABLE },
	{ ENETDOWN, STORE_F_UNREACHABLE },       { EADDRNOTAVAIL, STORE_F_UNREACHABLE },
	{ EACCES, STORE_F_PERMISSION_DENIED },   { EPERM, STORE_F_PERMISSION_DENIED },
};

static void explain(struct trial_connected *ret, int r, unsigned limit_ms)
{
	ret->failure = STORE_F_UNKNOWN;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i].code == -r)
			ret->failure = kinds[i].failure;
	if (r == -ETIMEDOUT)
		snprintf(ret->reason, sizeof(ret->reason), "no connection within %u ms", limit_ms);
	else
		snprintf(ret->reason, sizeof(ret->reason), "connect: %s", strerrordesc_np(-r));
}

/* The addresses one after the other, each with a fair part of what is left. */
static int connect_any(const struct lookup *l, int64_t end_ms, const atomic_bool *stop)
{
	int64_t n = 0;
	int r = -ETIMEDOUT;

	for (const struct addrinfo *at = l->found; at; at = at->ai_next)
		n++;
	for (const struct addrinfo *at = l->found; at; at = at->ai_next, n--) {
		r = connect_to(at, clock_mono_ms() + left_of(end_ms) / n, stop);
		if (!r || r == -ECANCELED)
			return r;
	}
	return r;
}

static int run(struct lookup *l, const struct trial_way *way, struct trial_connected *ret)
{
	int64_t end_ms = clock_mono_ms() + way->limit_ms, begin_ms;
	int r = resolve(l, end_ms, way->stop);

	if (r == -ECANCELED)
		return r;
	if (r || l->result) {
		ret->failure = r == -ETIMEDOUT || l->result ? STORE_F_DNS : STORE_F_UNKNOWN;
		snprintf(ret->reason, sizeof(ret->reason), "the name of the server cannot be resolved: %s",
			 r ? strerrordesc_np(-r) : gai_strerror(l->result));
		return 0;
	}
	begin_ms = clock_mono_ms();
	r = connect_any(l, end_ms, way->stop);
	ret->ms = clock_mono_ms() - begin_ms;
	ret->ms = ret->ms ? ret->ms : 1;
	if (r && r != -ECANCELED)
		explain(ret, r, way->limit_ms);
	return r == -ECANCELED ? r : 0;
}

int trial_connect(const struct trial_way *way, struct trial_connected *ret)
{
	struct lookup *l = lookup_new(way->host, way->port);
	int r;

	*ret = (struct trial_connected){ 0 };
	if (!l) {
		explain(ret, -ENOMEM, way->limit_ms);
		return 0;
	}
	r = run(l, way, ret);
	lookup_drop(l);
	return r;
}
