/* Reads one routing rule: its keys in a single pass, without case, and which of its conditions have an effect. */
#include "validate/rule.h"

#include <string.h>

const char *const rule_field_names[RF__N] = {
	"domain",    "ip",         "port",       "network",     "sourceIP",    "sourcePort",
	"user",      "vlessRoute", "inboundTag", "protocol",    "attrs",       "localIP",
	"localPort", "process",    "localOS",    "outboundTag", "balancerTag", "ruleTag",
};

/* Spellings of the fields in the order of their length; of two spellings the one with the higher rank wins, as in
 * Xray. */
static const struct spelling {
	const char *name;
	uint8_t len, field, rank;
} spellings[] = {
	{ "ip", 2, RF_IP, 0 },
	{ "port", 4, RF_PORT, 0 }, { "user", 4, RF_USER, 0 },
	{ "attrs", 5, RF_ATTRS, 0 },
	{ "domain", 6, RF_DOMAIN, 0 }, { "source", 6, RF_SOURCE_IP, 0 },
	{ "network", 7, RF_NETWORK, 0 }, { "ruleTag", 7, RF_RULE_TAG, 0 }, { "domains", 7, RF_DOMAIN, 1 },
	{ "localIP", 7, RF_LOCAL_IP, 0 }, { "process", 7, RF_PROCESS, 0 }, { "localOS", 7, RF_LOCAL_OS, 0 },
	{ "protocol", 8, RF_PROTOCOL, 0 }, { "sourceIP", 8, RF_SOURCE_IP, 1 },
	{ "localPort", 9, RF_LOCAL_PORT, 0 },
	{ "inboundTag", 10, RF_INBOUND, 0 }, { "sourcePort", 10, RF_SOURCE_PORT, 0 },
	{ "vlessRoute", 10, RF_VLESS_ROUTE, 0 },
	{ "outboundTag", 11, RF_OUTBOUND, 0 }, { "balancerTag", 11, RF_BALANCER, 0 },
};
enum { LONGEST = 11 };
static const uint8_t first_of_len[LONGEST + 2] = { 0, 0, 0, 1, 1, 3, 4, 6, 12, 14, 15, 18, 20 };

static const struct spelling *spelling_of(const struct member *m)
{
	if (m->key_len > LONGEST)
		return NULL;
	for (unsigned i = first_of_len[m->key_len]; i < first_of_len[m->key_len + 1]; i++) {
		const struct spelling *s = &spellings[i];
		if ((s->name[0] | 0x20) != (m->key[0] | 0x20))
			continue;
		if (!memcmp(s->name, m->key, m->key_len) || str_is_nocase(member_key(m), s->name))
			return s;
	}
	return NULL;
}

/* Whether Xray makes a condition of it: ports always, lists when they have an element. */
static bool has_effect(unsigned field, const struct value *v)
{
	switch (field) {
	case RF_PORT:
	case RF_SOURCE_PORT:
	case RF_VLESS_ROUTE:
	case RF_LOCAL_PORT:
		return true;
	case RF_ATTRS:
		return v->kind == VAL_OBJECT && v->n_members;
	default:
		return v->kind == VAL_STRING || (v->kind == VAL_ARRAY && v->n);
	}
}

/* What has no effect is an empty list; anything else is of a type that no condition has. */
static bool is_wrong_type(unsigned field, const struct value *v)
{
	return v->kind != (field == RF_ATTRS ? VAL_OBJECT : VAL_ARRAY);
}

static bool is_every_port(const struct value *v)
{
	struct ports ports = ports_of(v);
	struct port_item p;

	while (ports_next(&ports, &p))
		if (p.kind == PORT_RANGE && p.from == 0 && p.to == 65535)
			return true;
	return false;
}

bool rule_always(enum rule_field f, const struct value *v)
{
	struct items it = items_of(v);
	struct item item;
	bool tcp = false, udp = false;

	if (f == RF_PORT)
		return is_every_port(v);
	if (f != RF_NETWORK)
		return false;
	while (items_next(&it, &item)) {
		tcp |= str_is_nocase(item.s, "tcp");
		udp |= str_is_nocase(item.s, "udp");
	}
	return tcp && udp;
}

void rule_read(const struct xitem *it, struct rule *r)
{
	uint8_t rank[RF__N] = { 0 };

	*r = (struct rule){ .it = it };
	if (it->v.kind != VAL_OBJECT)
		return;
	for (uint32_t i = 0; i < it->v.n_members; i++) {
		const struct member *m = &it->v.members[i];
		const struct spelling *s = spelling_of(m);
		if (!s || m->value.kind == VAL_NULL || s->rank < rank[s->field])
			continue;
		rank[s->field] = s->rank;
		r->f[s->field] = &m->value;
	}
	for (unsigned f = 0; f < RF_CONDITIONS__N; f++) {
		if (!r->f[f])
			continue;
		if (!has_effect(f, r->f[f])) {
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
