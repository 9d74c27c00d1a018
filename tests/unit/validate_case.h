#ifndef XRAT_TESTS_VALIDATE_CASE_H
#define XRAT_TESTS_VALIDATE_CASE_H
/* Runs the checks over a complete file given as text. Only tests include this. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "validate/validate.h"

struct checked_text {
	struct arena *a;
	struct diag_sink *sink;
	struct xconf x;
};

static inline struct checked_text check_text_for(const char *text, const char *target)
{
	struct checked_text c = { .a = arena_new() };
	struct sources *sources = sources_new(c.a);
	uint32_t src = sources_add(sources, "test.json", text, (uint32_t)strlen(text));
	struct value *root = arena_new_of(c.a, struct value);

	c.sink = diag_sink_new(c.a, sources);
	if (json_parse(c.a, c.sink, src, true, root)) {
		struct buf out = { 0 };
		diag_finish(c.sink, false);
		diag_print(c.sink, false, SEV_NOTE, &out);
		fail_msg("not JSON: %s\n%.*s", text, (int)out.len, out.p);
	}
	xconf_from_value(c.a, root, target_find(str_of(target)), &c.x);
	c.x.raw = true;
	validate_semantics(c.a, c.sink, &c.x);
	diag_finish(c.sink, false);
	return c;
}
static inline struct checked_text check_text(const char *text)
{
	return check_text_for(text, "xray-26.7");
}
static inline unsigned check_count(const struct checked_text *c, enum diag_code code)
{
	unsigned n = 0;

	for (unsigned i = 0; i < diag_total(c->sink); i++)
		n += diag_at(c->sink, i)->code == code;
	return n;
}
/* Space separated names of the codes of these checks that are not notes, in their order of place; in the arena. */
static inline const char *check_codes(const struct checked_text *c)
{
	const char *all = "";

	for (unsigned i = 0; i < diag_total(c->sink); i++) {
		const struct diag *d = diag_at(c->sink, i);
		if (d->severity != SEV_NOTE && diag_infos[d->code].name[2] >= '5')
			all = arena_printf(c->a, "%s%s%s", all, *all ? " " : "", diag_infos[d->code].name);
	}
	return all;
}
static inline void check_free(struct checked_text *c)
{
	arena_free(c->a);
}

#endif
