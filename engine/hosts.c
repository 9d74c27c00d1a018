/* dns.hosts. Every entry that matches counts: their addresses are put together. */
#include "engine/hosts.h"

#include <errno.h>
#include <string.h>

enum { FOLLOW_MOST = 5 };

struct found { /* of one name */
	struct hosts_answer *to;
	uint32_t n_all;   /* addresses and names, of any family */
	uint32_t entries;
	bool want4, want6, has_code;
};

static void add(struct found *f, const struct dns_answer *a)
{
	f->entries++;
	if (a->rcode >= 0 && !f->has_code) {
		f->has_code = true;
		f->to->rcode = (uint16_t)a->rcode;
	}
	if (a->alias.len) {
		f->n_all++;
		f->to->alias = a->alias;
	}
	for (uint32_t i = 0; i < a->n_ips; i++) {
		f->n_all++;
		if ((a->ips[i].family == ADDR_V4 ? f->want4 : f->want6) && f->to->n < HOSTS_IPS)
			f->to->ips[f->to->n++] = a->ips[i];
	}
}

static const struct dns_host *exact(const struct dns_conf *d, struct str name)
{
	uint32_t lo = 0, hi = d->n_hosts;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		struct str at = d->hosts[mid].name;
		int order = memcmp(at.p, name.p, at.len < name.len ? at.len : name.len);

		if (!order && at.len == name.len)
			return &d->hosts[mid];
		if (order < 0 || (!order && at.len < name.len))
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static int look_up(struct small_asker *asker, const struct conf *c, struct str name, struct found *f)
{
	const struct dns_conf *d = &c->dns;
	const struct dns_host *h = exact(d, name);

	if (h)
		add(f, &h->answer);
	for (uint32_t i = 0; i < d->n_groups; i++) {
		int r = small_has_name(asker, c, &d->groups[i].names, name);

		if (r < 0)
			return r;
		if (r)
			add(f, &d->groups[i].answer);
	}
	return 0;
}

int hosts_find(struct small_asker *asker, const struct conf *c, struct str name, bool want4, bool want6, struct hosts_answer *ret)
{
	bool followed = false;

	ret->alias = STR("");
	for (int depth = 0; name.len; depth++) {
		struct found f = { .to = ret, .want4 = want4, .want6 = want6 };
		int r;

		ret->n = 0;
		r = look_up(asker, c, name, &f);
		if (r)
			return r;
		if (f.has_code)
			return HOSTS_CODE;
		if (!f.entries) {
			ret->alias = name;
			return followed ? HOSTS_ALIAS : HOSTS_NONE;
		}
		if (f.n_all != 1 || ret->n || !ret->alias.len)
			return HOSTS_FOUND;
		if (depth == FOLLOW_MOST)
			return HOSTS_ALIAS;
		name = ret->alias;
		followed = true;
		ret->alias = STR("");
	}
	return HOSTS_NONE;
}
