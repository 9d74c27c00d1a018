/* link: runtime model lib */
/* Whose a socket is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/process.h"
#include "runtime/runtime.h"
#include "runtime/spawn.h"

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

static int listen_at(int family, unsigned *ret_port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)*ret_port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)*ret_port) };
	struct sockaddr *to = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	socklen_t len = family == AF_INET ? sizeof(v4) : sizeof(v6);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, to, len) || listen(fd, 1) || getsockname(fd, to, &len)) {
		close(fd);
		return -1;
	}
	*ret_port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
	return fd;
}

static void test_owner(void **state)
{
	struct process_id self, child;
	unsigned port = 0, port6 = 0;
	int pidfd, pid, fd = listen_at(AF_INET, &port), fd6 = listen_at(AF_INET6, &port6);
	char text[200];

	(void)state;
	assert_true(fd >= 0);
	pid = start_sleep(&pidfd);
	assert_int_equal(process_identify(getpid(), &self), 0);
	assert_int_equal(process_identify(pid, &child), 0);
	assert_int_equal(process_owns(&self, "127.0.0.1", port), OWNER_OURS);
	assert_int_equal(process_owns(&child, "127.0.0.1", port), OWNER_OTHER);
	assert_int_equal(process_owns(&child, "127.0.0.2", port), OWNER_NONE);
	assert_int_equal(process_owns(&(struct process_id){ 0 }, "127.0.0.1", port), OWNER_OTHER);
	process_holder("127.0.0.1", port, text, sizeof(text));
	assert_memory_equal(text, "pid ", 4);
	assert_int_equal(atoi(text + 4), getpid());
	process_listens(&self, text, sizeof(text));
	assert_non_null(strstr(text, "127.0.0.1:"));
	if (fd6 >= 0) { /* :: also answers for IPv4 */
		assert_int_equal(process_owns(&self, "::1", port6), OWNER_OURS);
		assert_int_equal(process_owns(&self, "127.0.0.1", port6), OWNER_OURS);
		close(fd6);
	}
	close(fd);
	assert_int_equal(process_owns(&self, "127.0.0.1", port), OWNER_NONE);
	process_holder("127.0.0.1", port, text, sizeof(text));
	assert_string_equal(text, "");
	end_sleep(pid, pidfd);
}

/* Where many listen, those of the one asked about are found among them. */
static void test_listens_among_many(void **state)
{
	enum { MANY = 100 };
	struct process_id child;
	int fds[MANY], ends[2], pid;
	unsigned port = 0;
	char text[200], expect[40];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		port = 0;
		fds[i] = listen_at(AF_INET, &port);
		assert_true(fds[i] >= 0);
	}
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		for (int i = 0; i < MANY; i++)
			close(fds[i]);
		port = 0;
		if (listen_at(AF_INET, &port) < 0 || setsid() < 0 || write(ends[1], &port, sizeof(port)) != sizeof(port))
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ends[0], &port, sizeof(port)), sizeof(port));
	assert_int_equal(process_identify(pid, &child), 0);
	process_listens(&child, text, sizeof(text));
	snprintf(expect, sizeof(expect), "127.0.0.1:%u", port);
	assert_string_equal(text, expect);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(ends[0]);
	close(ends[1]);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_owner), cmocka_unit_test(test_listens_among_many) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
