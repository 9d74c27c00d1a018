/* Connecting: an order goes from step to step, and whatever happens meanwhile is held against its step. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ledger.h"
#include "daemon/session_impl.h"

static const struct { const char *code, *done; } causes[] = {
	[SESSION_BY_USER] = { "manual_connect", "a user's wish" },
	[SESSION_BY_TIMER] = { "timer_rotation", "rotation by the clock" },
	[SESSION_BY_HEALTH] = { "health_rotation", "rotation after failed health checks" },
	[SESSION_AGAIN] = { SESSION_AGAIN_CODE, "it was under way when the daemon ended" },
};

/* --- its life --- */
struct session_order *session_order_new(struct sessions *all, session_done_fn *done, void *ctx)
{
	struct session_order *o = calloc(1, sizeof(*o));
	struct outcome *outcome = calloc(1, sizeof(*outcome));

	if (!o || !outcome) {
		free(o);
		free(outcome);
		return NULL;
	}
	outcome->done = done;
	outcome->ctx = ctx;
	outcome->result.gap_ms = -1;
	o->all = all;
	o->outcome = outcome;
	all->order = o;
	return o;
}

void session_order_finish(struct session_order *o)
{
	struct sessions *all = o->all;
	bool failed_since_start = o->is_adoption && o->next && !all->active && !all->stopping && !o->is_cancelled;

	o->step = STEP_OVER;
	ledger_forget(all->daemon, o);
	session_gap_stop(o->gap);
	if (o->work)
		work_cancel(o->work);
	if (o->works)
		return;
	o->outcome->result.kept_old = o->next && all->active && o->outcome->result.outcome != SESSION_OK;
	if (failed_since_start)
		all->lost = (struct session_lost){ o->next->row.id, o->next->row.node_id, o->next->row.started_at };
	session_run_discard(o->trial);
	session_drop(o->next);
	all->order = NULL;
	sessions_tell(all, o->outcome);
	free(o);
	if (failed_since_start) /* nobody was told yet, and nobody waits: as if the engine had ended while no daemon ran */
		rotation_reconcile(all->daemon);
	sessions_go_on(all);
}

void session_order_work_over(struct session_order *o)
{
	o->works--;
	if (o->step == STEP_OVER)
		session_order_finish(o);
}

/* --- failing --- */
static void remove_proof(struct session_order *o)
{
	static const char *const ends[] = { "json", "out.log", "err.log" };
	char name[64];

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		snprintf(name, sizeof(name), "session-%lld-proof.%s", (long long)o->next->row.id, ends[i]);
		unlinkat(o->all->daemon->runtime_fd, name, 0);
	}
	session_run_discard(o->trial);
	o->trial = NULL;
}

/* What was started for it alone, beside nothing. */
static void remove_run(struct session_order *o)
{
	struct sessions *all = o->all;

	if (!all->run || all->active || all->run->now != o->next)
		return;
	session_run_discard(all->run);
	all->run = NULL;
}

static void tell_cancelled(struct session_order *o)
{
	struct daemon *d = o->all->daemon;
	struct session_life *s = o->next;

	session_row_cancel(d, s);
	session_tell(d, STORE_INFO, s, o->all->active ? "replace_cancelled" : "connect_cancelled", "%s", o->outcome->why);
	if (!o->all->active)
		session_cancel_ended(o->all, s, SESSION_OK, "Cancelled");
}

static void tell_failed(struct session_order *o)
{
	struct daemon *d = o->all->daemon;
	struct session_life *s = o->next;

	session_row_fail(d, s, o->all->active ? "replace_validation_failed" : "connect_failed", o->outcome->why);
	session_tell(d, STORE_ERROR, s, s->row.reason_code, "did not start: %s%s", o->outcome->why,
		     o->all->active ? "; what ran before still runs" : "");
}

void session_order_leave(struct session_order *o, enum session_outcome outcome, const char *why)
{
	o->outcome->result.outcome = outcome;
	if (why != o->outcome->why)
		str_print(o->outcome->why, sizeof(o->outcome->why), "%s", why);
	if (outcome == SESSION_CANCELLED)
		tell_cancelled(o);
	else
		tell_failed(o);
	remove_proof(o);
	remove_run(o);
	session_end_clean(o->all, o->next);
}

void session_order_fail(struct session_order *o, enum session_outcome outcome, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_vprint(o->outcome->why, sizeof(o->outcome->why), fmt, ap);
	va_end(ap);
	session_order_leave(o, outcome, o->outcome->why);
	session_order_finish(o);
}

static void fail_system(struct session_order *o, int r, const char *what)
{
	session_order_fail(o, r == -EBUSY ? SESSION_STOPPING : SESSION_FAULT, "%s: %s", what, r == -EBUSY ? "the daemon is being replaced" : strerror(-r));
}

/* Work that was asked to end says nothing of the node. */
static enum session_outcome outcome_of(const struct session_order *o, int r, enum session_outcome otherwise)
{
	if (r != -ECANCELED && !o->all->stopping)
		return otherwise;
	return o->all->daemon->phase == DAEMON_READY ? SESSION_CANCELLED : SESSION_STOPPING;
}

/* --- the proof --- */
static void on_requested(struct daemon *d, void *ctx, int r, const char *why, int64_t ms)
{
	struct session_order *o = ctx;

	o->works--;
	o->work = NULL;
	if (o->step == STEP_OVER) {
		session_order_finish(o);
		return;
	}
	if (r || o->all->stopping) {
		session_order_fail(o, outcome_of(o, r, SESSION_NOT_PROVED), "no request went through it: %s",
				   r ? why : "the daemon stops");
		return;
	}
	session_tell(d, STORE_INFO, o->next, "session_proved", "a request through it took %lld ms", (long long)ms);
	if (o->step == STEP_CONFIRM) {
		session_switch_commit(o);
		return;
	}
	remove_proof(o);
	session_switch(o);
}

static void request(struct session_order *o, enum session_step step, unsigned port)
{
	int r = session_request(o->all->daemon, o->next, port, on_requested, o, &o->work);

	o->step = step;
	if (r)
		fail_system(o, r, "make a request");
	else
		o->works++;
}

static void on_trial(struct session_run *run, const struct sup_report *report)
{
	struct session_order *o = run->all->order;

	if (report->kind != SUP_REPORT_STATE || o->step != STEP_PROOF)
		return;
	if (report->state == SUP_RUNNING)
		request(o, STEP_REQUEST, o->next->proof_port);
	else if (report->state == SUP_FAILED)
		session_order_fail(o, SESSION_NOT_READY, "%s", session_words(o->next, report->reason));
}

static void begin_proof(struct session_order *o)
{
	o->trial = session_run_new(o->all, on_trial);
	o->step = STEP_PROOF;
	if (o->trial)
		session_run_start(o->trial, o->next, &o->next->proof);
	else
		fail_system(o, -ENOMEM, "start an engine");
}

/* --- the engine on the configured ports is ready, and nothing else proved it --- */
static void confirm(struct session_order *o)
{
	request(o, STEP_CONFIRM, o->next->probe_port);
}

void session_order_on_main(struct session_order *o, const struct sup_report *report)
{
	bool ready = report->kind == SUP_REPORT_STATE && report->state == SUP_RUNNING && o->step == STEP_SWITCH &&
		     report->generation == (uint64_t)o->next->row.id;

	if (ready && o->wants_confirm)
		confirm(o);
	else if (o->step == STEP_CONFIRM && report->kind == SUP_REPORT_STATE && report->state == SUP_FAILED)
		session_order_fail(o, SESSION_NOT_READY, "%s", session_words(o->next, report->reason));
	else if (o->step == STEP_STOP)
		session_end_on_stop(o, report);
	else
		session_switch_on_main(o, report);
}

/* --- the plan --- */
/* What runs may have died meanwhile. */
static void begin_proof_or_start(struct session_order *o)
{
	if (o->has_proof && o->all->active) {
		begin_proof(o);
		return;
	}
	o->wants_confirm = o->next->cause != SESSION_BY_USER;
	session_switch(o);
}

static int write_plan(struct daemon *d, void *ctx, struct err *e)
{
	const struct session_order *o = ctx;
	const struct store_session *row = &o->next->row;

	return store_session_set(d->store, row->id, clock_wall_ms(), row, STORE_S_CONFIG_PATH | STORE_S_INBOUNDS, e);
}

static void on_plan_written(struct daemon *d, void *ctx, int r, struct err *e)
{
	struct session_order *o = ctx;

	(void)d;
	if (r > 0)
		session_order_fail(o, SESSION_FAULT, "its row was changed by somebody else");
	else if (r)
		session_order_fail(o, r == -EBUSY ? SESSION_LOCKED : SESSION_FAULT, "%s", err_text(e));
	else
		begin_proof_or_start(o);
}

/* By its engine and its file a row is recognised after a sudden end, so they are in it before anything is started. */
static void record_plan(struct session_order *o)
{
	o->step = STEP_ROW;
	ledger_ask(o->all->daemon, &(struct ledger_ask){ .write = write_plan, .done = on_plan_written, .ctx = o,
							 .patience_ms = LEDGER_PATIENCE_MS });
}

static void take_plan(struct session_order *o, const struct plan *p, int r, struct err *e)
{
	if (o->all->stopping)
		session_order_fail(o, SESSION_STOPPING, "the daemon stops");
	else if (r > 0)
		session_order_fail(o, p->outcome, "%s", p->why);
	else if (r)
		session_order_fail(o, outcome_of(o, r, SESSION_FAULT), "%s", r == -ECANCELED ? "it was cancelled" : err_text(e));
	else
		record_plan(o);
}

static void on_planned(struct daemon *d, void *ctx, int r, struct err *e)
{
	struct plan *p = ctx;
	struct session_order *o = d->sessions->order;
	struct session_life *s = p->session;

	o->works--;
	o->work = NULL;
	session_plan_end(p);
	o->has_proof = p->wants_proof;
	if (!session_cancel_due(o))
		take_plan(o, p, r, e);
	buf_fini(&p->out);
	session_drop(s);
	free(p);
}

/* The listener for probes stays as it is, so that a reload does not move it. */
static int copy_probe(struct session_life *s, const struct session_life *from)
{
	s->probe_user = session_copy(s, from->probe_user);
	s->probe_password = session_copy(s, from->probe_password);
	s->probe_port = from->probe_port;
	return s->probe_user && s->probe_password ? 0 : -ENOMEM;
}

static int begin_plan(struct session_order *o)
{
	struct plan *p = calloc(1, sizeof(*p));
	const struct work_spec spec = { .name = "connect", .run = session_plan_run, .done = on_planned, .ctx = p };
	const struct session_life *active = o->all->active;
	int r = p ? 0 : -ENOMEM;

	o->step = STEP_PLAN;
	if (!r && active && active->probe_port)
		r = copy_probe(o->next, active);
	if (!r) {
		session_plan_begin(p, o->next, o->all->daemon, active != NULL);
		r = work_start(o->all->daemon, &spec, &o->work);
		if (r)
			session_drop(o->next);
		else
			o->works++;
	}
	if (r)
		free(p);
	return r;
}

/* --- the order --- */
struct outcome *session_outcome_new(session_done_fn *done, void *ctx)
{
	struct outcome *o = calloc(1, sizeof(*o));

	if (!o)
		abort(); /* engines go on, and the daemon is started again; an order without an answer would wait for ever */
	o->done = done;
	o->ctx = ctx;
	o->result.gap_ms = -1;
	return o;
}

static void refusal(struct sessions *all, session_done_fn *done, void *ctx, enum session_outcome outcome, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
static void refusal(struct sessions *all, session_done_fn *done, void *ctx, enum session_outcome outcome, const char *fmt, ...)
{
	struct outcome *o = session_outcome_new(done, ctx);
	va_list ap;

	o->result.outcome = outcome;
	va_start(ap, fmt);
	str_vprint(o->why, sizeof(o->why), fmt, ap);
	va_end(ap);
	sessions_tell(all, o);
}

static bool is_busy(struct sessions *all, session_done_fn *done, void *ctx)
{
	if (all->stopping)
		refusal(all, done, ctx, SESSION_STOPPING, "the daemon stops");
	else if (all->enders)
		refusal(all, done, ctx, SESSION_BUSY, "a disconnect is under way; try again in a moment");
	else if (all->order)
		refusal(all, done, ctx, SESSION_BUSY, "another connect is under way; try again in a moment, or 'xrat disconnect' "
			"cancels it");
	return all->stopping || all->enders || all->order;
}

/* 0 or the reason why not, told. */
static int find_node(struct sessions *all, int64_t node_id, session_done_fn *done, void *ctx, struct session_life **ret_session)
{
	long long n = node_id;
	struct session_life *s;
	struct err e = { 0 };
	int r = session_new(all->daemon, node_id, &s, &e);

	if (r < 0)
		refusal(all, done, ctx, r == -EBUSY ? SESSION_LOCKED : SESSION_FAULT, "%s", err_text(&e));
	else if (r || s->node.row.is_deleted)
		refusal(all, done, ctx, SESSION_NO_NODE, "there is no node %lld", n);
	else if (!s->node.row.is_enabled)
		refusal(all, done, ctx, SESSION_DISABLED, "node %lld is disabled; 'xrat enable %lld' enables it", n, n);
	err_fini(&e);
	if (!r && (s->node.row.is_deleted || !s->node.row.is_enabled)) {
		session_drop(s);
		r = 1;
	}
	if (!r)
		*ret_session = s;
	return r;
}

static int write_row(struct daemon *d, void *ctx, struct err *e)
{
	struct session_order *o = ctx;

	return store_session_add(d->store, &o->next->row, clock_wall_ms(), &o->next->row.id, e);
}

static void on_row(struct daemon *d, void *ctx, int r, struct err *e)
{
	struct session_order *o = ctx;
	const struct session_life *active = o->all->active, *s = o->next;

	o->outcome->result.session_id = s->row.id;
	if (r) {
		session_order_fail(o, r == -EBUSY ? SESSION_LOCKED : SESSION_FAULT, "%s", err_text(e));
		return;
	}
	session_tell(d, STORE_INFO, s, active ? "replace_started" : "connect_started", "%s node %lld: %s",
		     active ? "replaces the one that runs, on" : "on", (long long)s->row.node_id, causes[s->cause].done);
	r = begin_plan(o);
	if (r)
		fail_system(o, r, "prepare a session");
}

/* Its row gives the id; from here on all ways end in session_order_finish. */
static void begin(struct session_order *o, struct session_life *s)
{
	const struct session_life *active = o->all->active;

	o->next = s;
	o->step = STEP_ROW;
	o->outcome->result.node_id = s->row.node_id;
	o->outcome->result.old_session_id = active ? active->row.id : 0;
	s->row.reason_code = causes[s->cause].code;
	ledger_ask(o->all->daemon, &(struct ledger_ask){ .write = write_row, .done = on_row, .ctx = o, .patience_ms = LEDGER_PATIENCE_MS });
}

void sessions_connect(struct daemon *d, int64_t node_id, enum session_cause cause, session_done_fn *done, void *ctx)
{
	struct sessions *all = d->sessions;
	struct session_order *o;
	struct session_life *s = NULL;

	if (is_busy(all, done, ctx) || find_node(all, node_id, done, ctx, &s))
		return;
	if (all->active && !d->config->runtime.replace_active_session.v) {
		refusal(all, done, ctx, SESSION_OCCUPIED, "session %lld runs, and [runtime] replace_active_session is false; "
			"'xrat disconnect' ends it", (long long)all->active->row.id);
		session_drop(s);
		return;
	}
	o = session_order_new(all, done, ctx);
	if (!o) {
		refusal(all, done, ctx, SESSION_FAULT, "out of memory");
		session_drop(s);
		return;
	}
	s->cause = cause;
	begin(o, s);
}
