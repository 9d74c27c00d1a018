/* link: apply compiler links render validate merge model lib */
/* The small files below .state, which anybody may have written: whatever the bytes, each parser takes them or says why
 * not, and what it took is written as JSON that it takes again, with the same content. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "apply/note_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static bool same_text(const char *a, const char *b)
{
	return str_eq(str_of(a), str_of(b));
}

/* The bytes that would be written: JSON for another reader too. */
static struct str written(struct arena *a, const struct value *v)
{
	struct buf out = { 0 };
	struct str text;
	json_error_t e;
	json_t *j;

	json_write(&out, v);
	require(!out.failed);
	text = (struct str){ arena_memdup(a, out.p, out.len), out.len };
	buf_fini(&out);
	j = json_loadb(text.p, text.len, JSON_ALLOW_NUL, &e);
	require(j || json_error_code(&e) == json_error_numeric_overflow ||
		json_error_code(&e) == json_error_null_byte_in_key || json_error_code(&e) == json_error_stack_overflow);
	json_decref(j);
	return text;
}

static void check_request(struct arena *a, struct str bytes)
{
	struct request_set set, again;
	const char *why = NULL;
	struct value v;
	int r = request_parse(a, bytes, &set, &why);

	require(r == 0 || ((r == REQUEST_CORRUPT || r == REQUEST_VERSION) && why && *why));
	if (r)
		return;
	for (unsigned role = 0; role < ROLE__N; role++)
		if (set.has[role] && !set.of[role].id) {
			require(set.is_old);
			set.of[role].id = role ? "made-up-2" : "made-up-1";
		}
	v = request_value(a, &set);
	require(request_parse(a, written(a, &v), &again, &why) == 0);
	require(!again.is_old && !again.dropped);
	for (unsigned role = 0; role < ROLE__N; role++) {
		require(set.has[role] == again.has[role]);
		require(!set.has[role] || same_text(set.of[role].id, again.of[role].id));
	}
}

static void check_failure(struct arena *a, struct str bytes)
{
	struct failure_set set, again;
	const char *why = NULL;
	struct value v;

	if (failure_parse(a, bytes, &set, &why)) {
		require(why && *why);
		return;
	}
	/* Diagnostics are written back as they were read; here they go through what cleans new ones. */
	for (unsigned role = 0; role < ROLE__N; role++)
		if (set.has[role])
			set.of[role].diagnostics = note_clean_value(a, NULL, &set.of[role].diagnostics);
	if (!set.has[set.newest])
		return; /* no entry: the file would be removed */
	v = failure_value(a, &set);
	require(failure_parse(a, written(a, &v), &again, &why) == 0);
	require(set.newest == again.newest);
	for (unsigned role = 0; role < ROLE__N; role++) {
		require(set.has[role] == again.has[role]);
		require(!set.has[role] || (same_text(set.of[role].reason, again.of[role].reason) &&
					   set.of[role].diagnostics.n == again.of[role].diagnostics.n));
	}
}

static void check_memory(struct arena *a, struct str bytes)
{
	struct memory m, again;
	const char *why = NULL;
	struct value v;

	if (memory_parse(a, bytes, &m, &why)) {
		require(why && *why);
		return;
	}
	v = memory_value(a, &m);
	require(memory_parse(a, written(a, &v), &again, &why) == 0);
	require(!m.failed.input_digest || memory_same(&m.failed, &again.failed));
	require(same_text(m.held, again.held) && same_text(m.held_rendered, again.held_rendered));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new();
	struct str bytes = { (const char *)data, len };

	check_request(a, bytes);
	check_failure(a, bytes);
	check_memory(a, bytes);
	arena_free(a);
	return 0;
}
