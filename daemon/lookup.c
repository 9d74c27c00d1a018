/* Names, resolved in threads of their own. */
#include "daemon/lookup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct lookup {
	atomic_uint users; /* who asked, and the thread: the last one frees */
	int done_fd;       /* wakes who asked */
	atomic_bool done;  /* result and found are theirs */
	int result;        /* of getaddrinfo */
	struct addrinfo *found;
	char port[8];
	char host[];
};

void lookup_drop(struct lookup *l)
{
	if (!l || atomic_fetch_sub(&l->users, 1) != 1)
		return;
	if (l->found)
		freeaddrinfo(l->found);
	close(l->done_fd);
	free(l);
}

static void finish(struct lookup *l, int result)
{
	l->result = result;
	atomic_store(&l->done, true);
	eventfd_write(l->done_fd, 1);
}

static void *run(void *data)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct lookup *l = data;

	finish(l, getaddrinfo(l->host, l->port, &hints, &l->found));
	lookup_drop(l);
	return NULL;
}

static struct lookup *new(const char *host, unsigned port)
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
	snprintf(l->port, sizeof(l->port), "%u", port & 0xffff);
	atomic_init(&l->users, 1);
	atomic_init(&l->done, false);
	l->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->done_fd >= 0)
		return l;
	free(l);
	return NULL;
}

static int in_thread(struct lookup *l)
{
	pthread_t thread;
	int r;

	atomic_store(&l->users, 2);
	r = pthread_create(&thread, NULL, run, l);
	if (r)
		atomic_store(&l->users, 1);
	else
		pthread_detach(thread);
	return -r;
}

int lookup_begin(const char *host, unsigned port, struct lookup **ret_lookup)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct lookup *l = new(host, port);
	int r = 0;

	if (!l)
		return -ENOMEM;
	if (!getaddrinfo(l->host, l->port, &hints, &l->found))
		finish(l, 0);
	else
		r = in_thread(l);
	if (r)
		lookup_drop(l);
	else
		*ret_lookup = l;
	return r;
}

int lookup_fd(const struct lookup *l)
{
	return l->done_fd;
}

bool lookup_is_done(const struct lookup *l)
{
	return atomic_load(&l->done);
}

int lookup_result(const struct lookup *l, const struct addrinfo **ret_found)
{
	*ret_found = l->found;
	return l->result;
}

bool lookup_is_numeric(const char *host)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1 || host[0] == '[';
}
