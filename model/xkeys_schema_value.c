/* JSON Schema of one value by the type of its row. */
#include "model/xkeys_schema.h"

struct value schema_text(const char *s)
{
	return value_string(s, SPAN_NONE);
}

struct value schema_one(struct arena *a, const char *key, struct value v)
{
	struct value o = value_object(SPAN_NONE);
	value_put(a, &o, key, v);
	return o;
}

struct value schema_ref(struct arena *a, const struct xtable *t)
{
	return schema_one(a, "$ref", schema_text(arena_printf(a, "#/definitions/%s", t->id)));
}

struct value schema_type(struct arena *a, const char *kinds, bool nullable)
{
	struct value list = value_array(SPAN_NONE);
	struct str rest = str_of(kinds);
	while (rest.p)
		value_push(a, &list, value_string_n(str_cut(&rest, ' '), SPAN_NONE));
	if (nullable)
		value_push(a, &list, schema_text("null"));
	return schema_one(a, "type", list.n == 1 ? list.items[0] : list);
}

static void put_range(struct arena *a, struct value *o, int64_t lo, int64_t hi)
{
	value_put_int(a, o, "minimum", lo);
	value_put_int(a, o, "maximum", hi);
}

static void put_pattern(struct arena *a, struct value *o, const char *pattern)
{
	if (pattern)
		value_put_str(a, o, "pattern", pattern);
}

/* A string, alone or in a list (where null stands for ""). */
static struct value string_item(struct arena *a, const struct xkey *k)
{
	struct value o = schema_type(a, "string", k->format != XF_DURATION);
	put_pattern(a, &o, schema_format_pattern(k->format));
	return o;
}

static struct value name_item(struct arena *a, const struct xkey *k)
{
	struct value o = schema_type(a, "string", false);
	put_pattern(a, &o, schema_names_pattern(a, k->names, false));
	return o;
}

static struct value range_item(struct arena *a, const struct xkey *k, bool nullable)
{
	struct value o = schema_type(a, "integer string", nullable);
	bool bounded = k->hi != 0;
	/* 0 is "not set" */
	put_range(a, &o, !bounded ? INT32_MIN : nullable && k->lo > 0 ? 0 : k->lo, bounded ? k->hi : INT32_MAX);
	put_pattern(a, &o, "^(?:[-+]?[0-9]+(?:-[-+]?[0-9]+)?)?$");
	if (!nullable && bounded)
		value_put_int(a, &o, "minLength", 1);
	return o;
}

static struct value int_item(struct arena *a, int64_t lo, int64_t hi)
{
	struct value o = schema_type(a, "integer", false);
	put_range(a, &o, lo, hi);
	return o;
}

static struct value list_of(struct arena *a, const struct xkey *k, const char *kinds, struct value item)
{
	bool some = k->flags & (XK_REQUIRED | XK_SOME);
	struct value o = schema_type(a, kinds, !some);
	value_put(a, &o, "items", item);
	if (some)
		value_put_int(a, &o, "minItems", 1);
	if (k->flags & XK_ONE && !(k->flags & XK_NESTED))
		value_put_int(a, &o, "maxItems", 1);
	return o;
}

static struct value any_of(struct arena *a, const struct xkey *k, struct value one, struct value two)
{
	struct value list = value_array(SPAN_NONE);
	value_push(a, &list, one);
	if (two.kind != VAL_NONE)
		value_push(a, &list, two);
	if (!(k->flags & XK_REQUIRED))
		value_push(a, &list, schema_one(a, "type", schema_text("null")));
	return list.n == 1 ? one : schema_one(a, "anyOf", list);
}

static struct value map_of(struct arena *a, const struct xkey *k, struct value item)
{
	struct value o = schema_type(a, "object", true);
	value_put(a, &o, "additionalProperties", item);
	if (k->flags & XK_NO_HOST)
		value_put(a, &o, "propertyNames",
			schema_one(a, "not", schema_one(a, "pattern", schema_text(schema_nocase_pattern(a, "host")))));
	return o;
}

static struct value levels(struct arena *a, const struct xkey *k)
{
	struct value o = map_of(a, k, any_of(a, k, schema_ref(a, k->sub), (struct value){ 0 }));
	value_put(a, &o, "propertyNames", schema_one(a, "pattern", schema_text("^[0-9]{1,10}$")));
	return o;
}

static struct value bytes(struct arena *a)
{
	struct value o = schema_type(a, "array string", true), sizes = value_array(SPAN_NONE);
	value_put(a, &o, "items", int_item(a, 0, 255));
	put_pattern(a, &o, "^(?:.{4})?$");
	static const int allowed[] = { 0, 3 };
	for (int i = 0; i < 2; i++) {
		struct value size = value_object(SPAN_NONE);
		value_put_int(a, &size, "minItems", allowed[i]);
		value_put_int(a, &size, "maxItems", allowed[i]);
		value_push(a, &sizes, size);
	}
	value_put(a, &o, "anyOf", sizes);
	return o;
}

static struct value strings(struct arena *a, const struct xkey *k)
{
	bool one = k->type == XT_STRLIST;
	struct value o = list_of(a, k, one ? "array string" : "array", string_item(a, k));
	return o;
}

static struct value names(struct arena *a, const struct xkey *k)
{
	bool one = k->type == XT_ENUMLIST;
	struct value o = list_of(a, k, one ? "array string" : "array", name_item(a, k));
	if (one)
		put_pattern(a, &o, schema_names_pattern(a, k->names, true));
	return o;
}

/* The types whose schema is one "type" with bounds. */
static struct value scalar(struct arena *a, const struct xkey *k)
{
	/* a duration is the one text that Xray reads null into */
	bool nullable = !(k->flags & XK_REQUIRED) && k->format != XF_DURATION, nonzero = k->flags & XK_NONZERO;
	static const char *const kinds[XT__N] = {
		[XT_BOOL] = "boolean", [XT_STR] = "string", [XT_ENUM] = "string", [XT_INT] = "integer",
		[XT_FLOAT] = "number", [XT_PORT] = "integer", [XT_PORTS] = "integer string",
		[XT_DEST] = "integer string", [XT_BOOL_OR_INT] = "boolean integer",
	};
	struct value o = schema_type(a, kinds[k->type], nullable);
	if (k->type == XT_STR)
		put_pattern(a, &o, schema_format_pattern(k->format));
	if (k->type == XT_ENUM)
		put_pattern(a, &o, schema_names_pattern(a, k->names, false));
	if (k->type == XT_INT || k->type == XT_BOOL_OR_INT)
		put_range(a, &o, k->lo, k->hi);
	if (k->type == XT_PORT || k->type == XT_PORTS || k->type == XT_DEST)
		put_range(a, &o, nonzero, 65535);
	if (k->type == XT_PORTS)
		put_pattern(a, &o, schema_ports_pattern(nonzero));
	if (!nullable && k->type != XT_INT && k->type != XT_PORT)
		value_put_int(a, &o, "minLength", 1);
	return o;
}

struct value schema_value(struct arena *a, const struct xkey *k)
{
	struct value none = { 0 };
	switch ((enum xtype)k->type) {
	case XT_ANY:
		return value_object(SPAN_NONE);
	case XT_STRS:
	case XT_STRLIST:
		return strings(a, k);
	case XT_ENUMS:
	case XT_ENUMLIST:
		return names(a, k);
	case XT_RANGE:
		return range_item(a, k, !(k->flags & XK_REQUIRED));
	case XT_RANGES:
		return list_of(a, k, "array", range_item(a, k, false));
	case XT_INTS:
		return list_of(a, k, "array", int_item(a, k->lo, k->hi));
	case XT_BYTES:
		return bytes(a);
	case XT_OBJ:
		return any_of(a, k, schema_ref(a, k->sub), none);
	case XT_OBJS:
		return list_of(a, k, "array", schema_ref(a, k->sub));
	case XT_OBJ_OR_OBJS:
		return any_of(a, k, schema_ref(a, k->sub), list_of(a, k, "array", schema_ref(a, k->sub)));
	case XT_STR_OR_OBJS: {
		static const struct xkey required = { .flags = XK_REQUIRED };
		return list_of(a, k, "array",
			       any_of(a, &required, schema_type(a, "string", false), schema_ref(a, k->sub)));
	}
	case XT_OBJ_LISTS: {
		struct value inner = schema_type(a, "array", false);
		value_put(a, &inner, "items", schema_ref(a, k->sub));
		return list_of(a, k, "array", inner);
	}
	case XT_VARIANT:
		return schema_type(a, "object", true);
	case XT_MAP_STR:
		return map_of(a, k, string_item(a, k));
	case XT_MAP_STRLIST:
	case XT_MAP_HOSTS: {
		static const struct xkey list = { .type = XT_STRLIST };
		return map_of(a, k, strings(a, &list));
	}
	case XT_MAP_LEVELS:
		return levels(a, k);
	default:
		return scalar(a, k);
	}
}
