/* One value by the type of its row. A clean value costs no allocation: texts are built only for a diagnostic. */
#include "validate/structure.h"

struct type_info {
	unsigned kinds;   /* 1 << VAL_…: what is allowed */
	const char *text; /* for messages */
};
#define OF(kind) (1u << VAL_##kind)
static const struct type_info types[XT__N] = {
	[XT_ANY] = { ~0u, "anything" },
	[XT_BOOL] = { OF(BOOL), "true or false" },
	[XT_STR] = { OF(STRING), "a string" },
	[XT_INT] = { OF(NUMBER), "a number" },
	[XT_FLOAT] = { OF(NUMBER), "a number" },
	[XT_ENUM] = { OF(STRING), "a string" },
	[XT_STRS] = { OF(ARRAY), "a list of strings" },
	[XT_STRLIST] = { OF(ARRAY) | OF(STRING), "a list of strings, or one string with commas" },
	[XT_ENUMS] = { OF(ARRAY), "a list of strings" },
	[XT_ENUMLIST] = { OF(ARRAY) | OF(STRING), "a list of strings, or one string with commas" },
	[XT_PORT] = { OF(NUMBER), "a number from 0 to 65535" },
	[XT_PORTS] = { OF(NUMBER) | OF(STRING), "a port number or a string like \"80,443,1000-2000\"" },
	[XT_RANGE] = { OF(NUMBER) | OF(STRING), "a number or a range like \"10-20\"" },
	[XT_RANGES] = { OF(ARRAY), "a list of numbers or ranges like \"10-20\"" },
	[XT_INTS] = { OF(ARRAY), "a list of numbers" },
	[XT_BYTES] = { OF(ARRAY) | OF(STRING), "a list of bytes, or base64" },
	[XT_DEST] = { OF(NUMBER) | OF(STRING), "a port number or a string" },
	[XT_BOOL_OR_INT] = { OF(BOOL) | OF(NUMBER), "true, false or a number" },
	[XT_OBJ] = { OF(OBJECT), "an object" },
	[XT_OBJS] = { OF(ARRAY), "a list of objects" },
	[XT_OBJ_OR_OBJS] = { OF(OBJECT) | OF(ARRAY), "an object or a list of objects" },
	[XT_STR_OR_OBJS] = { OF(ARRAY), "a list of strings and objects" },
	[XT_OBJ_LISTS] = { OF(ARRAY), "a list of lists of objects" },
	[XT_VARIANT] = { OF(OBJECT), "an object" },
	[XT_MAP_STR] = { OF(OBJECT), "an object of strings" },
	[XT_MAP_STRLIST] = { OF(OBJECT), "an object of strings or lists of strings" },
	[XT_MAP_HOSTS] = { OF(OBJECT), "an object of strings or lists of strings" },
	[XT_MAP_LEVELS] = { OF(OBJECT), "an object whose keys are numbers" },
};
enum { KINDS_STRING = OF(STRING), KINDS_STRINGS = OF(STRING) | OF(ARRAY), KINDS_OBJECT = OF(OBJECT) };

static bool wrong_kind(struct walk *w, struct str key, const struct value *v, unsigned kinds, const char *text)
{
	if (kinds >> v->kind & 1)
		return false;
	walk_add(w, DIAG_XR401, walk_point(v), "'%.*s' must be %s, not %s", (int)key.len, key.p, text,
		 value_kind_name(v->kind));
	return true;
}

static bool wrong_element(struct walk *w, const char *key, const struct value *v, unsigned kinds, const char *text)
{
	if (kinds >> v->kind & 1)
		return false;
	walk_add(w, DIAG_XR401, walk_point(v), "an element of '%s' must be %s, not %s", key, text,
		 value_kind_name(v->kind));
	return true;
}

static void check_text(struct walk *w, const struct xkey *k, const struct value *v)
{
	if (!k->format || format_ok(k->format, value_str(v)))
		return;
	if (k->flags & XK_SECRET)
		diag_hide(w->sink, v->span);
	if (k->flags & XK_SECRET || k->format == XF_ENCRYPTION)
		walk_add(w, DIAG_XR418, v->span, "'%s' is not %s", k->name, format_text(k->format));
	else
		walk_add(w, DIAG_XR418, v->span, "'%s' is not %s: '%.*s'", k->name, format_text(k->format), (int)v->len,
			 v->text);
}

/* An array of strings; null stands for "" there. */
static void check_strings(struct walk *w, const struct xkey *k, const struct value *v)
{
	if (v->kind == VAL_STRING)
		return;
	for (uint32_t i = 0; i < v->n; i++) {
		const struct value *e = &v->items[i];
		if (e->kind == VAL_STRING && !k->format)
			continue;
		if ((e->kind != VAL_NULL || k->format == XF_DURATION) &&
		    !wrong_element(w, k->name, e, KINDS_STRING, "a string"))
			check_text(w, k, e);
	}
}

static void check_names(struct walk *w, const struct xkey *k, const struct value *v)
{
	if (v->kind == VAL_STRING) {
		struct str rest = value_str(v);
		do {
			walk_name(w, k, str_cut(&rest, ','), v->span);
		} while (rest.p);
		return;
	}
	for (uint32_t i = 0; i < v->n; i++)
		if (!wrong_element(w, k->name, &v->items[i], KINDS_STRING, "a string"))
			walk_name(w, k, value_str(&v->items[i]), v->items[i].span);
}

static void check_objects(struct walk *w, const struct xkey *k, const struct value *v)
{
	const struct value *parent = w->parent;
	if (v->kind == VAL_OBJECT) {
		walk_object(w, k->sub, v);
		return;
	}
	for (uint32_t i = 0; i < v->n; i++) {
		const struct value *e = &v->items[i];
		if (k->type == XT_STR_OR_OBJS && e->kind == VAL_STRING)
			continue;
		if (!wrong_element(w, k->name, e, KINDS_OBJECT, "an object"))
			walk_object(w, k->sub, e);
	}
	if (!(k->flags & XK_ONE) || v->n < 2 || (k->flags & XK_NESTED && value_member_nocase(parent, "address")))
		return;
	struct diag *d = walk_add(w, DIAG_XR416, v->items[1].span, "'%s' takes one entry, not %u", k->name, v->n);
	if (d)
		diag_help(w->sink, d, "make an outbound of each and join them with a balancer");
}

static void check_object_lists(struct walk *w, const struct xkey *k, const struct value *v)
{
	for (uint32_t i = 0; i < v->n; i++)
		if (!wrong_element(w, k->name, &v->items[i], 1u << VAL_ARRAY, "a list of objects"))
			check_objects(w, k, &v->items[i]);
}

static void check_numbers(struct walk *w, const struct xkey *k, const struct value *v)
{
	bool ranges = k->type == XT_RANGES;
	for (uint32_t i = 0; i < v->n; i++) {
		const struct value *e = &v->items[i];
		if (wrong_element(w, k->name, e, types[ranges ? XT_RANGE : XT_INT].kinds,
				  types[ranges ? XT_RANGE : XT_INT].text))
			continue;
		if (ranges)
			walk_range(w, k, e);
		else
			walk_int(w, k, e);
	}
}

/* WireGuard's three reserved bytes are the only key of this kind. */
static void check_bytes(struct walk *w, const struct xkey *k, const struct value *v)
{
	static const struct xkey byte = { .name = "reserved", .type = XT_INT, .lo = 0, .hi = 255 };
	if (v->kind == VAL_STRING ? v->len != 0 && v->len != 4 : v->n != 0 && v->n != 3)
		walk_add(w, DIAG_XR418, walk_point(v), "'%s' must be empty or three bytes", k->name);
	for (uint32_t i = 0; v->kind == VAL_ARRAY && i < v->n; i++)
		if (!wrong_element(w, k->name, &v->items[i], 1u << VAL_NUMBER, "a number"))
			walk_int(w, &byte, &v->items[i]);
}

static void check_map(struct walk *w, const struct xkey *k, const struct value *v)
{
	bool strings = k->type == XT_MAP_STR;
	for (uint32_t i = 0; i < v->n_members; i++) {
		const struct member *m = &v->members[i];
		if (k->flags & XK_NO_HOST && str_is_nocase(member_key(m), "host")) {
			struct diag *d =
				walk_add(w, DIAG_XR420, m->key_span, "'Host' is not allowed in '%s' here", k->name);
			if (d)
				diag_help(w->sink, d, "write it as 'host' beside 'headers'");
		}
		if (m->value.kind == VAL_NULL ||
		    wrong_kind(w, member_key(m), &m->value, strings ? KINDS_STRING : KINDS_STRINGS,
			       strings ? "a string" : "a string or a list of strings"))
			continue;
		if (m->value.kind == VAL_ARRAY)
			check_strings(w, k, &m->value);
		else
			check_text(w, k, &m->value);
	}
}

static void check_levels(struct walk *w, const struct xkey *k, const struct value *v)
{
	for (uint32_t i = 0; i < v->n_members; i++) {
		const struct member *m = &v->members[i];
		int64_t level;
		if (str_int(member_key(m), &level) || level < 0 || level > UINT32_MAX)
			walk_add(w, DIAG_XR418, m->key_span, "'%.*s' is not a level: a number like \"0\"",
				 (int)m->key_len, m->key);
		if (m->value.kind != VAL_NULL && !wrong_kind(w, member_key(m), &m->value, KINDS_OBJECT, "an object"))
			walk_object(w, k->sub, &m->value);
	}
}

static void check_dest(struct walk *w, const struct xkey *k, const struct value *v)
{
	if (v->kind == VAL_NUMBER) {
		walk_port(w, k, v);
		return;
	}
	/* an explicit type takes any text */
	if (!value_get_str(w->parent, "type").len && !format_dest_ok(value_str(v)))
		walk_add(w, DIAG_XR418, v->span, "'%s' is not host:port, a port or a Unix socket: '%.*s'", k->name,
			 (int)v->len, v->text);
}

static void check_variant(struct walk *w, const struct xkey *k, const struct value *v)
{
	const struct member *by = value_member_nocase(w->parent, k->variants->by);
	struct str name = by && by->value.kind == VAL_STRING ? value_str(&by->value) : STR("");
	const struct xtable *t = xvariant_find(k->variants, name);
	if (t)
		walk_object(w, t, v);
}

static void check_enum(struct walk *w, const struct xkey *k, const struct value *v)
{
	walk_name(w, k, value_str(v), v->span);
}

static void check_int(struct walk *w, const struct xkey *k, const struct value *v)
{
	if (v->kind == VAL_NUMBER)
		walk_int(w, k, v);
}

typedef void check_fn(struct walk *w, const struct xkey *k, const struct value *v);
static check_fn *const checks[XT__N] = {
	[XT_STR] = check_text,
	[XT_STRS] = check_strings,
	[XT_STRLIST] = check_strings,
	[XT_INT] = check_int,
	[XT_BOOL_OR_INT] = check_int,
	[XT_PORT] = walk_port,
	[XT_PORTS] = walk_ports,
	[XT_RANGE] = walk_range,
	[XT_RANGES] = check_numbers,
	[XT_INTS] = check_numbers,
	[XT_BYTES] = check_bytes,
	[XT_DEST] = check_dest,
	[XT_ENUM] = check_enum,
	[XT_ENUMS] = check_names,
	[XT_ENUMLIST] = check_names,
	[XT_OBJ] = check_objects,
	[XT_OBJS] = check_objects,
	[XT_OBJ_OR_OBJS] = check_objects,
	[XT_STR_OR_OBJS] = check_objects,
	[XT_OBJ_LISTS] = check_object_lists,
	[XT_VARIANT] = check_variant,
	[XT_MAP_STR] = check_map,
	[XT_MAP_STRLIST] = check_map,
	[XT_MAP_HOSTS] = check_map,
	[XT_MAP_LEVELS] = check_levels,
};

void walk_value(struct walk *w, const struct xkey *k, const struct value *v, const struct value *parent)
{
	/* null is the same as absent, but for a duration */
	if (v->kind == VAL_NULL && !(k->type == XT_STR && k->format == XF_DURATION))
		return;
	if (wrong_kind(w, (struct str){ k->name, k->len }, v, types[k->type].kinds, types[k->type].text) ||
	    !checks[k->type])
		return;
	w->parent = parent;
	checks[k->type](w, k, v);
}
