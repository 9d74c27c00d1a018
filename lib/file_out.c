/* Results into what a user names. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"

int file_out_fd(const char *path)
{
	static const struct { const char *name; int fd; } names[] = {
		{ "/dev/stdout", STDOUT_FILENO }, { "/dev/stderr", STDERR_FILENO },
	};
	static const char *const fronts[] = { "/dev/fd/", "/proc/self/fd/" };
	int64_t n;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_is(str_of(path), names[i].name))
			return names[i].fd;
	for (size_t i = 0; i < sizeof(fronts) / sizeof(*fronts); i++)
		if (str_starts(str_of(path), fronts[i]) && !str_int(str_skip(str_of(path), strlen(fronts[i])), &n) && n >= 0 && n <= INT_MAX)
			return (int)n;
	return -1;
}

/* A pipe that somebody else has laid in the place of a file would be told everything. */
static int may_write(const struct stat *st)
{
	if (S_ISCHR(st->st_mode))
		return 0;
	if (!S_ISFIFO(st->st_mode))
		return -EINVAL;
	return st->st_uid == geteuid() || !st->st_uid ? 0 : -EACCES;
}

/* A device or a pipe that stays what it is; a descriptor or -errno. */
static int open_standing(const char *path, const struct stat *seen)
{
	struct stat st;
	int r = may_write(seen), fd = r ? r : open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);

	if (fd < 0)
		return r ? r : -errno;
	r = fstat(fd, &st) ? -errno : may_write(&st);
	if (!r && (st.st_dev != seen->st_dev || st.st_ino != seen->st_ino))
		r = -EAGAIN; /* it was exchanged meanwhile */
	if (!r)
		return fd;
	close(fd);
	return r;
}

int file_write_out(const char *path, struct str bytes, mode_t mode, struct err *e)
{
	int given = file_out_fd(path), fd, r;
	struct stat st;

	if (given < 0 && (lstat(path, &st) || S_ISREG(st.st_mode) || S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode)))
		return file_write_atomic(AT_FDCWD, path, bytes, mode, e);
	if (given >= 0) {
		fd = fcntl(given, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			fd = -errno;
	} else {
		fd = open_standing(path, &st);
	}
	r = fd < 0 ? fd : file_write_all(fd, bytes);
	if (fd >= 0 && close(fd) && !r)
		r = -errno;
	return r < 0 ? err_sys(e, r, "write '%s'", path) : 0;
}
