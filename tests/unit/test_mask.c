/* link: service apply runtime compiler merge validate render links model lib */
/* Masking: what is found by place, what by value and in which encodings, and what stays readable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "service/mask.h"

static bool resolve(void *ctx, bool is_file, const char *ref, struct str *ret_value)
{
	(void)ctx;
	if (!strcmp(ref, is_file ? "edge.pw" : "EDGE_PW"))
		*ret_value = is_file ? STR("canary-from-file") : STR("canary-from-env");
	else
		return false;
	return true;
}

/* The text learned in its form and written masked; then `more` texts as free text, in order. */
struct run {
	struct arena *a;
	struct mask *m;
};
static struct run begin(void)
{
	struct run r = { arena_new(), NULL };

	r.m = mask_new(r.a, resolve, NULL);
	return r;
}
static void end(struct run *r)
{
	mask_free(r->m);
	arena_free(r->a);
}
static char *apply(struct run *r, const char *text, const struct mask_ranges *ranges)
{
	struct buf out = { 0 };
	char *copy;

	assert_int_equal(mask_apply(r->m, str_of(text), ranges, &out), 0);
	copy = arena_memdup(r->a, out.p ? out.p : "", out.len);
	assert_int_equal(mask_verify(r->m, (struct str){ copy, out.len }), 0);
	buf_fini(&out);
	return copy;
}
static void expect(enum mask_form form, const char *text, const char *want)
{
	struct run r = begin();
	struct mask_ranges ranges = { 0 };

	mask_learn(r.m, str_of(text), form, &ranges);
	assert_string_equal(apply(&r, text, &ranges), want);
	mask_ranges_fini(&ranges);
	end(&r);
}
/* Nothing of the secrets (NULL-terminated) may be left of text; what is left is not looked at otherwise. */
static void expect_all_gone(enum mask_form form, const char *text, const char *const *secrets)
{
	struct run r = begin();
	struct mask_ranges ranges = { 0 };
	const char *out;

	mask_learn(r.m, str_of(text), form, &ranges);
	out = apply(&r, text, &ranges);
	for (; *secrets; secrets++)
		if (strstr(out, *secrets))
			fail_msg("'%s' is left in: %s", *secrets, out);
	mask_ranges_fini(&ranges);
	end(&r);
}
static void expect_gone(enum mask_form form, const char *text, const char *secret)
{
	expect_all_gone(form, text, (const char *const[]){ secret, NULL });
}
/* One secret, and how a text with it is written. */
static void expect_found(const char *secret, const char *text, const char *want)
{
	struct run r = begin();

	mask_secret(r.m, str_of(secret));
	assert_string_equal(apply(&r, text, NULL), want);
	end(&r);
}

static void test_values(void **state)
{
	(void)state;
	expect_found("hunter22", "a hunter22 b", "a <secret-1> b");
	expect_found("hunter22", "hunter22hunter22", "<secret-1><secret-1>");
	expect_found("pa\"ss\\w/d", "{\"x\":\"pa\\\"ss\\\\w/d\"}", "{\"x\":\"<secret-1>\"}");
	expect_found("pa\"ss\\w/d", "\"pa\\u0022ss\\u005cw\\/d\"", "\"<secret-1>\"");
	expect_found("p\xc3\xa4ss", "'p\\u00e4ss' \"p\\u00E4ss\" p%c3%a4ss p%C3%A4ss", "'<secret-1>' \"<secret-1>\" <secret-1> <secret-1>");
	expect_found("12345", "{\"a\":912345.5,\"b\":[12345 ],\"c\":\"x12345\"} 123450", "{\"a\":\"<secret-1>\",\"b\":[\"<secret-1>\" ],"
		     "\"c\":\"x<secret-1>\"} <secret-1>");
	expect_found("a b+c/d", "q=a+b%2Bc%2Fd&q=a%20b%2bc/d", "q=<secret-1>&q=<secret-1>");
	expect_found("pa\"ss1", "{\"a\":\"{\\\"b\\\":\\\"pa\\\\\\\"ss1\\\"}\"}", "{\"a\":\"{\\\"b\\\":\\\"<secret-1>\\\"}\"}");
	expect_found("p/ss", "p%252Fss", "<secret-1>");
	expect_found("\xf0\x9f\x98\x80key", "\\ud83d\\ude00key \\U0001F600key", "<secret-1> <secret-1>");
	expect_found("hunter22", "68756e7465723232 68756E7465723232 a68756e7465723232", "<secret-1> <secret-1> <secret-1>");
	expect_found("00000000-0000-4000-8000-00000000abcd", "00000000-0000-4000-8000-00000000ABCD "
		     "0000000000004000800000000000abcd", "<secret-1> <secret-1>");
}

static void test_base64(void **state)
{
	(void)state;
	/* aes-128-gcm:hunter22, one byte before it, two bytes before it */
	expect_found("hunter22", "ss://YWVzLTEyOC1nY206aHVudGVyMjI=@h", "ss:<secret-1>=@h");
	expect_found("hunter22", "eGFlcy0xMjgtZ2NtOmh1bnRlcjIy", "<secret-1>");
	expect_found("hunter22", "eHhhZXMtMTI4LWdjbTpodW50ZXIyMg", "<secret-1>");
	expect_found("hunter22", "/path/aHVudGVyMjI=", "<secret-1>=");
	expect_found("a?>b~~", "YT8+Yn5+ YT8-Yn5-", "<secret-1> <secret-1>");
	expect_found("pa\"ss1", "eyJwYXNzd29yZCI6InBhXCJzczEifQ==", "<secret-1>==");
	expect_found("hunter22", "YUhWdWRHVnlNakk9", "<secret-1>"); /* twice */
	expect_found("hunter22",
		     "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4aHVu\n"
		     "dGVyMjI= next",
		     "<secret-1>\n= next"); /* wrapped in the middle of it */
	expect_found("hunter22", "c29tZXRoaW5nIGVsc2U=", "c29tZXRoaW5nIGVsc2U=");
}

static void test_sets(void **state)
{
	struct run r = begin();

	(void)state;
	mask_secret(r.m, STR("abcdef"));
	mask_secret(r.m, STR("defghi"));
	mask_secret(r.m, STR("abcd"));
	mask_secret(r.m, STR("abc")); /* too short for a search by value */
	mask_secret(r.m, STR("secret"));
	mask_secret(r.m, STR("comment"));
	assert_string_equal(apply(&r, "defghi abcdefghi abcd abc secret-9 comment abcdef", NULL),
			    "<secret-1> <secret-2> <secret-3> abc <secret-4>-9 <secret-5> <secret-2>");
	assert_int_equal(mask_count(r.m), 5);
	assert_int_equal(mask_count_short(r.m), 0);
	assert_int_equal(mask_verify(r.m, STR("x abcdef")), -1 /* EPERM */);
	assert_int_equal(mask_verify(r.m, STR("YWJjZGVm")), -1);
	assert_int_equal(mask_verify(r.m, STR("<secret-1> <comment> <secret-22>")), 0);
	assert_int_equal(mask_verify(r.m, STR("<secret-1 abcdef>")), -1);
	end(&r);
}

static void test_toml(void **state)
{
	(void)state;
	expect(MASK_CLIENT_TOML,
	       "# hunter22\n[client]\ndiag_port = 62022 # x\n[[client.endpoints]]\nhostname = \"h.example\"\n"
	       "password = 'hunter22'\nuser = \"hunter22\"\n",
	       "#<comment>\n[client]\ndiag_port = 62022 #<comment>\n[[client.endpoints]]\nhostname = \"h.example\"\n"
	       "password = '<secret-1>'\nuser = \"<secret-1>\"\n");
	expect(MASK_CLIENT_TOML, "[[client.endpoints]]\npassword = \"\"\"\nlong-one\nlong-two\"\"\"\n",
	       "[[client.endpoints]]\npassword = \"\"\"<secret-1>\n\n\"\"\"\n");
	expect(MASK_CLIENT_TOML, "[client]\nunheard_of = { name = \"abcdefgh\", n = 12345, on = true }\n",
	       "[client]\nunheard_of = { name = \"<secret-1>\", n = \"<secret-2>\", on = true }\n");
	expect(MASK_CLIENT_TOML, "[[client.endpoints]]\npassword = \"abc\"\nuser = \"abc\"\n",
	       "[[client.endpoints]]\npassword = \"<secret-1>\"\nuser = \"abc\"\n");
	expect(MASK_CLIENT_TOML, "[[client.endpoints]]\nheaders = { Host = \"a.example\", X-Auth = \"abcdefgh\" }\n",
	       "[[client.endpoints]]\nheaders = { Host = \"a.example\", X-Auth = \"<secret-1>\" }\n");
	expect(MASK_SERVER_TOML, "[server]\nshort_ids = [\"0123abcd\"]\nkey = \"/etc/key.pem\"\n",
	       "[server]\nshort_ids = [\"<secret-1>\"]\nkey = \"/etc/key.pem\"\n");
	expect(MASK_CONFIG_TOML, "[runtime.socks.auth]\nenabled = true\nusername = \"u\"\npassword = \"hunter22\"\n",
	       "[runtime.socks.auth]\nenabled = true\nusername = \"u\"\npassword = \"<secret-1>\"\n");
	/* a known key with something else in its place */
	expect_gone(MASK_CLIENT_TOML, "[client]\ndiag_port = { x = \"abcdefgh\" }\n", "abcdefgh");
	expect_gone(MASK_CLIENT_TOML, "client = \"abcdefgh\"\n", "abcdefgh");
	/* escapes of TOML */
	expect_gone(MASK_CLIENT_TOML, "[[client.endpoints]]\npassword = \"hunter\\u0032\\x32\"\nname = \"hunter22\"\n",
		    "hunter22");
}

static void test_references(void **state)
{
	struct run r = begin();
	struct mask_ranges ranges = { 0 };
	const char *text = "[[client.endpoints]]\npassword = { env = \"EDGE_PW\" }\n[[client.endpoints]]\n"
			   "uuid = { file = \"edge.pw\" }\n",
		   *broken = "x = = \npassword = { env = \"EDGE_PW\" }\npassword = { file = \"edge.pw\" }\n";

	(void)state;
	mask_learn(r.m, str_of(text), MASK_CLIENT_TOML, &ranges);
	assert_string_equal(apply(&r, text, &ranges), text);
	assert_string_equal(apply(&r, "canary-from-env canary-from-file", NULL), "<secret-1> <secret-2>");
	mask_ranges_fini(&ranges);
	end(&r);
	r = begin();
	mask_learn(r.m, str_of(broken), MASK_CLIENT_TOML, &ranges);
	assert_string_equal(apply(&r, "canary-from-env canary-from-file", NULL), "<secret-1> <secret-2>");
	mask_ranges_fini(&ranges);
	end(&r);
}

static void test_json(void **state)
{
	(void)state;
	expect(MASK_XRAY_JSON,
	       "{\"outbounds\":[{\"tag\":\"a\",\"protocol\":\"trojan\",\"settings\":{\"servers\":[{\"address\":\"h\",\"port\":443,"
	       "\"password\":\"hunter22\"}]}}]} // hunter22",
	       "{\"outbounds\":[{\"tag\":\"a\",\"protocol\":\"trojan\",\"settings\":{\"servers\":[{\"address\":\"h\",\"port\":443,"
	       "\"password\":\"<secret-1>\"}]}}]} //<comment>");
	expect(MASK_XRAY_JSON, "{\"rules\":[{\"type\":\"field\",\"domain\":[\"a.example\"],\"outboundTag\":\"x\",\"foo\":\"abcdefgh\"}]}",
	       "{\"rules\":[{\"type\":\"field\",\"domain\":[\"a.example\"],\"outboundTag\":\"x\",\"foo\":\"<secret-1>\"}]}");
	expect(MASK_XRAY_JSON, "{\"dns\":{\"hosts\":{\"a.example\":\"192.0.2.1\"},\"servers\":[\"9.9.9.9\"]}}",
	       "{\"dns\":{\"hosts\":{\"a.example\":\"192.0.2.1\"},\"servers\":[\"9.9.9.9\"]}}");
	expect(MASK_XRAY_JSON,
	       "{\"outbounds\":[{\"streamSettings\":{\"wsSettings\":{\"headers\":{\"Host\":\"a\",\"X-Key\":\"abcdefgh\"}}}}]}",
	       "{\"outbounds\":[{\"streamSettings\":{\"wsSettings\":{\"headers\":{\"Host\":\"a\",\"X-Key\":\"<secret-1>\"}}}}]}");
	expect(MASK_XRAY_JSON, "{\"policy\":{\"levels\":{\"0\":{\"bufferSize\":4}}}}", "{\"policy\":{\"levels\":{\"0\":{\"bufferSize\":4}}}}");
	expect_gone(MASK_XRAY_JSON, "[\"abcdefgh\"]", "abcdefgh");
	expect(MASK_XRAY_JSON, "", "");
}

static void test_broken_toml(void **state)
{
	static const char *const gone[] = {
		"[client]\npassword = canary-1\n",
		"[client]\npassword canary-1\n",
		"[client]\npassword: canary-1\n",
		"[client]\npassword = \"canary-1\nhostname = \"h\"\n",
		"[client]\nhostname = \"canary-1\n",
		"[client]\nhostname = canary-1\n",
		"[client]\nhostname = \"h\" \"canary-1\"\n",
		"[client]\nhostname = \"h\"canary-1\n",
		"[client]\nname = \"\"\"\ncanary-1\n",
		"[client]\nname = \"\"\"\n\"\"\"\"\"canary-1\"\"\"\nx = =\n",
		"[client.unheard]\nname = \"canary-1\"\n = \n",
		"[client\nname = \"canary-1\"\n= x\n[client.unheard\nname = \"canary-1\"\n",
		"x = = 1\n[client]\nfoo = { name = \"canary-1\" }\n",
		"x = = 1\nips = [\n\"198.51.100.1\" \"canary-1\"\n]\n",
		"x = = 1\nips = [ \"198.51.100.1\" ] canary-1\n",
		"x = = 1\nlink = \"trojan://canary-1@h:1\"\n",
		"x = = 1\nprobe_url = \"https://u:canary-1@h/\"\n",
		"x = = 1 # canary-1\n",
		"canary-1",
		"\"canary-1",
		"x = = 1\npassword = \"can\\u0061ry-1\"\nname = \"canary-1\"\n",
		"\x01 canary-1 \xff\n",
		"a.password = \"canary-1\"\n= x\n",
		"hostname = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ \"canary-1\"",
		"hostname = ]canary-1",
		"x = = 1\npassword = 'it''s canary-1'\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
		expect_gone(MASK_CLIENT_TOML, gone[i], "canary-1");
	/* what is understood stays */
	expect(MASK_CLIENT_TOML,
	       "x y z\n[[client.endpoints]]\nhostname = \"h.example\"\nport = 443\nips = [\"198.51.100.1\", # c\n"
	       "\"198.51.100.2\"]\npassword = \"hunter22\"\n",
	       "<secret-1>\n[[client.endpoints]]\nhostname = \"h.example\"\nport = 443\nips = [\"198.51.100.1\", #<comment>\n"
	       "\"198.51.100.2\"]\npassword = \"<secret-2>\"\n");
}

static void test_broken_json(void **state)
{
	static const char *const gone[] = {
		"{\"password\": \"canary-1\"",
		"{\"password\": canary-1}",
		"{\"password\" \"canary-1\"}",
		"{\"password: \"canary-1\", \"x\": 1}",
		"{\"tag\": \"canary-1",
		"{\"tag\": \"a\" \"canary-1\"}",
		"{\"foo\": {\"tag\": \"canary-1\"}",
		"{\"foo\": [ {\n\"tag\": \"canary-1\"}\n",
		"{\"foo\" {\n\"tag\": \"canary-1\"\n}}",
		"{\"outbounds\": [ {\"tag\": \"a\" \n x y \n \"name\": \"canary-1\" }",
		"{ /* canary-1",
		"{ // canary-1\n",
		"{'password': 'canary-1'",
		"{\"tag\": \"a\"}} canary-1",
		"{\"headers\": {\"X-Foo\": \"canary-1\" }",
		"{password: \"canary-1\"",
		"{\"password\":\n\"canary-1\"",
		"{\"tag\"\n:\n{\"password\"\n:\n\"canary-1\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
		expect_gone(MASK_XRAY_JSON, gone[i], "canary-1");
	expect(MASK_XRAY_JSON, "{\n \"outbounds\": [ {\n  \"tag\": \"a\",\n  \"protocol\": \"socks\",\n  \"pass\": \"hunter22\",\n",
	       "{\n \"outbounds\": [ {\n  \"tag\": \"a\",\n  \"protocol\": \"socks\",\n  \"pass\": \"<secret-1>\",\n");
}

static void test_text(void **state)
{
	(void)state;
	expect(MASK_TEXT, "get https://bob:hunter22@h.example/a?token=abc&x=1#f", "get https://bob:<secret-1>@h.example/a?token=<secret-2>&x=1#f");
	expect(MASK_TEXT, "vless://00000000-0000-4000-8000-000000000001@h:443?type=ws&sid=ab12&path=%2F#n",
	       "vless://<secret-1>@h:443?type=ws&sid=<secret-2>&path=%2F#n");
	expect(MASK_TEXT, "\"trojan:\\/\\/hunter22@h:1\"", "\"trojan:\\/\\/<secret-1>@h:1\"");
	expect(MASK_TEXT, "trojan://hun/ter?22@h:1 hun/ter?22", "trojan://<secret-1>@h:1 <secret-1>");
	expect(MASK_TEXT, "password=hunter22, user=bob", "password=<secret-1>, user=bob");
	expect(MASK_TEXT, "{\\\"password\\\":\\\"hunter22\\\",\\\"n\\\":1}", "{\\\"password\\\":\\\"<secret-1>\\\",\\\"n\\\":1}");
	expect(MASK_TEXT, "Authorization: Bearer abcdefgh", "Authorization: Bearer <secret-1>");
	expect(MASK_TEXT, "password = \"********\"", "password = \"********\"");
	expect(MASK_TEXT, "id 00000000-0000-4000-8000-000000000001", "id 00000000-0000-4000-8000-000000000001");
	expect(MASK_ENGINE_LOG, "id 00000000-0000-4000-8000-000000000001", "id <secret-1>");
	expect_gone(MASK_TEXT, "vmess://eyJpZCI6ImNhbmFyeS0xIiwiYWRkIjoiaCJ9 canary-1", "canary-1");
	expect_gone(MASK_TEXT, "ss://YWVzLTEyOC1nY206Y2FuYXJ5LTE=@h:1 canary-1", "canary-1");
	expect_gone(MASK_TEXT, "ss://YWVzLTEyOC1nY206Y2FuYXJ5LTFAaDox#n canary-1", "canary-1");
	expect_gone(MASK_TEXT, "ss://aes-128-gcm:canary-1@h:1 canary-1", "canary-1");
	expect(MASK_TEXT, "-----BEGIN PRIVATE KEY-----\nMIIabcdefghijklmnop\n-----END PRIVATE KEY-----\nMIIabcdefghijklmnop",
	       "-----BEGIN PRIVATE KEY-----<secret-1>\n\n-----END PRIVATE KEY-----\n<secret-2>");
	expect_gone(MASK_TEXT, "\"-----BEGIN EC PRIVATE KEY-----\\nMIIabcdefghijklmnop\\nMIIqrstuvwxyzabcdef", "abcdef");
	expect(MASK_TEXT, "nothing: to see, here=1 http://h.example/ a@b", "nothing: to see, here=1 http://h.example/ a@b");
}

/* --- every encoding of many secrets, anywhere --------------------------------------------------------------------- */
static uint32_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

static void put_base64(struct buf *out, struct str s, bool url)
{
	const char *digits = url ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" :
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < s.len; i += 3) {
		uint32_t bits = 0;

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (i + k < s.len ? (unsigned char)s.p[i + k] : 0);
		for (size_t k = 0; k < 4 && k <= s.len - i; k++)
			buf_putc(out, digits[bits >> (18 - 6 * k) & 63]);
	}
}

static void encode(struct buf *out, struct str s, uint32_t how, uint64_t *seed)
{
	for (size_t i = 0; how < 3 && i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = strchr("\"\\% +\n", (char)c) == NULL && c < 0x80 && next(seed) % 3;

		if (plain)
			buf_putc(out, (char)c);
		else if (how == 0 && c < 0x80)
			buf_printf(out, next(seed) % 2 ? "\\u%04x" : "\\u%04X", c);
		else if (how == 0)
			buf_putc(out, (char)c);
		else
			buf_printf(out, how == 1 ? "%%%02x" : "%%%02X", c);
	}
	if (how == 3 || how == 4)
		put_base64(out, s, how == 4);
	for (size_t i = 0; how == 5 && i < s.len; i++)
		buf_printf(out, "%02x", (unsigned char)s.p[i]);
}

static void random_text(struct buf *out, uint64_t *seed, size_t len)
{
	static const char bytes[] = "abcXYZ019 _-./:;=&?%\\\"'{}[],<>@#\n+";

	for (size_t i = 0; i < len; i++)
		buf_putc(out, bytes[next(seed) % (sizeof(bytes) - 1)]);
}

static void test_random(void **state)
{
	static const char alphabet[] = "abcdefghijKLMNOP0123456789-_/+ \"\\%:@.\xc3\xa9";
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct run r = begin();
		struct buf secret = { 0 }, first = { 0 }, text = { 0 }, out = { 0 };
		size_t len = 4 + next(&seed) % 30;
		uint32_t how = next(&seed) % 6, again = next(&seed) % 4;

		while (secret.len < len)
			buf_putc(&secret, alphabet[next(&seed) % (sizeof(alphabet) - 1)]);
		mask_secret(r.m, (struct str){ secret.p, secret.len });
		if (how >= 3 && how < 5) { /* inside a longer text */
			random_text(&first, &seed, next(&seed) % 7);
			buf_add(&first, secret.p, secret.len);
			random_text(&first, &seed, next(&seed) % 7);
		} else {
			buf_add(&first, secret.p, secret.len);
		}
		random_text(&text, &seed, next(&seed) % 40);
		buf_putc(&text, ' ');
		encode(&out, (struct str){ first.p, first.len }, how, &seed);
		if (again < 3 && how < 3) /* a second layer, as of a log line in JSON */
			encode(&text, (struct str){ out.p, out.len }, again, &seed);
		else
			buf_add(&text, out.p, out.len);
		buf_putc(&text, ' ');
		random_text(&text, &seed, next(&seed) % 40);
		char *masked = apply(&r, arena_memdup(r.a, text.p, text.len), NULL);
		if (!strstr(masked, "<secret-1>"))
			fail_msg("round %d, encoding %u then %u: '%s' is not found in: %s", round, how, again, secret.p, text.p);
		buf_fini(&secret);
		buf_fini(&first);
		buf_fini(&text);
		buf_fini(&out);
		end(&r);
	}
	print_message("mask: 3000 secrets in one or two layers of encoding, 0 left\n");
}

/* Any prefix and any damaged copy of a file with secrets: none is left, whatever the file means now. */
static unsigned damage(enum mask_form form, const char *file, const char *put, const char *const *secrets)
{
	size_t len = strlen(file);
	char *copy = malloc(len + 1);
	unsigned points = 0;

	for (size_t i = 0; i < len; i++)
		for (const char *c = put;; c++, points++) {
			memcpy(copy, file, len + 1);
			copy[i] = *c; /* at last the end */
			expect_all_gone(form, copy, secrets);
			if (!*c)
				break;
		}
	free(copy);
	return points;
}

static void test_damaged(void **state)
{
	static const char toml[] = "[client]\nallow_direct = true\n[[client.endpoints]]\nhostname = \"h.example\"\n"
				   "password = \"anary-77\"\nips = [\"198.51.100.1\"]\n[client.xray.inbounds.http]\nport = 1\n"
				   "users = [ { user = \"u\", password = 'anary-88' } ]\nunheard = \"anary-99\"\n";
	static const char json[] = "{\n \"outbounds\": [\n  {\n   \"tag\": \"a\", \"settings\": { \"servers\": [ { \"port\": 1,\n"
				   "\"password\": \"anary-77\" } ] }\n  },\n { \"unheard\": { \"tag\":\n \"anary-88\" } }\n ],\n"
				   " \"unheard\": [ 1, \"anary-99\" ]\n}\n";
	/* Without the first and last letter: those may be what was damaged. */
	static const char *const secrets[] = { "anary-7", "nary-77", "anary-8", "nary-88", "anary-9", "nary-99", NULL };
	unsigned points = damage(MASK_CLIENT_TOML, toml, "\"'#=[]{}\n, x\\", secrets);

	(void)state;
	points += damage(MASK_XRAY_JSON, json, "\"'#:[]{}\n, x/*\\", secrets);
	print_message("mask: %u damaged copies of files, 0 with a secret\n", points);
}

/* --- what the database holds --------------------------------------------------------------------------------------- */
static struct node node_of(struct arena *a)
{
	struct value extra = value_object(SPAN_NONE), headers = value_object(SPAN_NONE);

	value_put_str(a, &extra, "obfs-password", "canary-obfs");
	value_put_str(a, &extra, "tfo", "true");
	value_put_str(a, &extra, "plugin", "some-plugin;mode=http;password=canary-plugin");
	value_put_str(a, &headers, "X-Token", "canary-header");
	value_put_str(a, &headers, "Host", "a.example.net");
	return (struct node){
		.name = { .s = "my node", .set = true }, .address = { .s = "s.example.net", .set = true },
		.password = { .s = "canary-one:canary-two", .set = true }, .short_id = { .s = "a1b2c3d4", .set = true },
		.path = { .s = "/ws?token=canary-path", .set = true }, .extra = { .v = extra, .set = true },
		.headers = { .v = headers, .set = true },
	};
}

static void test_node(void **state)
{
	struct run r = begin();
	struct node n = node_of(r.a);
	(void)state;
	mask_node(r.m, &n);
	assert_string_equal(apply(&r, "canary-two canary-obfs canary-plugin canary-header a1b2c3d4 canary-path", NULL),
			    "<secret-1> <secret-2> <secret-3> <secret-4> <secret-5> <secret-6>");
	assert_string_equal(apply(&r, "my node at s.example.net: true, host a.example.net, mode=http, canary-one", NULL),
			    "my node at s.example.net: true, host a.example.net, mode=http, <secret-7>");
	end(&r);
}

static void test_address(void **state)
{
	struct run r = begin();
	(void)state;
	mask_address(r.m, STR("https://us3r:pw-c4nary@sub.example.net:8443/api/v1/t0ken%2Fc4nary?key=qu3ry-c4nary&id=7"));
	assert_string_equal(apply(&r, "pw-c4nary t0ken/c4nary qu3ry-c4nary", NULL), "<secret-1> <secret-2> <secret-3>");
	assert_string_equal(apply(&r, "sub.example.net:8443 said 403 to id=7 of api v1", NULL),
			    "sub.example.net:8443 said 403 to id=7 of api v1");
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_node),
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_values),	      cmocka_unit_test(test_base64),	 cmocka_unit_test(test_sets),
		cmocka_unit_test(test_toml),	      cmocka_unit_test(test_references), cmocka_unit_test(test_json),
		cmocka_unit_test(test_broken_toml),   cmocka_unit_test(test_broken_json), cmocka_unit_test(test_text),
		cmocka_unit_test(test_random),	      cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
