/* link: route model lib */
/* Rules and flows from the input: the index and route_why_not, which shares nothing with it but the reading of items, give
 * one answer. The first line is the flow as words (name, address, resolved address, network, ports, inbound, user,
 * protocol, process; "-" = none), the rest the array of rules as JSON; an 'a', 'n' or 'd' before the flow is the strategy. */
#include <stdlib.h>
#include <string.h>

#include "route/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str word(struct str *line)
{
	struct str w = line->p ? str_cut(line, ' ') : (struct str){ NULL, 0 };

	return w.len == 1 && *w.p == '-' ? (struct str){ NULL, 0 } : w;
}

static uint16_t port(struct str *line)
{
	int64_t n = 0;

	return str_int(word(line), &n) ? 0 : (uint16_t)n;
}

static int resolve(void *ctx, struct str domain, const struct route_ip **ret_ips, uint32_t *ret_n)
{
	const struct route_ip *ip = ctx;

	(void)domain;
	*ret_ips = ip;
	*ret_n = 1;
	return ip->family ? 0 : -1;
}

static void read_flow(struct str line, struct route_flow *f, struct route_attr *attr, struct route_ip *resolved)
{
	*f = (struct route_flow){ .domain = word(&line), .resolve_ctx = resolved };
	route_ip_parse(word(&line), &f->target);
	route_ip_parse(word(&line), resolved);
	f->network = str_is(word(&line), "udp") ? ROUTE_UDP : ROUTE_TCP;
	f->port = port(&line);
	f->source_port = port(&line);
	f->inbound_tag = word(&line);
	f->user = word(&line);
	f->protocol = word(&line);
	f->process = word(&line);
	f->source = f->target;
	f->local = *resolved;
	*attr = (struct route_attr){ STR("Host"), f->domain };
	f->attrs = attr;
	f->n_attrs = f->domain.len ? 1 : 0;
}

static uint32_t one_by_one(struct arena *a, const struct route_table *t, struct route_flow *f)
{
	enum route_strategy strategy = route_strategy_of(t);
	uint32_t n = route_count(t);

	for (unsigned pass = 0; pass < (strategy == ROUTE_IP_IF_NON_MATCH && f->domain.len ? 2 : 1); pass++) {
		f->resolve = strategy == ROUTE_IP_ON_DEMAND || pass ? resolve : NULL;
		for (uint32_t i = 0; i < n; i++)
			if (!route_why_not(a, t, i, f))
				return i;
	}
	return ROUTE_NONE;
}

static void ask(struct arena *a, const struct xconf *x, struct diag_sink *sink, struct str line)
{
	const struct route_assets none = { NULL, NULL };
	struct route_ip resolved = { 0 };
	struct route_scratch *s;
	struct route_table *t;
	struct route_attr attr;
	struct route_flow f;

	if (route_build(a, sink, x, &none, &t))
		return;
	read_flow(line, &f, &attr, &resolved);
	s = route_scratch_new(t);
	f.resolve = resolve;
	if (s) {
		uint32_t found = route_find(t, s, &f);
		if (found != one_by_one(a, t, &f))
			abort();
	}
	route_scratch_free(s);
	route_table_fini(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const strategies[] = { "AsIs", "IPIfNonMatch", "IPOnDemand" };
	struct arena *a = arena_new();
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	struct str rest = { (const char *)data, size }, line = str_cut(&rest, '\n');
	unsigned strategy = line.len && *line.p == 'n' ? 1 : line.len && *line.p == 'd' ? 2 : 0;
	char *text;
	struct value root;
	struct xconf x;

	if (rest.p && rest.len < 8192 && line.len) {
		text = arena_printf(a, "{\"routing\":{\"domainStrategy\":\"%s\",\"rules\":%.*s}}", strategies[strategy],
				    (int)rest.len, rest.p);
		if (!json_parse(a, sink, sources_add(sources, "c", text, (uint32_t)strlen(text)), true, &root)) {
			xconf_from_value(a, &root, target_default(), &x);
			ask(a, &x, sink, str_skip(line, 1));
		}
	}
	arena_free(a);
	return 0;
}
