/* LD_PRELOAD library of tests/daemon/sesskill.py: kills the process before the nth call of any of its threads that changes
 * something outside of it, counted from the moment that the file $KILLAT, mapped, says so; a successor by exec goes on counting.
 * What is written to standard error and what wakes the loop up is not counted. */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CALLS_MAX = 8192 };
struct call {
	char name[28];
	uint32_t is_main;
};
/* Shared with the test. */
struct control {
	uint32_t armed, at; /* at 0: only counts */
	atomic_uint count, killed;
	struct call calls[CALLS_MAX];
};
static struct control *control;
static pid_t self;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("KILLAT");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	self = getpid();
	if (map != MAP_FAILED)
		control = map;
}

static void point(const char *name)
{
	unsigned n;

	if (!control || !control->armed || getpid() != self)
		return;
	n = atomic_fetch_add(&control->count, 1) + 1;
	if (n < CALLS_MAX) {
		snprintf(control->calls[n].name, sizeof(control->calls[n].name), "%s", name);
		control->calls[n].is_main = gettid() == self;
	}
	if (n != control->at)
		return;
	atomic_store(&control->killed, n);
	kill(self, SIGKILL);
	for (;;)
		pause();
}

#define REAL(ret, name, params) \
	static ret (*real) params; \
	if (!real) \
		real = (ret (*) params)dlsym(RTLD_NEXT, #name)
#define HOOK(ret, name, params, args) \
	ret name params \
	{ \
		REAL(ret, name, params); \
		point(#name); \
		return real args; \
	}

HOOK(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
HOOK(ssize_t, pwrite64, (int fd, const void *p, size_t n, off64_t at), (fd, p, n, at))
HOOK(int, fsync, (int fd), (fd))
HOOK(int, fdatasync, (int fd), (fd))
HOOK(int, ftruncate, (int fd, off_t n), (fd, n))
HOOK(int, ftruncate64, (int fd, off64_t n), (fd, n))
HOOK(int, unlink, (const char *path), (path))
HOOK(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags))
HOOK(int, rmdir, (const char *path), (path))
HOOK(int, rename, (const char *from, const char *to), (from, to))
HOOK(int, renameat, (int fd, const char *from, int to_fd, const char *to), (fd, from, to_fd, to))
HOOK(int, renameat2, (int fd, const char *from, int to_fd, const char *to, unsigned flags), (fd, from, to_fd, to, flags))
HOOK(int, linkat, (int fd, const char *from, int to_fd, const char *to, int flags), (fd, from, to_fd, to, flags))
HOOK(int, mkdir, (const char *path, mode_t mode), (path, mode))
HOOK(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode))
HOOK(int, bind, (int fd, const struct sockaddr *to, socklen_t n), (fd, to, n))
HOOK(int, listen, (int fd, int n), (fd, n))
HOOK(ssize_t, send, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))
HOOK(ssize_t, sendto, (int fd, const void *p, size_t n, int flags, const struct sockaddr *to, socklen_t to_len),
     (fd, p, n, flags, to, to_len))
HOOK(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
HOOK(int, posix_spawn, (pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attr,
			char *const argv[], char *const envp[]), (pid, path, actions, attr, argv, envp))
HOOK(int, execv, (const char *path, char *const argv[]), (path, argv))
HOOK(int, pidfd_send_signal, (int fd, int number, siginfo_t *info, unsigned flags), (fd, number, info, flags))

/* --- writes, but for those that only tell a person or our own loop --- */
static int is_counted(int fd)
{
	char link[40], what[PATH_MAX];
	ssize_t n;

	if (fd <= STDERR_FILENO)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, what, sizeof(what) - 1);
	what[n > 0 ? n : 0] = 0;
	return !strstr(what, "[eventfd]");
}

ssize_t write(int fd, const void *p, size_t n)
{
	REAL(ssize_t, write, (int, const void *, size_t));
	if (control && control->armed && is_counted(fd))
		point("write");
	return real(fd, p, n);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	REAL(ssize_t, writev, (int, const struct iovec *, int));
	if (control && control->armed && is_counted(fd))
		point("writev");
	return real(fd, v, n);
}

/* --- files that are made --- */
#define OPENS(name, params, args) \
	int name params \
	{ \
		mode_t mode = 0; \
		va_list ap; \
		REAL(int, name, params); \
\
		va_start(ap, flags); \
		if (flags & O_CREAT) { \
			mode = va_arg(ap, mode_t); \
			point(#name); \
		} \
		va_end(ap); \
		return real args; \
	}

OPENS(open, (const char *path, int flags, ...), (path, flags, mode))
OPENS(open64, (const char *path, int flags, ...), (path, flags, mode))
OPENS(openat, (int fd, const char *path, int flags, ...), (fd, path, flags, mode))
OPENS(openat64, (int fd, const char *path, int flags, ...), (fd, path, flags, mode))
