/* Changes that wait for the database, and the timer that tries them again. */
#include "daemon/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ledger_impl.h"

/* AT_ONCE: how many are written in one turn of the loop; TELL_MS: when the log is told that somebody holds the database. */
enum { FIRST_PAUSE_MS = 2, PAUSE_MS = 50, FULL_PAUSE_MS = 500, AT_ONCE = 64, TELL_MS = 1000 };

struct ledger {
	struct daemon *daemon;
	struct ledger_change *first;
	unsigned events, lost_events; /* that wait; that were too many */
	uv_timer_t timer;
	uint64_t pause_ms;
	int64_t busy_since_ms;        /* 0 = nothing waits */
	int why;                      /* -EBUSY, -ENOSPC */
	int64_t until_ms;             /* it stops, and gives up then; 0 = not */
	bool is_open, is_told;
	struct ledger_log log;
};

static void on_time(uv_timer_t *t);

static void wait_for(struct ledger *l, uint64_t ms)
{
	if (l->is_open)
		uv_timer_start(&l->timer, on_time, ms, 0);
}

/* Nobody is kept waiting by it. */
static bool waits_long(const struct ledger_change *c)
{
	return c->kind == &ledger_kind_ask && !c->ask.patience_ms;
}

static bool must_wait(struct ledger *l, const struct ledger_change *c, int r)
{
	bool wait = r == -EBUSY || (r == -ENOSPC && (c->kind->waits_for_room || waits_long(c)));

	if (wait)
		l->why = r;
	return wait;
}

/* --- the queue --- */
static void append(struct ledger *l, struct ledger_change *c)
{
	struct ledger_change **at = &l->first;

	while (*at)
		at = &(*at)->next;
	*at = c;
	c->next = NULL;
	l->events += c->kind->may_be_lost;
	if (l->busy_since_ms)
		return;
	l->busy_since_ms = clock_mono_ms();
	l->pause_ms = FIRST_PAUSE_MS;
	wait_for(l, l->pause_ms);
}

/* at: its place. */
static struct ledger_change *unlink_at(struct ledger *l, struct ledger_change **at)
{
	struct ledger_change *c = *at;

	*at = c->next;
	l->events -= c->kind->may_be_lost;
	return c;
}

static bool has_given_up(const struct ledger *l)
{
	return !l->is_open || (l->until_ms && clock_mono_ms() >= l->until_ms);
}

static void give_up(struct ledger *l, struct ledger_change *c)
{
	l->lost_events += c->kind->may_be_lost;
	c->kind->lost(l->daemon, c);
}

/* A row that is not moved would be found wrong by everybody but us: engines go on, and the next daemon looks at them. */
static void keep(struct ledger *l, struct ledger_change *c)
{
	struct ledger_change *copy = NULL;
	bool is_full = c->kind->may_be_lost && l->events >= LEDGER_EVENTS;

	if (!is_full && !has_given_up(l)) {
		copy = ledger_change_copy(c);
		if (!copy && !c->kind->may_be_lost)
			abort();
	}
	if (copy) {
		append(l, copy);
		return;
	}
	give_up(l, c);
	if (!l->first)
		wait_for(l, 0); /* which tells it */
}

/* 0: it is in, or kept. */
static int take(struct daemon *d, struct ledger_change *c, struct err *e)
{
	struct ledger *l = d->ledger;
	struct err own = { 0 };
	int r = -EBUSY;

	c->since_ms = clock_mono_ms();
	c->at_ms = clock_wall_ms();
	if (!l->first)
		r = c->kind->write(d, c, &own);
	if (l->first || must_wait(l, c, r)) {
		keep(l, c);
		r = 0;
	} else {
		if (r)
			err_set(e, r, "%s", err_text(&own));
		else
			ledger_checkpoint(d, &l->log);
		c->kind->over(d, c, r, &own);
	}
	err_fini(&own);
	return r;
}

/* --- trying again --- */
/* Whether there is one left that may go now. */
static bool write_first(struct ledger *l)
{
	struct ledger_change *c = l->first;
	struct err e = { 0 };
	int r = c->kind->write(l->daemon, c, &e);

	bool waits = must_wait(l, c, r);

	if (!waits) {
		unlink_at(l, &l->first);
		ledger_checkpoint(l->daemon, &l->log);
		c->kind->over(l->daemon, c, r, &e);
		free(c);
		l->pause_ms = 0;
	}
	err_fini(&e);
	return !waits && l->first;
}

/* Who waits is not left to wait for ever. */
static bool expire_one(struct ledger *l, int64_t now)
{
	for (struct ledger_change **at = &l->first; *at; at = &(*at)->next) {
		struct ledger_change *c = *at;
		bool is_ask = c->kind == &ledger_kind_ask && c->ask.patience_ms;

		if (!is_ask || now - c->since_ms < c->ask.patience_ms)
			continue;
		unlink_at(l, at);
		c->kind->lost(l->daemon, c);
		free(c);
		return true;
	}
	return false;
}

static void give_up_all(struct ledger *l)
{
	while (l->first) {
		struct ledger_change *c = unlink_at(l, &l->first);

		give_up(l, c);
		free(c);
	}
}

static void tell_long(struct ledger *l)
{
	if (l->is_told || clock_mono_ms() - l->busy_since_ms < TELL_MS)
		return;
	l->is_told = true;
	daemon_log(l->daemon, SEV_WARNING, "store", l->why == -ENOSPC ? "there is no room for the database; what happens is written when there is" :
		   "another process holds the database; what happens is written when it is free again");
}

static void tell_over(struct ledger *l, bool is_given_up)
{
	struct daemon *d = l->daemon;

	if (l->is_told && !is_given_up)
		daemon_log(d, SEV_NOTE, "store", "the database %s after %lld ms, and what happened is written",
			   l->why == -ENOSPC ? "has room again" : "is free again", (long long)(clock_mono_ms() - l->busy_since_ms));
	if (l->lost_events)
		daemon_log(d, SEV_WARNING, "store", "events that were not written, as the database could not be for too long: %u", l->lost_events);
	l->lost_events = 0;
	l->busy_since_ms = 0;
	l->is_told = false;
	daemon_check(d);
}

static void on_time(uv_timer_t *t)
{
	struct ledger *l = t->data;
	bool is_given_up;

	for (int i = 0; l->first && i < AT_ONCE && write_first(l); i++)
		;
	while (expire_one(l, clock_mono_ms()))
		;
	is_given_up = l->first && has_given_up(l);
	if (is_given_up)
		give_up_all(l);
	if (!l->first) {
		tell_over(l, is_given_up);
		return;
	}
	tell_long(l);
	wait_for(l, l->pause_ms);
	l->pause_ms = l->pause_ms ? l->pause_ms * 2 : FIRST_PAUSE_MS;
	if (l->pause_ms > PAUSE_MS)
		l->pause_ms = l->why == -ENOSPC ? FULL_PAUSE_MS : PAUSE_MS;
}

/* --- changes --- */
static void put_row(struct ledger_change *c, const struct ledger_move *m)
{
	c->rows.v[c->rows.n++] = (struct ledger_row){ .row = *m->row, .from = m->from, .to = m->to, .parts = m->parts };
}

int ledger_move(struct daemon *d, const struct ledger_move *moves, size_t n, struct err *e)
{
	struct ledger_change c = { .kind = &ledger_kind_move };

	for (size_t i = 0; i < n && i < LEDGER_MOVES; i++)
		put_row(&c, &moves[i]);
	return take(d, &c, e);
}

int ledger_set(struct daemon *d, const struct store_session *row, unsigned parts)
{
	struct ledger_change c = { .kind = &ledger_kind_set };

	put_row(&c, &(struct ledger_move){ .row = row, .parts = parts });
	return take(d, &c, NULL);
}

void ledger_event(struct daemon *d, const struct store_event *event)
{
	struct ledger_change c = { .kind = &ledger_kind_event, .event = *event };

	take(d, &c, NULL);
}

void ledger_cool(struct daemon *d, const struct ledger_cooldown *cooldown)
{
	struct ledger_change c = { .kind = &ledger_kind_cool, .cooldown.in = *cooldown };

	take(d, &c, NULL);
}

void ledger_forgive(struct daemon *d, int64_t node_id)
{
	struct ledger_change c = { .kind = &ledger_kind_forgive, .node_id = node_id };

	take(d, &c, NULL);
}

static bool waits(const struct ledger *l, const struct ledger_ask *ask)
{
	for (const struct ledger_change *c = l->first; c; c = c->next)
		if (c->kind == &ledger_kind_ask && c->ask.write == ask->write && c->ask.ctx == ask->ctx)
			return true;
	return false;
}

void ledger_ask(struct daemon *d, const struct ledger_ask *ask)
{
	struct ledger_change c = { .kind = &ledger_kind_ask, .ask = *ask };

	if (!ask->once || !waits(d->ledger, ask))
		take(d, &c, NULL);
}

void ledger_forget(struct daemon *d, const void *ctx)
{
	struct ledger *l = d->ledger;
	struct ledger_change **at = &l->first;

	while (*at) {
		if ((*at)->kind == &ledger_kind_ask && (*at)->ask.ctx == ctx)
			free(unlink_at(l, at));
		else
			at = &(*at)->next;
	}
}

int ledger_why(const struct daemon *d)
{
	return d->ledger->why;
}

/* --- what the database will say --- */
bool ledger_is_empty(const struct daemon *d)
{
	return !d->ledger || !d->ledger->first;
}

static int64_t apply_all(const struct ledger *l, struct store_session *row)
{
	int64_t newest = 0;

	for (const struct ledger_change *c = l->first; c; c = c->next) {
		int64_t id = ledger_change_session(c);

		ledger_change_apply(c, row);
		newest = id > newest ? id : newest;
	}
	return newest;
}

int ledger_session_latest(struct daemon *d, struct arena *a, struct store_session *ret_session, struct err *e)
{
	int r = store_session_latest(d->store, a, ret_session, e);
	int64_t newest;

	if (r)
		return r;
	newest = apply_all(d->ledger, ret_session);
	if (ret_session->status < STORE_STOPPED || newest <= ret_session->id)
		return 0;
	r = store_session_get(d->store, a, newest, ret_session, e);
	if (!r)
		apply_all(d->ledger, ret_session);
	return r;
}

/* --- its life --- */
int ledger_open(struct daemon *d)
{
	struct ledger *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	d->ledger = l;
	l->daemon = d;
	uv_timer_init(&d->loop, &l->timer);
	l->timer.data = l;
	l->is_open = true;
	return 0;
}

void ledger_stop(struct daemon *d, int64_t patience_ms)
{
	d->ledger->until_ms = clock_mono_ms() + patience_ms;
}

void ledger_close(struct daemon *d)
{
	if (!d->ledger || !d->ledger->is_open)
		return;
	d->ledger->is_open = false;
	uv_close((uv_handle_t *)&d->ledger->timer, NULL);
}

void ledger_free(struct daemon *d)
{
	for (struct ledger_change *c = d->ledger ? d->ledger->first : NULL, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(d->ledger);
	d->ledger = NULL;
}
