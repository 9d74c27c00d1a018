/* A TCP connection to an address or a name. Several addresses are tried after RFC 8305: families take turns, the next one
 * starts when the last has failed or after a while, and the first that connects wins. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/flow.h"
#include "engine/sock.h"

enum { STAGGER_MS = 250, DIAL_MS = 16 * 1000, ATTEMPTS = 8 };

struct attempt {
	struct io io;
	struct dialing *of;
};
struct dialing {
	struct retired retired; /* first: an attempt's event may still be in this batch */
	struct flow *flow;
	enum domain_strategy strategy;
	struct addr to;
	struct route_ip ips[ATTEMPTS];
	uint32_t n, next, running;
	int error; /* of the newest failure */
	struct timer stagger, deadline;
	struct attempt attempts[ATTEMPTS];
};

static void release(struct loop *l, struct retired *r)
{
	(void)l;
	free(r);
}

static void end(struct worker *w, struct dialing *d)
{
	timer_off(&d->stagger);
	timer_off(&d->deadline);
	for (uint32_t i = 0; i < d->next; i++)
		io_close(&d->attempts[i].io, false);
	d->flow->setup->dialing = NULL;
	loop_retire(&w->loop, &d->retired, release);
}

void dial_cancel(struct worker *w, struct flow *f)
{
	if (f->setup->dialing)
		end(w, f->setup->dialing);
}

static void finish(struct worker *w, struct dialing *d, int error)
{
	struct flow *f = d->flow;

	end(w, d);
	flow_dialed(w, f, error);
}

static void try_next(struct worker *w, struct dialing *d);

static void won(struct worker *w, struct dialing *d, struct attempt *a)
{
	int r = io_move(&w->loop, &d->flow->server, &a->io);

	finish(w, d, -r);
}

static void on_attempt(struct loop *l, struct io *io)
{
	struct attempt *a = (struct attempt *)io;
	struct dialing *d = a->of;
	socklen_t len = sizeof(d->error);
	int error = 0;

	if (!(io->up & (IO_OUT | IO_ERR)))
		return;
	if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (!error) {
		won(l->owner, d, a);
		return;
	}
	d->error = error;
	io_close(io, false);
	d->running--;
	try_next(l->owner, d);
}

static void on_stagger(struct loop *l, struct timer *t)
{
	try_next(l->owner, (struct dialing *)((char *)t - offsetof(struct dialing, stagger)));
}

static void on_deadline(struct loop *l, struct timer *t)
{
	finish(l->owner, (struct dialing *)((char *)t - offsetof(struct dialing, deadline)), ETIMEDOUT);
}

struct route_ip dial_from(struct worker *w, const struct outbound *o, const struct addr *local, const struct addr *source)
{
	struct route_ip from = o->send_through;
	unsigned size = from.family == ADDR_V4 ? 32 : 128;

	if (o->send_from == SEND_FROM_LOCAL)
		addr_ip(local, &from);
	else if (o->send_from == SEND_FROM_SOURCE)
		addr_ip(source, &from);
	for (unsigned bit = o->send_bits; o->send_from == SEND_FROM_NET && bit < size; bit++)
		from.bytes[bit / 8] = (uint8_t)((from.bytes[bit / 8] & ~(0x80u >> bit % 8)) |
						(worker_random(w) & 0x80u >> bit % 8));
	return from;
}

static int open_socket(struct worker *w, unsigned family, const struct sockopt *o, const struct route_ip *from)
{
	return worker_take_fd(w, sock_tcp(family, o, from));
}

/* 0: under way; -errno. */
static int begin(struct worker *w, struct dialing *d, struct attempt *a, const struct route_ip *ip)
{
	const struct outbound *out = d->flow->outbound;
	struct sockaddr_storage sa;
	struct route_ip from;
	struct addr to;
	socklen_t len;
	int fd, r;

	addr_set_ip(&to, ip, d->to.port);
	len = addr_to_sockaddr(&to, &sa);
	from = dial_from(w, out, &d->flow->setup->local, &d->flow->setup->source);
	fd = open_socket(w, ip->family, &out->sockopt, &from);
	if (fd < 0)
		return fd;
	a->of = d;
	io_init(&a->io, on_attempt);
	if (connect(fd, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS) {
		r = -errno;
		close(fd);
		return r;
	}
	r = io_open(&w->loop, &a->io, fd);
	if (r)
		close(fd);
	return r;
}

static void try_next(struct worker *w, struct dialing *d)
{
	const struct sockopt *o = &d->flow->outbound->sockopt;
	uint32_t stagger = o->happy_eyeballs_ms;

	while (d->next < d->n) {
		int r = begin(w, d, &d->attempts[d->next], &d->ips[d->next]);

		d->next++;
		if (!r) {
			d->running++;
			if (d->next < d->n && (!o->happy_most || d->running < o->happy_most))
				timer_set(&w->loop, &d->stagger, stagger ? stagger : STAGGER_MS, on_stagger);
			return;
		}
		d->attempts[d->next - 1].io.fd = -1;
		d->error = -r;
	}
	if (!d->running)
		finish(w, d, d->error ? d->error : EHOSTUNREACH);
}

/* The preferred family first, then in turns, which may be of several addresses. */
static void arrange(struct dialing *d, const struct route_ip *ips, uint32_t n)
{
	const struct sockopt *o = &d->flow->outbound->sockopt;
	unsigned first = o->happy_first ? o->happy_first : sock_first_family(d->strategy);
	uint32_t at[2] = { 0, 0 }, many = o->happy_interleave ? o->happy_interleave : 1;

	for (uint32_t k = 0; d->n < ATTEMPTS && (at[0] < n || at[1] < n); k++) {
		unsigned turn = (at[0] < n && k / many % 2 == 0) || at[1] >= n ? 0 : 1;
		unsigned family = turn % 2 ? 10 - first : first;
		uint32_t *i = &at[turn % 2];

		while (*i < n && ips[*i].family != family)
			++*i;
		if (*i < n)
			d->ips[d->n++] = ips[(*i)++];
	}
}

static void on_resolved(struct worker *w, void *ctx, int error, const struct route_ip *ips, uint32_t n)
{
	struct dialing *d = ctx;

	d->flow->setup->query = NULL;
	if (error || !n) {
		finish(w, d, error ? -error : EHOSTUNREACH);
		return;
	}
	arrange(d, ips, n);
	try_next(w, d);
}

static void on_one_deadline(struct loop *l, struct timer *t)
{
	struct flow *f = (struct flow *)((char *)t - offsetof(struct flow, timer));

	io_close(&f->server, false);
	flow_dialed(l->owner, f, ETIMEDOUT);
}

/* One address needs no choice: the flow's own socket connects, and nothing is allocated for it. */
static void dial_one(struct worker *w, struct flow *f, const struct addr *to)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(to, &sa);
	struct route_ip from = dial_from(w, f->outbound, &f->setup->local, &f->setup->source);
	int fd = open_socket(w, to->family, &f->outbound->sockopt, &from), r = fd < 0 ? fd : 0;

	if (!r && connect(fd, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS)
		r = -errno;
	if (!r)
		r = io_open(&w->loop, &f->server, fd);
	if (r && fd >= 0)
		close(fd);
	if (r)
		flow_dialed(w, f, -r);
	else
		timer_set(&w->loop, &f->timer, DIAL_MS, on_one_deadline);
}

void dial_event(struct worker *w, struct flow *f)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (!(f->server.up & (IO_OUT | IO_ERR)))
		return;
	if (getsockopt(f->server.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error)
		io_close(&f->server, false);
	timer_off(&f->timer);
	flow_dialed(w, f, error);
}

static void dial_name(struct worker *w, struct flow *f, const struct addr *to, enum domain_strategy strategy)
{
	struct dialing *d = calloc(1, sizeof(*d));

	if (!d) {
		flow_dialed(w, f, ENOMEM);
		return;
	}
	*d = (struct dialing){ .flow = f, .strategy = strategy, .to = *to };
	f->setup->dialing = d;
	timer_set(&w->loop, &d->deadline, DIAL_MS, on_deadline);
	resolve_dial(w, f->conf, addr_name(to), strategy, on_resolved, d, &f->setup->query);
}

void dial_start(struct worker *w, struct flow *f, const struct addr *to, enum domain_strategy strategy,
		void (*done)(struct worker *w, struct flow *f, int error))
{
	f->setup->dialed = done;
	timer_off(&f->timer);
	if (to->family == ADDR_NAME)
		dial_name(w, f, to, strategy);
	else
		dial_one(w, f, to);
}
