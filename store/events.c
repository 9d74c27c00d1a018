/* Events. Adding one holds the table against its limits now and then, so that it cannot grow without end. */
#include "store/events.h"

#include "store/sql.h"

const char *const store_level_names[] = { [STORE_DEBUG] = "debug", [STORE_INFO] = "info", [STORE_WARNING] = "warning",
	[STORE_ERROR] = "error", [STORE_LEVEL__N] = NULL };

static const int64_t day_ms = 24 * 3600 * 1000;

static int add(struct store *s, const struct store_event *in, int64_t *ret_id, struct err *e)
{
	enum { NOW_AND_THEN = 128 };
	int r = sql_run(s, SQL_EVENT_INSERT, ARGS(as_int(in->level), as_text(in->source), as_text(in->kind),
		as_id(in->node_id), as_id(in->session_id), as_text(in->message), as_text(in->detail),
		as_int(in->created_at)), e);

	if (r)
		return r;
	*ret_id = sqlite3_last_insert_rowid(s->db);
	if (*ret_id % NOW_AND_THEN)
		return 0;
	return sql_run(s, SQL_EVENTS_PRUNE, ARGS(as_int(STORE_EVENTS_KEEP),
		as_int(in->created_at - STORE_EVENTS_DAYS * day_ms)), e);
}

int store_event_add(struct store *s, const struct store_event *in, int64_t *ret_id, struct err *e)
{
	struct tx tx;
	int64_t id = 0;
	int r = tx_begin(s, false, &tx, e);

	if (!r)
		r = tx_end(&tx, add(s, in, &id, e), e);
	if (!r && ret_id)
		*ret_id = id;
	return r;
}

static void read_event(struct take *t, void *ret_event)
{
	struct store_event *v = ret_event;

	v->id = take_int(t);
	v->level = (enum store_level)take_int(t);
	v->source = take_text(t);
	v->kind = take_text(t);
	v->node_id = take_int(t);
	v->session_id = take_int(t);
	v->message = take_text(t);
	v->detail = take_text(t);
	v->created_at = take_int(t);
}

int store_events(struct store *s, struct arena *a, const struct store_event_filter *f, struct store_event **ret_events,
		 size_t *ret_n, struct err *e)
{
	struct rows rows;
	sqlite3_stmt *st;
	int r = sql_start(s, SQL_EVENTS, ARGS(as_int(f->least), as_text(f->source), as_int(f->session_id),
		as_int(f->after_id), as_int(f->max ? (int64_t)f->max : -1)), &st, e);

	if (!r)
		r = take_rows(s, a, st, sizeof(struct store_event), read_event, &rows, e);
	if (r)
		return r;
	*ret_events = rows.v;
	*ret_n = rows.n;
	return 0;
}

int store_events_prune(struct store *s, int64_t keep, int64_t before_ms, int64_t *ret_n, struct err *e)
{
	return tx_run(s, false, SQL_EVENTS_PRUNE, ARGS(as_int(keep), as_int(before_ms)), ret_n, e);
}
