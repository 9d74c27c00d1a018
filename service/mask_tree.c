/* Texts that parse: every value is judged by the row of its key, on its path. */
#include <string.h>

#include "service/mask_impl.h"

struct walker {
	struct mask *m;
	struct str text;
	struct mask_ranges *r;
};

/* --- single values ------------------------------------------------------------------------------------------------ */
/* The bytes between the quotes of a string as written; the value as a whole when it has none. */
static void inside_quotes(struct str text, struct span at, size_t *ret_begin, size_t *ret_end)
{
	size_t begin = at.begin, end = at.end, quotes = 1;
	char quote = begin < end ? text.p[begin] : 0;

	*ret_begin = begin;
	*ret_end = end;
	if (quote != '"' && quote != '\'')
		return;
	if (end - begin >= 6 && text.p[begin + 1] == quote && text.p[begin + 2] == quote)
		quotes = 3;
	if (end - begin < 2 * quotes || text.p[end - 1] != quote)
		return;
	*ret_begin = begin + quotes;
	*ret_end = end - quotes;
}

static void hide(struct walker *w, const struct value *v, enum mask_sure sure)
{
	size_t begin, end;

	inside_quotes(w->text, v->span, &begin, &end);
	mask_hide(w->m, w->r, begin, end, value_str(v), sure);
	if (w->r && w->r->n && v->kind != VAL_STRING)
		w->r->v[w->r->n - 1].quote = true;
}

static bool take_reference(struct walker *w, const struct value *v)
{
	struct str env = value_get_str(v, "env"), file = value_get_str(v, "file");

	mask_reference(w->m, false, env);
	mask_reference(w->m, true, file);
	return v->n_members && v->n_members == (unsigned)(env.len > 0) + (file.len > 0);
}

/* Everything below a key that is secret (SURE) or that nobody knows (MAYBE). */
static void hide_all(struct walker *w, const struct value *v, enum mask_sure sure)
{
	if (v->kind == VAL_STRING && str_starts(value_str(v), "env:"))
		mask_reference(w->m, false, str_skip(value_str(v), 4));
	if (v->kind == VAL_STRING || v->kind == VAL_DATETIME || v->kind == VAL_NUMBER)
		hide(w, v, sure);
	for (uint32_t i = 0; v->kind == VAL_ARRAY && i < v->n; i++)
		hide_all(w, &v->items[i], sure);
	if (v->kind != VAL_OBJECT || take_reference(w, v))
		return;
	for (uint32_t i = 0; i < v->n_members; i++)
		hide_all(w, &v->members[i].value, sure);
}

/* A known key: texts and numbers are shown, and lists of them; a table in their place is not what the row describes. */
static void show(struct walker *w, const struct value *v)
{
	for (uint32_t i = 0; v->kind == VAL_ARRAY && i < v->n; i++)
		show(w, &v->items[i]);
	if (v->kind == VAL_OBJECT)
		hide_all(w, v, MASK_MAYBE);
}

/* --- Xray's JSON -------------------------------------------------------------------------------------------------- */
enum { PATH_MAX_KEYS = 64 };
struct path {
	const char *keys[PATH_MAX_KEYS];
	size_t n;
};

/* The tables are searched once for each path; thousands of users share one. */
static enum xkey_class class_of(struct mask *m, const struct path *at)
{
	enum xkey_class *known = NULL;
	struct buf b = { 0 };

	for (size_t i = 0; i < at->n; i++) {
		buf_puts(&b, at->keys[i]);
		buf_putc(&b, '\n');
	}
	if (!b.failed)
		known = map_get(m->classes, (struct str){ b.p, b.len });
	if (!known) {
		known = arena_new_of(m->a, enum xkey_class);
		*known = xkeys_class(at->keys, at->n);
		if (!b.failed)
			map_set(m->classes, (struct str){ arena_memdup(m->a, b.p, b.len), b.len }, known);
	}
	buf_fini(&b);
	return *known;
}

static bool is_header(const struct path *at)
{
	return at->n > 1 && str_is_nocase(str_of(at->keys[at->n - 2]), "headers") &&
	       mask_name_header(str_of(at->keys[at->n - 1]));
}

static void walk_json(struct walker *w, struct path *at, const struct value *v);

static void walk_member(struct walker *w, struct path *at, const struct member *m)
{
	enum xkey_class class;

	if (at->n == PATH_MAX_KEYS) {
		hide_all(w, &m->value, MASK_MAYBE);
		return;
	}
	at->keys[at->n++] = arena_memdup(w->m->a, m->key, m->key_len);
	class = class_of(w->m, at);
	if (class == XKEY_SECRET)
		hide_all(w, &m->value, MASK_SURE);
	else if (class == XKEY_PUBLIC || is_header(at))
		walk_json(w, at, &m->value);
	else
		hide_all(w, &m->value, mask_name_sounds(member_key(m)) ? MASK_SURE : MASK_MAYBE);
	at->n--;
}

static void walk_json(struct walker *w, struct path *at, const struct value *v)
{
	for (uint32_t i = 0; v->kind == VAL_ARRAY && i < v->n; i++)
		walk_json(w, at, &v->items[i]);
	for (uint32_t i = 0; v->kind == VAL_OBJECT && i < v->n_members; i++)
		walk_member(w, at, &v->members[i]);
}

/* Snippets of rules and balancers leave out the section around them. */
static void walk_root(struct walker *w, const struct value *root)
{
	struct path at = { .n = 0 };

	if (value_member_nocase(root, "rules") || value_member_nocase(root, "balancers"))
		at = (struct path){ { "routing" }, 1 };
	if (root->kind == VAL_OBJECT)
		walk_json(w, &at, root);
	else
		hide_all(w, root, MASK_MAYBE);
}

/* --- our TOML ----------------------------------------------------------------------------------------------------- */
static const struct field *field_of(const struct table *t, struct str key)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_is(key, t->fields[i].name) || (t->fields[i].alias && str_is(key, t->fields[i].alias)))
			return &t->fields[i];
	return NULL;
}

static void walk_table(struct walker *w, const struct table *t, const struct value *v);

static void walk_map(struct walker *w, const struct table *t, const struct value *v)
{
	if (v->kind != VAL_OBJECT)
		show(w, v);
	for (uint32_t i = 0; v->kind == VAL_OBJECT && i < v->n_members; i++)
		walk_table(w, t, &v->members[i].value);
}

static void walk_raw(struct walker *w, const struct field *f, const struct value *v)
{
	for (uint32_t i = 0; v->kind == VAL_OBJECT && i < v->n_members; i++) {
		const struct member *m = &v->members[i];

		if (str_is(str_of(f->name), "hosts") || mask_name_header(member_key(m)))
			show(w, &m->value);
		else
			hide_all(w, &m->value, mask_name_sounds(member_key(m)) ? MASK_SURE : MASK_MAYBE);
	}
	if (v->kind != VAL_OBJECT)
		hide_all(w, v, MASK_MAYBE);
}

static void walk_field(struct walker *w, const struct field *f, const struct member *m)
{
	struct path rules = { { "routing", "rules" }, 2 };
	const struct value *v = &m->value;

	switch (f->type) {
	case F_TABLE:
	case F_TABLES:
		walk_table(w, f->sub, v);
		break;
	case F_MAP:
		walk_map(w, f->sub, v);
		break;
	case F_RAW:
		walk_raw(w, f, v);
		break;
	case F_RAWS:
		walk_json(w, &rules, v);
		break;
	default:
		show(w, v);
		break;
	}
}

static void walk_entry(struct walker *w, const struct table *t, const struct member *m)
{
	const struct field *f = field_of(t, member_key(m));

	if (!f || f->type == F_ANY)
		hide_all(w, &m->value, mask_name_sounds(member_key(m)) ? MASK_SURE : MASK_MAYBE);
	else if (f->type == F_SECRET || f->flags & FIELD_SECRET || mask_name_elsewhere(member_key(m)))
		hide_all(w, &m->value, MASK_SURE);
	else
		walk_field(w, f, m);
}

static void walk_table(struct walker *w, const struct table *t, const struct value *v)
{
	for (uint32_t i = 0; v->kind == VAL_ARRAY && i < v->n; i++)
		walk_table(w, t, &v->items[i]);
	if (v->kind != VAL_OBJECT && v->kind != VAL_ARRAY)
		hide_all(w, v, MASK_MAYBE);
	for (uint32_t i = 0; v->kind == VAL_OBJECT && i < v->n_members; i++)
		walk_entry(w, t, &v->members[i]);
}

/* ------------------------------------------------------------------------------------------------------------------ */
static const struct table *table_of(enum mask_form form)
{
	return form == MASK_CLIENT_TOML ? &table_client_file :
	       form == MASK_SERVER_TOML ? &table_server_file :
					  &table_config_file;
}

bool mask_tree(struct mask *m, struct str text, enum mask_form form, struct mask_ranges *r)
{
	struct sources *sources = sources_new(m->a);
	struct diag_sink *sink = diag_sink_new(m->a, sources);
	struct walker w = { m, text, r };
	struct value root = { 0 };
	uint32_t src;

	if (text.len > JSON_MAX_BYTES)
		return false;
	src = sources_add(sources, "", text.p, (uint32_t)text.len);
	if (form != MASK_XRAY_JSON) {
		if (toml_parse(m->a, sink, src, &root))
			return false;
		walk_table(&w, table_of(form), &root);
		return true;
	}
	switch (json_parse(m->a, sink, src, false, &root)) {
	case 0:
		walk_root(&w, &root);
		return true;
	case 1: /* blank, or comments alone */
		return true;
	default:
		return false;
	}
}
