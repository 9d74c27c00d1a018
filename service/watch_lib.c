/* libinotifytools, and what has to be known of it (3.22):
 * - It keeps a record of every watch by number and by name. A record whose watch the kernel has ended (its directory was
 *   deleted) cannot be removed: it tries inotify_rm_watch first, prints a complaint and gives up. So those are left, and
 *   the library is closed and opened again when there are many.
 * - It finds a number by name only, and the name must be one it has no record of: the serial is spelled in slashes behind
 *   /proc/self/fd/N, which also makes sure that the watch is on exactly the directory that was opened.
 * - A second watch on one inode would leak a record: IN_MASK_CREATE refuses it.
 * - Its event buffer is static and survives closing. After opening, events are thrown away up to a marker: the memfd is
 *   truncated once, and once only, so no event left from before can look like it.
 * - It waits with select(2), which dies of descriptors from FD_SETSIZE on. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inotifytools/inotifytools.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <unistd.h>

#include "service/watch_impl.h"

enum { SERIAL_MAX = 2048, DRAIN_MAX = 8192 };

int watch_lib_init(struct watch_lib *l)
{
	*l = (struct watch_lib){ .wake_fd = memfd_create("xrat-wake", MFD_CLOEXEC), .wake_wd = -1 };
	return l->wake_fd >= 0 ? 0 : -errno;
}

void watch_lib_fini(struct watch_lib *l)
{
	watch_lib_close(l);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	l->wake_fd = -1;
}

static bool is_inotify(int dir, const char *name)
{
	static const char what[] = "anon_inode:inotify";
	char link[sizeof(what)];
	ssize_t n = readlinkat(dir, name, link, sizeof(link));

	return n >= 0 && str_is((struct str){ link, (size_t)n }, what);
}

/* Finds the instance that is not close-on-exec yet, and makes it so. The descriptor or -ENOENT. */
static int protect(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *de;
	int fd, found = -ENOENT;

	while (d && found < 0 && (de = readdir(d))) {
		fd = (int)strtol(de->d_name, NULL, 10);
		if (!is_inotify(dirfd(d), de->d_name) || fcntl(fd, F_GETFD) & FD_CLOEXEC)
			continue;
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		found = fd;
	}
	if (d)
		closedir(d);
	return found;
}

static int watch_wake(struct watch_lib *l)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", l->wake_fd);
	if (!inotifytools_watch_file(path, IN_ATTRIB | IN_MODIFY | IN_MASK_CREATE))
		return -inotifytools_error();
	l->wake_wd = inotifytools_wd_from_filename(path);
	return l->wake_wd >= 0 ? 0 : -ENOMEM;
}

/* Leaves the library with an empty buffer. */
static int drain(struct watch_lib *l)
{
	const struct inotify_event *ev;
	int error = 0;

	if (ftruncate(l->wake_fd, 0) < 0)
		return -errno;
	for (int i = 0; i < DRAIN_MAX; i++) {
		ev = watch_lib_next(l, 1, &error);
		if (ev && ev->wd == l->wake_wd && ev->mask & IN_MODIFY)
			return 0;
		if (!ev && error != -EINTR)
			break;
	}
	return -ENOTSUP;
}

static int set_up(struct watch_lib *l, const char **ret_why)
{
	int fd = protect(), r;

	*ret_why = "the inotify descriptor cannot be found in /proc/self/fd";
	if (fd < 0)
		return fd;
	*ret_why = "the inotify descriptor is too high for select(2); too many files are open";
	if (fd >= FD_SETSIZE)
		return -EMFILE;
	r = watch_wake(l);
	*ret_why = r == -ENOSPC ? "no inotify watches are left (fs.inotify.max_user_watches)"
				: "inotify refused the first watch";
	if (r)
		return r;
	*ret_why = "inotify does not report changes here";
	return drain(l);
}

int watch_lib_open(struct watch_lib *l, const char **ret_why)
{
	int r;

	*ret_why = "libinotifytools is in use elsewhere in this process";
	if (inotifytools_get_num_watches() > 0)
		return -EBUSY;
	l->serial = 0;
	if (!inotifytools_initialize()) {
		r = -inotifytools_error();
		*ret_why = r == -EMFILE ? "no inotify instances are left (fs.inotify.max_user_instances)"
					: "inotify is not available";
		return r ? r : -ENOSYS;
	}
	l->open = true;
	r = set_up(l, ret_why);
	if (r)
		watch_lib_close(l);
	return r;
}

void watch_lib_close(struct watch_lib *l)
{
	if (l->open)
		inotifytools_cleanup();
	l->open = false;
	l->wake_wd = -1;
}

int watch_lib_add(struct watch_lib *l, int dir_fd, uint32_t mask, int *ret_wd)
{
	char path[32 + SERIAL_MAX + 2];
	int n = snprintf(path, 32, "/proc/self/fd/%d", dir_fd), r;

	if (l->serial >= SERIAL_MAX)
		return -EEXIST;
	memset(path + n, '/', l->serial + 1);
	path[n + (int)l->serial + 1] = 0;
	if (!inotifytools_watch_file(path, (int)(mask | IN_ONLYDIR | IN_MASK_CREATE))) {
		r = -inotifytools_error();
		return r ? r : -EIO;
	}
	l->serial++;
	*ret_wd = inotifytools_wd_from_filename(path);
	return *ret_wd >= 0 ? 0 : -ENOMEM;
}

void watch_lib_drop(struct watch_lib *l, int wd)
{
	(void)l;
	inotifytools_remove_watch_by_wd(wd);
}

void watch_lib_wake(const struct watch_lib *l)
{
	/* Reported whether it changes anything or not. */
	(void)!fchmod(l->wake_fd, 0600);
}

const struct inotify_event *watch_lib_next(struct watch_lib *l, unsigned seconds, int *ret_error)
{
	const struct inotify_event *ev = inotifytools_next_event((long)seconds);

	(void)l;
	*ret_error = ev ? 0 : -inotifytools_error();
	return ev;
}
