/* One DNS message to one server, and the answer to it. Each exchange has a socket of its own, connected to the server: the
 * system chooses a random port, and lets in only what comes from there. What does not answer the question is not taken. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/flow.h"
#include "engine/packet.h"
#include "engine/resolve.h"
#include "engine/sock.h"

enum { HEADER = 12, TRIES = 2, FLAG_ANSWER = 0x80, FLAG_TRUNCATED = 0x02, TCP_HEAD = 2, ANSWER_MAX = 65535 };

struct exchange {
	struct retired retired; /* first */
	struct io io;
	struct timer timer;
	struct exchange_to to;
	exchange_fn *done;
	void *ctx;
	struct query *name;  /* the server's own being looked up */
	struct packet_own own; /* UDP through an outbound that is no plain socket */
	bool is_own;
	int64_t deadline_ms;
	uint8_t id[2], asked_id[2];
	uint8_t tries;
	bool connected;      /* TCP */
	char *in;            /* TCP: head and answer so far */
	uint32_t in_len, out_at;
	uint32_t len;
	uint8_t query[];     /* head of TCP, then the message */
};

static struct exchange *of_timer(struct timer *t)
{
	return (struct exchange *)((char *)t - offsetof(struct exchange, timer));
}

static struct exchange *of_io(struct io *io)
{
	return (struct exchange *)((char *)io - offsetof(struct exchange, io));
}

/* --- the end --- */
static void release(struct loop *l, struct retired *r)
{
	struct exchange *x = (struct exchange *)r;

	(void)l;
	free(x->in);
	free(x);
}

void resolve_send_cancel(struct worker *w, struct exchange *x)
{
	if (!x)
		return;
	timer_off(&x->timer);
	io_close(&x->io, false);
	packet_own_close(w, &x->own);
	if (x->name)
		resolve_cancel(w, x->name);
	loop_retire(&w->loop, &x->retired, release);
}

static void finish(struct worker *w, struct exchange *x, int error, struct str message)
{
	exchange_fn *done = x->done;
	void *ctx = x->ctx;

	x->name = NULL;
	resolve_send_cancel(w, x);
	done(w, ctx, error, message);
}

static void fail(struct worker *w, struct exchange *x, int error)
{
	finish(w, x, error, (struct str){ NULL, 0 });
}

/* --- the answer --- */
static size_t question_len(const uint8_t *m, size_t len)
{
	size_t at = HEADER;

	while (at < len && m[at])
		at += m[at] + 1u;
	return at + 5 - HEADER;
}

/* The same id, an answer, and the same question in any case; an error may leave the question out. */
static bool is_answer(const struct exchange *x, const uint8_t *m, size_t len)
{
	const uint8_t *q = x->query + TCP_HEAD;
	size_t n = question_len(q, x->len - TCP_HEAD);

	if (len < HEADER || memcmp(m, x->id, 2) != 0 || !(m[2] & FLAG_ANSWER))
		return false;
	if (!m[4] && !m[5])
		return m[3] & 15;
	return m[4] == q[4] && m[5] == q[5] && len >= HEADER + n &&
	       str_eq_nocase((struct str){ (const char *)m + HEADER, n }, (struct str){ (const char *)q + HEADER, n });
}

static void answered(struct worker *w, struct exchange *x, uint8_t *m, size_t len)
{
	memcpy(m, x->asked_id, 2);
	finish(w, x, 0, (struct str){ (const char *)m, len });
}

static int open_exchange(struct worker *w, struct exchange *x);

/* --- UDP --- */
static int send_udp(struct worker *w, struct exchange *x)
{
	x->tries++;
	if (x->is_own) {
		packet_own_send(w, resolve_conf(x->to.conf), &x->own,
				(struct str){ (const char *)x->query + TCP_HEAD, x->len - TCP_HEAD });
		return 0;
	}
	return send(x->io.fd, x->query + TCP_HEAD, x->len - TCP_HEAD, MSG_NOSIGNAL) < 0 && errno != EAGAIN ? -errno : 0;
}

static void turn_to_tcp(struct worker *w, struct exchange *x)
{
	int r;

	io_close(&x->io, false);
	packet_own_close(w, &x->own);
	x->is_own = false;
	x->to.tcp = true;
	r = open_exchange(w, x);
	if (r)
		fail(w, x, r);
}

static void take_udp(struct worker *w, struct exchange *x, uint8_t *m, size_t n)
{
	if (m[2] & FLAG_TRUNCATED && !x->to.keep_truncated)
		turn_to_tcp(w, x);
	else
		answered(w, x, m, n);
}

static void read_udp(struct worker *w, struct exchange *x)
{
	uint8_t *m = (uint8_t *)w->scratch;

	while (x->io.up & IO_IN) {
		ssize_t n = recv(x->io.fd, m, ANSWER_MAX, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			x->io.up = 0;
			return;
		}
		if (n < 0) {
			fail(w, x, -errno);
			return;
		}
		if (!is_answer(x, m, (size_t)n))
			continue;
		take_udp(w, x, m, (size_t)n);
		return;
	}
}

/* --- TCP --- */
static int write_tcp(struct exchange *x)
{
	while (x->out_at < x->len) {
		ssize_t n = send(x->io.fd, x->query + x->out_at, x->len - x->out_at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			x->io.up &= (uint8_t)~IO_OUT;
			return 0;
		}
		if (n < 0)
			return -errno;
		x->out_at += (uint32_t)n;
	}
	return 0;
}

/* How many bytes are still wanted. */
static size_t missing(const struct exchange *x)
{
	const uint8_t *in = (const uint8_t *)x->in;

	return x->in_len < TCP_HEAD ? TCP_HEAD - x->in_len : (size_t)TCP_HEAD + (size_t)(in[0] << 8 | in[1]) - x->in_len;
}

/* 1: the answer is whole; 0: more is to come; -errno. */
static int read_tcp(struct exchange *x)
{
	size_t want;

	if (!x->in)
		x->in = calloc(1, TCP_HEAD + ANSWER_MAX);
	if (!x->in)
		return -ENOMEM;
	while ((want = missing(x)) > 0) {
		ssize_t n = recv(x->io.fd, x->in + x->in_len, want, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			x->io.up &= (uint8_t)~IO_IN;
			return 0;
		}
		if (n <= 0)
			return n ? -errno : -ECONNRESET;
		x->in_len += (uint32_t)n;
	}
	return 1;
}

static int connect_error(struct exchange *x)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(x->io.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	x->connected = !error;
	return -error;
}

static void on_tcp(struct worker *w, struct exchange *x)
{
	uint8_t *m;
	int r = 0;

	if (!x->connected && x->io.up & (IO_OUT | IO_ERR))
		r = connect_error(x);
	if (!r && x->connected && x->io.up & IO_OUT)
		r = write_tcp(x);
	if (!r && x->connected && x->io.up & IO_IN)
		r = read_tcp(x);
	m = (uint8_t *)x->in;
	if (r < 0)
		fail(w, x, r);
	else if (r && is_answer(x, m + TCP_HEAD, x->in_len - TCP_HEAD))
		answered(w, x, m + TCP_HEAD, x->in_len - TCP_HEAD);
	else if (r)
		fail(w, x, -EPROTO);
}

static void on_event(struct loop *l, struct io *io)
{
	struct exchange *x = of_io(io);

	if (x->to.tcp)
		on_tcp(l->owner, x);
	else
		read_udp(l->owner, x);
}

/* --- begin --- */
static unsigned most_tries(const struct exchange *x)
{
	return x->to.tries ? x->to.tries : TRIES;
}

static void on_time(struct loop *l, struct timer *t);

/* Until the next try by UDP; behind the last one, and with TCP, until the end. */
static void wait_answer(struct loop *l, struct exchange *x, int64_t left)
{
	uint32_t one = x->to.timeout_ms / most_tries(x);

	timer_set(l, &x->timer, x->to.tcp || x->tries >= most_tries(x) || one > left ? (uint32_t)left : one, on_time);
}

static void on_time(struct loop *l, struct timer *t)
{
	struct exchange *x = of_timer(t);
	int64_t left = x->deadline_ms - l->now_ms;
	int r = 0;

	if (left <= 0) {
		fail(l->owner, x, -ETIMEDOUT);
		return;
	}
	if (!x->to.tcp && x->tries && x->tries < most_tries(x))
		r = send_udp(l->owner, x);
	if (r)
		fail(l->owner, x, r);
	else
		wait_answer(l, x, left);
}

static int connect_to(struct exchange *x, int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(&x->to.server, &sa);

	return connect(fd, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS ? -errno : 0;
}

static int open_socket(struct worker *w, struct exchange *x)
{
	static const struct sockopt plain = { 0 };
	static const struct route_ip anywhere = { 0 };
	const struct sockopt *o = x->to.sockopt ? x->to.sockopt : &plain;
	const struct route_ip *from = x->to.send_through ? x->to.send_through : &anywhere;
	struct addr at = { .family = x->to.server.family };
	int fd, r;

	if (!x->to.tcp && from->family == at.family)
		addr_set_ip(&at, from, 0);
	fd = x->to.tcp ? sock_tcp(at.family, o, from) : sock_udp(&at, o, SOCK_ALONE);
	if (fd < 0)
		return fd;
	r = connect_to(x, fd);
	if (!r)
		r = io_open(&w->loop, &x->io, fd);
	if (r) {
		close(fd);
		return r;
	}
	return x->to.tcp ? 0 : send_udp(w, x);
}

/* --- through an outbound --- */
static void on_fault(struct loop *l, struct timer *t);

static void on_own(struct worker *w, struct packet_own *o, struct str datagram)
{
	struct exchange *x = (struct exchange *)((char *)o - offsetof(struct exchange, own));
	uint8_t *m = (uint8_t *)w->scratch;

	if (!datagram.p) {
		timer_soon(&w->loop, &x->timer, on_fault);
		return;
	}
	memmove(m, datagram.p, datagram.len);
	if (is_answer(x, m, datagram.len))
		take_udp(w, x, m, datagram.len);
}

static int open_own(struct worker *w, struct exchange *x)
{
	int fds[2], r;

	if (!x->to.tcp) {
		x->is_own = true;
		x->own = (struct packet_own){ .tag = x->to.tag, .target = &x->to.server, .received = on_own };
		return send_udp(w, x);
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	r = io_open(&w->loop, &x->io, fds[0]);
	if (r) {
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	x->connected = true;
	flow_own(w, resolve_conf(x->to.conf), x->to.tag, "dns", &x->to.server, fds[1]);
	return 0;
}

/* What only opens a socket is done here, with its options; anything else has a path or a flow of its own. */
static int open_routed(struct worker *w, struct exchange *x)
{
	struct route_flow q = { .network = x->to.tcp ? ROUTE_TCP : ROUTE_UDP, .port = x->to.server.port, .inbound_tag = str_of(x->to.tag),
				.protocol = str_of(x->to.tcp ? "dns" : NULL) };
	const struct outbound *o = NULL;
	const char *rule;
	int r;

	addr_ip(&x->to.server, &q.target);
	r = flow_find(w, x->to.conf, &q, &o, &rule);
	if (r && x->to.conf->n_outbounds)
		return r;
	if (o && (o->kind != OUTBOUND_FREEDOM || o->has_redirect) && o->kind != OUTBOUND_DNS)
		return open_own(w, x);
	x->to.sockopt = o ? &o->sockopt : NULL;
	x->to.send_through = o && o->send_from == SEND_FROM_IP ? &o->send_through : NULL;
	return open_socket(w, x);
}

static int open_exchange(struct worker *w, struct exchange *x)
{
	return x->to.tag ? open_routed(w, x) : open_socket(w, x);
}

static void on_fault(struct loop *l, struct timer *t)
{
	fail(l->owner, of_timer(t), -EHOSTUNREACH);
}

static void on_name(struct worker *w, void *ctx, const struct resolved *r)
{
	struct exchange *x = ctx;

	x->name = NULL;
	if (r->error) {
		timer_soon(&w->loop, &x->timer, on_fault); /* may be from within resolve_send */
		return;
	}
	addr_set_ip(&x->to.server, &r->ips[0], x->to.server.port);
	if (open_exchange(w, x))
		timer_soon(&w->loop, &x->timer, on_fault);
}

static void look_up(struct worker *w, struct exchange *x)
{
	struct addr name = x->to.server; /* overwritten by the answer */

	resolve_ask(w, x->to.conf, addr_name(&name), RESOLVE_4 | RESOLVE_6 | (x->to.system_name ? RESOLVE_SYSTEM : 0), on_name, x,
		    &x->name);
}

struct exchange *resolve_send(struct worker *w, const struct exchange_to *to, struct str query, exchange_fn *done, void *ctx)
{
	struct exchange *x = query.len < HEADER + 5 || query.len > ANSWER_MAX ? NULL : calloc(1, sizeof(*x) + TCP_HEAD + query.len);
	uint16_t id = resolver_random(w);

	if (!x)
		return NULL;
	x->to = *to;
	x->done = done;
	x->ctx = ctx;
	x->len = TCP_HEAD + (uint32_t)query.len;
	x->query[0] = (uint8_t)(query.len >> 8);
	x->query[1] = (uint8_t)query.len;
	memcpy(x->query + TCP_HEAD, query.p, query.len);
	memcpy(x->asked_id, query.p, 2);
	x->id[0] = (uint8_t)(id >> 8);
	x->id[1] = (uint8_t)id;
	memcpy(x->query + TCP_HEAD, x->id, 2);
	x->deadline_ms = w->loop.now_ms + to->timeout_ms;
	io_init(&x->io, on_event);
	timer_set(&w->loop, &x->timer, to->timeout_ms / most_tries(x), on_time);
	if (to->server.family == ADDR_NAME)
		look_up(w, x);
	else if (open_exchange(w, x)) {
		resolve_send_cancel(w, x);
		return NULL;
	}
	return x;
}
