/* link: lib */
/* Clients of the embedded engine that hold on and are quiet:
 *
 *   engine_hold stream SOCKS TCP N       N connections to engine_peer
 *   engine_hold associate SOCKS UDP N    N UDP associations, whose datagrams all come from one socket
 *
 * Each sends 128 bytes and takes them back, then "ready N bad N" is printed; each line of standard input has them do it again, with
 * "good N bad N", until it ends. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { BYTES = 128, HEADER = 10, WAIT_S = 20 };

struct held {
	struct sockaddr_in socks, to;
	int *fds, udp; /* udp -1: streams */
	struct sockaddr_in *relays;
	unsigned n;
};

static size_t make_request(uint8_t *p, uint8_t command, const struct sockaddr_in *to)
{
	memcpy(p, (uint8_t[]){ 5, command, 0, 1 }, 4);
	memcpy(p + 4, &to->sin_addr, 4);
	memcpy(p + 8, &to->sin_port, 2);
	return HEADER;
}

static void fill(char *p, unsigned i)
{
	for (unsigned k = 0; k < BYTES; k++)
		p[k] = (char)((i * 2654435761u + k * 40503u) >> 7);
}

static bool recv_all(int fd, void *p, size_t n)
{
	return recv(fd, p, n, MSG_WAITALL) == (ssize_t)n;
}

static int new_socket(int type)
{
	const struct timeval wait = { .tv_sec = WAIT_S };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return fd;
}

/* -1, or a connection behind the proxy's yes. */
static int open_one(const struct held *h, struct sockaddr_in *ret_relay)
{
	int fd = new_socket(SOCK_STREAM);
	uint8_t request[HEADER], reply[HEADER];

	make_request(request, h->udp < 0 ? 1 : 3, &h->to);
	if (fd >= 0 && !connect(fd, (const struct sockaddr *)&h->socks, sizeof(h->socks)) && send(fd, "\5\1\0", 3, MSG_NOSIGNAL) == 3 &&
	    recv_all(fd, reply, 2) && send(fd, request, HEADER, MSG_NOSIGNAL) == HEADER && recv_all(fd, reply, HEADER) && !reply[1]) {
		ret_relay->sin_family = AF_INET;
		memcpy(&ret_relay->sin_addr, reply + 4, 4);
		memcpy(&ret_relay->sin_port, reply + 8, 2);
		return fd;
	}
	close(fd);
	return -1;
}

static bool is_good_stream(int fd, unsigned i)
{
	char want[BYTES], got[BYTES];

	fill(want, i);
	return send(fd, want, BYTES, MSG_NOSIGNAL) == BYTES && recv_all(fd, got, BYTES) && !memcmp(got, want, BYTES);
}

static bool is_good_association(const struct held *h, unsigned i)
{
	char bytes[HEADER + BYTES], got[sizeof(bytes)];

	make_request((uint8_t *)bytes, 0, &h->to);
	bytes[0] = 0;
	fill(bytes + HEADER, i);
	return sendto(h->udp, bytes, sizeof(bytes), 0, (const struct sockaddr *)&h->relays[i], sizeof(*h->relays)) == sizeof(bytes) &&
	       recv(h->udp, got, sizeof(got), 0) == sizeof(got) && !memcmp(got + HEADER, bytes + HEADER, BYTES);
}

static void ask_all(const struct held *h, const char *what)
{
	unsigned good = 0;

	for (unsigned i = 0; i < h->n; i++)
		good += h->udp < 0 ? is_good_stream(h->fds[i], i) : is_good_association(h, i);
	printf("%s %u bad %u\n", what, good, h->n - good);
	fflush(stdout);
}

static struct sockaddr_in port_of(const char *text)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(text)),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

int main(int argc, char **argv)
{
	unsigned n = argc == 5 ? (unsigned)atoi(argv[4]) : 0;
	struct held h = { .fds = calloc(n, sizeof(int)), .relays = calloc(n, sizeof(struct sockaddr_in)), .udp = -1 };
	struct rlimit limit;
	char line[64];

	if (!n || !h.fds || !h.relays) {
		fprintf(stderr, "usage: engine_hold stream|associate SOCKS PORT N\n");
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	h.socks = port_of(argv[2]);
	h.to = port_of(argv[3]);
	if (*argv[1] == 'a')
		h.udp = new_socket(SOCK_DGRAM);
	while (h.n < n && (h.fds[h.n] = open_one(&h, &h.relays[h.n])) >= 0)
		h.n++;
	ask_all(&h, "ready");
	while (fgets(line, sizeof(line), stdin))
		ask_all(&h, "good");
	return 0;
}
