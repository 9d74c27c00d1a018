/* What the store is told of a session, and what people are told. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/session_impl.h"

static void who_of(const struct session_life *s, char ret_who[40])
{
	snprintf(ret_who, 40, "session %lld", s ? (long long)s->row.id : 0);
}

static void not_written(struct daemon *d, const struct session_life *s, int r, const struct err *e)
{
	char who[40];

	who_of(s, who);
	daemon_log(d, SEV_ERROR, who, "its row cannot be written: %s",
		   r == STORE_STALE ? "somebody else has changed its state" : r == STORE_MISSING ? "it is not there any more" :
		   err_text(e));
}

/* --- rows --- */
static void note_times(struct store_session *row, enum store_status to, int64_t now)
{
	row->status = to;
	if (to == STORE_RUNNING)
		row->started_at = now;
	if (to == STORE_STOPPED || to == STORE_FAILED_SESSION)
		row->stopped_at = now;
}

int session_row_move(struct daemon *d, struct session_life *s, enum store_status to, unsigned parts, struct err *e)
{
	int64_t now = clock_wall_ms();
	struct err own = { 0 };
	int r = store_session_move(d->store, s->row.id, s->row.status, to, now, &s->row, parts, &own);

	if (r) {
		not_written(d, s, r, &own);
		if (r > 0)
			err_set(e, -ESTALE, "session %lld was changed by somebody else", (long long)s->row.id);
		else
			err_set(e, r, "%s", err_text(&own));
	} else {
		note_times(&s->row, to, now);
	}
	err_fini(&own);
	return r;
}

void session_row_fail(struct daemon *d, struct session_life *s, const char *code, const char *why)
{
	const char *kept = session_copy(s, why);

	s->row.reason_code = code;
	s->row.failure_reason = kept ? kept : "out of memory";
	if (s->row.id && s->row.status <= STORE_STOPPING)
		session_row_move(d, s, STORE_FAILED_SESSION, STORE_S_REASON | STORE_S_FAILURE, NULL);
}

int session_row_set(struct daemon *d, struct session_life *s, unsigned parts)
{
	struct err e = { 0 };
	int r = store_session_set(d->store, s->row.id, clock_wall_ms(), &s->row, parts, &e);

	if (r)
		not_written(d, s, r, &e);
	err_fini(&e);
	return r;
}

void session_row_take_process(struct session_life *s, const struct process_id *id)
{
	s->row.process_id = id->pid;
	s->row.process_start_ticks = id->start_ticks;
	s->row.boot_id = session_copy(s, id->boot_id);
	s->row.executable_dev = id->exe_dev;
	s->row.executable_inode = id->exe_ino;
}

/* --- people --- */
static const enum severity severities[STORE_LEVEL__N] = {
	[STORE_WARNING] = SEV_WARNING, [STORE_ERROR] = SEV_ERROR,
};

void session_tell(struct daemon *d, enum store_level level, const struct session_life *s, const char *kind, const char *fmt, ...)
{
	struct store_event event = { .level = level, .source = "session", .kind = kind, .node_id = s ? s->row.node_id : 0,
				     .session_id = s ? s->row.id : 0, .created_at = clock_wall_ms() };
	char text[SESSION_WHY_BYTES + 200], who[40];
	struct err e = { 0 };
	va_list ap;

	va_start(ap, fmt);
	str_vprint(text, sizeof(text), fmt, ap);
	va_end(ap);
	who_of(s, who);
	daemon_log(d, severities[level], s ? who : NULL, "%s", text);
	event.message = text;
	if (store_event_add(d->store, &event, NULL, &e))
		daemon_log(d, SEV_ERROR, s ? who : NULL, "the event cannot be written: %s", err_text(&e));
	err_fini(&e);
}

const char *session_words(struct session_life *s, const char *words)
{
	jmp_buf oom;
	const char *text;

	if (setjmp(oom)) {
		arena_on_oom(s->a, NULL);
		return "out of memory";
	}
	arena_on_oom(s->a, &oom);
	text = arena_strdup(s->a, failure_mask_text(s->a, s->mask, words));
	arena_on_oom(s->a, NULL);
	return text;
}
