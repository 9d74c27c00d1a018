/* Which fields of two values differ: "settings.servers[0].port", each with what it was and is. */
#include "render/diff_impl.h"

void diff_report(struct diff_sink *s, const char *change, const char *field, struct keypath *at,
		 const struct value *before, const struct value *after)
{
	struct value e = value_object(SPAN_NONE);

	e.members = arena_array(s->a, struct member, 8);
	e.cap_members = 8;
	value_put_str(s->a, &e, "change", change);
	value_put_str(s->a, &e, "kind", s->kind);
	value_put_str(s->a, &e, "name", s->name);
	if (field)
		value_put_str(s->a, &e, "field", field);
	if (before)
		value_put(s->a, &e, "before", redact_value(s->a, at, before));
	if (after)
		value_put(s->a, &e, "after", redact_value(s->a, at, after));
	value_put_str(s->a, &e, "pointer", s->pointer);
	value_put_bool(s->a, &e, "restart", s->restart);
	value_push(s->a, s->out, e);
}

static void walk(struct diff_sink *s, struct keypath *at, const char *field, const struct value *before,
		 const struct value *after);

static const char *field_join(struct arena *a, const char *field, struct str key)
{
	return arena_printf(a, "%s%s%.*s", field, *field ? "." : "", (int)key.len, key.p);
}

/* before or after is NULL: the key is new or gone. */
static void walk_member(struct diff_sink *s, struct keypath *at, const char *field, struct str key,
			const struct value *before, const struct value *after)
{
	if (before && after && value_equal(before, after))
		return;
	field = field_join(s->a, field, key);
	keypath_push(at, arena_memdup(s->a, key.p, key.len));
	if (before && after)
		walk(s, at, field, before, after);
	else
		diff_report(s, "changed", field, at, before, after);
	keypath_pop(at);
}

static struct map *index_members(struct arena *a, const struct value *v)
{
	struct map *m = map_new(a, v->n_members);

	for (uint32_t i = 0; i < v->n_members; i++)
		map_set(m, member_key(&v->members[i]), &v->members[i].value);
	return m;
}

static void walk_objects(struct diff_sink *s, struct keypath *at, const char *field, const struct value *before,
			 const struct value *after)
{
	const struct map *old = index_members(s->a, before), *new = index_members(s->a, after);

	for (uint32_t i = 0; i < after->n_members; i++) {
		struct str key = member_key(&after->members[i]);

		walk_member(s, at, field, key, map_get(old, key), &after->members[i].value);
	}
	for (uint32_t i = 0; i < before->n_members; i++) {
		struct str key = member_key(&before->members[i]);

		if (!map_get(new, key))
			walk_member(s, at, field, key, &before->members[i].value, NULL);
	}
}

static bool holds_objects(const struct value *array)
{
	for (uint32_t i = 0; i < array->n; i++)
		if (array->items[i].kind == VAL_OBJECT || array->items[i].kind == VAL_ARRAY)
			return true;
	return false;
}

/* The equal ends are cut off; what stands between is compared one by one, and the rest is new or gone. */
static void walk_arrays(struct diff_sink *s, struct keypath *at, const char *field, const struct value *before,
			const struct value *after)
{
	uint32_t head = 0, tail = 0, least = before->n < after->n ? before->n : after->n, most;

	while (head < least && value_equal(&before->items[head], &after->items[head]))
		head++;
	while (tail < least - head &&
	       value_equal(&before->items[before->n - 1 - tail], &after->items[after->n - 1 - tail]))
		tail++;
	most = (before->n > after->n ? before->n : after->n) - tail;
	for (uint32_t i = head; i < most; i++) {
		const char *element = arena_printf(s->a, "%s[%u]", field, i);
		const struct value *b = i < before->n - tail ? &before->items[i] : NULL;
		const struct value *a = i < after->n - tail ? &after->items[i] : NULL;

		if (!b || !a)
			diff_report(s, "changed", element, at, b, a);
		else if (!value_equal(b, a))
			walk(s, at, element, b, a);
	}
}

static void walk(struct diff_sink *s, struct keypath *at, const char *field, const struct value *before,
		 const struct value *after)
{
	if (before->kind == VAL_OBJECT && after->kind == VAL_OBJECT)
		walk_objects(s, at, field, before, after);
	else if (before->kind == VAL_ARRAY && after->kind == VAL_ARRAY &&
		 (holds_objects(before) || holds_objects(after)))
		walk_arrays(s, at, field, before, after);
	else
		diff_report(s, "changed", *field ? field : NULL, at, before, after);
}

void diff_fields(struct diff_sink *s, struct keypath *at, const struct value *before, const struct value *after)
{
	if (!value_equal(before, after))
		walk(s, at, "", before, after);
}
