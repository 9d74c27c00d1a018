/* Sessions: which transitions there are, and rows that change by parts. */
#include "store/sessions.h"

#include <errno.h>

#include "store/sql.h"

enum { PRUNE_EVERY = 64 };

const char *const store_status_names[] = {
	[STORE_STARTING] = "starting", [STORE_RUNNING] = "running", [STORE_STOPPING] = "stopping",
	[STORE_STOPPED] = "stopped", [STORE_FAILED_SESSION] = "failed", [STORE_STATUS__N] = NULL,
};
const char *const store_owner_names[] = { [STORE_OWNER_CLI] = "cli", [STORE_OWNER_DAEMON] = "daemon",
	[STORE_OWNER__N] = NULL };

static const bool may_move[STORE_STATUS__N][STORE_STATUS__N] = {
	[STORE_STARTING] = { [STORE_RUNNING] = true, [STORE_STOPPING] = true, [STORE_FAILED_SESSION] = true },
	[STORE_RUNNING] = { [STORE_STOPPING] = true, [STORE_FAILED_SESSION] = true },
	[STORE_STOPPING] = { [STORE_STOPPED] = true, [STORE_FAILED_SESSION] = true },
};

static void take_endpoint(struct take *t, struct store_endpoint *ret_endpoint)
{
	ret_endpoint->host = take_text(t);
	ret_endpoint->port = (int)take_int(t);
}

static void read_session(struct take *t, void *ret_session)
{
	struct store_session *s = ret_session;

	s->id = take_int(t);
	s->node_id = take_int(t);
	s->status = (enum store_status)take_name(t, store_status_names, STORE_STATUS__N, STORE_FAILED_SESSION);
	s->process_id = (int)take_int(t);
	s->process_start_ticks = (uint64_t)take_int(t);
	s->boot_id = take_text(t);
	s->executable_dev = (uint64_t)take_int(t);
	s->executable_inode = (uint64_t)take_int(t);
	s->engine = take_text(t);
	s->engine_config_path = take_text(t);
	take_endpoint(t, &s->socks);
	take_endpoint(t, &s->http);
	take_endpoint(t, &s->shadowsocks);
	s->failure_reason = take_text(t);
	s->reason_code = take_text(t);
	s->owner = (enum store_owner)take_name(t, store_owner_names, STORE_OWNER__N, STORE_OWNER_DAEMON);
	s->owner_instance_id = take_text(t);
	s->started_at = take_int(t);
	s->stopped_at = take_int(t);
	s->created_at = take_int(t);
	s->updated_at = take_int(t);
}

/* --- parts -------------------------------------------------------------------------------------------------------- */

enum { PART_ARGS = 7 };
struct part {
	enum store_session_parts bit;
	enum sql which;
	size_t n;
	void (*args)(const struct store_session *, struct arg *); /* behind the id */
};

static void node_args(const struct store_session *s, struct arg *v)
{
	v[0] = as_id(s->node_id);
}

static void process_args(const struct store_session *s, struct arg *v)
{
	v[0] = as_id(s->process_id);
	v[1] = as_id((int64_t)s->process_start_ticks);
	v[2] = as_text(s->boot_id);
	v[3] = as_id((int64_t)s->executable_dev);
	v[4] = as_id((int64_t)s->executable_inode);
}

static void path_args(const struct store_session *s, struct arg *v)
{
	v[0] = as_text(s->engine);
	v[1] = as_text(s->engine_config_path);
}

static void inbound_args(const struct store_session *s, struct arg *v)
{
	const struct store_endpoint *const all[] = { &s->socks, &s->http, &s->shadowsocks };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		v[2 * i] = as_text(all[i]->host);
		v[2 * i + 1] = all[i]->host ? as_int(all[i]->port) : as_null();
	}
}

static void owner_args(const struct store_session *s, struct arg *v)
{
	v[0] = as_text(store_owner_names[s->owner]);
	v[1] = as_text(s->owner_instance_id);
}

static void reason_args(const struct store_session *s, struct arg *v)
{
	v[0] = as_text(s->reason_code);
}

static void failure_args(const struct store_session *s, struct arg *v)
{
	v[0] = as_text(s->failure_reason);
}

static const struct part parts_of[] = {
	{ STORE_S_NODE, SQL_SESSION_NODE, 1, node_args },
	{ STORE_S_PROCESS, SQL_SESSION_PROCESS, 5, process_args },
	{ STORE_S_CONFIG_PATH, SQL_SESSION_CONFIG_PATH, 2, path_args },
	{ STORE_S_INBOUNDS, SQL_SESSION_INBOUNDS, 6, inbound_args },
	{ STORE_S_OWNER, SQL_SESSION_OWNER, 2, owner_args },
	{ STORE_S_REASON, SQL_SESSION_REASON, 1, reason_args },
	{ STORE_S_FAILURE, SQL_SESSION_FAILURE, 1, failure_args },
};

static int write_parts(struct store *s, int64_t id, const struct store_session *with, unsigned parts, struct err *e)
{
	struct arg args[PART_ARGS] = { as_int(id) };
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(parts_of) / sizeof(*parts_of); i++) {
		if (!(parts & parts_of[i].bit))
			continue;
		parts_of[i].args(with, args + 1);
		r = sql_run(s, parts_of[i].which, args, 1 + parts_of[i].n, e);
	}
	return r;
}

/* No row was changed: because there is none, or because it is in another state? */
static int why_none(struct store *s, int64_t id, struct err *e)
{
	int64_t one;
	int r = sql_int(s, SQL_SESSION_THERE, ARGS(as_int(id)), &one, e);

	return r ? r : STORE_STALE;
}

/* --- changes ------------------------------------------------------------------------------------------------------ */

static int add(struct store *s, const struct store_session *in, int64_t now_ms, int64_t *ret_id, struct err *e)
{
	int r = sql_run(s, SQL_SESSION_INSERT, ARGS(as_id(in->node_id), as_text(store_owner_names[in->owner]),
		as_int(now_ms)), e);

	if (r)
		return r;
	*ret_id = sqlite3_last_insert_rowid(s->db);
	r = write_parts(s, *ret_id, in, ~0u, e);
	if (r || *ret_id % PRUNE_EVERY)
		return r;
	return sql_run(s, SQL_SESSIONS_PRUNE, ARGS(as_int(STORE_SESSIONS_KEEP)), e);
}

int store_session_add(struct store *s, const struct store_session *in, int64_t now_ms, int64_t *ret_id, struct err *e)
{
	struct tx tx;
	int64_t id = 0;
	int r = tx_begin(s, false, &tx, e);

	if (!r)
		r = tx_end(&tx, add(s, in, now_ms, &id, e), e);
	if (!r)
		*ret_id = id;
	return r;
}

/* The statement decides whether there is something to change; the parts follow. */
static int apply(struct store *s, enum sql which, const struct arg *args, size_t n_args,
		 const struct store_session *with, unsigned parts, struct err *e)
{
	struct tx tx;
	int64_t n = 0;
	int r = tx_begin(s, false, &tx, e);

	if (r)
		return r;
	r = sql_change(s, which, args, n_args, &n, e);
	if (!r && !n)
		r = why_none(s, args[0].i, e);
	if (!r)
		r = write_parts(s, args[0].i, with, parts, e);
	return tx_end(&tx, r, e);
}

int store_session_move(struct store *s, int64_t id, enum store_status from, enum store_status to, int64_t now_ms,
		       const struct store_session *with, unsigned parts, struct err *e)
{
	if (!may_move[from][to])
		return err_set(e, -EINVAL, "a session cannot go from '%s' to '%s'", store_status_names[from],
			store_status_names[to]);
	return apply(s, SQL_SESSION_MOVE, ARGS(as_int(id), as_text(store_status_names[from]),
		as_text(store_status_names[to]), as_int(now_ms)), with, parts, e);
}

int store_session_set(struct store *s, int64_t id, int64_t now_ms, const struct store_session *with, unsigned parts,
		      struct err *e)
{
	return apply(s, SQL_SESSION_TOUCH, ARGS(as_int(id), as_int(now_ms)), with, parts, e);
}

int store_session_get(struct store *s, struct arena *a, int64_t id, struct store_session *ret_session, struct err *e)
{
	sqlite3_stmt *st;
	int r = sql_start(s, SQL_SESSION_GET, ARGS(as_int(id)), &st, e);

	return r ? r : take_first(s, a, st, read_session, ret_session, e);
}

int store_session_latest(struct store *s, struct arena *a, struct store_session *ret_session, struct err *e)
{
	sqlite3_stmt *st;
	int r = sql_start(s, SQL_SESSION_LATEST, NULL, 0, &st, e);

	return r ? r : take_first(s, a, st, read_session, ret_session, e);
}

int store_session_latest_run(struct store *s, struct arena *a, struct store_session *ret_session, struct err *e)
{
	sqlite3_stmt *st;
	int r = sql_start(s, SQL_SESSION_LATEST_RUN, NULL, 0, &st, e);

	return r ? r : take_first(s, a, st, read_session, ret_session, e);
}

int store_sessions_live(struct store *s, struct arena *a, struct store_session **ret_sessions, size_t *ret_n,
			struct err *e)
{
	struct rows rows;
	sqlite3_stmt *st;
	int r = sql_start(s, SQL_SESSION_LIVE, NULL, 0, &st, e);

	if (!r)
		r = take_rows(s, a, st, sizeof(struct store_session), read_session, &rows, e);
	if (r)
		return r;
	*ret_sessions = rows.v;
	*ret_n = rows.n;
	return 0;
}

int store_sessions_newest(struct store *s, struct arena *a, size_t max, struct store_session **ret_sessions, size_t *ret_n,
			  struct err *e)
{
	struct rows rows;
	sqlite3_stmt *st;
	int r = sql_start(s, SQL_SESSIONS_NEWEST, ARGS(as_int((int64_t)max)), &st, e);

	if (!r)
		r = take_rows(s, a, st, sizeof(struct store_session), read_session, &rows, e);
	if (r)
		return r;
	*ret_sessions = rows.v;
	*ret_n = rows.n;
	return 0;
}

int store_sessions_prune(struct store *s, int64_t keep, int64_t *ret_n, struct err *e)
{
	return tx_run(s, false, SQL_SESSIONS_PRUNE, ARGS(as_int(keep)), ret_n, e);
}
