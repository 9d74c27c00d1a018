/* Getting hold of a process: a new one, or one that an earlier service started. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/notify.h"
#include "runtime/spawn.h"
#include "runtime/sup_impl.h"

/* --- the held process --- */
static void engine_free(struct engine *e)
{
	if (e->pidfd >= 0)
		close(e->pidfd);
	if (e->notify_fd >= 0)
		close(e->notify_fd);
	engine_log_close(&e->log);
	free(e->notify_path);
	free(e->log_trouble);
	free(e->marker);
	free(e);
}

static struct engine *engine_new(struct sup *s, const struct sup_spec *spec)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->sup = s;
	e->pidfd = e->notify_fd = -1;
	e->log = ENGINE_LOG_NONE;
	e->started_ms = clock_mono_ms();
	if (asprintf(&e->marker, "XRAT_ENGINE=%s@%s", spec->name, spec->cwd) < 0) {
		free(e);
		return NULL;
	}
	return e;
}

static void closed(uv_handle_t *h)
{
	struct engine *e = h->data;

	if (!--e->open_handles)
		engine_free(e);
}

void sup_let_go(struct sup *s)
{
	struct engine *e = s->engine;

	s->engine = NULL;
	if (!e)
		return;
	e->sup = NULL;
	/* Ours are reaped only now: until here the session's number was theirs. */
	if (e->ended)
		waitid(P_PIDFD, (id_t)e->pidfd, &(siginfo_t){ 0 }, WEXITED | WNOHANG);
	if (e->ended && e->notify_path)
		unlink(e->notify_path);
	uv_timer_stop(&s->log_tick);
	uv_close((uv_handle_t *)&e->exit_poll, closed);
	if (e->notify_fd >= 0)
		uv_close((uv_handle_t *)&e->notify_poll, closed);
}

static void on_exit_poll(uv_poll_t *p, int status, int events)
{
	struct engine *e = p->data;

	(void)status;
	(void)events;
	uv_poll_stop(p);
	if (e->sup)
		sup_end_on_exit(e->sup);
}

static void on_notify_poll(uv_poll_t *p, int status, int events)
{
	struct engine *e = p->data;

	(void)events;
	if (status < 0)
		uv_poll_stop(p);
	else if (e->sup)
		sup_reload_on_message(e);
}

static void on_log_tick(uv_timer_t *t)
{
	struct sup *s = t->data;

	if (!s->engine)
		return;
	engine_log_cap(&s->engine->log);
	for (size_t i = 0; i < SUP_OPENED; i++)
		if (s->spec.opened[i])
			engine_log_cap_file(s->spec.opened[i], s->spec.log_max_bytes);
}

static int poll_fd(struct engine *e, uv_poll_t *p, int fd, uv_poll_cb fn)
{
	int r = uv_poll_init(e->sup->loop, p, fd);

	if (r)
		return r;
	p->data = e;
	e->open_handles++;
	return uv_poll_start(p, UV_READABLE, fn);
}

/* From here on libuv has a part of it. A process of ours that cannot be watched is not left to itself. */
static int watch(struct sup *s, struct engine *e, unsigned log_ms)
{
	int r = poll_fd(e, &e->exit_poll, e->pidfd, on_exit_poll);

	if (r) {
		if (!e->is_adopted && !process_signal(e->pidfd, SIGKILL))
			waitid(P_PIDFD, (id_t)e->pidfd, &(siginfo_t){ 0 }, WEXITED);
		if (e->open_handles)
			uv_close((uv_handle_t *)&e->exit_poll, closed);
		else
			engine_free(e);
		return r;
	}
	if (e->notify_fd >= 0 && poll_fd(e, &e->notify_poll, e->notify_fd, on_notify_poll)) {
		close(e->notify_fd);
		e->notify_fd = -1;
	}
	s->engine = e;
	uv_timer_start(&s->log_tick, on_log_tick, log_ms, log_ms);
	return 0;
}

/* Its words are worth less than its work: without a log it writes nowhere. */
static void open_log(struct engine *e, const struct sup_spec *spec)
{
	struct err why = { 0 };

	if (engine_log_open(spec->log_dir, spec->name, spec->log_max_bytes, &e->log, &why))
		e->log_trouble = strdup(err_text(&why));
	err_fini(&why);
}

static void open_notify(struct engine *e, const struct sup_spec *spec)
{
	if (spec->may_reload)
		e->notify_fd = notify_open(spec->log_dir, spec->name, &e->notify_path);
}

int sup_hold_adopted(struct sup *s, const struct sup_spec *spec, const struct process_id *id, int pidfd)
{
	struct engine *e = engine_new(s, spec);

	if (!e) {
		close(pidfd);
		return -ENOMEM;
	}
	e->pidfd = pidfd;
	e->id = *id;
	e->is_adopted = e->port_was_free = true;
	open_log(e, spec);
	open_notify(e, spec);
	return watch(s, e, spec->times.log_ms ? spec->times.log_ms : 1000);
}

/* --- spawning --- */
/* "no such file" has several causes. */
static void spawn_fault(struct sup *s, int r)
{
	const struct sup_spec *spec = &s->spec;
	struct stat st;

	if (!*spec->exe)
		sup_fault(s, true, "no engine: '%s' is not on PATH or in [paths]", engine_family_name(spec->target->family));
	else if (r == -ENOENT && stat(spec->cwd, &st))
		sup_fault(s, true, "cannot start '%s' in '%s': there is no such directory", spec->exe, spec->cwd);
	else if (r == -ENOENT && !stat(spec->exe, &st))
		sup_fault(s, true, "cannot start '%s': the interpreter it names does not exist", spec->exe);
	else
		sup_fault(s, true, "cannot start '%s': %s", spec->exe, strerrordesc_np(-r));
}

/* Where it writes to: its logs, else nowhere. */
static int spawn_fds(const struct engine *e, struct spawn *sp, int *ret_null)
{
	sp->out_fd = e->log.fd[ENGINE_LOG_OUT];
	sp->err_fd = e->log.fd[ENGINE_LOG_ERR];
	if (sp->out_fd >= 0)
		return 0;
	*ret_null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	sp->out_fd = sp->err_fd = *ret_null;
	return *ret_null < 0 ? -errno : 0;
}

static int spawn_engine(struct sup *s, struct engine *e)
{
	const struct sup_spec *spec = &s->spec;
	char *argv[SPAWN_ARGV_MAX], *notify = NULL;
	struct spawn sp = { .argv = argv, .cwd = spec->cwd };
	char **env = NULL;
	int null_fd = -1, pid = 0, r = 0;

	if (e->notify_path && asprintf(&notify, "NOTIFY_SOCKET=%s", e->notify_path) < 0)
		return -ENOMEM;
	spawn_argv(spec->target->run_argv, spec->exe, spec->file, argv);
	env = spawn_env(spec->file, (const char *[]){ e->marker, notify });
	sp.env = env;
	r = env ? spawn_fds(e, &sp, &null_fd) : -ENOMEM;
	if (!r)
		r = *spec->exe ? spawn_start(&sp, &pid, &e->pidfd) : -ENOENT;
	if (!r && process_identify_child(pid, &e->id))
		e->id = (struct process_id){ .pid = pid };
	if (null_fd >= 0)
		close(null_fd);
	free(env);
	free(notify);
	return r;
}

static int start_engine(struct sup *s)
{
	struct engine *e = engine_new(s, &s->spec);
	const struct process_id nobody = { 0 };
	int r;

	if (!e)
		return -ENOMEM;
	open_log(e, &s->spec);
	open_notify(e, &s->spec);
	e->port_was_free = s->spec.probe.kind == PROBE_ALIVE ||
		process_owns(&nobody, s->spec.probe.address, s->spec.probe.port) == OWNER_NONE;
	r = spawn_engine(s, e);
	if (r) {
		engine_free(e);
		return r;
	}
	return watch(s, e, s->spec.times.log_ms);
}

void sup_start(struct sup *s)
{
	int r;

	s->starts++;
	sup_fault_clear(s);
	r = start_engine(s);
	if (!r) {
		sup_ready_begin(s);
		return;
	}
	spawn_fault(s, r);
	sup_end_gone(s);
}
