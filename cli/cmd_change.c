/* enable, disable, remove, restore, purge: all that is named changes, or nothing does. */
#include <unistd.h>

#include "cli/nodes.h"

typedef int change_fn(struct store *s, int64_t id, int64_t now_ms, struct err *e);

static int enable(struct store *s, int64_t id, int64_t now_ms, struct err *e)
{
	return store_node_enable(s, id, true, now_ms, e);
}

static int disable(struct store *s, int64_t id, int64_t now_ms, struct err *e)
{
	return store_node_enable(s, id, false, now_ms, e);
}

static int erase(struct store *s, int64_t id, int64_t now_ms, struct err *e)
{
	(void)now_ms;
	return store_node_erase(s, id, e);
}

static int erase_sub(struct store *s, int64_t id, int64_t now_ms, struct err *e)
{
	return store_sub_erase(s, id, now_ms, NULL, e);
}

struct change {
	change_fn *run;
	const char *done, *already; /* "node 7 is disabled" */
	const char *missing;        /* STORE_MISSING */
};
static const struct change enabling = { enable, "is enabled", "was enabled already", "is removed; restore it first" };
static const struct change disabling = { disable, "is disabled", "was disabled already", "is removed; restore it first" };
static const struct change removing = { store_node_remove, "is removed", "was removed already", "is not there any more" };
static const struct change restoring = { store_node_restore, "is restored", "was not removed", "is not there any more" };
static const struct change erasing = { erase, "is removed for good", "", "is not there any more" };
static const struct change erasing_sub = { erase_sub, "is removed for good", "", "is not there any more" };

struct changed {
	int64_t id;
	const char *label, *ref, *name;
	bool changed;
};
struct work {
	struct nodes_base nb;
	const struct change *change;
	bool of_subs;
	struct changed *v;
	unsigned n;
};

/* --- what is meant --- */
static int find_node(struct work *w, const char *text, struct changed *c)
{
	struct store_node n;
	struct err e = { 0 };
	int r = nodes_find(&w->nb, text, &c->id);

	if (r)
		return r;
	if (store_node_get(w->nb.s, w->nb.a, c->id, SPAN_NONE, &n, &e))
		return nodes_fail(&w->nb, &e);
	c->ref = arena_strdup(w->nb.a, n.row.ref);
	c->name = n.row.name;
	c->label = nodes_label(w->nb.a, c->id, n.row.ref, n.row.name);
	return EXIT_DONE;
}

static int find_sub(struct work *w, const char *text, struct changed *c)
{
	struct store_sub sub;
	struct err e = { 0 };
	int r = nodes_find_sub(&w->nb, text, &c->id);

	if (r)
		return r;
	if (store_sub_get(w->nb.s, w->nb.a, c->id, &sub, &e))
		return nodes_fail(&w->nb, &e);
	c->ref = arena_strdup(w->nb.a, sub.ref);
	c->name = sub.name;
	c->label = nodes_sub_label(w->nb.a, &sub);
	return EXIT_DONE;
}

static int find_all(struct work *w, unsigned first)
{
	const struct invocation *inv = w->nb.inv;
	int r = EXIT_DONE;

	w->n = inv->n_operands - first;
	w->v = arena_array(w->nb.a, struct changed, w->n);
	for (unsigned i = 0; !r && i < w->n; i++)
		r = (w->of_subs ? find_sub : find_node)(w, inv->operands[first + i], &w->v[i]);
	return r;
}

/* --- doing it --- */
static int refuse(struct work *w, const struct changed *c, int r)
{
	store_rollback(w->nb.s);
	if (r == STORE_IN_USE)
		return out_fail(w->nb.a, w->nb.inv, EXIT_BUSY, NULL, "a session runs on %s; 'xrat disconnect' ends it; nothing was changed",
				c->label);
	return out_fail(w->nb.a, w->nb.inv, EXIT_NOT_FOUND, NULL, "%s %s; nothing was changed", c->label, w->change->missing);
}

static int change_all(struct work *w)
{
	int64_t now_ms = clock_wall_ms();
	struct err e = { 0 };

	if (store_begin(w->nb.s, true, &e))
		return nodes_fail(&w->nb, &e);
	for (unsigned i = 0; i < w->n; i++) {
		int r = w->change->run(w->nb.s, w->v[i].id, now_ms, &e);

		if (r < 0) {
			store_rollback(w->nb.s);
			return nodes_fail(&w->nb, &e);
		}
		if (r != STORE_DONE && r != STORE_UNCHANGED)
			return refuse(w, &w->v[i], r);
		w->v[i].changed = r == STORE_DONE;
	}
	return store_commit(w->nb.s, &e) ? nodes_fail(&w->nb, &e) : EXIT_DONE;
}

static int show(struct work *w)
{
	struct arena *a = w->nb.a;
	struct value result = value_object(SPAN_NONE), list = value_array(SPAN_NONE);
	struct buf out = { 0 };

	for (unsigned i = 0; i < w->n; i++) {
		const struct changed *c = &w->v[i];
		struct value v = value_object(SPAN_NONE);

		buf_printf(&out, "%s %s\n", c->label, c->changed ? w->change->done : w->change->already);
		value_put_int(a, &v, "id", c->id);
		value_put_str(a, &v, "ref", c->ref);
		value_put(a, &v, "name", c->name ? value_string(c->name, SPAN_NONE) : value_null(SPAN_NONE));
		value_put_bool(a, &v, "changed", c->changed);
		value_push(a, &list, v);
	}
	if (w->nb.inv->format == FORMAT_TEXT)
		return out_buf(STDOUT_FILENO, &out) ? EXIT_SYSTEM : EXIT_DONE;
	buf_fini(&out);
	value_put(a, &result, w->of_subs ? "subscriptions" : "nodes", list);
	return out_result(a, w->nb.inv, result);
}

static int run(struct arena *a, const struct invocation *inv, const struct change *change, unsigned first)
{
	struct work w = { .change = change, .of_subs = change == &erasing_sub };
	int r;

	if (inv->n_operands == first)
		return out_fail(a, inv, EXIT_USAGE, NULL, "%s needs an ID", inv->command->name);
	r = nodes_look(a, inv, &w.nb);
	if (!r)
		r = find_all(&w, first);
	if (!r && (change == &erasing || change == &erasing_sub))
		r = nodes_confirm(&w.nb, w.n == 1 ? arena_printf(a, "%s will be removed for good", w.v[0].label) :
						    arena_printf(a, "%u %s will be removed for good", w.n,
								 w.of_subs ? "subscriptions" : "nodes"));
	if (!r)
		r = change_all(&w);
	if (!r)
		r = show(&w);
	nodes_close(&w.nb);
	return r;
}

int cmd_enable(struct arena *a, const struct invocation *inv)
{
	return run(a, inv, &enabling, 0);
}

int cmd_disable(struct arena *a, const struct invocation *inv)
{
	return run(a, inv, &disabling, 0);
}

int cmd_restore(struct arena *a, const struct invocation *inv)
{
	return run(a, inv, &restoring, 0);
}

int cmd_remove(struct arena *a, const struct invocation *inv)
{
	unsigned first;
	enum nodes_kind kind = nodes_kind_of(inv, &first);

	return run(a, inv, kind == NODES_SUB ? &erasing_sub : inv->hard ? &erasing : &removing, first);
}

/* --- purge --- */
static int purge(struct nodes_base *nb)
{
	struct store_counts counts;
	struct value result = value_object(SPAN_NONE);
	struct err e = { 0 };
	int64_t n = 0;
	int r;

	if (nb->s && store_counts(nb->s, &counts, &e))
		return nodes_fail(nb, &e);
	if (nb->s && counts.deleted) {
		r = nodes_confirm(nb, arena_printf(nb->a, "%lld removed node%s will be forgotten for good", (long long)counts.deleted,
						   counts.deleted == 1 ? "" : "s"));
		if (r)
			return r;
		if (store_purge(nb->s, &n, &e))
			return nodes_fail(nb, &e);
	}
	value_put_int(nb->a, &result, "purged", n);
	if (nb->inv->format == FORMAT_JSON)
		return out_result(nb->a, nb->inv, result);
	return out_write(STDOUT_FILENO, str_of(arena_printf(nb->a, "%lld node%s purged\n", (long long)n, n == 1 ? "" : "s"))) ?
		EXIT_SYSTEM : EXIT_DONE;
}

int cmd_purge(struct arena *a, const struct invocation *inv)
{
	struct nodes_base nb;
	int r = nodes_look(a, inv, &nb);

	if (!r)
		r = purge(&nb);
	nodes_close(&nb);
	return r;
}
