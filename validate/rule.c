/* Reads one routing rule: its keys in a single pass, without case, and which of its conditions have an effect. */
#include "validate/rule.h"

const char *const rule_field_names[RF__N] = {
	"domain", "ip", "port", "network", "sourceIP", "sourcePort", "user", "vlessRoute", "inboundTag", "protocol", "attrs",
	"localIP", "localPort", "process", "localOS", "outboundTag", "balancerTag", "ruleTag",
};

/* Spellings of the fields; of two spellings the one with the higher rank wins, as in Xray. */
static const struct {
	const char *name;
	uint8_t len, field, rank;
} spellings[] = {
	{ "domain", 6, RF_DOMAIN, 0 }, { "outboundTag", 11, RF_OUTBOUND, 0 }, { "ip", 2, RF_IP, 0 },
	{ "ruleTag", 7, RF_RULE_TAG, 0 }, { "port", 4, RF_PORT, 0 }, { "network", 7, RF_NETWORK, 0 },
	{ "inboundTag", 10, RF_INBOUND, 0 }, { "balancerTag", 11, RF_BALANCER, 0 }, { "protocol", 8, RF_PROTOCOL, 0 },
	{ "domains", 7, RF_DOMAIN, 1 }, { "user", 4, RF_USER, 0 }, { "source", 6, RF_SOURCE_IP, 0 },
	{ "sourceIP", 8, RF_SOURCE_IP, 1 }, { "sourcePort", 10, RF_SOURCE_PORT, 0 }, { "attrs", 5, RF_ATTRS, 0 },
	{ "vlessRoute", 10, RF_VLESS_ROUTE, 0 }, { "localIP", 7, RF_LOCAL_IP, 0 }, { "localPort", 9, RF_LOCAL_PORT, 0 },
	{ "process", 7, RF_PROCESS, 0 }, { "localOS", 7, RF_LOCAL_OS, 0 },
};
enum { SPELLINGS__N = sizeof(spellings) / sizeof(*spellings) };

static int spelling_of(const struct member *m)
{
	struct str key = member_key(m);

	for (int i = 0; i < SPELLINGS__N; i++)
		if (spellings[i].len == key.len && (spellings[i].name[0] | 0x20) == (key.p[0] | 0x20) &&
		    str_is_nocase(key, spellings[i].name))
			return i;
	return -1;
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
		int s = m->value.kind == VAL_NULL ? -1 : spelling_of(m);
		if (s < 0 || spellings[s].rank < rank[spellings[s].field])
			continue;
		rank[spellings[s].field] = spellings[s].rank;
		r->f[spellings[s].field] = &m->value;
	}
	for (unsigned f = 0; f < RF_CONDITIONS__N; f++) {
		if (r->f[f] && !has_effect(f, r->f[f]))
			r->f[f] = NULL;
		if (r->f[f] && !rule_always(f, r->f[f]))
			r->conditions |= 1u << f;
	}
}

struct span rule_at(const struct rule *r)
{
	return facts_point(&r->it->v);
}
