/* link: runtime model lib */
/* The table of the supervisor: nothing is forgotten, every state can be reached and left, wishes are never lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/sup_table.h"

static bool holds_process(enum sup_state s)
{
	return s == SUP_STARTING || s == SUP_RUNNING || s == SUP_DEGRADED || s == SUP_STOPPING;
}

/* A forgotten cell would be "stopped, nothing to do", which none is. */
static void test_complete(void **state)
{
	(void)state;
	for (int s = 0; s < SUP_STATE__N; s++) {
		assert_non_null(sup_state_names[s]);
		for (int e = 0; e < SUP_EV__N; e++) {
			const struct sup_rule *r = &sup_table[s][e];
			assert_non_null(sup_event_names[e]);
			assert_true(r->next < SUP_STATE__N && r->action < SUP_DO__N);
			assert_false(r->next == SUP_STOPPED && r->action == SUP_DO_NOTHING);
			if (r->action == SUP_DO_IGNORE)
				assert_int_equal(r->next, s);
		}
	}
}

static void test_reachable(void **state)
{
	bool reached[SUP_STATE__N] = { [SUP_STOPPED] = true };

	(void)state;
	for (int round = 0; round < SUP_STATE__N; round++)
		for (int s = 0; s < SUP_STATE__N; s++)
			for (int e = 0; reached[s] && e < SUP_EV__N; e++)
				reached[sup_table[s][e].next] = true;
	for (int s = 0; s < SUP_STATE__N; s++)
		assert_true(reached[s]);
}

/* From everywhere a stop leads to rest and a run to a start, at once or through stopping. */
static void test_wishes(void **state)
{
	(void)state;
	for (int s = 0; s < SUP_STATE__N; s++) {
		int stop = sup_table[s][SUP_EV_STOP].next, run = sup_table[s][SUP_EV_RUN].next;

		assert_int_equal(stop, holds_process(s) ? SUP_STOPPING : SUP_STOPPED);
		assert_int_equal(run, holds_process(s) ? SUP_STOPPING : SUP_STARTING);
	}
	assert_int_equal(sup_table[SUP_STOPPING][SUP_EV_GONE_IDLE].next, SUP_STOPPED);
	assert_int_equal(sup_table[SUP_STOPPING][SUP_EV_GONE_NEXT].next, SUP_STARTING);
	assert_int_equal(sup_table[SUP_STOPPING][SUP_EV_RUN].action, SUP_DO_NOTE_WISH);
}

/* A process is started only where none is held, and no state without a process is entered but by a GONE event. */
static void test_one_process(void **state)
{
	(void)state;
	for (int s = 0; s < SUP_STATE__N; s++)
		for (int e = 0; e < SUP_EV__N; e++) {
			const struct sup_rule *r = &sup_table[s][e];
			bool gone = e >= SUP_EV_GONE_NEXT;

			if (r->action == SUP_DO_START || r->action == SUP_DO_WATCH)
				assert_true(!holds_process(s) || gone);
			if (holds_process(s) && !holds_process(r->next))
				assert_true(gone);
			if (gone && holds_process(s))
				assert_true(r->action != SUP_DO_IGNORE);
			if (gone && !holds_process(s))
				assert_int_equal(r->action, SUP_DO_IGNORE);
		}
}

/* Health decides between running and degraded, and never starts or stops anything. */
static void test_health(void **state)
{
	(void)state;
	assert_int_equal(sup_table[SUP_RUNNING][SUP_EV_SICK].next, SUP_DEGRADED);
	assert_int_equal(sup_table[SUP_DEGRADED][SUP_EV_WELL].next, SUP_RUNNING);
	for (int s = 0; s < SUP_STATE__N; s++) {
		assert_true(sup_table[s][SUP_EV_SICK].action <= SUP_DO_IGNORE);
		assert_true(sup_table[s][SUP_EV_WELL].action <= SUP_DO_IGNORE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_reachable),
		cmocka_unit_test(test_wishes),
		cmocka_unit_test(test_one_process),
		cmocka_unit_test(test_health),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
