/* link: lib */
/* The JSON reader and writer: places, faults, what is refused, with jansson as oracle for plain JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

struct read {
	struct arena *arena;
	struct diag_sink *sink;
	struct value value;
	int result;
};

static struct read read_n(const char *text, size_t len, bool lenient)
{
	struct read r = { .arena = arena_new() };
	struct sources *sources = sources_new(r.arena);
	/* An exact block, so that a sanitizer sees one byte too far. */
	char *bytes = memcpy(malloc(len + !len), text, len);

	r.sink = diag_sink_new(r.arena, sources);
	r.result = json_parse(r.arena, r.sink, sources_add(sources, "t", bytes, (uint32_t)len), lenient, &r.value);
	diag_finish(r.sink, false);
	return r;
}

static struct read read_text(const char *text)
{
	return read_n(text, strlen(text), false);
}

static void done(struct read *r)
{
	free((void *)(uintptr_t)sources_get(diag_sources(r->sink), 1)->bytes);
	arena_free(r->arena);
}

static void assert_spans(const struct value *v, uint32_t begin, uint32_t end)
{
	assert_int_equal(v->span.src, 1);
	assert_int_equal(v->span.begin, begin);
	assert_int_equal(v->span.end, end);
}

static void test_spans(void **state)
{
	struct read r =
		read_text(" {\"a\": [1, -2.5e3], /* c */ \"b\\n\": {\"c\": \"x\\u00e9y\"}, # d\n \"t\": true} ");
	const struct value *v = &r.value;

	(void)state;
	assert_int_equal(r.result, 0);
	assert_int_equal(v->n_members, 3);
	assert_spans(v, 1, 69);
	assert_int_equal(v->members[0].key_span.begin, 2);
	assert_int_equal(v->members[0].key_span.end, 5);
	assert_spans(&v->members[0].value, 7, 18);
	assert_spans(&v->members[0].value.items[1], 11, 17);
	assert_true(str_is(value_str(&v->members[0].value.items[1]), "-2.5e3"));
	assert_true(str_is(member_key(&v->members[1]), "b\n"));
	assert_int_equal(v->members[1].key_span.begin, 28);
	assert_int_equal(v->members[1].key_span.end, 33);
	assert_true(str_is(value_get_str(&v->members[1].value, "c"), "x\xc3\xa9y"));
	assert_int_equal(v->members[2].value.span.end - v->members[2].value.span.begin, 4);
	assert_int_equal(v->members[0].value.cap, 2);
	done(&r);
}

static void test_blank(void **state)
{
	static const char *const texts[] = { "", " \n\t\r\n", "// only", "/* a */ # b\n", "\xef\xbb\xbf" };

	(void)state;
	for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct read r = read_text(texts[i]);

		assert_int_equal(r.result, 1);
		assert_int_equal(r.value.kind, VAL_NONE);
		assert_int_equal(diag_count(r.sink, SEV_ERROR), 0);
		done(&r);
	}
}

/* Every fault of a text in order: code and place. */
static void test_faults(void **state)
{
	static const struct {
		const char *text;
		struct {
			int code;
			uint32_t begin, end;
		} want[3];
	} rows[] = {
		{ "{\"a\" 1}", { { DIAG_XR201, 5, 6 } } },
		{ "[1", { { DIAG_XR201, 2, 2 } } },
		{ "[1,,2]", { { DIAG_XR201, 3, 4 } } },
		{ "[1}", { { DIAG_XR201, 2, 3 } } },
		{ "{\"a\":/}", { { DIAG_XR201, 5, 6 } } },
		{ "[1,]", { { DIAG_XR202, 2, 3 } } },
		{ "{\"a\":1 , \n}", { { DIAG_XR202, 7, 8 } } },
		{ "[\"a\" \"b\" 1]", { { DIAG_XR203, 5, 6 }, { DIAG_XR203, 9, 10 } } },
		{ "{\"a\":1 \"b\":2,}", { { DIAG_XR203, 7, 8 }, { DIAG_XR202, 12, 13 } } },
		{ "{\"a\":1,\"\\u0061\":2}", { { DIAG_XR204, 7, 15 } } },
		{ "{\"a\":1,\"a\":2,\"b\":0,\"a\":3}", { { DIAG_XR204, 7, 10 }, { DIAG_XR204, 19, 22 } } },
		{ "[1] x y\n z", { { DIAG_XR205, 4, 7 } } },
		{ "[\"\xc0\xaf\"]", { { DIAG_XR206, 2, 3 } } },
		{ "\xff\xfe[", { { DIAG_XR206, 0, 2 } } },
		{ "[\"\\ud800\", \"\\udc00\\ud800\", \"\\ud83d\\ude00\"]",
		  { { DIAG_XR208, 2, 8 }, { DIAG_XR208, 12, 18 }, { DIAG_XR208, 18, 24 } } },
		{ "[\"a\tb\\q\\u12\"]", { { DIAG_XR209, 3, 4 }, { DIAG_XR209, 5, 7 }, { DIAG_XR209, 7, 9 } } },
		{ "[01, +1, 1.]", { { DIAG_XR213, 1, 3 }, { DIAG_XR213, 5, 7 }, { DIAG_XR213, 9, 11 } } },
		{ "[.5, 0x10, -]", { { DIAG_XR213, 1, 3 }, { DIAG_XR213, 5, 9 }, { DIAG_XR213, 11, 12 } } },
		{ "[\"abc]\n\"x\"", { { DIAG_XR214, 1, 2 } } },
		{ "[\"abc\\\"", { { DIAG_XR214, 1, 2 } } },
		{ "[\"abc\\", { { DIAG_XR214, 1, 2 } } },
		{ "[1] /* x *", { { DIAG_XR214, 4, 6 } } },
		{ "{a: 'b', \"c\": True}", { { DIAG_XR215, 1, 2 }, { DIAG_XR215, 4, 7 }, { DIAG_XR215, 14, 18 } } },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct read r = read_text(rows[i].text);
		unsigned n = 0;

		assert_int_equal(r.result, 2);
		for (; n < 3 && rows[i].want[n].code; n++) {
			const struct diag *d = diag_total(r.sink) > n ? diag_at(r.sink, n) : NULL;

			if (!d || (int)d->code != rows[i].want[n].code || d->at.begin != rows[i].want[n].begin ||
			    d->at.end != rows[i].want[n].end)
				fail_msg("%s: fault %u is %s [%u,%u)", rows[i].text, n, d ? d->msg : "missing", d ?
				d->at.begin : 0,
					 d ? d->at.end : 0);
		}
		assert_int_equal(diag_total(r.sink), n);
		done(&r);
	}
}

static void test_bytes(void **state)
{
	struct read r = read_n("[\"a\0\"]", 6, false);
	char *big = calloc(1, JSON_MAX_BYTES + 1);

	(void)state;
	assert_int_equal(r.result, 2);
	assert_int_equal(diag_at(r.sink, 0)->code, DIAG_XR207);
	assert_int_equal(diag_at(r.sink, 0)->at.begin, 3);
	done(&r);
	memset(big, ' ', JSON_MAX_BYTES + 1);
	r = read_n(big, JSON_MAX_BYTES + 1, false);
	assert_int_equal(r.result, 2);
	assert_int_equal(diag_at(r.sink, 0)->code, DIAG_XR211);
	done(&r);
	r = read_n(big, JSON_MAX_BYTES, false);
	assert_int_equal(r.result, 1);
	done(&r);
	free(big);
}

static void test_bom_is_a_note(void **state)
{
	struct read r = read_text("\xef\xbb\xbf[1]");

	(void)state;
	assert_int_equal(r.result, 0);
	assert_int_equal(diag_at(r.sink, 0)->code, DIAG_XR212);
	assert_spans(&r.value, 3, 6);
	done(&r);
}

static void test_lenient(void **state)
{
	const char *text = "{\"a\":1,\"a\":2} rest";
	struct read r = read_n(text, strlen(text), true);

	(void)state;
	assert_int_equal(r.result, 0);
	assert_int_equal(diag_count(r.sink, SEV_WARNING), 2);
	assert_true(str_is(value_str(value_get(&r.value, "a")), "2"));
	done(&r);
	r = read_n("[1,]", 4, true);
	assert_int_equal(r.result, 2);
	done(&r);
}

static void test_duplicates_name_both_places(void **state)
{
	char text[4096], *p = text;
	struct read r;

	(void)state;
	p += sprintf(p, "{");
	for (int i = 0; i < 100; i++)
		p += sprintf(p, "\"key%d\":%d,", i, i);
	sprintf(p, "\"key7\":0}");
	r = read_text(text);
	assert_int_equal(r.result, 2);
	assert_int_equal(diag_total(r.sink), 1);
	assert_int_equal(diag_at(r.sink, 0)->at.begin, p - text);
	assert_int_equal(diag_at(r.sink, 0)->related->at.begin, strstr(text, "\"key7\"") - text);
	done(&r);
}

static void nest(char *text, unsigned depth, bool close)
{
	memset(text, '[', depth);
	memset(text + depth, ']', close ? depth : 0);
	text[close ? 2 * depth : depth] = 0;
}

static void test_depth(void **state)
{
	static char text[400000];
	struct read r;

	(void)state;
	nest(text, JSON_MAX_DEPTH, true);
	r = read_text(text);
	assert_int_equal(r.result, 0);
	done(&r);
	nest(text, JSON_MAX_DEPTH + 1, true);
	r = read_text(text);
	assert_int_equal(r.result, 2);
	assert_int_equal(diag_at(r.sink, 0)->code, DIAG_XR210);
	assert_int_equal(diag_at(r.sink, 0)->at.begin, JSON_MAX_DEPTH);
	done(&r);
	nest(text, 300000, false);
	r = read_text(text);
	assert_int_equal(r.result, 2);
	done(&r);
}

static void test_faults_have_an_end(void **state)
{
	static char text[30001];
	struct read r;

	(void)state;
	for (int i = 0; i < 30000; i += 3)
		memcpy(text + i, i ? ",.0" : "[.0", 3);
	r = read_text(text);
	assert_int_equal(r.result, 2);
	assert_true(diag_total(r.sink) <= 100);
	done(&r);
}

static bool jansson_takes(const char *text, size_t len)
{
	json_t *j = json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

	json_decref(j);
	return j != NULL;
}

/* Plain JSON texts on which both must agree. */
static void test_same_as_jansson(void **state)
{
	static const char *const texts[] = {
		"{}", "[]", "null", "true", "false", "0", "-0", "-0.0", "1e5", "1E+5", "1e-5", "0.5", "123.456e7",
			"\"\"", "\"a\"",
		"[[]]", "[{}]", "{\"a\":{}}", "[1,2,3]", "{\"a\":[],\"b\":{}}", " [ 1 ] ", "\t\n\r 1", "\"\\u0041\"",
			"\"\\\\\\/\"",
		"\"\\b\\f\\n\\r\\t\\\"\"", "\"\\ud83d\\ude00\"", "\"\xc3\xa9\"", "\"\xf0\x9f\x98\x80\"", "\"\x7f\"",
			"\"\\u0000\"",
		"\"\\uFFFF\"", "\"\xe2\x80\xa8\"", "[1]\n", "{\"\":0}", "{\"a\":1,\"A\":2}", "\"\xef\xbf\xbf\"",
			"1.0e00",
		"-", "+1", ".1", "1.", "1.e1", "1e", "1e+", "01", "-01", "00", "0x1", "1_0", "1a", "- 1", "--1",
			"1 2", "1..2", "0e",
		"nul", "nulll", "True", "NULL", "nan", "inf", "[", "]", "{", "}", "[1", "[1,", "[,", "[,1]", "[1,]",
			"[1,,2]", "[1 2]",
		"[1}", "{]", "{1:2}", "{a:1}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":1,,\"b\":2}",
			"{\"a\" 1}",
		"{\"a\":1 \"b\":2}", "{\"a\":1,\"a\":1}", "{\"a\"::1}", "{'a':1}", "['a']", "\"", "\"\\\"", "\"a",
			"a\"", "\"\\x\"",
		"\"\\u12\"", "\"\\u12G4\"", "\"\\u\"", "\"\\", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"",
			"\"\\ud800x\"",
		"\"\\udc00\\ud800\"", "\"\t\"", "\"\n\"", "\"\x01\"", "\"\x1f\"", "\"\x80\"", "\"\xc0\x80\"",
			"\"\xe0\x80\x80\"",
		"\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xf8\x88\x80\x80\x80\"", "\"\xc3\"", "\"\xe2\x82\"",
			"\xff", "[1]x",
		"[1][2]", "{}{}", "\v1", "\f1", "\xc2\xa0" "1", "1,", ",", ":", "[\"a\":1]", "{\"a\",1}",
			"[true false]", "[truefalse]",
		"tru", "t", "\\u0031", "*", "[*]", "[-]", "[1-2]", "[1+2]", "{\"a\":b}", "\"a\"b", "[\"\",\"\"", "&",
			"(1)", "[(1)]",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct read r = read_text(texts[i]);

		if ((r.result == 0) != jansson_takes(texts[i], strlen(texts[i])))
			fail_msg("'%s': ours says %d", texts[i], r.result);
		assert_true(r.result == 0 || diag_count(r.sink, SEV_ERROR) > 0);
		done(&r);
	}
}

static void test_write_forms(void **state)
{
	struct read r = read_text("{\"a\":[1,{\"b\":[]},{}],\"c\\u0001\\u007f\\n\\\\\":1.10, \"\\u00e9\":\"/\"}");
	struct buf b = { 0 };

	(void)state;
	json_write(&b, &r.value);
	buf_putc(&b, 0);
	assert_string_equal(b.p, "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    },\n    {}\n  ],\n"
				 "  \"c\\u0001\\u007f\\n\\\\\": 1.10,\n  \"\xc3\xa9\": \"/\"\n}\n");
	b.len = 0;
	json_write_compact(&b, &r.value);
	buf_putc(&b, 0);
	assert_string_equal(b.p, "{\"a\":[1,{\"b\":[]},{}],\"c\\u0001\\u007f\\n\\\\\":1.10,\"\xc3\xa9\":\"/\"}");
	b.len = 0;
	json_write_at(&b, &r.value.members[0].value.items[1], 2);
	buf_putc(&b, 0);
	assert_string_equal(b.p, "{\n      \"b\": []\n    }");
	buf_fini(&b);
	done(&r);
}

/* render(parse(render(x))) is render(x), and the tree is the same. */
static void test_round_trip(void **state)
{
	static const char *const texts[] = {
		"[1.10, 1e5, -0, 0.0, 9223372036854775807, 1E+2]",
		"{\"\":\"\",\" \":[[[]]]}",
		"\"\\u0000\\ud83d\\ude00\\u2028\"",
		"{\"a\":null,\"b\":[true,false,null],\"c\":{\"d\":{\"e\":[{}]}}}",
		"[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u001f\"]",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct read first = read_text(texts[i]), second;
		struct buf b = { 0 }, again = { 0 };

		json_write(&b, &first.value);
		assert_true(jansson_takes(b.p, b.len));
		second = read_n(b.p, b.len, false);
		assert_int_equal(second.result, 0);
		assert_true(value_equal(&first.value, &second.value));
		json_write(&again, &second.value);
		assert_int_equal(b.len, again.len);
		assert_memory_equal(b.p, again.p, b.len);
		buf_fini(&b);
		buf_fini(&again);
		done(&first);
		done(&second);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_blank),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_bom_is_a_note),
		cmocka_unit_test(test_lenient),
		cmocka_unit_test(test_duplicates_name_both_places),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_faults_have_an_end),
		cmocka_unit_test(test_same_as_jansson),
		cmocka_unit_test(test_write_forms),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
