/* link: engine route model lib */
/* Hosts and ports of the engine: as text, as socket addresses, on the wire. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "engine/addr.h"

#define N(a) (sizeof(a) / sizeof(*(a)))
#define LABEL "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmno." /* 62 */
#define LONG LABEL LABEL LABEL LABEL

static void test_hosts(void **state)
{
	static const struct {
		const char *host, *text; /* NULL: refused */
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1:80" },
		{ "192.0.2.1.", "192.0.2.1:80" },
		{ "2001:DB8::1", "[2001:db8::1]:80" },
		{ "[2001:db8::1]", "[2001:db8::1]:80" },
		{ "::", "[::]:80" },
		{ "::ffff:192.0.2.1", "192.0.2.1:80" },
		{ "[::ffff:192.0.2.1]", "192.0.2.1:80" },
		{ "Example.COM.", "example.com:80" },
		{ "a", "a:80" },
		{ "_dmarc.xn--bcher-kva.example", "_dmarc.xn--bcher-kva.example:80" },
		{ "1password.example", "1password.example:80" },
		{ "192.0.2.256", "192.0.2.256:80" },
		{ "127.1", "127.1:80" },
		{ LONG "abcdefg", LONG "abcdefg:80" },
		{ LONG "abcdefg.", LONG "abcdefg:80" },
		{ LONG "abcdefgh", NULL },
		{ "", NULL },
		{ ".", NULL },
		{ "..", NULL },
		{ "a..b", NULL },
		{ ".a", NULL },
		{ "a..", NULL },
		{ "[]", NULL },
		{ "[192.0.2.1]", NULL },
		{ "[example.com]", NULL },
		{ "[2001:db8::1", NULL },
		{ "2001:db8::1]", NULL },
		{ "fe80::1%eth0", NULL },
		{ "example.com:80", NULL },
		{ "a b", NULL },
		{ "a\tb", NULL },
		{ "a\x7f", NULL },
		{ "a\r\nHost:b", NULL },
		{ "b\xc3\xbc" "cher.example", NULL },
		{ "user@example.com", NULL },
		{ "a/b", NULL },
		{ "a%41", NULL },
		{ "2001:db8::1::", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct addr a = { .family = 99 };
		char text[ADDR_TEXT];
		int r = addr_set(&a, str_of(rows[i].host), 80);

		if (!rows[i].text) {
			if (r != -EINVAL || a.family != 99)
				fail_msg("'%s' was taken", rows[i].host);
			continue;
		}
		if (r)
			fail_msg("'%s' was refused", rows[i].host);
		addr_text(&a, text);
		assert_string_equal(text, rows[i].text);
	}
	struct addr a;
	assert_int_equal(addr_set(&a, (struct str){ "a\0b", 3 }, 1), -EINVAL);
	assert_int_equal(addr_set(&a, (struct str){ "192.0.2.1\0x", 11 }, 1), -EINVAL);
	assert_int_equal(addr_set(&a, (struct str){ NULL, 0 }, 1), -EINVAL);
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int port;	   /* default */
		const char *again; /* NULL: refused */
	} rows[] = {
		{ "example.com:443", -1, "example.com:443" },
		{ "example.com", 80, "example.com:80" },
		{ "example.com:", 80, "example.com:80" },
		{ "example.com", -1, NULL },
		{ "example.com:", -1, NULL },
		{ "192.0.2.1:65535", -1, "192.0.2.1:65535" },
		{ "192.0.2.1:65536", -1, NULL },
		{ "192.0.2.1:0", -1, "192.0.2.1:0" },
		{ "192.0.2.1:00080", -1, "192.0.2.1:80" },
		{ "192.0.2.1:000080", -1, NULL },
		{ "192.0.2.1:+80", -1, NULL },
		{ "192.0.2.1: 80", -1, NULL },
		{ "192.0.2.1:8 0", -1, NULL },
		{ "192.0.2.1:80:80", -1, NULL },
		{ "[2001:db8::1]:443", -1, "[2001:db8::1]:443" },
		{ "[2001:db8::1]", 80, "[2001:db8::1]:80" },
		{ "[2001:db8::1]x:443", -1, NULL },
		{ "[2001:db8::1]443", 80, NULL },
		{ "[2001:db8::1:443", 80, NULL },
		{ "2001:db8::1", 80, NULL },
		{ "::1", 80, NULL },
		{ ":80", -1, NULL },
		{ "", 80, NULL },
		{ "user@example.com:80", -1, NULL },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct addr a, b;
		char text[ADDR_TEXT];
		int r = addr_parse(&a, str_of(rows[i].text), rows[i].port);

		if (r != (rows[i].again ? 0 : -EINVAL))
			fail_msg("'%s': %d", rows[i].text, r);
		if (r)
			continue;
		addr_text(&a, text);
		assert_string_equal(text, rows[i].again);
		assert_int_equal(addr_parse(&b, str_of(text), -1), 0);
		assert_true(addr_equal(&a, &b));
		assert_true(addr_hash(&a) == addr_hash(&b));
	}
}

static void test_sockaddr(void **state)
{
	static const char *const hosts[] = { "192.0.2.1:80", "[2001:db8::1]:443", "0.0.0.0:0", "[::]:65535" };
	const struct sockaddr unix_address = { .sa_family = AF_UNIX };
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = htons(5) };
	struct sockaddr_storage sa;
	struct addr a, b;
	char text[ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < N(hosts); i++) {
		assert_int_equal(addr_parse(&a, str_of(hosts[i]), -1), 0);
		assert_int_equal(addr_to_sockaddr(&a, &sa),
				 i % 2 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
		addr_from_sockaddr(&b, (const struct sockaddr *)&sa);
		assert_true(addr_equal(&a, &b));
	}
	inet_pton(AF_INET6, "::ffff:192.0.2.9", &mapped.sin6_addr);
	addr_from_sockaddr(&a, (const struct sockaddr *)&mapped);
	addr_text(&a, text);
	assert_string_equal(text, "192.0.2.9:5");
	addr_from_sockaddr(&a, &unix_address);
	assert_int_equal(a.family, ADDR_NONE);
	addr_text(&a, text);
	assert_string_equal(text, "-");
	assert_int_equal(addr_to_sockaddr(&a, &sa), 0);
	assert_int_equal(addr_set(&a, STR("example.com"), 1), 0);
	assert_int_equal(addr_to_sockaddr(&a, &sa), 0);
}

static void test_equal(void **state)
{
	static const char *const texts[] = { "192.0.2.1:80",   "192.0.2.1:81", "192.0.2.2:80",   "[c000:201::]:80",
					     "example.com:80", "example.com:81", "example.co:80" };
	struct addr all[N(texts)];

	(void)state;
	for (size_t i = 0; i < N(texts); i++)
		assert_int_equal(addr_parse(&all[i], str_of(texts[i]), -1), 0);
	for (size_t i = 0; i < N(texts); i++)
		for (size_t k = 0; k < N(texts); k++) {
			assert_int_equal(addr_equal(&all[i], &all[k]), i == k);
			assert_int_equal(addr_hash(&all[i]) == addr_hash(&all[k]), i == k);
		}
}

static void test_ip(void **state)
{
	struct route_ip ip = { .family = 4, .bytes = { 192, 0, 2, 1 } }, back;
	struct addr a;

	(void)state;
	addr_set_ip(&a, &ip, 7);
	addr_ip(&a, &back);
	assert_memory_equal(&ip, &back, sizeof(ip));
	assert_int_equal(a.port, 7);
	assert_int_equal(addr_name(&a).len, 0);
	assert_int_equal(addr_set(&a, STR("EXAMPLE.com"), 7), 0);
	addr_ip(&a, &back);
	assert_int_equal(back.family, 0);
	assert_true(str_is(addr_name(&a), "example.com"));
	back = (struct route_ip){ 0 };
	addr_set_ip(&a, &back, 7);
	assert_int_equal(a.family, ADDR_NONE);
}

static void test_wire(void **state)
{
	static const char *const texts[] = { "192.0.2.1:80", "[2001:db8::1]:443", "example.com:53", LONG "abcdefg:1" };
	static const struct {
		uint8_t bytes[24];
		size_t len;
		int result;
	} rows[] = {
		{ { 2 }, 1, -EAFNOSUPPORT },
		{ { 0 }, 1, -EAFNOSUPPORT },
		{ { 3, 0, 0, 80 }, 4, -EINVAL },
		{ { 3, 1, 0, 0, 80 }, 5, -EINVAL },
		{ { 3, 2, 'a', ' ', 0, 80 }, 6, -EINVAL },
		{ { 3, 9, '1', '2', '7', '.', '0', '.', '0', '.', '1', 0, 80 }, 13, 0 },
		{ { 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1, 0, 80 }, 19, 0 },
	};
	uint8_t bytes[ADDR_WIRE_MAX];
	struct addr a, b;
	char text[ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < N(texts); i++) {
		struct wire_out o = { .p = bytes, .cap = sizeof(bytes) };

		assert_int_equal(addr_parse(&a, str_of(texts[i]), -1), 0);
		addr_write(&a, &o);
		assert_false(o.failed);
		for (size_t n = 0; n <= o.len; n++) {
			struct wire w = wire_of((struct str){ (char *)bytes, n });

			assert_int_equal(addr_read(&w, &b), n < o.len);
		}
		assert_true(addr_equal(&a, &b));
		o = (struct wire_out){ .p = bytes, .cap = o.len - 1 };
		addr_write(&a, &o);
		assert_true(o.failed);
	}
	for (size_t i = 0; i < N(rows); i++) {
		struct wire w = wire_of((struct str){ (const char *)rows[i].bytes, rows[i].len });

		assert_int_equal(addr_read(&w, &a), rows[i].result);
		addr_text(&a, text);
		if (!rows[i].result)
			assert_string_equal(text, "127.0.0.1:80");
	}
}

static void test_secret(void **state)
{
	(void)state;
	assert_true(wire_same_secret(STR("change-me"), STR("change-me")));
	assert_true(wire_same_secret((struct str){ NULL, 0 }, (struct str){ NULL, 0 }));
	assert_false(wire_same_secret(STR("change-mE"), STR("change-me")));
	assert_false(wire_same_secret(STR("change-me-"), STR("change-me")));
	assert_false(wire_same_secret(STR("change-m"), STR("change-me")));
	assert_false(wire_same_secret((struct str){ "a\0", 2 }, STR("a")));
	assert_false(wire_same_secret((struct str){ NULL, 0 }, STR("a")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts), cmocka_unit_test(test_parse), cmocka_unit_test(test_sockaddr),
		cmocka_unit_test(test_equal), cmocka_unit_test(test_ip),    cmocka_unit_test(test_wire),
		cmocka_unit_test(test_secret),
	};

	return cmocka_run_group_tests_name("eng_addr", tests, NULL, NULL);
}
