#ifndef XRAT_TESTS_ENG_DNS_SERVER_H
#define XRAT_TESTS_ENG_DNS_SERVER_H
/* A name server on 127.0.0.1 for tests, whose names say what it does with a query. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/eng_conf_test.h"

#include "engine/dnsmsg.h"

enum { SEEN_MAX = 512, HEADER = 12 };
struct seen {
	char name[256];
	uint16_t type;
	bool tcp;
	unsigned port; /* the client's */
	uint16_t id;
	size_t len;
};
struct name_server {
	pthread_t thread;
	int udp, tcp, wake[2];
	uint16_t port;
	pthread_mutex_t lock;
	struct seen seen[SEEN_MAX];
	unsigned n_seen;
	char ip[16]; /* of A; AAAA is 2001:db8::<last byte> */
};

static inline unsigned count(struct name_server *s, const char *name, uint16_t type)
{
	unsigned n = 0;

	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->n_seen; i++)
		n += !strcmp(s->seen[i].name, name) && (!type || s->seen[i].type == type);
	pthread_mutex_unlock(&s->lock);
	return n;
}

static inline unsigned note(struct name_server *s, const char *name, uint16_t type, bool tcp, unsigned port, uint16_t id, size_t len)
{
	unsigned before = count(s, name, type);
	struct seen *e;

	pthread_mutex_lock(&s->lock);
	e = &s->seen[s->n_seen < SEEN_MAX ? s->n_seen++ : 0];
	snprintf(e->name, sizeof(e->name), "%s", name);
	e->type = type;
	e->tcp = tcp;
	e->port = port;
	e->id = id;
	e->len = len;
	pthread_mutex_unlock(&s->lock);
	return before;
}

static inline bool starts(const char *name, const char *with)
{
	return !strncmp(name, with, strlen(with));
}

/* The plain answer to a query: by what its name begins with. */
static inline int write_answer(struct name_server *s, struct str q, const char *name, uint16_t type, uint8_t *out)
{
	struct route_ip ip = { .family = type == DNS_A ? ADDR_V4 : ADDR_V6 };
	uint32_t ttl = starts(name, "short") ? 1 : 300;
	bool has = (type == DNS_A && !starts(name, "six")) || (type == DNS_AAAA && !starts(name, "four"));

	if (type == DNS_A)
		inet_pton(AF_INET, s->ip, ip.bytes);
	else
		inet_pton(AF_INET6, "2001:db8::1", ip.bytes);
	if (starts(name, "formerr") || (starts(name, "old") && q.p[HEADER - 1])) /* "old": knows no EDNS */
		return dnsmsg_answer_write(q, starts(name, "older") ? DNS_NOTIMP : DNS_FORMERR, NULL, 0, 0, out, 512);
	if (starts(name, "nx"))
		return dnsmsg_answer_write(q, DNS_NXDOMAIN, NULL, 0, 0, out, 512);
	if (starts(name, "fail"))
		return dnsmsg_answer_write(q, DNS_SERVFAIL, NULL, 0, 0, out, 512);
	return dnsmsg_answer_write(q, DNS_OK, &ip, has && !starts(name, "empty"), ttl, out, 512);
}

static inline void serve_udp(struct name_server *s)
{
	uint8_t in[2048], out[512];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(s->udp, in, sizeof(in), 0, (struct sockaddr *)&from, &from_len);
	struct str q = { (char *)in, n > 0 ? (size_t)n : 0 };
	char name[256];
	uint16_t id, type;
	unsigned before;
	int len;

	if (n <= 0 || dnsmsg_question(q, &id, name, &type))
		return;
	before = note(s, name, type, false, ntohs(from.sin_port), id, q.len);
	if (starts(name, "never") || (starts(name, "second") && !before))
		return;
	len = write_answer(s, q, name, type, out);
	if (len <= 0)
		return;
	if (starts(name, "trunc"))
		out[2] |= 2;
	if (starts(name, "forged")) { /* another id, another question, from elsewhere: none of them counts */
		uint8_t bad[512];
		int other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		memcpy(bad, out, (size_t)len);
		bad[len - 1] ^= 0xff;
		bad[0] ^= 0xff;
		sendto(s->udp, bad, (size_t)len, 0, (struct sockaddr *)&from, from_len);
		bad[0] ^= 0xff;
		bad[HEADER + 1] = 'x';
		sendto(s->udp, bad, (size_t)len, 0, (struct sockaddr *)&from, from_len);
		bad[HEADER + 1] = out[HEADER + 1];
		sendto(other, bad, (size_t)len, 0, (struct sockaddr *)&from, from_len);
		close(other);
	}
	if (starts(name, "junk"))
		sendto(s->udp, "x", 1, 0, (struct sockaddr *)&from, from_len);
	sendto(s->udp, out, (size_t)len, 0, (struct sockaddr *)&from, from_len);
}

static inline bool read_all(int fd, uint8_t *p, size_t len)
{
	return recv(fd, p, len, MSG_WAITALL) == (ssize_t)len;
}

static inline void serve_tcp(struct name_server *s)
{
	int fd = accept(s->tcp, NULL, NULL);
	uint8_t in[2048], out[514];
	struct str q = { (char *)in + 2, 0 };
	char name[256];
	uint16_t id, type;
	int len;

	if (fd >= 0 && read_all(fd, in, 2)) {
		q.len = (size_t)(in[0] << 8 | in[1]);
		if (q.len < sizeof(in) - 2 && read_all(fd, in + 2, q.len) && !dnsmsg_question(q, &id, name, &type)) {
			note(s, name, type, true, 0, id, q.len);
			len = write_answer(s, q, name, type, out + 2);
			out[0] = (uint8_t)(len >> 8);
			out[1] = (uint8_t)len;
			for (int i = 0; i < len + 2; i++) /* in pieces */
				send(fd, out + i, 1, MSG_NOSIGNAL);
		}
	}
	close(fd);
}

static inline void *serve(void *arg)
{
	struct name_server *s = arg;
	struct pollfd fds[] = { { s->udp, POLLIN, 0 }, { s->tcp, POLLIN, 0 }, { s->wake[0], POLLIN, 0 } };

	for (;;) {
		poll(fds, 3, -1);
		if (fds[2].revents)
			return NULL;
		if (fds[0].revents)
			serve_udp(s);
		if (fds[1].revents)
			serve_tcp(s);
	}
}

static inline bool bind_both(struct name_server *s, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	s->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!bind(s->udp, (struct sockaddr *)&at, len) && !getsockname(s->udp, (struct sockaddr *)&at, &len) &&
	    !bind(s->tcp, (struct sockaddr *)&at, len) && !listen(s->tcp, 16)) {
		s->port = ntohs(at.sin_port);
		return true;
	}
	close(s->udp);
	close(s->tcp);
	return false;
}

static inline struct name_server *server_new(const char *ip)
{
	struct name_server *s = calloc(1, sizeof(*s));
	int tries = 0;

	assert_non_null(s);
	snprintf(s->ip, sizeof(s->ip), "%s", ip);
	pthread_mutex_init(&s->lock, NULL);
	while (!bind_both(s, 0))
		assert_true(tries++ < 100);
	assert_int_equal(pipe(s->wake), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
	return s;
}

static inline void server_free(struct name_server *s)
{
	assert_int_equal(write(s->wake[1], "x", 1), 1);
	pthread_join(s->thread, NULL);
	close(s->udp);
	close(s->tcp);
	close(s->wake[0]);
	close(s->wake[1]);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

#endif
