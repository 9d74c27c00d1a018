/* The dns outbound: what becomes of each query. Its rules, or the older nonIPQuery and blockTypes, become one list whose last
 * rule always matches. */
#include <limits.h>

#include "engine/conf_impl.h"

enum { RCODE_REFUSED = 5, TYPE_A = 1, TYPE_AAAA = 28 };
enum non_ip { NON_IP_REJECT, NON_IP_DROP, NON_IP_SKIP };

static const struct conf_name actions[] = {
	{ "direct", DNS_DIRECT }, { "drop", DNS_DROP }, { "return", DNS_RETURN }, { "hijack", DNS_HIJACK },
};
static const struct conf_name non_ips[] = {
	{ "reject", NON_IP_REJECT }, { "drop", NON_IP_DROP }, { "skip", NON_IP_SKIP }, { "", NON_IP_REJECT },
};
static const struct conf_name networks[] = { { "tcp", ROUTE_TCP }, { "udp", ROUTE_UDP }, { "", 0 } };

/* What is not said leaves the other spelling's value. */
static void set_other_network(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	unsigned network = 0;

	conf_set_name(r, k, v, &network);
	if (network)
		*(unsigned *)to = network;
}

static void set_other_port(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	uint16_t port = 0;

	conf_set_port(r, k, v, &port);
	if (port)
		*(uint16_t *)to = port;
}

struct settings {
	struct addr server;
	uint16_t port;
	unsigned network;
	uint32_t level;
	unsigned non_ip;
	const struct value *rules, *non_ip_at, *block;
};
#define AT(member) CONF_AT(struct settings, member)
static const struct conf_key keys[] = {
	{ "rewriteNetwork", set_other_network, AT(network), CONF_NAMES(networks) },
	{ "network", set_other_network, AT(network), CONF_NAMES(networks) },
	{ "rewriteAddress", conf_set_host, AT(server) },
	{ "address", conf_set_host, AT(server) },
	{ "rewritePort", set_other_port, AT(port) },
	{ "port", set_other_port, AT(port) },
	{ "userLevel", conf_set_u32, AT(level), CONF_U32 },
	{ "rules", conf_set_value, AT(rules) },
	{ "nonIPQuery", conf_set_name, AT(non_ip), CONF_NAMES(non_ips) },
	{ "nonIPQuery", conf_set_value, AT(non_ip_at) },
	{ "blockTypes", conf_set_value, AT(block) },
};

/* --- rules --- */
struct rule {
	unsigned action;
	uint32_t rcode;
	const struct value *types, *names;
};
static const struct conf_key rule_keys[] = {
	{ "action", conf_set_name, CONF_AT(struct rule, action), CONF_NAMES(actions) },
	{ "rCode", conf_set_u32, CONF_AT(struct rule, rcode), .lo = 0, .hi = UINT16_MAX },
	{ "qType", conf_set_value, CONF_AT(struct rule, types) },
	{ "domain", conf_set_value, CONF_AT(struct rule, names) },
};

static struct dns_rule read_rule(struct conf_reader *r, const struct value *v)
{
	struct rule raw = { .action = UINT_MAX };
	struct dns_rule rule = { .action = DNS_RETURN };
	struct ports *types = NULL;

	conf_object(r, "a rule of a dns outbound", rule_keys, CONF_N(rule_keys), v, &raw);
	if (raw.action == UINT_MAX)
		conf_fault(r, v->span, "a rule of a dns outbound must have an 'action'");
	else
		rule.action = raw.action;
	rule.rcode = (uint16_t)raw.rcode;
	if (raw.types)
		conf_ports(r, "qType", raw.types, &types, &rule.n_types);
	rule.types = types;
	conf_small(r, &(struct conf_list){ "domain", raw.names }, 1, &rule.names);
	return rule;
}

static void add(struct dns_rule *rules, struct outbound *o, struct dns_rule rule)
{
	rules[o->n_dns_rules++] = rule;
}

static const struct ports addresses[] = { { TYPE_A, TYPE_A }, { TYPE_AAAA, TYPE_AAAA } };

static void add_rules(struct conf_reader *r, struct outbound *o, const struct value *v, struct dns_rule *rules)
{
	for (uint32_t i = 0; v && i < v->n; i++)
		add(rules, o, read_rule(r, &v->items[i]));
	add(rules, o, (struct dns_rule){ .action = DNS_HIJACK, .types = addresses, .n_types = CONF_N(addresses) });
	add(rules, o, (struct dns_rule){ .action = DNS_RETURN });
}

/* --- the older way --- */
static const struct ports *read_block(struct conf_reader *r, const struct value *v, uint32_t *ret_n)
{
	struct ports *types;

	if (v->kind != VAL_ARRAY) {
		conf_fault(r, v->span, "'blockTypes' must be a list of numbers, not %s", value_kind_name(v->kind));
		return NULL;
	}
	types = arena_array(r->a, struct ports, v->n);
	for (uint32_t i = 0; i < v->n; i++) {
		const struct conf_key key = { .name = "blockTypes", .lo = 0, .hi = UINT16_MAX };
		uint32_t type = 0;

		conf_set_u32(r, &key, &v->items[i], &type);
		types[i] = (struct ports){ (uint16_t)type, (uint16_t)type };
	}
	*ret_n = v->n;
	return types;
}

static void add_older(struct conf_reader *r, struct outbound *o, const struct settings *s, struct dns_rule *rules)
{
	static const struct dns_rule last[] = {
		[NON_IP_REJECT] = { .action = DNS_RETURN, .rcode = RCODE_REFUSED },
		[NON_IP_DROP] = { .action = DNS_DROP },
		[NON_IP_SKIP] = { .action = DNS_DIRECT },
	};
	struct dns_rule block = last[s->non_ip == NON_IP_REJECT ? NON_IP_REJECT : NON_IP_DROP];

	if (s->block)
		block.types = read_block(r, s->block, &block.n_types);
	if (block.n_types)
		add(rules, o, block);
	add(rules, o, (struct dns_rule){ .action = DNS_HIJACK, .types = addresses, .n_types = CONF_N(addresses) });
	add(rules, o, last[s->non_ip]);
}

void conf_dns_out(struct conf_reader *r, const struct value *settings, struct outbound *o)
{
	struct settings s = { .port = 0 };
	struct dns_rule *rules;

	conf_object(r, "settings of a dns outbound", keys, CONF_N(keys), settings, &s);
	if (s.rules && s.rules->kind != VAL_ARRAY) {
		conf_fault(r, s.rules->span, "'rules' must be a list, not %s", value_kind_name(s.rules->kind));
		s.rules = NULL;
	}
	if (s.rules && (s.block || s.non_ip_at))
		conf_fault(r, (s.block ? s.block : s.non_ip_at)->span,
			   "'nonIPQuery' and 'blockTypes' cannot stand beside 'rules', which replace them");
	o->server = s.server;
	o->server.port = s.port;
	o->dns_network = (uint8_t)s.network;
	o->level = s.level;
	rules = arena_array(r->a, struct dns_rule, (s.rules ? s.rules->n : 1) + 2);
	if (s.block || s.non_ip_at)
		add_older(r, o, &s, rules);
	else
		add_rules(r, o, s.rules, rules);
	o->dns_rules = rules;
}
