/* link: lib */
/* Slices, maps, buffers and the arena. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/lib.h"

static void test_int(void **state)
{
	static const struct {
		const char *text;
		int result;
		int64_t value;
	} rows[] = {
		{ "0", 0, 0 },
		{ "-1", 0, -1 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "-9223372036854775809", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "1.0", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int64_t n = 0;

		assert_int_equal(str_int(str_of(rows[i].text), &n), rows[i].result);
		assert_true(n == rows[i].value);
	}
}

static void test_utf8(void **state)
{
	static const struct {
		const char *bytes;
		size_t len, bad;
	} rows[] = {
		{ "plain ascii, longer than a word", 31, SIZE_MAX },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x8d", 9, SIZE_MAX },
		{ "12345678\xff", 9, 8 },
		{ "\xc0\x80", 2, 0 },	      /* overlong NUL */
		{ "a\xed\xa0\x80", 4, 1 },    /* surrogate */
		{ "\xf4\x90\x80\x80", 4, 0 }, /* above U+10FFFF */
		{ "ab\xe2\x82", 4, 2 },	      /* cut off */
		{ "\xe0\x80\x80", 3, 0 },
		{ "\xf0\x80\x80\x80", 4, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t bad = SIZE_MAX;

		assert_int_equal(str_is_utf8((struct str){ rows[i].bytes, rows[i].len }, &bad),
				 rows[i].bad == SIZE_MAX);
		assert_int_equal(bad, rows[i].bad);
	}
}

/* Whatever the room, a text is cut behind a whole character, and is all there when it fits. */
static void test_print(void **state)
{
	static const char *const texts[] = { "", "plain", "z\xc3\xa9", "\xd0\x9e\xd1\x88\xd0\xb8\xd0\xb1", "\xe9\x8c\xaf\xe8\xaa\xa4",
					     "a\xf0\x9f\x94\xa5" "b" };
	char text[16], middle[32];
	size_t bad;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		for (size_t size = 1; size <= sizeof(text); size++) {
			size_t len = strlen(texts[i]), cut;

			str_print(text, size, "%s", texts[i]);
			cut = strlen(text);
			assert_true(str_is_utf8(str_of(text), &bad));
			assert_memory_equal(text, texts[i], cut);
			assert_true(cut == len || (cut < size && cut + 4 >= size));
			assert_int_equal(str_fit(texts[i], size - 1), cut);
			str_print(middle, sizeof(middle), "%.*s; more", str_fit(texts[i], size), texts[i]);
			assert_true(str_is_utf8(str_of(middle), &bad));
		}
	str_print(text, sizeof(text), "%.3s", texts[3]); /* cut by the format */
	assert_string_equal(text, "\xd0\x9e");
	str_print(text, sizeof(text), "%s", "\x9e\x9e\x9e\x9e"); /* not UTF-8 at all: it is not made any shorter */
	assert_int_equal(strlen(text), 4);
}

static void test_nearest(void **state)
{
	static const char *const names[] = { "hostname", "address", "port", "password" };

	(void)state;
	assert_string_equal(str_nearest(str_of("hostnmae"), names, 4), "hostname");
	assert_string_equal(str_nearest(str_of("PASSWORD"), names, 4), "password");
	assert_string_equal(str_nearest(str_of("prt"), names, 4), "port");
	assert_null(str_nearest(str_of("colour"), names, 4));
	assert_null(str_nearest(str_of(""), names, 4));
	assert_int_equal(str_distance(str_of("kitten"), str_of("sitting"), 9), 3);
	assert_int_equal(str_distance(str_of("kitten"), str_of("sitting"), 2), 3);
	assert_int_equal(str_distance(str_of("lsit"), str_of("list"), 9), 1);
	assert_int_equal(str_distance(str_of("ca"), str_of("abc"), 9), 3);
	assert_int_equal(str_distance(str_of("ab"), str_of("ba"), 9), 1);
	assert_int_equal(str_distance(str_of(""), str_of("abc"), 9), 3);
	assert_string_equal(str_nearest(str_of("lsit"), (const char *const[]){ "init", "list" }, 2), "list");
}

static void test_cut_and_trim(void **state)
{
	struct str rest = STR("a::b:");

	(void)state;
	assert_true(str_is(str_cut(&rest, ':'), "a"));
	assert_true(str_is(str_cut(&rest, ':'), ""));
	assert_true(str_is(str_cut(&rest, ':'), "b"));
	assert_non_null(rest.p);
	assert_true(str_is(str_cut(&rest, ':'), ""));
	assert_null(rest.p);
	assert_true(str_is(str_trim(STR(" \t x y\r\n")), "x y"));
	assert_true(str_is(str_trim(STR("  ")), ""));
	assert_true(str_ends_nocase(STR("A.Rev"), ".rev"));
	assert_false(str_starts(STR("pro"), "proxy-"));
}

enum { KEYS = 5000 };

static void test_map(void **state)
{
	struct arena *a = arena_new();
	struct map *m = map_new(a, 4);
	static int values[KEYS];

	(void)state;
	for (int i = 0; i < KEYS; i++)
		assert_ptr_equal(map_put(m, str_of(arena_printf(a, "key-%d", i)), &values[i]), &values[i]);
	for (int i = 0; i < KEYS; i++)
		assert_ptr_equal(map_get(m, str_of(arena_printf(a, "key-%d", i))), &values[i]);
	assert_ptr_equal(map_put(m, STR("key-7"), &values[8]), &values[7]);
	map_set(m, STR("key-7"), &values[8]);
	assert_ptr_equal(map_get(m, STR("key-7")), &values[8]);
	assert_null(map_get(m, STR("key")));
	assert_null(map_get(m, STR("")));
	arena_free(a);
}

static void test_arena_jumps_when_out(void **state)
{
	struct arena *volatile a = arena_new();
	jmp_buf out;

	(void)state;
	if (setjmp(out)) {
		arena_free(a);
		return;
	}
	assert_null(arena_on_oom(a, &out));
	assert_null(arena_try_alloc(a, SIZE_MAX / 2 + 1));
	arena_alloc_array(a, SIZE_MAX / 2, 16);
	fail();
}

static void test_buf(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%d,", i);
	assert_int_equal(b.len, 3890);
	assert_int_equal(strlen(b.p), b.len);
	buf_reserve(&b, SIZE_MAX - 10);
	assert_true(b.failed);
	buf_puts(&b, "dropped");
	assert_int_equal(b.len, 3890);
	buf_fini(&b);
}

static void test_err(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(err_sys(&e, -ENOSPC, "rename '%s'", "x"), -ENOSPC);
	assert_int_equal(err_wrap(&e, "publish generation %d", 41), -ENOSPC);
	assert_string_equal(err_text(&e), "publish generation 41: rename 'x': No space left on device");
	err_fini(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_int),     cmocka_unit_test(test_utf8),    cmocka_unit_test(test_print),
		cmocka_unit_test(test_nearest), cmocka_unit_test(test_cut_and_trim),
		cmocka_unit_test(test_map),     cmocka_unit_test(test_arena_jumps_when_out),
		cmocka_unit_test(test_buf),     cmocka_unit_test(test_err),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
