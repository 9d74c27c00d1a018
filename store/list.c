/* Lists of nodes, row by row. The text of a statement is put together from constants; values are bound. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/sql.h"

struct store_cursor {
	struct store *s;
	sqlite3_stmt *st;
	struct store_cursor *next;
	bool with_node, on_row;
};

static const char columns[] =
	"SELECT c.id, c.ref, c.protocol, c.address, c.port, c.network, c.tls, c.sni, c.host, c.path, c.name, c.is_enabled,"
	" c.is_deleted, c.id IN (SELECT config_id FROM runtime_sessions WHERE status = 'running' AND config_id IS NOT NULL),"
	" c.deleted_by = 'user', c.imported_at, c.created_at, c.updated_at, c.deleted_at, d.cooldown_until,"
	" t.run_id, t.config_id, t.attempt, t.tcp_ok, t.tcp_ms, t.real_delay_ok, t.real_delay_ms, t.connect_ms, t.ttfb_ms,"
	" t.http_status, t.download_mbps, t.upload_mbps, t.failure_kind, t.failure_reason, t.tested_at";
static const char node_columns[] = ", c.extensions_json, c.raw_config, c.by_hand";
static const char from[] =
	" FROM configs c LEFT JOIN cooldowns d ON d.config_id = c.id LEFT JOIN connection_tests t ON t.id ="
	" (SELECT id FROM connection_tests WHERE config_id = c.id ORDER BY tested_at DESC, id DESC LIMIT 1) WHERE 1";
enum { COLUMN_NETWORK = 5, COLUMN_TLS = 6, COLUMN_RUN = 20, COLUMN_JSON = 35 };

static const char *const whiches[] = { [STORE_PRESENT] = " AND c.is_deleted = 0", [STORE_DELETED] = " AND c.is_deleted = 1",
	[STORE_ALL] = "" };
static const char *const sorts[STORE_SORT__N] = {
	[STORE_BY_ID] = "",
	[STORE_BY_NAME] = "c.name IS NULL, c.name, ",
	[STORE_BY_ADDRESS] = "c.address, c.port, ",
	[STORE_BY_PROTOCOL] = "c.protocol, ",
	[STORE_BY_DELAY] = "t.real_delay_ok IS NOT 1, t.real_delay_ms, ",
	[STORE_BY_DOWNLOAD] = "coalesce(t.download_mbps, 0) DESC, ",
	[STORE_BY_TESTED] = "t.tested_at DESC, ",
};

/* ?1 subscription, ?2 protocol, ?3 limit, ?4 offset, ?5 id. */
static void write_query(const struct store_filter *f, int64_t id, struct buf *out)
{
	buf_puts(out, columns);
	buf_puts(out, f->with_node ? node_columns : "");
	buf_puts(out, from);
	buf_puts(out, id ? " AND c.id = ?5" : "");
	buf_puts(out, whiches[f->which]);
	buf_puts(out, f->enabled_only ? " AND c.is_enabled = 1" : "");
	if (f->active_only)
		buf_puts(out, " AND c.id IN (SELECT config_id FROM runtime_sessions WHERE status = 'running')");
	if (f->subscription_id)
		buf_puts(out, " AND c.id IN (SELECT config_id FROM subscription_configs WHERE subscription_id = ?1)");
	buf_puts(out, f->protocol ? " AND c.protocol = ?2" : "");
	buf_puts(out, " ORDER BY ");
	buf_puts(out, sorts[f->sort]);
	buf_puts(out, "c.id LIMIT ?3 OFFSET ?4");
}

static int open_cursor(struct store *s, const struct store_filter *f, int64_t id, struct store_cursor **ret_cursor,
		       struct err *e)
{
	struct store_cursor *c = calloc(1, sizeof(*c));
	struct buf text = { 0 };
	int code, r;

	write_query(f, id, &text);
	code = c && !text.failed ? sqlite3_prepare_v3(s->db, text.p, (int)text.len, 0, &c->st, NULL) : SQLITE_NOMEM;
	buf_fini(&text);
	if (code != SQLITE_OK) {
		free(c);
		return sql_fault(s, code, e);
	}
	c->s = s;
	c->with_node = f->with_node;
	c->next = s->cursors;
	s->cursors = c;
	/* SQLite wants no value for a parameter that is not in the text, but those in between exist. */
	const struct arg args[] = { as_int(f->subscription_id), as_text(f->protocol), as_int(f->limit ? f->limit : -1),
		as_int(f->offset), as_int(id) };
	r = sql_bind(s, c->st, args, sizeof(args) / sizeof(*args) - !id, e);
	if (r)
		store_cursor_close(c);
	else
		*ret_cursor = c;
	return r;
}

int store_list(struct store *s, const struct store_filter *f, struct store_cursor **ret_cursor, struct err *e)
{
	return open_cursor(s, f, 0, ret_cursor, e);
}

static bool take_bool(struct take *t)
{
	return take_int(t) != 0;
}

/* NULL in a column that has no NULL: out of memory. */
static const char *take_must(struct take *t)
{
	const char *text = take_text(t);

	t->failed |= !text;
	return text ? text : "";
}

static const char *or_name(const char *text, const char *name)
{
	return text ? text : name;
}

static void read_row(struct take *t, void *ret_row)
{
	struct store_row *r = ret_row;

	*r = (struct store_row){ .id = take_int(t) };
	take_ref(t, r->ref);
	r->protocol = take_must(t);
	r->address = take_must(t);
	r->port = (int)take_int(t);
	r->network = or_name(take_text(t), node_transport_names[NODE_TCP]);
	r->tls = or_name(take_text(t), node_security_names[NODE_NONE]);
	r->sni = take_text(t);
	r->host = take_text(t);
	r->path = take_text(t);
	r->name = take_text(t);
	r->is_enabled = take_bool(t);
	r->is_deleted = take_bool(t);
	r->is_active = take_bool(t);
	r->by_user = take_bool(t);
	r->imported_at = take_int(t);
	r->created_at = take_int(t);
	r->updated_at = take_int(t);
	r->deleted_at = take_int(t);
	r->cooldown_until = take_int(t);
	r->is_tested = sqlite3_column_type(t->st, COLUMN_RUN) != SQLITE_NULL;
	if (r->is_tested)
		test_read(t, &r->latest);
}

int store_next(struct store_cursor *c, struct store_row *ret_row, struct err *e)
{
	struct take t = { .st = c->st };
	int r = sql_step(c->s, c->st, e);

	c->on_row = r > 0;
	if (r <= 0)
		return r;
	read_row(&t, ret_row);
	return t.failed ? sql_fault(c->s, SQLITE_NOMEM, e) : 1;
}

void store_cursor_close(struct store_cursor *c)
{
	if (!c)
		return;
	for (struct store_cursor **at = &c->s->cursors; *at; at = &(*at)->next) {
		if (*at != c)
			continue;
		*at = c->next;
		break;
	}
	sqlite3_finalize(c->st);
	free(c);
}

void list_close(struct store *s)
{
	while (s->cursors)
		store_cursor_close(s->cursors);
}

/* --- whole nodes -------------------------------------------------------------------------------------------------- */

/* What a row has beside struct store_row. */
struct whole {
	struct store_row row;
	struct coded coded;
	const char *link;
	bool by_hand;
};

static const char *stored(struct take *t, int column)
{
	t->column = column;
	return take_text(t);
}

static void read_whole(struct take *t, void *ret_whole)
{
	struct whole *w = ret_whole;
	struct store_row *r = &w->row;

	read_row(t, r);
	w->coded = (struct coded){
		.protocol = r->protocol, .address = r->address, .port = r->port, .sni = r->sni, .host = r->host,
		.path = r->path, .name = r->name,
	};
	w->coded.network = stored(t, COLUMN_NETWORK);
	w->coded.tls = stored(t, COLUMN_TLS);
	w->coded.json = stored(t, COLUMN_JSON);
	w->link = take_text(t);
	w->by_hand = take_bool(t);
}

static int decode(struct store *s, struct arena *a, const struct whole *w, struct span at, struct node *ret_node,
		  struct err *e)
{
	if (!decode_node(a, &w->coded, at, ret_node))
		return 0;
	return err_set(e, -EUCLEAN, "database '%s': node %lld cannot be read by this xrat", s->path,
		(long long)w->row.id);
}

int store_cursor_node(struct store_cursor *c, struct arena *a, struct span at, struct node *ret_node,
		      const char **ret_link, struct err *e)
{
	struct take t = { .a = a, .st = c->st };
	struct whole w = { 0 };

	if (!c->with_node || !c->on_row)
		return err_set(e, -EINVAL, "database '%s': this list has no nodes", c->s->path);
	read_whole(&t, &w);
	if (t.failed)
		return sql_fault(c->s, SQLITE_NOMEM, e);
	if (ret_link)
		*ret_link = w.link;
	return decode(c->s, a, &w, at, ret_node, e);
}

static void read_id(struct take *t, void *ret_id)
{
	*(int64_t *)ret_id = take_int(t);
}

static int read_one(struct store *s, struct arena *a, int64_t id, struct whole *ret_whole, struct rows *ret_holders,
		    struct err *e)
{
	const struct store_filter all = { .which = STORE_ALL, .with_node = true };
	struct store_cursor *c = NULL;
	sqlite3_stmt *st;
	int r = open_cursor(s, &all, id, &c, e);

	if (!c)
		return r;
	r = take_first(s, a, c->st, read_whole, ret_whole, e);
	store_cursor_close(c);
	if (!r)
		r = sql_start(s, SQL_HOLDERS, ARGS(as_int(id)), &st, e);
	return r ? r : take_rows(s, a, st, sizeof(int64_t), read_id, ret_holders, e);
}

int store_node_get(struct store *s, struct arena *a, int64_t id, struct span at, struct store_node *ret_node,
		   struct err *e)
{
	struct store_node n = { 0 };
	struct rows holders = { 0 };
	struct whole w = { 0 };
	int r = read_one(s, a, id, &w, &holders, e);

	if (!r)
		r = decode(s, a, &w, at, &n.node, e);
	if (r)
		return r;
	n.row = w.row;
	n.link = w.link;
	n.by_hand = w.by_hand;
	n.subscription_ids = holders.v;
	n.n_subscriptions = holders.n;
	*ret_node = n;
	return 0;
}
