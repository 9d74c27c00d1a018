/* link: service lib */
/* Names of files on their way, and the final ones that must never be taken for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/watch_impl.h"

static void test_temp(void **state)
{
	static const char *const names[] = {
		".xrat-4711-0.tmp", "x.tmp", ".xp2p-client.toml.swp", ".a.swx", "4913", "xp2p-client.toml~", "~",
		"#xp2p-client.toml#", ".#xp2p-client.toml", ".nfs000000001", ".ansible_tmpabcdxp2p-client.toml", "sedA1b2C3",
		".xp2p-client.toml.a1B2c3",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!watch_name_is_temp(names[i]))
			fail_msg("'%s' counts", names[i]);
}

static void test_final(void **state)
{
	static const char *const names[] = {
		"xp2p-client.toml", "xp2p-server.toml", "config.toml", "10-extra.json", "..data", "..2026_11_21.123456",
		"apply.request", "config-client", "49130", "sed.json", "sedA1b2C", ".swp", "#half", "logs", "a~b", "tmp", ".env",
		"\xff\xfe",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (watch_name_is_temp(names[i]))
			fail_msg("'%s' is ignored", names[i]);
}

static void test_ours(void **state)
{
	(void)state;
	assert_true(watch_name_is_ours("audit.log"));
	assert_true(watch_name_is_ours("audit.log.1"));
	assert_true(watch_name_is_ours("logs"));
	assert_true(watch_name_is_ours(".state"));
	assert_false(watch_name_is_ours("logs.toml"));
	assert_false(watch_name_is_ours("state"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_temp),
		cmocka_unit_test(test_final),
		cmocka_unit_test(test_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
