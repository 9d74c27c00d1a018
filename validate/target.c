/* What the target refuses or ignores, seen in the merged config: each at its line, with the targets that have it. The
 * base answers for what it made itself. */
#include "validate/rules.h"

static const uint64_t proto_caps[PROTO__N] = {
	[PROTO_HYSTERIA] = CAP_HYSTERIA, [PROTO_SHADOWSOCKS] = CAP_SHADOWSOCKS, [PROTO_TROJAN] = CAP_TROJAN,
	[PROTO_TUN] = CAP_TUN, [PROTO_VLESS] = CAP_VLESS, [PROTO_VMESS] = CAP_VMESS, [PROTO_WIREGUARD] = CAP_WIREGUARD,
};
static const uint64_t carrier_caps[CARRIER__N] = {
	[CARRIER_XHTTP] = CAP_XHTTP, [CARRIER_KCP] = CAP_KCP, [CARRIER_GRPC] = CAP_GRPC, [CARRIER_WS] = CAP_WS,
	[CARRIER_HTTPUPGRADE] = CAP_HTTPUPGRADE, [CARRIER_HYSTERIA] = CAP_HYSTERIA,
};
/* Names that came after the fork, with what they were called before. */
static const struct {
	const char *name, *before;
} new_names[] = { { "raw", "tcp" }, { "mixed", "socks" } };

static struct diag *lacks(struct facts *f, enum diag_code code, uint64_t caps, struct span at, const char *what)
{
	struct diag *d = diag_add(f->sink, code, at, "%s does not have %s", f->x->target->name, what);
	const char *names = target_names_with(f->a, caps);

	if (*names)
		diag_help(f->sink, d, "compile for a target that has it: %s", names);
	return d;
}

static bool is_string(const struct value *v)
{
	return v && v->kind == VAL_STRING;
}

static const char *quoted(struct facts *f, const char *what, const struct value *v)
{
	return arena_printf(f->a, "%s '%s'", what, facts_shown(f, value_str(v)));
}

static void check_name(struct facts *f, const struct value *v)
{
	for (size_t i = 0; is_string(v) && i < sizeof(new_names) / sizeof(*new_names); i++) {
		struct diag *d;

		if (!str_is_nocase(value_str(v), new_names[i].name) || target_has(f->x->target, CAP_XRAY_VALUES))
			continue;
		d = lacks(f, DIAG_XR662, CAP_XRAY_VALUES, v->span, quoted(f, "the name", v));
		diag_help(f->sink, d, "it is called '%s' there", new_names[i].before);
	}
}

static void check_stream(struct facts *f, const struct stream *s)
{
	const struct target *t = f->x->target;
	uint64_t caps = carrier_caps[s->carrier];

	check_name(f, s->carrier_at);
	if (!target_has(t, caps))
		lacks(f, DIAG_XR650, caps, s->carrier_at->span, quoted(f, "the transport", s->carrier_at));
	caps = s->secrecy == SECRECY_REALITY ? CAP_REALITY : s->secrecy == SECRECY_TLS ? CAP_TLS : 0;
	if (!target_has(t, caps))
		lacks(f, DIAG_XR651, caps, s->secrecy_at->span, quoted(f, "security", s->secrecy_at));
}

static void check_tls(struct facts *f, const struct value *tls)
{
	static const char *const pins[] = { "pinnedPeerCertSha256", "verifyPeerCertByName" };
	struct diag *d;

	if (facts_true(tls, "allowInsecure") && !target_has(f->x->target, CAP_ALLOW_INSECURE)) {
		d = diag_add(f->sink, DIAG_XR656, facts_get(tls, "allowInsecure")->span, "%s refuses 'allowInsecure'",
			     f->x->target->name);
		diag_help(f->sink, d, "use pinnedPeerCertSha256 and verifyPeerCertByName");
	}
	for (size_t i = 0; i < sizeof(pins) / sizeof(*pins); i++) {
		const struct value *v = facts_get(tls, pins[i]);

		if (facts_filled(v) && !target_has(f->x->target, CAP_CERT_PINS))
			lacks(f, DIAG_XR660, CAP_CERT_PINS, v->span, arena_printf(f->a, "'%s'", pins[i]));
	}
}

static void check_flow(struct facts *f, const struct value *flow)
{
	if (is_string(flow) && str_starts(value_str(flow), "xtls-rprx-vision") && !target_has(f->x->target, CAP_VISION))
		lacks(f, DIAG_XR652, CAP_VISION, flow->span, quoted(f, "flow", flow));
}

static void check_reverse(struct facts *f, const struct value *reverse)
{
	if (reverse && reverse->kind == VAL_OBJECT && !target_has(f->x->target, CAP_VLESS_REVERSE))
		lacks(f, DIAG_XR654, CAP_VLESS_REVERSE, facts_point(reverse), "reverse channels of VLESS");
}

static void check_sniffing(struct facts *f, const struct value *sniffing)
{
	static const struct {
		const char *key;
		uint64_t caps;
	} flags[] = { { "routeOnly", CAP_SNIFF_ROUTE_ONLY }, { "metadataOnly", CAP_SNIFF_METADATA_ONLY } };
	struct xparts it = xparts_of(facts_get(sniffing, "destOverride"));
	struct xpart item;

	while (xparts_next(&it, &item))
		if (str_is_nocase(item.s, "quic") && !target_has(f->x->target, CAP_SNIFF_QUIC))
			lacks(f, DIAG_XR655, CAP_SNIFF_QUIC, item.at, "sniffing of 'quic'");
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (facts_true(sniffing, flags[i].key) && !target_has(f->x->target, flags[i].caps))
			lacks(f, DIAG_XR655, flags[i].caps, facts_get(sniffing, flags[i].key)->span,
			      arena_printf(f->a, "'%s' of sniffing", flags[i].key));
}

static void check_proto(struct facts *f, const struct peer *p)
{
	uint64_t caps = proto_caps[p->proto];

	check_name(f, p->protocol_at);
	if (!target_has(f->x->target, caps))
		lacks(f, DIAG_XR658, caps, p->protocol_at->span, quoted(f, "the protocol", p->protocol_at));
}

static void check_inbound(struct facts *f, const struct peer *p)
{
	const struct value *users = facts_users(p->settings);

	check_proto(f, p);
	check_stream(f, &p->stream);
	check_tls(f, facts_get(p->stream.v, "tlsSettings"));
	check_sniffing(f, facts_get(p->v, "sniffing"));
	if (p->proto != PROTO_VLESS)
		return;
	for (uint32_t i = 0; users && i < users->n; i++) {
		check_flow(f, facts_get(&users->items[i], "flow"));
		check_reverse(f, facts_get(&users->items[i], "reverse"));
	}
}

static bool is_flat(const struct peer *p)
{
	static const uint32_t with_servers = 1u << PROTO_VLESS | 1u << PROTO_VMESS | 1u << PROTO_TROJAN |
		1u << PROTO_SHADOWSOCKS | 1u << PROTO_SOCKS | 1u << PROTO_HTTP;

	return with_servers >> p->proto & 1 && facts_get(p->settings, "address");
}

static void check_outbound(struct facts *f, const struct peer *p)
{
	struct diag *d;

	check_proto(f, p);
	check_stream(f, &p->stream);
	check_tls(f, facts_get(p->stream.v, "tlsSettings"));
	if (is_flat(p) && !target_has(f->x->target, CAP_FLAT_SETTINGS)) {
		d = lacks(f, DIAG_XR659, CAP_FLAT_SETTINGS, facts_get(p->settings, "address")->span,
			  "flat outbound settings");
		diag_help(f->sink, d, "write them as \"%s\": [{ ... }]",
			  p->proto == PROTO_VLESS || p->proto == PROTO_VMESS ? "vnext" : "servers");
	}
	if (p->proto != PROTO_VLESS)
		return;
	check_flow(f, facts_get(facts_account(p->settings), "flow"));
	check_reverse(f, facts_get(p->settings, "reverse"));
}

/* Name servers over TLS; builtin has none. */
static void check_name_server(struct facts *f, const struct value *address)
{
	static const char *const schemes[] = { "https://", "https+local://", "h2c://", "h2c+local://",
					       "quic+local://" };

	for (size_t i = 0; is_string(address) && i < sizeof(schemes) / sizeof(*schemes); i++)
		if (str_starts_nocase(value_str(address), schemes[i]))
			lacks(f, DIAG_XR651, CAP_TLS, address->span, quoted(f, "the name server", address));
}

static void check_dns(struct facts *f)
{
	const struct value *servers = facts_get(&f->x->section[XS_DNS], "servers");

	if (!servers || servers->kind != VAL_ARRAY || target_has(f->x->target, CAP_TLS))
		return;
	for (uint32_t i = 0; i < servers->n; i++) {
		const struct value *v = &servers->items[i];

		check_name_server(f, v->kind == VAL_OBJECT ? facts_get(v, "address") : v);
	}
}

static void check_sections(struct facts *f)
{
	const struct xconf *x = f->x;
	const struct value *reverse = &x->section[XS_REVERSE], *api = &x->section[XS_API],
			   *listen = facts_get(api, "listen");
	struct diag *d;

	if (reverse->kind == VAL_OBJECT && !x->section_owner[XS_REVERSE] &&
	    !target_has(x->target, CAP_LEGACY_REVERSE)) {
		d = lacks(f, DIAG_XR653, CAP_LEGACY_REVERSE, facts_point(reverse), "a top-level 'reverse'");
		if (target_has(x->target, CAP_VLESS_REVERSE))
			diag_help(f->sink, d,
				  "write \"reverse\": { \"tag\": ... } on a VLESS outbound and on the server's user");
	}
	if (api->kind != VAL_OBJECT || x->section_owner[XS_API])
		return;
	if (!target_has(x->target, CAP_API)) {
		lacks(f, DIAG_XR661, CAP_API, facts_point(api), "'api'");
	} else if (facts_filled(listen) && !target_has(x->target, CAP_API_LISTEN)) {
		d = lacks(f, DIAG_XR661, CAP_API_LISTEN, listen->span, "'listen' in api");
		diag_help(f->sink, d, "add a dokodemo-door inbound and a rule from it to the api tag");
	}
}

void target_check(struct facts *f)
{
	for (uint32_t i = 0; i < f->ins.n; i++)
		if (!facts_managed(&f->ins.v[i]))
			check_inbound(f, &f->ins.v[i]);
	for (uint32_t i = 0; i < f->outs.n; i++)
		if (!facts_managed(&f->outs.v[i]))
			check_outbound(f, &f->outs.v[i]);
	check_dns(f);
	check_sections(f);
}
