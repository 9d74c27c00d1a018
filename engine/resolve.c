/* Looking names up: who waits for what. Those that wait for the same name in the same way share one lookup. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine/elog.h"
#include "engine/hosts.h"
#include "engine/resolve_impl.h"

enum { LOOKUPS_MAX = 4096, HOSTS_TTL = 10 };

struct query {
	struct query *next, **at;
	struct query **ret; /* the caller's place, while it has not been told of it */
	struct lookup *of;
	query_fn *simple;
	resolved_fn *full;
	void *ctx;
};

int resolver_open(struct worker *w)
{
	w->resolver = calloc(1, sizeof(*w->resolver));
	if (!w->resolver)
		return -ENOMEM;
	resolve_system_init(&w->resolver->system);
	return 0;
}

struct resolve_system *resolver_system(struct worker *w)
{
	return &w->resolver->system;
}

uint16_t resolver_random(struct worker *w)
{
	struct resolver *r = w->resolver;

	if (!r->n_random) {
		while (getrandom(r->random, sizeof(r->random), 0) != sizeof(r->random))
			;
		r->n_random = sizeof(r->random) / sizeof(*r->random);
	}
	return r->random[--r->n_random];
}

/* --- the end of a lookup --- */
static void release(struct loop *l, struct retired *r)
{
	(void)l;
	free(r);
}

static void unlink_lookup(struct lookup *l)
{
	if (!l->at)
		return;
	*l->at = l->next;
	if (l->next)
		l->next->at = l->at;
	l->at = NULL;
	l->w->resolver->n_lookups--;
}

static void drop_lookup(struct lookup *l)
{
	unlink_lookup(l);
	for (int i = 0; i < 2; i++)
		resolve_send_cancel(l->w, l->parts[i].exchange);
	conf_drop(l->conf);
	loop_retire(&l->w->loop, &l->retired, release);
}

static struct query *take_query(struct lookup *l)
{
	struct query *q = l->waiting;

	if (!q)
		return NULL;
	l->waiting = q->next;
	if (q->next)
		q->next->at = &l->waiting;
	return q;
}

static void unlink_query(struct query *q)
{
	*q->at = q->next;
	if (q->next)
		q->next->at = q->at;
}

void resolve_cancel(struct worker *w, struct query *q)
{
	struct lookup *l = q->of;

	(void)w;
	unlink_query(q);
	free(q);
	if (!l->waiting && !l->ending)
		drop_lookup(l);
}

static void tell(struct worker *w, query_fn *simple, resolved_fn *full, void *ctx, const struct resolved *r)
{
	if (full)
		full(w, ctx, r);
	else if (simple)
		simple(w, ctx, r->error, r->ips, r->n);
}

/* Whoever is told may ask again, and may cancel what others wait for. */
void resolve_end(struct lookup *l, const struct resolved *r)
{
	struct query *q;

	unlink_lookup(l);
	l->ending = true;
	if (!(l->how & RESOLVE_SYSTEM))
		elog_name(l->w, l->conf, l->name, r);
	while ((q = take_query(l))) {
		struct query told = *q;

		free(q);
		if (told.ret)
			*told.ret = NULL;
		tell(l->w, told.simple, told.full, told.ctx, r);
	}
	drop_lookup(l);
}

/* Nobody is told: whoever waits has gone. */
static void forget(struct lookup *l)
{
	struct query *q;

	while ((q = take_query(l)))
		free(q);
	drop_lookup(l);
}

void resolver_close(struct worker *w)
{
	struct resolver *r = w->resolver;

	if (!r)
		return;
	for (int i = 0; i < RESOLVE_BUCKETS; i++)
		while (r->buckets[i])
			forget(r->buckets[i]);
	dnscache_free(r->cache);
	resolve_system_fini(&r->system);
	free(r);
	w->resolver = NULL;
}

/* --- asking --- */
static struct lookup **bucket_of(struct resolver *r, const struct conf *c, struct str name, unsigned how)
{
	return &r->buckets[(wire_hash(name, (uintptr_t)r) + c->generation * 31 + how) % RESOLVE_BUCKETS];
}

static struct lookup *find_lookup(struct lookup *l, const struct conf *c, struct str name, unsigned how)
{
	while (l && (l->conf != c || l->how != how || !str_eq(l->name, name)))
		l = l->next;
	return l;
}

static struct lookup *new_lookup(struct worker *w, const struct conf *c, struct str name, unsigned how)
{
	struct resolver *r = w->resolver;
	struct lookup *l = r->n_lookups < LOOKUPS_MAX ? calloc(1, sizeof(*l)) : NULL;
	struct lookup **bucket = bucket_of(r, c, name, how);

	if (!l)
		return NULL;
	l->w = w;
	l->conf = resolve_conf(c);
	conf_hold(l->conf);
	l->how = how;
	memcpy(l->text, name.p, name.len);
	l->name = l->asked = (struct str){ l->text, name.len };
	l->rcode = DNS_SERVFAIL;
	l->next = *bucket;
	if (l->next)
		l->next->at = &l->next;
	l->at = bucket;
	*bucket = l;
	r->n_lookups++;
	return l;
}

static struct query *add_query(struct lookup *l, const struct query *like)
{
	struct query *q = malloc(sizeof(*q));

	if (!q)
		return NULL;
	*q = *like;
	q->of = l;
	q->next = l->waiting;
	q->at = &l->waiting;
	if (q->next)
		q->next->at = &q->next;
	l->waiting = q;
	*q->ret = q;
	return q;
}

static void tell_fault(struct worker *w, const struct query *q, int error, uint8_t rcode)
{
	const struct resolved r = { .error = error, .rcode = rcode };

	tell(w, q->simple, q->full, q->ctx, &r);
}

static void join(struct worker *w, struct lookup *l, const struct query *like)
{
	struct query *q = add_query(l, like);

	if (q)
		q->ret = NULL;
	else
		tell_fault(w, like, -ENOMEM, DNS_SERVFAIL);
}

/* alias: what hosts has put in the name's place; empty: nothing. */
static void begin(struct worker *w, const struct conf *c, struct str name, struct str alias, unsigned how, const struct query *like)
{
	struct lookup *l = new_lookup(w, c, name, how);
	struct query *q = l ? add_query(l, like) : NULL;

	if (!q) {
		if (l)
			drop_lookup(l);
		tell_fault(w, like, -ENOMEM, DNS_SERVFAIL);
		return;
	}
	if (alias.len)
		l->asked = alias;
	resolve_choose(l);
	resolve_go_on(l);
	if (!l->ending) /* it is still there in any case: memory goes behind the batch */
		q->ret = NULL;
}

/* What hosts says; true: that was the answer. */
static bool ask_hosts(struct worker *w, const struct conf *c, struct str name, unsigned how, const struct query *like,
		      struct str *ret_alias)
{
	struct hosts_answer a;
	int found = hosts_find(&w->small, c, name, how & RESOLVE_4, how & RESOLVE_6, &a);
	struct resolved r = { .ttl = HOSTS_TTL, .ips = a.ips, .n = a.n };

	if (found == HOSTS_ALIAS)
		*ret_alias = a.alias;
	if (found == HOSTS_NONE || found == HOSTS_ALIAS)
		return false;
	if (found < 0) {
		tell_fault(w, like, found, DNS_SERVFAIL);
	} else if (found == HOSTS_CODE || !a.n) {
		if (how & RESOLVE_ELSE_SYSTEM)
			return false;
		tell_fault(w, like, -ENOENT, found == HOSTS_CODE ? (uint8_t)(a.rcode & 15) : DNS_OK);
	} else {
		tell(w, like->simple, like->full, like->ctx, &r);
	}
	return true;
}

static void ask(struct worker *w, const struct conf *c, struct str name, unsigned how, const struct query *like)
{
	struct str alias = STR("");
	struct lookup *l;

	*like->ret = NULL;
	if (!(how & RESOLVE_SYSTEM) && !c->dns.want4)
		how &= ~(unsigned)RESOLVE_4;
	if (!(how & RESOLVE_SYSTEM) && !c->dns.want6)
		how &= ~(unsigned)RESOLVE_6;
	if (!name.len || name.len > ADDR_NAME_MAX || !(how & (RESOLVE_4 | RESOLVE_6 | RESOLVE_ELSE_SYSTEM))) {
		tell_fault(w, like, -ENOENT, DNS_OK);
		return;
	}
	if (!(how & RESOLVE_SYSTEM) && ask_hosts(w, c, name, how, like, &alias))
		return;
	l = find_lookup(*bucket_of(w->resolver, c, name, how), c, name, how);
	if (l)
		join(w, l, like);
	else
		begin(w, c, name, alias, how, like);
}

void resolve_ask(struct worker *w, const struct conf *c, struct str name, unsigned how, resolved_fn *done, void *ctx,
		 struct query **ret_query)
{
	const struct query like = { .ret = ret_query, .full = done, .ctx = ctx };

	ask(w, c, name, how, &like);
}

void resolve_start(struct worker *w, const struct conf *c, struct str name, bool want4, bool want6, query_fn *done, void *ctx,
		   struct query **ret_query)
{
	const struct query like = { .ret = ret_query, .simple = done, .ctx = ctx };

	ask(w, c, name, (want4 ? RESOLVE_4 : 0u) | (want6 ? RESOLVE_6 : 0u), &like);
}

void resolve_dial(struct worker *w, const struct conf *c, struct str name, enum domain_strategy strategy, query_fn *done, void *ctx,
		  struct query **ret_query)
{
	static const uint8_t how[] = {
		[DS_AS_IS] = RESOLVE_4 | RESOLVE_6 | RESOLVE_SYSTEM,
		[DS_USE_IP] = RESOLVE_4 | RESOLVE_6 | RESOLVE_ELSE_SYSTEM,
		[DS_USE_IP4] = RESOLVE_4 | RESOLVE_ELSE_SYSTEM, [DS_USE_IP6] = RESOLVE_6 | RESOLVE_ELSE_SYSTEM,
		[DS_USE_IP46] = RESOLVE_4 | RESOLVE_6 | RESOLVE_ELSE_SYSTEM,
		[DS_USE_IP64] = RESOLVE_4 | RESOLVE_6 | RESOLVE_ELSE_SYSTEM,
		[DS_FORCE_IP] = RESOLVE_4 | RESOLVE_6, [DS_FORCE_IP4] = RESOLVE_4, [DS_FORCE_IP6] = RESOLVE_6,
		[DS_FORCE_IP46] = RESOLVE_4 | RESOLVE_6, [DS_FORCE_IP64] = RESOLVE_4 | RESOLVE_6,
	};
	const struct query like = { .ret = ret_query, .simple = done, .ctx = ctx };

	ask(w, c, name, how[strategy], &like);
}
