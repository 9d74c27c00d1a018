/* Between the handshake and the dial: what the client's first bytes are, and which outbound takes the flow. */
#include <errno.h>
#include <string.h>

#include "engine/flow.h"
#include "engine/packet.h"

/* --- sniffing --- */
struct str flow_host_text(const struct addr *host, char text[ADDR_TEXT])
{
	if (host->family == ADDR_NAME)
		return addr_name(host);
	addr_text(host, text);
	*strrchr(text, ':') = '\0';
	return str_of(text);
}

static bool is_excluded(struct worker *w, const struct flow *f, const struct addr *host)
{
	char text[ADDR_TEXT];
	struct route_flow q = { .network = ROUTE_TCP, .domain = flow_host_text(host, text) };

	addr_ip(&f->setup->target, &q.target);
	return small_ask(&w->small, f->conf, &f->inbound->sniffing.excluded, &q) > 0;
}

bool flow_overrides(const struct sniff_conf *c, const char *protocol)
{
	struct str s = str_of(protocol);

	return (c->http && str_starts(s, "http")) || (c->tls && str_is(s, "tls")) || (c->quic && str_is(s, "quic"));
}

/* An address that FakeDNS has lent becomes its name again. One that it has lent to nobody may still be replaced by a name that
 * is sniffed, whatever destOverride says. */
void flow_unfake(struct flow *f)
{
	const struct sniff_conf *c = &f->inbound->sniffing;
	int r = c->enabled && c->fakedns ? packet_fake(f->conf, &f->setup->target) : -ENOENT;

	f->setup->faked = r > 0;
	f->setup->in_pool = r == -EINVAL;
}

/* An address of a pool that is lent to nobody leads nowhere, wherever it was found. */
static bool is_lost(const struct conf *c, struct addr target)
{
	return packet_fake(c, &target) == -EINVAL;
}

static void take_sniffed(struct worker *w, struct flow *f, const struct sniffed *found)
{
	struct setup *s = f->setup;
	uint16_t port = s->target.port;

	s->protocol = str_of(found->protocol);
	if (!s->n_attrs && found->n_attrs) {
		s->n_attrs = found->n_attrs > FLOW_ATTRS ? FLOW_ATTRS : found->n_attrs;
		memcpy(s->attrs, found->attrs, s->n_attrs * sizeof(*s->attrs));
	}
	if (s->faked || !found->host.family ||
	    (!s->in_pool && !flow_overrides(&f->inbound->sniffing, found->protocol)) || is_excluded(w, f, &found->host))
		return;
	if (f->inbound->sniffing.route_only && !s->in_pool) {
		if (found->host.family == ADDR_NAME) /* of the target, rules see the address that it has */
			s->route_name = found->host;
		return;
	}
	s->target = found->host;
	s->target.port = port;
	s->in_pool = s->in_pool && is_lost(f->conf, s->target);
}

void flow_sniffed(struct worker *w, struct flow *f)
{
	timer_off(&f->timer);
	if (f->setup->in_pool && f->setup->target.family != ADDR_NAME)
		flow_fail(w, f, ENETUNREACH, "the address is of a fakedns pool and lent to no name");
	else
		flow_route(w, f);
}

static enum sniff_verdict look(struct worker *w, struct flow *f, struct sniffed *found)
{
	struct setup *s = f->setup;

	return sniff_tcp(w->sniff, (struct str){ s->client.p, s->client.len }, &s->sniff_mask, found);
}

void flow_sniff_last(struct worker *w, struct flow *f)
{
	struct sniffed found = { 0 };

	if (f->setup->client.len)
		look(w, f, &found);
	if (found.protocol)
		take_sniffed(w, f, &found);
	flow_sniffed(w, f);
}

void flow_sniff_over(struct loop *l, struct timer *t)
{
	flow_sniff_last(l->owner, (struct flow *)((char *)t - offsetof(struct flow, timer)));
}

void flow_sniff(struct worker *w, struct flow *f)
{
	struct sniffed found = { 0 };
	enum sniff_verdict v = look(w, f, &found);

	if (v == SNIFF_MORE && f->setup->client.len < SNIFF_BYTES)
		return;
	if (found.protocol)
		take_sniffed(w, f, &found);
	flow_sniffed(w, f);
}

/* --- routing --- */
static void fill_question(const struct flow *f, struct route_flow *q)
{
	const struct setup *s = f->setup;
	const struct addr *name = s->route_name.family ? &s->route_name : &s->target;

	*q = (struct route_flow){
		.network = ROUTE_TCP,
		.port = s->target.port, .source_port = s->source.port, .local_port = s->local.port,
		.inbound_tag = str_of(s->inbound_tag ? s->inbound_tag : f->inbound->tag),
		.user = s->user ? s->user->name : str_of(NULL),
		.protocol = s->protocol, .attrs = s->attrs, .n_attrs = s->n_attrs,
	};
	if (name->family == ADDR_NAME)
		q->domain = (struct str){ name->name, name->name_len };
	if (s->target.family != ADDR_NAME)
		addr_ip(&s->target, &q->target);
	addr_ip(&s->source, &q->source);
	addr_ip(&s->local, &q->local);
}

static int give_ips(void *ctx, struct str domain, const struct route_ip **ret_ips, uint32_t *ret_n)
{
	struct setup *s = ctx;

	(void)domain;
	*ret_ips = s->ips;
	*ret_n = s->n_ips;
	return s->n_ips ? 0 : -ENOENT;
}

static const struct outbound *goal_of(struct worker *w, const struct route_goal *goal)
{
	struct balancer *b = goal->balancer;

	if (!b)
		return goal->outbound;
	if (!b->n)
		return NULL;
	if (b->round_robin)
		return b->members[atomic_fetch_add_explicit(&b->next, 1, memory_order_relaxed) % b->n];
	return b->members[worker_random(w) % b->n];
}

int flow_find(struct worker *w, const struct conf *c, const struct route_flow *q, const struct outbound **ret_out,
	      const char **ret_rule_tag)
{
	const struct outbound *out = c->n_outbounds ? &c->outbounds[0] : NULL;
	struct route_scratch *scratch = c->routes ? worker_scratch(w, c) : NULL;
	uint32_t rule = ROUTE_NONE;

	if (c->routes && !scratch)
		return -ENOMEM;
	if (c->routes)
		rule = route_find(c->routes, scratch, q);
	if (rule != ROUTE_NONE) {
		*ret_rule_tag = c->goals[rule].rule_tag;
		out = goal_of(w, &c->goals[rule]);
	}
	if (!out)
		return -ENETUNREACH;
	*ret_out = out;
	return 0;
}

static void choose(struct worker *w, struct flow *f)
{
	const struct outbound *out;
	struct route_flow q;
	int r;

	fill_question(f, &q);
	q.resolve = give_ips;
	q.resolve_ctx = f->setup;
	r = flow_find(w, f->conf, &q, &out, &f->setup->rule_tag);
	if (r)
		flow_fail(w, f, -r, r == -ENOMEM ? "out of memory" : "no outbound takes it");
	else
		flow_go(w, f, out);
}

static void on_addresses(struct worker *w, void *ctx, int error, const struct route_ip *ips, uint32_t n)
{
	struct flow *f = ctx;

	f->setup->query = NULL;
	f->setup->n_ips = error ? 0 : n > FLOW_IPS ? FLOW_IPS : n;
	memcpy(f->setup->ips, ips, f->setup->n_ips * sizeof(*ips));
	choose(w, f);
}

/* Names are resolved beforehand, and only when a rule could make use of it. */
void flow_route(struct worker *w, struct flow *f)
{
	struct route_flow q;

	f->stage = FLOW_ROUTE;
	fill_question(f, &q);
	if (!f->conf->routes || !q.domain.len || f->setup->n_ips || !route_wants_ip(f->conf->routes, &q)) {
		choose(w, f);
		return;
	}
	resolve_start(w, f->conf, q.domain, true, true, on_addresses, f, &f->setup->query);
}
