/* Outbounds that speak no protocol of their own: freedom, blackhole, loopback. */
#include <errno.h>

#include "engine/codecs.h"
#include "engine/http.h"

/* --- freedom --- */
static void freedom_connected(struct worker *w, struct flow *f)
{
	flow_server_ready(w, f);
}

static void freedom_dialed(struct worker *w, struct flow *f, int error)
{
	if (error)
		flow_fail(w, f, error, "cannot connect");
	else
		flow_server_ready(w, f);
}

static void freedom_start(struct worker *w, struct flow *f)
{
	const struct outbound *o = f->outbound;
	struct setup *s = f->setup;

	s->dial = s->target;
	if (o->has_redirect) {
		uint16_t port = o->redirect.port ? o->redirect.port : s->target.port;

		if (o->redirect.family)
			s->dial = o->redirect;
		s->dial.port = port;
	}
	dial_start(w, f, &s->dial, o->strategy, freedom_dialed);
}

const struct outbound_ops outbound_freedom = { freedom_start, freedom_connected };

/* --- blackhole --- */
static void blackhole_start(struct worker *w, struct flow *f)
{
	struct str answer = http_answer(403);

	if (f->outbound->http_answer) {
		if (!f->setup->answered)
			f->inbound->ops->answer(w, f, 0);
		f->setup->answered = true;
		flow_tell_client(w, f, answer.p, answer.len);
	}
	elog_access(w, f, "accepted", "");
	flow_close(w, f, false);
}

const struct outbound_ops outbound_blackhole = { blackhole_start, NULL };

/* --- loopback --- */
static void loopback_start(struct worker *w, struct flow *f)
{
	flow_route_again(w, f, f->outbound->inbound_tag);
}

const struct outbound_ops outbound_loopback = { loopback_start, NULL };
