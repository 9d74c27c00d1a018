/* Publishing into a root of state_case.h. */
#ifndef XRAT_TESTS_PUBLISH_CASE_H
#define XRAT_TESTS_PUBLISH_CASE_H
#include "tests/unit/state_case.h"

#define GENERATIONS ".state/generations/client"
#define LIVE ".state/live/config-client"
#define LKG ".state/lkg/config-client"

static inline int check(void *ctx, struct arena *a, const struct target *t, const char *file, char **ret_words, struct err *e)
{
	struct state_case *c = ctx;

	(void)e;
	assert_string_equal(t->name, "xray-26.7");
	c->n_checks++;
	snprintf(c->checked, sizeof(c->checked), "%s", file);
	assert_int_equal(access(file, R_OK), 0);
	*ret_words = arena_strdup(a, "no such thing");
	return c->refuse;
}

static inline struct publication publication(struct state_case *c, const char *xray, struct meta *m)
{
	char digest[DIGEST_TEXT];

	sha256_hex(str_of(xray), 32, digest);
	*m = (struct meta){ .role = ROLE_CLIENT, .input_digest = "1234", .rendered_digest = arena_strdup(c->a, digest),
			    .tool_version = "0.1.0", .target = "xray-26.7", .engine = "/usr/bin/xray", .actor = "root",
			    .request_id = "id-1" };
	return (struct publication){ .role = ROLE_CLIENT, .meta = m, .xray = str_of(xray), .map = STR("{}\n"),
				     .action = "publish", .actor = { .uid = 0, .name = "root", .program = "apply" },
				     .keep = 2, .check = check, .check_ctx = c };
}

static inline uint64_t put(struct state_case *c, const char *xray)
{
	struct meta m;
	struct publication p = publication(c, xray, &m);
	struct published done;
	struct err e = { 0 };
	int r = publish(c->a, &c->s, &p, &done, &e);

	if (r)
		fail_msg("%s", err_text(&e));
	assert_true(done.switched && !done.audit_incomplete && !done.no_engine);
	return done.generation;
}

static inline uint64_t leads_to(struct state_case *c, enum which_link which)
{
	uint64_t n = 0;

	return generation_of_link(&c->s, ROLE_CLIENT, which, &n) ? 0 : n;
}

static inline void assert_live(struct state_case *c, uint64_t generation, const char *xray)
{
	assert_int_equal(leads_to(c, LINK_LIVE), generation);
	assert_string_equal(state_case_text(c, LIVE "/xray.json"), xray);
}

static inline void assert_kept(struct state_case *c, const char *want)
{
	char have[128] = "";
	uint64_t *v;
	size_t n;

	assert_int_equal(generation_list(c->a, &c->s, ROLE_CLIENT, &v, &n, NULL), 0);
	for (size_t i = 0; i < n; i++)
		snprintf(have + strlen(have), sizeof(have) - strlen(have), "%s%u", i ? " " : "", (unsigned)v[i]);
	assert_string_equal(have, want);
}

static inline unsigned recover(struct state_case *c)
{
	unsigned swept = 0;
	struct err e = { 0 };

	if (publish_recover(c->a, &c->s, ROLE_CLIENT, &swept, &e))
		fail_msg("%s", err_text(&e));
	return swept;
}

#endif
