/* The first datagrams of a path: what they are, which outbound takes them; what happens to them until that is ready. */
#include "engine/packet_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LOOPS_MAX = 8 };

static struct path *path_of(struct timer *t)
{
	return (struct path *)((char *)t - offsetof(struct path, timer));
}

void path_free_setup(struct path_setup *s, struct worker *w)
{
	if (!s)
		return;
	if (s->query)
		resolve_cancel(w, s->query);
	sniff_udp_end(s->quic);
	queue_free(&s->waiting);
	free(s);
}

/* --- ready, or not --- */
static void on_idle(struct loop *l, struct timer *t)
{
	struct path *p = path_of(t);
	int64_t quiet = l->now_ms - p->last_ms;

	if (quiet >= p->idle_ms)
		path_close(l->owner, p);
	else
		timer_set(l, t, (uint32_t)(p->idle_ms - quiet), on_idle);
}

static void set_idle(struct worker *w, struct path *p, uint32_t ms)
{
	p->idle_ms = ms;
	p->last_ms = w->loop.now_ms;
	timer_set(&w->loop, &p->timer, ms, on_idle);
}

static void start_counting(struct path *p)
{
	const struct traffic *of[] = { p->user ? &p->user->traffic : NULL, &p->inbound->traffic, &p->outbound->traffic };

	for (size_t i = 0; i < 3; i++) {
		p->count_up[i] = of[i] ? of[i]->up : NULL;
		p->count_down[i] = of[i] ? of[i]->down : NULL;
	}
}

void path_ready(struct worker *w, struct path *p)
{
	struct path_setup *s = p->setup;
	uint32_t idle = p->outbound->policy->idle_ms;
	struct datagram d = { .len = 0 };
	struct queued *e;

	path_log(w, p, "accepted", "");
	start_counting(p);
	p->stage = PATH_UP;
	p->setup = NULL;
	set_idle(w, p, idle < PATH_IDLE_MS ? idle : PATH_IDLE_MS);
	while ((e = queue_take(&s->waiting))) {
		d.p = e->bytes;
		d.len = e->len;
		d.at = e->at;
		path_take(w, p, &d, 1);
		free(e);
	}
	path_free_setup(s, w);
}

void path_deaf(struct worker *w, struct path *p, uint32_t ms, const char *verdict, const char *why)
{
	path_log(w, p, verdict, why);
	if (p->in->closed_when_deaf) {
		path_close(w, p);
		return;
	}
	if (p->out && p->out->stop)
		p->out->stop(w, p);
	p->out = NULL;
	io_close(&p->up, false);
	path_free_setup(p->setup, w);
	p->setup = NULL;
	p->stage = PATH_DEAF;
	set_idle(w, p, ms);
}

/* --- rules --- */
static void fill_question(const struct path *p, struct route_flow *q)
{
	const struct path_setup *s = p->setup;
	const struct addr *name = s->route_name.family ? &s->route_name : &s->target;
	struct addr source;

	packet_sa_addr(&p->source, &source);
	*q = (struct route_flow){
		.network = ROUTE_UDP, .local = p->local,
		.port = s->target.port, .source_port = source.port, .local_port = p->local_port,
		.inbound_tag = str_of(s->inbound_tag ? s->inbound_tag : p->inbound->tag),
		.user = p->user ? p->user->name : str_of(NULL),
		.protocol = str_of(s->protocol), .domain = addr_name(name),
	};
	addr_ip(&s->target, &q->target);
	addr_ip(&source, &q->source);
}

static int give_ips(void *ctx, struct str domain, const struct route_ip **ret_ips, uint32_t *ret_n)
{
	struct path_setup *s = ctx;

	(void)domain;
	*ret_ips = s->ips;
	*ret_n = s->n_ips;
	return s->n_ips ? 0 : -ENOENT;
}

static void on_dial_over(struct loop *l, struct timer *t)
{
	path_deaf(l->owner, path_of(t), PATH_AGAIN_MS, "rejected", "the outbound did not get ready in time");
}

static void loop_back(struct worker *w, struct path *p)
{
	if (p->setup->loops++ == LOOPS_MAX) {
		path_deaf(w, p, PATH_IDLE_MS, "rejected", "loopback outbounds lead in a circle");
		return;
	}
	p->setup->inbound_tag = p->outbound->inbound_tag;
	path_route(w, p);
}

static void go(struct worker *w, struct path *p, const struct outbound *out)
{
	static const struct path_out *const outs[OUTBOUND__N] = {
		[OUTBOUND_FREEDOM] = &path_out_freedom, [OUTBOUND_SOCKS] = &path_out_socks, [OUTBOUND_DNS] = &path_out_dns,
	};
	struct path_setup *s = p->setup;

	p->outbound = out;
	p->out = outs[out->kind];
	if (out->kind == OUTBOUND_LOOPBACK) {
		loop_back(w, p);
		return;
	}
	if (!p->out) {
		path_deaf(w, p, PATH_IDLE_MS, out->kind == OUTBOUND_BLACKHOLE ? "blocked" : "rejected",
			  out->kind == OUTBOUND_BLACKHOLE ? "" : "an http proxy carries no UDP");
		return;
	}
	p->stage = PATH_DIAL;
	if (s->changed)
		peer_redirected(w, p, &s->asked, &s->target);
	timer_set(&w->loop, &p->timer, PATH_DIAL_MS, on_dial_over);
	p->out->start(w, p);
}

static void choose(struct worker *w, struct path *p)
{
	const struct outbound *out;
	struct route_flow q;
	int r;

	fill_question(p, &q);
	q.resolve = give_ips;
	q.resolve_ctx = p->setup;
	r = flow_find(w, p->conf, &q, &out, &p->setup->rule_tag);
	if (r)
		path_deaf(w, p, PATH_AGAIN_MS, "rejected", r == -ENOMEM ? "out of memory" : "no outbound takes it");
	else
		go(w, p, out);
}

static void on_addresses(struct worker *w, void *ctx, int error, const struct route_ip *ips, uint32_t n)
{
	struct path *p = ctx;
	struct path_setup *s = p->setup;

	s->query = NULL;
	s->n_ips = error ? 0 : n > FLOW_IPS ? FLOW_IPS : n;
	if (s->n_ips)
		memcpy(s->ips, ips, s->n_ips * sizeof(*ips));
	choose(w, p);
}

void path_route(struct worker *w, struct path *p)
{
	struct route_flow q;

	p->stage = PATH_ROUTE;
	timer_off(&p->timer);
	fill_question(p, &q);
	if (!p->conf->routes || !q.domain.len || p->setup->n_ips || !route_wants_ip(p->conf->routes, &q))
		choose(w, p);
	else
		resolve_start(w, p->conf, q.domain, true, true, on_addresses, p, &p->setup->query);
}

/* --- sniffing --- */
static bool is_excluded(struct worker *w, const struct path *p, const struct addr *host)
{
	char text[ADDR_TEXT];
	struct route_flow q = { .network = ROUTE_UDP, .domain = flow_host_text(host, text) };

	addr_ip(&p->setup->target, &q.target);
	return small_ask(&w->small, p->conf, &p->inbound->sniffing.excluded, &q) > 0;
}

static void take_sniffed(struct worker *w, struct path *p, const struct sniffed *found)
{
	const struct sniff_conf *c = &p->inbound->sniffing;
	struct path_setup *s = p->setup;
	uint16_t port = s->target.port;
	struct addr other;

	s->protocol = found->protocol;
	if (s->faked || !found->host.family || (!s->in_pool && !flow_overrides(c, found->protocol)) ||
	    is_excluded(w, p, &found->host))
		return;
	if (c->route_only && !s->in_pool) {
		if (found->host.family == ADDR_NAME)
			s->route_name = found->host;
		return;
	}
	s->target = found->host;
	s->target.port = port;
	other = found->host;
	s->in_pool = s->in_pool && packet_fake(p->conf, &other) == -EINVAL;
	s->changed = true;
}

static void sniffed(struct worker *w, struct path *p)
{
	struct path_setup *s = p->setup;

	if (s->in_pool && s->target.family != ADDR_NAME)
		path_deaf(w, p, PATH_AGAIN_MS, "rejected", "the address is of a fakedns pool and lent to no name");
	else
		path_route(w, p);
}

static void on_sniff_over(struct loop *l, struct timer *t)
{
	sniffed(l->owner, path_of(t));
}

static bool start_setup(struct worker *w, struct path *p, const struct datagram *d)
{
	const struct sniff_conf *c = &p->inbound->sniffing;
	struct path_setup *s = p->setup = calloc(1, sizeof(*s));
	int fake;

	if (!s)
		return false;
	s->asked = s->target = d->at;
	s->inbound_tag = p->in->tag ? p->in->tag(p) : NULL;
	s->sniff_mask = c->udp_mask;
	fake = c->enabled && c->fakedns ? packet_fake(p->conf, &s->target) : -ENOENT;
	s->faked = fake > 0;
	s->in_pool = fake == -EINVAL;
	if (s->sniff_mask)
		timer_set(&w->loop, &p->timer, SNIFF_MS, on_sniff_over);
	return true;
}

void path_begin(struct worker *w, struct path *p, struct datagram *d)
{
	struct sniffed found = { 0 };
	enum sniff_verdict v = SNIFF_NO;
	struct path_setup *s;

	if (!p->setup && !start_setup(w, p, d)) {
		path_close(w, p);
		return;
	}
	s = p->setup;
	queue_add(&s->waiting, d);
	if (s->sniff_mask)
		v = sniff_udp(w->sniff, &s->quic, (struct str){ d->p, d->len }, &s->sniff_mask, &found);
	if (v == SNIFF_MORE && s->waiting.bytes < SNIFF_BYTES)
		return;
	if (v == SNIFF_YES)
		take_sniffed(w, p, &found);
	sniffed(w, p);
}
