#ifndef XRAT_SERVICE_WATCHER_H
#define XRAT_SERVICE_WATCHER_H
/* Tells when something below CONFIG_ROOT may have changed. libinotifytools in a thread of its own; the callback runs on
 * the loop. It reports that, not what: whoever is called reads everything again. After the last change there is always
 * one more call; one too many can come, one too few not. */
#include <uv.h>

#include "lib/lib.h"

enum watch_what {
	WATCH_INPUTS = 1 << 0,  /* a file or directory that the compiler reads */
	WATCH_REQUEST = 1 << 1, /* .state/apply.request */
	WATCH_LIVE = 1 << 2,    /* .state/live: somebody else switched it */
	WATCH_ROOT = 1 << 3,    /* CONFIG_ROOT vanished, came back, or is another directory now */
};
typedef void watcher_fn(void *ctx, unsigned what);

struct watcher_stats {
	uint64_t events, ignored; /* that meant something, and that did not */
	uint64_t rescans;         /* looks at everything after the first */
	uint64_t overflows;
	bool polling; /* no watches left: everything is looked at every 2 s, and the log says so */
	const char *why_polling; /* constant text, NULL while watching */
};
struct watcher;
/* One a process (libinotifytools has one instance). root as the operator wrote it: links in the path to it are followed
 * and watched too; it need not exist. What changes after this call is told; what there was before is not. Where inotify
 * does not work it polls, and tries inotify again each minute. The descriptors it opens are close-on-exec when it
 * returns; later ones are opened on the loop's thread, which must be the one that starts processes. 0 or -errno. */
int watcher_start(struct watcher **ret_watcher, uv_loop_t *loop, const char *root, watcher_fn *fn, void *ctx,
		  struct err *e);
/* What the newest compile read from, beside the files of the root: snippet directories (every name in them counts, but for
 * temporary names of editors), and files or directories of secrets (of a file's directory only that name counts; name
 * files where a directory is busy). Absolute or relative to the root. Replaces the earlier set; what does not exist yet is
 * watched when it appears. A set that differs is answered by one WATCH_INPUTS, since something may have changed before
 * it was watched; the same set by nothing. Copied. 0 or -ENOMEM (the earlier set stays). */
int watcher_set_dirs(struct watcher *w, const char *const *dirs, size_t n);
void watcher_stats(struct watcher *w, struct watcher_stats *ret_stats);
/* For tests: how often it looks while polling (2000), and tries to watch again (60000). Takes effect at the next one. */
void watcher_pace(struct watcher *w, unsigned poll_ms, unsigned retry_ms);
/* Ends the thread, within a second in any state; no callback comes after it. The memory goes when the loop has run once
 * more. May be called in the callback. NULL is fine. */
void watcher_stop(struct watcher *w);

#endif
