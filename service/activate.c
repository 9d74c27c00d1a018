/* Bringing the engine to what is live. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/runtime.h"
#include "service/keeper.h"

enum { ENGINE_RETRY_MS = 30 * 1000 };

/* --- the ways to get there: a row of this table is what `diff` calls restart or no restart --- */
static bool always(const struct keeper *r, const struct sup_view *v, const struct sup_spec *next)
{
	(void)r;
	(void)v;
	(void)next;
	return true;
}

static bool is_idle(const struct keeper *r, const struct sup_view *v, const struct sup_spec *next)
{
	(void)r;
	(void)next;
	return !v->process.pid;
}

static bool can_reload(const struct keeper *r, const struct sup_view *v, const struct sup_spec *next)
{
	return next->may_reload && v->process.pid && (v->state == SUP_RUNNING || v->state == SUP_DEGRADED) && r->spec.exe &&
	       str_is(str_of(r->spec.exe), next->exe) && r->spec.target == next->target;
}

static const struct activation {
	const char *name;
	bool (*applies)(const struct keeper *r, const struct sup_view *v, const struct sup_spec *next);
	void (*run)(struct sup *s, const struct sup_spec *spec);
} activations[] = {
	{ "start", is_idle, sup_run },
	{ "reload", can_reload, sup_reload },
	{ "restart", always, sup_run },
};

static const char *log_dir(struct arena *a, const struct service *s)
{
	static const char *const variables[] = { "XRAT_LOG_ROOT", "XP2P_LOG_ROOT" };

	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		const char *set = getenv(variables[i]);

		if (set && *set)
			return arena_strdup(a, set);
	}
	return arena_printf(a, "%s/logs", s->root);
}

/* An engine that reloads reads the same path again, so it is given the one that is switched; the others get a name that
 * tells which generation they run. */
static char *file_of(struct arena *a, const struct keeper *r, const struct target *t, uint64_t generation)
{
	return t->family == ENGINE_BUILTIN ?
		arena_printf(a, "%s/.state/live/config-%s/xray.json", r->service->root, role_names[r->which]) :
		generation_path(a, &r->service->state, r->which, generation);
}

static int read_probe(struct arena *a, const struct keeper *r, uint64_t generation, struct probe *ret_probe,
		      struct err *e)
{
	struct diag_sink *sink = diag_sink_new(a, sources_new(a));
	struct sources *sources = (struct sources *)diag_sources(sink);
	struct value xray;
	struct str bytes;
	int r2 = generation_bytes(a, &r->service->state, r->which, generation, &bytes, e);

	if (r2)
		return r2;
	if (json_parse(a, sink, sources_add(sources, "xray.json", bytes.p, (uint32_t)bytes.len), true, &xray))
		return err_set(e, -EINVAL, "generation %llu is not a JSON object", (unsigned long long)generation);
	probe_choose(a, &xray, ret_probe);
	return 0;
}

int keeper_make_spec(struct arena *a, struct keeper *r, uint64_t generation, struct sup_spec *ret_spec, struct err *e)
{
	struct meta m;
	const struct target *t;
	const char *exe;
	int n = generation_meta(a, &r->service->state, r->which, generation, &m, e);

	if (n)
		return n;
	t = target_find(str_of(m.target));
	if (!t) {
		err_set(e, -EINVAL, "generation %llu is for the target '%s', which this xrat does not know",
			(unsigned long long)generation, m.target);
		return -EINVAL;
	}
	exe = engine_again(a, t, m.engine);
	*ret_spec = (struct sup_spec){
		.target = t,
		.exe = exe ? exe : "",
		.file = file_of(a, r, t, generation),
		.cwd = r->service->root,
		.name = role_names[r->which],
		.log_dir = log_dir(a, r->service),
		.generation = generation,
		.proved = generation == r->lkg,
		.prove_ms = r->prove_ms,
		.may_reload = t->family == ENGINE_BUILTIN,
	};
	return read_probe(a, r, generation, &ret_spec->probe, e);
}

void keeper_take_spec(struct keeper *r, struct arena *a, const struct sup_spec *spec)
{
	if (r->old_spec_a)
		arena_free(r->old_spec_a);
	r->old_spec_a = r->spec_a;
	r->spec_a = a;
	r->spec = *spec;
	r->told = spec->generation;
	r->is_foreign = false;
}

static void cannot(struct keeper *r, const char *why)
{
	log_line(&r->service->log, SEV_ERROR, role_names[r->which], "the engine cannot be started: %s", why);
	keeper_set_text(&r->engine_trouble, why);
	r->engine_retry_at_ms = clock_mono_ms() + ENGINE_RETRY_MS;
}

void keeper_activate(struct keeper *r)
{
	struct arena *a = arena_new();
	struct sup_spec spec = { 0 };
	struct sup_view v;
	struct err e = { 0 };
	size_t i = 0;

	if (!a || keeper_make_spec(a, r, r->live, &spec, &e)) {
		cannot(r, a ? err_text(&e) : "out of memory");
		err_fini(&e);
		arena_free(a);
		return;
	}
	if (!*spec.exe) {
		cannot(r, arena_printf(a, "there is no '%s' for generation %llu where it was, or on PATH; install it, or set "
				       "[runtime] engine to 'builtin', which comes with xrat",
				       engine_family_name(spec.target->family), (unsigned long long)r->live));
		arena_free(a);
		return;
	}
	keeper_set_text(&r->engine_trouble, "");
	r->engine_retry_at_ms = 0;
	r->proved = 0;
	if (r->died != r->live)
		r->died = 0; /* of an earlier one, which may be made live again */
	r->must_reload = false;
	sup_view(r->sup, &v);
	while (!activations[i].applies(r, &v, &spec))
		i++;
	log_line(&r->service->log, SEV_NOTE, role_names[r->which], "engine %s for generation %llu: %s",
		 activations[i].name, (unsigned long long)r->live, spec.exe);
	keeper_take_spec(r, a, &spec);
	activations[i].run(r->sup, &r->spec);
}
