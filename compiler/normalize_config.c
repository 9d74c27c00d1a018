/* Rules over several keys of config.toml. */
#include <string.h>

#include "compiler/normalize_impl.h"

struct check {
	struct diag_sink *sink;
	const struct config *c;
};

static void check_auth(const struct check *k, const struct config_inbound *in, const char *what)
{
	const struct config_auth *auth = &in->auth;
	bool no_name = text_absent(&auth->username), no_password = secret_absent(&auth->password);
	struct diag *g;

	if (!auth->enabled.v && !auth->enabled.at.src && (auth->username.set || auth->password.set)) {
		g = diag_add(k->sink, DIAG_XR188, at_or(auth->username.at, auth->password.at),
			     "'%s.auth' has no effect: it is not enabled, and whoever reaches the listener may use it", what);
		diag_help(k->sink, g, "add enabled = true, or write enabled = false if this is wanted");
	}
	if (!auth->enabled.v || (!no_name && !no_password))
		return;
	g = diag_add(k->sink, DIAG_XR192, at_or(auth->enabled.at, in->at), "'%s.auth' is enabled without '%s'", what,
		     no_name ? "username" : "password");
	diag_help(k->sink, g, "add it, or set enabled = false");
}

/* Beyond loopback only with authentication, or when the operator says that he means it. */
static void check_open(const struct check *k, struct text host, struct span at, bool has_auth, const char *what)
{
	struct diag *g;

	if (has_auth || k->c->runtime.allow_lan.v || listen_is_loopback(str_of(host.s)))
		return;
	g = diag_add(k->sink, DIAG_XR191, at_or(host.at, at), "'%s' listens on %s without authentication", what,
		     host.s);
	diag_help(k->sink, g, "listen on 127.0.0.1, %s, or set allow_lan = true in [runtime]",
		  str_is(str_of(what), "server") ? "set 'key'" : "set 'auth'");
}

static void check_inbound(const struct check *k, struct listeners *l, const struct config_inbound *in, const char *what,
			  const char *network, bool has_auth)
{
	if (!in->enabled.v)
		return;
	listeners_add(l, &(struct listener){ what, str_of(in->host.s), in->port.v, strstr(network, "tcp") != NULL,
		      strstr(network, "udp") != NULL,
		      at_or(in->port.at, at_or(in->host.at, in->at)), in->at });
	check_open(k, in->host, in->at, has_auth, what);
}

static void check_listeners(const struct check *k, struct arena *a)
{
	const struct config *c = k->c;
	struct listeners l;

	listeners_init(a, k->sink, &l);
	check_inbound(k, &l, &c->runtime.socks, "runtime.socks", c->runtime.socks.udp.v ? "tcp,udp" : "tcp",
		      c->runtime.socks.auth.enabled.v);
	check_inbound(k, &l, &c->runtime.http, "runtime.http", "tcp", c->runtime.http.auth.enabled.v);
	check_inbound(k, &l, &c->runtime.shadowsocks, "runtime.shadowsocks", c->runtime.shadowsocks.network.s, true);
	if (!c->server.enabled.v)
		return;
	listeners_add(&l, &(struct listener){ "server", str_of(c->server.host.s), c->server.port.v, true, false,
		      at_or(c->server.port.at, at_or(c->server.host.at, c->server.at)), c->server.at });
	check_open(k, c->server.host, c->server.at, !secret_absent(&c->server.key), "server");
}

static void check_some_inbound(const struct check *k)
{
	const struct config_inbound *socks = &k->c->runtime.socks;

	if (socks->enabled.v || k->c->runtime.http.enabled.v || k->c->runtime.shadowsocks.enabled.v)
		return;
	diag_help(k->sink, diag_add(k->sink, DIAG_XR193, at_or(socks->enabled.at, socks->at),
				    "no listener is enabled, so a session could not be used"),
		  "enable one of [runtime.socks], [runtime.http] and [runtime.shadowsocks]");
}

static void check_pair(const struct check *k, const struct nums *n, const char *key)
{
	struct diag *g;

	if (!n->set || (n->n == 2 && n->v[0] <= n->v[1]))
		return;
	g = diag_add(k->sink, DIAG_XR194, n->at, n->n == 2 ? "'runtime.fragment.%s' runs backwards" :
		     "'runtime.fragment.%s' must be two numbers, the first and the last", key);
	diag_help(k->sink, g, "for example %s = [100, 200]", key);
}

static void check_packets(const struct check *k)
{
	const struct config_fragment *f = &k->c->runtime.fragment;
	struct diag *g;

	if (!f->enabled.v || !f->packets.set || !str_is(str_of(f->packets_mode.s), "tlshello"))
		return;
	g = diag_add(k->sink, DIAG_XR188, f->packets.at,
		     "'runtime.fragment.packets' has no effect: with packets_mode \"tlshello\" the TLS hello is cut");
	diag_help(k->sink, g, "write packets_mode = \"range\", or remove it");
}

static void check_apply(const struct check *k)
{
	const struct num *settle = &k->c->apply.settle_ms, *max = &k->c->apply.max_wait_ms;
	struct diag *g;

	if (max->v >= settle->v)
		return;
	g = diag_add(k->sink, DIAG_XR194, at_or(max->at, settle->at), "'apply.max_wait_ms' is below 'apply.settle_ms'");
	diag_help(k->sink, g, "max_wait_ms is at least settle_ms, here %lld", (long long)settle->v);
}

static void check_paths(const struct check *k)
{
	const struct text *path = &k->c->paths.sing_box;

	if (path->s && *path->s)
		diag_help(k->sink, diag_add(k->sink, DIAG_XR648, path->at, "'paths.sing_box' has no effect"),
			  "remove it; sing-box is only exported for ('xrat export --format sing-box')");
}

static bool is_host_answer(const struct value *v)
{
	if (v->kind == VAL_STRING)
		return true;
	for (uint32_t i = 0; v->kind == VAL_ARRAY && i < v->n; i++)
		if (v->items[i].kind != VAL_STRING)
			return false;
	return v->kind == VAL_ARRAY;
}

static void check_hosts(const struct check *k)
{
	const struct value *hosts = &k->c->dns.hosts.v;

	if (!k->c->dns.hosts.set)
		return;
	for (uint32_t i = 0; i < hosts->n_members; i++)
		if (!is_host_answer(&hosts->members[i].value))
			diag_add(k->sink, DIAG_XR151, hosts->members[i].value.span,
				 "'dns.hosts.%s' must be a string or a list of strings", hosts->members[i].key);
}

void normalize_config(struct arena *a, struct diag_sink *sink, struct config *c)
{
	const struct config_inbound *ss = &c->runtime.shadowsocks;
	struct check k = { sink, c };

	check_paths(&k);
	check_auth(&k, &c->runtime.socks, "runtime.socks");
	check_auth(&k, &c->runtime.http, "runtime.http");
	if (ss->enabled.v && secret_absent(&ss->password))
		diag_help(sink, diag_add(sink, DIAG_XR192, at_or(ss->enabled.at, ss->at),
					 "'runtime.shadowsocks' is enabled without 'password'"), "add it");
	check_listeners(&k, a);
	check_some_inbound(&k);
	check_pair(&k, &c->runtime.fragment.packets, "packets");
	check_pair(&k, &c->runtime.fragment.length, "length");
	check_pair(&k, &c->runtime.fragment.interval, "interval");
	check_packets(&k);
	check_apply(&k);
	check_hosts(&k);
}
