/* link: route model lib */
/* What a routing question costs: bench/route [-n QUESTIONS] [RULES...]: for each number of rules the time to build the
 * index, its bytes, and nanoseconds a question (processor time of the one thread), for rules of the common kinds and for kinds that are hard for an index. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "route/route.h"

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* --- rules -------------------------------------------------------------------------------------------------------- */

/* Names, networks, keywords with a port, plain texts with a network: a quarter each. */
static void rule_mixed(struct buf *out, unsigned i)
{
	if (i % 4 == 0)
		buf_printf(out, "\"domain\":[\"domain:h%u.example.com\",\"full:www.h%u.example.net\"]", i, i);
	else if (i % 4 == 1)
		buf_printf(out, "\"ip\":[\"10.%u.%u.0/24\"]", i / 256 % 256, i % 256);
	else if (i % 4 == 2)
		buf_printf(out, "\"domain\":[\"keyword:kw%u\"],\"port\":\"%u\"", i, 1000 + i % 60000);
	else
		buf_printf(out, "\"domain\":[\"h%u.test\"],\"network\":\"tcp\"", i);
}

/* Every rule shares an inbound and a network with all others. */
static void rule_shared(struct buf *out, unsigned i)
{
	buf_printf(out, "\"inboundTag\":[\"in\"],%s", i % 4 == 3 ? "" : "\"network\":\"tcp\",");
	rule_mixed(out, i);
}

/* Every rule shares a name, a network and the flow's own port range: only users differ. */
static void rule_users(struct buf *out, unsigned i)
{
	buf_printf(out, "\"inboundTag\":[\"in\"],\"network\":\"tcp\",\"port\":\"1-60000\",\"domain\":[\"domain:com\","
		   "\"domain:test\"],\"user\":[\"u%u@example.com\"]", i);
}

/* Wide ranges that overlap, beside a network that the flow is in. */
static void rule_ranges(struct buf *out, unsigned i)
{
	buf_printf(out, "\"ip\":[\"0.0.0.0/%u\"],\"port\":\"%u-%u\",\"network\":\"udp\"", 8 + i % 8, 1 + i % 20000,
		   40000 + i % 20000);
}

static void rule_patterns(struct buf *out, unsigned i)
{
	if (i % 100)
		rule_mixed(out, i);
	else
		buf_printf(out, "\"domain\":[\"regexp:^r%u[a-z]+\\\\.example\\\\.(com|org)$\"]", i);
}

static const struct kind {
	const char *name;
	void (*rule)(struct buf *out, unsigned i);
} kinds[] = { { "mixed", rule_mixed }, { "shared", rule_shared }, { "users", rule_users }, { "ranges", rule_ranges },
	{ "1% regexp", rule_patterns } };

static void write_config(struct buf *out, const struct kind *k, unsigned n)
{
	buf_puts(out, "{\"outbounds\":[{\"tag\":\"direct\",\"protocol\":\"freedom\"}],\"routing\":{\"rules\":[");
	for (unsigned i = 0; i < n; i++) {
		buf_puts(out, i ? ",{" : "{");
		k->rule(out, i);
		buf_puts(out, ",\"outboundTag\":\"direct\"}");
	}
	buf_puts(out, "]}}");
}

/* --- questions ---------------------------------------------------------------------------------------------------- */

enum { FLOWS = 4096 };
struct flows {
	struct route_flow v[FLOWS];
	char text[FLOWS][64];
};

/* Half of them match nothing; the others are spread over the rules. */
static void make_flows(struct flows *f, unsigned n)
{
	static const char *const shapes[] = { "www.h%u.example.com", "xkw%uy.org", "a.h%u.test", "host%u.nowhere.net" };

	for (unsigned i = 0; i < FLOWS; i++) {
		unsigned at = (unsigned)((i * 2654435761u) % n) / 4 * 4;
		struct route_flow *x = &f->v[i];

		*x = (struct route_flow){ .network = ROUTE_TCP, .port = (uint16_t)(i % 2 ? 443 : 1000 + (at + 2) % 60000),
					  .inbound_tag = STR("in"), .user = STR("somebody@example.com") };
		if (i % 8 == 7) {
			char ip[32];
			snprintf(ip, sizeof(ip), "%u.%u.%u.9", i % 16 == 7 ? 10 : 11, (at + 1) / 256 % 256, (at + 1) % 256);
			route_ip_parse(str_of(ip), &x->target);
			continue;
		}
		snprintf(f->text[i], sizeof(f->text[i]), shapes[i % 8 < 3 ? i % 8 : 3], at + i % 4);
		x->domain = str_of(f->text[i]);
	}
}

static double ask(const struct route_table *t, const struct flows *f, unsigned long questions, unsigned *ret_matched)
{
	struct route_scratch *s = route_scratch_new(t);
	double begin, took;
	unsigned matched = 0;

	if (!s)
		abort();
	for (unsigned i = 0; i < FLOWS; i++)
		matched += route_find(t, s, &f->v[i]) != ROUTE_NONE;
	begin = now_ns();
	for (unsigned long i = 0; i < questions; i++)
		route_find(t, s, &f->v[i % FLOWS]);
	took = (now_ns() - begin) / (double)questions;
	route_scratch_free(s);
	*ret_matched = matched;
	return took;
}

static int run(const struct kind *k, unsigned n, unsigned long questions, struct flows *f)
{
	struct arena *a = arena_new(), *mine = arena_new();
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	const struct route_assets none = { 0 };
	struct buf text = { 0 };
	struct value root;
	struct xconf x;
	struct route_table *t;
	unsigned matched;
	double begin, build, each;

	write_config(&text, k, n);
	if (text.failed || json_parse(a, sink, sources_add(sources, "bench", text.p, (uint32_t)text.len), false, &root))
		return 1;
	xconf_from_value(a, &root, target_default(), &x);
	begin = now_ns();
	if (route_build(mine, sink, &x, &none, &t))
		return 1;
	build = now_ns() - begin;
	make_flows(f, n < 4 ? 4 : n);
	each = ask(t, f, questions, &matched);
	printf("%-10s %7u rules  build %8.2f ms  %9zu bytes  %8.0f ns a question  %3u%% match\n", k->name, n, build / 1e6,
	       route_bytes(t), each, matched * 100 / FLOWS);
	route_table_fini(t);
	arena_free(mine);
	arena_free(a);
	buf_fini(&text);
	return 0;
}

int main(int argc, char **argv)
{
	static const unsigned usual[] = { 10, 1000, 100000 };
	unsigned long questions = 1000000;
	struct flows *f = calloc(1, sizeof(*f));
	int i = 1, failed = f == NULL;

	if (argc > 2 && argv[1][0] == '-') {
		questions = strtoul(argv[2], NULL, 10);
		i = 3;
	}
	for (size_t k = 0; !failed && k < sizeof(kinds) / sizeof(*kinds); k++) {
		for (size_t n = 0; i == argc && !failed && n < sizeof(usual) / sizeof(*usual); n++)
			failed = run(&kinds[k], usual[n], questions, f);
		for (int n = i; !failed && n < argc; n++)
			failed = run(&kinds[k], (unsigned)strtoul(argv[n], NULL, 10), questions, f);
	}
	free(f);
	return failed;
}
