/* Test results. */
#include "store/tests.h"

#include "store/sql.h"

enum { PRUNE_EVERY = 16 };

const char *const store_failure_names[] = {
	[STORE_F_NONE] = "", [STORE_F_DNS] = "dns", [STORE_F_TIMEOUT] = "timeout", [STORE_F_REFUSED] = "refused",
	[STORE_F_UNREACHABLE] = "unreachable", [STORE_F_PERMISSION_DENIED] = "permission_denied", [STORE_F_TLS] = "tls",
	[STORE_F_AUTH] = "auth", [STORE_F_PROCESS] = "process", [STORE_F_PROXY] = "proxy", [STORE_F_UNKNOWN] = "unknown",
	[STORE_F__N] = NULL,
};

/* NULL, 0, 1 */
static enum store_stage take_stage(struct take *t)
{
	bool none = sqlite3_column_type(t->st, t->column) == SQLITE_NULL;
	int64_t ok = take_int(t);

	return none ? STORE_NOT_RUN : ok ? STORE_OK : STORE_FAILED;
}

void test_read(struct take *t, void *ret_test)
{
	struct store_test *r = ret_test;

	r->run_id = take_int(t);
	r->node_id = take_int(t);
	r->attempt = (int)take_int(t);
	r->tcp = take_stage(t);
	r->tcp_ms = take_int(t);
	r->real_delay = take_stage(t);
	r->real_delay_ms = take_int(t);
	r->connect_ms = take_int(t);
	r->ttfb_ms = take_int(t);
	r->http_status = (int)take_int(t);
	r->download_mbps = take_real(t);
	r->upload_mbps = take_real(t);
	r->failure = (enum store_failure)take_name(t, store_failure_names, STORE_F__N, STORE_F_NONE);
	r->failure_reason = take_text(t);
	r->tested_at = take_int(t);
}

int store_run_begin(struct store *s, const char *kind, int64_t now_ms, int64_t *ret_run_id, struct err *e)
{
	int r = tx_run(s, false, SQL_RUN_INSERT, ARGS(as_text(kind), as_int(now_ms)), NULL, e);

	if (r)
		return r;
	*ret_run_id = sqlite3_last_insert_rowid(s->db);
	if (*ret_run_id % PRUNE_EVERY)
		return 0;
	return store_tests_prune(s, STORE_TESTS_KEEP, now_ms - (int64_t)STORE_TESTS_DAYS * 24 * 3600 * 1000, NULL, e);
}

static struct arg stage_arg(enum store_stage stage)
{
	return stage == STORE_NOT_RUN ? as_null() : as_int(stage == STORE_OK);
}

static struct arg passed_arg(enum store_stage stage, int64_t ms)
{
	return stage == STORE_OK ? as_int(ms) : as_null();
}

static struct arg speed_arg(double mbps)
{
	return mbps > 0 ? as_real(mbps) : as_null();
}

static int add_one(struct store *s, const struct store_test *t, struct err *e)
{
	const struct arg args[] = {
		as_int(t->run_id), as_int(t->node_id), as_int(t->attempt), stage_arg(t->tcp), passed_arg(t->tcp, t->tcp_ms),
		stage_arg(t->real_delay), passed_arg(t->real_delay, t->real_delay_ms), as_id(t->connect_ms),
		as_id(t->ttfb_ms), as_id(t->http_status), speed_arg(t->download_mbps), speed_arg(t->upload_mbps),
		t->failure == STORE_F_NONE ? as_null() : as_text(store_failure_names[t->failure]),
		as_text(t->failure_reason), as_int(t->tested_at),
	};

	return sql_run(s, SQL_TEST_INSERT, args, sizeof(args) / sizeof(*args), e);
}

int store_tests_add(struct store *s, const struct store_test *tests, size_t n, struct err *e)
{
	struct tx tx;
	int r = tx_begin(s, false, &tx, e);

	if (r)
		return r;
	for (size_t i = 0; !r && i < n; i++)
		r = add_one(s, &tests[i], e);
	return tx_end(&tx, r, e);
}

int store_test_latest(struct store *s, struct arena *a, int64_t node_id, struct store_test *ret_test, struct err *e)
{
	sqlite3_stmt *st;
	int r = sql_start(s, SQL_TEST_LATEST, ARGS(as_int(node_id)), &st, e);

	return r ? r : take_first(s, a, st, test_read, ret_test, e);
}

struct delay {
	bool passed;
	int64_t ms;
};

static void read_delay(struct take *t, void *ret_delay)
{
	struct delay *d = ret_delay;

	d->passed = take_int(t) != 0;
	d->ms = take_int(t);
}

int store_delays(struct store *s, struct arena *a, int64_t node_id, int64_t run_id, int64_t since_ms,
		 struct store_delays *ret_delays, struct err *e)
{
	/* By the narrower index. */
	enum sql which = node_id ? SQL_DELAYS_NODE : run_id ? SQL_DELAYS_RUN : SQL_DELAYS_ALL;
	struct store_delays d = { 0 };
	struct rows rows;
	sqlite3_stmt *st;
	int r = sql_start(s, which, ARGS(as_int(node_id), as_int(run_id), as_int(since_ms)), &st, e);

	if (!r)
		r = take_rows(s, a, st, sizeof(struct delay), read_delay, &rows, e);
	if (r)
		return r;
	d.n_attempts = rows.n;
	d.ms = arena_array(a, int64_t, rows.n ? rows.n : 1);
	for (size_t i = 0; i < rows.n; i++)
		if (((struct delay *)rows.v)[i].passed)
			d.ms[d.n++] = ((struct delay *)rows.v)[i].ms;
	*ret_delays = d;
	return 0;
}

int store_tests_prune(struct store *s, int64_t keep, int64_t before_ms, int64_t *ret_n, struct err *e)
{
	struct tx tx;
	int r = tx_begin(s, false, &tx, e);

	if (r)
		return r;
	r = sql_change(s, SQL_TESTS_PRUNE, ARGS(as_int(keep), as_int(before_ms)), ret_n, e);
	if (!r)
		r = sql_run(s, SQL_RUNS_PRUNE, ARGS(as_int(before_ms)), e); /* a young one may still get results */
	return tx_end(&tx, r, e);
}
