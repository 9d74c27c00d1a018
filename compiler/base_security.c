/* security, tlsSettings and realitySettings of an endpoint. */
#include "compiler/base_impl.h"

/* A server reached by its address shows the certificate of its name. */
static void put_server_name(const struct maker *m, struct value *o, const struct endpoint *e)
{
	const struct node *n = &e->node;

	if (text_given(&n->server_name))
		put_text(m, o, "serverName", &n->server_name);
	else if (text_given(&e->hostname) && !ip_is_literal(str_of(e->hostname.s)) &&
		 !str_is_nocase(str_of(e->hostname.s), n->address.s))
		put_text(m, o, "serverName", &e->hostname);
}

static struct value tls(const struct maker *m, const struct endpoint *e)
{
	static const char *const hysteria_alpn = "h3";
	const struct node *n = &e->node;
	struct value o = base_object(e->at);

	if (n->allow_insecure.v && target_has(m->t, CAP_ALLOW_INSECURE))
		put_flag(m, &o, "allowInsecure", &n->allow_insecure);
	put_server_name(m, &o, e);
	if (n->alpn.n)
		put_texts(m, &o, "alpn", &n->alpn);
	else if (n->protocol.v == NODE_HYSTERIA2)
		put_one(m, &o, "alpn", hysteria_alpn, e->at);
	if (target_has(m->t, CAP_TLS_EXTRAS))
		put_text_if(m, &o, "fingerprint", &n->fingerprint);
	put_text_if(m, &o, "pinnedPeerCertSha256", &n->pinned_peer_cert_sha256);
	put_text_if(m, &o, "verifyPeerCertByName", &n->verify_peer_cert_by_name);
	if (stream_extra(n, "ech"))
		value_put(m->a, &o, "echConfigList", *stream_extra(n, "ech"));
	return o;
}

static struct value reality(const struct maker *m, const struct endpoint *e)
{
	const struct node *n = &e->node;
	struct value o = base_object(e->at);

	put_server_name(m, &o, e);
	if (text_given(&n->fingerprint))
		put_text(m, &o, "fingerprint", &n->fingerprint);
	else
		put_str(m, &o, "fingerprint", "chrome");
	put_text(m, &o, "publicKey", &n->public_key);
	put_text_if(m, &o, "shortId", &n->short_id);
	put_text_if(m, &o, "spiderX", &n->spider_x);
	if (stream_extra(n, "pqv"))
		value_put(m->a, &o, "mldsa65Verify", *stream_extra(n, "pqv"));
	return o;
}

void security_put(const struct maker *m, struct value *stream, const struct endpoint *e)
{
	const struct num *security = &e->node.security;

	value_put(m->a, stream, "security",
		  value_string(node_security_names[security->v], span_or(security->at, stream->span)));
	if (security->v == NODE_TLS)
		value_put(m->a, stream, "tlsSettings", tls(m, e));
	else if (security->v == NODE_REALITY)
		value_put(m->a, stream, "realitySettings", reality(m, e));
}
