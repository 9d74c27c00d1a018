/* link: apply compiler links render validate merge model lib */
/* What kills and power cuts leave, made by hand here; tests/fault kills the real program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/file.h>

#include "tests/unit/publish_case.h"

static void begin(struct state_case *c, uint64_t generation, const char *action, bool is_new)
{
	const struct audit line = { .phase = "begin", .action = action, .role = ROLE_CLIENT, .is_new = is_new,
				    .generation = generation, .old_digest = "aa", .new_digest = "bb",
				    .request_id = "id-9" };

	assert_int_equal(audit_write(&c->s, &line, NULL), 0);
}

static void make_generation(struct state_case *c, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), GENERATIONS "/%s", name);
	assert_int_equal(mkdirat(c->dir, path, 0700), 0);
	fd = openat(c->dir, path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(file_create(fd, "xray.json", STR("half"), 0600, NULL), 0);
	close(fd);
}

static void test_recover_leftovers(void **state)
{
	struct state_case *c = *state;
	char mine[64];
	int writer;

	put(c, "1");
	make_generation(c, ".new-0002");
	make_generation(c, ".new-0017");
	assert_int_equal(symlinkat("x", c->s.live_fd, ".config-client.new"), 0);
	assert_int_equal(symlinkat("x", c->s.lkg_fd, ".config-client.new"), 0);
	assert_int_equal(symlinkat("x", c->s.live_fd, ".config-server.new"), 0);
	snprintf(mine, sizeof(mine), ".xrat-%ld-0.tmp", (long)getpid());
	assert_int_equal(file_create(c->s.state_fd, mine, STR("x"), 0600, NULL), 0);
	writer = openat(c->s.state_fd, mine, O_RDONLY);
	assert_int_equal(flock(writer, LOCK_EX), 0); /* being written */
	assert_int_equal(file_create(c->s.state_fd, ".xrat-2147483646-0.tmp", STR("x"), 0600, NULL), 0);
	assert_int_equal(file_create(c->s.state_fd, ".xrat-notes.tmp", STR("x"), 0600, NULL), 0);
	assert_int_equal(recover(c), 5);
	assert_int_equal(recover(c), 0);
	assert_false(state_case_has(c, GENERATIONS "/.new-0002") || state_case_has(c, GENERATIONS "/.new-0017"));
	assert_false(state_case_has(c, ".state/.xrat-2147483646-0.tmp"));
	assert_true(state_case_has(c, ".state/.xrat-notes.tmp"));
	assert_int_equal(unlinkat(c->s.state_fd, mine, 0), 0);
	close(writer);
	assert_true(state_case_has(c, ".state/live/.config-server.new")); /* another role's publisher may be at it */
	assert_live(c, 1, "1");
}

/* Killed between begin and rename, and between rename and switch. */
static void test_recover_aborted(void **state)
{
	struct state_case *c = *state;

	put(c, "1");
	begin(c, 2, "publish", true);
	make_generation(c, ".new-0002");
	assert_int_equal(recover(c), 2);
	assert_kept(c, "1");
	begin(c, 2, "publish", true);
	make_generation(c, "0002");
	assert_int_equal(recover(c), 1);
	assert_kept(c, "1");
	assert_live(c, 1, "1");
	assert_int_equal(state_case_count(state_case_text(c, "audit.log"), "\"result\":\"aborted\""), 2);
	assert_int_equal(recover(c), 0);
	assert_int_equal(put(c, "2"), 2);
}

static void test_recover_switched(void **state)
{
	struct state_case *c = *state;
	const char *log;

	put(c, "1");
	begin(c, 2, "publish", true);
	make_generation(c, "0002");
	assert_int_equal(link_switch(c->s.live_fd, "../generations/client/0002", "config-client", NULL, NULL), 0);
	assert_int_equal(recover(c), 1);
	assert_live(c, 2, "half");
	log = state_case_text(c, "audit.log");
	assert_int_equal(state_case_count(log, "\"result\":\"recovered\""), 1);
	assert_int_equal(state_case_count(log, "\"request_id\":\"id-9\""), 2);
	assert_int_equal(recover(c), 0);
}

/* A rollback that did not come to its switch: its generation was there before and stays. */
static void test_recover_rollback(void **state)
{
	struct state_case *c = *state;

	put(c, "1");
	put(c, "2");
	begin(c, 1, "rollback", false);
	assert_int_equal(recover(c), 1);
	assert_kept(c, "1 2");
	assert_live(c, 2, "2");
}

/* A begin line behind which the power was cut, in the middle of the end line, and of a line of the other role. */
static void test_recover_torn(void **state)
{
	struct state_case *c = *state;
	int fd;

	put(c, "1");
	begin(c, 2, "publish", true);
	make_generation(c, "0002");
	fd = openat(c->dir, "audit.log", O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "{\"time\":\"2026", 13), 13);
	close(fd);
	assert_int_equal(recover(c), 1);
	assert_kept(c, "1");
	assert_non_null(strstr(state_case_text(c, "audit.log"), "{\"time\":\"2026\n{\"time\":\""));
	assert_int_equal(recover(c), 0);
}

/* The begin line was rotated away by lines of the other role. */
static void test_recover_rotated(void **state)
{
	struct state_case *c = *state;

	put(c, "1");
	begin(c, 2, "publish", true);
	make_generation(c, "0002");
	assert_int_equal(renameat(c->dir, "audit.log", c->dir, "audit.log.1"), 0);
	assert_int_equal(recover(c), 1);
	assert_kept(c, "1");
	assert_int_equal(recover(c), 0);
}

/* The newest line counts: an older open begin is history. */
static void test_recover_only_newest(void **state)
{
	struct state_case *c = *state;

	put(c, "1");
	begin(c, 1, "publish", true);
	put(c, "2");
	assert_int_equal(recover(c), 0);
	assert_kept(c, "1 2");
}

static void test_dangling(void **state)
{
	struct state_case *c = *state;

	put(c, "1");
	assert_int_equal(tree_remove(c->s.generations_fd[ROLE_CLIENT], "0001", NULL), 0);
	assert_int_equal(recover(c), 0);
	assert_int_equal(leads_to(c, LINK_LIVE), 1);
	assert_non_null(strstr(state_case_text(c, "audit.log"), "live leads to nothing"));
	assert_int_equal(put(c, "2"), 2);
	assert_live(c, 2, "2");
}

static void test_foreign_link(void **state)
{
	struct state_case *c = *state;
	static const char *const others[] = { "/etc", "../generations/client/1", "../generations/server/0001",
					       "../generations/client/0001/", "../generations/client/-001",
					       "../generations/client/0000", "../generations/client/" };
	uint64_t n;

	put(c, "1");
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		assert_int_equal(link_switch(c->s.live_fd, others[i], "config-client", NULL, NULL), 0);
		assert_int_equal(generation_of_link(&c->s, ROLE_CLIENT, LINK_LIVE, &n), -EINVAL);
	}
	begin(c, 1, "publish", true);
	recover(c);
	assert_kept(c, "1"); /* it may be what the foreign link leads to in its own way */
	assert_int_equal(put(c, "2"), 2);
	assert_live(c, 2, "2");
}

static void test_damaged_meta(void **state)
{
	struct state_case *c = *state;
	static const char *const texts[] = { "", "{", "[]", "{\"generation\":2,\"role\":\"client\"}",
					     "{\"generation\":1,\"role\":\"server\",\"rendered_digest\":\"a\"}" };
	struct meta m;

	put(c, "1");
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(file_write_atomic(c->dir, GENERATIONS "/0001/meta.json", str_of(texts[i]), 0600, NULL), 0);
		assert_int_equal(generation_meta(c->a, &c->s, ROLE_CLIENT, 1, &m, NULL), -EINVAL);
	}
	put(c, "2");
	assert_live(c, 2, "2");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, state_case_setup, state_case_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_recover_leftovers), CASE(test_recover_aborted), CASE(test_recover_switched),
		CASE(test_recover_rollback), CASE(test_recover_torn), CASE(test_recover_rotated),
		CASE(test_recover_only_newest), CASE(test_dangling), CASE(test_foreign_link),
		CASE(test_damaged_meta),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
