/* Sockets with options. */
#include "engine/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mptcp.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096, KEEP_ALIVE_S = 45 };

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int af_of(unsigned family)
{
	return family == ADDR_V6 ? AF_INET6 : AF_INET;
}

/* --- options of a configuration: what was asked for and cannot be had is an error --- */
static int set_keep_alive(int fd, const struct sockopt *o)
{
	int idle = o->keep_alive_idle_s ? o->keep_alive_idle_s : KEEP_ALIVE_S;
	int interval = o->keep_alive_interval_s ? o->keep_alive_interval_s : KEEP_ALIVE_S;
	int r;

	if (idle < 0 || interval < 0)
		return 0;
	r = set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	if (!r)
		r = set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle);
	return r ? r : set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
}

static int set_any(int fd, const struct sockopt *o)
{
	int r = o->has_mark ? set_int(fd, SOL_SOCKET, SO_MARK, (int)o->mark) : 0;

	if (!r && o->interface)
		r = setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->interface, (socklen_t)strlen(o->interface)) < 0 ?
			-errno : 0;
	return r;
}

static int set_tcp(int fd, const struct sockopt *o)
{
	int r = set_any(fd, o);

	if (!r && o->congestion)
		r = setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, o->congestion, (socklen_t)strlen(o->congestion)) < 0 ?
			-errno : 0;
	if (!r && o->user_timeout_ms)
		r = set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)o->user_timeout_ms);
	if (!r && o->max_seg)
		r = set_int(fd, IPPROTO_TCP, TCP_MAXSEG, (int)o->max_seg);
	if (!r && o->window_clamp)
		r = set_int(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, (int)o->window_clamp);
	return r;
}

static int fail(int fd, int r)
{
	close(fd);
	return r;
}

int sock_tcp(unsigned family, const struct sockopt *o, const struct route_ip *send_through)
{
	int fd = socket(af_of(family), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, o->mptcp ? IPPROTO_MPTCP : 0), r;
	struct sockaddr_storage sa;
	struct addr from;

	if (fd < 0)
		return -errno;
	r = set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (!r)
		r = set_keep_alive(fd, o);
	if (!r)
		r = set_tcp(fd, o);
	if (!r && o->tcp_fast_open > 0)
		set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1); /* without it the connection is only slower */
	if (!r && send_through->family == family) {
		addr_set_ip(&from, send_through, 0);
		set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		if (bind(fd, (struct sockaddr *)&sa, addr_to_sockaddr(&from, &sa)) < 0)
			r = -errno;
	}
	return r ? fail(fd, r) : fd;
}

static int set_transparent(int fd, unsigned family)
{
	int r = set_int(fd, SOL_IP, IP_TRANSPARENT, 1);

	return r || family != ADDR_V6 ? r : set_int(fd, SOL_IPV6, IPV6_TRANSPARENT, 1);
}

static int bind_to(int fd, const struct addr *at, const struct sockopt *o, enum sock_share share)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(at, &sa);
	int r = share == SOCK_MORE ? set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) : 0;

	if (!r && at->family == ADDR_V6)
		r = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, o->v6only);
	if (!r && o->transparent)
		r = set_transparent(fd, at->family);
	if (!r && bind(fd, (struct sockaddr *)&sa, len) < 0)
		r = -errno;
	return r || share != SOCK_FIRST ? r : set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
}

/* Any address means both families; where there is no IPv6 it is IPv4's alone. */
static int socket_at(struct addr *at, const struct sockopt *o, int type)
{
	static const uint8_t any[16] = { 0 };
	int protocol = type == SOCK_STREAM && o->mptcp ? IPPROTO_MPTCP : 0;
	int fd = socket(af_of(at->family), type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

	if (fd >= 0 || errno != EAFNOSUPPORT || o->v6only || at->family != ADDR_V6 || memcmp(at->ip, any, sizeof(any)) != 0)
		return fd < 0 ? -errno : fd;
	at->family = ADDR_V4;
	fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	return fd < 0 ? -errno : fd;
}

int sock_listen(const struct addr *where, const struct sockopt *o, enum sock_share share)
{
	struct addr here = *where, *at = &here;
	int fd = socket_at(at, o, SOCK_STREAM), r;

	if (fd < 0)
		return fd;
	r = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!r)
		r = set_keep_alive(fd, o);
	if (!r)
		r = set_tcp(fd, o);
	if (!r && o->tcp_fast_open)
		set_int(fd, IPPROTO_TCP, TCP_FASTOPEN, o->tcp_fast_open > 0 ? o->tcp_fast_open : 0);
	if (!r)
		r = bind_to(fd, at, o, share);
	if (!r && listen(fd, BACKLOG) < 0)
		r = -errno;
	return r ? fail(fd, r) : fd;
}

int sock_udp(const struct addr *where, const struct sockopt *o, enum sock_share share)
{
	struct addr here = *where, *at = &here;
	int fd = socket_at(at, o, SOCK_DGRAM), r;

	if (fd < 0)
		return fd;
	r = set_any(fd, o);
	if (!r)
		r = bind_to(fd, at, o, share);
	return r ? fail(fd, r) : fd;
}

int sock_udp_foreign(const struct addr *at, const struct sockopt *o)
{
	int fd = socket(af_of(at->family), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	r = set_any(fd, o);
	if (!r)
		r = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!r)
		r = bind_to(fd, at, o, SOCK_ALONE);
	return r ? fail(fd, r) : fd;
}

/* --- Unix sockets --- */
bool sock_is_dead(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;
	bool dead = false;

	if (fd >= 0 && strlen(path) < sizeof(sa.sun_path) && !lstat(path, &st) && S_ISSOCK(st.st_mode)) {
		memcpy(sa.sun_path, path, strlen(path));
		dead = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 && errno == ECONNREFUSED;
	}
	if (fd >= 0)
		close(fd);
	return dead;
}

int sock_unix(const char *path, unsigned mode)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	bool abstract = *path == '@', padded = abstract && path[1] == '@';
	const char *text = path + padded; /* "@@name" is the name "@name" with zeros up to the end, as haproxy has it */
	size_t n = strlen(text);
	socklen_t len = padded ? sizeof(sa) : (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + !abstract);
	int fd, r = 0;
	mode_t before;

	if (n >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, text, n);
	if (abstract)
		sa.sun_path[0] = 0;
	else if (sock_is_dead(path))
		unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	before = umask((mode_t)~mode & 0777); /* a chmod behind the bind would leave a gap */
	if (bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, BACKLOG) < 0)
		r = -errno;
	umask(before);
	return r ? fail(fd, r) : fd;
}

int sock_send(int fd, const void *p, size_t len)
{
	ssize_t n;

	do
		n = send(fd, p, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (size_t)n == len ? 0 : -EAGAIN;
}

/* --- domain strategies --- */
static const struct { uint8_t first, want4, want6; } strategies[] = {
	[DS_AS_IS] = { 6, 1, 1 },      [DS_USE_IP] = { 6, 1, 1 },    [DS_USE_IP4] = { 4, 1, 0 },
	[DS_USE_IP6] = { 6, 0, 1 },    [DS_USE_IP46] = { 4, 1, 1 },  [DS_USE_IP64] = { 6, 1, 1 },
	[DS_FORCE_IP] = { 6, 1, 1 },   [DS_FORCE_IP4] = { 4, 1, 0 }, [DS_FORCE_IP6] = { 6, 0, 1 },
	[DS_FORCE_IP46] = { 4, 1, 1 }, [DS_FORCE_IP64] = { 6, 1, 1 },
};

unsigned sock_first_family(enum domain_strategy s)
{
	return strategies[s].first;
}

bool sock_wants(enum domain_strategy s, unsigned family)
{
	return family == ADDR_V4 ? strategies[s].want4 : strategies[s].want6;
}
