/* link: lib */
/* Locks between processes, clocks, random names. Waits are on pipes, never on time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/lock.h"

struct place {
	char path[64];
	int dir;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->path, "/tmp/xrat-test-XXXXXX");
	*state = p;
	if (!mkdtemp(p->path))
		return -1;
	p->dir = dir_open(p->path, NULL);
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
	free(p);
	return 0;
}

static void test_take(void **state)
{
	const struct place *p = *state;
	struct lock l = LOCK_NONE, other = LOCK_NONE;
	struct stat st;
	int holder = -1;
	bool held = true;
	mode_t old = umask(0);

	assert_int_equal(lock_holder(p->dir, "a.lock", &held, NULL), 0);
	assert_false(held);
	assert_int_equal(lock_take(p->dir, "a.lock", 0, &l, &holder, NULL), 0);
	umask(old);
	assert_int_equal(fstatat(p->dir, "a.lock", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fcntl(l.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(lock_holder(p->dir, "a.lock", &held, NULL), getpid());
	assert_true(held);
	assert_int_equal(lock_take(p->dir, "a.lock", 30, &other, &holder, NULL), 1);
	assert_int_equal(holder, getpid());
	assert_int_equal(other.fd, -1);
	lock_drop(&l);
	lock_drop(&l);
	assert_int_equal(lock_holder(p->dir, "a.lock", &held, NULL), 0);
	assert_false(held);
	assert_int_equal(lock_take(p->dir, "a.lock", 0, &other, NULL, NULL), 0);
	lock_drop(&other);
}

static void test_refused(void **state)
{
	const struct place *p = *state;
	struct lock l = LOCK_NONE;
	struct err e = { 0 };
	bool held;

	assert_int_equal(symlinkat("there", p->dir, "link"), 0);
	assert_int_equal(lock_take(p->dir, "link", 0, &l, NULL, &e), -ELOOP);
	assert_string_equal(err_text(&e), "lock 'link': it is a symbolic link; remove it");
	assert_int_equal(lock_holder(p->dir, "link", &held, &e), -ELOOP);
	assert_int_equal(mkfifoat(p->dir, "fifo", 0600), 0);
	assert_int_equal(lock_take(p->dir, "fifo", 0, &l, NULL, &e), -ENOTSUP);
	assert_int_equal(mkdirat(p->dir, "dir", 0700), 0);
	assert_int_equal(lock_take(p->dir, "dir", 0, &l, NULL, &e), -EISDIR);
	assert_int_equal(l.fd, -1);
	assert_int_equal(faccessat(p->dir, "there", F_OK, 0), -1);
	err_fini(&e);
}

/* A child that holds the lock until it is killed. */
static pid_t holder_start(const struct place *p, int *ret_pipe)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		struct lock l;

		if (lock_take(p->dir, "a.lock", 0, &l, NULL, NULL))
			_exit(1);
		write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[1]);
	*ret_pipe = ready[0];
	return pid;
}

static void test_killed_holder(void **state)
{
	const struct place *p = *state;
	struct lock l;
	int holder = 0, fd;
	bool held;
	pid_t pid = holder_start(p, &fd);

	assert_int_equal(lock_take(p->dir, "a.lock", 0, &l, &holder, NULL), 1);
	assert_int_equal(holder, pid);
	assert_int_equal(lock_holder(p->dir, "a.lock", &held, NULL), pid);
	assert_true(held);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fd);
	/* Its pid still stands in the file, but nobody is in the way. */
	assert_int_equal(lock_holder(p->dir, "a.lock", &held, NULL), 0);
	assert_false(held);
	assert_int_equal(lock_take(p->dir, "a.lock", 0, &l, &holder, NULL), 0);
	lock_drop(&l);
}

static void test_waits(void **state)
{
	const struct place *p = *state;
	struct lock l;
	int fd, gone;
	pid_t holder = holder_start(p, &fd), killer;
	int64_t begin = clock_mono_ms();

	assert_int_equal(lock_take(p->dir, "a.lock", 60, &l, NULL, NULL), 1);
	assert_true(clock_mono_ms() - begin >= 60);
	killer = fork();
	if (!killer) {
		kill(holder, SIGKILL);
		_exit(0);
	}
	assert_int_equal(lock_take(p->dir, "a.lock", 10000, &l, NULL, NULL), 0);
	waitpid(killer, &gone, 0);
	waitpid(holder, &gone, 0);
	lock_drop(&l);
	close(fd);
}

/* Whoever has locked a file that is not there any more has locked nothing. */
static void test_unlinked(void **state)
{
	const struct place *p = *state;
	struct lock l, second;
	int fd;
	pid_t pid = holder_start(p, &fd);

	assert_int_equal(unlinkat(p->dir, "a.lock", 0), 0);
	assert_int_equal(lock_take(p->dir, "a.lock", 0, &l, NULL, NULL), 0);
	assert_int_equal(lock_is_current(l.fd, p->dir, "a.lock"), 1);
	assert_int_equal(lock_take(p->dir, "a.lock", 0, &second, NULL, NULL), 1);
	assert_int_equal(unlinkat(p->dir, "a.lock", 0), 0);
	assert_int_equal(lock_is_current(l.fd, p->dir, "a.lock"), 0);
	lock_drop(&l);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fd);
}

enum { THREADS = 4, ROUNDS = 60 };
struct race {
	const struct place *p;
	int inside, worst, taken, asked;
};

static void *race_thread(void *arg)
{
	struct race *r = arg;

	for (int i = 0; i < ROUNDS; i++) {
		struct lock l;
		int now;

		if (lock_take(r->p->dir, "race.lock", 60000, &l, NULL, NULL))
			continue;
		now = __atomic_add_fetch(&r->inside, 1, __ATOMIC_SEQ_CST);
		if (now > 1)
			__atomic_store_n(&r->worst, now, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&r->taken, 1, __ATOMIC_SEQ_CST);
		__atomic_sub_fetch(&r->inside, 1, __ATOMIC_SEQ_CST);
		/* The waiters find that what they get is not current. */
		if (i % 7 == 0)
			unlinkat(r->p->dir, "race.lock", 0);
		lock_drop(&l);
	}
	return NULL;
}

/* Asking never makes a taker fail. */
static void *asking_thread(void *arg)
{
	struct race *r = arg;
	bool held;

	while (!__atomic_load_n(&r->asked, __ATOMIC_SEQ_CST))
		lock_holder(r->p->dir, "asked.lock", &held, NULL);
	return NULL;
}

static void test_race(void **state)
{
	struct race r = { .p = *state };
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, race_thread, &r);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(r.taken, THREADS * ROUNDS);
	assert_int_equal(r.worst, 0);
}

static void test_asked(void **state)
{
	struct race r = { .p = *state };
	pthread_t t;
	int failed = 0;

	pthread_create(&t, NULL, asking_thread, &r);
	for (int i = 0; i < 300; i++) {
		struct lock l = LOCK_NONE;

		failed += lock_take(r.p->dir, "asked.lock", 1000, &l, NULL, NULL) != 0;
		lock_drop(&l);
	}
	__atomic_store_n(&r.asked, 1, __ATOMIC_SEQ_CST);
	pthread_join(t, NULL);
	assert_int_equal(failed, 0);
}

static void test_clock(void **state)
{
	char text[CLOCK_TEXT];
	int64_t a = clock_mono_ms(), b = clock_mono_ms();

	(void)state;
	assert_true(a > 0 && b >= a);
	clock_text(text);
	assert_int_equal(strlen(text), CLOCK_TEXT - 1);
	for (size_t i = 0; text[i]; i++)
		if (!strchr("0123456789", text[i]))
			assert_int_equal(text[i], "0000-00-00T00:00:00.000Z"[i]);
	assert_true(text[0] == '2');
}

static void test_uuid(void **state)
{
	char a[UUID_TEXT], b[UUID_TEXT];

	(void)state;
	assert_int_equal(uuid_make(a), 0);
	assert_int_equal(uuid_make(b), 0);
	assert_int_equal(strlen(a), UUID_TEXT - 1);
	assert_int_equal(a[14], '4');
	assert_non_null(strchr("89ab", a[19]));
	assert_true(a[8] == '-' && a[13] == '-' && a[18] == '-' && a[23] == '-');
	assert_int_equal(strspn(a, "0123456789abcdef-"), UUID_TEXT - 1);
	assert_string_not_equal(a, b);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_take), CASE(test_refused), CASE(test_killed_holder), CASE(test_waits), CASE(test_unlinked),
		CASE(test_race), CASE(test_asked), cmocka_unit_test(test_clock), cmocka_unit_test(test_uuid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
