/* Building blocks of the managed base: members with their places, rules with their tags. */
#include <string.h>

#include "compiler/base_impl.h"

static const char *text_of(const char *s)
{
	return s ? s : "";
}

struct value base_object(struct span at)
{
	return value_object(at);
}

const char *base_format(const struct maker *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *s = arena_vprintf(m->a, fmt, ap);
	va_end(ap);
	return s;
}

void put_text(const struct maker *m, struct value *o, const char *key, const struct text *t)
{
	value_put(m->a, o, key, value_string(text_of(t->s), span_or(t->at, o->span)));
}

void put_text_if(const struct maker *m, struct value *o, const char *key, const struct text *t)
{
	if (text_given(t))
		put_text(m, o, key, t);
}

void put_secret(const struct maker *m, struct value *o, const char *key, const struct secret *s)
{
	value_put(m->a, o, key, value_string(text_of(s->s), span_or(s->at, o->span)));
}

void put_num(const struct maker *m, struct value *o, const char *key, const struct num *n)
{
	value_put(m->a, o, key, value_number(m->a, n->v, span_or(n->at, o->span)));
}

void put_flag(const struct maker *m, struct value *o, const char *key, const struct flag *f)
{
	value_put(m->a, o, key, value_bool(f->v, span_or(f->at, o->span)));
}

void put_texts(const struct maker *m, struct value *o, const char *key, const struct texts *t)
{
	struct span at = span_or(t->at, o->span);
	struct value array = value_array(at);

	for (uint32_t i = 0; i < t->n; i++)
		value_push(m->a, &array, value_string(text_of(t->v[i].s), span_or(t->v[i].at, at)));
	value_put(m->a, o, key, array);
}

void put_one(const struct maker *m, struct value *o, const char *key, const char *s, struct span at)
{
	struct value array = value_array(span_or(at, o->span));

	value_push(m->a, &array, value_string(s, array.span));
	value_put(m->a, o, key, array);
}

void put_str(const struct maker *m, struct value *o, const char *key, const char *s)
{
	value_put(m->a, o, key, value_string(s, o->span));
}

/* V2Ray refuses a rule without a type; Xray ignores it. */
struct value base_rule_begin(const struct maker *m, struct span at)
{
	struct value rule = value_object(at);

	put_str(m, &rule, "type", "field");
	return rule;
}

enum { PARTS_MAX = 8 };

static char *tag_of(const struct maker *m, const char *const *parts)
{
	const char *all[PARTS_MAX + 2] = { role_names[m->d->role] };
	size_t n = 1;

	for (; *parts && n <= PARTS_MAX; parts++)
		all[n++] = *parts;
	return rule_tag(m->a, all);
}

/* Xray's API refuses a second rule of one tag. */
static void claim_tag(const struct maker *m, char *tag, struct value *rule, const char *owner)
{
	struct value *first = map_put(m->rule_tags, str_of(tag), rule);

	if (first == rule)
		return;
	struct diag *d = diag_add(m->sink, DIAG_XR615, rule->span, "%s makes the same rule as another one", owner);
	diag_relate(m->sink, d, first->span, "the other one stands here");
	diag_help(m->sink, d, "remove one of them");
}

void base_rule_add(const struct maker *m, enum rule_slot slot, struct value *rule, const char *outbound,
		   struct span outbound_at, const char *const *parts, const char *owner)
{
	char *tag = tag_of(m, parts);
	struct value *kept = arena_new_of(m->a, struct value);

	value_put(m->a, rule, "outboundTag", value_string(text_of(outbound), span_or(outbound_at, rule->span)));
	put_str(m, rule, "ruleTag", tag);
	*kept = *rule;
	claim_tag(m, tag, kept, owner);
	xlist_add(m->a, &m->x->rules, *rule, owner)->slot = (uint8_t)slot;
}

const char *base_marker_address(const struct maker *m, uint32_t index)
{
	return index > 65535 ? NULL : base_format(m, "127.255.%u.%u/32", index / 256, index % 256);
}
