/* link: engine route model lib */
/* What the first bytes of a TCP flow are: the verdict, and the byte that brings it. */
#include "tests/unit/sniff_case.h"
#include "tests/unit/sniff_vectors.h"

static const unsigned all_tcp = 1u << SNIFF_HTTP | 1u << SNIFF_TLS | 1u << SNIFF_BITTORRENT;

static enum sniff_verdict sniff(struct sniff_scratch *s, struct str bytes, struct sniffed *ret)
{
	unsigned mask = all_tcp;
	struct str exact = case_exact(bytes);
	enum sniff_verdict v = sniff_tcp(s, exact, &mask, ret);

	assert_int_equal(!mask, v == SNIFF_NO);
	free((void *)exact.p);
	return v;
}

/* Every prefix shorter than `at` bytes is MORE, every other and the whole is v. */
static void check_prefixes(struct str bytes, size_t at, enum sniff_verdict v, const char *protocol, const char *host)
{
	struct sniff_scratch *s = sniff_scratch_new();
	struct sniffed found;

	assert_true(at <= bytes.len);
	for (size_t n = 0; n <= bytes.len; n++) {
		enum sniff_verdict got = sniff(s, (struct str){ bytes.p, n }, &found);

		if (got != (n < at ? SNIFF_MORE : v))
			fail_msg("%.60s: verdict %d after %zu bytes, %d expected at %zu", bytes.p, got, n, v, at);
		if (got == SNIFF_YES)
			assert_sniffed(&found, protocol, host);
		if (got == SNIFF_NO)
			assert_sniffed(&found, "none", "-");
	}
	sniff_scratch_free(s);
}

static const struct {
	struct str bytes;
	size_t at; /* 0 = all of them */
	enum sniff_verdict v;
	const char *host;
} http_cases[] = {
	{ STR("GET / HTTP/1.1\r\nHost: Example.COM\r\n\r\n"), 0, SNIFF_YES, "example.com:0" },
	{ STR("GET / HTTP/1.1\r\nHost: example.com.\r\n\r\nHost: body.example\r\n"), 38, SNIFF_YES, "example.com:0" },
	{ STR("get /x HTTP/1.0\nhost:example.com:8080\n\n"), 0, SNIFF_YES, "example.com:8080" },
	{ STR("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"), 0, SNIFF_YES, "a.example:443" },
	{ STR("OPTIONS * HTTP/1.1\r\nHOST:\t [2001:DB8::1]:81 \r\n\r\n"), 0, SNIFF_YES, "[2001:db8::1]:81" },
	{ STR("HEAD / HTTP/1.1\r\nX: y\r\nHost: 192.0.2.1\r\n\r\n"), 0, SNIFF_YES, "192.0.2.1:0" },
	{ STR("DELETE /a b HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n"), 0, SNIFF_YES, "a:0" },
	{ STR("PUT / HTTP/1.1\r\nHost: one\r\nHost: two\r\n\r\n"), 0, SNIFF_YES, "two:0" },
	{ STR("POST / HTTP/1.1\r\nHost: one\r\n host: folded\r\nHost : spaced\r\n\r\n"), 0, SNIFF_YES, "one:0" },
	{ STR("GET /\xff HTTP/1.1\r\nHost: a\r\nA: \xc3\xa9\r\n\r\n"), 0, SNIFF_YES, "a:0" },
	/* HTTP to a host that is none. */
	{ STR("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 0, SNIFF_YES, "-" },
	{ STR("GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n"), 0, SNIFF_YES, "-" },
	{ STR("GET / HTTP/1.1\r\nHost: :80\r\n\r\n"), 0, SNIFF_YES, "-" },
	{ STR("GET / HTTP/1.1\r\nHost: ::1\r\n\r\n"), 0, SNIFF_YES, "-" },
	/* To nobody. */
	{ STR("GET / HTTP/1.0\r\n\r\n"), 0, SNIFF_NO, NULL },
	{ STR("GET / HTTP/1.1\r\nHost: \r\n\r\nx"), 26, SNIFF_NO, NULL },
	{ STR("GET / HTTP/1.1\r\nHost: a\r\nHost:\r\n\r\n"), 0, SNIFF_NO, NULL },
	/* Not HTTP. */
	{ STR("PATCH / HTTP/1.1"), 2, SNIFF_NO, NULL },
	{ STR("SSH-2.0-x"), 1, SNIFF_NO, NULL },
	{ STR("\r\nGET / HTTP/1.1"), 1, SNIFF_NO, NULL },
	{ STR("GETX / HTTP/1.1"), 4, SNIFF_NO, NULL },
	{ STR("GET\t/ HTTP/1.1"), 4, SNIFF_NO, NULL },
	{ STR("GET /\r\n"), 0, SNIFF_NO, NULL },
	{ STR("GET HTTP/1.1\r\n"), 0, SNIFF_NO, NULL },
	{ STR("GET  HTTP/1.1\r\n"), 0, SNIFF_NO, NULL },
	{ STR("GET / HTTP/1.1 \r\n"), 0, SNIFF_NO, NULL },
	{ STR("OPTIONS sip:a@b SIP/2.0\r\n"), 0, SNIFF_NO, NULL },
	{ STR("GET /\x01 HTTP/1.1\r\n"), 6, SNIFF_NO, NULL },
	{ STR("GET / HTTP/1.1\r\nA: \0"), 20, SNIFF_NO, NULL },
	{ STR("GET / HTTP/1.1\r\nA: b\rc"), 0, SNIFF_NO, NULL },
	{ STR("\x13" "BitTorrent protocol" "12345678"), 20, SNIFF_YES, "bittorrent" },
	{ STR("\x13" "BitTorrent Protocol"), 13, SNIFF_NO, NULL },
	{ STR("\x13" "GET / HTTP/1.1"), 2, SNIFF_NO, NULL },
};

static void test_http(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(http_cases) / sizeof(*http_cases); i++) {
		bool is_bittorrent = http_cases[i].bytes.p[0] == 0x13;

		check_prefixes(http_cases[i].bytes, http_cases[i].at ? http_cases[i].at : http_cases[i].bytes.len, http_cases[i].v,
			       is_bittorrent ? "bittorrent" : "http1", is_bittorrent ? "-" : http_cases[i].host);
	}
}

static void assert_attr(const struct sniffed *found, uint32_t i, const char *name, const char *value)
{
	assert_true(i < found->n_attrs);
	assert_true(str_is(found->attrs[i].name, name));
	assert_true(str_is(found->attrs[i].value, value));
}

static void test_http_attrs(void **state)
{
	struct sniff_scratch *s = sniff_scratch_new();
	struct str head = STR("gEt /a?b HTTP/1.1\r\nHost: a\r\nX-A:  one \r\nEmpty:\r\nx-a: two\r\n:x: y\r\n\r\nB: c\r\n");
	struct sniffed found;

	(void)state;
	assert_int_equal(sniff_http(s, head, &found), SNIFF_YES);
	assert_int_equal(found.n_attrs, 5);
	assert_attr(&found, 0, ":method", "gEt");
	assert_attr(&found, 1, ":path", "/a?b");
	assert_attr(&found, 2, "Host", "a");
	assert_attr(&found, 3, "x-a", "two");
	assert_attr(&found, 4, "Empty", "");
	/* The name is known before the head ends. */
	head.len = sizeof("GET /a?b HTTP/1.1\r\nHost: a\r\n") - 1;
	assert_int_equal(sniff_http(s, head, &found), SNIFF_MORE);
	assert_sniffed(&found, "http1", "a:0");
	head.len -= 2;
	assert_int_equal(sniff_http(s, head, &found), SNIFF_MORE);
	assert_sniffed(&found, "none", "-");
	assert_int_equal(found.n_attrs, 0);
	sniff_scratch_free(s);
}

/* A head of more lines and bytes than are read. */
static void test_http_limits(void **state)
{
	struct sniff_scratch *s = sniff_scratch_new();
	struct buf b = { 0 };
	struct sniffed found;

	(void)state;
	buf_puts(&b, "GET / HTTP/1.1\r\n");
	for (unsigned i = 0; i < 300; i++)
		buf_printf(&b, "name-%u: value\r\n", i);
	buf_puts(&b, "Host: late.example\r\n\r\n");
	assert_int_equal(sniff_http(s, (struct str){ b.p, b.len }, &found), SNIFF_YES);
	assert_sniffed(&found, "http1", "late.example:0");
	assert_int_equal(found.n_attrs, SNIFF_ATTRS_MAX);
	b.len = 0;
	buf_puts(&b, "GET / HTTP/1.1\r\nHost: early.example\r\nCookie: ");
	while (b.len < SNIFF_HEAD_MAX + 3)
		buf_putc(&b, 'x');
	check_prefixes((struct str){ b.p, b.len }, SNIFF_HEAD_MAX, SNIFF_YES, "http1", "early.example:0");
	b.p[sizeof("GET / HTTP/1.1\r\nHos") - 1] = 'e';
	check_prefixes((struct str){ b.p, b.len }, SNIFF_HEAD_MAX, SNIFF_NO, "none", "-");
	buf_fini(&b);
	sniff_scratch_free(s);
}

static void check_hex(const char *hex, enum sniff_verdict v, const char *host)
{
	struct str bytes = case_hex(hex);

	check_prefixes(bytes, bytes.len, v, "tls", host);
	case_free(bytes);
}

static void test_tls_clients(void **state)
{
	(void)state;
	check_hex(openssl_tls13, SNIFF_YES, "www.example.com:0");
	check_hex(openssl_tls12, SNIFF_YES, "mixed-case.example.org:0");
	check_hex(curl_tls, SNIFF_YES, "a.example.net:0");
	check_hex(openssl_no_name, SNIFF_NO, NULL);
}

static const struct {
	struct str name;
	enum sniff_verdict v;
	const char *host;
} name_cases[] = {
	{ STR("a"), SNIFF_YES, "a:0" },
	{ STR("XN--bcher-KVA.example"), SNIFF_YES, "xn--bcher-kva.example:0" },
	{ STR("_x.a-b.example"), SNIFF_YES, "_x.a-b.example:0" },
	{ STR(""), SNIFF_YES, "-" },
	{ STR("192.0.2.1"), SNIFF_YES, "192.0.2.1:0" },
	{ STR("2001:db8::1"), SNIFF_YES, "[2001:db8::1]:0" },
	{ STR("[::1]"), SNIFF_YES, "[::1]:0" },
	{ STR("b\xc3\xbc" "cher.example"), SNIFF_YES, "-" },
	{ STR("a..b"), SNIFF_YES, "-" },
	{ STR(".a"), SNIFF_YES, "-" },
	{ STR("a/b"), SNIFF_YES, "-" },
	{ STR("example.com."), SNIFF_NO, NULL },
	{ STR("a b"), SNIFF_NO, NULL },
	{ STR("a\0b"), SNIFF_NO, NULL },
};

static void test_tls_names(void **state)
{
	char name[256];

	(void)state;
	for (size_t i = 0; i < sizeof(name_cases) / sizeof(*name_cases); i++) {
		struct str bytes = case_record(case_hello(name_cases[i].name, i));

		check_prefixes(bytes, bytes.len, name_cases[i].v, "tls", name_cases[i].host);
		case_free(bytes);
	}
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 64 == 63 ? '.' : 'n';
	name[255] = 'n';
	for (size_t len = 254; len <= 256; len++) {
		struct sniffed found;
		struct str message = case_hello((struct str){ name, len }, 0);

		assert_int_equal(sniff_client_hello(message, &found), SNIFF_YES);
		assert_int_equal(found.host.family, len <= ADDR_NAME_MAX ? ADDR_NAME : ADDR_NONE);
		case_free(message);
	}
}

/* A byte of a good record changed: NO after `at` bytes. */
static const struct {
	size_t index, at;
	uint8_t value;
} record_cases[] = {
	{ 0, 1, 23 }, { 0, 1, 0x80 }, { 1, 2, 2 }, { 3, 5, 0x7f }, { 5, 6, 2 },
	{ 4, 9, 1 }, { 6, 9, 1 }, { 7, 9, 1 }, { 8, 9, 1 }, /* the lengths of record and message differ */
	{ 43, 44, 33 },                   /* session id */
	{ 45, 46, 3 }, { 45, 46, 0 },     /* cipher suites: odd, none */
	{ 44, 46, 0xff },                 /* more than there is */
	{ 48, 49, 0 }, { 48, 49, 0xff },  /* compression methods */
	{ 51, 52, 1 },                    /* extensions */
	{ 54, 56, 0xff },                 /* padding */
	{ 66, 68, 0xff },                 /* server_name */
};

static void test_tls_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(record_cases) / sizeof(*record_cases); i++) {
		struct str bytes = case_record(case_hello(STR("example.com"), 8));

		((uint8_t *)bytes.p)[record_cases[i].index] = record_cases[i].value;
		check_prefixes(bytes, record_cases[i].at, SNIFF_NO, NULL, NULL);
		case_free(bytes);
	}
}

static void test_tls_name_lists(void **state)
{
	static const struct {
		struct str body;
		enum sniff_verdict v;
	} cases[] = {
		{ STR(""), SNIFF_NO },
		{ STR("\0"), SNIFF_NO },
		{ STR("\0\0"), SNIFF_NO },
		{ STR("\0\1\0"), SNIFF_NO },
		{ STR("\0\4\0\0\1a"), SNIFF_YES },
		{ STR("\0\5\0\0\1a"), SNIFF_NO },
		{ STR("\0\3\0\0\1a"), SNIFF_NO },
		{ STR("\0\4\0\0\2a"), SNIFF_NO },
		{ STR("\0\4\1\0\1a"), SNIFF_NO },
		{ STR("\0\10\1\0\1b\0\0\1a"), SNIFF_YES },
	};
	struct sniffed found;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str message = case_hello_of(cases[i].body, 0);

		assert_int_equal(sniff_client_hello(message, &found), cases[i].v);
		assert_sniffed(&found, cases[i].v == SNIFF_YES ? "tls" : "none", cases[i].v == SNIFF_YES ? "a:0" : "-");
		case_free(message);
	}
}

static void test_tls_sizes(void **state)
{
	const size_t most = SNIFF_HELLO_MAX - 4 - 34 - 1 - 4 - 2 - 2 - 4;
	struct sniffed found;

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		struct str bytes = case_record(case_hello(STR("a"), most - 10 + over));

		assert_int_equal(bytes.len, 5 + SNIFF_HELLO_MAX + over);
		assert_int_equal(sniff_tls(bytes, &found), over ? SNIFF_NO : SNIFF_YES);
		bytes.len--;
		assert_int_equal(sniff_tls(bytes, &found), over ? SNIFF_NO : SNIFF_MORE);
		case_free(bytes);
	}
}

/* Who is not asked for does not answer. */
static void test_masks(void **state)
{
	struct sniff_scratch *s = sniff_scratch_new();
	struct str get = STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	unsigned mask = all_tcp | 1u << SNIFF_QUIC;
	struct sniffed found;

	(void)state;
	assert_int_equal(sniff_tcp(s, (struct str){ NULL, 0 }, &mask, &found), SNIFF_MORE);
	assert_int_equal(mask, all_tcp);
	assert_int_equal(sniff_tcp(s, (struct str){ get.p, 1 }, &mask, &found), SNIFF_MORE);
	assert_int_equal(mask, 1u << SNIFF_HTTP);
	assert_int_equal(sniff_tcp(s, get, &mask, &found), SNIFF_YES);
	assert_int_equal(mask, 1u << SNIFF_HTTP);
	mask = 1u << SNIFF_TLS | 1u << SNIFF_BITTORRENT;
	assert_int_equal(sniff_tcp(s, get, &mask, &found), SNIFF_NO);
	assert_int_equal(mask, 0);
	sniff_scratch_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http), cmocka_unit_test(test_http_attrs), cmocka_unit_test(test_http_limits),
		cmocka_unit_test(test_tls_clients), cmocka_unit_test(test_tls_names), cmocka_unit_test(test_tls_broken),
		cmocka_unit_test(test_tls_name_lists), cmocka_unit_test(test_tls_sizes), cmocka_unit_test(test_masks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
