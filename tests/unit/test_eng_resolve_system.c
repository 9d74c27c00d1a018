/* link: engine route model lib */
/* What the system says about names: its servers, search list and options, the hosts file; and servers without EDNS. */
#include "tests/unit/eng_resolve_case.h"

static void test_system(void **state)
{
	char dir[] = "/tmp/xrat-resolve-XXXXXX", resolv[64], hosts[64];
	struct name_server *d = server_new("192.0.2.9");
	struct resolve_system *sys;
	struct side s;
	struct told t;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(resolv, sizeof(resolv), "%s/resolv.conf", dir);
	snprintf(hosts, sizeof(hosts), "%s/hosts", dir);
	write_file(resolv, "# none\nsearch example.com\nnameserver 127.0.0.1 ; ours\nnameserver fe80::1%eth0\n");
	write_file(hosts, "192.0.2.60 Here.Test other.test # x\n2001:db8::60 here.test\n\nbad line\n192.0.2.61\tother.test\n");
	side_open(&s, "{}");
	sys = resolver_system(&s.w);
	sys->resolv_conf.path = resolv;
	sys->hosts_file.path = hosts;
	sys->port = d->port;
	t = ask(&s, "a.test", RESOLVE_4);
	assert_found(&t, "192.0.2.9");
	t = ask(&s, "here.test", BOTH);
	assert_found(&t, "192.0.2.60 2001:db8::60");
	t = ask(&s, "other.test", BOTH);
	assert_found(&t, "192.0.2.60 192.0.2.61");
	t = ask(&s, "localhost", BOTH);
	assert_found(&t, "127.0.0.1 ::1");
	assert_int_equal(d->n_seen, 1);

	write_file(hosts, "192.0.2.70 changed.test\n");
	t = ask(&s, "changed.test", RESOLVE_4);
	assert_found(&t, "192.0.2.9"); /* not looked at again so soon */
	sys->checked_ms -= 6000;
	t = ask(&s, "changed.test", RESOLVE_4);
	assert_found(&t, "192.0.2.70");
	t = ask(&s, "here.test", RESOLVE_4);
	assert_found(&t, "192.0.2.9");
	server_free(d);
	side_close(&s);
	unlink(resolv);
	unlink(hosts);
	rmdir(dir);
}

/* --- resolv.conf --- */
struct bed {
	char dir[40], resolv[64];
	struct name_server *d;
	struct side s;
};

static void bed_open(struct bed *b, const char *resolv)
{
	struct resolve_system *sys;

	snprintf(b->dir, sizeof(b->dir), "/tmp/xrat-resolve-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->resolv, sizeof(b->resolv), "%s/resolv.conf", b->dir);
	write_file(b->resolv, resolv);
	b->d = server_new("192.0.2.9");
	side_open(&b->s, "{}");
	sys = resolver_system(&b->s.w);
	sys->resolv_conf.path = b->resolv;
	sys->port = b->d->port;
}

static void bed_close(struct bed *b)
{
	server_free(b->d);
	side_close(&b->s);
	unlink(b->resolv);
	rmdir(b->dir);
}

/* A name that is nowhere is asked for as it is and with each suffix, in an order that its dots decide. */
static void test_search(void **state)
{
	struct bed b;
	struct told t;

	(void)state;
	bed_open(&b, "domain gone.test\nsearch Nx.Test. empty.test ok.test\nnameserver 127.0.0.1\n");
	t = ask(&b.s, "nxa", RESOLVE_4);
	assert_int_equal(t.error, -ENOENT);
	assert_string_equal(b.d->seen[0].name, "nxa.nx.test");
	assert_string_equal(b.d->seen[1].name, "nxa.empty.test");
	assert_string_equal(b.d->seen[2].name, "nxa.ok.test");
	assert_string_equal(b.d->seen[3].name, "nxa");
	assert_int_equal(b.d->n_seen, 4);
	t = ask(&b.s, "here", RESOLVE_4);
	assert_found(&t, "192.0.2.9");
	assert_string_equal(b.d->seen[4].name, "here.nx.test");
	assert_int_equal(b.d->n_seen, 5);
	t = ask(&b.s, "nx.two.test", RESOLVE_4);
	assert_int_equal(t.error, -ENOENT);
	assert_string_equal(b.d->seen[5].name, "nx.two.test");
	assert_string_equal(b.d->seen[6].name, "nx.two.test.nx.test");
	assert_int_equal(b.d->n_seen, 9);
	t = ask(&b.s, "a.test", RESOLVE_4);
	assert_found(&t, "192.0.2.9");
	assert_int_equal(count(b.d, "a.test", 0), 1);
	bed_close(&b);
}

static void test_ndots(void **state)
{
	struct bed b;
	struct told t;
	char name[251];

	(void)state;
	bed_open(&b, "options rotate ndots:3 ndots:x attempts:99\nsearch in.test\nnameserver 127.0.0.1\n");
	t = ask(&b.s, "a.b.c", RESOLVE_4);
	assert_found(&t, "192.0.2.9");
	assert_string_equal(b.d->seen[0].name, "a.b.c.in.test");
	t = ask(&b.s, "a.b.c.d", RESOLVE_4);
	assert_string_equal(b.d->seen[1].name, "a.b.c.d");
	assert_int_equal(resolver_system(&b.s.w)->ndots, 3);
	assert_int_equal(resolver_system(&b.s.w)->tries, 5);
	memset(name, 'n', sizeof(name)); /* no room for a suffix */
	for (size_t i = 60; i < sizeof(name); i += 60)
		name[i] = '.';
	name[250] = 0;
	t = ask(&b.s, name, RESOLVE_4);
	assert_found(&t, "192.0.2.9");
	assert_int_equal(b.d->n_seen, 3);
	bed_close(&b);
}

/* timeout is of one try, attempts how many there are. */
static void test_attempts(void **state)
{
	struct bed b;
	struct told t;
	int64_t began = clock_mono_ms();

	(void)state;
	bed_open(&b, "options timeout:1 attempts:3\nnameserver 127.0.0.1\n");
	t = ask(&b.s, "never.test", RESOLVE_4);
	assert_int_equal(t.error, -ETIMEDOUT);
	assert_int_equal(count(b.d, "never.test", DNS_A), 3);
	assert_in_range(clock_mono_ms() - began, 2900, 15000);
	bed_close(&b);
}

/* The list may be another one while somebody waits. */
static void test_search_changes(void **state)
{
	struct bed b;
	struct told t, other;
	struct resolve_system *sys;

	(void)state;
	bed_open(&b, "options timeout:1 attempts:1 ndots:0\nsearch one.test two.test\nnameserver 127.0.0.1\n");
	sys = resolver_system(&b.s.w);
	start(&b.s, "never", RESOLVE_4, &t);
	write_file(b.resolv, "nameserver 127.0.0.1\n# longer\n");
	sys->checked_ms -= 6000;
	start(&b.s, "a.test", RESOLVE_4, &other);
	assert_int_equal(sys->n_search, 0);
	run(&b.s);
	assert_found(&other, "192.0.2.9");
	assert_int_equal(t.error, -ETIMEDOUT);
	assert_int_equal(count(b.d, "never.one.test", 0), 0);
	bed_close(&b);
}

/* A server that cannot read EDNS is asked again without it, once. */
static void test_without_edns(void **state)
{
	static const char *const names[] = { "old.test", "older.test" };
	struct bed b;
	struct told t;

	(void)state;
	bed_open(&b, "nameserver 127.0.0.1\n");
	for (size_t i = 0; i < N(names); i++) {
		t = ask(&b.s, names[i], BOTH);
		assert_found(&t, "192.0.2.9 2001:db8::1");
		assert_int_equal(count(b.d, names[i], 0), 4);
	}
	t = ask(&b.s, "formerr.test", RESOLVE_4);
	assert_int_equal(t.error, -EHOSTUNREACH);
	assert_int_equal(t.rcode, DNS_SERVFAIL);
	assert_int_equal(count(b.d, "formerr.test", 0), 2);
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_system), cmocka_unit_test(test_search), cmocka_unit_test(test_ndots),
		cmocka_unit_test(test_attempts), cmocka_unit_test(test_search_changes), cmocka_unit_test(test_without_edns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
