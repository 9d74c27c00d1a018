/* Which conditions of a rule have an effect. */
#include "validate/rule.h"

/* What has no effect is an empty list; anything else is of a type that no condition has. */
static bool is_wrong_type(unsigned field, const struct value *v)
{
	return v->kind != (field == RF_ATTRS ? VAL_OBJECT : VAL_ARRAY);
}

static bool is_every_port(const struct value *v)
{
	struct xports ports = xports_of(v);
	struct xport p;

	while (xports_next(&ports, &p))
		if (p.kind == XPORT_RANGE && p.from == 0 && p.to == 65535)
			return true;
	return false;
}

bool rule_always(enum rule_field f, const struct value *v)
{
	struct xparts it = xparts_of(v);
	struct xpart item;
	bool tcp = false, udp = false;

	if (f == RF_PORT)
		return is_every_port(v);
	if (f != RF_NETWORK)
		return false;
	while (xparts_next(&it, &item)) {
		tcp |= str_is_nocase(item.s, "tcp");
		udp |= str_is_nocase(item.s, "udp");
	}
	return tcp && udp;
}

void rule_read(const struct xitem *it, struct rule *r)
{
	*r = (struct rule){ .it = it };
	xrule_fields(&it->v, r->f);
	for (unsigned f = 0; f < RF_CONDITIONS__N; f++) {
		if (!r->f[f])
			continue;
		if (!xrule_has_effect(f, r->f[f])) {
			r->spoilt |= is_wrong_type(f, r->f[f]);
			r->f[f] = NULL;
		} else if (!rule_always(f, r->f[f])) {
			r->conditions |= 1u << f;
		}
	}
}

struct span rule_at(const struct rule *r)
{
	return facts_point(&r->it->v);
}
