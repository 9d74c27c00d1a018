/* The life of a TCP flow. Each step ends in the next one's call; what has to wait goes on from an event. */
#include "engine/flow.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/packet.h"
#include "engine/tube.h"

enum { FORGET_BYTES = 128 * 1024, CLIENT_BYTES_MAX = 64 * 1024, READ_BYTES = 16 * 1024, LOOPS_MAX = 8, FLOW_FDS = 2 };

static const int held_idle_s = 60, held_interval_s = 30;

static struct worker *worker_of(struct loop *l)
{
	return l->owner;
}

static struct flow *flow_of_client(struct io *io)
{
	return (struct flow *)((char *)io - offsetof(struct flow, client));
}

static struct flow *flow_of_server(struct io *io)
{
	return (struct flow *)((char *)io - offsetof(struct flow, server));
}

static struct flow *flow_of_timer(struct timer *t)
{
	return (struct flow *)((char *)t - offsetof(struct flow, timer));
}

/* --- the end --- */
static void free_setup(struct worker *w, struct flow *f)
{
	struct setup *s = f->setup;

	if (!s)
		return;
	dial_cancel(w, f);
	if (s->query)
		resolve_cancel(w, s->query);
	bytes_free(&s->client);
	bytes_free(&s->server);
	bytes_free(&s->to_server);
	if (f->inbound->ops->end)
		f->inbound->ops->end(f);
	free(s->inbound_state);
	free(s->outbound_state);
	slab_put(&w->setups, s);
	f->setup = NULL;
}

static void release(struct loop *l, struct retired *r)
{
	slab_put(&worker_of(l)->flows, r);
}

void flow_close(struct worker *w, struct flow *f, bool with_reset)
{
	if (f->stage == FLOW_DEAD)
		return;
	f->stage = FLOW_DEAD;
	timer_off(&f->timer);
	timer_off(&f->turn);
	free_setup(w, f);
	if (f->association)
		packet_release(w, f->association);
	io_close(&f->client, with_reset);
	io_close(&f->server, with_reset);
	free(f->up.body);
	free(f->up.tail);
	free(f->down.tail);
	tube_put(w, f->up.tube);
	tube_put(w, f->down.tube);
	conf_drop(f->conf);
	*f->at = f->next;
	if (f->next)
		f->next->at = f->at;
	atomic_fetch_sub_explicit(&w->n_flows, 1, memory_order_relaxed);
	worker_count_fds(w, -FLOW_FDS);
	loop_retire(&w->loop, &f->retired, release);
}

/* Closing a socket with bytes unread is a reset, which may overtake the answer that was just sent. */
static void forget_input(struct worker *w, struct flow *f)
{
	size_t left = FORGET_BYTES;
	ssize_t n;

	while (f->client.fd >= 0 && left && (n = recv(f->client.fd, w->scratch, left, MSG_DONTWAIT)) > 0)
		left -= (size_t)n;
}

/* Before the relay the client is told, and what it is told goes out before its socket is closed. */
void flow_fail(struct worker *w, struct flow *f, int error, const char *why)
{
	char target[ADDR_TEXT];

	if (f->stage == FLOW_DEAD)
		return;
	if (f->setup && f->setup->target.family) {
		elog_access(w, f, error ? "rejected" : "closed", why);
		if (w->conf->log.level <= LOG_INFO)
			elog(w, LOG_INFO, f->id, "%s: %s%s%s", elog_addr(w, &f->setup->target, target), why,
			     error ? ": " : "", error ? strerror(error) : "");
	} else
		elog(w, LOG_INFO, f->id, "%s", why);
	if (error && f->setup && !f->setup->answered && f->setup->target.family)
		f->inbound->ops->answer(w, f, error);
	else if (error) {
		flow_close(w, f, true);
		return;
	}
	forget_input(w, f);
	flow_close(w, f, false);
}

/* --- timers --- */
/* The kernel holds bytes that the peer has not taken yet. */
static bool is_sending(const struct io *io)
{
	uint32_t memory[SK_MEMINFO_VARS];
	socklen_t len = sizeof(memory);

	if (getsockopt(io->fd, SOL_SOCKET, SO_MEMINFO, memory, &len))
		return false;
	return memory[SK_MEMINFO_WMEM_QUEUED] || memory[SK_MEMINFO_WMEM_ALLOC];
}

static void on_idle(struct loop *l, struct timer *t)
{
	struct flow *f = flow_of_timer(t);
	int64_t quiet = l->now_ms - f->last_ms;

	if (quiet < f->idle_ms)
		timer_set(l, t, (uint32_t)(f->idle_ms - quiet), on_idle);
	else if (quiet < f->policy->idle_ms && (is_sending(&f->client) || is_sending(&f->server)))
		timer_set(l, t, f->idle_ms, on_idle); /* half-closed: its short time begins when the last bytes have arrived */
	else
		flow_close(worker_of(l), f, false);
}

static void on_handshake_over(struct loop *l, struct timer *t)
{
	struct flow *f = flow_of_timer(t);

	flow_fail(worker_of(l), f, f->stage == FLOW_HANDSHAKE ? 0 : ETIMEDOUT, "the handshake took too long");
}

/* --- the client's side before the relay --- */
static void on_client(struct loop *l, struct io *io);
static void on_server(struct loop *l, struct io *io);

/* 0; 1: no more for now; -errno or -EPIPE for the end. */
static int read_client(struct worker *w, struct flow *f)
{
	struct setup *s = f->setup;
	ssize_t n;

	if (!(f->client.up & IO_IN))
		return 1;
	if (s->client.len >= CLIENT_BYTES_MAX)
		return 1;
	n = recv(f->client.fd, w->scratch, READ_BYTES, 0);
	if (n < 0 && errno == EAGAIN) {
		f->client.up &= (uint8_t)~IO_IN;
		return 1;
	}
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (!n) {
		f->up.eof = true;
		return -EPIPE;
	}
	bytes_add(&s->client, w->scratch, (size_t)n);
	if (!s->client.p)
		return -ENOMEM;
	if (n < READ_BYTES && !(f->client.up & (IO_HUP | IO_URGENT)))
		f->client.up &= (uint8_t)~IO_IN;
	return 0;
}

void flow_answer_over(struct loop *l, struct timer *t)
{
	flow_fail(worker_of(l), flow_of_timer(t), ETIMEDOUT, "the proxy did not answer in time");
}

static void on_client_bytes(struct worker *w, struct flow *f)
{
	if (f->stage == FLOW_HANDSHAKE)
		f->inbound->ops->read(w, f);
	else if (f->stage == FLOW_SNIFF)
		flow_sniff(w, f);
}

/* Nothing that is said on it matters but its end. */
static void on_held(struct worker *w, struct flow *f)
{
	ssize_t n;

	do
		n = recv(f->client.fd, w->scratch, READ_BYTES, 0);
	while (n > 0 || (n < 0 && errno == EINTR));
	f->client.up &= (uint8_t)~IO_IN;
	if (!n || errno != EAGAIN)
		flow_close(w, f, false);
}

static void on_held_turn(struct loop *l, struct timer *t)
{
	on_held(worker_of(l), (struct flow *)((char *)t - offsetof(struct flow, turn)));
}

/* A client that is gone without a word is found out by keep-alives: no timer watches over this. */
void flow_hold(struct worker *w, struct flow *f, struct association *a)
{
	static const int on = 1;

	setsockopt(f->client.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(f->client.fd, IPPROTO_TCP, TCP_KEEPIDLE, &held_idle_s, sizeof(held_idle_s));
	setsockopt(f->client.fd, IPPROTO_TCP, TCP_KEEPINTVL, &held_interval_s, sizeof(held_interval_s));
	f->association = a;
	f->stage = FLOW_HELD;
	timer_off(&f->timer);
	free_setup(w, f);
	timer_soon(&w->loop, &f->turn, on_held_turn); /* an end that was seen already is no new event */
}

static void on_client(struct loop *l, struct io *io)
{
	struct worker *w = worker_of(l);
	struct flow *f = flow_of_client(io);
	int r;

	if (f->stage == FLOW_RELAY) {
		relay_run(w, f);
		return;
	}
	if (f->stage == FLOW_HELD) {
		on_held(w, f);
		return;
	}
	if (io->up & IO_ERR) {
		flow_close(w, f, true);
		return;
	}
	while (f->stage == FLOW_HANDSHAKE || f->stage == FLOW_SNIFF) {
		r = read_client(w, f);
		if (r == -EPIPE && f->stage == FLOW_SNIFF) { /* it has said all it will: enough to go on */
			flow_sniff_last(w, f);
			return;
		}
		if (r < 0) {
			flow_close(w, f, r != -EPIPE);
			return;
		}
		if (r)
			return;
		on_client_bytes(w, f);
	}
}

void flow_tell_client(struct worker *w, struct flow *f, const void *p, size_t len)
{
	ssize_t n = 0;

	(void)w;
	if (!f->down.tail) {
		n = send(f->client.fd, p, len, MSG_NOSIGNAL);
		if (n < 0)
			n = 0;
		if ((size_t)n == len)
			return;
		f->client.up &= (uint8_t)~IO_OUT;
	}
	if (relay_keep(&f->down, (const char *)p + n, len - (size_t)n))
		f->broken = true;
}

/* The local address, for rules, for dialling from it, and for what comes from a transparent proxy. */
static void ask_local(struct flow *f)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (!getsockname(f->client.fd, (struct sockaddr *)&sa, &len))
		addr_from_sockaddr(&f->setup->local, (struct sockaddr *)&sa);
}

static void enlist(struct worker *w, struct flow *f)
{
	f->next = w->first_flow;
	f->at = &w->first_flow;
	if (f->next)
		f->next->at = &f->next;
	w->first_flow = f;
	atomic_fetch_add_explicit(&w->n_flows, 1, memory_order_relaxed);
	worker_count_fds(w, FLOW_FDS);
}

/* NULL when memory is out; fd is closed then. */
static struct flow *new_flow(struct worker *w, const struct inbound *in, struct conf *c, int fd)
{
	struct flow *f = slab_get(&w->flows);
	struct setup *s = f ? slab_get(&w->setups) : NULL;

	if (!s || io_open(&w->loop, &f->client, fd)) {
		if (s)
			slab_put(&w->setups, s);
		if (f)
			slab_put(&w->flows, f);
		close(fd);
		return NULL;
	}
	f->client.on = on_client;
	io_init(&f->server, on_server);
	f->setup = s;
	f->inbound = in;
	f->conf = c;
	conf_hold(f->conf);
	f->policy = in->policy ? in->policy : &c->policy;
	f->id = ++w->next_id << 8 | w->index;
	f->last_ms = w->loop.now_ms;
	enlist(w, f);
	timer_set(&w->loop, &f->timer, f->policy->handshake_ms, on_handshake_over);
	return f;
}

void flow_accept(struct worker *w, const struct inbound *in, int fd, const struct sockaddr *peer)
{
	static const int on = 1;
	struct flow *f = new_flow(w, in, w->conf, fd);

	if (!f)
		return;
	addr_from_sockaddr(&f->setup->source, peer);
	ask_local(f);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	in->ops->read(w, f);
}

static void own_answer(struct worker *w, struct flow *f, int error)
{
	(void)w;
	(void)f;
	(void)error;
}

void flow_own(struct worker *w, struct conf *c, const char *tag, const char *protocol, const struct addr *target, int fd)
{
	static const struct inbound_ops ops = { .read = flow_target_known, .answer = own_answer };
	static const struct inbound nowhere = { .tag = "", .ops = &ops };
	struct flow *f = new_flow(w, &nowhere, c, fd);

	if (!f)
		return;
	f->setup->target = *target;
	f->setup->inbound_tag = tag;
	f->setup->protocol = str_of(protocol);
	flow_target_known(w, f);
}

/* --- where to --- */
void flow_target_known(struct worker *w, struct flow *f)
{
	struct setup *s = f->setup;

	if (s->user)
		f->policy = conf_policy(f->conf, s->user->level);
	flow_unfake(f);
	if (!f->inbound->sniffing.tcp_mask) {
		flow_sniffed(w, f);
		return;
	}
	s->sniff_mask = f->inbound->sniffing.tcp_mask;
	f->stage = FLOW_SNIFF;
	/* The client sends nothing before it is told that all is well. */
	if (!s->answered) {
		s->answered = true;
		f->inbound->ops->answer(w, f, 0);
	}
	timer_set(&w->loop, &f->timer, SNIFF_MS, flow_sniff_over);
	if (s->client.len)
		flow_sniff(w, f);
}

void flow_go(struct worker *w, struct flow *f, const struct outbound *out)
{
	f->outbound = out;
	f->policy = out->policy; /* the times are the outbound's from here on, as in Xray */
	f->stage = FLOW_DIAL;
	timer_set(&w->loop, &f->timer, f->policy->handshake_ms, on_handshake_over);
	out->ops->start(w, f);
}

/* What the server says first has its time again. */
void flow_dialed(struct worker *w, struct flow *f, int error)
{
	if (!error)
		timer_set(&w->loop, &f->timer, f->policy->handshake_ms, on_handshake_over);
	f->setup->dialed(w, f, error);
}

void flow_route_again(struct worker *w, struct flow *f, const char *inbound_tag)
{
	if (f->setup->loops++ == LOOPS_MAX) {
		flow_fail(w, f, ELOOP, "loopback outbounds lead in a circle");
		return;
	}
	f->setup->inbound_tag = inbound_tag;
	flow_route(w, f);
}

/* --- the server's side before the relay --- */
static void read_server(struct worker *w, struct flow *f)
{
	struct setup *s = f->setup;
	ssize_t n = recv(f->server.fd, w->scratch, READ_BYTES, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		f->server.up &= (uint8_t)~IO_IN;
		return;
	}
	if (n <= 0) {
		flow_fail(w, f, n ? errno : ECONNRESET, "the server closed before it had answered");
		return;
	}
	bytes_add(&s->server, w->scratch, (size_t)n);
	f->outbound->ops->connected(w, f);
}

static void on_server(struct loop *l, struct io *io)
{
	struct worker *w = worker_of(l);
	struct flow *f = flow_of_server(io);

	if (f->stage == FLOW_RELAY)
		relay_run(w, f);
	else if (f->stage == FLOW_DIAL)
		dial_event(w, f);
	while (f->stage == FLOW_ANSWER && io->up & IO_IN)
		read_server(w, f);
}

static void start_counting(struct flow *f)
{
	const struct traffic *of[] = { f->setup->user ? &f->setup->user->traffic : NULL, &f->inbound->traffic,
				       &f->outbound->traffic };

	for (size_t i = 0; i < 3; i++) {
		f->up.counters[i] = of[i] ? of[i]->up : NULL;
		f->down.counters[i] = of[i] ? of[i]->down : NULL;
	}
}

/* The outbound is ready: what the set-up has gathered becomes the first bytes of the relay. */
void flow_server_ready(struct worker *w, struct flow *f)
{
	struct setup *s = f->setup;
	bool bad;

	elog_access(w, f, "accepted", "");
	if (!s->answered) {
		s->answered = true;
		f->inbound->ops->answer(w, f, 0);
	}
	start_counting(f);
	bad = f->broken || relay_keep(&f->up, s->to_server.p, s->to_server.len) || relay_begin(&f->up, s->client.p, s->client.len) ||
	      relay_begin(&f->down, s->server.p, s->server.len);
	if (bad) {
		flow_close(w, f, true);
		return;
	}
	free_setup(w, f);
	f->stage = FLOW_RELAY;
	f->idle_ms = f->policy->idle_ms;
	f->last_ms = w->loop.now_ms;
	timer_set(&w->loop, &f->timer, f->idle_ms, on_idle);
	relay_run(w, f);
}
