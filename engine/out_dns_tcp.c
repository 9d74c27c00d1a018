/* The dns outbound for connections: the flow's server is one end of a socket pair, and here is the other. Messages have their
 * length before them, and may be answered in any order (RFC 7766). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/codecs.h"
#include "engine/out_dns.h"
#include "engine/packet_impl.h"

enum { READ_BYTES = 16 * 1024, AT_A_TIME = 64, HEAD = 2 };

struct dns_conn {
	struct retired retired; /* first */
	struct dns_conn *next, **at;
	struct dns_owner owner;
	struct io io;
	struct timer turn;
	struct conf *conf;      /* held */
	struct addr asked;
	struct bytes in, out;
	bool eof, dead;
};

static void release(struct loop *l, struct retired *r)
{
	(void)l;
	free(r);
}

static void close_conn(struct worker *w, struct dns_conn *c)
{
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	timer_off(&c->turn);
	dns_owner_stop(w, &c->owner);
	io_close(&c->io, false);
	bytes_free(&c->in);
	bytes_free(&c->out);
	conf_drop(c->conf);
	loop_retire(&w->loop, &c->retired, release);
}

void dns_close_all(struct worker *w)
{
	while (w->packets->dns_conns)
		close_conn(w, w->packets->dns_conns);
}

/* --- writing --- */
static void flush(struct dns_conn *c)
{
	while (c->out.len && c->io.up & IO_OUT) {
		ssize_t n = send(c->io.fd, c->out.p, c->out.len, MSG_NOSIGNAL);

		if (n > 0) {
			bytes_drop(&c->out, (size_t)n);
		} else if (errno == EAGAIN) {
			c->io.up &= (uint8_t)~IO_OUT;
		} else if (errno != EINTR) {
			c->dead = true;
			return;
		}
	}
}

static void run(struct worker *w, struct dns_conn *c);

static void on_turn(struct loop *l, struct timer *t)
{
	run(l->owner, (struct dns_conn *)((char *)t - offsetof(struct dns_conn, turn)));
}

static void answered(struct worker *w, struct dns_owner *o, struct str message, const struct addr *asked)
{
	struct dns_conn *c = (struct dns_conn *)((char *)o - offsetof(struct dns_conn, owner));
	const uint8_t head[HEAD] = { (uint8_t)(message.len >> 8), (uint8_t)message.len };

	(void)asked;
	bytes_add(&c->out, head, HEAD);
	bytes_add(&c->out, message.p, message.len);
	if (c->out.len < message.len)
		c->dead = true; /* memory is out */
	timer_soon(&w->loop, &c->turn, on_turn);
}

/* --- reading --- */
/* How long the first message is with its head; 0: it is not all there. */
static size_t first_message(const struct bytes *b)
{
	size_t len = b->len < HEAD ? 0 : HEAD + (size_t)((uint8_t)b->p[0] << 8 | (uint8_t)b->p[1]);

	return len && len <= b->len ? len : 0;
}

static void take_messages(struct worker *w, struct dns_conn *c)
{
	size_t len;

	while (c->owner.n_jobs < AT_A_TIME && (len = first_message(&c->in)) > 0) {
		dns_owner_ask(w, &c->owner, (struct str){ c->in.p + HEAD, len - HEAD }, &c->asked);
		bytes_drop(&c->in, len);
	}
}

static void read_some(struct worker *w, struct dns_conn *c)
{
	ssize_t n = recv(c->io.fd, w->scratch, READ_BYTES, 0);

	if (n > 0) {
		bytes_add(&c->in, w->scratch, (size_t)n);
		c->dead |= !c->in.p;
		return;
	}
	if (n < 0 && errno == EINTR)
		return;
	c->io.up &= (uint8_t)~IO_IN;
	c->eof |= !n;
	c->dead |= n < 0 && errno != EAGAIN;
}

static void run(struct worker *w, struct dns_conn *c)
{
	take_messages(w, c);
	while (!c->dead && !c->eof && c->io.up & IO_IN && c->owner.n_jobs < AT_A_TIME) {
		read_some(w, c);
		take_messages(w, c);
	}
	flush(c);
	if (c->dead || (c->eof && !c->owner.n_jobs && !c->out.len))
		close_conn(w, c);
}

static void on_event(struct loop *l, struct io *io)
{
	run(l->owner, (struct dns_conn *)((char *)io - offsetof(struct dns_conn, io)));
}

/* --- begin --- */
static struct dns_conn *new_conn(struct worker *w, const struct flow *f, int fd)
{
	struct packet_worker *k = w->packets;
	struct dns_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	io_init(&c->io, on_event);
	if (io_open(&w->loop, &c->io, fd)) {
		free(c);
		return NULL;
	}
	c->conf = f->conf;
	conf_hold(c->conf);
	c->owner = (struct dns_owner){ .conf = c->conf, .outbound = f->outbound, .tcp = true, .answered = answered };
	c->asked = f->setup->target;
	c->next = k->dns_conns;
	c->at = &k->dns_conns;
	if (c->next)
		c->next->at = &c->next;
	k->dns_conns = c;
	return c;
}

static void dns_start(struct worker *w, struct flow *f)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0) {
		flow_fail(w, f, errno, "no socket pair for DNS");
		return;
	}
	if (!new_conn(w, f, fds[1])) {
		close(fds[0]);
		close(fds[1]);
		flow_fail(w, f, ENOMEM, "out of memory");
		return;
	}
	if (io_open(&w->loop, &f->server, fds[0])) {
		close(fds[0]); /* the other end sees that */
		flow_fail(w, f, ENOMEM, "out of memory");
		return;
	}
	flow_server_ready(w, f);
}

const struct outbound_ops outbound_dns = { .start = dns_start };
