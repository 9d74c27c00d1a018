/* How sessions end: as ordered, or because the engine died. And what is removed then. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/session_impl.h"

/* --- files --- */
static bool same_text(const char *a, const char *b)
{
	return a && b && str_is(str_of(a), b);
}

/* The file of the process that runs now. */
static bool in_use(const struct sessions *all, const struct session_life *s, const char *file)
{
	const struct session_life *active = all->active;

	return active && active != s && same_text(active->spec.file, file);
}

static void remove_logs(int dir_fd, const char *name, const char *const kinds[2])
{
	static const char *const ages[] = { "", ".1" };
	char file[128];

	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < sizeof(ages) / sizeof(*ages); k++) {
			snprintf(file, sizeof(file), "%s.%s.log%s", name, kinds[i], ages[k]);
			unlinkat(dir_fd, file, 0);
		}
}

static void clean_file(const struct sessions *all, const struct session_life *s, const char *file)
{
	const struct daemon *d = all->daemon;

	if (file && !in_use(all, s, file) && d->config->runtime.cleanup.v)
		unlinkat(d->runtime_fd, strrchr(file, '/') + 1, 0);
}

void session_end_clean(struct sessions *all, const struct session_life *s)
{
	static const char *const own[] = { "out", "err" }, *const engines[] = { "access", "error" };
	const struct daemon *d = all->daemon;
	char file[512], name[40];
	int dir_fd;

	if (!s->row.id || !s->spec.file)
		return;
	snprintf(name, sizeof(name), "session-%lld", (long long)s->row.id);
	snprintf(file, sizeof(file), "%s/%s.json", all->dir, name);
	clean_file(all, s, file);
	clean_file(all, s, s->spec.file);
	if (d->config->runtime.log.keep.v)
		return;
	if (!in_use(all, s, s->spec.file))
		remove_logs(d->runtime_fd, s->spec.name, own);
	dir_fd = s->log_dir ? dir_open(s->log_dir, NULL) : -1;
	if (dir_fd >= 0) {
		remove_logs(dir_fd, name, engines);
		close(dir_fd);
	}
}

/* "session-12.out.log": 12, and *ret_end is ".out.log"; 0 = none of these. */
static int64_t session_of(const char *name, char **ret_end)
{
	static const char front[] = "session-";
	const char *number = name + sizeof(front) - 1;

	if (!str_starts(str_of(name), front) || !isdigit((unsigned char)*number))
		return 0;
	return strtoll(number, ret_end, 10);
}

static void prune_dir(int dir_fd, int64_t below, int64_t but)
{
	struct arena *a = arena_new();
	const char **names;
	jmp_buf oom;
	size_t n;

	if (!a || setjmp(oom)) {
		arena_free(a);
		return;
	}
	arena_on_oom(a, &oom);
	if (!dir_list(a, dir_fd, &names, &n, NULL))
		for (size_t i = 0; i < n; i++) {
			char *end = NULL;
			int64_t id = session_of(names[i], &end);

			if (id && id < below && id != but && strstr(end, ".log"))
				unlinkat(dir_fd, names[i], 0);
		}
	arena_free(a);
}

void session_end_prune(struct sessions *all, int64_t newest)
{
	const struct session_life *s = all->active;
	char *end;
	int64_t below = newest - SESSION_LOGS_KEPT, but = s && s->spec.name ? session_of(s->spec.name, &end) : 0;
	int dir_fd = s && s->log_dir ? dir_open(s->log_dir, NULL) : -1;

	prune_dir(all->daemon->runtime_fd, below, but);
	if (dir_fd >= 0) {
		prune_dir(dir_fd, below, but);
		close(dir_fd);
	}
}

/* --- by itself --- */
/* The row and everybody know at once; what is left of the engine is swept away by and by. */
static void died(struct sessions *all, const char *reason)
{
	struct session_life *s = all->active;
	const char *words = session_words(s, *reason ? reason : "the engine ended");

	session_row_fail(all->daemon, s, "runtime_process_exited", words);
	session_tell(all->daemon, STORE_ERROR, s, "runtime_process_exited", "the engine %s", words);
	session_run_discard(all->run);
	all->run = NULL;
	all->active = NULL;
	session_reach_reset(all, false);
	session_end_clean(all, s);
	health_session_event(all->daemon, SESSION_DIED, s->row.id, words);
	session_drop(s);
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
	session_tell(all->daemon, STORE_WARNING, s, "session_restarted", "the engine did not reload and is restarted: %s",
		     session_words(s, report->reason));
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
	struct session_life *s = all->active;

	session_tell(all->daemon, STORE_WARNING, s, "runtime_inbound_unreachable", "%s", session_words(s, report->reason));
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
	o->outcome->result.session_id = s->row.id;
	o->outcome->result.node_id = s->row.node_id;
	o->outcome->result.pid = s->row.process_id;
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
	o->outcome->result.outcome = SESSION_OK;
	o->outcome->result.killed = str_is(str_of(report->reason), "Killed");
	str_print(o->outcome->why, sizeof(o->outcome->why), "%s", report->reason);
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
