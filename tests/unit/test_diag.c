/* link: lib */
/* Places, the order of diagnostics, their text form, and that no secret is in a printed line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/lib.h"

struct fixture {
	struct arena *a;
	struct sources *sources;
	struct diag_sink *sink;
};

static struct fixture make(void)
{
	struct arena *a = arena_new();
	struct sources *s = sources_new(a);

	return (struct fixture){ a, s, diag_sink_new(a, s) };
}

static uint32_t add(struct fixture *f, const char *path, const char *text)
{
	return sources_add(f->sources, path, text, (uint32_t)strlen(text));
}

/* The span of the first `word` in a source. */
static struct span at(struct fixture *f, uint32_t src, const char *word)
{
	const struct source *s = sources_get(f->sources, src);
	uint32_t begin = (uint32_t)(strstr(s->bytes, word) - s->bytes);

	return (struct span){ src, begin, begin + (uint32_t)strlen(word) };
}

static void check_text(struct fixture *f, const char *expected)
{
	struct buf out = { 0 };

	diag_finish(f->sink, false);
	diag_print(f->sink, false, SEV_NOTE, &out);
	assert_string_equal(out.p, expected);
	buf_fini(&out);
	arena_free(f->a);
}

static void test_place(void **state)
{
	struct fixture f = make();
	uint32_t src = add(&f, "x", "a\nb\xc3\xa9""c\r\n"), line, col;

	(void)state;
	source_place(f.sources, src, 5, &line, &col);
	assert_int_equal(line, 2);
	assert_int_equal(col, 3);
	assert_true(str_is(source_line(f.sources, src, 2), "b\xc3\xa9""c"));
	source_place(f.sources, src, 999, &line, &col);
	assert_int_equal(line, 3);
	source_place(f.sources, 7, 0, &line, &col);
	assert_int_equal(line, 0);
	arena_free(f.a);
}

/* One line over many blocks, with characters of two bytes across their borders: as counted from its start. */
static void test_place_long_line(void **state)
{
	enum { LEN = 20000 };
	struct fixture f = make();
	char *text = arena_array(f.a, char, LEN + 1);
	uint32_t src, line, col, counted = 0;

	(void)state;
	memset(text, 'a', LEN);
	text[LEN] = 0;
	text[99] = '\n';
	for (uint32_t i = 101; i + 1 < LEN; i += 3)
		memcpy(text + i, "\xc3\xa9", 2);
	src = add(&f, "x", text);
	for (uint32_t i = 100; i <= LEN; i++) {
		source_place(f.sources, src, i, &line, &col);
		assert_int_equal(line, 2);
		assert_int_equal(col, counted + 1);
		counted += i < LEN && ((unsigned char)text[i] & 0xc0) != 0x80;
	}
	arena_free(f.a);
}

static void test_errors_only(void **state)
{
	struct fixture f = make();
	uint32_t src = add(&f, "x", "abc");

	(void)state;
	diag_errors_only(f.sink, true);
	assert_false(diag_wants(f.sink, SEV_WARNING));
	assert_non_null(diag_add(f.sink, DIAG_XR534, at(&f, src, "a"), "kept by nobody"));
	diag_add(f.sink, DIAG_XR101, at(&f, src, "b"), "kept");
	diag_errors_only(f.sink, false);
	diag_add(f.sink, DIAG_XR534, at(&f, src, "c"), "kept too");
	assert_int_equal(diag_count(f.sink, SEV_WARNING), 1);
	assert_int_equal(diag_count(f.sink, SEV_ERROR), 1);
	arena_free(f.a);
}

static void test_text(void **state)
{
	struct fixture f = make();
	uint32_t a = add(&f, "one.toml", "x = 1\n"), b = add(&f, "two.json", "{\n  \"tag\": \"proxy-nyc\"\n}\n");
	struct diag *d =
		diag_add(f.sink, DIAG_XR101, at(&f, b, "\"proxy-nyc\""), "outbound tag '%s' is reserved", "proxy-nyc");

	(void)state;
	diag_relate(f.sink, d, at(&f, a, "x"), "names belong here");
	diag_help(f.sink, d, "rename it");
	diag_add(f.sink, DIAG_XR101, at(&f, b, "\"proxy-nyc\""), "outbound tag 'proxy-nyc' is reserved");
	diag_add(f.sink, DIAG_XR101, at(&f, a, "1"), "first by place");
	check_text(&f, "one.toml:1:5: error[XR101]: first by place\n"
		       "      1 | x = 1\n"
		       "        |     ^\n"
		       "two.json:2:10: error[XR101]: outbound tag 'proxy-nyc' is reserved\n"
		       "      2 |   \"tag\": \"proxy-nyc\"\n"
		       "        |          ^~~~~~~~~~~\n"
		       "      one.toml:1:1: note: names belong here\n"
		       "      help: rename it\n");
}

static void test_control_characters(void **state)
{
	struct fixture f = make();
	uint32_t a = add(&f, "x\033[31m", "a = \033]0;t\a\n");

	(void)state;
	diag_add(f.sink, DIAG_XR101, at(&f, a, "a"), "bad \033[2J");
	check_text(&f, "x?[31m:1:1: error[XR101]: bad ?[2J\n      1 | a = ?]0;t?\n        | ^\n");
}

/* Every way a secret has stood on a line that is shown. */
static void test_masks(void **state)
{
	static const char *const lines[] = {
		"password = \"hunter2hunter2\" x",
		"  \"password\" : \"hunter2hunter2\", x",
		"password = hunter2hunter2 x",
		"password = \"hunter2hunter2",
		"active_credential='hunter2hunter2' x",
		"link = \"trojan://hunter2hunter2@h:1\" x",
		"trojan://hunter2hunter2@h:1 x",
		"auth = { user = \"u\", password = \"hunter2hunter2\" } x",
		"\"id\": \"hunter2h-unte-4r2h-unte-hunter2hunte\" x",
		"value = a5c9d0aa-1111-4222-8333-0123456789ab hunter x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct fixture f = make();
		uint32_t src = add(&f, "f", lines[i]);
		struct buf out = { 0 };

		diag_add(f.sink, DIAG_XR101, (struct span){ src, 0, 1 }, "syntax");
		diag_print(f.sink, false, SEV_NOTE, &out);
		assert_null(strstr(out.p, "hunter2h"));
		assert_null(strstr(out.p, "a5c9d0aa"));
		assert_non_null(strstr(out.p, "***"));
		buf_fini(&out);
		arena_free(f.a);
	}
}

static void test_hidden_span(void **state)
{
	struct fixture f = make();
	uint32_t src = add(&f, "f", "anything = \"sesame\"\n");

	(void)state;
	diag_hide(f.sink, at(&f, src, "sesame"));
	diag_add(f.sink, DIAG_XR101, at(&f, src, "anything"), "m");
	check_text(&f, "f:1:1: error[XR101]: m\n      1 | anything = \"******\"\n        | ^~~~~~~~\n");
}

static void test_long_line(void **state)
{
	struct fixture f = make();
	char text[4096];
	struct buf out = { 0 };
	uint32_t src;

	(void)state;
	memset(text, 'y', sizeof(text));
	memcpy(text + 3000, "HERE", 4);
	text[sizeof(text) - 1] = '\0';
	src = add(&f, "f", text);
	diag_add(f.sink, DIAG_XR101, at(&f, src, "HERE"), "m");
	diag_print(f.sink, false, SEV_NOTE, &out);
	assert_true(out.len < 500);
	assert_non_null(strstr(out.p, "HERE"));
	assert_non_null(strstr(out.p, "^~~~\n"));
	buf_fini(&out);
	arena_free(f.a);
}

/* A minified file: time must not grow with the line for each diagnostic, and what stands around the mark stays
 * hidden. */
static void test_one_huge_line(void **state)
{
	enum { PAIRS = 20000 };
	struct fixture f = make();
	struct buf text = { 0 }, out = { 0 };
	uint32_t src;

	(void)state;
	for (int i = 0; i < PAIRS; i++)
		buf_printf(&text, "{\"pass\":\"canary%05d\",\"bad\":1},", i);
	src = sources_add(f.sources, "f", text.p, (uint32_t)text.len);
	for (const char *p = text.p; (p = strstr(p, "\"bad\"")); p++)
		diag_add(f.sink, DIAG_XR101, (struct span){ src, (uint32_t)(p - text.p), (uint32_t)(p - text.p) + 5 },
			 "m");
	diag_finish(f.sink, false);
	assert_int_equal(diag_total(f.sink), PAIRS);
	diag_print(f.sink, false, SEV_NOTE, &out);
	assert_null(strstr(out.p, "canary"));
	assert_non_null(strstr(out.p, "\"bad\""));
	buf_fini(&text);
	buf_fini(&out);
	arena_free(f.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_place_long_line),
		cmocka_unit_test(test_errors_only),
			cmocka_unit_test(test_text),	 cmocka_unit_test(test_control_characters),
		cmocka_unit_test(test_masks), cmocka_unit_test(test_hidden_span), cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_one_huge_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
