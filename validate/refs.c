/* References from rules and outbounds to tags: what is named must be there. */
#include "validate/rules.h"

static void check_outbound_tag(struct facts *f, const struct rule *r)
{
	const struct value *tag = r->f[RF_OUTBOUND];
	struct diag *d;

	if (!tag || tag->kind != VAL_STRING || !tag->len || facts_has(&f->outs, value_str(tag)))
		return;
	d = diag_add(f->sink, DIAG_XR501, tag->span,
		     "there is no outbound '%s': connections that match this rule are closed",
		     facts_shown(f, value_str(tag)));
	facts_suggest(f, d, value_str(tag), &f->outs);
}

static void check_inbound_tags(struct facts *f, const struct rule *r)
{
	struct xparts it = xparts_of(r->f[RF_INBOUND]);
	struct xpart item, first = { 0 };
	uint32_t n = 0, missing = 0;
	struct diag *d;

	while (xparts_next(&it, &item)) {
		n++;
		if (facts_has(&f->ins, item.s))
			continue;
		if (!missing++)
			first = item;
	}
	if (!missing || !first.s.len)
		return;
	if (missing == n)
		d = diag_add(f->sink, DIAG_XR502, first.at, "there is no inbound '%s': the rule never matches",
			     facts_shown(f, first.s));
	else
		d = diag_add(f->sink, DIAG_XR503, first.at, "there is no inbound '%s'", facts_shown(f, first.s));
	facts_suggest(f, d, first.s, &f->ins);
}

static void check_balancer_tag(struct facts *f, const struct rule *r)
{
	const struct value *tag = r->f[RF_BALANCER];
	struct diag *d;

	if (!tag || tag->kind != VAL_STRING || !tag->len || map_get(f->balancers, value_str(tag)))
		return;
	d = diag_add(f->sink, DIAG_XR504, tag->span, "there is no balancer '%s'", facts_shown(f, value_str(tag)));
	if (facts_has(&f->outs, value_str(tag)))
		diag_help(f->sink, d, "an outbound has this name: use 'outboundTag'");
	else
		diag_help(f->sink, d, "add it to routing.balancers, or name an outbound with 'outboundTag'");
}

void refs_check_rule(struct facts *f, const struct rule *r)
{
	check_outbound_tag(f, r);
	check_inbound_tags(f, r);
	check_balancer_tag(f, r);
}

/* Keys that hold the tag of an outbound to dial through; paths from an outbound. */
static const struct {
	const char *path[4];
	const char *shown;
} dial_keys[] = {
	{ { "streamSettings", "sockopt", "dialerProxy" }, "dialerProxy" },
	{ { "proxySettings", "tag" }, "proxySettings.tag" },
};
/* The other half of an XHTTP connection has socket options of its own. */
static const char *const download_path[][4] = {
	{ "streamSettings", "xhttpSettings", "downloadSettings", "sockopt" },
	{ "streamSettings", "splithttpSettings", "downloadSettings", "sockopt" },
};

static void check_dial(struct facts *f, const struct value *tag, const char *key)
{
	struct diag *d;

	if (!tag || tag->kind != VAL_STRING || !tag->len || facts_has(&f->outs, value_str(tag)))
		return;
	d = diag_add(f->sink, DIAG_XR505, tag->span, "%s names '%s', and there is no such outbound", key,
		     facts_shown(f, value_str(tag)));
	facts_suggest(f, d, value_str(tag), &f->outs);
}

static void check_both(struct facts *f, const struct value *dialer, const struct value *proxy)
{
	struct diag *d;

	if (!facts_filled(dialer) || !facts_filled(proxy))
		return;
	d = diag_add(f->sink, DIAG_XR513, proxy->span, "an outbound has 'proxySettings' or 'dialerProxy', not both");
	diag_relate(f->sink, d, dialer->span, "'dialerProxy' is here");
	diag_help(f->sink, d, "keep 'dialerProxy'");
}

/* Through proxySettings the outbound's own transport is left out, unless transportLayer is set. */
static void check_lost_transport(struct facts *f, const struct peer *p, const struct value *proxy)
{
	static const char *const layer[4] = { "proxySettings", "transportLayer" };
	const struct value *flag = facts_dig(p->v, layer);
	const struct value *at = p->stream.carrier != CARRIER_RAW ? p->stream.carrier_at : NULL;
	struct diag *d;

	if (p->stream.secrecy == SECRECY_REALITY)
		at = p->stream.secrecy_at;
	if (!facts_filled(proxy) || !at || (flag && flag->kind == VAL_BOOL && flag->truth))
		return;
	d = diag_add(f->sink, DIAG_XR514, at->span, "'%s' has no effect beside 'proxySettings'",
		     facts_shown(f, value_str(at)));
	diag_relate(f->sink, d, proxy->span, "'proxySettings' is here");
	diag_help(f->sink, d, "use sockopt.dialerProxy, or set transportLayer to true");
}

void refs_check(struct facts *f)
{
	for (uint32_t i = 0; i < f->outs.n; i++) {
		const struct peer *p = &f->outs.v[i];
		const struct value *dialer = facts_dig(p->v, dial_keys[0].path),
				   *proxy = facts_dig(p->v, dial_keys[1].path);

		check_dial(f, dialer, dial_keys[0].shown);
		check_dial(f, proxy, dial_keys[1].shown);
		check_both(f, dialer, proxy);
		check_lost_transport(f, p, proxy);
		for (size_t k = 0; k < sizeof(download_path) / sizeof(*download_path); k++)
			check_dial(f, facts_get(facts_dig(p->v, download_path[k]), "dialerProxy"), "dialerProxy");
	}
	check_dial(f, facts_dig(&f->x->rest, (const char *const[4]){ "geodata", "outbound" }), "geodata.outbound");
}
