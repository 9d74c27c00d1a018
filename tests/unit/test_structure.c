/* link: validate model lib */
/* The structure check on texts: which code, how often, and silence for what Xray reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "validate/validate.h"

struct found {
	struct arena *a;
	struct diag_sink *sink;
};

static struct found check_for(const char *target, const char *text)
{
	struct found f = { .a = arena_new() };
	struct sources *sources = sources_new(f.a);
	struct value root;
	struct xconf x;
	f.sink = diag_sink_new(f.a, sources);
	uint32_t src = sources_add(sources, "x.json", text, (uint32_t)strlen(text));
	assert_int_equal(json_parse(f.a, f.sink, src, true, &root), 0);
	struct value *kept = arena_new_of(f.a, struct value);
	*kept = root;
	xconf_from_value(f.a, kept, target ? target_find(str_of(target)) : target_default(), &x);
	validate_structure(f.a, f.sink, &x);
	diag_finish(f.sink, false);
	return f;
}

/* The codes of a complete file, "XR401 XR402 "; base = its other keys. */
static const char *codes(struct found *f)
{
	const char *list = "";
	for (unsigned i = 0; i < diag_total(f->sink); i++)
		list = arena_printf(f->a, "%s%s ", list, diag_infos[diag_at(f->sink, i)->code].name);
	return list;
}

#define HEAD "{\"inbounds\":[{\"protocol\":\"tun\"}],\"outbounds\":[{\"protocol\":\"freedom\"}],"

static void expect(const char *target, const char *text, const char *expected)
{
	struct found f = check_for(target, text);
	if (strcmp(codes(&f), expected))
		fail_msg("%s\n  gives '%s', expected '%s'", text, codes(&f), expected);
	arena_free(f.a);
}

static void with(const char *rest, const char *expected)
{
	char text[2048];
	snprintf(text, sizeof(text), HEAD "%s}", rest);
	expect(NULL, text, expected);
}

static void inbound(const char *object, const char *expected)
{
	char text[2048];
	snprintf(text, sizeof(text), "{\"outbounds\":[{\"protocol\":\"freedom\"}],\"inbounds\":[%s]}", object);
	expect(NULL, text, expected);
}

static void outbound(const char *object, const char *expected)
{
	char text[2048];
	snprintf(text, sizeof(text), "{\"inbounds\":[{\"protocol\":\"tun\"}],\"outbounds\":[%s]}", object);
	expect(NULL, text, expected);
}

static void test_clean(void **state)
{
	(void)state;
	with("\"log\":{\"loglevel\":\"\"},\"stats\":{},\"dns\":null", "");
	with("\"dns\":{\"servers\":[\"1.1.1.1\",{\"address\":\"8.8.8.8\"}],\"hosts\":{\"a\":\"b\",\"c\":[\"d\"]}}", "");
	with("\"routing\":{\"rules\":[{\"outboundTag\":\"a\",\"ip\":\"1.1.1.1\",\"port\":53,\"network\":\"TCP,udp\"}]}",
	     "");
	with("\"policy\":{\"levels\":{\"0\":{\"bufferSize\":-1}}},\"transport\":{}", "");
	inbound("{\"protocol\":\"SOCKS\",\"port\":\"1-5,7\",\"settings\":null}", "");
	inbound("{\"protocol\":\"http\",\"listen\":\"@@abc\"}", "");
	outbound("{\"protocol\":\"trojan\",\"settings\":{\"address\":\"a\",\"port\":1,\"password\":\"x\",\"flow\":\"\"}"
		 "}",
		 "");
	outbound("{\"protocol\":\"freedom\",\"settings\":{\"fragment\":{\"length\":\"5\",\"interval\":\"\"}}}", "");
	outbound("{\"protocol\":\"freedom\",\"settings\":{\"fragment\":{\"length\":\"\",\"interval\":5}}}", "XR406 ");
}

static void test_ports(void **state)
{
	(void)state;
	static const struct {
		const char *port, *expected;
	} rows[] = {
		{ "1", "" }, { "65535", "" }, { "0", "XR411 " }, { "65536", "XR411 " }, { "-1", "XR411 " },
			{ "1.0", "XR410 " },
		{ "1e3", "XR410 " }, { "\"\"", "XR411 " }, { "\" , \"", "XR411 " }, { "\"80\"", "" },
			{ "\" 80 , 81\"", "" },
		{ "\"080\"", "XR411 " }, { "\"080-090\"", "" }, { "\"80 - 90\"", "XR411 " }, { "\"90-80\"", "" },
		{ "\"80-65536\"", "XR411 " }, { "\"65536\"", "XR411 " }, { "\"0\"", "XR411 " }, { "\"env:P\"", "" },
		{ "\"env:P,80\"", "" }, { "\"x\"", "XR411 " }, { "\"1-\"", "XR411 " }, { "[80]", "XR401 " },
			{ "true", "XR401 " },
		{ "99999999999999999999", "XR409 " },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[256];
		snprintf(text, sizeof(text), "{\"protocol\":\"socks\",\"port\":%s}", rows[i].port);
		inbound(text, rows[i].expected);
	}
}

static void test_ranges(void **state)
{
	(void)state;
	static const struct {
		const char *range, *expected;
	} rows[] = {
		{ "5", "" }, { "\"5\"", "" }, { "\"5-9\"", "" }, { "\"9-5\"", "" }, { "\"-3--1\"", "" }, { "-3", "" },
			{ "\"\"", "" },
		{ "\"5-\"", "XR418 " }, { "\"a\"", "XR418 " }, { "\"5 - 9\"", "XR418 " }, { "5.5", "XR410 " },
			{ "true", "XR401 " },
		{ "3000000000", "XR409 " },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[256];
		snprintf(text, sizeof(text),
			 "{\"protocol\":\"freedom\",\"settings\":{\"finalRules\":[{\"action\":\"block\","
			 "\"blockDelay\":%s}]}}",
			 rows[i].range);
		outbound(text, rows[i].expected);
	}
}

static void test_forms(void **state)
{
	(void)state;
	static const struct {
		const char *id, *expected;
	} rows[] = {
		{ "11111111-2222-4333-8444-555555555555", "" }, { "11111111222243338444555555555555", "" }, { "x", "" },
		{ "123456789012345678901234567890", "" }, { "1234567890123456789012345678901", "XR418 " },
			{ "", "XR406 " },
		{ "11111111-2222-4333-8444-55555555555z", "XR418 " },
			{ "11111111-2222-4333-8444-5555555555556", "XR418 " },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[256];
		snprintf(text, sizeof(text),
			 "{\"protocol\":\"vmess\",\"settings\":{\"address\":\"a\",\"port\":1,\"id\":\"%s\"}}",
			 rows[i].id);
		outbound(text, rows[i].expected);
	}
	with("\"observatory\":{\"probeInterval\":\"1h2m3.5s\"}", "");
	with("\"observatory\":{\"probeInterval\":\"10\"}", "XR418 ");
	with("\"observatory\":{\"probeInterval\":10}", "XR401 ");
}

static void test_keys(void **state)
{
	(void)state;
	with("\"Log\":{}", "XR403 ");
	with("\"logs\":{}", "XR402 ");
	with("\"log\":5", "XR401 ");
	with("\"transport\":{\"a\":1}", "XR405 ");
	with("\"routing\":{\"domainMatcher\":\"mph\"}", "XR404 ");
	with("\"routing\":{\"rules\":[{\"outboundTag\":\"a\",\"domainMatcher\":\"mph\",\"type\":\"field\",\"ruleTag\":"
	     "\"x\"}]}",
	     "");
	with("\"routing\":{\"rules\":[null]}", "XR401 ");
	with("\"fakeDns\":[{\"ipPool\":\"198.18.0.0/"
	     "15\",\"poolSize\":100}],\"routing\":{\"rules\":[{\"outboundTag\":\"a\",\"domain\":[null]}]}",
	     "");
	outbound("{\"protocol\":\"vless\",\"settings\":{\"vnext\":[]}}", "XR406 ");
	outbound("{\"protocol\":\"vless\"}", "XR406 ");
	outbound("{\"protocol\":\"what\",\"settings\":{\"a\":1}}", "XR407 ");
	outbound("{\"settings\":{\"a\":1}}", "XR406 ");
	expect(NULL, "{}", "XR414 XR415 ");
	expect(NULL, "{\"inbounds\":{},\"outbounds\":null}", "XR401 XR415 ");
	expect(NULL, "5", "XR401 ");
}

static void test_targets(void **state)
{
	(void)state;
	expect("v2ray-4.34", HEAD "\"transport\":{\"tcpSettings\":{}}}", "");
	expect("v2ray-4.34", HEAD "\"dns\":{\"disableCache\":true}}", "XR412 ");
	expect("v2ray-4.34",
	       HEAD "\"routing\":{\"rules\":[{\"process\":[\"a\"],\"outboundTag\":\"a\",\"ruleTag\":\"b\"}]}}",
	       "XR413 ");
	expect("xray-26.2", HEAD "\"reverse\":{\"bridges\":[{\"tag\":\"a\",\"domain\":\"b\"}]}}", "");
	expect("xray-26.2", HEAD "\"env\":{}}", "XR412 ");
}

/* What the base makes is not held against a target, nor reported twice. */
static void test_managed(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct diag_sink *sink = diag_sink_new(a, sources_new(a));
	struct xconf x = { .target = target_find(STR("v2ray-4.34")) };
	struct span at = { 1, 5, 9 };
	struct value in = value_object(at), out = value_object(at), rule = value_object(at);
	value_put_str(a, &in, "protocol", "socks");
	value_put_int(a, &in, "port", 0);
	value_put_str(a, &in, "remark", "x");
	value_put_str(a, &out, "protocol", "freedom");
	value_put_str(a, &rule, "outboundTag", "a");
	value_put_str(a, &rule, "process", "x");
	xlist_add(a, &x.inbounds, in, "inbound of socks");
	xlist_add(a, &x.outbounds, out, "outbound of direct");
	xlist_add(a, &x.rules, rule, "rule of redirect");
	diag_add(sink, DIAG_XR401, at, "reported by an earlier stage");
	validate_structure(a, sink, &x);
	assert_int_equal(diag_total(sink), 1);
	arena_free(a);
}

/* The merge lets no such element through; the check holds without it. */
static void test_elements(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct diag_sink *sink = diag_sink_new(a, sources_new(a));
	struct xconf x = { .target = target_default() };
	struct span at = { 1, 5, 9 };
	struct value in = value_object(at), out = value_object(at);
	value_put_str(a, &in, "protocol", "tun");
	value_put_str(a, &out, "protocol", "freedom");
	xlist_add(a, &x.inbounds, in, NULL);
	xlist_add(a, &x.outbounds, out, NULL);
	xlist_add(a, &x.rules, value_string("x", at), NULL);
	validate_structure(a, sink, &x);
	assert_int_equal(diag_total(sink), 1);
	assert_int_equal(diag_at(sink, 0)->code, DIAG_XR401);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean), cmocka_unit_test(test_ports),   cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_forms), cmocka_unit_test(test_keys),    cmocka_unit_test(test_targets),
		cmocka_unit_test(test_managed), cmocka_unit_test(test_elements),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
