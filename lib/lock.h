#ifndef XRAT_LIB_LOCK_H
#define XRAT_LIB_LOCK_H
/* flock(2) on a file that holds the pid of its holder, so that a waiter can say who is in the way. The lock ends with the
 * descriptor: a killed holder leaves nothing to clean up. */
#include <stdbool.h>

#include "lib/err.h"

struct lock {
	int fd; /* -1: not held */
};
#define LOCK_NONE ((struct lock){ -1 })

/* Takes the lock `name` below dir_fd (created with mode 0600; a symbolic link is refused); waits up to wait_ms (and
 * 20 ms in any case, since lock_holder elsewhere stands in the way for an instant).
 * 0: held; 1: somebody else holds it, *ret_holder is the pid or 0 when unknown; -errno. */
int lock_take(int dir_fd, const char *name, unsigned wait_ms, struct lock *ret_lock, int *ret_holder, struct err *e);
/* The pid of whoever holds it; 0: free, or its holder is unknown (*ret_held tells which); -errno. Never takes it. */
int lock_holder(int dir_fd, const char *name, bool *ret_held, struct err *e);
/* Lets go; harmless on LOCK_NONE. */
void lock_drop(struct lock *l);
/* flock(LOCK_EX) on a descriptor of the caller's, with a deadline: 0 held, 1 somebody else has it, -errno. */
int lock_wait(int fd, unsigned wait_ms);
/* Whether name below dir_fd still leads to the file that fd is open on: 1, 0, -errno. */
int lock_is_current(int fd, int dir_fd, const char *name);

#endif
