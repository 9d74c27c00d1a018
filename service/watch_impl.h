#ifndef XRAT_SERVICE_WATCH_IMPL_H
#define XRAT_SERVICE_WATCH_IMPL_H
/* Parts of the watcher that watcher.c puts together.
 *
 * What is watched is found by walking paths with O_PATH descriptors, component by component, links followed by hand. A
 * directory gets its watch before a name in it is looked up, so whatever changes after the look makes an event, and one
 * walk is enough. A directory is known by device and inode alone; it is either content (every name in it counts) or a
 * step of a path (only some names count). */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <uv.h>

#include "lib/lib.h"
#include "service/watcher.h"

enum { WATCH_KINDS = 4, WATCH_ALL = (1 << WATCH_KINDS) - 1 };

/* --- names that say nothing (watch_name.c) --- */
/* Written on the way to the final name by an editor, a copying tool or ourselves. */
bool watch_name_is_temp(const char *name);
/* What xrat itself keeps directly below CONFIG_ROOT. */
bool watch_name_is_ours(const char *name);

/* --- libinotifytools (watch_lib.c) --- */
struct watch_lib {
	int wake_fd;     /* a memfd, watched: changing its mode is the event that ends a wait. Nothing is left on a disk */
	int wake_wd;
	unsigned serial; /* watches added since the library was opened */
	bool open;
};
/* Makes the wake descriptor alone. 0 or -errno. */
int watch_lib_init(struct watch_lib *l);
void watch_lib_fini(struct watch_lib *l);
/* Opens the one instance of the process; on the thread that also starts processes, since close-on-exec can only be set
 * afterwards. 0; -EBUSY somebody else uses the library; -errno, *ret_why in words. */
int watch_lib_open(struct watch_lib *l, const char **ret_why);
void watch_lib_close(struct watch_lib *l);
/* Watches the directory behind dir_fd. 0; -EEXIST it has a watch already, or the library's list is full and wants to
 * be opened anew; -ENOSPC no watches left; -EACCES; -errno. */
int watch_lib_add(struct watch_lib *l, int dir_fd, uint32_t mask, int *ret_wd);
/* Ends a watch that is alive. */
void watch_lib_drop(struct watch_lib *l, int wd);
/* From any thread. */
void watch_lib_wake(const struct watch_lib *l);
/* The next event, or NULL after `seconds` (at least 1) or for an error; *ret_error 0 = the time is over, or -errno. */
const struct inotify_event *watch_lib_next(struct watch_lib *l, unsigned seconds, int *ret_error);

/* --- the directories (watch_set.c) --- */
struct watch_word {
	struct watch_word *next;
	unsigned kinds;
	char text[];
};
struct watch_dir {
	struct watch_dir *next;
	uint64_t dev, ino;
	int wd;           /* -1: not watched (polling, or it may not be read) */
	bool full;        /* its files count, not only that names come and go */
	bool wanted;      /* by the newest walk; others are kept until the library is opened anew */
	bool fresh;       /* got its watch in this walk */
	bool top;         /* CONFIG_ROOT */
	unsigned content; /* kinds that every name in it stands for */
	unsigned through; /* kinds of all paths through it */
	struct watch_word *words;
};
struct watch_set {
	struct watch_lib *lib; /* NULL: nothing is watched, only looked at */
	struct watch_dir *dirs;
	unsigned n;
	unsigned lost, stale; /* records of the library that nobody needs: of dead watches, and of unwanted ones */
	unsigned blind;       /* wanted, but may not be watched */
};
enum { WATCH_DIRS_MAX = 512, WATCH_LOST_MAX = 64 };
void watch_set_clear(struct watch_set *s);
/* Before and after a walk. */
void watch_set_begin(struct watch_set *s);
void watch_set_end(struct watch_set *s);
/* Time to close the library and start anew. */
bool watch_set_is_worn(const struct watch_set *s);
/* The entry of the directory behind fd, watched as far as it can be. 0, -E2BIG, -ENOMEM, or as watch_lib_add. */
int watch_set_see(struct watch_set *s, int fd, const struct stat *st, bool full, unsigned kinds,
		  struct watch_dir **ret_dir);
/* The name counts in this directory. 0 or -ENOMEM. */
int watch_set_word(struct watch_dir *d, const char *name, unsigned kinds);
/* What an event stands for, 0 = nothing; *ret_look: paths may lead elsewhere now. */
unsigned watch_set_event(struct watch_set *s, const struct inotify_event *ev, bool *ret_look);

/* --- looking (watch_walk.c) --- */
struct watch_plan {
	char *root; /* absolute */
	char **paths;
	size_t n;
};
struct watch_look {
	uint64_t sum[WATCH_KINDS]; /* of what was found; differs when something did */
	unsigned fresh;            /* kinds that got a new watch */
	bool young;                /* deep: a file changed just now, so its times may stay the same at its next change */
};
/* Walks all paths of the plan and watches what leads to them. deep: sizes and times of the files go into the sums too.
 * 0, or as watch_set_see; -EMFILE and -ENFILE when descriptors are out. */
int watch_walk_all(struct watch_set *s, const struct watch_plan *p, bool deep, struct watch_look *ret_look);
int watch_plan_set(struct watch_plan *p, const char *const *paths, size_t n);
void watch_plan_fini(struct watch_plan *p);

/* --- thread and loop (watch_thread.c, watcher.c) --- */
enum { WATCH_POLL_MS = 2000, WATCH_RETRY_MS = 60000 };
enum watch_wish { WATCH_LIB_NONE, WATCH_LIB_ASKED, WATCH_LIB_DONE };

struct watcher {
	uv_async_t async;
	watcher_fn *fn;
	void *ctx;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	atomic_bool stop, polling;
	atomic_uint kinds, poll_ms, retry_ms;
	_Atomic(const char *) why;
	atomic_uint_fast64_t events, ignored, rescans, overflows;

	/* under the lock */
	struct watch_plan wanted; /* paths alone */
	bool has_wanted, ended;
	enum watch_wish wish;
	int lib_result;
	const char *lib_why;

	/* the thread's */
	struct watch_lib lib;
	struct watch_set set;
	struct watch_plan plan;
	struct watch_look looks[2]; /* newest shallow, newest deep */
	unsigned owed;              /* kinds whose events may have been lost; sent after the next look */
	bool asked;                 /* a look is waiting for its wake event */
	int64_t check_ms; /* when to look without being asked */
	int64_t tried_ms; /* when the library was last opened; INT64_MAX: never again */
};
/* Looks for the first time, before there is a thread: what there is now is known, only what comes is told. */
void watch_first_look(struct watcher *w);
/* The thread's function; the argument is the watcher. */
void *watch_thread(void *arg);
/* A time from now on CLOCK_MONOTONIC. */
struct timespec watch_after_ms(int64_t ms);

#endif
