/* What several checks ask of lists. */
#include "validate/items.h"

uint32_t items_count(const struct value *v)
{
	struct xparts it = xparts_of(v);
	struct xpart item;
	uint32_t n = 0;

	while (xparts_next(&it, &item))
		n++;
	return n;
}

bool items_has(const struct value *v, struct str wanted)
{
	struct xparts it = xparts_of(v);
	struct xpart item;

	while (xparts_next(&it, &item))
		if (str_eq(item.s, wanted))
			return true;
	return false;
}

int items_net(struct nets *n, struct str s, struct ip_net *ret_net)
{
	unsigned i = (unsigned)((uintptr_t)s.p >> 3 ^ (uintptr_t)s.p >> 6) & 7;

	if (!s.len || n->last[i].p != s.p || n->last[i].len != s.len) {
		n->last[i].p = s.p;
		n->last[i].len = s.len;
		n->last[i].result = ip_parse(s, &n->last[i].net);
	}
	if (!n->last[i].result)
		*ret_net = n->last[i].net;
	return n->last[i].result;
}
