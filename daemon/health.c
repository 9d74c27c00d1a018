/* The module: looks at the active session every health_tick_secs, at most one probe at a time. What it finds goes to the core
 * (rotation_core.h), which counts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ledger.h"
#include "daemon/rotation_impl.h"

struct health {
	struct daemon *daemon;
	uv_timer_t tick;
	bool is_open;
};

static struct rotation_core *core_of(const struct daemon *d)
{
	return &d->rotation->core;
}

static void set_error(struct rotation *all, const char *why)
{
	str_print(all->last_health_error, sizeof(all->last_health_error), "%s", why);
}

/* --- what a probe found --- */
static void tell_probe(struct rotation *all, enum rotation_health h, const struct health_probe *p)
{
	const struct rotation_core *c = &all->core;
	long long node = p->node_id, n = c->failures, of = c->policy.threshold;

	if (h == ROTATION_H_RECOVERED)
		rotation_tell(all, STORE_INFO, "health", "health_recovered", node, "a request through node %lld took %lld ms", node,
			      (long long)p->ms);
	else if (h == ROTATION_H_FAILED)
		rotation_tell(all, STORE_WARNING, "health", "health_check_failed", node, "node %lld, failure %lld of %lld: %.300s", node,
			      n, of, p->why);
	else if (h == ROTATION_H_DOWN)
		rotation_tell(all, STORE_ERROR, "health", p->kind, node, "node %lld, failure %lld of %lld: %.300s", node, n, of, p->why);
}

/* It has proved itself for as long as a failure counts. */
static void forgive(struct rotation *all)
{
	const struct rotation_core *c = &all->core;

	if (all->is_proved || clock_wall_ms() - c->began_at < c->policy.cooldown_ms)
		return;
	all->is_proved = true;
	ledger_forgive(all->daemon, c->node_id);
}

static void on_probed(struct daemon *d, void *ctx, int r, struct err *e)
{
	struct health_probe *p = ctx;
	struct rotation *all = d->rotation;
	enum rotation_health h = ROTATION_H_DROPPED;

	(void)e;
	daemon_debug(d, LOG_TRACE, "health", "a probe of session %lld, node %lld: %s, %lld ms", (long long)p->session_id,
		     (long long)p->node_id, r ? "cancelled" : p->verdict == ROTATION_GOOD ? "good" : "bad", (long long)p->ms);
	if (r)
		rotation_core_unprobed(core_of(d));
	else
		h = rotation_core_probed(core_of(d), p->verdict, clock_wall_ms());
	if (h != ROTATION_H_DROPPED) {
		set_error(all, p->why);
		tell_probe(all, h, p);
		rotation_tell_network(all, p->why);
		if (p->verdict == ROTATION_GOOD)
			forgive(all);
		rotation_changed(all);
	}
	health_probe_free(p);
}

/* --- asking --- */
static void probe(struct daemon *d)
{
	struct rotation_core *c = core_of(d);
	struct session_view v;
	struct work_spec spec = { .name = "health", .run = health_probe_run, .done = on_probed };
	struct health_probe *p;

	if (d->phase != DAEMON_READY || !sessions_active(d, &v) || v.id != c->session_id || !rotation_core_probe(c))
		return;
	p = health_probe_new(d, &v);
	spec.ctx = p;
	if (p && !work_start(d, &spec, NULL))
		return;
	if (p)
		health_probe_free(p);
	rotation_core_unprobed(c);
}

static void on_tick(uv_timer_t *t)
{
	const struct health *h = t->data;

	probe(h->daemon);
}

/* --- what sessions tell --- */
static void began(struct daemon *d, int64_t session_id)
{
	struct rotation *all = d->rotation;
	struct session_view v = { 0 };
	int64_t now = clock_wall_ms(), up = clock_mono_ms() - d->started_ms;
	bool is_known = sessions_active(d, &v) && v.id == session_id;
	int64_t since = is_known && v.row->started_at < now - up ? v.row->started_at : 0;

	rotation_core_began(&all->core, session_id, is_known ? v.node_id : 0, since, now);
	all->is_proved = false;
	if (!since)
		set_error(all, "");
}

static void died(struct daemon *d, int64_t session_id, const char *why)
{
	struct rotation *all = d->rotation;
	struct rotation_core *c = &all->core;

	set_error(all, *why ? why : "the engine ended");
	rotation_core_died(c, session_id, c->session_id == session_id ? c->node_id : 0, clock_wall_ms());
}

void health_session_event(struct daemon *d, enum session_event event, int64_t session_id, const char *why)
{
	struct rotation *all = d->rotation;

	if (event == SESSION_BEGAN)
		began(d, session_id);
	else if (event == SESSION_ENDED)
		rotation_core_ended(&all->core, session_id);
	else
		died(d, session_id, why);
	if (event == SESSION_ENDED)
		set_error(all, "");
	all->was_down = all->core.network_down;
	rotation_changed(all);
}

bool health_is_degraded(const struct daemon *d)
{
	const struct rotation_core *c = core_of(d);

	return c->session_id && c->failures;
}

/* --- its life --- */
static void set_tick(struct health *h)
{
	uint64_t ms = (uint64_t)h->daemon->config->runtime.health_tick_secs.v * 1000;

	if (uv_timer_get_repeat(&h->tick) != ms)
		uv_timer_start(&h->tick, on_tick, ms, ms);
}

int health_start(struct daemon *d, struct err *e)
{
	struct health *h = calloc(1, sizeof(*h));

	if (!h)
		return err_sys(e, -ENOMEM, "start the health checks");
	d->health = h;
	h->daemon = d;
	uv_timer_init(&d->loop, &h->tick);
	h->tick.data = h;
	h->is_open = true;
	set_tick(h);
	return 0;
}

void health_reloaded(struct daemon *d)
{
	set_tick(d->health);
}

void health_close(struct daemon *d)
{
	if (!d->health || !d->health->is_open)
		return;
	d->health->is_open = false;
	uv_close((uv_handle_t *)&d->health->tick, NULL);
}

void health_free(struct daemon *d)
{
	free(d->health);
	d->health = NULL;
}
