/* Orders that nobody wants any more, because of a disconnect, a client that has gone or the daemon's stop; and disconnects,
 * which wait until nothing runs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/session_impl.h"

/* Before the switch an order is just given up. From there on it touches what runs; its end is the end of both. */
static const struct {
	bool is_over, waits, touches;
} steps[STEP__N] = {
	[STEP_PLAN] = { .waits = true }, /* for the worker that fills the session in */
	[STEP_FILE] = { .waits = true, .touches = true },
	[STEP_SWITCH] = { .touches = true },
	[STEP_BACK_FILE] = { .waits = true, .touches = true },
	[STEP_BACK] = { .touches = true },
	[STEP_STOP] = { .is_over = true },
	[STEP_OVER] = { .is_over = true },
};

static bool touches(const struct session_order *o)
{
	return steps[o->step].touches && o->all->active;
}

static void end_now(struct session_order *o)
{
	if (!touches(o)) {
		session_order_fail(o, o->cancel, "%s", o->cancel_why);
		return;
	}
	if (o->step == STEP_FILE || o->step == STEP_SWITCH)
		session_order_leave(o, o->cancel, o->cancel_why);
	session_end_disconnect(o);
}

void session_cancel(struct session_order *o, enum session_outcome outcome, const char *why)
{
	if (o->is_cancelled || steps[o->step].is_over)
		return;
	o->is_cancelled = true;
	o->cancel = outcome;
	o->cancel_why = why;
	if (o->work)
		work_cancel(o->work);
	if (!steps[o->step].waits)
		end_now(o);
}

void session_cancel_withdraw(struct session_order *o)
{
	if (!touches(o))
		session_cancel(o, SESSION_CANCELLED, "it was cancelled: whoever asked for it has gone");
}

bool session_cancel_due(struct session_order *o)
{
	bool is_due = o->is_cancelled;

	if (is_due)
		end_now(o); /* it may be gone */
	return is_due;
}

/* --- disconnects --- */
static void tell_enders(struct sessions *all)
{
	while (all->enders) {
		struct outcome *o = all->enders;

		all->enders = o->next;
		o->next = NULL;
		o->result = all->ended;
		memcpy(o->why, all->ended_why, sizeof(o->why));
		sessions_tell(all, o);
	}
}

void session_cancel_ended(struct sessions *all, const struct session_life *s, enum session_outcome outcome, const char *why)
{
	all->ended = (struct session_result){ .outcome = outcome, .gap_ms = -1, .session_id = s ? s->row.id : 0,
					      .node_id = s ? s->row.node_id : 0, .pid = s ? s->row.process_id : 0 };
	str_print(all->ended_why, sizeof(all->ended_why), "%s", why);
}

void session_cancel_go_on(struct sessions *all)
{
	struct session_order *o;

	if (all->order || (!all->enders && !all->stopping))
		return;
	if (!all->active) {
		if (all->strays)
			return;
		if (all->enders) /* nor shall anything come after what died meanwhile */
			health_session_event(all->daemon, SESSION_ENDED, 0, "");
		tell_enders(all);
		return;
	}
	o = session_order_new(all, NULL, NULL);
	if (o) {
		session_end_disconnect(o);
	} else {
		session_cancel_ended(all, all->active, SESSION_FAULT, "out of memory");
		tell_enders(all);
	}
}

void sessions_disconnect(struct daemon *d, session_done_fn *done, void *ctx)
{
	struct sessions *all = d->sessions;
	struct outcome *outcome = session_outcome_new(done, ctx), **at = &all->enders;

	if (!all->enders)
		session_cancel_ended(all, NULL, SESSION_NONE, "no session is active");
	while (*at)
		at = &(*at)->next;
	*at = outcome;
	if (!all->active) /* nor shall something come after what died */
		health_session_event(d, SESSION_ENDED, 0, "");
	if (all->order)
		session_cancel(all->order, SESSION_CANCELLED, "it was cancelled by a disconnect");
	sessions_go_on(all);
}
