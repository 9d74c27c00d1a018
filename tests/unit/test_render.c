/* link: render model lib */
/* Canonical bytes, redaction, the origin map and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "render/render.h"

struct page {
	struct arena *a;
	struct sources *sources;
	struct diag_sink *sink;
	struct checked c;
	struct buf out;
};

static void open_page(struct page *p, const char *text)
{
	struct value v;

	*p = (struct page){ .a = arena_new() };
	p->sources = sources_new(p->a);
	p->sink = diag_sink_new(p->a, p->sources);
	assert_int_equal(
		json_parse(p->a, p->sink, sources_add(p->sources, "some.json", text, (uint32_t)strlen(text)), true, &v),
		0);
	xconf_from_value(p->a, &v, target_default(), &p->c.x);
}

static void close_page(struct page *p)
{
	buf_fini(&p->out);
	arena_free(p->a);
}

static const char *text_of(struct page *p)
{
	buf_putc(&p->out, 0);
	return p->out.p;
}

static const char *compact(struct page *p, const struct value *v)
{
	buf_fini(&p->out);
	p->out = (struct buf){ 0 };
	json_write_compact(&p->out, v);
	return text_of(p);
}

static const char sample[] =
	"{\"zeta\":{\"z\":1.10},\"outbounds\":[{\"tag\":\"proxy-a\",\"settings\":{\"servers\":[{\"address\":\"192.0.2."
	"1\","
	"\"password\":\"change-me\"}]}},{\"tag\":\"b\"}],\"routing\":{\"rules\":[{\"ruleTag\":\"r\",\"outboundTag\":"
	"\"b\"},{}],"
	"\"domainStrategy\":\"AsIs\",\"balancers\":[{\"tag\":\"bal\"}]},\"inbounds\":[{\"tag\":\"in\",\"port\":1e3}],"
	"\"log\":{},\"dns\":{\"servers\":[]},\"observatory\":{\"subjectSelector\":[\"proxy-\"]}}";

static void test_bytes(void **state)
{
	struct page p;

	(void)state;
	open_page(&p, sample);
	render_xray(p.a, &p.c, &p.out);
	assert_string_equal(text_of(&p),
		"{\n  \"log\": {},\n  \"dns\": {\n    \"servers\": []\n  },\n"
		"  \"routing\": {\n    \"domainStrategy\": \"AsIs\",\n    \"rules\": [\n      {\n        \"ruleTag\": "
		"\"r\",\n"
		"        \"outboundTag\": \"b\"\n      },\n      {}\n    ],\n    \"balancers\": [\n      {\n"
		"        \"tag\": \"bal\"\n      }\n    ]\n  },\n"
		"  \"inbounds\": [\n    {\n      \"tag\": \"in\",\n      \"port\": 1e3\n    }\n  ],\n"
		"  \"outbounds\": [\n    {\n      \"tag\": \"proxy-a\",\n      \"settings\": {\n        \"servers\": "
		"[\n          {\n"
		"            \"address\": \"192.0.2.1\",\n            \"password\": \"change-me\"\n          }\n      "
		"  ]\n      }\n"
		"    },\n    {\n      \"tag\": \"b\"\n    }\n  ],\n"
		"  \"observatory\": {\n    \"subjectSelector\": [\n      \"proxy-\"\n    ]\n  },\n"
		"  \"zeta\": {\n    \"z\": 1.10\n  }\n}\n");
	close_page(&p);
}

/* The writer and the tree agree, and what was rendered renders to itself. */
static void test_same_as_tree(void **state)
{
	static const char *const texts[] = { sample, "{}", "{\"routing\":{}}", "{\"routing\":{\"rules\":[{}]}}",
		"{\"x\":null}", "{\"log\":5,\"inbounds\":{},\"routing\":[]}" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct page p, again;
		struct value tree;
		struct buf other = { 0 };

		open_page(&p, texts[i]);
		render_xray(p.a, &p.c, &p.out);
		tree = xconf_to_value(p.a, &p.c.x);
		json_write(&other, &tree);
		buf_putc(&other, 0);
		assert_string_equal(text_of(&p), other.p);
		open_page(&again, p.out.p);
		render_xray(again.a, &again.c, &again.out);
		assert_string_equal(text_of(&again), p.out.p);
		close_page(&again);
		close_page(&p);
		buf_fini(&other);
	}
}

static void test_redacted(void **state)
{
	struct page p;

	(void)state;
	open_page(&p, sample);
	render_xray_redacted(p.a, &p.c, &p.out);
	assert_non_null(strstr(text_of(&p), "\"password\": \"<redacted>\""));
	assert_null(strstr(p.out.p, "change-me"));
	assert_non_null(strstr(p.out.p, "\"address\": \"192.0.2.1\""));
	assert_true(
		str_is(value_get_str(&value_get(value_get(&p.c.x.outbounds.v[0].v, "settings"), "servers")->items[0],
				     "password"),
		       "change-me"));
	close_page(&p);
}

static void test_map(void **state)
{
	struct page p;
	struct value map;
	const struct value *objects;

	(void)state;
	open_page(&p,
		  "{\"outbounds\":[\n{\"tag\":\"a\"}],\"log\":{}, \"a/b~\": 1, "
		  "\"routing\":{\"rules\":[{\"ruleTag\":\"r\"}]}}");
	p.c.x.raw = false;
	p.c.x.rules.v[0].owner = "redirect";
	p.c.x.section[XS_LOG].span = SPAN_NONE;
	map = render_map(p.a, &p.c, p.sources);
	objects = value_get(&map, "objects");
	assert_int_equal(objects->n, 5);
	assert_string_equal(compact(&p, &objects->items[0]),
			    "{\"pointer\":\"/"
			    "log\",\"owner\":null,\"file\":null,\"line\":null,\"column\":null,\"end_line\":null,\"end_"
			    "column\":null}");
	assert_true(str_is(value_get_str(&objects->items[2], "pointer"), "/routing/rules/0"));
	assert_string_equal(compact(&p, &objects->items[2]),
		"{\"pointer\":\"/routing/rules/"
		"0\",\"rule_tag\":\"r\",\"owner\":\"redirect\",\"slot\":\"after-xp2p-managed\","
		"\"file\":\"some.json\",\"line\":2,\"column\":55,\"end_line\":2,\"end_column\":70}");
	assert_string_equal(compact(&p, &objects->items[3]),
		"{\"pointer\":\"/outbounds/"
		"0\",\"tag\":\"a\",\"owner\":null,\"file\":\"some.json\",\"line\":2,\"column\":1,"
		"\"end_line\":2,\"end_column\":12}");
	assert_true(str_is(value_get_str(&objects->items[4], "pointer"), "/a~1b~0"));
	close_page(&p);
}

static const char *why(struct page *p, const char *name)
{
	struct value answers = render_why(p->a, &p->c, p->sources, str_of(name));
	const char *out = "";

	for (uint32_t i = 0; i < answers.n; i++) {
		struct str pointer = value_get_str(&answers.items[i], "pointer");

		out = arena_printf(p->a, "%s%s%.*s", out, *out ? " " : "", (int)pointer.len, pointer.p);
	}
	return out;
}

static void test_why(void **state)
{
	struct page p;
	struct value answers;

	(void)state;
	open_page(&p, sample);
	assert_string_equal(why(&p, "proxy-a"), "/outbounds/0");
	assert_string_equal(why(&p, "PROXY-A"), "/outbounds/0");
	assert_string_equal(why(&p, "r"), "/routing/rules/0");
	assert_string_equal(why(&p, "bal"), "/routing/balancers/0");
	assert_string_equal(why(&p, "in"), "/inbounds/0");
	assert_string_equal(why(&p, "nobody"), "");
	assert_string_equal(why(&p, ""), "");
	assert_string_equal(why(&p, "/outbounds/1"), "/outbounds/1");
	assert_string_equal(why(&p, "/outbounds"), "/outbounds/0 /outbounds/1");
	assert_string_equal(why(&p, "/routing/domainStrategy"), "/routing/domainStrategy");
	assert_string_equal(why(&p, "/zeta/z"), "/zeta/z");
	assert_string_equal(why(&p, "/routing/rules/0/outboundTag"), "/routing/rules/0/outboundTag");
	assert_string_equal(why(&p, "/outbounds/2"), "");
	assert_string_equal(why(&p, "/outbounds/01"), "");
	assert_string_equal(why(&p, "/outbounds/0/nothing"), "");
	assert_string_equal(why(&p, "/nothing"), "");
	assert_string_equal(why(&p, "/"), "");
	answers = render_why(p.a, &p.c, p.sources, STR("/outbounds/0/settings/servers/0/password"));
	assert_true(str_is(value_get_str(&answers.items[0], "value"), "<redacted>"));
	close_page(&p);
}

static void test_why_inner(void **state)
{
	struct page p;

	(void)state;
	open_page(&p, "{\"api\":{\"tag\":\"api\"},\"reverse\":{\"bridges\":[{\"tag\":\"x.rev\",\"domain\":\"x.rev\"}]},"
		      "\"outbounds\":[{\"tag\":\"o\",\"settings\":{\"reverse\":{\"tag\":\"y.rev\"}}}]}");
	assert_string_equal(why(&p, "api"), "/api");
	assert_string_equal(why(&p, "x.rev"), "/reverse/bridges/0");
	assert_string_equal(why(&p, "y.rev"), "/outbounds/0/settings/reverse");
	close_page(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),    cmocka_unit_test(test_same_as_tree), cmocka_unit_test(test_redacted),
		cmocka_unit_test(test_map),      cmocka_unit_test(test_why),          cmocka_unit_test(test_why_inner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
