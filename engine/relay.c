/* The relay: bytes from one socket to the other through the worker's scratch memory or, in a long transfer, through a tube.
 * A connection holds memory or a tube only while its receiver is slower than its sender, and then no more is read from
 * the sender until that has gone out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/flow.h"
#include "engine/http.h"
#include "engine/tube.h"

enum {
	CHUNK_LEAST = 14, /* 16 KiB: what a receiver gets at a time that could not take more */
	CHUNK_MOST = 18,  /* 256 KiB */
	TURN_BYTES = 512 << 10, /* then others have their turn: with more, eight streams at once are slower */
	BULK_READ = 32 << 10, /* less in one go is not worth a tube */
	BULK_AFTER = 4,       /* so many of them in a row are a long transfer */
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
static int send_tail(struct half *h, const struct io *to)
{
	while (h->at < h->len) {
		ssize_t n = send(to->fd, h->tail + h->at, h->len - h->at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 1 : -errno;
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

/* PUMP_AGAIN: nothing waits any more. */
static enum pump_result send_waiting(struct half *h, struct io *to, bool *moved)
{
	int r;

	if (!h->tail && !(h->tube && h->tube->held))
		return PUMP_AGAIN;
	if (!(to->up & IO_OUT))
		return PUMP_IDLE;
	*moved = true;
	r = h->tail ? send_tail(h, to) : tube_drain(h->tube, to->fd);
	if (r > 0)
		to->up &= (uint8_t)~IO_OUT;
	return !r ? PUMP_AGAIN : r > 0 ? PUMP_IDLE : PUMP_FAILED;
}

/* After each read: long transfers are seen by their big reads, and their end by small ones. */
static void feel(struct half *h, ssize_t n)
{
	if (n < BULK_READ)
		h->warmth /= 2;
	else if (h->warmth < 2 * BULK_AFTER)
		h->warmth++;
}

/* splice(2) never goes past an urgent byte. */
static bool is_bulk(struct worker *w, struct half *h, const struct io *from)
{
	if (h->warmth < BULK_AFTER || h->body || from->up & IO_URGENT)
		return false;
	if (!h->tube)
		h->tube = tube_get(w);
	return h->tube;
}

/* A read that ended: the sender has no more for now, has finished, or is gone. */
static enum pump_result read_ended(struct half *h, struct io *from, ssize_t n)
{
	if (n == -EAGAIN) {
		from->up &= (uint8_t)~IO_IN;
		return PUMP_IDLE;
	}
	h->eof = !n;
	return n ? PUMP_FAILED : PUMP_AGAIN;
}

static enum pump_result take_copy(struct worker *w, struct half *h, struct io *from, struct io *to, size_t *left, bool *moved)
{
	const size_t want = (size_t)1 << h->chunk;
	ssize_t n, got;
	int r;

	do
		got = recv(from->fd, w->scratch, want, 0);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return read_ended(h, from, got < 0 ? -errno : 0);
	*moved = true;
	feel(h, got);
	n = h->body ? (ssize_t)http_body_take(h->body, (struct str){ w->scratch, (size_t)got }) : got;
	if (n <= 0)
		return n ? PUMP_FAILED : PUMP_AGAIN;
	count(h, (size_t)n);
	*left -= (size_t)n < *left ? (size_t)n : *left;
	r = send_fresh(h, to, w->scratch, (size_t)n);
	if (r)
		return r > 0 ? PUMP_IDLE : PUMP_FAILED;
	if ((size_t)got == want && h->chunk < CHUNK_MOST && h->chunk < h->chunk_most)
		h->chunk++;
	/* A short read without a pending end has emptied the socket: the next byte is a new edge. */
	if ((size_t)got < want && !(from->up & (IO_HUP | IO_URGENT))) {
		from->up &= (uint8_t)~IO_IN;
		return PUMP_IDLE;
	}
	return PUMP_AGAIN;
}

static enum pump_result take_bulk(struct worker *w, struct half *h, struct io *from, struct io *to, size_t *left, bool *moved)
{
	ssize_t n = tube_fill(h->tube, from->fd);

	if (!n) /* the end, or an urgent byte before it: recv tells which */
		return take_copy(w, h, from, to, left, moved);
	if (n < 0)
		return read_ended(h, from, n);
	feel(h, n);
	count(h, (size_t)n);
	*left -= (size_t)n < *left ? (size_t)n : *left;
	return PUMP_AGAIN; /* send_waiting has the other half of it */
}

static enum pump_result pump(struct worker *w, struct half *h, struct io *from, struct io *to, bool *moved)
{
	size_t left = TURN_BYTES;
	enum pump_result r;

	for (;;) {
		r = send_waiting(h, to, moved);
		if (r != PUMP_AGAIN)
			return r;
		if (h->eof) {
			pass_end(h, to);
			return PUMP_IDLE;
		}
		if (!(from->up & IO_IN))
			return PUMP_IDLE;
		if (!left)
			return PUMP_AGAIN;
		r = is_bulk(w, h, from) ? take_bulk(w, h, from, to, &left, moved) : take_copy(w, h, from, to, &left, moved);
		if (r != PUMP_AGAIN)
			return r;
	}
}

/* Who waits for a sender keeps no tube. */
static enum pump_result pump_half(struct worker *w, struct half *h, struct io *from, struct io *to, bool *moved)
{
	enum pump_result r = pump(w, h, from, to, moved);

	if (h->tube && !h->tube->held) {
		tube_put(w, h->tube);
		h->tube = NULL;
	}
	return r;
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
	f->up.chunk_most = f->down.chunk_most = most;
	up = pump_half(w, &f->up, &f->client, &f->server, &moved);
	down = up == PUMP_FAILED ? PUMP_FAILED : pump_half(w, &f->down, &f->server, &f->client, &moved);
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
