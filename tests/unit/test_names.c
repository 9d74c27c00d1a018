/* link: model lib */
/* Names, addresses and ruleTags. The ruleTag vectors are those of xp2p for its own example. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/names.h"

#define EDGE "proxy-edge-example-net"
#define REV "branch-example-orgedge-example-net.rev"
#define USER "branch@example.org"

static const struct {
	const char *parts[7];
	const char *tag;
} vectors[] = {
	{ { "client", "endpoint-bypass", EDGE, "198.51.100.7" }, "xp2p-30f3ff72624f9771" },
	{ { "client", "reverse-domain", REV, EDGE, REV }, "xp2p-080df266b9f0dfd6" },
	{ { "client", "reverse-direct", REV }, "xp2p-85d6c5d633e0ec67" },
	{ { "client", "diagnostics-marker", EDGE }, "xp2p-2507793485e6649a" },
	{ { "client", "redirect", EDGE, "cidr", "10.20.0.0/16" }, "xp2p-3906361ca2156cab" },
	{ { "client", "redirect", EDGE, "domain", "corp.example" }, "xp2p-5f968ee70d84435b" },
	{ { "client", "full-tunnel", EDGE }, "xp2p-613426b1223656c1" },
	{ { "server", "reverse", REV, REV, USER }, "xp2p-3f882ec0ca41f76d" },
	{ { "server", "diagnostics-marker", REV }, "xp2p-5f87b2f59df3ff50" },
	/* trimmed, lower case, empty parts dropped */
	{ { "CLIENT", " Full-Tunnel ", "", EDGE "\t" }, "xp2p-613426b1223656c1" },
};

static void test_rule_tag(void **state)
{
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++)
		assert_string_equal(rule_tag(a, vectors[i].parts), vectors[i].tag);
}

static void test_sanitise(void **state)
{
	static const char *const pairs[][2] = {
		{ "Edge.Example.NET", "edge-example-net" }, { "--a..b--", "a-b" }, { "", "" }, { "...", "" },
		{ "a_b@c", "a-b-c" }, { "\xc3\xa9t\xc3\xa9", "t" }, { "10.0.0.1", "10-0-0-1" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		assert_string_equal(name_sanitise(*state, str_of(pairs[i][0])), pairs[i][1]);
}

static void test_reserved(void **state)
{
	(void)state;
	assert_string_equal(name_reserved(STR("proxy-x")), "proxy-*");
	assert_string_equal(name_reserved(STR("  PROXY-")), "proxy-*");
	assert_string_equal(name_reserved(STR("Xp2p-tunnel")), "xp2p-*");
	assert_string_equal(name_reserved(STR("a.REV\n")), "*.rev");
	assert_null(name_reserved(STR("proxy")));
	assert_null(name_reserved(STR("my-proxy-x")));
	assert_null(name_reserved(STR("rev")));
	assert_null(name_reserved(STR("")));
}

static void test_hosts(void **state)
{
	static const char *const yes[] = { "a", "edge.example.net", "edge.example.net.", "127.0.0.1", "::1",
		"2001:db8::7", "a_b.c", "1a.example", "xn--e1afmkfd.example", "1.2.3.a" };
	static const char *const no[] = { "", ".", "a..b", ".a", "a.b..", "-a.b", "a-.b", "a b", "[::1]", "http://a",
		"a:80", "256.1.1.1", "1.2.3", "10.0.0.0/8", "\xc3\xa9.example", "a/b" };
	char label[65] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		if (!name_is_host(str_of(yes[i])))
			fail_msg("%s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		if (name_is_host(str_of(no[i])))
			fail_msg("%s", no[i]);
	memset(label, 'a', 64);
	assert_false(name_is_host(str_of(label)));
	label[63] = '\0';
	assert_true(name_is_host(str_of(label)));
}

static void test_uuid(void **state)
{
	(void)state;
	assert_true(name_is_uuid(STR("00000000-0000-4000-8000-00000000aBcD")));
	assert_false(name_is_uuid(STR("00000000-0000-4000-8000-00000000abc")));
	assert_false(name_is_uuid(STR("000000000000-4000-8000-00000000abcd0")));
	assert_false(name_is_uuid(STR("0000000g-0000-4000-8000-00000000abcd")));
	assert_false(name_is_uuid(STR("")));
}

static void test_ip_parse(void **state)
{
	static const char *const pairs[][2] = {
		{ "10.20.30.40/16", "10.20.0.0/16" }, { "10.0.0.1", "10.0.0.1/32" }, { "0.0.0.0/0", "0.0.0.0/0" },
		{ "255.255.255.255/31", "255.255.255.254/31" }, { "2001:DB8::1/32", "2001:db8::/32" },
			{ "::1", "::1/128" },
		{ "::/0", "::/0" }, { "2001:db8:ffff::/33", "2001:db8:8000::/33" },
	};
	static const char *const bad[] = { "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0",
		"010.0.0.1", "::/129", "a", "1.2.3.4.5", "10.0.0.0/8/8", "::1%eth0",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000" };
	struct ip_net net;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		assert_int_equal(ip_parse(str_of(pairs[i][0]), &net), 0);
		ip_mask(&net);
		assert_string_equal(ip_format(*state, &net, true), pairs[i][1]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (ip_parse(str_of(bad[i]), &net) != -EINVAL)
			fail_msg("%s", bad[i]);
	assert_int_equal(ip_parse((struct str){ "10.0.0.1\0x", 10 }, &net), -EINVAL);
	assert_true(ip_is_literal(STR("10.0.0.1")));
	assert_false(ip_is_literal(STR("10.0.0.0/8")));
}

static bool contains(const char *outer, const char *inner)
{
	struct ip_net o, i;

	assert_int_equal(ip_parse(str_of(outer), &o), 0);
	assert_int_equal(ip_parse(str_of(inner), &i), 0);
	return ip_contains(&o, &i);
}

static void test_contains(void **state)
{
	(void)state;
	assert_true(contains("10.0.0.0/8", "10.1.2.3"));
	assert_true(contains("10.9.9.9/8", "10.1.0.0/16"));
	assert_false(contains("10.1.0.0/16", "10.0.0.0/8"));
	assert_true(contains("0.0.0.0/0", "192.0.2.1"));
	assert_false(contains("0.0.0.0/0", "::1"));
	assert_true(contains("2001:db8::/32", "2001:db8:1::/48"));
	assert_false(contains("10.0.0.0/7", "12.0.0.0/8"));
}

static void test_private(void **state)
{
	static const char *const private[] = { "10.0.0.1", "127.0.0.1",    "100.64.0.1",      "198.51.100.7", "::1",
					       "fd00::1",  "fe80::1",      "::ffff:10.0.0.1", "localhost",    "router",
					       "nas.lan",  "a.home.arpa.", "EXAMPLE",         "x.example" };
	static const char *const public[] = { "9.9.9.9",          "2620:fe::fe", "::ffff:9.9.9.9", "100.128.0.1",
					      "edge.example.net", "notlan.net",  "mylan.org",      "198.20.0.1" };

	(void)state;
	for (size_t i = 0; i < sizeof(private) / sizeof(*private); i++)
		if (!host_is_private(str_of(private[i])))
			fail_msg("%s", private[i]);
	for (size_t i = 0; i < sizeof(public) / sizeof(*public); i++)
		if (host_is_private(str_of(public[i])))
			fail_msg("%s", public[i]);
}

static int setup(void **state)
{
	*state = arena_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule_tag), cmocka_unit_test(test_sanitise), cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_hosts),    cmocka_unit_test(test_uuid),     cmocka_unit_test(test_ip_parse),
		cmocka_unit_test(test_contains), cmocka_unit_test(test_private),
	};
	return cmocka_run_group_tests_name("names", tests, setup, teardown);
}
