/* Readiness: the listener must be there, be the engine's, and answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/sup_impl.h"

enum { HOLDER_TEXT = 96, LISTENS_TEXT = 200, REASON_TEXT = 400 };

static void doubt(struct sup *s, const char *text)
{
	free(s->ready.doubt);
	s->ready.doubt = strdup(text);
}

static int64_t elapsed(const struct sup *s)
{
	return clock_mono_ms() - s->engine->started_ms;
}

static void fail(struct sup *s, const char *head, const char *what)
{
	char words[ENGINE_WORDS_BYTES + 1];
	bool any = engine_log_words(&s->engine->log, words) != 0;

	sup_fault(s, false, "%s%s%s%s", head, what, any ? "; its last words: " : "", words);
	sup_step(s, SUP_EV_UNREADY, sup_fault_text(s));
}

static const char *ready_reason(const struct sup *s, char *text, size_t text_len)
{
	bool hidden = !s->ready.ownership_proved && s->spec.probe.kind != PROBE_ALIVE;
	const char *log = s->engine->log_trouble;

	snprintf(text, text_len, "%s%s%s%s",
		 hidden ? "it answers; whose the listener is may not be read, nobody had it before the start" : "",
		 hidden && log ? "; " : "", log ? "its output is not kept: " : "", log ? log : "");
	return text;
}

static void is_ready(struct sup *s, bool ownership_proved)
{
	char reason[REASON_TEXT];
	struct process_id now;

	/* A script has become the program it starts: what counts for finding it again is what it is now. */
	if (!process_identify(s->engine->id.pid, &now) && now.start_ticks == s->engine->id.start_ticks)
		s->engine->id = now;
	s->ready.ownership_proved = ownership_proved;
	sup_step(s, SUP_EV_READY, ready_reason(s, reason, sizeof(reason)));
}

static void on_knock(void *ctx, const char *fault)
{
	struct sup *s = ctx;

	s->knock = NULL;
	if (fault)
		doubt(s, fault);
	else
		is_ready(s, s->ready.ownership_proved);
}

static void knock(struct sup *s, bool ownership_proved)
{
	int64_t left = s->spec.times.ready_ms - elapsed(s);
	unsigned limit = s->spec.times.probe_ms;

	s->ready.ownership_proved = ownership_proved;
	if (s->spec.probe.no_connect) {
		is_ready(s, ownership_proved);
		return;
	}
	if (left < limit)
		limit = left > (int64_t)s->spec.times.poll_ms ? (unsigned)left : s->spec.times.poll_ms;
	if (knock_start(&s->knock, s->loop, &s->spec.probe, limit, on_knock, s)) {
		s->knock = NULL;
		doubt(s, "no connection could be made");
	}
}

/* One look may fall into a moment in which an earlier engine lets go. */
static void stranger(struct sup *s)
{
	char where[PROBE_WHERE_TEXT], holder[HOLDER_TEXT], what[PROBE_WHERE_TEXT + HOLDER_TEXT + 16];

	if (++s->ready.strangers < STRANGER_LOOKS)
		return;
	probe_where(&s->spec.probe, where);
	process_holder(s->spec.probe.address, s->spec.probe.port, holder, sizeof(holder));
	snprintf(what, sizeof(what), "%s is held by %s", where, *holder ? holder : "another process");
	fail(s, "", what);
}

static void not_there(struct sup *s)
{
	char where[PROBE_WHERE_TEXT], others[LISTENS_TEXT], text[PROBE_WHERE_TEXT + LISTENS_TEXT + 64];

	probe_where(&s->spec.probe, where);
	process_listens(&s->engine->id, others, sizeof(others));
	snprintf(text, sizeof(text), "nothing listens on %s%s%s%s", where, *others ? " (it listens on " : "", others,
		 *others ? ")" : "");
	doubt(s, text);
}

static void look(struct sup *s, bool is_last)
{
	int owner = process_owns(&s->engine->id, s->spec.probe.address, s->spec.probe.port);

	if (owner != OWNER_OTHER)
		s->ready.strangers = 0;
	if (owner == OWNER_OURS || (owner == OWNER_HIDDEN && s->engine->port_was_free))
		knock(s, owner == OWNER_OURS);
	else if (owner == OWNER_OTHER || owner == OWNER_HIDDEN)
		stranger(s);
	else if (owner == OWNER_NONE && is_last)
		not_there(s);
	else if (owner < 0 && owner != -ESRCH)
		doubt(s, strerrordesc_np(-owner));
}

static void time_over(struct sup *s)
{
	char head[48];

	snprintf(head, sizeof(head), "not ready within %g s: ", s->spec.times.ready_ms / 1000.0);
	fail(s, head, s->ready.doubt ? s->ready.doubt : "it does not answer");
}

void sup_ready_tick(struct sup *s)
{
	bool is_last = elapsed(s) >= s->spec.times.ready_ms;

	if (s->knock || s->engine->ended)
		return;
	if (s->spec.probe.kind == PROBE_ALIVE) {
		if (elapsed(s) >= s->spec.times.alive_ms)
			is_ready(s, false);
		return;
	}
	if (is_last && s->ready.doubt) {
		time_over(s);
		return;
	}
	look(s, is_last);
	if (is_last && s->state == SUP_STARTING && !s->knock)
		time_over(s);
}

void sup_ready_begin(struct sup *s)
{
	free(s->ready.doubt);
	memset(&s->ready, 0, sizeof(s->ready));
	memset(&s->end, 0, sizeof(s->end));
	memset(&s->health, 0, sizeof(s->health));
	sup_tick_in(s, s->engine->is_adopted ? 0 : s->spec.times.poll_ms, s->spec.times.poll_ms);
}
