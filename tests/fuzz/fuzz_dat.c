/* link: route model lib */
/* Any bytes as a geosite.dat and geoip.dat: no crash; and rules over their lists answer the same by the index and one by
 * one. */
#include <stdlib.h>
#include <string.h>

#include "route/dat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct route_dat *get(void *ctx, const char *file)
{
	(void)file;
	return ctx;
}

static const char config[] =
	"{\"routing\":{\"rules\":["
	"{\"domain\":[\"geosite:a@x@y\"],\"outboundTag\":\"o\"},{\"domain\":[\"geosite:A@x\"],\"port\":1,\"outboundTag\":\"o\"},"
	"{\"ip\":[\"geoip:b\",\"!geoip:A\"],\"outboundTag\":\"o\"},{\"domain\":[\"geosite:a\"],\"outboundTag\":\"o\"},"
	"{\"ip\":[\"geoip:!a\"],\"outboundTag\":\"o\"}]}}";

static void ask(struct arena *a, const struct route_table *t, struct route_scratch *s, const struct route_flow *f)
{
	uint32_t found = route_find(t, s, f), i = 0;

	while (i < route_count(t) && route_why_not(a, t, i, f))
		i++;
	if (found != (i < route_count(t) ? i : ROUTE_NONE))
		abort();
}

static void ask_rules(struct arena *a, struct route_dat *dat)
{
	static const char *const names[] = { "a", "www.example.com", "a.b.cn", "x1.test" };
	static const char *const addresses[] = { "10.0.0.1", "192.0.2.7", "2001:db8::1", "0.0.0.0" };
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	const struct route_assets assets = { get, dat };
	struct route_scratch *s;
	struct route_table *t;
	struct value root;
	struct xconf x;

	if (json_parse(a, sink, sources_add(sources, "c", config, sizeof(config) - 1), false, &root))
		abort();
	xconf_from_value(a, &root, target_default(), &x);
	if (route_build(a, sink, &x, &assets, &t))
		return;
	s = route_scratch_new(t);
	for (unsigned i = 0; s && i < 8; i++) {
		struct route_flow f = { .network = ROUTE_TCP, .port = (uint16_t)(i & 1) };
		if (i < 4)
			f.domain = str_of(names[i]);
		else
			route_ip_parse(str_of(addresses[i - 4]), &f.target);
		ask(a, t, s, &f);
	}
	route_scratch_free(s);
	route_table_fini(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct route_dat *dat;
	const char *why = NULL;

	if (route_dat_open(a, (struct str){ (const char *)data, size }, &dat, &why) && !why)
		abort();
	ask_rules(a, dat);
	arena_free(a);
	return 0;
}
