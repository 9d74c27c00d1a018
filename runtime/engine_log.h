#ifndef XRAT_RUNTIME_ENGINE_LOG_H
#define XRAT_RUNTIME_ENGINE_LOG_H
/* The files that an engine writes its output to by itself, since it may outlive us:
 *
 *   LOG_DIR/engine-client.out.log  .err.log        LOG_DIR/session-12.out.log  .err.log
 *   LOG_DIR/engine-client.out.log.1 …              what stood there before the last cut
 *
 * Opened with O_APPEND, so that cutting a file while the engine writes to it is safe: its next line lands at the start.
 * Lines written between the copy and the cut are lost. */
#include "lib/lib.h"

enum { ENGINE_LOG_OUT, ENGINE_LOG_ERR, ENGINE_LOG__N };
enum { ENGINE_LOG_MAX_BYTES = 8 * 1024 * 1024, ENGINE_WORDS_BYTES = 300 };
struct engine_log {
	int dir_fd; /* -1 = not open */
	int fd[ENGINE_LOG__N];
	char *name[ENGINE_LOG__N];
	uint64_t begin[ENGINE_LOG__N]; /* where this start's words begin */
	uint64_t max_bytes;
};
#define ENGINE_LOG_NONE ((struct engine_log){ .dir_fd = -1, .fd = { -1, -1 } })

/* Opens both files (mode 0600, a symbolic link or anything but a regular file is refused), making the directory (0700)
 * when it is missing; the words of a start begin at their present ends. Descriptors are above 2. max_bytes 0 = 8 MiB.
 * 0 or -errno, then *ret_log is ENGINE_LOG_NONE. */
int engine_log_open(const char *dir, const char *name, uint64_t max_bytes, struct engine_log *ret_log, struct err *e);
/* Where files have outgrown max_bytes: their last max_bytes become NAME.1 and they are emptied, also when there is no room
 * for the copy. */
void engine_log_cap(struct engine_log *l);
/* The same for a file that the engine opened itself, which must write to it with O_APPEND (Xray, V2Ray and the builtin
 * engine do): a regular file of ours, no link. max_bytes 0 = 8 MiB. Nothing that goes wrong is told. */
void engine_log_cap_file(const char *path, uint64_t max_bytes);
/* The last lines since the start on one clean line: of err.log, when that has none of out.log. Returns the length. */
size_t engine_log_words(const struct engine_log *l, char ret_words[ENGINE_WORDS_BYTES + 1]);
void engine_log_close(struct engine_log *l);

#endif
