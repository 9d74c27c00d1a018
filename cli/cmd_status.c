/* status: what is desired, live and running, from the files of .state, and the session as the daemon tells it. What no
 * service vouches for is marked. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask_daemon.h"
#include "cli/report.h"
#include "service/service.h"

enum { SHOWN_FAULTS = 3 };

struct seen {
	enum role role;
	bool has_file, running; /* running: a service vouches for the status file */
	struct status status;
	struct memory memory;
	struct failure failure;
	bool has_failure;
	struct diag_sink *notes;
	uint64_t live, lkg;
	const char *live_digest, *lkg_digest;
};

static const char *digest_of(struct arena *a, const struct state *s, enum role role, uint64_t generation)
{
	struct err ignored = { 0 };
	struct meta m;
	int r = generation ? generation_meta(a, s, role, generation, &m, &ignored) : -ENOENT;

	err_fini(&ignored);
	return r ? "" : m.rendered_digest;
}

static uint64_t link_of(const struct state *s, enum role role, enum which_link which)
{
	uint64_t generation;

	return generation_of_link(s, role, which, &generation) ? 0 : generation;
}

static int look(struct arena *a, const struct state *s, enum role role, int holder, bool held, struct seen *out,
		struct err *e)
{
	struct err ignored = { 0 };
	int r = status_read(a, s, role, &out->status, &ignored);

	err_fini(&ignored);
	out->role = role;
	out->has_file = !r;
	out->running = held && out->has_file && (!holder || out->status.service_pid == holder);
	out->live = link_of(s, role, LINK_LIVE);
	out->lkg = link_of(s, role, LINK_LKG);
	out->live_digest = digest_of(a, s, role, out->live);
	out->lkg_digest = digest_of(a, s, role, out->lkg);
	out->notes = diag_sink_new(a, sources_new(a));
	if (s->state_fd < 0)
		return 0;
	r = memory_read(a, s, role, &out->memory, e);
	if (r < 0)
		return r;
	memory_report(out->notes, role, &out->memory);
	r = failure_peek(a, s, role, out->notes, &out->failure, e);
	out->has_failure = !r;
	return r < 0 ? r : 0;
}

static struct value text_or_null(const char *text)
{
	return text && *text ? value_string(text, SPAN_NONE) : value_null(SPAN_NONE);
}

static void put_link(struct arena *a, struct value *v, const char *key, uint64_t generation, const char *digest)
{
	struct value one = value_object(SPAN_NONE);

	value_put(a, &one, "generation",
		  generation ? value_number(a, (int64_t)generation, SPAN_NONE) : value_null(SPAN_NONE));
	value_put(a, &one, "digest", text_or_null(digest));
	value_put(a, v, key, one);
}

static struct value seen_json(struct arena *a, const struct seen *s)
{
	struct value v = value_object(SPAN_NONE), failure = value_null(SPAN_NONE), held = value_null(SPAN_NONE);

	value_put_str(a, &v, "role", role_names[s->role]);
	value_put_bool(a, &v, "service_running", s->running);
	put_link(a, &v, "live", s->live, s->live_digest);
	put_link(a, &v, "last_known_good", s->lkg, s->lkg_digest);
	if (s->has_failure) {
		failure = value_object(SPAN_NONE);
		value_put(a, &failure, "request_id", text_or_null(s->failure.request_id));
		value_put(a, &failure, "kind", text_or_null(s->failure.kind));
		value_put(a, &failure, "reason", text_or_null(s->failure.reason));
		value_put(a, &failure, "timestamp", text_or_null(s->failure.timestamp));
		value_put(a, &failure, "diagnostics", s->failure.diagnostics);
	}
	value_put(a, &v, "failure", failure);
	if (s->memory.held) {
		held = value_object(SPAN_NONE);
		value_put_str(a, &held, "input_digest", s->memory.held);
		value_put(a, &held, "since", text_or_null(s->memory.held_since));
	}
	value_put(a, &v, "held", held);
	value_put(a, &v, "diagnostics", diag_json(s->notes, a));
	value_put(a, &v, "last_seen", s->has_file ? status_value(a, &s->status) : value_null(SPAN_NONE));
	return v;
}

static void line(struct buf *out, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void line(struct buf *out, const char *name, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	buf_printf(out, "  %-16s %s\n", name, text ? text : "");
	free(text);
}

static void engine_text(struct buf *out, const struct seen *s)
{
	const struct status *st = &s->status;
	char pid[40] = "";

	if (!s->has_file || !*st->engine.state)
		return;
	if (st->engine.process.pid)
		snprintf(pid, sizeof(pid), ", process %d", st->engine.process.pid);
	line(out, s->running ? "engine" : "engine (last)", "%s since %s%s%s%s%s%s%s", st->engine.state, st->engine.since, pid,
	     *st->engine.listening ? ", " : "", st->engine.listening,
	     *st->engine.listening && !st->engine.ownership_proved && st->engine.process.pid ?
		     " (whose socket it is could not be seen)" : "",
	     *st->engine.reason ? ": " : "", st->engine.reason);
	if (*st->engine.path)
		line(out, "", "%s for %s, generation %llu%s", st->engine.path, st->engine.target,
		     (unsigned long long)st->engine.generation, st->engine.proved ? ", proved" : ", not proved yet");
	if (*st->engine.next_start)
		line(out, "", "next start at %s", st->engine.next_start);
}

/* The reason and the first faults with their places; apply.error and --format json have all of them. */
static void failure_text(struct buf *out, const struct failure *f)
{
	unsigned shown = 0;

	line(out, "failure", "%s%s%s", *f->timestamp ? f->timestamp : "", *f->timestamp ? ": " : "", f->reason);
	for (uint32_t i = 0; i < f->diagnostics.n && shown < SHOWN_FAULTS; i++) {
		const struct value *d = &f->diagnostics.items[i];
		struct str message = value_get_str(d, "message");

		if (!str_is(value_get_str(d, "severity"), "error") ||
		    memmem(f->reason, strlen(f->reason), message.p, message.len))
			continue;
		buf_printf(out, "  %-16s ", "");
		report_diagnostic(out, d);
		shown++;
	}
}

static void seen_text(struct buf *out, const struct seen *s)
{
	const struct status *st = &s->status;

	buf_printf(out, "%s\n", role_names[s->role]);
	if (s->running)
		line(out, "service", "running since %s, process %d", st->service_started, st->service_pid);
	else
		line(out, "service", "not running; 'xrat watch' starts it");
	if (s->has_file && *st->desired.state)
		line(out, s->running ? "desired" : "desired (last)", "%s since %s%s%s", st->desired.state, st->desired.since,
		     *st->desired.reason ? ": " : "", st->desired.reason);
	if (s->live)
		line(out, "live", "generation %llu, %.12s", (unsigned long long)s->live, s->live_digest);
	else
		line(out, "live", "nothing; 'xrat apply' publishes");
	if (s->lkg)
		line(out, "last known good", "generation %llu, %.12s", (unsigned long long)s->lkg, s->lkg_digest);
	else
		line(out, "last known good", "none yet");
	engine_text(out, s);
	if (s->has_file && *st->last.outcome)
		line(out, "last apply", "%s at %s%s%s", st->last.outcome, st->last.time, *st->last.reason ? ": " : "",
		     st->last.reason);
	if (s->memory.held)
		line(out, "held", "input %.12s since %s; 'xrat apply' takes it again", s->memory.held,
		     s->memory.held_since ? s->memory.held_since : "?");
	if (s->has_failure)
		failure_text(out, &s->failure);
	if (s->running && *st->warning)
		line(out, "watcher", "%s", st->warning);
}

/* --- the session --- */
struct daemon_seen {
	bool reachable;
	struct ipc_reply ping, runtime;
	struct value session; /* its payload */
};

static void look_at_daemon(struct arena *a, const char *root, struct daemon_seen *out)
{
	struct ipc_request q;

	ipc_request_init(&q, IPC_SNAKE, IPC_DAEMON_PING);
	*out = (struct daemon_seen){ 0 };
	if (ask_quietly(a, root, &q, &out->ping, NULL) || out->ping.code != IPC_OK)
		return;
	ipc_request_init(&q, IPC_SNAKE, IPC_RUNTIME_STATUS);
	out->reachable = !ask_quietly(a, root, &q, &out->runtime, &out->session) && out->runtime.code == IPC_OK;
}

static struct value daemon_json(struct arena *a, const struct daemon_seen *d)
{
	struct value v = value_object(SPAN_NONE);

	if (!d->reachable)
		return value_null(SPAN_NONE);
	value_put_int(a, &v, "pid", d->ping.ping.pid);
	value_put_str(a, &v, "instance_id", d->ping.ping.instance_id);
	value_put_str(a, &v, "started_at", d->ping.ping.started_at);
	value_put_int(a, &v, "uptime_seconds", d->ping.ping.uptime_seconds);
	return v;
}

static void daemon_text(struct arena *a, struct buf *out, const struct daemon_seen *d)
{
	if (!d->reachable)
		return;
	buf_puts(out, "daemon\n");
	line(out, "state", "running since %s, process %lld", d->ping.ping.started_at, (long long)d->ping.ping.pid);
	ask_session_text(a, out, &d->runtime.runtime);
}

static int show(struct arena *a, const struct invocation *inv, const struct seen *seen, unsigned n,
		const struct daemon_seen *daemon)
{
	struct value result = value_object(SPAN_NONE), list = value_array(SPAN_NONE);
	struct buf out = { 0 };

	if (inv->format == FORMAT_JSON) {
		for (unsigned i = 0; i < n; i++)
			value_push(a, &list, seen_json(a, &seen[i]));
		value_put(a, &result, "roles", list);
		value_put(a, &result, "daemon", daemon_json(a, daemon));
		value_put(a, &result, "session", daemon->reachable ? daemon->session : value_null(SPAN_NONE));
		return out_result(a, inv, result);
	}
	for (unsigned i = 0; i < n; i++) {
		diag_finish(seen[i].notes, false);
		if (out_diags(inv, seen[i].notes))
			return EXIT_SYSTEM;
		seen_text(&out, &seen[i]);
	}
	daemon_text(a, &out, daemon);
	return out_buf(STDOUT_FILENO, &out) ? EXIT_SYSTEM : EXIT_DONE;
}

/* Neither role nor daemon: whoever had a daemon here, or has nodes, misses that, anybody else a role. */
static int nothing_here(struct arena *a, const struct invocation *inv, const struct workspace *ws)
{
	bool has_use = !faccessat(ws->root_fd, IPC_RUNTIME_DIR, F_OK, 0) || !faccessat(ws->root_fd, "xrat.db", F_OK, 0);

	return has_use && inv->role == ROLE_AUTO ? ask_no_daemon(a, inv, ws->root) :
						   workspace_no_role(a, inv, ws->root);
}

static int look_at_roles(struct arena *a, const struct invocation *inv, struct workspace *ws, struct seen seen[ROLE__N],
			 unsigned *ret_n)
{
	struct err e = { 0 };
	struct state s;
	bool held = false;
	int holder = 0, r = workspace_state(a, inv, ws, false, &s);

	if (r)
		return r;
	if (s.locks_fd >= 0)
		holder = lock_holder(s.locks_fd, STATE_LOCK_SERVICE, &held, &e);
	r = holder < 0 ? holder : 0;
	for (int role = 0; role < ROLE__N && !r; role++)
		if (ws->roles & 1u << role)
			r = look(a, &s, (enum role)role, holder, held, &seen[(*ret_n)++], &e);
	state_close(&s);
	if (r)
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&e));
	err_fini(&e);
	return r;
}

int cmd_status(struct arena *a, const struct invocation *inv)
{
	struct workspace ws = { .root_fd = -1 };
	struct seen seen[ROLE__N] = { 0 };
	struct daemon_seen daemon;
	unsigned n = 0;
	int r = workspace_open_any(a, inv, &ws);

	if (!r) {
		look_at_daemon(a, ws.root, &daemon);
		if (ws.roles)
			r = look_at_roles(a, inv, &ws, seen, &n);
		else if (!daemon.reachable)
			r = nothing_here(a, inv, &ws);
	}
	workspace_close(&ws);
	return r ? r : show(a, inv, seen, n, &daemon);
}
