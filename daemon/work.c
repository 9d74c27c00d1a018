/* Jobs of the thread pool. */
#include "daemon/work.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/frame.h"

struct work {
	struct daemon *daemon;
	int64_t begin_ms;
	struct work *next;
	struct work_spec spec;
	uv_work_t request;
	uv_async_t async;
	struct arena *a;
	atomic_bool cancelled;
	pthread_mutex_t lock; /* of progress */
	struct work_progress progress;
	int r;
	struct err e;
};

static void on_worker(uv_work_t *request)
{
	struct work *w = request->data;
	jmp_buf oom;

	if (work_is_cancelled(w)) {
		w->r = -ECANCELED;
	} else if (setjmp(oom)) {
		w->r = err_sys(&w->e, -ENOMEM, "%s", w->spec.name);
	} else {
		arena_on_oom(w->a, &oom);
		w->r = w->spec.run(w, w->a, w->spec.ctx, &w->e);
	}
	arena_on_oom(w->a, NULL); /* this frame ends */
}

static void on_closed(uv_handle_t *handle)
{
	struct work *w = handle->data;

	pthread_mutex_destroy(&w->lock);
	err_fini(&w->e);
	arena_free(w->a);
	free(w);
}

static void take_out(struct works *works, const struct work *w)
{
	struct work **at = &works->first;

	while (*at && *at != w)
		at = &(*at)->next;
	if (*at)
		*at = w->next;
	works->n--;
}

static void on_done(uv_work_t *request, int status)
{
	struct work *w = request->data;
	struct daemon *d = w->daemon;

	if (status == UV_ECANCELED)
		w->r = -ECANCELED;
	take_out(&d->works, w);
	daemon_debug(d, LOG_DEBUG, "work", "%s took %lld ms: %s", w->spec.name, (long long)(clock_mono_ms() - w->begin_ms),
		     w->r < 0 ? strerror(-w->r) : w->r ? "refused" : "done");
	w->spec.done(d, w->spec.ctx, w->r, &w->e);
	uv_close((uv_handle_t *)&w->async, on_closed);
	daemon_check(d);
}

static void on_async(uv_async_t *async)
{
	struct work *w = async->data;
	struct work_progress p;

	pthread_mutex_lock(&w->lock);
	p = w->progress;
	pthread_mutex_unlock(&w->lock);
	if (w->spec.progress)
		w->spec.progress(w->daemon, w->spec.ctx, &p);
}

int work_start(struct daemon *d, const struct work_spec *spec, struct work **ret_work)
{
	struct work *w;
	int r;

	if (d->works.closed)
		return -EBUSY;
	w = calloc(1, sizeof(*w));
	if (!w || !(w->a = arena_new())) {
		free(w);
		return -ENOMEM;
	}
	w->daemon = d;
	w->spec = *spec;
	w->begin_ms = clock_mono_ms();
	w->request.data = w->async.data = w;
	pthread_mutex_init(&w->lock, NULL);
	r = uv_async_init(&d->loop, &w->async, on_async);
	if (r) {
		on_closed((uv_handle_t *)&w->async);
		return r;
	}
	w->next = d->works.first;
	d->works.first = w;
	d->works.n++;
	uv_queue_work(&d->loop, &w->request, on_worker, on_done);
	if (ret_work)
		*ret_work = w;
	return 0;
}

void work_cancel(struct work *w)
{
	atomic_store(&w->cancelled, true);
	uv_cancel((uv_req_t *)&w->request); /* when no thread has it yet */
}

void work_cancel_all(struct daemon *d)
{
	for (struct work *w = d->works.first; w; w = w->next)
		work_cancel(w);
}

bool work_is_cancelled(const struct work *w)
{
	return atomic_load(&w->cancelled);
}

bool work_abort(void *data)
{
	return work_is_cancelled(data);
}

void work_report(struct work *w, unsigned done, unsigned total, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&w->lock);
	w->progress.done = done;
	w->progress.total = total;
	va_start(ap, fmt);
	str_vprint(w->progress.text, sizeof(w->progress.text), fmt, ap);
	va_end(ap);
	pthread_mutex_unlock(&w->lock);
	uv_async_send(&w->async);
}
