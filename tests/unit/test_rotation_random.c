/* link: daemon model lib */
/* Random lives of a small world of nodes, with a clock, a user, a network and engines that die, against what must always
 * hold. The seed of a life that fails is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "daemon/rotation_core.h"

enum { S = 1000, LIVES = 2000, STEPS = 400, NODES = 8 };

struct world {
	struct rotation_core c;
	uint64_t seed, random;
	int64_t now, next_session;
	bool network;
	struct {
		bool works, fresh;
		int64_t cools_until;
	} nodes[NODES + 1]; /* from 1 */
	bool looking, probing;
	int64_t connecting;          /* the node; 0 = no order is under way */
	int64_t given[ROTATION_CANDIDATES];
	size_t n_given;
	int64_t switched_at;         /* by itself; 0 = never */
	bool clock_set;
	unsigned begun, switches, tries;
	bool bad_network_look;       /* since it began */
};

static uint64_t draw(struct world *w, uint64_t below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random % below;
}

/* --- the store --- */
static void begin_look(struct world *w)
{
	assert_false(w->looking);
	w->looking = true;
}

static bool is_eligible(const struct world *w, int64_t id)
{
	const struct rotation_core *c = &w->c;

	if (id == (c->session_id ? c->node_id : c->dead_node_id))
		return false;
	return c->trigger == IPC_TRIGGER_MANUAL || w->nodes[id].cools_until <= w->now;
}

static void perform(struct world *w, enum rotation_act act);

static void end_look(struct world *w)
{
	bool stale = false;
	int64_t bad;

	w->looking = false;
	if (!w->c.asked && !w->network) {
		w->bad_network_look = true;
		perform(w, rotation_core_looked(&w->c, ROTATION_LOOKED_NETWORK_DOWN, NULL, 0, false, w->now));
		return;
	}
	bad = rotation_core_punish(&w->c);
	if (bad)
		w->nodes[bad].cools_until = w->now + w->c.policy.cooldown_ms;
	w->n_given = 0;
	for (int64_t id = 1; id <= NODES; id++) {
		if (w->c.may_test && is_eligible(w, id))
			w->nodes[id].fresh = true;
		if (is_eligible(w, id) && w->nodes[id].fresh)
			w->given[w->n_given++] = id;
		stale |= is_eligible(w, id) && !w->nodes[id].fresh;
	}
	perform(w, rotation_core_looked(&w->c, ROTATION_LOOKED, w->given, w->n_given, stale, w->now));
}

/* --- sessions --- */
static void begin_connect(struct world *w)
{
	const struct rotation_core *c = &w->c;
	bool automatic = c->trigger != IPC_TRIGGER_MANUAL;

	assert_int_equal(w->connecting, 0); /* never two switches at a time */
	assert_in_range(c->candidate, 1, NODES);
	assert_int_not_equal(c->candidate, c->session_id ? c->node_id : 0);
	if (automatic && c->n_tried && w->n_given) /* was found, and is not cooling */
		assert_true(w->nodes[c->candidate].cools_until <= w->now);
	assert_false(automatic && w->bad_network_look);
	assert_in_range(c->n_tried, 1, ROTATION_TRIES);
	for (size_t i = 0; i + 1 < c->n_tried; i++)
		assert_int_not_equal(c->tried[i], c->candidate);
	w->connecting = c->candidate;
	w->tries++;
}

static void note_switch(struct world *w)
{
	if (w->c.trigger == IPC_TRIGGER_MANUAL)
		return;
	if (w->switched_at && !w->clock_set)
		assert_true(w->now - w->switched_at >= w->c.policy.cooldown_ms);
	w->switched_at = w->now;
	w->clock_set = false;
	w->switches++;
}

static void become(struct world *w, int64_t node)
{
	int64_t old = w->c.session_id;

	if (old)
		rotation_core_ended(&w->c, old);
	rotation_core_began(&w->c, ++w->next_session, node, 0, w->now);
	assert_int_equal(w->c.failures, 0);
	assert_false(w->c.recovery);
}

static void end_connect(struct world *w)
{
	int64_t node = w->connecting, before = w->c.session_id;
	enum rotation_tried how = draw(w, 20) == 0 ? ROTATION_TRIED_BUSY : draw(w, 20) == 0 ? ROTATION_TRIED_FAULT : ROTATION_TRIED_FAILED;

	w->connecting = 0;
	if (w->network && w->nodes[node].works) {
		become(w, node);
		note_switch(w);
		how = ROTATION_TRIED_TAKEN;
	} else {
		assert_int_equal(w->c.session_id, before); /* the old one stays */
	}
	if (how == ROTATION_TRIED_FAILED) {
		w->nodes[node].cools_until = w->now + w->c.policy.cooldown_ms;
		w->nodes[node].fresh = draw(w, 2);
	}
	perform(w, rotation_core_tried(&w->c, how, w->now));
}

static void perform(struct world *w, enum rotation_act act)
{
	const struct rotation_core *c = &w->c;

	if (act == ROTATION_LOOK)
		begin_look(w);
	else if (act == ROTATION_TRY)
		begin_connect(w);
	else if (act == ROTATION_DONE)
		assert_int_equal(c->state, ROTATION_RESTING);
	assert_true((c->state == ROTATION_LOOKING) == w->looking);
	assert_true((c->state == ROTATION_SWITCHING) == (w->connecting != 0));
}

/* --- what happens --- */
static void by_itself(struct world *w)
{
	struct rotation_core *c = &w->c;
	int64_t wait = rotation_core_wait(c, w->now);
	int due = rotation_core_due(c, w->now);

	if (due == IPC_TRIGGER_NONE)
		return;
	assert_true(c->policy.enabled && c->state == ROTATION_RESTING && !rotation_core_is_cooling(c, w->now));
	assert_int_equal(wait, 0);
	assert_true(!c->session_id || c->policy.may_replace);
	if (due == IPC_TRIGGER_HEALTH)
		assert_true(!c->session_id ? c->dead_session_id != 0 :
			    c->policy.health_trigger && c->failures >= c->policy.threshold);
	else
		assert_int_not_equal(c->session_id, 0);
	w->begun++;
	w->bad_network_look = false;
	perform(w, rotation_core_begin(c, (enum ipc_trigger)due, false, 0, w->now));
}

static void end_probe(struct world *w)
{
	struct rotation_core *c = &w->c;
	bool current = c->probe_session_id == c->session_id;
	int64_t before = c->failures;
	enum rotation_verdict v = !w->network ? ROTATION_NOT_ITS_FAULT : c->session_id && w->nodes[c->node_id].works ? ROTATION_GOOD :
				  ROTATION_BAD;

	w->probing = false;
	rotation_core_probed(c, v, w->now);
	if (!current || v == ROTATION_NOT_ITS_FAULT)
		assert_int_equal(c->failures, before);
	else
		assert_int_equal(c->failures, v == ROTATION_BAD ? before + 1 : 0);
}

static void tick(struct world *w)
{
	if (rotation_core_probe(&w->c)) {
		assert_false(w->probing);
		w->probing = true;
	}
}

static void manual(struct world *w)
{
	enum rotation_act act = rotation_core_begin(&w->c, IPC_TRIGGER_MANUAL, true, draw(w, 2) ? (int64_t)draw(w, NODES) + 1 : 0, w->now);

	if (act != ROTATION_REFUSED) {
		w->n_given = 0;
		w->bad_network_look = false;
		perform(w, act);
	}
}

static void user(struct world *w)
{
	if (w->connecting)
		return; /* sessions are busy */
	if (draw(w, 2))
		become(w, (int64_t)draw(w, NODES) + 1);
	else
		rotation_core_ended(&w->c, w->c.session_id ? w->c.session_id : w->c.dead_session_id);
}

static void die(struct world *w)
{
	if (w->c.session_id)
		rotation_core_died(&w->c, w->c.session_id, w->c.node_id, w->now);
}

static void configure(struct world *w)
{
	const struct rotation_policy p = { .enabled = draw(w, 4) != 0, .health_trigger = draw(w, 4) != 0,
					   .may_replace = draw(w, 8) != 0,
					   .interval_ms = (int64_t)(1 + draw(w, 600)) * S, .cooldown_ms = (int64_t)draw(w, 300) * S,
					   .tick_ms = (int64_t)(1 + draw(w, 20)) * S, .threshold = 1 + (int64_t)draw(w, 4) };

	rotation_core_set_policy(&w->c, &p, w->now);
	w->clock_set = true; /* the cooldown is another one */
}

static void pass_time(struct world *w)
{
	static const int64_t spans[] = { 1, S, 15 * S, 60 * S, 300 * S };

	w->now += (int64_t)draw(w, (uint64_t)spans[draw(w, 5)]) + 1;
}

static void set_clock(struct world *w)
{
	w->now += ((int64_t)draw(w, 2000) - 1000) * 60 * S;
	if (w->now < S)
		w->now = S;
	w->clock_set = true;
	for (int i = 1; i <= NODES; i++)
		w->nodes[i].cools_until = 0;
}

static void change_world(struct world *w)
{
	int64_t id = 1 + (int64_t)draw(w, NODES);

	w->nodes[id].works = draw(w, 2);
	w->nodes[id].fresh = draw(w, 2);
	if (!draw(w, 4))
		w->network = !w->network;
}

static void turn(struct world *w)
{
	static const struct {
		unsigned weight;
		void (*fn)(struct world *w);
	} rows[] = {
		{ 30, pass_time }, { 20, tick }, { 10, change_world }, { 3, user }, { 3, die }, { 3, manual }, { 1, configure },
		{ 1, set_clock },
	};
	unsigned all = 0, at;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		all += rows[i].weight;
	at = (unsigned)draw(w, all);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (at < rows[i].weight) {
			rows[i].fn(w);
			return;
		}
		at -= rows[i].weight;
	}
}

static void settle(struct world *w)
{
	if (w->looking && draw(w, 3))
		end_look(w);
	if (w->connecting && draw(w, 3))
		end_connect(w);
	if (w->probing && draw(w, 3))
		end_probe(w);
	by_itself(w);
}

/* --- in the end --- */
/* With a good network and good nodes, whatever died is replaced in the time that the settings allow. */
static void test_ends_well(struct world *w)
{
	struct rotation_policy p = { .enabled = true, .health_trigger = true, .may_replace = true, .interval_ms = 3600 * S,
				     .cooldown_ms = 60 * S, .tick_ms = 5 * S, .threshold = 2 };
	int64_t end;

	w->network = true;
	for (int i = 1; i <= NODES; i++)
		w->nodes[i].works = true;
	while (w->looking || w->connecting) {
		if (w->looking)
			end_look(w);
		if (w->connecting)
			end_connect(w);
	}
	rotation_core_set_policy(&w->c, &p, w->now);
	if (!w->c.session_id)
		become(w, 1);
	w->nodes[w->c.node_id].works = false;
	for (end = w->now + 400 * S; w->now < end; w->now += S) {
		if (w->now % (5 * S) < S)
			tick(w);
		settle(w);
	}
	assert_true(w->c.session_id && w->nodes[w->c.node_id].works);
}

/* With nothing that works it is tried now and then, not all the time. */
static void test_does_not_spin(struct world *w)
{
	int64_t begin = w->now;
	unsigned before = w->begun;

	for (int i = 1; i <= NODES; i++)
		w->nodes[i].works = false;
	for (w->network = true; w->now < begin + 3600 * S; w->now += S) {
		if (w->now % (5 * S) < S)
			tick(w);
		settle(w);
	}
	assert_in_range(w->begun - before, 1, 3600 / 5);
}

static void live(struct world *w, uint64_t seed)
{
	*w = (struct world){ .seed = seed, .random = seed * 0x9E3779B97F4A7C15u + 1, .now = 1000 * S, .network = true };
	for (int i = 1; i <= NODES; i++)
		w->nodes[i].works = w->nodes[i].fresh = draw(w, 2);
	configure(w);
	for (int i = 0; i < STEPS; i++) {
		turn(w);
		settle(w);
	}
	test_ends_well(w);
	test_does_not_spin(w);
}

static void test_lives(void **state)
{
	struct world *w = *state;
	unsigned switches = 0, tries = 0, begun = 0;

	for (uint64_t seed = 1; seed <= LIVES; seed++) {
		live(w, seed);
		switches += w->switches;
		tries += w->tries;
		begun += w->begun;
	}
	print_message("%d lives: %u rotations by themselves, %u candidates tried, %u switches\n", LIVES, begun, tries, switches);
	assert_true(switches > LIVES);
}

int main(void)
{
	struct world w = { 0 };
	const struct CMUnitTest tests[] = { cmocka_unit_test_prestate(test_lives, &w) };
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	if (failed)
		printf("it was the life with the seed %llu\n", (unsigned long long)w.seed);
	return failed;
}
