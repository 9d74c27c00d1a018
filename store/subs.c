/* Subscriptions. */
#include "store/subs.h"

#include <errno.h>

#include "store/sql.h"

const char *const store_sub_kind_names[] = { [STORE_SUB_URL] = "url", [STORE_SUB_FILE] = "file",
	[STORE_SUB_RAW_TEXT] = "raw_text", [STORE_SUB_KIND__N] = NULL };

static void read_sub(struct take *t, void *ret_sub)
{
	struct store_sub *s = ret_sub;

	s->id = take_int(t);
	take_ref(t, s->ref);
	s->kind = (enum store_sub_kind)take_name(t, store_sub_kind_names, STORE_SUB_KIND__N, STORE_SUB_URL);
	s->source_url = take_text(t);
	s->name = take_text(t);
	s->user_agent = take_text(t);
	s->etag = take_text(t);
	s->last_modified = take_text(t);
	s->userinfo.upload = take_int(t);
	s->userinfo.download = take_int(t);
	s->userinfo.total = take_int(t);
	s->userinfo.expire_at = take_int(t);
	s->last_error = take_text(t);
	s->created_at = take_int(t);
	s->updated_at = take_int(t);
	s->last_refreshed_at = take_int(t);
	s->last_tried_at = take_int(t);
	s->n_nodes = take_int(t);
}

/* What store_sub_put was given. */
struct wanted {
	enum store_sub_kind kind;
	const char *source_url, *name, *user_agent;
	int64_t now_ms;
};

static int insert(struct store *s, const struct wanted *w, int64_t *ret_id, struct err *e)
{
	enum { TRIES = 8 };
	char ref[STORE_REF_TEXT];
	int64_t n = 0;
	int r = 0;

	for (int i = 0; !r && !n && i < TRIES; i++) {
		r = ref_make(ref);
		if (r)
			return err_sys(e, r, "make a ref");
		r = sql_change(s, SQL_SUB_INSERT, ARGS(as_text(store_sub_kind_names[w->kind]), as_text(w->source_url),
			as_text(w->name), as_text(w->user_agent), as_int(w->now_ms), as_text(ref)), &n, e);
	}
	if (!r && !n)
		return err_set(e, -EEXIST, "database '%s': no ref is free", s->path);
	*ret_id = sqlite3_last_insert_rowid(s->db);
	return r;
}

/* *ret_known tells which of the two it was. */
static int put(struct store *s, const struct wanted *w, int64_t *ret_id, bool *ret_known, struct err *e)
{
	int r = STORE_MISSING;

	if (w->kind != STORE_SUB_RAW_TEXT)
		r = sql_int(s, SQL_SUB_BY_SOURCE, ARGS(as_text(store_sub_kind_names[w->kind]), as_text(w->source_url)),
			ret_id, e);
	*ret_known = !r;
	if (r)
		return r == STORE_MISSING ? insert(s, w, ret_id, e) : r;
	if (!w->name && !w->user_agent)
		return 0;
	return sql_run(s, SQL_SUB_RENAME, ARGS(as_text(w->name), as_text(w->user_agent), as_int(w->now_ms),
		as_int(*ret_id)), e);
}

int store_sub_put(struct store *s, enum store_sub_kind kind, const char *source_url, const char *name,
		  const char *user_agent, int64_t now_ms, int64_t *ret_id, struct err *e)
{
	const struct wanted w = { kind, source_url, name, user_agent, now_ms };
	bool known = false;
	struct tx tx;
	int r = tx_begin(s, true, &tx, e);

	if (!r)
		r = tx_end(&tx, put(s, &w, ret_id, &known, e), e);
	return r ? r : known ? STORE_UNCHANGED : 0;
}

int store_sub_find(struct store *s, const char *text, int64_t *ret_id, struct err *e)
{
	return ref_find(s, SQL_SUB_BY_ID, SQL_SUB_BY_REF, text, ret_id, e);
}

int store_sub_get(struct store *s, struct arena *a, int64_t id, struct store_sub *ret_sub, struct err *e)
{
	sqlite3_stmt *st;
	int r = sql_start(s, SQL_SUB_GET, ARGS(as_int(id)), &st, e);

	return r ? r : take_first(s, a, st, read_sub, ret_sub, e);
}

int store_subs(struct store *s, struct arena *a, struct store_sub **ret_subs, size_t *ret_n, struct err *e)
{
	struct rows rows;
	sqlite3_stmt *st;
	int r = sql_start(s, SQL_SUB_ALL, NULL, 0, &st, e);

	if (!r)
		r = take_rows(s, a, st, sizeof(struct store_sub), read_sub, &rows, e);
	if (r)
		return r;
	*ret_subs = rows.v;
	*ret_n = rows.n;
	return 0;
}

static int found(int r, int64_t n)
{
	return r ? r : n ? 0 : STORE_MISSING;
}

static int fetched(struct store *s, int64_t id, const struct store_userinfo *u, const struct arg *args, struct err *e)
{
	int64_t n = 0;
	int r = sql_change(s, SQL_SUB_FETCHED, args, 4, &n, e);

	r = found(r, n);
	if (r || !u)
		return r;
	return sql_run(s, SQL_SUB_USERINFO, ARGS(as_int(u->upload), as_int(u->download), as_int(u->total),
		as_int(u->expire_at), as_int(id)), e);
}

int store_sub_fetched(struct store *s, int64_t id, const char *etag, const char *last_modified,
		      const struct store_userinfo *userinfo, int64_t now_ms, struct err *e)
{
	const struct arg args[] = { as_text(etag), as_text(last_modified), as_int(now_ms), as_int(id) };
	struct tx tx;
	int r = tx_begin(s, true, &tx, e);

	return r ? r : tx_end(&tx, fetched(s, id, userinfo, args, e), e);
}

int store_sub_same(struct store *s, int64_t id, int64_t now_ms, struct err *e)
{
	int64_t n = 0;
	int r = tx_run(s, true, SQL_SUB_SAME, ARGS(as_int(now_ms), as_int(id)), &n, e);

	return found(r, n);
}

int store_sub_failed(struct store *s, int64_t id, const char *reason, int64_t now_ms, struct err *e)
{
	int64_t n = 0;
	int r = tx_run(s, true, SQL_SUB_FAILED, ARGS(as_text(reason), as_int(now_ms), as_int(id)), &n, e);

	return found(r, n);
}

static int erase(struct store *s, int64_t id, int64_t now_ms, int64_t *ret_n_lost, struct err *e)
{
	int64_t n = 0;
	int r = sql_change(s, SQL_LOSE_OF_SUB, ARGS(as_int(now_ms), as_int(id)), ret_n_lost, e);

	if (!r)
		r = sql_change(s, SQL_SUB_ERASE, ARGS(as_int(id)), &n, e); /* its holds go with it */
	return found(r, n);
}

int store_sub_erase(struct store *s, int64_t id, int64_t now_ms, int64_t *ret_n_lost, struct err *e)
{
	struct tx tx;
	int r = tx_begin(s, true, &tx, e);

	return r ? r : tx_end(&tx, erase(s, id, now_ms, ret_n_lost, e), e);
}
