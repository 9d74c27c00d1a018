/* Certificates of TLS inbounds, and credentials that would leave in the clear. */
#include "validate/rules.h"

#include <string.h>

static bool has_either(const struct value *v, const char *file, const char *inline_text)
{
	return facts_filled(facts_get(v, file)) || facts_filled(facts_get(v, inline_text));
}

/* A certificate of usage "verify" checks others, it identifies nobody. */
static bool serves(const struct value *cert)
{
	return !str_is_nocase(facts_str(cert, "usage"), "verify");
}

static void check_key(struct facts *f, const struct value *cert)
{
	struct diag *d;

	if (cert->kind != VAL_OBJECT || !serves(cert) || !has_either(cert, "certificateFile", "certificate") ||
	    has_either(cert, "keyFile", "key"))
		return;
	d = diag_add(f->sink, DIAG_XR567, facts_point(cert), "the certificate has no key: it is skipped");
	diag_help(f->sink, d, "add 'keyFile' or 'key'");
}

static void check_inbound(struct facts *f, const struct peer *p)
{
	const struct value *tls = facts_get(p->stream.v, "tlsSettings"), *certs = facts_get(tls, "certificates");
	uint32_t n = 0;
	struct diag *d;

	if (p->stream.secrecy != SECRECY_TLS)
		return;
	for (uint32_t i = 0; certs && certs->kind == VAL_ARRAY && i < certs->n; i++) {
		check_key(f, &certs->items[i]);
		n += serves(&certs->items[i]);
	}
	if (n || (certs && certs->kind != VAL_ARRAY))
		return;
	d = diag_add(f->sink, DIAG_XR566, p->stream.secrecy_at->span,
		     "%s has security tls and no certificate: every handshake fails",
		     facts_name(f, "inbound", p, &f->ins));
	diag_help(f->sink, d, "add tlsSettings.certificates with certificateFile and keyFile");
}

/* --- credentials in the clear ------------------------------------------------------------------------------------- */

/* Names that are never public: the list Xray itself goes by. */
static bool is_private_name(struct str name)
{
	static const char *const ends[] = { "lan", "localdomain", "example", "invalid", "localhost", "test", "local",
		"home.arpa", "internal" };

	if (name.len && name.p[name.len - 1] == '.')
		name.len--;
	if (!name.len || !memchr(name.p, '.', name.len))
		return true;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t len = strlen(ends[i]);
		if (str_ends_nocase(name, ends[i]) && (name.len == len || name.p[name.len - len - 1] == '.'))
			return true;
	}
	return false;
}

static bool is_public(const struct value *address)
{
	struct ip_net net;
	struct str s;

	if (!address || address->kind != VAL_STRING || !address->len)
		return false;
	s = value_str(address);
	if (s.len > 2 && s.p[0] == '[' && s.p[s.len - 1] == ']')
		s = (struct str){ s.p + 1, s.len - 2 };
	if (str_starts(s, "env:"))
		return false;
	return ip_parse(s, &net) ? !is_private_name(s) : !ip_is_private(&net);
}

static void check_outbound(struct facts *f, const struct peer *p)
{
	const struct value *address = facts_get(facts_server(p->settings), "address");
	struct str encryption = facts_str(facts_account(p->settings), "encryption");
	bool refused = !target_has(f->x->target, CAP_PUBLIC_PLAINTEXT);
	const char *what = p->proto == PROTO_VLESS ? "VLESS" : "Trojan";
	struct diag *d;

	if ((p->proto != PROTO_VLESS && p->proto != PROTO_TROJAN) || p->stream.secrecy != SECRECY_NONE ||
	    !is_public(address))
		return;
	if (p->proto == PROTO_VLESS && encryption.len && !str_is(encryption, "none"))
		return;
	if (refused && facts_managed(p))
		return;
	d = diag_add(f->sink, refused ? DIAG_XR657 : DIAG_XR568, address->span,
		     "%s without tls or reality sends everything to '%s' in the clear%s",
		     what, facts_shown(f, value_str(address)),
		     refused ? arena_printf(f->a, ", and %s refuses that", f->x->target->name) : "");
	if (p->stream.secrecy_at)
		diag_relate(f->sink, d, p->stream.secrecy_at->span, "'security' is here");
	diag_help(f->sink, d, "add \"security\": \"tls\" or \"reality\" to streamSettings");
}

void tls_check(struct facts *f)
{
	for (uint32_t i = 0; i < f->ins.n; i++)
		check_inbound(f, &f->ins.v[i]);
	for (uint32_t i = 0; i < f->outs.n; i++)
		check_outbound(f, &f->outs.v[i]);
}
