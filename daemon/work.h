#ifndef XRAT_DAEMON_WORK_H
#define XRAT_DAEMON_WORK_H
/* Work that may block, done in the loop's thread pool, with progress and a way to be cancelled. It touches nothing of the
 * daemon but what it was given. */
#include <uv.h>

#include "lib/lib.h"

enum { WORK_THREADS = 16 };
struct daemon;
struct work;
struct work_progress {
	unsigned done, total;
	char text[120];
};
struct work_spec {
	const char *name; /* "connect", "test"; for the log; a literal */
	/* In a thread. The arena is the work's own, memory that runs out there ends it with -ENOMEM; any descriptor held at that
	 * moment is lost, so use arena_try_alloc where one is. 0, a positive outcome, -errno. */
	int (*run)(struct work *w, struct arena *a, void *ctx, struct err *e);
	/* On the loop, exactly once, also when it was cancelled before it began (r is -ECANCELED). The arena goes when it
	 * returns. */
	void (*done)(struct daemon *d, void *ctx, int r, struct err *e);
	/* On the loop, while it runs; the newest state, not every one. May be NULL. */
	void (*progress)(struct daemon *d, void *ctx, const struct work_progress *p);
	void *ctx;
};
/* All that are under way. */
struct works {
	struct work *first;
	unsigned n;
	bool closed; /* takes no more: the daemon is about to be replaced */
};
/* 0, *ret_work (may be NULL) until `done`; -EBUSY: the daemon is being replaced; -ENOMEM. */
int work_start(struct daemon *d, const struct work_spec *spec, struct work **ret_work);
/* On the loop: asks it to end soon. */
void work_cancel(struct work *w);
void work_cancel_all(struct daemon *d);
/* In its thread: whether that was asked for. */
bool work_is_cancelled(const struct work *w);
/* The same, as an `abort` of fetches, trials and engines asks; data is the struct work. */
bool work_abort(void *data);
/* In its thread. */
void work_report(struct work *w, unsigned done, unsigned total, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
