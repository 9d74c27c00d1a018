/* link: merge model lib */
/* Merge: slots, reserved names, duplicates, deletions, override, sections. */
#include "tests/unit/merge_test.h"

static const char base_text[] =
	"{\"api\":{\"tag\":\"api\"},\"policy\":{\"levels\":{\"0\":{\"statsUserUplink\":true}},\"system\":{}},"
	"\"routing\":{\"rules\":["
	"{\"slot\":0,\"ruleTag\":\"xp2p-0\"},{\"slot\":1,\"ruleTag\":\"xp2p-1\"},{\"slot\":3,\"ruleTag\":\"xp2p-3\"},"
	"{\"slot\":5,\"ruleTag\":\"xp2p-5\"}]},"
	"\"inbounds\":[{\"tag\":\"socks-in\"}],\"outbounds\":[{\"tag\":\"proxy-edge\"},{\"tag\":\"direct\"}]}";

static void start(struct world *w)
{
	world_start(w, "xray-26.7", base_text);
}

static void test_slots(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	world_snippet(&w, SNIPPET_RULES_AFTER_SYSTEM, "{\"rules\":[{\"ruleTag\":\"s1\"},{\"ruleTag\":\"s2\"}]}");
	world_snippet(&w, SNIPPET_RULES_AFTER_MANAGED, "{\"rules\":[{\"ruleTag\":\"m1\"},{}]}");
	assert_string_equal(world_merge(&w), "");
	assert_string_equal(world_list(&w, &w.merged.x.rules, "ruleTag"), "xp2p-0 xp2p-1 s1 s2 xp2p-3 m1  xp2p-5");
	assert_int_equal(w.merged.x.rules.v[2].slot, SLOT_AFTER_SYSTEM);
	assert_null(w.merged.x.rules.v[2].owner);
	assert_int_equal(w.merged.x.rules.v[6].slot, SLOT_AFTER_MANAGED);
	assert_int_equal(w.merged.x.rules.v[6].v.n_members, 0);
	world_end(&w);
}

static void test_append(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	world_snippet(&w, SNIPPET_OUTBOUNDS, "{\"outbounds\":[{\"tag\":\"nyc\"},{\"tag\":\"lon\"}]}");
	world_snippet(&w, SNIPPET_INBOUNDS, "{\"inbounds\":[{\"tag\":\"proxy.in\"}]}");
	world_snippet(&w, SNIPPET_BALANCERS, "{\"balancers\":[{\"tag\":\"b\"}]}");
	assert_string_equal(world_merge(&w), "");
	assert_string_equal(world_list(&w, &w.merged.x.outbounds, "tag"), "proxy-edge direct nyc lon");
	assert_string_equal(world_list(&w, &w.merged.x.inbounds, "tag"), "socks-in proxy.in");
	assert_string_equal(world_list(&w, &w.merged.x.balancers, "tag"), "b");
	assert_int_equal(w.base.x.outbounds.n, 2);
	world_end(&w);
}

struct fault {
	enum snippet_kind kind;
	const char *text, *codes;
};
static const struct fault faults[] = {
	{ SNIPPET_OUTBOUNDS, "{\"outbounds\":[{\"tag\":\"proxy-nyc\"}]}", "XR302" },
	{ SNIPPET_OUTBOUNDS, "{\"outbounds\":[{\"Tag\":\"PROXY-nyc\"}]}", "XR302" },
	{ SNIPPET_OUTBOUNDS, "{\"outbounds\":[{\"tag\":\"a.REV\"}]}", "XR302" },
	{ SNIPPET_OUTBOUNDS, "{\"outbounds\":[{\"tag\":\"ok\",\"TAG\":\"xp2p-z\"}]}", "XR302" },
	{ SNIPPET_INBOUNDS, "{\"inbounds\":[{\"tag\":\"in\",\"remark\":\" xp2p-a \"}]}", "XR302" },
	{ SNIPPET_BALANCERS, "{\"balancers\":[{\"tag\":\"xp2p-b\"}]}", "XR302" },
	{ SNIPPET_OUTBOUNDS, "{\"outbounds\":[{\"tag\":\"r\",\"settings\":{\"reverse\":{\"tag\":\"x.rev\"}}}]}",
	"XR302" },
	{ SNIPPET_INBOUNDS,
	"{\"inbounds\":[{\"tag\":\"r\",\"settings\":{\"clients\":[{},{\"reverse\":{\"tag\":\"x.rev\"}}]}}]}", "XR302" },
	{ SNIPPET_RULES_AFTER_SYSTEM, "{\"rules\":[{\"ruleTag\":\"xp2p-1\"}]}", "XR302" },
	{ SNIPPET_RULES_AFTER_SYSTEM,
	"{\"rules\":[{\"domain\":[\"a\",\"full:x.rev\"]},{\"domains\":\"full:X.REV\"}]}", "XR308 XR308" },
	{ SNIPPET_RULES_AFTER_SYSTEM,
	"{\"rules\":[{\"domain\":\"full:a.b,full:x.rev\"},{\"domain\":[\"domain:x.rev\"]}]}", "XR308" },
	{ SNIPPET_RULES_AFTER_MANAGED, "{\"rules\":[{\"ruleTag\":\"a\"},{\"ruleTag\":\"a\"},{\"ruleTag\":\"a\"}]}",
	"XR309 XR309" },
	{ SNIPPET_RULES_AFTER_MANAGED, "{\"rules\":[{\"ruleTag\":\" a\"}]}", "XR304" },
	{ SNIPPET_RULES_AFTER_MANAGED, "{\"rules\":[{\"ruleTag\":\"\"},{\"ruleTag\":\"\"}]}", "" },
	{ SNIPPET_RULES_AFTER_MANAGED, "{\"rules\":[1,\"a\",[],null,true]}", "XR301 XR301 XR301 XR310 XR301" },
	{ SNIPPET_OUTBOUNDS, "{\"outbounds\":[{\"protocol\":\"freedom\"}]}", "XR303" },
	{ SNIPPET_OUTBOUNDS,
	"{\"outbounds\":[{\"tag\":5},{\"tag\":null},{\"tag\":\"\"},{\"tag\":\" \"},{\"tag\":\"a \"}]}",
	  "XR303 XR304 XR304 XR304" },
	{ SNIPPET_INBOUNDS, "{\"inbounds\":[{\"tag\":\"socks-in\"}]}", "XR305" },
	{ SNIPPET_OUTBOUNDS, "{\"outbounds\":[{\"tag\":\"api\"}]}", "XR305" },
	{ SNIPPET_INBOUNDS, "{\"inbounds\":[{\"tag\":\"direct\"},{\"tag\":\"api\"}]}", "" },
	{ SNIPPET_OUTBOUNDS, "{\"outbounds\":[{\"tag\":\"a\"},{\"tag\":\"a\"},{\"tag\":\"A\"}]}", "XR306 XR307" },
	{ SNIPPET_OUTBOUNDS, "{\"outbounds\":[{\"tag\":\"Direct\"}]}", "XR307" },
	{ SNIPPET_OUTBOUNDS, "{\"outbounds\":[{\"tag\":\"proxy-edge\",\"enabled\":false}]}", "XR310" },
	{ SNIPPET_OUTBOUNDS, "{\"outbounds\":[{\"tag\":\"direct\",\"_remove\":true},{\"$remove\":\"direct\"}]}",
	"XR310 XR310" },
	{ SNIPPET_OUTBOUNDS, "{\"outbounds\":[{\"tag\":\"mine\",\"enabled\":false}]}", "" },
	{ SNIPPET_POLICY, "{\"policy\":{\"levels\":{\"0\":{}}}}", "XR311" },
	{ SNIPPET_POLICY, "{\"policy\":{\"levels\":{\"00\":null,\"1\":{}},\"System\":{}}}", "XR311 XR311" },
	{ SNIPPET_POLICY, "{\"policy\":{\"levels\":[]}}", "XR227" },
	{ SNIPPET_OBSERVATORY, "{\"observatory\":{\"a\":1},\"burstObservatory\":{\"a\":1}}", "XR312" },
	{ SNIPPET_DNS, "[]", "XR224" },
	{ SNIPPET_DNS, "null", "XR224" },
	{ SNIPPET_DNS, "{}", "XR226" },
	{ SNIPPET_DNS, "{\"dns\":[]}", "XR227" },
	{ SNIPPET_DNS, "{\"dns\":{},\"fakedns\":{}}", "XR225" },
	{ SNIPPET_INBOUNDS, "{\"outbounds\":[]}", "XR225" },
	{ SNIPPET_INBOUNDS, "{\"inbounds\":null}", "XR227" },
	{ SNIPPET_INBOUNDS, " // nothing\n", "" },
};

static void test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		struct world w;
		const char *codes;

		start(&w);
		world_snippet(&w, faults[i].kind, faults[i].text);
		codes = world_merge(&w);
		if (!str_is(str_of(codes), faults[i].codes))
			fail_msg("%s: '%s', expected '%s'", faults[i].text, codes, faults[i].codes);
		world_end(&w);
	}
}

static void test_owner_named(void **state)
{
	struct world w;
	struct buf out = { 0 };

	(void)state;
	start(&w);
	world_snippet(&w, SNIPPET_OUTBOUNDS, "{\"outbounds\":[{\"tag\":\"Proxy-Edge\"},{\"tag\":\"proxy-nyc\"}]}");
	world_merge(&w);
	diag_print(w.sink, false, false, &out);
	buf_putc(&out, 0);
	assert_non_null(
		strstr(out.p, "outbounds.append.json:1:22: error[XR302]: outbound tag 'Proxy-Edge' is reserved"));
	assert_non_null(strstr(out.p, "note: 'Proxy-Edge' is the outbound of endpoint 'edge'"));
	assert_non_null(strstr(out.p, "note: 'proxy-*' names belong to [[client.endpoints]]"));
	assert_non_null(strstr(out.p, "help: rename it, for example 'nyc', or list it in [extensions] override"));
	buf_fini(&out);
	world_end(&w);
}

static void test_override(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	world_override(&w, " Proxy-Edge ");
	world_override(&w, "proxy-new");
	world_override(&w, "socks-in");
	world_override(&w, "nothing");
	world_snippet(&w, SNIPPET_OUTBOUNDS,
		      "{\"outbounds\":[{\"tag\":\"proxy-new\"},{\"tag\":\"proxy-edge\",\"x\":1}]}");
	world_snippet(&w, SNIPPET_INBOUNDS, "{\"inbounds\":[{\"tag\":\"socks-in\",\"x\":2}]}");
	assert_string_equal(world_merge(&w), "XR314 [XR313] [XR313] [XR313]");
	assert_string_equal(world_list(&w, &w.merged.x.outbounds, "tag"), "proxy-edge direct proxy-new");
	assert_true(w.merged.x.outbounds.v[0].replaced);
	assert_null(w.merged.x.outbounds.v[0].owner);
	assert_int_equal(w.merged.x.outbounds.v[0].v.n_members, 2);
	assert_false(w.base.x.outbounds.v[0].replaced);
	assert_int_equal(w.merged.x.inbounds.n, 1);
	assert_int_equal(w.merged.overrides_used.n, 3);
	world_end(&w);
}

/* The second of two replacements is a duplicate of the first; an override never frees a managed ruleTag. */
static void test_override_twice(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	world_override(&w, "direct");
	world_override(&w, "xp2p-1");
	world_snippet(&w, SNIPPET_OUTBOUNDS, "{\"outbounds\":[{\"tag\":\"direct\"},{\"tag\":\"direct\"}]}");
	world_snippet(&w, SNIPPET_RULES_AFTER_SYSTEM, "{\"rules\":[{\"ruleTag\":\"xp2p-1\"}]}");
	assert_string_equal(world_merge(&w), "[XR313] XR306 XR309 [XR313]");
	world_end(&w);
}

static void test_policy(void **state)
{
	struct world w;
	const struct value *policy;
	struct buf out = { 0 };

	(void)state;
	start(&w);
	world_snippet(&w, SNIPPET_POLICY, "{\"policy\":{\"levels\":{\"2\":{\"connIdle\":60},\"1\":{}},\"other\":1}}");
	assert_string_equal(world_merge(&w), "");
	policy = &w.merged.x.section[XS_POLICY];
	json_write_compact(&out, policy);
	buf_putc(&out, 0);
	assert_string_equal(out.p,
			    "{\"levels\":{\"0\":{\"statsUserUplink\":true},\"2\":{\"connIdle\":60},\"1\":{}},"
			    "\"system\":{},\"other\":1}");
	assert_int_equal(value_get(&w.base.x.section[XS_POLICY], "levels")->n_members, 1);
	buf_fini(&out);
	world_end(&w);
}

static void test_sections(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	world_snippet(&w, SNIPPET_DNS, "{\"dns\":{\"servers\":[\"192.0.2.1\"]}}");
	world_snippet(&w, SNIPPET_OBSERVATORY, "{\"burstObservatory\":{\"subjectSelector\":[\"proxy-\"]}}");
	world_snippet(&w, SNIPPET_POLICY, "{\"policy\":{}}");
	assert_string_equal(world_merge(&w), "");
	assert_int_equal(w.merged.x.section[XS_DNS].n_members, 1);
	assert_null(w.merged.x.section_owner[XS_DNS]);
	assert_int_equal(w.merged.x.section[XS_BURST_OBSERVATORY].n_members, 1);
	assert_int_equal(w.merged.x.section[XS_OBSERVATORY].kind, VAL_NONE);
	world_end(&w);
}

static void test_type_added(void **state)
{
	struct world w;

	(void)state;
	world_start(&w, "v2ray-4.34", base_text);
	world_snippet(&w, SNIPPET_RULES_AFTER_SYSTEM, "{\"rules\":[{\"ip\":\"192.0.2.1\"},{\"Type\":\"field\"},{}]}");
	assert_string_equal(world_merge(&w), "[XR315]");
	assert_true(str_is(value_get_str(&w.merged.x.rules.v[2].v, "type"), "field"));
	assert_int_equal(w.merged.x.rules.v[3].v.n_members, 1);
	assert_int_equal(w.merged.x.rules.v[4].v.n_members, 1);
	assert_int_equal(w.snippets[SNIPPET_RULES_AFTER_SYSTEM].root.members[0].value.items[0].n_members, 1);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots),      cmocka_unit_test(test_append),
		cmocka_unit_test(test_faults),     cmocka_unit_test(test_owner_named),
		cmocka_unit_test(test_override),   cmocka_unit_test(test_override_twice),
		cmocka_unit_test(test_policy),     cmocka_unit_test(test_sections),
		cmocka_unit_test(test_type_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
