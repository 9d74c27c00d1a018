/* The managed base: what the desired state means in an engine's own terms, before any snippet. */
#include "compiler/base_impl.h"

static void client(const struct maker *m)
{
	const struct client *c = &m->d->client;

	base_api_inbound(m);
	base_local_inbounds(m, &c->tun);
	base_forwards(m, &c->forwards);
	base_endpoints(m);
	base_direct(m);
	base_client_rules(m);
}

static void server(const struct maker *m)
{
	const struct server *s = &m->d->server;
	struct channels channels;

	reverse_channels_init(m, &s->reverse, true, &channels);
	base_api_inbound(m);
	base_local_inbounds(m, &s->tun);
	base_tunnel(m, &channels);
	base_forwards(m, &s->forwards);
	base_direct(m);
	base_server_reverse(m, &channels);
	base_managed_rules(m, &s->redirects);
}

void base_build(struct arena *a, struct diag_sink *sink, const struct desired *d, const struct target *t,
		struct base *ret_base)
{
	bool is_client = d->role == ROLE_CLIENT;
	struct base b = { .x = { .role = d->role, .target = t, .at = is_client ? d->client.at : d->server.at } };
	const struct maker m = { .a = a, .sink = sink, .d = d, .t = t, .x = &b.x,
		.knobs = is_client ? &d->client.xray : &d->server.xray, .rule_tags = map_new(a, 64) };

	base_sections(&m);
	base_sniffing_check(&m);
	if (d->session)
		base_session(&m);
	else if (is_client)
		client(&m);
	else
		server(&m);
	*ret_base = b;
}
