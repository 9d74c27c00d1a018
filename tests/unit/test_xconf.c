/* link: model lib */
/* Splitting a complete file into parts and joining the parts again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "model/model.h"

struct given {
	struct arena *a;
	struct value root;
	struct xconf x;
};

static void split(struct given *g, const char *text)
{
	g->a = arena_new();
	struct sources *sources = sources_new(g->a);
	struct diag_sink *sink = diag_sink_new(g->a, sources);
	uint32_t src = sources_add(sources, "x.json", text, (uint32_t)strlen(text));
	assert_int_equal(json_parse(g->a, sink, src, true, &g->root), 0);
	xconf_from_value(g->a, &g->root, target_default(), &g->x);
}

static void joined(struct given *g, const char *expected)
{
	struct buf out = { 0 };
	struct value v = xconf_to_value(g->a, &g->x);
	json_write_compact(&out, &v);
	buf_putc(&out, '\0');
	assert_string_equal(out.p, expected);
	buf_fini(&out);
	arena_free(g->a);
}

static void test_parts(void **state)
{
	(void)state;
	struct given g;
	split(&g, "{\"outbounds\":[{\"tag\":\"a\"},{}],\"inbounds\":[{}],\"log\":{},\"routing\":{\"rules\":[{},{},{}],"
		  "\"balancers\":[{}],\"domainStrategy\":\"AsIs\"},\"version\":{}}");
	assert_int_equal(g.x.outbounds.n, 2);
	assert_int_equal(g.x.inbounds.n, 1);
	assert_int_equal(g.x.rules.n, 3);
	assert_int_equal(g.x.balancers.n, 1);
	assert_int_equal(g.x.section[XS_LOG].kind, VAL_OBJECT);
	assert_int_equal(g.x.section[XS_DNS].kind, VAL_NONE);
	assert_true(g.x.raw && g.x.root == &g.root);
	assert_null(g.x.rules.v[0].owner);
	assert_int_equal(g.x.routing.n_members, 1);
	joined(&g,
	       "{\"log\":{},\"routing\":{\"domainStrategy\":\"AsIs\",\"rules\":[{},{},{}],\"balancers\":[{}]},"
	       "\"inbounds\":[{}],"
	       "\"outbounds\":[{\"tag\":\"a\"},{}],\"version\":{}}");
}

static void test_order(void **state)
{
	(void)state;
	struct given g;
	split(&g,
	      "{\"zz\":1,\"burstObservatory\":{},\"observatory\":{},\"outbounds\":[1],\"inbounds\":[2],\"routing\":{},"
	      "\"reverse\":{},\"fakedns\":[{}],\"dns\":{},\"policy\":{},\"stats\":{},\"api\":{},\"log\":{}}");
	joined(&g,
	       "{\"log\":{},\"api\":{},\"stats\":{},\"policy\":{},\"dns\":{},\"fakedns\":[{}],\"reverse\":{},"
	       "\"routing\":{},"
	       "\"inbounds\":[2],\"outbounds\":[1],\"observatory\":{},\"burstObservatory\":{},\"zz\":1}");
}

static void test_any_case(void **state)
{
	(void)state;
	struct given g;
	split(&g, "{\"INBOUNDS\":[{}],\"Routing\":{\"RULES\":[{}]},\"fakeDns\":{}}");
	assert_int_equal(g.x.inbounds.n, 1);
	assert_int_equal(g.x.rules.n, 1);
	assert_int_equal(g.x.section[XS_FAKEDNS].kind, VAL_OBJECT);
	joined(&g, "{\"fakedns\":{},\"routing\":{\"rules\":[{}]},\"inbounds\":[{}]}");
}

static void test_wrong_types_stay(void **state)
{
	(void)state;
	struct given g;
	split(&g, "{\"inbounds\":{},\"log\":[],\"routing\":5}");
	assert_int_equal(g.x.inbounds.n, 0);
	assert_int_equal(g.x.section[XS_LOG].kind, VAL_NONE);
	assert_int_equal(g.x.rest.n_members, 3);
	joined(&g, "{\"inbounds\":{},\"log\":[],\"routing\":5}");
	split(&g, "[]");
	joined(&g, "{}");
}

static void test_last_duplicate_wins(void **state)
{
	(void)state;
	struct given g;
	split(&g, "{\"inbounds\":[{},{}],\"inbounds\":[{}]}");
	assert_int_equal(g.x.inbounds.n, 1);
	joined(&g, "{\"inbounds\":[{}]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_any_case),
		cmocka_unit_test(test_wrong_types_stay),
		cmocka_unit_test(test_last_duplicate_wins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
