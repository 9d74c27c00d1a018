#ifndef XRAT_VALIDATE_STRUCTURE_H
#define XRAT_VALIDATE_STRUCTURE_H
/* What the parts of the structure walker share. Only validate/structure*.c includes this. */
#include "validate/validate.h"

struct walk {
	struct arena *a;
	struct diag_sink *sink;
	const struct target *t;
	bool managed; /* made by the base: what the target lacks was decided there */
	const struct value *parent; /* of the value being checked */
};

/* One object by its table. */
void walk_object(struct walk *w, const struct xtable *t, const struct value *v);
/* The keys of an object that should be there but is not: at is where it would stand. */
void walk_absent(struct walk *w, const struct xtable *t, const struct value *at);
/* One value by the row of its key; parent is the object that holds it (its siblings decide variants). */
void walk_value(struct walk *w, const struct xkey *k, const struct value *v, const struct value *parent);
/* The value of a port, a port list, a range: structure_number.c. */
void walk_port(struct walk *w, const struct xkey *k, const struct value *v);
void walk_ports(struct walk *w, const struct xkey *k, const struct value *v);
void walk_range(struct walk *w, const struct xkey *k, const struct value *v);
/* Whether the upper end of a number or range is above 0. */
bool walk_above_zero(const struct value *v);
void walk_int(struct walk *w, const struct xkey *k, const struct value *v);
/* A value of an enumeration, written as s at that place: structure_name.c. */
void walk_name(struct walk *w, const struct xkey *k, struct str s, struct span at);

/* Names of the targets that a mask of those that lack something leaves, without builtin: for messages. */
const char *walk_known_to(struct walk *w, unsigned lacks);

/* Whether s has the form; "" is often fine as "not set". */
bool format_ok(enum xformat f, struct str s);
/* "a UUID", "a duration like 10s": for messages. */
const char *format_text(enum xformat f);
/* Whether s is what a fallback's dest or REALITY's target may be. */
bool format_dest_ok(struct str s);

/* A diagnostic, unless the same managed place has an error already (then decode reported the TOML key). */
struct diag *walk_add(struct walk *w, enum diag_code code, struct span at, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The first byte: a marker under a whole object helps nobody. */
static inline struct span walk_point(const struct value *v)
{
	struct span at = v->span;
	if ((v->kind == VAL_OBJECT || v->kind == VAL_ARRAY) && at.end > at.begin)
		at.end = at.begin + 1;
	return at;
}
static inline const char *walk_engine(const struct walk *w)
{
	static const char *const names[ENGINE__N] = { "Xray", "V2Ray", "the builtin engine" };
	return names[w->t->family];
}

#endif
