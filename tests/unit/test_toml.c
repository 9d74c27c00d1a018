/* link: lib */
/* The TOML reader: order, places, limits and faults. The language itself is held against the TOML suite elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/toml.h"

struct read {
	struct arena *arena;
	struct diag_sink *sink;
	char *bytes;
	struct value value;
	int result;
};

static struct read read_n(const char *text, size_t len)
{
	struct read r = { .arena = arena_new(), .bytes = memcpy(malloc(len + !len), text, len) };
	struct sources *sources = sources_new(r.arena);

	r.sink = diag_sink_new(r.arena, sources);
	r.result = toml_parse(r.arena, r.sink, sources_add(sources, "t", r.bytes, (uint32_t)len), &r.value);
	diag_finish(r.sink, false);
	return r;
}

static struct read read_text(const char *text)
{
	return read_n(text, strlen(text));
}

static void done(struct read *r)
{
	free(r->bytes);
	arena_free(r->arena);
}

static void assert_slice(const struct read *r, struct span at, const char *want)
{
	assert_int_equal(at.src, 1);
	if (at.end - at.begin != strlen(want) || memcmp(r->bytes + at.begin, want, strlen(want)) != 0)
		fail_msg("place of '%s' is '%.*s'", want, (int)(at.end - at.begin), r->bytes + at.begin);
}

static void assert_json(const struct value *v, const char *want)
{
	struct buf b = { 0 };

	json_write_compact(&b, v);
	buf_putc(&b, 0);
	assert_string_equal(b.p, want);
	buf_fini(&b);
}

static void test_order_of_writing(void **state)
{
	struct read r =
		read_text("z = 1\na.y = 2\nb = 3\na.x = 4\n[t.u]\nk = 5\n[s]\n[t]\nj = 6\n[[s.l]]\n[[s.l]]\nm=1");

	(void)state;
	assert_int_equal(r.result, 0);
	assert_json(&r.value,
		    "{\"z\":1,\"a\":{\"y\":2,\"x\":4},\"b\":3,\"t\":{\"u\":{\"k\":5},\"j\":6},\"s\":{\"l\":[{},{\"m\":"
		    "1}]}}");
	done(&r);
}

static void test_values_as_written(void **state)
{
	struct read r = read_text(
		"i=[1_000,0xff,0o17,0b101,-0,+5]\nf=[1.50,1_0.5e+3,+2e1,inf]\nd=[1979-05-27T07:32:00Z,07:32:00]\n"
		"s=[\"\\u00e9\\t\",'a\\b',\"\"\"\n x\\\n  y\"\"\"]\nb=[true,false]");

	(void)state;
	assert_int_equal(r.result, 0);
	assert_json(&r.value,
		"{\"i\":[1000,255,15,5,0,5],\"f\":[1.50,10.5e+3,2e1,inf],\"d\":[\"1979-05-27T07:32:00Z\",\"07:32:00\"],"
		"\"s\":[\"\xc3\xa9\\t\",\"a\\\\b\",\" xy\"],\"b\":[true,false]}");
	assert_int_equal(value_get(&r.value, "d")->items[0].kind, VAL_DATETIME);
	done(&r);
}

static void test_places(void **state)
{
	struct read r = read_text("\xef\xbb\xbf# \xc3\xa4\xf0\x9f\x98\x80\r\n\"\xc3\xbc\" . b = [ '\xf0\x9f\x98\x80', "
				  "{ x = 1, 'y' = 2.5 } ] # c\r\n"
				  "  [client] # x\r\nport=1\r\n[[client.list]]\r\ntag = "
				  "\"\"\"\r\na\"\"\"\r\n[[client.list]]\r\n[client . list.in]\r\nq=1");
	const struct value *b, *client, *list;

	(void)state;
	assert_int_equal(r.result, 0);
	assert_slice(&r, r.value.members[0].key_span, "\"\xc3\xbc\"");
	assert_slice(&r, r.value.members[0].value.members[0].key_span, "b");
	b = &r.value.members[0].value.members[0].value;
	assert_slice(&r, b->span, "[ '\xf0\x9f\x98\x80', { x = 1, 'y' = 2.5 } ]");
	assert_slice(&r, b->items[0].span, "'\xf0\x9f\x98\x80'");
	assert_slice(&r, b->items[1].span, "{ x = 1, 'y' = 2.5 }");
	assert_slice(&r, b->items[1].members[1].key_span, "'y'");
	assert_slice(&r, b->items[1].members[1].value.span, "2.5");
	client = value_get(&r.value, "client");
	assert_slice(&r, client->span, "[client]");
	assert_slice(&r, r.value.members[1].key_span, "client");
	list = value_get(client, "list");
	assert_slice(&r, list->span, "[[client.list]]");
	assert_int_equal(list->n, 2);
	assert_slice(&r, list->items[0].members[0].value.span, "\"\"\"\r\na\"\"\"");
	assert_slice(&r, list->items[1].span, "[[client.list]]");
	assert_true(list->items[1].span.begin > list->items[0].span.begin);
	assert_slice(&r, value_get(&list->items[1], "in")->span, "[client . list.in]");
	assert_slice(&r, value_get(value_get(&list->items[1], "in"), "q")->span, "1");
	assert_int_equal(diag_total(r.sink), 1);
	assert_int_equal(diag_at(r.sink, 0)->code, DIAG_XR107);
	done(&r);
}

/* Places stay cheap to find on one long line. */
static void test_long_line(void **state)
{
	const unsigned n = 200000;
	char *text = malloc(n * 6 + 100), *p = text + sprintf(text, "a = [");
	struct read r;

	(void)state;
	for (unsigned i = 0; i < n; i++)
		p = (char *)memcpy(p, "'\xc3\xbc',", 5) + 5;
	strcpy(p, "]\nb = 1\n");
	r = read_text(text);
	assert_int_equal(r.result, 0);
	assert_int_equal(r.value.members[0].value.n, n);
	assert_slice(&r, r.value.members[0].value.items[n - 1].span, "'\xc3\xbc'");
	assert_slice(&r, value_get(&r.value, "b")->span, "1");
	done(&r);
	free(text);
}

static void test_faults(void **state)
{
	static const struct {
		const char *text, *at, *first;
		int code;
	} rows[] = {
		{ "[client]\ntun = yes\n", "yes", NULL, DIAG_XR101 },
		{ "a = 1 2\n", "2", NULL, DIAG_XR101 },
		{ "\xef\xbb\xbf\xef\xbb\xbf" "a = 1", "\xef\xbb\xbf", NULL, DIAG_XR101 },
		{ "s = '\xc3\xbc'\nd = 2020-13-01", "2020-13-01", NULL, DIAG_XR101 },
		{ "a = gr\xc3\xbcn", "\xc3\xbc", NULL, DIAG_XR101 },
		{ "a =\xc2\xa0" "1", "\xc2\xa0", NULL, DIAG_XR101 },
		{ "a = \"\\q\"", "q", NULL, DIAG_XR101 },
		{ "a = [1,,2]", ",", NULL, DIAG_XR101 },
		{ "a = 1\nb = 2\n\"a\" = 3\n", "\"a\"", "a", DIAG_XR102 },
		{ "[c]\n[d]\n [c] # x\n[e]\n", "[c]", "[c]", DIAG_XR102 },
		{ "[x]\n[a]\nq=1\n[a.q.y]\n[z]\n", "[a.q.y]", "q", DIAG_XR102 },
		{ "[[l]]\nk=1\n[[l]]\nk = 2\nk = 3\n", "k", "k", DIAG_XR102 },
		{ "x = { a = 1 }\nx.b = 2", "x.b", "x", DIAG_XR102 },
		{ "x = { a = 1 }\n[x.b]", "[x.b]", "x", DIAG_XR102 },
		{ "x = { a = 1, a = 2 }", "a", NULL, DIAG_XR102 },
		{ "a = \"x\nb = 1", "\"", NULL, DIAG_XR108 },
		{ "a = '''x\nb = 1", "'''", NULL, DIAG_XR108 },
		{ "a = '\xff'", "\xff", NULL, DIAG_XR104 },
		{ "\xfe\xff" "a", "\xfe\xff", NULL, DIAG_XR104 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct read r = read_text(rows[i].text);
		const struct diag *d = diag_total(r.sink) ? diag_at(r.sink, diag_total(r.sink) - 1) : NULL;

		assert_int_equal(r.result, 2);
		if (!d || (int)d->code != rows[i].code)
			fail_msg("'%s': %s", rows[i].text, d ? d->msg : "nothing");
		assert_slice(&r, d->at, rows[i].at);
		if (rows[i].first) {
			assert_non_null(d->related);
			assert_slice(&r, d->related->at, rows[i].first);
			assert_true(d->related->at.begin < d->at.begin);
		}
		done(&r);
	}
}

static void test_unclosed_bracket(void **state)
{
	struct read r = read_text("a = [1,\nb = 2\n");

	(void)state;
	assert_int_equal(r.result, 2);
	assert_int_equal(diag_at(r.sink, 0)->related->at.begin, 4);
	done(&r);
}

static void test_bytes(void **state)
{
	struct read r = read_n("a = 1\0", 6);
	char *big = malloc(TOML_MAX_BYTES + 1);

	(void)state;
	assert_int_equal(diag_at(r.sink, 0)->code, DIAG_XR105);
	assert_int_equal(diag_at(r.sink, 0)->at.begin, 5);
	done(&r);
	memset(big, '\n', TOML_MAX_BYTES + 1);
	r = read_n(big, TOML_MAX_BYTES + 1);
	assert_int_equal(r.result, 2);
	assert_int_equal(diag_at(r.sink, 0)->code, DIAG_XR103);
	done(&r);
	r = read_n(big, TOML_MAX_BYTES);
	assert_int_equal(r.result, 0);
	done(&r);
	free(big);
	r = read_text("");
	assert_int_equal(r.result, 0);
	assert_int_equal(r.value.n_members, 0);
	done(&r);
}

/* n times the text, then rest. */
static struct read read_repeated(const char *head, const char *text, unsigned n, const char *rest)
{
	char *all = malloc(strlen(head) + strlen(text) * n + strlen(rest) + 1), *p = all + sprintf(all, "%s", head);
	struct read r;

	for (unsigned i = 0; i < n; i++)
		p += sprintf(p, "%s", text);
	strcpy(p, rest);
	r = read_text(all);
	free(all);
	return r;
}

static void assert_too_deep(const char *head, const char *text, unsigned n, const char *rest)
{
	struct read r = read_repeated(head, text, n, rest);

	assert_int_equal(r.result, 2);
	if (diag_at(r.sink, 0)->code != DIAG_XR106)
		fail_msg("%s%s…: %s", head, text, diag_at(r.sink, 0)->msg);
	done(&r);
}

static void test_depth(void **state)
{
	struct read r = read_repeated("a", ".a", 62, " = 1");

	(void)state;
	assert_int_equal(r.result, 0);
	done(&r);
	assert_too_deep("a", ".a", 64, " = 1");
	assert_too_deep("a", ".a", 100000, " = 1");
	assert_too_deep("a", ". 'a' ", 100000, " = 1");
	assert_too_deep("[a", ".a", 100000, "]");
	assert_too_deep("a = ", "[", 100000, "");
	assert_too_deep("a = ", "{a=", 100000, "");
	/* Each key is short enough, the tree is not. */
	assert_too_deep("a = ", "{a.b.c.d = ", 20, "1}}}}}}}}}}}}}}}}}}}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_of_writing), cmocka_unit_test(test_values_as_written),
		cmocka_unit_test(test_places),           cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_faults),           cmocka_unit_test(test_unclosed_bracket),
		cmocka_unit_test(test_bytes),            cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
