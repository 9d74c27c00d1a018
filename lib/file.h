#ifndef XRAT_LIB_FILE_H
#define XRAT_LIB_FILE_H
/* Reading beneath a root and writing atomically. Descriptors are close-on-exec from birth. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"
#include "lib/str.h"

/* Opens a directory; the descriptor or -errno. */
int dir_open(const char *path, struct err *e);

/* Reads a regular file below dir_fd (openat2 RESOLVE_BENEATH: no symbolic link or .. leads out of it; O_NONBLOCK, so a
 * FIFO never hangs). dir_fd AT_FDCWD reads any path. *ret_bytes is NUL-terminated in the arena.
 * 0; -ENOENT; -EFBIG over max_bytes; -EISDIR; -EXDEV leads out of the root; -ENOTSUP not a regular file; -errno. */
int file_read(struct arena *a, int dir_fd, const char *path, size_t max_bytes, struct str *ret_bytes, struct err *e);

/* Opens a directory below dir_fd by the same rule. A descriptor; -ENOENT, -ENOTDIR, -EXDEV, -errno. */
int dir_open_beneath(int dir_fd, const char *path, struct err *e);

/* What file_read falls back to where openat2 is missing: walks the components, refuses symbolic links (-ELOOP,
 * -ENOTDIR), '..' and absolute paths (-EXDEV). A descriptor or -errno. */
int file_open_walk(int dir_fd, const char *path);

/* Writes by an O_EXCL temporary beside path, fsync, rename, fsync of the directory. 0 or -errno; on failure the old
 * file is untouched and nothing is left behind. */
int file_write_atomic(int dir_fd, const char *path, struct str bytes, mode_t mode, struct err *e);
/* All of it to a descriptor. 0 or -errno. */
int file_write_all(int fd, struct str bytes);
/* The descriptor that a path such as /dev/stdout or /dev/fd/3 names, -1 = none. */
int file_out_fd(const char *path);
/* To what a user names: a descriptor, a character device or a pipe (of this user or root) is written to and stays; everything
 * else as file_write_atomic does it. 0; -EACCES: the pipe is somebody else's; -errno. */
int file_write_out(const char *path, struct str bytes, mode_t mode, struct err *e);
/* Creates a file that must not exist: 0, -EEXIST, -errno. */
int file_create(int dir_fd, const char *path, struct str bytes, mode_t mode, struct err *e);
/* The same below dir_fd itself and without making the name durable, for a directory that is synced once when it is
 * full. */
int file_create_in(int dir_fd, const char *name, struct str bytes, mode_t mode, struct err *e);
/* Removes the temporaries that killed file_write_atomic calls left in a directory; those of living processes stay. *ret_n
 * is raised by their number. */
int file_sweep(struct arena *a, int dir_fd, unsigned *ret_n, struct err *e);

/* Makes a directory below dir_fd unless it is there (a symbolic link in its place is refused), syncs the parent, and
 * opens it. A descriptor or -errno. */
int dir_make(int dir_fd, const char *name, mode_t mode, struct err *e);
/* Puts a symbolic link `name` -> target in place of whatever name was, in one rename; syncs the directory. 0 or -errno; on
 * failure before the rename the old link is untouched and nothing is left behind. *ret_switched (may be NULL) tells
 * whether the rename had happened. The link is made as ".NAME.new" (link_sweep removes what a kill leaves of it), so two
 * who switch the same name must exclude each other. */
int link_switch(int dir_fd, const char *target, const char *name, bool *ret_switched, struct err *e);
/* Removes the leftover of a killed link_switch. 1: there was one; 0; -errno. */
int link_sweep(int dir_fd, const char *name, struct err *e);
/* Removes a file or a whole tree without ever following a link; absent is fine. 0 or -errno of the first fault. */
int tree_remove(int dir_fd, const char *name, struct err *e);
/* fsync; an error is final, the same descriptor is never synced again. */
int file_sync(int fd, const char *what, struct err *e);
/* Opens a directory below dir_fd that must not be a symbolic link. A descriptor; -ENOENT, -errno. */
int dir_open_own(int dir_fd, const char *name, struct err *e);
/* Makes the names in a directory durable, by a descriptor opened for it: dir_fd can be kept and synced again. */
int dir_sync(int dir_fd, const char *what, struct err *e);

/* What tells a file from its successor. */
struct file_id {
	uint64_t dev, ino, size;
	int64_t mtime_ns, ctime_ns;
};
/* file_read that also says which file it was (fstat of the descriptor that was read). */
int file_read_id(struct arena *a, int dir_fd, const char *path, size_t max_bytes, struct str *ret_bytes,
		 struct file_id *ret_id, struct err *e);
/* The identity of what the path leads to now, by the same rules; -errno as file_read. */
int file_identify(int dir_fd, const char *path, struct file_id *ret_id);

/* Sorted names in a directory without . and ..; *ret_names in the arena. */
int dir_list(struct arena *a, int dir_fd, const char ***ret_names, size_t *ret_n, struct err *e);

#endif
