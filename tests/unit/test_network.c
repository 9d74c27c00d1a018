/* link: daemon model lib */
/* Whether our own network is down: routing tables as the kernel writes them, and other nodes that are asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/network.h"

enum { SLOW_MS = 2500, LIMIT_MS = 1000 };

#define HEAD4 "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT   \n"
#define ROW4(to, flags, mask) "eth0\t" to "\t00000000\t" flags "\t0\t0\t0\t" mask "\t0\t0\t0      \n"
#define ZERO "00000000000000000000000000000000"
#define ROW6(to, bits, flags, device) to " " bits " " ZERO " 00 " ZERO " 00000400 00000001 00000000 " flags "     " device "\n"

static const char link4[] = HEAD4 ROW4("0002000A", "0001", "00FFFFFF"), /* 10.0.2.0/24 */
	default4[] = HEAD4 ROW4("00000000", "0003", "00000000") ROW4("0002000A", "0001", "00FFFFFF"),
	halves4[] = HEAD4 ROW4("00000000", "0003", "00000080") ROW4("00000080", "0003", "00000080"),
	half4[] = HEAD4 ROW4("00000080", "0003", "00000080"),
	refused4[] = HEAD4 ROW4("00000000", "0201", "00000000"),
	lo6[] = ROW6("00000000000000000000000000000001", "80", "80200001", "lo") ROW6(ZERO, "00", "00200200", "lo"),
	default6[] = ROW6("fe800000000000000000000000000000", "40", "00000001", "eth0") ROW6(ZERO, "00", "00000003", "eth0"),
	link6[] = ROW6("fd000000000000000000000000000000", "40", "00000001", "eth0");

static void test_routes(void **state)
{
	static const struct {
		const char *four, *six, *address;
		bool yes;
	} rows[] = {
		{ default4, "", "node.example.net", true },
		{ default4, NULL, "192.0.2.1", true },
		{ HEAD4, default6, "node.example.net", true },
		{ HEAD4, default6, "2001:db8::1", true },
		{ HEAD4, lo6, "node.example.net", false },
		{ HEAD4, lo6, "192.0.2.1", false },
		{ link4, link6, "node.example.net", false },
		{ link4, link6, "10.0.2.7", true },
		{ link4, link6, "10.0.3.7", false },
		{ link4, link6, "fd00::7", true },
		{ link4, link6, "fd00:0:0:1::7", false },
		{ halves4, lo6, "node.example.net", true },
		{ half4, lo6, "node.example.net", false },
		{ half4, lo6, "192.0.2.1", true },
		{ half4, lo6, "100.64.0.1", false },
		{ refused4, lo6, "192.0.2.1", false },
		{ "", "", "node.example.net", false },
		{ NULL, NULL, "127.0.0.1", true },
		{ "", "", "127.3.2.1", true },
		{ "", "", "::1", true },
		{ "", "", "localhost", true },
		{ "nonsense\n\n", "0\nzz\n00000000000000000000000000000000", "192.0.2.1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (network_has_route(rows[i].four, rows[i].six, rows[i].address) != rows[i].yes)
			fail_msg("row %zu: '%s'", i, rows[i].address);
}

/* Whatever is cut off, nothing is read behind the end. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(default6); n++) {
		char *four = strndup(default4, n), *six = strndup(default6, n);

		network_has_route(four, six, "192.0.2.1");
		free(four);
		free(six);
	}
}

/* --- names --- */
/* In the place of the C library's: names in ".slow" are not resolved while a test waits, "here.test" is this machine. */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **ret)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
	const char *end = host ? strstr(host, ".slow") : NULL;

	if (end && !(hints->ai_flags & AI_NUMERICHOST)) {
		poll(NULL, 0, SLOW_MS);
		return EAI_AGAIN;
	}
	if (end)
		return EAI_NONAME;
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (host && !strcmp(host, "here.test"))
		return hints->ai_flags & AI_NUMERICHOST ? EAI_NONAME : real("127.0.0.1", port, hints, ret);
	return real(host, port, hints, ret);
}

/* --- with sockets --- */
struct place {
	int fd;
	struct network_node node;
};

static struct place place_open(int backlog)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	struct place p = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };

	assert_int_equal(bind(p.fd, (struct sockaddr *)&in, len), 0);
	assert_int_equal(getsockname(p.fd, (struct sockaddr *)&in, &len), 0);
	if (backlog)
		assert_int_equal(listen(p.fd, backlog), 0);
	p.node = (struct network_node){ "127.0.0.1", ntohs(in.sin_port) };
	return p;
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_others(void **state)
{
	struct place good = place_open(5), deaf = place_open(0);
	char path[] = "/tmp/xrat-route.XXXXXX";
	const struct network_world w = { .route4 = path, .route6 = "/nonexistent", .limit_ms = 2000 };
	const struct network_node both[] = { deaf.node, good.node }, local[] = { good.node };
	struct network_node many[NETWORK_ASKED + 1];

	(void)state;
	close(mkstemp(path));
	put(path, HEAD4);
	assert_int_equal(network_look(&w, "192.0.2.1", both, 2), NETWORK_NO_ROUTE);
	assert_int_equal(network_look(&w, "node.example.net", both, 2), NETWORK_NO_ROUTE);
	assert_int_equal(network_look(&w, "127.0.0.1", both, 2), NETWORK_UP); /* needs none */
	assert_int_equal(network_look(&w, "127.0.0.1", both, 1), NETWORK_NO_ANSWER);
	assert_int_equal(network_look(&w, "127.0.0.1", both, 0), NETWORK_UP); /* nobody can be asked */
	for (size_t i = 0; i < NETWORK_ASKED; i++)
		many[i] = deaf.node;
	many[NETWORK_ASKED] = good.node;
	assert_int_equal(network_look(&w, "localhost", many, NETWORK_ASKED + 1), NETWORK_NO_ANSWER); /* five and no more */
	put(path, default4);
	assert_int_equal(network_look(&w, "192.0.2.1", local, 1), NETWORK_UP); /* not one that may be asked */
	assert_true(network_answers(&w, &good.node));
	assert_false(network_answers(&w, &deaf.node));
	unlink(path);
	close(good.fd);
	close(deaf.fd);
}

static void test_slow_names(void **state)
{
	struct place good = place_open(5), deaf = place_open(0);
	const struct network_world w = { .route4 = "/nonexistent", .route6 = "/nonexistent", .limit_ms = LIMIT_MS };
	const struct network_node slow = { "one.slow", 1 }, other = { "two.slow", 1 }, here = { "here.test", good.node.port },
		number = { "0.0.0.0", good.node.port }, refused = { "0.0.0.0", deaf.node.port };
	const struct {
		struct network_node asked[NETWORK_ASKED + 1];
		size_t n;
		enum network_state state;
		bool at_once;
	} rows[] = {
		{ { slow, here }, 2, NETWORK_UP, true },
		{ { slow, other, slow, other, slow, number }, 6, NETWORK_UP, true }, /* addresses first */
		{ { slow }, 1, NETWORK_UP, false },                                  /* not known */
		{ { slow, other }, 2, NETWORK_NO_ANSWER, false },                    /* nobody resolves names */
		{ { slow, refused }, 2, NETWORK_NO_ANSWER, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int64_t begin = clock_mono_ms(), took;

		assert_int_equal(network_look(&w, "192.0.2.1", rows[i].asked, rows[i].n), rows[i].state);
		took = clock_mono_ms() - begin;
		assert_true(rows[i].at_once ? took < LIMIT_MS : took >= LIMIT_MS && took < SLOW_MS);
	}
	close(good.fd);
	close(deaf.fd);
}

static bool at_once(void *data)
{
	(void)data;
	return true;
}

/* A place that takes nothing and refuses nothing: the limit and the caller end it. */
static void test_limits(void **state)
{
	struct place full = place_open(1);
	struct network_world w = { .limit_ms = 150 };
	int64_t begin = clock_mono_ms();
	int fds[8];

	(void)state;
	for (int i = 0; i < 8; i++) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
					  .sin_port = htons((uint16_t)full.node.port) };

		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)!connect(fds[i], (struct sockaddr *)&in, sizeof(in));
	}
	assert_false(network_answers(&w, &full.node));
	assert_true(clock_mono_ms() - begin >= 150);
	w = (struct network_world){ .limit_ms = 60000, .abort = at_once };
	assert_false(network_answers(&w, &full.node));
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	close(full.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_slow_names),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
