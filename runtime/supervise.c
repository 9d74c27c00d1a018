/* The supervisor: what others call, what they are told, and the one function that changes state. */
#include "runtime/supervise.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "runtime/sup_impl.h"

static const struct sup_times default_times = {
	.ready_ms = 10000,
	.poll_ms = 100,
	.alive_ms = 1000,
	.probe_ms = 3000,
	.term_ms = 5000,
	.backoff_first_ms = 500,
	.backoff_max_ms = 30000,
	.healthy_reset_ms = 60000,
	.reload_ms = 5000,
	.log_ms = 1000,
};

enum { HEALTH_MS = 15 * 1000 };

/* --- reports: put into a ring and delivered from the loop, so that no call of ours calls back --- */
static char *copy(const char *text)
{
	return text && *text ? strdup(text) : NULL;
}

static void deliver(uv_timer_t *t)
{
	struct sup *s = t->data;

	while (s->reports_n && !s->closed) {
		struct pending_report p = s->reports[s->reports_first];
		struct sup_report r = { p.kind, p.state, p.reason ? p.reason : "", p.generation, p.ok };

		s->reports[s->reports_first].reason = NULL;
		s->reports_first = (s->reports_first + 1) % REPORTS_MAX;
		s->reports_n--;
		s->sink(s->ctx, &r);
		free(p.reason);
	}
}

/* A full ring loses its oldest: whoever lets 32 of them wait has no use for it. */
void sup_report(struct sup *s, enum sup_report_kind kind, bool ok, const char *reason)
{
	unsigned at = (s->reports_first + s->reports_n) % REPORTS_MAX;
	uint64_t generation = kind == SUP_REPORT_RELOADED ? s->reload.spec.generation : s->spec.generation;

	if (s->reports_n == REPORTS_MAX) {
		s->reports_first = (s->reports_first + 1) % REPORTS_MAX;
		s->reports_n--;
	}
	free(s->reports[at].reason);
	s->reports[at] = (struct pending_report){ kind, s->state, generation, ok, copy(reason) };
	s->reports_n++;
	uv_timer_start(&s->deliver, deliver, 0, 0);
}

/* --- faults --- */
void sup_fault_clear(struct sup *s)
{
	free(s->fault.text);
	memset(&s->fault, 0, sizeof(s->fault));
}

/* The first is kept: what comes behind it (being ended for it) follows from it. */
void sup_fault(struct sup *s, bool is_system, const char *fmt, ...)
{
	va_list ap;

	if (s->fault.is_set)
		return;
	s->fault.is_set = true;
	s->fault.is_system = is_system;
	va_start(ap, fmt);
	if (vasprintf(&s->fault.text, fmt, ap) < 0)
		s->fault.text = NULL;
	va_end(ap);
}

const char *sup_fault_text(const struct sup *s)
{
	return s->fault.text ? s->fault.text : s->fault.is_set ? "out of memory" : "";
}

/* --- states --- */
static void nothing(struct sup *s)
{
	(void)s;
}

static void give_up(struct sup *s)
{
	sup_report(s, SUP_REPORT_UNPROVED_FAILED, false, sup_fault_text(s));
}

static void outcome(struct sup *s)
{
	sup_report(s, SUP_REPORT_STOPPED, true, s->end.killed ? "Killed" : "Terminated");
}

static void not_running(struct sup *s)
{
	sup_report(s, SUP_REPORT_STOPPED, true, "NotRunning");
}

static void (*const actions[SUP_DO__N])(struct sup *s) = {
	[SUP_DO_NOTHING] = nothing,
	[SUP_DO_IGNORE] = nothing,
	[SUP_DO_NOTE_WISH] = nothing,
	[SUP_DO_START] = sup_start,
	[SUP_DO_WATCH] = sup_ready_begin,
	[SUP_DO_SERVE] = sup_health_begin,
	[SUP_DO_TERMINATE] = sup_end_terminate,
	[SUP_DO_SWEEP] = sup_end_sweep,
	[SUP_DO_WAIT] = sup_end_wait,
	[SUP_DO_GIVE_UP] = give_up,
	[SUP_DO_OUTCOME] = outcome,
	[SUP_DO_NOT_RUNNING] = not_running,
};

static void timer_over(struct sup *s)
{
	sup_step(s, SUP_EV_TIMER, "");
}

/* What the timer is for in each state. */
static void (*const ticks[SUP_STATE__N])(struct sup *s) = {
	[SUP_STOPPED] = nothing,
	[SUP_STARTING] = sup_ready_tick,
	[SUP_RUNNING] = sup_health_tick,
	[SUP_DEGRADED] = sup_health_tick,
	[SUP_STOPPING] = sup_end_tick,
	[SUP_BACKOFF] = timer_over,
	[SUP_FAILED] = nothing,
};

static void on_tick(uv_timer_t *t)
{
	struct sup *s = t->data;

	ticks[s->state](s);
}

void sup_tick_in(struct sup *s, unsigned first_ms, unsigned repeat_ms)
{
	uv_update_time(s->loop); /* looking at /proc and spawning took a while */
	uv_timer_start(&s->tick, on_tick, first_ms, repeat_ms);
}

static bool is_serving(enum sup_state state)
{
	return state == SUP_RUNNING || state == SUP_DEGRADED;
}

static void enter(struct sup *s, enum sup_state next, const char *reason)
{
	if (!is_serving(next) || !is_serving(s->state)) {
		knock_cancel(s->knock);
		s->knock = NULL;
		uv_timer_stop(&s->tick);
		sup_reload_finish(s, false, reason);
	}
	s->state = next;
	s->since_ms = clock_mono_ms();
	s->next_start_ms = 0;
	free(s->reason);
	s->reason = copy(reason);
	sup_report(s, SUP_REPORT_STATE, false, reason);
}

void sup_step(struct sup *s, enum sup_event event, const char *reason)
{
	const struct sup_rule *rule = &sup_table[s->state][event];

	if (rule->action == SUP_DO_IGNORE)
		return;
	if (rule->next == SUP_STARTING && s->has_next) {
		sup_take_spec(s, &s->next);
		s->has_next = false;
	}
	if (rule->next != s->state)
		enter(s, rule->next, reason);
	actions[rule->action](s);
}

/* --- specs --- */
void sup_fill_times(struct sup_times *t)
{
	unsigned *given = (unsigned *)t;
	const unsigned *standard = (const unsigned *)&default_times;

	static_assert(sizeof(*t) % sizeof(unsigned) == 0, "sup_times holds milliseconds alone");
	for (size_t i = 0; i < sizeof(*t) / sizeof(unsigned); i++)
		if (!given[i])
			given[i] = standard[i];
}

void sup_take_spec(struct sup *s, const struct sup_spec *spec)
{
	s->spec = *spec;
	sup_fill_times(&s->spec.times);
	s->starts = s->failures = s->fast_failures = 0;
	sup_fault_clear(s);
}

unsigned sup_health_ms(const struct sup *s)
{
	return s->spec.health_ms ? s->spec.health_ms : HEALTH_MS;
}

/* --- calls --- */
static void init_timer(struct sup *s, uv_timer_t *t)
{
	uv_timer_init(s->loop, t);
	t->data = s;
	s->open_handles++;
}

int sup_new(struct sup **ret_sup, uv_loop_t *loop, sup_sink_fn *sink, void *ctx, struct err *e)
{
	struct sup *s = calloc(1, sizeof(*s));

	if (!s)
		return err_sys(e, -ENOMEM, "supervisor");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) {
		int r = -errno;

		free(s);
		return err_sys(e, r, "take orphans of engines");
	}
	s->loop = loop;
	s->sink = sink;
	s->ctx = ctx;
	s->since_ms = clock_mono_ms();
	init_timer(s, &s->tick);
	init_timer(s, &s->log_tick);
	init_timer(s, &s->deliver);
	init_timer(s, &s->reload_tick);
	*ret_sup = s;
	return 0;
}

void sup_run(struct sup *s, const struct sup_spec *spec)
{
	char reason[64];

	snprintf(reason, sizeof(reason), "replaced by generation %llu", (unsigned long long)spec->generation);
	s->next = *spec;
	s->has_next = s->wanted = true;
	sup_reload_drop(s);
	sup_step(s, SUP_EV_RUN, s->engine ? reason : "");
}

void sup_reload(struct sup *s, const struct sup_spec *spec)
{
	sup_reload_drop(s);
	if (!is_serving(s->state) || !sup_reload_begin(s, spec))
		sup_run(s, spec);
}

int sup_adopt(struct sup *s, const struct sup_spec *spec, const struct process_id *id)
{
	int pidfd, r;

	if (s->engine)
		return -EBUSY;
	pidfd = process_open(id, spec->file);
	if (pidfd < 0)
		return pidfd;
	r = sup_hold_adopted(s, spec, id, pidfd);
	if (r)
		return r;
	sup_take_spec(s, spec);
	s->wanted = true;
	s->has_next = false;
	sup_step(s, SUP_EV_ADOPT, "taken over from an earlier service");
	return 0;
}

void sup_stop(struct sup *s)
{
	s->wanted = s->has_next = false;
	sup_reload_drop(s);
	sup_step(s, SUP_EV_STOP, "asked to stop");
}

void sup_set_proved(struct sup *s)
{
	s->spec.proved = true;
	s->failures = 0;
}

void sup_view(const struct sup *s, struct sup_view *ret_view)
{
	*ret_view = (struct sup_view){
		.state = s->state,
		.reason = s->reason ? s->reason : "",
		.since_ms = s->since_ms,
		.ownership_proved = s->engine && s->ready.ownership_proved,
		.starts = s->starts,
		.fast_failures = s->fast_failures,
		.next_start_ms = s->next_start_ms,
		.generation = s->spec.generation,
	};
	if (s->engine)
		ret_view->process = s->engine->id;
}

static void closed(uv_handle_t *h)
{
	struct sup *s = h->data;

	if (--s->open_handles)
		return;
	for (size_t i = 0; i < REPORTS_MAX; i++)
		free(s->reports[i].reason);
	sup_fault_clear(s);
	free(s->ready.doubt);
	free(s->reason);
	free(s);
}

void sup_close(struct sup *s)
{
	if (!s || s->closed)
		return;
	s->closed = true;
	knock_cancel(s->knock);
	s->knock = NULL;
	sup_let_go(s);
	s->reload.active = false;
	uv_close((uv_handle_t *)&s->tick, closed);
	uv_close((uv_handle_t *)&s->log_tick, closed);
	uv_close((uv_handle_t *)&s->deliver, closed);
	uv_close((uv_handle_t *)&s->reload_tick, closed);
}
