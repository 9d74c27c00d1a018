/* The socks outbound for datagrams: UDP ASSOCIATE over a TCP connection that stays open, and a socket connected to the relay that the
 * server names. */
#include "engine/packet_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/sock.h"

enum { ATTEMPTS = 8, ANSWER_MAX = 1024 };

struct proxy {
	struct retired retired; /* first */
	struct io tcp;
	struct path *path;
	struct socks_client client;
	struct query *query;
	struct addr server;     /* the one that is tried */
	struct route_ip ips[ATTEMPTS];
	uint32_t n, next;
	bool connected;
	uint32_t len;
	char in[ANSWER_MAX];
};

static void release(struct loop *l, struct retired *r)
{
	(void)l;
	free(r);
}

static void socks_stop(struct worker *w, struct path *p)
{
	struct proxy *x = p->state;

	if (!x)
		return;
	p->state = NULL;
	if (x->query)
		resolve_cancel(w, x->query);
	io_close(&x->tcp, false);
	loop_retire(&w->loop, &x->retired, release);
}

static void refuse(struct worker *w, struct proxy *x, const char *why)
{
	path_deaf(w, x->path, PATH_AGAIN_MS, "rejected", why);
}

static struct route_ip from_of(struct worker *w, const struct path *p)
{
	struct addr source, local;

	packet_sa_addr(&p->source, &source);
	addr_set_ip(&local, &p->local, 0);
	return dial_from(w, p->outbound, &local, &source);
}

/* --- the relay --- */
/* An unspecified address stands for the server's own. */
static void relay_address(const struct proxy *x, struct addr *ret)
{
	static const uint8_t none[16] = { 0 };
	const struct addr *b = &x->client.bound;
	bool is_ip = b->family == ADDR_V4 || b->family == ADDR_V6;

	*ret = is_ip && memcmp(b->ip, none, b->family == ADDR_V4 ? 4 : 16) != 0 ? *b : x->server;
	ret->port = b->port;
}

static int open_relay(struct worker *w, struct proxy *x)
{
	struct path *p = x->path;
	struct route_ip from = from_of(w, p);
	struct sockopt o = p->outbound->sockopt;
	struct sockaddr_storage sa;
	struct addr relay, at;
	socklen_t len;
	int fd, r;

	o.v6only = false;
	relay_address(x, &relay);
	at = (struct addr){ .family = relay.family };
	if (from.family == relay.family)
		addr_set_ip(&at, &from, 0);
	fd = worker_take_fd(w, sock_udp(&at, &o, SOCK_ALONE));
	if (fd < 0)
		return fd;
	len = addr_to_sockaddr(&relay, &sa);
	r = connect(fd, (struct sockaddr *)&sa, len) < 0 ? -errno : io_open_level(&w->loop, &p->up, fd);
	if (r)
		close(fd);
	return r;
}

/* --- the control connection --- */
static void connect_next(struct worker *w, struct proxy *x);

/* 0: go on; 1: more bytes are needed; -errno. */
static int step(struct worker *w, struct proxy *x)
{
	size_t used = 0;
	int error = 0;
	enum socks_step s = socks_client_step(&x->client, (struct str){ x->in, x->len }, &used, &error);

	x->len -= (uint32_t)used;
	memmove(x->in, x->in + used, x->len);
	switch (s) {
	case SOCKS_MORE:
		return 1;
	case SOCKS_REPLY:
		return send(x->tcp.fd, x->client.send, x->client.send_len, MSG_NOSIGNAL) == x->client.send_len ? 0 : -EIO;
	case SOCKS_REQUEST:
		error = -open_relay(w, x);
		if (!error)
			path_ready(w, x->path);
		return error ? -error : 1;
	default:
		return error ? -error : -EPROTO;
	}
}

static int steps(struct worker *w, struct proxy *x)
{
	int r;

	do
		r = step(w, x);
	while (!r);
	return r;
}

/* 0: later; -errno. */
static int read_control(struct worker *w, struct proxy *x)
{
	while (x->path->state == x && x->tcp.up & IO_IN) {
		bool is_open = x->path->stage == PATH_UP; /* then nothing it says matters */
		ssize_t n = recv(x->tcp.fd, x->in + (is_open ? 0 : x->len), ANSWER_MAX - (is_open ? 0 : x->len), 0);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			x->tcp.up &= (uint8_t)~IO_IN;
			return 0;
		}
		if (n <= 0)
			return n ? -errno : -ECONNRESET;
		if (is_open)
			continue;
		x->len += (uint32_t)n;
		r = steps(w, x);
		if (r < 0)
			return r;
	}
	return 0;
}

static int connect_error(const struct proxy *x)
{
	socklen_t len = sizeof(int);
	int error = 0;

	return getsockopt(x->tcp.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? -errno : -error;
}

static void on_control(struct loop *l, struct io *io)
{
	struct worker *w = l->owner;
	struct proxy *x = (struct proxy *)((char *)io - offsetof(struct proxy, tcp));
	int r = 0;

	if (!x->connected) {
		if (!(io->up & (IO_OUT | IO_ERR)))
			return;
		if (connect_error(x)) {
			io_close(io, false);
			connect_next(w, x);
			return;
		}
		x->connected = true;
		r = steps(w, x);
	}
	if (r >= 0)
		r = read_control(w, x);
	if (r >= 0)
		return;
	if (x->path->stage == PATH_UP)
		path_close(w, x->path); /* the next datagram begins anew */
	else
		refuse(w, x, "the SOCKS server does not carry UDP for us");
}

static int begin(struct worker *w, struct proxy *x)
{
	const struct outbound *o = x->path->outbound;
	struct route_ip from = from_of(w, x->path);
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(&x->server, &sa);
	int fd = worker_take_fd(w, sock_tcp(x->server.family, &o->sockopt, &from)), r;

	if (fd < 0)
		return fd;
	r = connect(fd, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS ? -errno : io_open(&w->loop, &x->tcp, fd);
	if (r)
		close(fd);
	return r;
}

static void connect_next(struct worker *w, struct proxy *x)
{
	while (x->next < x->n) {
		addr_set_ip(&x->server, &x->ips[x->next++], x->path->outbound->server.port);
		if (!begin(w, x))
			return;
	}
	refuse(w, x, "cannot connect to the SOCKS server");
}

static void on_name(struct worker *w, void *ctx, int error, const struct route_ip *ips, uint32_t n)
{
	struct proxy *x = ctx;

	x->query = NULL;
	x->n = error ? 0 : n < ATTEMPTS ? n : ATTEMPTS;
	if (x->n)
		memcpy(x->ips, ips, x->n * sizeof(*ips));
	connect_next(w, x);
}

static void socks_start(struct worker *w, struct path *p)
{
	const struct outbound *o = p->outbound;
	struct proxy *x = calloc(1, sizeof(*x));

	if (!x) {
		path_deaf(w, p, PATH_AGAIN_MS, "rejected", "out of memory");
		return;
	}
	p->state = x;
	x->path = p;
	io_init(&x->tcp, on_control);
	x->client.command = SOCKS_UDP_ASSOCIATE;
	if (o->has_user) {
		x->client.user = o->user.name;
		x->client.password = o->user.password;
	}
	if (o->server.family == ADDR_NAME) {
		resolve_dial(w, p->conf, addr_name(&o->server), o->strategy, on_name, x, &x->query);
		return;
	}
	addr_ip(&o->server, &x->ips[0]);
	x->n = 1;
	connect_next(w, x);
}

/* --- datagrams --- */
static bool wrap(struct worker *w, struct path *p, struct datagram *d)
{
	uint8_t header[SOCKS_UDP_HEADER];
	struct peer *e;
	size_t len;

	if (!path_aim(w, p, d, &e))
		return false;
	len = socks_udp_write(&d->at, header);
	d->p -= len;
	d->len += (uint32_t)len;
	memcpy(d->p, header, len);
	d->sa.sa.sa_family = AF_UNSPEC; /* the socket is connected */
	return true;
}

static void socks_send(struct worker *w, struct path *p, struct datagram *d, unsigned n)
{
	unsigned run = 0;

	for (unsigned i = 0; i < n; i++) {
		if (wrap(w, p, &d[i])) {
			run++;
			continue;
		}
		packet_send(w, p->up.fd, &d[i - run], run);
		run = 0;
	}
	packet_send(w, p->up.fd, &d[n - run], run);
}

static void socks_received(struct worker *w, struct path *p, struct datagram *d, unsigned n)
{
	unsigned good = 0;

	for (unsigned i = 0; i < n; i++) {
		int header = socks_udp_read((struct str){ d[i].p, d[i].len }, &d[i].at);

		if (header < 0)
			continue;
		d[i].p += header;
		d[i].len -= (uint32_t)header;
		if (good != i)
			d[good] = d[i];
		good++;
	}
	path_reply(w, p, d, good, true);
}

const struct path_out path_out_socks = { socks_start, socks_send, socks_stop, socks_received };
