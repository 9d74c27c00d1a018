/* link: route model lib */
/* The reader of geosite.dat and geoip.dat: codes, attributes, and files that are cut short at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "route/dat.h"

/* list A: domain example.com with attributes x and y; full a with x; keyword k. List b: 10.0.0.0/8, 2001::/16, and one
 * network with an impossible prefix. */
static const char file[] =
	"\x0a\x2f" "\x0a\x01" "A"
	"\x12\x19" "\x08\x02" "\x12\x0b" "example.com" "\x1a\x03" "\x0a\x01" "x" "\x1a\x03" "\x0a\x01" "y"
	"\x12\x0a" "\x08\x03" "\x12\x01" "a" "\x1a\x03" "\x0a\x01" "x"
	"\x12\x03" "\x12\x01" "k"
	"\x0a\x2f" "\x0a\x01" "b"
	"\x12\x08" "\x0a\x04" "\x0a\x01\x02\x03" "\x10\x08"
	"\x12\x14" "\x0a\x10" "\x20\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0" "\x10\x10"
	"\x12\x08" "\x0a\x04" "\x0a\x01\x02\x03" "\x10\x21"
	"\x18\x01";
enum { FILE_LEN = sizeof(file) - 1 };

static unsigned names(struct route_dat *d, const char *code, const char *attrs)
{
	struct dat_walk w;
	struct dat_name n;
	unsigned count = 0;
	int r;

	assert_int_equal(dat_find(d, str_of(code), str_of(attrs), &w), 0);
	while ((r = dat_next_name(&w, &n)) > 0)
		count++;
	assert_int_equal(r, 0);
	return count;
}

static void test_lists(void **state)
{
	struct arena *a = arena_new();
	struct route_dat *d;
	struct dat_walk w;
	struct ip_net net;
	const char *why;

	(void)state;
	assert_int_equal(route_dat_open(a, (struct str){ file, FILE_LEN }, &d, &why), 0);
	assert_null(dat_fault(d));
	assert_int_equal(names(d, "a", ""), 3);
	assert_int_equal(names(d, "A", "X"), 2);
	assert_int_equal(names(d, "a", "x@Y"), 1);
	assert_int_equal(names(d, "a", "z"), 0);
	assert_int_equal(dat_find(d, STR("c"), str_of(NULL), &w), -ENOENT);
	assert_int_equal(dat_find(d, STR("B"), str_of(NULL), &w), 0);
	assert_int_equal(dat_next_net(&w, &net), 1);
	assert_true(!net.v6 && net.prefix == 8 && net.addr[0] == 10 && !net.addr[1]);
	assert_int_equal(dat_next_net(&w, &net), 1);
	assert_true(net.v6 && net.prefix == 16);
	assert_int_equal(dat_next_net(&w, &net), 0);
	arena_free(a);
}

/* Every shorter file is an error with a place within it, or a whole file of fewer lists. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t len = 0; len < FILE_LEN; len++) {
		struct arena *a = arena_new();
		char *part = arena_memdup(a, file, len);
		struct route_dat *d;
		const char *why = NULL;
		int r = route_dat_open(a, (struct str){ part, len }, &d, &why);

		assert_int_equal(r, len == 0 || len == 49 ? 0 : -EINVAL);
		assert_int_equal(!r, dat_fault(d) == NULL);
		if (r)
			assert_non_null(strstr(why, "byte "));
		arena_free(a);
	}
}

static void test_damaged_entry(void **state)
{
	static const char bytes[] = "\x0a\x09" "\x0a\x01" "A" "\x12\x04" "\x08\x02\x12\x40";
	struct arena *a = arena_new();
	struct route_dat *d;
	struct dat_walk w;
	struct dat_name n;
	const char *why;

	(void)state;
	assert_int_equal(route_dat_open(a, (struct str){ bytes, sizeof(bytes) - 1 }, &d, &why), 0);
	assert_int_equal(dat_find(d, STR("a"), str_of(NULL), &w), 0);
	assert_int_equal(dat_next_name(&w, &n), -EINVAL);
	assert_int_equal(w.at.offset, 11);
	assert_non_null(w.at.why);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damaged_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
