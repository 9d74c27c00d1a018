/* link: model lib */
/* The target table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/target.h"

static void test_rows(void **state)
{
	(void)state;
	assert_int_equal(targets_n, 4);
	for (size_t i = 0; i < targets_n; i++) {
		const struct target *t = &targets[i];
		assert_int_equal(t->bit, 1u << i);
		assert_ptr_equal(target_find(str_of(t->name)), t);
		assert_string_equal(t->run_argv[0], "{exe}");
		bool has_file = false;
		for (const char *const *arg = t->check_argv; *arg; arg++)
			has_file = has_file || !strcmp(*arg, "{file}");
		assert_true(has_file);
		if (i && targets[i - 1].family == t->family)
			assert_true(targets[i - 1].major * 1000 + targets[i - 1].minor < t->major * 1000 + t->minor);
	}
	assert_string_equal(target_default()->name, "xray-26.7");
	assert_ptr_equal(target_find(STR("V2RAY-4.34")), &targets[2]);
	assert_null(target_find(STR("xray")));
	assert_null(target_find(STR("")));
}

static void test_versions(void **state)
{
	static const struct {
		enum engine_family family;
		const char *version, *name;
	} cases[] = {
		{ ENGINE_XRAY, "26.2.6", "xray-26.2" },     { ENGINE_XRAY, "26.5.1", "xray-26.2" },
			{ ENGINE_XRAY, "26.7", "xray-26.7" },
		{ ENGINE_XRAY, "v26.7.28", "xray-26.7" },   { ENGINE_XRAY, "27.1.0", "xray-26.7" },
			{ ENGINE_XRAY, "26.10.1-rc1", "xray-26.7" },
		{ ENGINE_XRAY, "26.1.31", NULL },           { ENGINE_XRAY, "1.8.4", NULL },
			{ ENGINE_XRAY, "", NULL },
		{ ENGINE_XRAY, "latest", NULL },            { ENGINE_XRAY, "26", NULL },
			{ ENGINE_V2RAY, "4.34.0", "v2ray-4.34" },
		{ ENGINE_V2RAY, "5.1", "v2ray-4.34" },      { ENGINE_V2RAY, "4.23.4", NULL },
			{ ENGINE_BUILTIN, "0.1", "builtin" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct target *t = target_for_version(cases[i].family, str_of(cases[i].version));
		if ((t ? t->name : NULL) != cases[i].name && (!t || !cases[i].name || strcmp(t->name, cases[i].name)))
			fail_msg("%s -> %s", cases[i].version, t ? t->name : "none");
	}
}

static void test_names_with(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_string_equal(target_names_with(a, CAP_REALITY), "xray-26.2, xray-26.7");
	assert_string_equal(target_names_with(a, CAP_REALITY | CAP_LEGACY_REVERSE), "xray-26.2");
	assert_string_equal(target_names_with(a, CAP_LEGACY_REVERSE | CAP_VLESS_REVERSE), "");
	for (size_t i = 0; i < targets_n; i++) /* a channel goes one way or the other */
		assert_false(target_has(&targets[i], CAP_LEGACY_REVERSE | CAP_VLESS_REVERSE));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_names_with),
	};
	return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
