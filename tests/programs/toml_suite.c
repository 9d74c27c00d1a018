/* link: lib */
/* The TOML suite: toml_suite valid|invalid FILE... A valid file must load and hold what its .json twin says (each
 * scalar there is {"type", "value"}); an invalid one must be refused with an error that has a place in it. */
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "lib/toml.h"

struct loaded {
	struct arena *a;
	struct sources *sources;
	struct diag_sink *sink;
	struct value root;
	int result;
};

static int load(struct loaded *l, const char *path)
{
	struct str bytes;
	uint32_t src;

	l->a = arena_new();
	l->sources = sources_new(l->a);
	l->sink = diag_sink_new(l->a, l->sources);
	if (file_read(l->a, AT_FDCWD, path, 1 << 24, &bytes, NULL) < 0)
		return -1;
	src = sources_add(l->sources, path, bytes.p, (uint32_t)bytes.len);
	l->result = toml_parse(l->a, l->sink, src, &l->root);
	diag_finish(l->sink, false);
	return 0;
}

static bool same_float(const char *want, const char *got)
{
	double w = strtod(want, NULL), g = strtod(got, NULL);

	return (isnan(w) && isnan(g)) || w == g;
}

/* "1987-07-05 17:45:00z" and "1987-07-05T17:45:00Z" are one moment; so are .6 and .600. */
static void datetime_normal(const char *s, char *ret, size_t cap)
{
	size_t n = 0;
	bool fraction = false;

	for (; *s && n + 2 < cap; s++) {
		char c = *s == ' ' || *s == 't' ? 'T' : *s == 'z' ? 'Z' : *s;

		if (fraction && (c < '0' || c > '9')) {
			while (n && ret[n - 1] == '0')
				n--;
			fraction = false;
		}
		fraction |= c == '.';
		ret[n++] = c;
	}
	while (fraction && n && ret[n - 1] == '0')
		n--;
	ret[n] = '\0';
}

static bool same_datetime(const char *want, const char *got)
{
	char w[64], g[64];

	datetime_normal(want, w, sizeof(w));
	datetime_normal(got, g, sizeof(g));
	return !strcmp(w, g);
}

static bool same_scalar(const char *type, json_t *want, const struct value *got)
{
	const char *text = json_string_value(want);

	if (!strcmp(type, "string"))
		return got->kind == VAL_STRING && got->len == json_string_length(want) &&
			!memcmp(got->text, text, got->len);
	if (!strcmp(type, "bool"))
		return got->kind == VAL_BOOL && got->truth == !strcmp(text, "true");
	if (!strcmp(type, "integer"))
		return got->kind == VAL_NUMBER && strtoll(got->text, NULL, 10) == strtoll(text, NULL, 10);
	if (!strcmp(type, "float"))
		return got->kind == VAL_NUMBER && same_float(text, got->text);
	return got->kind == VAL_DATETIME && same_datetime(text, got->text);
}

static bool same(json_t *want, const struct value *got)
{
	json_t *type = json_object_get(want, "type"), *value = json_object_get(want, "value"), *item;
	const char *key;
	size_t i, key_len;

	if (json_object_size(want) == 2 && json_is_string(type) && json_is_string(value))
		return same_scalar(json_string_value(type), value, got);
	if (json_is_array(want)) {
		if (got->kind != VAL_ARRAY || got->n != json_array_size(want))
			return false;
		json_array_foreach(want, i, item)
			if (!same(item, &got->items[i]))
				return false;
		return true;
	}
	if (got->kind != VAL_OBJECT || got->n_members != json_object_size(want))
		return false;
	json_object_keylen_foreach(want, key, key_len, item) {
		struct member *m = value_member(got, (struct str){ key, key_len });
		if (!m || !same(item, &m->value))
			return false;
	}
	return true;
}

static const char *first_message(const struct loaded *l)
{
	return diag_total(l->sink) ? diag_at(l->sink, 0)->msg : "no diagnostic";
}

static const char *check_valid(struct loaded *l, const char *path)
{
	char twin[4096];
	json_error_t e;
	json_t *want;
	bool ok;

	if (l->result != 0 || diag_count(l->sink, SEV_ERROR))
		return first_message(l);
	snprintf(twin, sizeof(twin), "%.*s.json", (int)(strlen(path) - 5), path);
	want = json_load_file(twin, JSON_ALLOW_NUL, &e);
	/* jansson has no keys with a NUL in them; such a file only has to load. */
	if (!want)
		return json_error_code(&e) == json_error_null_byte_in_key ? NULL : "its .json twin does not load";
	ok = same(want, &l->root);
	json_decref(want);
	return ok ? NULL : "holds something else than its .json twin";
}

static const char *check_invalid(struct loaded *l, const char *path)
{
	const struct source *s;
	const struct diag *d;

	(void)path;
	if (l->result == 0 || !diag_count(l->sink, SEV_ERROR))
		return "was accepted";
	d = diag_at(l->sink, 0);
	s = sources_get(l->sources, d->at.src);
	return s && d->at.begin <= s->len ? NULL : "was refused without a place";
}

int main(int argc, char **argv)
{
	bool valid = argc > 1 && !strcmp(argv[1], "valid");
	int bad = 0;

	for (int i = 2; i < argc; i++) {
		struct loaded l = { 0 };
		const char *why;

		if (load(&l, argv[i]) < 0)
			why = "cannot be read";
		else
			why = valid ? check_valid(&l, argv[i]) : check_invalid(&l, argv[i]);
		printf("%s %s%s%s\n", why ? "FAIL" : "ok", argv[i], why ? ": " : "", why ? why : "");
		bad += !!why;
		arena_free(l.a);
	}
	return bad ? 1 : 0;
}
