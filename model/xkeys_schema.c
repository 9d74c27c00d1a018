/* schemas/xray.schema.json: one definition a table. Variants and requirements between keys become if/then. */
#include "model/xkeys_schema.h"

enum { TABLES_MAX = 128 };
struct tables {
	const struct xtable *v[TABLES_MAX];
	size_t n;
};

static void reach(struct tables *all, const struct xtable *t);

static void reach_row(struct tables *all, const struct xkey *k)
{
	switch ((enum xtype)k->type) {
	case XT_OBJ:
	case XT_OBJS:
	case XT_OBJ_OR_OBJS:
	case XT_STR_OR_OBJS:
	case XT_OBJ_LISTS:
	case XT_MAP_LEVELS:
		reach(all, k->sub);
		break;
	case XT_VARIANT:
		for (size_t i = 0; i < k->variants->n; i++)
			reach(all, k->variants->v[i].table);
		if (k->variants->other)
			reach(all, k->variants->other);
		break;
	default:
		break;
	}
}

/* Every table below t, each once. */
static void reach(struct tables *all, const struct xtable *t)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i] == t)
			return;
	if (all->n < TABLES_MAX)
		all->v[all->n++] = t;
	for (size_t i = 0; i < t->n; i++)
		if (!(t->keys[i].lacks & target_default()->bit) || t->keys[i].flags & XK_REPORTED)
			reach_row(all, &t->keys[i]);
}

static struct value texts(struct arena *a, const char *const *v, size_t n)
{
	struct value list = value_array(SPAN_NONE);
	for (size_t i = 0; i < n; i++)
		value_push(a, &list, schema_text(v[i]));
	return list;
}

/* The key is there and holds something. */
static struct value filled(struct arena *a, const char *key)
{
	struct value empty = value_array(SPAN_NONE), o = value_object(SPAN_NONE);
	value_push(a, &empty, schema_text(""));
	value_push(a, &empty, value_array(SPAN_NONE));
	value_push(a, &empty, value_null(SPAN_NONE));
	value_put(a, &o, "required", texts(a, &key, 1));
	value_put(a, &o, "properties", schema_one(a, key, schema_one(a, "not", schema_one(a, "enum", empty))));
	return o;
}

/* The key is there and holds that text. */
static struct value holding(struct arena *a, const char *key, const char *text)
{
	struct value o = schema_one(a, "required", texts(a, &key, 1));
	value_put(a, &o, "properties", schema_one(a, key, schema_one(a, "const", schema_text(text))));
	return o;
}

static struct value any_filled(struct arena *a, const char *const *keys, size_t max)
{
	struct value list = value_array(SPAN_NONE);
	for (size_t i = 0; i < max && keys[i]; i++)
		value_push(a, &list, filled(a, keys[i]));
	return schema_one(a, "anyOf", list);
}

static struct value if_then(struct arena *a, struct value condition, struct value consequence)
{
	struct value o = schema_one(a, "if", condition);
	value_put(a, &o, "then", consequence);
	return o;
}

static struct value need(struct arena *a, const struct xneed *n)
{
	struct value want = any_filled(a, n->any, 3);
	if (n->unless[0])
		return if_then(a, schema_one(a, "not", any_filled(a, n->unless, 2)), want);
	if (n->is)
		return if_then(a, holding(a, n->when, n->is), want);
	return n->when ? if_then(a, filled(a, n->when), want) : want;
}

/* Whether an empty object would be refused. */
static bool needs_something(const struct xtable *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->keys[i].flags & XK_REQUIRED)
			return true;
	for (size_t i = 0; i < t->n_needs; i++)
		if (!t->needs[i].when)
			return true;
	return false;
}

/* {"required": [by], "properties": {by: {"pattern": name}}} */
static struct value chosen(struct arena *a, const char *by, const char *name)
{
	struct value o = schema_one(a, "required", texts(a, &by, 1));
	struct value pattern = schema_one(a, "type", schema_text("string"));
	value_put_str(a, &pattern, "pattern", schema_nocase_pattern(a, name));
	value_put(a, &o, "properties", schema_one(a, by, pattern));
	return o;
}

/* What the key holds when none of the names is chosen. */
static struct value add_other(struct arena *a, const struct xkey *k)
{
	struct value names = value_array(SPAN_NONE), any = value_array(SPAN_NONE);
	for (size_t i = 0; i < k->variants->n; i++)
		value_push(a, &names, chosen(a, k->variants->by, k->variants->v[i].name));
	value_push(a, &any, schema_ref(a, k->variants->other));
	value_push(a, &any, schema_one(a, "type", schema_text("null")));
	return if_then(a, schema_one(a, "not", schema_one(a, "anyOf", names)),
		       schema_one(a, "properties", schema_one(a, k->name, schema_one(a, "anyOf", any))));
}

static void add_variants(struct arena *a, const struct xkey *k, struct value *conditions)
{
	for (size_t i = 0; i < k->variants->n; i++) {
		const struct xvariant *v = &k->variants->v[i];
		struct value then = value_object(SPAN_NONE), any = value_array(SPAN_NONE);
		bool must = k->flags & XK_IMPLIED && needs_something(v->table);
		value_push(a, &any, schema_ref(a, v->table));
		if (!must)
			value_push(a, &any, schema_one(a, "type", schema_text("null")));
		value_put(a, &then, "properties", schema_one(a, k->name, schema_one(a, "anyOf", any)));
		if (must)
			value_put(a, &then, "required", texts(a, &k->name, 1));
		value_push(a, conditions, if_then(a, chosen(a, k->variants->by, v->name), then));
	}
	if (k->variants->other)
		value_push(a, conditions, add_other(a, k));
}

/* One entry at most, unless the flat form's address makes the list void. */
static struct value nested_one(struct arena *a, const struct xkey *k)
{
	static const char *const address = "address";
	struct value one = value_object(SPAN_NONE);
	value_put_int(a, &one, "maxItems", 1);
	return if_then(a, schema_one(a, "not", schema_one(a, "required", texts(a, &address, 1))),
		       schema_one(a, "properties", schema_one(a, k->name, one)));
}

/* Without a type beside it, a destination has one of a few forms. */
static struct value dest_form(struct arena *a, const struct xkey *k)
{
	struct value form = schema_one(a, "pattern", schema_text(schema_dest_pattern()));
	return if_then(a, schema_one(a, "not", filled(a, "type")),
		       schema_one(a, "properties", schema_one(a, k->name, form)));
}

/* An inbound has a port, unless it is a TUN device or a Unix socket. */
static struct value inbound_port(struct arena *a)
{
	static const char *const port = "port", *const listen = "listen";
	struct value any = value_array(SPAN_NONE), has = schema_one(a, "required", texts(a, &port, 1));
	value_put(a, &has, "properties",
		  schema_one(a, port, schema_one(a, "not", schema_one(a, "type", schema_text("null")))));
	value_push(a, &any, has);
	value_push(a, &any, chosen(a, "protocol", "tun"));
	struct value on = schema_one(a, "required", texts(a, &listen, 1));
	struct value path = schema_one(a, "type", schema_text("string"));
	value_put_str(a, &path, "pattern", "^[/@]");
	value_put(a, &on, "properties", schema_one(a, listen, path));
	value_push(a, &any, on);
	return schema_one(a, "anyOf", any);
}

/* A key that the default target does not read: only nothing passes, or what changes nothing. */
static struct value lacking(struct arena *a, const struct xkey *k)
{
	struct value o = value_object(SPAN_NONE);
	if (k->flags & XK_HARMLESS)
		return o;
	if (k->flags & XK_EMPTY_OK) {
		struct value empty = value_array(SPAN_NONE);
		value_push(a, &empty, value_null(SPAN_NONE));
		value_push(a, &empty, schema_text(""));
		value_push(a, &empty, value_array(SPAN_NONE));
		value_push(a, &empty, value_object(SPAN_NONE));
		value_put(a, &o, "enum", empty);
	} else {
		value_put_str(a, &o, "type", "null");
	}
	if (k->advice)
		value_put_str(a, &o, "description", arena_printf(a, "not read any more: %s", k->advice));
	return o;
}

static struct value all_properties(struct arena *a, const struct xtable *t)
{
	struct value o = value_object(SPAN_NONE);
	for (size_t i = 0; i < t->n; i++) {
		const struct xkey *k = &t->keys[i];
		bool lacks = k->lacks & target_default()->bit && !(k->flags & XK_REPORTED);
		struct value v = lacks ? lacking(a, k) : schema_value(a, k);
		value_put(a, &o, k->name, v);
	}
	return o;
}

static struct value all_conditions(struct arena *a, const struct xtable *t)
{
	struct value list = value_array(SPAN_NONE);
	for (size_t i = 0; i < t->n; i++) {
		if (t->keys[i].type == XT_VARIANT)
			add_variants(a, &t->keys[i], &list);
		if (t->keys[i].type == XT_DEST)
			value_push(a, &list, dest_form(a, &t->keys[i]));
		if (t->keys[i].flags & XK_NESTED)
			value_push(a, &list, nested_one(a, &t->keys[i]));
	}
	for (size_t i = 0; i < t->n_needs; i++)
		value_push(a, &list, need(a, &t->needs[i]));
	if (t == &xt_inbound)
		value_push(a, &list, inbound_port(a));
	return list;
}

static struct value definition(struct arena *a, const struct xtable *t)
{
	struct value o = schema_one(a, "title", schema_text(t->title)), required = value_array(SPAN_NONE);
	value_put_str(a, &o, "type", "object");
	value_put(a, &o, "properties", all_properties(a, t));
	value_put_bool(a, &o, "additionalProperties", false);
	for (size_t i = 0; i < t->n; i++)
		if (t->keys[i].flags & (XK_REQUIRED | XK_SOME))
			value_push(a, &required, schema_text(t->keys[i].name));
	if (required.n)
		value_put(a, &o, "required", required);
	struct value conditions = all_conditions(a, t);
	if (conditions.n)
		value_put(a, &o, "allOf", conditions);
	return o;
}

void xkeys_schema(struct arena *a, struct value *ret)
{
	struct tables all = { .n = 0 };
	struct value root = value_object(SPAN_NONE), definitions = value_object(SPAN_NONE),
		     refs = value_array(SPAN_NONE);
	reach(&all, &xt_root);
	for (size_t i = 0; i < all.n; i++)
		value_put(a, &definitions, all.v[i]->id, definition(a, all.v[i]));
	value_put_str(a, &root, "$schema", "http://json-schema.org/draft-07/schema#");
	value_put_str(a, &root, "title", arena_printf(a, "xray.json of %s", target_default()->name));
	value_push(a, &refs, schema_ref(a, &xt_root));
	value_put(a, &root, "allOf", refs);
	value_put(a, &root, "definitions", definitions);
	*ret = root;
}
