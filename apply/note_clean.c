/* Texts from elsewhere (an engine's last words, names of files) on their way into our JSON. */
#include <string.h>

#include "apply/note_impl.h"

/* Length of the well-formed character at p, 0 when it is none. */
static size_t char_len(const char *p, size_t left)
{
	size_t bad;

	for (size_t n = 1; n <= 4 && n <= left; n++)
		if (str_is_utf8((struct str){ p, n }, &bad))
			return n;
	return 0;
}

/* C0, DEL and C1: nothing that moves a cursor. */
static bool is_control(const char *p, size_t len)
{
	unsigned char c = (unsigned char)*p;

	return len == 1 ? c < 0x20 || c == 0x7f : len == 2 && c == 0xc2 && (unsigned char)p[1] < 0xa0;
}

char *note_clean(struct arena *a, struct str text, size_t max_bytes)
{
	char *out = arena_alloc(a, (text.len < max_bytes ? text.len : max_bytes) + 8), *p = out;

	while (text.len) {
		size_t n = char_len(text.p, text.len), put = n && !is_control(text.p, n) ? n : 1;

		if ((size_t)(p - out) + put > max_bytes) {
			p = stpcpy(p, "…");
			break;
		}
		if (!n)
			*p = '?';
		else if (is_control(text.p, n))
			*p = ' ';
		else
			memcpy(p, text.p, n);
		p += put;
		text = str_skip(text, n ? n : 1);
	}
	*p = 0;
	return out;
}

static struct value clean_array(struct arena *a, const struct failure_mask *mask, const struct value *v)
{
	struct value copy = value_array(SPAN_NONE);

	for (uint32_t i = 0; i < v->n; i++)
		value_push(a, &copy, note_clean_value(a, mask, &v->items[i]));
	return copy;
}

static struct value clean_object(struct arena *a, const struct failure_mask *mask, const struct value *v)
{
	struct value copy = value_object(SPAN_NONE);

	for (uint32_t i = 0; i < v->n_members; i++) {
		const struct member *m = &v->members[i];

		value_put(a, &copy, note_clean(a, member_key(m), m->key_len), note_clean_value(a, mask, &m->value));
	}
	return copy;
}

struct value note_clean_value(struct arena *a, const struct failure_mask *mask, const struct value *v)
{
	if (v->kind == VAL_OBJECT)
		return clean_object(a, mask, v);
	if (v->kind == VAL_ARRAY)
		return clean_array(a, mask, v);
	if (v->kind != VAL_STRING)
		return *v;
	return value_string(failure_mask_text(a, mask, note_clean(a, value_str(v), v->len)), SPAN_NONE);
}
