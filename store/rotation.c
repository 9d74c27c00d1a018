/* Rotation: candidates, cooldowns, state. */
#include "store/rotation.h"

#include "store/sql.h"

static void read_candidate(struct take *t, void *ret_candidate)
{
	struct store_candidate *c = ret_candidate;

	c->id = take_int(t);
	c->real_delay_ms = take_int(t);
	c->tested_at = take_int(t);
	c->download_mbps = take_real(t);
}

int store_candidates(struct store *s, struct arena *a, const struct store_wanted *w,
		     struct store_candidate **ret_candidates, size_t *ret_n, struct err *e)
{
	struct rows rows;
	sqlite3_stmt *st;
	int r = sql_start(s, SQL_CANDIDATES, ARGS(as_int(w->now_ms), as_int(w->fresh_since_ms), as_int(w->ignore_cooldown),
		as_int(w->not_id), as_int(w->max ? (int64_t)w->max : -1)), &st, e);

	if (!r)
		r = take_rows(s, a, st, sizeof(struct store_candidate), read_candidate, &rows, e);
	if (r)
		return r;
	*ret_candidates = rows.v;
	*ret_n = rows.n;
	return 0;
}

/* --- cooldowns ---------------------------------------------------------------------------------------------------- */

struct failure {
	int64_t node_id, base_ms, max_ms, now_ms;
	const char *reason;
};

/* base, doubled for each failure before this one, up to the limit. */
static int64_t wait_of(const struct failure *f, int64_t failures)
{
	int64_t max = f->max_ms > f->base_ms ? f->max_ms : f->base_ms, wait = f->base_ms;

	while (--failures > 0 && wait < max)
		wait = wait > max / 2 ? max : wait * 2;
	return wait;
}

static int failures_before(struct store *s, const struct failure *f, int64_t *ret_failures, struct err *e)
{
	sqlite3_stmt *st;
	int r = sql_start(s, SQL_COOLDOWN_GET, ARGS(as_int(f->node_id)), &st, e);

	*ret_failures = 0;
	if (!r)
		r = sql_step(s, st, e);
	if (r <= 0)
		return r;
	if (f->now_ms - sqlite3_column_int64(st, 1) < STORE_COOLDOWN_FORGET_MS)
		*ret_failures = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return 0;
}

static int fail(struct store *s, const struct failure *f, int64_t *ret_until, struct err *e)
{
	int64_t failures = 0, id, until;
	int r = sql_int(s, SQL_NODE_BY_ID, ARGS(as_int(f->node_id)), &id, e);

	if (!r)
		r = failures_before(s, f, &failures, e);
	if (r)
		return r;
	until = f->now_ms + wait_of(f, ++failures);
	if (ret_until)
		*ret_until = until;
	return sql_run(s, SQL_COOLDOWN_PUT, ARGS(as_int(f->node_id), as_int(failures), as_int(until), as_int(f->now_ms),
		as_text(f->reason)), e);
}

int store_cooldown_fail(struct store *s, int64_t node_id, const char *reason, int64_t base_ms, int64_t max_ms,
			int64_t now_ms, int64_t *ret_until, struct err *e)
{
	const struct failure f = { node_id, base_ms, max_ms, now_ms, reason };
	struct tx tx;
	int r = tx_begin(s, false, &tx, e);

	return r ? r : tx_end(&tx, fail(s, &f, ret_until, e), e);
}

int store_cooldown_clear(struct store *s, int64_t node_id, struct err *e)
{
	int64_t n = 0;
	int r = tx_run(s, false, SQL_COOLDOWN_CLEAR, ARGS(as_int(node_id)), &n, e);

	return r ? r : n ? 0 : STORE_UNCHANGED;
}

static void read_cooldown(struct take *t, void *ret_cooldown)
{
	struct store_cooldown *c = ret_cooldown;

	c->node_id = take_int(t);
	c->failures = take_int(t);
	c->cooldown_until = take_int(t);
	c->last_failed_at = take_int(t);
	c->reason = take_text(t);
}

int store_cooldowns(struct store *s, struct arena *a, int64_t now_ms, struct store_cooldown **ret_cooldowns,
		    size_t *ret_n, struct err *e)
{
	struct rows rows;
	sqlite3_stmt *st;
	int r = sql_start(s, SQL_COOLDOWNS, ARGS(as_int(now_ms)), &st, e);

	if (!r)
		r = take_rows(s, a, st, sizeof(struct store_cooldown), read_cooldown, &rows, e);
	if (r)
		return r;
	*ret_cooldowns = rows.v;
	*ret_n = rows.n;
	return 0;
}

/* --- state -------------------------------------------------------------------------------------------------------- */

static void read_rotation(struct take *t, void *ret_rotation)
{
	struct store_rotation *r = ret_rotation;

	r->enabled = (enum store_switch)take_int(t);
	r->last_trigger = take_text(t);
	r->last_result = take_text(t);
	r->last_candidate_result = take_text(t);
	r->last_health_error = take_text(t);
	r->last_candidate_id = take_int(t);
	r->last_rotated_at = take_int(t);
	r->next_timer_at = take_int(t);
	r->last_health_check_at = take_int(t);
	r->consecutive_health_failures = take_int(t);
	r->pending_health_recovery = take_int(t) != 0;
}

int store_rotation_get(struct store *s, struct arena *a, struct store_rotation *ret_rotation, struct err *e)
{
	struct store_rotation rotation = { 0 };
	sqlite3_stmt *st;
	int r = sql_start(s, SQL_ROTATION_GET, NULL, 0, &st, e);

	if (!r)
		r = take_first(s, a, st, read_rotation, &rotation, e);
	if (r < 0)
		return r;
	*ret_rotation = rotation;
	return 0;
}

int store_rotation_put(struct store *s, const struct store_rotation *r, struct err *e)
{
	const struct arg args[] = {
		r->enabled == STORE_AS_CONFIGURED ? as_null() : as_int(r->enabled == STORE_SWITCHED_ON),
		as_text(r->last_trigger), as_text(r->last_result), as_text(r->last_candidate_result),
		as_text(r->last_health_error), as_id(r->last_candidate_id), as_id(r->last_rotated_at),
		as_id(r->next_timer_at), as_id(r->last_health_check_at), as_int(r->consecutive_health_failures),
		as_int(r->pending_health_recovery),
	};

	return tx_run(s, false, SQL_ROTATION_PUT, args, sizeof(args) / sizeof(*args), NULL, e);
}
