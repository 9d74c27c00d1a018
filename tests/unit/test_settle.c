/* link: service lib */
/* When a burst of changes is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/settle.h"

static struct settle fresh(void)
{
	struct settle s = { .settle_ms = 200, .max_wait_ms = 2000 };

	settle_clear(&s);
	return s;
}

static void test_nothing_waits(void **state)
{
	struct settle s = fresh();

	(void)state;
	assert_int_equal(settle_wait(&s, 0), -1);
	assert_int_equal(settle_wait(&s, 1000000), -1);
}

static void test_quiet(void **state)
{
	struct settle s = fresh();

	(void)state;
	settle_note(&s, 1000);
	assert_int_equal(settle_wait(&s, 1000), 200);
	assert_int_equal(settle_wait(&s, 1199), 1);
	assert_int_equal(settle_wait(&s, 1200), 0);
	assert_int_equal(settle_wait(&s, 9999), 0);
	settle_clear(&s);
	assert_int_equal(settle_wait(&s, 9999), -1);
}

static void test_each_change_starts_anew(void **state)
{
	struct settle s = fresh();

	(void)state;
	for (int64_t t = 1000; t <= 1500; t += 100)
		settle_note(&s, t);
	assert_int_equal(settle_wait(&s, 1500), 200);
	assert_int_equal(s.first_ms, 1000);
}

static void test_endless_changes(void **state)
{
	struct settle s = fresh();
	int64_t t = 0;

	(void)state;
	for (; t <= 1950; t += 50)
		settle_note(&s, t);
	assert_int_equal(settle_wait(&s, 1950), 50);
	settle_note(&s, 2000);
	assert_int_equal(settle_wait(&s, 2000), 0);
	assert_int_equal(settle_wait(&s, 2100), 0);
}

static void test_clock_back(void **state)
{
	struct settle s = fresh();

	(void)state;
	settle_note(&s, 1000);
	assert_int_equal(settle_wait(&s, 400), 200);
	settle_note(&s, 400);
	assert_int_equal(s.last_ms, 1000);
	assert_int_equal(settle_wait(&s, 1150), 50);
}

static void test_no_times(void **state)
{
	struct settle s = { 0 };

	(void)state;
	settle_clear(&s);
	settle_note(&s, 0);
	assert_int_equal(settle_wait(&s, 0), 0);
	s = fresh();
	s.max_wait_ms = 100;
	settle_note(&s, 0);
	assert_int_equal(settle_wait(&s, 0), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_waits),   cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_each_change_starts_anew), cmocka_unit_test(test_endless_changes),
		cmocka_unit_test(test_clock_back),      cmocka_unit_test(test_no_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
