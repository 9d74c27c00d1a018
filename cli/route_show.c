/* What `xrat route` prints: the rule that wins, where it sends, and why the earlier ones do not match. */
#include "cli/route_show.h"

#include <string.h>
#include <unistd.h>

enum { SHOWN_EARLIER = 20 };

static const char *const strategy_names[] = { "AsIs", "IPIfNonMatch", "IPOnDemand" };

/* Origin of a rule: pointer, tags, owner, slot, file, line, column. */
static struct value origin_of(struct arena *a, const struct route_answer *w, uint32_t rule)
{
	struct value found = render_why(a, w->checked, w->sources, str_of(arena_printf(a, "/routing/rules/%u", rule)));
	struct value out = value_object(SPAN_NONE), *v = found.n ? &found.items[0] : NULL;

	value_put_int(a, &out, "index", rule);
	for (uint32_t i = 0; v && i < v->n_members; i++) {
		struct member *m = &v->members[i];
		if (!str_is(member_key(m), "value"))
			value_put(a, &out, arena_memdup(a, m->key, m->key_len), m->value);
	}
	return out;
}

/* --- where it goes ------------------------------------------------------------------------------------------------ */

struct outlet {
	const char *outbound; /* NULL with a balancer that has members */
	const char *balancer, *strategy;
	const char **members;
	uint32_t n_members;
	bool by_default;      /* no rule, or a balancer that selects nothing */
};

static const char *text_of(struct arena *a, const struct value *object, const char *key)
{
	const struct member *m = object ? value_member_nocase(object, key) : NULL;

	if (!m || m->value.kind != VAL_STRING || !m->value.len)
		return NULL;
	return arena_memdup(a, m->value.text, m->value.len);
}

static const char *default_outbound(struct arena *a, const struct xconf *x)
{
	const char *tag = x->outbounds.n ? text_of(a, &x->outbounds.v[0].v, "tag") : NULL;

	return tag ? tag : "the first outbound";
}

static void read_balancer(struct arena *a, const struct xconf *x, const char *tag, struct outlet *o)
{
	o->balancer = tag;
	for (uint32_t i = 0; i < x->balancers.n; i++) {
		const struct value *v = &x->balancers.v[i].v;
		const struct member *strategy = value_member_nocase(v, "strategy");
		const char *name = text_of(a, v, "tag"), *fallback = text_of(a, v, "fallbackTag");

		if (!name || strcmp(name, tag) != 0)
			continue;
		o->strategy = strategy ? text_of(a, &strategy->value, "type") : NULL;
		route_members(a, x, v, &o->members, &o->n_members);
		o->outbound = o->n_members ? NULL : fallback;
	}
	o->strategy = o->strategy ? o->strategy : "random";
	if (o->n_members || o->outbound)
		return;
	o->by_default = true;
	o->outbound = default_outbound(a, x);
}

static struct outlet outlet_of(struct arena *a, const struct route_answer *w)
{
	struct outlet o = { 0 };
	struct route_target t;

	if (w->rule == ROUTE_NONE) {
		o.by_default = true;
		o.outbound = default_outbound(a, &w->checked->x);
		return o;
	}
	route_target_of(w->table, w->rule, &t);
	o.outbound = t.outbound;
	if (t.balancer)
		read_balancer(a, &w->checked->x, t.balancer, &o);
	return o;
}

/* --- text --------------------------------------------------------------------------------------------------------- */

static void print_origin(struct buf *out, const struct value *origin)
{
	struct str file = value_get_str(origin, "file"), owner = value_get_str(origin, "owner"),
		   tag = value_get_str(origin, "rule_tag");
	int64_t line = 0, column = 0;

	if (tag.len)
		buf_printf(out, " '%.*s'", (int)tag.len, tag.p);
	if (owner.len)
		buf_printf(out, " (%.*s)", (int)owner.len, owner.p);
	if (!file.len) {
		buf_puts(out, ", a built-in default");
		return;
	}
	value_int(value_get(origin, "line"), &line);
	value_int(value_get(origin, "column"), &column);
	buf_printf(out, ", %.*s:%lld:%lld", (int)file.len, file.p, (long long)line, (long long)column);
}

static void print_outlet(struct buf *out, const struct outlet *o)
{
	if (!o->balancer) {
		buf_printf(out, "goes to '%s'\n", o->outbound);
		return;
	}
	if (!o->n_members) {
		buf_printf(out, "goes to '%s': balancer '%s' selects no outbound\n", o->outbound, o->balancer);
		return;
	}
	buf_printf(out, "goes to balancer '%s' (%s) of", o->balancer, o->strategy);
	for (uint32_t i = 0; i < o->n_members; i++)
		buf_printf(out, "%s '%s'", i ? "," : "", o->members[i]);
	buf_putc(out, '\n');
}

static void print_earlier(struct arena *a, const struct invocation *inv, const struct route_answer *w, struct buf *out)
{
	uint32_t n = w->rule == ROUTE_NONE ? route_count(w->table) : w->rule;
	uint32_t shown = n > SHOWN_EARLIER && !inv->verbose ? SHOWN_EARLIER : n;

	if (n)
		buf_printf(out, "%s:\n", w->rule == ROUTE_NONE ? "why no rule matches" : "why the earlier rules do not match");
	for (uint32_t i = 0; i < shown; i++) {
		struct value origin = origin_of(a, w, i);

		buf_printf(out, "  rule %u", i);
		print_origin(out, &origin);
		buf_printf(out, "\n    %s\n", route_why_not(a, w->table, i, &w->flow));
	}
	if (shown < n)
		buf_printf(out, "  and %u more; -v shows them all\n", n - shown);
}

static void print_notes(const struct route_answer *w, struct buf *out)
{
	if (w->port_assumed)
		buf_puts(out, "no port was given: 443 is assumed\n");
	if (w->asked && !w->resolved)
		buf_printf(out, "domainStrategy %s: the engine would ask for the addresses of '%s' here, and this answer holds "
			   "when no rule takes one of them; give them with --resolve\n",
			   strategy_names[route_strategy_of(w->table)], w->host);
}

static int show_text(struct arena *a, const struct invocation *inv, const struct route_answer *w, const struct outlet *o)
{
	struct buf out = { 0 };

	buf_printf(&out, "%s port %u %s ", w->host, w->flow.port, w->flow.network == ROUTE_UDP ? "udp" : "tcp");
	print_outlet(&out, o);
	if (w->rule == ROUTE_NONE) {
		buf_puts(&out, "no rule matches: what no rule takes goes to the first outbound\n");
	} else {
		struct value origin = origin_of(a, w, w->rule);
		buf_printf(&out, "by rule %u", w->rule);
		print_origin(&out, &origin);
		buf_putc(&out, '\n');
	}
	print_notes(w, &out);
	print_earlier(a, inv, w, &out);
	return out_buf(STDOUT_FILENO, &out) ? out_fail(a, inv, EXIT_SYSTEM, NULL, "could not write to stdout") : EXIT_DONE;
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

static void put_text(struct arena *a, struct value *object, const char *key, const char *text)
{
	value_put(a, object, key, text ? value_string(text, SPAN_NONE) : value_null(SPAN_NONE));
}

static struct value balancer_value(struct arena *a, const struct outlet *o)
{
	struct value v = value_object(SPAN_NONE), members = value_array(SPAN_NONE);

	if (!o->balancer)
		return value_null(SPAN_NONE);
	value_put_str(a, &v, "tag", o->balancer);
	value_put_str(a, &v, "strategy", o->strategy);
	for (uint32_t i = 0; i < o->n_members; i++)
		value_push(a, &members, value_string(o->members[i], SPAN_NONE));
	value_put(a, &v, "members", members);
	return v;
}

static struct value earlier_value(struct arena *a, const struct route_answer *w)
{
	uint32_t n = w->rule == ROUTE_NONE ? route_count(w->table) : w->rule;
	struct value list = value_array(SPAN_NONE);

	for (uint32_t i = 0; i < n; i++) {
		struct value v = origin_of(a, w, i);
		value_put_str(a, &v, "reason", route_why_not(a, w->table, i, &w->flow));
		value_push(a, &list, v);
	}
	return list;
}

static int show_json(struct arena *a, const struct invocation *inv, const struct route_answer *w, const struct outlet *o)
{
	struct value v = value_object(SPAN_NONE);

	value_put_str(a, &v, "host", w->host);
	value_put_int(a, &v, "port", w->flow.port);
	value_put_bool(a, &v, "port_assumed", w->port_assumed);
	value_put_str(a, &v, "network", w->flow.network == ROUTE_UDP ? "udp" : "tcp");
	put_text(a, &v, "outbound", o->outbound);
	value_put(a, &v, "balancer", balancer_value(a, o));
	value_put_bool(a, &v, "by_default", o->by_default);
	value_put(a, &v, "rule", w->rule == ROUTE_NONE ? value_null(SPAN_NONE) : origin_of(a, w, w->rule));
	value_put_str(a, &v, "domain_strategy", strategy_names[route_strategy_of(w->table)]);
	value_put_bool(a, &v, "addresses_asked", w->asked);
	value_put_bool(a, &v, "addresses_given", w->resolved);
	value_put(a, &v, "earlier", earlier_value(a, w));
	return out_result(a, inv, v);
}

int route_show(struct arena *a, const struct invocation *inv, const struct route_answer *w)
{
	struct outlet o = outlet_of(a, w);

	return inv->format == FORMAT_JSON ? show_json(a, inv, w, &o) : show_text(a, inv, w, &o);
}
