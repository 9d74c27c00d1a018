#ifndef XRAT_TESTS_ENG_RESOLVE_CASE_H
#define XRAT_TESTS_ENG_RESOLVE_CASE_H
/* The DNS client of one worker, with a loop of its own, for its tests. */
#include "tests/unit/eng_conf_test.h"

#include "tests/unit/eng_dns_server.h"

#include "engine/resolve.h"

enum { DEADLINE_MS = 20000 };
struct side {
	struct worker w;
	struct made m;
	struct timer deadline;
	unsigned waiting;
};
struct told {
	struct side *side;
	struct query *query;
	unsigned times;
	int error;
	uint8_t rcode;
	uint32_t n, ttl;
	char ips[200]; /* with a space between them */
};

static inline void on_deadline(struct loop *l, struct timer *t)
{
	(void)l;
	(void)t;
	fail_msg("nobody answered");
}

static inline void side_open(struct side *s, const char *json)
{
	memset(s, 0, sizeof(*s));
	s->m = good(json);
	assert_int_equal(loop_init(&s->w.loop, &s->w, NULL), 0);
	s->w.scratch = malloc(SCRATCH_BYTES);
	assert_int_equal(resolver_open(&s->w), 0);
	resolver_system(&s->w)->hosts_file.path = "/dev/null";
	resolver_system(&s->w)->resolv_conf.path = "/dev/null";
	timer_set(&s->w.loop, &s->deadline, DEADLINE_MS, on_deadline);
}

static inline void side_close(struct side *s)
{
	timer_off(&s->deadline);
	resolver_close(&s->w);
	small_fini(&s->w.small);
	loop_release(&s->w.loop);
	loop_fini(&s->w.loop);
	free(s->w.scratch);
	drop(&s->m);
}

static inline void tell(struct worker *w, void *ctx, const struct resolved *r)
{
	struct told *t = ctx;

	t->times++;
	t->query = NULL;
	t->error = r->error;
	t->rcode = r->rcode;
	t->n = r->n;
	t->ttl = r->ttl;
	for (uint32_t i = 0; i < r->n; i++) {
		char text[64];
		size_t at = strlen(t->ips);

		inet_ntop(r->ips[i].family == ADDR_V4 ? AF_INET : AF_INET6, r->ips[i].bytes, text, sizeof(text));
		snprintf(t->ips + at, sizeof(t->ips) - at, "%s%s", at ? " " : "", text);
	}
	if (!--t->side->waiting)
		w->loop.stop = true;
}

static inline void start(struct side *s, const char *name, unsigned how, struct told *t)
{
	*t = (struct told){ .side = s };
	s->waiting++;
	resolve_ask(&s->w, s->m.c, str_of(name), how, tell, t, &t->query);
}

static inline void run(struct side *s)
{
	if (s->waiting)
		loop_run(&s->w.loop);
	s->w.loop.stop = false;
}

enum { BOTH = RESOLVE_4 | RESOLVE_6 };

static inline struct told ask(struct side *s, const char *name, unsigned how)
{
	struct told t;

	start(s, name, how, &t);
	run(s);
	assert_int_equal(t.times, 1);
	return t;
}

/* One server; its json text lives until the next call. */
static inline void one_server(struct side *s, struct name_server **ret, const char *more)
{
	char json[2000];

	*ret = server_new("192.0.2.1");
	snprintf(json, sizeof(json), "{\"dns\": {\"servers\": [{\"address\": \"127.0.0.1\", \"port\": %u, \"timeoutMs\": 600}]%s}}", (*ret)->port,
		 more);
	side_open(s, json);
}

static inline void assert_found(const struct told *t, const char *ips)
{
	assert_int_equal(t->error, 0);
	assert_string_equal(t->ips, ips);
}

static inline void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

#endif
