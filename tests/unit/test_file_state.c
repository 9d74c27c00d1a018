/* link: lib */
/* Directories, links that are switched, trees that are removed, identities of files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"

struct place {
	char path[64];
	int dir;
	struct arena *a;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->path, "/tmp/xrat-test-XXXXXX");
	*state = p;
	if (!mkdtemp(p->path))
		return -1;
	p->dir = dir_open(p->path, NULL);
	p->a = arena_new();
	return p->dir < 0 ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct place *p = *state;

	close(p->dir);
	nftw(p->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	arena_free(p->a);
	free(p);
	return 0;
}

static bool has(const struct place *p, const char *path)
{
	struct stat st;

	return !fstatat(p->dir, path, &st, AT_SYMLINK_NOFOLLOW);
}

static void put(const struct place *p, const char *path, const char *text)
{
	assert_int_equal(file_write_atomic(p->dir, path, str_of(text), 0600, NULL), 0);
}

static void test_dir_make(void **state)
{
	const struct place *p = *state;
	static const mode_t umasks[] = { 0, 022, 0277, 0777 };
	struct err e = { 0 };
	struct stat st;
	char name[8];
	int fd;

	for (size_t i = 0; i < sizeof(umasks) / sizeof(*umasks); i++) {
		mode_t old = umask(umasks[i]);

		snprintf(name, sizeof(name), "d%zu", i);
		fd = dir_make(p->dir, name, 0700, NULL);
		umask(old);
		assert_true(fd >= 0);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
		assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		close(fd);
	}
	fchmodat(p->dir, "d0", 0755, 0);
	fd = dir_make(p->dir, "d0", 0700, NULL);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755); /* what is there keeps its mode */
	close(fd);
	assert_int_equal(symlinkat("d0", p->dir, "link"), 0);
	assert_true(dir_make(p->dir, "link", 0700, &e) < 0);
	assert_string_equal(err_text(&e), "'link' is a symbolic link; it has to be a directory: remove it");
	put(p, "file", "");
	assert_int_equal(dir_make(p->dir, "file", 0700, &e), -ENOTDIR);
	assert_string_equal(err_text(&e), "'file' is not a directory; it has to be a directory: remove it");
	assert_int_equal(dir_make(p->dir, "no/such", 0700, &e), -ENOENT);
	assert_int_equal(dir_open_own(p->dir, "no", &e), -ENOENT);
	err_fini(&e);
}

static void assert_link(const struct place *p, const char *name, const char *want)
{
	char to[64] = "";

	assert_true(readlinkat(p->dir, name, to, sizeof(to) - 1) > 0);
	assert_string_equal(to, want);
}

static void test_link_switch(void **state)
{
	const struct place *p = *state;
	bool switched = false;
	char name[300];

	assert_int_equal(link_switch(p->dir, "one", "link", &switched, NULL), 0);
	assert_true(switched);
	assert_link(p, "link", "one");
	assert_int_equal(symlinkat("left over", p->dir, ".link.new"), 0);
	assert_int_equal(link_switch(p->dir, "two", "link", NULL, NULL), 0);
	assert_link(p, "link", "two");
	assert_false(has(p, ".link.new"));
	put(p, "file", "x");
	assert_int_equal(link_switch(p->dir, "three", "file", &switched, NULL), 0);
	assert_link(p, "file", "three");
	assert_int_equal(mkdirat(p->dir, "dir", 0700), 0);
	assert_true(link_switch(p->dir, "four", "dir", &switched, NULL) < 0);
	assert_false(switched);
	assert_false(has(p, ".dir.new"));
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	assert_int_equal(link_switch(p->dir, "x", name, &switched, NULL), -ENAMETOOLONG);
	assert_int_equal(link_sweep(p->dir, "link", NULL), 0);
	assert_int_equal(symlinkat("left over", p->dir, ".link.new"), 0);
	assert_int_equal(link_sweep(p->dir, "link", NULL), 1);
	assert_false(has(p, ".link.new"));
}

static void test_tree_remove(void **state)
{
	const struct place *p = *state;
	char path[64];

	assert_int_equal(tree_remove(p->dir, "absent", NULL), 0);
	assert_int_equal(mkdirat(p->dir, "keep", 0700), 0);
	put(p, "keep/file", "x");
	assert_int_equal(mkdirat(p->dir, "t", 0700), 0);
	assert_int_equal(mkdirat(p->dir, "t/u", 0700), 0);
	assert_int_equal(mkdirat(p->dir, "t/u/v", 0700), 0);
	assert_int_equal(symlinkat("../../keep", p->dir, "t/u/link"), 0);
	assert_int_equal(mkfifoat(p->dir, "t/fifo", 0600), 0);
	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "t/u/f%d", i);
		close(openat(p->dir, path, O_CREAT | O_WRONLY, 0600));
	}
	assert_int_equal(tree_remove(p->dir, "t", NULL), 0);
	assert_false(has(p, "t"));
	assert_true(has(p, "keep/file"));
	assert_int_equal(symlinkat("keep", p->dir, "link"), 0);
	assert_int_equal(tree_remove(p->dir, "link", NULL), 0);
	assert_true(has(p, "keep/file"));
	assert_int_equal(tree_remove(p->dir, "keep/file", NULL), 0);
	assert_false(has(p, "keep/file"));
}

static void test_tree_deep(void **state)
{
	const struct place *p = *state;
	char path[256] = "d";

	for (int i = 0; i < 50; i++) {
		assert_int_equal(mkdirat(p->dir, path, 0700), 0);
		strcat(path, "/d");
	}
	assert_int_equal(tree_remove(p->dir, "d", NULL), -ELOOP);
	assert_true(has(p, "d"));
}

static void test_identity(void **state)
{
	const struct place *p = *state;
	struct file_id id, now;
	struct str s;

	put(p, "a", "text");
	assert_int_equal(file_read_id(p->a, p->dir, "a", 100, &s, &id, NULL), 0);
	assert_string_equal(s.p, "text");
	assert_int_equal(id.size, 4);
	assert_int_equal(file_identify(p->dir, "a", &now), 0);
	assert_memory_equal(&id, &now, sizeof(id));
	put(p, "a", "next");
	assert_int_equal(file_identify(p->dir, "a", &now), 0);
	assert_true(now.ino != id.ino || now.ctime_ns != id.ctime_ns);
	assert_int_equal(file_identify(p->dir, "absent", &now), -ENOENT);
	assert_int_equal(file_identify(p->dir, "../a", &now), -EXDEV);
	assert_int_equal(mkdirat(p->dir, "dir", 0700), 0);
	assert_int_equal(file_identify(p->dir, "dir", &now), -EISDIR);
	assert_int_equal(mkfifoat(p->dir, "fifo", 0600), 0);
	assert_int_equal(file_identify(p->dir, "fifo", &now), -ENOTSUP);
}

static void test_sync(void **state)
{
	const struct place *p = *state;
	struct err e = { 0 };
	int ends[2], fd;

	assert_int_equal(dir_sync(p->dir, "root", NULL), 0);
	assert_int_equal(dir_sync(-1, "root", &e), -EBADF);
	put(p, "a", "x");
	fd = openat(p->dir, "a", O_RDONLY | O_CLOEXEC);
	assert_int_equal(file_sync(fd, "a", NULL), 0);
	close(fd);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(file_sync(ends[0], "a pipe", &e), -EINVAL);
	assert_string_equal(err_text(&e), "sync 'a pipe': Invalid argument");
	close(ends[0]);
	close(ends[1]);
	err_fini(&e);
}

static void test_create_in(void **state)
{
	const struct place *p = *state;

	assert_int_equal(file_create_in(p->dir, "new", STR("text"), 0600, NULL), 0);
	assert_int_equal(file_create_in(p->dir, "new", STR("text"), 0600, NULL), -EEXIST);
}

static void test_sweep(void **state)
{
	const struct place *p = *state;
	static const char *const others[] = { ".xrat-x-0.tmp", ".xrat-.tmp", ".xrat-5", "a.tmp",
					      ".xrat-99999999999-0.tmp", ".xrat-2147483646-0.tmp~" };
	unsigned n = 0;
	int fd;

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		put(p, others[i], "");
	put(p, ".xrat-2147483646-7.tmp", "");
	put(p, ".xrat-1-0.tmp", ""); /* that process lives, but it is not the one that wrote this */
	put(p, ".xrat-1-1.tmp", "");
	fd = openat(p->dir, ".xrat-1-1.tmp", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0); /* being written */
	assert_int_equal(file_sweep(p->a, p->dir, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_false(has(p, ".xrat-2147483646-7.tmp"));
	assert_false(has(p, ".xrat-1-0.tmp"));
	assert_true(has(p, ".xrat-1-1.tmp"));
	close(fd);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_true(has(p, others[i]));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_dir_make), CASE(test_link_switch), CASE(test_tree_remove), CASE(test_tree_deep),
		CASE(test_identity), CASE(test_sync), CASE(test_create_in), CASE(test_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
