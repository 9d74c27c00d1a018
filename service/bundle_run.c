/* Programs whose output goes into the archive. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "service/bundle_impl.h"

extern char **environ;

/* Its own session, nothing on stdin, default signals. */
static int spawn(const struct bundle_run *run, int out_fd, pid_t *ret_pid)
{
	char *const *env = run->env ? (char *const *)run->env : environ;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r = posix_spawn_file_actions_init(&actions);

	if (r)
		return -r;
	r = posix_spawnattr_init(&attr);
	if (r) {
		posix_spawn_file_actions_destroy(&actions);
		return -r;
	}
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&actions, out_fd, STDERR_FILENO);
	if (!r)
		r = posix_spawn(ret_pid, run->argv[0], &actions, &attr, (char *const *)run->argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* One read; 0 when the other end is closed. What is over the limit is read and dropped. */
static ssize_t drain(int fd, struct buf *out)
{
	char chunk[16 * 1024];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : -errno;
	if (out->len < BUNDLE_LOG_MAX)
		buf_add(out, chunk, (size_t)n);
	return n;
}

/* Until the program has ended and its output is read; a child of its own may keep the pipe open for ever. */
static int collect(int fd, int pidfd, unsigned timeout_ms, struct buf *out)
{
	int64_t end = clock_mono_ms() + timeout_ms;
	struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };

	for (;;) {
		int64_t left = end - clock_mono_ms();
		ssize_t n;

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(p, 2, (int)left) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		if (p[0].revents) {
			n = drain(fd, out);
			if (n < 0)
				return (int)n;
			if (!n)
				p[0].fd = -1;
		} else if (p[1].revents) {
			return 0;
		}
	}
}

static int wait_for(pid_t pid, int pidfd, bool end_it, int *ret_exit)
{
	int status = 0;

	if (end_it)
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	*ret_exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

static int run(const struct bundle_run *r, struct buf *out, int *ret_exit)
{
	int fds[2], pidfd, result, waited;
	pid_t pid = -1;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	result = spawn(r, fds[1], &pid);
	close(fds[1]);
	if (!result) {
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		result = pidfd < 0 ? -errno : collect(fds[0], pidfd, r->timeout_ms, out);
		waited = wait_for(pid, pidfd, result != 0, ret_exit);
		result = result ? result : waited;
		if (pidfd >= 0)
			close(pidfd);
	}
	close(fds[0]);
	return result;
}

int bundle_run(struct arena *a, const struct bundle_run *r, struct str *ret_out, int *ret_exit)
{
	struct buf out = { 0 };
	int result = run(r, &out, ret_exit);
	char *p = out.failed ? NULL : arena_try_alloc(a, out.len + 1);

	if (p && out.len)
		memcpy(p, out.p, out.len);
	*ret_out = (struct str){ p, out.len };
	buf_fini(&out);
	return p || result ? result : -ENOMEM;
}
