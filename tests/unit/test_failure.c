/* link: apply compiler links render validate merge model lib */
/* apply.error: one entry a role, version 1's fields beside them, always JSON, never a secret. */
#include "tests/unit/note_test.h"

#include <jansson.h>

#define ERROR_FILE ".state/apply.error"

static void write_one(struct root *t, enum role role, const char *id, const char *reason)
{
	const struct failure f = { .request_id = id, .kind = "configuration", .reason = reason,
				   .diagnostics = value_array(SPAN_NONE) };

	assert_int_equal(failure_write(t->a, &t->s, role, &f, &t->e), 0);
}

/* The file as another program reads it. */
static json_t *load(struct root *t)
{
	json_error_t e;
	json_t *j = json_loads(root_read(t, ERROR_FILE), JSON_REJECT_DUPLICATES, &e);

	if (!j)
		print_message("%s at line %d\n", e.text, e.line);
	assert_non_null(j);
	return j;
}

static const char *text_at(json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	assert_non_null(s);
	return s;
}

static void test_both_roles(void **state)
{
	struct failure f;
	struct root t;
	json_t *j;

	(void)state;
	root_make(&t);
	assert_int_equal(failure_read(t.a, &t.s, ROLE_CLIENT, t.sink, &f, &t.e), 1);
	write_one(&t, ROLE_CLIENT, "id-1", "first\r\nsecond\tthird");
	write_one(&t, ROLE_SERVER, "", "server's");
	assert_int_equal(root_mode(&t, ERROR_FILE), 0600);
	j = load(&t);
	assert_string_equal(text_at(j, "role"), "server");
	assert_string_equal(text_at(j, "reason"), "server's");
	assert_string_equal(text_at(j, "request_id"), "");
	json_decref(j);
	assert_int_equal(failure_read(t.a, &t.s, ROLE_CLIENT, t.sink, &f, &t.e), 0);
	assert_string_equal(f.reason, "first  second third");
	assert_string_equal(f.request_id, "id-1");
	assert_string_equal(f.kind, "configuration");
	assert_int_equal(strlen(f.timestamp), CLOCK_TEXT - 1);
	assert_int_equal(failure_clear(t.a, &t.s, ROLE_SERVER, &t.e), 0);
	j = load(&t);
	assert_string_equal(text_at(j, "role"), "client");
	assert_string_equal(text_at(j, "request_id"), "id-1");
	json_decref(j);
	assert_int_equal(failure_clear(t.a, &t.s, ROLE_CLIENT, &t.e), 0);
	assert_int_equal(failure_clear(t.a, &t.s, ROLE_CLIENT, &t.e), 0);
	assert_null(root_read(&t, ERROR_FILE));
	root_drop(&t);
}

static void test_version_1(void **state)
{
	struct failure f;
	struct root t;
	json_t *j;

	(void)state;
	root_make(&t);
	root_write(&t, ERROR_FILE, "{\"request_id\":\"r\",\"role\":\"server\",\"timestamp\":\"2026-01-02T03:04:05Z\","
				   "\"reason\":\"old\"}\n");
	assert_int_equal(failure_peek(t.a, &t.s, ROLE_CLIENT, t.sink, &f, &t.e), 1);
	assert_int_equal(failure_peek(t.a, &t.s, ROLE_SERVER, t.sink, &f, &t.e), 0);
	assert_string_equal(f.reason, "old");
	assert_int_equal(f.diagnostics.n, 0);
	write_one(&t, ROLE_CLIENT, "c", "new");
	j = load(&t);
	assert_string_equal(text_at(j, "role"), "client");
	assert_string_equal(text_at(json_object_get(json_object_get(j, "failures"), "server"), "reason"), "old");
	json_decref(j);
	root_write(&t, ERROR_FILE, "{\"role\":\"any\",\"reason\":\"old\"}");
	assert_int_equal(failure_read(t.a, &t.s, ROLE_CLIENT, t.sink, &f, &t.e), 0);
	assert_int_equal(failure_read(t.a, &t.s, ROLE_SERVER, t.sink, &f, &t.e), 0);
	assert_string_equal(root_codes(&t), "");
	root_drop(&t);
}

static void test_corrupt(void **state)
{
	static const char *const texts[] = {
		"", "x", "[]", "{}", "{\"role\":\"relay\",\"reason\":\"a\"}", "{\"failures\":3}",
		"{\"failures\":{\"client\":3}}", "{\"version\":2,\"failures\":{\"client\":{\"reason\":\"cut",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct failure f;
		struct root t;

		root_make(&t);
		root_write(&t, ERROR_FILE, texts[i]);
		assert_int_equal(failure_peek(t.a, &t.s, ROLE_CLIENT, NULL, &f, &t.e), 1);
		assert_int_equal(failure_read(t.a, &t.s, ROLE_CLIENT, t.sink, &f, &t.e), 1);
		assert_string_equal(root_codes(&t), "XR713 ");
		assert_string_equal(root_read(&t, ERROR_FILE ".corrupt"), texts[i]);
		write_one(&t, ROLE_CLIENT, "c", "new");
		json_decref(load(&t));
		root_drop(&t);
	}
}

/* Words of an engine may be anything. */
static void test_strange_words(void **state)
{
	static const char words[] = "\x1b[31mred\xff\xfe \xc2\x9b tail \"quoted\" \\ end \xe2\x82";
	struct root t;
	struct failure f;
	char *big;

	(void)state;
	root_make(&t);
	write_one(&t, ROLE_CLIENT, "c", words);
	json_decref(load(&t));
	assert_int_equal(failure_read(t.a, &t.s, ROLE_CLIENT, t.sink, &f, &t.e), 0);
	assert_string_equal(f.reason, " [31mred??   tail \"quoted\" \\ end ??");
	big = arena_alloc(t.a, 3 * FAILURE_MAX_REASON + 1);
	for (int i = 0; i < FAILURE_MAX_REASON; i++)
		memcpy(big + 3 * i, "…", 3);
	write_one(&t, ROLE_CLIENT, "c", big);
	json_decref(load(&t));
	assert_int_equal(failure_read(t.a, &t.s, ROLE_CLIENT, t.sink, &f, &t.e), 0);
	assert_true(strlen(f.reason) <= FAILURE_MAX_REASON + 3);
	root_drop(&t);
}

static struct value many(struct root *t, unsigned n, const char *text)
{
	struct value v = value_array(SPAN_NONE), one = value_object(SPAN_NONE);

	value_put_str(t->a, &one, "message", text);
	for (unsigned i = 0; i < n; i++)
		value_push(t->a, &v, one);
	return v;
}

static void test_caps(void **state)
{
	struct failure f = { .request_id = "", .kind = "configuration", .reason = "errors" }, got;
	struct root t;
	char *big;

	(void)state;
	root_make(&t);
	f.diagnostics = many(&t, FAILURE_MAX_DIAGNOSTICS + 7, "short");
	assert_int_equal(failure_write(t.a, &t.s, ROLE_CLIENT, &f, &t.e), 0);
	assert_int_equal(failure_read(t.a, &t.s, ROLE_CLIENT, t.sink, &got, &t.e), 0);
	assert_int_equal(got.diagnostics.n, FAILURE_MAX_DIAGNOSTICS);
	assert_int_equal(got.omitted, 7);
	big = arena_alloc(t.a, 500001);
	memset(big, 'x', 500000);
	f.diagnostics = many(&t, 40, big);
	assert_int_equal(failure_write(t.a, &t.s, ROLE_CLIENT, &f, &t.e), 0);
	assert_int_equal(failure_read(t.a, &t.s, ROLE_CLIENT, t.sink, &got, &t.e), 0);
	assert_int_equal(got.diagnostics.n + got.omitted, 40);
	assert_true(strlen(root_read(&t, ERROR_FILE)) < 2 * FAILURE_MAX_WRITTEN);
	/* An entry that is kept keeps its count. */
	write_one(&t, ROLE_SERVER, "s", "other");
	assert_int_equal(failure_read(t.a, &t.s, ROLE_CLIENT, t.sink, &got, &t.e), 0);
	assert_int_equal(got.diagnostics.n + got.omitted, 40);
	root_drop(&t);
}

/* --- masks -------------------------------------------------------------------------------------------------------- */
static const char toml[] = "[client]\n"
			   "[[client.endpoints]]\n"
			   "profile = \"trojan-tls\"\n"
			   "hostname = \"edge.example.net\"\n"
			   "address = \"198.51.100.7\"\n"
			   "tag = \"proxy-edge\"\n"
			   "port = 443\n"
			   "user = \"branch@example.org\"\n"
			   "password = \"change-me \\\"now\\\"\"\n";
static const char snippet[] = "{\"outbounds\": [{\"tag\": \"more\", \"protocol\": \"vless\", \"settings\": {\"vnext\": "
			      "[{\"address\": \"198.51.100.8\", \"port\": 443, \"users\": [{\"id\": "
			      "\"11111111-2222-4333-8444-5555555555ab\", \"encryption\": \"none\"}]}]}}]}";

static void test_mask(void **state)
{
	const struct compile_options o = { 0 };
	struct compiled c;
	struct root t;
	struct failure_mask *m;
	struct failure f = { .request_id = "", .kind = "engine_check" }, got;

	(void)state;
	root_make(&t);
	root_write(&t, "xp2p-client.toml", toml);
	assert_int_equal(mkdirat(t.s.root_fd, "config-client", 0700), 0);
	root_write(&t, "config-client/outbounds.append.json", snippet);
	assert_int_equal(compile_root(t.a, t.sink, t.s.root_fd, t.path, ROLE_CLIENT, &o, &c, &t.e), 0);
	m = failure_mask_new(t.a, &c);
	assert_string_equal(failure_mask_text(t.a, m, "nothing here, none"), "nothing here, none");
	assert_string_equal(failure_mask_text(t.a, m, "bad <change-me \"now\">"), "bad <<secret>>");
	assert_string_equal(failure_mask_text(t.a, m, "{\"password\":\"change-me \\\"now\\\"\"}"), "{\"password\":\"<secret>\"}");
	assert_string_equal(failure_mask_text(t.a, m, "id 11111111-2222-4333-8444-5555555555AB?"), "id <secret>?");
	assert_string_equal(failure_mask_text(t.a, NULL, "change-me"), "change-me");
	f.mask = m;
	f.reason = "refused: 11111111-2222-4333-8444-5555555555ab";
	f.diagnostics = many(&t, 1, "and change-me \"now\" too");
	assert_int_equal(failure_write(t.a, &t.s, ROLE_CLIENT, &f, &t.e), 0);
	assert_int_equal(failure_read(t.a, &t.s, ROLE_CLIENT, NULL, &got, &t.e), 0);
	assert_string_equal(got.reason, "refused: <secret>");
	assert_null(strstr(root_read(&t, ERROR_FILE), "change-me"));
	root_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_roles),    cmocka_unit_test(test_version_1), cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_strange_words), cmocka_unit_test(test_caps),      cmocka_unit_test(test_mask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
