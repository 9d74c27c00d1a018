/* How sessions end: as ordered, or because the engine died. And what is removed then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/session_impl.h"

/* --- files --- */
static const char *base_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* The file of the process that runs now. All are in runtime/. */
static bool in_use(const struct sessions *all, const struct session_life *s, const char *file)
{
	const struct session_life *active = all->active;

	return active && active != s && active->spec.file && str_is(str_of(file), base_of(active->spec.file));
}

static void clean_file(const struct sessions *all, const struct session_life *s, const char *file)
{
	const struct daemon *d = all->daemon;

	if (!in_use(all, s, file) && d->config->runtime.cleanup.v)
		unlinkat(d->runtime_fd, file, 0);
}

void session_end_clean(struct sessions *all, const struct session_life *s)
{
	const struct daemon *d = all->daemon;
	char file[40];

	if (!s->row.id || !s->spec.file)
		return;
	snprintf(file, sizeof(file), "session-%lld.json", (long long)s->row.id);
	clean_file(all, s, file);
	clean_file(all, s, base_of(s->spec.file));
	if (d->config->runtime.log.keep.v)
		return;
	if (!in_use(all, s, base_of(s->spec.file)))
		session_logs_remove_own(d->runtime_fd, s->spec.name);
	if (s->log_dir)
		session_logs_remove_opened(s->log_dir, all->mark, s->row.id);
}

void session_end_prune(struct sessions *all, int64_t newest)
{
	const struct session_life *s = all->active;
	int64_t below = newest - SESSION_LOGS_KEPT + 1, first = 0;
	int dir_fd = s && s->log_dir ? dir_open(s->log_dir, NULL) : -1;

	if (s && s->spec.name) /* the builtin engine goes on writing to the files that it began with */
		first = strtoll(str_skip(str_of(s->spec.name), sizeof("session-") - 1).p, NULL, 10);
	session_logs_prune(all->daemon->runtime_fd, NULL, below, first);
	if (dir_fd >= 0) {
		session_logs_prune(dir_fd, all->mark, below, s->row.id);
		close(dir_fd);
	}
}

/* --- by itself --- */
/* The row and everybody know at once; what is left of the engine is swept away by and by. */
static void died(struct sessions *all, const char *reason)
{
	struct session_life *s = all->active;
	const char *words = session_words(s, *reason ? reason : "the engine ended");

	/* First: a daemon that is killed behind the row's failure must have left that another node is wanted. */
	health_session_event(all->daemon, SESSION_DIED, s->row.id, words);
	session_row_fail(all->daemon, s, "runtime_process_exited", words);
	session_tell(all->daemon, STORE_ERROR, s, "runtime_process_exited", "the engine %s", words);
	session_run_discard(all->run);
	all->run = NULL;
	all->active = NULL;
	session_reach_reset(all, false);
	session_end_clean(all, s);
	session_drop(s);
}

/* What a session may have said to it any number of times takes nothing of its memory. */
static void tell_words(struct sessions *all, const char *kind, const char *what, const char *reason)
{
	struct session_life *s = all->active;
	struct arena *a = arena_new();
	jmp_buf oom;

	if (a && !setjmp(oom)) {
		arena_on_oom(a, &oom);
		session_tell(all->daemon, STORE_WARNING, s, kind, "%s%s", what, failure_mask_text(a, s->mask, reason));
	}
	arena_free(a);
}

/* An adopted engine may run other bytes than its file has. */
static void reload_adopted(struct sessions *all)
{
	if (!all->run->must_reload)
		return;
	all->run->must_reload = false;
	all->run->is_restarting = true; /* where it cannot reload, it is */
	session_run_reload(all->run, all->active);
}

static void on_reloaded(struct sessions *all, const struct sup_report *report)
{
	struct session_life *s = all->active;

	all->run->is_restarting = !report->ok;
	if (report->ok) {
		session_run_settle(all->run);
		return;
	}
	tell_words(all, "session_restarted", "the engine did not reload and is restarted: ", report->reason);
	session_run_start(all->run, s, &s->spec);
}

/* The restart above gives it another process. */
static void on_started(struct sessions *all)
{
	struct session_life *s = all->active;
	struct sup_view v;

	sup_view(all->run->sup, &v);
	if (v.starts)
		all->run->is_restarting = false;
	if (!v.process.pid || v.process.pid == s->row.process_id)
		return;
	session_row_take_process(s, &v.process);
	session_row_set(all->daemon, s, STORE_S_PROCESS);
}

static void on_stopping(struct sessions *all, const struct sup_report *report)
{
	if (!all->run->is_restarting)
		died(all, report->reason);
}

static void on_failed(struct sessions *all, const struct sup_report *report)
{
	died(all, report->reason);
}

static void on_running(struct sessions *all, const struct sup_report *report)
{
	(void)report;
	on_started(all);
	reload_adopted(all);
}

static void on_starting(struct sessions *all, const struct sup_report *report)
{
	(void)report;
	on_started(all);
}

static void on_degraded(struct sessions *all, const struct sup_report *report)
{
	tell_words(all, "runtime_inbound_unreachable", "", report->reason);
}

void session_end_on_main(struct sessions *all, const struct sup_report *report)
{
	static void (*const on_state[SUP_STATE__N])(struct sessions *all, const struct sup_report *report) = {
		[SUP_STARTING] = on_starting, [SUP_RUNNING] = on_running, [SUP_DEGRADED] = on_degraded,
		[SUP_STOPPING] = on_stopping, [SUP_FAILED] = on_failed,
	};

	if (!all->active || !all->run)
		return;
	if (report->kind == SUP_REPORT_RELOADED)
		on_reloaded(all, report);
	else if (report->kind == SUP_REPORT_STATE && on_state[report->state])
		on_state[report->state](all, report);
}

/* --- as ordered --- */
void session_end_disconnect(struct session_order *o)
{
	struct sessions *all = o->all;
	struct session_life *s = all->active;

	o->step = STEP_STOP;
	s->row.reason_code = "manual_disconnect";
	if (s->row.status != STORE_STOPPING) /* whether the store can be told or not, it is ended */
		session_row_move(all->daemon, s, STORE_STOPPING, STORE_S_REASON, NULL);
	sup_stop(all->run->sup);
}

void session_end_on_stop(struct session_order *o, const struct sup_report *report)
{
	struct sessions *all = o->all;
	struct session_life *s = all->active;

	if (report->kind != SUP_REPORT_STOPPED)
		return;
	session_cancel_ended(all, s, SESSION_OK, report->reason);
	if (s->row.status == STORE_STOPPING)
		session_row_move(all->daemon, s, STORE_STOPPED, 0, NULL);
	session_tell(all->daemon, STORE_INFO, s, "session_stopped", "was ended: %s", report->reason);
	session_run_close(all->run);
	all->run = NULL;
	all->active = NULL;
	session_reach_reset(all, false);
	session_end_clean(all, s);
	all->daemon->session_was_ended |= all->stopping;
	health_session_event(all->daemon, SESSION_ENDED, s->row.id, "");
	session_drop(s);
	session_order_finish(o);
}
