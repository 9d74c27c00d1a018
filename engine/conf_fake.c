/* fakedns: pools of addresses that are lent to names, one for each family. A pool that the table before had goes on with what
 * it has lent. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/conf_impl.h"
#include "engine/dnsmsg.h"

enum { SIZE_BOTH = 32768, SIZE_ALONE = 65535 };
static const char *const usual[] = { "198.18.0.0/15", "fc00::/18" };

struct conf_pool {
	_Atomic uint32_t refs;
	struct fakepool *pool;
	uint32_t size;
	char cidr[64];
};

static void drop(struct conf_pool *p)
{
	if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	fakepool_free(p->pool);
	free(p);
}

void conf_fake_free(struct conf *c)
{
	drop(c->pools[0]);
	drop(c->pools[1]);
}

static struct conf_pool *kept(const struct conf *before, unsigned i, const char *cidr, uint32_t size)
{
	struct conf_pool *p = before ? before->pools[i] : NULL;

	if (!p || p->size != size || !str_is(str_of(cidr), p->cidr))
		return NULL;
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

static int make(struct str cidr, uint32_t size, struct conf_pool **ret_pool)
{
	struct conf_pool *p = calloc(1, sizeof(*p));
	int r = p ? fakepool_new(&p->pool, cidr, size) : -ENOMEM;

	if (r) {
		free(p);
		return r;
	}
	atomic_init(&p->refs, 1);
	p->size = size;
	memcpy(p->cidr, cidr.p, cidr.len);
	*ret_pool = p;
	return 0;
}

/* 4 or 6 of "198.18.0.0/15", and how many bits its addresses differ in; -1: no network. */
static int family_of(struct str cidr, unsigned *ret_bits)
{
	struct str rest = cidr, address = str_cut(&rest, '/');
	struct route_ip ip;
	int64_t prefix;
	int64_t bits;

	if (cidr.len >= sizeof(((struct conf_pool *)0)->cidr) || route_ip_parse(address, &ip) || str_int(rest, &prefix))
		return -1;
	bits = (ip.family == ADDR_V4 ? 32 : 128) - prefix;
	*ret_bits = (unsigned)bits;
	return prefix < 0 || bits < 0 ? -1 : ip.family;
}

static void add(struct conf_reader *r, struct str cidr, uint32_t size, struct span at)
{
	struct conf *c = r->c;
	unsigned bits = 0, i;
	int family = family_of(cidr, &bits), error;

	if (family < 0) {
		conf_fault(r, at, "'ipPool' must be a network like '198.18.0.0/15', not '%.*s'", (int)cidr.len, cidr.p);
		return;
	}
	i = family == ADDR_V6;
	if (bits < 32 && size >= 1u << bits)
		conf_fault(r, at, "'poolSize' %u is more than '%.*s' has addresses", size, (int)cidr.len, cidr.p);
	if (c->pools[i]) {
		conf_fault(r, at, "the embedded engine takes one fakedns pool of IPv4 and one of IPv6");
		return;
	}
	c->pools[i] = kept(r->before, i, conf_copy_z(r, cidr), size);
	error = c->pools[i] ? 0 : make(cidr, size, &c->pools[i]);
	if (error == -ENOMEM)
		arena_fail(r->a);
	if (error)
		conf_fault(r, at, "'ipPool' must be a network like '198.18.0.0/15', not '%.*s'", (int)cidr.len, cidr.p);
}

/* --- the section --- */
struct entry {
	struct str cidr;
	int64_t size;
};
static const struct conf_key keys[] = {
	{ "ipPool", conf_set_str, CONF_AT(struct entry, cidr) },
	{ "poolSize", conf_set_i64, CONF_AT(struct entry, size), .lo = 1, .hi = UINT32_MAX },
};

static void read_pool(struct conf_reader *r, const struct value *v)
{
	struct entry e = { STR(""), 0 };

	conf_object(r, "a fakedns pool", keys, CONF_N(keys), v, &e);
	if (e.cidr.len && e.size)
		add(r, e.cidr, (uint32_t)e.size, v->span);
	else
		conf_fault(r, v->span, "a fakedns pool must have 'ipPool' and 'poolSize'");
}

/* A "fakedns" server without a section has Xray's pools, for the families that are asked for. */
static void add_usual(struct conf_reader *r)
{
	const struct dns_conf *d = &r->c->dns;
	uint32_t size = d->want4 && d->want6 ? SIZE_BOTH : SIZE_ALONE;

	if (d->want4)
		add(r, str_of(usual[0]), size, SPAN_NONE);
	if (d->want6)
		add(r, str_of(usual[1]), size, SPAN_NONE);
}

static bool is_used(const struct dns_conf *d)
{
	for (uint32_t i = 0; i < d->n_servers; i++)
		if (d->servers[i].is_fake)
			return true;
	return false;
}

void conf_fake(struct conf_reader *r)
{
	const struct value *v = &r->x->section[XS_FAKEDNS];

	if (!conf_absent(v) && v->kind == VAL_ARRAY)
		for (uint32_t i = 0; i < v->n; i++)
			read_pool(r, &v->items[i]);
	else if (!conf_absent(v))
		read_pool(r, v);
	else if (is_used(&r->c->dns))
		add_usual(r);
	for (unsigned i = 0; i < 2; i++)
		r->c->fake[i] = r->c->pools[i] ? r->c->pools[i]->pool : NULL;
}
