/* The daemon's log as a file of its own. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/life.h"

enum { LOG_MAX_BYTES = 8 * 1024 * 1024 };

static void make_parent(const char *path)
{
	char *copy = strdup(path);

	if (copy)
		mkdir(dirname(copy), 0700);
	free(copy);
}

int logfile_open(const char *path, struct err *e)
{
	struct stat st;
	int fd, r = 0;

	make_parent(path);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, -errno, "open the log file '%s'", path);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		r = err_set(e, -ENOTSUP, "the log file '%s' is not a regular file", path);
	else if (fchmod(fd, 0600) || dup2(fd, STDERR_FILENO) < 0)
		r = err_sys(e, -errno, "log to '%s'", path);
	if (fd != STDERR_FILENO)
		close(fd);
	return r;
}

void logfile_cap(const char *path)
{
	struct err ignored = { 0 };
	struct stat st;
	char *old = NULL;

	if (fstat(STDERR_FILENO, &st) || st.st_size < LOG_MAX_BYTES)
		return;
	if (asprintf(&old, "%s.1", path) >= 0 && !rename(path, old))
		logfile_open(path, &ignored);
	free(old);
	err_fini(&ignored);
}
