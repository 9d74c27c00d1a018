/* link: engine route model lib */
/* What a confined process cannot do any more. Each case runs in a child: there is no way back. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/confine.h"

enum { NOT_CONFINED = 77 };

/* The child's exit code: 0 when `act` returned 0. */
static int in_child(int (*act)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct err e = { 0 };

		if (confine_user(NULL, &e) || confine_calls(&e))
			_exit(NOT_CONFINED);
		_exit(act());
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void allows(int (*act)(void))
{
	int code = in_child(act);

	if (code == NOT_CONFINED)
		skip();
	assert_int_equal(code, 0);
}

static int is_refused(long r)
{
	return r == -1 && errno == EPERM ? 0 : 1;
}

static int start_program(void)
{
	char *const argv[] = { (char[]){ "true" }, NULL };

	return is_refused(execv("/bin/true", argv));
}

static int trace(void)
{
	return is_refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int make_process(void)
{
	return is_refused(fork());
}

static void *nothing(void *arg)
{
	return arg;
}

static int make_thread(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, nothing, NULL) ? 0 : 1;
}

static int other_families(void)
{
	return is_refused(socket(AF_PACKET, SOCK_RAW, 0)) || is_refused(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int change_owner(void)
{
	return is_refused(chown("/", 0, 0)) || is_refused(setuid(0)) || is_refused(kill(getpid(), 0));
}

static int what_it_needs(void)
{
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), local = socket(AF_UNIX, SOCK_DGRAM, 0);
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char *memory = malloc(8 << 20);

	if (tcp < 0 || local < 0 || file < 0 || !memory)
		return 1;
	memory[4 << 20] = 1;
	free(memory);
	return close(tcp) || close(local) || close(file);
}

static void test_refused(void **state)
{
	(void)state;
	allows(start_program);
	allows(trace);
	allows(make_process);
	allows(make_thread);
	allows(other_families);
	allows(change_owner);
}

static void test_needed(void **state)
{
	(void)state;
	allows(what_it_needs);
}

static void *wait_and_try(void *arg)
{
	int *pipe_fds = arg;
	char byte;

	if (read(pipe_fds[0], &byte, 1) != 1)
		return arg;
	return start_program() ? arg : NULL;
}

/* Threads that were there before are confined too. */
static void test_other_threads(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (!pid) {
		struct err e = { 0 };
		int fds[2];
		pthread_t t;
		void *result = fds;

		if (pipe(fds) || pthread_create(&t, NULL, wait_and_try, fds) || confine_user(NULL, &e) || confine_calls(&e))
			_exit(NOT_CONFINED);
		_exit(write(fds[1], "x", 1) == 1 && !pthread_join(t, &result) && !result ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == NOT_CONFINED)
		skip();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_no_such_user(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(confine_user("no-such-user-here", &e), -ENOENT);
	assert_string_equal(err_text(&e), "there is no user 'no-such-user-here'");
	err_fini(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_needed),
		cmocka_unit_test(test_other_threads),
		cmocka_unit_test(test_no_such_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
