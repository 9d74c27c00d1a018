/* The decisions of health and rotation. */
#include "daemon/rotation_core.h"

#include <string.h>

const char *const rotation_result_names[ROTATION_RESULT__N] = {
	[ROTATION_REPLACED] = "replaced",
	[ROTATION_NO_CANDIDATE] = "no_candidate",
	[ROTATION_ALL_FAILED] = "candidates_failed",
	[ROTATION_NETWORK_DOWN] = "own_network_down",
	[ROTATION_INTERRUPTED] = "interrupted",
	[ROTATION_BUSY] = "busy",
	[ROTATION_FAULT] = "system_error",
	[ROTATION_NO_SESSION] = "no_session",
	[ROTATION_SAME_NODE] = "same_node",
	[ROTATION_COOLING] = "cooldown",
};

static int64_t longer(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static bool is_at_threshold(const struct rotation_core *c)
{
	return c->session_id && c->failures >= c->policy.threshold;
}

/* --- policy --- */
void rotation_core_set_policy(struct rotation_core *c, const struct rotation_policy *p, int64_t now)
{
	bool new_timer = p->enabled && (!c->policy.enabled || p->interval_ms != c->policy.interval_ms || !c->next_timer_at);

	c->policy = *p;
	if (!p->enabled || !c->session_id)
		c->next_timer_at = 0;
	else if (new_timer)
		c->next_timer_at = now + p->interval_ms;
	if (c->session_id)
		c->recovery = p->enabled && p->health_trigger && is_at_threshold(c);
	else if (!p->enabled)
		c->recovery = false;
}

/* --- sessions --- */
void rotation_core_began(struct rotation_core *c, int64_t session_id, int64_t node_id, int64_t since, int64_t now)
{
	c->session_id = session_id;
	c->node_id = node_id;
	c->dead_session_id = c->dead_node_id = 0;
	c->began_at = now;
	c->punished = false;
	if (!since || c->checked_at < since) {
		c->failures = c->retry_at = 0;
		c->recovery = c->network_down = false;
	}
	if (!c->policy.enabled)
		c->next_timer_at = 0;
	else if (!since || !c->next_timer_at)
		c->next_timer_at = now + c->policy.interval_ms;
	else
		c->next_timer_at = longer(c->next_timer_at, since + c->policy.interval_ms);
}

static void forget_session(struct rotation_core *c)
{
	c->session_id = c->node_id = c->failures = c->next_timer_at = 0;
	c->dead_session_id = c->dead_node_id = 0;
	c->recovery = c->network_down = c->punished = false;
}

void rotation_core_ended(struct rotation_core *c, int64_t session_id)
{
	if (session_id == c->session_id || session_id == c->dead_session_id)
		forget_session(c);
}

void rotation_core_died(struct rotation_core *c, int64_t session_id, int64_t node_id, int64_t now)
{
	if (c->session_id && session_id != c->session_id)
		return;
	forget_session(c);
	c->dead_session_id = session_id;
	c->dead_node_id = node_id;
	c->checked_at = now;
	c->retry_at = 0;
	c->recovery = c->policy.enabled;
}

/* --- health --- */
bool rotation_core_probe(struct rotation_core *c)
{
	if (!c->session_id || c->probe_session_id || c->state == ROTATION_SWITCHING)
		return false;
	c->probe_session_id = c->session_id;
	return true;
}

void rotation_core_unprobed(struct rotation_core *c)
{
	c->probe_session_id = 0;
}

static enum rotation_health is_good(struct rotation_core *c)
{
	bool was_bad = c->failures || c->network_down;

	c->failures = 0;
	c->recovery = c->network_down = c->punished = false;
	return was_bad ? ROTATION_H_RECOVERED : ROTATION_H_GOOD;
}

static enum rotation_health is_bad(struct rotation_core *c)
{
	c->network_down = false;
	c->failures++;
	if (is_at_threshold(c))
		c->recovery = c->policy.enabled && c->policy.health_trigger;
	return c->failures == c->policy.threshold ? ROTATION_H_DOWN :
	       c->failures < c->policy.threshold ? ROTATION_H_FAILED : ROTATION_H_SAME;
}

static enum rotation_health is_ours(struct rotation_core *c)
{
	bool was_down = c->network_down;

	c->network_down = true;
	return was_down ? ROTATION_H_SAME : ROTATION_H_NETWORK;
}

enum rotation_health rotation_core_probed(struct rotation_core *c, enum rotation_verdict v, int64_t now)
{
	static enum rotation_health (*const are[])(struct rotation_core *c) = {
		[ROTATION_GOOD] = is_good, [ROTATION_BAD] = is_bad, [ROTATION_NOT_ITS_FAULT] = is_ours,
	};
	bool is_current = c->probe_session_id && c->probe_session_id == c->session_id;

	c->probe_session_id = 0;
	if (!is_current)
		return ROTATION_H_DROPPED;
	c->checked_at = now;
	return are[v](c);
}

int64_t rotation_core_punish(struct rotation_core *c)
{
	if (c->punished || c->trigger != IPC_TRIGGER_HEALTH)
		return 0;
	c->punished = true;
	return c->session_id ? c->node_id : c->dead_node_id;
}

/* --- when --- */
bool rotation_core_is_cooling(const struct rotation_core *c, int64_t now)
{
	return c->rotated_at && now < c->rotated_at + c->policy.cooldown_ms;
}

static int64_t after_cooldown(const struct rotation_core *c, int64_t at)
{
	return c->rotated_at ? longer(at, c->rotated_at + c->policy.cooldown_ms) : at;
}

static int64_t vain_ms(const struct rotation_core *c)
{
	return longer(c->policy.cooldown_ms, c->policy.tick_ms);
}

static bool wants_timer(const struct rotation_core *c)
{
	return c->session_id && c->policy.may_replace && c->next_timer_at;
}

static bool wants_recovery(const struct rotation_core *c)
{
	return c->recovery && (c->session_id ? c->policy.may_replace : c->dead_session_id != 0);
}

int rotation_core_due(struct rotation_core *c, int64_t now)
{
	if (c->rotated_at > now)
		c->rotated_at = now;
	if (c->retry_at > now + vain_ms(c))
		c->retry_at = now + vain_ms(c);
	if (c->next_timer_at > now + c->policy.interval_ms)
		c->next_timer_at = now + c->policy.interval_ms;
	if (c->state != ROTATION_RESTING || !c->policy.enabled || rotation_core_is_cooling(c, now))
		return IPC_TRIGGER_NONE;
	if (wants_recovery(c) && now >= c->retry_at)
		return IPC_TRIGGER_HEALTH;
	return wants_timer(c) && now >= c->next_timer_at ? IPC_TRIGGER_TIMER : IPC_TRIGGER_NONE;
}

int64_t rotation_core_wait(const struct rotation_core *c, int64_t now)
{
	int64_t at = -1;

	if (c->state != ROTATION_RESTING || !c->policy.enabled)
		return -1;
	if (wants_timer(c))
		at = after_cooldown(c, c->next_timer_at);
	if (wants_recovery(c) && (at < 0 || after_cooldown(c, c->retry_at) < at))
		at = after_cooldown(c, c->retry_at);
	if (at < 0)
		return -1;
	if (at - now > ROTATION_WAIT_MAX_MS) /* a clock that is set does not make it wait for ever */
		return ROTATION_WAIT_MAX_MS;
	return longer(at - now, 0);
}

/* --- states --- */
enum event { EV_WANTED, EV_NAMED, EV_FOUND, EV_STALE, EV_OVER, EV_TAKEN, EV__N };
struct rule {
	enum rotation_state next;
	enum rotation_act act;
};
#define STAYS(state) { ROTATION_##state, ROTATION_NOTHING }
#define REFUSES(state) { ROTATION_##state, ROTATION_REFUSED }
static const struct rule rules[ROTATION_STATE__N][EV__N] = {
	[ROTATION_RESTING] = {
		[EV_WANTED] = { ROTATION_LOOKING, ROTATION_LOOK },
		[EV_NAMED] = { ROTATION_SWITCHING, ROTATION_TRY },
		[EV_FOUND] = STAYS(RESTING),
		[EV_STALE] = STAYS(RESTING),
		[EV_OVER] = STAYS(RESTING),
		[EV_TAKEN] = STAYS(RESTING),
	},
	[ROTATION_LOOKING] = {
		[EV_WANTED] = REFUSES(LOOKING),
		[EV_NAMED] = REFUSES(LOOKING),
		[EV_FOUND] = { ROTATION_SWITCHING, ROTATION_TRY },
		[EV_STALE] = { ROTATION_LOOKING, ROTATION_LOOK },
		[EV_OVER] = { ROTATION_RESTING, ROTATION_DONE },
		[EV_TAKEN] = STAYS(LOOKING),
	},
	[ROTATION_SWITCHING] = {
		[EV_WANTED] = REFUSES(SWITCHING),
		[EV_NAMED] = REFUSES(SWITCHING),
		[EV_FOUND] = { ROTATION_SWITCHING, ROTATION_TRY }, /* the next of those that were found */
		[EV_STALE] = { ROTATION_LOOKING, ROTATION_LOOK },
		[EV_OVER] = { ROTATION_RESTING, ROTATION_DONE },
		[EV_TAKEN] = { ROTATION_RESTING, ROTATION_DONE },
	},
};

/* How long until it is tried again by itself. */
static int64_t pause_after(const struct rotation_core *c, int64_t ordinary_ms)
{
	switch (c->result) {
	case ROTATION_NETWORK_DOWN:
		return c->policy.tick_ms;
	case ROTATION_BUSY:
	case ROTATION_INTERRUPTED:
		return ROTATION_BUSY_MS;
	default:
		return ordinary_ms;
	}
}

static void finish(struct rotation_core *c, int64_t now)
{
	if (c->result == ROTATION_REPLACED) {
		if (c->trigger != IPC_TRIGGER_MANUAL)
			c->rotated_at = now;
		return;
	}
	if (c->trigger == IPC_TRIGGER_HEALTH)
		c->retry_at = now + pause_after(c, vain_ms(c));
	if (c->trigger == IPC_TRIGGER_TIMER && c->next_timer_at)
		c->next_timer_at = now + pause_after(c, c->policy.interval_ms);
}

static enum rotation_act step(struct rotation_core *c, enum event e, int64_t now)
{
	const struct rule *r = &rules[c->state][e];

	c->state = r->next;
	if (r->act == ROTATION_LOOK)
		c->has_stale = false;
	if (r->act == ROTATION_TRY)
		c->tried[c->n_tried++] = c->candidate = c->candidates[c->at++];
	if (r->act == ROTATION_DONE)
		finish(c, now);
	return r->act;
}

static enum rotation_act over(struct rotation_core *c, enum rotation_result result, int64_t now)
{
	c->result = result;
	return step(c, EV_OVER, now);
}

/* --- a rotation --- */
/* Whether it may not begin, and why. */
static bool is_refused(struct rotation_core *c, enum ipc_trigger trigger, int64_t named, int64_t now)
{
	if (c->state != ROTATION_RESTING)
		c->refusal = ROTATION_BUSY;
	else if (!c->session_id && !c->dead_session_id)
		c->refusal = ROTATION_NO_SESSION;
	else if (named && c->session_id && named == c->node_id)
		c->refusal = ROTATION_SAME_NODE;
	else if (trigger != IPC_TRIGGER_MANUAL && rotation_core_is_cooling(c, now))
		c->refusal = ROTATION_COOLING;
	else
		return false;
	return true;
}

enum rotation_act rotation_core_begin(struct rotation_core *c, enum ipc_trigger trigger, bool asked, int64_t named, int64_t now)
{
	if (is_refused(c, trigger, named, now))
		return ROTATION_REFUSED;
	c->trigger = trigger;
	c->asked = asked;
	c->for_session_id = c->session_id;
	c->may_test = trigger == IPC_TRIGGER_TIMER; /* no hurry */
	c->at = c->n_candidates = c->n_tried = 0;
	c->candidate = 0;
	if (!named)
		return step(c, EV_WANTED, now);
	c->candidates[0] = named;
	c->n_candidates = 1;
	return step(c, EV_NAMED, now);
}

/* The session it began for is the one that is there, or has died since; and the wish still stands. */
static bool is_wanted(const struct rotation_core *c)
{
	bool died = !c->session_id && c->dead_session_id && (!c->for_session_id || c->dead_session_id == c->for_session_id);

	if (!died && (!c->session_id || c->session_id != c->for_session_id))
		return false;
	if (c->asked)
		return true;
	return c->policy.enabled && (c->trigger != IPC_TRIGGER_HEALTH || c->recovery);
}

static bool was_tried(const struct rotation_core *c, int64_t id)
{
	for (size_t i = 0; i < c->n_tried; i++)
		if (c->tried[i] == id)
			return true;
	return false;
}

/* The next candidate, or a look at those that were not tested lately, or the end. */
static enum rotation_act go_on(struct rotation_core *c, int64_t now)
{
	if (!is_wanted(c))
		return over(c, ROTATION_INTERRUPTED, now);
	while (c->at < c->n_candidates && was_tried(c, c->candidates[c->at]))
		c->at++;
	if (c->at < c->n_candidates && c->n_tried < ROTATION_TRIES)
		return step(c, EV_FOUND, now);
	if (c->has_stale && !c->may_test && c->n_tried < ROTATION_TRIES) {
		c->may_test = true;
		return step(c, EV_STALE, now);
	}
	return over(c, c->n_tried ? ROTATION_ALL_FAILED : ROTATION_NO_CANDIDATE, now);
}

enum rotation_act rotation_core_looked(struct rotation_core *c, enum rotation_looked how, const int64_t *ids, size_t n,
				       bool has_stale, int64_t now)
{
	static const enum rotation_result ends[] = {
		[ROTATION_LOOKED_NETWORK_DOWN] = ROTATION_NETWORK_DOWN, [ROTATION_LOOKED_FAULT] = ROTATION_FAULT,
		[ROTATION_LOOKED_INTERRUPTED] = ROTATION_INTERRUPTED,
	};

	if (c->state != ROTATION_LOOKING)
		return ROTATION_NOTHING;
	if (how == ROTATION_LOOKED_NETWORK_DOWN)
		c->network_down = true;
	if (how != ROTATION_LOOKED)
		return over(c, ends[how], now);
	c->n_candidates = n < ROTATION_CANDIDATES ? n : ROTATION_CANDIDATES;
	if (c->n_candidates)
		memcpy(c->candidates, ids, c->n_candidates * sizeof(*ids));
	c->at = 0;
	c->has_stale = has_stale;
	return go_on(c, now);
}

enum rotation_act rotation_core_tried(struct rotation_core *c, enum rotation_tried how, int64_t now)
{
	static const enum rotation_result ends[] = {
		[ROTATION_TRIED_BUSY] = ROTATION_BUSY, [ROTATION_TRIED_FAULT] = ROTATION_FAULT,
		[ROTATION_TRIED_INTERRUPTED] = ROTATION_INTERRUPTED,
	};

	if (c->state != ROTATION_SWITCHING)
		return ROTATION_NOTHING;
	if (how == ROTATION_TRIED_FAILED)
		return go_on(c, now);
	if (how != ROTATION_TRIED_TAKEN)
		return over(c, ends[how], now);
	c->result = ROTATION_REPLACED;
	return step(c, EV_TAKEN, now);
}
