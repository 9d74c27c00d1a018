/* The module: tells the core what happens, and does what it says. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ledger.h"
#include "daemon/rotation_impl.h"

static_assert((int)SESSION_BY_USER == (int)IPC_TRIGGER_MANUAL && (int)SESSION_BY_TIMER == (int)IPC_TRIGGER_TIMER &&
	      (int)SESSION_BY_HEALTH == (int)IPC_TRIGGER_HEALTH, "causes and triggers are the same");

/* --- who waits --- */
static void on_tell(uv_timer_t *t)
{
	struct rotation *all = t->data;

	while (all->over) {
		struct rotation_order *o = all->over;

		all->over = o->next;
		o->result.why = o->why;
		if (o->done)
			o->done(all->daemon, o->ctx, &o->result);
		free(o);
	}
	daemon_check(all->daemon);
}

/* What became of it is told from the loop. */
static void tell_later(struct rotation *all, struct rotation_order *o)
{
	struct rotation_order **at = &all->over;

	while (*at)
		at = &(*at)->next;
	*at = o;
	uv_timer_start(&all->tell, on_tell, 0, 0);
}

/* --- doing what the core says --- */
static void perform(struct rotation *all, enum rotation_act act, const char *why);

static void on_tried(struct daemon *d, void *ctx, const struct session_result *r)
{
	static const enum rotation_tried meanings[SESSION_OUTCOME__N] = {
		[SESSION_OK] = ROTATION_TRIED_TAKEN, [SESSION_NO_NODE] = ROTATION_TRIED_FAILED,
		[SESSION_DISABLED] = ROTATION_TRIED_FAILED, [SESSION_BUSY] = ROTATION_TRIED_BUSY,
		[SESSION_OCCUPIED] = ROTATION_TRIED_BUSY, [SESSION_STOPPING] = ROTATION_TRIED_INTERRUPTED,
		[SESSION_NONE] = ROTATION_TRIED_FAULT, [SESSION_BAD_CONFIG] = ROTATION_TRIED_FAULT,
		[SESSION_REFUSED] = ROTATION_TRIED_FAILED, [SESSION_NO_ENGINE] = ROTATION_TRIED_FAULT,
		[SESSION_NOT_READY] = ROTATION_TRIED_FAILED, [SESSION_NOT_PROVED] = ROTATION_TRIED_FAILED,
		[SESSION_LOST] = ROTATION_TRIED_FAILED, [SESSION_LOCKED] = ROTATION_TRIED_FAULT,
		[SESSION_FAULT] = ROTATION_TRIED_FAULT, [SESSION_CANCELLED] = ROTATION_TRIED_INTERRUPTED,
	};
	struct rotation *all = ctx;
	enum rotation_tried how = meanings[r->outcome];

	all->order->result = *r;
	str_print(all->order->why, sizeof(all->order->why), "%s", r->why);
	rotation_tell_tried(all, r);
	if (how == ROTATION_TRIED_FAILED)
		rotation_tell_cooldown(all, all->core.candidate, r->why);
	if (how == ROTATION_TRIED_FAILED && d->phase != DAEMON_READY)
		how = ROTATION_TRIED_INTERRUPTED;
	perform(all, rotation_core_tried(&all->core, how, clock_wall_ms()), all->order->why);
}

static void look_free(struct rotation_look *l)
{
	free(l->database);
	free(l->root);
	free(l->runtime_dir);
	free(l);
}

static void on_looked(struct daemon *d, void *ctx, int r, struct err *e)
{
	struct rotation_look *l = ctx;
	struct rotation *all = d->rotation;
	int64_t bad;

	if (r == -ECANCELED || d->phase != DAEMON_READY) {
		l->how = ROTATION_LOOKED_INTERRUPTED;
		snprintf(l->why, sizeof(l->why), "it was cancelled");
	} else if (r) {
		l->how = ROTATION_LOOKED_FAULT;
		str_print(l->why, sizeof(l->why), "%s", err_text(e));
	}
	if (l->how == ROTATION_LOOKED)
		rotation_tell_begin(all);
	bad = l->how == ROTATION_LOOKED ? rotation_core_punish(&all->core) : 0;
	if (bad)
		rotation_tell_cooldown(all, bad, all->last_health_error);
	perform(all, rotation_core_looked(&all->core, l->how, l->ids, l->n, l->has_stale, clock_wall_ms()), l->why);
	look_free(l);
}

static struct rotation_look *look_new(struct rotation *all)
{
	const struct daemon *d = all->daemon;
	const struct rotation_core *c = &all->core;
	struct rotation_look *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->database = strdup(d->database);
	l->root = strdup(d->root);
	if (!l->database || !l->root || asprintf(&l->runtime_dir, "%s/" IPC_RUNTIME_DIR, d->root) < 0) {
		l->runtime_dir = NULL;
		look_free(l);
		return NULL;
	}
	l->root_fd = d->root_fd;
	l->now = clock_wall_ms();
	l->fresh_since = l->now - c->policy.interval_ms;
	l->not_id = c->session_id ? c->node_id : c->dead_node_id;
	l->ignore_cooldown = c->trigger == IPC_TRIGGER_MANUAL;
	l->check_network = !c->asked;
	l->may_test = c->may_test;
	return l;
}

static int look(struct rotation *all)
{
	struct work_spec spec = { .name = "rotation", .run = rotation_look_run, .done = on_looked };
	struct rotation_look *l = look_new(all);
	int r;

	if (!l)
		return -ENOMEM;
	spec.ctx = l;
	r = work_start(all->daemon, &spec, NULL);
	if (r)
		look_free(l);
	return r;
}

/* One line for whoever waits; why: what went wrong last. */
static void say_result(const struct rotation *all, struct rotation_order *o, const char *why)
{
	static const char *const words[ROTATION_RESULT__N] = {
		[ROTATION_NO_CANDIDATE] = "there is no eligible node; 'xrat list' shows which are enabled, 'xrat test' which work",
		[ROTATION_INTERRUPTED] = "it is not wanted any more",
	};
	char last[sizeof(o->why)];
	size_t n = all->core.n_tried;

	str_print(last, sizeof(last), "%s", why);
	if (words[all->core.result])
		snprintf(o->why, sizeof(o->why), "%s", words[all->core.result]);
	else if (all->core.result == ROTATION_ALL_FAILED && n > 1)
		str_print(o->why, sizeof(o->why), "%zu nodes were tried in vain; the last one: %.500s", n, last);
	else
		str_print(o->why, sizeof(o->why), "%s", last);
}

static void conclude(struct rotation *all, const char *why)
{
	static const enum session_outcome outcomes[ROTATION_RESULT__N] = {
		[ROTATION_REPLACED] = SESSION_OK, [ROTATION_NO_CANDIDATE] = SESSION_NO_CANDIDATE,
		[ROTATION_ALL_FAILED] = SESSION_NOT_PROVED, [ROTATION_NETWORK_DOWN] = SESSION_NOT_PROVED,
		[ROTATION_INTERRUPTED] = SESSION_CANCELLED, [ROTATION_BUSY] = SESSION_BUSY, [ROTATION_FAULT] = SESSION_FAULT,
	};
	struct rotation_order *o = all->order;

	if (all->core.n_tried != 1 || o->result.outcome == SESSION_OK) /* of a single one its own outcome is told */
		o->result.outcome = outcomes[all->core.result];
	o->result.kept_old = o->result.outcome != SESSION_OK && all->core.session_id;
	say_result(all, o, why);
	all->order = NULL;
	rotation_tell_end(all, o->why);
	rotation_tell_network(all, o->why);
	tell_later(all, o);
	rotation_changed(all);
}

static void perform(struct rotation *all, enum rotation_act act, const char *why)
{
	struct rotation_core *c = &all->core;
	int r;

	if (act == ROTATION_LOOK && (r = look(all))) {
		why = strerror(-r);
		act = rotation_core_looked(c, ROTATION_LOOKED_FAULT, NULL, 0, false, clock_wall_ms());
	}
	if (act == ROTATION_TRY) {
		rotation_tell_try(all);
		sessions_connect(all->daemon, c->candidate, (enum session_cause)c->trigger, on_tried, all);
	} else if (act == ROTATION_DONE) {
		conclude(all, why);
	}
}

static void refuse(struct rotation *all, struct rotation_order *o)
{
	static const struct {
		enum session_outcome outcome;
		const char *why;
	} rows[ROTATION_RESULT__N] = {
		[ROTATION_BUSY] = { SESSION_BUSY, "a rotation is under way already" },
		[ROTATION_NO_SESSION] = { SESSION_NONE, "no session is active; 'xrat connect' starts one" },
		[ROTATION_SAME_NODE] = { SESSION_SAME_NODE, "this node is the one in use" },
		[ROTATION_COOLING] = { SESSION_COOLING, "the last rotation was less than cooldown_secs ago" },
	};

	o->result.outcome = rows[all->core.refusal].outcome;
	snprintf(o->why, sizeof(o->why), "%s", rows[all->core.refusal].why);
	tell_later(all, o);
}

void rotation_order(struct daemon *d, enum ipc_trigger trigger, bool asked, int64_t candidate_id, session_done_fn *done, void *ctx)
{
	struct rotation *all = d->rotation;
	struct rotation_order *o = calloc(1, sizeof(*o));
	enum rotation_act act;

	if (!o && done)
		abort(); /* engines go on, and the daemon is started again; an order without an answer would wait for ever */
	if (!o)
		return; /* it is due again after the next probe */
	*o = (struct rotation_order){ .done = done, .ctx = ctx, .result.gap_ms = -1 };
	act = rotation_core_begin(&all->core, trigger, asked, candidate_id, clock_wall_ms());
	if (act == ROTATION_REFUSED) {
		refuse(all, o);
		return;
	}
	all->order = o;
	uv_timer_stop(&all->timer);
	all->last_trigger = (int)trigger;
	all->is_begin_told = false;
	if (asked)
		rotation_tell_begin(all);
	perform(all, act, "");
	rotation_changed(all);
}

/* --- by itself --- */
static void arm(struct rotation *all);
static void on_timer(uv_timer_t *t)
{
	struct rotation *all = t->data;
	int trigger = rotation_core_due(&all->core, clock_wall_ms());

	if (trigger == IPC_TRIGGER_NONE)
		arm(all);
	else if (all->daemon->phase != DAEMON_READY || sessions_is_busy(all->daemon)) /* it may yet go on; soon */
		uv_timer_start(&all->timer, on_timer, ROTATION_BUSY_MS, 0);
	else
		rotation_order(all->daemon, (enum ipc_trigger)trigger, false, 0, NULL, NULL);
}

static void arm(struct rotation *all)
{
	int64_t wait = rotation_core_wait(&all->core, clock_wall_ms());

	uv_timer_stop(&all->timer);
	if (wait >= 0)
		uv_timer_start(&all->timer, on_timer, (uint64_t)wait, 0);
}

void rotation_changed(struct rotation *all)
{
	if (!all->is_open)
		return;
	rotation_keep(all);
	arm(all);
}

/* --- settings --- */
static struct rotation_policy policy_of(const struct rotation *all)
{
	const struct config_rotation *c = &all->daemon->config->runtime.rotation;

	return (struct rotation_policy){
		.enabled = all->enabled == STORE_AS_CONFIGURED ? c->enabled.v : all->enabled == STORE_SWITCHED_ON,
		.health_trigger = c->health_trigger_enabled.v,
		.may_replace = all->daemon->config->runtime.replace_active_session.v,
		.interval_ms = c->interval_secs.v * 1000,
		.cooldown_ms = c->cooldown_secs.v * 1000,
		.tick_ms = all->daemon->config->runtime.health_tick_secs.v * 1000,
		.threshold = c->health_failure_threshold.v,
	};
}

void rotation_reloaded(struct daemon *d)
{
	const struct rotation_policy p = policy_of(d->rotation);

	rotation_core_set_policy(&d->rotation->core, &p, clock_wall_ms());
	rotation_changed(d->rotation);
}

struct switching {
	enum store_switch to;
	rotation_switched_fn *done;
	void *ctx;
};

/* It outlives a power cut. */
static int write_switch(struct daemon *d, void *ctx, struct err *e)
{
	const struct switching *s = ctx;
	int r = store_begin(d->store, true, e);

	if (r)
		return r;
	r = rotation_write(d->rotation, s->to, e);
	if (!r)
		r = store_commit(d->store, e);
	if (r)
		store_rollback(d->store);
	return r;
}

static void on_switched(struct daemon *d, void *ctx, int r, struct err *e)
{
	struct switching *s = ctx;
	bool on = s->to == STORE_SWITCHED_ON;

	if (!r) {
		d->rotation->enabled = s->to;
		rotation_reloaded(d);
		rotation_tell(d->rotation, STORE_INFO, "rotation", on ? "rotation_on" : "rotation_off", 0, "rotation was switched %s",
			      on ? "on" : "off");
	}
	s->done(d, s->ctx, r, e);
	free(s);
}

void rotation_switch(struct daemon *d, enum store_switch to, rotation_switched_fn *done, void *ctx)
{
	struct switching *s = malloc(sizeof(*s));
	struct err e = { 0 };

	if (!s) {
		done(d, ctx, err_sys(&e, -ENOMEM, "switch the rotation"), &e);
		err_fini(&e);
		return;
	}
	*s = (struct switching){ to, done, ctx };
	ledger_ask(d, &(struct ledger_ask){ .write = write_switch, .done = on_switched, .ctx = s, .patience_ms = LEDGER_PATIENCE_MS });
}

/* --- its life --- */
int rotation_start(struct daemon *d, struct err *e)
{
	struct rotation *all = calloc(1, sizeof(*all));
	int r;

	if (!all)
		return err_sys(e, -ENOMEM, "start the rotation");
	d->rotation = all;
	all->daemon = d;
	uv_timer_init(&d->loop, &all->timer);
	uv_timer_init(&d->loop, &all->tell);
	all->timer.data = all->tell.data = all;
	all->is_open = true;
	r = rotation_read(all, e);
	all->core.policy = policy_of(all);
	return r;
}

/* Whether the daemon before this one sent it to cool down already. */
static bool is_punished(const struct daemon *d, struct arena *a, int64_t node_id, int64_t since)
{
	struct store_cooldown *v;
	size_t n;

	if (store_cooldowns(d->store, a, clock_wall_ms(), &v, &n, NULL))
		return false;
	for (size_t i = 0; i < n; i++)
		if (v[i].node_id == node_id && v[i].last_failed_at >= since)
			return true;
	return false;
}

/* What ended while no daemon ran has died; so has what another node was wanted for when the daemon ended. A session that never
 * ran says nothing of its node: the daemon may have ended in the middle of it. */
static void learn_dead(struct rotation *all, struct arena *a)
{
	struct daemon *d = all->daemon;
	struct rotation_core *c = &all->core;
	struct session_lost lost;
	struct store_session row;
	bool wanted = c->recovery, is_lost = sessions_lost(d, &lost), punished = false;

	if (is_lost)
		punished = c->failures && is_punished(d, a, lost.node_id, lost.started_at);
	c->failures = 0;
	c->recovery = false;
	if (!is_lost && wanted && !store_session_latest_run(d->store, a, &row, NULL) && row.status == STORE_FAILED_SESSION) {
		lost = (struct session_lost){ row.id, row.node_id, row.started_at };
		punished = is_punished(d, a, row.node_id, row.stopped_at);
		is_lost = true;
	}
	if (is_lost)
		rotation_core_died(c, lost.id, lost.node_id, clock_wall_ms());
	c->punished = punished;
}

/* What runs goes on as it was known. */
static void learn_active(struct rotation *all, struct arena *a)
{
	struct rotation_core *c = &all->core;
	struct session_view v;

	if (c->failures && sessions_active(all->daemon, &v) && v.id == c->session_id)
		c->punished = is_punished(all->daemon, a, v.node_id, v.row->started_at);
}

void rotation_reconcile(struct daemon *d)
{
	struct arena *volatile a = arena_new();
	jmp_buf oom;

	if (!a || setjmp(oom)) {
		arena_free(a);
		return;
	}
	arena_on_oom(a, &oom);
	if (d->rotation->core.session_id)
		learn_active(d->rotation, a);
	else
		learn_dead(d->rotation, a); /* if something is about to run, that comes after it */
	arena_free(a);
	rotation_changed(d->rotation);
}

bool rotation_may_be_replaced(const struct daemon *d)
{
	return !d->rotation->order && !d->rotation->over;
}

void rotation_close(struct daemon *d)
{
	struct rotation *all = d->rotation;

	if (!all || !all->is_open)
		return;
	all->is_open = false;
	uv_close((uv_handle_t *)&all->timer, NULL);
	uv_close((uv_handle_t *)&all->tell, NULL);
}

void rotation_free(struct daemon *d)
{
	struct rotation *all = d->rotation;

	if (!all)
		return;
	free(all->order);
	for (struct rotation_order *o = all->over, *next; o; o = next) {
		next = o->next;
		free(o);
	}
	free(all);
	d->rotation = NULL;
}
