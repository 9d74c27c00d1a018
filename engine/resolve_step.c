/* What a lookup asks: the servers that the table's rules choose, in Xray's order; of the system's resolver each of its servers.
 * Each step asks for both kinds of address at once; the first step that leaves an address ends the lookup. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/resolve_impl.h"

enum { CACHE_ENTRIES = 4096, HOSTS_TTL = 10, FAKE_TTL = 1, SUBNET4 = 24, SUBNET6 = 96,
	QUERY_ID = 0 /* the one that travels is another */ };

/* --- the cache: by server, since each may say something else --- */
static uint16_t cache_type(const struct lookup *l, uint16_t type)
{
	return (uint16_t)((l->steps[l->step].server + 1u) << 8 | type);
}

static const struct dns_server *server_of(const struct lookup *l)
{
	uint8_t i = l->steps[l->step].server;

	return i == RESOLVE_SYSTEM_SERVER ? NULL : &l->conf->dns.servers[i];
}

/* NULL: not for this lookup. */
static struct dnscache *cache_for(const struct lookup *l)
{
	struct resolver *r = l->w->resolver;
	const struct dns_server *s = server_of(l);

	if (l->conf->generation < r->cache_of || (s && s->disable_cache))
		return NULL;
	if (l->conf->generation > r->cache_of || !r->cache) {
		dnscache_free(r->cache);
		r->cache = dnscache_new(CACHE_ENTRIES);
		r->cache_of = l->conf->generation;
	}
	return r->cache;
}

static void take_answer(struct part *p, const struct dnsmsg_answer *a)
{
	p->answered = true;
	p->rcode = a->rcode;
	p->ttl = a->ttl;
	p->n = a->n;
	memcpy(p->ips, a->ips, a->n * sizeof(*a->ips));
}

static bool look_into_cache(struct lookup *l, struct part *p)
{
	struct dnscache *c = cache_for(l);
	struct dnsmsg_answer a;

	if (!c || dnscache_get(c, l->asked, cache_type(l, p->type), l->w->loop.now_ms, &a))
		return false;
	take_answer(p, &a);
	return true;
}

static void keep_answer(struct lookup *l, struct part *p, struct dnsmsg_answer *a)
{
	struct dnscache *c = cache_for(l);

	a->type = cache_type(l, p->type);
	if (c)
		dnscache_put(c, l->asked, a, l->w->loop.now_ms);
}

/* --- one step --- */
static bool end_step(struct lookup *l);
static bool ask_plainly(struct lookup *l, struct part *p, uint8_t rcode);

static void on_answer(struct worker *w, void *ctx, int error, struct str message)
{
	struct part *p = ctx;
	struct lookup *l = p->of;
	struct dnsmsg_answer a = { .rcode = DNS_SERVFAIL };

	(void)w;
	p->exchange = NULL;
	p->error = error;
	if (!error && dnsmsg_read(message, QUERY_ID, l->asked, p->type, &a))
		a.rcode = DNS_SERVFAIL;
	if (!error && ask_plainly(l, p, a.rcode))
		return;
	if (a.rcode == DNS_OK || a.rcode == DNS_NXDOMAIN) {
		take_answer(p, &a);
		keep_answer(l, p, &a);
	} else if (!error) {
		p->error = -EHOSTUNREACH;
	}
	if (!--l->running && !end_step(l))
		resolve_go_on(l);
}

/* The client's net, as Xray tells it (RFC 7871): the option goes into the empty OPT record that ends the query. */
static size_t add_subnet(uint8_t *q, size_t len, const struct route_ip *ip)
{
	uint8_t bits = ip->family == ADDR_V4 ? SUBNET4 : SUBNET6, n = bits / 8;
	const uint8_t option[] = { 0, (uint8_t)(8 + n), 0, 8, 0, (uint8_t)(4 + n), 0, ip->family == ADDR_V4 ? 1 : 2, bits, 0 };

	memcpy(q + len - 2, option, sizeof(option));
	memcpy(q + len - 2 + sizeof(option), ip->bytes, n);
	return len - 2 + sizeof(option) + n;
}

static int send_part(struct lookup *l, struct part *p, const struct exchange_to *to)
{
	uint8_t query[DNS_QUERY_MAX + 32];
	const struct dns_server *s = server_of(l);
	int len = dnsmsg_query(query, DNS_QUERY_MAX, QUERY_ID, l->asked, p->type);
	size_t n = len > 0 ? (size_t)len : 0;

	if (len < 0)
		return len;
	if (p->plain)
		n = dnsmsg_plain(query, n);
	else if (s && s->client_ip.family)
		n = add_subnet(query, n, &s->client_ip);
	p->exchange = resolve_send(l->w, to, (struct str){ (const char *)query, n }, on_answer, p);
	return p->exchange ? 0 : -EHOSTUNREACH;
}

static void ask_server(struct lookup *l, const struct exchange_to *to)
{
	for (int i = 0; i < 2; i++) {
		struct part *p = &l->parts[i];

		if (!p->wanted || look_into_cache(l, p))
			continue;
		p->error = send_part(l, p, to);
		if (!p->error)
			l->running++;
	}
}

static struct part *part_of(struct lookup *l, const struct route_ip *ip)
{
	return &l->parts[ip->family == ADDR_V6];
}

static void give(struct lookup *l, const struct route_ip *ips, uint32_t n, uint32_t ttl)
{
	for (uint32_t i = 0; i < n; i++) {
		struct part *p = part_of(l, &ips[i]);

		p->answered = true;
		p->ttl = ttl;
		if (p->n < DNS_IPS_MAX)
			p->ips[p->n++] = ips[i];
	}
}

static unsigned wanted_by(const struct lookup *l)
{
	return (l->parts[0].wanted ? RESOLVE_4 : 0u) | (l->parts[1].wanted ? RESOLVE_6 : 0u);
}

/* Where this step's queries go. False: the system has no such server or suffix any more. */
static bool where_to(struct lookup *l, struct exchange_to *ret)
{
	const struct resolve_system *system = &l->w->resolver->system;
	const struct dns_server *s = server_of(l);
	uint8_t which = l->steps[l->step].system;

	if (s && !s->is_local) {
		*ret = (struct exchange_to){ .conf = l->conf, .system_name = true, .server = s->addr, .tcp = s->tcp,
					     .tag = s->direct ? NULL : s->tag, .timeout_ms = s->timeout_ms };
		return true;
	}
	*ret = (struct exchange_to){ .timeout_ms = s ? s->timeout_ms : system->try_ms * system->tries, .tries = system->tries };
	if (which >= system->n_servers || !l->asked.len)
		return false;
	ret->server = system->servers[which];
	return true;
}

/* Old servers do not know EDNS, and say that they cannot read it (RFC 6891 7). True: the question is under way once more. */
static bool ask_plainly(struct lookup *l, struct part *p, uint8_t rcode)
{
	struct exchange_to to;

	if (p->plain || (rcode != DNS_FORMERR && rcode != DNS_NOTIMP) || !where_to(l, &to))
		return false;
	p->plain = true;
	return !send_part(l, p, &to);
}

static void ask_system(struct lookup *l)
{
	struct route_ip ips[DNS_IPS_MAX];
	uint32_t n = 0;
	struct exchange_to to;

	if (l->steps[l->step].is_first)
		n = resolve_system_hosts(&l->w->resolver->system, l->base, wanted_by(l), ips, DNS_IPS_MAX);
	if (n)
		give(l, ips, n, HOSTS_TTL);
	else if (where_to(l, &to))
		ask_server(l, &to);
}

static void ask_fake(struct lookup *l)
{
	for (int i = 0; i < 2; i++) {
		struct route_ip ip = { 0 };

		if (l->parts[i].wanted && l->conf->fake[i])
			fakepool_lend(l->conf->fake[i], l->asked, &ip);
		if (ip.family)
			give(l, &ip, 1, FAKE_TTL);
	}
}

static void begin_part(struct lookup *l, int i, uint16_t type, bool wanted)
{
	struct part *p = &l->parts[i];

	p->of = l;
	p->type = type;
	p->wanted = wanted;
	p->answered = p->plain = false;
	p->error = 0;
	p->n = 0;
	p->rcode = 0;
	p->ttl = 0;
}

/* Where nobody else knew the name it is dialled as it is, with whatever address it has. */
static bool wants_of_system(const struct lookup *l, unsigned family)
{
	return l->how & (RESOLVE_ELSE_SYSTEM | family);
}

/* The name with the suffix of this step; empty where that is no name, or the list has changed. */
static struct str name_of_step(struct lookup *l)
{
	const struct resolve_system *s = &l->w->resolver->system;
	uint8_t i = l->steps[l->step].suffix;
	int n;

	if (!i)
		return l->base;
	if (i > s->n_search || l->base.len + 1 + s->search[i - 1].len > DNS_NAME_MAX)
		return STR("");
	n = snprintf(l->full, sizeof(l->full), "%.*s.%.*s", (int)l->base.len, l->base.p, (int)s->search[i - 1].len,
		     s->search[i - 1].p);
	return (struct str){ l->full, (size_t)n };
}

static void begin_step(struct lookup *l)
{
	const struct dns_server *s = server_of(l);
	struct exchange_to to;

	l->asked = name_of_step(l);
	begin_part(l, 0, DNS_A, s ? l->how & RESOLVE_4 && s->want4 : wants_of_system(l, RESOLVE_4));
	begin_part(l, 1, DNS_AAAA, s ? l->how & RESOLVE_6 && s->want6 : wants_of_system(l, RESOLVE_6));
	if (!s || s->is_local) {
		ask_system(l);
	} else if (s->is_fake) {
		ask_fake(l);
	} else if (where_to(l, &to)) {
		ask_server(l, &to);
	}
}

/* --- the end of a step: which of its addresses count --- */
struct candidates {
	struct route_ip ips[2 * DNS_IPS_MAX];
	uint32_t n;
};

/* Leaves those of which the list says yes (or no). strict: also when that leaves none. */
static void filter(struct lookup *l, struct candidates *c, const struct small *list, bool yes, bool strict)
{
	struct candidates left = { .n = 0 };

	if (!list->table)
		return;
	for (uint32_t i = 0; i < c->n; i++)
		if ((small_has_ip(&l->w->small, l->conf, list, &c->ips[i]) > 0) == yes)
			left.ips[left.n++] = c->ips[i];
	if (left.n || strict)
		*c = left;
}

static void filter_all(struct lookup *l, struct candidates *c)
{
	const struct dns_server *s = server_of(l);

	if (!s)
		return;
	if (!s->prefer_expected)
		filter(l, c, &s->expected, true, true);
	if (!s->prefer_others)
		filter(l, c, &s->unexpected, false, true);
	if (s->prefer_expected)
		filter(l, c, &s->expected, true, false);
	if (s->prefer_others)
		filter(l, c, &s->unexpected, false, false);
}

/* What was said without an address: an empty answer weighs more than no such name, and that more than a failure. */
static void note(struct lookup *l, uint8_t rcode, int error)
{
	static const uint8_t weight[] = { [DNS_OK] = 3, [DNS_SERVFAIL] = 1, [DNS_NXDOMAIN] = 2 };

	if (weight[rcode] <= weight[l->rcode] && l->error)
		return;
	l->rcode = rcode;
	l->error = error;
}

static void note_step(struct lookup *l)
{
	for (int i = 0; i < 2; i++) {
		const struct part *p = &l->parts[i];

		if (p->wanted && p->answered)
			note(l, p->rcode, -ENOENT);
		else if (p->wanted && p->error)
			note(l, DNS_SERVFAIL, p->error == -ETIMEDOUT || p->error == -ENOMEM ? p->error : -EHOSTUNREACH);
	}
}

/* A server of the system that has answered speaks for all of them, about that name. */
static void next_step(struct lookup *l)
{
	const struct step done = l->steps[l->step];
	bool answered = l->parts[0].answered || l->parts[1].answered;

	do
		l->step++;
	while (answered && l->step < l->n_steps && l->steps[l->step].server == done.server &&
	       l->steps[l->step].suffix == done.suffix);
}

/* true: the lookup has ended. */
static bool end_step(struct lookup *l)
{
	struct candidates c = { .n = 0 };
	struct resolved r = { .ttl = DNS_TTL_MAX };

	for (int i = 0; i < 2; i++) {
		const struct part *p = &l->parts[i];

		if (!p->n)
			continue;
		memcpy(c.ips + c.n, p->ips, p->n * sizeof(*p->ips));
		c.n += p->n;
		r.ttl = p->ttl < r.ttl ? p->ttl : r.ttl;
	}
	if (c.n)
		filter_all(l, &c);
	if (c.n) {
		r.ips = c.ips;
		r.n = c.n;
		resolve_end(l, &r);
		return true;
	}
	note_step(l);
	next_step(l);
	return false;
}

void resolve_go_on(struct lookup *l)
{
	struct resolved r = { 0 };

	while (l->step < l->n_steps) {
		begin_step(l);
		if (l->running || end_step(l))
			return;
	}
	r.rcode = l->error ? l->rcode : DNS_OK;
	r.error = l->error ? l->error : -ENOENT;
	resolve_end(l, &r);
}

/* --- which servers --- */
static void add_step(struct lookup *l, struct step step)
{
	if (l->n_steps < RESOLVE_STEPS)
		l->steps[l->n_steps++] = step;
}

static unsigned count_dots(struct str name)
{
	unsigned n = 0;

	for (size_t i = 0; i < name.len; i++)
		n += name.p[i] == '.';
	return n;
}

/* As it is, and with each suffix of the search list: the former first when it has dots enough. */
static void add_system(struct lookup *l, uint8_t server)
{
	struct resolve_system *s = &l->w->resolver->system;
	unsigned n, from;

	resolve_system_check(s, l->w->loop.now_ms);
	n = s->n_search + 1;
	from = count_dots(l->base) >= s->ndots ? 0 : 1;
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < s->n_servers; k++)
			add_step(l, (struct step){ .server = server, .system = (uint8_t)k, .suffix = (uint8_t)((i + from) % n),
						   .is_first = !i && !k });
}

static void add_server(struct lookup *l, uint32_t i)
{
	const struct dns_server *s = &l->conf->dns.servers[i];

	if (s->is_local)
		add_system(l, (uint8_t)i);
	else if (!s->is_fake || l->how & RESOLVE_FAKE)
		add_step(l, (struct step){ .server = (uint8_t)i });
}

/* First those whose names match, then the others, until one is final; none at all: the first. */
static void choose_of_table(struct lookup *l)
{
	const struct dns_conf *d = &l->conf->dns;
	uint32_t n = d->n_servers < RESOLVE_SYSTEM_SERVER ? d->n_servers : RESOLVE_SYSTEM_SERVER;
	bool used[RESOLVE_SYSTEM_SERVER] = { false }, any = false, final = false;

	for (uint32_t i = 0; i < n && !final; i++) {
		used[i] = d->servers[i].names.table && small_has_name(&l->w->small, l->conf, &d->servers[i].names, l->asked) > 0;
		if (!used[i])
			continue;
		any = true;
		final = d->servers[i].final_query;
		add_server(l, i);
	}
	if (final || (any && d->disable_fallback_if_match))
		return;
	for (uint32_t i = 0; i < n && !final && !d->disable_fallback; i++) {
		if (used[i] || d->servers[i].skip_fallback)
			continue;
		any = true;
		final = d->servers[i].final_query;
		add_server(l, i);
	}
	if (!any && n)
		add_server(l, 0);
}

void resolve_choose(struct lookup *l)
{
	l->base = l->asked;
	if (!(l->how & RESOLVE_SYSTEM))
		choose_of_table(l);
	if (l->how & (RESOLVE_SYSTEM | RESOLVE_ELSE_SYSTEM))
		add_system(l, RESOLVE_SYSTEM_SERVER);
}
