/* Domain and address lists of the dns section, of sniffing and of freedom's final rules: the same items as in rules. */
#include "validate/rules.h"

static const struct value *list_in(const struct value *v, const char *key)
{
	const struct value *l = facts_get(v, key);

	return l && l->kind == VAL_ARRAY ? l : NULL;
}

static void check_servers(struct facts *f, const struct value *servers)
{
	for (uint32_t i = 0; servers && i < servers->n; i++) {
		const struct value *s = &servers->items[i];

		domain_check_list(f, facts_get(s, "domains"), "domains");
		ip_check_list(f, facts_get(s, "expectedIPs"), "expectedIPs");
		ip_check_list(f, facts_get(s, "expectIPs"), "expectIPs");
		ip_check_list(f, facts_get(s, "unexpectedIPs"), "unexpectedIPs");
	}
}

static void check_hosts(struct facts *f, const struct value *hosts)
{
	for (uint32_t i = 0; hosts && hosts->kind == VAL_OBJECT && i < hosts->n_members; i++) {
		const struct member *m = &hosts->members[i];
		const struct xpart item = { member_key(m), m->key_span };

		domain_check_item(f, &item, "hosts");
	}
}

static void check_sniffing(struct facts *f, const struct value *sniffing)
{
	domain_check_list(f, facts_get(sniffing, "domainsExcluded"), "domainsExcluded");
	ip_check_list(f, facts_get(sniffing, "ipsExcluded"), "ipsExcluded");
}

static void check_settings_rules(struct facts *f, const struct value *rules)
{
	for (uint32_t i = 0; rules && i < rules->n; i++) {
		domain_check_list(f, facts_get(&rules->items[i], "domain"), "domain");
		ip_check_list(f, facts_get(&rules->items[i], "ip"), "ip");
	}
}

void dns_check(struct facts *f)
{
	const struct value *dns = &f->x->section[XS_DNS];

	check_servers(f, list_in(dns, "servers"));
	check_hosts(f, facts_get(dns, "hosts"));
	for (uint32_t i = 0; i < f->ins.n; i++)
		check_sniffing(f, facts_get(f->ins.v[i].v, "sniffing"));
	for (uint32_t i = 0; i < f->outs.n; i++) {
		const struct peer *p = &f->outs.v[i];

		if (p->proto == PROTO_FREEDOM)
			check_settings_rules(f, list_in(p->settings, "finalRules"));
		if (p->proto == PROTO_DNS)
			check_settings_rules(f, list_in(p->settings, "rules"));
	}
}
