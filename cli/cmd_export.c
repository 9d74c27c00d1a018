/* export: nodes as text for others. What it writes holds their secrets. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/nodes.h"

enum export_format { EXPORT_LINKS, EXPORT_BASE64, EXPORT_XRAY, EXPORT_JSON, EXPORT_SING_BOX, EXPORT_FORMAT__N };
enum { IDS_TOLD = 10 };

struct export {
	struct nodes_base nb;
	enum export_format format;
	struct store_node *v; /* named nodes: whole; else node and row alone */
	size_t n;
	unsigned cap;
	size_t left_out;
	struct diag_sink *sink;
	const char *why;
};

/* --- which --- */
static int get_named(struct export *x)
{
	const struct invocation *inv = x->nb.inv;
	struct err e = { 0 };

	x->n = inv->n_operands;
	x->v = arena_array(x->nb.a, struct store_node, x->n);
	for (size_t i = 0; i < x->n; i++) {
		int64_t id;
		int r = nodes_find(&x->nb, inv->operands[i], &id);

		if (r)
			return r;
		if (store_node_get(x->nb.s, x->nb.a, id, SPAN_NONE, &x->v[i], &e))
			return nodes_fail(&x->nb, &e);
	}
	return EXIT_DONE;
}

static int get_listed(struct export *x)
{
	struct store_filter filter;
	struct store_cursor *c;
	struct store_row row;
	struct err e = { 0 };
	int r = nodes_filter(&x->nb, &filter);

	if (r || !x->nb.s)
		return r;
	filter.with_node = true;
	if (store_list(x->nb.s, &filter, &c, &e))
		return nodes_fail(&x->nb, &e);
	while ((r = store_next(c, &row, &e)) > 0) {
		if (x->n == x->cap)
			x->v = arena_grow(x->nb.a, x->v, x->n, sizeof(*x->v), &x->cap);
		x->v[x->n] = (struct store_node){ .row = { .id = row.id } };
		r = store_cursor_node(c, x->nb.a, SPAN_NONE, &x->v[x->n++].node, NULL, &e);
		if (r)
			break;
	}
	store_cursor_close(c);
	return r < 0 ? nodes_fail(&x->nb, &e) : EXIT_DONE;
}

/* --- writing --- */
static void write_texts(struct export *x, struct buf *out)
{
	static const enum output_format formats[EXPORT_FORMAT__N] = {
		[EXPORT_LINKS] = OUTPUT_LINKS, [EXPORT_BASE64] = OUTPUT_BASE64, [EXPORT_JSON] = OUTPUT_JSON,
	};
	const struct node **nodes = arena_array(x->nb.a, const struct node *, x->n + 1);
	uint32_t without;

	for (size_t i = 0; i < x->n; i++)
		nodes[i] = &x->v[i].node;
	without = inputs_write(x->nb.a, formats[x->format], nodes, (uint32_t)x->n, out);
	if (x->format == EXPORT_JSON)
		return;
	x->left_out = without;
	x->why = "have no link form; --format json holds them: node";
	for (size_t i = 0, told = 0; without && i < x->n && told <= IDS_TOLD; i++)
		if (!link_write(x->nb.a, nodes[i]))
			x->why = told++ == IDS_TOLD ? arena_printf(x->nb.a, "%s …", x->why) :
						      arena_printf(x->nb.a, "%s %lld", x->why, (long long)x->v[i].row.id);
}

static void write_outbounds(struct export *x, struct buf *out)
{
	struct session_node *nodes = arena_array(x->nb.a, struct session_node, x->n + 1);
	const char *target = x->nb.inv->target;
	struct value doc = value_object(SPAN_NONE), list;

	for (size_t i = 0; i < x->n; i++)
		nodes[i] = (struct session_node){ x->v[i].row.id, &x->v[i].node };
	if (x->format == EXPORT_SING_BOX) {
		doc = compile_singbox(x->nb.a, x->sink, nodes, x->n);
		list = *value_get(&doc, "outbounds");
	} else {
		list = compile_outbounds(x->nb.a, x->sink, nodes, x->n, target ? target_find(str_of(target)) : target_default());
		value_put(x->nb.a, &doc, "outbounds", list);
	}
	x->left_out = x->n > list.n ? x->n - list.n : 0;
	json_write(out, &doc);
}

/* To the file, else stdout. EXIT_DONE or told. */
static int put_out(struct export *x, struct buf *out)
{
	const char *path = x->nb.inv->output;
	struct err e = { 0 };
	int r;

	if (out->failed)
		return out_fail(x->nb.a, x->nb.inv, EXIT_SYSTEM, NULL, "out of memory");
	if (!path || str_is(str_of(path), "-"))
		return out_buf(STDOUT_FILENO, out) ? EXIT_SYSTEM : EXIT_DONE;
	r = file_write_out(path, (struct str){ out->p, out->len }, 0600, &e);
	return r ? nodes_fail(&x->nb, &e) : EXIT_DONE;
}

static int run(struct export *x)
{
	struct buf out = { 0 };
	int r;

	x->sink = diag_sink_new(x->nb.a, sources_new(x->nb.a));
	if (x->format == EXPORT_XRAY || x->format == EXPORT_SING_BOX)
		write_outbounds(x, &out);
	else
		write_texts(x, &out);
	diag_finish(x->sink, false);
	out_diags(x->nb.inv, x->sink);
	r = put_out(x, &out);
	buf_fini(&out);
	if (r || !x->left_out)
		return r;
	return out_fail(x->nb.a, x->nb.inv, EXIT_CONFIG, x->sink, "%zu of %zu nodes are left out, which %s",
			x->left_out, x->n, x->why ? x->why : "this form or engine cannot hold");
}

int cmd_export(struct arena *a, const struct invocation *inv)
{
	struct export x = { 0 };
	int r = nodes_look(a, inv, &x.nb);

	/* `xrat --format json export` means what it says, too. */
	x.format = inv->export_format ? (enum export_format)(inv->export_format - 1) :
		   inv->format == FORMAT_JSON ? EXPORT_JSON : EXPORT_LINKS;
	if (!r)
		r = inv->n_operands ? get_named(&x) : get_listed(&x);
	if (!r)
		r = run(&x);
	nodes_close(&x.nb);
	return r;
}
