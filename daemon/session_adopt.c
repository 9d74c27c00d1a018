/* After a start, whatever the daemon before it was doing when it ended: rows and processes are brought together. An engine
 * that is proved to be a row's is taken over, whatever else is ours is ended, and rows without a process have failed. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/ledger.h"
#include "daemon/session_impl.h"

enum { FILE_MAX_BYTES = 16 * 1024 * 1024, EXE_MAX = 4096, POLL_MS = 20 };

struct adoption {
	struct sessions *all;
	struct arena *a;
	struct session_engine *engines;
	struct session_verdict *verdicts;
	size_t n_engines, n;
	struct session_verdict *best;  /* its engine is the one to be taken over; NULL = none */
	struct session_verdict *heir;  /* a replacement whose file that engine has been given already; NULL = none */
	int64_t newest;
};

/* --- a session from its row --- */
static char *copy(struct arena *a, const char *text)
{
	return text ? arena_strdup(a, text) : NULL;
}

static void copy_row(struct session_life *s, const struct store_session *row)
{
	const char *owner = s->row.owner_instance_id;

	s->row = *row;
	s->row.boot_id = copy(s->a, row->boot_id);
	s->row.engine = copy(s->a, row->engine);
	s->row.engine_config_path = copy(s->a, row->engine_config_path);
	s->row.socks.host = copy(s->a, row->socks.host);
	s->row.http.host = copy(s->a, row->http.host);
	s->row.shadowsocks.host = copy(s->a, row->shadowsocks.host);
	s->row.failure_reason = copy(s->a, row->failure_reason);
	s->row.reason_code = copy(s->a, row->reason_code);
	s->row.owner = STORE_OWNER_DAEMON; /* it is ours now */
	s->row.owner_instance_id = owner;
}

static const struct target *target_of(const char *engine)
{
	for (int f = 0; engine && f < ENGINE__N; f++)
		if (str_is(str_of(engine), engine_family_name((enum engine_family)f)))
			return target_newest((enum engine_family)f);
	return target_default();
}

/* For when it is to be started again; after an upgrade another file is in its place. */
static char *exe_of(struct arena *a, int pid)
{
	static const char gone[] = " (deleted)";
	char path[32], exe[EXE_MAX];
	struct str s = { exe, 0 };
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, exe, sizeof(exe));
	if (n <= 0 || n == EXE_MAX)
		return arena_strdup(a, "");
	s.len = (size_t)n;
	if (str_ends_nocase(s, gone))
		s.len -= sizeof(gone) - 1;
	return arena_memdup(a, s.p, s.len);
}

static char *name_of(struct arena *a, const char *file)
{
	struct str base = str_of(strrchr(file, '/') + 1);

	return arena_memdup(a, base.p, base.len - strlen(".json"));
}

/* file NULL: the row's own. */
static void fill(struct session_life *s, struct daemon *d, const char *file, int pid)
{
	const struct target *t = target_of(s->row.engine);
	struct str bytes;

	s->spec = (struct sup_spec){
		.target = t,
		.exe = exe_of(s->a, pid),
		.file = arena_strdup(s->a, file ? file : s->row.engine_config_path),
		.cwd = d->root,
		.log_dir = d->sessions->dir,
		.generation = (uint64_t)s->row.id,
		.proved = true,
		.once = true,
		.may_reload = t->family == ENGINE_BUILTIN,
		.times.poll_ms = POLL_MS,
	};
	s->spec.name = name_of(s->a, s->spec.file);
	s->row.engine_config_path = s->spec.file;
	s->log_dir = session_log_dir(s->a, d->root, d->config);
	if (!file_read(s->a, d->runtime_fd, strrchr(s->spec.file, '/') + 1, FILE_MAX_BYTES, &bytes, NULL))
		session_learn_file(s, bytes);
	session_set_probe(s);
}

static void fill_node(struct session_life *s, struct daemon *d)
{
	if (s->row.node_id && store_node_get(d->store, s->a, s->row.node_id, SPAN_NONE, &s->node, NULL))
		memset(&s->node, 0, sizeof(s->node));
}

/* NULL: no memory. */
static struct session_life *from_row(struct daemon *d, const struct store_session *row, const char *file, int pid)
{
	struct session_life *s;
	struct err ignored = { 0 };
	jmp_buf oom;

	if (session_new(d, 0, &s, &ignored)) {
		err_fini(&ignored);
		return NULL;
	}
	if (setjmp(oom)) {
		session_drop(s);
		return NULL;
	}
	arena_on_oom(s->a, &oom);
	copy_row(s, row);
	fill(s, d, file, pid);
	fill_node(s, d);
	arena_on_oom(s->a, NULL);
	return s;
}

/* --- taking over --- */
static void fail_row(struct sessions *all, const struct store_session *row, const char *code, const char *why)
{
	struct session_life *s = NULL;
	struct err e = { 0 };

	if (session_new(all->daemon, 0, &s, &e)) {
		daemon_log(all->daemon, SEV_ERROR, NULL, "%s", err_text(&e));
		err_fini(&e);
		return;
	}
	s->row.id = row->id;
	s->row.node_id = row->node_id;
	s->row.status = row->status;
	session_row_fail(all->daemon, s, code, why);
	session_tell(all->daemon, STORE_WARNING, s, code, "was '%s' and has failed: %s", store_status_names[row->status], why);
	session_drop(s);
}

static void is_active_now(struct sessions *all, struct session_life *s)
{
	struct daemon *d = all->daemon;

	s->row.reason_code = "daemon_restart_reattach_ok";
	session_row_set(d, s, STORE_S_OWNER | STORE_S_PROCESS | STORE_S_CONFIG_PATH | STORE_S_REASON);
	session_tell(d, STORE_INFO, s, s->row.reason_code, "was taken over with its engine, process %d", s->row.process_id);
	all->active = s;
	session_reach_reset(all, false);
	health_session_event(d, SESSION_BEGAN, s->row.id, "");
}

/* It is not known yet whether it gets ready. */
static void await_ready(struct sessions *all, struct session_life *s)
{
	struct session_order *o = session_order_new(all, NULL, NULL);

	if (!o) {
		session_run_discard(all->run);
		all->run = NULL;
		session_row_fail(all->daemon, s, "daemon_restart_reattach_failed", "out of memory");
		session_drop(s);
		return;
	}
	o->next = s;
	o->is_adoption = true;
	o->step = STEP_SWITCH;
	o->outcome->result.session_id = s->row.id;
	session_row_set(all->daemon, s, STORE_S_OWNER | STORE_S_PROCESS);
	session_tell(all->daemon, STORE_INFO, s, "daemon_restart_reattach_ok",
		     "was taken over while it starts, process %d", s->row.process_id);
}

static void stop_it(struct sessions *all, struct session_life *s)
{
	struct session_order *o = session_order_new(all, NULL, NULL);

	all->active = s;
	session_tell(all->daemon, STORE_INFO, s, "daemon_restart_stop", "was being ended; that goes on, process %d",
		     s->row.process_id);
	if (o)
		session_end_disconnect(o);
}

/* Nobody can watch it, so it must not go on. It was proved to be ours, and is looked at again. */
static void end_at_once(const struct process_id *id, const char *file)
{
	int pidfd = process_open(id, file);

	if (pidfd < 0)
		return;
	process_signal(pidfd, SIGKILL);
	close(pidfd);
}

static void take_over(struct adoption *ad, const struct session_verdict *v)
{
	struct sessions *all = ad->all;
	struct session_life *s = from_row(all->daemon, v->row, NULL, v->id.pid);
	int r = s ? 0 : -ENOMEM;

	all->run = session_run_new(all, session_switch_hear);
	if (!r)
		r = all->run ? session_run_adopt(all->run, s, &v->id) : -ENOMEM;
	if (r) {
		session_run_close(all->run);
		all->run = NULL;
		session_drop(s);
		end_at_once(&v->id, v->row->engine_config_path);
		if (v->row->status == STORE_RUNNING)
			all->lost = (struct session_lost){ v->row->id, v->row->node_id, v->row->started_at };
		fail_row(all, v->row, "daemon_restart_reattach_failed", r == -ESRCH ? "its engine has just ended" : strerror(-r));
		return;
	}
	session_row_take_process(s, &v->id);
	if (v->row->status == STORE_STARTING)
		await_ready(all, s);
	else if (v->row->status == STORE_STOPPING)
		stop_it(all, s);
	else
		is_active_now(all, s);
}

/* --- a replacement that was cut short behind its proof --- */
static bool same_bytes(struct adoption *ad, const char *one, const char *other)
{
	int dir_fd = ad->all->daemon->runtime_fd;
	struct str a, b;

	return !file_read(ad->a, dir_fd, strrchr(one, '/') + 1, FILE_MAX_BYTES, &a, NULL) &&
	       !file_read(ad->a, dir_fd, strrchr(other, '/') + 1, FILE_MAX_BYTES, &b, NULL) && str_eq(a, b);
}

static bool is_builtin(const struct store_session *row)
{
	return row->engine && row->engine_config_path && target_of(row->engine)->family == ENGINE_BUILTIN;
}

/* The engine's file holds what this row planned, in a file of its own that is still there. */
static bool inherits(struct adoption *ad, const struct store_session *row)
{
	const struct store_session *holder = ad->best->row;
	const char *own = arena_printf(ad->a, "%s/session-%lld.json", ad->all->dir, (long long)row->id);

	return row->status == STORE_STARTING && holder->status == STORE_RUNNING && is_builtin(row) && is_builtin(holder) &&
	       !str_is(str_of(own), holder->engine_config_path) && same_bytes(ad, own, holder->engine_config_path);
}

static void move_on(struct adoption *ad, struct session_verdict *holder)
{
	struct store_session *old = holder->row, *row = ad->heir->row;
	struct err e = { 0 };
	const struct ledger_move moves[] = {
		{ old, STORE_RUNNING, STORE_STOPPING, 0 },
		{ old, STORE_STOPPING, STORE_STOPPED, 0 },
		{ row, STORE_STARTING, STORE_RUNNING, STORE_S_CONFIG_PATH | STORE_S_PROCESS },
	};

	row->engine_config_path = old->engine_config_path;
	row->process_id = old->process_id;
	row->process_start_ticks = old->process_start_ticks;
	row->boot_id = old->boot_id;
	row->executable_dev = old->executable_dev;
	row->executable_inode = old->executable_inode;
	if (ledger_move(ad->all->daemon, moves, sizeof(moves) / sizeof(*moves), &e)) {
		daemon_log(ad->all->daemon, SEV_ERROR, NULL, "a replacement cannot be finished: %s", err_text(&e));
		ad->heir = NULL;
	} else {
		row->status = STORE_RUNNING;
		row->started_at = clock_wall_ms();
		ad->heir->id = holder->id;
		ad->best = ad->heir;
	}
	err_fini(&e);
}

/* It was begun with the process of a session before it. */
static bool has_file_of_another(struct adoption *ad)
{
	const struct store_session *row = ad->best ? ad->best->row : NULL;

	return row && row->status == STORE_RUNNING && is_builtin(row) &&
	       !str_is(str_of(name_of(ad->a, row->engine_config_path)), arena_printf(ad->a, "session-%lld", (long long)row->id));
}

/* --- the rest --- */
/* Ended in good order: taken over, then told to stop. */
static void end_stray(struct adoption *ad, const struct session_engine *engine)
{
	struct sessions *all = ad->all;
	const struct store_session nobody = { .engine_config_path = engine->file };
	struct session_life *s = from_row(all->daemon, &nobody, engine->file, engine->id.pid);
	struct session_run *r = s ? session_run_new(all, session_switch_hear) : NULL;

	if (r && !session_run_adopt(r, s, &engine->id)) {
		session_tell(all->daemon, STORE_WARNING, NULL, "stray_engine_ended", "an engine that no session has is ended: process "
			     "%d, %s", engine->id.pid, engine->name);
		session_run_discard(r);
	} else {
		session_run_close(r);
		end_at_once(&engine->id, engine->file);
	}
	session_drop(s);
}

static void end_strays(struct adoption *ad)
{
	for (size_t i = 0; i < ad->n_engines; i++)
		if (!ad->best || ad->engines[i].id.pid != ad->best->id.pid)
			end_stray(ad, &ad->engines[i]);
}

/* A pid that was not proved to be ours is only written about. */
static void settle_rows(struct adoption *ad)
{
	for (size_t i = 0; i < ad->n; i++) {
		struct session_verdict *v = &ad->verdicts[i];

		if (v == ad->best || (v->row->status == STORE_RUNNING && ad->heir && ad->best && v->id.pid == ad->best->id.pid))
			continue;
		if (v->row->status == STORE_RUNNING)
			ad->all->lost = (struct session_lost){ v->row->id, v->row->node_id, v->row->started_at };
		if (v->is_proved)
			fail_row(ad->all, v->row, "daemon_restart_another_runs", "another session runs; its engine is ended");
		else
			fail_row(ad->all, v->row, v->code, v->why);
	}
}

static bool is_left_over(const char *name, const char *file, const char *notify)
{
	struct str s = str_of(name);

	if (str_starts(s, "engine-session-"))
		return str_ends_nocase(s, ".notify") && !str_is(s, notify);
	return str_starts(s, "session-") && !str_is(s, file) && (str_ends_nocase(s, ".json") || strstr(name, "-proof."));
}

/* "session-12.json" of ended sessions, files of proofs, sockets, temporaries. */
static void sweep_files(struct adoption *ad)
{
	struct daemon *d = ad->all->daemon;
	const char *file = ad->best ? strrchr(ad->best->row->engine_config_path, '/') + 1 : "",
		   *notify = ad->best ? arena_printf(ad->a, "engine-%s.notify", name_of(ad->a, ad->best->row->engine_config_path)) : "",
		   **names;
	unsigned swept = 0;
	/* Until the rows say that the heir has it, this tells the next daemon. */
	const char *own = !ad->heir || ledger_is_empty(d) ? "" :
			  arena_printf(ad->a, "session-%lld.json", (long long)ad->heir->row->id);
	size_t n;

	file_sweep(ad->a, d->runtime_fd, &swept, NULL);
	if (!d->config->runtime.cleanup.v || dir_list(ad->a, d->runtime_fd, &names, &n, NULL))
		return;
	for (size_t i = 0; i < n; i++)
		if (is_left_over(names[i], file, notify) && !str_is(str_of(names[i]), own))
			unlinkat(d->runtime_fd, names[i], 0);
}

/* --- a replacement that was cut short between the end of one engine and the start of the other --- */
/* Nothing runs, though something did and nobody ended it: it goes on, with the node that was to come or else with the one that
 * was there. The new row is there before the old ones fail, so that a daemon that is killed meanwhile leaves it to the next. */
static void resume(struct adoption *ad)
{
	const struct store_session *old = NULL, *next = NULL;

	for (size_t i = 0; i < ad->n; i++) {
		const struct session_verdict *v = &ad->verdicts[i];

		if (v->row->status == STORE_STARTING && !v->is_other_boot)
			next = v->row;
		else if (v->row->status == STORE_RUNNING && !v->is_other_boot)
			old = v->row;
	}
	if (!next || (!old && !(next->reason_code && str_is(str_of(next->reason_code), SESSION_AGAIN_CODE))))
		return;
	session_resume(ad->all, next->node_id, old ? old->node_id : 0);
}

static bool is_better(const struct session_verdict *v, const struct session_verdict *best)
{
	static const int ranks[STORE_STATUS__N] = { [STORE_RUNNING] = 3, [STORE_STARTING] = 2, [STORE_STOPPING] = 1 };

	return v->is_proved && (!best || ranks[v->row->status] > ranks[best->row->status]);
}

static int judge_all(struct adoption *ad, struct err *e)
{
	struct store_session *rows;
	const struct timespec pause = { 0, 100 * 1000000L };
	int r = -EBUSY;

	/* Readers wait for nobody but a process that mends what a killed one left. */
	for (int i = 0; r == -EBUSY && i < 50; i++) {
		if (i)
			nanosleep(&pause, NULL);
		r = store_sessions_live(ad->all->daemon->store, ad->a, &rows, &ad->n, i < 49 ? NULL : e);
	}
	if (r)
		return r;
	r = session_find(ad->a, ad->all->daemon->root, ad->all->dir, &ad->engines, &ad->n_engines);
	if (r == -ENOMEM) /* one that was passed over would go on without an owner */
		return r;
	if (r)
		daemon_log(ad->all->daemon, SEV_WARNING, NULL, "processes cannot be looked through: %s", strerror(-r));
	ad->verdicts = arena_array(ad->a, struct session_verdict, ad->n + 1);
	for (size_t i = 0; i < ad->n; i++) {
		session_judge(&rows[i], ad->engines, ad->n_engines, &ad->verdicts[i]);
		if (is_better(&ad->verdicts[i], ad->best))
			ad->best = &ad->verdicts[i];
		if (rows[i].id > ad->newest)
			ad->newest = rows[i].id;
	}
	return 0;
}

static int adopt(struct adoption *ad, struct err *e)
{
	int r = judge_all(ad, e);

	for (size_t i = 0; !r && ad->best && i < ad->n; i++)
		if (!ad->verdicts[i].is_proved && inherits(ad, ad->verdicts[i].row))
			ad->heir = &ad->verdicts[i];
	if (!r && ad->heir && ad->best)
		move_on(ad, ad->best);
	if (r)
		return r;
	end_strays(ad);
	sweep_files(ad);
	if (!ad->best)
		resume(ad); /* its files come behind the sweep, its row before the others' end */
	settle_rows(ad);
	if (ad->best)
		take_over(ad, ad->best);
	if (ad->all->run && has_file_of_another(ad))
		ad->all->run->must_reload = true; /* its file may have come before its signal, or a daemon have died before it sent one */
	if (ad->heir && ad->all->active)
		session_switch_drop_file(ad->all, ad->all->active);
	if (ad->newest)
		session_end_prune(ad->all, ad->newest);
	return 0;
}

/* Its own frame, so that nothing that is read behind the jump is written between. */
static int adopt_guarded(struct adoption *ad, struct err *e)
{
	jmp_buf oom;
	int r;

	if (setjmp(oom))
		return -ENOMEM;
	arena_on_oom(ad->a, &oom);
	r = adopt(ad, e);
	arena_on_oom(ad->a, NULL);
	return r;
}

void session_adopt_all(struct sessions *all)
{
	struct adoption ad = { .all = all, .a = arena_new() };
	struct err e = { 0 };
	int r = ad.a ? adopt_guarded(&ad, &e) : -ENOMEM;

	if (r)
		daemon_log(all->daemon, SEV_ERROR, NULL, "sessions of an earlier daemon cannot be looked at: %s",
			   r == -ENOMEM ? "out of memory" : err_text(&e));
	if (r == -ENOMEM)
		abort(); /* engines go on, and the next start takes them over; without their owner nobody would end them */
	err_fini(&e);
	arena_free(ad.a);
}
