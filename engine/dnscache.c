/* Answers by (name, type): a hash table with chains, its entries in a list from the newest use to the oldest. An entry has the
 * room its answer needs and no more. */
#include <stdlib.h>

#include "engine/dnsmsg.h"

struct entry {
	struct entry *chain;
	struct entry *newer, *older;
	int64_t expires_ms;
	uint16_t type;
	uint8_t rcode, name_len;
	uint32_t n;
	struct route_ip ips[]; /* n of them, then the name */
};
struct dnscache {
	size_t max, count, mask;
	struct entry *newest, *oldest;
	struct entry **buckets;
};

struct dnscache *dnscache_new(size_t max_entries)
{
	struct dnscache *c = calloc(1, sizeof(*c));
	size_t n = 16;

	while (n < max_entries && n < SIZE_MAX / 4 / sizeof(*c->buckets))
		n *= 2;
	if (c)
		c->buckets = calloc(n, sizeof(struct entry *));
	if (!c || !c->buckets) {
		free(c);
		return NULL;
	}
	c->max = max_entries;
	c->mask = n - 1;
	return c;
}

void dnscache_free(struct dnscache *c)
{
	struct entry *next;

	if (!c)
		return;
	for (struct entry *e = c->newest; e; e = next) {
		next = e->older;
		free(e);
	}
	free(c->buckets);
	free(c);
}

size_t dnscache_count(const struct dnscache *c)
{
	return c->count;
}

/* --- the list --- */
static void list_out(struct dnscache *c, struct entry *e)
{
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void list_in(struct dnscache *c, struct entry *e)
{
	e->newer = NULL;
	e->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
}

/* --- the table --- */
static struct str entry_name(const struct entry *e)
{
	return (struct str){ (const char *)(e->ips + e->n), e->name_len };
}

/* The place that points to the entry, or where a chain ends. */
static struct entry **find(const struct dnscache *c, struct str name, uint16_t type)
{
	struct entry **at = &c->buckets[(wire_hash(name, (uintptr_t)c) + type) & c->mask];

	while (*at && ((*at)->type != type || !str_eq(entry_name(*at), name)))
		at = &(*at)->chain;
	return at;
}

/* at is of find: nothing happens at the end of a chain. */
static void drop(struct dnscache *c, struct entry **at)
{
	struct entry *e = *at;

	if (!e)
		return;
	*at = e->chain;
	list_out(c, e);
	c->count--;
	free(e);
}

int dnscache_get(struct dnscache *c, struct str name, uint16_t type, int64_t now_ms, struct dnsmsg_answer *ret)
{
	struct entry **at = find(c, name, type), *e = *at;

	if (!e)
		return 1;
	if (e->expires_ms <= now_ms) {
		drop(c, at);
		return 1;
	}
	list_out(c, e);
	list_in(c, e);
	ret->id = 0;
	ret->type = type;
	ret->rcode = e->rcode;
	ret->truncated = false;
	ret->n = e->n;
	ret->ttl = (uint32_t)((e->expires_ms - now_ms + 999) / 1000);
	if (e->n)
		memcpy(ret->ips, e->ips, e->n * sizeof(*e->ips));
	return 0;
}

void dnscache_put(struct dnscache *c, struct str name, const struct dnsmsg_answer *answer, int64_t now_ms)
{
	struct entry **at, *e;

	if (!c->max || !answer->ttl || answer->truncated || name.len > DNS_NAME_MAX || answer->n > DNS_IPS_MAX ||
		(answer->rcode != DNS_OK && answer->rcode != DNS_NXDOMAIN))
		return;
	e = calloc(1, sizeof(*e) + answer->n * sizeof(*e->ips) + name.len);
	if (!e)
		return;
	drop(c, find(c, name, answer->type));
	if (c->count == c->max)
		drop(c, find(c, entry_name(c->oldest), c->oldest->type));
	e->expires_ms = now_ms + (int64_t)answer->ttl * 1000;
	e->type = answer->type;
	e->rcode = answer->rcode;
	e->name_len = (uint8_t)name.len;
	e->n = answer->n;
	memcpy(e->ips, answer->ips, answer->n * sizeof(*e->ips));
	memcpy(e->ips + e->n, name.p, name.len);
	at = find(c, name, answer->type);
	e->chain = *at;
	*at = e;
	list_in(c, e);
	c->count++;
}
