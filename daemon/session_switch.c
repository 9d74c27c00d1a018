/* The switch: what was proved takes the place of what runs. The builtin engine reads its file again and never lets go of
 * its ports; others are stopped and started. Until the new one is there the old row stays `running`; when it does not
 * come, what ran before is brought back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ledger.h"
#include "daemon/session_impl.h"

/* --- the end of it, good or bad --- */
static void told_done(struct session_order *o, const struct session_life *old)
{
	struct daemon *d = o->all->daemon;
	const struct session_life *s = o->next;
	struct session_result *r = &o->outcome->result;

	r->outcome = SESSION_OK;
	r->pid = s->row.process_id;
	session_tell(d, STORE_INFO, s, old ? "replace_commit_success" : "session_running", "runs on node %lld with %s, process %d",
		     (long long)s->row.node_id, s->row.engine, s->row.process_id);
	if (old)
		session_tell(d, STORE_INFO, old, "session_replaced", "was replaced by session %lld", (long long)s->row.id);
}

static void on_first_request(struct daemon *d, void *ctx, int r, const char *why, int64_t ms)
{
	struct session_life *s = ctx;

	if (!r)
		session_tell(d, STORE_INFO, s, "session_proved", "the first request through it took %lld ms", (long long)ms);
	else if (r != -ECANCELED && !d->sessions->stopping)
		session_tell(d, STORE_WARNING, s, "first_request_failed", "no request has gone through it yet: %s", why);
	session_drop(s);
}

/* A user's first connect is not held up by it, but it is told how the node is. */
static void first_request(struct sessions *all)
{
	struct session_life *s = all->active;

	if (s->cause != SESSION_BY_USER || !s->probe_port || all->stopping)
		return;
	session_hold(s);
	if (session_request(all->daemon, s, s->probe_port, on_first_request, s, NULL))
		session_drop(s);
}

static void not_stored(struct session_order *o, const struct err *e)
{
	struct sessions *all = o->all;

	if (!all->active) {
		session_order_fail(o, SESSION_FAULT, "%s", err_text(e));
		return;
	}
	/* The engine has changed hands; the rows are brought together with it at the next start. */
	session_tell(all->daemon, STORE_ERROR, o->next, "store_failed", "runs, but its row does not say so: %s", err_text(e));
}

static void on_rows_written(struct daemon *d, void *ctx, int r, struct err *e)
{
	struct session_life *s = ctx;
	char name[64];

	(void)r;
	(void)e;
	snprintf(name, sizeof(name), "session-%lld.json", (long long)s->row.id);
	if (!str_is(str_of(strrchr(s->spec.file, '/') + 1), name))
		unlinkat(d->runtime_fd, name, 0);
	session_drop(s);
}

void session_switch_drop_file(const struct sessions *all, struct session_life *s)
{
	ledger_ask(all->daemon, &(struct ledger_ask){ .done = on_rows_written, .ctx = session_hold(s) });
}

static void take_place(struct session_order *o, struct session_life *old)
{
	struct sessions *all = o->all;
	all->active = session_hold(o->next);
	session_run_settle(all->run);
	session_switch_drop_file(all, all->active);
	session_reach_reset(all, true);
	told_done(o, old);
	if (old) {
		session_end_clean(all, old);
		health_session_event(all->daemon, SESSION_ENDED, old->row.id, "");
	}
	health_session_event(all->daemon, SESSION_BEGAN, all->active->row.id, "");
	if (!old && !o->is_adoption)
		first_request(all);
	session_end_prune(all, all->active->row.id);
	session_drop(old);
	session_order_finish(o);
}

void session_switch_commit(struct session_order *o)
{
	struct sessions *all = o->all;
	struct session_life *old = all->active, *next = o->next;
	const unsigned parts = STORE_S_PROCESS | STORE_S_CONFIG_PATH | STORE_S_INBOUNDS | STORE_S_OWNER;
	struct sup_view v;
	struct err e = { 0 };
	int r;

	sup_view(all->run->sup, &v);
	if (v.process.pid)
		session_row_take_process(next, &v.process);
	if (old)
		old->row.reason_code = "session_replaced";
	r = old ? session_row_replace(all->daemon, old, next, parts, &e) : session_row_move(all->daemon, next, STORE_RUNNING, parts, &e);
	if (r)
		not_stored(o, &e);
	if (!r || old)
		take_place(o, old);
	err_fini(&e);
}

/* --- bringing back --- */
static void on_back(struct session_order *o)
{
	struct daemon *d = o->all->daemon;
	struct session_life *s = o->all->active;
	struct sup_view v;
	char why[SESSION_WHY_BYTES];

	sup_view(o->all->run->sup, &v);
	session_row_take_process(s, &v.process);
	session_row_set(d, s, STORE_S_PROCESS);
	session_run_settle(o->all->run);
	str_print(why, sizeof(why), "%.*s; session %lld runs again", str_fit(o->outcome->why, 400), o->outcome->why,
		  (long long)s->row.id);
	memcpy(o->outcome->why, why, sizeof(why));
	session_tell(d, STORE_WARNING, s, "replace_rollback_keep_old", "was brought back");
	session_reach_reset(o->all, true);
	session_order_finish(o);
}

static void on_lost(struct session_order *o, const char *reason)
{
	struct sessions *all = o->all;
	struct session_life *s = all->active;
	const char *words = session_words(s, reason);

	o->outcome->result.outcome = SESSION_LOST;
	health_session_event(all->daemon, SESSION_DIED, s->row.id, words); /* before its row, as in session_end.c */
	session_row_fail(all->daemon, s, "replace_rollback_failed", words);
	session_tell(all->daemon, STORE_ERROR, s, "replace_rollback_failed", "could not be brought back: %s", words);
	session_run_discard(all->run);
	all->run = NULL;
	all->active = NULL;
	session_end_clean(all, s);
	session_drop(s);
	session_order_finish(o);
}

/* No worker could do it. Without its file the engine would go on with the other node under this one's name. */
static bool put_back_now(struct session_order *o)
{
	struct daemon *d = o->all->daemon;
	const struct session_life *s = o->all->active;
	struct err e = { 0 };
	int r = file_write_atomic(d->runtime_fd, strrchr(s->spec.file, '/') + 1, s->bytes, 0600, &e);

	if (r)
		daemon_log(d, SEV_ERROR, NULL, "the session's file is not as it was: %s", err_text(&e));
	err_fini(&e);
	o->step = STEP_BACK;
	if (r)
		on_lost(o, "its file cannot be written again");
	return !r;
}

static void on_back_file(struct daemon *d, void *ctx, int r, struct err *e)
{
	struct session_order *o = ctx;

	(void)d;
	(void)e;
	o->works--;
	if (session_cancel_due(o) || (r && !put_back_now(o)))
		return;
	o->step = STEP_BACK;
	session_run_reload(o->all->run, o->all->active);
}

static void bring_back(struct session_order *o)
{
	struct sessions *all = o->all;
	struct session_life *s = all->active;
	bool has_file = s->bytes.p && str_is(str_of(s->spec.file), o->next->spec.file);

	o->step = STEP_BACK_FILE;
	if (has_file && !session_put(all->daemon, s, s->spec.file, on_back_file, o)) {
		o->works++;
		return;
	}
	if (has_file) {
		if (put_back_now(o))
			session_run_reload(all->run, s);
		return;
	}
	o->step = STEP_BACK;
	session_run_start(all->run, s, &s->spec);
}

static void on_failed(struct session_order *o, const char *reason)
{
	struct daemon *d = o->all->daemon;
	struct session_life *s = o->next;
	const char *words = session_words(s, reason);

	if (!o->all->active) {
		session_order_fail(o, SESSION_NOT_READY, "%s", words);
		return;
	}
	o->outcome->result.outcome = SESSION_NOT_READY;
	str_print(o->outcome->why, sizeof(o->outcome->why), "%s", words);
	session_row_fail(d, s, "replace_failed", words);
	session_tell(d, STORE_ERROR, s, "replace_failed", "did not take over: %s", words);
	bring_back(o);
}

/* --- what the supervisor says --- */
static void on_process(struct session_order *o, const struct sup_report *report)
{
	struct sessions *all = o->all;
	struct session_life *s = o->next && report->generation == (uint64_t)o->next->row.id ? o->next : all->active;
	struct sup_view v;

	sup_view(all->run->sup, &v);
	if (!s || !v.process.pid || report->generation != (uint64_t)s->row.id)
		return;
	session_row_take_process(s, &v.process);
	session_row_set(all->daemon, s, STORE_S_PROCESS | STORE_S_CONFIG_PATH);
}

static bool is_about(const struct sup_report *report, const struct session_life *s)
{
	return s && report->generation == (uint64_t)s->row.id;
}

static void on_state(struct session_order *o, const struct sup_report *report)
{
	bool running = report->state == SUP_RUNNING, failed = report->state == SUP_FAILED;

	if (report->state == SUP_STARTING && (o->step == STEP_SWITCH || o->step == STEP_BACK))
		on_process(o, report);
	else if (o->step == STEP_SWITCH && running && is_about(report, o->next))
		session_switch_commit(o);
	else if (o->step == STEP_SWITCH && failed)
		on_failed(o, report->reason);
	else if (o->step == STEP_BACK && running && is_about(report, o->all->active))
		on_back(o);
	else if (o->step == STEP_BACK && failed)
		on_lost(o, report->reason);
	else if (o->step < STEP_FILE || o->step == STEP_OVER)
		session_end_on_main(o->all, report);
}

/* Its file is the new one even where the engine did not answer: then it is told again, or started anew. */
static void on_reloaded(struct session_order *o, const struct sup_report *report)
{
	if (o->step == STEP_SWITCH && report->ok)
		session_switch_commit(o);
	else if (o->step == STEP_SWITCH)
		on_failed(o, report->reason);
	else if (o->step == STEP_BACK && report->ok)
		on_back(o);
	else if (o->step == STEP_BACK)
		session_run_start(o->all->run, o->all->active, &o->all->active->spec);
	else if (o->step < STEP_FILE || o->step == STEP_OVER) /* of what was taken over */
		session_end_on_main(o->all, report);
}

void session_switch_on_main(struct session_order *o, const struct sup_report *report)
{
	if (report->kind == SUP_REPORT_STATE)
		on_state(o, report);
	else if (report->kind == SUP_REPORT_RELOADED)
		on_reloaded(o, report);
}

/* --- the ways to get there --- */
static bool can_reload(const struct sessions *all, const struct session_life *next)
{
	const struct session_life *old = all->active;
	struct sup_view v;

	if (!old || !all->run || !old->spec.may_reload || !next->spec.may_reload)
		return false;
	sup_view(all->run->sup, &v);
	return (v.state == SUP_RUNNING || v.state == SUP_DEGRADED) && str_is(str_of(old->spec.exe), next->spec.exe) &&
	       old->spec.target == next->spec.target;
}

/* The process keeps its file and its logs. */
static int keep_file(struct session_life *next, const struct session_life *old)
{
	const char *file = session_copy(next, old->spec.file), *name = session_copy(next, old->spec.name);

	if (!file || !name)
		return -ENOMEM;
	next->spec.file = next->row.engine_config_path = file;
	next->spec.name = name;
	return 0;
}

static void on_file(struct daemon *d, void *ctx, int r, struct err *e)
{
	struct session_order *o = ctx;

	(void)d;
	o->works--;
	if (session_cancel_due(o))
		return;
	if (r) {
		session_order_fail(o, r == -ECANCELED ? SESSION_STOPPING : SESSION_FAULT, "%s",
				   r == -ECANCELED ? "the daemon stops, or is being replaced" : err_text(e));
		return;
	}
	o->step = STEP_SWITCH;
	session_run_reload(o->all->run, o->next);
}

static void reload(struct session_order *o)
{
	struct sessions *all = o->all;
	int r = keep_file(o->next, all->active);

	o->step = STEP_FILE;
	if (!r)
		r = session_put(all->daemon, o->next, all->active->spec.file, on_file, o);
	if (r)
		session_order_fail(o, r == -EBUSY ? SESSION_STOPPING : SESSION_FAULT, "write the session's file: %s",
				   r == -EBUSY ? "the daemon is being replaced" : strerror(-r));
	else
		o->works++;
}

void session_switch_hear(struct session_run *run, const struct sup_report *report)
{
	struct session_order *o = run->all->order;
	struct sup_view v;

	sup_view(run->sup, &v);
	if (report->kind == SUP_REPORT_STATE && report->state != v.state &&
	    !(report->state == SUP_RUNNING && v.state == SUP_DEGRADED))
		return; /* it is past that: another report follows */
	if (o)
		session_order_on_main(o, report);
	else
		session_end_on_main(run->all, report);
}

static void start(struct session_order *o)
{
	struct sessions *all = o->all;

	o->step = STEP_SWITCH;
	if (!all->run)
		all->run = session_run_new(all, session_switch_hear);
	if (all->run)
		session_run_start(all->run, o->next, &o->next->spec);
	else
		session_order_fail(o, SESSION_FAULT, "start an engine: out of memory");
}

static void switch_now(struct session_order *o)
{
	struct sessions *all = o->all;

	o->step = STEP_CLEAR;
	if (!all->active && all->strays)
		return; /* they may hold the ports: sessions_go_on comes back here */
	if (all->stopping)
		session_order_fail(o, SESSION_STOPPING, "the daemon stops");
	else if (can_reload(all, o->next))
		reload(o);
	else
		start(o);
}

/* --- how long the port does not answer meanwhile --- */
static void on_watched(struct daemon *d, void *ctx)
{
	struct session_order *o = ctx;

	(void)d;
	if (o->step == STEP_WATCH)
		switch_now(o);
}

static void on_gap(struct daemon *d, void *ctx, int64_t ms)
{
	struct session_order *o = ctx;

	o->gap = NULL;
	o->outcome->result.gap_ms = ms;
	if (ms >= 0)
		session_tell(d, STORE_INFO, o->next, "replace_gap", "the port did not answer for %lld ms", (long long)ms);
	if (o->step == STEP_WATCH)
		switch_now(o);
	session_order_work_over(o);
}

void session_switch(struct session_order *o)
{
	struct sessions *all = o->all;

	if (all->active && !o->was_watched)
		o->gap = session_gap_start(all->daemon, &all->active->row, on_watched, on_gap, o);
	if (o->was_watched || !o->gap) {
		o->was_watched = true;
		switch_now(o);
		return;
	}
	o->was_watched = true;
	o->works++;
	o->step = STEP_WATCH;
}
