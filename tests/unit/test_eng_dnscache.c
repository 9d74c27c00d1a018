/* link: engine route model lib */
/* The cache of DNS answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "engine/dnsmsg.h"

static struct dnsmsg_answer make(uint16_t type, uint8_t rcode, uint32_t n, uint32_t ttl)
{
	struct dnsmsg_answer a = { .id = 9, .type = type, .rcode = rcode, .n = n, .ttl = ttl };

	for (uint32_t i = 0; i < n; i++)
		a.ips[i] = (struct route_ip){ .family = 4, .bytes = { 192, 0, 2, (uint8_t)i } };
	return a;
}

static void test_cache(void **state)
{
	struct dnscache *c = dnscache_new(3);
	struct dnsmsg_answer a = make(DNS_A, DNS_OK, 2, 10), got;

	(void)state;
	assert_non_null(c);
	assert_int_equal(dnscache_get(c, STR("a"), DNS_A, 0, &got), 1);
	dnscache_put(c, STR("a"), &a, 1000);
	assert_int_equal(dnscache_get(c, STR("a"), DNS_AAAA, 1000, &got), 1);
	assert_int_equal(dnscache_get(c, STR("a"), DNS_A, 1000, &got), 0);
	assert_int_equal(got.ttl, 10);
	assert_int_equal(got.n, 2);
	assert_int_equal(got.id, 0);
	assert_memory_equal(got.ips, a.ips, 2 * sizeof(*a.ips));
	assert_int_equal(dnscache_get(c, STR("a"), DNS_A, 1001, &got), 0);
	assert_int_equal(got.ttl, 10);
	assert_int_equal(dnscache_get(c, STR("a"), DNS_A, 10999, &got), 0);
	assert_int_equal(got.ttl, 1);
	assert_int_equal(dnscache_get(c, STR("a"), DNS_A, 11000, &got), 1);
	assert_int_equal(dnscache_count(c), 0);
	/* the least recently used goes */
	for (int i = 0; i < 3; i++)
		dnscache_put(c, (struct str){ &"abc"[i], 1 }, &a, 0);
	assert_int_equal(dnscache_get(c, STR("a"), DNS_A, 0, &got), 0);
	dnscache_put(c, STR("d"), &a, 0);
	assert_int_equal(dnscache_count(c), 3);
	assert_int_equal(dnscache_get(c, STR("b"), DNS_A, 0, &got), 1);
	assert_int_equal(dnscache_get(c, STR("a"), DNS_A, 0, &got), 0);
	/* replaced, negative, not kept */
	a = make(DNS_A, DNS_NXDOMAIN, 0, 5);
	dnscache_put(c, STR("a"), &a, 0);
	assert_int_equal(dnscache_count(c), 3);
	assert_int_equal(dnscache_get(c, STR("a"), DNS_A, 0, &got), 0);
	assert_int_equal(got.rcode, DNS_NXDOMAIN);
	assert_int_equal(got.n, 0);
	a = make(DNS_A, DNS_SERVFAIL, 0, 5);
	dnscache_put(c, STR("x"), &a, 0);
	a = make(DNS_A, DNS_OK, 1, 0);
	dnscache_put(c, STR("x"), &a, 0);
	a = make(DNS_A, DNS_OK, 1, 5);
	a.truncated = true;
	dnscache_put(c, STR("x"), &a, 0);
	assert_int_equal(dnscache_get(c, STR("x"), DNS_A, 0, &got), 1);
	dnscache_free(c);
	dnscache_free(NULL);
	c = dnscache_new(0);
	a = make(DNS_A, DNS_OK, 1, 5);
	dnscache_put(c, STR("x"), &a, 0);
	assert_int_equal(dnscache_get(c, STR("x"), DNS_A, 0, &got), 1);
	dnscache_free(c);
}

/* Against a plain model: an array searched from its begin. */
static void test_cache_model(void **state)
{
	enum { MAX = 8, NAMES = 24, STEPS = 200000 };
	struct {
		int name, used;
		int64_t expires;
		uint32_t n;
	} model[MAX];
	struct dnscache *c = dnscache_new(MAX);
	struct dnsmsg_answer got;
	uint32_t random = 1;
	int count = 0;
	int64_t now = 0;

	(void)state;
	for (int step = 1; step < STEPS; step++) {
		random = random * 1664525 + 1013904223;
		int name = (int)(random >> 16) % NAMES, at = 0;
		char text[8];

		snprintf(text, sizeof(text), "n%d", name);
		now += (random >> 8) % 400;
		while (at < count && model[at].name != name)
			at++;
		if (random >> 31) {
			struct dnsmsg_answer a = make(DNS_A, DNS_OK, (random >> 4) % 5, 1 + (random >> 12) % 9);

			dnscache_put(c, str_of(text), &a, now);
			if (at == count && count == MAX) {
				at = 0;
				for (int i = 1; i < count; i++)
					at = model[i].used < model[at].used ? i : at;
			} else if (at == count) {
				count++;
			}
			model[at].name = name;
			model[at].used = step;
			model[at].expires = now + a.ttl * 1000;
			model[at].n = a.n;
			continue;
		}
		bool there = at < count && model[at].expires > now;
		assert_int_equal(dnscache_get(c, str_of(text), DNS_A, now, &got), !there);
		if (there) {
			assert_int_equal(got.n, model[at].n);
			model[at].used = step;
		} else if (at < count) {
			model[at] = model[--count];
		}
		assert_int_equal(dnscache_count(c), count);
	}
	dnscache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_cache_model),
	};

	return cmocka_run_group_tests_name("eng_dnscache", tests, NULL, NULL);
}
