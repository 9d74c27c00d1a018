/* list: nodes or subscriptions. */
#include <string.h>
#include <unistd.h>

#include "cli/grid.h"
#include "cli/nodes.h"

enum { JSON_DEPTH = 3, ROWS_OF_ARENA = 256 };

/* --- the document is written row by row: ten thousand nodes as one tree would be slow and large --- */
static void begin_document(const struct invocation *inv, const char *what, struct buf *out)
{
	buf_printf(out, "{\n  \"schema_version\": \"1\",\n  \"command\": \"%s\",\n  \"result\": {\n    \"%s\": [",
		   inv->command->name, what);
}

static void add_object(struct buf *out, const struct value *v, bool first)
{
	buf_puts(out, first ? "\n      " : ",\n      ");
	json_write_at(out, v, JSON_DEPTH);
}

static void end_document(struct buf *out, size_t n)
{
	buf_printf(out, "%s],\n    \"count\": %zu\n  }\n}\n", n ? "\n    " : "", n);
}

/* --- nodes --- */
static const struct grid_column node_columns[] = {
	{ "ID", true, 0 },      { "REF", false, 0 },  { "STATE", false, 0 }, { "PROTOCOL", false, 0 }, { "ADDRESS", false, 12 },
	{ "NETWORK", false, 0 }, { "TLS", false, 0 }, { "DELAY", true, 0 },  { "NAME", false, 8 },
};

static const char *state_of(const struct store_row *row)
{
	return row->is_deleted ? "removed" : row->is_active ? "active" : !row->is_enabled ? "disabled" : "";
}

static const char *delay_of(struct arena *a, const struct store_row *row)
{
	const struct store_test *t = &row->latest;

	if (!row->is_tested)
		return "";
	if (t->real_delay == STORE_OK)
		return arena_printf(a, "%lld ms", (long long)t->real_delay_ms);
	if (t->failure)
		return store_failure_names[t->failure];
	return t->tcp == STORE_OK ? arena_printf(a, "tcp %lld ms", (long long)t->tcp_ms) : "";
}

static void add_row(struct arena *a, struct grid *g, const struct store_row *row)
{
	grid_put(g, arena_printf(a, "%lld", (long long)row->id));
	grid_put(g, arena_memdup(a, row->ref, NODES_REF_SHOWN));
	grid_put(g, state_of(row));
	grid_add(g, row->protocol);
	grid_add(g, arena_printf(a, strchr(row->address, ':') ? "[%s]:%d" : "%s:%d", row->address, row->port));
	grid_add(g, row->network);
	grid_add(g, row->tls);
	grid_put(g, delay_of(a, row));
	grid_add(g, row->name);
}

static int each_text(struct nodes_base *nb, struct store_cursor *c, struct buf *out, struct err *e)
{
	struct grid *g = grid_new(nb->a, node_columns, sizeof(node_columns) / sizeof(*node_columns));
	struct store_row row;
	int r;

	while ((r = store_next(c, &row, e)) > 0)
		add_row(nb->a, g, &row);
	grid_write(g, grid_width(STDOUT_FILENO), out);
	return r;
}

/* Trees of a few rows at a time. Memory that runs out there ends as everywhere. */
static int each_json(struct nodes_base *nb, struct store_cursor *c, struct buf *out, struct err *e)
{
	struct arena *few = NULL;
	struct store_row row;
	size_t n = 0;
	int r;

	begin_document(nb->inv, "nodes", out);
	while ((r = store_next(c, &row, e)) > 0) {
		struct value v;

		if (n % ROWS_OF_ARENA == 0) {
			arena_free(few);
			few = arena_new();
		}
		if (!few)
			arena_fail(nb->a);
		v = nodes_row_json(few, &row);
		add_object(out, &v, !n++);
	}
	arena_free(few);
	end_document(out, n);
	return r;
}

static int list_nodes(struct nodes_base *nb, struct buf *out)
{
	bool json = nb->inv->format == FORMAT_JSON;
	struct store_filter filter;
	struct store_cursor *c;
	struct err e = { 0 };
	int r = nodes_filter(nb, &filter);

	if (r)
		return r;
	if (!nb->s) {
		if (json) {
			begin_document(nb->inv, "nodes", out);
			end_document(out, 0);
		}
		return EXIT_DONE;
	}
	r = store_list(nb->s, &filter, &c, &e);
	if (r)
		return nodes_fail(nb, &e);
	r = json ? each_json(nb, c, out, &e) : each_text(nb, c, out, &e);
	store_cursor_close(c);
	return r < 0 ? nodes_fail(nb, &e) : EXIT_DONE;
}

/* --- subscriptions --- */
static const struct grid_column sub_columns[] = {
	{ "ID", true, 0 },    { "REF", false, 0 },     { "KIND", false, 0 },    { "NODES", true, 0 }, { "NAME", false, 8 },
	{ "SOURCE", false, 12 }, { "REFRESHED", false, 0 }, { "LAST ERROR", false, 12 },
};

static void subs_text(struct nodes_base *nb, const struct store_sub *subs, size_t n, struct buf *out)
{
	struct grid *g = grid_new(nb->a, sub_columns, sizeof(sub_columns) / sizeof(*sub_columns));

	for (size_t i = 0; i < n; i++) {
		grid_add(g, arena_printf(nb->a, "%lld", (long long)subs[i].id));
		grid_add(g, arena_printf(nb->a, "%.*s", NODES_REF_SHOWN, subs[i].ref));
		grid_add(g, store_sub_kind_names[subs[i].kind]);
		grid_add(g, arena_printf(nb->a, "%lld", (long long)subs[i].n_nodes));
		grid_add(g, subs[i].name);
		grid_add(g, nodes_sub_source(nb->a, &subs[i]));
		grid_add(g, nodes_time(nb->a, subs[i].last_refreshed_at));
		grid_add(g, subs[i].last_error);
	}
	grid_write(g, grid_width(STDOUT_FILENO), out);
}

static int list_subs(struct nodes_base *nb, struct buf *out)
{
	struct store_sub *subs = NULL;
	struct err e = { 0 };
	size_t n = 0;

	if (nb->s && store_subs(nb->s, nb->a, &subs, &n, &e))
		return nodes_fail(nb, &e);
	if (nb->inv->limit && n > (size_t)nb->inv->limit)
		n = (size_t)nb->inv->limit;
	if (nb->inv->format == FORMAT_TEXT) {
		subs_text(nb, subs, n, out);
		return EXIT_DONE;
	}
	begin_document(nb->inv, "subscriptions", out);
	for (size_t i = 0; i < n; i++) {
		struct value v = nodes_sub_json(nb->a, &subs[i], false);

		add_object(out, &v, !i);
	}
	end_document(out, n);
	return EXIT_DONE;
}

int cmd_list(struct arena *a, const struct invocation *inv)
{
	struct nodes_base nb;
	struct buf out = { 0 };
	unsigned first;
	enum nodes_kind kind = nodes_kind_of(inv, &first);
	int r;

	if (inv->n_operands && kind == NODES_ANY)
		return out_fail(a, inv, EXIT_USAGE, NULL, "list does not know '%s', allowed are nodes, subscriptions", inv->operands[0]);
	r = nodes_look(a, inv, &nb);
	if (!r)
		r = kind == NODES_SUB ? list_subs(&nb, &out) : list_nodes(&nb, &out);
	if (!r && !out.len)
		nodes_nothing(inv, kind == NODES_SUB ? "no subscriptions; 'xrat import URL' makes one\n" :
				   inv->deleted ? "no removed nodes\n" : "no such nodes; 'xrat import' and 'xrat add' put nodes in\n");
	if (!r && out_buf(STDOUT_FILENO, &out))
		r = EXIT_SYSTEM;
	buf_fini(&out);
	nodes_close(&nb);
	return r;
}
