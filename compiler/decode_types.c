/* Scalars and lists of the desired files: one row of `readers` for each field type. */
#include "compiler/decode_impl.h"

#include <errno.h>
#include <string.h>

#include "compiler/forms.h"

void secrets_add(struct arena *a, struct desired *owner, struct secret *s)
{
	if (owner->n_secrets == owner->cap_secrets)
		owner->secrets =
			arena_grow(a, owner->secrets, owner->n_secrets, sizeof(*owner->secrets), &owner->cap_secrets);
	owner->secrets[owner->n_secrets++] = s;
}

void decode_wrong_type(const struct dec *d, const struct slot *s, const char *must)
{
	const char *is = s->v->kind == VAL_OBJECT ? "a table" :
		s->v->kind == VAL_ARRAY           ? "a list" :
						    value_kind_name(s->v->kind);

	diag_add(d->sink, DIAG_XR151, s->v->span, "'%s' must be %s, not %s", decode_path(d->a, s->path), must, is);
}

static bool has_nul(const struct value *v)
{
	return memchr(v->text, 0, v->len) != NULL;
}

/* A string without NUL, not empty where the row says so; reports and returns false otherwise. */
static bool take_string(const struct dec *d, const struct slot *s)
{
	if (s->v->kind != VAL_STRING) {
		decode_wrong_type(d, s, s->f->names ? "one of the allowed words in quotes" : "a string");
		return false;
	}
	if (has_nul(s->v)) {
		diag_add(d->sink, DIAG_XR159, s->v->span, "'%s' holds a NUL character", decode_path(d->a, s->path));
		return false;
	}
	if (s->v->len == 0 && (s->f->flags & FIELD_NONEMPTY)) {
		struct diag *g =
			diag_add(d->sink, DIAG_XR160, s->v->span, "'%s' must not be empty", decode_path(d->a, s->path));

		diag_help(d->sink, g,
			  s->f->def ? "remove the key to get the default, %s" : "remove the key, or give it a value",
			  s->f->def);
		return false;
	}
	return true;
}

static const char *names_list(struct arena *a, const char *const *names)
{
	char *out = NULL;

	for (; *names; names++) {
		struct str n = field_name_spelling(*names);

		if (strchr(*names, '='))
			continue;
		out = arena_printf(a, "%s%s%s%.*s%s", out ? out : "", out ? ", " : "", n.len ? "" : "\"", (int)n.len,
				   n.p, n.len ? "" : "\"");
	}
	return out ? out : "";
}

int decode_name(const char *const *names, struct str word)
{
	for (int i = 0; names[i]; i++) {
		struct str meaning = field_name_meaning(names[i]);

		if (!str_eq_nocase(word, field_name_spelling(names[i])))
			continue;
		for (int j = 0; j < i; j++)
			if (str_is(meaning, names[j]))
				return j;
		return i;
	}
	return -1;
}

static int take_name(const struct dec *d, const struct slot *s)
{
	struct str word = str_trim(value_str(s->v));
	const char *const *names = s->f->names;
	int i = decode_name(names, word);
	size_t n = 0;
	struct diag *g;
	const char *near;

	if (i >= 0)
		return i;
	while (names[n])
		n++;
	g = diag_add(d->sink, DIAG_XR153, s->v->span, "'%s' is '%.*s', allowed are: %s", decode_path(d->a, s->path),
		     (int)word.len, word.p, names_list(d->a, names));
	near = str_nearest(word, names, n);
	if (near && *near)
		diag_help(d->sink, g, "did you mean '%.*s'?", (int)field_name_spelling(near).len, near);
	return -1;
}

static void read_text(const struct dec *d, const struct slot *s, void *place)
{
	struct text *out = place;
	int name;

	out->at = s->v->span;
	if (!take_string(d, s))
		return;
	if (s->f->names) {
		name = take_name(d, s);
		if (name < 0)
			return;
		out->s = s->f->names[name];
	} else {
		if (s->v->len && !form_check(d, s))
			return;
		out->s = s->v->text;
	}
	out->set = true;
}

static void read_datetime(const struct dec *d, const struct slot *s, void *place)
{
	struct text *out = place;

	if (s->v->kind != VAL_DATETIME) {
		read_text(d, s, place);
		return;
	}
	out->at = s->v->span;
	if (!form_check(d, s))
		return;
	out->s = s->v->text;
	out->set = true;
}

static void out_of_range(const struct dec *d, const struct slot *s, int64_t lo, int64_t hi)
{
	struct diag *g = diag_add(d->sink, DIAG_XR152, s->v->span, "'%s' is %.*s, allowed is %lld to %lld",
				  decode_path(d->a, s->path), (int)s->v->len, s->v->text, (long long)lo, (long long)hi);

	if (s->f->def)
		diag_help(d->sink, g, "the default is %s", s->f->def);
}

static bool take_int(const struct dec *d, const struct slot *s, int64_t lo, int64_t hi, int64_t *ret_v)
{
	int64_t v = 0;
	int r = s->v->kind == VAL_STRING ? str_int(value_str(s->v), &v) : value_int(s->v, &v);

	if (r == -ERANGE || (!r && (v < lo || v > hi)))
		out_of_range(d, s, lo, hi);
	else if (r)
		decode_wrong_type(d, s, "an integer");
	else
		*ret_v = v;
	return !r && v >= lo && v <= hi;
}

static void read_int(const struct dec *d, const struct slot *s, void *place)
{
	struct num *out = place;

	out->at = s->v->span;
	if (s->v->kind != VAL_NUMBER)
		decode_wrong_type(d, s, "an integer");
	else
		out->set = take_int(d, s, s->f->lo, s->f->hi, &out->v);
}

static void read_port(const struct dec *d, const struct slot *s, void *place)
{
	struct num *out = place;
	int64_t lo = s->f->hi ? s->f->lo : 1, hi = s->f->hi ? s->f->hi : 65535;

	out->at = s->v->span;
	if (s->v->kind == VAL_NUMBER ||
	    (s->v->kind == VAL_STRING && s->v->len && strspn(s->v->text, "0123456789") == s->v->len))
		out->set = take_int(d, s, lo, hi, &out->v);
	else
		decode_wrong_type(d, s, "a port: an integer or a string of digits");
}

static void read_bool(const struct dec *d, const struct slot *s, void *place)
{
	struct flag *out = place;

	out->at = s->v->span;
	if (s->v->kind != VAL_BOOL) {
		decode_wrong_type(d, s, "true or false");
		return;
	}
	out->v = s->v->truth;
	out->set = true;
}

static void read_enum(const struct dec *d, const struct slot *s, void *place)
{
	struct num *out = place;
	int name;

	out->at = s->v->span;
	if (!take_string(d, s))
		return;
	name = take_name(d, s);
	if (name < 0)
		return;
	out->v = name;
	out->set = true;
}

/* No source line that is printed may show it, whatever else is wrong with it. A reference is no secret. */
void decode_hide(const struct dec *d, const struct value *v)
{
	bool reference = v->kind == VAL_STRING && str_starts(value_str(v), "env:");

	for (uint32_t i = 0; v->kind == VAL_OBJECT && i < v->n_members; i++)
		if (!str_is(member_key(&v->members[i]), "env") && !str_is(member_key(&v->members[i]), "file"))
			diag_hide(d->sink, v->members[i].value.span);
	if (v->kind != VAL_OBJECT && !reference)
		diag_hide(d->sink, v->span);
}

static void bad_secret(const struct dec *d, const struct slot *s, struct span at, const char *what)
{
	struct diag *g = diag_add(d->sink, DIAG_XR164, at, "'%s' %s", decode_path(d->a, s->path), what);

	diag_help(d->sink, g, "write \"text\", \"env:NAME\", { env = \"NAME\" } or { file = \"PATH\" }");
}

/* { env = "NAME" } or { file = "PATH" } */
static bool secret_table(const struct dec *d, const struct slot *s, struct secret *out)
{
	const struct member *m = s->v->n_members == 1 ? &s->v->members[0] : NULL;
	bool env = m && str_is(member_key(m), "env"), file = m && str_is(member_key(m), "file");

	if (!env && !file) {
		bad_secret(d, s, s->v->span, "must hold exactly one of the keys 'env' and 'file'");
		return false;
	}
	if (m->value.kind != VAL_STRING || !m->value.len || has_nul(&m->value)) {
		bad_secret(d, s, m->value.span, env ? "needs the name of a variable" : "needs the path of a file");
		return false;
	}
	out->kind = env ? SECRET_ENV : SECRET_FILE;
	out->ref = m->value.text;
	return true;
}

static bool secret_string(const struct dec *d, const struct slot *s, struct secret *out)
{
	if (!take_string(d, s))
		return false;
	out->kind = SECRET_LITERAL;
	out->s = s->v->text;
	if (!str_starts(value_str(s->v), "env:"))
		return true;
	out->kind = SECRET_ENV;
	out->ref = s->v->text + 4;
	if (*out->ref)
		return true;
	bad_secret(d, s, s->v->span, "needs the name of a variable after 'env:'");
	return false;
}

/* Until the loader has resolved it, a reference stands as a UUID, so that no check of form complains about it. */
#define SECRET_STAND_IN "00000000-0000-4000-8000-000000000000"

static void read_secret(const struct dec *d, const struct slot *s, void *place)
{
	struct secret *out = place, got = { .s = SECRET_STAND_IN, .set = true };
	bool ok;

	out->at = got.at = s->v->span;
	decode_hide(d, s->v);
	if (s->v->kind == VAL_OBJECT)
		ok = secret_table(d, s, &got);
	else if (s->v->kind == VAL_STRING)
		ok = secret_string(d, s, &got);
	else {
		decode_wrong_type(d, s, "a string, { env = \"NAME\" } or { file = \"PATH\" }");
		return;
	}
	if (!ok)
		return;
	if (got.kind != SECRET_LITERAL) {
		got.s = SECRET_STAND_IN;
		got.missing = true;
	}
	*out = got;
	secrets_add(d->a, d->owner, out);
}

/* One element of F_STRS and its kin. */
static bool read_item(const struct dec *d, const struct slot *s, struct text *out)
{
	out->s = "";
	read_text(d, s, out);
	return out->set;
}

static void read_texts(const struct dec *d, const struct slot *s, void *place)
{
	struct texts *out = place;
	struct text *items;
	uint32_t n = 0;

	out->at = s->v->span;
	if (s->v->kind != VAL_ARRAY) {
		decode_wrong_type(d, s, "a list of strings");
		return;
	}
	items = arena_array(d->a, struct text, s->v->n);
	for (uint32_t i = 0; i < s->v->n; i++) {
		struct slot item = { s->f, s->path, &s->v->items[i] };

		n += read_item(d, &item, &items[n]);
	}
	*out = (struct texts){ items, n, true, s->v->span };
}

static void read_ints(const struct dec *d, const struct slot *s, void *place)
{
	struct nums *out = place;
	int64_t *items;
	uint32_t n = 0;

	out->at = s->v->span;
	if (s->v->kind != VAL_ARRAY) {
		decode_wrong_type(d, s, "a list of integers");
		return;
	}
	items = arena_array(d->a, int64_t, s->v->n);
	for (uint32_t i = 0; i < s->v->n; i++) {
		struct slot item = { s->f, s->path, &s->v->items[i] };

		if (item.v->kind != VAL_NUMBER)
			decode_wrong_type(d, &item, "a list of integers");
		else if (take_int(d, &item, s->f->lo, s->f->hi, &items[n]))
			n++;
		else
			return;
	}
	*out = (struct nums){ items, n, true, s->v->span };
}

/* inf and nan, the only numbers that end in a letter, have no form in JSON. */
static bool writable(const struct dec *d, const struct slot *s, const struct value *v)
{
	struct str text = v->kind == VAL_NUMBER ? value_str(v) : str_of(NULL);
	bool ok = true;

	if (text.len && strchr("fn", text.p[text.len - 1])) {
		diag_add(d->sink, DIAG_XR151, v->span, "'%s' holds %.*s, which JSON cannot write: use a number",
			 decode_path(d->a, s->path), (int)text.len, text.p);
		return false;
	}
	for (uint32_t i = 0; v->kind == VAL_ARRAY && i < v->n; i++)
		ok &= writable(d, s, &v->items[i]);
	for (uint32_t i = 0; v->kind == VAL_OBJECT && i < v->n_members; i++)
		ok &= writable(d, s, &v->members[i].value);
	return ok;
}

static void read_raw(const struct dec *d, const struct slot *s, void *place)
{
	struct raw *out = place;

	out->at = s->v->span;
	if (s->v->kind != VAL_OBJECT) {
		decode_wrong_type(d, s, "a table");
		return;
	}
	if (!writable(d, s, s->v))
		return;
	out->v = *s->v;
	out->set = true;
}

static void read_raws(const struct dec *d, const struct slot *s, void *place)
{
	struct list *out = place;
	struct value *items;
	uint32_t n = 0;

	out->at = s->v->span;
	if (s->v->kind != VAL_ARRAY) {
		decode_wrong_type(d, s, "a list of tables");
		return;
	}
	items = arena_array(d->a, struct value, s->v->n);
	for (uint32_t i = 0; i < s->v->n; i++) {
		struct slot item = { s->f, s->path, &s->v->items[i] };

		if (item.v->kind != VAL_OBJECT)
			decode_wrong_type(d, &item, "a list of tables");
		else if (writable(d, &item, item.v))
			items[n++] = *item.v;
	}
	*out = (struct list){ items, n, true, s->v->span };
}

typedef void reader(const struct dec *d, const struct slot *s, void *place);
static reader *const readers[F__N] = {
	[F_STR] = read_text,       [F_SECRET] = read_secret, [F_INT] = read_int,   [F_PORT] = read_port,
	[F_BOOL] = read_bool,      [F_ENUM] = read_enum,     [F_HOST] = read_text, [F_IP] = read_text,
	[F_CIDR] = read_text,      [F_PREFIX] = read_text,   [F_TAG] = read_text,  [F_PATH] = read_text,
	[F_DURATION] = read_text,  [F_DATETIME] = read_datetime, [F_URL] = read_text, [F_HOSTPORT] = read_text,
	[F_SHA256] = read_text,    [F_FILENAME] = read_text,     [F_STRS] = read_texts,    [F_HOSTS] = read_texts,
	[F_IPS] = read_texts,
	[F_ENUMS] = read_texts,    [F_INTS] = read_ints,     [F_RAW] = read_raw,   [F_RAWS] = read_raws,
};

void decode_value(const struct dec *d, const struct slot *s, void *out)
{
	if (readers[s->f->type])
		readers[s->f->type](d, s, out);
}

bool decode_is_fixed(const struct field *f, const struct value *v)
{
	if (!f->fixed)
		return false;
	if (v->kind == VAL_BOOL)
		return str_is(str_of(f->fixed), v->truth ? "true" : "false");
	if (v->kind != VAL_STRING && v->kind != VAL_NUMBER)
		return false;
	return str_is_nocase(value_str(v), f->fixed);
}
