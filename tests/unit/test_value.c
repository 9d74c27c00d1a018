/* link: lib */
/* The value tree: lookups, builders, comparison, copy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "lib/value.h"

static const struct span here = { 1, 2, 3 };

static int setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static void test_lookup(void **state)
{
	struct value o = value_object(here);

	value_put_str(*state, &o, "tag", "one");
	value_put_int(*state, &o, "Port", 443);
	value_put_str(*state, &o, "tag", "two");
	assert_true(str_is(value_get_str(&o, "tag"), "two"));
	assert_null(value_get(&o, "port"));
	assert_ptr_equal(value_member_nocase(&o, "port"), &o.members[1]);
	assert_null(value_member_nocase(&o, "por"));
	assert_null(value_get(NULL, "tag"));
	assert_null(value_get(&o.members[0].value, "tag"));
	assert_int_equal(value_get_str(&o, "Port").len, 0);
	assert_int_equal(o.members[1].key_span.end, 3);
}

static void test_exact_case_wins(void **state)
{
	struct value o = value_object(here);

	value_put_int(*state, &o, "tag", 1);
	value_put_int(*state, &o, "TAG", 2);
	assert_ptr_equal(value_member_nocase(&o, "tag"), &o.members[0]);
	assert_ptr_equal(value_member_nocase(&o, "Tag"), &o.members[1]);
}

static void test_int(void **state)
{
	static const struct {
		const char *text;
		int result;
		int64_t n;
	} rows[] = {
		{ "0", 0, 0 },           { "-5", 0, -5 },   { "9223372036854775807", 0, INT64_MAX },
		{ "1.0", -EINVAL, 0 },   { "1e3", -EINVAL, 0 }, { "9223372036854775808", -ERANGE, 0 },
		{ "inf", -EINVAL, 0 },
	};
	int64_t n;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct value v = value_string(rows[i].text, here);

		assert_int_equal(value_int(&v, &n), -EINVAL);
		v.kind = VAL_NUMBER;
		assert_int_equal(value_int(&v, &n), rows[i].result);
		if (!rows[i].result)
			assert_int_equal(n, rows[i].n);
	}
}

static struct value numbered(struct arena *a, unsigned n, unsigned step)
{
	struct value o = value_object(here);

	for (unsigned i = 0; i < n; i++)
		value_put_int(a, &o, arena_printf(a, "k%u", i * step % n), i * step % n);
	return o;
}

static void test_equal_ignores_order(void **state)
{
	static const unsigned sizes[] = { 3, 31, 101, 5003 };

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct value a = numbered(*state, sizes[i], 1), b = numbered(*state, sizes[i], 2);

		assert_true(value_equal(&a, &b));
		b.members[sizes[i] / 2].value.text = "-7";
		b.members[sizes[i] / 2].value.len = 2;
		assert_false(value_equal(&a, &b));
	}
}

static void test_equal_sees_differences(void **state)
{
	struct value a = value_array(here), b = value_array(here), n = value_null(here), t = value_bool(true, here);

	assert_true(value_equal(&a, &b));
	value_push(*state, &a, t);
	assert_false(value_equal(&a, &b));
	value_push(*state, &b, value_bool(false, SPAN_NONE));
	assert_false(value_equal(&a, &b));
	assert_false(value_equal(&n, &t));
	b.items[0].truth = true;
	assert_true(value_equal(&a, &b));
}

static void test_clone_is_deep(void **state)
{
	struct value a = value_array(here), o = value_object(here), copy;

	value_put_bool(*state, &o, "x", true);
	value_push(*state, &a, o);
	copy = value_clone(*state, &a);
	assert_true(value_equal(&a, &copy));
	value_put_str(*state, &copy.items[0], "y", "z");
	value_push(*state, &copy, value_null(here));
	assert_int_equal(a.n, 1);
	assert_int_equal(a.items[0].n_members, 1);
	assert_int_equal(copy.items[0].n_members, 2);
}

static void test_nul_in_text(void **state)
{
	struct value a = value_string_n((struct str){ "a\0b", 3 }, here),
		     b = value_string_n((struct str){ "a\0c", 3 }, here);

	(void)state;
	assert_false(value_equal(&a, &b));
	assert_string_equal(value_kind_name(VAL_OBJECT), "an object");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_exact_case_wins),
		cmocka_unit_test(test_int),
		cmocka_unit_test(test_equal_ignores_order),
		cmocka_unit_test(test_equal_sees_differences),
		cmocka_unit_test(test_clone_is_deep),
		cmocka_unit_test(test_nul_in_text),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
