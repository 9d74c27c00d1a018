/* link: store model lib */
/* A database, driven from outside: tests/store_drive DB COMMAND [N]. Prints "CODE TEXT" of what failed; exit 0 done, 1 failed.
 *   open | check | look   open (create), with every page, without creating
 *   list                  one line a node: id ref protocol address port
 *   import N              N nodes of a subscription, in one go
 *   write SEED            changes without end; "ack K" when the K-th is done
 *   write SEED N          N of them
 *   hold                  takes the write lock, says "held", lets go when its input ends
 * $BUSY_MS: how long to wait for others. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"

enum { NOW = 1700000000, FEED = 24 };

struct drive {
	struct store *s;
	struct err e;
	struct arena *a;
	jmp_buf out_of_memory;
	uint64_t random;
	int64_t now, acked;
};

/* Memory that runs out ends the command in main, whatever was open. */
static int fresh_arena(struct drive *d)
{
	arena_free(d->a);
	d->a = arena_new();
	if (!d->a)
		return err_sys(&d->e, -ENOMEM, "database");
	arena_on_oom(d->a, &d->out_of_memory);
	return 0;
}

static unsigned below(struct drive *d, unsigned n)
{
	d->random = d->random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(d->random >> 33) % n;
}

static struct node make_node(struct arena *a, unsigned i)
{
	return (struct node){
		.name = { .s = arena_printf(a, "node %u", i), .set = true },
		.protocol = { .v = NODE_TROJAN, .set = true },
		.transport = { .v = NODE_WS, .set = true },
		.security = { .v = NODE_TLS, .set = true },
		.address = { .s = arena_printf(a, "n%u.example.net", i), .set = true },
		.port = { .v = 443, .set = true },
		.password = { .s = "change-me", .set = true },
		.path = { .s = "/ws", .set = true },
	};
}

/* first to first + n - 1 as what the subscription has now. */
static int feed(struct drive *d, int64_t sub, unsigned first, unsigned n)
{
	struct store_import_row *rows = arena_array(d->a, struct store_import_row, n);
	struct node *nodes = arena_array(d->a, struct node, n);
	struct store_import in = { .rows = rows, .n = n, .subscription_id = sub, .reconcile = true, .may_lose_most = true,
		.now_ms = d->now };
	struct store_import_result result;

	for (unsigned i = 0; i < n; i++) {
		nodes[i] = make_node(d->a, first + i);
		rows[i] = (struct store_import_row){ .node = &nodes[i], .link = STR("trojan://change-me@example.net:443") };
	}
	return store_import(d->s, &in, &result, &d->e);
}

static int subscription(struct drive *d, const char *url, int64_t *ret_id)
{
	int r = store_sub_put(d->s, STORE_SUB_URL, url, NULL, NULL, d->now, ret_id, &d->e);

	return r == STORE_UNCHANGED ? 0 : r;
}

static int import(struct drive *d, unsigned n)
{
	int64_t sub;
	int r = subscription(d, "https://example.net/", &sub);

	return r ? r : feed(d, sub, 1, n);
}

/* --- changes ------------------------------------------------------------------------------------------------------ */

/* An update, and the etag that goes with it. */
static int change_feed(struct drive *d)
{
	const char *urls[] = { "https://a.example.net/", "https://b.example.net/" };
	int64_t sub;
	int r = subscription(d, urls[below(d, 2)], &sub);

	if (!r)
		r = feed(d, sub, below(d, FEED), 1 + below(d, FEED));
	return r ? r : store_sub_fetched(d->s, sub, "\"etag\"", NULL, NULL, d->now, &d->e);
}

static int change_node(struct drive *d)
{
	struct node n = make_node(d->a, below(d, 2 * FEED));
	enum store_row_outcome outcome;
	int64_t id;
	int r = store_node_add(d->s, &n, STR(""), d->now, &id, &outcome, &d->e);

	if (!r && below(d, 2))
		r = store_node_enable(d->s, id, below(d, 2), d->now, &d->e);
	if (r >= 0 && below(d, 3))
		r = store_node_remove(d->s, id, d->now, &d->e);
	return r < 0 ? r : 0;
}

/* The first node that is there, 0 = none. */
static int any_node(struct drive *d, int64_t *ret_id)
{
	struct store_cursor *c;
	struct store_row row = { 0 };
	int r = store_list(d->s, &(struct store_filter){ .limit = 1 }, &c, &d->e);

	if (r)
		return r;
	r = store_next(c, &row, &d->e);
	*ret_id = r > 0 ? row.id : 0;
	store_cursor_close(c);
	return r < 0 ? r : 0;
}

/* A new session takes the place of the old one: at no time are two running. */
static int change_session(struct drive *d)
{
	struct store_session in = { .process_id = 4711, .owner_instance_id = "i" }, *live;
	int64_t id;
	size_t n;
	int r = store_sessions_live(d->s, d->a, &live, &n, &d->e);

	for (size_t i = 0; !r && i < n; i++)
		r = store_session_move(d->s, live[i].id, live[i].status, STORE_FAILED_SESSION, d->now, NULL, 0, &d->e);
	if (!r)
		r = any_node(d, &in.node_id);
	if (!r)
		r = store_session_add(d->s, &in, d->now, &id, &d->e);
	return r ? r : store_session_move(d->s, id, STORE_STARTING, STORE_RUNNING, d->now, NULL, 0, &d->e);
}

static int change_tests(struct drive *d)
{
	struct store_test t[8] = { 0 };
	struct store_event event = { .level = STORE_INFO, .source = "test", .kind = "k", .message = "m", .created_at = d->now };
	int64_t run;
	int r = store_run_begin(d->s, "test", d->now, &run, &d->e);

	for (int i = 0; i < 8; i++)
		t[i] = (struct store_test){ .run_id = run, .node_id = 1 + below(d, FEED), .attempt = 1, .real_delay = STORE_OK,
			.real_delay_ms = below(d, 100), .tested_at = d->now };
	if (!r)
		r = store_tests_add(d->s, t, 8, &d->e);
	if (!r)
		r = store_cooldown_fail(d->s, 1 + below(d, FEED), "r", 100, 1000, d->now, NULL, &d->e);
	if (r >= 0)
		r = store_event_add(d->s, &event, NULL, &d->e);
	return r < 0 ? r : 0;
}

static int change_prune(struct drive *d)
{
	int r = store_tests_prune(d->s, 3, 0, NULL, &d->e);

	if (!r)
		r = store_purge(d->s, NULL, &d->e);
	return r ? r : store_sessions_prune(d->s, 5, NULL, &d->e);
}

/* Which change it is and how many nodes there are after it, as part of the change. */
static int sign(struct drive *d)
{
	struct store_counts n;
	int r = store_counts(d->s, &n, &d->e);

	if (!r)
		r = store_setting_put(d->s, "nodes", arena_printf(d->a, "%lld", (long long)n.nodes), &d->e);
	return r ? r : store_setting_put(d->s, "acked", arena_printf(d->a, "%lld", (long long)d->acked + 1), &d->e);
}

static int change(struct drive *d)
{
	static int (*const changes[])(struct drive *) = { change_feed, change_feed, change_node, change_node, change_session,
		change_tests, change_prune };
	int r = store_begin(d->s, below(d, 2), &d->e);

	if (r)
		return r;
	r = changes[below(d, sizeof(changes) / sizeof(*changes))](d);
	if (!r)
		r = sign(d);
	if (!r)
		r = store_commit(d->s, &d->e);
	else
		store_rollback(d->s);
	return r;
}

static int write_on(struct drive *d, unsigned limit)
{
	const char *before = "0";
	int r = store_setting_get(d->s, d->a, "acked", &before, &d->e);

	d->acked = strtoll(before, NULL, 10);
	d->random += (uint64_t)d->acked;
	for (unsigned i = 0; r >= 0 && (!limit || i < limit); i++) {
		d->now++;
		r = change(d);
		if (r < 0)
			break;
		printf("ack %lld\n", (long long)++d->acked);
		fflush(stdout);
		r = fresh_arena(d);
	}
	return r < 0 ? r : 0;
}

/* --- commands ----------------------------------------------------------------------------------------------------- */

static int list(struct drive *d)
{
	struct store_cursor *c;
	struct store_row row;
	int r = store_list(d->s, &(struct store_filter){ 0 }, &c, &d->e);

	if (r)
		return r;
	while ((r = store_next(c, &row, &d->e)) > 0)
		printf("%lld %s %s %s %d\n", (long long)row.id, row.ref, row.protocol, row.address, row.port);
	store_cursor_close(c);
	return r;
}

static int hold(struct drive *d)
{
	int r = store_begin(d->s, true, &d->e);

	if (r)
		return r;
	puts("held");
	fflush(stdout);
	while (getchar() != EOF)
		;
	store_rollback(d->s);
	return 0;
}

static int run(struct drive *d, char **v, int n)
{
	unsigned number = n > 3 ? (unsigned)atoi(v[3]) : 0;

	switch (v[2][0]) {
	case 'l': return strcmp(v[2], "list") ? 0 : list(d);
	case 'i': return import(d, number);
	case 'w': d->random = number; return write_on(d, n > 4 ? (unsigned)atoi(v[4]) : 0);
	case 'h': return hold(d);
	}
	return 0;
}

static int drive(struct drive *d, const struct store_options *o, char **v, int n)
{
	int r = fresh_arena(d);

	if (!r)
		r = store_open(AT_FDCWD, v[1], o, &d->s, &d->e);
	if (!r && setjmp(d->out_of_memory))
		return err_sys(&d->e, -ENOMEM, "database");
	return r ? r : run(d, v, n);
}

int main(int n, char **v)
{
	struct drive d = { .now = NOW };
	struct store_options o = { .busy_ms = getenv("BUSY_MS") ? (unsigned)atoi(getenv("BUSY_MS")) : 0 };
	int r;

	if (n < 3)
		return 2;
	signal(SIGXFSZ, SIG_IGN);
	o.flags = (!strcmp(v[2], "look") ? STORE_NO_CREATE : 0u) | (!strcmp(v[2], "check") ? STORE_CHECK : 0u);
	r = drive(&d, &o, v, n);
	if (r)
		printf("%d %s\n", r, r < 0 ? err_text(&d.e) : "");
	store_close(d.s);
	arena_free(d.a);
	err_fini(&d.e);
	return r != 0;
}
