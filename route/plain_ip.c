/* Address conditions, tested one item at a time: the four sets that Xray makes of a rule's items. */
#include <string.h>

#include "route/plain.h"

enum { SET_NETS, SET_LISTS, SET_NOT = 2, SET__N = 4 };
struct set {
	bool used, has_v4, has_v6, holds;
};

static bool net_holds(const struct ip_net *net, const struct route_ip *ip)
{
	struct ip_net one = { .prefix = ip->family == 6 ? 128 : 32, .v6 = ip->family == 6 };

	memcpy(one.addr, ip->bytes, one.v6 ? 16 : 4);
	return ip_contains(net, &one);
}

static void add_net(struct set *s, const struct ip_net *net, const struct route_ip *ip)
{
	s->has_v4 |= !net->v6;
	s->has_v6 |= net->v6;
	s->holds |= net_holds(net, ip);
}

static void add_list(struct plain *p, struct set *s, const struct ip_item *item, const struct route_ip *ip)
{
	struct route_dat *dat = p->assets->get ?
		p->assets->get(p->assets->ctx, arena_memdup(p->a, item->file.p, item->file.len)) : NULL;
	struct dat_walk w;
	struct ip_net net;

	if (!dat || dat_find(dat, item->code, (struct str){ NULL, 0 }, &w))
		return;
	while (dat_next_net(&w, &net) > 0)
		add_net(s, &net, ip);
}

static bool one_matches(struct plain *p, const struct value *list, const struct route_ip *ip)
{
	struct set sets[SET__N] = { 0 };
	struct xparts it = xparts_of(list);
	struct xpart item;
	struct ip_item parsed;

	while (xparts_next(&it, &item)) {
		struct set *s;

		if (!items_ip(item.s, &parsed))
			continue;
		s = &sets[(parsed.is_list ? SET_LISTS : SET_NETS) + (parsed.negated ? SET_NOT : 0)];
		s->used = true;
		if (parsed.is_list)
			add_list(p, s, &parsed, ip);
		else
			add_net(s, &parsed.net, ip);
	}
	for (unsigned i = 0; i < SET__N; i++) {
		const struct set *s = &sets[i];
		if (s->used && (ip->family == 6 ? s->has_v6 : s->has_v4) && s->holds != (i >= SET_NOT))
			return true;
	}
	return false;
}

bool plain_ips(struct plain *p, const struct value *list, const struct route_ip *ips, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (ips[i].family && one_matches(p, list, &ips[i]))
			return true;
	return false;
}
