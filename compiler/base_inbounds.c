/* Listeners: TUN, SOCKS, HTTP, transparent, forwards, and the API where a target has no other way to expose it.
 * Sniffing goes on those that take any destination; a forward has one fixed destination, so it has none. */
#include <string.h>

#include "compiler/base_impl.h"

void base_inbound_add(const struct maker *m, struct value *in, bool sniffed, const char *owner)
{
	struct value sniffing = sniffed ? base_sniffing(m) : (struct value){ .kind = VAL_NONE };

	if (sniffing.kind != VAL_NONE)
		value_put(m->a, in, "sniffing", sniffing);
	xlist_add(m->a, &m->x->inbounds, *in, owner);
}

/* In full mode the engine itself takes over addresses and routes, where it can. */
static void tun_system(const struct maker *m, const struct tun *tun, struct value *settings)
{
	static const char *const everything[] = { "0.0.0.0/0", "::/0" };
	const struct client *c = &m->d->client;
	struct value routes = value_array(span_or(c->tun_mode.at, settings->span));

	if (m->d->role != ROLE_CLIENT || c->tun_mode.v != TUN_FULL)
		return;
	if (!target_has(m->t, CAP_TUN_OS)) {
		struct diag *d = diag_add(m->sink, DIAG_XR612, span_or(c->tun_mode.at, c->at),
					  "%s sets no address, route or name server for the full tunnel", m->t->name);
		diag_help(m->sink, d, "set them in the system, or use a target that does: %s",
			  target_names_with(m->a, CAP_TUN_OS));
		return;
	}
	put_one(m, settings, "gateway", tun->addr.s, tun->addr.at);
	if (c->dns_servers.n)
		put_texts(m, settings, "dns", &c->dns_servers);
	for (size_t i = 0; i < 2; i++)
		value_push(m->a, &routes, value_string(everything[i], routes.span));
	value_put(m->a, settings, "autoSystemRoutingTable", routes);
}

static void tun_inbound(const struct maker *m, const struct tun *tun)
{
	const struct xray_inbound *k = &m->knobs->tun;
	struct value in = base_object(span_or(tun->enabled.at, k->at)), settings = base_object(in.span);

	if (!tun->enabled.v || !target_takes(m, CAP_TUN, DIAG_XR611, tun->enabled.at, "a TUN inbound"))
		return;
	put_text(m, &settings, "name", &tun->name);
	put_num(m, &settings, "mtu", &tun->mtu);
	tun_system(m, tun, &settings);
	put_text(m, &in, "tag", &k->tag);
	put_str(m, &in, "protocol", "tun");
	value_put(m->a, &in, "settings", settings);
	base_inbound_add(m, &in, true, "TUN inbound");
}

/* With accounts the listener asks for one: a list alone would be ignored by SOCKS. */
static void put_accounts(const struct maker *m, struct value *settings, const struct list *users)
{
	const struct account *u = users->v;
	struct value accounts = value_array(span_or(users->at, settings->span));

	for (uint32_t i = 0; i < users->n; i++) {
		struct value account = base_object(u[i].at);
		put_text(m, &account, "user", &u[i].user);
		put_secret(m, &account, "pass", &u[i].password);
		value_push(m->a, &accounts, account);
	}
	if (users->n)
		value_put(m->a, settings, "accounts", accounts);
}

struct value base_inbound_head(const struct maker *m, const struct xray_inbound *k, const char *protocol)
{
	struct value in = base_object(k->at);

	put_text(m, &in, "tag", &k->tag);
	put_str(m, &in, "protocol", protocol);
	put_text(m, &in, "listen", &k->listen);
	put_num(m, &in, "port", &k->port);
	return in;
}

void base_socks_inbound(const struct maker *m, const struct xray_inbound *k, bool sniffed, const char *owner)
{
	struct value in = base_inbound_head(m, k, "socks"), settings = base_object(in.span);

	if (k->users.n)
		put_str(m, &settings, "auth", "password");
	put_accounts(m, &settings, &k->users);
	put_flag(m, &settings, "udp", &k->udp);
	value_put(m->a, &in, "settings", settings);
	base_inbound_add(m, &in, sniffed, owner);
}

void base_http_inbound(const struct maker *m, const struct xray_inbound *k)
{
	struct value in = base_inbound_head(m, k, "http"), settings = base_object(in.span);

	if (!k->enabled.v)
		return;
	put_accounts(m, &settings, &k->users);
	value_put(m->a, &in, "settings", settings);
	base_inbound_add(m, &in, true, "HTTP inbound");
}

static struct value dokodemo_head(const struct maker *m, struct span at, const struct text *remark,
				  const struct text *tag, const struct text *listen, const struct num *port)
{
	struct value in = base_object(at);

	if (remark)
		put_text_if(m, &in, "remark", remark);
	put_text(m, &in, "tag", tag);
	put_text(m, &in, "listen", listen);
	put_num(m, &in, "port", port);
	put_str(m, &in, "protocol", "dokodemo-door");
	return in;
}

static void transparent_inbound(const struct maker *m)
{
	const struct xray_inbound *k = &m->knobs->dokodemo;
	struct value in = dokodemo_head(m, k->at, &k->remark, &k->tag, &k->listen, &k->port),
		     settings = base_object(in.span);

	if (!k->enabled.v)
		return;
	put_text(m, &settings, "network", &k->network);
	put_flag(m, &settings, "followRedirect", &k->follow_redirect);
	value_put(m->a, &in, "settings", settings);
	base_inbound_add(m, &in, k->follow_redirect.v, "transparent inbound");
}

void base_local_inbounds(const struct maker *m, const struct tun *tun)
{
	tun_inbound(m, tun);
	base_socks_inbound(m, &m->knobs->socks, true, "SOCKS inbound");
	base_http_inbound(m, &m->knobs->http);
	transparent_inbound(m);
}

static const char *const forward_networks[] = {
	[FORWARD_TCP] = "tcp", [FORWARD_UDP] = "udp", [FORWARD_BOTH] = "tcp,udp"
};

void base_forwards(const struct maker *m, const struct list *forwards)
{
	const struct forward *f = forwards->v;

	for (uint32_t i = 0; i < forwards->n; i++, f++) {
		struct value in = dokodemo_head(m, f->at, &f->remark, &f->tag, &f->listen_address, &f->listen_port);
		struct value settings = base_object(f->at);
		put_text(m, &settings, "address", &f->target_host);
		put_num(m, &settings, "port", &f->target_port);
		value_put(m->a, &settings, "network",
			  value_string(forward_networks[f->protocol.v], span_or(f->protocol.at, f->at)));
		value_put_bool(m->a, &settings, "followRedirect", false);
		value_put(m->a, &in, "settings", settings);
		base_inbound_add(m, &in, false, base_format(m, "forward '%s'", f->tag.s));
	}
}

/* host:port; a missing host listens everywhere, as Xray's api.listen would. */
static void split_listen(const struct maker *m, const struct text *listen, struct text *ret_host, struct num *ret_port)
{
	struct str s = str_of(listen->s);
	const char *colon = s.len ? memrchr(s.p, ':', s.len) : NULL;
	struct str host = { s.p, colon ? (size_t)(colon - s.p) : s.len };
	int64_t port = 0;

	str_int(colon ? str_skip(s, host.len + 1) : STR("0"), &port);
	if (host.len > 1 && host.p[0] == '[')
		host = (struct str){ host.p + 1, host.len - 2 };
	*ret_host = (struct text){ .s = host.len ? arena_memdup(m->a, host.p, host.len) : "0.0.0.0", .at = listen->at };
	*ret_port = (struct num){ .v = port, .at = listen->at };
}

/* Without api.listen a listener of its own leads to the API, and its rule stands before all others: the address it
 * gives its connections may also be an endpoint's. */
void base_api_inbound(const struct maker *m)
{
	const struct xray_knobs *k = m->knobs;
	struct text host;
	struct num port;

	if (!k->logs.api_enabled.v || !target_has(m->t, CAP_API) || target_has(m->t, CAP_API_LISTEN))
		return;
	split_listen(m, &k->logs.api_listen, &host, &port);
	struct value in = dokodemo_head(m, k->logs.api_at, NULL, &k->logs.api_tag, &host, &port);
	struct value settings = base_object(in.span), rule = base_rule_begin(m, k->logs.api_at);
	value_put_str(m->a, &settings, "address", "127.0.0.1");
	value_put(m->a, &in, "settings", settings);
	base_inbound_add(m, &in, false, "API inbound");
	put_one(m, &rule, "inboundTag", k->logs.api_tag.s, k->logs.api_tag.at);
	base_rule_add(m, SLOT_BYPASS, &rule, k->logs.api_tag.s, k->logs.api_tag.at,
		 (const char *const[]){ "api", k->logs.api_tag.s, NULL }, "API rule");
}
