/* link: lib */
/* The regular expressions and the digest: thin, but their contracts are ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/regex.h"
#include "lib/sha256.h"

static void test_match(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} rows[] = {
		{ "\\.example\\.com$", "www.example.com", true },
			{ "\\.example\\.com$", "www.example.com.evil", false },
		{ "^a+b", "xaab", false },                        { "a+b", "xaab", true },
		{ "", "anything", true },                         { "(?i)EXAMPLE", "an example", true },
		{ "^\\d{2,3}$", "1234", false },                  { "\xc3\xbc", "gr\xc3\xbcn", true },
	};
	struct arena *a = arena_new();

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct regex *r;
		const char *why;

		assert_int_equal(regex_new(a, str_of(rows[i].pattern), &r, &why), 0);
		assert_int_equal(regex_match(r, str_of(rows[i].text)), rows[i].match);
		regex_free(r);
	}
	arena_free(a);
}

static void test_bad_patterns_say_why(void **state)
{
	static const char *const patterns[] = { "(", "a**", "[z-a]", "(?<name>x)(?=y)", "\\1", "a{2000}", "\xff" };
	struct arena *a = arena_new();

	(void)state;
	for (unsigned i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		struct regex *r = NULL;
		const char *why = NULL;

		assert_int_equal(regex_new(a, str_of(patterns[i]), &r, &why), 1);
		assert_null(r);
		assert_true(strlen(why) > 3);
	}
	regex_free(NULL);
	arena_free(a);
}

/* A pattern that takes backtracking matchers for ever. */
static void test_linear_time(void **state)
{
	char text[5001];
	struct arena *a = arena_new();
	struct regex *r;
	const char *why;

	(void)state;
	memset(text, 'a', 5000);
	text[5000] = 0;
	assert_int_equal(regex_new(a, str_of("^(a+)+$"), &r, &why), 0);
	assert_true(regex_match(r, str_of(text)));
	text[4999] = 'b';
	assert_false(regex_match(r, str_of(text)));
	regex_free(r);
	arena_free(a);
}

/* FIPS 180-4 examples. */
static void test_sha256(void **state)
{
	char hex[65];

	(void)state;
	sha256_hex(str_of("abc"), 32, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_hex(str_of(NULL), 32, hex);
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256_hex(str_of("abc"), 4, hex);
	assert_string_equal(hex, "ba7816bf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_bad_patterns_say_why),
		cmocka_unit_test(test_linear_time),
		cmocka_unit_test(test_sha256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
