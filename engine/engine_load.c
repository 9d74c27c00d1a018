/* From the file to the table that the workers run by. What reading and checking took is given back before the table is used. */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/assets.h"
#include "engine/engine_impl.h"
#include "engine/parcel.h"

const char *engine_keep_text(struct engine *en, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return "out of memory";
	free(en->text);
	en->text = copy;
	return copy;
}

/* "FILE:LINE:COLUMN: message [CODE]" of the first error. */
static const char *first_error(struct engine *en, struct arena *tmp, const struct diag_sink *sink)
{
	const struct sources *sources = diag_sources(sink);
	const struct source *s;
	const struct diag *d = NULL;
	uint32_t line, col;
	char *text;

	for (unsigned i = 0; i < diag_total(sink) && (!d || d->severity != SEV_ERROR); i++)
		d = diag_at(sink, i);
	if (!d)
		return "refused";
	s = sources_get(sources, d->at.src);
	text = arena_printf(tmp, "%s [%s]", d->msg, diag_infos[d->code].name);
	if (s) {
		source_place(sources, d->at.src, d->at.begin, &line, &col);
		text = arena_printf(tmp, "%s:%u:%u: %s", s->path, line, col, text);
	}
	return engine_keep_text(en, text);
}

/* --- descriptors instead of files --- */
static int unpack_assets(struct parcel *given, struct assets *assets)
{
	int r = 0;

	for (unsigned i = 0; given && i < given->n && !r; i++) {
		struct str name = str_of(given->names[i]);

		if (str_is(str_cut(&name, ':'), "asset") && given->fds[i] >= 0)
			r = assets_give(assets, name.p, given->fds[i]);
	}
	return r == -ENOMEM ? r : 0; /* what is of no use is told where a rule names it */
}

static int pack_asset(void *ctx, const char *file, int fd)
{
	return parcel_add(ctx, "asset", file, fd);
}

/* The .dat files are read anew each time. */
static int build(struct engine *en, struct arena *a, struct diag_sink *sink, const struct xconf *x, struct conf **ret_conf)
{
	struct assets *assets = assets_new(en->o->assets);
	int r = assets ? unpack_assets(en->given, assets) : -ENOMEM;

	if (!r)
		r = conf_build(a, sink, x, assets, en->conf, ret_conf); /* does not jump */
	if (!r && en->packing)
		r = assets_open_used(assets, pack_asset, en->packing);
	assets_free(assets);
	return r;
}

/* fd: the file that was given, -1: none. */
static int read_and_build(struct engine *en, int fd, struct arena *tmp, struct arena *a, struct conf **ret_conf,
			  const char **ret_why, struct err *e)
{
	struct diag_sink *sink = diag_sink_new(tmp, sources_new(tmp));
	struct xconf x = { 0 };
	int r = en->o->load(en->o->ctx, fd, tmp, sink, &x, e);

	if (!r) {
		r = build(en, a, sink, &x, ret_conf);
		if (r < 0)
			err_sys(e, r, "load the configuration");
	}
	if (r >= 0)
		en->o->report(en->o->ctx, tmp, sink);
	if (r == 1)
		*ret_why = first_error(en, tmp, sink);
	return r;
}

/* Memory that runs out comes back here. */
static int load(struct engine *en, int fd, struct conf **ret_conf, const char **ret_why, struct err *e)
{
	struct arena *a = arena_new(), *tmp = a ? arena_new() : NULL;
	jmp_buf oom;
	int r;

	*ret_conf = NULL;
	if (!tmp || setjmp(oom)) {
		r = err_sys(e, -ENOMEM, "load the configuration");
	} else {
		arena_on_oom(a, &oom);
		arena_on_oom(tmp, &oom);
		r = read_and_build(en, fd, tmp, a, ret_conf, ret_why, e);
	}
	if (a)
		arena_on_oom(a, NULL);
	arena_free(tmp);
	if (r && *ret_conf) /* it was made, but not packed or told: its memory is the arena */
		conf_drop(*ret_conf);
	else if (r)
		arena_free(a);
	if (r)
		*ret_conf = NULL;
	return r;
}

int engine_load(struct engine *en, struct conf **ret_conf, const char **ret_why, struct err *e)
{
	int fd = parcel_take(en->given, "file", ""), r = load(en, fd < 0 ? -1 : fd, ret_conf, ret_why, e);

	if (fd >= 0)
		close(fd);
	malloc_trim(0);
	return r;
}

int engine_try(const struct engine_options *o, struct err *e)
{
	struct engine en = { .o = o };
	struct conf *c = NULL;
	const char *why;
	int r = engine_load(&en, &c, &why, e);

	if (c)
		conf_drop(c);
	free(en.text);
	return r;
}
