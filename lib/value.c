/* The value tree: lookups, builders, comparison and copy. Trees come from readers that limit depth, so the walks here
 * may recurse. */
#include "lib/value.h"

#include <errno.h>
#include <string.h>

/* Objects longer than this are compared through a map, so that shuffled big objects stay linear. */
enum { EQUAL_LINEAR_MAX = 32 };

const char *value_kind_name(enum value_kind kind)
{
	static const char *const names[VAL__N] = {
		[VAL_NONE] = "nothing",     [VAL_NULL] = "null",           [VAL_BOOL] = "a boolean",
		[VAL_NUMBER] = "a number",  [VAL_STRING] = "a string",     [VAL_DATETIME] = "a date or time",
		[VAL_ARRAY] = "an array",   [VAL_OBJECT] = "an object",
	};

	return kind < VAL__N ? names[kind] : "an unknown value";
}

struct member *value_member(const struct value *v, struct str key)
{
	if (!v || v->kind != VAL_OBJECT)
		return NULL;
	for (uint32_t i = v->n_members; i-- > 0;) {
		struct member *m = &v->members[i];

		if (m->key_len == key.len && memcmp(m->key, key.p, key.len) == 0)
			return m;
	}
	return NULL;
}

struct value *value_get(const struct value *v, const char *key)
{
	struct member *m = value_member(v, str_of(key));

	return m ? &m->value : NULL;
}

struct member *value_member_nocase(const struct value *v, const char *key)
{
	struct member *m = value_member(v, str_of(key));

	if (m || !v || v->kind != VAL_OBJECT)
		return m;
	for (uint32_t i = v->n_members; i-- > 0;)
		if (str_is_nocase(member_key(&v->members[i]), key))
			return &v->members[i];
	return NULL;
}

struct str value_get_str(const struct value *v, const char *key)
{
	const struct value *s = value_get(v, key);

	return s && s->kind == VAL_STRING ? value_str(s) : str_of(NULL);
}

int value_int(const struct value *v, int64_t *ret_value)
{
	if (v->kind != VAL_NUMBER)
		return -EINVAL;
	return str_int(value_str(v), ret_value);
}

struct value value_string_n(struct str s, struct span at)
{
	struct value v = { .kind = VAL_STRING, .span = at };

	v.text = s.p ? s.p : "";
	v.len = (uint32_t)s.len;
	return v;
}

struct value value_string(const char *s, struct span at)
{
	return value_string_n(str_of(s), at);
}

struct value value_number(struct arena *a, int64_t n, struct span at)
{
	struct value v = { .kind = VAL_NUMBER, .span = at };

	v.text = arena_printf(a, "%lld", (long long)n);
	v.len = (uint32_t)strlen(v.text);
	return v;
}

struct value value_bool(bool b, struct span at)
{
	return (struct value){ .kind = VAL_BOOL, .truth = b, .span = at };
}

struct value value_null(struct span at)
{
	return (struct value){ .kind = VAL_NULL, .span = at };
}

struct value value_array(struct span at)
{
	return (struct value){ .kind = VAL_ARRAY, .span = at };
}

struct value value_object(struct span at)
{
	return (struct value){ .kind = VAL_OBJECT, .span = at };
}

void value_push(struct arena *a, struct value *array, struct value item)
{
	if (array->n == array->cap) {
		unsigned cap = array->cap;

		array->items = arena_grow(a, array->items, array->n, sizeof(item), &cap);
		array->cap = cap;
	}
	array->items[array->n++] = item;
}

void value_put(struct arena *a, struct value *object, const char *key, struct value v)
{
	if (object->n_members == object->cap_members) {
		unsigned cap = object->cap_members;

		object->members = arena_grow(a, object->members, object->n_members, sizeof(struct member), &cap);
		object->cap_members = cap;
	}
	object->members[object->n_members++] = (struct member){
		.key = key, .key_len = (uint32_t)strlen(key), .key_span = v.span, .value = v,
	};
}

void value_put_str(struct arena *a, struct value *object, const char *key, const char *s)
{
	value_put(a, object, key, value_string(s, object->span));
}

void value_put_int(struct arena *a, struct value *object, const char *key, int64_t n)
{
	value_put(a, object, key, value_number(a, n, object->span));
}

void value_put_bool(struct arena *a, struct value *object, const char *key, bool b)
{
	value_put(a, object, key, value_bool(b, object->span));
}

static bool arrays_equal(const struct value *a, const struct value *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (!value_equal(&a->items[i], &b->items[i]))
			return false;
	return true;
}

/* Whether every key of a stands in b with an equal value; index may be NULL (then b is searched from the end). */
static bool members_within(const struct value *a, const struct value *b, const struct map *index)
{
	for (uint32_t i = 0; i < a->n_members; i++) {
		struct str key = member_key(&a->members[i]);
		const struct member *mine = index ? &a->members[i] : value_member(a, key);
		const struct member *other = index ? map_get(index, key) : value_member(b, key);

		if (!other || !value_equal(&mine->value, &other->value))
			return false;
	}
	return true;
}

static bool values_equal_in_order(const struct value *a, const struct value *b)
{
	for (uint32_t i = 0; i < a->n_members; i++)
		if (!value_equal(&a->members[i].value, &b->members[i].value))
			return false;
	return true;
}

static bool same_keys_in_order(const struct value *a, const struct value *b)
{
	for (uint32_t i = 0; i < a->n_members; i++)
		if (!str_eq(member_key(&a->members[i]), member_key(&b->members[i])))
			return false;
	return true;
}

static struct map *index_members(struct arena *a, const struct value *v)
{
	struct map *index = map_new(a, v->n_members);

	for (uint32_t i = 0; i < v->n_members; i++)
		map_set(index, member_key(&v->members[i]), &v->members[i]);
	return index;
}

/* Big objects with another key order; without memory for the map the slow way gives the same answer. */
static bool big_objects_equal(const struct value *a, const struct value *b)
{
	struct arena *scratch = arena_new();
	struct map *volatile index = NULL;
	jmp_buf oom;
	bool equal;

	if (scratch && setjmp(oom) == 0) {
		arena_on_oom(scratch, &oom);
		index = index_members(scratch, b);
	}
	equal = members_within(a, b, index);
	arena_free(scratch);
	return equal;
}

static bool objects_equal(const struct value *a, const struct value *b)
{
	if (a->n_members != b->n_members)
		return false;
	if (same_keys_in_order(a, b))
		return values_equal_in_order(a, b);
	if (a->n_members > EQUAL_LINEAR_MAX)
		return big_objects_equal(a, b);
	return members_within(a, b, NULL) && members_within(b, a, NULL);
}

bool value_equal(const struct value *a, const struct value *b)
{
	if (a->kind != b->kind)
		return false;
	switch ((enum value_kind)a->kind) {
	case VAL_BOOL:
		return a->truth == b->truth;
	case VAL_NUMBER:
	case VAL_STRING:
	case VAL_DATETIME:
		return str_eq(value_str(a), value_str(b));
	case VAL_ARRAY:
		return arrays_equal(a, b);
	case VAL_OBJECT:
		return objects_equal(a, b);
	default:
		return true;
	}
}

static void clone_items(struct arena *a, struct value *v)
{
	struct value *items = arena_array(a, struct value, v->n);

	for (uint32_t i = 0; i < v->n; i++)
		items[i] = value_clone(a, &v->items[i]);
	v->items = items;
	v->cap = v->n;
}

static void clone_members(struct arena *a, struct value *v)
{
	struct member *members = arena_array(a, struct member, v->n_members);

	for (uint32_t i = 0; i < v->n_members; i++) {
		members[i] = v->members[i];
		members[i].value = value_clone(a, &v->members[i].value);
	}
	v->members = members;
	v->cap_members = v->n_members;
}

struct value value_clone(struct arena *a, const struct value *v)
{
	struct value copy = *v;

	if (copy.kind == VAL_ARRAY)
		clone_items(a, &copy);
	else if (copy.kind == VAL_OBJECT)
		clone_members(a, &copy);
	return copy;
}
