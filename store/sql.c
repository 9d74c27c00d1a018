/* Statements: prepared once, bound by kind, and what SQLite's result codes mean to us. */
#include "store/sql.h"

#include <errno.h>
#include <string.h>

static const char *const texts[SQL__N] = {
#define X(name, text) [SQL_##name] = (text),
#include "store/statements.def"
#undef X
};

/* Rows for primary codes; what is not here is -EIO in SQLite's words. */
static const struct {
	int code, result;
	const char *words;
} faults[] = {
	{ SQLITE_BUSY, -EBUSY, "another process is using it; try again" },
	{ SQLITE_LOCKED, -EBUSY, "another process is using it; try again" },
	{ SQLITE_CORRUPT, -EUCLEAN, "it is damaged and is left as it is; put a copy in its place, or move it away to begin anew" },
	{ SQLITE_NOTADB, -EUCLEAN, "it is damaged or no database and is left as it is; put a copy in its place, or move it away to begin anew" },
	{ SQLITE_FULL, -ENOSPC, "no space left on the device" },
	{ SQLITE_READONLY, -EROFS, "it cannot be written here" },
	{ SQLITE_NOMEM, -ENOMEM, "out of memory" },
	{ SQLITE_PERM, -EACCES, "permission denied" },
	{ SQLITE_TOOBIG, -E2BIG, "a value is too large" },
	{ SQLITE_CONSTRAINT, -EINVAL, "a value is not allowed there" },
	{ SQLITE_RANGE, -EINVAL, "a value is not allowed there" },
	{ SQLITE_MISMATCH, -EINVAL, "a value is not allowed there" },
};

/* What the system said below SQLite. */
static int system_fault(struct store *s, int code, struct err *e)
{
	int system = s->db ? sqlite3_system_errno(s->db) : 0;

	if (code == SQLITE_CANTOPEN_SYMLINK) {
		err_set(e, -ELOOP, "database '%s': a symbolic link stands in its place", s->path);
		return -ELOOP;
	}
	if (system == EDQUOT) /* no room, for this user */
		system = ENOSPC;
	if (system > 0) {
		err_sys(e, -system, "database '%s'", s->path);
		return -system;
	}
	err_set(e, -EIO, "database '%s': %s", s->path, s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(code));
	return -EIO;
}

int sql_fault(struct store *s, int code, struct err *e)
{
	int primary = code & 0xff;

	if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
		s->damaged = true;
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		if (faults[i].code != primary)
			continue;
		err_set(e, faults[i].result, "database '%s': %s", s->path, faults[i].words);
		return faults[i].result;
	}
	return system_fault(s, code, e);
}

static int bind_one(sqlite3_stmt *st, int at, const struct arg *v)
{
	switch (v->kind) {
	case ARG_INT: return sqlite3_bind_int64(st, at, v->i);
	case ARG_REAL: return sqlite3_bind_double(st, at, v->d);
	case ARG_TEXT: return sqlite3_bind_text64(st, at, v->s.p ? v->s.p : "", v->s.len, SQLITE_STATIC, SQLITE_UTF8);
	case ARG_NULL: break;
	}
	return sqlite3_bind_null(st, at);
}

int sql_bind(struct store *s, sqlite3_stmt *st, const struct arg *args, size_t n, struct err *e)
{
	int code = SQLITE_OK;

	sqlite3_reset(st); /* somebody may have jumped out of it */
	for (size_t i = 0; i < n && code == SQLITE_OK; i++)
		code = bind_one(st, (int)i + 1, &args[i]);
	return code == SQLITE_OK ? 0 : sql_fault(s, code, e);
}

int sql_start(struct store *s, enum sql which, const struct arg *args, size_t n, sqlite3_stmt **ret_stmt, struct err *e)
{
	int code = SQLITE_OK;

	if (!s->stmts[which])
		code = sqlite3_prepare_v3(s->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, &s->stmts[which], NULL);
	if (code != SQLITE_OK)
		return sql_fault(s, code, e);
	*ret_stmt = s->stmts[which];
	return sql_bind(s, *ret_stmt, args, n, e);
}

int sql_step(struct store *s, sqlite3_stmt *st, struct err *e)
{
	int code = sqlite3_step(st), r = 0;

	if (code == SQLITE_ROW)
		return 1;
	if (code != SQLITE_DONE)
		r = sql_fault(s, code, e); /* before the reset, which may forget errno */
	sqlite3_reset(st);
	return r;
}

int sql_run(struct store *s, enum sql which, const struct arg *args, size_t n, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int r = sql_start(s, which, args, n, &st, e);

	if (r)
		return r;
	while ((r = sql_step(s, st, e)) > 0)
		;
	return r;
}

int sql_change(struct store *s, enum sql which, const struct arg *args, size_t n, int64_t *ret_n, struct err *e)
{
	int r = sql_run(s, which, args, n, e);

	if (!r && ret_n)
		*ret_n = sqlite3_changes64(s->db);
	return r;
}

int sql_int(struct store *s, enum sql which, const struct arg *args, size_t n, int64_t *ret_value, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int r = sql_start(s, which, args, n, &st, e);

	if (r)
		return r;
	r = sql_step(s, st, e);
	if (r <= 0)
		return r ? r : STORE_MISSING;
	*ret_value = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return 0;
}

int sql_exec(struct store *s, const char *text, struct err *e)
{
	int code = sqlite3_exec(s->db, text, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : sql_fault(s, code, e);
}
