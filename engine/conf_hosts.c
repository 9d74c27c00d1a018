/* dns.hosts: exact names are sorted for a binary search; patterns that stand for the same become one small table. */
#include <stdlib.h>
#include <string.h>

#include "engine/conf_impl.h"

struct hosts { /* while they are read */
	struct map *exact;  /* name -> struct dns_host * */
	struct map *groups; /* an answer as text -> struct patterns * */
	struct patterns *first, *last;
	uint32_t n_groups, n_exact;
};
struct patterns {
	struct patterns *next;
	struct value list;
	struct dns_answer answer;
};
static const char *const prefixes[] = { "domain:", "keyword:", "regexp:", "dotless:", "geosite:", "ext:", "ext-domain:",
	"ext-site:" };

static bool is_pattern(struct str key)
{
	for (size_t i = 0; i < CONF_N(prefixes); i++)
		if (str_starts(key, prefixes[i]))
			return true;
	return false;
}

/* --- what a name stands for --- */
/* "#3" is an answer without addresses, with that code. */
static bool read_rcode(struct conf_reader *r, struct str text, struct span at, struct dns_answer *ret)
{
	int64_t code;

	if (!str_starts(text, "#"))
		return false;
	if (str_int(str_skip(text, 1), &code) || code < 0 || code > UINT16_MAX)
		conf_fault(r, at, "'%.*s' is not a response code: write '#' and a number", (int)text.len, text.p);
	else
		ret->rcode = (int32_t)code;
	return true;
}

static void read_one(struct conf_reader *r, const struct value *v, struct dns_answer *ret)
{
	static const struct conf_key key = { .name = "hosts" };
	struct addr a = { 0 };
	struct str text;

	if (!conf_text_of(r, &key, v, true, &text) || read_rcode(r, text, v->span, ret) ||
	    !conf_host(r, "hosts", text, v->span, &a))
		return;
	if (a.family == ADDR_NAME)
		ret->alias = ret->alias.len ? ret->alias : conf_copy(r, addr_name(&a));
	else
		addr_ip(&a, &ret->ips[ret->n_ips++]);
}

/* Of a list with a name in it only the first name counts, as in Xray. */
static struct dns_answer read_answer(struct conf_reader *r, const struct value *v)
{
	struct dns_answer a = { .rcode = -1 };

	if (v->kind == VAL_ARRAY) {
		a.ips = arena_array(r->a, struct route_ip, v->n);
		for (uint32_t i = 0; i < v->n; i++)
			read_one(r, &v->items[i], &a);
	} else {
		a.ips = arena_new_of(r->a, struct route_ip);
		read_one(r, v, &a);
	}
	if (a.alias.len || a.rcode >= 0)
		a.n_ips = 0;
	return a;
}

/* --- exact names --- */
static void put_exact(struct conf_reader *r, struct hosts *h, struct str name, const struct dns_answer *a)
{
	struct str key = str_of(str_lower(r->a, name));
	struct dns_host *host = map_get(h->exact, key);
	struct route_ip *both;

	if (!host) {
		host = &r->c->dns.hosts[h->n_exact++];
		*host = (struct dns_host){ key, *a };
		map_put(h->exact, key, host);
		return;
	}
	/* "example.com" and "full:example.com": both count. */
	both = arena_array(r->a, struct route_ip, host->answer.n_ips + a->n_ips);
	if (host->answer.n_ips)
		memcpy(both, host->answer.ips, host->answer.n_ips * sizeof(*both));
	if (a->n_ips)
		memcpy(both + host->answer.n_ips, a->ips, a->n_ips * sizeof(*both));
	host->answer.ips = both;
	host->answer.n_ips += a->n_ips;
	if (!host->answer.alias.len)
		host->answer.alias = a->alias;
	if (host->answer.rcode < 0)
		host->answer.rcode = a->rcode;
}

static int by_name(const void *a, const void *b)
{
	struct str x = ((const struct dns_host *)a)->name, y = ((const struct dns_host *)b)->name;
	int order = memcmp(x.p, y.p, x.len < y.len ? x.len : y.len);

	return order ? order : (x.len > y.len) - (x.len < y.len);
}

/* --- patterns --- */
static struct str as_text(struct conf_reader *r, const struct dns_answer *a)
{
	const char *text = arena_printf(r->a, "%d %.*s ", a->rcode, (int)a->alias.len, a->alias.p ? a->alias.p : "");
	size_t head = strlen(text), size = a->n_ips * sizeof(struct route_ip);
	char *all = arena_alloc(r->a, head + size + 1);

	memcpy(all, text, head);
	if (size)
		memcpy(all + head, a->ips, size);
	return (struct str){ all, head + size };
}

static void put_pattern(struct conf_reader *r, struct hosts *h, struct str pattern, struct span at, const struct dns_answer *a)
{
	struct str key = as_text(r, a);
	struct patterns *p = map_get(h->groups, key);

	if (!p) {
		p = arena_new_of(r->a, struct patterns);
		*p = (struct patterns){ .list = value_array(at), .answer = *a };
		map_put(h->groups, key, p);
		if (h->last)
			h->last->next = p;
		else
			h->first = p;
		h->last = p;
		h->n_groups++;
	}
	value_push(r->a, &p->list, value_string_n(pattern, at));
}

static void make_groups(struct conf_reader *r, struct hosts *h)
{
	struct dns_conf *d = &r->c->dns;

	d->groups = arena_array(r->a, struct dns_group, h->n_groups);
	for (struct patterns *p = h->first; p; p = p->next) {
		struct dns_group *g = &d->groups[d->n_groups++];

		g->answer = p->answer;
		conf_small(r, &(struct conf_list){ "domain", &p->list }, 1, &g->names);
	}
}

static void read_host(struct conf_reader *r, struct hosts *h, const struct member *m)
{
	struct str key = member_key(m);
	struct dns_answer a;

	if (conf_absent(&m->value))
		return;
	a = read_answer(r, &m->value);
	if (is_pattern(key)) {
		put_pattern(r, h, key, m->key_span, &a);
		return;
	}
	if (str_starts(key, "full:"))
		key = str_skip(key, 5);
	if (key.len && !memchr(key.p, ':', key.len))
		put_exact(r, h, key, &a);
	else
		conf_fault(r, m->key_span, "'%.*s' is neither a name nor a kind of pattern", (int)m->key_len, m->key);
}

void conf_hosts(struct conf_reader *r, const struct value *v)
{
	struct dns_conf *d = &r->c->dns;
	struct hosts h = { 0 };

	if (v->kind != VAL_OBJECT) {
		conf_fault(r, v->span, "'hosts' must be an object, not %s", value_kind_name(v->kind));
		return;
	}
	h.exact = map_new(r->a, v->n_members);
	h.groups = map_new(r->a, 0);
	d->hosts = arena_array(r->a, struct dns_host, v->n_members);
	for (uint32_t i = 0; i < v->n_members; i++)
		read_host(r, &h, &v->members[i]);
	d->n_hosts = h.n_exact;
	if (d->n_hosts)
		qsort(d->hosts, d->n_hosts, sizeof(*d->hosts), by_name);
	make_groups(r, &h);
}
