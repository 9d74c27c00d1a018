/* link: runtime model lib */
/* What is knocked at, chosen from a finished configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/probe.h"

static struct probe choose(struct arena *a, const char *inbounds)
{
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	const char *text = arena_printf(a, "{\"inbounds\":[%s],\"outbounds\":[{\"protocol\":\"socks\",\"port\":1}]}", inbounds);
	struct value v;
	struct probe p;

	assert_int_equal(json_parse(a, sink, sources_add(sources, "x", text, (uint32_t)strlen(text)), true, &v), 0);
	probe_choose(a, &v, &p);
	return p;
}

static const struct {
	const char *inbounds, *expect; /* kind, place, tag, "!" = no connection */
} cases[] = {
	{ "", "alive   " },
	{ "{\"protocol\":\"socks\",\"port\":1080,\"tag\":\"s\"}", "socks 127.0.0.1:1080 s " },
	{ "{\"protocol\":\"mixed\",\"port\":\"1080-1090\",\"listen\":\"0.0.0.0\"}", "socks 127.0.0.1:1080  " },
	{ "{\"protocol\":\"SOCKS\",\"port\":\"80,90\",\"listen\":\"::\"}", "socks [::1]:80  " },
	{ "{\"protocol\":\"socks\",\"port\":80,\"listen\":\"[2001:DB8:0::1]\"}", "socks [2001:db8::1]:80  " },
	{ "{\"protocol\":\"socks\",\"port\":80,\"listen\":\"192.0.2.1\"}", "socks 192.0.2.1:80  " },
	/* The first of the best kind. */
	{ "{\"protocol\":\"vless\",\"port\":1},{\"protocol\":\"http\",\"port\":2},{\"protocol\":\"http\",\"port\":3}",
	  "http 127.0.0.1:2  " },
	{ "{\"protocol\":\"http\",\"port\":2},{\"protocol\":\"socks\",\"port\":3},{\"protocol\":\"socks\",\"port\":4}",
	  "socks 127.0.0.1:3  " },
	{ "{\"protocol\":\"vless\",\"port\":443,\"streamSettings\":{\"network\":\"ws\"}}", "tcp 127.0.0.1:443  " },
	/* Not TCP, or nothing to connect to. */
	{ "{\"protocol\":\"socks\",\"listen\":\"/run/x.sock\"},{\"protocol\":\"socks\",\"port\":1,\"listen\":\"@x\"}", "alive   " },
	{ "{\"protocol\":\"socks\",\"port\":0},{\"protocol\":\"socks\",\"port\":\"env:P\"}", "alive   " },
	{ "{\"protocol\":\"socks\",\"port\":70000},{\"protocol\":\"socks\",\"port\":[80]},{\"protocol\":7,\"port\":{}}", "alive   " },
	{ "{\"protocol\":\"socks\",\"port\":80,\"listen\":\"env:A\"}", "alive   " },
	{ "{\"protocol\":\"wireguard\",\"port\":1},{\"protocol\":\"hysteria\",\"port\":2},{\"protocol\":\"tun\"}", "alive   " },
	{ "{\"protocol\":\"vless\",\"port\":1,\"streamSettings\":{\"network\":\"mkcp\"}}", "alive   " },
	{ "{\"protocol\":\"vless\",\"port\":1,\"streamSettings\":{\"method\":\"kcp\",\"network\":\"raw\"}}", "alive   " },
	{ "{\"protocol\":\"dokodemo-door\",\"port\":1,\"settings\":{\"network\":\"udp\"}}", "alive   " },
	{ "{\"protocol\":\"tunnel\",\"port\":1,\"settings\":{\"allowedNetwork\":\"udp,tcp\"}}", "tcp 127.0.0.1:1  " },
	{ "{\"protocol\":\"tunnel\",\"port\":1}", "tcp 127.0.0.1:1  " },
	{ "{\"protocol\":\"shadowsocks\",\"port\":1,\"settings\":{\"network\":[\"udp\",\"tcp\"]}}", "tcp 127.0.0.1:1  " },
	{ "{\"protocol\":\"shadowsocks\",\"port\":1,\"settings\":{\"network\":[\"udp\"]}}", "alive   " },
	/* The first bytes are not the protocol's. */
	{ "{\"protocol\":\"socks\",\"port\":1,\"streamSettings\":{\"security\":\"tls\"}}", "tcp 127.0.0.1:1  " },
	{ "{\"protocol\":\"socks\",\"port\":1,\"streamSettings\":{\"network\":\"ws\"}}", "tcp 127.0.0.1:1  " },
	{ "{\"protocol\":\"socks\",\"port\":1,\"streamSettings\":{\"network\":\"raw\",\"security\":\"none\"}}",
	  "socks 127.0.0.1:1  " },
	{ "{\"protocol\":\"http\",\"port\":1,\"streamSettings\":{\"sockopt\":{\"acceptProxyProtocol\":true}}}",
	  "tcp 127.0.0.1:1  " },
	/* Transparent inbounds would proxy us to themselves. */
	{ "{\"protocol\":\"dokodemo-door\",\"port\":1,\"settings\":{\"followRedirect\":true}}", "tcp 127.0.0.1:1  !" },
	{ "{\"protocol\":\"tunnel\",\"port\":1,\"streamSettings\":{\"sockopt\":{\"tproxy\":\"tproxy\"}}},"
	  "{\"protocol\":\"vless\",\"port\":2}", "tcp 127.0.0.1:2  " },
};

static void test_choice(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *a = arena_new();
		struct probe p = choose(a, cases[i].inbounds);
		char where[PROBE_WHERE_TEXT];

		probe_where(&p, where);
		assert_string_equal(arena_printf(a, "%s %s %s %s", probe_kind_names[p.kind], where, p.tag, p.no_connect ? "!" : ""),
				    cases[i].expect);
		arena_free(a);
	}
}

static void test_any_shape(void **state)
{
	static const char *const texts[] = { "[]", "{\"inbounds\":{}}", "{\"inbounds\":[1,null,[]]}", "{}" };
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct arena *a = arena_new();
		struct sources *sources = sources_new(a);
		struct diag_sink *sink = diag_sink_new(a, sources);
		struct value v;
		struct probe p;

		assert_int_equal(json_parse(a, sink, sources_add(sources, "x", texts[i], (uint32_t)strlen(texts[i])), true, &v), 0);
		probe_choose(a, &v, &p);
		assert_int_equal(p.kind, PROBE_ALIVE);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_any_shape),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
