/* link: engine route model lib */
/* Memory of one size: everything that is handed out is apart from everything else, zeroed, and goes back to the system. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/io.h"

enum { MANY = 20000, SIZE = 312 };

static bool is_zero(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static void *get(struct slab *s, unsigned i)
{
	unsigned char *p = slab_get(s);

	assert_non_null(p);
	assert_int_equal((uintptr_t)p % 16, 0);
	assert_true(is_zero(p, SIZE));
	memset(p, (int)(i % 255 + 1), SIZE);
	return p;
}

static void check_and_put(struct slab *s, unsigned char *p, unsigned i)
{
	for (size_t k = 0; k < SIZE; k++)
		assert_int_equal(p[k], i % 255 + 1);
	slab_put(s, p);
}

static void test_apart(void **state)
{
	static unsigned char *things[MANY];
	struct slab s;
	unsigned seed = 1, n = 0;

	(void)state;
	slab_init(&s, SIZE);
	for (unsigned i = 0; i < 20 * MANY; i++) {
		unsigned at = (seed = seed * 1103515245u + 12345u) / 7 % MANY;

		if (things[at]) {
			check_and_put(&s, things[at], at);
			things[at] = NULL;
			n--;
		} else {
			things[at] = get(&s, at);
			n++;
		}
		assert_int_equal(s.in_use, n);
	}
	for (unsigned at = 0; at < MANY; at++)
		if (things[at])
			check_and_put(&s, things[at], at);
	assert_int_equal(s.in_use, 0);
	assert_null(s.roomy);
	assert_null(s.full);
	slab_fini(&s);
}

static long rss_kb(void)
{
	long kb = 0;
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %ld kB", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

/* In the order in which they came, which leaves no block at the top of the heap. */
static void test_given_back(void **state)
{
	static void *things[MANY];
	struct slab s;
	const long before = rss_kb();
	long most, after;
	void *last;

	(void)state;
	slab_init(&s, SIZE);
	for (unsigned i = 0; i < MANY; i++)
		things[i] = get(&s, i);
	last = malloc(64);
	most = rss_kb();
	for (unsigned i = 0; i < MANY; i++)
		slab_put(&s, things[i]);
	after = rss_kb();
	free(last);
	slab_fini(&s);
#ifdef __SANITIZE_ADDRESS__
	skip(); /* it keeps what is freed */
#endif
	assert_true(most - before > MANY / 1024 * SIZE);
	assert_true(after - before < 512);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_apart), cmocka_unit_test(test_given_back) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
