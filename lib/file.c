/* Files: reading beneath a root, atomic writing. Nothing here may jump with a descriptor open, so memory is taken with
 * arena_try_alloc. */
#include "lib/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How temporaries are called: what file_sweep looks for. */
#define FILE_TEMP_PREFIX ".xrat-"
#define FILE_TEMP_SUFFIX ".tmp"
enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, TEMP_TRIES = 1000, RACE_TRIES = 8 };

int dir_open(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : err_sys(e, -errno, "open directory '%s'", path);
}

static int sys_openat2(int dir_fd, const char *path)
{
	struct open_how how = { .flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	int fd = -1;

	for (int i = 0; i < RACE_TRIES; i++) {
		fd = (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
		/* EAGAIN: something was renamed meanwhile and the kernel cannot tell whether the path stayed
		 * beneath. */
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd >= 0 ? fd : -errno;
}

/* One component below dir; a symbolic link is refused, since where it leads cannot be checked without races. */
static int open_component(int dir, struct str name, bool last)
{
	char buf[NAME_MAX + 1];
	int fd, flags = last ? OPEN_FLAGS : O_PATH | O_DIRECTORY | O_CLOEXEC;

	if (name.len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(buf, name.p, name.len);
	buf[name.len] = 0;
	if (str_is(name, ".."))
		return -EXDEV;
	fd = openat(dir, buf, flags | O_NOFOLLOW);
	return fd >= 0 ? fd : -errno;
}

int file_open_walk(int dir_fd, const char *path)
{
	struct str rest = str_of(path), name;
	int dir = dir_fd, fd = -ENOENT;

	if (*path == '/')
		return -EXDEV;
	while (rest.len) {
		name = str_cut(&rest, '/');
		if (!name.len)
			continue;
		fd = open_component(dir, name, !rest.len);
		if (dir != dir_fd)
			close(dir);
		if (fd < 0)
			return fd;
		dir = fd;
	}
	return fd;
}

static int open_beneath(int dir_fd, const char *path)
{
	int fd;

	if (dir_fd == AT_FDCWD) {
		fd = open(path, OPEN_FLAGS);
		return fd >= 0 ? fd : -errno;
	}
	fd = sys_openat2(dir_fd, path);
	/* Old kernels have no openat2, and some sandboxes forbid it. */
	return fd == -ENOSYS || fd == -EPERM ? file_open_walk(dir_fd, path) : fd;
}

static int64_t in_ns(struct timespec t) /* only compared: a far year may wrap round */
{
	return (int64_t)((uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec);
}

/* Which file is open, or why it cannot be read. */
static int check_regular(int fd, size_t max_bytes, struct file_id *ret_id)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -ENOTSUP;
	if ((uint64_t)st.st_size > max_bytes)
		return -EFBIG;
	*ret_id = (struct file_id){ st.st_dev, st.st_ino, (uint64_t)st.st_size, in_ns(st.st_mtim), in_ns(st.st_ctim) };
	return 0;
}

/* Fills p from fd until cap bytes or the end. */
static ssize_t read_up_to(int fd, char *p, size_t cap)
{
	size_t len = 0;
	ssize_t n;

	while (len < cap) {
		n = read(fd, p + len, cap - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* The size is a hint only: files in /proc have none, and one may grow while it is read. */
static int read_all(struct arena *a, int fd, size_t size, size_t max_bytes, struct str *ret_bytes)
{
	size_t cap = size + 1, len = 0;
	char *p = arena_try_alloc(a, cap + 1), *bigger;
	ssize_t n;

	for (;;) {
		if (!p)
			return -ENOMEM;
		n = read_up_to(fd, p + len, cap - len);
		if (n < 0)
			return (int)n;
		len += (size_t)n;
		if (len > max_bytes)
			return -EFBIG;
		if (len < cap)
			break;
		cap = cap < 2048 ? 4096 : cap * 2;
		bigger = arena_try_alloc(a, cap + 1);
		if (bigger)
			memcpy(bigger, p, len);
		p = bigger;
	}
	p[len] = 0;
	*ret_bytes = (struct str){ p, len };
	return 0;
}

/* Some numbers say too little about what was refused. */
static const struct {
	int code;
	const char *text;
} read_faults[] = {
	{ -ENOTSUP, "not a regular file" },
	{ -EFBIG, "larger than allowed" },
	{ -EXDEV, "a symbolic link leads out of the directory" },
};

static int read_error(struct err *e, int code, const char *path)
{
	for (size_t i = 0; i < sizeof(read_faults) / sizeof(*read_faults); i++)
		if (read_faults[i].code == code)
			return err_set(e, code, "read '%s': %s", path, read_faults[i].text);
	return err_sys(e, code, "read '%s'", path);
}

int file_read_id(struct arena *a, int dir_fd, const char *path, size_t max_bytes, struct str *ret_bytes,
		 struct file_id *ret_id, struct err *e)
{
	int fd = open_beneath(dir_fd, path), r;
	struct file_id id = { 0 }; /* from before the first byte: a change while it is read shows as another one later */

	if (fd < 0) /* ENXIO: a socket */
		return read_error(e, fd == -ENXIO ? -ENOTSUP : fd, path);
	r = check_regular(fd, max_bytes, &id);
	if (!r)
		r = read_all(a, fd, (size_t)id.size, max_bytes, ret_bytes);
	close(fd);
	if (r)
		return read_error(e, r, path);
	*ret_id = id;
	return 0;
}

int file_read(struct arena *a, int dir_fd, const char *path, size_t max_bytes, struct str *ret_bytes, struct err *e)
{
	struct file_id id;

	return file_read_id(a, dir_fd, path, max_bytes, ret_bytes, &id, e);
}

int file_identify(int dir_fd, const char *path, struct file_id *ret_id)
{
	int fd = open_beneath(dir_fd, path), r;

	if (fd < 0)
		return fd == -ENXIO ? -ENOTSUP : fd;
	r = check_regular(fd, SIZE_MAX, ret_id);
	close(fd);
	return r;
}

int dir_open_beneath(int dir_fd, const char *path, struct err *e)
{
	int fd = open_beneath(dir_fd, path), r = fd < 0 ? fd : 0;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) < 0)
		r = -errno;
	else if (fd >= 0 && !S_ISDIR(st.st_mode))
		r = -ENOTDIR;
	if (!r)
		return fd;
	if (fd >= 0)
		close(fd);
	return err_sys(e, r, "open directory '%s'", path);
}

int file_write_all(int fd, struct str bytes)
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

/* Content, mode (whatever the umask) and durability of a file just created; closes fd in any case. */
static int fill(int fd, struct str bytes, mode_t mode)
{
	int r = file_write_all(fd, bytes);

	if (!r && fchmod(fd, mode) < 0)
		r = -errno;
	if (!r && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && !r)
		r = -errno;
	return r;
}

/* The directory of path and the last component. */
static int open_parent(int dir_fd, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char *parent;
	int fd;

	*ret_name = slash ? slash + 1 : path;
	if (!**ret_name)
		return -EISDIR;
	parent = slash == path ? strdup("/") : slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	if (!parent)
		return -ENOMEM;
	fd = openat(dir_fd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	free(parent);
	return fd;
}

static int sync_dir(int dir)
{
	/* EINVAL: a file system that cannot sync directories. */
	return fsync(dir) < 0 && errno != EINVAL ? -errno : 0;
}

static int open_new(int dir, const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd >= 0 ? fd : -errno;
}

/* Who writes a temporary holds a lock on it, so that file_sweep can tell it from one whose writer was killed; a pid says
 * nothing, it may be somebody else's by now. Where locks are missing nothing is swept. False: it was swept just before the
 * lock came. */
static bool claim(int fd)
{
	struct stat st;
	int r;

	do
		r = flock(fd, LOCK_EX);
	while (r < 0 && errno == EINTR);
	return r < 0 || fstat(fd, &st) < 0 || st.st_nlink > 0;
}

/* A temporary of this process; another thread's or a dead namesake's is passed over. */
static int open_temp(int dir, char ret_name[static 64])
{
	int fd = -EEXIST;

	for (unsigned i = 0; fd == -EEXIST && i < TEMP_TRIES; i++) {
		snprintf(ret_name, 64, FILE_TEMP_PREFIX "%ld-%u" FILE_TEMP_SUFFIX, (long)getpid(), i);
		fd = open_new(dir, ret_name);
		if (fd < 0 || claim(fd))
			continue;
		close(fd);
		fd = -EEXIST;
	}
	return fd;
}

static int replace(int dir, const char *name, struct str bytes, mode_t mode)
{
	char temp[64];
	int fd = open_temp(dir, temp), lock = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0), r;

	if (fd < 0)
		return fd;
	/* The close of the first tells of errors, the second keeps the lock until the name is gone. */
	r = fill(fd, bytes, mode);
	if (!r && renameat(dir, temp, dir, name) < 0)
		r = -errno;
	if (r)
		unlinkat(dir, temp, 0);
	if (lock >= 0)
		close(lock);
	return r ? r : sync_dir(dir);
}

static int create(int dir, const char *name, struct str bytes, mode_t mode)
{
	int fd = open_new(dir, name), r;

	if (fd < 0)
		return fd;
	r = fill(fd, bytes, mode);
	if (r)
		unlinkat(dir, name, 0);
	return r;
}

int file_create_in(int dir_fd, const char *name, struct str bytes, mode_t mode, struct err *e)
{
	int r = create(dir_fd, name, bytes, mode);

	return r < 0 ? err_sys(e, r, "create '%s'", name) : 0;
}

int file_write_atomic(int dir_fd, const char *path, struct str bytes, mode_t mode, struct err *e)
{
	const char *name;
	int dir = open_parent(dir_fd, path, &name), r = dir;

	if (dir >= 0) {
		r = replace(dir, name, bytes, mode);
		close(dir);
	}
	return r < 0 ? err_sys(e, r, "write '%s'", path) : 0;
}

int file_create(int dir_fd, const char *path, struct str bytes, mode_t mode, struct err *e)
{
	const char *name;
	int dir = open_parent(dir_fd, path, &name), r = dir;

	if (dir >= 0) {
		r = create(dir, name, bytes, mode);
		if (!r)
			r = sync_dir(dir);
		close(dir);
	}
	return r < 0 ? err_sys(e, r, "create '%s'", path) : 0;
}

struct name {
	struct name *next;
	char text[];
};

static int collect(struct arena *a, DIR *d, struct name **ret_first, size_t *ret_n)
{
	struct dirent *de;

	for (errno = 0; (de = readdir(d)); errno = 0) {
		size_t len = strlen(de->d_name);
		struct name *name;

		if (str_is(str_of(de->d_name), ".") || str_is(str_of(de->d_name), ".."))
			continue;
		name = arena_try_alloc(a, sizeof(*name) + len + 1);
		if (!name)
			return -ENOMEM;
		memcpy(name->text, de->d_name, len + 1);
		name->next = *ret_first;
		*ret_first = name;
		++*ret_n;
	}
	return -errno;
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int list(struct arena *a, int dir_fd, struct name **ret_first, size_t *ret_n)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (!d) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	r = collect(a, d, ret_first, ret_n);
	closedir(d);
	return r;
}

int dir_list(struct arena *a, int dir_fd, const char ***ret_names, size_t *ret_n, struct err *e)
{
	struct name *first = NULL;
	size_t n = 0, i = 0;
	const char **names;
	int r = list(a, dir_fd, &first, &n);

	if (r)
		return err_sys(e, r, "list directory");
	names = arena_array(a, const char *, n + 1);
	for (; first; first = first->next)
		names[i++] = first->text;
	qsort(names, n, sizeof(*names), compare_names);
	*ret_names = names;
	*ret_n = n;
	return 0;
}

/* As open_temp calls them. */
static bool is_temp(struct str name)
{
	struct str pid, serial;
	int64_t n;

	if (!str_starts(name, FILE_TEMP_PREFIX) || !str_ends_nocase(name, FILE_TEMP_SUFFIX))
		return false;
	name = str_skip(name, strlen(FILE_TEMP_PREFIX));
	name.len -= name.len < strlen(FILE_TEMP_SUFFIX) ? name.len : strlen(FILE_TEMP_SUFFIX);
	pid = str_cut(&name, '-');
	serial = name;
	return !str_int(pid, &n) && n > 0 && n <= INT_MAX && !str_int(serial, &n);
}

/* Removes it unless its writer lives: 1, 0, -errno. */
static int sweep_one(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, OPEN_FLAGS | O_NOFOLLOW), r = 0;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENXIO ? 0 : -errno;
	/* Without a link it is gone, and the name may be another's by now. */
	if (!flock(fd, LOCK_EX | LOCK_NB) && !fstat(fd, &st) && st.st_nlink && S_ISREG(st.st_mode))
		r = !unlinkat(dir_fd, name, 0) ? 1 : errno == ENOENT ? 0 : -errno;
	close(fd);
	return r;
}

int file_sweep(struct arena *a, int dir_fd, unsigned *ret_n, struct err *e)
{
	const char **names = NULL;
	size_t n = 0;
	int r = dir_list(a, dir_fd, &names, &n, e);

	for (size_t i = 0; !r && i < n; i++) {
		int swept = is_temp(str_of(names[i])) ? sweep_one(dir_fd, names[i]) : 0;

		if (swept < 0)
			r = err_sys(e, swept, "remove '%s'", names[i]);
		else
			*ret_n += (unsigned)swept;
	}
	return r;
}
