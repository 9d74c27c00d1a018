/* The steps of a role, and what sets the facts they look at. */
#include "service/keeper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void keeper_set_text(char **at, const char *text)
{
	free(*at);
	*at = text ? strdup(text) : NULL;
}

static bool may_work(const struct keeper *r, int64_t now)
{
	return now >= r->blocked_until_ms;
}

static bool needs_rollback(const struct keeper *r, int64_t now)
{
	return r->died && r->died == r->live && may_work(r, now);
}

static void run_rollback(struct keeper *r)
{
	job_start(r, JOB_ROLLBACK);
}

static bool needs_promotion(const struct keeper *r, int64_t now)
{
	bool asked = r->answer_id && *r->answer_id;

	return r->live && r->proved == r->live && (r->lkg != r->live || r->must_clear || asked) && may_work(r, now);
}

static void run_promotion(struct keeper *r)
{
	job_start(r, JOB_PROMOTE);
}

static bool needs_apply(const struct keeper *r, int64_t now)
{
	return r->due && may_work(r, now);
}

static void run_apply(struct keeper *r)
{
	r->due = false;
	settle_clear(&r->settle);
	job_start(r, JOB_APPLY);
}

static bool needs_activation(const struct keeper *r, int64_t now)
{
	struct sup_view v;

	if (!r->live || now < r->engine_retry_at_ms)
		return false;
	if (r->live != r->told || r->is_foreign)
		return true;
	sup_view(r->sup, &v);
	return r->must_reload && v.state == SUP_RUNNING;
}

/* In the order of their urgency; the first that is needed is done. */
static const struct step {
	const char *name;
	bool (*needed)(const struct keeper *r, int64_t now);
	void (*run)(struct keeper *r);
} steps[] = {
	{ "roll back", needs_rollback, run_rollback },
	{ "promote", needs_promotion, run_promotion },
	{ "apply", needs_apply, run_apply },
	{ "activate", needs_activation, keeper_activate },
};

static const struct step *needed_step(const struct keeper *r)
{
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if (steps[i].needed(r, now))
			return &steps[i];
	return NULL;
}

static void on_timer(uv_timer_t *t)
{
	struct keeper *r = t->data;

	if (!settle_wait(&r->settle, clock_mono_ms())) {
		r->due = true;
		settle_clear(&r->settle); /* else the timer would run again and again where no job can start */
	}
	keeper_next(r);
}

static int64_t earlier(int64_t wait, int64_t at, int64_t now)
{
	int64_t left = at > now ? at - now : 0;

	return wait < 0 || left < wait ? left : wait;
}

/* When something may be needed that is not needed now. */
static void arm_timer(struct keeper *r)
{
	int64_t now = clock_mono_ms(), wait = settle_wait(&r->settle, now);

	if (r->blocked_until_ms > now)
		wait = earlier(wait, r->blocked_until_ms, now);
	if (r->engine_retry_at_ms > now)
		wait = earlier(wait, r->engine_retry_at_ms, now);
	if (wait < 0)
		uv_timer_stop(&r->timer);
	else
		uv_timer_start(&r->timer, on_timer, (uint64_t)wait + 1, 0);
}

void keeper_next(struct keeper *r)
{
	const struct step *step;

	while (!r->off && !r->job && r->service->has_state && !r->service->stopping && !r->service->reopen) {
		step = needed_step(r);
		if (!step)
			break;
		step->run(r);
	}
	if (!r->service->stopping)
		arm_timer(r);
}

void keeper_read_links(struct keeper *r)
{
	uint64_t live, lkg;

	if (!r->service->has_state)
		return;
	if (!generation_of_link(&r->service->state, r->which, LINK_LIVE, &live))
		r->live = live;
	if (!generation_of_link(&r->service->state, r->which, LINK_LKG, &lkg))
		r->lkg = lkg;
}

void keeper_live_changed(struct keeper *r)
{
	uint64_t before = r->live;

	r->live_moved = r->job != NULL;
	if (r->job)
		return;
	keeper_read_links(r);
	r->due |= r->live != before;
}

/* --- the supervisor's reports --- */
static void on_state(struct keeper *r, const struct sup_report *report)
{
	static const enum severity severities[SUP_STATE__N] = {
		[SUP_DEGRADED] = SEV_WARNING, [SUP_BACKOFF] = SEV_WARNING, [SUP_FAILED] = SEV_ERROR,
	};
	struct arena *a = arena_new();

	if (!a)
		return;
	keeper_set_text(&r->engine_reason, keeper_words(r, a, report->reason));
	log_line(&r->service->log, severities[report->state], role_names[r->which], "engine %s%s%s",
		 sup_state_names[report->state], *report->reason ? ": " : "", r->engine_reason);
	if (report->state == SUP_STARTING) {
		arena_free(r->old_spec_a);
		r->old_spec_a = NULL;
	}
	clock_text(r->engine_since);
	arena_free(a);
}

static void on_proved(struct keeper *r, const struct sup_report *report)
{
	if (!r->is_foreign)
		r->proved = report->generation;
}

static void on_unproved_failed(struct keeper *r, const struct sup_report *report)
{
	struct arena *a = arena_new();

	r->died = r->is_foreign ? 0 : report->generation;
	keeper_set_text(&r->died_reason, a ? keeper_words(r, a, report->reason) : "the engine did not live");
	arena_free(a);
}

static void on_stopped(struct keeper *r, const struct sup_report *report)
{
	if (r->told)
		log_line(&r->service->log, SEV_NOTE, role_names[r->which], "engine stopped: %s", report->reason);
	service_check_stopped(r->service);
}

/* An engine that does not take the new file is restarted with it. */
static void on_reloaded(struct keeper *r, const struct sup_report *report)
{
	if (report->ok) {
		log_line(&r->service->log, SEV_NOTE, role_names[r->which], "engine runs generation %llu without a restart",
			 (unsigned long long)report->generation);
		return;
	}
	log_line(&r->service->log, SEV_WARNING, role_names[r->which], "engine did not reload (%s), it is restarted",
		 report->reason);
	sup_run(r->sup, &r->spec);
}

static void (*const on_report[SUP_REPORT__N])(struct keeper *r, const struct sup_report *report) = {
	[SUP_REPORT_STATE] = on_state,     [SUP_REPORT_PROVED] = on_proved,     [SUP_REPORT_UNPROVED_FAILED] = on_unproved_failed,
	[SUP_REPORT_STOPPED] = on_stopped, [SUP_REPORT_RELOADED] = on_reloaded,
};

static void sink(void *ctx, const struct sup_report *report)
{
	struct keeper *r = ctx;

	on_report[report->kind](r, report);
	keeper_publish_status(r);
	keeper_next(r);
}

/* --- its life --- */
int keeper_open(struct keeper *r, struct service *s, enum role which, struct err *e)
{
	*r = (struct keeper){ .service = s, .which = which, .prove_ms = 5000,
			    .off = s->o->roles && !(s->o->roles & 1u << which),
			    .settle = { .first_ms = -1, .settle_ms = 200, .max_wait_ms = 2000 } };
	keeper_set_text(&r->answer_id, "");
	keeper_set_text(&r->engine_trouble, "");
	keeper_set_text(&r->engine_reason, "");
	r->timer.data = r;
	uv_timer_init(s->loop, &r->timer);
	r->timer_open = true;
	r->status.role = which;
	clock_text(r->engine_since);
	return sup_new(&r->sup, s->loop, sink, r, e);
}

void keeper_start(struct keeper *r)
{
	if (r->off)
		return;
	keeper_read_links(r);
	if (!r->told)
		keeper_adopt(r);
	r->due = true;
	keeper_next(r);
	keeper_publish_status(r);
}

void keeper_forget(struct keeper *r)
{
	r->live = r->lkg = r->died = r->proved = 0;
	r->is_foreign = r->told != 0;
	r->must_clear = false;
	r->engine_retry_at_ms = r->blocked_until_ms = 0;
	keeper_set_text(&r->answer_id, "");
	keeper_set_desired(r, "", "", "");
	keeper_set_last(r, "", 0, "", "");
}

void keeper_stop(struct keeper *r)
{
	uv_timer_stop(&r->timer);
	if (r->job)
		atomic_store(&r->job->cancelled, true);
	if (r->sup)
		sup_stop(r->sup);
}

bool keeper_is_stopped(const struct keeper *r)
{
	struct sup_view v;

	if (r->job)
		return false;
	if (!r->sup)
		return true;
	sup_view(r->sup, &v);
	return v.state == SUP_STOPPED || !v.process.pid;
}

void keeper_close(struct keeper *r)
{
	if (r->timer_open)
		uv_close((uv_handle_t *)&r->timer, NULL);
	if (r->sup)
		sup_close(r->sup);
	keeper_set_text(&r->answer_id, NULL);
	keeper_set_text(&r->died_reason, NULL);
	keeper_set_text(&r->engine_trouble, NULL);
	keeper_set_text(&r->engine_reason, NULL);
	arena_free(r->spec_a);
	arena_free(r->old_spec_a);
	arena_free(r->status_a);
	arena_free(r->dirs_a);
}
