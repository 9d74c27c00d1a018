/* link: engine route model lib */
/* HTTP of the engine, both sides. Every head is read at every length: what is said once is said for all longer ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/eng_drive.h"

#define N(a) (sizeof(a) / sizeof(*(a)))
#define GET "GET http://example.com/ HTTP/1.1\r\n"
#define H "Host: example.com\r\n"
#define T32 "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF"

enum { TRANSPARENT = 1 };
#define NO(bytes, why, how) { .head = bytes, .status = why, .flags = how }
static const struct {
	const char *head, *target; /* target NULL: refused with status */
	int status;
	int flags;
	int body;
	uint64_t body_len;
	const char *upstream; /* NULL: not looked at */
} heads[] = {
	{ .head = GET H "\r\n", .target = "example.com:80", .upstream = "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n" },
	{ .head = GET "\r\n", .target = "example.com:80", .upstream = "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n" },
	{ .head = "GET HTTP://Example.COM:8080/a?b=c HTTP/1.0\r\nHost: other.example\r\n\r\n", .target = "example.com:8080",
	  .upstream = "GET /a?b=c HTTP/1.0\r\nHost: Example.COM:8080\r\nConnection: close\r\n\r\n" },
	{ .head = "GET http://user:change-me@example.com/x HTTP/1.1\r\n\r\n", .target = "example.com:80",
	  .upstream = "GET /x HTTP/1.1\r\n" H "Connection: close\r\n\r\n" },
	{ .head = "GET http://good.example@evil.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n", .target = "evil.example:80",
	  .upstream = "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n" },
	{ .head = "GET http://[2001:DB8::1]:81?q HTTP/1.1\r\n\r\n", .target = "[2001:db8::1]:81",
	  .upstream = "GET /?q HTTP/1.1\r\nHost: [2001:DB8::1]:81\r\nConnection: close\r\n\r\n" },
	{ .head = "GET http://[2001:db8::1] HTTP/1.1\r\n\r\n", .target = "[2001:db8::1]:80" },
	{ .head = "GET http://192.0.2.1:/ HTTP/1.1\r\n\r\n", .target = "192.0.2.1:80" },
	{ .head = "OPTIONS http://example.com HTTP/1.1\r\n\r\n", .target = "example.com:80",
	  .upstream = "OPTIONS * HTTP/1.1\r\n" H "Connection: close\r\n\r\n" },
	{ .head = T32 " http://example.com/ HTTP/1.1\r\n\r\n", .target = "example.com:80" },
	{ .head = "CONNECT example.com:443 HTTP/1.1\r\nHost: other.example\r\n\r\n\x16\3\1", .target = "example.com:443" },
	{ .head = "CONNECT [2001:db8::1]:443 HTTP/1.0\r\n\r\n", .target = "[2001:db8::1]:443" },
	{ .head = "CONNECT example.com:443 HTTP/1.1\r\nContent-Length: 0\r\n\r\n", .target = "example.com:443" },
	/* what goes upstream */
	{ .head = "POST http://example.com/f HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, X-Hop ,, content-length\r\nX-Hop: 1\r\n"
	  "Keep-Alive: 5\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\nproxy-thing: 1\r\nTE: trailers\r\n"
	  "Upgrade: websocket\r\nX-Stay:  a b\t\r\nContent-Length: 3\r\nx-hop: 2\r\nConnection: X-Stop\r\nX-Stop: 3\r\n\r\nabc", .target = "example.com:80", .body = HTTP_LENGTH, .body_len = 3,
	  .upstream = "POST /f HTTP/1.1\r\n" H "X-Stay:  a b\t\r\nContent-Length: 3\r\nConnection: close\r\n\r\n" },
	{ .head = "PUT http://example.com/ HTTP/1.1\r\nTransfer-Encoding: Chunked\r\nTrailer: X\r\nConnection: Trailer, transfer-encoding\r\n\r\n", .target = "example.com:80", .body = HTTP_CHUNKED,
	  .upstream = "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\nTrailer: X\r\nConnection: close\r\n\r\n" },
	{ .head = "POST http://example.com/ HTTP/1.1\r\nContent-Length: 9223372036854775807\r\n\r\n", .target = "example.com:80",
	  .body = HTTP_LENGTH, .body_len = INT64_MAX },
	/* origin form */
	{ .head = "GET /a HTTP/1.1\r\nHost: example.com:81\r\n\r\n", .target = "example.com:81", .flags = TRANSPARENT,
	  .upstream = "GET /a HTTP/1.1\r\nHost: example.com:81\r\nConnection: close\r\n\r\n" },
	{ .head = "OPTIONS * HTTP/1.1\r\n" H "\r\n", .target = "example.com:80", .flags = TRANSPARENT,
	  .upstream = "OPTIONS * HTTP/1.1\r\n" H "Connection: close\r\n\r\n" },
	NO("GET /a HTTP/1.1\r\n" H "\r\n", 400, 0),
	NO("GET /a HTTP/1.1\r\n\r\n", 400, TRANSPARENT),
	NO("GET /a HTTP/1.1\r\nHost:\r\n\r\n", 400, TRANSPARENT),
	NO("GET /a HTTP/1.1\r\nHost: example.com:0\r\n\r\n", 400, TRANSPARENT),
	NO("GET /a HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, TRANSPARENT),
	NO("GET http:///a HTTP/1.1\r\n" H "\r\n", 400, TRANSPARENT),
	NO("GET //example.com/ HTTP/1.1\r\n" H "\r\n", 400, 0),
	/* forms that are none */
	NO("GET https://example.com/ HTTP/1.1\r\n" H "\r\n", 400, 0),
	NO("GET ftp://example.com/ HTTP/1.1\r\n\r\n", 400, 0),
	NO("GET example.com HTTP/1.1\r\n\r\n", 400, 0),
	NO("GET http://a@b@example.com/ HTTP/1.1\r\n\r\n", 400, 0),
	NO("GET http://user@/ HTTP/1.1\r\n\r\n", 400, 0),
	NO("GET http://example.com/#x HTTP/1.1\r\n\r\n", 400, 0),
	NO("GET http://example.com:65536/ HTTP/1.1\r\n\r\n", 400, 0),
	NO("GET http://example.com:0/ HTTP/1.1\r\n\r\n", 400, 0),
	NO("GET http://us[er@example.com/ HTTP/1.1\r\n\r\n", 400, 0),
	NO("GET http://exam%70le.com/ HTTP/1.1\r\n\r\n", 400, 0),
	NO("GET http://2001:db8::1/ HTTP/1.1\r\n\r\n", 400, 0),
	NO("GET http://example.com\\@evil.example/ HTTP/1.1\r\n\r\n", 400, 0),
	NO("GET http://example.com/ a HTTP/1.1\r\n\r\n", 400, 0),
	NO("GET  http://example.com/ HTTP/1.1\r\n\r\n", 400, 0),
	NO("GET http://example.com/\tHTTP/1.1\r\n\r\n", 400, 0),
	NO("GET http://example.com/\r\n\r\n", 400, 0),
	NO(" GET http://example.com/ HTTP/1.1\r\n\r\n", 400, 0),
	NO("\r\n" GET "\r\n", 400, 0),
	NO(T32 "X http://example.com/ HTTP/1.1\r\n\r\n", 400, 0),
	NO("G\xc3\x89T http://example.com/ HTTP/1.1\r\n\r\n", 400, 0),
	NO("\x16\3\1\2\0\1\0\1\xfc\3\3", 400, 0),
	NO("CONNECT example.com HTTP/1.1\r\n\r\n", 400, 0),
	NO("CONNECT example.com: HTTP/1.1\r\n\r\n", 400, 0),
	NO("CONNECT example.com:0 HTTP/1.1\r\n\r\n", 400, 0),
	NO("CONNECT example.com:443/ HTTP/1.1\r\n\r\n", 400, 0),
	NO("CONNECT user@example.com:443 HTTP/1.1\r\n\r\n", 400, 0),
	NO("CONNECT http://example.com:443 HTTP/1.1\r\n\r\n", 400, 0),
	NO("CONNECT /example.com:443 HTTP/1.1\r\n" H "\r\n", 400, TRANSPARENT),
	NO("CONNECT example.com:443 HTTP/1.1\r\nContent-Length: 3\r\n\r\n", 400, 0),
	NO("CONNECT example.com:443 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0),
	NO("connect example.com:443 HTTP/1.1\r\n\r\n", 400, 0),
	/* versions */
	NO("GET http://example.com/ HTTP/2.0\r\n\r\n", 505, 0),
	NO("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, 0),
	NO("GET http://example.com/ HTTP/1.2\r\n\r\n", 505, 0),
	NO("GET http://example.com/ HTTP/0.9\r\n\r\n", 505, 0),
	NO("GET http://example.com/ http/1.1\r\n\r\n", 400, 0),
	NO("GET http://example.com/ HTTP/11\r\n\r\n", 400, 0),
	NO("GET http://example.com/ HTTP/1.1 \r\n\r\n", 400, 0),
	NO("GET http://example.com/ ICY/1.1\r\n\r\n", 400, 0),
	/* smuggling */
	NO(GET "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", 400, 0),
	NO(GET "Content-Length: 3, 3\r\n\r\n", 400, 0),
	NO(GET "Content-Length: -0\r\n\r\n", 400, 0),
	NO(GET "Content-Length: +3\r\n\r\n", 400, 0),
	NO(GET "Content-Length: 0x3\r\n\r\n", 400, 0),
	NO(GET "Content-Length:\r\n\r\n", 400, 0),
	NO(GET "Content-Length: 9223372036854775808\r\n\r\n", 400, 0),
	NO(GET "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0),
	NO(GET "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400, 0),
	NO(GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0),
	NO(GET "Transfer-Encoding: gzip, chunked\r\n\r\n", 501, 0),
	NO(GET "Transfer-Encoding: identity\r\n\r\n", 501, 0),
	NO(GET "Transfer-Encoding: xchunked\r\n\r\n", 501, 0),
	NO("GET http://example.com/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 0),
	NO(GET "Transfer-Encoding : chunked\r\n\r\n", 400, 0),
	NO(GET "Host : a\r\n\r\n", 400, 0),
	NO(GET H H "\r\n", 400, 0),
	NO(GET " Host: a\r\n\r\n", 400, 0),
	NO(GET "A: b\r\n c\r\n\r\n", 400, 0),
	NO(GET "A: b\r\n\tc\r\n\r\n", 400, 0),
	NO(GET "A: b\rC: d\r\n\r\n", 400, 0),
	NO(GET "A: b\nC: d\r\n\r\n", 400, 0),
	NO("GET http://example.com/ HTTP/1.1\n\n", 400, 0),
	NO(GET "A: b\x01\r\n\r\n", 400, 0),
	NO(GET "A: b\x7f\r\n\r\n", 400, 0),
	NO(GET ": b\r\n\r\n", 400, 0),
	NO(GET "A\r\n\r\n", 400, 0),
	NO(GET "A(: b\r\n\r\n", 400, 0),
	NO(GET "Proxy-Authorization: Basic eA==\r\nProxy-Authorization: Basic eA==\r\n\r\n", 400, 0),
	NO(GET "Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n\r\n", 431, 0),
};

static void check_upstream(size_t row, const char *head, bool transparent)
{
	struct http_request r, again;
	struct buf out = { 0 }, twice = { 0 };
	struct str bytes = str_of(head);

	assert_int_equal(http_request_read(bytes, transparent, &r), HTTP_REQUEST);
	if (r.is_connect)
		return;
	http_request_write(bytes, &r, &out);
	assert_false(out.failed);
	if (heads[row].upstream && strcmp(out.p, heads[row].upstream) != 0)
		fail_msg("row %zu goes upstream as:\n%s", row, out.p);
	/* What goes upstream is a request to the same host that goes on unchanged. */
	assert_int_equal(http_request_read((struct str){ out.p, out.len }, true, &again), HTTP_REQUEST);
	assert_true(addr_equal(&r.target, &again.target));
	assert_int_equal(r.body, again.body);
	http_request_write((struct str){ out.p, out.len }, &again, &twice);
	assert_string_equal(out.p, twice.p);
	buf_fini(&out);
	buf_fini(&twice);
}

static void test_request(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(heads); i++) {
		const uint8_t *p = (const uint8_t *)heads[i].head;
		bool transparent = heads[i].flags & TRANSPARENT, is_over = false;
		size_t len = strlen(heads[i].head);
		struct drive_http whole = drive_request(p, len, transparent);

		if (whole.step != (heads[i].target ? HTTP_REQUEST : HTTP_BAD) || whole.status != heads[i].status)
			fail_msg("row %zu: step %d, status %d", i, whole.step, whole.status);
		for (size_t n = 0; n <= len; n++) {
			struct drive_http part = drive_request(p, n, transparent);

			if (part.step == HTTP_MORE ? is_over : !drive_http_equal(&whole, &part))
				fail_msg("row %zu: at %zu of %zu bytes", i, n, len);
			is_over |= part.step != HTTP_MORE;
		}
		if (!heads[i].target)
			continue;
		assert_string_equal(whole.target, heads[i].target);
		assert_int_equal(whole.body, heads[i].body);
		assert_int_equal(whole.body_len, heads[i].body_len);
		assert_int_equal(whole.is_connect, !strncmp(heads[i].head, "CONNECT", 7));
		check_upstream(i, heads[i].head, transparent);
	}
	struct http_request r;
	assert_int_equal(http_request_read((struct str){ GET "A: \0\r\n\r\n", sizeof(GET) + 8 }, false, &r), HTTP_BAD);
	assert_int_equal(http_request_read((struct str){ NULL, 0 }, false, &r), HTTP_MORE);
}

/* What cannot become a request is refused before its line is whole. */
static void test_early(void **state)
{
	static const char *const texts[] = { "\x16", "\5", " ", "\r", "\n", "GE\r", "GET\t", "G:", T32 "X", T32 "\x7f" };
	struct http_request r;

	(void)state;
	for (size_t i = 0; i < N(texts); i++)
		assert_int_equal(http_request_read(str_of(texts[i]), true, &r), HTTP_BAD);
	assert_int_equal(http_request_read(STR(T32), true, &r), HTTP_MORE);
	assert_int_equal(http_request_read(STR(T32 " "), true, &r), HTTP_MORE);
}

static void test_limits(void **state)
{
	struct http_request r;
	struct buf head = { 0 };

	(void)state;
	buf_puts(&head, GET "A: ");
	while (head.len < HTTP_HEAD_MAX - 4)
		buf_putc(&head, 'x');
	assert_int_equal(http_request_read((struct str){ head.p, head.len }, false, &r), HTTP_MORE);
	buf_puts(&head, "\r\n\r\n");
	assert_int_equal(http_request_read((struct str){ head.p, head.len }, false, &r), HTTP_REQUEST);
	assert_int_equal(r.head_len, HTTP_HEAD_MAX);
	head.len -= 4;
	buf_puts(&head, "x\r\n\r\n");
	assert_int_equal(http_request_read((struct str){ head.p, head.len }, false, &r), HTTP_BAD);
	assert_int_equal(r.status, 431);
	assert_int_equal(http_request_read((struct str){ head.p, HTTP_HEAD_MAX }, false, &r), HTTP_BAD);
	assert_int_equal(r.status, 431);
	assert_int_equal(http_request_read((struct str){ head.p, HTTP_HEAD_MAX - 1 }, false, &r), HTTP_MORE);
	head.len = 0;
	buf_puts(&head, GET);
	for (int i = 0; i < HTTP_ATTRS_MAX - 2; i++)
		buf_puts(&head, "A: b\r\n");
	assert_int_equal(http_request_read((struct str){ head.p, head.len }, false, &r), HTTP_MORE);
	buf_puts(&head, "\r\n");
	assert_int_equal(http_request_read((struct str){ head.p, head.len }, false, &r), HTTP_REQUEST);
	assert_int_equal(r.n_attrs, HTTP_ATTRS_MAX);
	head.len -= 2;
	buf_puts(&head, "A: b\r\n");
	assert_int_equal(http_request_read((struct str){ head.p, head.len }, false, &r), HTTP_BAD);
	assert_int_equal(r.status, 431);
	buf_fini(&head);
}

static void test_attrs(void **state)
{
	static const char *const expected[][2] = {
		{ ":method", "POST" }, { ":path", "/a/b" }, { "X-One", "1" }, { "x-two", "" }, { "X-One", "a: b" },
	};
	struct http_request r;

	(void)state;
	assert_int_equal(http_request_read(STR("POST http://example.com/a/b?c HTTP/1.1\r\nX-One: 1\r\nx-two:\r\nX-One:\ta: b \r\n\r\n"),
					   false, &r), HTTP_REQUEST);
	assert_int_equal(r.n_attrs, N(expected));
	for (size_t i = 0; i < N(expected); i++) {
		assert_true(str_is(r.attrs[i].name, expected[i][0]));
		assert_true(str_is(r.attrs[i].value, expected[i][1]));
	}
	assert_int_equal(http_request_read(STR("GET http://example.com?c HTTP/1.1\r\n\r\n"), false, &r), HTTP_REQUEST);
	assert_true(str_is(r.attrs[1].value, "/"));
	assert_int_equal(http_request_read(STR("CONNECT a:1 HTTP/1.1\r\nX: 1\r\nPROXY-Authorization: Basic eA==\r\n\r\n"), false, &r),
			 HTTP_REQUEST);
	assert_int_equal(r.n_attrs, 0);
	assert_true(r.has_login && str_is(r.login, "Basic eA=="));
}

static void test_login(void **state)
{
	static const struct {
		const char *value, *user, *password;
		bool ok;
	} rows[] = {
		{ "Basic dXNlcjpjaGFuZ2UtbWU=", "user", "change-me", true },
		{ "basic   dXNlcjpjaGFuZ2UtbWU= ", "user", "change-me", true },
		{ "Basic dXNlcjpjaGFuZ2UtbWU=", "user", "change-m", false },
		{ "Basic dXNlcjpjaGFuZ2UtbWU=", "user", "change-mee", false },
		{ "Basic dXNlcjpjaGFuZ2UtbWU=", "use", "rchange-me", false },
		{ "Basic dXNlcjpjaGFuZ2UtbWU=", "", "", false },
		{ "Basic dTpwOnE=", "u", "p:q", true },
		{ "Basic dTo=", "u", "", true },
		{ "Basic OnA=", "", "p", true },
		{ "Basic dXNlcg==", "user", "", false },
		{ "Basic dTo", "u", "", false },
		{ "Basic dT=o", "u", "", false },
		{ "Basic ====", "", "", false },
		{ "Basic dTo=dTo=", "u", "", false },
		{ "Basic d_o=", "u", "", false },
		{ "Basic", "u", "", false },
		{ "Basic ", "u", "", false },
		{ "", "", "", false },
		{ "Bearer dTo=", "u", "", false },
		{ "BasicdTo=", "u", "", false },
	};
	static const char *const secrets[][2] = { { "u", "p" }, { "user", "change-me" }, { "bob", "" }, { "abc", "d:e:f" } };

	(void)state;
	for (size_t i = 0; i < N(rows); i++)
		if (http_login(str_of(rows[i].value), str_of(rows[i].user), str_of(rows[i].password)) != rows[i].ok)
			fail_msg("'%s'", rows[i].value);
	/* What http_connect_write says is what http_login understands. */
	for (size_t i = 0; i < N(secrets); i++) {
		struct str user = str_of(secrets[i][0]), password = str_of(secrets[i][1]), got_user, got_password;
		char text[HTTP_LOGIN_MAX];
		struct http_request r;
		struct buf out = { 0 };
		struct addr target;

		assert_int_equal(addr_parse(&target, STR("[2001:db8::1]:443"), -1), 0);
		http_connect_write(&target, user, password, &out);
		assert_int_equal(http_request_read((struct str){ out.p, out.len }, false, &r), HTTP_REQUEST);
		assert_true(r.is_connect && r.has_login && r.head_len == out.len && addr_equal(&r.target, &target));
		assert_true(http_login(r.login, user, password));
		assert_int_equal(http_login_read(r.login, text, &got_user, &got_password), 0);
		assert_true(str_eq(got_user, user) && str_eq(got_password, password));
		buf_fini(&out);
	}
	struct buf out = { 0 };
	struct addr target;
	assert_int_equal(addr_parse(&target, STR("example.com:443"), -1), 0);
	http_connect_write(&target, (struct str){ NULL, 0 }, (struct str){ NULL, 0 }, &out);
	assert_string_equal(out.p, "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nProxy-Connection: Keep-Alive\r\n\r\n");
	buf_fini(&out);
}

static void test_answers(void **state)
{
	static const int statuses[] = { 400, 403, 407, 431, 500, 501, 503, 504, 505 };
	size_t used;
	int error;

	(void)state;
	for (size_t i = 0; i < N(statuses); i++) {
		char begin[16];
		struct str a = http_answer(statuses[i]);

		snprintf(begin, sizeof(begin), "HTTP/1.1 %d ", statuses[i]);
		assert_true(str_starts(a, begin) && str_ends_nocase(a, "Connection: close\r\n\r\n"));
		assert_int_equal(http_connect_read(a, &used, &error), HTTP_BAD);
	}
	assert_int_equal(http_connect_read(http_answer(200), &used, &error), HTTP_REQUEST);
	assert_int_equal(used, http_answer(200).len);
	assert_non_null(strstr(http_answer(407).p, "\r\nProxy-Authenticate: Basic realm="));
	assert_true(str_eq(http_answer(999), http_answer(500)));
	assert_int_equal(http_status_of(EACCES), 403);
	assert_int_equal(http_status_of(ETIMEDOUT), 504);
	assert_int_equal(http_status_of(ECONNREFUSED), 503);
	assert_int_equal(http_status_of(0), 503);
}

static const struct {
	const char *answer;
	int step, error;
	size_t used;
} answers[] = {
	{ "HTTP/1.1 200 OK\r\n\r\nhello", HTTP_REQUEST, 0, 19 },
	{ "HTTP/1.0 200 Connection established\r\nProxy-Agent: x\r\nContent-Length: 5\r\n\r\n", HTTP_REQUEST, 0, 74 },
	{ "HTTP/1.1 204\r\n\r\n", HTTP_REQUEST, 0, 16 },
	{ "HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", HTTP_REQUEST, 0, 50 },
	{ "HTTP/1.1 101 Switching\r\n\r\n", HTTP_BAD, EIO, 0 },
	{ "HTTP/1.1 302 Found\r\n\r\n", HTTP_BAD, EIO, 0 },
	{ "HTTP/1.1 407 Auth\r\n", HTTP_BAD, EACCES, 0 },
	{ "HTTP/1.1 403 \r\n", HTTP_BAD, EACCES, 0 },
	{ "HTTP/1.1 404 \r\n", HTTP_BAD, EIO, 0 },
	{ "HTTP/1.1 502 Bad\r\n", HTTP_BAD, EHOSTUNREACH, 0 },
	{ "HTTP/1.1 503 Bad\r\n", HTTP_BAD, EHOSTUNREACH, 0 },
	{ "HTTP/1.1 504 Late\r\n", HTTP_BAD, ETIMEDOUT, 0 },
	{ "HTTP/1.1 600 What\r\n", HTTP_BAD, EPROTO, 0 },
	{ "HTTP/1.1 099 What\r\n", HTTP_BAD, EPROTO, 0 },
	{ "HTTP/1.1 2000 What\r\n", HTTP_BAD, EPROTO, 0 },
	{ "HTTP/1.1 2 What\r\n", HTTP_BAD, EPROTO, 0 },
	{ "HTTP/1.1 200 OK\n\n", HTTP_BAD, EPROTO, 0 },
	{ "HTTP/2 200\r\n", HTTP_BAD, EPROTO, 0 },
	{ "\r\n", HTTP_BAD, EPROTO, 0 },
	{ "\5", HTTP_BAD, EPROTO, 0 },
	{ "SSH-2.0-x", HTTP_BAD, EPROTO, 0 },
	{ "HTTP/1.1 200 OK\r\nA: b", HTTP_MORE, 0, 0 },
	{ "HTTP/1.1 100 Continue\r\n\r\n", HTTP_MORE, 0, 0 },
	{ "HTTP/1.1 100 Continue\r\n\r\nX", HTTP_BAD, EPROTO, 0 },
	{ "", HTTP_MORE, 0, 0 },
};

static void test_connect(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(answers); i++) {
		size_t len = strlen(answers[i].answer);
		bool is_over = false;

		for (size_t n = 0; n <= len; n++) {
			struct str block = drive_block(answers[i].answer, n);
			size_t used = SIZE_MAX;
			int error = 0, step = http_connect_read(block, &used, &error);

			if (step != HTTP_MORE && (step != answers[i].step || error != answers[i].error || used != answers[i].used))
				fail_msg("row %zu at %zu: step %d, error %d, used %zu", i, n, step, error, used);
			assert_true(step != HTTP_MORE || (!is_over && !used));
			is_over |= step != HTTP_MORE;
			free((char *)block.p);
		}
		assert_int_equal(is_over, answers[i].step != HTTP_MORE);
	}
	struct buf b = { 0 };
	size_t used;
	int error = 0;
	buf_puts(&b, "HTTP/1.1 200 OK\r\nA: ");
	while (b.len < HTTP_HEAD_MAX)
		buf_putc(&b, 'x');
	assert_int_equal(http_connect_read((struct str){ b.p, b.len - 1 }, &used, &error), HTTP_MORE);
	assert_int_equal(http_connect_read((struct str){ b.p, b.len }, &used, &error), HTTP_BAD);
	assert_int_equal(error, EPROTO);
	buf_fini(&b);
}

static const struct {
	int kind;
	uint64_t len;
	const char *bytes;
	int64_t taken; /* or -EINVAL */
	bool over;
} bodies[] = {
	{ HTTP_NO_BODY, 0, "GET /", 0, true },
	{ HTTP_LENGTH, 3, "abcGET /", 3, true },
	{ HTTP_LENGTH, 9, "abcGET /", 8, false },
	{ HTTP_CHUNKED, 0, "0\r\n\r\nGET", 5, true },
	{ HTTP_CHUNKED, 0, "3\r\nabc\r\n0\r\n\r\nGET", 13, true },
	{ HTTP_CHUNKED, 0, "a;x=\"y\"\r\n0123456789\r\n1 \r\n\r\r\n00\r\nTrailer: x\r\nB: c\r\n\r\nGET", 52, true },
	{ HTTP_CHUNKED, 0, "A\r\n01234", 8, false },
	{ HTTP_CHUNKED, 0, "3\r\nabcd\r\n", -EINVAL, false },
	{ HTTP_CHUNKED, 0, "3\nabc", -EINVAL, false },
	{ HTTP_CHUNKED, 0, "3\r\nabc\n0", -EINVAL, false },
	{ HTTP_CHUNKED, 0, "\r\n", -EINVAL, false },
	{ HTTP_CHUNKED, 0, ";\r\n", -EINVAL, false },
	{ HTTP_CHUNKED, 0, "-1\r\n", -EINVAL, false },
	{ HTTP_CHUNKED, 0, "0x3\r\n", -EINVAL, false },
	{ HTTP_CHUNKED, 0, "3;\x01\r\n", -EINVAL, false },
	{ HTTP_CHUNKED, 0, "0\r\n\rX", -EINVAL, false },
	{ HTTP_CHUNKED, 0, "0\r\nA: b\n\r\n", -EINVAL, false },
	{ HTTP_CHUNKED, 0, "fffffffffffffff\r\nabc", 20, false },
	{ HTTP_CHUNKED, 0, "fffffffffffffffff\r\nabc", -EINVAL, false },
};

static void test_body(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(bodies); i++) {
		const struct http_request r = { .body = (enum http_body_kind)bodies[i].kind, .body_len = bodies[i].len };
		size_t len = strlen(bodies[i].bytes);

		for (size_t by = 1; by <= len; by++) {
			struct http_body b = http_body_of(&r);
			bool over = b.over;
			int64_t n = drive_body(b, (const uint8_t *)bodies[i].bytes, len, by, &over);

			if (n != bodies[i].taken || over != bodies[i].over)
				fail_msg("row %zu by %zu: %d", i, by, (int)n);
		}
	}
	const struct http_request endless = { .body = HTTP_CHUNKED };
	struct http_body b = http_body_of(&endless);
	int64_t n = http_body_take(&b, STR("1;"));
	for (int i = 0; i < 70000 && n > 0; i++)
		n = http_body_take(&b, STR("x"));
	assert_int_equal(n, -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request), cmocka_unit_test(test_early), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_attrs),	cmocka_unit_test(test_login), cmocka_unit_test(test_answers),
		cmocka_unit_test(test_connect), cmocka_unit_test(test_body),
	};

	return cmocka_run_group_tests_name("eng_http", tests, NULL, NULL);
}
