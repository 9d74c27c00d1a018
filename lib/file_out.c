/* Results into what a user names. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"

/* /dev/stdout may lead to a file, and stays what it is all the same. */
static bool is_standing(const char *path, const struct stat *st)
{
	struct stat link;

	if (!S_ISREG(st->st_mode))
		return !S_ISDIR(st->st_mode);
	return (str_starts(str_of(path), "/dev/") || str_starts(str_of(path), "/proc/")) && !lstat(path, &link) && S_ISLNK(link.st_mode);
}

static int write_all(int fd, struct str bytes)
{
	while (bytes.len) {
		ssize_t n = write(fd, bytes.p, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes = str_skip(bytes, (size_t)n);
	}
	return 0;
}

int file_write_out(const char *path, struct str bytes, mode_t mode, struct err *e)
{
	struct stat st;
	int fd, r;

	if (stat(path, &st) || !is_standing(path, &st))
		return file_write_atomic(AT_FDCWD, path, bytes, mode, e);
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	r = fd < 0 ? -errno : write_all(fd, bytes);
	if (fd >= 0 && close(fd) && !r)
		r = -errno;
	return r < 0 ? err_sys(e, r, "write '%s'", path) : 0;
}
