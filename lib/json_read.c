/* JSON reader: one pass over the text, no copy of strings without escapes or of numbers. Goes on after faults that
 * leave no doubt about what follows (a trailing or missing comma, a duplicate key, a bare word); stops at others. */
#include "lib/json.h"

#include <string.h>

#include "lib/json_impl.h"

static bool read_value(struct json_reader *r, struct value *ret_value);

const char *json_found(const struct json_reader *r, const char *p)
{
	unsigned char c = p < r->end ? (unsigned char)*p : 0;
	int len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

	if (p >= r->end)
		return "the end of the text";
	if (c < 0x20 || c == 0x7f)
		return arena_printf(r->arena, "control character 0x%02x", c);
	if (c == '\'')
		return "a single quote";
	return arena_printf(r->arena, "'%.*s'", len, p);
}

static struct diag *fault(struct json_reader *r, enum diag_code code, struct span at, const char *fmt, va_list ap)
{
	if (r->faults >= JSON_MAX_FAULTS)
		return NULL;
	r->faults++;
	return diag_add(r->sink, code, at, "%s", arena_vprintf(r->arena, fmt, ap));
}

struct diag *json_fault(struct json_reader *r, enum diag_code code, struct span at, const char *fmt, ...)
{
	struct diag *d;
	va_list ap;

	r->refused = true;
	va_start(ap, fmt);
	d = fault(r, code, at, fmt, ap);
	va_end(ap);
	return d;
}

struct diag *json_dislike(struct json_reader *r, enum diag_code code, struct span at, const char *fmt, ...)
{
	struct diag *d;
	va_list ap;

	va_start(ap, fmt);
	d = fault(r, code, at, fmt, ap);
	va_end(ap);
	if (!r->lenient)
		r->refused = true;
	else if (d)
		d->severity = SEV_WARNING;
	return d;
}

bool json_expected(struct json_reader *r, const char *what)
{
	struct span at = json_span(r, r->p, r->p < r->end ? r->p + 1 : r->p);

	json_fault(r, DIAG_XR201, at, "expected %s, found %s", what, json_found(r, r->p));
	return false;
}

enum next { NEXT_ITEM, NEXT_CLOSE, NEXT_STOP };

/* Neither a comma nor the bracket after an item: a forgotten comma, or something that cannot be read on. */
static enum next missing_comma(struct json_reader *r, const char *open)
{
	const char *what = *open == '{' ? "',' or '}'" : "',' or ']'";
	struct diag *d;

	if (r->p < r->end && strchr(*open == '{' ? "\"" : "\"{[-0123456789tfn", *r->p)) {
		json_fault(r, DIAG_XR203, json_span(r, r->p, r->p + 1), "expected %s, found %s: a comma is missing",
			   what, json_found(r, r->p));
		return r->faults < JSON_MAX_FAULTS ? NEXT_ITEM : NEXT_STOP;
	}
	d = json_fault(r, DIAG_XR201, json_span(r, r->p, r->p < r->end ? r->p + 1 : r->p), "expected %s, found %s",
		       what, json_found(r, r->p));
	if (d)
		diag_relate(r->sink, d, json_span(r, open, open + 1), "the '%c' to close is here", *open);
	return NEXT_STOP;
}

/* Moves to the next item of the container that began at open, or behind its end. */
static inline enum next next_item(struct json_reader *r, const char *open, bool first)
{
	char close = *open == '{' ? '}' : ']';
	const char *comma;

	if (!json_skip_space(r))
		return NEXT_STOP;
	if (r->p < r->end && *r->p == close) {
		r->p++;
		return NEXT_CLOSE;
	}
	if (first && r->p < r->end)
		return NEXT_ITEM;
	if (r->p >= r->end || *r->p != ',')
		return missing_comma(r, open);
	comma = r->p++;
	if (!json_skip_space(r))
		return NEXT_STOP;
	if (r->p >= r->end || *r->p != close)
		return NEXT_ITEM;
	json_fault(r, DIAG_XR202, json_span(r, comma, comma + 1), "trailing comma before '%c': remove it", close);
	r->p++;
	return r->faults < JSON_MAX_FAULTS ? NEXT_CLOSE : NEXT_STOP;
}

static bool enter(struct json_reader *r)
{
	if (++r->depth <= JSON_MAX_DEPTH)
		return true;
	json_fault(r, DIAG_XR210, json_span(r, r->p, r->p + 1), "nested deeper than %d levels, which is the limit",
		   JSON_MAX_DEPTH);
	return false;
}

static void push_item(struct json_reader *r, const struct value *v)
{
	if (r->n_items == r->cap_items)
		r->items = arena_grow(r->arena, r->items, r->n_items, sizeof(*r->items), &r->cap_items);
	r->items[r->n_items++] = *v;
}

static void close_array(struct json_reader *r, unsigned first, struct value *v)
{
	v->n = v->cap = r->n_items - first;
	if (v->n) {
		v->items = arena_array(r->arena, struct value, v->n);
		memcpy(v->items, r->items + first, v->n * sizeof(*v->items));
	}
	r->n_items = first;
}

static bool read_array(struct json_reader *r, struct value *ret_value)
{
	unsigned first = r->n_items;
	const char *open = r->p;
	struct value item;
	enum next next;

	if (!enter(r))
		return false;
	r->p++;
	for (next = next_item(r, open, true); next == NEXT_ITEM; next = next_item(r, open, false)) {
		if (!read_value(r, &item))
			return false;
		push_item(r, &item);
	}
	if (next == NEXT_STOP)
		return false;
	*ret_value = value_array(json_span(r, open, r->p));
	close_array(r, first, ret_value);
	r->depth--;
	return true;
}

static bool read_key(struct json_reader *r, struct member *m)
{
	struct str key;

	if (r->p < r->end && *r->p == '"') {
		if (!json_read_string(r, &key, &m->key_span))
			return false;
	} else if (!json_read_odd(r, "a key in double quotes", &key, &m->key_span)) {
		return false;
	}
	m->key = key.p;
	m->key_len = (uint32_t)key.len;
	if (!json_skip_space(r))
		return false;
	if (r->p >= r->end || *r->p != ':')
		return json_expected(r, "':' after the key");
	r->p++;
	return json_skip_space(r);
}

static void push_member(struct json_reader *r, const struct member *m)
{
	if (r->n_members == r->cap_members)
		r->members = arena_grow(r->arena, r->members, r->n_members, sizeof(*r->members), &r->cap_members);
	r->members[r->n_members++] = *m;
}

static void close_object(struct json_reader *r, unsigned first, struct value *v)
{
	v->n_members = v->cap_members = r->n_members - first;
	if (v->n_members) {
		v->members = arena_array(r->arena, struct member, v->n_members);
		memcpy(v->members, r->members + first, v->n_members * sizeof(*v->members));
		json_check_duplicates(r, v->members, v->n_members);
	}
	r->n_members = first;
}

static bool read_object(struct json_reader *r, struct value *ret_value)
{
	unsigned first = r->n_members;
	const char *open = r->p;
	struct member m;
	enum next next;

	if (!enter(r))
		return false;
	r->p++;
	for (next = next_item(r, open, true); next == NEXT_ITEM; next = next_item(r, open, false)) {
		if (!read_key(r, &m) || !read_value(r, &m.value))
			return false;
		push_member(r, &m);
	}
	if (next == NEXT_STOP)
		return false;
	*ret_value = value_object(json_span(r, open, r->p));
	close_object(r, first, ret_value);
	r->depth--;
	return r->faults < JSON_MAX_FAULTS;
}

static bool is_literal(const struct json_reader *r, const char *word, size_t len)
{
	const char *behind = r->p + len;

	if ((size_t)(r->end - r->p) < len || memcmp(r->p, word, len) != 0)
		return false;
	return behind == r->end ||
		!(((*behind | 0x20) >= 'a' && (*behind | 0x20) <= 'z') || (*behind >= '0' && *behind <= '9') ||
		  *behind == '_');
}

static bool read_literal(struct json_reader *r, struct value *ret_value)
{
	static const struct {
		const char *word;
		uint8_t len, kind;
		bool truth;
	} rows[] = { { "true", 4, VAL_BOOL, true }, { "false", 5, VAL_BOOL, false }, { "null", 4, VAL_NULL, false } };
	const char *begin = r->p;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!is_literal(r, rows[i].word, rows[i].len))
			continue;
		r->p += rows[i].len;
		*ret_value = (struct value){ .kind = rows[i].kind,
					     .truth = rows[i].truth,
					     .span = json_span(r, begin, r->p) };
		return true;
	}
	*ret_value = value_null(SPAN_NONE);
	return json_read_odd(r, "a value", &(struct str){ 0 }, &ret_value->span);
}

static bool read_value(struct json_reader *r, struct value *ret_value)
{
	struct str text;

	switch (r->p < r->end ? *r->p : 0) {
	case '"':
		*ret_value = (struct value){ .kind = VAL_STRING };
		if (!json_read_string(r, &text, &ret_value->span))
			return false;
		ret_value->text = text.p;
		ret_value->len = (uint32_t)text.len;
		return true;
	case '{':
		return read_object(r, ret_value);
	case '[':
		return read_array(r, ret_value);
	case '-': case '+': case '.':
	case '0': case '1': case '2': case '3': case '4':
	case '5': case '6': case '7': case '8': case '9':
		return json_read_number(r, ret_value);
	default:
		return read_literal(r, ret_value);
	}
}

/* Faults of the bytes as a whole, each of which makes further reading pointless. */
static bool check_bytes(struct json_reader *r)
{
	size_t len = (size_t)(r->end - r->base), bad;
	const char *nul = memchr(r->base, 0, len);

	if (len > JSON_MAX_BYTES) {
		json_fault(r, DIAG_XR211, json_span(r, r->base, r->base), "text has %zu bytes, more than %d MiB", len,
			   JSON_MAX_BYTES >> 20);
		return false;
	}
	if (len >= 2 && (memcmp(r->base, "\xff\xfe", 2) == 0 || memcmp(r->base, "\xfe\xff", 2) == 0)) {
		json_fault(r, DIAG_XR206, json_span(r, r->base, r->base + 2), "text is UTF-16: save it as UTF-8");
		return false;
	}
	if (nul) {
		json_fault(r, DIAG_XR207, json_span(r, nul, nul + 1), "NUL byte in the text: remove it");
		return false;
	}
	if (!str_is_utf8((struct str){ r->base, len }, &bad)) {
		json_fault(r, DIAG_XR206, json_span(r, r->base + bad, r->base + bad + 1),
			   "byte 0x%02x is not valid UTF-8: save the file as UTF-8", (unsigned char)r->base[bad]);
		return false;
	}
	return true;
}

static void skip_bom(struct json_reader *r)
{
	if (r->end - r->p < 3 || memcmp(r->p, "\xef\xbb\xbf", 3) != 0)
		return;
	r->p += 3;
	diag_add(r->sink, DIAG_XR212, json_span(r, r->base, r->p), "byte order mark skipped: UTF-8 needs none");
}

static void check_rest(struct json_reader *r)
{
	const char *nl;

	r->behind = true;
	if (!json_skip_space(r) || r->p >= r->end)
		return;
	nl = memchr(r->p, '\n', (size_t)(r->end - r->p));
	json_dislike(r, DIAG_XR205, json_span(r, r->p, nl ? nl : r->end), "text after the end of the JSON value%s",
		     r->lenient ? " is ignored" : ": remove it, or put all into one object");
}

int json_parse(struct arena *a, struct diag_sink *sink, uint32_t src, bool lenient, struct value *ret_value)
{
	const struct source *s = sources_get(diag_sources(sink), src);
	struct json_reader r = {
		.base = s->bytes, .p = s->bytes, .end = s->bytes + s->len,
		.src = src, .arena = a, .sink = sink, .lenient = lenient,
	};
	struct value v;

	if (!check_bytes(&r))
		return 2;
	skip_bom(&r);
	if (!json_skip_space(&r))
		return 2;
	if (r.p >= r.end) {
		*ret_value = (struct value){ .kind = VAL_NONE, .span = json_span(&r, r.base, r.base) };
		return 1;
	}
	if (!read_value(&r, &v))
		return 2;
	check_rest(&r);
	if (r.refused)
		return 2;
	*ret_value = v;
	return 0;
}
