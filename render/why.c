/* Where one object of the rendered file comes from: by tag, by ruleTag or by JSON pointer. */
#include "render/render_impl.h"

struct asker {
	struct arena *a;
	const struct sources *sources;
	const struct xconf *x;
	struct value answers;
};

static void answer(struct asker *as, const struct origin *o, struct keypath *at, const struct value *v)
{
	struct value entry = origin_value(as->a, as->sources, o);

	value_put(as->a, &entry, "value", redact_value(as->a, at, v));
	value_push(as->a, &as->answers, entry);
}

static void answer_item(struct asker *as, enum list_kind k, uint32_t i)
{
	const struct xitem *item = &list_of(as->x, k)->v[i];
	struct origin o = origin_of_item(as->a, as->x, k, i);
	struct keypath at = list_path(k);

	answer(as, &o, &at, &item->v);
}

/* --- JSON pointers ------------------------------------------------------------------------------------------------ */
/* The next token, unescaped; 1 when the pointer has ended. */
static int next_token(struct arena *a, struct str *rest, struct str *ret_token)
{
	struct str raw;
	char *out, *p;

	if (!rest->len || *rest->p != '/')
		return 1;
	*rest = str_skip(*rest, 1);
	for (raw = (struct str){ rest->p, 0 }; raw.len < rest->len && rest->p[raw.len] != '/'; raw.len++)
		;
	*rest = str_skip(*rest, raw.len);
	out = p = arena_alloc(a, raw.len + 1);
	for (size_t i = 0; i < raw.len; i++) {
		bool escape = raw.p[i] == '~' && i + 1 < raw.len && (raw.p[i + 1] == '0' || raw.p[i + 1] == '1');

		*p++ = !escape ? raw.p[i] : raw.p[++i] == '0' ? '~' : '/';
	}
	*ret_token = (struct str){ out, (size_t)(p - out) };
	return 0;
}

static bool parse_index(struct str token, uint32_t n, uint32_t *ret_index)
{
	int64_t i;

	if (!token.len || (token.len > 1 && *token.p == '0') || *token.p == '-' || *token.p == '+')
		return false;
	if (str_int(token, &i) || i < 0 || i >= n)
		return false;
	*ret_index = (uint32_t)i;
	return true;
}

/* Snippets are the only JSON inputs, so what stands in one is the operator's own even inside a managed section. */
static bool is_snippet(const struct asker *as, struct span at)
{
	const struct source *src = sources_get(as->sources, at.src);

	return src && str_ends_nocase(str_of(src->path), ".json");
}

static const struct value *child(const struct value *v, struct str token)
{
	const struct member *m;
	uint32_t i;

	if (v->kind == VAL_ARRAY)
		return parse_index(token, v->n, &i) ? &v->items[i] : NULL;
	m = value_member(v, token);
	return m ? &m->value : NULL;
}

static void answer_below(struct asker *as, struct origin *o, struct keypath *at, const struct value *v, struct str rest)
{
	struct str token;

	while (v && !next_token(as->a, &rest, &token)) {
		if (v->kind == VAL_OBJECT) {
			o->pointer = pointer_join(as->a, o->pointer, token);
			keypath_push(at, arena_memdup(as->a, token.p, token.len));
		} else {
			o->pointer = arena_printf(as->a, "%s/%.*s", o->pointer, (int)token.len, token.p);
		}
		v = child(v, token);
		if (v && v->span.src)
			o->at = v->span;
		if (v && is_snippet(as, v->span))
			o->owner = NULL;
	}
	if (v && !rest.len)
		answer(as, o, at, v);
}

static void answer_list(struct asker *as, enum list_kind k, struct str rest)
{
	const struct xlist *list = list_of(as->x, k);
	struct keypath at = list_path(k);
	struct origin o;
	struct str token;
	uint32_t i;

	if (next_token(as->a, &rest, &token)) {
		for (i = 0; i < list->n; i++)
			answer_item(as, k, i);
		return;
	}
	if (!parse_index(token, list->n, &i))
		return;
	o = origin_of_item(as->a, as->x, k, i);
	answer_below(as, &o, &at, &list->v[i].v, rest);
}

static bool try_lists(struct asker *as, struct str pointer)
{
	for (enum list_kind k = 0; k < LIST__N; k++) {
		struct str rest = pointer, name = str_of(list_infos[k].pointer);

		if (!str_starts(rest, name.p))
			continue;
		rest = str_skip(rest, name.len);
		if (rest.len && *rest.p != '/')
			continue;
		answer_list(as, k, rest);
		return true;
	}
	return false;
}

static const struct value *find_section(const struct xconf *x, struct str key, const char **ret_owner)
{
	const struct member *m;

	for (enum xsection s = 0; s < XS__N; s++) {
		if (!str_is(key, xsection_names[s]) || x->section[s].kind == VAL_NONE)
			continue;
		*ret_owner = x->section_owner[s];
		return &x->section[s];
	}
	if (str_is(key, "routing") && x->routing.kind != VAL_NONE) {
		*ret_owner = x->raw ? NULL : ROUTING_OWNER;
		return &x->routing;
	}
	m = value_member(&x->rest, key);
	return m ? &m->value : NULL;
}

static void answer_pointer(struct asker *as, struct str pointer)
{
	struct origin o = { .pointer = "" };
	struct keypath at = { { NULL }, 0 };
	const struct value *v;
	struct str key;

	if (try_lists(as, pointer) || next_token(as->a, &pointer, &key))
		return;
	v = find_section(as->x, key, &o.owner);
	if (!v)
		return;
	o.pointer = pointer_join(as->a, "", key);
	o.at = v->span;
	keypath_push(&at, arena_memdup(as->a, key.p, key.len));
	answer_below(as, &o, &at, v, pointer);
}

/* --- names -------------------------------------------------------------------------------------------------------- */
typedef bool match_fn(struct str a, struct str b);

static bool has_tag(const struct value *v, const char *key, struct str name, match_fn *match)
{
	const struct member *tag = value_member_nocase(v, key);

	return tag && tag->value.kind == VAL_STRING && match(value_str(&tag->value), name);
}

static void answer_lists_named(struct asker *as, struct str name, match_fn *match)
{
	for (enum list_kind k = 0; k < LIST__N; k++) {
		const struct xlist *list = list_of(as->x, k);

		for (uint32_t i = 0; i < list->n; i++)
			if (has_tag(&list->v[i].v, list_infos[k].tag_key, name, match))
				answer_item(as, k, i);
	}
}

static void answer_reverse_in(struct asker *as, const char *pointer, const struct value *holder, struct str name,
			      match_fn *match)
{
	const struct value *reverse = value_get(holder, "reverse");

	if (reverse && has_tag(reverse, "tag", name, match))
		answer_pointer(as, str_of(arena_printf(as->a, "%s/reverse", pointer)));
}

/* Tags that stand inside an object: the api's, and those of reverse channels in their old and new form. */
static void answer_inner_named(struct asker *as, struct str name, match_fn *match)
{
	static const char *const channels[] = { "bridges", "portals" };
	const struct xconf *x = as->x;

	if (has_tag(&x->section[XS_API], "tag", name, match))
		answer_pointer(as, STR("/api"));
	for (unsigned k = 0; k < 2; k++) {
		const struct value *array = value_get(&x->section[XS_REVERSE], channels[k]);

		for (uint32_t i = 0; array && array->kind == VAL_ARRAY && i < array->n; i++)
			if (has_tag(&array->items[i], "tag", name, match))
				answer_pointer(as, str_of(arena_printf(as->a, "/reverse/%s/%u", channels[k], i)));
	}
	for (uint32_t i = 0; i < x->outbounds.n; i++)
		answer_reverse_in(as, arena_printf(as->a, "/outbounds/%u/settings", i),
				  value_get(&x->outbounds.v[i].v, "settings"), name, match);
	for (uint32_t i = 0; i < x->inbounds.n; i++) {
		const struct value *users = value_get(value_get(&x->inbounds.v[i].v, "settings"), "clients");

		for (uint32_t u = 0; users && users->kind == VAL_ARRAY && u < users->n; u++)
			answer_reverse_in(as, arena_printf(as->a, "/inbounds/%u/settings/clients/%u", i, u),
					  &users->items[u], name, match);
	}
}

struct value render_why(struct arena *a, const struct checked *c, const struct sources *sources, struct str name)
{
	struct asker as = { .a = a, .sources = sources, .x = &c->x, .answers = value_array(SPAN_NONE) };
	match_fn *const matches[] = { str_eq, str_eq_nocase };

	name = str_trim(name);
	if (name.len && *name.p == '/') {
		answer_pointer(&as, name);
		return as.answers;
	}
	for (unsigned i = 0; i < 2 && name.len && !as.answers.n; i++) {
		answer_lists_named(&as, name, matches[i]);
		answer_inner_named(&as, name, matches[i]);
	}
	return as.answers;
}
