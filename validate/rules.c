/* Routing rules: where they go, whether they can match at all, and the checks of their values. */
#include "validate/rules.h"

static void check_outlet(struct facts *f, const struct rule *r)
{
	const struct value *out = r->f[RF_OUTBOUND], *balancer = r->f[RF_BALANCER];
	struct diag *d;

	if (!facts_filled(out) || !facts_filled(balancer))
		return;
	d = diag_add(f->sink, DIAG_XR531, balancer->span,
		     "'balancerTag' has no effect: 'outboundTag' of the same rule wins");
	diag_relate(f->sink, d, out->span, "'outboundTag' is here");
	diag_help(f->sink, d, "remove one of the two");
}

static bool has_condition(const struct rule *r)
{
	for (unsigned i = 0; i < RF_CONDITIONS__N; i++)
		if (r->f[i])
			return true;
	return false;
}

static void check_conditions(struct facts *f, const struct rule *r)
{
	struct diag *d;

	if (has_condition(r) || r->spoilt)
		return;
	d = diag_add(f->sink, DIAG_XR532, rule_at(r), "the rule has no condition");
	diag_help(f->sink, d, "to match everything, write \"network\": \"tcp,udp\"");
}

/* A port condition: reversed ranges match nothing. One without any port is a fault of structure. */
static void check_ports(struct facts *f, const struct rule *r, enum rule_field field)
{
	struct xports ports = xports_of(r->f[field]);
	struct xport p;
	struct diag *d;

	while (xports_next(&ports, &p)) {
		if (p.kind != XPORT_REVERSED)
			continue;
		d = diag_add(f->sink, DIAG_XR536, p.at, "port range %u-%u is reversed and matches nothing", p.from,
			     p.to);
		diag_help(f->sink, d, "write %u-%u", p.to, p.from);
	}
}

/* A list of nothing but empty texts is a condition that never holds. */
static void check_empty(struct facts *f, const struct rule *r, enum rule_field field)
{
	struct xparts it = xparts_of(r->f[field]);
	struct xpart item;

	if (!r->f[field])
		return;
	while (xparts_next(&it, &item))
		if (item.s.len)
			return;
	diag_add(f->sink, DIAG_XR535, r->f[field]->span, "'%s' holds only an empty text: the rule never matches",
		 xrule_names[field]);
}

static void check_pattern(struct facts *f, enum diag_code code, struct str pattern, struct span at, const char *effect)
{
	const char *why = NULL;

	if (!regex_compiles(f->a, pattern, &why))
		diag_add(f->sink, code, at, "the regular expression does not compile%s: %s", effect, why);
}

static void check_users(struct facts *f, const struct rule *r)
{
	struct xparts it = xparts_of(r->f[RF_USER]);
	struct xpart item;
	struct diag *d;

	while (xparts_next(&it, &item)) {
		if (item.s.len > 7 && str_starts(item.s, "regexp:")) {
			check_pattern(f, DIAG_XR539, str_skip(item.s, 7), item.at, " and is dropped silently");
		} else if (item.s.len && f->has_users && !map_get(f->emails, item.s)) {
			d = diag_add(f->sink, DIAG_XR551, item.at, "no inbound has a user '%s'",
				     facts_shown(f, item.s));
			diag_help(f->sink, d, "a rule names the user's e-mail, letter by letter");
		}
	}
}

static void check_attrs(struct facts *f, const struct rule *r)
{
	const struct value *attrs = r->f[RF_ATTRS];

	for (uint32_t i = 0; attrs && i < attrs->n_members; i++) {
		const struct value *v = &attrs->members[i].value;
		if (v->kind == VAL_STRING)
			check_pattern(f, DIAG_XR538, value_str(v), v->span, "; Xray crashes on it");
	}
}

/* A connection has an IP target or, under AsIs, a name that nobody resolves: never both. */
static void check_domain_and_ip(struct facts *f, const struct rule *r)
{
	struct diag *d;

	if (!f->as_is || f->route_only || !rule_has(r, RF_DOMAIN) || !rule_has(r, RF_IP))
		return;
	d = diag_add(f->sink, DIAG_XR547, r->f[RF_IP]->span,
		     "the rule never matches: under AsIs a connection has a name or an address, and it asks for both");
	diag_relate(f->sink, d, r->f[RF_DOMAIN]->span, "the domain condition is here");
	diag_help(f->sink, d, "write two rules, or set domainStrategy to IPIfNonMatch or IPOnDemand");
}

static void check_fields(struct facts *f, const struct rule *r)
{
	static const uint8_t ports[] = { RF_PORT, RF_SOURCE_PORT, RF_LOCAL_PORT, RF_VLESS_ROUTE };
	static const uint8_t texts[] = { RF_INBOUND, RF_PROTOCOL, RF_USER };

	for (size_t i = 0; i < sizeof(ports); i++)
		if (r->f[ports[i]])
			check_ports(f, r, ports[i]);
	for (size_t i = 0; i < sizeof(texts); i++)
		check_empty(f, r, texts[i]);
	domain_check_list(f, r->f[RF_DOMAIN], "domain");
	ip_check_list(f, r->f[RF_IP], "ip");
	ip_check_list(f, r->f[RF_SOURCE_IP], "sourceIP");
	ip_check_list(f, r->f[RF_LOCAL_IP], "localIP");
	check_users(f, r);
	check_attrs(f, r);
}

void rules_check(struct facts *f)
{
	const struct xlist *rules = &f->x->rules;
	/* Shadowing is never more than a warning. */
	struct shadow *shadow = diag_wants(f->sink, SEV_WARNING) ? shadow_new(f, rules->n) : NULL;
	bool protocol_rules = false;

	for (uint32_t i = 0; i < rules->n; i++) {
		struct rule r;

		if (rules->v[i].v.kind != VAL_OBJECT)
			continue;
		rule_read(&rules->v[i], &r);
		protocol_rules |= rule_has(&r, RF_PROTOCOL);
		check_outlet(f, &r);
		check_conditions(f, &r);
		check_fields(f, &r);
		check_domain_and_ip(f, &r);
		refs_check_rule(f, &r);
		tags_check_rule(f, &r);
		sniff_check_rule(f, &r);
		exposure_check_rule(f, &r);
		if (shadow)
			shadow_feed(shadow, &r, i);
	}
	sniff_check(f, protocol_rules);
}
