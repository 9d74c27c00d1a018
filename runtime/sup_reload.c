/* Reload in place: SIGHUP, then what the engine says about it (supervise.h). */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "runtime/notify.h"
#include "runtime/sup_impl.h"

static uint64_t now_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void on_reload_tick(uv_timer_t *t)
{
	struct sup *s = t->data;
	char reason[80];

	snprintf(reason, sizeof(reason), "the engine did not answer to the reload within %g s",
		 s->reload.spec.times.reload_ms / 1000.0);
	sup_reload_finish(s, false, reason);
}

/* Only the file that the engine was started with can be read again: the signal carries no name. */
bool sup_reload_begin(struct sup *s, const struct sup_spec *spec)
{
	struct engine *e = s->engine;
	bool same = spec->may_reload && str_eq(str_of(spec->file), str_of(s->spec.file)) &&
		str_eq(str_of(spec->exe), str_of(s->spec.exe));

	if (!same || e->ended || e->notify_fd < 0)
		return false;
	s->reload.active = true;
	s->reload.began = false;
	s->reload.spec = *spec;
	sup_fill_times(&s->reload.spec.times);
	s->reload.signalled_usec = now_usec();
	uv_timer_start(&s->reload_tick, on_reload_tick, s->reload.spec.times.reload_ms, 0);
	process_signal(e->pidfd, SIGHUP);
	return true;
}

void sup_reload_drop(struct sup *s)
{
	s->reload.active = false;
	uv_timer_stop(&s->reload_tick);
}

/* The new spec counts from here on: proved by itself, or not. */
static void take_over(struct sup *s)
{
	unsigned starts = s->starts;

	sup_take_spec(s, &s->reload.spec);
	s->starts = starts;
	s->health.misses = 0;
	s->health.healthy_since_ms = clock_mono_ms();
}

void sup_reload_finish(struct sup *s, bool ok, const char *reason)
{
	if (!s->reload.active)
		return;
	sup_reload_drop(s);
	if (ok)
		take_over(s);
	sup_report(s, SUP_REPORT_RELOADED, ok, reason);
	if (ok && !s->knock)
		sup_health_tick(s);
}

static void take_message(struct sup *s, const struct notify_message *m)
{
	char reason[NOTIFY_STATUS_BYTES + 64];

	if (m->reloading && m->monotonic_usec >= s->reload.signalled_usec)
		s->reload.began = true;
	if (!m->ready || !s->reload.began)
		return;
	if (!m->error) {
		sup_reload_finish(s, true, "");
		return;
	}
	snprintf(reason, sizeof(reason), "the engine refused the reload: %s", *m->status ? m->status : strerrordesc_np(m->error));
	sup_reload_finish(s, false, reason);
}

void sup_reload_on_message(struct engine *e)
{
	struct notify_message m;

	while (e->notify_fd >= 0 && !notify_receive(e->notify_fd, e->id.pid, &m))
		if (e->sup && e->sup->reload.active)
			take_message(e->sup, &m);
}
