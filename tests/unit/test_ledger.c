/* link: daemon service runtime store model lib */
/* What the daemon's loop keeps while another process holds the database: its order, its limits, who is told what. */
#include "tests/unit/store_case.h"

#include "daemon/ledger.h"

void daemon_check(struct daemon *d) /* of the frame; here nobody stops */
{
	(void)d;
}

struct bed {
	struct store_case *c; /* its store is the other process's connection */
	struct daemon d;
	int64_t id;           /* of a session that runs */
	int done, last;       /* calls of on_done; r of the last one */
};

static int64_t add_session(struct bed *b, enum store_status to)
{
	struct store_session row = { .owner = STORE_OWNER_DAEMON, .engine = "builtin" };
	int64_t id;

	assert_int_equal(store_session_add(b->d.store, &row, NOW, &id, &b->c->e), 0);
	if (to == STORE_RUNNING)
		assert_int_equal(store_session_move(b->d.store, id, STORE_STARTING, to, NOW, NULL, 0, &b->c->e), 0);
	return id;
}

static void bed_open(struct bed *b, void **state)
{
	*b = (struct bed){ .c = *state };
	b->d.log.from = SEV_ERROR + 1;
	b->d.database = "xrat.db";
	assert_int_equal(uv_loop_init(&b->d.loop), 0);
	assert_int_equal(store_open(b->c->dir, "xrat.db", NULL, &b->d.store, &b->c->e), 0);
	b->id = add_session(b, STORE_RUNNING);
	store_set_busy(b->d.store, 0);
	assert_int_equal(ledger_open(&b->d), 0);
}

static void bed_close(struct bed *b)
{
	ledger_close(&b->d);
	uv_run(&b->d.loop, UV_RUN_DEFAULT);
	ledger_free(&b->d);
	store_close(b->d.store);
	assert_int_equal(uv_loop_close(&b->d.loop), 0);
}

static void hold(struct bed *b)
{
	assert_int_equal(store_begin(b->c->s, false, &b->c->e), 0);
}

static void let_go(struct bed *b)
{
	store_rollback(b->c->s);
	while (!ledger_is_empty(&b->d))
		uv_run(&b->d.loop, UV_RUN_ONCE);
}

static void turn_until(struct bed *b, int64_t ms)
{
	int64_t until = clock_mono_ms() + ms;

	while (clock_mono_ms() < until)
		uv_run(&b->d.loop, UV_RUN_ONCE);
}

static int move(struct bed *b, enum store_status from, enum store_status to, const char *why)
{
	char reason[40];
	struct store_session row = { .id = b->id, .reason_code = "test", .failure_reason = why ? reason : NULL };
	struct ledger_move m = { &row, from, to, STORE_S_REASON | STORE_S_FAILURE };
	int r;

	snprintf(reason, sizeof(reason), "%s", why ? why : "");
	r = ledger_move(&b->d, &m, 1, NULL);
	memset(reason, 'x', sizeof(reason)); /* what is kept is a copy */
	return r;
}

static struct store_session row_of(struct bed *b)
{
	struct store_session row = { 0 };

	assert_int_equal(store_session_get(b->c->s, b->c->a, b->id, &row, &b->c->e), 0);
	return row;
}

static void tell(struct bed *b, const char *message)
{
	ledger_event(&b->d, &(struct store_event){ .level = STORE_INFO, .source = "test", .kind = "test", .message = message,
						   .created_at = NOW });
}

static size_t events_of(struct bed *b, struct store_event **ret_events)
{
	size_t n = 0;

	assert_int_equal(store_events(b->c->s, b->c->a, &(struct store_event_filter){ .source = "test" }, ret_events, &n, &b->c->e), 0);
	return n;
}

static void on_done(struct daemon *d, void *ctx, int r, struct err *e)
{
	struct bed *b = ctx;

	(void)d;
	assert_true(!r || e->text);
	b->done++;
	b->last = r;
}

static int write_setting(struct daemon *d, void *ctx, struct err *e)
{
	(void)ctx;
	return store_setting_put(d->store, "asked", "yes", e);
}

/* --- cases --- */
static void test_at_once(void **state)
{
	struct bed b;

	bed_open(&b, state);
	assert_int_equal(move(&b, STORE_RUNNING, STORE_STOPPING, NULL), 0);
	assert_true(ledger_is_empty(&b.d));
	assert_int_equal(row_of(&b).status, STORE_STOPPING);
	assert_int_equal(move(&b, STORE_RUNNING, STORE_STOPPING, NULL), STORE_STALE);
	ledger_ask(&b.d, &(struct ledger_ask){ .write = write_setting, .done = on_done, .ctx = &b });
	assert_int_equal(b.done, 1);
	assert_int_equal(b.last, 0);
	bed_close(&b);
}

/* What comes behind is kept too, though the database is free by then. */
static void test_order(void **state)
{
	struct store_session row;
	struct store_event *v = NULL;
	struct bed b;

	bed_open(&b, state);
	hold(&b);
	tell(&b, "one");
	assert_int_equal(move(&b, STORE_RUNNING, STORE_STOPPING, NULL), 0);
	store_rollback(b.c->s);
	assert_int_equal(move(&b, STORE_STOPPING, STORE_FAILED_SESSION, "it was killed"), 0);
	tell(&b, "two");
	assert_int_equal(row_of(&b).status, STORE_RUNNING);
	assert_int_equal(ledger_session_latest(&b.d, b.c->a, &row, NULL), 0);
	assert_int_equal(row.status, STORE_FAILED_SESSION);
	assert_string_equal(row.failure_reason, "it was killed");
	let_go(&b);
	row = row_of(&b);
	assert_int_equal(row.status, STORE_FAILED_SESSION);
	assert_string_equal(row.failure_reason, "it was killed");
	assert_string_equal(row.reason_code, "test");
	assert_int_equal(events_of(&b, &v), 2);
	assert_string_equal(v[0].message, "one");
	assert_string_equal(v[1].message, "two");
	bed_close(&b);
}

/* Three moves of two rows are one change: the last one is refused, so none of them is made. */
static void test_all_or_none(void **state)
{
	struct store_session old = { 0 }, next = { 0 };
	const struct ledger_move moves[] = {
		{ &old, STORE_RUNNING, STORE_STOPPING, 0 }, { &old, STORE_STOPPING, STORE_STOPPED, 0 },
		{ &next, STORE_STARTING, STORE_RUNNING, 0 },
	};
	struct bed b;

	bed_open(&b, state);
	old.id = b.id;
	next.id = 999;
	assert_int_equal(ledger_move(&b.d, moves, 3, NULL), STORE_MISSING);
	assert_int_equal(row_of(&b).status, STORE_RUNNING);
	next.id = add_session(&b, STORE_STARTING);
	hold(&b);
	assert_int_equal(ledger_move(&b.d, moves, 3, NULL), 0);
	let_go(&b);
	assert_int_equal(row_of(&b).status, STORE_STOPPED);
	b.id = next.id;
	assert_int_equal(row_of(&b).status, STORE_RUNNING);
	bed_close(&b);
}

/* The row that the database would show has ended meanwhile, and a newer one too. */
static void test_latest(void **state)
{
	struct store_session old = { 0 }, next = { 0 }, row;
	const struct ledger_move moves[] = {
		{ &old, STORE_RUNNING, STORE_STOPPING, 0 }, { &old, STORE_STOPPING, STORE_STOPPED, 0 },
		{ &next, STORE_STARTING, STORE_RUNNING, 0 },
	};
	struct bed b;

	bed_open(&b, state);
	old.id = b.id;
	next.id = b.id = add_session(&b, STORE_STARTING);
	hold(&b);
	assert_int_equal(ledger_move(&b.d, moves, 3, NULL), 0);
	assert_int_equal(move(&b, STORE_RUNNING, STORE_FAILED_SESSION, "it was killed"), 0);
	assert_int_equal(ledger_session_latest(&b.d, b.c->a, &row, NULL), 0);
	assert_int_equal(row.id, next.id);
	assert_int_equal(row.status, STORE_FAILED_SESSION);
	let_go(&b);
	bed_close(&b);
}

/* Events beyond the limit are counted, rows are not. */
static void test_limit(void **state)
{
	struct store_event *v = NULL;
	struct bed b;

	bed_open(&b, state);
	hold(&b);
	for (int i = 0; i < LEDGER_EVENTS + 200; i++)
		tell(&b, "many");
	assert_int_equal(move(&b, STORE_RUNNING, STORE_STOPPING, NULL), 0);
	let_go(&b);
	assert_int_equal(events_of(&b, &v), LEDGER_EVENTS);
	assert_int_equal(row_of(&b).status, STORE_STOPPING);
	tell(&b, "and again");
	assert_int_equal(events_of(&b, &v), LEDGER_EVENTS + 1);
	bed_close(&b);
}

static void test_asks(void **state)
{
	const char *value;
	struct bed b;
	struct ledger_ask ask = { .write = write_setting, .done = on_done, .ctx = &b, .once = true };

	bed_open(&b, state);
	hold(&b);
	ledger_ask(&b.d, &ask);
	ledger_ask(&b.d, &ask);
	ledger_ask(&b.d, &(struct ledger_ask){ .done = on_done, .ctx = &b });
	ledger_ask(&b.d, &(struct ledger_ask){ .write = write_setting, .done = on_done, .ctx = &ask });
	ledger_forget(&b.d, &ask);
	let_go(&b);
	assert_int_equal(b.done, 2);
	assert_int_equal(store_setting_get(b.c->s, b.c->a, "asked", &value, &b.c->e), 0);
	bed_close(&b);
}

/* Who is patient no longer is told; what is behind it stays. */
static void test_patience(void **state)
{
	struct bed b;

	bed_open(&b, state);
	hold(&b);
	ledger_ask(&b.d, &(struct ledger_ask){ .write = write_setting, .done = on_done, .ctx = &b, .patience_ms = 20 });
	assert_int_equal(move(&b, STORE_RUNNING, STORE_STOPPING, NULL), 0);
	while (!b.done)
		uv_run(&b.d.loop, UV_RUN_ONCE);
	assert_int_equal(b.last, -EBUSY);
	assert_false(ledger_is_empty(&b.d));
	let_go(&b);
	assert_int_equal(row_of(&b).status, STORE_STOPPING);
	assert_int_equal(b.done, 1);
	bed_close(&b);
}

/* A daemon that stops gives up in the end, and tells whoever waits. */
static void test_stop(void **state)
{
	struct store_event *v = NULL;
	struct bed b;

	bed_open(&b, state);
	hold(&b);
	tell(&b, "lost");
	ledger_ask(&b.d, &(struct ledger_ask){ .write = write_setting, .done = on_done, .ctx = &b });
	ledger_stop(&b.d, 150);
	turn_until(&b, 50);
	assert_false(ledger_is_empty(&b.d));
	while (!ledger_is_empty(&b.d))
		uv_run(&b.d.loop, UV_RUN_ONCE);
	assert_int_equal(b.done, 1);
	assert_int_equal(b.last, -EBUSY);
	tell(&b, "lost too");
	assert_true(ledger_is_empty(&b.d));
	store_rollback(b.c->s);
	tell(&b, "not lost");
	assert_int_equal(events_of(&b, &v), 1);
	bed_close(&b);
}

/* The loop's commits leave the log to a worker, which keeps it from growing. */
static void test_checkpoint(void **state)
{
	char text[2000];
	struct stat st;
	struct bed b;

	bed_open(&b, state);
	b.d.phase = DAEMON_READY;
	b.d.root_fd = b.c->dir;
	store_leave_log(b.d.store);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	for (int i = 0; i < 1500; i++) {
		tell(&b, text);
		while (b.d.works.n)
			uv_run(&b.d.loop, UV_RUN_ONCE);
		assert_in_range(store_log_pages(b.d.store), 1, 1100);
	}
	assert_int_equal(fstatat(b.c->dir, "xrat.db", &st, 0), 0);
	assert_true(st.st_size > 1024 * 1024);
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_at_once),
		RUN(test_order),
		RUN(test_all_or_none),
		RUN(test_latest),
		RUN(test_limit),
		RUN(test_asks),
		RUN(test_patience),
		RUN(test_stop),
		RUN(test_checkpoint),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
