/* link: daemon service apply runtime compiler fetch store merge validate render links model lib */
/* Log files of sessions: which names are ours, what is pruned beside another root's, and a file that outgrew its limit. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/session_impl.h"
#include "runtime/engine_log.h"

static void names(void **state)
{
	static const struct {
		const char *name, *mark;
		int64_t id;
	} rows[] = {
		{ "session-12.out.log", NULL, 12 },
		{ "session-12.err.log.1", NULL, 12 },
		{ "session-12.err.log.1.new", NULL, 12 },
		{ "session-12-proof.out.log", NULL, 12 },
		{ "session-12-3f9a1c07.access.log", "3f9a1c07", 12 },
		{ "session-12-3f9a1c07.error.log.1", "3f9a1c07", 12 },
		{ "session-12.json", NULL, 0 },
		{ "session-12.out.login", NULL, 0 },
		{ "session-12.out.log.2", NULL, 0 },
		{ "session-12.out.log.1.newer", NULL, 0 },
		{ "session-12.notes.log", NULL, 0 },
		{ "session-12x.out.log", NULL, 0 },
		{ "session-12.access.log", NULL, 0 },
		{ "session-.out.log", NULL, 0 },
		{ "session--1.out.log", NULL, 0 },
		{ "sessions-12.out.log", NULL, 0 },
		{ "session-12-3f9a1c07.out.log", NULL, 0 },
		{ "session-12-00000000.access.log", "3f9a1c07", 0 },
		{ "session-12-3f9a1c07x.access.log", "3f9a1c07", 0 },
		{ "session-12.access.log", "3f9a1c07", 0 },
		{ "session-12-3f9a1c07.out.log", "3f9a1c07", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (session_logs_id(rows[i].name, rows[i].mark) != rows[i].id)
			fail_msg("%s", rows[i].name);
}

static void touch(int dir, const char *name, off_t size)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

static bool there(int dir, const char *name)
{
	return !faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW);
}

struct place {
	char path[64], file[96];
	int fd;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->path, "/tmp/xrat-logs-XXXXXX");
	if (!mkdtemp(p->path))
		return -1;
	p->fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(p->file, sizeof(p->file), "%s/a.log", p->path);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	close(p->fd);
	tree_remove(AT_FDCWD, p->path, NULL);
	free(p);
	return 0;
}

static void prunes_its_own_alone(void **state)
{
	static const char *const kept[] = { "session-3-bbbbbbbb.access.log", "session-3.access.log", "session-3-aaaaaaaa.access.log.bak",
					    "session-5-aaaaaaaa.access.log", "session-4-aaaaaaaa.error.log", "daemon.log" };
	static const char *const gone[] = { "session-3-aaaaaaaa.access.log", "session-3-aaaaaaaa.error.log.1" };
	struct place *p = *state;

	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		touch(p->fd, kept[i], 1);
	for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
		touch(p->fd, gone[i], 1);
	session_logs_prune(p->fd, "aaaaaaaa", 5, 4);
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		assert_true(there(p->fd, kept[i]));
	for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
		assert_false(there(p->fd, gone[i]));
	session_logs_remove_opened(p->path, "aaaaaaaa", 5);
	assert_false(there(p->fd, "session-5-aaaaaaaa.access.log"));
	assert_true(there(p->fd, "session-3-bbbbbbbb.access.log"));
}

static void marks_differ_by_root(void **state)
{
	char one[SESSION_MARK_TEXT], other[SESSION_MARK_TEXT];

	(void)state;
	session_log_mark("/etc/xrat", one);
	session_log_mark("/srv/xrat", other);
	assert_int_equal(strlen(one), SESSION_MARK_TEXT - 1);
	assert_string_not_equal(one, other);
	session_log_mark("/etc/xrat", other);
	assert_string_equal(one, other);
}

static void caps_a_file(void **state)
{
	struct place *p = *state;
	struct stat st;
	int fd = openat(p->fd, "a.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "0123456789", 10), 10);
	engine_log_cap_file(p->file, 10);
	assert_false(there(p->fd, "a.log.1"));
	engine_log_cap_file(p->file, 4);
	assert_int_equal(fstatat(p->fd, "a.log.1", &st, 0), 0);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(write(fd, "ab", 2), 2);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 2);
	close(fd);
	engine_log_cap_file("/nonexistent/a.log", 1);
}

static void leaves_links_alone(void **state)
{
	struct place *p = *state;
	struct stat st;

	touch(p->fd, "precious", 100);
	assert_int_equal(symlinkat("precious", p->fd, "a.log"), 0);
	engine_log_cap_file(p->file, 4);
	assert_int_equal(fstatat(p->fd, "precious", &st, 0), 0);
	assert_int_equal(st.st_size, 100);
	assert_false(there(p->fd, "a.log.1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(marks_differ_by_root),
		cmocka_unit_test_setup_teardown(prunes_its_own_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(caps_a_file, setup, teardown),
		cmocka_unit_test_setup_teardown(leaves_links_alone, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
