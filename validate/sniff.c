/* Rules that ask for what only sniffing finds out, and sniffing that finds out nothing. */
#include <string.h>

#include "validate/rules.h"

/* Whether an inbound hands on host names without sniffing: transparent ones see addresses alone. */
static bool is_transparent(const struct peer *p)
{
	return p->proto == PROTO_TUN || (p->proto == PROTO_TUNNEL && facts_true(p->settings, "followRedirect"));
}

/* Plain HTTP through an HTTP proxy has its protocol set without sniffing. */
static bool speaks_http(const struct peer *p)
{
	return p->proto == PROTO_HTTP || p->proto == PROTO_SOCKS;
}

/* What an inbound cannot find out. */
enum blind { BLIND_PROTOCOL, BLIND_PROTOCOL_BUT_HTTP, BLIND_NAMES, BLIND__N };
enum { NOT_ASKED, NO, YES };

static bool is_blind(const struct peer *p, enum blind what)
{
	if (p->sniffing)
		return false;
	return what == BLIND_PROTOCOL || (what == BLIND_NAMES ? is_transparent(p) : !speaks_http(p));
}

/* Of all inbounds together; asked once. Names that are no inbounds (DNS, reverse channels, loopbacks) may see
 * anything. */
static bool all_blind(struct facts *f, enum blind what)
{
	bool all = f->ins.n > 0 && !f->ins.n_extra;

	if (f->blind[what] != NOT_ASKED)
		return f->blind[what] == YES;
	for (uint32_t i = 0; all && i < f->ins.n; i++)
		all = is_blind(&f->ins.v[i], what);
	f->blind[what] = all ? YES : NO;
	return all;
}

/* Whether none of the rule's inbounds can find it out. */
static bool rule_is_blind(struct facts *f, const struct rule *r, enum blind what)
{
	struct xparts it = xparts_of(r->f[RF_INBOUND]);
	struct xpart item;
	uint32_t n = 0;

	if (!r->f[RF_INBOUND])
		return all_blind(f, what);
	for (; xparts_next(&it, &item); n++) {
		const struct peer *p = map_get(f->ins.by_tag, item.s);
		if (!p || map_get(f->ins.extra, item.s) || !is_blind(p, what))
			return false;
	}
	return n > 0;
}

/* Whether the rule's text is a beginning of one of the names: how Xray compares protocols. */
static bool asks(const struct rule *r, const char *const *names, size_t n)
{
	struct xparts it = xparts_of(r->f[RF_PROTOCOL]);
	struct xpart item;

	while (xparts_next(&it, &item))
		for (size_t i = 0; i < n; i++)
			if (item.s.len && item.s.len <= strlen(names[i]) && !memcmp(names[i], item.s.p, item.s.len))
				return true;
	return false;
}

static void check_protocol(struct facts *f, const struct rule *r)
{
	static const char *const http_names[] = { "http/1.1" };
	static const char *const dns_names[] = { "dns", "https", "quic" }; /* of the engine's own queries */
	struct diag *d;

	if (!rule_is_blind(f, r, asks(r, http_names, 1) ? BLIND_PROTOCOL_BUT_HTTP : BLIND_PROTOCOL))
		return;
	if (f->x->section[XS_DNS].kind && asks(r, dns_names, sizeof(dns_names) / sizeof(*dns_names)))
		return;
	d = diag_add(f->sink, DIAG_XR548, r->f[RF_PROTOCOL]->span,
		     "the rule never matches: its inbounds do not sniff, so no connection has a protocol");
	diag_help(f->sink, d, "set sniffing.enabled to true on the inbound");
}

void sniff_check_rule(struct facts *f, const struct rule *r)
{
	struct diag *d;

	if (rule_has(r, RF_PROTOCOL))
		check_protocol(f, r);
	if (rule_has(r, RF_DOMAIN) && rule_is_blind(f, r, BLIND_NAMES)) {
		d = diag_add(f->sink, DIAG_XR549, r->f[RF_DOMAIN]->span,
			     "the rule never matches: its inbounds take redirected traffic, which has addresses alone, "
			     "and do not sniff");
		diag_help(f->sink, d, "set sniffing.enabled to true with destOverride [\"http\", \"tls\", \"quic\"]");
	}
}

void sniff_check(struct facts *f, bool protocol_rules)
{
	struct diag *d;

	for (uint32_t i = 0; !protocol_rules && i < f->ins.n; i++) {
		const struct peer *p = &f->ins.v[i];
		const struct value *over = facts_get(p->sniffing, "destOverride");

		if (!p->sniffing || facts_filled(over))
			continue;
		d = diag_add(f->sink, DIAG_XR550, over ? over->span : facts_point(p->sniffing),
			     "sniffing is on but overrides nothing: 'destOverride' is empty, and no rule asks for a "
			     "protocol");
		diag_help(f->sink, d, "write \"destOverride\": [\"http\", \"tls\"], or turn sniffing off");
	}
}
