/* link: engine route model lib */
/* The DNS client against a server of its own, whose names say what it does: which server is asked when, what it believes, what it
 * keeps, and what becomes of those who wait. */
#include "tests/unit/eng_resolve_case.h"

/* --- tests --- */
static void test_plain(void **state)
{
	struct side s;
	struct name_server *d;
	struct told t;

	(void)state;
	one_server(&s, &d, "");
	t = ask(&s, "a.test", BOTH);
	assert_found(&t, "192.0.2.1 2001:db8::1");
	assert_int_equal(t.ttl, 300);
	t = ask(&s, "a.test", RESOLVE_4);
	assert_found(&t, "192.0.2.1");
	assert_int_equal(count(d, "a.test", 0), 2); /* the second time from the cache */
	t = ask(&s, "four.test", BOTH);
	assert_found(&t, "192.0.2.1");
	t = ask(&s, "four.test", RESOLVE_6);
	assert_int_equal(t.error, -ENOENT);
	assert_int_equal(t.rcode, DNS_OK);
	assert_int_equal(count(d, "four.test", DNS_AAAA), 1);
	t = ask(&s, "nx.test", BOTH);
	assert_int_equal(t.error, -ENOENT);
	assert_int_equal(t.rcode, DNS_NXDOMAIN);
	ask(&s, "nx.test", BOTH);
	assert_int_equal(count(d, "nx.test", DNS_A), 1); /* that there is none is kept too */
	t = ask(&s, "fail.test", RESOLVE_4);
	assert_int_equal(t.error, -EHOSTUNREACH);
	assert_int_equal(t.rcode, DNS_SERVFAIL);
	ask(&s, "fail.test", RESOLVE_4);
	assert_int_equal(count(d, "fail.test", DNS_A), 2);
	t = ask(&s, "a..b", BOTH);
	assert_true(t.error < 0);
	server_free(d);
	side_close(&s);
}

static void test_wire(void **state)
{
	struct side s;
	struct name_server *d;
	struct told t;
	bool ids_differ = false, ports_differ = false;

	(void)state;
	one_server(&s, &d, "");
	t = ask(&s, "second.test", RESOLVE_4); /* the first query is lost */
	assert_found(&t, "192.0.2.1");
	assert_int_equal(count(d, "second.test", DNS_A), 2);
	assert_int_equal(d->seen[0].id, d->seen[1].id);
	t = ask(&s, "trunc.test", RESOLVE_4);
	assert_found(&t, "192.0.2.1");
	assert_int_equal(count(d, "trunc.test", DNS_A), 2);
	assert_true(d->seen[3].tcp);
	t = ask(&s, "forged.test", RESOLVE_4);
	assert_found(&t, "192.0.2.1");
	t = ask(&s, "junk.test", RESOLVE_4);
	assert_found(&t, "192.0.2.1");
	t = ask(&s, "never.test", RESOLVE_4);
	assert_int_equal(t.error, -ETIMEDOUT);
	assert_int_equal(count(d, "never.test", DNS_A), 2);
	for (unsigned i = 1; i < d->n_seen; i++) {
		ids_differ |= d->seen[i].id != d->seen[0].id;
		ports_differ |= !d->seen[i].tcp && d->seen[i].port != d->seen[0].port;
	}
	assert_true(ids_differ && ports_differ);
	server_free(d);
	t = ask(&s, "gone.test", RESOLVE_4); /* the port is closed: known at once */
	assert_true(t.error < 0);
	side_close(&s);
}

static void test_tcp_server(void **state)
{
	char json[500];
	struct name_server *d = server_new("192.0.2.7");
	struct side s;
	struct told t;

	(void)state;
	snprintf(json, sizeof(json), "{\"dns\": {\"servers\": [\"tcp://127.0.0.1:%u\"], \"queryStrategy\": \"UseIPv4\"}}", d->port);
	side_open(&s, json);
	t = ask(&s, "a.test", BOTH);
	assert_found(&t, "192.0.2.7");
	assert_true(d->seen[0].tcp && d->n_seen == 1);
	t = ask(&s, "a.test", RESOLVE_6);
	assert_int_equal(t.error, -ENOENT);
	server_free(d);
	side_close(&s);
}

static void test_client_ip(void **state)
{
	struct side s;
	struct name_server *d;
	struct told t;

	(void)state;
	one_server(&s, &d, ", \"clientIp\": \"198.51.100.7\", \"disableCache\": true");
	t = ask(&s, "a.test", RESOLVE_4);
	assert_found(&t, "192.0.2.1");
	assert_int_equal(d->seen[0].len, 12 + 8 + 4 + 11 + 11); /* header, name, type and class, OPT, the option with three bytes */
	ask(&s, "a.test", RESOLVE_4);
	assert_int_equal(count(d, "a.test", 0), 2);
	server_free(d);
	side_close(&s);
}

static void test_hosts(void **state)
{
	struct side s;
	struct name_server *d;
	struct told t;

	(void)state;
	one_server(&s, &d, ", \"hosts\": {\"one.test\": \"192.0.2.50\", \"domain:many.test\": [\"192.0.2.51\", \"2001:db8::51\"],"
		   "\"alias.test\": \"a.test\", \"code.test\": \"#3\"}");
	t = ask(&s, "one.test", BOTH);
	assert_found(&t, "192.0.2.50");
	t = ask(&s, "x.many.test", RESOLVE_6);
	assert_found(&t, "2001:db8::51");
	t = ask(&s, "one.test", RESOLVE_6);
	assert_int_equal(t.error, -ENOENT);
	assert_int_equal(d->n_seen, 0);
	t = ask(&s, "alias.test", RESOLVE_4);
	assert_found(&t, "192.0.2.1");
	assert_int_equal(count(d, "a.test", DNS_A), 1);
	t = ask(&s, "code.test", BOTH);
	assert_int_equal(t.rcode, DNS_NXDOMAIN);
	server_free(d);
	side_close(&s);
}

/* Two servers: who is asked for what, in which order. */
struct order {
	const char *first, *second, *rest; /* of the servers, of the section */
	const char *name, *ips;
	unsigned asked1, asked2;
};
static const struct order orders[] = {
	{ "", "", "", "a.test", "192.0.2.1", 1, 0 },
	{ "", "", "", "nx.test", "", 1, 1 },
	{ "", "", "", "fail.test", "", 1, 1 },
	{ "", ", \"domains\": [\"domain:a.test\"]", "", "a.test", "192.0.2.2", 0, 1 },
	{ "", ", \"domains\": [\"domain:a.test\"]", "", "b.test", "192.0.2.1", 1, 0 },
	{ ", \"skipFallback\": true, \"domains\": [\"domain:z.test\"]", "", "", "b.test", "192.0.2.2", 0, 1 },
	{ ", \"domains\": [\"domain:nx.test\"]", "", ", \"disableFallbackIfMatch\": true", "nx.test", "", 1, 0 },
	{ ", \"domains\": [\"domain:nx.test\"]", "", ", \"disableFallback\": true", "nx.test", "", 1, 0 },
	{ ", \"domains\": [\"domain:z.test\"]", "", ", \"disableFallback\": true", "b.test", "192.0.2.1", 1, 0 },
	{ ", \"finalQuery\": true", "", "", "nx.test", "", 1, 0 },
	{ ", \"expectIPs\": [\"10.0.0.0/8\"]", "", "", "a.test", "192.0.2.2", 1, 1 },
	{ ", \"expectIPs\": [\"192.0.2.1\"]", "", "", "a.test", "192.0.2.1", 1, 0 },
	{ ", \"expectIPs\": [\"*\", \"10.0.0.0/8\"]", "", "", "a.test", "192.0.2.1", 1, 0 },
	{ ", \"unexpectedIPs\": [\"192.0.2.0/31\"]", "", "", "a.test", "192.0.2.2", 1, 1 },
	{ ", \"queryStrategy\": \"UseIPv6\"", "", "", "a.test", "192.0.2.2", 0, 1 },
};

static void test_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(orders); i++) {
		const struct order *o = &orders[i];
		struct name_server *d1 = server_new("192.0.2.1"), *d2 = server_new("192.0.2.2");
		char json[2000];
		struct side s;
		struct told t;

		snprintf(json, sizeof(json), "{\"dns\": {\"servers\": [{\"address\": \"127.0.0.1\", \"port\": %u%s}, {\"address\": \"127.0.0.1\","
			 "\"port\": %u%s}]%s}}", d1->port, o->first, d2->port, o->second, o->rest);
		side_open(&s, json);
		t = ask(&s, o->name, RESOLVE_4);
		if (strcmp(t.ips, o->ips) || count(d1, o->name, 0) != o->asked1 || count(d2, o->name, 0) != o->asked2)
			fail_msg("case %zu: '%s', asked %u and %u times", i, t.ips, count(d1, o->name, 0), count(d2, o->name, 0));
		server_free(d1);
		server_free(d2);
		side_close(&s);
	}
}

static void test_fake(void **state)
{
	char json[700];
	struct name_server *d = server_new("192.0.2.1");
	struct side s;
	struct told t;

	(void)state;
	snprintf(json, sizeof(json), "{\"dns\": {\"servers\": [\"fakedns\", {\"address\": \"127.0.0.1\", \"port\": %u}]},"
		 "\"fakedns\": {\"ipPool\": \"198.18.0.0/24\", \"poolSize\": 100}}", d->port);
	side_open(&s, json);
	t = ask(&s, "a.test", RESOLVE_4 | RESOLVE_FAKE);
	assert_int_equal(t.error, 0);
	assert_true(starts(t.ips, "198.18.0."));
	assert_int_equal(t.ttl, 1);
	t = ask(&s, "a.test", RESOLVE_4);
	assert_found(&t, "192.0.2.1");
	t = ask(&s, "a.test", RESOLVE_6 | RESOLVE_FAKE); /* no pool has one */
	assert_found(&t, "2001:db8::1");
	server_free(d);
	side_close(&s);
}

/* --- the system's files --- */
/* UseIP… falls back on the system, ForceIP… does not, AsIs asks nobody else. */
static void tell_simple(struct worker *w, void *ctx, int error, const struct route_ip *ips, uint32_t n)
{
	const struct resolved r = { .error = error, .ips = ips, .n = n };

	tell(w, ctx, &r);
}

static struct told dial(struct side *s, const char *name, enum domain_strategy strategy)
{
	struct told t = { .side = s };

	s->waiting++;
	resolve_dial(&s->w, s->m.c, str_of(name), strategy, tell_simple, &t, &t.query);
	run(s);
	return t;
}

static void test_strategies(void **state)
{
	struct name_server *system_server = server_new("192.0.2.9");
	struct resolve_system *sys;
	struct name_server *d;
	struct side s;
	struct told t;
	char dir[] = "/tmp/xrat-resolve-XXXXXX", resolv[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(resolv, sizeof(resolv), "%s/resolv.conf", dir);
	write_file(resolv, "nameserver 127.0.0.1\n");
	one_server(&s, &d, "");
	sys = resolver_system(&s.w);
	sys->resolv_conf.path = resolv;
	sys->port = system_server->port;
	t = dial(&s, "four.test", DS_AS_IS);
	assert_found(&t, "192.0.2.9");
	assert_int_equal(d->n_seen, 0);
	t = dial(&s, "four.test", DS_USE_IP);
	assert_found(&t, "192.0.2.1");
	t = dial(&s, "four.test", DS_USE_IP6);
	assert_found(&t, "192.0.2.9"); /* nobody knew one of IPv6: dialled as it is */
	t = dial(&s, "four.test", DS_FORCE_IP6);
	assert_int_equal(t.error, -ENOENT);
	t = dial(&s, "a.test", DS_FORCE_IP4);
	assert_found(&t, "192.0.2.1");
	server_free(d);
	server_free(system_server);
	side_close(&s);
	unlink(resolv);
	rmdir(dir);
}

/* --- who waits --- */
struct chain {
	struct told told;
	struct query **other;
};

static void cancel_other(struct worker *w, void *ctx, const struct resolved *r)
{
	struct chain *c = ctx;

	tell(w, &c->told, r);
	if (c->other && *c->other) {
		resolve_cancel(w, *c->other);
		*c->other = NULL;
		if (!--c->told.side->waiting)
			w->loop.stop = true;
	}
}

static void test_waiting(void **state)
{
	struct side s;
	struct name_server *d;
	struct told many[50], gone;
	struct chain a = { .told.side = &s }, b = { .told.side = &s };

	(void)state;
	one_server(&s, &d, "");
	for (size_t i = 0; i < N(many); i++)
		start(&s, "join.test", BOTH, &many[i]);
	for (size_t i = 0; i < N(many); i += 2) {
		resolve_cancel(&s.w, many[i].query);
		s.waiting--;
	}
	run(&s);
	for (size_t i = 0; i < N(many); i++)
		assert_int_equal(many[i].times, i % 2);
	assert_int_equal(count(d, "join.test", DNS_A), 1); /* they share it */

	start(&s, "never.test", BOTH, &gone); /* all cancelled: nothing is left of it */
	resolve_cancel(&s.w, gone.query);
	s.waiting--;

	a.other = &b.told.query; /* whoever is told first cancels the other */
	b.other = &a.told.query;
	s.waiting += 2;
	resolve_ask(&s.w, s.m.c, STR("x.test"), RESOLVE_4, cancel_other, &a, &a.told.query);
	resolve_ask(&s.w, s.m.c, STR("x.test"), RESOLVE_4, cancel_other, &b, &b.told.query);
	run(&s);
	assert_int_equal(a.told.times + b.told.times, 1);

	start(&s, "never.test", BOTH, &gone); /* still under way when it all ends */
	s.waiting--;
	server_free(d);
	side_close(&s);
	assert_int_equal(gone.times, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),  cmocka_unit_test(test_wire),   cmocka_unit_test(test_tcp_server),
		cmocka_unit_test(test_client_ip), cmocka_unit_test(test_hosts), cmocka_unit_test(test_order),
		cmocka_unit_test(test_fake), cmocka_unit_test(test_strategies),
		cmocka_unit_test(test_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
