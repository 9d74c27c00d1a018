/* Files that the finished config names: certificates, keys and geodata. Warnings at check, since what is checked here may
 * not be the machine that runs it; errors at apply. */
#include <stdlib.h>
#include <string.h>

#include "compiler/load_impl.h"

struct looker {
	struct arena *a;
	struct diag_sink *sink;
	struct input_log *log;
	const struct desired *d;
	enum severity severity;
	struct map *seen;     /* paths and asset names already looked for */
	const char *dirs[3];  /* where assets are looked for; NULL-terminated */
};

static bool first_time(struct looker *l, struct str name)
{
	if (map_get(l->seen, name))
		return false;
	map_put(l->seen, name, l);
	return true;
}

/* --- certificates and keys ---------------------------------------------------------------------------------------- */
/* A relative path belongs to the engine's directory, which is not known here. */
static void look_for(struct looker *l, const char *what, struct str path, struct span at)
{
	const char *text;
	struct diag *d;

	if (!path.len || *path.p != '/' || memchr(path.p, 0, path.len) || !first_time(l, path))
		return;
	text = arena_memdup(l->a, path.p, path.len);
	if (load_look(l->a, l->log, text))
		return;
	d = diag_add(l->sink, DIAG_XR235, at, "%s '%s' is not on this machine", what, text);
	d->severity = l->severity;
	diag_help(l->sink, d, "create it before apply, or correct the path");
}

static void walk_tls(struct looker *l, const struct value *v)
{
	for (uint32_t i = 0; v->kind == VAL_ARRAY && i < v->n; i++)
		walk_tls(l, &v->items[i]);
	for (uint32_t i = 0; v->kind == VAL_OBJECT && i < v->n_members; i++) {
		const struct member *m = &v->members[i];

		if (m->value.kind != VAL_STRING)
			walk_tls(l, &m->value);
		else if (str_is_nocase(member_key(m), "certificateFile"))
			look_for(l, "certificate", value_str(&m->value), m->value.span);
		else if (str_is_nocase(member_key(m), "keyFile"))
			look_for(l, "key", value_str(&m->value), m->value.span);
	}
}

static void look_for_tls(struct looker *l, const struct xconf *x)
{
	const struct server *s = &l->d->server;

	if (l->d->role == ROLE_SERVER && s->certificate.set)
		look_for(l, "certificate", str_of(s->certificate.s), s->certificate.at);
	if (l->d->role == ROLE_SERVER && s->key.set)
		look_for(l, "key", str_of(s->key.s), s->key.at);
	for (uint32_t i = 0; i < x->inbounds.n; i++)
		walk_tls(l, &x->inbounds.v[i].v);
	for (uint32_t i = 0; i < x->outbounds.n; i++)
		walk_tls(l, &x->outbounds.v[i].v);
}

/* --- geodata ------------------------------------------------------------------------------------------------------ */
/* A fixed file, or NULL: the name stands behind the prefix. */
struct geo_prefix {
	const char *text, *file;
};
static const struct geo_prefix geo_prefixes[] = {
	{ "geoip:", "geoip.dat" }, { "geosite:", "geosite.dat" }, { "ext:", NULL },
	{ "ext-ip:", NULL },       { "ext-domain:", NULL },        { "ext-site:", NULL },
};

/* Name of the asset that a matcher needs, or the empty slice. */
static struct str asset_of(struct str matcher)
{
	while (matcher.len && *matcher.p == '!')
		matcher = str_skip(matcher, 1);
	if (!matcher.len || (*matcher.p != 'g' && *matcher.p != 'e'))
		return str_of(NULL);
	for (size_t i = 0; i < sizeof(geo_prefixes) / sizeof(*geo_prefixes); i++) {
		const struct geo_prefix *g = &geo_prefixes[i];
		struct str rest;

		if (!str_starts(matcher, g->text))
			continue;
		rest = str_skip(matcher, str_of(g->text).len);
		return g->file ? str_of(g->file) : str_cut(&rest, ':');
	}
	return str_of(NULL);
}

static const char *find_asset(struct looker *l, const char *name)
{
	for (const char *const *dir = l->dirs; *dir; dir++) {
		const char *path = arena_printf(l->a, "%s/%s", *dir, name);

		if (load_look(l->a, l->log, path))
			return path;
	}
	return NULL;
}

static bool is_configured(const struct desired *d, const char *name)
{
	const struct asset_file *files = d->assets.files.v;

	for (uint32_t i = 0; i < d->assets.files.n; i++)
		if (str_is(str_of(files[i].name.s), name) && *files[i].url.s)
			return true;
	return false;
}

static void look_for_asset(struct looker *l, const struct value *matcher)
{
	struct str name = asset_of(value_str(matcher));
	const char *text, *where;
	struct diag *d;

	if (!name.len || memchr(name.p, 0, name.len) || !first_time(l, name))
		return;
	text = arena_memdup(l->a, name.p, name.len);
	if (find_asset(l, text))
		return;
	where = l->dirs[1] ? arena_printf(l->a, "'%s' or '%s'", l->dirs[0], l->dirs[1]) :
			     arena_printf(l->a, "'%s'", l->dirs[0]);
	d = diag_add(l->sink, DIAG_XR236, matcher->span, "'%s' is not in %s", text, where);
	d->severity = l->severity;
	if (is_configured(l->d, text))
		diag_help(l->sink, d, "it is listed in [[xray_assets.files]]; fetch it before apply");
	else
		diag_help(l->sink, d, "put it there, or set XRAY_LOCATION_ASSET to the directory that has it");
}

static void walk_matchers(struct looker *l, const struct value *v)
{
	if (v->kind == VAL_STRING)
		look_for_asset(l, v);
	for (uint32_t i = 0; v->kind == VAL_ARRAY && i < v->n; i++)
		walk_matchers(l, &v->items[i]);
	for (uint32_t i = 0; v->kind == VAL_OBJECT && i < v->n_members; i++)
		walk_matchers(l, &v->members[i].value);
}

/* The one variable the loader reads: where the engine finds its data. */
static void find_dirs(struct looker *l, const struct target *t)
{
	const char *set = getenv("XRAY_LOCATION_ASSET");
	const char *family = engine_family_name(t && t->family == ENGINE_V2RAY ? ENGINE_V2RAY : ENGINE_XRAY);

	if (set && *set) {
		l->dirs[0] = set;
		return;
	}
	l->dirs[0] = arena_printf(l->a, "/usr/local/share/%s", family);
	l->dirs[1] = arena_printf(l->a, "/usr/share/%s", family);
}

void load_check_files(struct arena *a, struct diag_sink *sink, struct input_log *log, const struct checked *c,
		      const struct desired *d, enum severity severity)
{
	struct looker l = { .a = a, .sink = sink, .log = log, .d = d, .severity = severity, .seen = map_new(a, 16) };

	find_dirs(&l, c->x.target);
	look_for_tls(&l, &c->x);
	for (uint32_t i = 0; i < c->x.rules.n; i++)
		walk_matchers(&l, &c->x.rules.v[i].v);
	walk_matchers(&l, &c->x.section[XS_DNS]);
}
