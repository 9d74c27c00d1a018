/* link: store model lib */
/* Subscriptions and what they take with them, tests, sessions, rotation, events. */
#include "store_case.h"

#include <sqlite3.h>

/* --- subscriptions ------------------------------------------------------------------------------------------------ */

static int64_t feed_url(struct store_case *c, const char *url)
{
	int64_t id = 0;

	assert_int_equal(store_sub_put(c->s, STORE_SUB_URL, url, NULL, NULL, NOW, &id, &c->e), 0);
	return id;
}

static int64_t present(struct store_case *c)
{
	return case_count(c, &(struct store_filter){ 0 });
}

static void a_subscription_lives(void **state)
{
	struct store_case *c = *state;
	struct store_userinfo info = { .upload = 1, .download = 2, .total = 3, .expire_at = -1 };
	struct store_sub sub, *all;
	size_t n;
	int64_t id = feed_url(c, "https://example.net/sub?token=change-me"), again = 0;

	assert_int_equal(store_sub_put(c->s, STORE_SUB_URL, "https://example.net/sub?token=change-me", "mine", "agent/1",
		NOW + 1, &again, &c->e), STORE_UNCHANGED);
	assert_int_equal(again, id);
	assert_int_equal(store_sub_get(c->s, c->a, id, &sub, &c->e), 0);
	assert_string_equal(sub.name, "mine");
	assert_string_equal(sub.user_agent, "agent/1");
	assert_int_equal(sub.userinfo.total, -1);
	assert_int_equal(store_sub_failed(c->s, id, "no route", NOW + 2, &c->e), 0);
	assert_int_equal(store_sub_fetched(c->s, id, "\"etag\"", NULL, &info, NOW + 3, &c->e), 0);
	assert_int_equal(store_sub_failed(c->s, id, "timeout", NOW + 4, &c->e), 0);
	assert_int_equal(store_sub_get(c->s, c->a, id, &sub, &c->e), 0);
	assert_string_equal(sub.etag, "\"etag\"");
	assert_null(sub.last_modified);
	assert_string_equal(sub.last_error, "timeout");
	assert_int_equal(sub.last_refreshed_at, NOW + 3);
	assert_int_equal(sub.last_tried_at, NOW + 4);
	assert_int_equal(sub.userinfo.total, 3);
	assert_int_equal(store_sub_same(c->s, id, NOW + 5, &c->e), 0);
	assert_int_equal(store_subs(c->s, c->a, &all, &n, &c->e), 0);
	assert_int_equal(n, 1);
	assert_null(all[0].last_error);
	assert_string_equal(all[0].etag, "\"etag\"");
	assert_int_equal(store_sub_find(c->s, all[0].ref, &again, &c->e), 0);
	assert_int_equal(store_sub_find(c->s, "77", &again, &c->e), STORE_MISSING);
	assert_int_equal(store_sub_same(c->s, 77, NOW, &c->e), STORE_MISSING);
	assert_int_equal(store_sub_put(c->s, STORE_SUB_RAW_TEXT, NULL, NULL, NULL, NOW, &again, &c->e), 0);
	assert_int_equal(store_sub_put(c->s, STORE_SUB_RAW_TEXT, NULL, NULL, NULL, NOW, &again, &c->e), 0);
}

static void an_update_reconciles(void **state)
{
	struct store_case *c = *state;
	struct store_import_result r;
	int64_t a = feed_url(c, "https://a.example.net/");

	assert_int_equal(case_feed(c, a, 1, 10, false, &r), 0);
	assert_int_equal(r.n_outcome[STORE_ROW_NEW], 10);
	assert_int_equal(case_feed(c, a, 3, 12, false, &r), 0);
	assert_int_equal(r.n_outcome[STORE_ROW_NEW], 2);
	assert_int_equal(r.n_outcome[STORE_ROW_DUPLICATE], 8);
	assert_int_equal(r.n_held, 10);
	assert_int_equal(r.n_missing, 2);
	assert_int_equal(r.n_lost, 2);
	assert_int_equal(present(c), 10);
	assert_int_equal(case_feed(c, a, 1, 12, false, &r), 0);
	assert_int_equal(r.n_outcome[STORE_ROW_RESTORED], 2);
	assert_int_equal(present(c), 12);
	/* nothing at all is no news */
	assert_int_equal(case_feed(c, a, 1, 0, false, &r), 0);
	assert_int_equal(r.n_lost, 0);
	assert_int_equal(present(c), 12);
	/* exactly half may go, one more must be confirmed */
	assert_int_equal(case_feed(c, a, 1, 5, false, &r), STORE_MANY_LOST);
	assert_int_equal(r.n_missing, 7);
	assert_int_equal(r.n_held, 12);
	assert_int_equal(present(c), 12);
	assert_int_equal(case_feed(c, a, 20, 40, false, &r), STORE_MANY_LOST);
	assert_int_equal(present(c), 12);
	assert_int_equal(case_feed(c, a, 1, 6, false, &r), 0);
	assert_int_equal(present(c), 6);
	assert_int_equal(case_feed(c, a, 1, 2, true, &r), 0);
	assert_int_equal(present(c), 2);
	assert_int_equal(case_feed(c, 77, 1, 2, true, &r), STORE_MISSING);
}

static void a_node_with_two_holders_stays(void **state)
{
	struct store_case *c = *state;
	struct store_import_result r;
	int64_t a = feed_url(c, "https://a.example.net/"), b = feed_url(c, "https://b.example.net/"), lost = -1;
	struct store_node n;

	assert_int_equal(case_feed(c, a, 1, 4, false, &r), 0);
	assert_int_equal(case_feed(c, b, 3, 6, false, &r), 0);
	assert_int_equal(present(c), 6);
	assert_int_equal(store_node_get(c->s, c->a, 3, SPAN_NONE, &n, &c->e), 0);
	assert_int_equal(n.n_subscriptions, 2);
	assert_false(n.by_hand);
	assert_int_equal(case_feed(c, a, 1, 2, false, &r), 0);
	assert_int_equal(r.n_missing, 2);
	assert_int_equal(r.n_lost, 0);
	assert_int_equal(present(c), 6);
	assert_int_equal(case_count(c, &(struct store_filter){ .subscription_id = a }), 2);
	assert_int_equal(case_count(c, &(struct store_filter){ .subscription_id = b }), 4);
	/* what somebody put in by hand stays too */
	struct node one = case_node(c, 1);
	enum store_row_outcome outcome;
	int64_t id;
	assert_int_equal(store_node_add(c->s, &one, STR(""), NOW, &id, &outcome, &c->e), 0);
	assert_int_equal(outcome, STORE_ROW_DUPLICATE);
	assert_int_equal(store_sub_erase(c->s, a, NOW, &lost, &c->e), 0);
	assert_int_equal(lost, 1);
	assert_int_equal(present(c), 5);
	assert_int_equal(store_sub_erase(c->s, a, NOW, &lost, &c->e), STORE_MISSING);
	assert_int_equal(store_sub_erase(c->s, b, NOW, &lost, &c->e), 0);
	assert_int_equal(present(c), 1);
	assert_int_equal(store_purge(c->s, &lost, &c->e), 0);
	assert_int_equal(lost, 5);
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void put_test(struct store_case *c, int64_t run, int64_t id, int attempt, int64_t ms, int64_t at)
{
	struct store_test t = { .run_id = run, .node_id = id, .attempt = attempt, .tcp = STORE_OK, .tcp_ms = 3,
		.real_delay = ms < 0 ? STORE_FAILED : STORE_OK, .real_delay_ms = ms, .connect_ms = 4, .ttfb_ms = 5,
		.http_status = 204, .upload_mbps = 1.25, .failure = ms < 0 ? STORE_F_TLS : STORE_F_NONE, .tested_at = at };

	assert_int_equal(store_tests_add(c->s, &t, 1, &c->e), 0);
}

static void attempts_and_percentiles(void **state)
{
	struct store_case *c = *state;
	int64_t run, second, n, id = case_add(c, 1), other = case_add(c, 2);
	struct store_delays d;
	struct store_test t;

	assert_int_equal(store_run_begin(c->s, "test", NOW, &run, &c->e), 0);
	assert_int_equal(store_run_begin(c->s, "test", NOW, &second, &c->e), 0);
	assert_int_equal(store_test_latest(c->s, c->a, id, &t, &c->e), STORE_MISSING);
	for (int i = 0; i < 20; i++)
		put_test(c, run, id, i + 1, i == 7 ? -1 : 100 - i, NOW + i);
	put_test(c, second, other, 1, 0, NOW);
	put_test(c, second, 99, 1, 5, NOW); /* a node that is gone: dropped */
	assert_int_equal(store_delays(c->s, c->a, id, 0, 0, &d, &c->e), 0);
	assert_int_equal(d.n_attempts, 20);
	assert_int_equal(d.n, 19);
	assert_int_equal(d.ms[0], 81);
	assert_int_equal(d.ms[18], 100);
	assert_int_equal(store_delays(c->s, c->a, 0, second, 0, &d, &c->e), 0);
	assert_int_equal(d.n, 1);
	assert_int_equal(store_delays(c->s, c->a, 0, 0, NOW + 18, &d, &c->e), 0);
	assert_int_equal(d.n, 2);
	assert_int_equal(store_test_latest(c->s, c->a, id, &t, &c->e), 0);
	assert_int_equal(t.attempt, 20);
	assert_true(t.upload_mbps > 1.2 && t.upload_mbps < 1.3 && t.http_status == 204 && t.connect_ms == 4);
	assert_int_equal(store_tests_prune(c->s, 5, NOW + 17, &n, &c->e), 0);
	assert_int_equal(n, 17); /* three are left of 20; the newest of the other stays though it is old */
	assert_int_equal(store_test_latest(c->s, c->a, other, &t, &c->e), 0);
	assert_int_equal(t.real_delay_ms, 0);
	assert_int_equal(t.real_delay, STORE_OK);
}

/* --- sessions ----------------------------------------------------------------------------------------------------- */

static void expect_same_session(const struct store_session *a, const struct store_session *b)
{
	assert_int_equal(a->node_id, b->node_id);
	assert_int_equal(a->process_id, b->process_id);
	assert_true(a->process_start_ticks == b->process_start_ticks);
	assert_true(a->executable_dev == b->executable_dev && a->executable_inode == b->executable_inode);
	assert_string_equal(a->boot_id, b->boot_id);
	assert_string_equal(a->engine, b->engine);
	assert_string_equal(a->engine_config_path, b->engine_config_path);
	assert_string_equal(a->socks.host, b->socks.host);
	assert_int_equal(a->socks.port, b->socks.port);
	assert_null(b->http.host);
	assert_int_equal(a->shadowsocks.port, b->shadowsocks.port);
	assert_int_equal(a->owner, b->owner);
	assert_string_equal(a->owner_instance_id, b->owner_instance_id);
	assert_string_equal(a->reason_code, b->reason_code);
}

static void a_session_lives(void **state)
{
	struct store_case *c = *state;
	struct store_session in = { .node_id = case_add(c, 1), .process_id = 4711, .process_start_ticks = UINT64_MAX,
		.boot_id = "boot", .executable_dev = 1ull << 63, .executable_inode = 77, .engine = "xray",
		.engine_config_path = "/r/session-1.json", .socks = { "127.0.0.1", 1080 }, .shadowsocks = { "::1", 1081 },
		.reason_code = "manual_connect", .owner = STORE_OWNER_DAEMON, .owner_instance_id = "instance" }, got;
	int64_t id;

	assert_int_equal(store_session_latest(c->s, c->a, &got, &c->e), STORE_MISSING);
	assert_int_equal(store_session_latest_run(c->s, c->a, &got, &c->e), STORE_MISSING);
	assert_int_equal(store_session_add(c->s, &in, NOW, &id, &c->e), 0);
	assert_int_equal(store_session_get(c->s, c->a, id, &got, &c->e), 0);
	expect_same_session(&in, &got);
	assert_int_equal(got.status, STORE_STARTING);
	in.process_id = 4712;
	in.engine_config_path = "not written";
	assert_int_equal(store_session_move(c->s, id, STORE_STARTING, STORE_RUNNING, NOW + 1, &in, STORE_S_PROCESS, &c->e), 0);
	in.engine_config_path = "/r/session-1.json";
	assert_int_equal(store_session_get(c->s, c->a, id, &got, &c->e), 0);
	expect_same_session(&in, &got);
	assert_int_equal(got.started_at, NOW + 1);
	assert_int_equal(got.stopped_at, 0);
	/* compared and set: who comes late changes nothing */
	assert_int_equal(store_session_move(c->s, id, STORE_STARTING, STORE_FAILED_SESSION, NOW, NULL, 0, &c->e), STORE_STALE);
	assert_int_equal(store_session_move(c->s, 99, STORE_STARTING, STORE_RUNNING, NOW, NULL, 0, &c->e), STORE_MISSING);
	assert_int_equal(store_session_move(c->s, id, STORE_RUNNING, STORE_STARTING, NOW, NULL, 0, &c->e), -EINVAL);
	in.failure_reason = "engine's last words";
	assert_int_equal(store_session_move(c->s, id, STORE_RUNNING, STORE_FAILED_SESSION, NOW + 2, &in, STORE_S_FAILURE,
		&c->e), 0);
	assert_int_equal(store_session_set(c->s, id, NOW, &in, STORE_S_OWNER, &c->e), STORE_STALE);
	assert_int_equal(store_session_set(c->s, 99, NOW, &in, STORE_S_OWNER, &c->e), STORE_MISSING);
	assert_int_equal(store_session_get(c->s, c->a, id, &got, &c->e), 0);
	assert_string_equal(got.failure_reason, "engine's last words");
	assert_int_equal(got.stopped_at, NOW + 2);
}

static void transitions_are_those_of_the_page(void **state)
{
	struct store_case *c = *state;
	static const char *const rows[STORE_STATUS__N] = { "-ys-y", "--y-y", "---yy", "-----", "-----" };
	struct store_session in = { 0 };
	int64_t id;

	for (int from = 0; from < STORE_STATUS__N; from++)
		for (int to = 0; to < STORE_STATUS__N; to++) {
			int r;
			assert_int_equal(store_session_add(c->s, &in, NOW, &id, &c->e), 0);
			r = store_session_move(c->s, id, (enum store_status)from, (enum store_status)to, NOW, NULL, 0, &c->e);
			if (rows[from][to] == '-')
				assert_int_equal(r, -EINVAL);
			else
				assert_int_equal(r, from == STORE_STARTING ? 0 : STORE_STALE);
		}
}

static void latest_and_live(void **state)
{
	struct store_case *c = *state;
	struct store_session in = { .node_id = case_add(c, 1) }, got, *live;
	int64_t id[4], n_pruned;
	size_t n;

	for (int i = 0; i < 4; i++)
		assert_int_equal(store_session_add(c->s, &in, NOW, &id[i], &c->e), 0);
	assert_int_equal(store_session_move(c->s, id[1], STORE_STARTING, STORE_RUNNING, NOW, NULL, 0, &c->e), 0);
	assert_int_equal(store_session_move(c->s, id[3], STORE_STARTING, STORE_FAILED_SESSION, NOW, NULL, 0, &c->e), 0);
	assert_int_equal(store_session_latest(c->s, c->a, &got, &c->e), 0);
	assert_int_equal(got.id, id[1]);
	assert_int_equal(case_count(c, &(struct store_filter){ .active_only = true }), 1);
	assert_int_equal(store_sessions_live(c->s, c->a, &live, &n, &c->e), 0);
	assert_int_equal(n, 3);
	assert_int_equal(live[2].id, id[2]);
	assert_int_equal(store_session_move(c->s, id[1], STORE_RUNNING, STORE_STOPPING, NOW, NULL, 0, &c->e), 0);
	assert_int_equal(store_session_move(c->s, id[1], STORE_STOPPING, STORE_STOPPED, NOW, NULL, 0, &c->e), 0);
	assert_int_equal(store_session_latest(c->s, c->a, &got, &c->e), 0);
	assert_int_equal(got.id, id[2]);
	assert_int_equal(store_session_latest_run(c->s, c->a, &got, &c->e), 0);
	assert_int_equal(got.id, id[1]);
	assert_int_equal(store_sessions_prune(c->s, 1, &n_pruned, &c->e), 0);
	assert_int_equal(n_pruned, 1);
	assert_int_equal(store_session_get(c->s, c->a, id[1], &got, &c->e), STORE_MISSING);
}

/* The row that would push an old one out is not there when that cannot go. */
static void session_and_its_pruning(void **state)
{
	struct store_case *c = *state;
	struct store_session in = { .engine = "builtin" };
	struct store_counts counts;
	char path[100];
	sqlite3 *db;
	int64_t id = 0;

	for (int i = 1; i < STORE_SESSIONS_KEEP + 24; i++) { /* the next one is a multiple of 64 */
		assert_int_equal(store_session_add(c->s, &in, NOW, &id, &c->e), 0);
		assert_int_equal(store_session_move(c->s, id, STORE_STARTING, STORE_FAILED_SESSION, NOW, NULL, 0, &c->e), 0);
	}
	snprintf(path, sizeof(path), "%s/xrat.db", c->path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TRIGGER stays BEFORE DELETE ON runtime_sessions BEGIN SELECT RAISE(ABORT, 'no'); END",
				      NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_true(store_session_add(c->s, &in, NOW, &id, &c->e) < 0);
	assert_int_equal(store_counts(c->s, &counts, NULL), 0);
	assert_int_equal(counts.sessions, STORE_SESSIONS_KEEP + 23);
}

/* --- rotation ----------------------------------------------------------------------------------------------------- */

static void expect_candidates(struct store_case *c, const struct store_wanted *w, const char *ids)
{
	struct store_candidate *v;
	struct buf out = { 0 };
	size_t n;

	assert_int_equal(store_candidates(c->s, c->a, w, &v, &n, &c->e), 0);
	buf_puts(&out, "");
	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%lld ", (long long)v[i].id);
	assert_string_equal(out.p, ids);
	buf_fini(&out);
}

static void who_may_be_next(void **state)
{
	struct store_case *c = *state;
	struct store_wanted w = { .now_ms = NOW + 10, .fresh_since_ms = NOW };
	struct store_session run = { 0 };
	struct store_test t = { .attempt = 1, .real_delay = STORE_OK, .tested_at = NOW };
	static const struct {
		int64_t ms;
		double mbps;
	} tests[] = { { 30, 0 }, { 20, 0 }, { 20, 5 }, { 20, 0 }, { 10, 0 }, { 5, 0 }, { 1, 0 }, { 2, 0 }, { 3, 0 } };
	int64_t id = 0, until = 0, session;

	assert_int_equal(store_run_begin(c->s, "test", NOW, &t.run_id, &c->e), 0);
	for (unsigned i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		t.node_id = id = case_add(c, i + 1);
		t.real_delay_ms = tests[i].ms;
		t.download_mbps = tests[i].mbps;
		t.tested_at = i == 5 ? NOW - 1 : NOW; /* the sixth is not fresh */
		assert_int_equal(store_tests_add(c->s, &t, 1, &c->e), 0);
	}
	case_add(c, 50); /* never tested */
	run.node_id = 7;
	assert_int_equal(store_session_add(c->s, &run, NOW, &session, &c->e), 0);
	assert_int_equal(store_node_enable(c->s, 8, false, NOW, &c->e), 0);
	assert_int_equal(store_node_remove(c->s, 9, NOW, &c->e), 0);
	expect_candidates(c, &w, "5 3 2 4 1 ");
	assert_int_equal(store_cooldown_fail(c->s, 5, "probe failed", 100, 1000, NOW, &until, &c->e), 0);
	assert_int_equal(until, NOW + 100);
	expect_candidates(c, &w, "3 2 4 1 ");
	w.now_ms = NOW + 100;
	expect_candidates(c, &w, "5 3 2 4 1 ");
	w.now_ms = NOW;
	w.ignore_cooldown = true;
	w.not_id = 3;
	w.max = 2;
	expect_candidates(c, &w, "5 2 ");
	w = (struct store_wanted){ .now_ms = NOW + 100 };
	expect_candidates(c, &w, "6 5 3 2 4 1 "); /* of any age */
}

static void cooldowns_double(void **state)
{
	struct store_case *c = *state;
	static const int64_t waits[] = { 100, 200, 400, 800, 1000, 1000 };
	int64_t id = case_add(c, 1), until = NOW;
	struct store_cooldown *v;
	size_t n;

	for (unsigned i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		int64_t now = until;
		assert_int_equal(store_cooldown_fail(c->s, id, "why", 100, 1000, now, &until, &c->e), 0);
		assert_int_equal(until, now + waits[i]);
	}
	assert_int_equal(store_cooldowns(c->s, c->a, until - 1, &v, &n, &c->e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(v[0].failures, 6);
	assert_string_equal(v[0].reason, "why");
	assert_int_equal(store_cooldowns(c->s, c->a, until, &v, &n, &c->e), 0);
	assert_int_equal(n, 0);
	int64_t later = until + STORE_COOLDOWN_FORGET_MS;
	assert_int_equal(store_cooldown_fail(c->s, id, NULL, 100, 1000, later, &until, &c->e), 0);
	assert_int_equal(until, later + 100);
	assert_int_equal(store_cooldown_clear(c->s, id, &c->e), 0);
	assert_int_equal(store_cooldown_clear(c->s, id, &c->e), STORE_UNCHANGED);
	assert_int_equal(store_cooldown_fail(c->s, 99, NULL, 100, 1000, NOW, NULL, &c->e), STORE_MISSING);
}

static void rotation_is_remembered(void **state)
{
	struct store_case *c = *state;
	struct store_rotation r = { .enabled = STORE_SWITCHED_OFF, .last_trigger = "manual", .last_result = "kept",
		.last_candidate_id = 7, .next_timer_at = NOW, .consecutive_health_failures = 2, .pending_health_recovery = true },
		got;

	assert_int_equal(store_rotation_get(c->s, c->a, &got, &c->e), 0);
	assert_int_equal(got.enabled, STORE_AS_CONFIGURED);
	assert_null(got.last_trigger);
	assert_int_equal(store_rotation_put(c->s, &r, &c->e), 0);
	r.enabled = STORE_SWITCHED_ON;
	assert_int_equal(store_rotation_put(c->s, &r, &c->e), 0);
	case_close(c);
	assert_int_equal(case_open(c), 0);
	assert_int_equal(store_rotation_get(c->s, c->a, &got, &c->e), 0);
	assert_int_equal(got.enabled, STORE_SWITCHED_ON);
	assert_string_equal(got.last_trigger, "manual");
	assert_null(got.last_health_error);
	assert_true(got.last_candidate_id == 7 && got.next_timer_at == NOW && got.consecutive_health_failures == 2 &&
		got.pending_health_recovery);
}

/* --- events, settings, counts ------------------------------------------------------------------------------------- */

/* What each rotation and each connect adds goes again by itself. */
static void results_and_sessions_do_not_grow_for_ever(void **state)
{
	struct store_case *c = *state;
	struct store_session in = { .node_id = case_add(c, 1), .owner = STORE_OWNER_DAEMON };
	struct store_counts counts;
	int64_t run, id;

	assert_int_equal(store_begin(c->s, false, &c->e), 0);
	for (int i = 1; i <= 64; i++) {
		assert_int_equal(store_run_begin(c->s, "rotation", NOW + i, &run, &c->e), 0);
		for (int k = 0; k < 5; k++)
			put_test(c, run, in.node_id, k + 1, 30, NOW + i);
	}
	for (int i = 0; i < STORE_SESSIONS_KEEP + 200; i++) {
		assert_int_equal(store_session_add(c->s, &in, NOW + i, &id, &c->e), 0);
		assert_int_equal(store_session_move(c->s, id, STORE_STARTING, STORE_FAILED_SESSION, NOW + i, NULL, 0, &c->e), 0);
	}
	assert_int_equal(store_commit(c->s, &c->e), 0);
	assert_int_equal(store_counts(c->s, &counts, &c->e), 0);
	assert_in_range(counts.tests, STORE_TESTS_KEEP, STORE_TESTS_KEEP + 16 * 5);
	assert_in_range(counts.sessions, STORE_SESSIONS_KEEP, STORE_SESSIONS_KEEP + 64);
}

static void events_do_not_grow_for_ever(void **state)
{
	struct store_case *c = *state;
	struct store_event in = { .level = STORE_INFO, .source = "daemon", .kind = "k", .message = "m" }, *v;
	struct store_counts counts;
	int64_t n_pruned;
	size_t n;

	assert_int_equal(store_begin(c->s, false, &c->e), 0);
	for (int i = 1; i <= STORE_EVENTS_KEEP + 300; i++) {
		in.created_at = NOW + i;
		in.level = i % 100 ? STORE_INFO : STORE_ERROR;
		in.source = i % 10 ? "daemon" : "rotation";
		in.session_id = i % 3 ? 0 : 3;
		assert_int_equal(store_event_add(c->s, &in, NULL, &c->e), 0);
	}
	assert_int_equal(store_commit(c->s, &c->e), 0);
	assert_int_equal(store_counts(c->s, &counts, &c->e), 0);
	assert_in_range(counts.events, STORE_EVENTS_KEEP, STORE_EVENTS_KEEP + 128);
	assert_int_equal(store_events(c->s, c->a, &(struct store_event_filter){ .max = 3 }, &v, &n, &c->e), 0);
	assert_int_equal(n, 3);
	assert_int_equal(v[2].created_at, NOW + STORE_EVENTS_KEEP + 300);
	assert_int_equal(v[0].id + 2, v[2].id);
	assert_int_equal(store_events(c->s, c->a, &(struct store_event_filter){ .least = STORE_WARNING, .source = "rotation",
		.after_id = v[0].id - 500 }, &v, &n, &c->e), 0);
	assert_int_equal(n, 6);
	assert_int_equal(store_events_prune(c->s, 100, NOW + STORE_EVENTS_KEEP + 250, &n_pruned, &c->e), 0);
	assert_int_equal(store_counts(c->s, &counts, &c->e), 0);
	assert_int_equal(counts.events, 51);
	in.created_at += (int64_t)(STORE_EVENTS_DAYS + 1) * 24 * 3600 * 1000;
	for (int i = 0; i < 128; i++)
		assert_int_equal(store_event_add(c->s, &in, NULL, &c->e), 0);
	assert_int_equal(store_counts(c->s, &counts, &c->e), 0);
	assert_in_range(counts.events, 1, 128);
}

static void settings_and_counts(void **state)
{
	struct store_case *c = *state;
	struct store_counts n;
	const char *value;

	assert_int_equal(store_setting_get(c->s, c->a, "a", &value, &c->e), STORE_MISSING);
	assert_int_equal(store_setting_put(c->s, "a", "1", &c->e), 0);
	assert_int_equal(store_setting_put(c->s, "a", "2'", &c->e), 0);
	assert_int_equal(store_setting_get(c->s, c->a, "a", &value, &c->e), 0);
	assert_string_equal(value, "2'");
	assert_int_equal(store_setting_put(c->s, "a", NULL, &c->e), 0);
	assert_int_equal(store_setting_get(c->s, c->a, "a", &value, &c->e), STORE_MISSING);
	for (unsigned i = 1; i <= 4; i++)
		case_add(c, i);
	assert_int_equal(store_node_enable(c->s, 1, false, NOW, &c->e), 0);
	assert_int_equal(store_node_remove(c->s, 2, NOW, &c->e), 0);
	assert_int_equal(store_counts(c->s, &n, &c->e), 0);
	assert_true(n.nodes == 3 && n.enabled == 2 && n.deleted == 1 && !n.subscriptions && !n.live_sessions && !n.tests);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_subscription_lives), RUN(an_update_reconciles), RUN(a_node_with_two_holders_stays),
		RUN(attempts_and_percentiles), RUN(a_session_lives), RUN(session_and_its_pruning), RUN(transitions_are_those_of_the_page), RUN(latest_and_live),
		RUN(who_may_be_next), RUN(cooldowns_double), RUN(rotation_is_remembered), RUN(events_do_not_grow_for_ever),
		RUN(results_and_sessions_do_not_grow_for_ever), RUN(settings_and_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
