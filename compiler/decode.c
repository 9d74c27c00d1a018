/* TOML trees into structs, driven by the field tables: which keys there are, their types and defaults all come from the
 * rows. Every fault of a file is reported; nothing stops at the first. */
#include "compiler/decode_impl.h"

#include <assert.h>
#include <string.h>

#include "compiler/compiler.h"

enum { ROWS_MAX = 64 };

static void decode_rows(const struct dec *d, const struct value *object, const struct table *t, const struct path *path,
			void *out);

const char *decode_path(struct arena *a, const struct path *p)
{
	const char *before;

	if (!p)
		return "";
	before = decode_path(a, p->up);
	return arena_printf(a, p->quoted ? "%s%s\"%s\"" : "%s%s%s", before, before[0] ? "." : "", p->key);
}

/* The row of a key, by its name or its second spelling; -1 when there is none. */
static int row_of(const struct table *t, struct str key)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_is(key, t->fields[i].name) || (t->fields[i].alias && str_is(key, t->fields[i].alias)))
			return (int)i;
	return -1;
}

/* The members of a table by row: written, or misspelt in a way that leaves little doubt. */
struct matched {
	const struct member *seen[ROWS_MAX], *meant[ROWS_MAX];
};

static void unknown_key(const struct dec *d, const struct table *t, const struct path *path, const struct member *m,
			struct matched *matched)
{
	const char *names[2 * ROWS_MAX];
	size_t n = 0;
	const char *near;
	struct diag *g;
	int row;

	for (size_t i = 0; i < t->n; i++) {
		names[n++] = t->fields[i].name;
		if (t->fields[i].alias)
			names[n++] = t->fields[i].alias;
	}
	if (path)
		g = diag_add(d->sink, DIAG_XR150, m->key_span, "unknown key '%s' in '%s'", m->key,
			     decode_path(d->a, path));
	else
		g = diag_add(d->sink, DIAG_XR150, m->key_span, "unknown key '%s' at the top of the file", m->key);
	near = str_nearest(member_key(m), names, n);
	if (!near) {
		diag_help(d->sink, g, "remove it; docs/configuration.md lists every key");
		return;
	}
	diag_help(d->sink, g, "did you mean '%s'?", near);
	row = row_of(t, str_of(near));
	matched->meant[row] = m;
	if (t->fields[row].type == F_SECRET)
		decode_hide(d, &m->value);
}

static void given_twice(const struct dec *d, const struct field *f, const struct member *first, const struct member *m)
{
	struct diag *g = diag_add(d->sink, DIAG_XR155, m->key_span, "'%s' and '%s' are two names of one key",
				  first->key, m->key);

	diag_relate(d->sink, g, first->key_span, "'%s' stands here", first->key);
	diag_help(d->sink, g, "keep '%s'", f->name);
}

/* Sorts the members of a table by row; unknown and doubled ones are reported and dropped. */
static void match_rows(const struct dec *d, const struct value *object, const struct table *t, const struct path *path,
		       struct matched *ret_matched)
{
	for (uint32_t i = 0; object && i < object->n_members; i++) {
		const struct member *m = &object->members[i];
		int row = row_of(t, member_key(m));

		if (row < 0)
			unknown_key(d, t, path, m, ret_matched);
		else if (ret_matched->seen[row])
			given_twice(d, &t->fields[row], ret_matched->seen[row], m);
		else
			ret_matched->seen[row] = m;
	}
}

static void missing_key(const struct dec *d, const struct field *f, const struct path *path, struct span at)
{
	struct diag *g = diag_add(d->sink, DIAG_XR154, at, "'%s' needs the key '%s'", decode_path(d->a, path), f->name);

	if (f->example)
		diag_help(d->sink, g, "%s; for example %s = %s", f->help, f->name, f->example);
	else
		diag_help(d->sink, g, "%s", f->help);
}

/* Keys without a value of their own: accepted and unused, out of scope, or with one value that passes. */
static bool special_key(const struct dec *d, const struct slot *s, const struct member *m)
{
	const struct field *f = s->f;
	const char *path;
	struct diag *g;

	if (!(f->flags & (FIELD_UNUSED | FIELD_REFUSED | FIELD_FIXED)))
		return false;
	if (decode_is_fixed(f, &m->value))
		return true;
	path = decode_path(d->a, s->path);
	if (f->type == F_SECRET)
		decode_hide(d, &m->value);
	if (f->flags & FIELD_UNUSED)
		g = diag_add(d->sink, DIAG_XR156, m->key_span, "'%s' is accepted and has no effect", path);
	else if (f->flags & FIELD_REFUSED)
		g = diag_add(d->sink, DIAG_XR157, m->key_span, "'%s' is not supported", path);
	else
		g = diag_add(d->sink, DIAG_XR158, m->value.span, "'%s' can only be '%s'", path, f->fixed);
	diag_help(d->sink, g, "%s", f->help);
	return true;
}

static void *element(void *base, size_t i, size_t size)
{
	return (char *)base + i * size;
}

static void set_at(const struct table *t, void *out, struct span at)
{
	if (t->at_offset != TABLE_NO_AT)
		memcpy((char *)out + t->at_offset, &at, sizeof(at));
}

static void decode_sub_table(const struct dec *d, const struct slot *s, void *out)
{
	if (s->v->kind != VAL_OBJECT) {
		decode_wrong_type(d, s, "a table");
		decode_rows(d, NULL, s->f->sub, s->path, out);
		return;
	}
	decode_rows(d, s->v, s->f->sub, s->path, out);
	set_at(s->f->sub, out, s->v->span);
}

static void decode_list(const struct dec *d, const struct slot *s, struct list *out)
{
	const struct table *t = s->f->sub;
	uint32_t n = 0;

	out->at = s->v->span;
	if (s->v->kind != VAL_ARRAY) {
		decode_wrong_type(d, s, arena_printf(d->a, "a list of tables: [[%s]]", decode_path(d->a, s->path)));
		return;
	}
	out->v = arena_alloc_array(d->a, s->v->n, t->elem_size);
	for (uint32_t i = 0; i < s->v->n; i++) {
		struct slot item = *s;

		item.v = &s->v->items[i];
		if (item.v->kind == VAL_OBJECT)
			decode_sub_table(d, &item, element(out->v, n++, t->elem_size));
		else
			decode_wrong_type(d, &item, "a list of tables");
	}
	out->n = n;
	out->set = true;
}

static void decode_map(const struct dec *d, const struct slot *s, struct list *out)
{
	const struct table *t = s->f->sub;
	uint32_t n = 0;

	out->at = s->v->span;
	if (s->v->kind != VAL_OBJECT) {
		decode_wrong_type(d, s,
				  arena_printf(d->a, "a table of tables: [%s.\"NAME\"]", decode_path(d->a, s->path)));
		return;
	}
	out->v = arena_alloc_array(d->a, s->v->n_members, t->elem_size);
	for (uint32_t i = 0; i < s->v->n_members; i++) {
		const struct member *m = &s->v->members[i];
		void *item = element(out->v, n, t->elem_size);
		struct text *key = (struct text *)((char *)item + t->key_offset);
		struct path path = { s->path, m->key, true };
		struct slot sub = { s->f, &path, &m->value };

		*key = (struct text){ m->key, m->key_span, true };
		if (strlen(m->key) != m->key_len)
			diag_add(d->sink, DIAG_XR159, m->key_span, "the name of a table in '%s' holds a NUL character",
				 decode_path(d->a, s->path));
		if (m->value.kind != VAL_OBJECT) {
			decode_wrong_type(d, &sub, "a table");
			continue;
		}
		decode_sub_table(d, &sub, item);
		set_at(t, item, m->key_span);
		n++;
	}
	out->n = n;
	out->set = true;
}

static void decode_member(const struct dec *d, const struct slot *s, void *out)
{
	switch (s->f->type) {
	case F_TABLE:
		decode_sub_table(d, s, out);
		break;
	case F_TABLES:
		decode_list(d, s, out);
		break;
	case F_MAP:
		decode_map(d, s, out);
		break;
	default:
		decode_value(d, s, out);
	}
}

static void default_member(const struct dec *d, const struct field *f, void *out)
{
	if (f->type == F_TABLE)
		decode_rows(d, NULL, f->sub, NULL, out);
	else if (f->type != F_TABLES && f->type != F_MAP)
		decode_default(d, f, out);
}

/* object NULL: an absent table, defaults alone; what a table requires is asked only of a table that is there. */
static void decode_rows(const struct dec *d, const struct value *object, const struct table *t, const struct path *path,
			void *out)
{
	struct matched matched = { .seen = { NULL } };

	assert(t->n <= ROWS_MAX);
	match_rows(d, object, t, path, &matched);
	for (size_t i = 0; i < t->n; i++) {
		const struct field *f = &t->fields[i];
		void *place = (char *)out + f->offset;
		bool stored = !(f->flags & (FIELD_UNUSED | FIELD_REFUSED | FIELD_FIXED));
		const struct member *m = matched.seen[i];
		struct path sub = { path, NULL, false };
		struct slot s = { f, &sub, NULL };

		if (stored)
			default_member(d, f, place);
		if (!m && matched.meant[i] && stored)
			decode_refused(f, place, matched.meant[i]->value.span);
		else if (!m && object && (f->flags & FIELD_REQUIRED))
			missing_key(d, f, path, object->span);
		if (!m)
			continue;
		sub.key = m->key;
		s.v = &m->value;
		if (!special_key(d, &s, m))
			decode_member(d, &s, place);
	}
}

int decode_table(struct arena *a, struct diag_sink *sink, const struct value *object, const struct table *t,
		 void *ret_struct, struct desired *secrets_owner)
{
	struct dec d = { a, sink, secrets_owner };
	unsigned before = diag_count(sink, SEV_ERROR);
	bool has = object && object->kind == VAL_OBJECT;

	decode_rows(&d, has ? object : NULL, t, NULL, ret_struct);
	if (has)
		set_at(t, ret_struct, object->span);
	return diag_count(sink, SEV_ERROR) == before ? 0 : 1;
}

int decode_role(struct arena *a, struct diag_sink *sink, const struct inputs *in, struct desired *ret_desired)
{
	const struct table *t = in->role == ROLE_CLIENT ? &table_client_file : &table_server_file;
	struct desired out = { .role = in->role };

	*ret_desired = out;
	decode_table(a, sink, &in->role_toml, t, ret_desired, ret_desired);
	/* without its table a role still stands in its file */
	if (!ret_desired->client.at.src)
		ret_desired->client.at = (struct span){ in->role_toml.span.src, 0, 0 };
	if (!ret_desired->server.at.src)
		ret_desired->server.at = (struct span){ in->role_toml.span.src, 0, 0 };
	return in->role_toml.kind == VAL_OBJECT ? 0 : 1;
}

int decode_config(struct arena *a, struct diag_sink *sink, const struct value *toml, struct config *ret_config)
{
	struct desired owner = { .role = ROLE_CLIENT };
	struct config out = { .n_secrets = 0 };

	*ret_config = out;
	decode_table(a, sink, toml, &table_config_file, ret_config, &owner);
	ret_config->secrets = owner.secrets;
	ret_config->n_secrets = owner.n_secrets;
	ret_config->cap_secrets = owner.cap_secrets;
	normalize_config(a, sink, ret_config);
	return !toml || toml->kind == VAL_OBJECT || toml->kind == VAL_NONE ? 0 : 1;
}
