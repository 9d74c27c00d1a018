/* link: render model lib */
/* The semantic difference: what is reported, in which order, and that big inputs stay linear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "render/render.h"

static struct value parse(struct arena *a, const char *text)
{
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	struct value v = { .kind = VAL_NONE };

	assert_int_equal(json_parse(a, sink, sources_add(sources, "x.json", text, (uint32_t)strlen(text)), true, &v),
			 0);
	return v;
}

static const char *text_of(struct arena *a, const struct value *v)
{
	struct buf out = { 0 };
	const char *text;

	if (!v)
		return "-";
	json_write_compact(&out, v);
	text = arena_memdup(a, out.p, out.len);
	buf_fini(&out);
	return text;
}

/* "change kind name field before after pointer\n" a line. */
static const char *lines(struct arena *a, const struct value *changes)
{
	static const char *const keys[] = { "change", "kind", "name", "field", "before", "after", "pointer" };
	const char *out = "";

	for (uint32_t i = 0; i < changes->n; i++)
		for (size_t k = 0; k < 7; k++) {
			const struct value *v = value_get(&changes->items[i], keys[k]);
			struct str s = v && v->kind == VAL_STRING ? value_str(v) : str_of(text_of(a, v));

			out = arena_printf(a, "%s%.*s%s", out, (int)s.len, s.p, k < 6 ? " " : "\n");
		}
	return out;
}

static void check(const char *before, const char *after, const char *expected)
{
	struct arena *a = arena_new();
	struct value b = parse(a, before), c = parse(a, after), changes = render_diff(a, &b, &c);

	assert_string_equal(lines(a, &changes), expected);
	arena_free(a);
}

static void test_nothing(void **state)
{
	(void)state;
	check("{}", "{}", "");
	check("{\"log\":{\"a\":1,\"b\":2}}", "{\"log\":{\"b\":2,\"a\":1}}", "");
	check("{\"routing\":{\"rules\":[{\"ip\":[\"a\"]},{}]}}", "{\"routing\":{\"rules\":[{\"ip\":[\"a\"]},{}]}}", "");
}

static void test_items(void **state)
{
	(void)state;
	check("{\"outbounds\":[{\"tag\":\"a\"},{\"tag\":\"b\",\"settings\":{\"servers\":[{\"port\":1}]}},{\"tag\":"
	      "\"c\"}]}",
	      "{\"outbounds\":[{\"tag\":\"a\"},{\"tag\":\"b\",\"settings\":{\"servers\":[{\"port\":2}]}},{\"tag\":"
	      "\"d\"}]}",
	      "changed outbound b settings.servers[0].port 1 2 /outbounds/1\n"
	      "added outbound d - - {\"tag\":\"d\"} /outbounds/2\n"
	      "removed outbound c - {\"tag\":\"c\"} - /outbounds/2\n");
	check("{\"outbounds\":[{\"tag\":\"a\"},{\"tag\":\"b\"},{\"tag\":\"c\"}]}",
	      "{\"outbounds\":[{\"tag\":\"c\"},{\"tag\":\"a\"},{\"tag\":\"b\"}]}",
	      "moved outbound c - 2 0 /outbounds/0\n");
}

static void test_rules(void **state)
{
	(void)state;
	/* By content: an untagged rule that only shifted is the same one. */
	check("{\"routing\":{\"rules\":[{\"ip\":\"a\"},{\"ip\":\"b\"}]}}",
	      "{\"routing\":{\"rules\":[{\"ip\":\"x\"},{\"ip\":\"a\"},{\"ip\":\"b\"}]}}",
	      "added rule rules[0] - - {\"ip\":\"x\"} /routing/rules/0\n");
	/* By position: what stands in its place is the changed one. */
	check("{\"routing\":{\"rules\":[{\"ip\":\"a\"},{\"ip\":\"b\"},{\"ip\":\"c\"}]}}",
	      "{\"routing\":{\"rules\":[{\"ip\":\"a\"},{\"ip\":\"x\"},{\"ip\":\"c\"}]}}",
	      "changed rule rules[1] ip b x /routing/rules/1\n");
	check("{\"routing\":{\"rules\":[{\"ruleTag\":\"r\",\"ip\":[\"a\"]}]}}",
	      "{\"routing\":{\"rules\":[{\"ruleTag\":\"r\",\"ip\":[\"a\",\"b\"]}]}}",
	      "changed rule r ip [\"a\"] [\"a\",\"b\"] /routing/rules/0\n");
	check("{\"routing\":{\"rules\":[{\"ruleTag\":\"r\"}]}}", "{\"routing\":{\"rules\":[{\"ip\":\"a\"}]}}",
	      "added rule rules[0] - - {\"ip\":\"a\"} /routing/rules/0\n"
	      "removed rule r - {\"ruleTag\":\"r\"} - /routing/rules/0\n");
}

static void test_sections(void **state)
{
	(void)state;
	check("{\"log\":{\"loglevel\":\"info\"},\"dns\":{},\"zeta\":1}",
	      "{\"log\":{\"loglevel\":\"error\",\"access\":\"none\"},\"stats\":{},\"zeta\":2,\"routing\":{"
	      "\"domainStrategy\":\"AsIs\"}}",
	      "changed section log loglevel info error /log\nchanged section log access - none /log\n"
	      "added section stats - - {} /stats\n"
	      "added section routing - - {\"domainStrategy\":\"AsIs\"} /routing\n"
	      "changed section zeta - 1 2 /zeta\nremoved section dns - {} - /dns\n");
}

static void test_masked(void **state)
{
	(void)state;
	check("{\"outbounds\":[{\"tag\":\"a\",\"settings\":{\"servers\":[{\"password\":\"change-me\"}]}}]}",
	      "{\"outbounds\":[{\"tag\":\"a\",\"settings\":{\"servers\":[{\"password\":\"change-me-too\"}]}}]}",
	      "changed outbound a settings.servers[0].password <redacted> <redacted> /outbounds/0\n");
}

static void test_lists(void **state)
{
	(void)state;
	check("{\"inbounds\":[{\"tag\":\"a\",\"settings\":{\"users\":[{\"level\":1},{\"level\":2}]}}]}",
	      "{\"inbounds\":[{\"tag\":\"a\",\"settings\":{\"users\":[{\"level\":0},{\"level\":1},{\"level\":2}]}}]}",
	      "changed inbound a settings.users[0] - {\"level\":0} /inbounds/0\n");
	check("{\"inbounds\":[{\"tag\":\"a\",\"settings\":{\"users\":[{\"level\":1},{\"level\":2}]}}]}",
	      "{\"inbounds\":[{\"tag\":\"a\",\"settings\":{\"users\":[{\"level\":1},{\"level\":3}]}}]}",
	      "changed inbound a settings.users[1].level 2 3 /inbounds/0\n");
}

static const char *many_rules(struct arena *a, unsigned n, unsigned shift, bool tagged)
{
	struct buf out = { 0 };
	const char *text;

	buf_puts(&out, "{\"routing\":{\"rules\":[");
	for (unsigned i = 0; i < n; i++) {
		unsigned id = (i + shift) % n;

		buf_printf(&out, tagged ? "%s{\"ruleTag\":\"t%u\",\"ip\":\"x\"}" : "%s{\"ip\":\"%u\"}", i ? "," : "",
			   id);
	}
	buf_puts(&out, "]}}");
	text = arena_memdup(a, out.p, out.len);
	buf_fini(&out);
	return text;
}

/* A quadratic step would take minutes here. */
static void test_big(void **state)
{
	enum { N = 100000 };

	(void)state;
	for (unsigned tagged = 0; tagged < 2; tagged++) {
		struct arena *a = arena_new();
		struct value b = parse(a, many_rules(a, N, 0, tagged)), c = parse(a, many_rules(a, N, N / 2, tagged));
		struct value changes = render_diff(a, &b, &c);

		assert_int_equal(changes.n, N / 2);
		c = parse(a, many_rules(a, N / 2, 0, !tagged));
		changes = render_diff(a, &b, &c);
		assert_int_equal(changes.n, N / 2 + N);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),  cmocka_unit_test(test_items), cmocka_unit_test(test_rules),
		cmocka_unit_test(test_sections), cmocka_unit_test(test_masked), cmocka_unit_test(test_lists),
		cmocka_unit_test(test_big),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
