/* Log files of engines: opened here, written by them, cut here. */
#include "runtime/engine_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/words.h"

enum { LAST_LINES = 3, TAIL_BYTES = 4096, FIRST_FD = 3 };

static const char *const endings[ENGINE_LOG__N] = { "out", "err" };

/* "session-…" is a name of its own. */
static char *file_name(const char *name, int which)
{
	char *s = NULL;
	const char *front = str_starts(str_of(name), "session-") ? "" : "engine-";

	return asprintf(&s, "%s%s.%s.log", front, name, endings[which]) < 0 ? NULL : s;
}

static int open_dir(const char *path)
{
	int fd;

	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A regular file of ours; O_NONBLOCK so that a FIFO in its place does not hang us. */
static int open_file(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600), high;
	struct stat st;
	int r;

	if (fd < 0)
		return -errno;
	r = fstat(fd, &st) ? -errno : !S_ISREG(st.st_mode) ? -ENOTSUP : 0;
	if (!r && (st.st_mode & 07777) != 0600)
		r = fchmod(fd, 0600) ? -errno : 0;
	if (!r)
		r = fcntl(fd, F_SETFL, O_APPEND) ? -errno : 0;
	if (!r && fd >= FIRST_FD)
		return fd;
	high = r ? r : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
	if (!r && high < 0)
		high = -errno;
	close(fd);
	return high;
}

static int open_one(struct engine_log *l, const char *name, int which)
{
	struct stat st;

	l->name[which] = file_name(name, which);
	if (!l->name[which])
		return -ENOMEM;
	l->fd[which] = open_file(l->dir_fd, l->name[which]);
	if (l->fd[which] < 0)
		return l->fd[which];
	if (fstat(l->fd[which], &st))
		return -errno;
	l->begin[which] = (uint64_t)st.st_size;
	return 0;
}

int engine_log_open(const char *dir, const char *name, uint64_t max_bytes, struct engine_log *ret_log, struct err *e)
{
	struct engine_log l = ENGINE_LOG_NONE;
	int r = 0;

	l.max_bytes = max_bytes ? max_bytes : ENGINE_LOG_MAX_BYTES;
	if (!*name || strchr(name, '/'))
		return err_sys(e, -EINVAL, "log of '%s'", name);
	l.dir_fd = open_dir(dir);
	if (l.dir_fd < 0)
		return err_sys(e, l.dir_fd, "open '%s'", dir);
	for (int i = 0; !r && i < ENGINE_LOG__N; i++) {
		r = open_one(&l, name, i);
		if (r)
			err_sys(e, r, "open '%s/%s'", dir, l.name[i] ? l.name[i] : name);
	}
	if (r)
		engine_log_close(&l);
	*ret_log = l;
	return r;
}

/* --- cutting --- */
static int copy_tail(int from, off_t begin, off_t end, int to)
{
	while (begin < end) {
		ssize_t n = sendfile(to, from, &begin, (size_t)(end - begin));

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (!n)
			break; /* somebody else cut it */
	}
	return 0;
}

/* The last `max` of the file's `size` bytes become NAME.1. */
static int keep_older(int dir_fd, const char *name, int from, off_t size, off_t max)
{
	char old[NAME_MAX + 1], fresh[NAME_MAX + 1];
	int fd, r;

	snprintf(old, sizeof(old), "%s.1", name);
	if (snprintf(fresh, sizeof(fresh), "%s.1.new", name) >= (int)sizeof(fresh))
		return -ENAMETOOLONG;
	unlinkat(dir_fd, fresh, 0);
	fd = openat(dir_fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = copy_tail(from, size > max ? size - max : 0, size, fd);
	close(fd);
	if (!r && renameat(dir_fd, fresh, dir_fd, old))
		r = -errno;
	if (r)
		unlinkat(dir_fd, fresh, 0);
	return r;
}

void engine_log_cap(struct engine_log *l)
{
	struct stat st;

	for (int i = 0; i < ENGINE_LOG__N; i++) {
		if (l->fd[i] < 0 || fstat(l->fd[i], &st) || (uint64_t)st.st_size <= l->max_bytes)
			continue;
		keep_older(l->dir_fd, l->name[i], l->fd[i], st.st_size, (off_t)l->max_bytes);
		if (!ftruncate(l->fd[i], 0))
			l->begin[i] = 0;
	}
}

/* The directory of a path, which may be reached through links; the file itself must not be one. */
static int open_parent(const char *path, const char *name)
{
	char *dir = strndup(path, (size_t)(name - path));
	int fd = dir ? open(*dir ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	free(dir);
	return fd;
}

static int cap_opened(int dir_fd, const char *name, off_t max)
{
	int fd = openat(dir_fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), r = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_nlink == 1 && st.st_size > max) {
		keep_older(dir_fd, name, fd, st.st_size, max);
		r = ftruncate(fd, 0) ? -errno : 0;
	}
	close(fd);
	return r;
}

void engine_log_cap_file(const char *path, uint64_t max_bytes)
{
	off_t max = (off_t)(max_bytes ? max_bytes : ENGINE_LOG_MAX_BYTES);
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	struct stat st;
	int dir_fd;

	if (lstat(path, &st) || !S_ISREG(st.st_mode) || st.st_size <= max)
		return;
	dir_fd = open_parent(path, name);
	if (dir_fd < 0)
		return;
	cap_opened(dir_fd, name, max); /* what fails is tried again at the next look */
	close(dir_fd);
}

/* --- last words --- */
static size_t words_of(const struct engine_log *l, int which, char ret_words[ENGINE_WORDS_BYTES + 1])
{
	char tail[TAIL_BYTES];
	struct stat st;
	off_t from = (off_t)l->begin[which];
	struct str words;
	ssize_t n;

	if (l->fd[which] < 0 || fstat(l->fd[which], &st))
		return 0;
	if (from > st.st_size)
		from = 0;
	if (st.st_size - from > TAIL_BYTES)
		from = st.st_size - TAIL_BYTES;
	n = pread(l->fd[which], tail, TAIL_BYTES, from);
	words = words_last((struct str){ tail, n > 0 ? (size_t)n : 0 }, LAST_LINES, ENGINE_WORDS_BYTES);
	if (words.len)
		memcpy(ret_words, words.p, words.len);
	ret_words[words.len] = 0;
	words_clean(ret_words, words.len);
	return words.len;
}

size_t engine_log_words(const struct engine_log *l, char ret_words[ENGINE_WORDS_BYTES + 1])
{
	size_t n;

	*ret_words = 0;
	n = words_of(l, ENGINE_LOG_ERR, ret_words);
	return n ? n : words_of(l, ENGINE_LOG_OUT, ret_words);
}

void engine_log_close(struct engine_log *l)
{
	for (int i = 0; i < ENGINE_LOG__N; i++) {
		if (l->fd[i] >= 0)
			close(l->fd[i]);
		free(l->name[i]);
	}
	if (l->dir_fd >= 0)
		close(l->dir_fd);
	*l = ENGINE_LOG_NONE;
}
