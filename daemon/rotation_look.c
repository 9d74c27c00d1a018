/* Work: who may be next. A worker has a connection to the database of its own, so that neither looking through many nodes
 * nor testing some of them holds up the loop. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/rotation_impl.h"
#include "daemon/trial.h"

enum { TESTED_MAX = 50, OTHERS_MAX = 64 };

int rotation_open_store(int root_fd, const char *path, struct store **ret_store, struct err *e)
{
	const struct store_options o = { .flags = STORE_NO_CREATE };
	int r = store_open(root_fd, path, &o, ret_store, e);

	return r > 0 ? err_set(e, -ENOENT, "the database '%s' is missing", path) : r;
}

/* --- our own network --- */
/* Nodes that can be asked by TCP. */
static bool is_by_tcp(const struct store_row *row)
{
	static const char *const by_udp[] = { "hysteria2", "wireguard", "kcp" };

	for (size_t i = 0; i < sizeof(by_udp) / sizeof(*by_udp); i++)
		if (str_is(str_of(row->protocol), by_udp[i]) || str_is(str_of(row->network), by_udp[i]))
			return false;
	return true;
}

static bool is_same_place(const struct network_node *n, const struct store_row *row)
{
	return n->port == (unsigned)row->port && str_is(str_of(n->address), row->address);
}

static bool is_new_place(const struct network_node *others, size_t n, const struct network_node *self, const struct store_row *row)
{
	for (size_t i = 0; i < n; i++)
		if (is_same_place(&others[i], row))
			return false;
	return !is_same_place(self, row);
}

/* Places of other nodes, those that were good lately first. */
static int read_others(struct arena *a, struct store *s, const struct network_node *self, struct network_node *others,
		       size_t *ret_n, struct err *e)
{
	const struct store_filter f = { .enabled_only = true, .sort = STORE_BY_DELAY };
	struct store_cursor *cursor;
	struct store_row row;
	size_t n = 0;
	int r = store_list(s, &f, &cursor, e);

	if (r)
		return r;
	while (n < OTHERS_MAX && (r = store_next(cursor, &row, e)) > 0)
		if (is_by_tcp(&row) && is_new_place(others, n, self, &row))
			others[n++] = (struct network_node){ arena_strdup(a, row.address), (unsigned)row.port };
	store_cursor_close(cursor);
	*ret_n = n;
	return r < 0 ? r : 0;
}

int rotation_look_at_network(struct work *w, struct arena *a, struct store *s, int64_t node_id, enum network_state *ret_state,
			     struct err *e)
{
	const struct network_world world = { .abort = work_abort, .data = w };
	struct network_node *others = arena_array(a, struct network_node, OTHERS_MAX), self = { "", 0 };
	struct store_node node;
	size_t n = 0;
	int r = store_node_get(s, a, node_id, SPAN_NONE, &node, e);

	if (r < 0)
		return r;
	if (!r)
		self = (struct network_node){ node.row.address, (unsigned)node.row.port };
	r = read_others(a, s, &self, others, &n, e);
	if (!r)
		*ret_state = network_look(&world, self.address, others, n);
	return r;
}

/* --- nodes that were not tested lately --- */
static bool is_stale(const struct rotation_look *l, const struct store_row *row)
{
	if (row->id == l->not_id || row->is_active || (!l->ignore_cooldown && row->cooldown_until > l->now))
		return false;
	return !row->is_tested || row->latest.tested_at < l->fresh_since;
}

static int read_stale(struct store *s, const struct rotation_look *l, int64_t *ids, size_t max, size_t *ret_n, struct err *e)
{
	const struct store_filter f = { .enabled_only = true, .sort = STORE_BY_DELAY };
	struct store_cursor *cursor;
	struct store_row row;
	int r = store_list(s, &f, &cursor, e);

	*ret_n = 0;
	if (r)
		return r;
	while (*ret_n < max && (r = store_next(cursor, &row, e)) > 0)
		if (is_stale(l, &row))
			ids[(*ret_n)++] = row.id;
	store_cursor_close(cursor);
	return r < 0 ? r : 0;
}

struct testing {
	struct work *work;
	struct store *store;
	struct rotation_look *look;
	int64_t run_id;
};

static bool should_stop(void *data)
{
	const struct testing *t = data;

	return work_is_cancelled(t->work);
}

static int on_result(void *data, const struct store_test *test, unsigned done, unsigned total)
{
	struct testing *t = data;
	struct store_test own = *test;

	own.run_id = t->run_id;
	t->look->n_tested++;
	work_report(t->work, done, total, "candidates are tested");
	return store_tests_add(t->store, &own, 1, NULL);
}

static int test(struct work *w, struct arena *a, struct store *s, struct rotation_look *l, struct err *e)
{
	int64_t *ids = arena_array(a, int64_t, TESTED_MAX);
	struct trial_node *nodes = arena_array(a, struct trial_node, TESTED_MAX);
	struct testing t = { w, s, l, 0 };
	const struct trial_options o = { .root_fd = l->root_fd, .root = l->root, .runtime_dir = l->runtime_dir,
					 .abort = should_stop, .result = on_result, .data = &t };
	size_t found, n = 0;
	int r = read_stale(s, l, ids, TESTED_MAX, &found, e);

	for (size_t i = 0; !r && i < found; i++) {
		struct store_node *node = arena_new_of(a, struct store_node);

		r = store_node_get(s, a, ids[i], SPAN_NONE, node, e);
		if (!r)
			nodes[n++] = (struct trial_node){ ids[i], &node->node };
		r = r > 0 ? 0 : r; /* removed since */
	}
	if (r || !n)
		return r;
	r = store_run_begin(s, "rotation", l->now, &t.run_id, e);
	return r ? r : trial_run(a, nodes, n, &o, e);
}

/* --- the whole --- */
static int candidates(struct arena *a, struct store *s, struct rotation_look *l, struct err *e)
{
	const struct store_wanted wanted = { .now_ms = l->now, .fresh_since_ms = l->fresh_since, .not_id = l->not_id,
					     .ignore_cooldown = l->ignore_cooldown, .max = ROTATION_CANDIDATES };
	struct store_candidate *found;
	int64_t one;
	size_t stale = 0;
	int r = store_candidates(s, a, &wanted, &found, &l->n, e);

	for (size_t i = 0; !r && i < l->n; i++)
		l->ids[i] = found[i].id;
	if (!r && !l->may_test)
		r = read_stale(s, l, &one, 1, &stale, e);
	l->has_stale = stale;
	return r;
}

static int look(struct work *w, struct arena *a, struct store *s, struct rotation_look *l, struct err *e)
{
	enum network_state network = NETWORK_UP;
	int r = l->check_network ? rotation_look_at_network(w, a, s, l->not_id, &network, e) : 0;

	if (!r && network != NETWORK_UP) {
		l->how = ROTATION_LOOKED_NETWORK_DOWN;
		snprintf(l->why, sizeof(l->why), "%s", network_state_words[network]);
		return 0;
	}
	if (!r && l->may_test)
		r = test(w, a, s, l, e);
	return r ? r : candidates(a, s, l, e);
}

int rotation_look_run(struct work *w, struct arena *a, void *ctx, struct err *e)
{
	struct rotation_look *l = ctx;
	struct store *store;
	jmp_buf oom, *outer = arena_on_oom(a, NULL);
	int r = rotation_open_store(l->root_fd, l->database, &store, e);

	if (r) {
		arena_on_oom(a, outer);
		return r;
	}
	if (setjmp(oom)) {
		arena_on_oom(a, outer);
		store_close(store);
		return err_sys(e, -ENOMEM, "look for a node");
	}
	arena_on_oom(a, &oom);
	r = look(w, a, store, l, e);
	arena_on_oom(a, outer);
	store_close(store);
	return r;
}
