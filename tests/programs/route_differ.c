/* link: route model lib */
/* The router against a plain matcher on random rules and flows: route_differ PAIRS SEED. Prints how many flows matched and
 * how many each rule field decided; fails at the first difference, and when fewer than 30% match or a field decides less
 * than 1%. Deciding means: without that condition of an earlier rule, which has others, another rule would win. */
#include <time.h>

#include "route/route.h"
#include "tests/route/random.h"

enum { MOST_RULES = 5000, FILES = 4 };
static const char *const file_names[FILES] = { "geosite.dat", "geoip.dat", "mine.dat", "other.dat" };
static const char *const strategies[] = { "AsIs", "IPIfNonMatch", "IPOnDemand" };

struct files {
	struct arena *a;
	struct out bytes[FILES];
	struct route_dat *dat[FILES];
};

static struct route_dat *get_file(void *ctx, const char *name)
{
	struct files *f = ctx;

	for (unsigned i = 0; i < FILES; i++)
		if (!strcmp(name, file_names[i]))
			return f->dat[i];
	return NULL;
}

static void open_files(struct files *f)
{
	const char *why;

	for (unsigned i = 0; i < FILES; i++) {
		f->bytes[i] = write_lists(file_names[i]);
		if (route_dat_open(f->a, (struct str){ (char *)f->bytes[i].b, f->bytes[i].n }, &f->dat[i], &why)) {
			fprintf(stderr, "%s: %s\n", file_names[i], why);
			exit(1);
		}
	}
}

struct rules {
	char *text;
	size_t len;
	int n, strategy;
	json_t *root;
	struct mrule rules[MOST_RULES];
	struct route_table *t;
	struct route_scratch *s;
	struct arena *a;
};

static void write_table(struct rules *t, int n)
{
	FILE *f = open_memstream(&t->text, &t->len);

	t->n = n;
	t->strategy = (int)r_below(3);
	fprintf(f, "{\"outbounds\":[{\"tag\":\"o\",\"protocol\":\"freedom\"}],\"routing\":{\"domainStrategy\":\"%s\",\"rules\":[",
		strategies[t->strategy]);
	for (int i = 0; i < n; i++) {
		fputs(i ? ",\n" : "\n", f);
		r_rule(f);
	}
	fputs("]}}\n", f);
	fclose(f);
}

static json_t *member(json_t *rule, enum mf k)
{
	json_t *v = json_object_get(rule, mf_names[k]);

	if (!v && k == MF_DOMAIN)
		v = json_object_get(rule, "domains");
	if (!v && k == MF_SOURCE)
		v = json_object_get(rule, "source");
	return v || k != MF_PORT ? v : json_object_get(rule, "Port");
}

static void read_rules(struct rules *t)
{
	json_t *list;

	t->root = json_loads(t->text, 0, NULL);
	list = json_object_get(json_object_get(t->root, "routing"), "rules");
	for (int i = 0; i < t->n; i++) {
		t->rules[i] = (struct mrule){ .n = 0 };
		for (int k = 0; k < MF__N; k++) {
			t->rules[i].f[k] = member(json_array_get(list, (size_t)i), k);
			t->rules[i].n += t->rules[i].f[k] != NULL;
		}
	}
}

static void open_table(struct rules *t, struct files *files)
{
	const struct route_assets assets = { get_file, files };
	struct sources *sources;
	struct diag_sink *sink;
	struct value root;
	struct xconf *x;

	t->a = arena_new();
	sources = sources_new(t->a);
	sink = diag_sink_new(t->a, sources);
	x = arena_new_of(t->a, struct xconf);
	if (json_parse(t->a, sink, sources_add(sources, "rules", t->text, (uint32_t)t->len), false, &root))
		abort();
	xconf_from_value(t->a, &root, target_default(), x);
	if (route_build(t->a, sink, x, &assets, &t->t)) {
		struct buf out = { 0 };
		diag_finish(sink, false);
		diag_print(sink, false, SEV_NOTE, &out);
		fwrite(out.p, 1, out.len, stderr);
		exit(1);
	}
	t->s = route_scratch_new(t->t);
}

static void close_table(struct rules *t)
{
	route_scratch_free(t->s);
	route_table_fini(t->t);
	arena_free(t->a);
	json_decref(t->root);
	free(t->text);
}

/* --- asking --------------------------------------------------------------------------------------------------------- */

struct resolving {
	const struct mflow *f;
	struct route_ip ips[4];
	int asked;
};

static struct route_ip to_ip(const struct maddr *a)
{
	struct route_ip ip = { .family = (uint8_t)a->family };

	memcpy(ip.bytes, a->b, sizeof(ip.bytes));
	return ip;
}

static int resolve(void *ctx, struct str domain, const struct route_ip **ret_ips, uint32_t *ret_n)
{
	struct resolving *r = ctx;

	r->asked++;
	if (!str_is(domain, r->f->domain) || r->f->n_resolved < 0)
		return -1;
	for (int i = 0; i < r->f->n_resolved; i++)
		r->ips[i] = to_ip(&r->f->resolved[i]);
	*ret_ips = r->ips;
	*ret_n = (uint32_t)r->f->n_resolved;
	return 0;
}

static void to_flow(const struct mflow *m, struct route_attr *attrs, struct resolving *r, struct route_flow *f)
{
	*r = (struct resolving){ .f = m };
	for (int i = 0; i < m->n_attrs; i++)
		attrs[i] = (struct route_attr){ str_of(m->attrs[i].name), str_of(m->attrs[i].value) };
	*f = (struct route_flow){ .network = m->udp ? ROUTE_UDP : ROUTE_TCP, .domain = str_of(m->domain),
		.target = to_ip(&m->target), .source = to_ip(&m->source), .local = to_ip(&m->local), .port = m->port,
		.source_port = m->sport, .local_port = m->lport, .inbound_tag = str_of(m->inbound),
		.user = str_of(m->user), .protocol = str_of(m->protocol), .attrs = attrs, .n_attrs = (uint32_t)m->n_attrs,
		.vless_route = m->vless, .has_vless_route = true, .process = str_of(m->process), .resolve = resolve,
		.resolve_ctx = r };
}

/* route_why_not rule by rule, as a person would ask. */
static int explain(const struct rules *t, struct route_flow *f)
{
	struct arena *a = arena_new();
	bool twice = t->strategy == 1 && f->domain.len;
	int found = -1;

	for (int pass = 0; pass <= twice && found < 0; pass++) {
		f->resolve = t->strategy == 2 || pass ? resolve : NULL;
		for (int i = 0; i < t->n && found < 0; i++)
			if (!route_why_not(a, t->t, (uint32_t)i, f))
				found = i;
	}
	arena_free(a);
	return found;
}

static void show(const struct rules *t, const struct mflow *m)
{
	char ip[INET6_ADDRSTRLEN] = "-";

	if (m->target.family)
		inet_ntop(m->target.family == 6 ? AF_INET6 : AF_INET, m->target.b, ip, sizeof(ip));
	fprintf(stderr, "%sflow: name '%s' address %s %s port %u from port %u to local port %u route %u inbound '%s' user '%s' "
		"protocol '%s' process '%s' %d attributes, %d resolved\n", t->text, m->domain, ip, m->udp ? "udp" : "tcp",
		m->port, m->sport, m->lport, m->vless, m->inbound, m->user, m->protocol, m->process, m->n_attrs,
		m->n_resolved);
}

struct counts {
	unsigned long pairs, matched, asked, explained, decided[MF__N], rules;
};

static bool one(const struct rules *t, struct counts *c)
{
	struct route_attr attrs[3];
	struct resolving r;
	struct route_flow f;
	struct mflow m;
	struct manswer want;
	uint32_t got;

	r_flow(&m);
	want = m_find(t->rules, t->n, t->strategy, &m);
	to_flow(&m, attrs, &r, &f);
	got = route_find(t->t, t->s, &f);
	c->pairs++;
	c->matched += want.rule >= 0;
	c->asked += want.asked;
	for (int k = 0; k < MF__N; k++)
		c->decided[k] += want.decided >> k & 1;
	if ((int)got != want.rule || r.asked != (int)want.asked) {
		show(t, &m);
		fprintf(stderr, "%s, %d rules: the index says %d (asked for addresses %d times), the matcher %d (%d)\n",
			strategies[t->strategy], t->n, (int)got, r.asked, want.rule, want.asked);
		return false;
	}
	if (t->n > 200 || c->pairs % 16 != 0)
		return true;
	c->explained++;
	if (explain(t, &f) == want.rule)
		return true;
	show(t, &m);
	fprintf(stderr, "route_why_not gives another rule than %d\n", want.rule);
	return false;
}

static int report(const struct counts *c, double seconds)
{
	int bad = c->matched * 100 < c->pairs * 30;

	printf("%lu pairs, %lu rules, %.1f s: %.1f%% match, %.1f%% ask for addresses, %lu held against route_why_not\n", c->pairs,
	       c->rules, seconds, 100.0 * (double)c->matched / (double)c->pairs,
	       100.0 * (double)c->asked / (double)c->pairs, c->explained);
	for (int k = 0; k < MF__N; k++) {
		double share = 100.0 * (double)c->decided[k] / (double)c->pairs;
		printf("  %-11s decides %5.2f%%\n", mf_names[k], share);
		bad |= share < 1;
	}
	if (bad)
		printf("too few: 30%% have to match, and every field has to decide 1%%\n");
	return bad;
}

/* Mostly small tables, where every rule counts; now and then a big one. */
static int table_size(unsigned long i)
{
	return i % 400 == 7 ? MOST_RULES : i % 20 == 3 ? 200 : 1 + (int)r_below(40);
}

int main(int argc, char **argv)
{
	unsigned long pairs = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
	struct files files = { .a = arena_new() };
	struct rules *t = calloc(1, sizeof(*t));
	struct counts c = { 0 };
	clock_t begin = clock();
	bool good = true;

	r_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 20261121;
	printf("seed %llu\n", (unsigned long long)r_state);
	m_lists = small_lists;
	open_files(&files);
	for (unsigned long i = 0; good && c.pairs < pairs; i++) {
		write_table(t, table_size(i));
		read_rules(t);
		open_table(t, &files);
		c.rules += (unsigned long)t->n;
		for (int k = 0; good && k < 250 && c.pairs < pairs; k++)
			good = one(t, &c);
		close_table(t);
	}
	for (unsigned i = 0; i < m_n_patterns; i++)
		regfree(&m_patterns[i].re);
	free(t);
	arena_free(files.a);
	return good ? report(&c, (double)(clock() - begin) / CLOCKS_PER_SEC) : 1;
}
