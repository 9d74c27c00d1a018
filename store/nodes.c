/* Looking nodes up and changing them; refs. */
#include <errno.h>
#include <string.h>

#include "store/sql.h"

/* "3f" -> "3f" and "3g": everything that begins so stands between. False: no beginning of a ref. */
static bool prefix_range(struct str text, char low[static STORE_REF_TEXT], char high[static STORE_REF_TEXT])
{
	if (!text.len || text.len >= STORE_REF_TEXT)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i] >= 'A' && text.p[i] <= 'F' ? (char)(text.p[i] + 32) : text.p[i];

		if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
			return false;
		low[i] = high[i] = c;
	}
	low[text.len] = high[text.len] = '\0';
	high[text.len - 1]++; /* 'g' and ':' stand behind every digit */
	return true;
}

static int find_ref(struct store *s, enum sql by_ref, const char *text, int64_t *ret_id, struct err *e)
{
	char low[STORE_REF_TEXT], high[STORE_REF_TEXT];
	sqlite3_stmt *st;
	int64_t id;
	int r;

	if (!prefix_range(str_of(text), low, high))
		return STORE_MISSING;
	r = sql_start(s, by_ref, ARGS(as_text(low), as_text(high)), &st, e);
	if (!r)
		r = sql_step(s, st, e);
	if (r <= 0)
		return r ? r : STORE_MISSING;
	id = sqlite3_column_int64(st, 0);
	r = sql_step(s, st, e);
	if (r) {
		sqlite3_reset(st);
		return r < 0 ? r : STORE_AMBIGUOUS;
	}
	*ret_id = id;
	return 0;
}

int ref_find(struct store *s, enum sql by_id, enum sql by_ref, const char *text, int64_t *ret_id, struct err *e)
{
	int64_t id;
	int r = str_int(str_of(text), &id) ? STORE_MISSING : sql_int(s, by_id, ARGS(as_int(id)), ret_id, e);

	return r == STORE_MISSING ? find_ref(s, by_ref, text, ret_id, e) : r;
}

int store_node_find(struct store *s, const char *text, int64_t *ret_id, struct err *e)
{
	return ref_find(s, SQL_NODE_BY_ID, SQL_NODE_BY_REF, text, ret_id, e);
}

/* --- one change to one node --------------------------------------------------------------------------------------- */

enum { IS_ENABLED = 1, IS_DELETED = 2 }; /* NODE_FLAGS */

/* What is wanted of a node: its flags as they are say whether there is something to do. */
struct wish {
	int64_t id;
	unsigned mask, unchanged_at; /* flags & mask == unchanged_at: it is so already */
	bool present;                /* a removed node has none of it */
	enum sql which;
	const struct arg *args;
	size_t n;
};

static int grant(struct store *s, const struct wish *w, struct err *e)
{
	int64_t flags = 0;
	int r = sql_int(s, SQL_NODE_FLAGS, ARGS(as_int(w->id)), &flags, e);

	if (r)
		return r;
	if (w->present && flags & IS_DELETED)
		return STORE_MISSING;
	if (((unsigned)flags & w->mask) == w->unchanged_at)
		return STORE_UNCHANGED;
	return sql_run(s, w->which, w->args, w->n, e);
}

static int change(struct store *s, const struct wish *w, struct err *e)
{
	struct tx tx;
	int r = tx_begin(s, true, &tx, e);

	return r ? r : tx_end(&tx, grant(s, w, e), e);
}

int store_node_enable(struct store *s, int64_t id, bool on, int64_t now_ms, struct err *e)
{
	const struct arg args[] = { as_int(on), as_int(now_ms), as_int(id) };

	return change(s, &(struct wish){ id, IS_ENABLED, on ? IS_ENABLED : 0, true, SQL_NODE_ENABLE, args, 3 }, e);
}

int store_node_remove(struct store *s, int64_t id, int64_t now_ms, struct err *e)
{
	const struct arg args[] = { as_int(now_ms), as_int(id) };

	return change(s, &(struct wish){ id, IS_DELETED, IS_DELETED, false, SQL_NODE_REMOVE, args, 2 }, e);
}

int store_node_restore(struct store *s, int64_t id, int64_t now_ms, struct err *e)
{
	const struct arg args[] = { as_int(now_ms), as_int(id) };

	return change(s, &(struct wish){ id, IS_DELETED, 0, false, SQL_NODE_RESTORE, args, 2 }, e);
}

static int erase(struct store *s, int64_t id, struct err *e)
{
	int64_t n = 0;
	int r = sql_int(s, SQL_NODE_LIVE, ARGS(as_int(id)), &n, e);

	if (r || n)
		return r ? r : STORE_IN_USE;
	r = sql_change(s, SQL_NODE_ERASE, ARGS(as_int(id)), &n, e);
	return r ? r : n ? 0 : STORE_MISSING;
}

int store_node_erase(struct store *s, int64_t id, struct err *e)
{
	struct tx tx;
	int r = tx_begin(s, true, &tx, e);

	return r ? r : tx_end(&tx, erase(s, id, e), e);
}

int store_purge(struct store *s, int64_t *ret_n, struct err *e)
{
	return tx_run(s, true, SQL_PURGE, NULL, 0, ret_n, e);
}

/* --- settings, counts --------------------------------------------------------------------------------------------- */

int store_setting_put(struct store *s, const char *name, const char *value, struct err *e)
{
	if (!value)
		return tx_run(s, true, SQL_SETTING_DROP, ARGS(as_text(name)), NULL, e);
	return tx_run(s, true, SQL_SETTING_PUT, ARGS(as_text(name), as_text(value)), NULL, e);
}

static void read_text(struct take *t, void *ret_text)
{
	*(const char **)ret_text = take_text(t);
}

int store_setting_get(struct store *s, struct arena *a, const char *name, const char **ret_value, struct err *e)
{
	sqlite3_stmt *st;
	int r = sql_start(s, SQL_SETTING_GET, ARGS(as_text(name)), &st, e);

	return r ? r : take_first(s, a, st, read_text, ret_value, e);
}

static void read_counts(struct take *t, void *ret_counts)
{
	struct store_counts *c = ret_counts;

	c->nodes = take_int(t);
	c->enabled = take_int(t);
	c->deleted = take_int(t);
	c->subscriptions = take_int(t);
	c->sessions = take_int(t);
	c->live_sessions = take_int(t);
	c->tests = take_int(t);
	c->events = take_int(t);
}

int store_counts(struct store *s, struct store_counts *ret_counts, struct err *e)
{
	sqlite3_stmt *st;
	int r = sql_start(s, SQL_COUNTS, NULL, 0, &st, e);

	return r ? r : take_first(s, NULL, st, read_counts, ret_counts, e);
}
