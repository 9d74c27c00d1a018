/* JSON Schema (draft-07) of a desired file. */
#include <string.h>

#include "tools/gen.h"

static struct value schema_table(struct arena *a, const struct table *t);

static struct value typed(struct arena *a, const char *type)
{
	struct value v = value_object(SPAN_NONE);

	value_put_str(a, &v, "type", type);
	return v;
}

static struct value patterned(struct arena *a, const char *pattern)
{
	struct value v = typed(a, "string");

	value_put_str(a, &v, "pattern", pattern);
	return v;
}

static struct value any_of(struct arena *a, struct value one, struct value two)
{
	struct value v = value_object(SPAN_NONE), list = value_array(SPAN_NONE);

	value_push(a, &list, one);
	value_push(a, &list, two);
	value_put(a, &v, "anyOf", list);
	return v;
}

static struct value ranged(struct arena *a, int64_t lo, int64_t hi)
{
	struct value v = typed(a, "integer");

	value_put_int(a, &v, "minimum", lo);
	value_put_int(a, &v, "maximum", hi);
	return v;
}

/* "^\s*(?:[tT][cC][pP]|…)\s*$": words are compared without case. */
static const char *nocase_pattern(struct arena *a, const char *const *names)
{
	struct buf b = { 0 };
	const char *text;

	buf_puts(&b, "^\\s*(?:");
	for (size_t i = 0; names[i]; i++) {
		struct str word = field_name_spelling(names[i]);

		buf_puts(&b, i ? "|" : "");
		for (size_t j = 0; j < word.len; j++) {
			char c = word.p[j], lower = (char)(c | 32);

			if (lower >= 'a' && lower <= 'z')
				buf_printf(&b, "[%c%c]", lower, lower - 32);
			else
				buf_printf(&b, strchr("+.", c) ? "\\%c" : "%c", c);
		}
	}
	buf_puts(&b, ")\\s*$");
	text = arena_memdup(a, b.p, b.len);
	buf_fini(&b);
	return text;
}

/* The words themselves for an editor's suggestions, the pattern for every other spelling. */
static struct value worded(struct arena *a, const char *const *names)
{
	struct value words = value_object(SPAN_NONE), list = value_array(SPAN_NONE);

	for (size_t i = 0; names[i]; i++)
		if (!strchr(names[i], '='))
			value_push(a, &list, value_string(names[i], SPAN_NONE));
	value_put(a, &words, "enum", list);
	return any_of(a, words, patterned(a, nocase_pattern(a, names)));
}

static struct value reference(struct arena *a, const char *key)
{
	struct value v = typed(a, "object"), properties = value_object(SPAN_NONE), name = typed(a, "string");
	struct value required = value_array(SPAN_NONE);

	value_put_int(a, &name, "minLength", 1);
	value_put(a, &properties, key, name);
	value_put(a, &v, "properties", properties);
	value_push(a, &required, value_string(key, SPAN_NONE));
	value_put(a, &v, "required", required);
	value_put_bool(a, &v, "additionalProperties", false);
	return v;
}

static struct value schema_string(struct arena *a, const struct field *f)
{
	static const char *const patterns[F__N] = {
		[F_TAG] = "^(?:\\S(?:.*\\S)?)?$",
		[F_PREFIX] = "^(?:[0-9a-fA-F:.]+/[0-9]+)?$",
		[F_CIDR] = "^(?:[0-9a-fA-F:.]+(?:/[0-9]+)?)?$",
		[F_DURATION] = "^(?:[0-9]+(?:ns|us|ms|s|m|h))?$",
		[F_URL] = "^(?:[hH][tT][tT][pP][sS]?://\\S+)?$",
		[F_HOSTPORT] = "^(?:.*:[0-9]+)?$",
		[F_FILENAME] = "^[A-Za-z0-9._-]*$",
		[F_HOST] = "^[^\\s/\\[\\]]*$",
	};
	struct value v = patterns[f->type] ? patterned(a, patterns[f->type]) : typed(a, "string");

	if (f->names)
		return worded(a, f->names);
	if (f->flags & FIELD_NONEMPTY)
		value_put_int(a, &v, "minLength", 1);
	return v;
}

static struct value array_of(struct arena *a, struct value items)
{
	struct value v = typed(a, "array");

	value_put(a, &v, "items", items);
	return v;
}

static struct value schema_secret(struct arena *a, const struct field *f)
{
	struct value text = typed(a, "string");

	if (f->flags & FIELD_NONEMPTY)
		value_put_int(a, &text, "minLength", 1);
	return any_of(a, text, any_of(a, reference(a, "env"), reference(a, "file")));
}

static struct value schema_map(struct arena *a, const struct field *f)
{
	struct value v = typed(a, "object");

	value_put(a, &v, "additionalProperties", schema_table(a, f->sub));
	return v;
}

static struct value schema_type(struct arena *a, const struct field *f)
{
	int64_t hi = f->hi ? f->hi : 65535, lo = f->hi ? f->lo : 1;

	switch (f->type) {
	case F_SECRET:
		return schema_secret(a, f);
	case F_INT:
		return ranged(a, f->lo, f->hi);
	case F_PORT:
		return any_of(a, ranged(a, lo, hi), patterned(a, "^[0-9]{1,5}$"));
	case F_BOOL:
		return typed(a, "boolean");
	case F_INTS:
		return array_of(a, ranged(a, f->lo, f->hi));
	case F_STRS:
	case F_HOSTS:
	case F_IPS:
	case F_ENUMS:
		return array_of(a, schema_string(a, f));
	case F_TABLE:
		return schema_table(a, f->sub);
	case F_TABLES:
		return array_of(a, schema_table(a, f->sub));
	case F_MAP:
		return schema_map(a, f);
	case F_RAW:
		return typed(a, "object");
	case F_RAWS:
		return array_of(a, typed(a, "object"));
	case F_ANY:
		return value_object(SPAN_NONE);
	default:
		return schema_string(a, f);
	}
}

static struct value fixed_value(struct arena *a, const struct field *f)
{
	struct value v = value_object(SPAN_NONE), list = value_array(SPAN_NONE);

	if (f->type == F_BOOL)
		value_push(a, &list, value_bool(str_is(str_of(f->fixed), "true"), SPAN_NONE));
	else if (f->type == F_PORT)
		value_push(a, &list, value_number(a, 0, SPAN_NONE));
	if (f->type != F_BOOL)
		value_push(a, &list, value_string(f->fixed, SPAN_NONE));
	value_put(a, &v, "enum", list);
	return v;
}

static struct value schema_field(struct arena *a, const struct field *f)
{
	struct value v, def = gen_default(a, f);
	const char *before = "";

	if (f->fixed)
		v = fixed_value(a, f);
	else if (f->flags & FIELD_REFUSED)
		value_put(a, (v = value_object(SPAN_NONE), &v), "not", value_object(SPAN_NONE));
	else
		v = f->flags & FIELD_UNUSED ? value_object(SPAN_NONE) : schema_type(a, f);
	if (f->flags & FIELD_UNUSED)
		before = "Accepted, no effect: ";
	if (f->flags & FIELD_REFUSED)
		before = "Not supported: ";
	value_put_str(a, &v, "description", arena_printf(a, "%s%s", before, f->help));
	if (def.kind != VAL_NONE)
		value_put(a, &v, "default", def);
	return v;
}

static struct value required_of(struct arena *a, const char *one, const char *two)
{
	struct value v = value_object(SPAN_NONE), list = value_array(SPAN_NONE);

	value_push(a, &list, value_string(one, SPAN_NONE));
	if (two)
		value_push(a, &list, value_string(two, SPAN_NONE));
	value_put(a, &v, "required", list);
	return v;
}

/* A key with two names: never both, and one of them where it is required. */
static void put_alias_rules(struct arena *a, struct value *all, const struct field *f)
{
	struct value both = value_object(SPAN_NONE);

	value_put(a, &both, "not", required_of(a, f->name, f->alias));
	value_push(a, all, both);
	if (f->flags & FIELD_REQUIRED)
		value_push(a, all, any_of(a, required_of(a, f->name, NULL), required_of(a, f->alias, NULL)));
}

static struct value schema_table(struct arena *a, const struct table *t)
{
	struct value v = typed(a, "object"), properties = value_object(SPAN_NONE), required = value_array(SPAN_NONE);
	struct value all = value_array(SPAN_NONE);

	value_put_bool(a, &v, "additionalProperties", false);
	for (size_t i = 0; i < t->n; i++) {
		const struct field *f = &t->fields[i];

		value_put(a, &properties, f->name, schema_field(a, f));
		if (f->alias) {
			value_put(a, &properties, f->alias, schema_field(a, f));
			put_alias_rules(a, &all, f);
		} else if (f->flags & FIELD_REQUIRED) {
			value_push(a, &required, value_string(f->name, SPAN_NONE));
		}
	}
	value_put(a, &v, "properties", properties);
	if (required.n)
		value_put(a, &v, "required", required);
	if (all.n)
		value_put(a, &v, "allOf", all);
	return v;
}

void gen_schema(struct arena *a, const struct gen_file *file, struct buf *out)
{
	struct value head = value_object(SPAN_NONE), body = schema_table(a, file->table);

	value_put_str(a, &head, "$schema", "http://json-schema.org/draft-07/schema#");
	value_put_str(a, &head, "title", arena_printf(a, "%s.toml", file->name));
	value_put_str(a, &head, "description", file->about);
	for (uint32_t i = 0; i < body.n_members; i++)
		value_put(a, &head, body.members[i].key, body.members[i].value);
	json_write(out, &head);
}
