/* Transactions. A change is one of its own (BEGIN IMMEDIATE: the lock is waited for once, at the start) or, within a
 * batch, a savepoint.
 *
 * synchronous: in WAL mode NORMAL loses nothing to a killed process and never damages the file, but what was committed
 * last may be missing after a power cut. That is right for what the daemon notes many times a minute, whose processes a
 * power cut ends too. What a user did (durable) is committed with FULL: it is on the disk before we say that it is done. */
#include <errno.h>
#include <sys/random.h>

#include "store/sql.h"

int tx_prepare(struct store *s, struct err *e)
{
	static const enum sql undoing[] = { SQL_ROLLBACK, SQL_SAVE_UNDO, SQL_SAVE_KEEP };
	sqlite3_stmt *st;
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(undoing) / sizeof(*undoing); i++)
		r = sql_start(s, undoing[i], NULL, 0, &st, e);
	return r;
}

static int set_durable(struct store *s, bool durable, struct err *e)
{
	int r;

	if (s->durable == durable)
		return 0;
	r = sql_exec(s, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", e);
	if (!r)
		s->durable = durable;
	return r;
}

/* Some errors make SQLite undo the whole transaction: what was to be one change must not go on as another. */
static bool batch_is_lost(const struct store *s)
{
	return s->in_batch && sqlite3_get_autocommit(s->db);
}

static int refuse(struct store *s, struct err *e)
{
	if (s->damaged)
		return sql_fault(s, SQLITE_CORRUPT, e);
	return err_set(e, -ECANCELED, "database '%s': the changes before were undone by an error", s->path);
}

int tx_begin(struct store *s, bool durable, struct tx *ret_tx, struct err *e)
{
	int r;

	*ret_tx = (struct tx){ s, s->in_batch };
	if (s->damaged || batch_is_lost(s))
		return refuse(s, e);
	if (s->in_batch)
		return sql_run(s, SQL_SAVE, NULL, 0, e);
	r = set_durable(s, durable, e);
	return r ? r : sql_run(s, SQL_BEGIN, NULL, 0, e);
}

static void undo(struct tx *tx)
{
	struct store *s = tx->s;

	if (sqlite3_get_autocommit(s->db))
		return;
	if (tx->inside) {
		sql_run(s, SQL_SAVE_UNDO, NULL, 0, NULL);
		sql_run(s, SQL_SAVE_KEEP, NULL, 0, NULL);
	} else {
		sql_run(s, SQL_ROLLBACK, NULL, 0, NULL);
	}
}

int tx_end(struct tx *tx, int r, struct err *e)
{
	if (!r)
		r = sql_run(tx->s, tx->inside ? SQL_SAVE_KEEP : SQL_COMMIT, NULL, 0, e);
	if (r)
		undo(tx);
	return r;
}

int tx_run(struct store *s, bool durable, enum sql which, const struct arg *args, size_t n, int64_t *ret_n,
	   struct err *e)
{
	struct tx tx;
	int r = tx_begin(s, durable, &tx, e);

	return r ? r : tx_end(&tx, sql_change(s, which, args, n, ret_n, e), e);
}

int store_begin(struct store *s, bool durable, struct err *e)
{
	struct tx tx;
	int r;

	if (s->in_batch)
		return err_set(e, -EINVAL, "database '%s': a batch is open already", s->path);
	r = tx_begin(s, durable, &tx, e);
	s->in_batch = !r;
	return r;
}

int store_commit(struct store *s, struct err *e)
{
	struct tx tx = { s, false };
	bool lost = batch_is_lost(s);

	if (!s->in_batch)
		return err_set(e, -EINVAL, "database '%s': no batch is open", s->path);
	s->in_batch = false;
	return lost ? refuse(s, e) : tx_end(&tx, 0, e);
}

void store_rollback(struct store *s)
{
	struct tx tx = { s, false };

	if (s->in_batch)
		undo(&tx);
	s->in_batch = false;
}

static int on_commit(void *ctx, sqlite3 *db, const char *name, int pages)
{
	struct store *s = ctx;

	(void)db;
	(void)name;
	s->log_pages = (unsigned)pages;
	return SQLITE_OK;
}

void store_leave_log(struct store *s)
{
	sqlite3_wal_hook(s->db, on_commit, s); /* in the place of the one that moves */
}

unsigned store_log_pages(const struct store *s)
{
	return s->log_pages;
}

int store_checkpoint(struct store *s, struct err *e)
{
	int code = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

	return code == SQLITE_OK ? 0 : sql_fault(s, code, e);
}

int ref_make(char ret_ref[STORE_REF_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[STORE_REF_TEXT / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -errno;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		ret_ref[2 * i] = digits[bytes[i] >> 4];
		ret_ref[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_ref[STORE_REF_TEXT - 1] = '\0';
	return 0;
}
