/* The event loop of one thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "engine/io.h"

enum { WHEEL = 4096, BATCH = 256, LOOK_AHEAD = 64, LONGEST_WAIT_MS = 1000 };

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- descriptors --- */
static const uint32_t edges = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET;

static int watch(struct loop *l, struct io *io, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = io };

	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
		return -errno;
	io->fd = fd;
	io->up = 0;
	return 0;
}

int io_open(struct loop *l, struct io *io, int fd)
{
	io->shared = false;
	return watch(l, io, fd, edges);
}

int io_open_level(struct loop *l, struct io *io, int fd)
{
	io->shared = true;
	return watch(l, io, fd, EPOLLIN | EPOLLEXCLUSIVE);
}

int io_move(struct loop *l, struct io *to, struct io *from)
{
	struct epoll_event e = { .events = edges, .data.ptr = to };

	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, from->fd, &e) < 0)
		return -errno;
	to->fd = from->fd;
	to->up = from->up;
	from->fd = -1;
	return 0;
}

/* EPOLLEXCLUSIVE cannot be modified, so it is taken out and put back. */
int io_pause(struct loop *l, struct io *io, bool pause)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = io };

	return epoll_ctl(l->epoll_fd, pause ? EPOLL_CTL_DEL : EPOLL_CTL_ADD, io->fd, &e) < 0 ? -errno : 0;
}

void io_close(struct io *io, bool with_reset)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (io->fd < 0)
		return;
	if (with_reset)
		setsockopt(io->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(io->fd);
	io->fd = -1;
	io->up = 0;
}

/* --- timers: a wheel; one that is due in a later round is passed over until then --- */
static void link_timer(struct timer **slot, struct timer *t)
{
	t->next = *slot;
	if (t->next)
		t->next->at = &t->next;
	t->at = slot;
	*slot = t;
}

static void unlink_timer(struct timer *t)
{
	*t->at = t->next;
	if (t->next)
		t->next->at = t->at;
	t->at = NULL;
}

void timer_set(struct loop *l, struct timer *t, uint32_t delay_ms, timer_fn *fire)
{
	if (t->at)
		unlink_timer(t);
	t->due = (uint64_t)(l->now_ms + delay_ms) / TICK_MS + 1;
	t->fire = fire;
	link_timer(&l->wheel[t->due % WHEEL], t);
}

void timer_soon(struct loop *l, struct timer *t, timer_fn *fire)
{
	if (t->at)
		unlink_timer(t);
	t->fire = fire;
	link_timer(&l->soon, t);
}

void timer_off(struct timer *t)
{
	if (t->at)
		unlink_timer(t);
}

/* Firing one may set or stop any other, also one that waits here. */
static void fire_all(struct loop *l, struct timer **due)
{
	struct timer *t;

	while ((t = *due)) {
		unlink_timer(t);
		t->fire(l, t);
	}
}

static void fire_slot(struct loop *l, uint64_t tick)
{
	struct timer *due = NULL, **end = &due, *t, *next;

	for (t = l->wheel[tick % WHEEL]; t; t = next) {
		next = t->next;
		if (t->due > tick)
			continue;
		unlink_timer(t);
		t->next = NULL;
		t->at = end;
		*end = t;
		end = &t->next;
	}
	fire_all(l, &due);
}

/* Those that are set while these fire wait for the next batch. */
static void fire_soon(struct loop *l)
{
	struct timer *due = l->soon;

	l->soon = NULL;
	if (due)
		due->at = &due;
	fire_all(l, &due);
}

static void fire_timers(struct loop *l)
{
	uint64_t now = (uint64_t)l->now_ms / TICK_MS;

	if (now - l->tick > WHEEL) /* a long sleep: one round sees them all */
		l->tick = now - WHEEL;
	while (l->tick < now)
		fire_slot(l, ++l->tick);
}

static int wait_ms(const struct loop *l)
{
	if (l->soon)
		return 0;
	for (unsigned i = 1; i <= LOOK_AHEAD; i++)
		if (l->wheel[(l->tick + i) % WHEEL]) {
			int64_t at = (int64_t)(l->tick + i) * TICK_MS - l->now_ms;

			return at > 0 ? (int)at : 0;
		}
	return LONGEST_WAIT_MS;
}

/* --- the loop --- */
static void on_wake(struct loop *l, struct io *io)
{
	uint64_t count;

	while (read(io->fd, &count, sizeof(count)) > 0)
		;
	io->up = 0;
	if (l->woken)
		l->woken(l);
}

int loop_init(struct loop *l, void *owner, void (*woken)(struct loop *l))
{
	int r;

	*l = (struct loop){ .epoll_fd = -1, .wake_fd = -1, .owner = owner, .woken = woken, .now_ms = now_ms() };
	l->tick = (uint64_t)l->now_ms / TICK_MS;
	io_init(&l->wake, on_wake);
	l->wheel = calloc(WHEEL, sizeof(*l->wheel));
	if (!l->wheel)
		return -ENOMEM;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->wake_fd = l->epoll_fd < 0 ? -1 : eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	r = l->wake_fd < 0 ? -errno : io_open(l, &l->wake, l->wake_fd);
	if (r)
		loop_fini(l);
	return r;
}

void loop_release(struct loop *l)
{
	struct retired *r;

	while ((r = l->retired)) {
		l->retired = r->next;
		r->release(l, r);
	}
}

void loop_fini(struct loop *l)
{
	loop_release(l);
	free(l->wheel);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	*l = (struct loop){ .epoll_fd = -1, .wake_fd = -1 };
}

void loop_wake(struct loop *l)
{
	static const uint64_t one = 1;

	(void)!write(l->wake_fd, &one, sizeof(one));
}

void loop_retire(struct loop *l, struct retired *r, void (*release)(struct loop *l, struct retired *r))
{
	r->release = release;
	r->next = l->retired;
	l->retired = r;
}

static void dispatch(struct loop *l, const struct epoll_event *e)
{
	struct io *io = e->data.ptr;

	if (io->fd < 0) /* closed by an earlier event of this batch */
		return;
	if (e->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP))
		io->up |= IO_IN;
	if (e->events & EPOLLOUT)
		io->up |= IO_OUT;
	if (e->events & (EPOLLRDHUP | EPOLLHUP))
		io->up |= IO_HUP;
	if (e->events & EPOLLPRI)
		io->up |= IO_URGENT | IO_IN;
	if (e->events & EPOLLERR)
		io->up |= IO_ERR | IO_IN | IO_OUT;
	io->on(l, io);
}

int loop_run(struct loop *l)
{
	struct epoll_event events[BATCH];

	while (!l->stop) {
		int n = epoll_wait(l->epoll_fd, events, BATCH, wait_ms(l));

		if (n < 0 && errno != EINTR)
			return -errno;
		l->now_ms = now_ms();
		for (int i = 0; i < n; i++)
			dispatch(l, &events[i]);
		fire_soon(l);
		fire_timers(l);
		loop_release(l);
	}
	return 0;
}
