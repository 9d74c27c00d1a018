/* Health of a running engine, and when it counts as proved. */
#include <stdio.h>
#include <string.h>

#include "runtime/sup_impl.h"

/* Until it is proved it is looked at more often: a quarter of the time it has to hold out. */
static void next_look(struct sup *s)
{
	int64_t delay = sup_health_ms(s);
	unsigned step = s->spec.prove_ms / 4 > s->spec.times.poll_ms ? s->spec.prove_ms / 4 : s->spec.times.poll_ms;

	if (!s->spec.proved && step < delay)
		delay = step;
	sup_tick_in(s, (unsigned)delay, 0);
}

void sup_health_note(struct sup *s)
{
	int64_t healthy_ms = clock_mono_ms() - s->health.healthy_since_ms;

	if (s->health.healthy_since_ms && healthy_ms >= s->spec.times.healthy_reset_ms)
		s->fast_failures = 0;
}

/* Only behind a probe: time alone proves nothing. */
static void prove(struct sup *s)
{
	if (s->spec.proved || clock_mono_ms() - s->health.healthy_since_ms < s->spec.prove_ms)
		return;
	sup_set_proved(s);
	sup_report(s, SUP_REPORT_PROVED, true, "");
}

static void well(struct sup *s)
{
	s->health.misses = 0;
	if (!s->health.healthy_since_ms)
		s->health.healthy_since_ms = clock_mono_ms();
	sup_step(s, SUP_EV_WELL, "");
	sup_health_note(s);
	prove(s);
}

static void sick(struct sup *s, const char *fault)
{
	char reason[160];

	s->health.healthy_since_ms = 0;
	if (++s->health.misses < MISSES_MAX)
		return;
	snprintf(reason, sizeof(reason), "%d probes in a row failed: %s", MISSES_MAX, fault);
	if (s->spec.proved) {
		sup_step(s, SUP_EV_SICK, reason);
		return;
	}
	sup_fault(s, false, "unhealthy before it was proved: %s", reason);
	sup_step(s, SUP_EV_UNREADY, sup_fault_text(s));
}

static void result(struct sup *s, const char *fault)
{
	if (fault)
		sick(s, fault);
	else
		well(s);
	if (s->state == SUP_RUNNING || s->state == SUP_DEGRADED)
		next_look(s);
}

static void on_knock(void *ctx, const char *fault)
{
	struct sup *s = ctx;

	s->knock = NULL;
	result(s, fault);
}

static void look_only(struct sup *s)
{
	bool there = process_owns(&s->engine->id, s->spec.probe.address, s->spec.probe.port) != OWNER_NONE;

	result(s, there ? NULL : "nothing listens there any more");
}

/* A stopped process still accepts connections: the kernel does it. */
void sup_health_tick(struct sup *s)
{
	int *orphans;
	size_t n;

	if (s->knock || s->engine->ended)
		return;
	if (!process_session(&s->engine->id, s->engine->marker, &orphans, &n)) /* reaps orphans that have ended */
		process_session_free(orphans, n);
	if (process_state(&s->engine->id) == 'T')
		result(s, "the process is stopped (SIGSTOP)");
	else if (s->spec.probe.kind == PROBE_ALIVE)
		result(s, NULL);
	else if (s->spec.probe.no_connect)
		look_only(s);
	else if (knock_start(&s->knock, s->loop, &s->spec.probe, s->spec.times.probe_ms, on_knock, s)) {
		s->knock = NULL;
		next_look(s); /* our own lack of something says nothing about the engine */
	}
}

void sup_health_begin(struct sup *s)
{
	s->health.misses = 0;
	s->health.healthy_since_ms = clock_mono_ms();
	prove(s);
	next_look(s);
}
