/* The engine's own checker as a child process. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/runtime.h"

enum { OUTPUT_MAX = 64 * 1024, CHECK_MS = 60 * 1000, MAX_ARGV = 16, LAST_LINES = 3 };

extern char **environ;

char *engine_find(struct arena *a, const struct target *t, const char *configured)
{
	struct str rest = str_of(getenv("PATH"));

	if (configured && *configured && strchr(configured, '/'))
		return access(configured, X_OK) ? NULL : arena_strdup(a, configured);
	while (rest.len) {
		struct str dir = str_cut(&rest, ':');
		char *path = arena_printf(a, "%.*s/%s", (int)dir.len, dir.p,
					  configured && *configured ? configured : engine_family_name(t->family));

		if (dir.len && !access(path, X_OK))
			return path;
	}
	return NULL;
}

static void fill_argv(const struct target *t, const char *exe, const char *file, char **argv)
{
	size_t n = 0;

	for (; n < MAX_ARGV - 1 && t->check_argv[n]; n++) {
		struct str arg = str_of(t->check_argv[n]);

		argv[n] = (char *)(str_is(arg, "{exe}") ? exe : str_is(arg, "{file}") ? file : arg.p);
	}
	argv[n] = NULL;
}

static int spawn(char *const *argv, int out_fd, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int r = argv[0] ? posix_spawn_file_actions_init(&actions) : EINVAL;

	if (r)
		return -r;
	r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&actions, out_fd, STDERR_FILENO);
	if (!r)
		r = posix_spawn(ret_pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads until the child closes its end or the time is over. The tail is what matters, so the head gives way. */
static int collect(int fd, struct buf *out)
{
	int64_t end = now_ms() + CHECK_MS;
	char chunk[4096];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = end - now_ms();
		ssize_t n;

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
		if (!p.revents)
			continue;
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			return 0;
		if (n > 0)
			buf_add(out, chunk, (size_t)n);
		if (out->len > OUTPUT_MAX) {
			memmove(out->p, out->p + out->len - OUTPUT_MAX / 2, OUTPUT_MAX / 2);
			out->len = OUTPUT_MAX / 2;
		}
	}
}

/* The last lines, on one line. */
static char *last_words(struct arena *a, const struct buf *out)
{
	struct str text = str_trim((struct str){ out->p, out->len });
	size_t begin = text.len;
	char *words, *p;

	for (int lines = 0; begin; begin--)
		if (text.p[begin - 1] == '\n' && ++lines == LAST_LINES)
			break;
	words = arena_memdup(a, text.p + begin, text.len - begin);
	for (p = words; (p = strchr(p, '\n'));)
		*p++ = ' ';
	return words;
}

static int finish(struct arena *a, pid_t pid, int pidfd, int r, const struct buf *out, char **ret_words)
{
	int status;

	if (r && pidfd >= 0)
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	if (pidfd >= 0)
		close(pidfd);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (r)
		return r;
	*ret_words = last_words(a, out);
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : 1;
}

int engine_run_check(struct arena *a, const struct target *t, const char *exe, const char *file, char **ret_words,
		     struct err *e)
{
	char *argv[MAX_ARGV];
	struct buf out = { 0 };
	int fds[2], r;
	pid_t pid = -1;

	fill_argv(t, exe, file, argv);
	if (pipe2(fds, O_CLOEXEC))
		return err_sys(e, -errno, "pipe");
	r = spawn(argv, fds[1], &pid);
	close(fds[1]);
	if (!r) {
		int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

		r = finish(a, pid, pidfd, collect(fds[0], &out), &out, ret_words);
	}
	close(fds[0]);
	buf_fini(&out);
	return r < 0 ? err_sys(e, r, "run '%s'", exe) : r;
}
