/* link: store model lib */
/* Where a database may stand, who may read it, several changes as one, two at a time. */
#include "store_case.h"

#include <sys/wait.h>

static unsigned mode_of(struct store_case *c, const char *name)
{
	struct stat st;

	return fstatat(c->dir, name, &st, AT_SYMLINK_NOFOLLOW) ? 0 : st.st_mode & 07777;
}

static int open_path(struct store_case *c, const char *path, unsigned flags)
{
	return store_open(c->dir, path, &(struct store_options){ .flags = flags }, &c->s, &c->e);
}

static void put_file(struct store_case *c, const char *name, const char *text, mode_t mode)
{
	assert_int_equal(file_create(c->dir, name, str_of(text), mode, NULL), 0);
}

static void modes_whatever_the_umask_is(void **state)
{
	struct store_case *c = *state;
	static const mode_t masks[] = { 0, 022, 077, 0277 };

	for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++) {
		mode_t before = umask(masks[i]);
		int r = open_path(c, "deep/xrat.db", 0);

		umask(before);
		assert_int_equal(r, 0);
		assert_int_equal(mode_of(c, "deep"), 0700);
		assert_int_equal(mode_of(c, "deep/xrat.db"), 0600);
		case_add(c, 1);
		assert_int_equal(mode_of(c, "deep/xrat.db-wal"), 0600);
		assert_int_equal(mode_of(c, "deep/xrat.db-shm"), 0600);
		assert_string_equal(store_path(c->s), "deep/xrat.db");
		case_close(c);
		assert_int_equal(mode_of(c, "deep/xrat.db-wal"), 0);
		assert_int_equal(tree_remove(c->dir, "deep", NULL), 0);
	}
	/* One that everybody could read is so no more. */
	assert_int_equal(case_open(c), 0);
	case_close(c);
	assert_int_equal(fchmodat(c->dir, "xrat.db", 0644, 0), 0);
	assert_int_equal(case_open(c), 0);
	assert_int_equal(mode_of(c, "xrat.db"), 0600);
}

static void no_link_is_followed(void **state)
{
	struct store_case *c = *state;
	static const char *const links[] = { "xrat.db", "xrat.db-wal", "xrat.db-shm", "xrat.db-journal" };
	char absolute[128];

	put_file(c, "victim", "", 0644);
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		assert_int_equal(symlinkat("victim", c->dir, links[i]), 0);
		assert_int_equal(case_open(c), -ELOOP);
		assert_non_null(strstr(err_text(&c->e), "symbolic link"));
		assert_int_equal(unlinkat(c->dir, links[i], 0), 0);
		assert_int_equal(symlinkat("nowhere", c->dir, links[i]), 0);
		assert_int_equal(case_open(c), -ELOOP);
		assert_int_equal(unlinkat(c->dir, links[i], 0), 0);
	}
	assert_int_equal(mode_of(c, "victim"), 0644);
	assert_int_equal(mkdirat(c->dir, "real", 0700), 0);
	assert_int_equal(symlinkat("real", c->dir, "link"), 0);
	assert_true(open_path(c, "link/xrat.db", 0) < 0);
	snprintf(absolute, sizeof(absolute), "%s/link/xrat.db", c->path);
	assert_true(open_path(c, absolute, 0) < 0);
	assert_int_equal(mode_of(c, "real/xrat.db"), 0);
	snprintf(absolute, sizeof(absolute), "%s/real/xrat.db", c->path);
	assert_int_equal(open_path(c, absolute, 0), 0);
}

static void other_things_in_its_place(void **state)
{
	struct store_case *c = *state;

	assert_int_equal(mkdirat(c->dir, "xrat.db", 0700), 0);
	assert_int_equal(case_open(c), -ENOTSUP);
	assert_int_equal(unlinkat(c->dir, "xrat.db", AT_REMOVEDIR), 0);
	assert_int_equal(mkfifoat(c->dir, "xrat.db", 0600), 0);
	assert_int_equal(case_open(c), -ENOTSUP);
	assert_int_equal(open_path(c, "", 0), -EISDIR);
	assert_int_equal(open_path(c, "a/", 0), -EISDIR);
	assert_int_equal(open_path(c, "..", 0), -EISDIR);
	assert_int_equal(open_path(c, "a/b/xrat.db", 0), -ENOENT); /* one level is made */
	assert_int_equal(mkdirat(c->dir, "open", 0700), 0);
	assert_int_equal(fchmodat(c->dir, "open", 0777, 0), 0);
	assert_int_equal(open_path(c, "open/xrat.db", 0), -EPERM);
	put_file(c, "lost.db", "", 0600);
	put_file(c, "lost.db-wal", "what a killed process left", 0600);
	assert_int_equal(open_path(c, "lost.db", 0), -EUCLEAN);
	assert_int_equal(mode_of(c, "lost.db-wal"), 0600);
}

static void odd_names_work(void **state)
{
	struct store_case *c = *state;
	static const char *const names[] = { "a b.db", "50%.db", "q?x=1.db", "#1.db", ":memory:", "file:x.db", "'.db", "é.db" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_int_equal(open_path(c, names[i], 0), 0);
		case_add(c, 1);
		case_close(c);
		assert_int_equal(mode_of(c, names[i]), 0600);
		assert_int_equal(open_path(c, names[i], STORE_NO_CREATE | STORE_CHECK), 0);
		assert_int_equal(case_count(c, &(struct store_filter){ 0 }), 1);
		case_close(c);
	}
}

static void looking_creates_nothing(void **state)
{
	struct store_case *c = *state;

	assert_int_equal(open_path(c, "xrat.db", STORE_NO_CREATE), STORE_MISSING);
	assert_int_equal(open_path(c, "dir/xrat.db", STORE_NO_CREATE), STORE_MISSING);
	assert_null(c->e.text);
	assert_int_equal(mode_of(c, "xrat.db"), 0);
	assert_int_equal(mode_of(c, "dir"), 0);
}

/* --- batches ------------------------------------------------------------------------------------------------------ */

static void a_batch_is_all_or_nothing(void **state)
{
	struct store_case *c = *state;
	struct store_session in = { .node_id = 99 }; /* no such node: a fault of a part */
	const char *value;
	int64_t id;

	assert_int_equal(store_begin(c->s, true, &c->e), 0);
	assert_int_equal(store_begin(c->s, true, &c->e), -EINVAL);
	case_add(c, 1);
	assert_int_equal(store_session_add(c->s, &in, NOW, &id, &c->e), -EINVAL);
	case_add(c, 2); /* the part alone was undone */
	store_rollback(c->s);
	assert_int_equal(case_count(c, &(struct store_filter){ 0 }), 0);
	assert_int_equal(store_commit(c->s, &c->e), -EINVAL);
	assert_int_equal(store_begin(c->s, false, &c->e), 0);
	case_add(c, 1);
	assert_int_equal(store_session_add(c->s, &in, NOW, &id, &c->e), -EINVAL);
	assert_int_equal(store_node_enable(c->s, 77, true, NOW, &c->e), STORE_MISSING);
	assert_int_equal(store_setting_put(c->s, "a", "b", &c->e), 0);
	assert_int_equal(store_commit(c->s, &c->e), 0);
	assert_int_equal(case_count(c, &(struct store_filter){ 0 }), 1);
	assert_int_equal(store_setting_get(c->s, c->a, "a", &value, &c->e), 0);
	assert_int_equal(store_begin(c->s, true, &c->e), 0);
	case_add(c, 5);
	case_close(c); /* rolls back */
	assert_int_equal(case_open(c), 0);
	assert_int_equal(case_count(c, &(struct store_filter){ 0 }), 1);
}

static void two_at_a_time(void **state)
{
	struct store_case *c = *state;
	struct store *other;
	struct store_cursor *cursor;
	struct store_row row;
	struct err e = { 0 };

	assert_int_equal(store_open(c->dir, "xrat.db", &(struct store_options){ .busy_ms = 20 }, &other, &e), 0);
	case_add(c, 1);
	assert_int_equal(store_list(other, &(struct store_filter){ 0 }, &cursor, &e), 0);
	assert_int_equal(store_next(cursor, &row, &e), 1);
	assert_int_equal(store_begin(c->s, false, &c->e), 0); /* a reader is in nobody's way */
	case_add(c, 2);
	assert_int_equal(store_node_enable(other, 1, false, NOW, &e), -EBUSY);
	assert_non_null(strstr(err_text(&e), "another process is using it"));
	assert_int_equal(store_commit(c->s, &c->e), 0);
	store_cursor_close(cursor);
	assert_int_equal(store_node_enable(other, 1, false, NOW, &e), 0);
	store_close(other);
	assert_int_equal(case_count(c, &(struct store_filter){ .enabled_only = true }), 1);
	err_fini(&e);
}

/* A list that is being read does not stand in the way of changes, and shows no row twice. */
static void changes_while_listing(void **state)
{
	struct store_case *c = *state;
	struct store_cursor *cursor;
	struct store_row row;
	int64_t last = 0;
	unsigned n = 0;

	for (unsigned i = 1; i <= 50; i++)
		case_add(c, i);
	assert_int_equal(store_list(c->s, &(struct store_filter){ 0 }, &cursor, &c->e), 0);
	while (store_next(cursor, &row, &c->e) > 0) {
		assert_true(row.id > last);
		last = row.id;
		n++;
		assert_int_equal(store_node_enable(c->s, row.id, false, NOW, &c->e), 0);
	}
	assert_int_equal(n, 50);
	assert_int_equal(case_count(c, &(struct store_filter){ .enabled_only = true }), 0);
}

/* Eight processes find no database and make it. */
static void born_once(void **state)
{
	struct store_case *c = *state;
	enum { PROCESSES = 8 };
	pid_t pids[PROCESSES];
	int status;

	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		_exit(case_open(c) ? 1 : (case_add(c, (unsigned)i), case_close(c), 0));
	}
	for (int i = 0; i < PROCESSES; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(open_path(c, "xrat.db", STORE_CHECK), 0);
	assert_int_equal(case_count(c, &(struct store_filter){ 0 }), PROCESSES);
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

static void a_jump_leaves_nothing_open(void **state)
{
	struct store_case *c = *state;
	struct arena *a = arena_new();
	struct store_cursor *cursor;
	struct store_row row;
	jmp_buf out;

	for (unsigned i = 1; i <= 3; i++)
		case_add(c, i);
	if (!setjmp(out)) {
		arena_on_oom(a, &out);
		assert_int_equal(store_list(c->s, &(struct store_filter){ 0 }, &cursor, &c->e), 0);
		assert_int_equal(store_next(cursor, &row, &c->e), 1);
		arena_fail(a);
	}
	assert_int_equal(store_node_remove(c->s, 1, NOW, &c->e), 0);
	assert_int_equal(case_count(c, &(struct store_filter){ 0 }), 2);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_BARE(modes_whatever_the_umask_is), RUN_BARE(no_link_is_followed), RUN_BARE(other_things_in_its_place),
		RUN_BARE(odd_names_work), RUN_BARE(looking_creates_nothing), RUN(a_batch_is_all_or_nothing), RUN(two_at_a_time),
		RUN(changes_while_listing), RUN_BARE(born_once), RUN(a_jump_leaves_nothing_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
