/* Which errors are there only because of the engine that this machine has. */
#include "apply/needs_impl.h"

/* What two compiles of the same files agree on: the place; where there is none, the code. */
static struct str key_of(struct arena *a, const struct sources *sources, const struct diag *d)
{
	const struct source *source = sources_get(sources, d->at.src);

	return str_of(source ? arena_printf(a, "%s:%u", source->path, d->at.begin) : diag_infos[d->code].name);
}

/* Everything that the default target has to say, too: a key that no engine knows is not a matter of engines. */
static struct map *compile_for_default(struct arena *a, const struct state *s, enum role role,
				       const struct compile_options *o)
{
	const struct compile_options other = { .target = target_default()->name, .strict = o->strict,
					       .missing_file_is_error = o->missing_file_is_error };
	struct diag_sink *sink = diag_sink_new(a, sources_new(a));
	struct compiled *c = arena_new_of(a, struct compiled);
	struct map *told = map_new(a, 16);
	struct err ignored = { 0 };
	int r = compile_root(a, sink, s->root_fd, s->root, role, &other, c, &ignored);

	err_fini(&ignored);
	for (unsigned i = 0; !r && i < diag_total(sink); i++)
		if (diag_at(sink, i)->severity >= SEV_WARNING)
			map_set(told, key_of(a, diag_sources(sink), diag_at(sink, i)), sink);
	return r ? NULL : told;
}

void needs_name(struct arena *a, const struct state *s, enum role role, const struct compile_options *o,
		struct snapshot *snap)
{
	const struct target *here = snap->compiled.target;
	struct map *told = here->family == ENGINE_XRAY ? NULL : compile_for_default(a, s, role, o);
	const char *help = arena_printf(a, "there is no xray on this machine, so engine 'auto' took %s; install xray, or name "
					   "its program as 'xray' in [paths] of config.toml", here->name);

	for (unsigned i = 0; told && i < diag_total(snap->sink); i++) {
		const struct diag *d = diag_at(snap->sink, i);

		if (d->severity == SEV_ERROR && !map_get(told, key_of(a, diag_sources(snap->sink), d)))
			diag_reword(snap->sink, i, arena_printf(a, "needs xray: %s", d->msg), help);
	}
}
