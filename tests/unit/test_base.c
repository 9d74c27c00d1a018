/* link: compiler links render validate merge model lib */
/* The managed base: order and tags of rules, places of objects, and that no input makes an empty reverse. */
#include "tests/unit/desired_test.h"

#define ENDPOINT \
	"[[client.endpoints]]\nprofile = \"trojan-tls\"\nhostname = \"edge.example.net\"\naddress = \"198.51.100.7\"\n" \
	"tag = \"proxy-edge-example-net\"\nport = 58443\npassword = \"change-me\"\n"
#define REV "branch-example-orgedge-example-net.rev"

static struct base build(struct given *g, enum role role, const char *text, const char *target)
{
	struct base b;

	given_role(g, role, text);
	normalize(g->a, g->sink, &g->d, target_find(str_of(target)));
	base_build(g->a, g->sink, &g->d, target_find(str_of(target)), &b);
	diag_finish(g->sink, false);
	return b;
}

static void assert_tags(const struct base *b, const char *const *tags, size_t n)
{
	assert_int_equal(b->x.rules.n, n);
	for (size_t i = 0; i < n; i++) {
		const struct value *rule = &b->x.rules.v[i].v;
		if (!str_is(value_get_str(rule, "ruleTag"), tags[i]))
			fail_msg("rule %zu has tag %.*s", i, (int)value_get_str(rule, "ruleTag").len,
				 value_get_str(rule, "ruleTag").p);
		assert_true(str_is(value_get_str(rule, "type"), "field"));
		assert_null(value_get(rule, "domains"));
		assert_non_null(b->x.rules.v[i].owner);
		if (i)
			assert_true(b->x.rules.v[i - 1].slot <= b->x.rules.v[i].slot);
	}
}

/* The example of xp2p: its rules in its order, with its ruleTags. */
static void test_client_rules(void **state)
{
	static const char *const tags[] = { "xp2p-30f3ff72624f9771", "xp2p-080df266b9f0dfd6", "xp2p-85d6c5d633e0ec67",
		"xp2p-2507793485e6649a", "xp2p-5f968ee70d84435b", "xp2p-3906361ca2156cab", "xp2p-613426b1223656c1" };
	struct given g = { 0 };
	struct base b = build(&g, ROLE_CLIENT,
		"[client]\ntun_enabled = true\ntun_mode = \"full\"\nfull_tunnel_tag = "
		"\"proxy-edge-example-net\"\n" ENDPOINT
		"[[client.redirects]]\ncidr = \"10.20.0.0/16\"\noutbound_tag = \"proxy-edge-example-net\"\n"
		"[[client.redirects]]\ndomain = \"corp.example\"\noutbound_tag = \"proxy-edge-example-net\"\n"
		"[client.reverse.\"" REV "\"]\nuser_id = \"branch@example.org\"\nhost = \"edge.example.net\"\n"
		"endpoint_tag = \"proxy-edge-example-net\"\n",
		"xray-26.2");

	(void)state;
	assert_tags(&b, tags, sizeof(tags) / sizeof(*tags));
	assert_true(str_is(value_get_str(&b.x.rules.v[6].v, "network"), "tcp,udp"));
	assert_true(str_is(value_get_str(&b.x.rules.v[3].v, "port"), "62022"));
	assert_int_equal(value_get(&b.x.section[XS_REVERSE], "bridges")->n, 1);
	given_end(&g);
}

static void test_server_rules(void **state)
{
	static const char *const tags[] = { "xp2p-5f87b2f59df3ff50", "xp2p-3f882ec0ca41f76d" };
	struct given g = { 0 };
	struct base b = build(&g, ROLE_SERVER,
		"[server]\nhost = \"edge.example.net\"\ncertificate = \"/c\"\nkey = \"/k\"\n"
		"[[server.users]]\nuser_label = \"branch@example.org\"\nactive_credential = \"change-me\"\n"
		"[server.reverse_channels.\"" REV
		"\"]\nuser_id = \"branch@example.org\"\nhost = \"edge.example.net\"\n",
		"xray-26.2");

	(void)state;
	assert_tags(&b, tags, sizeof(tags) / sizeof(*tags));
	assert_int_equal(value_get(&b.x.section[XS_REVERSE], "portals")->n, 1);
	given_end(&g);
}

/* Domains first, then the longest prefix; a value with its own matcher keeps it. */
static void test_redirect_order(void **state)
{
	static const char *const want[] = { "domain:b.example", "full:a.example", "10.1.2.0/24",
					    "10.1.0.0/16",      "2001::/16",      "10.0.0.0/8" };
	struct given g = { 0 };
	struct base b = build(&g, ROLE_CLIENT, ENDPOINT
		"[[client.redirects]]\ncidr = \"10.0.0.0/8\"\noutbound_tag = \"direct\"\n"
		"[[client.redirects]]\ncidr = \"2001:db8::/16\"\noutbound_tag = \"direct\"\n"
		"[[client.redirects]]\ncidr = \"10.1.0.0/16\"\noutbound_tag = \"direct\"\n"
		"[[client.redirects]]\ndomain = \"full:a.example\"\noutbound_tag = \"direct\"\n"
		"[[client.redirects]]\ncidr = \"10.1.2.3/24\"\noutbound_tag = \"direct\"\n"
		"[[client.redirects]]\ndomain = \"B.example\"\noutbound_tag = \"direct\"\n", "xray-26.7");
	size_t n = 0;

	(void)state;
	for (uint32_t i = 0; i < b.x.rules.n; i++) {
		const struct value *rule = &b.x.rules.v[i].v;
		const struct value *list =
			value_get(rule, "domain") ? value_get(rule, "domain") : value_get(rule, "ip");
		if (b.x.rules.v[i].slot != SLOT_MANAGED)
			continue;
		assert_true(n < 6 && str_is(value_str(&list->items[0]), want[n]));
		n++;
	}
	assert_int_equal(n, 6);
	given_end(&g);
}

/* Disabled endpoints keep their marker number. */
static void test_markers(void **state)
{
	struct given g = { 0 };
	struct base b = build(&g, ROLE_CLIENT,
		"[client]\ndiag_port = 7\n"
		"[[client.endpoints]]\nprofile = \"socks\"\nhostname = \"a.example.net\"\nport = 1\ndisabled = true\n"
		"[[client.endpoints]]\nprofile = \"socks\"\nhostname = \"b.example.net\"\nport = 1\n", "xray-26.7");
	const struct value *rule = &b.x.rules.v[1].v;

	(void)state;
	assert_int_equal(b.x.rules.n, 2);
	assert_true(str_is(value_str(&value_get(rule, "ip")->items[0]), "127.255.0.2/32"));
	assert_true(str_is(value_get_str(rule, "port"), "7"));
	assert_true(str_is(value_str(&value_get(&b.x.rules.v[0].v, "domain")->items[0]), "full:b.example.net"));
	given_end(&g);
}

/* Objects have the place of what caused them, values that of their key; defaults have none of their own. */
static void test_places(void **state)
{
	static const char text[] = ENDPOINT "[client.xray.inbounds.socks]\nport = 1080\n";
	struct given g = { 0 };
	struct base b = build(&g, ROLE_CLIENT, text, "xray-26.2");
	const struct value *out = &b.x.outbounds.v[0].v, *socks = &b.x.inbounds.v[0].v;
	const struct value *server = &value_get(value_get(out, "settings"), "servers")->items[0];

	(void)state;
	assert_string_equal(b.x.outbounds.v[0].owner, "outbound of endpoint 'edge.example.net'");
	assert_int_equal(out->span.begin, 0);
	assert_memory_equal(text + value_get(server, "port")->span.begin, "58443", 5);
	assert_memory_equal(text + value_get(server, "password")->span.begin, "\"change-me\"", 11);
	assert_memory_equal(text + value_get(socks, "port")->span.begin, "1080", 4);
	assert_int_equal(value_get(socks, "listen")->span.begin, socks->span.begin);
	assert_string_equal(b.x.inbounds.v[0].owner, "SOCKS inbound");
	assert_string_equal(b.x.outbounds.v[1].owner, "direct outbound");
	assert_int_equal(b.x.outbounds.v[1].v.span.src, 0);
	given_end(&g);
}

/* A channel that is off, or that the target cannot carry, leaves no section behind. */
static void test_no_empty_reverse(void **state)
{
	static const char *const names[] = { "xray-26.2", "xray-26.7", "v2ray-4.34", "builtin" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct given g = { 0 };
		struct base b = build(&g, ROLE_CLIENT,
				      ENDPOINT "[client.reverse.\"a.rev\"]\nuser_id = \"u\"\nhost = \"h\"\n"
					       "endpoint_tag = \"proxy-edge-example-net\"\ndisabled = true\n",
				      names[i]);
		assert_int_equal(b.x.section[XS_REVERSE].kind, VAL_NONE);
		given_end(&g);
	}
}

/* With a trojan endpoint there is one diagnostic, at the table of the channel. */
static void test_one_refusal(void **state)
{
	struct given g = { 0 };

	(void)state;
	build(&g, ROLE_CLIENT, ENDPOINT "[client.reverse.\"a.rev\"]\nuser_id = \"u\"\nhost = \"h\"\n"
		"endpoint_tag = \"proxy-edge-example-net\"\n", "xray-26.7");
	assert_string_equal(given_codes(&g), "XR600");
	given_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client_rules),   cmocka_unit_test(test_server_rules),
		cmocka_unit_test(test_redirect_order), cmocka_unit_test(test_markers),
		cmocka_unit_test(test_places),         cmocka_unit_test(test_no_empty_reverse),
		cmocka_unit_test(test_one_refusal),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
