/* link: apply compiler links render validate merge model lib */
/* memory-ROLE.json: what goes in comes out; what is damaged counts as nothing and is set aside. */
#include "tests/unit/note_test.h"

#define FILE_NAME ".state/memory-client.json"

static const struct attempt attempt = {
	.input_digest = "aa", .rendered_digest = "bb", .target = "xray-26.7", .tool_version = "0.1.0",
	.engine = "/usr/bin/xray", .engine_mtime_ns = 1767225600123456789,
};

static struct memory read_back(struct root *t)
{
	struct memory m;

	assert_int_equal(memory_read(t->a, &t->s, ROLE_CLIENT, &m, &t->e), 0);
	return m;
}

static void test_round_trip(void **state)
{
	struct memory m = { .failed = attempt, .failed_reason = "it has\nerrors", .held = "cc", .held_rendered = "dd",
			    .held_since = "2026-01-02T03:04:05.678Z" }, got;
	struct root t;

	(void)state;
	root_make(&t);
	got = read_back(&t);
	assert_null(got.failed.input_digest);
	assert_null(got.held);
	assert_int_equal(memory_write(t.a, &t.s, ROLE_CLIENT, &m, &t.e), 0);
	assert_int_equal(root_mode(&t, FILE_NAME), 0600);
	got = read_back(&t);
	assert_true(memory_same(&got.failed, &attempt));
	assert_string_equal(got.failed_reason, "it has errors");
	assert_string_equal(got.held, "cc");
	assert_string_equal(got.held_rendered, "dd");
	assert_string_equal(got.held_since, m.held_since);
	assert_null(got.damaged);
	assert_int_equal(memory_read(t.a, &t.s, ROLE_SERVER, &got, &t.e), 0);
	assert_null(got.held);
	assert_int_equal(memory_write(t.a, &t.s, ROLE_CLIENT, &(struct memory){ 0 }, &t.e), 0);
	assert_null(root_read(&t, FILE_NAME));
	root_drop(&t);
}

static void test_same(void **state)
{
	struct attempt other[] = { attempt, attempt, attempt, attempt, attempt, attempt }, none = { 0 };

	(void)state;
	other[0].input_digest = "x";
	other[1].rendered_digest = "x";
	other[2].target = "x";
	other[3].tool_version = "x";
	other[4].engine = "x";
	other[5].engine_mtime_ns++;
	assert_true(memory_same(&attempt, &attempt));
	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++)
		assert_false(memory_same(&attempt, &other[i]));
	assert_false(memory_same(&none, &none));
	other[1].rendered_digest = NULL;
	other[2] = other[1];
	other[2].rendered_digest = "";
	assert_true(memory_same(&other[1], &other[2]));
}

static void test_damaged(void **state)
{
	static const char *const texts[] = {
		"", "{", "[]", "{}", "{\"version\": 2}", "{\"version\": 1, \"failed\": {}}", "{\"version\": 1, \"held\": 3}",
		"{\"version\": 1, \"failed\": {\"input_digest\": 5}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct root t;
		struct memory got;

		root_make(&t);
		root_write(&t, FILE_NAME, texts[i]);
		got = read_back(&t);
		assert_non_null(got.damaged);
		assert_null(got.held);
		assert_null(got.failed.input_digest);
		memory_report(t.sink, ROLE_CLIENT, &got);
		assert_string_equal(root_codes(&t), "XR714 ");
		assert_null(root_read(&t, FILE_NAME));
		assert_string_equal(root_read(&t, FILE_NAME ".corrupt"), texts[i]);
		got = read_back(&t);
		assert_null(got.damaged);
		root_drop(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_same), cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
