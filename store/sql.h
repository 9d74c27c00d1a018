#ifndef XRAT_STORE_SQL_H
#define XRAT_STORE_SQL_H
/* The inside of a store: its statements, how values go in and come out, transactions. */
#include <sqlite3.h>

#include "store/store.h"

enum sql {
#define X(name, text) SQL_##name,
#include "store/statements.def"
#undef X
	SQL__N
};

struct store {
	sqlite3 *db;
	char *path;                   /* as messages name it */
	sqlite3_stmt *stmts[SQL__N];  /* prepared on first use */
	struct store_cursor *cursors; /* open ones */
	bool in_batch;
	bool durable;                 /* what PRAGMA synchronous says now */
	bool damaged;
	unsigned log_pages;           /* store_leave_log */
};

/* --- values in ---------------------------------------------------------------------------------------------------- */

enum arg_kind { ARG_NULL, ARG_INT, ARG_REAL, ARG_TEXT };
struct arg {
	enum arg_kind kind;
	int64_t i;
	double d;
	struct str s; /* lives until the statement was stepped for the last time */
};
static inline struct arg as_int(int64_t i) { return (struct arg){ .kind = ARG_INT, .i = i }; }
static inline struct arg as_real(double d) { return (struct arg){ .kind = ARG_REAL, .d = d }; }
static inline struct arg as_str(struct str s) { return (struct arg){ .kind = ARG_TEXT, .s = s }; }
/* NULL for NULL, for 0. */
static inline struct arg as_text(const char *s) { return s ? as_str(str_of(s)) : (struct arg){ .kind = ARG_NULL }; }
static inline struct arg as_id(int64_t i) { return i ? as_int(i) : (struct arg){ .kind = ARG_NULL }; }
static inline struct arg as_null(void) { return (struct arg){ .kind = ARG_NULL }; }
#define ARGS(...) \
	(const struct arg[]){ __VA_ARGS__ }, sizeof((const struct arg[]){ __VA_ARGS__ }) / sizeof(struct arg)

/* Binds all of a statement's parameters, in order. *ret_stmt is to be reset (sql_step does it unless it gives a row). */
int sql_start(struct store *s, enum sql which, const struct arg *args, size_t n, sqlite3_stmt **ret_stmt,
	      struct err *e);
int sql_bind(struct store *s, sqlite3_stmt *st, const struct arg *args, size_t n, struct err *e);
/* 1: a row; 0: no more; -errno. */
int sql_step(struct store *s, sqlite3_stmt *st, struct err *e);
/* To its end. */
int sql_run(struct store *s, enum sql which, const struct arg *args, size_t n, struct err *e);
/* sql_run that counts the rows it changed; ret_n may be NULL. */
int sql_change(struct store *s, enum sql which, const struct arg *args, size_t n, int64_t *ret_n, struct err *e);
/* The first column of the first row as an integer. 0; STORE_MISSING: no row. */
int sql_int(struct store *s, enum sql which, const struct arg *args, size_t n, int64_t *ret_value, struct err *e);
/* Text that is SQL without parameters and results. */
int sql_exec(struct store *s, const char *text, struct err *e);
/* What SQLite's result code means, as *e and -errno. */
int sql_fault(struct store *s, int code, struct err *e);

/* --- values out --------------------------------------------------------------------------------------------------- */

/* Reads the columns of a row in order, while the statement is open: never jumps. */
struct take {
	struct arena *a; /* texts are copied there; NULL: they live until the next step */
	sqlite3_stmt *st;
	int column; /* the next one */
	bool failed;
};
int64_t take_int(struct take *t);
double take_real(struct take *t);
const char *take_text(struct take *t); /* NULL for NULL */
void take_ref(struct take *t, char ret_ref[STORE_REF_TEXT]);
/* The index in names of a column's text; fallback when it is none of them. */
int take_name(struct take *t, const char *const *names, int n, int fallback);
/* The index of s in names, or fallback. */
int take_index(const char *s, const char *const *names, int n, int fallback);

/* Every row of a statement as an array in the arena. */
struct rows {
	void *v;
	size_t n;
};
int take_rows(struct store *s, struct arena *a, sqlite3_stmt *st, size_t elem_size,
		void (*read)(struct take *t, void *ret_elem), struct rows *ret_rows, struct err *e);
/* The first row alone. 0; STORE_MISSING. */
int take_first(struct store *s, struct arena *a, sqlite3_stmt *st, void (*read)(struct take *t, void *ret_elem),
	      void *ret_elem, struct err *e);

/* --- transactions ------------------------------------------------------------------------------------------------- */

/* A change of its own, or a part of the batch that is open. */
struct tx {
	struct store *s;
	bool inside;
};
/* Once, before all others: so that undoing never needs memory. */
int tx_prepare(struct store *s, struct err *e);
int tx_begin(struct store *s, bool durable, struct tx *ret_tx, struct err *e);
/* r 0: keeps the change; otherwise undoes it. Returns r, or what keeping it failed with. */
int tx_end(struct tx *tx, int r, struct err *e);
/* One statement as a change. */
int tx_run(struct store *s, bool durable, enum sql which, const struct arg *args, size_t n, int64_t *ret_n,
	   struct err *e);

/* --- shared between files ----------------------------------------------------------------------------------------- */

/* A new ref. 0 or -errno of getrandom. */
int ref_make(char ret_ref[STORE_REF_TEXT]);
/* Number or prefix of a ref, with the two statements of a table. */
int ref_find(struct store *s, enum sql by_id, enum sql by_ref, const char *text, int64_t *ret_id, struct err *e);
/* Brings the schema up to date, or says why not (migrate.c). */
int migrate_run(struct store *s, struct err *e);
/* Closes all (list.c). */
void list_close(struct store *s);
/* A struct store_test (tests.c) from columns in the order of TEST_COLUMNS. */
void test_read(struct take *t, void *ret_test);
/* The part of a node that has no columns, as JSON (encode.c); failed in buf when memory is out. */
void encode_node(const struct node *n, struct buf *out);
/* Columns of a node's row for binding, from `protocol` to `extensions_json`: ENCODE_COLUMNS of them. */
enum { ENCODE_COLUMNS = 10 };
void encode_columns(const struct node *n, struct str json, struct arg ret_args[static ENCODE_COLUMNS]);
/* The texts of these columns (in the arena already) to a node. 0; -EUCLEAN: not what encode_node wrote. May jump. */
struct coded {
	const char *protocol, *address, *network, *tls, *sni, *host, *path, *name, *json;
	int port;
};
int decode_node(struct arena *a, const struct coded *c, struct span at, struct node *ret_node);

#endif
