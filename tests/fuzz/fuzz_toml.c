/* link: lib */
/* The TOML reader: never crashes, refuses with a place, and gives trees with places inside the text that write as
 * JSON. */
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check_span(struct span at, size_t len)
{
	require(at.src == 1 && at.begin <= at.end && at.end <= len);
}

/* inf, nan and dates have no JSON form. */
static bool check(const struct value *v, size_t len, unsigned depth)
{
	bool plain = v->kind != VAL_DATETIME && !(v->kind == VAL_NUMBER && memchr(v->text, 'n', v->len));

	require(depth <= TOML_MAX_DEPTH + 1 && v->kind != VAL_NONE && v->kind != VAL_NULL);
	check_span(v->span, len);
	if (v->kind == VAL_ARRAY)
		for (uint32_t i = 0; i < v->n; i++)
			plain &= check(&v->items[i], len, depth + 1);
	if (v->kind == VAL_OBJECT) {
		for (uint32_t i = 0; i < v->n_members; i++) {
			struct member *m = &v->members[i];

			check_span(m->key_span, len);
			require(m->key_span.begin < m->key_span.end);
			require(i == 0 || m->key_span.begin > m[-1].key_span.begin);
			plain &= check(&m->value, len, depth + 1);
		}
	}
	return plain;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new();
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	uint32_t src = sources_add(sources, "fuzz", (const char *)data, (uint32_t)len);
	struct value v, again;
	struct buf b = { 0 };
	int result = toml_parse(a, sink, src, &v);

	require(result == 0 || result == 2);
	require((result == 2) == (diag_count(sink, SEV_ERROR) > 0));
	for (unsigned i = 0; i < diag_total(sink); i++)
		check_span(diag_at(sink, i)->at, len);
	if (result == 0 && check(&v, len, 0)) {
		json_write(&b, &v);
		src = sources_add(sources, "json", b.p, (uint32_t)b.len);
		require(json_parse(a, sink, src, false, &again) == 0 ||
			diag_at(sink, diag_total(sink) - 1)->code == DIAG_XR210);
		buf_fini(&b);
	}
	diag_finish(sink, false);
	arena_free(a);
	return 0;
}
