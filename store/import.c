/* Putting nodes in: one by one within one transaction; and, when the rows are all that a subscription has, taking out
 * what it has no more. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/sql.h"

/* A set of ids: open addressing, 0 is a free place. */
struct ids {
	int64_t *v;
	size_t n, cap; /* cap is a power of two */
};

static size_t ids_place(const struct ids *s, int64_t id)
{
	size_t at = (size_t)((uint64_t)id * 0x9e3779b97f4a7c15u >> 20) & (s->cap - 1);

	while (s->v[at] && s->v[at] != id)
		at = (at + 1) & (s->cap - 1);
	return at;
}

static bool ids_has(const struct ids *s, int64_t id)
{
	return s->cap && s->v[ids_place(s, id)] == id;
}

static int ids_grow(struct ids *s)
{
	enum { FIRST = 64 };
	struct ids bigger = { .cap = s->cap ? s->cap * 2 : FIRST };

	bigger.v = calloc(bigger.cap, sizeof(*bigger.v));
	if (!bigger.v)
		return -ENOMEM;
	for (size_t i = 0; i < s->cap; i++)
		if (s->v[i])
			bigger.v[ids_place(&bigger, s->v[i])] = s->v[i];
	bigger.n = s->n;
	free(s->v);
	*s = bigger;
	return 0;
}

static int ids_add(struct ids *s, int64_t id)
{
	int r = s->n * 2 >= s->cap ? ids_grow(s) : 0;

	if (r || ids_has(s, id))
		return r;
	s->v[ids_place(s, id)] = id;
	s->n++;
	return 0;
}

struct work {
	struct store *s;
	const struct store_import *in;
	struct store_import_result *result;
	struct ids seen, held;
	struct buf json; /* of the row at hand */
	char key[STORE_KEY_TEXT];
	struct err *e;
};

/* The row with the same key, as far as it matters. */
struct known {
	int64_t id;
	bool is_deleted, by_user, by_hand, same;
};

static int no_memory(struct work *w)
{
	return sql_fault(w->s, SQLITE_NOMEM, w->e);
}

static bool same_text(sqlite3_stmt *st, int column, struct str s)
{
	const char *text = (const char *)sqlite3_column_text(st, column);

	return str_eq((struct str){ text, (size_t)sqlite3_column_bytes(st, column) }, s);
}

static int find(struct work *w, const struct store_import_row *row, struct known *ret_known)
{
	sqlite3_stmt *st;
	int r = sql_start(w->s, SQL_NODE_BY_KEY, ARGS(as_text(w->key)), &st, w->e);

	if (!r)
		r = sql_step(w->s, st, w->e);
	if (r <= 0)
		return r ? r : STORE_MISSING;
	*ret_known = (struct known){
		.id = sqlite3_column_int64(st, 0),
		.is_deleted = sqlite3_column_int(st, 1),
		.by_user = sqlite3_column_int(st, 2),
		.by_hand = sqlite3_column_int(st, 3),
		.same = (!row->node->name.set || same_text(st, 4, str_of(row->node->name.s))) &&
			(!row->link.len || same_text(st, 5, row->link)) &&
			same_text(st, 6, (struct str){ w->json.p, w->json.len }),
	};
	sqlite3_reset(st);
	return 0;
}

enum { COMMON = ENCODE_COLUMNS + 3 };
static void common_args(struct work *w, const struct store_import_row *row, struct arg args[static COMMON])
{
	encode_columns(row->node, (struct str){ w->json.p, w->json.len }, args);
	args[ENCODE_COLUMNS] = row->link.len ? as_str(row->link) : as_null();
	args[ENCODE_COLUMNS + 1] = as_int(!w->in->subscription_id);
	args[ENCODE_COLUMNS + 2] = as_int(w->in->now_ms);
}

/* A ref that is taken already (one in 2^48 a node) gives no row. */
static int insert(struct work *w, struct store_import_row *row)
{
	enum { TRIES = 8 };
	struct arg args[COMMON + 2];
	char ref[STORE_REF_TEXT];
	int64_t n = 0;
	int r = 0;

	common_args(w, row, args);
	args[COMMON] = as_text(w->key);
	for (int i = 0; !r && !n && i < TRIES; i++) {
		r = ref_make(ref);
		if (r)
			return err_sys(w->e, r, "make a ref");
		args[COMMON + 1] = as_text(ref);
		r = sql_change(w->s, SQL_NODE_INSERT, args, COMMON + 2, &n, w->e);
	}
	if (!r && !n)
		r = err_set(w->e, -EEXIST, "database '%s': no ref is free", w->s->path);
	row->id = sqlite3_last_insert_rowid(w->s->db);
	row->outcome = STORE_ROW_NEW;
	return r;
}

static int update(struct work *w, struct store_import_row *row, const struct known *k)
{
	struct arg args[COMMON + 1];
	bool first = !ids_has(&w->seen, k->id); /* of two names in one list the first one stays */

	row->id = k->id;
	row->outcome = !k->is_deleted ? STORE_ROW_DUPLICATE
		     : k->by_user && !w->in->revive ? STORE_ROW_REMOVED : STORE_ROW_RESTORED;
	if (row->outcome == STORE_ROW_REMOVED)
		return 0;
	if (row->outcome == STORE_ROW_RESTORED || (first && !k->same)) {
		common_args(w, row, args);
		args[COMMON] = as_int(k->id);
		return sql_run(w->s, SQL_NODE_UPDATE, args, COMMON + 1, w->e);
	}
	if (!w->in->subscription_id && !k->by_hand)
		return sql_run(w->s, SQL_NODE_HOLD, ARGS(as_int(w->in->now_ms), as_int(k->id)), w->e);
	return 0;
}

static bool is_whole(const struct node *n)
{
	return n->protocol.set && n->address.set && n->address.s && n->port.set && n->port.v >= 0 && n->port.v <= 65535;
}

static int put_row(struct work *w, struct store_import_row *row)
{
	struct known known;
	int r;

	w->json.len = 0;
	encode_node(row->node, &w->json);
	if (w->json.failed || store_key(row->node, w->key))
		return no_memory(w);
	r = find(w, row, &known);
	r = r == STORE_MISSING ? insert(w, row) : r ? r : update(w, row, &known);
	if (!r && ids_add(&w->seen, row->id))
		r = no_memory(w);
	if (!r && w->in->subscription_id && !ids_has(&w->held, row->id))
		r = sql_run(w->s, SQL_HOLD, ARGS(as_int(w->in->subscription_id), as_int(row->id)), w->e);
	return r;
}

static int put_rows(struct work *w)
{
	int r = 0;

	for (size_t i = 0; !r && i < w->in->n; i++) {
		struct store_import_row *row = &w->in->rows[i];

		row->id = 0;
		row->outcome = STORE_ROW_REFUSED;
		if (is_whole(row->node))
			r = put_row(w, row);
		w->result->n_outcome[row->outcome]++;
	}
	return r;
}

/* What the subscription had before. */
static int read_held(struct work *w)
{
	sqlite3_stmt *st;
	int64_t id;
	int r = sql_int(w->s, SQL_SUB_BY_ID, ARGS(as_int(w->in->subscription_id)), &id, w->e);

	if (!r)
		r = sql_start(w->s, SQL_HELD, ARGS(as_int(w->in->subscription_id)), &st, w->e);
	if (r)
		return r;
	while ((r = sql_step(w->s, st, w->e)) > 0) {
		if (!ids_add(&w->held, sqlite3_column_int64(st, 0)))
			continue;
		sqlite3_reset(st);
		return no_memory(w);
	}
	w->result->n_held = w->held.n;
	return r;
}

static int lose(struct work *w, int64_t id)
{
	int64_t n = 0;
	int r = sql_run(w->s, SQL_LET_GO, ARGS(as_int(w->in->subscription_id), as_int(id)), w->e);

	if (!r)
		r = sql_change(w->s, SQL_LOSE, ARGS(as_int(w->in->now_ms), as_int(id)), &n, w->e);
	w->result->n_lost += (size_t)n;
	return r;
}

static int take_out(struct work *w)
{
	struct store_import_result *result = w->result;
	int r = 0;

	for (size_t i = 0; i < w->held.cap; i++)
		result->n_missing += w->held.v[i] && !ids_has(&w->seen, w->held.v[i]);
	if (result->n_missing * 2 > result->n_held && !w->in->may_lose_most)
		return STORE_MANY_LOST;
	for (size_t i = 0; !r && i < w->held.cap; i++)
		if (w->held.v[i] && !ids_has(&w->seen, w->held.v[i]))
			r = lose(w, w->held.v[i]);
	return r;
}

static int run(struct work *w)
{
	int r = w->in->subscription_id ? read_held(w) : 0;

	if (!r)
		r = put_rows(w);
	/* An answer without one node that can be read is no news of what the subscription has. */
	if (!r && w->in->reconcile && w->in->subscription_id && w->seen.n)
		r = take_out(w);
	return r;
}

int store_import(struct store *s, struct store_import *in, struct store_import_result *ret_result, struct err *e)
{
	struct work w = { .s = s, .in = in, .result = ret_result, .e = e };
	struct tx tx;
	int r = tx_begin(s, true, &tx, e);

	*ret_result = (struct store_import_result){ 0 };
	if (r)
		return r;
	r = tx_end(&tx, run(&w), e);
	buf_fini(&w.json);
	free(w.seen.v);
	free(w.held.v);
	return r;
}

int store_node_add(struct store *s, const struct node *n, struct str link, int64_t now_ms, int64_t *ret_id,
		   enum store_row_outcome *ret_outcome, struct err *e)
{
	struct store_import_row row = { .node = n, .link = link };
	struct store_import in = { .rows = &row, .n = 1, .revive = true, .now_ms = now_ms };
	struct store_import_result result;
	int r = store_import(s, &in, &result, e);

	if (r)
		return r;
	*ret_id = row.id;
	*ret_outcome = row.outcome;
	return 0;
}
