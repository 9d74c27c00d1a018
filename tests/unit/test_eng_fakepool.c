/* link: engine route model lib */
/* Addresses lent to names. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>

#include "engine/dnsmsg.h"

#define N(a) (sizeof(a) / sizeof(*(a)))

static struct route_ip ip_of(const char *text)
{
	struct route_ip ip;

	assert_int_equal(route_ip_parse(str_of(text), &ip), 0);
	return ip;
}

static void text_of(const struct route_ip *ip, char text[64])
{
	assert_non_null(inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->bytes, text, 64));
}

static void test_pools(void **state)
{
	static const struct {
		const char *cidr;
		uint32_t size;
		int result;
		uint32_t names; /* so many at a time */
		const char *first, *last, *outside; /* of the addresses lent; NULL = none such */
	} rows[] = {
		{ "198.18.0.0/15", 100, 0, 100, "198.18.0.1", "198.18.0.100", "198.20.0.0" },
		{ "198.18.7.9/15", 3, 0, 3, "198.18.0.1", "198.18.0.3", "198.17.255.255" },
		{ "192.0.2.0/29", 100, 0, 6, "192.0.2.1", "192.0.2.6", "192.0.2.8" },
		{ "192.0.2.8/30", 9, 0, 2, "192.0.2.9", "192.0.2.10", "192.0.2.7" },
		{ "192.0.2.8/31", 9, 0, 2, "192.0.2.8", "192.0.2.9", "192.0.2.10" },
		{ "192.0.2.255/32", 9, 0, 1, "192.0.2.255", "192.0.2.255", "192.0.2.254" },
		{ "0.0.0.0/0", 5, 0, 5, "0.0.0.1", "0.0.0.5", NULL },
		{ "fc00::/18", 300, 0, 300, "fc00::1", "fc00::12c", "fe00::1" },
		{ "2001:db8:0:ffff:ffff:ffff:ffff:ff00/120", 999, 0, 255, "2001:db8:0:ffff:ffff:ffff:ffff:ff01",
		  "2001:db8:0:ffff:ffff:ffff:ffff:ffff", "2001:db8:1::" },
		{ "2001:db8::1/128", 9, 0, 1, "2001:db8::1", "2001:db8::1", "2001:db8::" },
		{ "::/0", 2, 0, 2, "::1", "::2", "192.0.2.1" },
		{ "198.18.0.0/15", 0, -EINVAL, 0, NULL, NULL, NULL },
		{ "198.18.0.0", 9, -EINVAL, 0, NULL, NULL, NULL },
		{ "198.18.0.0/", 9, -EINVAL, 0, NULL, NULL, NULL },
		{ "198.18.0.0/33", 9, -EINVAL, 0, NULL, NULL, NULL },
		{ "198.18.0.0/-1", 9, -EINVAL, 0, NULL, NULL, NULL },
		{ "198.18.0.0/1 ", 9, -EINVAL, 0, NULL, NULL, NULL },
		{ "fc00::/129", 9, -EINVAL, 0, NULL, NULL, NULL },
		{ "::ffff:192.0.2.0/120", 9, -EINVAL, 0, NULL, NULL, NULL },
		{ "example.com/8", 9, -EINVAL, 0, NULL, NULL, NULL },
		{ "/8", 9, -EINVAL, 0, NULL, NULL, NULL },
		{ "", 9, -EINVAL, 0, NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct fakepool *p = NULL;
		char name[256], text[64];
		bool first = false, last = false;

		if (fakepool_new(&p, str_of(rows[i].cidr), rows[i].size) != rows[i].result)
			fail_msg("'%s'", rows[i].cidr);
		if (rows[i].result) {
			assert_null(p);
			continue;
		}
		for (uint32_t k = 0; k < rows[i].names; k++) {
			struct route_ip ip;

			int len = snprintf(text, sizeof(text), "n%u.example", k);
			fakepool_lend(p, str_of(text), &ip);
			assert_int_equal(fakepool_name(p, &ip, name), len);
			assert_string_equal(name, text);
			text_of(&ip, text);
			first |= !strcmp(text, rows[i].first);
			last |= !strcmp(text, rows[i].last);
		}
		assert_true(first && last);
		/* All are still there, and one more takes the place of the first. */
		for (uint32_t k = 0; k <= rows[i].names; k++) {
			struct route_ip ip, again;

			snprintf(text, sizeof(text), "n%u.example", k);
			fakepool_lend(p, str_of(text), &ip);
			fakepool_lend(p, str_of(text), &again);
			assert_memory_equal(&ip, &again, sizeof(ip));
		}
		if (rows[i].outside) {
			struct route_ip ip = ip_of(rows[i].outside);

			assert_int_equal(fakepool_name(p, &ip, name), -ENOENT);
		}
		fakepool_free(p);
	}
	fakepool_free(NULL);
}

static void test_names(void **state)
{
	struct fakepool *p, *q;
	struct route_ip ip, other;
	char name[256], big[300];

	(void)state;
	assert_int_equal(fakepool_new(&p, STR("198.18.0.0/15"), 50), 0);
	ip = ip_of("198.18.0.0");
	assert_int_equal(fakepool_name(p, &ip, name), 0);
	ip = ip_of("198.19.255.255");
	assert_int_equal(fakepool_name(p, &ip, name), 0);
	ip = ip_of("198.18.0.7");
	assert_int_equal(fakepool_name(p, &ip, name), 0);
	ip = ip_of("2001:db8::1");
	assert_int_equal(fakepool_name(p, &ip, name), -ENOENT);
	ip = (struct route_ip){ 0 };
	assert_int_equal(fakepool_name(p, &ip, name), -ENOENT);
	memset(big, 'x', sizeof(big));
	fakepool_lend(p, (struct str){ big, 256 }, &ip);
	assert_int_equal(ip.family, 0);
	fakepool_lend(p, (struct str){ NULL, 0 }, &ip);
	assert_int_equal(ip.family, 0);
	fakepool_lend(p, (struct str){ big, 255 }, &ip);
	assert_int_equal(fakepool_name(p, &ip, name), 255);
	/* The same address in another life of the program. */
	assert_int_equal(fakepool_new(&q, STR("198.18.0.0/15"), 50), 0);
	fakepool_lend(p, STR("example.com"), &ip);
	fakepool_lend(q, STR("example.com"), &other);
	assert_memory_equal(&ip, &other, sizeof(ip));
	fakepool_free(p);
	fakepool_free(q);
}

/* Against a plain model: names and the time of their last use. */
static void test_model(void **state)
{
	enum { PLACES = 16, NAMES = 40, STEPS = 100000 };
	struct {
		int name, used;
		struct route_ip ip;
	} model[PLACES];
	struct fakepool *p;
	uint32_t random = 7;
	int count = 0;

	(void)state;
	assert_int_equal(fakepool_new(&p, STR("fc00::/64"), PLACES), 0);
	for (int step = 1; step < STEPS; step++) {
		random = random * 1664525 + 1013904223;
		int name = (int)(random >> 16) % NAMES, at = 0, oldest = 0;
		char text[16], got[256];
		struct route_ip ip;

		snprintf(text, sizeof(text), "n%d", name);
		while (at < count && model[at].name != name)
			at++;
		for (int i = 1; i < count; i++)
			oldest = model[i].used < model[oldest].used ? i : oldest;
		if (random >> 31 && at < count) { /* by address */
			assert_int_equal(fakepool_name(p, &model[at].ip, got), strlen(text));
			assert_string_equal(got, text);
			model[at].used = step;
			continue;
		}
		fakepool_lend(p, str_of(text), &ip);
		if (at < count) {
			assert_memory_equal(&ip, &model[at].ip, sizeof(ip));
		} else if (count < PLACES) {
			count++;
		} else {
			at = oldest;
			assert_memory_equal(&ip, &model[at].ip, sizeof(ip));
		}
		for (int i = 0; i < count; i++)
			assert_true(i == at || memcmp(&model[i].ip, &ip, sizeof(ip)) != 0);
		model[at].name = name;
		model[at].used = step;
		model[at].ip = ip;
	}
	fakepool_free(p);
}

struct shared {
	struct fakepool *pool;
	unsigned number, wrong;
};

static void *work(void *arg)
{
	struct shared *s = arg;
	char text[32], name[256];
	struct route_ip ip;

	for (unsigned i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "n%u-%u", s->number, i % 20);
		fakepool_lend(s->pool, str_of(text), &ip);
		int len = fakepool_name(s->pool, &ip, name);
		s->wrong += len != (int)strlen(text) || strcmp(name, text) != 0;
	}
	return NULL;
}

/* Four threads whose names all fit: nobody ever sees the name of another. */
static void test_threads(void **state)
{
	struct shared s[4];
	pthread_t threads[N(s)];
	struct fakepool *p;

	(void)state;
	assert_int_equal(fakepool_new(&p, STR("198.18.0.0/15"), 20 * N(s)), 0);
	for (unsigned i = 0; i < N(s); i++) {
		s[i] = (struct shared){ .pool = p, .number = i };
		assert_int_equal(pthread_create(&threads[i], NULL, work, &s[i]), 0);
	}
	for (unsigned i = 0; i < N(s); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(s[i].wrong, 0);
	}
	fakepool_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pools),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("eng_fakepool", tests, NULL, NULL);
}
