/* `daemon start`: a daemon of its own session, and the wait until it answers. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/life.h"
#include "runtime/runtime.h"

enum { START_MS = 30 * 1000, LOOK_MS = 50, PING_MS = 1000, EXIT_NO_EXEC = 126 };

static void become(const struct daemon_start *s)
{
	struct err ignored = { 0 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	if (*s->log_file && logfile_open(s->log_file, &ignored))
		_exit(EXIT_NO_EXEC);
	if (chdir("/"))
		_exit(EXIT_NO_EXEC);
	execv("/proc/self/exe", s->argv);
	_exit(EXIT_NO_EXEC);
}

/* 0: it answers; 1: not yet. */
static int ping(struct arena *a, const char *root, pid_t pid, struct ipc_ping *ret_ping)
{
	const struct ipc_call call = { .root = root, .tries = 1, .answer_ms = PING_MS };
	struct ipc_request q;
	struct ipc_reply reply;
	struct err ignored = { 0 };
	int r;

	ipc_request_init(&q, IPC_SNAKE, IPC_DAEMON_PING);
	r = ipc_call(a, &call, &q, &reply, NULL, &ignored);
	err_fini(&ignored);
	if (r || reply.code != IPC_OK || reply.ping.pid != pid)
		return 1;
	*ret_ping = reply.ping;
	return 0;
}

int daemon_start(struct arena *a, const char *root, const struct daemon_start *s, struct ipc_ping *ret_ping,
		 int *ret_status, struct err *e)
{
	int64_t end = clock_mono_ms() + START_MS;
	pid_t pid = fork();
	int fd, r = 1;

	if (pid < 0)
		return err_sys(e, -errno, "start a process");
	if (!pid)
		become(s);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	while (r && clock_mono_ms() < end) {
		if (waitpid(pid, ret_status, WNOHANG) == pid)
			break;
		r = ping(a, root, pid, ret_ping);
		if (r)
			poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, LOOK_MS);
	}
	if (r && clock_mono_ms() >= end) {
		process_signal(fd, SIGTERM);
		r = err_set(e, -ETIMEDOUT, "the daemon (process %d) did not answer within %d s and is ended", (int)pid,
			    START_MS / 1000);
	}
	if (fd >= 0)
		close(fd);
	return r;
}
