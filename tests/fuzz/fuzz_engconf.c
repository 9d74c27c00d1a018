/* link: engine route model lib */
/* A complete xray.json to the engine's table, without the checks that stand before it: whatever the structure is, nothing
 * crashes, what is refused has a reason, and what is taken can be asked, reloaded and freed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/codecs.h"
#include "engine/hosts.h"

const struct inbound_ops *const inbound_ops_of[INBOUND__N] = { 0 };
const struct outbound_ops *const outbound_ops_of[OUTBOUND__N] = { 0 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { INPUT_MAX = 64 * 1024 };

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* NULL: refused. */
static struct conf *make(struct str text, const struct conf *before)
{
	struct arena *a = arena_new();
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	uint32_t src = sources_add(sources, "x.json", text.p, (uint32_t)text.len);
	struct conf *c = NULL;
	struct value root;
	struct xconf x;
	int r;

	if (json_parse(a, sink, src, true, &root)) {
		arena_free(a);
		return NULL;
	}
	xconf_from_value(a, &root, target_find(STR("builtin")), &x);
	r = conf_build(a, sink, &x, NULL, before, &c);
	must(r == 0 || (r == 1 && diag_count(sink, SEV_ERROR)));
	if (r)
		arena_free(a);
	return c;
}

/* Everything that a worker follows is there. */
static void walk(const struct conf *c)
{
	uint32_t n = c->routes ? route_count(c->routes) : 0;

	for (uint32_t i = 0; i < n; i++)
		must(c->goals[i].rule_tag && (c->goals[i].outbound || c->goals[i].balancer->n));
	for (uint32_t i = 0; i < c->n_inbounds; i++)
		must(c->inbounds[i].tag && c->inbounds[i].policy && (c->inbounds[i].n_ports || c->inbounds[i].unix_path));
	for (uint32_t i = 0; i < c->n_outbounds; i++)
		must(c->outbounds[i].tag && c->outbounds[i].policy);
	for (uint32_t i = 0; i < c->n_counters; i++)
		atomic_fetch_add(&c->counters[i]->value, strlen(c->counters[i]->name));
	must(c->dns.n_servers > 0);
}

static void ask(const struct conf *c)
{
	struct small_asker asker = { 0 };
	struct hosts_answer answer;
	struct route_flow q = { .network = ROUTE_TCP, .domain = STR("a.example"), .port = 443 };

	for (uint32_t i = 0; i < c->dns.n_hosts; i++)
		hosts_find(&asker, c, c->dns.hosts[i].name, true, true, &answer);
	hosts_find(&asker, c, STR("a.example"), true, false, &answer);
	for (uint32_t i = 0; i < c->n_inbounds; i++)
		small_ask(&asker, c, &c->inbounds[i].sniffing.excluded, &q);
	small_fini(&asker);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str text = { (const char *)data, len };
	struct conf *c, *next;

	if (len > INPUT_MAX)
		return 0;
	c = make(text, NULL);
	if (!c)
		return 0;
	walk(c);
	ask(c);
	next = make(text, c); /* the same again */
	must(next && next->n_counters == c->n_counters && next->fake[0] == c->fake[0] && next->fake[1] == c->fake[1]);
	conf_drop(c);
	walk(next);
	ask(next);
	conf_drop(next);
	return 0;
}
