/* test: nodes are measured; every result is stored when it comes and shown at the end. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/measured.h"
#include "daemon/daemon.h"
#include "fetch/fetch.h"

enum { CONCURRENCY_MAX = 256, ATTEMPTS_MAX = 100 };

/* --- which --- */
static void take(struct measured *m, const struct store_node *n)
{
	struct arena *a = m->nb.a;
	struct measured_node *one;

	if (m->n == m->cap)
		m->v = arena_grow(a, m->v, m->n, sizeof(*m->v), &m->cap);
	one = &m->v[m->n++];
	*one = (struct measured_node){ .id = n->row.id, .node = n->node, .protocol = n->row.protocol,
				       .address = n->row.address, .port = n->row.port,
				       .name = n->row.name ? n->row.name : "" };
	memcpy(one->ref, n->row.ref, sizeof(one->ref));
	one->attempts = arena_array(a, struct measured_attempt, m->n_attempts);
}

static int take_named(struct measured *m)
{
	struct err e = { 0 };

	for (unsigned i = 0; i < m->nb.inv->n_operands; i++) {
		struct store_node n;
		int64_t id;
		int r = nodes_find(&m->nb, m->nb.inv->operands[i], &id);

		if (r)
			return r;
		if (store_node_get(m->nb.s, m->nb.a, id, SPAN_NONE, &n, &e))
			return nodes_fail(&m->nb, &e);
		take(m, &n);
	}
	return EXIT_DONE;
}

static int take_listed(struct measured *m)
{
	struct store_filter filter;
	struct store_cursor *c;
	struct store_row row;
	struct err e = { 0 };
	int r = nodes_filter(&m->nb, &filter);

	if (r || !m->nb.s)
		return r;
	filter.which = STORE_PRESENT;
	filter.enabled_only = !m->nb.inv->all;
	filter.sort = STORE_BY_ID;
	filter.with_node = true;
	if (store_list(m->nb.s, &filter, &c, &e))
		return nodes_fail(&m->nb, &e);
	while ((r = store_next(c, &row, &e)) > 0) {
		struct store_node n = { .row = row };

		r = store_cursor_node(c, m->nb.a, SPAN_NONE, &n.node, NULL, &e);
		if (r)
			break;
		n.row.protocol = arena_strdup(m->nb.a, row.protocol);
		n.row.address = arena_strdup(m->nb.a, row.address);
		n.row.name = row.name ? arena_strdup(m->nb.a, row.name) : NULL;
		take(m, &n);
	}
	store_cursor_close(c);
	return r < 0 ? nodes_fail(&m->nb, &e) : EXIT_DONE;
}

/* --- results --- */
struct run {
	struct measured *m;
	struct progress progress;
	int signal_fd;
	int64_t run_id;
	unsigned stored, total, good;
	bool store_failed;
	struct err store_error;
};

static bool was_stopped(void *data)
{
	const struct run *run = data;

	return poll(&(struct pollfd){ .fd = run->signal_fd, .events = POLLIN }, 1, 0) > 0;
}

static int compare_ids(const void *key, const void *element)
{
	int64_t id = *(const int64_t *)key, other = ((const struct measured_node *)element)->id;

	return id < other ? -1 : id > other;
}

static int on_result(void *data, const struct store_test *test, unsigned done, unsigned total)
{
	struct run *run = data;
	struct measured *m = run->m;
	struct measured_node *n = bsearch(&test->node_id, m->v, m->n, sizeof(*m->v), compare_ids);
	struct store_test own = *test;
	int r;

	own.run_id = run->run_id;
	r = store_tests_add(m->nb.s, &own, 1, &run->store_error);
	if (r < 0) {
		run->store_failed = true;
		return r;
	}
	run->stored++;
	run->total = total;
	run->good += test->real_delay == STORE_OK || (!test->real_delay && test->tcp == STORE_OK);
	if (n)
		measured_add(m, n, test);
	nodes_progress_show(&run->progress, done == total, "testing: %u of %u, %u passed", done, total, run->good);
	return 0;
}

/* --- the run --- */
/* SIGINT and the like end the test and not the program, which has an engine to stop. */
static int hold_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return sigprocmask(SIG_BLOCK, &set, NULL) ? -1 : signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int finish(struct run *run, int r, struct err *e)
{
	const struct measured *m = run->m;
	int code;

	nodes_progress_end(&run->progress);
	if (run->store_failed) {
		err_fini(e);
		return nodes_fail(&m->nb, &run->store_error);
	}
	if (r == -ECANCELED) {
		err_fini(e);
		return out_fail(m->nb.a, m->nb.inv, EXIT_INTERRUPTED, NULL, "stopped; %u results are stored", run->stored);
	}
	if (!r)
		return measured_show(run->m, run->run_id);
	code = r == -EINVAL ? EXIT_CONFIG : EXIT_SYSTEM;
	code = out_fail(m->nb.a, m->nb.inv, (enum exit_code)code, NULL, "%s", err_text(e));
	err_fini(e);
	return code;
}

static int run_trial(struct run *run, struct err *e)
{
	struct measured *m = run->m;
	const struct invocation *inv = m->nb.inv;
	struct trial_node *nodes = arena_array(m->nb.a, struct trial_node, m->n + 1);
	const struct trial_options o = {
		.root_fd = m->nb.root_fd, .root = m->nb.root, .runtime_dir = arena_printf(m->nb.a, "%s/runtime", m->nb.root),
		.target = inv->target, .url = inv->url, .tcp_ms = (unsigned)inv->timeout_ms, .delay_ms = (unsigned)inv->timeout_ms,
		.concurrency = (unsigned)inv->concurrency, .attempts = m->n_attempts, .skip_tcp = inv->skip_tcp,
		.skip_delay = inv->skip_delay, .abort = was_stopped, .result = on_result, .data = run,
	};
	int r;

	for (size_t i = 0; i < m->n; i++)
		nodes[i] = (struct trial_node){ m->v[i].id, &m->v[i].node };
	r = store_run_begin(m->nb.s, "test", clock_wall_ms(), &run->run_id, &run->store_error);
	if (r < 0) {
		run->store_failed = true;
		return r;
	}
	return trial_run(m->nb.a, nodes, m->n, &o, e);
}

/* By id, each once. */
static void sort(struct measured *m)
{
	size_t n = 0;

	qsort(m->v, m->n, sizeof(*m->v), measured_compare);
	for (size_t i = 0; i < m->n; i++)
		if (!n || m->v[n - 1].id != m->v[i].id)
			m->v[n++] = m->v[i];
	m->n = n;
}

static int measure(struct measured *m)
{
	struct run run = { .m = m, .progress = nodes_progress(m->nb.inv), .signal_fd = hold_signals() };
	struct err e = { 0 };
	int r;

	if (run.signal_fd < 0)
		return out_fail(m->nb.a, m->nb.inv, EXIT_SYSTEM, NULL, "hold signals: %s", strerror(errno));
	sort(m);
	r = finish(&run, run_trial(&run, &e), &e);
	close(run.signal_fd);
	return r;
}

static int check_options(struct arena *a, const struct invocation *inv)
{
	if (inv->skip_tcp && inv->skip_delay)
		return out_fail(a, inv, EXIT_USAGE, NULL, "--skip-tcp and --skip-delay together leave nothing to test");
	if (inv->concurrency > CONCURRENCY_MAX)
		return out_fail(a, inv, EXIT_USAGE, NULL, "--concurrency cannot be %d, %d is allowed", inv->concurrency, CONCURRENCY_MAX);
	if (inv->attempts > ATTEMPTS_MAX)
		return out_fail(a, inv, EXIT_USAGE, NULL, "--attempts cannot be %d, %d is allowed", inv->attempts, ATTEMPTS_MAX);
	if (inv->url && !str_starts_nocase(str_of(inv->url), "http://") && !str_starts_nocase(str_of(inv->url), "https://"))
		return out_fail(a, inv, EXIT_USAGE, NULL, "--url takes an http or https URL");
	return EXIT_DONE;
}

int cmd_test(struct arena *a, const struct invocation *inv)
{
	struct measured m = { .n_attempts = inv->attempts ? (unsigned)inv->attempts : 1 };
	int r = check_options(a, inv);

	if (r)
		return r;
	r = nodes_look(a, inv, &m.nb);
	if (!r)
		r = inv->n_operands ? take_named(&m) : take_listed(&m);
	if (!r && !m.n)
		r = measured_show(&m, 0);
	else if (!r && fetch_init())
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "libcurl cannot work here");
	else if (!r)
		r = measure(&m);
	nodes_close(&m.nb);
	return r;
}
