/* The watcher as its user sees it: starting, stopping, and what happens on the loop. Kinds come from the thread
 * (watch_thread.c) as bits OR-ed into one word, and uv_async_send. The thread asks the loop to open the library (see
 * watch_lib_open). All between the two is under the lock or atomic; the library and the set are the thread's while it
 * runs, the loop's while the thread waits for it. */
#include "service/watcher.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "service/watch_impl.h"

enum { STOP_MS = 1000 };

static void wake(struct watcher *w)
{
	pthread_mutex_lock(&w->lock);
	pthread_cond_broadcast(&w->cond);
	pthread_mutex_unlock(&w->lock);
	watch_lib_wake(&w->lib);
}

static void on_async(uv_async_t *async)
{
	struct watcher *w = async->data;
	unsigned kinds;

	pthread_mutex_lock(&w->lock);
	if (w->wish == WATCH_LIB_ASKED) {
		w->lib_result = watch_lib_open(&w->lib, &w->lib_why);
		w->wish = WATCH_LIB_DONE;
		pthread_cond_broadcast(&w->cond);
	}
	pthread_mutex_unlock(&w->lock);
	kinds = atomic_exchange(&w->kinds, 0);
	if (kinds && !atomic_load(&w->stop))
		w->fn(w->ctx, kinds); /* may stop the watcher */
}

static void on_close(uv_handle_t *handle)
{
	struct watcher *w = handle->data;

	watch_lib_fini(&w->lib);
	watch_set_clear(&w->set);
	watch_plan_fini(&w->plan);
	watch_plan_fini(&w->wanted);
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* A file system that hangs can hold the thread for ever; then it is left behind with all that it may still touch. */
static void on_close_abandoned(uv_handle_t *handle)
{
	(void)handle;
}

static char *absolute(const char *path)
{
	char *here, *text = NULL;

	if (*path == '/')
		return strdup(path);
	here = getcwd(NULL, 0);
	if (here && asprintf(&text, "%s/%s", here, path) < 0)
		text = NULL;
	free(here);
	return text;
}

static int init_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	int r = pthread_condattr_init(&attr);

	if (r)
		return -r;
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	r = pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
	return -r;
}

/* Signals are for the loop's thread. */
static int start_thread(struct watcher *w)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&w->thread, NULL, watch_thread, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

static struct watcher *watcher_new(const char *root)
{
	struct watcher *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	atomic_init(&w->poll_ms, WATCH_POLL_MS);
	atomic_init(&w->retry_ms, WATCH_RETRY_MS);
	w->plan.root = absolute(root);
	if (w->plan.root && !watch_lib_init(&w->lib)) {
		if (!init_cond(&w->cond) && !pthread_mutex_init(&w->lock, NULL))
			return w;
		watch_lib_fini(&w->lib);
	}
	free(w->plan.root);
	free(w);
	return NULL;
}

int watcher_start(struct watcher **ret_watcher, uv_loop_t *loop, const char *root, watcher_fn *fn, void *ctx,
		  struct err *e)
{
	struct watcher *w = watcher_new(root);
	int r;

	if (!w)
		return err_sys(e, errno ? -errno : -ENOMEM, "watch '%s'", root);
	w->fn = fn;
	w->ctx = ctx;
	w->async.data = w;
	r = uv_async_init(loop, &w->async, on_async);
	if (r < 0) {
		on_close((uv_handle_t *)&w->async);
		return err_sys(e, r, "watch '%s'", root);
	}
	watch_first_look(w);
	r = start_thread(w);
	if (r) {
		uv_close((uv_handle_t *)&w->async, on_close);
		return err_sys(e, r, "watch '%s': start a thread", root);
	}
	*ret_watcher = w;
	return 0;
}

int watcher_set_dirs(struct watcher *w, const char *const *dirs, size_t n)
{
	int r;

	pthread_mutex_lock(&w->lock);
	r = watch_plan_set(&w->wanted, dirs, n);
	if (!r)
		w->has_wanted = true;
	pthread_mutex_unlock(&w->lock);
	if (!r)
		wake(w);
	return r;
}

void watcher_pace(struct watcher *w, unsigned poll_ms, unsigned retry_ms)
{
	atomic_store(&w->poll_ms, poll_ms);
	atomic_store(&w->retry_ms, retry_ms);
}

void watcher_stats(struct watcher *w, struct watcher_stats *ret_stats)
{
	*ret_stats = (struct watcher_stats){
		.events = atomic_load(&w->events),
		.ignored = atomic_load(&w->ignored),
		.rescans = atomic_load(&w->rescans),
		.overflows = atomic_load(&w->overflows),
		.why_polling = atomic_load(&w->why),
	};
	ret_stats->polling = ret_stats->why_polling;
}

void watcher_stop(struct watcher *w)
{
	struct timespec until = watch_after_ms(STOP_MS);
	bool ended;
	int r = 0;

	if (!w)
		return;
	atomic_store(&w->stop, true);
	wake(w);
	pthread_mutex_lock(&w->lock);
	while (!r && !w->ended)
		r = pthread_cond_timedwait(&w->cond, &w->lock, &until);
	ended = w->ended;
	pthread_mutex_unlock(&w->lock);
	if (ended) {
		pthread_join(w->thread, NULL);
		watch_lib_fini(&w->lib);
	} else {
		pthread_detach(w->thread);
	}
	uv_close((uv_handle_t *)&w->async, ended ? on_close : on_close_abandoned);
}
