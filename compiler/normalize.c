/* Desired values into the one form that the managed base reads: links and profiles become nodes, defaults that depend
 * on other keys are filled in, and rules over several keys are checked. Pure: no file, clock or name look-up. */
#include "compiler/normalize_impl.h"

static bool endpoint_live(const struct endpoint *e)
{
	return !e->disabled.v;
}

void norm_names_init(const struct norm *nm, struct names *n, size_t expected)
{
	n->map = map_new(nm->a, expected);
}

void norm_names_add(const struct norm *nm, struct names *n, const char *name, struct span at, const char *what,
		    const char *kind)
{
	struct name_entry *mine = arena_new_of(nm->a, struct name_entry), *first;
	struct diag *g;

	if (!name || !name[0])
		return;
	*mine = (struct name_entry){ at, what };
	first = map_put(n->map, str_of(str_lower(nm->a, str_of(name))), mine);
	if (first == mine)
		return;
	g = diag_add(nm->sink, DIAG_XR171, at, "%s '%s' of %s is taken by %s", kind, name, what, first->what);
	if (first->at.src)
		diag_relate(nm->sink, g, first->at, "%s '%s' stands here", kind, name);
	diag_help(nm->sink, g, "give one of them another %s", kind);
}

/* Tags of everything that the base makes an inbound of. */
static void inbound_tags(const struct norm *nm, const struct xray_knobs *x, const struct tun *tun,
			 const struct list *forwards)
{
	const struct forward *f = forwards->v;
	struct names names;

	norm_names_init(nm, &names, 8 + forwards->n);
	norm_names_add(nm, &names, x->socks.tag.s, at_or(x->socks.tag.at, x->socks.at), "the SOCKS inbound", "tag");
	if (x->http.enabled.v)
		norm_names_add(nm, &names, x->http.tag.s, at_or(x->http.tag.at, x->http.at), "the HTTP inbound", "tag");
	if (x->dokodemo.enabled.v)
		norm_names_add(nm, &names, x->dokodemo.tag.s, at_or(x->dokodemo.tag.at, x->dokodemo.at),
			       "the dokodemo inbound", "tag");
	if (tun->enabled.v)
		norm_names_add(nm, &names, x->tun.tag.s, at_or(x->tun.tag.at, x->tun.at), "the TUN inbound", "tag");
	if (nm->d->role == ROLE_SERVER)
		norm_names_add(nm, &names, x->trojan.tag.s, at_or(x->trojan.tag.at, x->trojan.at), "the tunnel inbound",
			       "tag");
	for (uint32_t i = 0; i < forwards->n; i++)
		norm_names_add(nm, &names, f[i].tag.s, at_or(f[i].tag.at, f[i].at), "a forward", "tag");
}

/* Tags of everything that a rule may send to: endpoints, direct, and the portals of reverse channels. */
static void outbound_tags(const struct norm *nm, const struct xray_knobs *x, const struct list *endpoints,
			  const struct list *channels)
{
	const struct endpoint *e = endpoints ? endpoints->v : NULL;
	const struct reverse_channel *c = channels->v;
	struct names names;

	norm_names_init(nm, &names, 8 + channels->n);
	norm_names_add(nm, &names, x->direct.tag.s, at_or(x->direct.tag.at, x->direct.at), "the direct outbound",
		       "tag");
	for (uint32_t i = 0; endpoints && i < endpoints->n; i++)
		if (endpoint_live(&e[i]))
			norm_names_add(nm, &names, e[i].tag.s, at_or(e[i].tag.at, e[i].at), "an endpoint", "tag");
	for (uint32_t i = 0; i < channels->n; i++)
		if (!c[i].disabled.v)
			norm_names_add(nm, &names, c[i].tag.s, at_or(c[i].tag.at, c[i].at), "a reverse channel", "tag");
}

/* The first outbound takes what no rule matches: without an endpoint that is the direct one. */
static void first_outbound(const struct norm *nm, const struct client *c)
{
	const struct endpoint *e = c->endpoints.v;
	struct diag *g;

	for (uint32_t i = 0; i < c->endpoints.n; i++)
		if (endpoint_live(&e[i]))
			return;
	if (c->endpoints.at.src && !c->endpoints.set)
		return;
	if (c->allow_direct.v) {
		diag_add(nm->sink, DIAG_XR187, at_or(c->allow_direct.at, c->at),
			 "no endpoint is enabled, so everything leaves directly; 'client.allow_direct' permits it");
		return;
	}
	g = diag_add(nm->sink, DIAG_XR183, c->at,
		     "no endpoint is enabled, so everything would leave directly, in the clear");
	diag_help(nm->sink, g,
		  "add or enable a [[client.endpoints]] entry, or set allow_direct = true if this is wanted");
}

static void full_tunnel(const struct norm *nm, const struct client *c)
{
	struct diag *g;

	if (c->tun_mode.v != TUN_FULL || !text_absent(&c->full_tunnel_tag))
		return;
	g = diag_add(nm->sink, DIAG_XR182, c->tun_mode.at,
		     "'client.tun_mode' is full, which needs 'client.full_tunnel_tag'");
	diag_help(nm->sink, g, "name the outbound that takes everything, usually the tag of an endpoint");
}

/* xp2p's choice of strategy sends every name to the local resolver before a proxy is chosen. */
static void strategy_note(const struct norm *nm, const struct xray_knobs *x, struct span holder)
{
	struct diag *g;

	if (!str_is(str_of(x->routing.domain_strategy.s), "IPOnDemand"))
		return;
	g = diag_add(nm->sink, DIAG_XR190, at_or(x->routing.domain_strategy.at, at_or(x->routing.at, holder)),
		     "with domain_strategy IPOnDemand domains are resolved locally before a proxy is chosen");
	diag_help(nm->sink, g, "set domain_strategy = \"AsIs\" in [client.xray.routing] to avoid it");
}

static void norm_client(const struct norm *nm, struct client *c)
{
	struct endpoint *e = c->endpoints.v;

	for (uint32_t i = 0; i < c->endpoints.n; i++)
		norm_endpoint(nm, &e[i]);
	norm_redirects(nm, &c->redirects);
	norm_forwards(nm, &c->forwards);
	norm_reverse(nm, &c->reverse);
	inbound_tags(nm, &c->xray, &c->tun, &c->forwards);
	outbound_tags(nm, &c->xray, &c->endpoints, &c->reverse);
	first_outbound(nm, c);
	full_tunnel(nm, c);
	strategy_note(nm, &c->xray, c->at);
}

void normalize(struct arena *a, struct diag_sink *sink, struct desired *d, const struct target *t)
{
	struct norm nm = { a, sink, d };

	(void)t;
	if (d->role == ROLE_CLIENT) {
		norm_client(&nm, &d->client);
	} else {
		norm_server(&nm, &d->server);
		inbound_tags(&nm, &d->server.xray, &d->server.tun, &d->server.forwards);
		outbound_tags(&nm, &d->server.xray, NULL, &d->server.reverse);
		strategy_note(&nm, &d->server.xray, d->server.at);
	}
	norm_listeners(&nm);
}
