/* What a tree of state is made of: directories, links that are switched, trees that are removed. Names become durable by
 * a descriptor opened for that one fsync, since after an error a second fsync of the same one would say nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"

enum { MAX_DEPTH = 32, REMOVE_PASSES = 3 };

static int open_dir(int dir_fd, const char *name)
{
	int fd;

	do
		fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	return fd >= 0 ? fd : -errno;
}

int file_sync(int fd, const char *what, struct err *e)
{
	return fsync(fd) < 0 ? err_sys(e, -errno, "sync '%s'", what) : 0;
}

/* fsync and close of a directory's own descriptor. */
static int sync_and_close(int fd)
{
	/* EINVAL: a file system that cannot sync directories. */
	int r = fsync(fd) < 0 && errno != EINVAL ? -errno : 0;

	close(fd);
	return r;
}

int dir_sync(int dir_fd, const char *what, struct err *e)
{
	int fd = open_dir(dir_fd, "."), r = fd < 0 ? fd : sync_and_close(fd);

	return r ? err_sys(e, r, "sync directory '%s'", what) : 0;
}

/* Why name cannot be opened as a directory, in words that say what to do. */
static int open_error(int dir_fd, const char *name, int code, struct err *e)
{
	struct stat st;

	if ((code == -ENOTDIR || code == -ELOOP) && !fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return err_set(e, code, "'%s' is %s; it has to be a directory: remove it", name,
			       S_ISLNK(st.st_mode) ? "a symbolic link" : "not a directory");
	return err_sys(e, code, "open directory '%s'", name);
}

int dir_open_own(int dir_fd, const char *name, struct err *e)
{
	int fd = open_dir(dir_fd, name);

	return fd >= 0 ? fd : open_error(dir_fd, name, fd, e);
}

/* A new directory: its mode whatever the umask, its name durable. */
static int make_new(int dir_fd, const char *name, mode_t mode, struct err *e)
{
	int fd = open_dir(dir_fd, name), r = 0;

	/* A umask that takes away the owner's own bits. */
	if (fd == -EACCES && !fchmodat(dir_fd, name, mode, 0))
		fd = open_dir(dir_fd, name);
	if (fd < 0)
		return open_error(dir_fd, name, fd, e);
	if (fchmod(fd, mode) < 0)
		r = err_sys(e, -errno, "set the mode of directory '%s'", name);
	if (!r)
		r = dir_sync(dir_fd, name, e); /* its name in the parent */
	if (!r)
		return fd;
	close(fd);
	return r;
}

int dir_make(int dir_fd, const char *name, mode_t mode, struct err *e)
{
	int fd = open_dir(dir_fd, name);

	if (fd >= 0)
		return fd;
	if (fd != -ENOENT)
		return open_error(dir_fd, name, fd, e);
	if (!mkdirat(dir_fd, name, mode))
		return make_new(dir_fd, name, mode, e);
	if (errno == EEXIST) /* somebody was quicker */
		return dir_open_own(dir_fd, name, e);
	return err_sys(e, -errno, "make directory '%s'", name);
}

static int temp_name(const char *name, char ret_temp[static NAME_MAX + 1])
{
	return snprintf(ret_temp, NAME_MAX + 1, ".%s.new", name) > NAME_MAX ? -ENAMETOOLONG : 0;
}

static int make_link(int dir_fd, const char *target, const char *temp)
{
	if (!symlinkat(target, dir_fd, temp))
		return 0;
	/* A killed switch left one. */
	if (errno != EEXIST || unlinkat(dir_fd, temp, 0) < 0)
		return -errno;
	return symlinkat(target, dir_fd, temp) < 0 ? -errno : 0;
}

/* Everything up to and with the rename. */
static int put_link(int dir_fd, const char *target, const char *name, struct err *e)
{
	char temp[NAME_MAX + 1];
	int r = temp_name(name, temp);

	if (!r)
		r = make_link(dir_fd, target, temp);
	if (r)
		return err_sys(e, r, "make the new link '%s'", name);
	if (!renameat(dir_fd, temp, dir_fd, name))
		return 0;
	r = -errno;
	unlinkat(dir_fd, temp, 0);
	return err_sys(e, r, "rename the new link '%s'", name);
}

int link_switch(int dir_fd, const char *target, const char *name, bool *ret_switched, struct err *e)
{
	int sync_fd = open_dir(dir_fd, "."), r; /* before the rename, where a failure is still harmless */

	if (ret_switched)
		*ret_switched = false;
	if (sync_fd < 0)
		return err_sys(e, sync_fd, "open the directory of link '%s'", name);
	r = put_link(dir_fd, target, name, e);
	if (r) {
		close(sync_fd);
		return r;
	}
	if (ret_switched)
		*ret_switched = true;
	r = sync_and_close(sync_fd);
	return r ? err_sys(e, r, "sync the directory of link '%s'", name) : 0;
}

int link_sweep(int dir_fd, const char *name, struct err *e)
{
	char temp[NAME_MAX + 1];
	int r = temp_name(name, temp);

	if (!r && unlinkat(dir_fd, temp, 0) < 0)
		r = -errno;
	if (!r)
		return 1;
	return r == -ENOENT ? 0 : err_sys(e, r, "remove '%s'", temp);
}

static int remove_at(int dir_fd, const char *name, unsigned depth);

/* One pass over the names in d. *ret_seen: there were some. */
static int remove_names(DIR *d, unsigned depth, bool *ret_seen)
{
	struct dirent *de;
	int first = 0, r;

	*ret_seen = false;
	for (errno = 0; (de = readdir(d)); errno = 0) {
		if (str_is(str_of(de->d_name), ".") || str_is(str_of(de->d_name), ".."))
			continue;
		*ret_seen = true;
		r = remove_at(dirfd(d), de->d_name, depth);
		if (r && !first)
			first = r;
	}
	return first ? first : -errno;
}

static int empty_dir(int dir_fd, const char *name, unsigned depth)
{
	int fd = open_dir(dir_fd, name), r = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	bool seen = true;

	if (!d) {
		r = fd < 0 ? fd : -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	/* Again until nothing shows: a file system may skip names while others go. */
	for (int pass = 0; !r && seen && pass < REMOVE_PASSES; pass++, rewinddir(d))
		r = remove_names(d, depth, &seen);
	closedir(d);
	return r;
}

static int remove_at(int dir_fd, const char *name, unsigned depth)
{
	int r;

	if (!unlinkat(dir_fd, name, 0) || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	r = -errno;
	if (depth >= MAX_DEPTH)
		return -ELOOP;
	if (!unlinkat(dir_fd, name, AT_REMOVEDIR) || errno == ENOENT)
		return 0;
	if (errno == ENOTDIR) /* EPERM spoke of a file */
		return r;
	r = empty_dir(dir_fd, name, depth + 1);
	if (!r && unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}

int tree_remove(int dir_fd, const char *name, struct err *e)
{
	int r = remove_at(dir_fd, name, 0);

	return r ? err_sys(e, r, "remove '%s'", name) : 0;
}
