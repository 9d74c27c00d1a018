/* link: lib */
/* Both ends of a connection for the tests of proxies: each sends a stream that the other can compute too (words of a counter
 * through splitmix64), checks every byte that it receives, and hashes what it sent and received.
 *
 *   pump serve                          prints its port of 127.0.0.1; serves until its stdin ends
 *   pump talk VIA PROXY SERVER [KEY=N…] one conversation; a line about it, 0 when both ends say that all was right
 *
 * VIA: direct, socks4, socks4a, socks5, socks5h, http, each also as VIA:USER:PASSWORD; PROXY: host address:port or the path of a
 * Unix socket (@ abstract); SERVER: the port of "serve". Keys, u… for the client (what goes up) and d… for the server:
 *   up down       bytes                              uchunk dchunk  most bytes a write, random below that when rnd=1
 *   upause dpause microseconds between writes        uread dread    most bytes a read
 *   uslow dslow   microseconds between reads         ubuf dbuf      SO_SNDBUF and SO_RCVBUF
 *   uoob doob     an urgent byte in front of byte N  fin            what ends it (enum finish), seed
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "tests/programs/pump_stream.h"
#include "tests/programs/pump_way.h"

enum { ENDS = 256, QUIET_MS = 20 * 1000 };
/* How a conversation ends. COUNT needs no half-close: the server's last byte waits for the client's, and whoever has everything closes.
 * SHUT: each shuts its side down behind its last byte. UP_FIRST: the server begins when the client has shut down. DOWN_FIRST: the
 * other way round. UP_RESET and DOWN_RESET: the client (the server) resets when it has everything, and the other one sends when
 * it has everything, because a reset may overtake bytes. */
enum finish { COUNT, SHUT, UP_FIRST, DOWN_FIRST, UP_RESET, DOWN_RESET };
enum end { END_NONE, END_FIN, END_RESET, END_QUIET, END_BAD, END_ERROR };
static const char *const end_names[] = { "none", "fin", "reset", "quiet", "bad", "error" };
static const char magic[8] = "pump-1\n";

struct side { /* what one end does */
	uint64_t bytes, chunk, pause_us, read, slow_us, buffer, oob;
};
struct request {
	char magic[8];
	uint64_t id, seed, finish, random, ask; /* ask: 1 = the verdict about id */
	struct side up, down;
};
struct verdict {
	uint64_t sent, received, bad_at, hash_sent, hash_received, error;
	uint32_t end, known;
};

/* --- one end --- */
struct talk {
	int fd;
	const struct side *me, *peer;
	enum finish finish;
	bool is_client, random, shut, urged;
	int64_t next_write, next_read, quiet_until;
	uint64_t dice;
	struct window out, in;
	uint64_t got[WINDOW / 8]; /* what has come of the window */
	struct verdict v;
};

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool has_all(const struct talk *t)
{
	return t->v.sent == t->me->bytes && t->v.received >= t->peer->bytes;
}

/* Whether the order of things lets this end write now. */
static bool may_write(const struct talk *t)
{
	if (t->shut)
		return false;
	if (t->finish == (t->is_client ? DOWN_RESET : UP_RESET))
		return t->v.received == t->peer->bytes;
	if (t->v.end == END_NONE)
		return t->finish != (t->is_client ? DOWN_FIRST : UP_FIRST);
	return t->v.end == END_FIN;
}

static bool shuts(const struct talk *t)
{
	return t->finish == SHUT || t->finish == UP_FIRST || t->finish == DOWN_FIRST;
}

static void fail(struct talk *t, int error)
{
	t->v.end = error == ECONNRESET || error == EPIPE ? END_RESET : END_ERROR;
	t->v.error = (uint64_t)error;
}

/* Bytes that may go out now. */
static uint64_t may_send(const struct talk *t)
{
	uint64_t left = t->me->bytes - t->v.sent;
	bool waits = t->finish == COUNT && !t->is_client && t->v.received < t->peer->bytes;

	return may_write(t) && left ? left - waits : 0;
}

static void write_some(struct talk *t)
{
	uint64_t left = may_send(t), n = least(left, t->me->chunk);
	ssize_t r;

	if (!t->urged && t->v.sent + 1 == t->me->oob)
		t->urged = send(t->fd, "!", 1, MSG_OOB | MSG_NOSIGNAL) == 1;
	else if (t->me->oob > t->v.sent + 1)
		n = least(n, t->me->oob - 1 - t->v.sent);
	if (t->random && n)
		n = 1 + (t->dice = mix(t->dice + 1)) % n;
	n = least(n, t->out.at + WINDOW - t->v.sent);
	r = n ? send(t->fd, (const char *)t->out.words + (t->v.sent - t->out.at), n, MSG_NOSIGNAL) : 0;
	if (r < 0 && errno != EAGAIN && errno != EINTR)
		fail(t, errno);
	if (r > 0) {
		t->v.sent += (uint64_t)r;
		t->quiet_until = 0;
		t->next_write = t->me->pause_us ? now_us() + (int64_t)t->me->pause_us : 0;
	}
	if (t->v.sent == t->out.at + WINDOW || t->v.sent == t->me->bytes)
		t->out.hash = hash_bytes(t->out.hash, t->out.words, t->v.sent - t->out.at);
	if (t->v.sent == t->out.at + WINDOW && t->v.sent < t->me->bytes)
		window_fill(&t->out, t->v.sent);
}

static void check_bytes(struct talk *t, const char *p, uint64_t n)
{
	const char *want = (const char *)t->in.words + (t->v.received - t->in.at);
	uint64_t i = 0;

	if (t->v.received + n <= t->peer->bytes && !memcmp(p, want, n))
		return;
	while (i < n && t->v.received + i < t->peer->bytes && p[i] == want[i])
		i++;
	t->v.bad_at = t->v.received + i;
	t->v.end = END_BAD;
}

static void read_some(struct talk *t)
{
	uint64_t room = t->in.at + WINDOW - t->v.received;
	char *to = (char *)t->got + (t->v.received - t->in.at);
	ssize_t n = recv(t->fd, to, least(room, t->me->read), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		t->v.end = END_FIN;
		if (n < 0)
			fail(t, errno);
		return;
	}
	check_bytes(t, to, (uint64_t)n);
	t->v.received += (uint64_t)n;
	t->quiet_until = 0;
	t->next_read = t->me->slow_us ? now_us() + (int64_t)t->me->slow_us : 0;
	if (t->v.received < t->in.at + WINDOW)
		return;
	t->in.hash = hash_bytes(t->in.hash, t->got, WINDOW);
	window_fill(&t->in, t->v.received);
}

/* What may be done now: events to wait for; *ret_ms: until when at most. */
static short wants(struct talk *t, int *ret_ms)
{
	int64_t now = now_us(), wait;
	short events = 0;

	if (!t->quiet_until)
		t->quiet_until = now + QUIET_MS * 1000;
	wait = t->quiet_until - now;
	if (may_send(t)) {
		if (now >= t->next_write)
			events |= POLLOUT;
		else
			wait = t->next_write - now < wait ? t->next_write - now : wait;
	}
	if (t->v.end == END_NONE) {
		if (now >= t->next_read)
			events |= POLLIN;
		else
			wait = t->next_read - now < wait ? t->next_read - now : wait;
	}
	*ret_ms = wait > 0 ? (int)((wait + 999) / 1000) : 0;
	if (now >= t->quiet_until)
		t->v.end = END_QUIET;
	return events;
}

/* True: this end has nothing more to do. */
static bool ended(struct talk *t)
{
	bool mine = t->finish == (t->is_client ? UP_RESET : DOWN_RESET);

	if (shuts(t) && !t->shut && t->v.sent == t->me->bytes && may_write(t)) {
		shutdown(t->fd, SHUT_WR);
		t->shut = true;
	}
	if (t->v.end > END_FIN)
		return true;
	if (mine && has_all(t)) {
		static const struct linger at_once = { 1, 0 };

		setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		return true;
	}
	if (t->finish == COUNT && has_all(t))
		return true;
	if (t->v.end == END_FIN)
		return shuts(t) ? t->shut : true;
	return false;
}

static void talk_run(struct talk *t)
{
	int size = (int)t->me->buffer, ms;

	if (size) {
		setsockopt(t->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		setsockopt(t->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	fcntl(t->fd, F_SETFL, O_NONBLOCK);
	t->dice = t->me->bytes;
	while (!ended(t)) {
		struct pollfd p = { t->fd, wants(t, &ms), 0 };

		if (t->v.end == END_QUIET)
			break;
		/* Poll reports a reset whoever asks; who does not read yet must not spin on it. */
		if (poll(&p, p.events ? 1 : 0, ms) <= 0)
			continue;
		if (p.events & POLLIN && p.revents & (POLLIN | POLLERR | POLLHUP))
			read_some(t);
		if (p.events & POLLOUT && p.revents & (POLLOUT | POLLERR | POLLHUP) && t->v.end <= END_FIN)
			write_some(t);
	}
	if (t->v.received > t->in.at)
		t->in.hash = hash_bytes(t->in.hash, t->got, t->v.received - t->in.at);
	t->v.hash_sent = t->out.hash;
	t->v.hash_received = t->in.hash;
	close(t->fd);
}

static struct talk *talk_new(int fd, const struct request *r, bool is_client)
{
	struct talk *t = calloc(1, sizeof(*t));

	if (!t)
		exit(3);
	t->fd = fd;
	t->is_client = is_client;
	t->me = is_client ? &r->up : &r->down;
	t->peer = is_client ? &r->down : &r->up;
	t->finish = (enum finish)r->finish;
	t->random = r->random;
	t->v.bad_at = UINT64_MAX;
	window_init(&t->out, mix(r->seed + is_client));
	window_init(&t->in, mix(r->seed + !is_client));
	return t;
}

/* --- the server --- */
struct ends {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t ids[ENDS];
	struct verdict verdicts[ENDS];
	unsigned n;
};
struct client {
	struct ends *ends;
	int fd;
};

/* The verdict about a conversation; waits for its end. */
static struct verdict ends_find(struct ends *e, uint64_t id)
{
	struct verdict v = { .known = 0 };
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += QUIET_MS / 1000 + 5;
	pthread_mutex_lock(&e->lock);
	for (int r = 0; !v.known && !r;) {
		for (unsigned i = 0; i < ENDS && !v.known; i++)
			if (e->ids[i] == id && e->verdicts[i].known)
				v = e->verdicts[i];
		if (!v.known)
			r = pthread_cond_timedwait(&e->changed, &e->lock, &until);
	}
	pthread_mutex_unlock(&e->lock);
	return v;
}

static void ends_add(struct ends *e, uint64_t id, const struct verdict *v)
{
	pthread_mutex_lock(&e->lock);
	e->ids[e->n % ENDS] = id;
	e->verdicts[e->n % ENDS] = *v;
	e->verdicts[e->n++ % ENDS].known = 1;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
}

static void *serve_one(void *arg)
{
	struct client c = *(struct client *)arg;
	struct request r;
	struct talk *t;

	free(arg);
	if (!read_whole(c.fd, &r, sizeof(r)) || memcmp(r.magic, magic, sizeof(magic)) != 0) {
		close(c.fd);
		return NULL;
	}
	if (r.ask) {
		struct verdict v = ends_find(c.ends, r.id);

		(void)!write(c.fd, &v, sizeof(v));
		close(c.fd);
		return NULL;
	}
	t = talk_new(c.fd, &r, false);
	talk_run(t);
	ends_add(c.ends, r.id, &t->v);
	free(t);
	return NULL;
}

static int serve(void)
{
	static const int on = 1;
	struct ends *e = calloc(1, sizeof(*e));
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!e || fd < 0 || bind(fd, (struct sockaddr *)&sa, len) || listen(fd, 512) || getsockname(fd, (struct sockaddr *)&sa, &len))
		return 3;
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->changed, NULL);
	printf("%u\n", ntohs(sa.sin_port));
	fflush(stdout);
	for (;;) {
		struct pollfd p[2] = { { fd, POLLIN, 0 }, { 0, POLLIN, 0 } };
		struct client *c;
		pthread_t thread;

		if (poll(p, 2, -1) < 0 || p[1].revents)
			return 0;
		c = malloc(sizeof(*c));
		if (!c)
			return 3;
		*c = (struct client){ e, accept4(fd, NULL, NULL, SOCK_CLOEXEC) };
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (c->fd < 0 || pthread_create(&thread, NULL, serve_one, c)) {
			close(c->fd);
			free(c);
		} else
			pthread_detach(thread);
	}
}

/* --- the client --- */
static bool set(struct request *r, const char *word)
{
	static const struct {
		const char *name;
		size_t at;
	} keys[] = {
		{ "up", offsetof(struct request, up.bytes) },        { "down", offsetof(struct request, down.bytes) },
		{ "uchunk", offsetof(struct request, up.chunk) },    { "dchunk", offsetof(struct request, down.chunk) },
		{ "upause", offsetof(struct request, up.pause_us) }, { "dpause", offsetof(struct request, down.pause_us) },
		{ "uread", offsetof(struct request, up.read) },      { "dread", offsetof(struct request, down.read) },
		{ "uslow", offsetof(struct request, up.slow_us) },   { "dslow", offsetof(struct request, down.slow_us) },
		{ "ubuf", offsetof(struct request, up.buffer) },     { "dbuf", offsetof(struct request, down.buffer) },
		{ "uoob", offsetof(struct request, up.oob) },        { "doob", offsetof(struct request, down.oob) },
		{ "fin", offsetof(struct request, finish) },         { "seed", offsetof(struct request, seed) },
		{ "rnd", offsetof(struct request, random) },
	};
	const char *is = strchr(word, '=');

	for (size_t i = 0; is && i < sizeof(keys) / sizeof(*keys); i++)
		if (strlen(keys[i].name) == (size_t)(is - word) && !memcmp(word, keys[i].name, (size_t)(is - word))) {
			*(uint64_t *)((char *)r + keys[i].at) = strtoull(is + 1, NULL, 10);
			return true;
		}
	return false;
}

static void say(const char *who, const struct verdict *v)
{
	printf("%s: sent %" PRIu64 " received %" PRIu64 " end %s", who, v->sent, v->received, end_names[v->end]);
	if (v->bad_at != UINT64_MAX)
		printf(" wrong at %" PRIu64, v->bad_at);
	if (v->error)
		printf(" (%s)", strerror((int)v->error));
	printf("; ");
}

/* How this side may see the end of a conversation that went well. */
static bool right_end(const struct request *r, bool is_client, uint32_t end)
{
	if (r->finish == (is_client ? DOWN_RESET : UP_RESET))
		return end == END_RESET;
	if (r->finish >= UP_RESET || r->finish == COUNT)
		return end <= END_FIN;
	return end == END_FIN;
}

static int judge(const struct request *r, const struct verdict *c, const struct verdict *s)
{
	bool ok = s->known && c->sent == r->up.bytes && s->sent == r->down.bytes && c->received == s->sent && s->received == c->sent &&
		  c->hash_sent == s->hash_received && s->hash_sent == c->hash_received && right_end(r, true, c->end) &&
		  right_end(r, false, s->end);

	say("client", c);
	if (s->known)
		say("server", s);
	printf("%s\n", ok ? "ok" : s->known ? "WRONG" : "the server knows nothing of it");
	return ok ? 0 : 1;
}

static int talk(const char *via, const char *proxy, const char *server, int n, char **words)
{
	const struct side usual = { .chunk = WINDOW, .read = WINDOW };
	struct request r = { .up = usual, .down = usual, .id = (uint64_t)now_us() << 16 ^ (uint64_t)getpid(), .seed = 1 };
	struct verdict theirs = { .known = 0 };
	char where[32];
	struct talk *t;
	int fd, code;

	memcpy(r.magic, magic, sizeof(magic));
	for (int i = 0; i < n; i++)
		if (!set(&r, words[i])) {
			fprintf(stderr, "pump: '%s' is no key with a number\n", words[i]);
			return 2;
		}
	fd = connect_to(proxy);
	if (fd < 0 || go_through(fd, via, (uint16_t)strtoul(server, NULL, 10)) || send(fd, &r, sizeof(r), MSG_NOSIGNAL) != (ssize_t)sizeof(r)) {
		printf("no way through '%s'\n", proxy);
		return 1;
	}
	t = talk_new(fd, &r, true);
	talk_run(t);
	snprintf(where, sizeof(where), "127.0.0.1:%s", server);
	r.ask = 1;
	fd = connect_to(where);
	if (fd < 0 || send(fd, &r, sizeof(r), MSG_NOSIGNAL) != (ssize_t)sizeof(r) || !read_whole(fd, &theirs, sizeof(theirs)))
		theirs.known = 0;
	code = judge(&r, &t->v, &theirs);
	free(t);
	return code;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (argc == 2)
		return serve();
	if (argc < 5) {
		fprintf(stderr, "usage: pump serve | pump talk VIA PROXY SERVER [KEY=N...]\n");
		return 2;
	}
	return talk(argv[2], argv[3], argv[4], argc - 5, argv + 5);
}
