/* link: lib */
/* The JSON reader against jansson: the same texts are JSON for both (comments, a byte order mark, blank texts and depth
 * aside); whatever is accepted survives writing and reading; places lie inside the text. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check_span(struct span at, size_t len)
{
	require(at.begin <= at.end && at.end <= len);
}

static void check_spans(const struct value *v, size_t len)
{
	check_span(v->span, len);
	if (v->kind == VAL_ARRAY)
		for (uint32_t i = 0; i < v->n; i++)
			check_spans(&v->items[i], len);
	if (v->kind == VAL_OBJECT) {
		for (uint32_t i = 0; i < v->n_members; i++) {
			require(v->members[i].key_span.begin < v->members[i].key_span.end);
			check_span(v->members[i].key_span, len);
			check_spans(&v->members[i].value, len);
		}
	}
}

static bool has_code(const struct diag_sink *sink, enum diag_code code)
{
	for (unsigned i = 0; i < diag_total(sink); i++)
		if (diag_at(sink, i)->code == code)
			return true;
	return false;
}

/* Texts that jansson refuses for reasons of its own. */
static bool jansson_differs(const char *text, size_t len, const json_error_t *e)
{
	enum json_error_code code = json_error_code(e);

	return code == json_error_numeric_overflow || code == json_error_null_byte_in_key || memchr(text, '#', len) ||
	       memchr(text, '/', len) || memchr(text, '\xef', len);
}

static void compare(const char *text, size_t len, int result, const struct diag_sink *sink)
{
	json_error_t e;
	json_t *j = json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);

	/* jansson passes over a NUL byte behind a number. */
	if (j)
		require(result == 0 || has_code(sink, DIAG_XR210) || has_code(sink, DIAG_XR207));
	else if (result == 0)
		require(jansson_differs(text, len, &e));
	json_decref(j);
}

static void round_trip(struct arena *a, struct sources *sources, struct diag_sink *sink, const struct value *v)
{
	struct buf b = { 0 }, again = { 0 };
	struct value second;

	json_write(&b, v);
	require(json_parse(a, sink, sources_add(sources, "again", b.p, (uint32_t)b.len), false, &second) == 0);
	require(value_equal(v, &second));
	json_write(&again, &second);
	require(b.len == again.len && memcmp(b.p, again.p, b.len) == 0);
	buf_fini(&b);
	buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new();
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	const char *text = (const char *)data;
	uint32_t src = sources_add(sources, "fuzz", text, (uint32_t)len);
	struct value v, lenient;
	int result = json_parse(a, sink, src, false, &v);

	require((result == 2) == (diag_count(sink, SEV_ERROR) > 0));
	for (unsigned i = 0; i < diag_total(sink); i++)
		check_span(diag_at(sink, i)->at, len);
	compare(text, len, result, sink);
	if (result == 0) {
		check_spans(&v, len);
		round_trip(a, sources, sink, &v);
		require(json_parse(a, sink, src, true, &lenient) == 0 && value_equal(&v, &lenient));
	}
	diag_finish(sink, false);
	arena_free(a);
	return 0;
}
