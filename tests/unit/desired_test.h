#ifndef XRAT_TESTS_UNIT_DESIRED_TEST_H
#define XRAT_TESTS_UNIT_DESIRED_TEST_H
/* A desired file given as text, decoded and normalised, with the codes it caused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "compiler/compiler.h"

struct given {
	struct arena *a;
	struct sources *sources;
	struct diag_sink *sink;
	struct desired d;
	struct config c;
};

static inline struct value given_toml(struct given *g, const char *text)
{
	struct value v = { .kind = VAL_NONE };
	uint32_t src;

	g->a = arena_new();
	g->sources = sources_new(g->a);
	g->sink = diag_sink_new(g->a, g->sources);
	src = sources_add(g->sources, "test.toml", text, (uint32_t)strlen(text));
	assert_int_equal(toml_parse(g->a, g->sink, src, &v), 0);
	return v;
}

static inline void given_role(struct given *g, enum role role, const char *text)
{
	struct inputs in = { .role = role, .role_toml = given_toml(g, text) };

	assert_int_equal(decode_role(g->a, g->sink, &in, &g->d), 0);
}

static inline void given_normal(struct given *g, enum role role, const char *text)
{
	given_role(g, role, text);
	normalize(g->a, g->sink, &g->d, target_default());
	diag_finish(g->sink, false);
}

static inline void given_config(struct given *g, const char *text)
{
	struct value v = given_toml(g, text);

	assert_int_equal(decode_config(g->a, g->sink, &v, &g->c), 0);
	diag_finish(g->sink, false);
}

/* "XR150 XR151": the codes that are not notes, in the order of their places. */
static inline const char *given_codes(struct given *g)
{
	const char *out = "";

	for (unsigned i = 0; i < diag_total(g->sink); i++) {
		const struct diag *d = diag_at(g->sink, i);

		if (d->severity != SEV_NOTE)
			out = arena_printf(g->a, "%s%s%s", out, out[0] ? " " : "", diag_infos[d->code].name);
	}
	return out;
}

static inline bool given_has(struct given *g, enum diag_code code)
{
	for (unsigned i = 0; i < diag_total(g->sink); i++)
		if (diag_at(g->sink, i)->code == code)
			return true;
	return false;
}

static inline void given_end(struct given *g)
{
	arena_free(g->a);
}

#endif
