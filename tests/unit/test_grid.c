/* link: cli lib */
/* Tables for a terminal: what names may do to them, and how they are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/grid.h"

static void cleans(void **state)
{
	static const struct { const char *text, *clean; unsigned columns; } rows[] = {
		{ "", "", 0 },
		{ "plain ASCII ~", "plain ASCII ~", 13 },
		{ "a\x1b[31m\tb\x7f", "a\\x1b[31m\\x09b\\x7f", 18 },
		{ "zw\xc3\xb6lf", "zw\xc3\xb6lf", 5 },
		{ "\xc2\x9b", "\\x9b", 4 },                          /* C1 */
		{ "\xe2\x80\xaetxt", "\\u202etxt", 9 },              /* turns the direction */
		{ "\xff\xc3", "\\xff\\xc3", 8 },                     /* no UTF-8 */
		{ "\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac", 4 },
		{ "e\xcc\x81", "e\xcc\x81", 1 },                     /* a combining accent */
		{ "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", 2 }, /* a flag */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80", 12 },           /* a surrogate */
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *clean = grid_clean(a, rows[i].text);

		assert_string_equal(clean, rows[i].clean);
		assert_int_equal(grid_columns(clean), rows[i].columns);
		assert_string_equal(grid_clean(a, clean), clean);
	}
	arena_free(a);
}

static void fits(void **state)
{
	static const struct { const char *text; unsigned max; const char *fit; } rows[] = {
		{ "short", 5, "short" },
		{ "longer", 5, "long\xe2\x80\xa6" },
		{ "longer", 1, "\xe2\x80\xa6" },
		{ "longer", 0, "longer" }, /* no limit */
		{ "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 4, "\xe6\x97\xa5\xe2\x80\xa6" },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(grid_fit(a, rows[i].text, rows[i].max), rows[i].fit);
	arena_free(a);
}

static void expect_table(unsigned width, const char *wanted)
{
	static const struct grid_column columns[] = { { "ID", true, 0 }, { "STATE", false, 0 }, { "NAME", false, 4 } };
	static const char *const cells[] = { "1", "", "one", "12", "off", "twelve and more" };
	struct arena *a = arena_new();
	struct grid *g = grid_new(a, columns, 3);
	struct buf out = { 0 };

	for (size_t i = 0; i < sizeof(cells) / sizeof(*cells); i++)
		grid_add(g, cells[i]);
	grid_write(g, width, &out);
	buf_putc(&out, 0);
	assert_string_equal(out.p, wanted);
	buf_fini(&out);
	arena_free(a);
}

static void writes(void **state)
{
	struct arena *a = arena_new();
	struct buf out = { 0 };

	(void)state;
	expect_table(0, "ID  STATE  NAME\n 1         one\n12  off    twelve and more\n");
	expect_table(20, "ID  STATE  NAME\n 1         one\n12  off    twelve a\xe2\x80\xa6\n");
	expect_table(3, "ID  STATE  NAME\n 1         one\n12  off    twe\xe2\x80\xa6\n");
	grid_write(grid_new(a, &(struct grid_column){ "ID", true, 0 }, 1), 0, &out);
	assert_int_equal(out.len, 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(cleans), cmocka_unit_test(fits), cmocka_unit_test(writes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
