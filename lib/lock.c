/* Locks between processes. Whoever polls does so on the monotonic clock; the file may be unlinked by anybody at any time,
 * so what was locked is held against what the name leads to. */
#include "lib/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

/* GRACE_MS: lock_holder of another process holds a shared lock for an instant; that is nobody in the way. */
enum { POLL_MIN_MS = 10, POLL_MAX_MS = 50, GRACE_MS = 20, RACE_TRIES = 100, PID_TEXT = 24, LOCK_MODE = 0600 };

static void pause_ms(int64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* One try: 0 held, 1 somebody else has it, -errno. */
static int try_flock(int fd, int how)
{
	int r;

	do
		r = flock(fd, how | LOCK_NB);
	while (r < 0 && errno == EINTR);
	return !r ? 0 : errno == EWOULDBLOCK ? 1 : -errno;
}

int lock_wait(int fd, unsigned wait_ms)
{
	int64_t end = clock_mono_ms() + (wait_ms > GRACE_MS ? wait_ms : GRACE_MS), left, step = POLL_MIN_MS;
	int r;

	while ((r = try_flock(fd, LOCK_EX)) == 1) {
		left = end - clock_mono_ms();
		if (left <= 0)
			break;
		pause_ms(step < left ? step : left);
		step = step * 3 / 2 < POLL_MAX_MS ? step * 3 / 2 : POLL_MAX_MS;
	}
	return r;
}

static int open_lock(int dir_fd, const char *name, int flags)
{
	int fd;

	do
		fd = openat(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, LOCK_MODE);
	while (fd < 0 && errno == EINTR);
	return fd >= 0 ? fd : -errno;
}

int lock_is_current(int fd, int dir_fd, const char *name)
{
	struct stat mine, now;

	if (fstat(fd, &mine) < 0)
		return -errno;
	if (fstatat(dir_fd, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	return mine.st_dev == now.st_dev && mine.st_ino == now.st_ino;
}

/* The pid in the file; 0 when there is none. */
static int read_pid(int fd)
{
	char text[PID_TEXT + 1], *end;
	ssize_t n = pread(fd, text, PID_TEXT, 0);
	long pid;

	if (n <= 0)
		return 0;
	text[n] = 0;
	pid = strtol(text, &end, 10);
	return *end == '\n' && pid > 0 && pid <= 0x7fffffff ? (int)pid : 0;
}

/* What the file says, 0 = nobody. Only for people: a lock without a readable pid is a lock all the same. */
static void write_pid(int fd, int pid)
{
	char text[PID_TEXT];
	int len = pid ? snprintf(text, sizeof(text), "%d\n", pid) : 0;

	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len)
		return;
}

/* 0: the lock is held on fd and the name leads to it; 1: somebody has it; 2: the file was replaced; -errno. */
static int take_open(int fd, int dir_fd, const char *name, unsigned wait_ms)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOTSUP;
	/* The umask's doing, or a careless chmod: who locks must be able to open. */
	if ((st.st_mode & 07777) != LOCK_MODE && fchmod(fd, LOCK_MODE) < 0)
		return -errno;
	r = lock_wait(fd, wait_ms);
	if (r)
		return r;
	r = lock_is_current(fd, dir_fd, name);
	return r < 0 ? r : r ? 0 : 2;
}

static int lock_error(struct err *e, int r, const char *name)
{
	if (r == -ELOOP)
		return err_set(e, r, "lock '%s': it is a symbolic link; remove it", name);
	if (r == -ENOTSUP)
		return err_set(e, r, "lock '%s': it is not a regular file; remove it", name);
	return err_sys(e, r, "lock '%s'", name);
}

int lock_take(int dir_fd, const char *name, unsigned wait_ms, struct lock *ret_lock, int *ret_holder, struct err *e)
{
	int64_t end = clock_mono_ms() + wait_ms, left;
	int r = 2, fd;

	for (int i = 0; r == 2 && i < RACE_TRIES; i++) {
		left = end - clock_mono_ms();
		fd = open_lock(dir_fd, name, O_RDWR | O_CREAT);
		if (fd < 0)
			return lock_error(e, fd, name);
		r = take_open(fd, dir_fd, name, left > 0 ? (unsigned)left : 0);
		if (!r) {
			write_pid(fd, (int)getpid());
			ret_lock->fd = fd;
			return 0;
		}
		if (r == 1 && ret_holder)
			*ret_holder = read_pid(fd);
		close(fd);
	}
	return r == 1 ? 1 : lock_error(e, r == 2 ? -EAGAIN : r, name);
}

int lock_holder(int dir_fd, const char *name, bool *ret_held, struct err *e)
{
	int fd = open_lock(dir_fd, name, O_RDONLY), r, pid = 0;

	if (fd == -ENOENT) {
		*ret_held = false;
		return 0;
	}
	if (fd < 0)
		return lock_error(e, fd, name);
	/* Shared, so that two who ask do not find each other; it ends with the descriptor. */
	r = try_flock(fd, LOCK_SH);
	if (r == 1)
		pid = read_pid(fd);
	close(fd);
	if (r < 0)
		return lock_error(e, r, name);
	*ret_held = r == 1;
	return pid;
}

void lock_drop(struct lock *l)
{
	if (l->fd < 0)
		return;
	write_pid(l->fd, 0); /* else the next holder would be shown as this one until it has written its own */
	/* Not by the close alone: a child between fork and exec shares the descriptor. */
	flock(l->fd, LOCK_UN);
	close(l->fd);
	l->fd = -1;
}
