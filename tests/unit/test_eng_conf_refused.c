/* link: engine route model lib */
/* What the engine's table is not made from, with the place of the fault; and the files of names and addresses. */
#include "tests/unit/eng_conf_test.h"

#include <unistd.h>

/* --- what is refused, and where --- */
static void test_refused(void **state)
{
	static const struct {
		const char *json, *error; /* the begin of the first one */
	} rows[] = {
		{ "{\"api\": {\"tag\": \"a\"}}", "1:9 XR770" },
		{ "{\"comment\": 1}", "1:2 XR770" },
		{ "{\"inbounds\": {}}", "1:2 XR770" },
		{ IN("5"), "1:15 XR770 an inbound must be an object" },
		{ IN("{\"protocol\": \"vless\", \"port\": 1}"), "1:28 XR770 'vless'" },
		{ IN("{\"protocol\": \"socks\"}"), "1:15 XR770 an inbound must have a port" },
		{ IN("{\"protocol\": \"socks\", \"port\": 0}"), "1:45 XR770 'port' 0" },
		{ SOCKS(", \"listen\": \"host.example\""), "1:73 XR770 'listen' must be an address" },
		{ SOCKS(", \"listen\": \"\""), "1:73 XR770" },
		{ SOCKS(", \"listen\": \"/a,8\""), "1:73 XR770 'listen'" },
		{ SOCKS(", \"listen\": \"env:XRAT_TEST_NOT_SET\""), "1:73 XR770 'listen': 'env:" },
		{ SOCKS(", \"nonsense\": 1"), "1:63 XR770 the embedded engine does not read 'nonsense' in an inbound" },
		{ SOCKS(", \"settings\": {\"auth\": \"passwd\"}"), "1:84 XR770 'passwd' is not a value of 'auth'" },
		{ SOCKS(", \"settings\": {\"udp\": \"yes\"}"), "1:83 XR770 'udp' must be true or false, not a string" },
		{ SOCKS(", \"settings\": {\"userLevel\": 1.5}"), "1:89 XR770 'userLevel' must be an integer" },
		{ SOCKS(", \"settings\": {\"ip\": \"host.example\"}"), "1:82 XR770 'ip' must be an address" },
		{ SOCKS(", \"settings\": []"), "1:75 XR770" },
		{ SOCKS(", \"streamSettings\": {\"security\": \"tls\"}"), "1:94 XR770 'tls' is not a value of 'security'" },
		{ SOCKS(", \"streamSettings\": {\"network\": \"ws\"}"), "1:93 XR770 'ws'" },
		{ SOCKS(", \"streamSettings\": {\"sockopt\": {\"dialerProxy\": \"x\"}}"), "1:94 XR770" },
		{ SOCKS(", \"streamSettings\": {\"sockopt\": {\"interface\": \"x\"}}"), "1:107 XR770 'interface'" },
		{ SOCKS(", \"streamSettings\": {\"sockopt\": {\"tcpKeepAliveIdle\": 1, \"tcpKeepAliveInterval\": -1}}"), "1:93 XR770" },
		{ SOCKS(", \"sniffing\": {\"destOverride\": [\"ftp\"]}"), "1:93 XR770 'ftp'" },
		{ IN("{\"protocol\": \"tunnel\", \"port\": 1, \"settings\": {\"network\": \"tcp,unix\"}}"), "1:73 XR770 'unix'" },
		{ IN("{\"protocol\": \"tunnel\", \"port\": 1, \"settings\": {\"portMap\": {\"x\": \"y:1\"}}}"), "1:74 XR770" },
		{ IN("{\"protocol\": \"tunnel\", \"port\": 1, \"settings\": {\"portMap\": {\"1\": \"y\"}}}"), "1:79 XR770" },
		{ IN("{\"protocol\": \"tunnel\", \"listen\": \"@x\", \"settings\": {\"network\": \"udp\"}}"), "1:48 XR770" },
		{ OUT("{\"protocol\": \"wireguard\"}"), "1:29 XR770 'wireguard'" },
		{ OUT("{\"protocol\": \"socks\"}"), "1:29 XR770 the outbound must have" },
		{ OUT("{\"protocol\": \"socks\", \"settings\": {\"servers\": []}}"), "1:62 XR770" },
		{ OUT("{\"protocol\": \"freedom\", \"settings\": {\"fragment\": {}}}"), "1:53 XR770" },
		{ OUT("{\"protocol\": \"freedom\", \"sendThrough\": \"lo\"}"), "1:55 XR770 'sendThrough'" },
		{ OUT("{\"protocol\": \"freedom\", \"settings\": {\"redirect\": \"here\"}}"), "1:65 XR770" },
		{ OUT("{\"protocol\": \"blackhole\", \"targetStrategy\": \"UseIP\"}"), "1:60 XR770" },
		{ OUT("{\"protocol\": \"dns\", \"settings\": {\"rules\": [{}]}}"), "1:59 XR770" },
		{ OUT("{\"protocol\": \"dns\", \"settings\": {\"rules\": [], \"nonIPQuery\": \"drop\"}}"), "1:76 XR770" },
		{ OUT("{\"protocol\": \"freedom\", \"mux\": {}}"), "1:40 XR770" },
		{ "{\"dns\": {\"servers\": [\"https://dns.example/\"]}}", "1:22 XR770" },
		{ "{\"dns\": {\"servers\": [{}]}}", "1:22 XR770 a name server must have" },
		{ "{\"dns\": {\"queryStrategy\": \"UseIPv4\", \"servers\": [{\"address\": \"1.1.1.1\", \"queryStrategy\": \"UseIPv6\"}]}}", "1:50 XR770" },
		{ "{\"dns\": {\"hosts\": {\"regex:x\": \"1.1.1.1\"}}}", "1:20 XR770" },
		{ "{\"dns\": {\"hosts\": {\"x\": 5}}}", "1:25 XR770" },
		{ "{\"dns\": {\"hosts\": {\"x\": \"#x\"}}}", "1:25 XR770" },
		{ "{\"fakedns\": {\"ipPool\": \"198.18.0.0/30\", \"poolSize\": 100}}", "1:13 XR770 'poolSize'" },
		{ "{\"fakedns\": {\"ipPool\": \"nowhere\", \"poolSize\": 100}}", "1:13 XR770" },
		{ "{\"policy\": {\"levels\": {\"x\": {}}}}", "1:24 XR770" },
		{ "{\"policy\": {\"levels\": {\"0\": {\"statsUserOnline\": true}}}}", "1:30 XR770" },
		{ "{\"log\": {\"loglevel\": \"loud\"}}", "1:22 XR770" },
		{ "{\"log\": {\"maskAddress\": \"/12\"}}", "1:25 XR770" },
		{ "{\"stats\": {\"x\": 1}}", "1:12 XR770" },
		{ "{" TWO ", \"routing\": {\"rules\": [{\"port\": 1, \"outboundTag\": \"up\"}]}}", "1:121 XR770 the rule leads to the outbound 'up'" },
		{ "{" TWO ", \"routing\": {\"rules\": [{\"port\": 1, \"balancerTag\": \"b\"}]}}", "1:121 XR770" },
		{ "{" TWO ", \"routing\": {\"balancers\": [{\"tag\": \"b\", \"selector\": [\"x\"]}]}}", "1:150 XR770" },
		{ "{" TWO ", \"routing\": {\"balancers\": [{\"tag\": \"b\", \"selector\": [\"up\"], \"strategy\": {\"type\": \"leastPing\"}}]}}", "1:179 XR770" },
		{ OUT("{\"protocol\": \"freedom\", \"tag\": \"a\"}, {\"protocol\": \"freedom\", \"tag\": \"a\"}"), "1:53 XR770" },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct made m = make(rows[i].json, NULL, NULL);

		if (m.c || strncmp(m.errors, rows[i].error, strlen(rows[i].error)))
			fail_msg("%s\nexpected %s, got %s", rows[i].json, rows[i].error, m.errors);
		drop(&m);
	}
}

/* Every value of a good configuration in turn becomes something else: never a crash, and a refused table leaves nothing. */
static void test_every_value_replaced(void **state)
{
	static const char *const by[] = { "null", "5", "-1", "\"\"", "\"x\"", "[]", "[7]", "{}", "{\"x\": 1}", "true" };
	const char *json = COUNTED("{\"user\": \"al\", \"pass\": \"x\"}");
	size_t len = strlen(json);
	struct made base = good(json);

	(void)state;
	for (size_t at = 0; at < len; at++) {
		size_t end = at + 1;

		if (json[at] != ':' || json[at + 1] != ' ')
			continue;
		while (end < len && json[end] != ',' && json[end] != '}')
			end++;
		for (size_t i = 0; i < N(by); i++) {
			char changed[2000];
			struct sources *sources;
			struct diag_sink *sink;
			struct arena *a = arena_new();
			struct value root;

			snprintf(changed, sizeof(changed), "%.*s: %s%s", (int)at, json, by[i], json + end);
			sources = sources_new(a);
			sink = diag_sink_new(a, sources);
			if (!json_parse(a, sink, sources_add(sources, "x", changed, (uint32_t)strlen(changed)), false, &root)) {
				struct made m = make(changed, NULL, base.c);

				drop(&m);
			}
			arena_free(a);
		}
	}
	drop(&base);
}

/* --- files --- */
static void write_file(const char *dir, const char *name, const void *bytes, size_t len)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

static void test_assets(void **state)
{
	/* GeoIPList { GeoIP { code "AA", cidr { ip 192.0.2.0, prefix 24 } } } */
	static const uint8_t geoip[] = { 0x0a, 0x0e, 0x0a, 2, 'A', 'A', 0x12, 8, 0x0a, 4, 192, 0, 2, 0, 0x10, 24 };
	static const char rules[] = "{" TWO ", \"routing\": {\"rules\": [{\"ip\": [\"geoip:aa\"], \"outboundTag\": \"up-a\"}]}}";
	char dir[] = "/tmp/xrat-eng-conf-XXXXXX", path[64];
	const char *dirs[] = { "/nonexistent", dir, NULL };
	struct route_flow q = { .network = ROUTE_TCP };
	struct route_scratch *s;
	struct assets *assets;
	struct made m;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/geoip.dat", dir);
	assets = assets_new(dirs);
	m = make(rules, assets, NULL); /* not there */
	assert_null(m.c);
	assert_null(strstr(m.errors, "XR772"));
	drop(&m);
	assets_free(assets);

	write_file(dir, "geoip.dat", geoip, sizeof(geoip));
	assets = assets_new(dirs);
	m = make(rules, assets, NULL);
	assert_string_equal(m.errors, "");
	assets_free(assets);
	unlink(path);
	s = route_scratch_new(m.c->routes);
	route_ip_parse(STR("192.0.2.200"), &q.target);
	assert_int_equal(route_find(m.c->routes, s, &q), 0);
	route_ip_parse(STR("192.0.3.1"), &q.target);
	assert_int_equal(route_find(m.c->routes, s, &q), (uint32_t)ROUTE_NONE);
	route_scratch_free(s);
	drop(&m);

	write_file(dir, "geoip.dat", "", 0);
	assets = assets_new(dirs);
	m = make(rules, assets, NULL);
	assert_null(m.c);
	assert_non_null(strstr(m.errors, "XR772 the file 'geoip.dat' cannot be used: it is empty"));
	drop(&m);
	assets_free(assets);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_every_value_replaced),
		cmocka_unit_test(test_assets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
