/* The watcher's thread: waits in the library, turns events into kinds, sends them to the loop. An event that may mean that
 * paths lead elsewhere asks for a look at everything; it is done when the wake event comes round that is queued behind all
 * earlier ones, so that a burst costs one look. What a look finds changed, or newly watched, is sent too: the reader then
 * reads behind the new watches. Once a minute it looks without being asked (mounts and network file systems tell nothing),
 * every 2 s while a directory may not be watched. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "service/watch_impl.h"

enum { CHECK_MS = 60000 };

/* --- sending --- */
static void send_kinds(struct watcher *w, unsigned kinds)
{
	if (!kinds)
		return;
	atomic_fetch_or(&w->kinds, kinds);
	uv_async_send(&w->async);
}

struct timespec watch_after_ms(int64_t ms)
{
	struct timespec t;
	int64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &t);
	ns = t.tv_nsec + ms % 1000 * 1000000;
	return (struct timespec){ .tv_sec = t.tv_sec + ms / 1000 + ns / 1000000000, .tv_nsec = ns % 1000000000 };
}

/* --- looking --- */
static unsigned compare(const struct watch_look *before, const struct watch_look *now)
{
	unsigned kinds = before->young ? WATCH_ALL : 0;

	for (unsigned i = 0; i < WATCH_KINDS; i++)
		if (before->sum[i] != now->sum[i])
			kinds |= 1U << i;
	return kinds;
}

/* 0, or what watch_walk_all says; then everything is owed. */
static int look(struct watcher *w, bool deep)
{
	struct watch_look now;
	unsigned kinds;
	int r = watch_walk_all(&w->set, &w->plan, deep, &now);

	atomic_fetch_add(&w->rescans, 1);
	w->asked = false;
	if (r) {
		w->owed = WATCH_ALL;
		return r;
	}
	kinds = w->owed | now.fresh | compare(&w->looks[deep], &now);
	w->looks[deep] = now;
	w->owed = 0;
	send_kinds(w, kinds);
	return 0;
}

static const struct {
	int code;
	const char *why;
} look_faults[] = {
	{ -ENOSPC, "no inotify watches are left (fs.inotify.max_user_watches)" },
	{ -E2BIG, "more than 512 directories would have to be watched" },
	{ -ENOMEM, "not enough memory to watch" },
};

static const char *fault_words(int r)
{
	for (size_t i = 0; i < sizeof(look_faults) / sizeof(*look_faults); i++)
		if (look_faults[i].code == r)
			return look_faults[i].why;
	return "inotify refused a watch";
}

static void start_polling(struct watcher *w, int code, const char *why)
{
	watch_lib_close(&w->lib);
	watch_set_clear(&w->set);
	w->set.lib = NULL;
	w->owed = WATCH_ALL;
	/* Where nothing is reported at all, finding that out again would hold the loop for a second. */
	w->tried_ms = code == -ENOTSUP ? INT64_MAX : clock_mono_ms();
	atomic_store(&w->why, why);
	atomic_store(&w->polling, true);
}

static void start_watching(struct watcher *w)
{
	w->set.lib = &w->lib;
	w->owed = WATCH_ALL;
	atomic_store(&w->polling, false);
	atomic_store(&w->why, NULL);
}

/* The loop opens the library; 0 or -errno, -ECANCELED when the watcher ends. */
static int ask_for_lib(struct watcher *w, const char **ret_why)
{
	int r;

	pthread_mutex_lock(&w->lock);
	w->wish = WATCH_LIB_ASKED;
	uv_async_send(&w->async);
	while (w->wish == WATCH_LIB_ASKED && !atomic_load(&w->stop))
		pthread_cond_wait(&w->cond, &w->lock);
	r = w->wish == WATCH_LIB_DONE ? w->lib_result : -ECANCELED;
	*ret_why = w->lib_why;
	w->wish = WATCH_LIB_NONE;
	pthread_mutex_unlock(&w->lock);
	return r;
}

/* The set is empty and the library closed: begin again, or poll. */
static void begin(struct watcher *w)
{
	const char *why = NULL;
	int r = ask_for_lib(w, &why);

	if (r == -ECANCELED)
		return;
	if (r) {
		start_polling(w, r, why);
		return;
	}
	start_watching(w);
	r = look(w, false);
	w->check_ms = clock_mono_ms() + (r || w->set.blind ? WATCH_POLL_MS : CHECK_MS);
	if (r && r != -EMFILE && r != -ENFILE)
		start_polling(w, r, fault_words(r));
}

static void begin_anew(struct watcher *w)
{
	watch_lib_close(&w->lib);
	watch_set_clear(&w->set);
	begin(w);
}

/* --- what both ways of living share --- */
/* Whether the other paths were put in the plan. */
static bool take_wanted(struct watcher *w)
{
	bool taken;

	pthread_mutex_lock(&w->lock);
	taken = w->has_wanted;
	if (taken) {
		char *root = w->plan.root;

		w->plan.root = NULL;
		watch_plan_fini(&w->plan);
		w->plan = w->wanted;
		w->plan.root = root;
		w->wanted = (struct watch_plan){ 0 };
		w->has_wanted = false;
	}
	pthread_mutex_unlock(&w->lock);
	return taken;
}

/* --- watching --- */
static void look_and_judge(struct watcher *w, bool deep)
{
	int64_t now = clock_mono_ms();
	int r = look(w, deep);

	if (r == -EMFILE || r == -ENFILE)
		w->check_ms = now + WATCH_POLL_MS;
	else if (r == -EEXIST || (!r && watch_set_is_worn(&w->set)))
		begin_anew(w);
	else if (r)
		start_polling(w, r, fault_words(r));
	else if (deep || w->set.blind)
		w->check_ms = now + (w->set.blind ? WATCH_POLL_MS : CHECK_MS);
}

/* Asks for a look behind the events that are queued already. */
static void ask_for_look(struct watcher *w)
{
	if (w->asked)
		return;
	w->asked = true;
	watch_lib_wake(&w->lib);
}

static void take_event(struct watcher *w, const struct inotify_event *ev)
{
	bool asks = false;
	unsigned kinds = watch_set_event(&w->set, ev, &asks);

	atomic_fetch_add(kinds ? &w->events : &w->ignored, 1);
	send_kinds(w, kinds);
	if (asks)
		ask_for_look(w);
}

static void take_overflow(struct watcher *w)
{
	atomic_fetch_add(&w->overflows, 1);
	w->owed = WATCH_ALL;
	w->asked = false; /* its wake event may be among the lost ones; this one finds room */
	ask_for_look(w);
}

static unsigned seconds_until(int64_t at_ms)
{
	int64_t ms = at_ms - clock_mono_ms();

	return ms <= 1000 ? 1 : (unsigned)((ms + 999) / 1000);
}

static void watch_once(struct watcher *w)
{
	int error = 0;
	const struct inotify_event *ev = watch_lib_next(&w->lib, seconds_until(w->check_ms), &error);

	if (ev && ev->mask & IN_Q_OVERFLOW)
		take_overflow(w);
	else if (ev && ev->wd != w->lib.wake_wd)
		take_event(w, ev);
	else if (ev && (take_wanted(w) || w->asked))
		look_and_judge(w, false);
	else if (!ev && error && error != -EINTR)
		start_polling(w, error, "inotify failed");
	if (!atomic_load(&w->polling) && clock_mono_ms() >= w->check_ms)
		look_and_judge(w, true);
}

/* --- polling --- */
static void poll_once(struct watcher *w)
{
	struct timespec until = watch_after_ms(atomic_load(&w->poll_ms));
	int r = 0;

	if (clock_mono_ms() - w->tried_ms >= (int64_t)atomic_load(&w->retry_ms)) {
		begin(w);
		return;
	}
	look(w, true);
	pthread_mutex_lock(&w->lock);
	while (!r && !w->has_wanted && !atomic_load(&w->stop))
		r = pthread_cond_timedwait(&w->cond, &w->lock, &until);
	pthread_mutex_unlock(&w->lock);
	take_wanted(w);
}

/* What there is now is known; only what comes is told. */
void watch_first_look(struct watcher *w)
{
	const char *why = NULL;
	int r = watch_lib_open(&w->lib, &why);

	if (r) {
		start_polling(w, r, why);
	} else {
		w->set.lib = &w->lib;
		r = look(w, false);
		if (r)
			start_polling(w, r, fault_words(r));
	}
	r = look(w, true);
	if (r && !atomic_load(&w->polling))
		start_polling(w, r, fault_words(r));
	w->owed = r ? WATCH_ALL : 0;
	w->check_ms = clock_mono_ms() + (w->set.blind ? WATCH_POLL_MS : CHECK_MS);
	atomic_store(&w->kinds, 0);
	atomic_store(&w->rescans, 0);
}

void *watch_thread(void *arg)
{
	struct watcher *w = arg;

	while (!atomic_load(&w->stop))
		if (atomic_load(&w->polling))
			poll_once(w);
		else
			watch_once(w);
	pthread_mutex_lock(&w->lock);
	w->ended = true;
	pthread_cond_broadcast(&w->cond);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}
