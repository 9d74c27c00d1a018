/* The relay: bytes from one socket to the other through the worker's scratch memory. A connection holds memory only while
 * its receiver is slower than its sender, and then no more is read from the sender until that has gone out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/flow.h"
#include "engine/http.h"

enum {
	CHUNK_LEAST = 14, /* 16 KiB: what a receiver gets at a time that could not take more */
	CHUNK_MOST = 18,  /* 256 KiB */
	TURN_BYTES = 2 << 20, /* then others have their turn */
};
enum pump_result { PUMP_IDLE, PUMP_AGAIN, PUMP_FAILED };

static void count(struct half *h, size_t n)
{
	for (size_t i = 0; i < sizeof(h->counters) / sizeof(*h->counters); i++)
		if (h->counters[i])
			atomic_fetch_add_explicit(&h->counters[i]->value, n, memory_order_relaxed);
}

int relay_keep(struct half *h, const char *p, size_t len)
{
	size_t waiting = h->len - h->at;
	char *both;

	if (!len)
		return 0;
	both = malloc(waiting + len);
	if (!both)
		return -ENOMEM;
	if (h->tail)
		memcpy(both, h->tail + h->at, waiting);
	memcpy(both + waiting, p, len);
	free(h->tail);
	h->tail = both;
	h->at = 0;
	h->len = (uint32_t)(waiting + len);
	return 0;
}

int relay_begin(struct half *h, const char *p, size_t len)
{
	count(h, len);
	return relay_keep(h, p, len);
}

/* 0: all of it is out, 1: the receiver is full, -errno. */
static int send_tail(struct half *h, struct io *to)
{
	while (h->at < h->len) {
		ssize_t n = send(to->fd, h->tail + h->at, h->len - h->at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			to->up &= (uint8_t)~IO_OUT;
			return 1;
		}
		if (n < 0)
			return -errno;
		h->at += (uint32_t)n;
	}
	free(h->tail);
	h->tail = NULL;
	h->at = h->len = 0;
	return 0;
}

/* What was just read goes out; what does not fit stays. 0, 1, -errno. */
static int send_fresh(struct half *h, struct io *to, const char *p, size_t n)
{
	ssize_t sent;

	do
		sent = send(to->fd, p, n, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN)
		return -errno;
	if (sent == (ssize_t)n)
		return 0;
	if (sent < 0)
		sent = 0;
	to->up &= (uint8_t)~IO_OUT;
	if (h->chunk > CHUNK_LEAST)
		h->chunk--;
	return relay_keep(h, p + sent, n - (size_t)sent) ? -ENOMEM : 1;
}

/* The sender has finished, and everything it sent is out: so has the receiver's side. */
static void pass_end(struct half *h, struct io *to)
{
	if (h->shut)
		return;
	shutdown(to->fd, SHUT_WR);
	h->shut = true;
}

static enum pump_result pump(struct worker *w, struct half *h, struct io *from, struct io *to, uint8_t most, bool *moved)
{
	size_t left = TURN_BYTES;

	for (;;) {
		size_t want = (size_t)1 << h->chunk;
		ssize_t n;
		int r = 0;

		if (h->tail) {
			if (!(to->up & IO_OUT))
				return PUMP_IDLE;
			r = send_tail(h, to);
			*moved = true;
		}
		if (r)
			return r > 0 ? PUMP_IDLE : PUMP_FAILED;
		if (h->eof) {
			pass_end(h, to);
			return PUMP_IDLE;
		}
		if (!(from->up & IO_IN))
			return PUMP_IDLE;
		if (!left)
			return PUMP_AGAIN;
		n = recv(from->fd, w->scratch, want, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			from->up &= (uint8_t)~IO_IN;
			return PUMP_IDLE;
		}
		if (n < 0)
			return PUMP_FAILED;
		if (!n) {
			h->eof = true;
			continue;
		}
		*moved = true;
		if (h->body) {
			n = (ssize_t)http_body_take(h->body, (struct str){ w->scratch, (size_t)n });
			if (n < 0)
				return PUMP_FAILED;
			if (!n)
				continue;
		}
		count(h, (size_t)n);
		left -= (size_t)n < left ? (size_t)n : left;
		r = send_fresh(h, to, w->scratch, (size_t)n);
		if (r)
			return r > 0 ? PUMP_IDLE : PUMP_FAILED;
		if ((size_t)n == want && h->chunk < CHUNK_MOST && h->chunk < most)
			h->chunk++;
		/* A short read without a pending end has emptied the socket: the next byte is a new edge. */
		if ((size_t)n < want && !(from->up & IO_HUP)) {
			from->up &= (uint8_t)~IO_IN;
			return PUMP_IDLE;
		}
	}
}

/* Once one side has finished, the other is given less time. */
static void shorten_idle(struct worker *w, struct flow *f)
{
	uint32_t ms = f->up.eof ? f->policy->downlink_only_ms : f->policy->uplink_only_ms;

	if (ms >= f->idle_ms)
		return;
	f->idle_ms = ms;
	timer_set(&w->loop, &f->timer, ms, f->timer.fire);
}

static void on_again(struct loop *l, struct timer *t)
{
	struct flow *f = (struct flow *)((char *)t - offsetof(struct flow, turn));

	relay_run(l->owner, f);
}

void relay_run(struct worker *w, struct flow *f)
{
	bool moved = false;
	const uint8_t most = f->policy->chunk_most; /* bufferSize */
	enum pump_result up, down;

	if (!f->up.chunk)
		f->up.chunk = f->down.chunk = most < CHUNK_LEAST + 2 ? most : CHUNK_LEAST + 2;
	up = pump(w, &f->up, &f->client, &f->server, most, &moved);
	down = up == PUMP_FAILED ? PUMP_FAILED : pump(w, &f->down, &f->server, &f->client, most, &moved);
	if (up == PUMP_FAILED || down == PUMP_FAILED) {
		flow_close(w, f, true); /* a reset goes on as a reset */
		return;
	}
	if (f->up.shut && f->down.shut) {
		flow_close(w, f, false);
		return;
	}
	if (moved)
		f->last_ms = w->loop.now_ms;
	if (f->up.eof != f->down.eof)
		shorten_idle(w, f);
	if (up == PUMP_AGAIN || down == PUMP_AGAIN)
		timer_soon(&w->loop, &f->turn, on_again);
}
