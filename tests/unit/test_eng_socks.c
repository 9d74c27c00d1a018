/* link: engine route model lib */
/* SOCKS of the engine, both sides. Every vector is fed whole, cut at every byte, and byte by byte. */
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
#define B(literal) (literal), sizeof(literal) - 1
#define X63 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X255 X63 "x" X63 "x" X63 "x" X63
#define D60 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvw."
#define D255 D60 D60 D60 D60 "abcdefghijklmno"
#define NO_4 "\0\x5b\0\0\0\0\0\0"
#define REFUSED(code) "\5" code "\0\1\0\0\0\0\0\0"

static const struct {
	const char *in;
	size_t in_len;
	bool password;
	int step;
	size_t used;
	const char *sent;
	size_t sent_len;
	int command;
	const char *target;
} server[] = {
	/* version 4 */
	{ B("\4\1\0\x50\xc0\0\2\1bob\0GET"), false, SOCKS_REQUEST, 12, B(""), 1, "192.0.2.1:80" },
	{ B("\4\1\0\x50\xc0\0\2\1\0"), false, SOCKS_REQUEST, 9, B(""), 1, "192.0.2.1:80" },
	{ B("\4\1\1\xbb\0\0\0\1bob\0Example.com\0"), false, SOCKS_REQUEST, 24, B(""), 1, "example.com:443" },
	{ B("\4\1\1\xbb\0\0\0\xff\0" "192.0.2.1\0x"), false, SOCKS_REQUEST, 19, B(""), 1, "192.0.2.1:443" },
	{ B("\4\1\1\xbb\0\0\0\1\0" D255 "\0"), false, SOCKS_REQUEST, 265, B(""), 1, D255 ":443" },
	{ B("\4\1\1\xbb\0\0\0\0\0x"), false, SOCKS_REQUEST, 9, B(""), 1, "0.0.0.0:443" },
	{ B("\4\1\1\xbb\0\0\1\1\0x"), false, SOCKS_REQUEST, 9, B(""), 1, "0.0.1.1:443" },
	{ B("\4\1\1\xbb\0\0\0\1\0\0"), false, SOCKS_BAD, 0, B(NO_4), 0, "" },
	{ B("\4\1\1\xbb\0\0\0\1\0a b\0"), false, SOCKS_BAD, 0, B(NO_4), 0, "" },
	{ B("\4\1\1\xbb\0\0\0\1\0" X255 "x"), false, SOCKS_BAD, 0, B(NO_4), 0, "" },
	{ B("\4\1\1\xbb\xc0\0\2\1" X255 "\0"), false, SOCKS_REQUEST, 264, B(""), 1, "192.0.2.1:443" },
	{ B("\4\1\1\xbb\xc0\0\2\1" X255 "x\0"), false, SOCKS_BAD, 0, B(NO_4), 0, "" },
	{ B("\4\2\1\xbb\xc0\0\2\1\0"), false, SOCKS_BAD, 0, B(NO_4), 0, "" },
	{ B("\4\xf0\1\xbb\xc0\0\2\1\0"), false, SOCKS_BAD, 0, B(NO_4), 0, "" },
	{ B("\4\1\0\x50\xc0\0\2\1bob\0"), true, SOCKS_BAD, 0, B(NO_4), 0, "" },
	{ B("\4\1\0\x50\xc0\0\2\1bob"), false, SOCKS_MORE, 0, B(""), 0, "" },
	/* version 5 without users */
	{ B("\5\1\0\5\1\0\1\xc0\0\2\1\0\x50GET"), false, SOCKS_REQUEST, 13, B("\5\0"), 1, "192.0.2.1:80" },
	{ B("\5\2\2\0\5\1\0\3\13Example.com\1\xbb"), false, SOCKS_REQUEST, 22, B("\5\0"), 1, "example.com:443" },
	{ B("\5\1\0\5\1\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\1\xbb"), false, SOCKS_REQUEST, 25, B("\5\0"), 1,
	  "[2001:db8::1]:443" },
	{ B("\5\1\0\5\1\0\3\xff" D255 "\1\xbb"), false, SOCKS_REQUEST, 265, B("\5\0"), 1, D255 ":443" },
	{ B("\5\1\0\5\1\x7f\1\xc0\0\2\1\0\x50"), false, SOCKS_REQUEST, 13, B("\5\0"), 1, "192.0.2.1:80" },
	{ B("\5\1\0\5\3\0\1\0\0\0\0\0\0"), false, SOCKS_REQUEST, 13, B("\5\0"), 3, "0.0.0.0:0" },
	{ B("\5\1\0\5\xf0\0\1\xc0\0\2\1\0\0"), false, SOCKS_REQUEST, 13, B("\5\0"), 1, "192.0.2.1:0" },
	{ B("\5\1\0\5\xf1\0\3\1a\0\0"), false, SOCKS_REQUEST, 11, B("\5\0"), 1, "a:0" },
	{ B("\5\1\0\5\2\0\1\xc0\0\2\1\0\x50"), false, SOCKS_BAD, 3, B("\5\0" REFUSED("\7")), 0, "" },
	{ B("\5\1\0\5\0\0\1\xc0\0\2\1\0\x50"), false, SOCKS_BAD, 3, B("\5\0" REFUSED("\7")), 0, "" },
	{ B("\5\1\0\5\1\0\2"), false, SOCKS_BAD, 3, B("\5\0" REFUSED("\10")), 0, "" },
	{ B("\5\1\0\5\2\0\xff"), false, SOCKS_BAD, 3, B("\5\0" REFUSED("\10")), 0, "" },
	{ B("\5\1\0\5\1\0\3\0\0\x50"), false, SOCKS_BAD, 3, B("\5\0" REFUSED("\1")), 0, "" },
	{ B("\5\1\0\5\1\0\3\3a\0b\0\x50"), false, SOCKS_BAD, 3, B("\5\0" REFUSED("\1")), 0, "" },
	{ B("\5\1\0\5\1\0\3\3a\nb\0\x50"), false, SOCKS_BAD, 3, B("\5\0" REFUSED("\1")), 0, "" },
	{ B("\5\1\0\4\1\0"), false, SOCKS_BAD, 3, B("\5\0"), 0, "" },
	{ B("\5\1\2\1\4user\11change-me"), false, SOCKS_BAD, 0, B("\5\xff"), 0, "" },
	{ B("\5\0"), false, SOCKS_BAD, 0, B("\5\xff"), 0, "" },
	{ B("\5\2\0"), false, SOCKS_MORE, 0, B(""), 0, "" },
	{ B("\5\1\0\5\1\0\1\xc0\0\2\1\0"), false, SOCKS_MORE, 3, B("\5\0"), 0, "" },
	/* with users */
	{ B("\5\2\0\2\1\4user\11change-me\5\1\0\1\xc0\0\2\1\0\x50GET"), true, SOCKS_REQUEST, 30, B("\5\2\1\0"), 1, "192.0.2.1:80" },
	{ B("\5\1\2\1\4user\11change-mf\5\1\0\1\xc0\0\2\1\0\x50"), true, SOCKS_BAD, 19, B("\5\2\1\xff"), 0, "" },
	{ B("\5\1\2\1\0\0\5\1"), true, SOCKS_BAD, 6, B("\5\2\1\xff"), 0, "" },
	{ B("\5\1\2\2\4user"), true, SOCKS_BAD, 3, B("\5\2"), 0, "" },
	{ B("\5\1\0"), true, SOCKS_BAD, 0, B("\5\xff"), 0, "" },
	/* no SOCKS */
	{ B("GET / HTTP/1.1\r\n"), false, SOCKS_BAD, 0, B(""), 0, "" },
	{ B("\x16\3\1"), false, SOCKS_BAD, 0, B(""), 0, "" },
	{ B("\0"), false, SOCKS_BAD, 0, B(""), 0, "" },
	{ B(""), false, SOCKS_MORE, 0, B(""), 0, "" },
};

static void test_server(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(server); i++) {
		const uint8_t *in = (const uint8_t *)server[i].in;
		size_t len = server[i].in_len;
		struct drive whole = drive_server(in, len, len, 1, server[i].password);

		if (whole.step != server[i].step || whole.used != server[i].used || strcmp(whole.target, server[i].target) != 0 ||
			whole.command != server[i].command)
			fail_msg("row %zu: step %d, used %zu, target %s", i, whole.step, whole.used, whole.target);
		if (whole.sent_len != server[i].sent_len || memcmp(whole.sent, server[i].sent, whole.sent_len) != 0)
			fail_msg("row %zu: %zu bytes sent, or others", i, whole.sent_len);
		for (size_t cut = 0; cut <= len; cut++) {
			struct drive two = drive_server(in, len, cut, len, server[i].password);

			if (!drive_equal(&whole, &two))
				fail_msg("row %zu: cut at %zu", i, cut);
		}
		struct drive bytes = drive_server(in, len, 0, 1, server[i].password);
		assert_true(drive_equal(&whole, &bytes));
	}
}

/* A server that is asked again after the end, or that was told nothing about a login, lets nobody in. */
static void test_out_of_turn(void **state)
{
	struct socks_server s = { .wants_password = true };
	size_t used;

	(void)state;
	assert_int_equal(socks_server_step(&s, STR("\5\1\2"), &used), SOCKS_REPLY);
	socks_server_login(&s, true); /* too early: nothing was asked */
	assert_int_equal(socks_server_step(&s, STR("\5\1\0\1\xc0\0\2\1\0\x50"), &used), SOCKS_BAD);
	s = (struct socks_server){ .wants_password = true };
	assert_int_equal(socks_server_step(&s, STR("\5\1\2"), &used), SOCKS_REPLY);
	assert_int_equal(socks_server_step(&s, STR("\1\1a\1b"), &used), SOCKS_REPLY);
	assert_true(s.check_user);
	assert_int_equal(socks_server_step(&s, STR("\5\1\0\1\xc0\0\2\1\0\x50"), &used), SOCKS_BAD);
	socks_server_login(&s, true);
	assert_int_equal(socks_server_step(&s, STR("\5\1\0\1\xc0\0\2\1\0\x50"), &used), SOCKS_BAD);
	s = (struct socks_server){ 0 };
	assert_int_equal(socks_server_step(&s, STR("\4\1\0\x50\xc0\0\2\1\0"), &used), SOCKS_REQUEST);
	assert_int_equal(socks_server_step(&s, STR("\4\1\0\x50\xc0\0\2\1\0"), &used), SOCKS_BAD);
	assert_int_equal(used, 0);
}

static void test_reply(void **state)
{
	static const struct {
		uint8_t version;
		int error;
		const char *bound; /* NULL: none */
		const char *reply;
		size_t len;
	} rows[] = {
		{ 4, 0, NULL, B("\0\x5a\0\0\0\0\0\0") },
		{ 4, 0, "192.0.2.1:80", B("\0\x5a\0\x50\xc0\0\2\1") },
		{ 4, 0, "[2001:db8::1]:80", B("\0\x5a\0\0\0\0\0\0") },
		{ 4, ECONNREFUSED, NULL, B("\0\x5b\0\0\0\0\0\0") },
		{ 5, 0, NULL, B("\5\0\0\1\0\0\0\0\0\0") },
		{ 5, 0, "192.0.2.1:80", B("\5\0\0\1\xc0\0\2\1\0\x50") },
		{ 5, 0, "example.com:80", B("\5\0\0\1\0\0\0\0\0\0") },
		{ 5, 0, "[2001:db8::1]:80", B("\5\0\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\x50") },
		{ 5, EIO, NULL, B(REFUSED("\1")) },
		{ 5, EMFILE, NULL, B(REFUSED("\1")) },
		{ 5, EACCES, NULL, B(REFUSED("\2")) },
		{ 5, EPERM, NULL, B(REFUSED("\2")) },
		{ 5, ENETUNREACH, NULL, B(REFUSED("\3")) },
		{ 5, EHOSTUNREACH, NULL, B(REFUSED("\4")) },
		{ 5, ENOENT, NULL, B(REFUSED("\4")) },
		{ 5, ECONNREFUSED, NULL, B(REFUSED("\5")) },
		{ 5, ETIMEDOUT, NULL, B(REFUSED("\6")) },
		{ 5, EOPNOTSUPP, NULL, B(REFUSED("\7")) },
		{ 5, EAFNOSUPPORT, NULL, B(REFUSED("\10")) },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct socks_server s = { .version = rows[i].version };
		uint8_t reply[SOCKS_REPLY_MAX];
		struct addr bound;

		if (rows[i].bound)
			assert_int_equal(addr_parse(&bound, str_of(rows[i].bound), -1), 0);
		assert_int_equal(socks_server_reply(&s, rows[i].error, rows[i].bound ? &bound : NULL, reply), rows[i].len);
		assert_memory_equal(reply, rows[i].reply, rows[i].len);
	}
	for (unsigned code = 0; code < 256; code++)
		assert_int_equal(socks_code_of(socks_error_of((uint8_t)code)), code > 8 ? 1 : code);
}

static const struct {
	const char *user, *password, *target;
	int command;
	const char *in;
	size_t in_len;
	int step, error;
	size_t used;
	const char *sent;
	size_t sent_len;
	const char *bound;
} client[] = {
	{ "", "", "example.com:443", 1, B("\5\0\5\0\0\1\xc0\0\2\1\0\x50hello"), SOCKS_REQUEST, 0, 12,
	  B("\5\1\0\5\1\0\3\13example.com\1\xbb"), "192.0.2.1:80" },
	{ "", "", "192.0.2.7:80", 3, B("\5\0\5\0\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\1\xbb"), SOCKS_REQUEST, 0, 24,
	  B("\5\1\0\5\3\0\1\xc0\0\2\7\0\x50"), "[2001:db8::1]:443" },
	{ "", "", NULL, 3, B("\5\0\5\0\0\1\0\0\0\0\4\x38"), SOCKS_REQUEST, 0, 12, B("\5\1\0\5\3\0\1\0\0\0\0\0\0"),
	  "0.0.0.0:1080" },
	{ "bob", "change-me", "192.0.2.7:80", 1, B("\5\2\1\0\5\0\0\3\4host\0\1"), SOCKS_REQUEST, 0, 15,
	  B("\5\2\0\2\1\3bob\11change-me\5\1\0\1\xc0\0\2\7\0\x50"), "host:1" },
	{ "bob", "", "192.0.2.7:80", 1, B("\5\2\1\0\5\0\0\1\0\0\0\0\0\0"), SOCKS_REQUEST, 0, 14,
	  B("\5\2\0\2\1\3bob\0\5\1\0\1\xc0\0\2\7\0\x50"), "0.0.0.0:0" },
	{ "bob", "change-me", "192.0.2.7:80", 1, B("\5\0\5\0\0\1\0\0\0\0\0\0"), SOCKS_REQUEST, 0, 12,
	  B("\5\2\0\2\5\1\0\1\xc0\0\2\7\0\x50"), "0.0.0.0:0" },
	{ "", "", "192.0.2.7:80", 1, B("\5\0\5\0\0\3\0\0\0xx"), SOCKS_REQUEST, 0, 9, B("\5\1\0\5\1\0\1\xc0\0\2\7\0\x50"), "-" },
	{ "bob", "change-me", "192.0.2.7:80", 1, B("\5\2\1\1"), SOCKS_BAD, EACCES, 2, B("\5\2\0\2\1\3bob\11change-me"), "" },
	{ "", "", "192.0.2.7:80", 1, B("\5\xff"), SOCKS_BAD, EACCES, 0, B("\5\1\0"), "" },
	{ "", "", "192.0.2.7:80", 1, B("\5\2"), SOCKS_BAD, EACCES, 0, B("\5\1\0"), "" },
	{ "", "", "192.0.2.7:80", 1, B("\4"), SOCKS_BAD, EPROTO, 0, B("\5\1\0"), "" },
	{ "", "", "192.0.2.7:80", 1, B("HTTP/1.1 400"), SOCKS_BAD, EPROTO, 0, B("\5\1\0"), "" },
	{ "", "", "192.0.2.7:80", 1, B("\5\0\5\5"), SOCKS_BAD, ECONNREFUSED, 2, B("\5\1\0\5\1\0\1\xc0\0\2\7\0\x50"), "" },
	{ "", "", "192.0.2.7:80", 1, B("\5\0\5\6\0\1\0\0\0\0\0\0"), SOCKS_BAD, ETIMEDOUT, 2, B("\5\1\0\5\1\0\1\xc0\0\2\7\0\x50"),
	  "" },
	{ "", "", "192.0.2.7:80", 1, B("\5\0\5\x63"), SOCKS_BAD, EPROTO, 2, B("\5\1\0\5\1\0\1\xc0\0\2\7\0\x50"), "" },
	{ "", "", "192.0.2.7:80", 1, B("\5\0\4\0"), SOCKS_BAD, EPROTO, 2, B("\5\1\0\5\1\0\1\xc0\0\2\7\0\x50"), "" },
	{ "", "", "192.0.2.7:80", 1, B("\5\0\5\0\0\7"), SOCKS_BAD, EPROTO, 2, B("\5\1\0\5\1\0\1\xc0\0\2\7\0\x50"), "" },
	{ "", "", "192.0.2.7:80", 1, B("\5\0\5\0\0\1\0\0\0\0\0"), SOCKS_MORE, 0, 2, B("\5\1\0\5\1\0\1\xc0\0\2\7\0\x50"), "" },
	{ X255 "x", "p", "192.0.2.7:80", 1, B("\5\0"), SOCKS_BAD, EINVAL, 0, B(""), "" },
	{ "u", X255 "x", "192.0.2.7:80", 1, B("\5\0"), SOCKS_BAD, EINVAL, 0, B(""), "" },
	{ X255, X255, D255 ":443", 1, B("\5\2\1\0\5\0\0\1\0\0\0\0\0\0"), SOCKS_REQUEST, 0, 14,
	  B("\5\2\0\2\1\xff" X255 "\xff" X255 "\5\1\0\3\xff" D255 "\1\xbb"), "0.0.0.0:0" },
};

static void test_client(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(client); i++) {
		const uint8_t *in = (const uint8_t *)client[i].in;
		size_t len = client[i].in_len;
		struct addr target;
		struct socks_client c = { str_of(client[i].user), str_of(client[i].password), (enum socks_command)client[i].command,
			client[i].target ? &target : NULL, .stage = 0 };

		if (client[i].target)
			assert_int_equal(addr_parse(&target, str_of(client[i].target), -1), 0);
		struct drive whole = drive_client(c, in, len, len, 1);
		if (whole.step != client[i].step || whole.error != client[i].error || whole.used != client[i].used ||
			strcmp(whole.target, client[i].bound) != 0)
			fail_msg("row %zu: step %d, error %d, used %zu, bound %s", i, whole.step, whole.error, whole.used,
				 whole.target);
		if (whole.sent_len != client[i].sent_len || memcmp(whole.sent, client[i].sent, whole.sent_len) != 0)
			fail_msg("row %zu: %zu bytes sent, or others", i, whole.sent_len);
		for (size_t cut = 0; cut <= len; cut++) {
			struct drive two = drive_client(c, in, len, cut, len);

			if (!drive_equal(&whole, &two))
				fail_msg("row %zu: cut at %zu", i, cut);
		}
	}
}

/* What our client says, our server understands, and the reverse: the address arrives and the error comes back. */
static void test_both(void **state)
{
	static const char *const places[] = { "192.0.2.1:80", "[2001:db8::1]:443", "example.com:53", D255 ":65535" };
	static const int errors[] = { 0, ECONNREFUSED, ENETUNREACH, EHOSTUNREACH, ETIMEDOUT, EACCES, EOPNOTSUPP, EIO };

	(void)state;
	for (size_t i = 0; i < N(places) * N(errors) * 2; i++) {
		bool password = i & 1;
		int wanted = errors[i / 2 % N(errors)], error = 0;
		struct addr target;
		struct socks_server s = { .wants_password = password };
		struct socks_client c = { .command = SOCKS_CONNECT, .target = &target };
		struct str to_client = { NULL, 0 };
		uint8_t reply[SOCKS_REPLY_MAX];
		size_t used;
		enum socks_step server_step = SOCKS_MORE;

		assert_int_equal(addr_parse(&target, str_of(places[i / 2 / N(errors)]), -1), 0);
		if (password) {
			c.user = STR("user");
			c.password = STR("change-me");
		}
		while (server_step != SOCKS_REQUEST) {
			assert_int_equal(socks_client_step(&c, to_client, &used, &error), SOCKS_REPLY);
			assert_int_equal(used, to_client.len);
			server_step = socks_server_step(&s, (struct str){ (char *)c.send, c.send_len }, &used);
			assert_true(server_step == SOCKS_REPLY || server_step == SOCKS_REQUEST);
			assert_int_equal(used, c.send_len);
			if (s.check_user)
				socks_server_login(&s, str_is(s.user, "user") && str_is(s.password, "change-me"));
			to_client = (struct str){ (char *)s.reply, s.reply_len };
		}
		assert_true(addr_equal(&s.target, &target));
		to_client = (struct str){ (char *)reply, socks_server_reply(&s, wanted, NULL, reply) };
		assert_int_equal(socks_client_step(&c, to_client, &used, &error), wanted ? SOCKS_BAD : SOCKS_REQUEST);
		assert_int_equal(error, wanted);
	}
}

static void test_udp(void **state)
{
	static const char *const places[] = { "192.0.2.1:80", "[2001:db8::1]:443", "example.com:53", D255 ":65535" };
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = { { B("") },
		    { B("\0\0") },
		    { B("\0\0\1\1\xc0\0\2\1\0\x50x") },
		    { B("\0\0\x80\1\xc0\0\2\1\0\x50x") },
		    { B("\0\0\0\2\xc0\0\2\1\0\x50x") },
		    { B("\0\0\0\3\0\0\x50x") },
		    { B("\0\0\0\3\2a\0\0\x50x") } };
	uint8_t header[SOCKS_UDP_HEADER];
	struct addr a, b;

	(void)state;
	for (size_t i = 0; i < N(places); i++) {
		assert_int_equal(addr_parse(&a, str_of(places[i]), -1), 0);
		size_t len = socks_udp_write(&a, header);
		for (size_t n = 0; n <= len; n++) {
			struct str block = drive_block(header, n);

			assert_int_equal(socks_udp_read(block, &b), n < len ? -EINVAL : (int)len);
			free((char *)block.p);
		}
		assert_true(addr_equal(&a, &b));
	}
	assert_int_equal(socks_udp_read(STR("\1\2\0\1\xc0\0\2\1\0\x50x"), &a), 10);
	for (size_t i = 0; i < N(bad); i++)
		assert_int_equal(socks_udp_read((struct str){ bad[i].bytes, bad[i].len }, &a), -EINVAL);
	a = (struct addr){ 0 };
	assert_int_equal(socks_udp_write(&a, header), 10);
	assert_memory_equal(header, "\0\0\0\1\0\0\0\0\0\0", 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server), cmocka_unit_test(test_out_of_turn), cmocka_unit_test(test_reply),
		cmocka_unit_test(test_client), cmocka_unit_test(test_both),	   cmocka_unit_test(test_udp),
	};

	return cmocka_run_group_tests_name("eng_socks", tests, NULL, NULL);
}
