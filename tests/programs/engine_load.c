/* link: lib */
/* Clients of the embedded engine, many at a time:
 *
 *   engine_load SOCKS TCP UDP MS SHORT LONG DATAGRAM PAUSE      so many clients of each kind, for so long
 *
 * SOCKS, TCP, UDP are ports of 127.0.0.1, the last two of engine_peer. SHORT clients connect, send up to 64 KiB, take it back and
 * end, half of them with a half-close, and begin anew after PAUSE ms; LONG ones keep one stream going to the end; DATAGRAM ones
 * have an association, with a new one every 50 datagrams when PAUSE is not 0. Every byte is compared. The last line is JSON; the
 * first failures are told on stderr. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	PERIOD = 65521, SHORT_MOST = 64 * 1024, WINDOW = 128 * 1024, EVENTS = 128, STUCK_MS = 20 * 1000, DATAGRAM_MS = 5000,
	DATAGRAM_MOST = 4000, DATAGRAMS = 50, HEADER = 10, TICK_MS = 20, SAID_MOST = 10,
};
enum kind { SHORT, LONG, DATAGRAM };
enum state { WAITING, CONNECTING, METHOD, REPLY, DATA, OVER };

struct client {
	enum kind kind;
	enum state state;
	int fd, udp;          /* -1 */
	uint8_t head[16];     /* of what the proxy answers */
	unsigned n_head;
	uint64_t sent, got, total; /* bytes of DATA; DATAGRAM: datagrams. total 0 = until time is up */
	uint32_t seed, len;   /* len: of the datagram under way */
	bool half_close, has_shut;
	int64_t since_ms;     /* the newest progress; WAITING: when to begin */
};
static const char *const counter_names[] = { "connections", "streams", "associations", "datagrams", "bytes", "refused", "reset",
	"ended", "code", "wrong", "stuck", "lost" };
enum counter { CONNECTIONS, STREAMS, ASSOCIATIONS, N_DATAGRAMS, N_BYTES, REFUSED, RESET, ENDED, CODE, WRONG, STUCK, LOST, COUNTER__N };

struct load {
	struct sockaddr_in socks, tcp, udp;
	int epoll;
	bool ending;
	int64_t pause_ms, now_ms;
	uint64_t counters[COUNTER__N];
	unsigned said;
	uint32_t random;
	char pattern[2 * PERIOD], bytes[SHORT_MOST];
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint32_t draw(struct load *l)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 17;
	return l->random ^= l->random << 5;
}

static const char *pattern_at(const struct load *l, const struct client *c, uint64_t at)
{
	return l->pattern + (at + c->seed) % PERIOD;
}

/* --- the end of a client --- */
static void rest(struct load *l, struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	if (c->udp >= 0)
		close(c->udp);
	c->fd = c->udp = -1;
	c->state = l->ending || c->kind == LONG ? OVER : WAITING;
	c->since_ms = l->now_ms + l->pause_ms;
}

static void fail(struct load *l, struct client *c, enum counter what)
{
	static const char *const states[] = { "before", "connecting", "method", "reply", "data", "over" };

	l->counters[what]++;
	if (l->said++ < SAID_MOST)
		fprintf(stderr, "%s: kind %d, %s, sent %llu, got %llu of %llu, errno %d\n", counter_names[what], c->kind, states[c->state],
			(unsigned long long)c->sent, (unsigned long long)c->got, (unsigned long long)c->total, errno);
	rest(l, c);
}

static void fail_errno(struct load *l, struct client *c)
{
	fail(l, c, errno == ECONNREFUSED && c->state == CONNECTING ? REFUSED : RESET);
}

static void listen_to(struct load *l, int how, struct client *c, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = c };

	epoll_ctl(l->epoll, how, fd, &e);
}

/* --- through the proxy --- */
static void start(struct load *l, struct client *c)
{
	c->seed = draw(l) % PERIOD;
	c->sent = c->got = c->n_head = c->len = 0;
	c->total = c->kind == SHORT ? 1 + draw(l) % SHORT_MOST : 0;
	c->half_close = draw(l) & 1;
	c->has_shut = false;
	c->state = CONNECTING;
	c->since_ms = l->now_ms;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || (connect(c->fd, (struct sockaddr *)&l->socks, sizeof(l->socks)) && errno != EINPROGRESS))
		fail_errno(l, c);
	else
		listen_to(l, EPOLL_CTL_ADD, c, c->fd, EPOLLOUT);
}

static void on_connected(struct load *l, struct client *c)
{
	socklen_t len = sizeof(errno);
	int error = 0;

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	errno = error;
	if (error || send(c->fd, "\5\1\0", 3, MSG_NOSIGNAL) != 3) {
		fail_errno(l, c);
		return;
	}
	c->state = METHOD;
	listen_to(l, EPOLL_CTL_MOD, c, c->fd, EPOLLIN);
}

static size_t make_request(uint8_t *p, uint8_t command, const struct sockaddr_in *to)
{
	memcpy(p, (uint8_t[]){ 5, command, 0, 1 }, 4);
	memcpy(p + 4, &to->sin_addr, 4);
	memcpy(p + 8, &to->sin_port, 2);
	return HEADER;
}

static void send_datagram(struct load *l, struct client *c)
{
	uint8_t bytes[HEADER + DATAGRAM_MOST];

	c->len = 1 + draw(l) % DATAGRAM_MOST;
	make_request(bytes, 0, &l->udp);
	bytes[0] = 0;
	memcpy(bytes + HEADER, pattern_at(l, c, c->sent), c->len);
	c->sent++;
	send(c->udp, bytes, HEADER + c->len, 0);
}

static void begin_datagrams(struct load *l, struct client *c)
{
	struct sockaddr_in relay = { .sin_family = AF_INET };

	memcpy(&relay.sin_addr, c->head + 4, 4);
	memcpy(&relay.sin_port, c->head + 8, 2);
	c->udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->udp < 0 || connect(c->udp, (struct sockaddr *)&relay, sizeof(relay))) {
		fail_errno(l, c);
		return;
	}
	c->total = l->pause_ms ? DATAGRAMS : 0;
	l->counters[ASSOCIATIONS]++;
	listen_to(l, EPOLL_CTL_ADD, c, c->udp, EPOLLIN);
	send_datagram(l, c);
}

static void begin_data(struct load *l, struct client *c)
{
	c->state = DATA;
	if (c->kind == DATAGRAM) {
		begin_datagrams(l, c);
		return;
	}
	l->counters[c->kind == LONG ? STREAMS : CONNECTIONS]++;
	listen_to(l, EPOLL_CTL_MOD, c, c->fd, EPOLLIN | EPOLLOUT);
}

/* The proxy's words: two bytes, then ten. */
static void on_head(struct load *l, struct client *c)
{
	unsigned want = c->state == METHOD ? 2 : HEADER;
	ssize_t n = recv(c->fd, c->head + c->n_head, want - c->n_head, 0);
	uint8_t request[HEADER];

	if (n <= 0) {
		if (n && errno == EAGAIN)
			return;
		fail(l, c, n ? RESET : ENDED);
		return;
	}
	c->n_head += (unsigned)n;
	if (c->n_head < want)
		return;
	c->n_head = 0;
	if (c->head[1]) {
		fail(l, c, CODE);
	} else if (c->state == REPLY) {
		begin_data(l, c);
	} else {
		c->state = REPLY;
		make_request(request, c->kind == DATAGRAM ? 3 : 1, &l->tcp);
		if (send(c->fd, request, HEADER, MSG_NOSIGNAL) != HEADER)
			fail_errno(l, c);
	}
}

/* --- bytes --- */
/* False: the client is over. */
static bool take_bytes(struct load *l, struct client *c)
{
	ssize_t n = recv(c->fd, l->bytes, PERIOD, 0); /* pattern_at has that many */

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n < 0 || (!n && (!c->has_shut || c->got != c->sent))) {
		fail(l, c, n ? RESET : ENDED);
		return false;
	}
	if (n && memcmp(l->bytes, pattern_at(l, c, c->got), (size_t)n) != 0) {
		fail(l, c, WRONG);
		return false;
	}
	c->got += (uint64_t)n;
	l->counters[N_BYTES] += (uint64_t)n;
	c->since_ms = l->now_ms;
	if (n && (c->half_close || !c->total || c->got < c->total))
		return true;
	rest(l, c);
	return false;
}

static void finish_sending(struct load *l, struct client *c)
{
	if (!c->total)
		c->half_close = true;
	if (c->half_close && !c->has_shut)
		shutdown(c->fd, SHUT_WR);
	c->has_shut = c->half_close;
	listen_to(l, EPOLL_CTL_MOD, c, c->fd, EPOLLIN);
}

static void give_bytes(struct load *l, struct client *c)
{
	uint64_t room = WINDOW - (c->sent - c->got), left = c->total ? c->total - c->sent : UINT64_MAX;
	size_t most = room < left ? room : left;
	ssize_t n;

	if ((l->ending && !c->total) || !left) {
		finish_sending(l, c);
		return;
	}
	most = most < PERIOD ? most : PERIOD;
	n = most ? send(c->fd, pattern_at(l, c, c->sent), most, MSG_NOSIGNAL) : 0;
	if (n < 0 && errno != EAGAIN)
		fail(l, c, RESET);
	else if (n > 0)
		c->sent += (uint64_t)n;
	if (c->state == DATA) /* without room an open socket would wake us at once */
		listen_to(l, EPOLL_CTL_MOD, c, c->fd, EPOLLIN | (c->sent - c->got < WINDOW ? EPOLLOUT : 0));
}

static void on_datagram(struct load *l, struct client *c)
{
	ssize_t n = recv(c->udp, l->bytes, sizeof(l->bytes), 0);

	if (n < 0)
		return;
	if (n != (ssize_t)(HEADER + c->len) || memcmp(l->bytes + HEADER, pattern_at(l, c, c->got), c->len) != 0 ||
	    memcmp(l->bytes + 8, &l->udp.sin_port, 2) != 0) {
		fail(l, c, WRONG);
		return;
	}
	c->got++;
	c->since_ms = l->now_ms;
	l->counters[N_DATAGRAMS]++;
	if (l->ending || (c->total && c->got == c->total))
		rest(l, c);
	else
		send_datagram(l, c);
}

static void on_event(struct load *l, struct client *c, uint32_t events)
{
	bool is_open = true;

	if (c->state == CONNECTING) {
		on_connected(l, c);
	} else if (c->state == METHOD || c->state == REPLY) {
		on_head(l, c);
	} else if (c->state == DATA && c->kind == DATAGRAM) {
		char byte;

		on_datagram(l, c);
		if (c->fd >= 0 && recv(c->fd, &byte, 1, MSG_PEEK) >= 0)
			fail(l, c, ENDED); /* the connection that holds the association */
	} else if (c->state == DATA) {
		if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			is_open = take_bytes(l, c);
		if (is_open)
			give_bytes(l, c);
	}
}

/* --- the run --- */
static void look_after(struct load *l, struct client *c)
{
	int64_t quiet = l->now_ms - c->since_ms;

	if (c->state == WAITING && l->ending)
		c->state = OVER;
	else if (c->state == WAITING && quiet >= 0)
		start(l, c);
	else if (c->state == DATA && c->kind == DATAGRAM && quiet > DATAGRAM_MS)
		fail(l, c, LOST);
	else if (c->state != OVER && c->state != WAITING && quiet > STUCK_MS)
		fail(l, c, STUCK);
	else if (c->state == DATA && c->kind == LONG && l->ending && !c->has_shut)
		give_bytes(l, c);
}

static bool look_after_all(struct load *l, struct client *clients, unsigned n)
{
	bool any = false;

	for (unsigned i = 0; i < n; i++) {
		look_after(l, &clients[i]);
		any = any || clients[i].state != OVER;
	}
	return any;
}

static void run(struct load *l, struct client *clients, unsigned n, int64_t ms)
{
	int64_t end = now_ms() + ms, next = 0;
	struct epoll_event events[EVENTS];

	for (;;) {
		int got = epoll_wait(l->epoll, events, EVENTS, TICK_MS);

		l->now_ms = now_ms();
		for (int i = 0; i < got; i++)
			on_event(l, events[i].data.ptr, events[i].events);
		l->ending = l->now_ms >= end;
		if (l->now_ms < next)
			continue;
		next = l->now_ms + TICK_MS;
		if (!look_after_all(l, clients, n))
			return;
	}
}

static int print(const struct load *l)
{
	for (int i = 0; i < COUNTER__N; i++)
		printf("%s\"%s\":%llu", i ? "," : "{", counter_names[i], (unsigned long long)l->counters[i]);
	puts("}");
	return 0;
}

static int run_all(struct load *l, char **args)
{
	unsigned n = 0, of[3] = { (unsigned)atoi(args[4]), (unsigned)atoi(args[5]), (unsigned)atoi(args[6]) };
	struct client *clients = calloc(of[0] + of[1] + of[2] + 1, sizeof(*clients));

	for (unsigned kind = 0; clients && kind < 3; kind++)
		for (unsigned i = 0; i < of[kind]; i++)
			clients[n++] = (struct client){ .kind = (enum kind)kind, .state = WAITING, .fd = -1, .udp = -1 };
	l->pause_ms = atoi(args[7]);
	run(l, clients, n, atoi(args[3]));
	return print(l);
}

static struct sockaddr_in port_of(const char *text)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(text)),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

int main(int argc, char **argv)
{
	static struct load l = { .random = 2463534242 };
	struct rlimit limit;

	if (argc != 9) {
		fprintf(stderr, "usage: engine_load SOCKS TCP UDP MS SHORT LONG DATAGRAM PAUSE\n");
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned i = 0; i < PERIOD; i++)
		l.pattern[i] = l.pattern[i + PERIOD] = (char)(draw(&l) >> 8);
	l.socks = port_of(argv[1]);
	l.tcp = port_of(argv[2]);
	l.udp = port_of(argv[3]);
	return run_all(&l, argv + 1);
}
