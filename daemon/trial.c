/* Trying nodes, group by group. An engine that refuses a group, or ends under it, is asked again with half of it, so that one
 * bad node costs its neighbours nothing but time. */
#include "daemon/trial.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/apply.h"
#include "daemon/ports.h"
#include "daemon/trial_impl.h"
#include "service/service.h"

enum { TCP_MS = 5000, DELAY_MS = 10000, CONCURRENCY = 16, ACCOUNT_TEXT = UUID_TEXT, WAIT_MS = 20, PAUSE_MS = 5,
	DOUBT_MS = 60 /* a failure counts when the engine still lives so much later */ };

struct trial {
	struct trial_options o; /* defaults filled in */
	struct compiled config;
	const struct target *target;
	bool is_auto;
	unsigned done, total, bad_starts;
	char last_fault[TRIAL_REASON];
};

/* One group, while it is at work. */
struct group {
	struct trial *t;
	struct arena *a;
	struct trial_job *jobs;
	size_t n;
	int *held;       /* sockets that keep the ports until the engine takes them */
	char account[ACCOUNT_TEXT];
	struct trial_engine engine;
	struct buf xray;
	char *exe;
	int64_t begun_ms;
};
/* What became of a group. */
enum { GROUP_DONE, GROUP_BROKEN /* the engine refused it or ended: what is left is to be tried in smaller groups */ };

/* --- configuration --- */
static int refuse(struct diag_sink *sink, struct err *e)
{
	diag_finish(sink, false);
	for (unsigned i = 0; i < diag_total(sink); i++) {
		const struct diag *d = diag_at(sink, i);
		const struct source *at = sources_get(diag_sources(sink), d->at.src);
		uint32_t line = 0, column = 0;

		if (d->severity != SEV_ERROR)
			continue;
		err_set(e, -EINVAL, "%s: %s", diag_infos[d->code].name, d->msg);
		if (!at)
			return -EINVAL;
		source_place(diag_sources(sink), d->at.src, d->at.begin, &line, &column);
		return err_wrap(e, "%s:%u:%u", at->path, line, column);
	}
	return 0;
}

static bool is_aborted(void *data)
{
	const struct trial *t = data;

	return t->o.abort && t->o.abort(t->o.data);
}

static int read_config(struct arena *a, struct trial *t, struct err *e)
{
	struct engine_abort abort = { is_aborted, t };
	struct diag_sink *sink = diag_sink_new(a, sources_new(a));
	int r = compile_config(a, sink, t->o.root_fd, t->o.root, &t->config, e);

	if (!r)
		r = refuse(sink, e);
	if (r)
		return r;
	if (!t->o.url)
		t->o.url = t->config.config.runtime.rotation.probe_url.s;
	t->target = t->o.target ? target_find(str_of(t->o.target)) : NULL;
	if (t->o.target && !t->target)
		return err_set(e, -EINVAL, "unknown target '%s', known are %s", t->o.target, target_names_with(a, 0));
	t->is_auto = !t->target && t->config.config.runtime.engine.v == CONFIG_ENGINE_AUTO;
	if (t->is_auto)
		t->target = hook_auto(&abort, a, sink, &t->config.config);
	return refuse(sink, e);
}

/* --- one group --- */
static bool is_over(const struct trial *t, const struct trial_job *job)
{
	return job->reported >= t->o.attempts;
}

static int hold_ports(struct group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		unsigned port = 0;

		g->held[i] = ports_hold(&port);
		if (g->held[i] < 0)
			return g->held[i];
		g->jobs[i].port = (uint16_t)port;
	}
	return 0;
}

static void drop_ports(struct group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		if (g->held[i] >= 0)
			close(g->held[i]);
		g->held[i] = -1;
	}
}

static int find_and_render(struct group *g, struct compiled *c, const struct diag_sink *sink, struct err *e)
{
	struct trial *t = g->t;
	int r;

	t->target = c->target;
	c->is_auto = t->is_auto;
	r = hook_find_engine(g->a, c, diag_sources(sink), &g->exe, e);
	if (!r && !g->exe)
		r = hook_no_engine(c, diag_sources(sink), e);
	if (r)
		return r;
	render_xray(g->a, &c->checked, &g->xray);
	return g->xray.failed ? err_sys(e, -ENOMEM, "compile a test") : 0;
}

/* The engine's file; 1: none of the nodes is in it. */
static int compile(struct group *g, struct err *e)
{
	struct trial *t = g->t;
	struct diag_sink *sink = diag_sink_new(g->a, sources_new(g->a));
	struct session_test *tests = arena_array(g->a, struct session_test, g->n);
	struct compiled *c = arena_new_of(g->a, struct compiled);
	const struct session_options o = { .target = t->target, .probe_user = "xrat", .probe_password = g->account,
					   .missing_file_is_error = true };
	size_t n = 0;
	int r;

	for (size_t i = 0; i < g->n; i++) {
		g->jobs[i].refused = is_over(t, &g->jobs[i]) ? "it was tried" : NULL;
		if (!g->jobs[i].refused)
			tests[n++] = (struct session_test){ .node = { g->jobs[i].in->id, g->jobs[i].in->node },
							    .port = g->jobs[i].port };
	}
	r = compile_test(g->a, sink, t->o.root_fd, t->o.root, tests, n, &o, c, e);
	if (!r)
		r = refuse(sink, e);
	if (r)
		return r;
	for (size_t i = 0, at = 0; i < g->n; i++)
		if (!g->jobs[i].refused)
			g->jobs[i].refused = tests[at++].refused;
	return c->has_checked ? find_and_render(g, c, sink, e) : 1;
}

/* An engine's words without the secrets of its configuration. */
static const char *masked(struct group *g, const char *words)
{
	struct sources *sources = sources_new(g->a);
	struct diag_sink *sink = diag_sink_new(g->a, sources);
	struct str bytes = { arena_memdup(g->a, g->xray.p, g->xray.len), g->xray.len };
	uint32_t src = sources_add(sources, "trial.json", bytes.p, (uint32_t)bytes.len);
	struct value xray;

	if (json_parse(g->a, sink, src, true, &xray))
		return "the engine does not run it";
	return failure_mask_text(g->a, failure_mask_of(g->a, &xray), words);
}

/* Threads may be at work, so nothing jumps from here. */
static void keep_fault(struct group *g, const char *why)
{
	jmp_buf oom, *outer = arena_on_oom(g->a, NULL);
	const char *volatile words = "the engine does not run it, and memory is out";

	if (!setjmp(oom)) {
		arena_on_oom(g->a, &oom);
		words = masked(g, why);
	}
	arena_on_oom(g->a, outer);
	str_print(g->t->last_fault, sizeof(g->t->last_fault), "%s", words);
}

/* What takes long costs more of what is allowed. */
static int broken(struct group *g, const char *why)
{
	keep_fault(g, why);
	g->t->bad_starts += 1 + (unsigned)((clock_mono_ms() - g->begun_ms) / 1000);
	return GROUP_BROKEN;
}

/* Checked, then started. GROUP_DONE: it runs; GROUP_BROKEN; -errno. */
static int start(struct group *g, struct err *e)
{
	struct trial *t = g->t;
	const struct trial_start s = { .target = t->target, .exe = g->exe, .root = t->o.root, .jobs = g->jobs, .n = g->n,
				       .abort = is_aborted, .data = t };
	const struct engine_abort abort = { is_aborted, t };
	char *words = NULL;
	int r = trial_engine_prepare(&g->engine, t->o.runtime_dir, (struct str){ g->xray.p, g->xray.len }, e);

	if (!r)
		r = engine_run_check(g->a, t->target, g->exe, g->engine.dir.file, &abort, &words, e);
	if (r == 1)
		return broken(g, words && *words ? words : "the engine's checker refuses it and does not say why");
	if (r)
		return r;
	drop_ports(g);
	r = trial_engine_start(&g->engine, &s, e);
	return r == 1 ? broken(g, g->engine.reason) : r;
}

static int report(struct trial *t, struct trial_result *r)
{
	unsigned n = r->job->refused ? t->o.attempts - r->job->reported : 1;

	r->job->reported += n;
	t->done += n;
	r->test.failure_reason = *r->reason ? r->reason : NULL;
	return t->o.result ? t->o.result(t->o.data, &r->test, t->done, t->total) : 0;
}

static bool is_doubtful(const struct trial_result *r)
{
	return r->test.real_delay == STORE_FAILED && !r->job->refused && clock_mono_ms() - r->at_ms < DOUBT_MS;
}

/* Takes results until the threads have nothing left. */
static int collect(struct group *g, struct trial_pool *p, struct err *e)
{
	bool over = false;
	int r = 0;

	while (!r && !over) {
		struct trial_result *got = pool_next(p, WAIT_MS, &over);

		if (is_aborted(g->t))
			r = -ECANCELED;
		else if (p->with_delay && !trial_engine_lives(&g->engine))
			r = broken(g, g->engine.reason);
		if (got && (r || is_doubtful(got))) {
			pool_unget(p, got);
			if (!r)
				poll(NULL, 0, PAUSE_MS);
			continue;
		}
		if (got)
			r = report(g->t, got);
		free(got);
	}
	return r < 0 && r != -ECANCELED ? err_sys(e, r, "store results") : r;
}

static int drive(struct group *g, bool with_delay, struct err *e)
{
	struct trial_pool *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_sys(e, -ENOMEM, "try nodes");
	p->o = &g->t->o;
	p->url = g->t->o.url;
	p->user = "xrat";
	p->password = g->account;
	p->jobs = g->jobs;
	p->n = g->n;
	p->with_delay = with_delay;
	r = pool_start(p);
	if (r) {
		free(p);
		return err_sys(e, r, "start threads");
	}
	r = collect(g, p, e);
	pool_end(p);
	if (!r && p->failed)
		r = err_sys(e, -ENOMEM, "try nodes");
	free(p);
	return r;
}

static int run(struct group *g, struct err *e)
{
	bool with_delay = !g->t->o.skip_delay;
	int r = 0;

	if (with_delay) {
		r = hold_ports(g);
		if (r)
			return err_sys(e, r, "find free ports");
		r = uuid_make(g->account);
		if (r)
			return err_sys(e, r, "make an account");
		r = compile(g, e);
	}
	if (r < 0)
		return r;
	with_delay = with_delay && !r;
	r = with_delay ? start(g, e) : 0;
	return r ? r : drive(g, with_delay, e);
}

static int run_guarded(struct group *g, struct err *e)
{
	jmp_buf oom;

	int r;

	if (setjmp(oom)) {
		arena_on_oom(g->a, NULL);
		return err_sys(e, -ENOMEM, "try nodes");
	}
	arena_on_oom(g->a, &oom);
	r = run(g, e);
	arena_on_oom(g->a, NULL);
	return r;
}

/* One group from ports to end; what it took is given back, however it ends. */
static int run_group(struct trial *t, struct trial_job *jobs, size_t n, struct err *e)
{
	struct group *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return err_sys(e, -ENOMEM, "try nodes");
	*g = (struct group){ .t = t, .a = arena_new(), .jobs = jobs, .n = n, .engine = TRIAL_ENGINE_NONE, .begun_ms = clock_mono_ms(),
			     .held = malloc(n * sizeof(int)) };
	for (size_t i = 0; g->held && i < n; i++)
		g->held[i] = -1;
	r = g->a && g->held ? run_guarded(g, e) : err_sys(e, -ENOMEM, "try nodes");
	if (g->held)
		drop_ports(g);
	trial_engine_end(&g->engine);
	free(g->held);
	buf_fini(&g->xray);
	arena_free(g->a);
	free(g);
	return r;
}

/* --- groups --- */
/* What is left of a group that no engine runs. */
static int give_up(struct trial *t, struct trial_job *jobs, size_t n, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		struct trial_result got = { .job = &jobs[i] };

		if (is_over(t, &jobs[i]))
			continue;
		jobs[i].refused = t->last_fault;
		str_print(got.reason, sizeof(got.reason), "%s", t->last_fault);
		got.test = (struct store_test){ .node_id = jobs[i].in->id, .attempt = (int)jobs[i].reported + 1,
						.real_delay = STORE_FAILED, .failure = STORE_F_PROCESS,
						.tested_at = clock_wall_ms() };
		r = report(t, &got);
	}
	return r < 0 ? err_sys(e, r, "store results") : r;
}

static size_t left_of(const struct trial *t, const struct trial_job *jobs, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		left += !is_over(t, &jobs[i]);
	return left;
}

static int run_halves(struct trial *t, struct trial_job *jobs, size_t n, struct err *e)
{
	int r = left_of(t, jobs, n) ? run_group(t, jobs, n, e) : GROUP_DONE;

	if (r == GROUP_BROKEN && n == 1) /* somebody may have taken its port */
		r = run_group(t, jobs, n, e);
	if (r != GROUP_BROKEN)
		return r;
	if (n == 1 || t->bad_starts >= TRIAL_BAD_STARTS)
		return give_up(t, jobs, n, e);
	r = run_halves(t, jobs, n / 2, e);
	return r ? r : run_halves(t, jobs + n / 2, n - n / 2, e);
}

static void fill_in(const struct trial_options *o, size_t n, struct trial *t)
{
	t->o = *o;
	t->o.tcp_ms = o->tcp_ms ? o->tcp_ms : TCP_MS;
	t->o.delay_ms = o->delay_ms ? o->delay_ms : DELAY_MS;
	t->o.concurrency = o->concurrency ? o->concurrency : CONCURRENCY;
	t->o.attempts = o->attempts ? o->attempts : 1;
	t->total = (unsigned)n * t->o.attempts;
}

int trial_run(struct arena *a, const struct trial_node *nodes, size_t n, const struct trial_options *o, struct err *e)
{
	struct trial *t = arena_new_of(a, struct trial);
	struct trial_job *jobs = arena_array(a, struct trial_job, n + 1);
	int r;

	fill_in(o, n, t);
	for (size_t i = 0; i < n; i++)
		jobs[i].in = &nodes[i];
	trial_sweep(o->runtime_dir);
	r = read_config(a, t, e);
	for (size_t at = 0; !r && at < n; at += TRIAL_GROUP) {
		size_t size = n - at < TRIAL_GROUP ? n - at : TRIAL_GROUP;

		r = run_halves(t, jobs + at, size, e);
	}
	return r;
}
