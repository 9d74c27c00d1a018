/* What the store is told of a session, and what people are told. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ledger.h"
#include "daemon/session_impl.h"

static void who_of(const struct session_life *s, char ret_who[40])
{
	snprintf(ret_who, 40, "session %lld", s ? (long long)s->row.id : 0);
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

static int refuse(const struct session_life *s, int r, const struct err *own, struct err *e)
{
	if (r > 0)
		err_set(e, -ESTALE, "session %lld was changed by somebody else", (long long)s->row.id);
	else
		err_set(e, r, "%s", err_text(own));
	return r;
}

int session_row_move(struct daemon *d, struct session_life *s, enum store_status to, unsigned parts, struct err *e)
{
	const struct ledger_move move = { &s->row, s->row.status, to, parts };
	struct err own = { 0 };
	int r = ledger_move(d, &move, 1, &own);

	if (r)
		refuse(s, r, &own, e);
	else
		note_times(&s->row, to, clock_wall_ms());
	err_fini(&own);
	return r;
}

int session_row_replace(struct daemon *d, struct session_life *old, struct session_life *next, unsigned parts, struct err *e)
{
	const struct ledger_move moves[] = {
		{ &old->row, old->row.status, STORE_STOPPING, STORE_S_REASON },
		{ &old->row, STORE_STOPPING, STORE_STOPPED, 0 },
		{ &next->row, next->row.status, STORE_RUNNING, parts },
	};
	struct err own = { 0 };
	int r = ledger_move(d, moves, sizeof(moves) / sizeof(*moves), &own);

	if (r) {
		refuse(next, r, &own, e);
	} else {
		note_times(&old->row, STORE_STOPPED, clock_wall_ms());
		note_times(&next->row, STORE_RUNNING, clock_wall_ms());
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

void session_row_cancel(struct daemon *d, struct session_life *s)
{
	s->row.reason_code = "cancelled";
	if (s->row.id && s->row.status == STORE_STARTING && !session_row_move(d, s, STORE_STOPPING, STORE_S_REASON, NULL))
		session_row_move(d, s, STORE_STOPPED, 0, NULL);
}

void session_row_set(struct daemon *d, struct session_life *s, unsigned parts)
{
	ledger_set(d, &s->row, parts);
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
	va_list ap;

	va_start(ap, fmt);
	str_vprint(text, sizeof(text), fmt, ap);
	va_end(ap);
	who_of(s, who);
	daemon_log(d, severities[level], s && s->row.id ? who : NULL, "%s", text);
	event.message = text;
	ledger_event(d, &event);
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
