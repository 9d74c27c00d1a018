/* link: route model lib */
/* The router: single rules whose answer is worth a line of its own, what the index is made of, and memory that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "route/index.h"

struct asked {
	struct arena *a;
	struct diag_sink *sink;
	struct xconf x;
	struct route_table *t;
	struct route_scratch *s;
	struct route_ip resolved;
	int lookups;
};

static void open_rules(struct asked *q, const char *strategy, const char *rules)
{
	static const struct route_assets none;
	struct sources *sources;
	struct value root;
	char *text;

	*q = (struct asked){ .a = arena_new() };
	sources = sources_new(q->a);
	q->sink = diag_sink_new(q->a, sources);
	text = arena_printf(q->a, "{\"routing\":{\"domainStrategy\":\"%s\",\"rules\":[%s]}}", strategy, rules);
	assert_int_equal(json_parse(q->a, q->sink, sources_add(sources, "r", text, (uint32_t)strlen(text)), false, &root), 0);
	xconf_from_value(q->a, &root, target_default(), &q->x);
	assert_int_equal(route_build(q->a, q->sink, &q->x, &none, &q->t), 0);
	q->s = route_scratch_new(q->t);
	assert_non_null(q->s);
}

static void close_rules(struct asked *q)
{
	route_scratch_free(q->s);
	route_table_fini(q->t);
	arena_free(q->a);
}

static uint32_t ask(struct asked *q, struct route_flow f)
{
	f.network = f.network ? f.network : ROUTE_TCP;
	return route_find(q->t, q->s, &f);
}

static bool name_taken(const char *item, const char *name)
{
	struct asked q;
	char rule[128];
	bool taken;

	snprintf(rule, sizeof(rule), "{\"domain\":[\"%s\"],\"outboundTag\":\"o\"}", item);
	open_rules(&q, "AsIs", rule);
	taken = ask(&q, (struct route_flow){ .domain = str_of(name) }) == 0;
	close_rules(&q);
	return taken;
}

static void test_names(void **state)
{
	static const struct {
		const char *item, *name;
		bool taken;
	} rows[] = {
		{ "domain:example.com", "example.com", true },    { "domain:example.com", "a.example.com", true },
		{ "domain:example.com", "aexample.com", false },  { "domain:example.com", "example.com.", false },
		{ "domain:Example.COM", "A.eXample.com", true },  { "full:example.com", "a.example.com", false },
		{ "full:.example.com", "a.example.com", true },   { "full:.example.com", "example.com", false },
		{ "domain:.example.com", "example.com", false },  { "domain:.example.com", "a.b.example.com", true },
		{ "domain:", "example.com.", true },              { "domain:", "example.com", false },
		{ "xampl", "example.com", true },                 { "keyword:XAMPL", "example.com", true },
		{ "keyword:", "a", true },                        { "dotless:", "host", true },
		{ "dotless:", "a.b", false },                     { "dotless:os", "host", true },
		{ "dotless:os", "host.lan", false },              { "regexp:^a+$", "aaa", true },
		{ "regexp:^A+$", "AAA", false },                  { "keyword:aba", "abaaba", true },
		{ "keyword:aabaa", "aaabaa", true },              { "geodomain:x", "geodomain:x", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (name_taken(rows[i].item, rows[i].name) != rows[i].taken)
			fail_msg("'%s' and '%s'", rows[i].item, rows[i].name);
}

/* A name longer than any that came before, and one that DNS could not hold. */
static void test_long_name(void **state)
{
	struct asked q;
	char *name = malloc(70000);

	(void)state;
	memset(name, 'a', 70000);
	memcpy(name + 69992, ".example", 8);
	open_rules(&q, "AsIs", "{\"domain\":[\"domain:example\"],\"outboundTag\":\"o\"},{\"domain\":[\"aab\"],\"outboundTag\":\"o\"}");
	assert_int_equal(ask(&q, (struct route_flow){ .domain = { name, 70000 } }), 0);
	assert_int_equal(ask(&q, (struct route_flow){ .domain = STR("aaab") }), 1);
	close_rules(&q);
	free(name);
}

static int resolve(void *ctx, struct str domain, const struct route_ip **ret_ips, uint32_t *ret_n)
{
	struct asked *q = ctx;

	(void)domain;
	q->lookups++;
	*ret_ips = &q->resolved;
	*ret_n = 1;
	return q->resolved.family ? 0 : -1;
}

static uint32_t ask_name(struct asked *q, const char *name, const char *inbound, const char *address)
{
	struct route_flow f = { .domain = str_of(name), .inbound_tag = str_of(inbound), .resolve = resolve,
				.resolve_ctx = q };

	q->lookups = 0;
	q->resolved.family = 0;
	if (*address)
		assert_int_equal(route_ip_parse(str_of(address), &q->resolved), 0);
	return ask(q, f);
}

/* Addresses are asked for when Xray would, and not otherwise. */
static void test_strategies(void **state)
{
	static const char rules[] =
		"{\"domain\":[\"full:first\"],\"outboundTag\":\"o\"},"
		"{\"inboundTag\":[\"in\"],\"ip\":[\"10.0.0.0/8\"],\"outboundTag\":\"o\"},{\"domain\":[\"host\"],\"outboundTag\":\"o\"}";
	struct asked q;

	(void)state;
	open_rules(&q, "IPOnDemand", rules);
	assert_int_equal(ask_name(&q, "first", "in", "10.1.1.1"), 0);
	assert_int_equal(q.lookups, 0);
	assert_int_equal(ask_name(&q, "host", "in", "10.1.1.1"), 1);
	assert_int_equal(q.lookups, 1);
	assert_int_equal(ask_name(&q, "host", "other", "10.1.1.1"), 2);
	assert_int_equal(q.lookups, 0);
	assert_int_equal(ask_name(&q, "host", "in", ""), 2);
	close_rules(&q);
	open_rules(&q, "ipifnonmatch", rules);
	assert_int_equal(ask_name(&q, "host", "in", "10.1.1.1"), 2);
	assert_int_equal(q.lookups, 0);
	assert_int_equal(ask_name(&q, "none", "in", "::ffff:10.1.1.1"), 1);
	assert_int_equal(q.lookups, 1);
	close_rules(&q);
	open_rules(&q, "AsIs", rules);
	assert_int_equal(ask_name(&q, "none", "in", "10.1.1.1"), ROUTE_NONE);
	assert_int_equal(q.lookups, 0);
	close_rules(&q);
}

/* 10,000 rules that share all but one condition: entries do not pile up under what they share. */
static void test_shared_condition(void **state)
{
	struct arena *a = arena_new();
	struct buf rules = { 0 };
	struct asked q;

	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		buf_printf(&rules, "%s{\"inboundTag\":[\"in\"],\"network\":\"tcp\",\"port\":\"%u\",\"outboundTag\":\"o\"}", i ? "," : "",
			   1 + i % 100);
	buf_putc(&rules, '\0');
	open_rules(&q, "AsIs", rules.p);
	assert_true(q.t->first[q.t->n_owners] <= 200);
	assert_int_equal(ask(&q, (struct route_flow){ .inbound_tag = STR("in"), .port = 7 }), 6);
	assert_int_equal(ask(&q, (struct route_flow){ .inbound_tag = STR("in"), .port = 101 }), ROUTE_NONE);
	assert_int_equal(ask(&q, (struct route_flow){ .inbound_tag = STR("in"), .port = 7, .network = ROUTE_UDP }), ROUTE_NONE);
	close_rules(&q);
	buf_fini(&rules);
	arena_free(a);
}

/* More patterns than are asked one by one. */
static void test_pattern_set(void **state)
{
	struct buf rules = { 0 };
	struct asked q;
	char name[32];

	(void)state;
	for (unsigned i = 0; i < 300; i++)
		buf_printf(&rules, "%s{\"domain\":[\"regexp:^x%u-[a-z]+$\"],\"outboundTag\":\"o\"}", i ? "," : "", i);
	buf_putc(&rules, '\0');
	open_rules(&q, "AsIs", rules.p);
	assert_non_null(q.t->rx_set);
	for (unsigned i = 0; i < 300; i += 37) {
		snprintf(name, sizeof(name), "x%u-abc", i);
		assert_int_equal(ask(&q, (struct route_flow){ .domain = str_of(name) }), i);
	}
	assert_int_equal(ask(&q, (struct route_flow){ .domain = STR("x1-9") }), ROUTE_NONE);
	close_rules(&q);
	buf_fini(&rules);
}

/* 100,000 keywords fit into tens of megabytes. */
static void test_automaton_size(void **state)
{
	struct arena *a = arena_new(), *tmp = arena_new();
	struct book_maker m = { 0 };
	struct ac ac;
	char text[32];
	uint32_t node = 0;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		int n = snprintf(text, sizeof(text), "%08x.example", i * 2654435761u);
		book_put(tmp, &m, (struct str){ text, (size_t)n });
	}
	ac_build(a, tmp, &m, &ac);
	assert_true(ac_bytes(&ac) < 32u << 20);
	snprintf(text, sizeof(text), "z%08x.example", 77u * 2654435761u);
	for (const char *p = text; *p; p++)
		node = ac_step(&ac, node, *p);
	assert_int_equal(ac_text(&ac, ac.out[node]), 77);
	arena_free(tmp);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),           cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_strategies),      cmocka_unit_test(test_shared_condition),
		cmocka_unit_test(test_pattern_set),     cmocka_unit_test(test_automaton_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
