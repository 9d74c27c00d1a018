/* YAML into the value tree through libyaml's events. Plain scalars are texts but for null, true and false; anchors
 * are shared, not copied, and count as what they stand for, so that a bomb of aliases meets the limit at once. */
#include <string.h>
#include <yaml.h>

#include "links/inputs.h"

enum { YAML_MAX_DEPTH = 64, YAML_MERGE_MAX = 1000 };

struct anchor {
	struct value v;
	size_t weight;
};
struct level {
	struct value v;
	struct str key;    /* of a mapping: what the next value belongs to */
	bool has_key;
	const char *anchor;
	size_t before;     /* values when it began */
};
struct yaml_reader {
	yaml_parser_t parser;
	struct arena *a;
	struct str text;
	uint32_t src;
	size_t line, offset; /* where line `line` begins */
	size_t values;
	struct map *anchors;
	struct level levels[YAML_MAX_DEPTH];
	unsigned depth;
	struct value root;
	bool done;
	const char *why;
};

/* libyaml counts characters, spans are bytes: places are begins of lines. */
static struct span place(struct yaml_reader *y, size_t line)
{
	while (y->line < line && y->offset < y->text.len) {
		const char *end = memchr(y->text.p + y->offset, '\n', y->text.len - y->offset);
		y->offset = end ? (size_t)(end - y->text.p) + 1 : y->text.len;
		y->line++;
	}
	return (struct span){ y->src, (uint32_t)y->offset, (uint32_t)y->offset };
}

static bool fail(struct yaml_reader *y, const char *why)
{
	y->why = why;
	return false;
}

static bool count(struct yaml_reader *y, size_t weight)
{
	y->values += weight;
	return y->values <= INPUT_MAX_VALUES || fail(y, "it holds more than 2000000 values, aliases counted");
}

static const char *name_of(struct yaml_reader *y, const yaml_char_t *anchor)
{
	return anchor ? arena_strdup(y->a, (const char *)anchor) : NULL;
}

static void remember(struct yaml_reader *y, const char *name, const struct value *v, size_t weight)
{
	struct anchor *anchor;

	if (!name)
		return;
	anchor = arena_new_of(y->a, struct anchor);
	*anchor = (struct anchor){ *v, weight };
	map_set(y->anchors, str_of(name), anchor);
}

static void put_member(struct yaml_reader *y, struct value *object, struct str key, struct value v)
{
	value_put(y->a, object, "", v);
	object->members[object->n_members - 1].key = key.p;
	object->members[object->n_members - 1].key_len = (uint32_t)key.len;
}

/* "<<": the members of a mapping, or of several, that the mapping has not said itself. */
static bool merge(struct yaml_reader *y, struct value *into, const struct value *from)
{
	for (uint32_t i = 0; from->kind == VAL_ARRAY && i < from->n; i++)
		if (from->items[i].kind != VAL_OBJECT || !merge(y, into, &from->items[i]))
			return fail(y, "'<<' must name mappings");
	if (from->kind == VAL_ARRAY)
		return true;
	if (from->kind != VAL_OBJECT)
		return fail(y, "'<<' must name mappings");
	if (from->n_members + into->n_members > YAML_MERGE_MAX)
		return fail(y, "'<<' makes a mapping of more than 1000 keys");
	for (uint32_t i = 0; i < from->n_members; i++)
		if (!value_member(into, member_key(&from->members[i])))
			put_member(y, into, member_key(&from->members[i]), from->members[i].value);
	return true;
}

/* When a mapping ends, its "<<" members give way to what they name. */
static bool resolve_merges(struct yaml_reader *y, struct value *object)
{
	uint32_t n = 0, n_merges = 0;
	struct value merges[4];

	for (uint32_t i = 0; i < object->n_members; i++) {
		struct member *m = &object->members[i];
		if (!str_is(member_key(m), "<<"))
			object->members[n++] = *m;
		else if (n_merges == 4)
			return fail(y, "a mapping has more than 4 '<<' keys");
		else
			merges[n_merges++] = m->value;
	}
	object->n_members = n;
	for (uint32_t i = 0; i < n_merges; i++)
		if (!merge(y, object, &merges[i]))
			return false;
	return true;
}

/* A finished value goes where it belongs. */
static bool add(struct yaml_reader *y, struct value v)
{
	struct level *l = y->depth ? &y->levels[y->depth - 1] : NULL;

	if (!l) {
		y->root = v;
		y->done = true;
	} else if (l->v.kind == VAL_ARRAY) {
		value_push(y->a, &l->v, v);
	} else if (l->has_key) {
		put_member(y, &l->v, l->key, v);
		l->has_key = false;
	} else {
		if (v.kind == VAL_ARRAY || v.kind == VAL_OBJECT)
			return fail(y, "a key is not a text");
		l->key = v.kind == VAL_STRING ? value_str(&v) : STR("");
		l->has_key = true;
	}
	return true;
}

static struct value scalar(struct yaml_reader *y, const yaml_event_t *e, struct span at)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	struct str s = { (const char *)e->data.scalar.value, e->data.scalar.length };

	for (size_t i = 0; e->data.scalar.plain_implicit && i < sizeof(nulls) / sizeof(*nulls); i++)
		if (str_is(s, nulls[i]))
			return value_null(at);
	if (e->data.scalar.plain_implicit && (str_is_nocase(s, "true") || str_is_nocase(s, "false")))
		return value_bool(s.len == 4, at);
	return value_string_n((struct str){ arena_memdup(y->a, s.p, s.len), s.len }, at);
}

static bool on_scalar(struct yaml_reader *y, const yaml_event_t *e, struct span at)
{
	struct value v = scalar(y, e, at);

	remember(y, name_of(y, e->data.scalar.anchor), &v, 1);
	return count(y, 1) && add(y, v);
}

static bool open_level(struct yaml_reader *y, const yaml_char_t *anchor, struct value v)
{
	if (y->depth == YAML_MAX_DEPTH)
		return fail(y, "it is more than 64 levels deep");
	y->levels[y->depth++] = (struct level){ .v = v, .anchor = name_of(y, anchor), .before = y->values };
	return count(y, 1);
}

static bool on_sequence(struct yaml_reader *y, const yaml_event_t *e, struct span at)
{
	return open_level(y, e->data.sequence_start.anchor, value_array(at));
}

static bool on_mapping(struct yaml_reader *y, const yaml_event_t *e, struct span at)
{
	return open_level(y, e->data.mapping_start.anchor, value_object(at));
}

static bool on_end(struct yaml_reader *y, const yaml_event_t *e, struct span at)
{
	struct level *l = &y->levels[y->depth - 1];

	(void)e;
	(void)at;
	if (l->v.kind == VAL_OBJECT && !resolve_merges(y, &l->v))
		return false;
	y->depth--;
	remember(y, l->anchor, &l->v, y->values - l->before);
	return add(y, l->v);
}

static bool on_alias(struct yaml_reader *y, const yaml_event_t *e, struct span at)
{
	const struct anchor *anchor = map_get(y->anchors, str_of((const char *)e->data.alias.anchor));

	(void)at;
	if (!anchor)
		return fail(y, "an alias names an anchor that does not stand before it");
	return count(y, anchor->weight) && add(y, anchor->v);
}

static bool on_stop(struct yaml_reader *y, const yaml_event_t *e, struct span at)
{
	(void)e;
	(void)at;
	y->done = true;
	return true;
}

static bool (*const handlers[])(struct yaml_reader *, const yaml_event_t *, struct span) = {
	[YAML_STREAM_END_EVENT] = on_stop,      [YAML_DOCUMENT_END_EVENT] = on_stop, [YAML_ALIAS_EVENT] = on_alias,
	[YAML_SCALAR_EVENT] = on_scalar,        [YAML_SEQUENCE_START_EVENT] = on_sequence,
	[YAML_SEQUENCE_END_EVENT] = on_end,     [YAML_MAPPING_START_EVENT] = on_mapping,
	[YAML_MAPPING_END_EVENT] = on_end,
};

/* The event's memory is freed before anything can jump past it: what is needed is copied by the handler, which may jump
 * to read() alone. */
static bool step(struct yaml_reader *y, yaml_event_t *e)
{
	size_t type = (size_t)e->type;

	if (type >= sizeof(handlers) / sizeof(*handlers) || !handlers[type])
		return true;
	return handlers[type](y, e, place(y, e->start_mark.line));
}

static int read_events(struct yaml_reader *y, yaml_event_t *e, struct span *ret_at)
{
	while (!y->done) {
		if (!yaml_parser_parse(&y->parser, e)) {
			y->why = y->parser.error == YAML_MEMORY_ERROR ? "out of memory" : "its syntax is wrong";
			*ret_at = place(y, y->parser.problem_mark.line);
			return 1;
		}
		if (!step(y, e)) {
			*ret_at = place(y, e->start_mark.line);
			return 1;
		}
		yaml_event_delete(e);
	}
	return 0;
}

/* Memory that runs out in the arena jumps; libyaml's own must not be lost then. */
static int read_document(struct yaml_reader *y, struct span *ret_at)
{
	yaml_event_t *e = arena_new_of(y->a, yaml_event_t);
	jmp_buf out_of_memory, *outer;
	volatile int rc;

	if (!yaml_parser_initialize(&y->parser))
		arena_fail(y->a);
	outer = arena_on_oom(y->a, &out_of_memory);
	if (setjmp(out_of_memory)) {
		rc = -1;
	} else {
		yaml_parser_set_input_string(&y->parser, (const unsigned char *)y->text.p, y->text.len);
		yaml_parser_set_encoding(&y->parser, YAML_UTF8_ENCODING);
		rc = read_events(y, e, ret_at);
	}
	arena_on_oom(y->a, outer);
	yaml_event_delete(e);
	yaml_parser_delete(&y->parser);
	if (rc < 0)
		arena_fail(y->a);
	return rc;
}

int inputs_yaml(struct arena *a, struct str text, uint32_t src, struct value *ret_value, const char **ret_why,
		struct span *ret_at)
{
	struct yaml_reader *y = arena_new_of(a, struct yaml_reader);

	*y = (struct yaml_reader){ .a = a, .text = text, .src = src, .anchors = map_new(a, 16) };
	if (read_document(y, ret_at)) {
		*ret_why = y->why;
		return 1;
	}
	*ret_value = y->root;
	return 0;
}
