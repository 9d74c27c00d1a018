/* link: links model lib */
/* Inputs: what a text is, what becomes of its bad parts, that its secrets stay in it, and its limits. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/inputs_case.h"

#define TROJAN "trojan://change-me@edge.example.net:443"
#define NODE "{\"link\":\"" TROJAN "\"}"
#define SERVER "{\"server\":\"a\",\"server_port\":1,\"method\":\"aes-128-gcm\",\"password\":\"change-me\"}"
#define OUTBOUND "{\"protocol\":\"trojan\",\"settings\":{\"address\":\"a\",\"port\":1,\"password\":\"change-me\"}}"
#define PROXY "{\"type\":\"trojan\",\"server\":\"a\",\"port\":1,\"password\":\"change-me\"}"
#define YAML "{type: trojan, server: a, port: 1, password: change-me}"

static const struct {
	const char *text;
	enum input_format format;
	bool base64;
	uint32_t parsed, failed, skipped;
} forms[] = {
	{ TROJAN, INPUT_LINKS, false, 1, 0, 0 },
	{ "\xef\xbb\xbf" TROJAN "\r\n", INPUT_LINKS, false, 1, 0, 0 },
	{ "# one\r\n; two\r\n// three\r\n\r\n" TROJAN "\r\n \t\r\n" TROJAN "#x", INPUT_LINKS, false, 2, 0, 0 },
	{ "some words first\n" TROJAN, INPUT_LINKS, false, 1, 1, 0 },
	{ TROJAN "\nvless://\ntuic://a@b:1\n" TROJAN, INPUT_LINKS, false, 2, 2, 0 },
	{ "https://edge.example.net/sub?token=x", INPUT_LINKS, false, 0, 1, 0 },
	{ "dHJvamFuOi8vY2hhbmdlLW1lQGE6MQ==", INPUT_LINKS, true, 1, 0, 0 },
	{ "dHJvamFuOi8vY2hhbmdlLW1lQGE6MQ", INPUT_LINKS, true, 1, 0, 0 },
	{ "dHJvamFu\r\nOi8vY2hhb\n mdlLW1l\tQGE6MQ=\n=\n", INPUT_LINKS, true, 1, 0, 0 },
	{ "# a comment\ndHJvamFuOi8vY2hhbmdlLW1lQGE6MQ==", INPUT_LINKS, true, 1, 0, 0 },
	{ "c3M6Ly9ZV0U2WWdAYToxI_CfmIA_", INPUT_LINKS, true, 1, 0, 0 },
	{ NODE, INPUT_NODES, false, 1, 0, 0 },
	{ "[" NODE "," NODE ",{\"link\":\"x\"}]", INPUT_NODES, false, 2, 1, 0 },
	{ "[]", INPUT_NODES, false, 0, 0, 0 },
	{ "{\"version\":1,\"servers\":[" SERVER "," SERVER "]}", INPUT_SIP008, false, 2, 0, 0 },
	{ "[" SERVER "]", INPUT_SIP008, false, 1, 0, 0 },
	{ SERVER, INPUT_SIP008, false, 1, 0, 0 },
	{ "{\"servers\":[]}", INPUT_SIP008, false, 0, 0, 0 },
	{ "{\"servers\":[1,\"a\",null," SERVER "]}", INPUT_SIP008, false, 1, 3, 0 },
	{ OUTBOUND, INPUT_XRAY, false, 1, 0, 0 },
	{ "// with a comment\n[" OUTBOUND "," OUTBOUND "]", INPUT_XRAY, false, 2, 0, 0 },
	{ "{\"inbounds\":[],\"outbounds\":[" OUTBOUND ",{\"protocol\":\"freedom\"},{\"protocol\":\"DNS\"}]}", INPUT_XRAY, false,
	  1, 0, 2 },
	{ "[{\"outbounds\":[" OUTBOUND "]},{\"outbounds\":[" OUTBOUND ",{\"protocol\":\"ssh\"}]},7]", INPUT_XRAY, false, 2, 2,
	  0 },
	{ "{\"proxies\":[" PROXY "],\"rules\":[]}", INPUT_CLASH, false, 1, 0, 0 },
	{ "proxies:\n- " YAML "\n", INPUT_CLASH, false, 1, 0, 0 },
	{ "port: 1\nproxies: [" YAML ", {type: direct}, {type: ssr}, 5]\n", INPUT_CLASH, false, 1, 2, 1 },
	{ "Proxy:\n- " YAML "\n", INPUT_CLASH, false, 1, 0, 0 },
	{ "proxies:\nrules: [https://x]\n", INPUT_CLASH, false, 0, 0, 0 },
	{ "cHJveGllczoKLSB7dHlwZTogdHJvamFuLCBzZXJ2ZXI6IGEsIHBvcnQ6IDEsIHBhc3N3b3JkOiBjaGFuZ2UtbWV9Cg==", INPUT_CLASH, true, 1,
	  0, 0 },
	{ "W3sibGluayI6InRyb2phbjovL2NoYW5nZS1tZUBhOjEifV0=", INPUT_NODES, true, 1, 0, 0 },
};

static void test_forms(void **state)
{
	struct given g = { .a = *state };

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		give(&g, forms[i].text);
		if (g.rc || g.sum.format != forms[i].format || g.sum.base64 != forms[i].base64 ||
		    g.sum.parsed != forms[i].parsed || g.sum.failed != forms[i].failed || g.sum.skipped != forms[i].skipped)
			fail_msg("%s: %d %s %u %u %u %u\n%s", forms[i].text, g.rc, input_format_names[g.sum.format],
				g.sum.base64, g.sum.parsed, g.sum.failed, g.sum.skipped, printed(&g));
		assert_int_equal(g.list.n, g.sum.parsed);
	}
}

static const struct {
	const char *text;
	enum diag_code code;
} refused[] = {
	{ "", DIAG_XR860 },
	{ " \r\n\t", DIAG_XR860 },
	{ "# nothing\n\n", DIAG_XR860 },
	{ "hello", DIAG_XR860 },
	{ "hello.", DIAG_XR860 },
	{ "<!DOCTYPE html><a href=\"https://edge.example.net\">S3CRET</a>", DIAG_XR860 },
	{ "{\"S3CRET\":1}", DIAG_XR860 },
	{ "[\"S3CRET\"]", DIAG_XR860 },
	{ "{\"outbounds\":[{\"type\":\"vless\",\"uuid\":\"S3CRET\"}]}", DIAG_XR860 },
	{ "{\"outbounds\":\"S3CRET\"}", DIAG_XR860 },
	{ "ZEhKdmFtRnVPaTh2WTJoaGJtZGxMVzFsUUdFNk1RPT0=", DIAG_XR860 }, /* base64 twice */
	{ "PGh0bWw+", DIAG_XR860 },
	{ "{\"outbounds\":[S3CRET", DIAG_XR861 },
	{ "{\"outbounds\":[\"S3CRET", DIAG_XR861 },
	{ "[{\"link\":\"\xff\"}]", DIAG_XR861 },
	{ "proxies: [S3CRET", DIAG_XR861 },
	{ "proxies:\n\t- S3CRET", DIAG_XR861 },
	{ "proxies: *S3CRET", DIAG_XR861 },
	{ "proxies: &S3CRET [*S3CRET]", DIAG_XR861 },
	{ "proxies:\n- <<: S3CRET\n", DIAG_XR861 },
	{ "proxies:\n- ? [S3CRET]\n  : 1\n", DIAG_XR861 },
	{ "proxies:\n- \"\xff\"\n", DIAG_XR861 },
	{ "proxies:\n- \"\x01\"\n", DIAG_XR861 },
};

static void test_refused(void **state)
{
	struct given g = { .a = *state };

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		give(&g, refused[i].text);
		if (g.rc != 1 || diag_total(g.sink) != 1 || diag_at(g.sink, 0)->code != refused[i].code)
			fail_msg("%s: %d\n%s", refused[i].text, g.rc, printed(&g));
		if (strstr(printed(&g), "S3CRET"))
			fail_msg("the text is shown: %s", printed(&g));
		assert_int_equal(g.sum.format, INPUT_NONE);
	}
}

/* Places, and nothing of the text. */
static const struct {
	const char *text;
	enum diag_code code;
	uint32_t line;
} faults[] = {
	{ TROJAN "\r\n\r\nvless://S3CRET@edge.example.net:443", DIAG_XR809, 3 },
	{ TROJAN "?S3CRET=1\n" TROJAN, DIAG_XR805, 1 },
	{ "S3CRET\n" TROJAN, DIAG_XR801, 1 },
	{ "{\"servers\":[\n" SERVER ",\n{\"server\":\"S3CRET S3CRET\",\"server_port\":1,\"password\":\"S3CRET\",\"method\":\"x\"}]}",
	  DIAG_XR802, 3 },
	{ "{\"servers\":[{\"server\":\"a\",\"server_port\":1,\"password\":\"S3CRET\"}]}", DIAG_XR809, 1 },
	{ "{\"servers\":[{\"server\":\"a\",\"server_port\":1,\"method\":\"x\"}]}", DIAG_XR809, 1 },
	{ "{\"servers\":[{\"server_port\":1,\"password\":\"S3CRET\",\"method\":\"x\"}]}", DIAG_XR802, 1 },
	{ "{\"servers\":[{\"server\":\"a\",\"server_port\":1,\"password\":\"S3CRET\\u0007\",\"method\":\"x\"}]}", DIAG_XR803, 1 },
	{ "{\"servers\":[{\"server\":\"a\",\"server_port\":1,\"password\":{\"S3CRET\":1},\"method\":\"x\"}]}", DIAG_XR808, 1 },
	{ "{\"outbounds\":[\n\n" OUTBOUND ",\n{\"protocol\":\"S3CRET\"}]}", DIAG_XR862, 4 },
	{ "{\"protocol\":\"vless\",\"settings\":{\"address\":\"a\",\"port\":1,\"id\":\"S3CRET\"}}", DIAG_XR809, 1 },
	{ "{\"protocol\":\"vless\",\"settings\":{\"address\":\"a\",\"port\":1,\"id\":\"" ID "\",\"seed\":\"S3CRET\"}}", DIAG_XR805, 1 },
	{ "{\"protocol\":\"vless\",\"settings\":{\"vnext\":[{\"address\":\"a\"},{\"address\":\"b\"}]}}", DIAG_XR808, 1 },
	{ "{\"protocol\":\"vless\",\"settings\":\"S3CRET\"}", DIAG_XR808, 1 },
	{ "{\"protocol\":\"trojan\",\"settings\":{\"address\":\"a\",\"port\":1,\"password\":\"S3CRET\"},"
	  "\"streamSettings\":{\"network\":\"quic\"}}", DIAG_XR810, 1 },
	{ "{\"protocol\":\"trojan\",\"settings\":{\"address\":\"a\",\"port\":1,\"password\":\"S3CRET\"},"
	  "\"streamSettings\":{\"sockopt\":{\"dialerProxy\":\"S3CRET\",\"mark\":1}}}", DIAG_XR805, 1 },
	{ "{\"protocol\":\"trojan\",\"settings\":{\"address\":\"a\",\"port\":1,\"password\":\"S3CRET\"},"
	  "\"proxySettings\":{\"tag\":\"S3CRET\"}}", DIAG_XR805, 1 },
	{ "{\"protocol\":\"trojan\",\"settings\":{\"address\":\"a\",\"port\":1,\"password\":\"S3CRET\"},"
	  "\"streamSettings\":{\"network\":\"ws\",\"wsSettings\":{\"host\":\"S3CRET\",\"headers\":{\"Host\":\"b\"}}}}", DIAG_XR807, 1 },
	{ "{\"protocol\":\"socks\",\"settings\":{\"address\":\"a\",\"port\":1},\"streamSettings\":{\"security\":\"tls\"}}",
	  DIAG_XR805, 1 },
	{ "proxies:\n- " YAML "\n- {type: ssr, password: S3CRET}\n", DIAG_XR862, 3 },
	{ "proxies:\n- {type: vless, server: a, port: 1, uuid: S3CRET}\n", DIAG_XR809, 2 },
	{ "proxies:\n\n- type: trojan\n  server: a\n  port: 0\n  password: S3CRET\n", DIAG_XR802, 3 },
	{ "proxies: [{type: trojan, server: a, port: 1, password: S3CRET, ss-opts: {enabled: true}}]", DIAG_XR805, 1 },
	{ "proxies: [{type: trojan, server: a, port: 1, password: S3CRET, dialer-proxy: S3CRET}]", DIAG_XR805, 1 },
	{ "proxies: [{type: socks5, server: a, port: 1, password: S3CRET, tls: true}]", DIAG_XR805, 1 },
	{ "proxies: [{type: vmess, server: a, port: 1, uuid: " ID ", network: h2}]", DIAG_XR810, 1 },
	{ "proxies: [{type: hy2, server: a, port: 1, password: S3CRET, up: S3CRET}]", DIAG_XR808, 1 },
	{ "proxies: [{type: wireguard, server: a, port: 1, private-key: S3CRET, reserved: S3CRET}]", DIAG_XR808, 1 },
	{ "proxies: [{type: ss, server: a, port: 1, cipher: x, password: S3CRET, plugin: \"a\\u0001\"}]", DIAG_XR803, 1 },
	{ "proxies: [{type: trojan, server: a, port: 1, password: S3CRET, sni: b, sni: c}]", DIAG_XR806, 1 },
	{ "[{\"link\":\"trojan://S3CRET@:1\"}]", DIAG_XR802, 1 },
	{ "[{\"link\":\"\\u0000S3CRET\"}]", DIAG_XR801, 1 },
};

static void test_faults(void **state)
{
	struct given g = { .a = *state };
	uint32_t line, column;

	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		give(&g, faults[i].text);
		if (g.rc || g.sum.failed != 1 || g.sum.reported != 1 || diag_at(g.sink, 0)->code != faults[i].code)
			fail_msg("%s: %d %u\n%s", faults[i].text, g.rc, g.sum.failed, printed(&g));
		source_place(g.sources, diag_at(g.sink, 0)->at.src, diag_at(g.sink, 0)->at.begin, &line, &column);
		if (line != faults[i].line)
			fail_msg("line %u: %s", line, faults[i].text);
		if (strstr(printed(&g), "S3CRET") && !strstr(faults[i].text, "?S3CRET"))
			fail_msg("the text is shown: %s", printed(&g));
	}
}

/* What is not understood is kept, said, and comes back from the link. */
static void test_lenient(void **state)
{
	static const char *const texts[] = {
		TROJAN "?warp=9",
		("{\"protocol\":\"trojan\",\"settings\":{\"address\":\"a\",\"port\":1,\"password\":\"p\"},"
		 "\"streamSettings\":{\"sockopt\":{\"dialerProxy\":\"frag\"}}}"),
		"proxies: [{type: trojan, server: a, port: 1, password: p, dialer-proxy: b, odd: {x: [1]}}]",
		"{\"servers\":[{\"server\":\"a\",\"server_port\":1,\"method\":\"x\",\"password\":\"p\",\"odd\":true}]}",
	};
	struct given g = { .a = *state };
	struct node again;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		give(&g, texts[i]);
		assert_int_equal(g.sum.failed, 1);
		give_text(&g, str_of(texts[i]), true);
		if (g.sum.parsed != 1 || !diag_count(g.sink, SEV_WARNING) || diag_count(g.sink, SEV_ERROR))
			fail_msg("%s: %s", texts[i], printed(&g));
		char *link = link_write(g.a, &g.list.v[0].node);
		struct diag_sink *sink = diag_sink_new(g.a, sources_new(g.a));
		assert_int_equal(link_parse(g.a, sink, str_of(link), SPAN_NONE, &again), 1);
		assert_int_equal(link_parse_with(g.a, sink, str_of(link), SPAN_NONE,
						 &(struct link_options){ .lenient = true }, &again), 0);
		assert_null(node_lost(&g.list.v[0].node, &again));
	}
}

struct seen {
	uint32_t n, stop_at, last_line;
};

static int visit(void *data, const struct input_entry *entry)
{
	struct seen *s = data;

	s->last_line = entry->line;
	return ++s->n == s->stop_at ? -ECANCELED : 0;
}

static int run(struct arena *a, struct str text, struct seen *s, struct input_summary *sum, struct diag_sink **ret_sink)
{
	struct sources *sources = sources_new(a);
	struct input_options o = { .yaml = inputs_yaml, .visit = visit, .data = s };

	*ret_sink = diag_sink_new(a, sources);
	return inputs_read(a, *ret_sink, sources, text, &o, sum);
}

static void test_visit(void **state)
{
	const char *text = TROJAN "\n#\n" TROJAN "\nbad\n" TROJAN "\n";
	struct seen all = { 0 }, two = { .stop_at = 2 };
	struct input_summary sum;
	struct diag_sink *sink;

	assert_int_equal(run(*state, str_of(text), &all, &sum, &sink), 0);
	assert_int_equal(all.n, 3);
	assert_int_equal(all.last_line, 5);
	assert_int_equal(sum.failed, 1);
	assert_int_equal(run(*state, str_of(text), &two, &sum, &sink), -ECANCELED);
	assert_int_equal(two.n, 2);
	assert_int_equal(two.last_line, 3);
}

/* Without a YAML reader the rest works. */
static void test_no_yaml(void **state)
{
	struct arena *a = *state;
	struct input_options o = { .yaml = NULL };
	struct input_list list;
	struct input_summary sum;
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);

	assert_int_equal(inputs_collect(a, sink, sources, STR("proxies: []"), &o, &list, &sum), 1);
	assert_int_equal(diag_at(sink, 0)->code, DIAG_XR860);
	assert_int_equal(inputs_collect(a, sink, sources, STR("{\"proxies\":[" PROXY "]}"), &o, &list, &sum), 0);
	assert_int_equal(list.n, 1);
}

/* Many times the same piece. */
static struct str repeat(const char *head, const char *piece, size_t n, const char *tail)
{
	struct buf b = { 0 };

	buf_puts(&b, head);
	for (size_t i = 0; i < n; i++)
		buf_puts(&b, piece);
	buf_puts(&b, tail);
	assert_false(b.failed);
	return (struct str){ b.p, b.len };
}

static const struct {
	const char *head, *piece, *tail;
	size_t n;
	int rc;
	uint32_t parsed, failed;
} floods[] = {
	{ "", "x://y\n", "", 1000000, 0, 0, 1000000 },
	{ "", "ss://YWE6YQ@a:1\n", "", 300000, 0, 300000, 0 },
	{ "", "\n", TROJAN, 1000000, 0, 1, 0 },
	{ TROJAN "?", "a=1&", "", 1000000, 0, 0, 1 },
	{ "", "x", "", INPUT_MAX_BYTES + 1, 1, 0, 0 },
	{ "", "[", "", 100000, 1, 0, 0 },
	{ "{\"outbounds\":", "[", "", 65, 1, 0, 0 },
	{ "{\"outbounds\":[", "1,", "1]}", INPUT_MAX_VALUES, 1, 0, 0 },
	{ "{\"outbounds\":[{\"protocol\":\"trojan\"", ",\"a\":1", "}]}", 100000, 1, 0, 0 },
	{ "{\"outbounds\":[{\"protocol\":\"trojan\"", ",\"a\":[{}]", "}]}", 50, 0, 0, 1 },
	{ "proxies: ", "[", "", 100000, 1, 0, 0 },
	{ "proxies:\n", "- - - - - - - - - -\n", "", 500000, 1, 0, 0 },
	{ "proxies:\n", "- a\n", "", INPUT_MAX_VALUES + 1, 1, 0, 0 },
	{ "a: &a {b: c, d: [e, f]}\nproxies:\n", "- *a\n", "", 500000, 1, 0, 0 },
	{ "proxies:\n", "- &a a\n", "", 200000, 0, 0, 200000 },
	{ "proxies: [{", "<<: {a: 1}, ", "b: 2}]", 10, 1, 0, 0 },
};

static void test_floods(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(floods) / sizeof(*floods); i++) {
		struct arena *a = arena_new();
		struct str text = repeat(floods[i].head, floods[i].piece, floods[i].n, floods[i].tail);
		struct seen s = { 0 };
		struct input_summary sum;
		struct diag_sink *sink;
		int rc = run(a, text, &s, &sum, &sink);
		if (rc != floods[i].rc || sum.parsed != floods[i].parsed || sum.failed != floods[i].failed)
			fail_msg("flood %zu: %d %u %u: %s", i, rc, sum.parsed, sum.failed,
				diag_total(sink) ? diag_at(sink, 0)->msg : "");
		assert_true(sum.reported <= INPUT_MAX_REPORTS);
		free((char *)text.p);
		arena_free(a);
	}
}

/* Ten times ten times ten… aliases. */
static void test_alias_bomb(void **state)
{
	struct given g = { .a = *state };
	struct buf b = { 0 };

	buf_puts(&b, "a: &a [x,x,x,x,x,x,x,x,x,x]\n");
	for (char c = 'b'; c < 'p'; c++)
		buf_printf(&b, "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c - 1, c - 1, c - 1, c - 1, c - 1,
			c - 1, c - 1, c - 1, c - 1, c - 1);
	buf_puts(&b, "proxies: *o\n");
	give_text(&g, (struct str){ b.p, b.len }, false);
	assert_int_equal(g.rc, 1);
	assert_int_equal(diag_at(g.sink, 0)->code, DIAG_XR861);
	buf_fini(&b);
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
		cmocka_unit_test_setup_teardown(test_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lenient, setup, teardown),
		cmocka_unit_test_setup_teardown(test_visit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_yaml, setup, teardown),
		cmocka_unit_test_setup_teardown(test_floods, setup, teardown),
		cmocka_unit_test_setup_teardown(test_alias_bomb, setup, teardown),
	};
	return cmocka_run_group_tests_name("inputs", tests, NULL, NULL);
}
