/* Diagnostics: the sink. Printing is in diag_print.c. */
#include "lib/diag.h"

#include <stdlib.h>
#include <string.h>

#include "lib/diag_sink.h"

const struct diag_info diag_infos[DIAG__N] = {
#define X(code, severity, title, meaning, example, fix) { #code, severity, title, meaning, example, fix },
#include "lib/codes/all.def"
#undef X
};

const struct diag_info *diag_info_find(const char *name)
{
	for (size_t i = 0; i < DIAG__N; i++)
		if (str_is_nocase(str_of(name), diag_infos[i].name))
			return &diag_infos[i];
	return NULL;
}

struct diag_sink *diag_sink_new(struct arena *a, const struct sources *sources)
{
	struct diag_sink *s = arena_new_of(a, struct diag_sink);

	s->arena = a;
	s->sources = sources;
	return s;
}

struct arena *diag_arena(const struct diag_sink *s)
{
	return s->arena;
}

const struct sources *diag_sources(const struct diag_sink *s)
{
	return s->sources;
}

void diag_errors_only(struct diag_sink *s, bool on)
{
	s->errors_only = on;
}

bool diag_wants(const struct diag_sink *s, enum severity severity)
{
	return severity == SEV_ERROR || !s->errors_only;
}

struct diag *diag_add(struct diag_sink *s, enum diag_code code, struct span at, const char *fmt, ...)
{
	struct diag *d = arena_new_of(s->arena, struct diag);
	va_list ap;

	va_start(ap, fmt);
	*d = (struct diag){
		.code = code,
		.severity = diag_infos[code].severity,
		.at = at,
		.msg = arena_vprintf(s->arena, fmt, ap),
		.serial = s->n,
	};
	va_end(ap);
	if (!diag_wants(s, d->severity))
		return d;
	if (s->n == s->cap)
		s->v = arena_grow(s->arena, s->v, s->n, sizeof(struct diag *), &s->cap);
	s->v[s->n++] = d;
	return d;
}

void diag_help(struct diag_sink *s, struct diag *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	d->help = arena_vprintf(s->arena, fmt, ap);
	va_end(ap);
}

void diag_reword(struct diag_sink *s, unsigned i, const char *msg, const char *help)
{
	s->v[i]->msg = msg;
	s->v[i]->help = help;
}

void diag_relate(struct diag_sink *s, struct diag *d, struct span at, const char *fmt, ...)
{
	struct diag_related *r = arena_new_of(s->arena, struct diag_related), **end = &d->related;
	va_list ap;

	va_start(ap, fmt);
	*r = (struct diag_related){ .at = at, .msg = arena_vprintf(s->arena, fmt, ap) };
	va_end(ap);
	while (*end)
		end = &(*end)->next;
	*end = r;
}

void diag_hide(struct diag_sink *s, struct span at)
{
	if (!at.src)
		return;
	if (s->n_hidden == s->cap_hidden)
		s->hidden = arena_grow(s->arena, s->hidden, s->n_hidden, sizeof(*s->hidden), &s->cap_hidden);
	s->hidden[s->n_hidden++] = at;
}

static struct str span_key(const struct span *at)
{
	return (struct str){ (const char *)at, sizeof(*at) };
}

void diag_drop_repeats(struct diag_sink *s, unsigned from)
{
	struct map *told;
	unsigned n = from;

	if (from >= s->n)
		return;
	told = map_new(s->arena, from);
	for (unsigned i = 0; i < from; i++) {
		struct diag *worst = s->v[i]->at.src ? map_put(told, span_key(&s->v[i]->at), s->v[i]) : NULL;

		if (worst && worst->severity < s->v[i]->severity)
			map_set(told, span_key(&s->v[i]->at), s->v[i]);
	}
	for (unsigned i = from; i < s->n; i++) {
		const struct diag *before = map_get(told, span_key(&s->v[i]->at));

		if (!before || before->severity < s->v[i]->severity)
			s->v[n++] = s->v[i];
	}
	s->n = n;
}

unsigned diag_count(const struct diag_sink *s, enum severity severity)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += s->v[i]->severity == severity;
	return n;
}

static int compare_u32(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

static int compare(const void *left, const void *right)
{
	const struct diag *a = *(struct diag *const *)left, *b = *(struct diag *const *)right;
	int c = compare_u32(a->at.src, b->at.src);

	if (!c)
		c = compare_u32(a->at.begin, b->at.begin);
	if (!c)
		c = compare_u32(a->code, b->code);
	return c ? c : compare_u32(a->serial, b->serial);
}

static bool same(const struct diag *a, const struct diag *b)
{
	return a->code == b->code && a->severity == b->severity && !memcmp(&a->at, &b->at, sizeof(a->at)) &&
	       str_is(str_of(a->msg), b->msg);
}

/* Equal ones need not be neighbours when several stand at one place, but those are few. */
static bool seen(const struct diag_sink *s, unsigned n, const struct diag *d)
{
	for (unsigned i = n; i-- > 0 && !memcmp(&s->v[i]->at, &d->at, sizeof(d->at)) && s->v[i]->code == d->code;)
		if (same(s->v[i], d))
			return true;
	return false;
}

void diag_finish(struct diag_sink *s, bool strict)
{
	unsigned n = 0;

	if (s->n)
		qsort(s->v, s->n, sizeof(struct diag *), compare);
	for (unsigned i = 0; i < s->n; i++) {
		if (strict && s->v[i]->severity == SEV_WARNING)
			s->v[i]->severity = SEV_ERROR;
		if (!seen(s, n, s->v[i]))
			s->v[n++] = s->v[i];
	}
	s->n = n;
}

unsigned diag_total(const struct diag_sink *s)
{
	return s->n;
}

const struct diag *diag_at(const struct diag_sink *s, unsigned i)
{
	return s->v[i];
}
