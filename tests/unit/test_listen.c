/* link: validate model lib */
/* Which pairs of listeners collide, and how. */
#include "tests/unit/validate_case.h"

struct row {
	const char *a, *b; /* members of two inbounds */
	const char *codes;
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char text[1024];
		struct checked_text c;

		snprintf(text, sizeof(text),
			 "{\"inbounds\": [{\"tag\": \"a\", \"protocol\": \"vmess\", %s}, {\"tag\": \"b\", "
			 "\"protocol\": \"vmess\", %s}],"
			 "\"outbounds\": [{\"protocol\": \"freedom\"}]}",
			 rows[i].a, rows[i].b);
		c = check_text(text);
		if (strcmp(check_codes(&c), rows[i].codes))
			fail_msg("%s | %s: '%s', not '%s'", rows[i].a, rows[i].b, check_codes(&c), rows[i].codes);
		check_free(&c);
	}
}

static void test_addresses(void **state)
{
	static const struct row rows[] = {
		{ "\"port\": 1080", "\"port\": 1080", "XR555" },
		{ "\"port\": 1080", "\"port\": 1081", "" },
		{ "\"port\": 1080, \"listen\": \"127.0.0.1\"", "\"port\": 1080, \"listen\": \"127.0.0.1\"", "XR555" },
		{ "\"port\": 1080, \"listen\": \"localhost\"", "\"port\": 1080, \"listen\": \"127.0.0.1\"", "XR555" },
		{ "\"port\": 1080, \"listen\": \"127.0.0.1\"", "\"port\": 1080, \"listen\": \"127.0.0.2\"", "" },
		{ "\"port\": 1080, \"listen\": \"0.0.0.0\"", "\"port\": 1080, \"listen\": \"::\"", "XR555" },
		{ "\"port\": 1080, \"listen\": \"0.0.0.0\"",
		  "\"port\": 1080, \"listen\": \"::\", \"streamSettings\": {\"sockopt\": {\"v6only\": true}}", "" },
		{ "\"port\": 1080, \"listen\": \"0.0.0.0\"", "\"port\": 1080, \"listen\": \"127.0.0.1\"", "XR556" },
		{ "\"port\": 1080, \"listen\": \"::1\"", "\"port\": 1080", "XR556" },
		{ "\"port\": 1080, \"listen\": \"::1\"", "\"port\": 1080, \"listen\": \"[0:0::1]\"", "XR555" },
		{ "\"port\": 1080, \"listen\": \"env:A\"", "\"port\": 1080", "" },
		{ "\"listen\": \"/run/a.sock\"", "\"listen\": \"/run/a.sock,0666\"", "XR555" },
		{ "\"listen\": \"@a\"", "\"listen\": \"@b\"", "" },
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(*rows));
}

static void test_ports(void **state)
{
	static const struct row rows[] = {
		{ "\"port\": \"1000-2000\"", "\"port\": 1500", "XR555" },
		{ "\"port\": \"1000-2000\"", "\"port\": 2001", "" },
		{ "\"port\": \"80,443,1000-2000\"", "\"port\": \"442,2000-2001\"", "XR555" },
		{ "\"port\": \"80, 443\"", "\"port\": \"81, 444\"", "" },
		{ "\"port\": \"2000-1000\"", "\"port\": 1500", "XR557" },
		{ "\"port\": \"env:PORT\"", "\"port\": 1500", "" },
		{ "\"port\": 70000", "\"port\": 4464", "" },
		{ "\"port\": 0", "\"port\": 0", "" },
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(*rows));
}

static void test_networks(void **state)
{
	static const struct row rows[] = {
		{ "\"port\": 1", "\"port\": 1, \"streamSettings\": {\"network\": \"kcp\"}", "" },
		{ "\"port\": 1, \"streamSettings\": {\"network\": \"kcp\"}",
		  "\"port\": 1, \"streamSettings\": {\"network\": \"kcp\"}", "XR555" },
		{ "\"port\": 1, \"protocol\": \"shadowsocks\", \"settings\": {\"network\": \"tcp,udp\"}",
		  "\"port\": 1, \"streamSettings\": {\"network\": \"kcp\"}", "XR555" },
		{ "\"port\": 1, \"protocol\": \"shadowsocks\"",
		  "\"port\": 1, \"streamSettings\": {\"network\": \"kcp\"}", "" },
		{ "\"port\": 1, \"protocol\": \"wireguard\"", "\"port\": 1", "" },
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(*rows));
}

static void test_services(void **state)
{
	struct checked_text c;

	(void)state;
	c = check_text("{\"api\": {\"tag\": \"api\", \"listen\": \"127.0.0.1:1080\"}, \"inbounds\": [{\"protocol\": "
		       "\"vmess\", "
		       "\"listen\": \"127.0.0.1\", \"port\": 1080}], \"outbounds\": [{\"protocol\": \"freedom\"}]}");
	assert_int_equal(check_count(&c, DIAG_XR555), 1);
	check_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
