#ifndef XRAT_ENGINE_IO_H
#define XRAT_ENGINE_IO_H
/* One thread's event loop: edge-triggered epoll, a timer wheel, memory of fixed sizes. Nothing here is shared between
 * threads, so nothing locks. A structure that an event may still point to is freed behind the batch of events
 * (loop_retire). */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;
struct io;
typedef void io_fn(struct loop *l, struct io *io);
enum { IO_IN = 1, IO_OUT = 2, IO_HUP = 4 /* the peer has finished writing */, IO_ERR = 8,
	IO_URGENT = 16 /* stays: it has sent an urgent byte, so a read may end before the bytes do */ };
struct io {
	int fd;      /* -1: closed */
	uint8_t up;  /* IO_…: edges seen and not used up; whoever gets EAGAIN takes the bit away */
	bool shared; /* level-triggered, one loop at a time woken (listeners) */
	io_fn *on;
};
static inline void io_init(struct io *io, io_fn *on) { *io = (struct io){ .fd = -1, .on = on }; }
/* Puts fd under watch for all edges at once; io owns it from then on. 0 or -errno (then fd is still the caller's). */
int io_open(struct loop *l, struct io *io, int fd);
/* The same, level-triggered for reading alone: listeners and datagram sockets that are not emptied in one go. */
int io_open_level(struct loop *l, struct io *io, int fd);
/* Moves an open descriptor with its edges from one io to another (whose on stays). 0 or -errno (then from still has it). */
int io_move(struct loop *l, struct io *to, struct io *from);
/* Stops and restarts the watching of a level-triggered one (an accept that has no descriptor left). */
int io_pause(struct loop *l, struct io *io, bool pause);
/* Closes; harmless when closed. with_reset: the peer sees RST instead of FIN. */
void io_close(struct io *io, bool with_reset);

/* --- timers --- */
struct timer;
typedef void timer_fn(struct loop *l, struct timer *t);
struct timer {
	struct timer *next, **at; /* at NULL: not set */
	uint64_t due;             /* tick */
	timer_fn *fire;
};
enum { TICK_MS = 16 };
/* Fires once, not before delay_ms; sets it anew when it was set. */
void timer_set(struct loop *l, struct timer *t, uint32_t delay_ms, timer_fn *fire);
void timer_off(struct timer *t);
/* Fires behind this batch of events, before the loop waits again: for work that gave others their turn. */
void timer_soon(struct loop *l, struct timer *t, timer_fn *fire);

/* --- memory of one size --- */
struct slab_block;
struct slab {
	size_t size;
	struct slab_block *roomy, *full, *spare; /* blocks; spare: without anything in it, or NULL */
	uint32_t in_use;
};
void slab_init(struct slab *s, size_t size);
/* Zeroed; NULL when memory is out. */
void *slab_get(struct slab *s);
void slab_put(struct slab *s, void *p);
void slab_fini(struct slab *s);

/* --- the loop --- */
struct retired {
	struct retired *next;
	void (*release)(struct loop *l, struct retired *r);
};
struct loop {
	int epoll_fd, wake_fd;
	int64_t now_ms;       /* monotonic, of this batch */
	uint64_t tick;
	struct timer **wheel;
	struct timer *soon;
	struct retired *retired;
	bool stop;
	void *owner;          /* the worker */
	void (*woken)(struct loop *l); /* another thread called loop_wake */
	struct io wake;
};
/* 0 or -errno. */
int loop_init(struct loop *l, void *owner, void (*woken)(struct loop *l));
void loop_fini(struct loop *l);
/* Until stop is set. 0 or -errno. */
int loop_run(struct loop *l);
/* From any thread, and from signal handlers. */
void loop_wake(struct loop *l);
/* Calls the releases that wait; for those who take a loop apart. */
void loop_release(struct loop *l);
/* release is called when no event of this batch can point to it any more. */
void loop_retire(struct loop *l, struct retired *r, void (*release)(struct loop *l, struct retired *r));

#endif
