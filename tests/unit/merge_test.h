#ifndef XRAT_TESTS_UNIT_MERGE_TEST_H
#define XRAT_TESTS_UNIT_MERGE_TEST_H
/* A managed base and snippets given as text, merged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "merge/merge.h"

struct world {
	struct arena *a;
	struct sources *sources;
	struct diag_sink *sink;
	struct base base;
	struct snippet snippets[SNIPPET__N];
	struct texts override;
	struct merged merged;
};

static inline struct value world_json(struct world *w, const char *path, const char *text)
{
	struct value v = { .kind = VAL_NONE };
	uint32_t src = sources_add(w->sources, path, text, (uint32_t)strlen(text));

	assert_true(json_parse(w->a, w->sink, src, false, &v) < 2);
	return v;
}

static inline void world_own(struct xlist *l, const char *owner, enum rule_slot slot)
{
	for (uint32_t i = 0; i < l->n; i++) {
		l->v[i].owner = owner;
		l->v[i].slot = slot;
	}
}

/* A client base written as one document; rules take their slot from "slot" by number, which is their first member. */
static inline void world_start(struct world *w, const char *target, const char *base)
{
	struct value v;

	*w = (struct world){ .a = arena_new() };
	w->sources = sources_new(w->a);
	w->sink = diag_sink_new(w->a, w->sources);
	v = world_json(w, "xp2p-client.toml", base);
	xconf_from_value(w->a, &v, target_find(str_of(target)), &w->base.x);
	w->base.x.role = ROLE_CLIENT;
	world_own(&w->base.x.inbounds, "inbound of the test", 0);
	world_own(&w->base.x.outbounds, "outbound of endpoint 'edge'", 0);
	world_own(&w->base.x.rules, "rule of the test", SLOT_MANAGED);
	for (uint32_t i = 0; i < w->base.x.rules.n; i++) {
		int64_t slot;

		if (!value_int(&w->base.x.rules.v[i].v.members[0].value, &slot))
			w->base.x.rules.v[i].slot = (uint8_t)slot;
	}
}

static inline void world_snippet(struct world *w, enum snippet_kind kind, const char *text)
{
	w->snippets[kind].root = world_json(w, snippet_file_names[kind], text);
	snippet_check(w->sink, kind, &w->snippets[kind].root);
}

static inline void world_override(struct world *w, const char *name)
{
	struct text *v = arena_array(w->a, struct text, w->override.n + 1);

	for (uint32_t i = 0; i < w->override.n; i++)
		v[i] = w->override.v[i];
	v[w->override.n++] = (struct text){ .s = name, .set = true };
	w->override.v = v;
}

/* Merges; the codes in the order of their places, notes in brackets: "XR302 [XR313]". */
static inline const char *world_merge(struct world *w)
{
	const char *out = "";

	assert_int_equal(merge_snippets(w->a, w->sink, &w->base, w->snippets, &w->override, &w->merged), 0);
	diag_finish(w->sink, false);
	for (unsigned i = 0; i < diag_total(w->sink); i++) {
		const struct diag *d = diag_at(w->sink, i);
		const char *name = diag_infos[d->code].name;

		out = arena_printf(w->a, d->severity == SEV_NOTE ? "%s%s[%s]" : "%s%s%s", out, *out ? " " : "", name);
	}
	return out;
}

static inline const char *world_list(struct world *w, const struct xlist *l, const char *key)
{
	const char *out = "";

	for (uint32_t i = 0; i < l->n; i++) {
		struct str tag = value_get_str(&l->v[i].v, key);

		out = arena_printf(w->a, "%s%s%.*s", out, *out ? " " : "", (int)tag.len, tag.len ? tag.p : "");
	}
	return out;
}

static inline void world_end(struct world *w)
{
	arena_free(w->a);
}

#endif
