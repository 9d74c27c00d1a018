/* link: daemon service apply fetch store compiler runtime render links validate merge model lib */
/* Memory that runs out in the arena of the daemon's workers: each allocation of session plans, looks, probes, trials and apply
 * requests fails in turn, and the worker has as many descriptors, locks, children and threads as before. What is asked of work.h
 * stands here. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/handover.h"
#include "daemon/rotation_impl.h"
#include "daemon/session_impl.h"
#include "daemon/trial.h"
#include "links/links.h"
#include "tests/unit/jump_arena.h"

/* --- work.h, done at once --- */
struct work {
	struct work_spec spec;
};

int work_start(struct daemon *d, const struct work_spec *spec, struct work **ret_work)
{
	struct work w = { *spec };
	struct arena *a = arena_new();
	struct err e = { 0 };
	jmp_buf oom;
	int r;

	(void)ret_work;
	if (setjmp(oom)) {
		r = err_sys(&e, -ENOMEM, "%s", spec->name);
	} else {
		arena_on_oom(a, &oom);
		r = spec->run(&w, a, spec->ctx, &e);
	}
	arena_on_oom(a, NULL);
	spec->done(d, spec->ctx, r, &e);
	err_fini(&e);
	arena_free(a);
	return 0;
}

void work_cancel(struct work *w)
{
	(void)w;
}

void work_cancel_all(struct daemon *d)
{
	(void)d;
}

bool work_is_cancelled(const struct work *w)
{
	(void)w;
	return false;
}

bool work_abort(void *data)
{
	return work_is_cancelled(data);
}

void work_report(struct work *w, unsigned done, unsigned total, const char *fmt, ...)
{
	(void)w;
	(void)done;
	(void)total;
	(void)fmt;
}

/* --- a root --- */
struct place {
	char root[64], runtime_dir[80];
	int root_fd, runtime_fd;
	struct daemon d;
	struct sessions all;
	int64_t nodes[2];
};
static const char *const links[] = { "socks://127.0.0.1:9#one", "vless://5783a3e7-e373-51cd-8642-c83782b807c5@127.0.0.1:9"
	"?encryption=none&type=ws&path=%2Fa#two" };

static void add_nodes(struct place *p)
{
	struct arena *a = arena_new();
	enum store_row_outcome outcome;
	struct err e = { 0 };
	struct store *s;

	assert_int_equal(store_open(p->root_fd, "xrat.db", NULL, &s, &e), 0);
	for (int i = 0; i < 2; i++) {
		struct diag_sink *sink = diag_sink_new(a, sources_new(a));
		struct node node;

		assert_int_equal(link_parse(a, sink, str_of(links[i]), SPAN_NONE, &node), 0);
		assert_int_equal(store_node_add(s, &node, str_of(links[i]), 1, &p->nodes[i], &outcome, &e), 0);
	}
	store_close(s);
	arena_free(a);
}

/* The fake engine stands beside this program. */
static void write_config(struct place *p)
{
	char exe[512], text[1024];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 32);

	assert_true(n > 0);
	exe[n] = 0;
	strcpy(strrchr(exe, '/') + 1, "fake_engine");
	snprintf(text, sizeof(text), "[paths]\nv2ray = \"%s\"\n[runtime]\nengine = \"v2ray\"\n[runtime.rotation]\n"
		 "probe_url = \"http://127.0.0.1:9/\"\n", exe);
	assert_int_equal(file_write_atomic(p->root_fd, "config.toml", str_of(text), 0600, NULL), 0);
	assert_int_equal(file_write_atomic(p->root_fd, "xp2p-client.toml", str_of("[client]\nallow_direct = true\n"), 0600, NULL), 0);
}

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->root, "/tmp/xrat-test.XXXXXX");
	assert_non_null(mkdtemp(p->root));
	snprintf(p->runtime_dir, sizeof(p->runtime_dir), "%s/runtime", p->root);
	p->root_fd = dir_open(p->root, NULL);
	p->runtime_fd = dir_make(p->root_fd, "runtime", 0700, NULL);
	assert_true(p->root_fd >= 0 && p->runtime_fd >= 0);
	write_config(p);
	add_nodes(p);
	p->all.dir = p->runtime_dir;
	p->d = (struct daemon){ .root = p->root, .root_fd = p->root_fd, .runtime_fd = p->runtime_fd, .sessions = &p->all };
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	close(p->runtime_fd);
	close(p->root_fd);
	tree_remove(AT_FDCWD, p->root, NULL);
	free(p);
	return 0;
}

/* --- the workers --- */
static struct arena *worker_arena(jmp_buf *oom)
{
	struct arena *a = arena_new();

	arena_on_oom(a, oom);
	return a;
}

static struct session_life *new_life(struct place *p)
{
	struct arena *a = arena_new();
	struct diag_sink *sink;
	struct session_life *s;
	bool armed = faults.armed;

	faults.armed = false;
	sink = diag_sink_new(a, sources_new(a));
	s = arena_alloc(a, sizeof(*s));
	*s = (struct session_life){ .a = a, .holders = 1, .row.id = 7, .row.node_id = p->nodes[0], .probe_url = "http://127.0.0.1:9/" };
	assert_int_equal(link_parse(a, sink, str_of(links[1]), SPAN_NONE, &s->node.node), 0);
	faults.armed = armed;
	return s;
}

static int plan(void *place)
{
	struct place *p = place;
	struct session_life *life = new_life(p);
	struct err e = { 0 };
	struct plan plan;
	struct work w;
	jmp_buf oom;
	struct arena *volatile a = NULL;
	volatile int r = -ENOMEM;

	session_plan_begin(&plan, life, &p->d, true);
	if (!setjmp(oom)) {
		a = worker_arena(&oom);
		r = session_plan_run(&w, a, &plan, &e);
	}
	session_plan_end(&plan);
	buf_fini(&plan.out);
	err_fini(&e);
	arena_free(a);
	session_drop(life);
	session_drop(life);
	return r;
}

static int look(void *place)
{
	struct place *p = place;
	char database[] = "xrat.db";
	struct rotation_look l = { .database = database, .root = p->root, .runtime_dir = p->runtime_dir, .root_fd = p->root_fd,
				   .now = clock_wall_ms(), .fresh_since = clock_wall_ms(), .not_id = p->nodes[0], .check_network = true,
				   .may_test = true };
	struct err e = { 0 };
	struct work w;
	jmp_buf oom;
	struct arena *volatile a = NULL;
	volatile int r = -ENOMEM;

	if (!setjmp(oom)) {
		a = worker_arena(&oom);
		r = rotation_look_run(&w, a, &l, &e);
	}
	err_fini(&e);
	arena_free(a);
	return r;
}

static int probe(void *place)
{
	struct place *p = place;
	char database[] = "xrat.db", url[] = "http://127.0.0.1:9/", proxy[] = "socks5h://127.0.0.1:9";
	struct health_probe h = { .url = url, .proxy = proxy, .database = database, .root_fd = p->root_fd, .session_id = 1, .node_id = p->nodes[0] };
	struct err e = { 0 };
	struct work w;
	jmp_buf oom;
	struct arena *volatile a = NULL;
	volatile int r = -ENOMEM;

	if (!setjmp(oom)) {
		a = worker_arena(&oom);
		r = health_probe_run(&w, a, &h, &e);
	}
	err_fini(&e);
	arena_free(a);
	return r || faults.count < faults.fail_at || !faults.fail_at ? r : -ENOMEM; /* it goes on with what it knows */
}

static int on_result(void *data, const struct store_test *test, unsigned done, unsigned total)
{
	(void)data;
	(void)test;
	(void)done;
	(void)total;
	return 0;
}

static int try_nodes(void *place)
{
	struct place *p = place;
	const struct trial_options o = { .root_fd = p->root_fd, .root = p->root, .runtime_dir = p->runtime_dir, .result = on_result,
					 .skip_tcp = true, .delay_ms = 1000 };
	struct session_life *s = new_life(p);
	const struct trial_node node = { p->nodes[1], &s->node.node };
	struct err e = { 0 };
	jmp_buf oom;
	struct arena *volatile a = NULL;
	volatile int r = -ENOMEM;

	if (!setjmp(oom)) {
		a = worker_arena(&oom);
		r = trial_run(a, &node, 1, &o, &e);
	}
	err_fini(&e);
	arena_free(a);
	session_drop(s);
	return r;
}

static int ask(void *place)
{
	struct place *p = place;
	struct ipc_request q;

	ipc_request_init(&q, IPC_SNAKE, IPC_APPLY_REQUEST);
	pipeline_handle_apply(&p->d, &q, (struct ipc_token){ 0 });
	return faults.fail_at && faults.count >= faults.fail_at ? -ENOMEM : 0;
}

static void test_plan(void **state)
{
	each(*state, plan, 300);
}

static void test_look(void **state)
{
	each(*state, look, 16);
}

static void test_probe(void **state)
{
	each(*state, probe, 0);
}

static void test_trial(void **state)
{
	each(*state, try_nodes, 16);
}

static void test_ask(void **state)
{
	each(*state, ask, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plan, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_look, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_probe, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_trial, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ask, set_up, tear_down),
	};

	cmocka_set_test_filter(getenv("TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
