/* sniffing of an inbound. All protocols are looked for whatever destOverride names: rules may ask for them. */
#include "engine/conf_impl.h"
#include "engine/sniff.h"

struct sniff_entry {
	struct sniff_conf c;
	const struct value *overrides, *names, *ips;
};
static const struct conf_key keys[] = {
	{ "enabled", conf_set_bool, CONF_AT(struct sniff_entry, c.enabled) },
	{ "metadataOnly", conf_set_bool, CONF_AT(struct sniff_entry, c.metadata_only) },
	{ "routeOnly", conf_set_bool, CONF_AT(struct sniff_entry, c.route_only) },
	{ "destOverride", conf_set_value, CONF_AT(struct sniff_entry, overrides) },
	{ "domainsExcluded", conf_set_value, CONF_AT(struct sniff_entry, names) },
	{ "ipsExcluded", conf_set_value, CONF_AT(struct sniff_entry, ips) },
};
/* Xray takes the two kinds of fakedns for one. */
static const struct { const char *name; size_t offset; } protocols[] = {
	{ "http", offsetof(struct sniff_conf, http) },       { "tls", offsetof(struct sniff_conf, tls) },
	{ "https", offsetof(struct sniff_conf, tls) },       { "ssl", offsetof(struct sniff_conf, tls) },
	{ "quic", offsetof(struct sniff_conf, quic) },       { "fakedns", offsetof(struct sniff_conf, fakedns) },
	{ "fakedns+others", offsetof(struct sniff_conf, fakedns) },
};

static void override(struct conf_reader *r, struct sniff_conf *c, struct str name, struct span at)
{
	for (size_t i = 0; i < CONF_N(protocols); i++) {
		if (str_is_nocase(name, protocols[i].name)) {
			*(bool *)((char *)c + protocols[i].offset) = true;
			return;
		}
	}
	conf_fault(r, at, "'%.*s' is not a protocol of 'destOverride': it takes 'http', 'tls', 'quic', 'fakedns' and "
		   "'fakedns+others'", (int)name.len, name.p);
}

static void read_overrides(struct conf_reader *r, struct sniff_conf *c, const struct value *v)
{
	struct str rest;

	if (v->kind == VAL_STRING) {
		rest = value_str(v);
		do
			override(r, c, str_cut(&rest, ','), v->span);
		while (rest.p);
	} else if (v->kind == VAL_ARRAY) {
		for (uint32_t i = 0; i < v->n; i++)
			override(r, c, v->items[i].kind == VAL_STRING ? value_str(&v->items[i]) : STR(""),
				 v->items[i].span);
	} else {
		conf_fault(r, v->span, "'destOverride' must be a list of names, not %s", value_kind_name(v->kind));
	}
}

void conf_sniffing(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	struct sniff_entry s = { .overrides = NULL };

	conf_object(r, k->name, keys, CONF_N(keys), v, &s);
	if (s.overrides)
		read_overrides(r, &s.c, s.overrides);
	conf_small(r, (struct conf_list[]){ { "domain", s.names }, { "ip", s.ips } }, 2, &s.c.excluded);
	if (s.c.enabled && !s.c.metadata_only) {
		s.c.tcp_mask = 1u << SNIFF_HTTP | 1u << SNIFF_TLS | 1u << SNIFF_BITTORRENT;
		s.c.udp_mask = 1u << SNIFF_QUIC | 1u << SNIFF_UTP;
	}
	*(struct sniff_conf *)to = s.c;
}
