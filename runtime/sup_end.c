/* The end of an engine: by itself or asked to, with all that it started, and what follows from it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "runtime/sup_impl.h"

enum { HOW_TEXT = 160, HOLDER_TEXT = 96 };

/* --- what it says about its end --- */
static void how_text(const struct engine *e, char ret_text[HOW_TEXT])
{
	double lived = (double)(clock_mono_ms() - e->started_ms) / 1000;
	const char *name;

	if (!e->info.si_pid) {
		snprintf(ret_text, HOW_TEXT, e->is_adopted
				 ? "ended, status unknown because it was started by an earlier service"
				 : "ended, status unknown");
		return;
	}
	if (e->info.si_code == CLD_EXITED) {
		snprintf(ret_text, HOW_TEXT, "ended with status %d after %.1f s", e->info.si_status, lived);
		return;
	}
	name = sigabbrev_np(e->info.si_status);
	snprintf(ret_text, HOW_TEXT, "was killed by signal %d (SIG%s) after %.1f s", e->info.si_status, name ? name : "?",
		 lived);
}

/* While it was starting, a stranger on its port is the likely cause. */
static void holder_text(const struct sup *s, char *ret_text, size_t text_len)
{
	char where[PROBE_WHERE_TEXT], holder[HOLDER_TEXT] = "";

	*ret_text = 0;
	if (s->state != SUP_STARTING || s->spec.probe.kind == PROBE_ALIVE)
		return;
	probe_where(&s->spec.probe, where);
	process_holder(s->spec.probe.address, s->spec.probe.port, holder, sizeof(holder));
	if (*holder)
		snprintf(ret_text, text_len, "; %s is held by %s", where, holder);
}

static void exit_fault(struct sup *s, size_t leftovers)
{
	struct engine *e = s->engine;
	char words[ENGINE_WORDS_BYTES + 1], how[HOW_TEXT], holder[PROBE_WHERE_TEXT + HOLDER_TEXT + 16];
	bool background = leftovers && s->end.swept && e->info.si_pid && e->info.si_code == CLD_EXITED && !e->info.si_status;
	bool any = engine_log_words(&e->log, words) != 0;

	how_text(e, how);
	if (background)
		holder[0] = 0; /* that is itself */
	else
		holder_text(s, holder, sizeof(holder));
	sup_fault(s, false, "%s%s%s%s%s%s", background ? "went into the background; run it in the foreground (" : "", how,
		  background ? ")" : "", any ? ": " : "", words, holder);
}

/* --- leftovers --- */
static void ask(int pidfd, int signal)
{
	process_signal(pidfd, signal);
	process_signal(pidfd, SIGCONT); /* a stopped process would not hear it */
}

/* How many there still are. The first time they are asked to end, behind the deadline they are killed. */
static size_t sweep(struct sup *s)
{
	int *rest = NULL;
	size_t n = 0;
	bool kill_now = s->end.swept && clock_mono_ms() >= s->end.kill_at_ms;

	if (process_session(&s->engine->id, s->engine->marker, &rest, &n))
		return 1; /* not known: looked at again */
	if (n && !s->end.swept)
		s->end.kill_at_ms = clock_mono_ms() + s->spec.times.term_ms;
	for (size_t i = 0; i < n; i++)
		if (kill_now)
			process_signal(rest[i], SIGKILL);
		else if (!s->end.swept)
			ask(rest[i], SIGTERM);
	s->end.killed = s->end.killed || (n && kill_now);
	s->end.swept = true;
	process_session_free(rest, n);
	return n;
}

static void all_gone(struct sup *s)
{
	sup_let_go(s);
	sup_end_gone(s);
}

/* --- events --- */
void sup_end_on_exit(struct sup *s)
{
	struct engine *e = s->engine;
	size_t left;

	e->ended = true;
	/* Only looked at: it is reaped when nothing of its session is left. */
	if (waitid(P_PIDFD, (id_t)e->pidfd, &e->info, WEXITED | WNOHANG | WNOWAIT))
		e->info.si_pid = 0;
	sup_health_note(s);
	s->end.swept = false;
	left = sweep(s);
	if (s->state != SUP_STOPPING)
		exit_fault(s, left);
	if (!left)
		all_gone(s);
	else if (s->state != SUP_STOPPING)
		sup_step(s, SUP_EV_LEFTOVERS, sup_fault_text(s));
}

void sup_end_terminate(struct sup *s)
{
	memset(&s->end, 0, sizeof(s->end));
	s->end.kill_at_ms = clock_mono_ms() + s->spec.times.term_ms;
	ask(s->engine->pidfd, SIGTERM);
	sup_tick_in(s, s->spec.times.poll_ms, s->spec.times.poll_ms);
}

void sup_end_sweep(struct sup *s)
{
	sup_tick_in(s, s->spec.times.poll_ms, s->spec.times.poll_ms);
}

void sup_end_tick(struct sup *s)
{
	if (s->engine->ended) {
		if (!sweep(s))
			all_gone(s);
	} else if (clock_mono_ms() >= s->end.kill_at_ms) {
		s->end.killed = true;
		process_signal(s->engine->pidfd, SIGKILL);
	}
}

/* --- what follows --- */
static enum sup_event verdict(struct sup *s)
{
	if (!s->wanted)
		return SUP_EV_GONE_IDLE;
	if (s->has_next)
		return SUP_EV_GONE_NEXT;
	s->fast_failures++;
	if (s->spec.once)
		return SUP_EV_GONE_LOST;
	if (s->fault.is_system || s->spec.proved)
		return SUP_EV_GONE_RETRY;
	return ++s->failures >= UNPROVED_STARTS ? SUP_EV_GONE_LOST : SUP_EV_GONE_RETRY;
}

/* 0.5 s, 1 s, 2 s … up to the most. */
static unsigned delay_ms(const struct sup *s)
{
	const struct sup_times *t = &s->spec.times;
	unsigned delay = t->backoff_first_ms;

	if (s->fast_failures >= FAST_FAILURES_MAX)
		return t->backoff_max_ms;
	for (unsigned i = 1; i < s->fast_failures && delay < t->backoff_max_ms; i++)
		delay *= 2;
	return delay < t->backoff_max_ms ? delay : t->backoff_max_ms;
}

static char *retry_reason(const struct sup *s)
{
	double seconds = delay_ms(s) / 1000.0;
	char *text = NULL;
	int n;

	if (s->fast_failures == FAST_FAILURES_MAX)
		n = asprintf(&text, "failed %d times in a row, from now on tried every %g s: %s", FAST_FAILURES_MAX, seconds,
			     sup_fault_text(s));
	else
		n = asprintf(&text, "%s; next start in %g s", sup_fault_text(s), seconds);
	return n < 0 ? NULL : text;
}

void sup_end_gone(struct sup *s)
{
	enum sup_event event = verdict(s);
	char *retry = event == SUP_EV_GONE_RETRY ? retry_reason(s) : NULL;

	if (event == SUP_EV_GONE_RETRY)
		sup_step(s, event, retry ? retry : "out of memory");
	else if (event == SUP_EV_GONE_LOST)
		sup_step(s, event, sup_fault_text(s));
	else
		sup_step(s, event, event == SUP_EV_GONE_IDLE ? "asked to stop" : "");
	free(retry);
}

void sup_end_wait(struct sup *s)
{
	unsigned delay = delay_ms(s);

	s->next_start_ms = clock_mono_ms() + delay;
	sup_tick_in(s, delay, 0);
}
