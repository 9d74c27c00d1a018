/* Percentiles, the table and the document of `test`. A percentile is the smallest value that so many in a hundred do not
 * exceed (nearest rank). */
#include "cli/measured.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/grid.h"

int measured_compare(const void *a, const void *b)
{
	const struct measured_node *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

void measured_add(struct measured *m, struct measured_node *n, const struct store_test *test)
{
	if (n->n_attempts < m->n_attempts)
		n->attempts[n->n_attempts++] = (struct measured_attempt){ test->tcp == STORE_OK, test->real_delay == STORE_OK,
									  test->tcp_ms, test->real_delay_ms };
	n->tcp_run |= test->tcp != STORE_NOT_RUN;
	n->delay_run |= test->real_delay != STORE_NOT_RUN;
	n->http_status = test->http_status ? test->http_status : n->http_status;
	if (!test->failure)
		return;
	n->failure = test->failure;
	n->reason = test->failure_reason ? arena_strdup(m->nb.a, test->failure_reason) : NULL;
}

/* --- figures --- */
struct figures {
	unsigned n; /* attempts that passed */
	int64_t least, p50, p95, most;
};

static int compare_numbers(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static struct figures figures_of(int64_t *ms, unsigned n)
{
	qsort(ms, n, sizeof(*ms), compare_numbers);
	if (!n)
		return (struct figures){ 0 };
	return (struct figures){ n, ms[0], ms[(n * 50 + 99) / 100 - 1], ms[(n * 95 + 99) / 100 - 1], ms[n - 1] };
}

static unsigned collect(const struct measured_node *n, bool delay, int64_t *ms)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n->n_attempts; i++) {
		const struct measured_attempt *at = &n->attempts[i];

		if (delay ? at->delay_ok : at->tcp_ok)
			ms[count++] = delay ? at->delay_ms : at->tcp_ms;
	}
	return count;
}

static struct figures node_figures(struct arena *a, const struct measured_node *n, bool delay)
{
	int64_t *ms = arena_array(a, int64_t, n->n_attempts + 1);

	return figures_of(ms, collect(n, delay, ms));
}

static bool wants_delay(const struct measured *m)
{
	return !m->nb.inv->skip_delay;
}

/* Over all attempts at all nodes. */
static struct figures all_figures(const struct measured *m)
{
	int64_t *ms = arena_array(m->nb.a, int64_t, m->n * m->n_attempts + 1);
	unsigned count = 0;

	for (size_t i = 0; i < m->n; i++)
		count += collect(&m->v[i], wants_delay(m), ms + count);
	return figures_of(ms, count);
}

/* --- order --- */
struct line {
	const struct measured_node *node;
	struct figures tcp, delay;
	bool with_delay;
};

static int by_text(const char *a, const char *b)
{
	struct str x = str_of(a), y = str_of(b);
	int r = memcmp(x.p ? x.p : "", y.p ? y.p : "", x.len < y.len ? x.len : y.len);

	return r ? r : x.len < y.len ? -1 : x.len > y.len;
}

static int by_id(const struct line *a, const struct line *b)
{
	return a->node->id < b->node->id ? -1 : a->node->id > b->node->id;
}

static int by_name(const struct line *a, const struct line *b)
{
	return by_text(a->node->name, b->node->name);
}

static int by_address(const struct line *a, const struct line *b)
{
	return by_text(a->node->address, b->node->address);
}

static int by_protocol(const struct line *a, const struct line *b)
{
	return by_text(a->node->protocol, b->node->protocol);
}

/* What did not pass comes last. */
static int by_delay(const struct line *a, const struct line *b)
{
	const struct figures *x = a->with_delay ? &a->delay : &a->tcp, *y = b->with_delay ? &b->delay : &b->tcp;

	if (!x->n != !y->n)
		return x->n ? -1 : 1;
	return x->p50 < y->p50 ? -1 : x->p50 > y->p50;
}

static int (*const orders[STORE_SORT__N])(const struct line *, const struct line *) = {
	[STORE_BY_ID] = by_id, [STORE_BY_NAME] = by_name, [STORE_BY_ADDRESS] = by_address, [STORE_BY_PROTOCOL] = by_protocol,
	[STORE_BY_DELAY] = by_delay, [STORE_BY_DOWNLOAD] = by_delay, [STORE_BY_TESTED] = by_id,
};

static int compare_lines(const void *a, const void *b, void *order)
{
	int r = orders[*(const enum store_sort *)order](a, b);

	return r ? r : by_id(a, b);
}

static struct line *lines_of(const struct measured *m)
{
	enum store_sort sort = m->nb.inv->sort ? (enum store_sort)(m->nb.inv->sort - 1) : STORE_BY_DELAY;
	struct line *lines = arena_array(m->nb.a, struct line, m->n + 1);

	for (size_t i = 0; i < m->n; i++)
		lines[i] = (struct line){ &m->v[i], node_figures(m->nb.a, &m->v[i], false), node_figures(m->nb.a, &m->v[i], true),
					  wants_delay(m) };
	qsort_r(lines, m->n, sizeof(*lines), compare_lines, &sort);
	return lines;
}

/* --- text --- */
static const struct grid_column columns[] = {
	{ "ID", true, 0 },  { "REF", false, 0 }, { "TCP", true, 0 },   { "P50", true, 0 },
	{ "P95", true, 0 }, { "OK", true, 0 },   { "NAME", false, 8 }, { "FAILURE", false, 12 },
};

static const char *ms_text(struct arena *a, const struct figures *f, int64_t ms)
{
	return f->n ? arena_printf(a, "%lld ms", (long long)ms) : "-";
}

static void add_line(struct arena *a, struct grid *g, const struct line *l)
{
	const struct measured_node *n = l->node;
	const struct figures *main = l->with_delay ? &l->delay : &l->tcp;

	grid_add(g, arena_printf(a, "%lld", (long long)n->id));
	grid_add(g, arena_printf(a, "%.*s", NODES_REF_SHOWN, n->ref));
	grid_add(g, ms_text(a, &l->tcp, l->tcp.p50));
	grid_add(g, ms_text(a, main, main->p50));
	grid_add(g, ms_text(a, main, main->p95));
	grid_add(g, arena_printf(a, "%u/%u", main->n, n->n_attempts));
	grid_add(g, n->name);
	grid_add(g, n->failure ? arena_printf(a, "%s%s%s", store_failure_names[n->failure], n->reason ? ": " : "",
					      n->reason ? n->reason : "") : "");
}

static int show_text(const struct measured *m, const struct line *lines)
{
	struct grid *g = grid_new(m->nb.a, columns, sizeof(columns) / sizeof(*columns));
	struct figures all = all_figures(m);
	struct buf out = { 0 };
	size_t passed = 0;

	for (size_t i = 0; i < m->n; i++) {
		passed += (lines[i].with_delay ? lines[i].delay.n : lines[i].tcp.n) > 0;
		add_line(m->nb.a, g, &lines[i]);
	}
	grid_write(g, grid_width(STDOUT_FILENO), &out);
	if (out_buf(STDOUT_FILENO, &out))
		return EXIT_SYSTEM;
	if (m->nb.inv->quiet)
		return EXIT_DONE;
	out = (struct buf){ 0 };
	buf_printf(&out, "%zu of %zu nodes passed", passed, m->n);
	if (all.n)
		buf_printf(&out, "; p50 %lld ms, p95 %lld ms", (long long)all.p50, (long long)all.p95);
	buf_putc(&out, '\n');
	return out_buf(STDERR_FILENO, &out) ? EXIT_SYSTEM : EXIT_DONE;
}

/* --- JSON --- */
static struct value figures_json(struct arena *a, const struct figures *f)
{
	struct value v = value_object(SPAN_NONE);

	if (!f->n)
		return value_null(SPAN_NONE);
	value_put_int(a, &v, "min", f->least);
	value_put_int(a, &v, "p50", f->p50);
	value_put_int(a, &v, "p95", f->p95);
	value_put_int(a, &v, "max", f->most);
	return v;
}

static struct value text_json(const char *s)
{
	return s && *s ? value_string(s, SPAN_NONE) : value_null(SPAN_NONE);
}

static struct value line_json(struct arena *a, const struct line *l)
{
	const struct measured_node *n = l->node;
	struct value v = value_object(SPAN_NONE);

	value_put_int(a, &v, "id", n->id);
	value_put_str(a, &v, "ref", n->ref);
	value_put(a, &v, "name", text_json(n->name));
	value_put_str(a, &v, "protocol", n->protocol);
	value_put_str(a, &v, "address", n->address);
	value_put_int(a, &v, "port", n->port);
	value_put_int(a, &v, "attempts", n->n_attempts);
	value_put_bool(a, &v, "ok", (l->with_delay ? l->delay.n : l->tcp.n) > 0);
	value_put_int(a, &v, "tcp_ok", l->tcp.n);
	value_put(a, &v, "tcp_ms", figures_json(a, &l->tcp));
	value_put_int(a, &v, "real_delay_ok", l->delay.n);
	value_put(a, &v, "real_delay_ms", figures_json(a, &l->delay));
	value_put(a, &v, "http_status", n->http_status ? value_number(a, n->http_status, SPAN_NONE) : value_null(SPAN_NONE));
	value_put(a, &v, "failure", text_json(store_failure_names[n->failure]));
	value_put(a, &v, "failure_reason", text_json(n->reason));
	return v;
}

static int show_json(const struct measured *m, const struct line *lines, int64_t run_id)
{
	struct arena *a = m->nb.a;
	struct value result = value_object(SPAN_NONE), list = value_array(SPAN_NONE), summary = value_object(SPAN_NONE);
	struct figures all = all_figures(m);
	int64_t passed = 0;

	for (size_t i = 0; i < m->n; i++) {
		passed += (lines[i].with_delay ? lines[i].delay.n : lines[i].tcp.n) > 0;
		value_push(a, &list, line_json(a, &lines[i]));
	}
	value_put_int(a, &summary, "nodes", (int64_t)m->n);
	value_put_int(a, &summary, "passed", passed);
	value_put_int(a, &summary, "failed", (int64_t)m->n - passed);
	value_put(a, &summary, wants_delay(m) ? "real_delay_ms" : "tcp_ms", figures_json(a, &all));
	value_put(a, &result, "run_id", run_id ? value_number(a, run_id, SPAN_NONE) : value_null(SPAN_NONE));
	value_put(a, &result, "nodes", list);
	value_put(a, &result, "summary", summary);
	return out_result(a, m->nb.inv, result);
}

int measured_show(struct measured *m, int64_t run_id)
{
	const struct line *lines = lines_of(m);

	return m->nb.inv->format == FORMAT_JSON ? show_json(m, lines, run_id) : show_text(m, lines);
}
