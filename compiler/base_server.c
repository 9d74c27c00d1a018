/* The server's tunnel listener: its accounts, transport and security by profile. */
#include "compiler/base_impl.h"

static bool is_vless(const struct server *s)
{
	return str_starts(str_of(s->profile.s), "vless-");
}

static bool is_vision(const struct server *s)
{
	return str_ends_nocase(str_of(s->profile.s), "-vision");
}

static void put_account(const struct maker *m, struct value *clients, struct span at, const struct secret *credential,
			const char *label, const struct reverse_channel *c)
{
	const struct server *s = &m->d->server;
	struct value client = base_object(at), reverse = base_object(at);

	put_secret(m, &client, is_vless(s) ? "id" : "password", credential);
	put_str(m, &client, "email", label);
	if (is_vless(s) && is_vision(s))
		put_str(m, &client, "flow", "xtls-rprx-vision");
	if (c) {
		put_text(m, &reverse, "tag", &c->tag);
		value_put(m->a, &client, "reverse", reverse);
	}
	value_push(m->a, clients, client);
}

/* While a rotation is open the previous credential works too, under a label of its own: labels are unique. */
static void put_accounts(const struct maker *m, struct value *clients, const struct channels *c)
{
	const struct list *list = &m->d->server.users;
	const struct user *u = list->v;

	for (uint32_t i = 0; i < list->n; i++, u++) {
		if (u->disabled.v)
			continue;
		put_account(m, clients, u->at, &u->credential, u->label.s, NULL);
		if (u->previous.set)
			put_account(m, clients, u->at, &u->previous, reverse_rotation_label(m, u), NULL);
	}
	for (uint32_t i = 0; i < c->n && target_has(m->t, CAP_VLESS_REVERSE); i++)
		if (c->usable[i])
			put_account(m, clients, c->v[i]->at, &c->v[i]->id, c->v[i]->tag.s, c->v[i]);
}

static void tcp(const struct maker *m, struct value *stream)
{
	struct value settings = base_object(stream->span), header = base_object(stream->span);

	value_put_bool(m->a, &settings, "acceptProxyProtocol", false);
	put_str(m, &header, "type", "none");
	value_put(m->a, &settings, "header", header);
	value_put(m->a, stream, "tcpSettings", settings);
}

static void ws(const struct maker *m, struct value *stream)
{
	struct value settings = base_object(stream->span);

	if (text_given(&m->d->server.path))
		put_text(m, &settings, "path", &m->d->server.path);
	else
		put_str(m, &settings, "path", "/");
	value_put(m->a, stream, "wsSettings", settings);
}

static void tls(const struct maker *m, struct value *stream)
{
	const struct server *s = &m->d->server;
	struct value settings = base_object(stream->span), list = value_array(stream->span),
		     pair = base_object(stream->span);

	put_text(m, &pair, "certificateFile", &s->certificate);
	put_text(m, &pair, "keyFile", &s->key);
	value_push(m->a, &list, pair);
	value_put(m->a, &settings, "certificates", list);
	value_put(m->a, stream, "tlsSettings", settings);
}

static void reality(const struct maker *m, struct value *stream)
{
	const struct server *s = &m->d->server;
	struct value settings = base_object(stream->span);

	put_text(m, &settings, "target", &s->reality_target);
	put_texts(m, &settings, "serverNames", &s->server_names);
	put_secret(m, &settings, "privateKey", &s->private_key);
	put_texts(m, &settings, "shortIds", &s->short_ids);
	value_put(m->a, stream, "realitySettings", settings);
}

static struct value stream_of(const struct maker *m, struct span at)
{
	const struct xray_inbound *k = &m->knobs->trojan;
	struct value stream = base_object(at);

	put_text(m, &stream, "network", &k->network);
	put_text(m, &stream, "security", &k->security);
	if (str_is(str_of(k->network.s), "ws"))
		ws(m, &stream);
	else
		tcp(m, &stream);
	if (str_is(str_of(k->security.s), "tls"))
		tls(m, &stream);
	else if (str_is(str_of(k->security.s), "reality"))
		reality(m, &stream);
	return stream;
}

static bool takes_profile(const struct maker *m, struct span at)
{
	const struct server *s = &m->d->server;
	uint64_t caps = is_vless(s) ? CAP_VLESS : CAP_TROJAN;

	if (!target_takes(m, caps, DIAG_XR601, at, base_format(m, "profile '%s'", s->profile.s)))
		return false;
	caps = is_vision(s) ? CAP_VISION : 0;
	if (str_is(str_of(m->knobs->trojan.security.s), "reality"))
		caps |= CAP_REALITY;
	return target_takes(m, caps, DIAG_XR603, at, base_format(m, "profile '%s'", s->profile.s));
}

void base_tunnel(const struct maker *m, const struct channels *c)
{
	const struct server *s = &m->d->server;
	const struct xray_inbound *k = &m->knobs->trojan;
	struct span at = span_or(s->profile.at, span_or(k->at, s->at));
	struct value in = base_object(at), settings = base_object(at), clients = value_array(span_or(s->users.at, at)),
		     sniffing;

	if (!takes_profile(m, at))
		return;
	put_accounts(m, &clients, c);
	value_put(m->a, &settings, "clients", clients);
	if (is_vless(s))
		put_str(m, &settings, "decryption", "none");
	put_text(m, &in, "tag", &k->tag);
	put_num(m, &in, "port", &s->trojan_port);
	put_text(m, &in, "listen", &k->listen);
	put_str(m, &in, "protocol", is_vless(s) ? "vless" : "trojan");
	value_put(m->a, &in, "settings", settings);
	value_put(m->a, &in, "streamSettings", stream_of(m, at));
	sniffing = base_sniffing(m);
	if (sniffing.kind != VAL_NONE)
		value_put(m->a, &in, "sniffing", sniffing);
	xlist_add(m->a, &m->x->inbounds, in, "tunnel inbound");
}
