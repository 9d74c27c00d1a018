/* Balancers: the outbounds that a selector's prefixes pick; and addresses from text. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "route/items.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_selected(const struct value *selector, struct str tag)
{
	struct xparts it = xparts_of(selector);
	struct xpart item;

	while (xparts_next(&it, &item))
		if (item.s.len <= tag.len && !memcmp(item.s.len ? item.s.p : "", tag.p, item.s.len))
			return true;
	return false;
}

void route_members(struct arena *a, const struct xconf *x, const struct value *balancer, const char ***ret_tags,
		   uint32_t *ret_n)
{
	const struct member *selector = value_member_nocase(balancer, "selector");
	const char **tags = arena_array(a, const char *, x->outbounds.n + 1);
	uint32_t n = 0;

	for (uint32_t i = 0; selector && i < x->outbounds.n; i++) {
		const struct member *m = value_member_nocase(&x->outbounds.v[i].v, "tag");
		struct str tag = items_text(m ? &m->value : NULL);
		if (tag.len && is_selected(&selector->value, tag))
			tags[n++] = arena_memdup(a, tag.p, tag.len);
	}
	if (n > 1)
		qsort(tags, n, sizeof(*tags), by_name);
	*ret_tags = tags;
	*ret_n = n;
}

int route_ip_parse(struct str text, struct route_ip *ret_ip)
{
	struct ip_item item;

	if (!ip_is_literal(text) || !items_ip(text, &item))
		return -EINVAL;
	*ret_ip = (struct route_ip){ .family = item.net.v6 ? 6 : 4 };
	memcpy(ret_ip->bytes, item.net.addr, sizeof(ret_ip->bytes));
	return 0;
}
