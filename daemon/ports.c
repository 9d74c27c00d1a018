/* Free ports. And are the local ports of sessions free? Asked before a daemon starts, so that it is said where somebody reads
 * it. */
#include "daemon/ports.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "runtime/runtime.h"

enum { HOLDER_TEXT = 80, ARGS_BYTES = 64 * 1024 };

int ports_hold(unsigned *ret_port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&in, len) || getsockname(fd, (struct sockaddr *)&in, &len)) {
		int r = -errno;

		close(fd);
		return r;
	}
	*ret_port = ntohs(in.sin_port);
	return fd;
}

/* 0: it could be bound; -errno. A name that is no address is not looked up. */
static int try_bind(const char *host, unsigned port)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM };
	struct addrinfo *at;
	char number[16];
	int fd, one = 1, r = 0;

	snprintf(number, sizeof(number), "%u", port);
	if (getaddrinfo(host, number, &hints, &at))
		return 0;
	fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		r = -errno;
	} else {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, 1) < 0)
			r = -errno;
		close(fd);
	}
	freeaddrinfo(at);
	return r;
}

/* Whether an argument names a file that an engine of this root is started from. */
static bool is_of_root(const char *args, size_t len, const char *root)
{
	size_t n = strlen(root);

	for (const char *at = args; at < args + len; at += strlen(at) + 1) {
		struct str rest = str_of(at);

		if (!str_starts(rest, root))
			continue;
		rest = str_skip(rest, n);
		if (str_starts(rest, "/" IPC_RUNTIME_DIR "/session-") || str_starts(rest, "/.state/"))
			return true;
	}
	return false;
}

static bool holds(int pid, const char *root, const char *host, unsigned port, char *args)
{
	char path[64];
	struct process_id id;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, args, ARGS_BYTES);
	close(fd);
	if (n <= 0)
		return false;
	args[n] = 0;
	return is_of_root(args, (size_t)n, root) && !process_identify(pid, &id) &&
	       process_owns(&id, host, port) == OWNER_OURS;
}

/* An engine that a killed daemon has left: it is taken over. */
static bool is_ours(const char *root, const char *host, unsigned port)
{
	DIR *proc = opendir("/proc");
	char *args = malloc(ARGS_BYTES + 1);
	struct dirent *entry;
	bool found = false;

	while (proc && args && !found && (entry = readdir(proc))) {
		int pid = (int)strtol(entry->d_name, NULL, 10);

		found = pid > 0 && holds(pid, root, host, port, args);
	}
	free(args);
	if (proc)
		closedir(proc);
	return found;
}

int daemon_check_ports(struct arena *a, const char *root, const struct config *c, const char **ret_why)
{
	const struct { const char *name; const struct config_inbound *in; } rows[] = {
		{ "socks", &c->runtime.socks }, { "http", &c->runtime.http }, { "shadowsocks", &c->runtime.shadowsocks },
	};
	char holder[HOLDER_TEXT];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct config_inbound *in = rows[i].in;
		unsigned port = (unsigned)in->port.v;
		int r = in->enabled.v ? try_bind(in->host.s, port) : 0;

		if (!r || (r == -EADDRINUSE && is_ours(root, in->host.s, port)))
			continue;
		process_holder(in->host.s, port, holder, sizeof(holder));
		*ret_why = arena_printf(a, "[runtime.%s] cannot listen on %s port %u: %s%s%s%s", rows[i].name, in->host.s, port,
					strerror(-r), *holder ? " by " : "", holder,
					r == -EADDRINUSE ? "; end that program or set another 'port'" : "");
		return 1;
	}
	return 0;
}
