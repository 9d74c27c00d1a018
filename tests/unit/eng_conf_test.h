#ifndef XRAT_TESTS_ENG_CONF_TEST_H
#define XRAT_TESTS_ENG_CONF_TEST_H
/* Makes the engine's table from a text, for the tests of engine/conf*.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/assets.h"
#include "engine/codecs.h"

/* The protocols themselves are not needed. */
const struct inbound_ops *const inbound_ops_of[INBOUND__N] = { 0 };
const struct outbound_ops *const outbound_ops_of[OUTBOUND__N] = { 0 };

#define N(a) (sizeof(a) / sizeof(*(a)))

struct made {
	struct arena *a;
	struct conf *c; /* NULL: refused */
	char *errors;   /* "1:7 XR770 text\n"… */
};

static inline char *errors_of(struct arena *a, struct diag_sink *sink)
{
	char *all = arena_strdup(a, "");

	diag_finish(sink, false);
	for (unsigned i = 0; i < diag_total(sink); i++) {
		const struct diag *d = diag_at(sink, i);
		uint32_t line = 0, col = 0;

		if (d->at.src)
			source_place(diag_sources(sink), d->at.src, d->at.begin, &line, &col);
		all = arena_printf(a, "%s%u:%u %s %s\n", all, line, col, diag_infos[d->code].name, d->msg);
	}
	return all;
}

static inline struct made make(const char *json, struct assets *assets, const struct conf *before)
{
	struct made m = { .a = arena_new() };
	struct sources *sources = sources_new(m.a);
	struct diag_sink *sink = diag_sink_new(m.a, sources);
	uint32_t src = sources_add(sources, "x.json", json, (uint32_t)strlen(json));
	struct value root;
	struct xconf x;
	int r;

	assert_int_equal(json_parse(m.a, sink, src, false, &root), 0);
	xconf_from_value(m.a, &root, target_find(STR("builtin")), &x);
	r = conf_build(m.a, sink, &x, assets, before, &m.c);
	m.errors = errors_of(m.a, sink);
	assert_int_equal(r, *m.errors ? 1 : 0);
	return m;
}

static inline void drop(struct made *m)
{
	if (m->c)
		conf_drop(m->c);
	else
		arena_free(m->a);
}

static inline struct made good(const char *json)
{
	struct made m = make(json, NULL, NULL);

	if (!m.c)
		print_error("%s", m.errors);
	assert_non_null(m.c);
	return m;
}

#define IN(text) "{\"inbounds\": [" text "], \"outbounds\": [{\"tag\": \"d\", \"protocol\": \"freedom\"}]}"
#define OUT(text) "{\"outbounds\": [" text "]}"
#define SOCKS(more) IN("{\"tag\": \"s\", \"protocol\": \"socks\", \"port\": 1080" more "}")

#define TWO "\"outbounds\": [{\"protocol\": \"freedom\", \"tag\": \"up-b\"}, {\"protocol\": \"blackhole\", \"tag\": \"up-a\"}]"
#define COUNTED(users) "{\"stats\": {}, \"policy\": {\"levels\": {\"0\": {\"statsUserUplink\": true}}, \"system\": {\"statsInboundUplink\": true," \
	"\"statsInboundDownlink\": true, \"statsOutboundDownlink\": true}}, \"outbounds\": [{\"protocol\": \"freedom\", \"tag\": \"d\"}]," \
	"\"inbounds\": [{\"protocol\": \"socks\", \"tag\": \"s\", \"port\": 1, \"settings\": {\"auth\": \"password\", \"users\": [" users "]}}," \
	"{\"protocol\": \"http\", \"port\": 2, \"settings\": {\"users\": [{\"user\": \"al\", \"pass\": \"x\"}]}}]}"

#endif
