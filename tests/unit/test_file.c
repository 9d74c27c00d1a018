/* link: lib */
/* Reading beneath a root and atomic writing, in a temporary directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <signal.h>
#include <unistd.h>

#include "lib/file.h"

struct place {
	char path[64];
	int dir;
	struct arena *arena;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->path, "/tmp/xrat-test-XXXXXX");
	if (!mkdtemp(p->path))
		return -1;
	p->dir = dir_open(p->path, NULL);
	p->arena = arena_new();
	*state = p;
	return p->dir < 0 ? -1 : mkdirat(p->dir, "sub", 0700);
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
	arena_free(p->arena);
	free(p);
	return 0;
}

static void put(const struct place *p, const char *name, const char *text)
{
	assert_int_equal(file_write_atomic(p->dir, name, str_of(text), 0644, NULL), 0);
}

static int get(const struct place *p, const char *name, struct str *ret)
{
	return file_read(p->arena, p->dir, name, 1000, ret, NULL);
}

static void assert_holds(const struct place *p, const char *name, const char *want)
{
	struct str s;

	assert_int_equal(get(p, name, &s), 0);
	assert_int_equal(s.len, strlen(want));
	assert_string_equal(s.p, want);
}

static void test_read(void **state)
{
	const struct place *p = *state;
	char big[2001], path[128];
	struct str s;

	put(p, "a", "text");
	assert_holds(p, "a", "text");
	put(p, "sub/empty", "");
	assert_holds(p, "sub/empty", "");
	assert_holds(p, "sub/../a", "text");
	memset(big, 'x', 2000);
	big[2000] = 0;
	put(p, "big", big);
	assert_int_equal(get(p, "big", &s), -EFBIG);
	assert_int_equal(file_read(p->arena, p->dir, "big", 2000, &s, NULL), 0);
	snprintf(path, sizeof(path), "%s/a", p->path);
	assert_int_equal(file_read(p->arena, AT_FDCWD, path, 4, &s, NULL), 0);
	assert_int_equal(file_read(p->arena, AT_FDCWD, "/proc/self/status", 100000, &s, NULL), 0);
	assert_true(s.len > 500);
}

static void test_read_refuses(void **state)
{
	const struct place *p = *state;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct err e = { 0 };
	struct str s;

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/sock", p->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(mkfifoat(p->dir, "fifo", 0600), 0);
	assert_int_equal(file_read(p->arena, p->dir, "none", 10, &s, &e), -ENOENT);
	assert_string_equal(err_text(&e), "read 'none': No such file or directory");
	assert_int_equal(get(p, "sub", &s), -EISDIR);
	assert_int_equal(get(p, "fifo", &s), -ENOTSUP);
	assert_int_equal(get(p, "sock", &s), -ENOTSUP);
	assert_int_equal(file_read(p->arena, AT_FDCWD, "/dev/null", 10, &s, NULL), -ENOTSUP);
	put(p, "secret", "x");
	assert_int_equal(fchmodat(p->dir, "secret", 0, 0), 0);
	if (geteuid() != 0)
		assert_int_equal(get(p, "secret", &s), -EACCES);
	close(fd);
	err_fini(&e);
}

static void test_read_stays_beneath(void **state)
{
	const struct place *p = *state;
	struct str s;

	put(p, "a", "text");
	assert_int_equal(symlinkat("../a", p->dir, "sub/inside"), 0);
	assert_int_equal(symlinkat("/etc/passwd", p->dir, "absolute"), 0);
	assert_int_equal(symlinkat("../../etc/passwd", p->dir, "sub/out"), 0);
	assert_int_equal(symlinkat("loop", p->dir, "loop"), 0);
	assert_holds(p, "sub/inside", "text");
	assert_int_equal(get(p, "absolute", &s), -EXDEV);
	assert_int_equal(get(p, "sub/out", &s), -EXDEV);
	assert_int_equal(get(p, "../x", &s), -EXDEV);
	assert_int_equal(get(p, "/etc/passwd", &s), -EXDEV);
	assert_int_equal(get(p, "loop", &s), -ELOOP);
}

static void test_walk(void **state)
{
	const struct place *p = *state;
	int fd;

	put(p, "sub/b", "text");
	assert_int_equal(symlinkat("b", p->dir, "sub/link"), 0);
	assert_int_equal(symlinkat("sub", p->dir, "dirlink"), 0);
	fd = file_open_walk(p->dir, "sub//./b");
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(file_open_walk(p->dir, "sub/link"), -ELOOP);
	assert_int_equal(file_open_walk(p->dir, "dirlink/b"), -ENOTDIR);
	assert_int_equal(file_open_walk(p->dir, "sub/../sub/b"), -EXDEV);
	assert_int_equal(file_open_walk(p->dir, "/etc/passwd"), -EXDEV);
	assert_int_equal(file_open_walk(p->dir, "sub/none"), -ENOENT);
	assert_int_equal(file_open_walk(p->dir, ""), -ENOENT);
}

static unsigned count_names(const struct place *p, const char *sub)
{
	int fd = openat(p->dir, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char **names;
	size_t n;

	assert_int_equal(dir_list(p->arena, fd, &names, &n, NULL), 0);
	close(fd);
	return (unsigned)n;
}

static void test_write_replaces(void **state)
{
	const struct place *p = *state;
	mode_t old = umask(0077);
	struct stat st;

	put(p, "sub/a", "one");
	assert_int_equal(file_write_atomic(p->dir, "sub/a", STR("two"), 0664, NULL), 0);
	assert_holds(p, "sub/a", "two");
	fstatat(p->dir, "sub/a", &st, 0);
	assert_int_equal(st.st_mode & 07777, 0664);
	assert_int_equal(symlinkat("a", p->dir, "sub/link"), 0);
	put(p, "sub/link", "three");
	assert_holds(p, "sub/a", "two");
	fstatat(p->dir, "sub/link", &st, AT_SYMLINK_NOFOLLOW);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(count_names(p, "sub"), 2);
	umask(old);
}

static void test_write_fails_cleanly(void **state)
{
	const struct place *p = *state;
	struct rlimit old, small = { 100, 100 };
	struct err e = { 0 };
	char big[1001];

	memset(big, 'x', 1000);
	big[1000] = 0;
	put(p, "sub/a", "one");
	assert_int_equal(mkdirat(p->dir, "sub/dir", 0700), 0);
	assert_int_equal(file_write_atomic(p->dir, "none/a", STR("x"), 0600, &e), -ENOENT);
	assert_true(str_starts(str_of(err_text(&e)), "write 'none/a': "));
	assert_int_equal(file_write_atomic(p->dir, "sub/dir", STR("x"), 0600, NULL), -EISDIR);
	assert_int_equal(file_write_atomic(p->dir, "sub/", STR("x"), 0600, NULL), -EISDIR);
	getrlimit(RLIMIT_FSIZE, &old);
	small.rlim_max = old.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(file_write_atomic(p->dir, "sub/a", str_of(big), 0600, NULL), -EFBIG);
	assert_int_equal(file_create(p->dir, "sub/new", str_of(big), 0600, NULL), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_holds(p, "sub/a", "one");
	assert_int_equal(count_names(p, "sub"), 2);
	err_fini(&e);
}

/* Left by a process that died: not ours to touch, not in our way. */
static void test_foreign_temp(void **state)
{
	const struct place *p = *state;
	char temp[64];

	snprintf(temp, sizeof(temp), "sub/.xrat-%ld-0.tmp", (long)getpid());
	assert_int_equal(file_create(p->dir, temp, STR("foreign"), 0600, NULL), 0);
	put(p, "sub/a", "mine");
	assert_holds(p, "sub/a", "mine");
	assert_holds(p, temp, "foreign");
}

static void test_create(void **state)
{
	const struct place *p = *state;
	struct stat st;

	assert_int_equal(file_create(p->dir, "new", STR("x"), 0640, NULL), 0);
	assert_int_equal(file_create(p->dir, "new", STR("y"), 0640, NULL), -EEXIST);
	assert_int_equal(symlinkat("target", p->dir, "dangling"), 0);
	assert_int_equal(file_create(p->dir, "dangling", STR("y"), 0640, NULL), -EEXIST);
	assert_holds(p, "new", "x");
	fstatat(p->dir, "new", &st, 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void test_list(void **state)
{
	const struct place *p = *state;
	struct err e = { 0 };
	const char **names;
	size_t n;

	put(p, "b", "");
	put(p, ".a", "");
	put(p, "B", "");
	assert_int_equal(dir_list(p->arena, p->dir, &names, &n, NULL), 0);
	assert_int_equal(n, 4);
	assert_string_equal(names[0], ".a");
	assert_string_equal(names[1], "B");
	assert_string_equal(names[2], "b");
	assert_string_equal(names[3], "sub");
	assert_int_equal(dir_open("/nowhere", &e), -ENOENT);
	assert_string_equal(err_text(&e), "open directory '/nowhere': No such file or directory");
	err_fini(&e);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_read),         TEST(test_read_refuses),   TEST(test_read_stays_beneath),
		TEST(test_walk),         TEST(test_write_replaces), TEST(test_write_fails_cleanly),
		TEST(test_foreign_temp), TEST(test_create),         TEST(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
