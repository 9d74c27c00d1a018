/* link: runtime model lib */
/* Identity of processes, logs and last words, the environment of engines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/engine_log.h"
#include "runtime/notify.h"
#include "runtime/process.h"
#include "runtime/runtime.h"
#include "runtime/spawn.h"
#include "runtime/words.h"

/* `sleep 600` with /dev/null for its files; the leader of a session. */
static int start_sleep(int *ret_pidfd)
{
	char sleep_path[] = "/bin/sleep", seconds[] = "600", mark[] = "MARK=1";
	char *argv[] = { sleep_path, seconds, NULL }, *env[] = { mark, NULL };
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC), pid;
	struct spawn s = { .argv = argv, .env = env, .out_fd = null_fd, .err_fd = null_fd };

	assert_int_equal(spawn_start(&s, &pid, ret_pidfd), 0);
	close(null_fd);
	return pid;
}

static void end_sleep(int pid, int pidfd)
{
	process_signal(pidfd, SIGKILL);
	close(pidfd);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_identity(void **state)
{
	struct process_id id, again, other;
	int pidfd, pid = start_sleep(&pidfd), fd;

	(void)state;
	assert_int_equal(process_identify(pid, &id), 0);
	assert_int_equal(process_identify(pid, &again), 0);
	assert_memory_equal(&id, &again, sizeof(id));
	assert_int_equal(strlen(id.boot_id), BOOT_ID_TEXT - 1);
	assert_true(id.start_ticks && id.exe_ino);
	fd = process_open(&id, NULL);
	assert_true(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	close(fd);
	/* Its arguments appear a moment after posix_spawn has returned. */
	for (int i = 0; i < 500 && (fd = process_open(&id, "600")) == -ESRCH; i++)
		usleep(10000);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(process_open(&id, "60"), -ESRCH);
	other = id;
	other.start_ticks++;
	assert_int_equal(process_open(&other, NULL), -ESRCH);
	other = id;
	other.exe_ino++;
	assert_int_equal(process_open(&other, NULL), -ESRCH);
	other.exe_ino = other.exe_dev = 0; /* it could not be read then */
	fd = process_open(&other, NULL);
	assert_true(fd >= 0);
	close(fd);
	other = id;
	other.boot_id[3] = 'x';
	assert_int_equal(process_open(&other, NULL), -ESRCH);
	for (int i = 0; i < 500 && process_state(&id) != 'S'; i++)
		usleep(10000);
	assert_int_equal(process_state(&id), 'S');
	other = id;
	other.start_ticks++;
	assert_int_equal(process_state(&other), 0);
	process_signal(pidfd, SIGKILL);
	while (!process_ended(pidfd))
		;
	assert_int_equal(process_identify(pid, &again), -ESRCH); /* a zombie */
	assert_int_equal(process_identify_child(pid, &again), 0);
	assert_int_equal(process_open(&id, NULL), -ESRCH);
	close(pidfd);
	waitpid(pid, NULL, 0);
	assert_int_equal(process_identify(pid, &again), -ESRCH);
	assert_int_equal(process_identify(0, &again), -ESRCH);
	assert_int_equal(process_identify(-5, &again), -ESRCH);
}

/* 100 pids that came round, with another start or another boot: none of the processes is touched. */
static void test_recycled(void **state)
{
	struct process_id id;
	int pidfd, pid = start_sleep(&pidfd), opened = 0;

	(void)state;
	assert_int_equal(process_identify(pid, &id), 0);
	for (int i = 1; i <= 100; i++) {
		struct process_id old = id;
		int fd;

		old.start_ticks -= (uint64_t)i;
		fd = process_open(&old, NULL);
		if (fd >= 0) {
			opened++;
			process_signal(fd, SIGKILL);
			close(fd);
		}
	}
	assert_int_equal(opened, 0);
	assert_false(process_ended(pidfd));
	end_sleep(pid, pidfd);
}

static void test_session(void **state)
{
	struct process_id id, other;
	int pidfd, pid = start_sleep(&pidfd), *rest = NULL;
	size_t n = 9;

	(void)state;
	assert_int_equal(process_identify(pid, &id), 0);
	assert_int_equal(process_session(&id, NULL, &rest, &n), 0);
	assert_int_equal(n, 0); /* the leader itself is not counted */
	process_session_free(rest, n);
	/* It stands for an engine that left the session: a child of ours with the mark. */
	other = id;
	other.pid = getpid();
	process_identify(getpid(), &other);
	n = 0;
	for (int i = 0; i < 500 && !n; i++) { /* its environment appears a moment later, too */
		assert_int_equal(process_session(&other, "MARK=1", &rest, &n), 0);
		process_session_free(rest, n);
		usleep(n ? 0 : 10000);
	}
	assert_int_equal(n, 1);
	assert_int_equal(process_session(&other, "MARK=2", &rest, &n), 0);
	assert_int_equal(n, 0);
	process_session_free(rest, n);
	/* Somebody else has the leader's pid. */
	other.start_ticks++;
	assert_int_equal(process_session(&other, "MARK=1", &rest, &n), 0);
	assert_int_equal(n, 0);
	process_session_free(rest, n);
	end_sleep(pid, pidfd);
}

static void test_words(void **state)
{
	static const struct {
		const char *text, *expect;
	} cases[] = {
		{ "", "" },
		{ "\n\n", "" },
		{ "one\n", "one" },
		{ "one\ntwo\nthree\n", "two three" },
		{ "a\tb\x1b[1m\x7f\r\n", "a b?[1m?" },
		{ "bad \xff\xc3 utf", "bad ?? utf" },
		{ "c1 \xc2\x9b ok \xc3\xa4", "c1 ?? ok \xc3\xa4" },
		{ "0123456789012345678901234567890123456789", "" },
		{ "password-cut-in-two, a b c and so on to the end", "a b c and so on to the end" },
		{ "{\"id\":\"c4a4a4ee-0000-4000-8000\",\"port\":443}", "\",\"port\":443}" },
		{ "x\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 \xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4z",
		  "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4z" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str s = words_last(str_of(cases[i].text), 2, 30);
		char out[64] = "";

		if (s.len)
			memcpy(out, s.p, s.len);
		words_clean(out, s.len);
		assert_string_equal(out, cases[i].expect);
	}
}

static char *scratch_dir(char path[32])
{
	strcpy(path, "/tmp/xrat-unit.XXXXXX");
	assert_non_null(mkdtemp(path));
	return path;
}

static void test_log(void **state)
{
	char root[32], dir[64], path[128], words[ENGINE_WORDS_BYTES + 1];
	struct engine_log l;
	struct stat st;
	struct err e = { 0 };

	(void)state;
	snprintf(dir, sizeof(dir), "%s/logs", scratch_dir(root));
	assert_int_equal(engine_log_open(dir, "client", 1000, &l, &e), 0);
	assert_int_equal(write(l.fd[ENGINE_LOG_ERR], "old words\n", 10), 10);
	engine_log_close(&l);
	assert_int_equal(engine_log_open(dir, "client", 1000, &l, &e), 0);
	assert_int_equal(engine_log_words(&l, words), 0); /* those were of an earlier start */
	assert_int_equal(write(l.fd[ENGINE_LOG_OUT], "out\n", 4), 4);
	engine_log_words(&l, words);
	assert_string_equal(words, "out");
	for (int i = 0; i < 200; i++)
		assert_int_equal(write(l.fd[ENGINE_LOG_ERR], "0123456789\n", 11), 11);
	engine_log_cap(&l);
	snprintf(path, sizeof(path), "%s/engine-client.err.log.1", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 1000);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fstat(l.fd[ENGINE_LOG_ERR], &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(write(l.fd[ENGINE_LOG_ERR], "last\n", 5), 5);
	engine_log_words(&l, words);
	assert_string_equal(words, "last");
	engine_log_close(&l);
	assert_int_equal(engine_log_open(dir, "session-12", 0, &l, &e), 0);
	assert_string_equal(l.name[ENGINE_LOG_OUT], "session-12.out.log");
	assert_int_equal(l.max_bytes, ENGINE_LOG_MAX_BYTES);
	engine_log_close(&l);
	tree_remove(AT_FDCWD, root, NULL);
}

static void test_log_refused(void **state)
{
	char root[32], dir[64], path[128];
	struct engine_log l;
	struct err e = { 0 };

	(void)state;
	snprintf(dir, sizeof(dir), "%s/logs", scratch_dir(root));
	assert_int_equal(engine_log_open(dir, "a/b", 0, &l, &e), -EINVAL);
	assert_int_equal(engine_log_open(dir, "", 0, &l, &e), -EINVAL);
	assert_int_equal(mkdir(dir, 0700), 0);
	snprintf(path, sizeof(path), "%s/engine-x.err.log", dir);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(engine_log_open(dir, "x", 0, &l, &e), -ELOOP);
	assert_int_equal(l.dir_fd, -1);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(engine_log_open(dir, "x", 0, &l, &e), -ENOTSUP);
	err_fini(&e);
	tree_remove(AT_FDCWD, root, NULL);
}

static bool env_has(char **env, const char *entry)
{
	for (; *env; env++)
		if (str_is(str_of(*env), entry))
			return true;
	return false;
}

static void test_environment(void **state)
{
	char root[32], path[64];
	const char *text = "{\"a\":\"env:XT_ADDR\",\"port\":\"env:XT_PORT,80\",\"b\":\"env:xt.dotted\",\"c\":\"env:XT_LONGER\"}";
	const char *extra[2] = { "XRAT_ENGINE=x", NULL };
	char **env;

	(void)state;
	snprintf(path, sizeof(path), "%s/x.json", scratch_dir(root));
	assert_int_equal(file_create(AT_FDCWD, path, str_of(text), 0600, NULL), 0);
	setenv("XT_ADDR", "1", 1);
	setenv("XT_PORT", "2", 1);
	setenv("XT_DOTTED", "3", 1);
	setenv("XT_LONG", "4", 1);
	setenv("XT_SECRET", "change-me", 1);
	setenv("LC_TIME", "C", 1);
	setenv("XRAY_LOCATION_ASSET", "/a", 1);
	setenv("XRAY_LOCATION_CONFDIR", "/b", 1);
	env = spawn_env(path, extra);
	assert_true(env_has(env, "XT_ADDR=1") && env_has(env, "XT_PORT=2") && env_has(env, "XT_DOTTED=3"));
	assert_true(env_has(env, "LC_TIME=C") && env_has(env, "XRAY_LOCATION_ASSET=/a") && env_has(env, "XRAT_ENGINE=x"));
	assert_false(env_has(env, "XT_SECRET=change-me") || env_has(env, "XRAY_LOCATION_CONFDIR=/b") || env_has(env, "XT_LONG=4"));
	free(env);
	env = spawn_env(NULL, NULL);
	assert_false(env_has(env, "XT_ADDR=1") || env_has(env, "XRAT_ENGINE=x"));
	free(env);
	tree_remove(AT_FDCWD, root, NULL);
}

static void test_notify(void **state)
{
	char root[32], *path, long_dir[200];
	struct notify_message m;
	int fd = notify_open(scratch_dir(root), "client", &path), to;
	struct sockaddr_un {
		sa_family_t family;
		char path[108];
	} at = { .family = AF_UNIX };

	(void)state;
	assert_true(fd >= 0);
	snprintf(at.path, sizeof(at.path), "%s", path);
	to = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(notify_receive(fd, getpid(), &m), 1);
	sendto(to, "RELOADING=1\nMONOTONIC_USEC=77\nX=1", 33, 0, (struct sockaddr *)&at, sizeof(at));
	assert_int_equal(notify_receive(fd, getpid(), &m), 0);
	assert_true(m.reloading && !m.ready && m.monotonic_usec == 77 && !m.error);
	sendto(to, "READY=1\nERRNO=22\nSTATUS=no \x1b key", 32, 0, (struct sockaddr *)&at, sizeof(at));
	assert_int_equal(notify_receive(fd, getpid(), &m), 0);
	assert_true(m.ready && !m.reloading && m.error == 22);
	assert_string_equal(m.status, "no ? key");
	sendto(to, "READY=1", 7, 0, (struct sockaddr *)&at, sizeof(at));
	assert_int_equal(notify_receive(fd, getpid() + 1, &m), 1); /* of a stranger */
	memset(long_dir, 'x', sizeof(long_dir) - 1);
	long_dir[sizeof(long_dir) - 1] = 0;
	free(path);
	close(fd);
	close(to);
	assert_int_equal(notify_open(long_dir, "client", &path), -ENAMETOOLONG);
	tree_remove(AT_FDCWD, root, NULL);
}

static char *write_program(const char *root, const char *text)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/engine", root);
	unlink(path);
	assert_int_equal(file_create(AT_FDCWD, path, str_of(text), 0700, NULL), 0);
	return path;
}

/* The checker's verdict and words; a grandchild that keeps its output open delays nothing and does not outlive it. */
static void test_check(void **state)
{
	char root[32], *words;
	struct arena *a = arena_new();
	struct err e = { 0 };
	const struct target *t = target_default();

	(void)state;
	scratch_dir(root);
	assert_int_equal(engine_run_check(a, t, write_program(root, "#!/bin/sh\necho fine\n"), "x.json", NULL, &words, &e), 0);
	assert_string_equal(words, "fine");
	assert_int_equal(engine_run_check(a, t, write_program(root, "#!/bin/sh\necho \"no: $*\" >&2\nexit 23\n"), "x.json",
					  NULL, &words, &e), 1);
	assert_string_equal(words, "no: run -test -c x.json");
	assert_int_equal(engine_run_check(a, t, write_program(root, "#!/bin/sh\nsleep 600 &\necho $!\n"), "x.json", NULL, &words, &e), 0);
	struct process_id id;
	for (int i = 0; i < 500 && !process_identify(atoi(words), &id); i++)
		usleep(10000);
	assert_int_equal(process_identify(atoi(words), &id), -ESRCH);
	assert_int_equal(engine_run_check(a, t, "/nowhere/engine", "x.json", NULL, &words, &e), -ENOENT);
	err_fini(&e);
	arena_free(a);
	tree_remove(AT_FDCWD, root, NULL);
}

static bool at_third(void *data)
{
	unsigned *asked = data;

	return ++*asked == 3;
}

/* One that hangs is ended with what it has started, as soon as nobody wants to know any more. */
static void test_check_aborted(void **state)
{
	char root[32], *words;
	struct arena *a = arena_new();
	struct err e = { 0 };
	unsigned asked = 0;
	const struct engine_abort abort = { at_third, &asked };
	const char *exe;
	int64_t begin = clock_mono_ms();

	(void)state;
	scratch_dir(root);
	exe = write_program(root, "#!/bin/sh\nsleep 600 &\nwait\n");
	assert_int_equal(engine_run_check(a, target_default(), exe, "x.json", &abort, &words, &e), -ECANCELED);
	asked = 0;
	assert_null(engine_version(a, ENGINE_XRAY, exe, &abort));
	assert_in_range(clock_mono_ms() - begin, 0, 4000);
	err_fini(&e);
	arena_free(a);
	tree_remove(AT_FDCWD, root, NULL);
}

/* Other words may stand before it; what hangs or fails says nothing. */
static void test_version(void **state)
{
	static const struct {
		const char *script, *version;
	} cases[] = {
		{ "#!/bin/sh\n[ \"$*\" = -version ] && echo 'Xray 26.7.28 (Xray) x'", "26.7.28" },
		{ "#!/bin/sh\necho a warning; echo; echo 'xray v1.2'; exit 1", "v1.2" },
		{ "#!/bin/sh\necho Xray", NULL }, { "#!/bin/sh\necho 'V2Ray 4.34.0'", NULL }, { "#!/bin/sh\nexit 0", NULL },
		{ "#!/bin/sh\nkill -9 $$", NULL }, { "no program", NULL },
	};
	struct arena *a = arena_new();
	char root[32];

	(void)state;
	scratch_dir(root);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *got = engine_version(a, ENGINE_XRAY, write_program(root, cases[i].script), NULL);

		assert_string_equal(got ? got : "none", cases[i].version ? cases[i].version : "none");
	}
	assert_null(engine_version(a, ENGINE_XRAY, "/nowhere/xray", NULL));
	arena_free(a);
	tree_remove(AT_FDCWD, root, NULL);
}

static void test_find(void **state)
{
	char root[32], path[PATH_MAX];
	struct arena *a = arena_new();
	const struct target *t = target_default(), *builtin = target_find(STR("builtin"));
	const char *program = write_program(scratch_dir(root), "#!/bin/sh\n");

	(void)state;
	assert_string_equal(engine_find(a, t, program), program);
	assert_null(engine_find(a, t, root)); /* a directory */
	assert_null(engine_find(a, t, "/nowhere/engine"));
	snprintf(path, sizeof(path), "%s", getenv("PATH"));
	setenv("PATH", root, 1);
	assert_null(engine_find(a, t, NULL));
	assert_string_equal(engine_find(a, t, "engine"), program);
	assert_string_equal(engine_again(a, t, program), program);
	assert_null(engine_again(a, t, "/nowhere/engine"));
	setenv("PATH", path, 1);
	assert_null(engine_find(a, builtin, NULL)); /* not beside the test programs */
	assert_string_equal(engine_find(a, builtin, program), program);
	arena_free(a);
	tree_remove(AT_FDCWD, root, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity), cmocka_unit_test(test_recycled), cmocka_unit_test(test_session),
		cmocka_unit_test(test_words), cmocka_unit_test(test_log),
		cmocka_unit_test(test_log_refused), cmocka_unit_test(test_environment), cmocka_unit_test(test_notify),
		cmocka_unit_test(test_check), cmocka_unit_test(test_check_aborted), cmocka_unit_test(test_find), cmocka_unit_test(test_version),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
