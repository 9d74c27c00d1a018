#ifndef XRAT_TESTS_STORE_CASE_H
#define XRAT_TESTS_STORE_CASE_H
/* A database in a directory of its own, and nodes to put into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"

enum { NOW = 1000000 };

struct store_case {
	char path[64];
	int dir;
	struct arena *a;
	struct store *s;
	struct err e;
};

static inline int case_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int case_open(struct store_case *c)
{
	return store_open(c->dir, "xrat.db", NULL, &c->s, &c->e);
}

static inline void case_close(struct store_case *c)
{
	store_close(c->s);
	c->s = NULL;
	err_fini(&c->e);
}

/* Without a database. */
static inline int setup_bare(void **state)
{
	struct store_case *c = calloc(1, sizeof(*c));

	*state = c;
	strcpy(c->path, "/tmp/xrat-test-XXXXXX");
	if (!mkdtemp(c->path))
		return -1;
	c->dir = dir_open(c->path, NULL);
	c->a = arena_new();
	return c->dir < 0 || !c->a ? -1 : 0;
}

static inline int setup(void **state)
{
	int r = setup_bare(state);

	return r ? r : case_open(*state);
}

static inline int teardown(void **state)
{
	struct store_case *c = *state;

	case_close(c);
	close(c->dir);
	arena_free(c->a);
	nftw(c->path, case_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(c);
	return 0;
}

#define TEXT(literal) ((struct text){ .s = (literal), .set = true })
#define NUM(n) ((struct num){ .v = (n), .set = true })
#define SECRET(literal) ((struct secret){ .s = (literal), .set = true })

/* The i-th of many nodes. */
static inline struct node case_node(struct store_case *c, unsigned i)
{
	return (struct node){
		.name = TEXT(arena_printf(c->a, "node %u", i)), .protocol = NUM(NODE_VLESS), .transport = NUM(NODE_TCP),
		.security = NUM(NODE_REALITY), .address = TEXT(arena_printf(c->a, "n%u.example.net", i)),
		.port = NUM(443), .uuid = SECRET("00000000-0000-4000-8000-000000000001"), .flow = TEXT("xtls-rprx-vision"),
		.server_name = TEXT("www.example.com"), .public_key = TEXT("change-me-public-key"),
		.short_id = TEXT("0a1b"), .fingerprint = TEXT("chrome"),
	};
}

static inline int64_t case_add(struct store_case *c, unsigned i)
{
	struct node n = case_node(c, i);
	enum store_row_outcome outcome;
	int64_t id = 0;

	assert_int_equal(store_node_add(c->s, &n, STR(""), NOW, &id, &outcome, &c->e), 0);
	assert_int_equal(outcome, STORE_ROW_NEW);
	return id;
}

/* nodes first to last as what a subscription has now. */
static inline int case_feed(struct store_case *c, int64_t sub, unsigned first, unsigned last, bool yes,
			    struct store_import_result *ret_result)
{
	size_t n = last >= first ? last - first + 1 : 0;
	struct store_import_row *rows = calloc(n + 1, sizeof(*rows));
	struct node *nodes = calloc(n + 1, sizeof(*nodes));
	struct store_import in = { .rows = rows, .n = n, .subscription_id = sub, .reconcile = true, .may_lose_most = yes,
		.now_ms = NOW + 1 };
	int r;

	for (size_t i = 0; i < n; i++) {
		nodes[i] = case_node(c, first + (unsigned)i);
		rows[i].node = &nodes[i];
	}
	r = store_import(c->s, &in, ret_result, &c->e);
	free(rows);
	free(nodes);
	return r;
}

static inline int64_t case_count(struct store_case *c, const struct store_filter *f)
{
	struct store_cursor *cursor;
	struct store_row row;
	int64_t n = 0;
	int r;

	assert_int_equal(store_list(c->s, f, &cursor, &c->e), 0);
	while ((r = store_next(cursor, &row, &c->e)) > 0)
		n++;
	assert_int_equal(r, 0);
	store_cursor_close(cursor);
	return n;
}

#define RUN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define RUN_BARE(test) cmocka_unit_test_setup_teardown(test, setup_bare, teardown)

#endif
