/* A TCP connection to a node, with a limit that holds for the name's resolution too. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/lookup.h"
#include "daemon/trial_impl.h"

enum { LOOK_MS = 50 };

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
static int connect_any(const struct addrinfo *found, int64_t end_ms, const atomic_bool *stop)
{
	int64_t n = 0;
	int r = -ETIMEDOUT;

	for (const struct addrinfo *at = found; at; at = at->ai_next)
		n++;
	for (const struct addrinfo *at = found; at; at = at->ai_next, n--) {
		r = connect_to(at, clock_mono_ms() + left_of(end_ms) / n, stop);
		if (!r || r == -ECANCELED)
			return r;
	}
	return r;
}

static int run(const struct lookup *l, const struct trial_way *way, struct trial_connected *ret)
{
	int64_t end_ms = clock_mono_ms() + way->limit_ms, begin_ms;
	const struct addrinfo *found = NULL;
	int r = wait_for(lookup_fd(l), POLLIN, end_ms, way->stop), result = r ? 0 : lookup_result(l, &found);

	if (r == -ECANCELED)
		return r;
	if (r || result) {
		ret->failure = STORE_F_DNS;
		snprintf(ret->reason, sizeof(ret->reason), "the name of the server cannot be resolved: %s",
			 r ? strerrordesc_np(-r) : gai_strerror(result));
		return 0;
	}
	begin_ms = clock_mono_ms();
	r = connect_any(found, end_ms, way->stop);
	ret->ms = clock_mono_ms() - begin_ms;
	ret->ms = ret->ms ? ret->ms : 1;
	if (r && r != -ECANCELED)
		explain(ret, r, way->limit_ms);
	return r == -ECANCELED ? r : 0;
}

int trial_connect(const struct trial_way *way, struct trial_connected *ret)
{
	struct lookup *l = NULL;
	int r = lookup_begin(way->host, (unsigned)way->port, &l);

	*ret = (struct trial_connected){ 0 };
	if (r) {
		explain(ret, r, way->limit_ms);
		return 0;
	}
	r = run(l, way, ret);
	lookup_drop(l);
	return r;
}
