/* Addresses lent to names. Place i of the array stands for the address base + first + i; the places in use hang in chains of a
 * hash table by name and in a list from the newest use to the oldest. Links are numbers of places plus one; 0 = none, so that
 * memory nobody has touched yet (calloc) is an empty pool. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "engine/dnsmsg.h"

enum { PROBES = 8, SIZE_MAX_PLACES = 1 << 24 };

struct place {
	char *name; /* NULL: free */
	uint32_t chain, newer, older;
	uint8_t name_len;
};
struct fakepool {
	pthread_mutex_t lock;
	struct route_ip base; /* the net */
	uint8_t prefix_len;
	uint32_t first;       /* addresses at the begin that are not lent */
	uint32_t n, mask;     /* places; buckets - 1 */
	uint32_t used;
	uint32_t next_free;   /* no place before it is free */
	uint32_t newest, oldest;
	struct place *places;
	uint32_t *buckets;
};

/* --- making one --- */
static unsigned ip_bytes(const struct route_ip *ip)
{
	return ip->family == 4 ? 4 : 16;
}

static void mask_ip(struct route_ip *ip, unsigned bits)
{
	for (unsigned i = 0; i < ip_bytes(ip); i++, bits -= bits < 8 ? bits : 8)
		ip->bytes[i] &= (uint8_t)(bits >= 8 ? 0xff : 0xff00 >> bits);
}

static int parse_cidr(struct str cidr, struct fakepool *p)
{
	struct str ip = str_cut(&cidr, '/');
	int64_t bits;

	/* A mapped address has another length than its text says. */
	if (route_ip_parse(ip, &p->base) || (p->base.family == 4) != !memchr(ip.p, ':', ip.len))
		return -EINVAL;
	if (str_int(cidr, &bits) || bits < 0 || bits > 8 * ip_bytes(&p->base))
		return -EINVAL;
	p->prefix_len = (uint8_t)bits;
	mask_ip(&p->base, p->prefix_len);
	return 0;
}

/* Addresses of the net that can be lent; sets how many at the begin cannot. */
static uint64_t count_addresses(struct fakepool *p)
{
	unsigned host_bits = 8 * ip_bytes(&p->base) - p->prefix_len;
	uint64_t all = host_bits >= 32 ? UINT32_MAX : (uint64_t)1 << host_bits;

	p->first = all < 4 ? 0 : 1;
	return all < 4 ? all : all - (p->base.family == 4 ? 2 : 1);
}

static int make_places(struct fakepool *p, uint32_t size)
{
	uint64_t all = count_addresses(p);
	uint32_t buckets = 16;

	p->n = size < all ? size : (uint32_t)all;
	if (p->n > SIZE_MAX_PLACES)
		p->n = SIZE_MAX_PLACES;
	while (buckets < p->n)
		buckets *= 2;
	p->mask = buckets - 1;
	p->places = calloc(p->n, sizeof(*p->places));
	p->buckets = calloc(buckets, sizeof(*p->buckets));
	return p->places && p->buckets ? 0 : -ENOMEM;
}

int fakepool_new(struct fakepool **ret_pool, struct str cidr, uint32_t size)
{
	struct fakepool *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	r = size ? parse_cidr(cidr, p) : -EINVAL;
	if (!r)
		r = make_places(p, size);
	if (r) {
		fakepool_free(p);
		return r;
	}
	*ret_pool = p;
	return 0;
}

void fakepool_free(struct fakepool *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; p->places && i < p->n; i++)
		free(p->places[i].name);
	free(p->places);
	free(p->buckets);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* --- numbers and addresses --- */
static void ip_of(const struct fakepool *p, uint32_t i, struct route_ip *ret)
{
	uint64_t sum = (uint64_t)p->first + i;

	*ret = p->base;
	for (unsigned at = ip_bytes(ret); at-- && sum; sum >>= 8) {
		sum += ret->bytes[at];
		ret->bytes[at] = (uint8_t)sum;
	}
}

/* Place of an address: its number, -1 when it is of the net and none is there, -ENOENT when it is not of the net. */
static int64_t place_of(const struct fakepool *p, const struct route_ip *ip)
{
	struct route_ip net = *ip;
	unsigned n = ip_bytes(ip);
	uint64_t offset = 0;

	if (ip->family != p->base.family)
		return -ENOENT;
	mask_ip(&net, p->prefix_len);
	if (memcmp(net.bytes, p->base.bytes, n) != 0)
		return -ENOENT;
	for (unsigned i = 0; i < n; i++) {
		if (offset >> 56)
			return -1;
		offset = offset << 8 | (uint8_t)(ip->bytes[i] ^ p->base.bytes[i]);
	}
	return offset >= p->first && offset - p->first < p->n ? (int64_t)(offset - p->first) : -1;
}

/* --- the list, with the lock held --- */
static void list_out(struct fakepool *p, const struct place *e)
{
	*(e->newer ? &p->places[e->newer - 1].older : &p->newest) = e->older;
	*(e->older ? &p->places[e->older - 1].newer : &p->oldest) = e->newer;
}

static void list_in(struct fakepool *p, struct place *e)
{
	uint32_t link = (uint32_t)(e - p->places) + 1;

	e->newer = 0;
	e->older = p->newest;
	*(p->newest ? &p->places[p->newest - 1].newer : &p->oldest) = link;
	p->newest = link;
}

static void touch(struct fakepool *p, struct place *e)
{
	list_out(p, e);
	list_in(p, e);
}

/* --- the table, with the lock held --- */
static struct str place_name(const struct place *e)
{
	return (struct str){ e->name, e->name_len };
}

/* The link that leads to the name, or where its chain ends. */
static uint32_t *find(struct fakepool *p, struct str name)
{
	uint32_t *link = &p->buckets[wire_hash(name, (uintptr_t)p) & p->mask];

	while (*link && !str_eq(place_name(&p->places[*link - 1]), name))
		link = &p->places[*link - 1].chain;
	return link;
}

/* A free place: near the one that the name's letters say (the same after a restart), else the first one. */
static struct place *free_place(struct fakepool *p, struct str name)
{
	uint32_t at = (uint32_t)(str_hash(name) % p->n);

	for (unsigned i = 0; i < PROBES; i++, at = at + 1 < p->n ? at + 1 : 0)
		if (!p->places[at].name)
			return &p->places[at];
	while (p->places[p->next_free].name)
		p->next_free++;
	return &p->places[p->next_free];
}

static void take_back(struct fakepool *p, struct place *e)
{
	uint32_t *link = find(p, place_name(e));

	*link = e->chain;
	list_out(p, e);
	free(e->name);
	e->name = NULL;
	p->used--;
}

/* NULL when memory is out. */
static struct place *lend(struct fakepool *p, struct str name)
{
	char *copy = malloc(name.len);
	struct place *e;
	uint32_t *link;

	if (!copy)
		return NULL;
	if (p->used < p->n) {
		e = free_place(p, name);
	} else {
		e = &p->places[p->oldest - 1];
		take_back(p, e);
	}
	memcpy(copy, name.p, name.len);
	link = find(p, name);
	*e = (struct place){ .name = copy, .name_len = (uint8_t)name.len };
	*link = (uint32_t)(e - p->places) + 1;
	list_in(p, e);
	p->used++;
	return e;
}

void fakepool_lend(struct fakepool *p, struct str name, struct route_ip *ret_ip)
{
	struct place *e;
	uint32_t link;

	*ret_ip = (struct route_ip){ 0 };
	if (!name.len || name.len > ADDR_NAME_MAX)
		return;
	pthread_mutex_lock(&p->lock);
	link = *find(p, name);
	e = link ? &p->places[link - 1] : lend(p, name);
	if (link)
		touch(p, e);
	if (e)
		ip_of(p, (uint32_t)(e - p->places), ret_ip);
	pthread_mutex_unlock(&p->lock);
}

int fakepool_name(struct fakepool *p, const struct route_ip *ip, char ret_name[256])
{
	int64_t i = place_of(p, ip); /* what it reads never changes */
	int len = 0;

	if (i < 0)
		return i == -1 ? 0 : -ENOENT;
	pthread_mutex_lock(&p->lock);
	if (p->places[i].name) {
		len = p->places[i].name_len;
		memcpy(ret_name, p->places[i].name, (size_t)len);
		ret_name[len] = '\0';
		touch(p, &p->places[i]);
	}
	pthread_mutex_unlock(&p->lock);
	return len;
}
