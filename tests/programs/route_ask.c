/* link: route model lib */
/* Asks the router about flows: route_ask CONFIG.json [DIRECTORY of .dat files]; each line of standard input is a flow as
 * NAME=VALUE words (domain, ip, port, network, source, sourcePort, inbound, user, protocol, resolve), each line of output the
 * number of the rule that wins, or -1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "route/route.h"

static struct str read_all(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "rb");
	char *p;
	long n;

	if (!f)
		return (struct str){ NULL, 0 };
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	p = arena_array(a, char, (size_t)n + 1);
	n = (long)fread(p, 1, (size_t)n, f);
	fclose(f);
	return (struct str){ p, (size_t)n };
}

struct files {
	struct arena *a;
	const char *dir;
};

static struct route_dat *get_file(void *ctx, const char *name)
{
	struct files *f = ctx;
	struct str bytes = read_all(f->a, arena_printf(f->a, "%s/%s", f->dir, name));
	struct route_dat *dat = NULL;
	const char *why;

	if (bytes.p)
		route_dat_open(f->a, bytes, &dat, &why);
	return dat;
}

static int resolve(void *ctx, struct str domain, const struct route_ip **ret_ips, uint32_t *ret_n)
{
	const struct route_ip *ip = ctx;

	(void)domain;
	*ret_ips = ip;
	*ret_n = 1;
	return ip->family ? 0 : -1;
}

static void set_ip(void *field, const char *value) { route_ip_parse(str_of(value), field); }
static void set_port(void *field, const char *value) { *(uint16_t *)field = (uint16_t)strtoul(value, NULL, 10); }
static void set_text(void *field, const char *value) { *(struct str *)field = str_of(value); }
static void set_network(void *field, const char *value)
{
	*(enum route_network *)field = *value == 'u' ? ROUTE_UDP : ROUTE_TCP;
}

struct line {
	struct route_flow flow;
	struct route_ip resolved;
};
static const struct word {
	const char *name;
	void (*set)(void *field, const char *value);
	size_t at;
} words[] = {
	{ "domain", set_text, offsetof(struct line, flow.domain) }, { "ip", set_ip, offsetof(struct line, flow.target) },
	{ "port", set_port, offsetof(struct line, flow.port) },
	{ "network", set_network, offsetof(struct line, flow.network) },
	{ "source", set_ip, offsetof(struct line, flow.source) },
	{ "sourcePort", set_port, offsetof(struct line, flow.source_port) },
	{ "inbound", set_text, offsetof(struct line, flow.inbound_tag) },
	{ "user", set_text, offsetof(struct line, flow.user) },
	{ "protocol", set_text, offsetof(struct line, flow.protocol) },
	{ "resolve", set_ip, offsetof(struct line, resolved) },
};

static void read_line(char *text, struct line *l)
{
	char *save = NULL;

	*l = (struct line){ .flow = { .network = ROUTE_TCP } };
	for (char *w = strtok_r(text, " \n", &save); w; w = strtok_r(NULL, " \n", &save)) {
		size_t n = strcspn(w, "=");
		for (size_t i = 0; w[n] && i < sizeof(words) / sizeof(*words); i++)
			if (strlen(words[i].name) == n && !memcmp(words[i].name, w, n))
				words[i].set((char *)l + words[i].at, w + n + 1);
	}
	l->flow.resolve = resolve;
	l->flow.resolve_ctx = &l->resolved;
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new();
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	struct files files = { a, argc > 2 ? argv[2] : "." };
	const struct route_assets assets = { get_file, &files };
	struct str text = read_all(a, argc > 1 ? argv[1] : "");
	struct route_table *t;
	struct route_scratch *s;
	struct value root;
	struct xconf x;
	char buf[1024];
	struct line l;

	if (!text.p || json_parse(a, sink, sources_add(sources, "config", text.p, (uint32_t)text.len), true, &root))
		return 2;
	xconf_from_value(a, &root, target_default(), &x);
	if (route_build(a, sink, &x, &assets, &t))
		return 1;
	s = route_scratch_new(t);
	while (fgets(buf, sizeof(buf), stdin)) {
		read_line(buf, &l);
		printf("%d\n", (int)route_find(t, s, &l.flow));
	}
	route_scratch_free(s);
	route_table_fini(t);
	arena_free(a);
	return 0;
}
