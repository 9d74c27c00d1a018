/* Who listens where. Two managed listeners that cannot both bind are an error; one that is open beyond loopback without
 * authentication is a warning. Each listener costs a few map look-ups, so thousands of forwards stay linear. */
#include <string.h>

#include "compiler/forms.h"
#include "compiler/normalize_impl.h"

bool listen_is_loopback(struct str host)
{
	static const struct ip_net v4 = { { 127 }, 8, false }, v6 = { { [15] = 1 }, 128, true };
	struct ip_net net;

	if (ip_parse(host, &net))
		return str_is_nocase(host, "localhost");
	return ip_contains(&v4, &net) || ip_contains(&v6, &net);
}

void listeners_init(struct arena *a, struct diag_sink *sink, struct listeners *l)
{
	*l = (struct listeners){ a, sink, map_new(a, 16) };
}

/* "tcp 127.0.0.1 1080". The hosts "4", "6" and "*" stand for any listener of that family, or of any. */
static struct str key_of(const struct listeners *l, const char *network, struct str host, int64_t port)
{
	return str_of(
		arena_printf(l->a, "%s %.*s %lld", network, (int)host.len, host.p ? host.p : "", (long long)port));
}

static struct str canonical(const struct listeners *l, struct str host)
{
	struct ip_net net;

	if (str_is_nocase(host, "localhost"))
		return STR("127.0.0.1");
	return ip_parse(host, &net) ? str_of(str_lower(l->a, host)) : str_of(ip_format(l->a, &net, false));
}

/* Which earlier listener holds the address: 0.0.0.0 takes every IPv4 address, :: and "" take everything. */
static const struct listener *holder(const struct listeners *l, const char *network, struct str host, int64_t port)
{
	bool v6 = memchr(host.p ? host.p : "", ':', host.len) != NULL;
	const struct str rivals[] = {
		host,
		!host.len || str_is(host, "::") ? STR("*") : STR("::"),
		str_is(host, "0.0.0.0") ? STR("4") : STR(""),
		v6 ? STR("::") : STR("0.0.0.0"),
	};
	const struct listener *found = NULL;

	for (size_t i = 0; !found && i < sizeof(rivals) / sizeof(rivals[0]); i++)
		found = map_get(l->map, key_of(l, network, rivals[i], port));
	return found;
}

/* The blame goes to the one that the operator wrote: the other may be a default. */
static void collision(struct listeners *l, const char *network, const struct listener *first,
		      const struct listener *one)
{
	const struct listener *other = one->at.src ? first : one;
	struct span at = at_or(one->at, at_or(first->at, one->holder));
	struct diag *g = diag_add(l->sink, DIAG_XR172, at, "%s and %s both listen on %s port %lld", first->what,
				  one->what, network, (long long)one->port);

	if (other->at.src && other->at.begin != at.begin)
		diag_relate(l->sink, g, other->at, "%s is set here", other->what);
	diag_help(l->sink, g, "give one of them another port or address");
}

static bool claim(struct listeners *l, const char *network, const struct listener *one)
{
	struct str host = canonical(l, one->host);
	const struct listener *first = holder(l, network, host, one->port);

	if (first) {
		collision(l, network, first, one);
		return false;
	}
	map_put(l->map, key_of(l, network, host, one->port), (void *)one);
	map_put(l->map, key_of(l, network, STR("*"), one->port), (void *)one);
	if (!memchr(host.p ? host.p : "", ':', host.len))
		map_put(l->map, key_of(l, network, STR("4"), one->port), (void *)one);
	return true;
}

void listeners_add(struct listeners *l, const struct listener *one)
{
	struct listener *mine = arena_new_of(l->a, struct listener);

	*mine = *one;
	if (one->port < 1 || (one->tcp && !claim(l, "tcp", mine)))
		return;
	if (one->udp)
		claim(l, "udp", mine);
}

static void open_listener(const struct norm *nm, const struct listener *one)
{
	struct diag *g;

	if (listen_is_loopback(one->host))
		return;
	g = diag_add(nm->sink, DIAG_XR186, at_or(one->at, one->holder), "%s listens on %.*s without authentication",
		     one->what, (int)one->host.len, one->host.len ? one->host.p : "");
	diag_help(nm->sink, g, "listen on 127.0.0.1%s", strstr(one->what, "SOCKS") || strstr(one->what, "HTTP") ?
		  ", or add users" : "");
}

static void add(const struct norm *nm, struct listeners *l, const struct listener *one, bool has_auth)
{
	listeners_add(l, one);
	if (!has_auth)
		open_listener(nm, one);
}

/* The place that decides where an inbound listens. */
static struct span inbound_at(const struct xray_inbound *in)
{
	return at_or(in->listen.at, at_or(in->port.at, in->at));
}

static struct listener inbound(const char *what, const struct xray_inbound *in, bool tcp, bool udp, struct span holder)
{
	return (struct listener){ what, str_of(in->listen.s), in->port.v, tcp, udp, inbound_at(in), holder };
}

static void add_knobs(const struct norm *nm, struct listeners *l, const struct xray_knobs *x, struct span holder)
{
	const char *net = x->dokodemo.network.s;
	struct listener one = inbound("the SOCKS inbound", &x->socks, true, x->socks.udp.v, holder);

	add(nm, l, &one, x->socks.users.n > 0);
	one = inbound("the HTTP inbound", &x->http, true, false, holder);
	if (x->http.enabled.v)
		add(nm, l, &one, x->http.users.n > 0);
	one = inbound("the dokodemo inbound", &x->dokodemo, strstr(net, "tcp") != NULL, strstr(net, "udp") != NULL,
		      holder);
	if (x->dokodemo.enabled.v)
		add(nm, l, &one, false);
	one = (struct listener){ "the API", { NULL, 0 }, 0, true, false, at_or(x->logs.api_listen.at, x->logs.api_at),
				 holder };
	if (x->logs.api_enabled.v && form_split_hostport(str_of(x->logs.api_listen.s), &one.host, &one.port))
		add(nm, l, &one, false);
}

static void add_forwards(const struct norm *nm, struct listeners *l, const struct list *forwards)
{
	const struct forward *f = forwards->v;

	for (uint32_t i = 0; i < forwards->n; i++) {
		struct listener one = { arena_printf(nm->a, "forward '%s'", f[i].tag.s), str_of(f[i].listen_address.s),
			f[i].listen_port.v, f[i].protocol.v != FORWARD_UDP, f[i].protocol.v != FORWARD_TCP,
			at_or(f[i].listen_address.at, at_or(f[i].listen_port.at, f[i].at)), f[i].at };

		add(nm, l, &one, false);
	}
}

void norm_listeners(const struct norm *nm)
{
	const struct server *s = &nm->d->server;
	struct listeners l;

	listeners_init(nm->a, nm->sink, &l);
	if (nm->d->role == ROLE_CLIENT) {
		add_knobs(nm, &l, &nm->d->client.xray, nm->d->client.at);
		add_forwards(nm, &l, &nm->d->client.forwards);
		return;
	}
	add(nm, &l, &(struct listener){ "the tunnel", str_of(s->xray.trojan.listen.s), s->trojan_port.v, true, false,
	    at_or(s->trojan_port.at, inbound_at(&s->xray.trojan)), s->at }, true);
	add_knobs(nm, &l, &s->xray, s->at);
	add_forwards(nm, &l, &s->forwards);
}
