/* Section policy: the levels, and which statistics are wanted. What a level does not say, and levels that are not there, have
 * the defaults of Xray's code (its documentation has others). */
#include <stdlib.h>

#include "engine/conf_impl.h"

enum { HANDSHAKE_S = 60, IDLE_S = 300, ONE_WAY_S = 1, CHUNK_LEAST = 13 /* 8 KiB, Xray's own unit */, CHUNK_MOST = 31 };

struct level {
	uint32_t handshake, idle, uplink_only, downlink_only; /* seconds */
	int32_t buffer_kib;                                  /* negative: without bound */
	bool count_up, count_down;
};
static const struct conf_key level_keys[] = {
	{ "handshake", conf_set_u32, CONF_AT(struct level, handshake), CONF_U32 },
	{ "connIdle", conf_set_u32, CONF_AT(struct level, idle), CONF_U32 },
	{ "uplinkOnly", conf_set_u32, CONF_AT(struct level, uplink_only), CONF_U32 },
	{ "downlinkOnly", conf_set_u32, CONF_AT(struct level, downlink_only), CONF_U32 },
	{ "statsUserUplink", conf_set_bool, CONF_AT(struct level, count_up) },
	{ "statsUserDownlink", conf_set_bool, CONF_AT(struct level, count_down) },
	{ "bufferSize", conf_set_i32, CONF_AT(struct level, buffer_kib), .lo = INT32_MIN, .hi = INT32_MAX },
};

static uint32_t milliseconds(uint32_t s)
{
	return s > UINT32_MAX / 1000 ? UINT32_MAX : s * 1000;
}

static uint8_t chunk_of(int32_t kib)
{
	uint8_t chunk = CHUNK_LEAST;

	if (kib < 0)
		return CHUNK_MOST;
	while (chunk < CHUNK_MOST && (int64_t)2 << chunk <= (int64_t)kib * 1024)
		chunk++;
	return chunk;
}

static struct policy policy_of(const struct level *l)
{
	return (struct policy){
		.handshake_ms = milliseconds(l->handshake), .idle_ms = milliseconds(l->idle),
		.uplink_only_ms = milliseconds(l->uplink_only), .downlink_only_ms = milliseconds(l->downlink_only),
		.chunk_most = chunk_of(l->buffer_kib), .count_up = l->count_up, .count_down = l->count_down,
	};
}

static struct policy read_level(struct conf_reader *r, const struct value *v)
{
	struct level l = { HANDSHAKE_S, IDLE_S, ONE_WAY_S, ONE_WAY_S, -1, false, false };

	conf_object(r, "a policy level", level_keys, CONF_N(level_keys), v, &l);
	return policy_of(&l);
}

/* Where a level stands or would stand. */
static uint32_t place(const struct conf *c, uint32_t level)
{
	uint32_t lo = 0, hi = c->n_policies;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->policy_levels[mid] < level)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The same level twice ("1" and "01"): the later one counts, as in Xray. */
static void put_level(struct conf *c, uint32_t level, struct policy p)
{
	uint32_t at = place(c, level);

	if (at == c->n_policies || c->policy_levels[at] != level) {
		for (uint32_t i = c->n_policies++; i > at; i--) {
			c->policies[i] = c->policies[i - 1];
			c->policy_levels[i] = c->policy_levels[i - 1];
		}
	}
	c->policies[at] = p;
	c->policy_levels[at] = level;
}

static void set_levels(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	struct conf *c = r->c;

	(void)to;
	if (v->kind != VAL_OBJECT) {
		conf_fault(r, v->span, "'%s' must be an object, not %s", k->name, value_kind_name(v->kind));
		return;
	}
	c->policies = arena_array(r->a, struct policy, v->n_members);
	c->policy_levels = arena_array(r->a, uint32_t, v->n_members);
	for (uint32_t i = 0; i < v->n_members; i++) {
		const struct member *m = &v->members[i];
		int64_t level;

		if (str_int(member_key(m), &level) || level < 0 || level > UINT32_MAX)
			conf_fault(r, m->key_span, "a policy level is a number, not '%.*s'", (int)m->key_len, m->key);
		else if (!conf_absent(&m->value))
			put_level(c, (uint32_t)level, read_level(r, &m->value));
	}
}

static const struct conf_key system_keys[] = {
	{ "statsInboundUplink", conf_set_bool, CONF_AT(struct conf_reader, in_up) },
	{ "statsInboundDownlink", conf_set_bool, CONF_AT(struct conf_reader, in_down) },
	{ "statsOutboundUplink", conf_set_bool, CONF_AT(struct conf_reader, out_up) },
	{ "statsOutboundDownlink", conf_set_bool, CONF_AT(struct conf_reader, out_down) },
};

static void set_system(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	(void)k;
	(void)to;
	conf_object(r, "policy.system", system_keys, CONF_N(system_keys), v, r);
}

static const struct conf_key keys[] = {
	{ "levels", set_levels, .offset = 0 },
	{ "system", set_system, .offset = 0 },
};

void conf_policies(struct conf_reader *r)
{
	const struct value *stats = &r->x->section[XS_STATS];

	r->c->policy = read_level(r, NULL);
	conf_object(r, "policy", keys, CONF_N(keys), &r->x->section[XS_POLICY], r);
	r->has_stats = !conf_absent(stats);
	conf_object(r, "stats", NULL, 0, stats, NULL);
}

const struct policy *conf_policy(const struct conf *c, uint32_t level)
{
	uint32_t at = place(c, level);

	return at < c->n_policies && c->policy_levels[at] == level ? &c->policies[at] : &c->policy;
}
