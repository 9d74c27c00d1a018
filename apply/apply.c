/* One apply from the lock to the live link. The stages stand in apply_run in their order. */
#include "apply/apply.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "apply/needs_impl.h"

const char *const apply_outcome_names[APPLY__N] = {
	[APPLY_PUBLISHED] = "published", [APPLY_UNCHANGED] = "unchanged", [APPLY_WOULD] = "would_publish",
	[APPLY_REFUSED] = "refused",     [APPLY_HELD] = "held",           [APPLY_REMEMBERED] = "failed_before",
	[APPLY_BUSY] = "busy",           [APPLY_STALE] = "stale",
};

struct job {
	struct arena *a;
	const struct state *s;
	const struct apply_options *o;
	struct apply_result *out;
	struct lock lock;
	const char *engine;    /* path, "" = none */
	uint64_t live;         /* 0 = none */
	struct meta live_meta; /* of it; generation 0 when it cannot be read */
	struct str live_bytes;
	struct memory memory;
};

static bool is_missing(int r)
{
	return r == -ENOENT || r == -EINVAL;
}

/* Something stands in the file's place that no publisher put there. */
static bool is_damaged(int r)
{
	return is_missing(r) || r == -EISDIR || r == -ENOTDIR || r == -ENOTSUP || r == -EXDEV || r == -ELOOP || r == -EFBIG;
}

/* What is live now. A damaged generation counts as one that differs from everything. */
static int look_at_live(struct job *j, struct err *e)
{
	struct err ignored = { 0 };
	int r = generation_of_link(j->s, j->o->role, LINK_LIVE, &j->live);

	if (is_missing(r)) {
		j->live = 0;
		return 0;
	}
	if (r)
		return err_sys(e, r, "read the live link of %s", role_names[j->o->role]);
	if (generation_meta(j->a, j->s, j->o->role, j->live, &j->live_meta, &ignored))
		j->live_meta = (struct meta){ 0 };
	err_fini(&ignored);
	r = generation_bytes(j->a, j->s, j->o->role, j->live, &j->live_bytes, e);
	if (is_damaged(r) && e)
		err_fini(e);
	return is_damaged(r) ? 0 : r;
}

static int64_t mtime_of(const char *path)
{
	struct stat st;

	if (!*path || stat(path, &st))
		return 0;
	return (int64_t)((uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec);
}

/* What a failure of this apply depends on. -errno where there is no engine that may run. */
static int name_attempt(struct job *j, struct err *e)
{
	const struct snapshot *snap = &j->out->snapshot;
	char *exe = NULL;
	int r = j->o->find_engine ?
			j->o->find_engine(j->a, &snap->compiled, diag_sources(snap->sink), &exe, e) : 0;

	j->engine = j->out->engine = exe ? exe : "";
	j->out->no_engine = !exe;
	j->out->attempt = (struct attempt){
		.input_digest = snap->digest,
		.rendered_digest = snap->rendered,
		.target = snap->compiled.target ? snap->compiled.target->name : "",
		.tool_version = XRAT_VERSION,
		.engine = j->engine,
		.engine_mtime_ns = mtime_of(j->engine),
	};
	return r;
}

/* Another program was named for the same bytes. One that came or went is no change of the configuration. */
static bool is_other_engine(const struct job *j)
{
	return *j->engine && j->live_meta.engine && *j->live_meta.engine &&
	       !str_is(str_of(j->engine), j->live_meta.engine);
}

static bool is_unchanged(const struct job *j)
{
	const struct snapshot *snap = &j->out->snapshot;

	return j->live && j->live_meta.generation == j->live && str_eq(j->live_bytes, snap->xray) &&
	       str_is(str_of(j->live_meta.target), snap->compiled.target->name) &&
	       str_is(str_of(j->live_meta.tool_version), XRAT_VERSION) && !is_other_engine(j);
}

static bool is_held(const struct job *j)
{
	const struct snapshot *snap = &j->out->snapshot;

	return j->memory.held && (str_is(str_of(j->memory.held), snap->digest) ||
				  (*snap->rendered && str_is(str_of(j->memory.held_rendered), snap->rendered)));
}

/* Changes from live to this, and whether an engine could take them without a restart. */
static void compare(struct job *j)
{
	struct apply_result *out = j->out;
	struct diag_sink *sink = diag_sink_new(j->a, sources_new(j->a));
	struct value before = value_object(SPAN_NONE), after = xconf_to_value(j->a, &out->snapshot.compiled.checked.x);
	struct sources *sources = (struct sources *)diag_sources(sink);

	if (j->live_bytes.len && json_parse(j->a, sink, sources_add(sources, "live", j->live_bytes.p,
								    (uint32_t)j->live_bytes.len), true, &before))
		before = value_object(SPAN_NONE);
	out->changes = render_diff(j->a, &before, &after);
	out->restart = out->snapshot.compiled.target->family != ENGINE_BUILTIN;
}

static int remember_failure(struct job *j, const char *reason, struct err *e)
{
	j->memory.failed = j->out->attempt;
	j->memory.failed_reason = reason;
	return memory_write(j->a, j->s, j->o->role, &j->memory, e);
}

static int refused(struct job *j, const char *reason, struct err *e)
{
	j->out->outcome = APPLY_REFUSED;
	return j->o->dry_run ? 0 : remember_failure(j, reason, e);
}

static const char **overrides(struct job *j)
{
	const struct texts *used = &j->out->snapshot.compiled.merged.overrides_used;
	const char **names = arena_array(j->a, const char *, used->n + 1);

	for (uint32_t i = 0; i < used->n; i++)
		names[i] = used->v[i].s;
	return names;
}

static unsigned keep_count(const struct config *c)
{
	return c->apply.keep_generations.set ? (unsigned)c->apply.keep_generations.v : 5;
}

/* The engine's refusal is the operator's to mend, so it stands among the diagnostics. */
static int engine_refused(struct job *j, struct err *e)
{
	struct apply_result *out = j->out;
	const char *words = out->published.words && *out->published.words ? out->published.words : "it gave no reason";

	words = failure_mask_text(j->a, failure_mask_new(j->a, &out->snapshot.compiled), words);
	diag_add(out->snapshot.sink, DIAG_XR701, SPAN_NONE, "'%s' refused the rendered file: %s", j->engine, words);
	diag_finish(out->snapshot.sink, j->o->strict);
	return refused(j, "the engine's checker refused the rendered file", e);
}

static int publish_it(struct job *j, struct err *e)
{
	struct apply_result *out = j->out;
	const struct meta meta = {
		.role = j->o->role,
		.input_digest = out->snapshot.digest,
		.rendered_digest = out->snapshot.rendered,
		.tool_version = XRAT_VERSION,
		.target = out->attempt.target,
		.engine = j->engine,
		.actor = j->o->actor.name,
		.request_id = j->o->request_id ? j->o->request_id : "",
	};
	struct publish_engine engine = { j->engine, j->o->abort };
	struct publication p = {
		.role = j->o->role, .meta = &meta, .xray = out->snapshot.xray,
		.action = "publish", .actor = j->o->actor, .overrides = overrides(j),
		.keep = keep_count(&out->snapshot.compiled.config), .check = j->o->check, .check_ctx = &engine,
	};
	int r = snapshot_map(j->a, &out->snapshot, &p.map);

	if (r)
		return err_sys(e, r, "write the map");
	r = publish(j->a, j->s, &p, &out->published, e);
	if (r == PUBLISH_REFUSED)
		return engine_refused(j, e);
	if (r)
		return r;
	out->outcome = APPLY_PUBLISHED;
	out->no_engine = out->published.no_engine;
	if (!j->memory.held && !j->memory.failed.input_digest)
		return 0;
	j->memory = (struct memory){ 0 };
	return memory_write(j->a, j->s, j->o->role, &j->memory, e);
}

static bool is_broken(const struct job *j)
{
	return diag_count(j->out->snapshot.sink, SEV_ERROR) > 0;
}

/* Behind the compile: what to do with it. */
static int decide(struct job *j, struct err *e)
{
	struct apply_result *out = j->out;
	bool known = memory_same(&j->memory.failed, &out->attempt);
	bool broken = is_broken(j);

	out->published.generation = out->published.previous = j->live;
	out->old_digest = j->live_meta.rendered_digest ? j->live_meta.rendered_digest : "";
	if (!broken && is_unchanged(j)) {
		out->outcome = APPLY_UNCHANGED;
		return 0;
	}
	if (!j->o->is_explicit && is_held(j)) {
		out->outcome = APPLY_HELD;
		return 0;
	}
	if (!j->o->is_explicit && known) {
		out->outcome = APPLY_REMEMBERED;
		return 0;
	}
	if (broken)
		return refused(j, "the configuration has errors", e);
	compare(j);
	if (j->o->dry_run) {
		out->outcome = APPLY_WOULD;
		return 0;
	}
	if (j->o->need_engine && !*j->engine)
		return err_set(e, -ENOENT, "no '%s' on PATH or in [paths] of config.toml; install it, or set [runtime] engine "
			       "to 'builtin', which comes with xrat",
			       engine_family_name(out->snapshot.compiled.target->family));
	return publish_it(j, e);
}

/* With the lock held, or in a dry run without it. */
static int run_locked(struct job *j, struct err *e)
{
	const struct compile_options compile = { .target = j->o->target, .missing_file_is_error = true,
						 .strict = j->o->strict, .on_auto = j->o->on_auto, .on_auto_ctx = j->o->abort };
	unsigned swept = 0;
	int r = j->o->dry_run ? 0 : publish_recover(j->a, j->s, j->o->role, &swept, e);

	if (!r)
		r = look_at_live(j, e);
	if (!r)
		r = memory_read(j->a, j->s, j->o->role, &j->memory, e);
	if (!r && j->o->notes)
		memory_report(j->o->notes, j->o->role, &j->memory);
	if (!r)
		r = snapshot_take(j->a, j->s, j->o->role, &compile, &j->out->snapshot, e);
	if (r == SNAPSHOT_STALE) {
		j->out->outcome = APPLY_STALE;
		return 0;
	}
	if (r)
		return r;
	if (j->out->snapshot.compiled.is_auto && is_broken(j))
		needs_name(j->a, j->s, j->o->role, &compile, &j->out->snapshot);
	r = name_attempt(j, is_broken(j) ? NULL : e);
	return r && !is_broken(j) ? r : decide(j, e);
}

int apply_run(struct arena *a, const struct state *s, const struct apply_options *o, struct apply_result *ret_result,
	      struct err *e)
{
	struct job j = { .a = a, .s = s, .o = o, .out = ret_result, .lock = LOCK_NONE, .engine = "" };
	jmp_buf oom, *volatile outer;
	volatile int r = 0;

	*ret_result = (struct apply_result){ .old_digest = "", .engine = "", .changes = value_array(SPAN_NONE) };
	if (!o->dry_run)
		r = lock_take(s->locks_fd, state_lock_names[o->role], o->lock_wait_ms, &j.lock, &ret_result->holder, e);
	if (r == 1) {
		ret_result->outcome = APPLY_BUSY;
		return 0;
	}
	if (r)
		return err_wrap(e, "lock the %s role", role_names[o->role]);
	outer = arena_on_oom(a, &oom);
	if (setjmp(oom))
		r = err_sys(e, -ENOMEM, "apply the %s configuration", role_names[o->role]);
	else
		r = run_locked(&j, e);
	arena_on_oom(a, outer);
	lock_drop(&j.lock);
	return r;
}
