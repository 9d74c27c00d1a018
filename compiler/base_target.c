/* What an endpoint asks for and the target lacks: one diagnostic each, at the line that asked. */
#include "compiler/base_impl.h"

const char *base_who(const struct maker *m, const struct endpoint *e)
{
	return e->label ? e->label : base_format(m, "endpoint '%s'", e->tag.s);
}

static void help_targets(const struct maker *m, struct diag *d, uint64_t caps)
{
	const char *names = target_names_with(m->a, caps);

	if (*names)
		diag_help(m->sink, d, "targets that have it: %s", names);
	else
		diag_help(m->sink, d, "no target of xrat has it: remove it");
}

bool target_takes(const struct maker *m, uint64_t caps, enum diag_code code, struct span at, const char *what)
{
	if (target_has(m->t, caps))
		return true;
	help_targets(m,
		     diag_add(m->sink, code, span_or(at, m->x->at), "%s is not possible: %s does not have it", what,
			      m->t->name),
		     caps);
	return false;
}

static const uint64_t protocol_caps[NODE_PROTOCOL__N] = {
	[NODE_VLESS] = CAP_VLESS,
	[NODE_VMESS] = CAP_VMESS,
	[NODE_TROJAN] = CAP_TROJAN,
	[NODE_SHADOWSOCKS] = CAP_SHADOWSOCKS,
	[NODE_HYSTERIA2] = CAP_HYSTERIA,
	[NODE_WIREGUARD] = CAP_WIREGUARD,
};
static const uint64_t transport_caps[NODE_TRANSPORT__N] = {
	[NODE_WS] = CAP_WS,       [NODE_GRPC] = CAP_GRPC, [NODE_HTTPUPGRADE] = CAP_HTTPUPGRADE,
	[NODE_XHTTP] = CAP_XHTTP, [NODE_KCP] = CAP_KCP,
};
static const uint64_t security_caps[NODE_SECURITY__N] = { [NODE_TLS] = CAP_TLS, [NODE_REALITY] = CAP_REALITY };

/* The place of a key, else of the profile that implies it, else of the endpoint. */
static struct span at_of(const struct endpoint *e, struct span own)
{
	return span_or(own, span_or(e->profile.at, e->at));
}

static bool takes_shape(const struct maker *m, const struct endpoint *e)
{
	const struct node *n = &e->node;
	const char *who = base_who(m, e);
	bool ok;

	if (!target_takes(m, protocol_caps[n->protocol.v], DIAG_XR601, at_of(e, n->protocol.at),
			  base_format(m, "protocol %s of %s", node_protocol_names[n->protocol.v], who)))
		return false;
	ok = target_takes(m, transport_caps[n->transport.v], DIAG_XR602, at_of(e, n->transport.at),
			  base_format(m, "transport %s of %s", node_transport_names[n->transport.v], who));
	ok &= target_takes(m, security_caps[n->security.v], DIAG_XR603, at_of(e, n->security.at),
			   base_format(m, "security %s of %s", node_security_names[n->security.v], who));
	if (text_given(&n->flow) && ok)
		ok &= target_takes(m, CAP_VISION, DIAG_XR603, at_of(e, n->flow.at),
				   base_format(m, "flow %s of %s", n->flow.s, who));
	return ok;
}

static bool takes_tls(const struct maker *m, const struct endpoint *e)
{
	const struct node *n = &e->node;
	const struct value *ech = stream_extra(n, "ech");
	struct diag *d;
	bool ok = true;

	if (n->security.v != NODE_TLS)
		return true;
	if (n->allow_insecure.v && !target_has(m->t, CAP_ALLOW_INSECURE)) {
		d = diag_add(m->sink, DIAG_XR604, at_of(e, n->allow_insecure.at), "%s refuses 'allow_insecure'",
			     m->t->name);
		diag_help(m->sink, d,
			  "use pinned_peer_cert_sha256, with verify_peer_cert_by_name where the name differs");
		ok = false;
	}
	if (text_given(&n->pinned_peer_cert_sha256))
		ok &= target_takes(m, CAP_CERT_PINS, DIAG_XR613, at_of(e, n->pinned_peer_cert_sha256.at),
				   "'pinned_peer_cert_sha256'");
	else if (text_given(&n->verify_peer_cert_by_name))
		ok &= target_takes(m, CAP_CERT_PINS, DIAG_XR613, at_of(e, n->verify_peer_cert_by_name.at),
				   "'verify_peer_cert_by_name'");
	if (ech)
		ok &= target_takes(m, CAP_TLS_EXTRAS, DIAG_XR613, at_of(e, ech->span), "ECH");
	if (text_given(&n->fingerprint) && !target_has(m->t, CAP_TLS_EXTRAS)) {
		d = diag_add(m->sink, DIAG_XR610, at_of(e, n->fingerprint.at),
			     "'fingerprint' is left out: %s imitates no browser", m->t->name);
		help_targets(m, d, CAP_TLS_EXTRAS);
	}
	return ok;
}

/* Dates are not looked at: the same input gives the same bytes on every day. */
static void warn_insecure(const struct maker *m, const struct endpoint *e)
{
	const struct node *n = &e->node;

	if (n->security.v != NODE_TLS || !n->allow_insecure.v || !target_has(m->t, CAP_ALLOW_INSECURE))
		return;
	struct diag *d = diag_add(m->sink, DIAG_XR619, at_of(e, n->allow_insecure.at),
		m->t->family == ENGINE_XRAY ? "with 'allow_insecure' anyone may answer for %s, and Xray refuses it "
					      "since 2026-06-01" :
					      "with 'allow_insecure' anyone may answer for %s",
		base_who(m, e));
	diag_help(m->sink, d,
		  target_has(m->t, CAP_CERT_PINS) ? "use pinned_peer_cert_sha256" :
						    "get a certificate for the server's name");
}

static bool takes_plaintext(const struct maker *m, const struct endpoint *e)
{
	const struct node *n = &e->node;
	bool bare = n->protocol.v == NODE_TROJAN ||
		(n->protocol.v == NODE_VLESS && str_is(str_of(n->encryption.s), "none"));

	if (!bare || n->security.v != NODE_NONE || target_has(m->t, CAP_PUBLIC_PLAINTEXT) ||
	    host_is_private(str_of(n->address.s)))
		return true;
	struct diag *d = diag_add(m->sink, DIAG_XR605, at_of(e, n->security.at),
				  "%s without TLS to the public address '%s' is refused by %s",
				  node_protocol_names[n->protocol.v], n->address.s, m->t->name);
	diag_help(m->sink, d, "use security \"tls\" or \"reality\"%s",
		  n->protocol.v == NODE_VLESS ? ", or VLESS encryption" : "");
	return false;
}

static const struct cipher {
	enum node_protocol protocol;
	const char *prefix;
	bool whole;
	uint64_t caps;
} ciphers[] = {
	{ NODE_VMESS, "none", true, CAP_WEAK_CIPHERS },
	{ NODE_VMESS, "zero", true, CAP_VMESS_ZERO },
	{ NODE_SHADOWSOCKS, "none", true, CAP_WEAK_CIPHERS },
	{ NODE_SHADOWSOCKS, "plain", true, CAP_WEAK_CIPHERS },
	{ NODE_SHADOWSOCKS, "2022-", false, CAP_SS2022 },
	{ NODE_SHADOWSOCKS, "xchacha20-", false, CAP_SS_XCHACHA },
};

static bool takes_cipher(const struct maker *m, const struct endpoint *e)
{
	const struct node *n = &e->node;
	const struct text *t = n->protocol.v == NODE_VMESS ? &n->encryption : &n->method;
	struct str name = str_of(t->s);

	for (size_t i = 0; i < sizeof(ciphers) / sizeof(*ciphers); i++) {
		const struct cipher *c = &ciphers[i];
		if (n->protocol.v != c->protocol ||
		    !(c->whole ? str_is_nocase(name, c->prefix) : str_starts_nocase(name, c->prefix)))
			continue;
		return target_takes(m, c->caps, DIAG_XR616, at_of(e, t->at),
				    base_format(m, "cipher '%s' of %s", t->s, base_who(m, e)));
	}
	return true;
}

static void warn_alter_id(const struct maker *m, const struct endpoint *e)
{
	const struct num *id = &e->node.alter_id;

	if (e->node.protocol.v != NODE_VMESS || !id->v || target_has(m->t, CAP_ALTER_ID))
		return;
	struct diag *d = diag_add(m->sink, DIAG_XR617, at_of(e, id->at),
				  "'alter_id' has no effect: %s speaks VMess AEAD alone", m->t->name);
	diag_help(m->sink, d, "remove it; a server that insists on it needs v2ray-4.34");
}

/* Link parameters that only some engines, or none, can follow. */
static const struct {
	const char *name, *only_over; /* only_over: matters with this transport alone */
	enum node_transport transport;
	uint64_t caps;
	const char *why;
} extras[] = {
	{ "plugin", NULL, 0, 0, "engines run no shadowsocks plugins" },
	{ "seed", "kcp", NODE_KCP, CAP_KCP_HEADER, "the seed of kcp moved to finalmask: use a link with 'fm'" },
	{ "headerType", "kcp", NODE_KCP, CAP_KCP_HEADER, "the header of kcp moved to finalmask: use a link with 'fm'" },
	{ "fm", NULL, 0, CAP_FINALMASK, "the target has no finalmask" },
};

static bool takes_extras(const struct maker *m, const struct endpoint *e)
{
	const struct node *n = &e->node;
	bool ok = true;

	for (size_t i = 0; i < sizeof(extras) / sizeof(*extras); i++) {
		const struct value *v = stream_extra(n, extras[i].name);
		bool none = v && v->kind == VAL_STRING && str_is_nocase(value_str(v), "none");
		if (!v || none || (extras[i].only_over && n->transport.v != extras[i].transport) ||
		    (extras[i].caps && target_has(m->t, extras[i].caps)))
			continue;
		struct diag *d = diag_add(m->sink, DIAG_XR618, at_of(e, v->span),
					  "parameter '%s' of the link of %s cannot be followed: %s", extras[i].name,
					  base_who(m, e), extras[i].why);
		if (extras[i].caps)
			help_targets(m, d, extras[i].caps);
		ok = false;
	}
	return ok;
}

bool target_takes_endpoint(const struct maker *m, const struct endpoint *e)
{
	bool ok = takes_shape(m, e);

	if (!ok)
		return false;
	warn_insecure(m, e);
	warn_alter_id(m, e);
	ok &= takes_tls(m, e);
	ok &= takes_plaintext(m, e);
	ok &= takes_cipher(m, e);
	ok &= takes_extras(m, e);
	return ok;
}
