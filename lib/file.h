#ifndef XRAT_LIB_FILE_H
#define XRAT_LIB_FILE_H
/* Reading beneath a root and writing atomically. Descriptors are close-on-exec from birth. */
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
/* Creates a file that must not exist: 0, -EEXIST, -errno. */
int file_create(int dir_fd, const char *path, struct str bytes, mode_t mode, struct err *e);

/* Sorted names in a directory without . and ..; *ret_names in the arena. */
int dir_list(struct arena *a, int dir_fd, const char ***ret_names, size_t *ret_n, struct err *e);

#endif
