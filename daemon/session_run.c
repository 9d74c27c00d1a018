/* An engine process: a supervisor of its own, and the session whose texts that one has. */
#include <stdlib.h>

#include "daemon/session_impl.h"

static const char *const kinds[SUP_REPORT__N] = {
	[SUP_REPORT_STATE] = "state", [SUP_REPORT_PROVED] = "proved", [SUP_REPORT_UNPROVED_FAILED] = "failed unproved",
	[SUP_REPORT_STOPPED] = "stopped", [SUP_REPORT_RELOADED] = "reload over",
};

static void on_report(void *ctx, const struct sup_report *report)
{
	struct session_run *r = ctx;

	daemon_debug(r->all->daemon, LOG_DEBUG, "engine", "of session %llu: %s, %s", (unsigned long long)report->generation,
		     kinds[report->kind], sup_state_names[report->state]);
	r->on_report(r, report);
}

struct session_run *session_run_new(struct sessions *all, session_report_fn *fn)
{
	struct session_run *r = calloc(1, sizeof(*r));
	struct err e = { 0 };

	if (r && sup_new(&r->sup, &all->daemon->loop, on_report, r, &e)) {
		daemon_log(all->daemon, SEV_ERROR, NULL, "%s", err_text(&e));
		err_fini(&e);
		free(r);
		return NULL;
	}
	if (r) {
		r->all = all;
		r->on_report = fn;
	}
	return r;
}

/* The supervisor may look at the texts of the one before until it has begun with the new one. */
static void take(struct session_run *r, struct session_life *s)
{
	struct session_life *dropped = r->before;

	session_hold(s);
	r->before = r->now;
	r->now = s;
	session_drop(dropped);
}

void session_run_start(struct session_run *r, struct session_life *s, const struct sup_spec *spec)
{
	take(r, s);
	sup_run(r->sup, spec);
}

void session_run_reload(struct session_run *r, struct session_life *s)
{
	take(r, s);
	sup_reload(r->sup, &s->spec);
}

int session_run_adopt(struct session_run *r, struct session_life *s, const struct process_id *id)
{
	int n = sup_adopt(r->sup, &s->spec, id);

	if (!n)
		take(r, s);
	return n;
}

void session_run_settle(struct session_run *r)
{
	session_drop(r->before);
	r->before = NULL;
}

void session_run_close(struct session_run *r)
{
	if (!r)
		return;
	sup_close(r->sup);
	session_drop(r->now);
	session_drop(r->before);
	free(r);
}

/* --- those that have to go --- */
static void take_out(struct session_run *r)
{
	struct session_run **at = &r->all->strays;

	while (*at && *at != r)
		at = &(*at)->next;
	if (*at)
		*at = r->next;
}

static void on_stray(struct session_run *r, const struct sup_report *report)
{
	struct sessions *all = r->all;

	if (report->kind != SUP_REPORT_STOPPED)
		return;
	take_out(r);
	session_run_close(r);
	sessions_go_on(all);
}

/* Also what is idle goes this way: it may be in the middle of one of its own reports. */
void session_run_discard(struct session_run *r)
{
	if (!r)
		return;
	r->on_report = on_stray;
	r->next = r->all->strays;
	r->all->strays = r;
	sup_stop(r->sup);
}
