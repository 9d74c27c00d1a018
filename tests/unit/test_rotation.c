/* link: daemon model lib */
/* The decisions of health and rotation: each rule by itself, then random lives of a small world against what must always
 * hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "daemon/rotation_core.h"

enum { S = 1000, T0 = 1000 * S };
static const struct rotation_policy usual = { .enabled = true, .health_trigger = true, .may_replace = true,
					      .interval_ms = 1800 * S, .cooldown_ms = 300 * S, .tick_ms = 15 * S, .threshold = 3 };

static struct rotation_core core_with(const struct rotation_policy *p)
{
	struct rotation_core c = { 0 };

	rotation_core_set_policy(&c, p, T0);
	rotation_core_began(&c, 1, 11, 0, T0);
	return c;
}

static enum rotation_health probe(struct rotation_core *c, enum rotation_verdict v, int64_t now)
{
	assert_true(rotation_core_probe(c));
	return rotation_core_probed(c, v, now);
}

static enum rotation_act found(struct rotation_core *c, size_t n, int64_t now)
{
	const int64_t ids[] = { 21, 22, 23, 24, 25, 26, 27 };

	return rotation_core_looked(c, ROTATION_LOOKED, ids, n, false, now);
}

/* --- health --- */
static void test_threshold(void **state)
{
	struct rotation_core c = core_with(&usual);

	(void)state;
	assert_int_equal(probe(&c, ROTATION_BAD, T0), ROTATION_H_FAILED);
	assert_int_equal(probe(&c, ROTATION_BAD, T0), ROTATION_H_FAILED);
	assert_int_equal(rotation_core_due(&c, T0), IPC_TRIGGER_NONE);
	assert_int_equal(probe(&c, ROTATION_BAD, T0), ROTATION_H_DOWN);
	assert_int_equal(rotation_core_due(&c, T0), IPC_TRIGGER_HEALTH);
	assert_int_equal(probe(&c, ROTATION_BAD, T0), ROTATION_H_SAME);
	assert_int_equal(probe(&c, ROTATION_GOOD, T0), ROTATION_H_RECOVERED);
	assert_int_equal(rotation_core_due(&c, T0), IPC_TRIGGER_NONE);
	assert_int_equal(c.failures, 0);
	assert_int_equal(probe(&c, ROTATION_GOOD, T0), ROTATION_H_GOOD);
}

static void test_own_network(void **state)
{
	struct rotation_core c = core_with(&usual);

	(void)state;
	probe(&c, ROTATION_BAD, T0);
	assert_int_equal(probe(&c, ROTATION_NOT_ITS_FAULT, T0), ROTATION_H_NETWORK);
	for (int i = 0; i < 20; i++)
		assert_int_equal(probe(&c, ROTATION_NOT_ITS_FAULT, T0), ROTATION_H_SAME);
	assert_int_equal(c.failures, 1);
	assert_int_equal(rotation_core_due(&c, T0), IPC_TRIGGER_NONE);
}

static void test_dropped(void **state)
{
	struct rotation_core c = core_with(&usual);

	(void)state;
	assert_true(rotation_core_probe(&c));
	assert_false(rotation_core_probe(&c));
	rotation_core_ended(&c, 1);
	rotation_core_began(&c, 2, 12, 0, T0);
	assert_false(rotation_core_probe(&c)); /* one at a time, whosever it is */
	assert_int_equal(rotation_core_probed(&c, ROTATION_BAD, T0), ROTATION_H_DROPPED);
	assert_int_equal(c.failures, 0);
	assert_true(rotation_core_probe(&c));
	rotation_core_unprobed(&c);
	assert_true(rotation_core_probe(&c));
}

static void test_switched_off(void **state)
{
	struct rotation_policy p = usual;
	struct rotation_core c;

	(void)state;
	p.health_trigger = false;
	c = core_with(&p);
	for (int i = 0; i < 5; i++)
		probe(&c, ROTATION_BAD, T0);
	assert_int_equal(rotation_core_due(&c, T0), IPC_TRIGGER_NONE);
	p.health_trigger = true;
	p.threshold = 6;
	rotation_core_set_policy(&c, &p, T0);
	assert_int_equal(rotation_core_due(&c, T0), IPC_TRIGGER_NONE);
	p.threshold = 5; /* counts at once */
	rotation_core_set_policy(&c, &p, T0);
	assert_int_equal(rotation_core_due(&c, T0), IPC_TRIGGER_HEALTH);
	p.enabled = false;
	rotation_core_set_policy(&c, &p, T0);
	assert_int_equal(rotation_core_due(&c, T0), IPC_TRIGGER_NONE);
	assert_int_equal(rotation_core_wait(&c, T0), -1);
	assert_int_equal(c.next_timer_at, 0);
}

static void test_died(void **state)
{
	struct rotation_core c = core_with(&usual);

	(void)state;
	rotation_core_died(&c, 1, 11, T0);
	assert_int_equal(rotation_core_due(&c, T0), IPC_TRIGGER_HEALTH);
	assert_int_equal(rotation_core_begin(&c, IPC_TRIGGER_HEALTH, false, 0, T0), ROTATION_LOOK);
	assert_int_equal(rotation_core_punish(&c), 11);
	assert_int_equal(rotation_core_punish(&c), 0);
	assert_int_equal(found(&c, 1, T0), ROTATION_TRY);
	assert_int_equal(c.candidate, 21);
	rotation_core_began(&c, 2, 21, 0, T0);
	assert_int_equal(rotation_core_tried(&c, ROTATION_TRIED_TAKEN, T0), ROTATION_DONE);
	assert_int_equal(c.result, ROTATION_REPLACED);
	/* The next one dies at once: it waits for the cooldown, then goes on by itself. */
	rotation_core_died(&c, 2, 21, T0 + S);
	assert_int_equal(rotation_core_due(&c, T0 + 2 * S), IPC_TRIGGER_NONE);
	assert_true(rotation_core_is_cooling(&c, T0 + 2 * S));
	assert_int_equal(rotation_core_wait(&c, T0 + 299 * S), S);
	assert_int_equal(rotation_core_due(&c, T0 + 300 * S), IPC_TRIGGER_HEALTH);
	rotation_core_ended(&c, 2);
	assert_int_equal(rotation_core_due(&c, T0 + 300 * S), IPC_TRIGGER_NONE);
}

static void test_died_switched_off(void **state)
{
	struct rotation_policy p = usual;
	struct rotation_core c;

	(void)state;
	p.enabled = false;
	c = core_with(&p);
	rotation_core_died(&c, 1, 11, T0);
	assert_int_equal(rotation_core_due(&c, T0), IPC_TRIGGER_NONE);
	rotation_core_set_policy(&c, &usual, T0); /* what died before that stays as it is */
	assert_int_equal(rotation_core_due(&c, T0), IPC_TRIGGER_NONE);
	assert_int_equal(rotation_core_begin(&c, IPC_TRIGGER_MANUAL, true, 0, T0), ROTATION_LOOK);
}

/* [runtime] replace_active_session = false: what runs stays, what died does not. */
static void test_may_not_replace(void **state)
{
	struct rotation_policy p = usual;
	struct rotation_core c;

	(void)state;
	p.may_replace = false;
	c = core_with(&p);
	for (int i = 0; i < 3; i++)
		probe(&c, ROTATION_BAD, T0);
	assert_int_equal(rotation_core_due(&c, T0 + 3600 * S), IPC_TRIGGER_NONE);
	assert_int_equal(rotation_core_wait(&c, T0 + 3600 * S), -1);
	rotation_core_died(&c, 1, 11, T0);
	assert_int_equal(rotation_core_due(&c, T0), IPC_TRIGGER_HEALTH);
}

/* --- candidates --- */
static void test_next_candidate(void **state)
{
	struct rotation_core c = core_with(&usual);

	(void)state;
	assert_int_equal(rotation_core_begin(&c, IPC_TRIGGER_MANUAL, true, 0, T0), ROTATION_LOOK);
	assert_false(c.may_test);
	assert_int_equal(rotation_core_begin(&c, IPC_TRIGGER_MANUAL, true, 0, T0), ROTATION_REFUSED);
	assert_int_equal(c.refusal, ROTATION_BUSY);
	assert_int_equal(found(&c, 7, T0), ROTATION_TRY);
	for (int i = 1; i < ROTATION_TRIES; i++) {
		assert_int_equal(rotation_core_tried(&c, ROTATION_TRIED_FAILED, T0), ROTATION_TRY);
		assert_int_equal(c.candidate, 21 + i);
	}
	assert_int_equal(rotation_core_tried(&c, ROTATION_TRIED_FAILED, T0), ROTATION_DONE);
	assert_int_equal(c.result, ROTATION_ALL_FAILED);
	assert_int_equal(c.session_id, 1);
}

/* What is fresh is tried first; what was not tested lately is tested once, and none is tried twice. */
static void test_stale(void **state)
{
	struct rotation_core c = core_with(&usual);
	const int64_t first[] = { 21, 22 }, second[] = { 22, 23, 21 };

	(void)state;
	assert_int_equal(rotation_core_begin(&c, IPC_TRIGGER_MANUAL, true, 0, T0), ROTATION_LOOK);
	assert_int_equal(rotation_core_looked(&c, ROTATION_LOOKED, first, 2, true, T0), ROTATION_TRY);
	assert_int_equal(rotation_core_tried(&c, ROTATION_TRIED_FAILED, T0), ROTATION_TRY);
	assert_int_equal(rotation_core_tried(&c, ROTATION_TRIED_FAILED, T0), ROTATION_LOOK);
	assert_true(c.may_test);
	assert_int_equal(rotation_core_looked(&c, ROTATION_LOOKED, second, 3, true, T0), ROTATION_TRY);
	assert_int_equal(c.candidate, 23);
	assert_int_equal(rotation_core_tried(&c, ROTATION_TRIED_FAILED, T0), ROTATION_DONE);
	assert_int_equal(rotation_core_begin(&c, IPC_TRIGGER_TIMER, true, 0, T0), ROTATION_LOOK);
	assert_true(c.may_test); /* no hurry */
	assert_int_equal(rotation_core_looked(&c, ROTATION_LOOKED, first, 0, false, T0), ROTATION_DONE);
	assert_int_equal(c.result, ROTATION_NO_CANDIDATE);
}

static void test_named(void **state)
{
	struct rotation_core c = core_with(&usual);

	(void)state;
	assert_int_equal(rotation_core_begin(&c, IPC_TRIGGER_MANUAL, true, 11, T0), ROTATION_REFUSED);
	assert_int_equal(c.refusal, ROTATION_SAME_NODE);
	assert_int_equal(rotation_core_begin(&c, IPC_TRIGGER_MANUAL, true, 12, T0), ROTATION_TRY);
	assert_int_equal(c.candidate, 12);
	assert_int_equal(rotation_core_tried(&c, ROTATION_TRIED_FAILED, T0), ROTATION_DONE);
	assert_int_equal(c.result, ROTATION_ALL_FAILED);
	rotation_core_ended(&c, 1);
	assert_int_equal(rotation_core_begin(&c, IPC_TRIGGER_MANUAL, true, 12, T0), ROTATION_REFUSED);
	assert_int_equal(c.refusal, ROTATION_NO_SESSION);
}

/* --- what comes between --- */
static void test_overtaken(void **state)
{
	struct rotation_core c = core_with(&usual);

	(void)state;
	rotation_core_begin(&c, IPC_TRIGGER_MANUAL, true, 0, T0);
	rotation_core_ended(&c, 1); /* the user connected something else meanwhile */
	rotation_core_began(&c, 2, 12, 0, T0);
	assert_int_equal(found(&c, 1, T0), ROTATION_DONE);
	assert_int_equal(c.result, ROTATION_INTERRUPTED);
	rotation_core_begin(&c, IPC_TRIGGER_MANUAL, true, 0, T0);
	rotation_core_ended(&c, 2); /* or disconnected */
	assert_int_equal(found(&c, 1, T0), ROTATION_DONE);
	rotation_core_began(&c, 3, 13, 0, T0);
	for (int i = 0; i < 3; i++)
		probe(&c, ROTATION_BAD, T0);
	assert_int_equal(rotation_core_begin(&c, IPC_TRIGGER_HEALTH, false, 0, T0), ROTATION_LOOK);
	probe(&c, ROTATION_GOOD, T0); /* it came back */
	assert_int_equal(found(&c, 1, T0), ROTATION_DONE);
	assert_int_equal(c.result, ROTATION_INTERRUPTED);
}

static void test_died_while_looking(void **state)
{
	struct rotation_core c = core_with(&usual);

	(void)state;
	rotation_core_begin(&c, IPC_TRIGGER_MANUAL, true, 0, T0);
	rotation_core_died(&c, 1, 11, T0);
	assert_int_equal(found(&c, 2, T0), ROTATION_TRY); /* all the more */
	assert_int_equal(rotation_core_tried(&c, ROTATION_TRIED_FAILED, T0), ROTATION_TRY);
	rotation_core_began(&c, 2, 22, 0, T0);
	assert_int_equal(rotation_core_tried(&c, ROTATION_TRIED_TAKEN, T0), ROTATION_DONE);
	assert_int_equal(rotation_core_due(&c, T0), IPC_TRIGGER_NONE);
	assert_int_equal(c.rotated_at, 0); /* by hand */
}

static void test_network_down_look(void **state)
{
	struct rotation_core c = core_with(&usual);

	(void)state;
	rotation_core_died(&c, 1, 11, T0);
	rotation_core_begin(&c, IPC_TRIGGER_HEALTH, false, 0, T0);
	assert_int_equal(rotation_core_looked(&c, ROTATION_LOOKED_NETWORK_DOWN, NULL, 0, false, T0), ROTATION_DONE);
	assert_int_equal(c.result, ROTATION_NETWORK_DOWN);
	assert_true(c.recovery);
	assert_int_equal(rotation_core_wait(&c, T0), 15 * S);
	assert_int_equal(rotation_core_due(&c, T0 + 14 * S), IPC_TRIGGER_NONE);
	assert_int_equal(rotation_core_due(&c, T0 + 15 * S), IPC_TRIGGER_HEALTH);
}

/* --- clocks --- */
static void test_timer(void **state)
{
	struct rotation_core c = core_with(&usual);
	struct rotation_policy p = usual;

	(void)state;
	assert_int_equal(c.next_timer_at, T0 + 1800 * S);
	assert_int_equal(rotation_core_wait(&c, T0), ROTATION_WAIT_MAX_MS);
	assert_int_equal(rotation_core_due(&c, T0 + 1799 * S), IPC_TRIGGER_NONE);
	assert_int_equal(rotation_core_due(&c, T0 + 1800 * S), IPC_TRIGGER_TIMER);
	rotation_core_begin(&c, IPC_TRIGGER_TIMER, false, 0, T0 + 1800 * S);
	assert_int_equal(found(&c, 0, T0 + 1801 * S), ROTATION_DONE);
	assert_int_equal(c.next_timer_at, T0 + 3601 * S); /* a whole interval later */
	assert_int_equal(rotation_core_due(&c, T0), IPC_TRIGGER_NONE); /* the clock was set back */
	assert_int_equal(c.next_timer_at, T0 + 1800 * S);
	p.interval_ms = 60 * S;
	rotation_core_set_policy(&c, &p, T0);
	assert_int_equal(c.next_timer_at, T0 + 60 * S);
	rotation_core_began(&c, 9, 19, T0, T0 + 5 * S); /* reattached: goes on as it was */
	assert_int_equal(c.next_timer_at, T0 + 60 * S);
	rotation_core_began(&c, 10, 20, T0 + 3 * S, T0 + 5 * S); /* the timer was still that of the session before */
	assert_int_equal(c.next_timer_at, T0 + 63 * S);
}

/* What was known of health when the daemon ended may be of the session before. */
static void test_reattached(void **state)
{
	struct rotation_core c = core_with(&usual);

	(void)state;
	c.failures = usual.threshold;
	c.recovery = true;
	c.checked_at = T0 + 2 * S;
	rotation_core_began(&c, 9, 19, T0 + S, T0 + 5 * S);
	assert_true(c.recovery && c.failures == usual.threshold);
	rotation_core_began(&c, 10, 20, T0 + 3 * S, T0 + 5 * S);
	assert_true(!c.recovery && !c.failures);
}

static void test_clock_set_back(void **state)
{
	struct rotation_core c = core_with(&usual);

	(void)state;
	c.rotated_at = T0 + 86400 * S;
	rotation_core_died(&c, 1, 11, T0);
	assert_int_equal(rotation_core_due(&c, T0), IPC_TRIGGER_NONE);
	assert_int_equal(rotation_core_due(&c, T0 + 300 * S), IPC_TRIGGER_HEALTH);
	rotation_core_begin(&c, IPC_TRIGGER_HEALTH, false, 0, T0 + 86400 * S);
	found(&c, 0, T0 + 86400 * S);
	assert_int_equal(rotation_core_due(&c, T0 + 300 * S), IPC_TRIGGER_NONE);
	assert_int_equal(rotation_core_due(&c, T0 + 600 * S), IPC_TRIGGER_HEALTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_reattached),
		cmocka_unit_test(test_own_network),
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_switched_off),
		cmocka_unit_test(test_died),
		cmocka_unit_test(test_died_switched_off),
		cmocka_unit_test(test_may_not_replace),
		cmocka_unit_test(test_next_candidate),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_overtaken),
		cmocka_unit_test(test_died_while_looking),
		cmocka_unit_test(test_network_down_look),
		cmocka_unit_test(test_timer),
		cmocka_unit_test(test_clock_set_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
