/* link: validate model lib */
/* Chosen parts of the semantic checks: what they say, and above all what they do not say about a config that works. */
#include "tests/unit/validate_case.h"

struct row {
	const char *text;
	const char *codes; /* of warnings and errors, in their order */
	const char *target; /* NULL = xray-26.7 */
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct checked_text c = check_text_for(rows[i].text, rows[i].target ? rows[i].target : "xray-26.7");

		if (strcmp(check_codes(&c), rows[i].codes))
			fail_msg("row %zu, %s: '%s', not '%s'", i, rows[i].text, check_codes(&c), rows[i].codes);
		check_free(&c);
	}
}
#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof(*(rows)))

#define IN "\"inbounds\": [{\"tag\": \"in\", \"protocol\": \"socks\", \"listen\": \"127.0.0.1\", \"port\": 1080}]"
#define OUT                                                                                                            \
	"\"outbounds\": [{\"tag\": \"out\", \"protocol\": \"freedom\"}, {\"tag\": \"drop\", \"protocol\": "            \
	"\"blackhole\"}]"
#define RULE(r)                                                                                                        \
	"{" IN ", " OUT ", \"routing\": {\"domainStrategy\": \"IPIfNonMatch\", \"rules\": [{" r                        \
	", \"outboundTag\": \"out\"}]}}"
#define OUTBOUND(o) "{" IN ", \"outbounds\": [{\"tag\": \"out\", " o "}]}"
#define INBOUND(i) "{" OUT ", \"inbounds\": [{\"tag\": \"in\", \"listen\": \"127.0.0.1\", \"port\": 1080, " i "}]}"
#define VNEXT(user) "\"protocol\": \"vless\", \"settings\": {\"vnext\": [{\"address\": \"edge.example.com\", \"port\": 443, " \
	"\"users\": [{\"id\": \"5783a3e7-e373-51cd-8642-c83782b807c5\", \"encryption\": \"none\"" user "}]}]}"
#define VISION ", \"flow\": \"xtls-rprx-vision\""

static void test_references(void **state)
{
	static const struct row rows[] = {
		{ RULE("\"port\": 1"), "", NULL },
		{ "{" IN ", " OUT ", \"api\": {\"tag\": \"api\"}, \"routing\": {\"rules\": [{\"port\": 1, "
		"\"outboundTag\": \"api\"}]}}", "",
		  NULL },
		{ "{" IN ", " OUT ", \"api\": {\"tag\": \"api\", \"listen\": \"127.0.0.1:1\"}, \"routing\": "
		"{\"rules\": [{\"port\": 1, "
		  "\"outboundTag\": \"api\"}]}}", "XR501", NULL },
		{ "{" IN ", " OUT ", \"metrics\": {\"listen\": \"127.0.0.1:1\"}, \"routing\": {\"rules\": [{\"port\": "
		"1, "
		  "\"outboundTag\": \"Metrics\"}]}}", "", NULL },
		{ "{" IN ", " OUT ", \"reverse\": {\"bridges\": [{\"tag\": \"b\"}], \"portals\": [{\"tag\": \"p\"}]}, "
		"\"routing\": "
		  "{\"rules\": [{\"inboundTag\": \"b\", \"outboundTag\": \"p\"}]}}", "", "xray-26.2" },
		{ "{" OUT ", \"inbounds\": [{\"protocol\": \"vless\", \"listen\": \"127.0.0.1\", \"port\": 1, "
		"\"settings\": {\"clients\": "
		  "[{\"reverse\": {\"tag\": \"r\"}}]}}], \"routing\": {\"rules\": [{\"port\": 1, \"outboundTag\": "
		  "\"r\"}]}}", "", NULL },
		{ RULE("\"inboundTag\": [\"in\"]"), "", NULL },
		{ RULE("\"InboundTag\": [\"out\"]"), "XR502", NULL },
		{ RULE("\"inboundTag\": \"in,gone\""), "XR503", NULL },
	};

	(void)state;
	CHECK(rows);
}

static void test_items(void **state)
{
	static const struct row rows[] = {
		{ RULE("\"domain\": [\"example.com\", \"domain:Example.com\", \"full:a_b.example\", \"keyword:x\", "
		"\"dotless:pc\", \"dotless:\"]"),
		  "", NULL },
		{ RULE("\"domain\": [\"geosite:cn@ads\", \"ext:a.dat:b@c@d\", \"ext-domain:a:b\", \"ext-site:a:b\"]"),
			"", NULL },
		{ RULE("\"domain\": [\"regexp:^a[A-Z]?\\\\.\", \"regexp:(?i)ABC\", \"regexp:\\\\S+\\\\D\", "
		"\"regexp:a|B\", \"regexp:A*\", "
		       "\"regexp:(A|b)\", \"regexp:[^A]\"]"), "", NULL },
		{ RULE("\"domain\": [\"regexp:a.B\", \"regexp:^A+$\", \"regexp:[]A]B\"]"), "XR540 XR540 XR540", NULL },
		{ RULE("\"domain\": \"a.example,b.example\""), "", NULL },
		{ RULE("\"domain\": \"a.example, b.example\""), "XR542", NULL },
		{ RULE("\"ip\": [\"10.0.0.0/8\", \"::/0\", \"[::1]\", \" 10.0.0.1 \", \"10.0.0.1/\", \"geoip:cn\", "
		"\"ext:a:b\", "
		       "\"ext-ip:a:b\", \"10.1.2.3/08\"]"), "", NULL },
		{ RULE("\"ip\": [\"!10.0.0.0/8\", \"!11.0.0.0/8\"]"), "", NULL },
		{ RULE("\"ip\": [\"geoip:!cn\"]"), "", NULL },
		{ RULE("\"ip\": [\"geoip:!cn\", \"!geoip:private\"]"), "", NULL },
		{ RULE("\"ip\": [\"!!10.0.0.0/8\", \"geoip:cn\"]"), "", NULL },
		{ RULE("\"ip\": [\"geoip:!cn\", \"!10.0.0.0/8\"]"), "XR546", NULL },
		{ RULE("\"ip\": [\"10.0.0.0/33\", \"\", \"1.2.3\"]"), "XR537 XR537 XR537", NULL },
		{ RULE("\"port\": \"1-2,5,env:A\""), "", NULL },
		{ RULE("\"port\": \"5-1\""), "XR536", NULL },
		{ RULE("\"network\": \"tcp,udp\""), "", NULL },
		{ RULE("\"domain\": []"), "XR532", NULL },
	};

	(void)state;
	CHECK(rows);
}

static void test_transports(void **state)
{
	static const struct row rows[] = {
		{ OUTBOUND(VNEXT("") ", \"streamSettings\": {\"security\": \"tls\", \"tlsSettings\": {\"serverName\": "
		"\"a\"}, "
			   "\"wsSettings\": {}, \"rawSettings\": {\"header\": {\"type\": \"none\"}}}"), "", NULL },
		{ OUTBOUND(VNEXT(VISION) ", \"streamSettings\": {\"security\": \"tls\"}"), "", NULL },
		{ OUTBOUND(VNEXT(VISION) ", \"streamSettings\": {\"network\": \"grpc\", \"security\": \"tls\"}"),
			"XR563", NULL },
		{ OUTBOUND(VNEXT(VISION) ", \"streamSettings\": {\"method\": \"raw\", \"network\": \"ws\", "
		"\"security\": \"tls\"}"), "",
		  NULL },
		{ OUTBOUND(VNEXT("")), "XR657", NULL },
		{ OUTBOUND(VNEXT("")), "XR568", "xray-26.2" },
		{ OUTBOUND("\"protocol\": \"trojan\", \"settings\": {\"address\": \"nas.lan\", \"port\": 1, "
		"\"password\": \"x\"}"), "",
		  NULL },
		{ OUTBOUND("\"protocol\": \"trojan\", \"settings\": {\"address\": \"fd00::1\", \"port\": 1, "
		"\"password\": \"x\"}"), "",
		  NULL },
		{ OUTBOUND("\"protocol\": \"trojan\", \"settings\": {\"address\": \"mylan\", \"port\": 1, "
		"\"password\": \"x\"}"), "",
		  NULL },
		{ OUTBOUND("\"protocol\": \"trojan\", \"settings\": {\"address\": \"my.xlan\", \"port\": 1, "
		"\"password\": \"x\"}"),
		  "XR657", NULL },
		{ OUTBOUND("\"protocol\": \"vless\", \"settings\": {\"address\": \"edge.example.com\", \"port\": 1, "
		"\"id\": "
			   "\"5783a3e7-e373-51cd-8642-c83782b807c5\", \"flow\": \"xtls-rprx-vision\", \"encryption\": "
			   "\"mlkem768x25519plus.native.0rtt.x\"}, \"streamSettings\": {\"network\": \"xhttp\"}"), "",
			   	NULL },
		{ INBOUND("\"protocol\": \"trojan\", \"streamSettings\": {\"security\": \"tls\", \"tlsSettings\": "
		"{\"certificates\": "
			  "[{\"certificate\": [\"x\"], \"key\": [\"y\"]}]}}"), "", NULL },
		{ OUTBOUND("\"protocol\": \"freedom\", \"streamSettings\": {\"security\": \"tls\"}"), "", NULL },
	};

	(void)state;
	CHECK(rows);
}

static void test_balancers(void **state)
{
#define BALANCER(b, rest) "{" IN ", " OUT rest ", \"routing\": {\"balancers\": [{\"tag\": \"b\", " b "}], \"rules\": [{\"network\": " \
	"\"tcp\", \"balancerTag\": \"b\"}]}}"
#define WATCH ", \"observatory\": {\"subjectSelector\": [\"o\"]}"
	static const struct row rows[] = {
		{ BALANCER("\"selector\": [\"o\"]", ""), "", NULL },
		{ BALANCER("\"selector\": \"o,d\"", ""), "", NULL },
		{ BALANCER("\"selector\": [\"o\"], \"strategy\": {\"type\": \"leastping\"}", WATCH), "", NULL },
		{ BALANCER("\"selector\": [\"d\"], \"strategy\": {\"type\": \"leastPing\"}", WATCH), "XR510", NULL },
		{ BALANCER("\"selector\": [\"d\"], \"strategy\": {\"type\": \"random\"}", WATCH), "", NULL },
		{ BALANCER("\"selector\": [\"o\"], \"fallbackTag\": \"drop\"", ""), "XR509", NULL },
		{ BALANCER("\"selector\": [\"o\"], \"fallbackTag\": \"\"", ""), "", NULL },
	};

	(void)state;
	CHECK(rows);
}

static void test_people(void **state)
{
#define A "5783a3e7-e373-51cd-8642-c83782b807c5"
	static const struct row rows[] = {
		{ INBOUND("\"protocol\": \"vless\", \"settings\": {\"clients\": [{\"id\": \"" A "\"}, {\"id\": "
			  "\"27848739-7e62-4138-9fd3-098a63964b6b\"}]}"), "", NULL },
		{ INBOUND("\"protocol\": \"vmess\", \"settings\": {\"clients\": [{\"id\": \"" A "\"}, {\"id\": "
			  "\"5783a3e7-e373-51ce-8642-c83782b807c5\"}]}"), "", NULL },
		{ INBOUND("\"protocol\": \"vmess\", \"settings\": {\"clients\": [{\"id\": \"" A "\"}, {\"id\": "
			  "\"5783a3e7e37351cd8642c83782b807c5\"}]}"), "XR575", NULL },
		{ INBOUND("\"protocol\": \"socks\", \"settings\": {\"auth\": \"password\", \"accounts\": [{\"user\": "
		"\"a\", \"pass\": \"b\"}]}"),
		  "", NULL },
		{ INBOUND("\"protocol\": \"http\", \"settings\": {\"accounts\": [{\"user\": \"a\", \"pass\": \"b\"}, "
		"{\"user\": \"c\", "
			  "\"pass\": \"b\"}]}"), "", NULL },
	};

	(void)state;
	CHECK(rows);
}

static void test_chains(void **state)
{
#define HOP(tag, to)                                                                                                   \
	"{\"tag\": \"" tag "\", \"protocol\": \"freedom\", \"streamSettings\": {\"sockopt\": {\"dialerProxy\": \"" to  \
	"\"}}}"
	static const struct row rows[] = {
		{ "{" IN ", \"outbounds\": [" HOP("a", "b") ", " HOP("b",
			"c") ", {\"tag\": \"c\", \"protocol\": \"freedom\"}]}", "", NULL },
		{ "{" IN ", \"outbounds\": [" HOP("a", "c") ", " HOP("b",
			"c") ", {\"tag\": \"c\", \"protocol\": \"freedom\"}]}", "", NULL },
		{ "{" IN ", \"outbounds\": [" HOP("a", "b") ", " HOP("b", "c") ", " HOP("c", "b") "]}", "XR512", NULL },
		{ "{" IN ", \"outbounds\": [" HOP("a", "a") "]}", "XR512", NULL },
	};

	(void)state;
	CHECK(rows);
}

/* Whatever the shape of the tree, the checks end and touch nothing that is not there. */
static void test_shapes(void **state)
{
	static const char *const texts[] = {
		"[]", "1", "\"x\"", "{}", "{\"inbounds\": {}, \"outbounds\": 1, \"routing\": []}",
		"{\"inbounds\": [1, null, [], \"x\", {}], \"outbounds\": [1, null, [], {}]}",
		"{\"routing\": {\"rules\": [1, null, {}, {\"domain\": 1, \"ip\": {}, \"port\": [], \"outboundTag\": "
		"1, \"attrs\": 1, "
		"\"user\": {}, \"inboundTag\": 1, \"protocol\": {}, \"network\": 1, \"balancerTag\": []}], "
		"\"balancers\": [1, {\"tag\": 1, "
		"\"selector\": 1, \"strategy\": 1}]}}",
		"{\"inbounds\": [{\"tag\": 1, \"protocol\": 1, \"listen\": 1, \"port\": {}, \"settings\": 1, "
		"\"streamSettings\": 1, "
		"\"sniffing\": []}], \"outbounds\": [{\"protocol\": \"vless\", \"settings\": {\"vnext\": [1]}, "
		"\"proxySettings\": 1, "
		"\"streamSettings\": {\"network\": 1, \"security\": {}, \"sockopt\": []}}]}",
		"{\"inbounds\": [{\"protocol\": \"vless\", \"settings\": {\"clients\": [1, {\"id\": 1, \"email\": 1, "
		"\"level\": \"x\"}]}, "
		"\"streamSettings\": {\"security\": \"tls\", \"tlsSettings\": {\"certificates\": [1]}}}], \"api\": 1, "
		"\"dns\": "
		"{\"servers\": 1, \"hosts\": []}, \"observatory\": {\"subjectSelector\": 1}, \"policy\": {\"levels\": "
		"1}}",
		"{\"outbounds\": [{\"protocol\": \"tun\"}, {\"protocol\": \"vless\", \"settings\": {\"vnext\": []}}], "
		"\"reverse\": "
		"{\"bridges\": [1], \"portals\": {}}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		static const char *const targets_[] = { "xray-26.7", "v2ray-4.34", "builtin" };
		for (size_t t = 0; t < 3; t++) {
			struct checked_text c = check_text_for(texts[i], targets_[t]);
			check_free(&c);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_references), cmocka_unit_test(test_items),  cmocka_unit_test(test_transports),
		cmocka_unit_test(test_balancers),  cmocka_unit_test(test_people), cmocka_unit_test(test_chains),
		cmocka_unit_test(test_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
