/* The module: its life, and what others ask of it. */
#include "daemon/sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/session_impl.h"
#include "fetch/fetch.h"

/* --- who waits is told from the loop --- */
static void on_tell(uv_timer_t *t)
{
	struct sessions *all = t->data;

	while (all->outcomes) {
		struct outcome *o = all->outcomes;

		all->outcomes = o->next;
		o->result.why = o->why;
		if (o->done)
			o->done(all->daemon, o->ctx, &o->result);
		free(o);
	}
	daemon_check(all->daemon);
}

void sessions_tell(struct sessions *all, struct outcome *o)
{
	struct outcome **at = &all->outcomes;

	while (*at)
		at = &(*at)->next;
	*at = o;
	uv_timer_start(&all->tell, on_tell, 0, 0);
}

/* --- what is active --- */
bool sessions_is_busy(const struct daemon *d)
{
	return d->sessions->order || d->sessions->enders;
}

static const struct session_life *shown(const struct sessions *all)
{
	if (all->active)
		return all->active;
	return all->order && all->order->next && all->order->next->row.id ? all->order->next : NULL;
}

bool sessions_active(const struct daemon *d, struct session_view *ret_view)
{
	const struct session_life *s = shown(d->sessions);

	if (!s)
		return false;
	*ret_view = (struct session_view){
		.id = s->row.id,
		.node_id = s->row.node_id,
		.pid = s->row.process_id,
		.engine = s->row.engine ? s->row.engine : "",
		.status = store_status_names[s->row.status],
		.row = &s->row,
		.probe_port = s->probe_port,
		.probe_user = s->probe_user ? s->probe_user : "",
		.probe_password = s->probe_password ? s->probe_password : "",
		.is_udp_only = s->is_udp_only,
	};
	return true;
}

bool sessions_lost(const struct daemon *d, struct session_lost *ret_lost)
{
	*ret_lost = d->sessions->lost;
	return ret_lost->id != 0;
}

/* --- its life --- */
void sessions_go_on(struct sessions *all)
{
	struct session_order *o = all->order;

	if (o && o->step == STEP_CLEAR && !all->strays)
		session_switch(o);
	else
		session_cancel_go_on(all);
	daemon_check(all->daemon);
}

int sessions_start(struct daemon *d, struct err *e)
{
	struct sessions *all = calloc(1, sizeof(*all));
	char *dir = NULL;

	if (!all || asprintf(&dir, "%s/" IPC_RUNTIME_DIR, d->root) < 0) {
		free(all);
		return err_sys(e, -ENOMEM, "start the sessions");
	}
	d->sessions = all;
	all->daemon = d;
	all->dir = dir;
	session_log_mark(d->root, all->mark);
	uv_timer_init(&d->loop, &all->tell);
	all->tell.data = all;
	all->timer_open = true;
	if (fetch_init() || session_reach_open(all))
		return err_sys(e, -ENOMEM, "start the sessions");
	return 0;
}

void sessions_reconcile(struct daemon *d)
{
	trial_sweep(arena_printf(d->a, "%s/runtime", d->root)); /* engines of trials that were killed */
	session_adopt_all(d->sessions);
}

void sessions_stop(struct daemon *d)
{
	struct sessions *all = d->sessions;

	all->stopping = true;
	if (all->order)
		session_cancel(all->order, SESSION_STOPPING, "the daemon stops");
	sessions_go_on(all);
}

bool sessions_is_stopped(const struct daemon *d)
{
	const struct sessions *all = d->sessions;

	return !all->order && !all->active && !all->run && !all->strays && !all->enders && !all->outcomes;
}

/* Engines that have to go are ended by whoever began. */
bool sessions_may_be_replaced(const struct daemon *d)
{
	const struct sessions *all = d->sessions;

	return !all->order && !all->strays && !all->enders && !all->outcomes;
}

void sessions_close(struct daemon *d)
{
	struct sessions *all = d->sessions;

	if (!all || !all->timer_open)
		return;
	all->timer_open = false;
	uv_close((uv_handle_t *)&all->tell, NULL);
	session_run_close(all->run);
	all->run = NULL;
	for (struct session_run *r = all->strays, *next; r; r = next) {
		next = r->next;
		session_run_close(r);
	}
	all->strays = NULL;
	if (all->order) {
		session_run_close(all->order->trial);
		all->order->trial = NULL;
	}
	session_reach_close(all);
}

static void free_outcomes(struct outcome *first)
{
	for (struct outcome *o = first, *next; o; o = next) {
		next = o->next;
		free(o);
	}
}

void sessions_free(struct daemon *d)
{
	struct sessions *all = d->sessions;

	if (!all)
		return;
	session_drop(all->active);
	if (all->order) {
		session_drop(all->order->next);
		free(all->order->outcome);
		free(all->order);
	}
	free_outcomes(all->outcomes);
	free_outcomes(all->enders);
	free(all->reach);
	free((char *)all->dir);
	free(all);
	d->sessions = NULL;
	fetch_fini();
}

/* --- config.toml is another one --- */
static bool differs(const struct config_inbound *c, const struct store_endpoint *at)
{
	if (!c->enabled.v || !at->host)
		return c->enabled.v != (at->host != NULL);
	return c->port.v != at->port || !str_is(str_of(c->host.s), at->host);
}

void sessions_reloaded(struct daemon *d)
{
	const struct session_life *s = d->sessions->active;
	const struct {
		const char *name;
		const struct config_inbound *now;
		const struct store_endpoint *then;
	} rows[] = {
		{ "socks", &d->config->runtime.socks, s ? &s->row.socks : NULL },
		{ "http", &d->config->runtime.http, s ? &s->row.http : NULL },
		{ "shadowsocks", &d->config->runtime.shadowsocks, s ? &s->row.shadowsocks : NULL },
	};

	for (size_t i = 0; s && i < sizeof(rows) / sizeof(*rows); i++)
		if (differs(rows[i].now, rows[i].then))
			daemon_log(d, SEV_NOTE, NULL, "[runtime.%s] has changed; session %lld keeps what it has, the change counts "
				   "from the next connect", rows[i].name, (long long)s->row.id);
}
