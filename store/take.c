/* Rows to structs. Nothing here jumps: a statement is open above every caller. */
#include <errno.h>
#include <string.h>

#include "store/sql.h"

int64_t take_int(struct take *t)
{
	return sqlite3_column_int64(t->st, t->column++);
}

double take_real(struct take *t)
{
	return sqlite3_column_double(t->st, t->column++);
}

const char *take_text(struct take *t)
{
	int at = t->column++;
	const char *text = (const char *)sqlite3_column_text(t->st, at);
	size_t len = (size_t)sqlite3_column_bytes(t->st, at);
	char *copy;

	if (!text) {
		t->failed |= sqlite3_column_type(t->st, at) != SQLITE_NULL;
		return NULL;
	}
	if (!t->a)
		return text;
	copy = arena_try_alloc(t->a, len + 1);
	if (copy)
		memcpy(copy, text, len);
	t->failed |= !copy;
	return copy;
}

void take_ref(struct take *t, char ret_ref[STORE_REF_TEXT])
{
	int at = t->column++;
	const char *text = (const char *)sqlite3_column_text(t->st, at);
	size_t len = text ? strnlen(text, STORE_REF_TEXT - 1) : 0;

	t->failed |= !text;
	memcpy(ret_ref, text ? text : "", len);
	ret_ref[len] = '\0';
}

int take_index(const char *s, const char *const *names, int n, int fallback)
{
	for (int i = 0; s && i < n; i++)
		if (str_is(str_of(s), names[i]))
			return i;
	return fallback;
}

int take_name(struct take *t, const char *const *names, int n, int fallback)
{
	return take_index((const char *)sqlite3_column_text(t->st, t->column++), names, n, fallback);
}

/* arena_grow that does not jump. */
static void *grow(struct arena *a, void *old, size_t n, size_t size, size_t *cap)
{
	size_t bigger = *cap ? *cap * 2 : 8, bytes;
	void *p = __builtin_mul_overflow(bigger, size, &bytes) ? NULL : arena_try_alloc(a, bytes);

	if (p && n)
		memcpy(p, old, n * size);
	if (p)
		*cap = bigger;
	return p;
}

static int out_of_memory(struct store *s, sqlite3_stmt *st, struct err *e)
{
	sqlite3_reset(st);
	return sql_fault(s, SQLITE_NOMEM, e);
}

int take_rows(struct store *s, struct arena *a, sqlite3_stmt *st, size_t size,
		void (*read)(struct take *t, void *ret_elem), struct rows *ret_rows, struct err *e)
{
	struct rows rows = { NULL, 0 };
	size_t cap = 0;
	int r;

	while ((r = sql_step(s, st, e)) > 0) {
		struct take t = { a, st, 0, false };

		if (rows.n == cap) {
			void *bigger = grow(a, rows.v, rows.n, size, &cap);
			if (!bigger)
				return out_of_memory(s, st, e);
			rows.v = bigger;
		}
		read(&t, (char *)rows.v + rows.n++ * size);
		if (t.failed)
			return out_of_memory(s, st, e);
	}
	if (!r)
		*ret_rows = rows;
	return r;
}

int take_first(struct store *s, struct arena *a, sqlite3_stmt *st, void (*read)(struct take *t, void *ret_elem),
	      void *ret_elem, struct err *e)
{
	struct take t = { a, st, 0, false };
	int r = sql_step(s, st, e);

	if (r <= 0)
		return r ? r : STORE_MISSING;
	read(&t, ret_elem);
	if (t.failed)
		return out_of_memory(s, st, e);
	sqlite3_reset(st);
	return 0;
}
