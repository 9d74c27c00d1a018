/* route DEST[:PORT]: which rule takes a flow, by the same index that the embedded engine asks. No traffic is sent. */
#include <errno.h>
#include <string.h>

#include "cli/asset_files.h"
#include "cli/cli.h"
#include "cli/route_show.h"

enum { PORT_ASSUMED = 443, MAX_RESOLVED = 32 };

struct question {
	struct route_answer answer;
	struct route_ip ips[MAX_RESOLVED];
	bool asked;
};

static int bad(struct arena *a, const struct invocation *inv, const char *what, const char *value, const char *allowed)
{
	return out_fail(a, inv, EXIT_USAGE, NULL, "%s '%s' is not %s", what, value, allowed);
}

/* "name:443", "192.0.2.1:443", "[2001:db8::1]:443"; an address of IPv6 without brackets has no port. */
static struct str split(struct str dest, struct str *ret_port)
{
	const char *colon = memrchr(dest.p, ':', dest.len);
	struct str host = dest;

	*ret_port = (struct str){ NULL, 0 };
	if (colon && !ip_is_literal(dest) && (dest.p[0] != '[' || colon[-1] == ']')) {
		host.len = (size_t)(colon - dest.p);
		*ret_port = str_skip(dest, host.len + 1);
	}
	if (host.len > 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
		host = (struct str){ host.p + 1, host.len - 2 };
	return host;
}

static int read_dest(struct arena *a, const struct invocation *inv, struct question *q)
{
	struct route_flow *f = &q->answer.flow;
	struct str port, host = split(str_of(inv->operands[0]), &port);
	int64_t n = PORT_ASSUMED;
	int r = port.p ? str_int(port, &n) : 0;

	if (!name_is_host(host) || r == -EINVAL)
		return bad(a, inv, "destination", inv->operands[0], "NAME, NAME:PORT, ADDRESS or [ADDRESS]:PORT");
	if (r || n < 0 || n > UINT16_MAX)
		return bad(a, inv, "port", arena_memdup(a, port.p, port.len), "a number up to 65535");
	q->answer.host = arena_memdup(a, host.p, host.len);
	q->answer.port_assumed = !port.p;
	f->port = (uint16_t)n;
	if (route_ip_parse(host, &f->target))
		f->domain = host;
	return EXIT_DONE;
}

/* --resolve takes one address or several with commas. */
static int read_resolved(struct arena *a, const struct invocation *inv, struct question *q)
{
	struct str rest = str_of(inv->resolve);

	while (rest.p) {
		struct str one = str_trim(str_cut(&rest, ','));
		if (q->answer.n_ips == MAX_RESOLVED)
			return bad(a, inv, "--resolve", inv->resolve, "a list of at most 32 addresses");
		if (route_ip_parse(one, &q->ips[q->answer.n_ips++]))
			return bad(a, inv, "--resolve", inv->resolve, "an address, or several with commas");
	}
	q->answer.ips = q->ips;
	q->answer.resolved = inv->resolve != NULL;
	return EXIT_DONE;
}

static int read_flow(struct arena *a, const struct invocation *inv, struct question *q)
{
	struct route_flow *f = &q->answer.flow;
	int r = read_dest(a, inv, q);

	f->network = inv->network ? (enum route_network)inv->network : ROUTE_TCP;
	f->inbound_tag = str_of(inv->inbound);
	f->user = str_of(inv->user);
	f->protocol = str_of(inv->protocol);
	if (!r && inv->source && route_ip_parse(str_of(inv->source), &f->source))
		r = bad(a, inv, "--source", inv->source, "an address");
	return r ? r : read_resolved(a, inv, q);
}

static int resolve(void *ctx, struct str domain, const struct route_ip **ret_ips, uint32_t *ret_n)
{
	struct question *q = ctx;

	(void)domain;
	q->asked = true;
	if (!q->answer.resolved)
		return -EAGAIN;
	*ret_ips = q->answer.ips;
	*ret_n = q->answer.n_ips;
	return 0;
}

/* With IPIfNonMatch the rules are gone through without addresses first: then these play no part in the reasons. */
static int ask(struct arena *a, const struct invocation *inv, struct question *q)
{
	struct route_answer *w = &q->answer;
	struct route_scratch *s = route_scratch_new(w->table);

	if (!s)
		return out_fail(a, inv, EXIT_SYSTEM, NULL, "out of memory");
	w->flow.resolve = resolve;
	w->flow.resolve_ctx = q;
	w->rule = route_find(w->table, s, &w->flow);
	w->asked = q->asked;
	if (!q->asked || !w->resolved)
		w->flow.resolve = NULL;
	route_scratch_free(s);
	return route_show(a, inv, w);
}

static int route(struct arena *a, const struct invocation *inv, const struct workspace *ws, enum role role)
{
	const struct compile_options options = { .target = inv->target, .missing_secret_is_warning = true };
	struct diag_sink *sink = NULL, *own;
	struct compiled c = { 0 };
	struct question q = { 0 };
	struct route_assets assets;
	struct route_table *t;
	int r = read_flow(a, inv, &q);

	if (!r)
		r = workspace_compile(a, inv, ws, role, &options, &sink, &c);
	if (r)
		return r == EXIT_CONFIG && inv->format == FORMAT_JSON ? out_fail_all(a, inv, r, sink, NULL) : r;
	own = diag_sink_new(a, diag_sources(sink));
	assets = asset_files_for_route(asset_files_new(a, c.target));
	r = route_build(a, own, &c.checked.x, &assets, &t);
	diag_finish(own, false);
	if (out_diags(inv, own))
		r = EXIT_SYSTEM;
	else if (r)
		r = inv->format == FORMAT_JSON ? out_fail_all(a, inv, EXIT_CONFIG, own, NULL) : EXIT_CONFIG;
	if (r)
		return r;
	q.answer.checked = &c.checked;
	q.answer.sources = diag_sources(sink);
	q.answer.table = t;
	r = ask(a, inv, &q);
	route_table_fini(t);
	return r;
}

int cmd_route(struct arena *a, const struct invocation *inv)
{
	struct workspace ws = { .root_fd = -1 };
	enum role role;
	int r = workspace_open(a, inv, &ws);

	if (!r)
		r = workspace_one_role(a, inv, &ws, &role);
	if (!r)
		r = route(a, inv, &ws, role);
	workspace_close(&ws);
	return r;
}
