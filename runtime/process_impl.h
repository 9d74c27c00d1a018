#ifndef XRAT_RUNTIME_PROCESS_IMPL_H
#define XRAT_RUNTIME_PROCESS_IMPL_H
/* Shared by the process*.c files. A descriptor of /proc/PID stays with that process: what is read through one is of one
 * process, whatever becomes of the pid. */
#include "runtime/process.h"

struct process_stat {
	char state;
	int ppid, session;
	uint64_t start_ticks;
};
/* A descriptor of /proc/PID, -ESRCH, -errno. */
int process_dir(int pid);
/* /proc/PID/stat through process_dir: 0, -ESRCH, -errno. */
int process_stat_read(int dir_fd, struct process_stat *ret_stat);
/* A whole file of /proc, NUL-terminated on the heap, at most max_bytes of it: 0, -ESRCH (the process has gone), -errno. */
int process_file(int dir_fd, const char *name, size_t max_bytes, char **ret_text, size_t *ret_len);
/* pidfd_open: a descriptor, -ESRCH, -errno. */
int process_pidfd(int pid);
/* Calls fn for every pid of /proc until it returns nonzero; that, 0 or -errno. */
typedef int process_each_fn(void *ctx, int pid);
int process_each(process_each_fn *fn, void *ctx);
/* Whether a NUL-separated list (cmdline, environ) has exactly this item. */
bool process_has_item(const char *list, size_t len, const char *item);

#endif
