/* What killed trials leave: a directory RUNTIME_DIR/test-XXXXXXXX whose lock nobody holds, and perhaps the engine that
 * runs from the file in it. The lock is on the directory itself and goes with its holder, so no number of a process has to
 * be remembered or believed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/trial_impl.h"

enum { ARGS_BYTES = 64 * 1024 };

int sweep_hold(int parent_fd, const char *name, int *ret_fd)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = lock_wait(fd, 0);
	if (!r)
		r = lock_is_current(fd, parent_fd, name) == 1 ? 0 : -ENOENT;
	if (r)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

/* Whether one of the arguments of a process is this path. */
static bool has_argument(int pid, const char *path, char *args)
{
	char name[40];
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/cmdline", pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, args, ARGS_BYTES);
	close(fd);
	args[n > 0 ? n : 0] = 0;
	for (const char *at = args; n > 0 && at < args + n; at += strlen(at) + 1)
		if (!strcmp(at, path))
			return true;
	return false;
}

/* Looked at again once it is held: it is this process and has this argument. */
static void end_process(int pid, const char *file)
{
	struct process_id id;
	int pidfd;

	if (process_identify(pid, &id))
		return;
	pidfd = process_open(&id, file);
	if (pidfd < 0)
		return;
	process_signal(pidfd, SIGKILL);
	close(pidfd);
}

static void end_engines(const char *file)
{
	DIR *proc = opendir("/proc");
	char *args = malloc(ARGS_BYTES + 1);
	struct dirent *entry;

	while (proc && args && (entry = readdir(proc))) {
		int pid = (int)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && pid != getpid() && has_argument(pid, file, args))
			end_process(pid, file);
	}
	free(args);
	if (proc)
		closedir(proc);
}

static void sweep_one(int parent_fd, const char *runtime_dir, const char *name)
{
	struct err ignored = { 0 };
	char *file = NULL;
	int fd = -1;

	if (sweep_hold(parent_fd, name, &fd))
		return;
	if (asprintf(&file, "%s/%s/xray.json", runtime_dir, name) >= 0) {
		end_engines(file);
		free(file);
	}
	tree_remove(parent_fd, name, &ignored);
	err_fini(&ignored);
	close(fd);
}

void trial_sweep(const char *runtime_dir)
{
	DIR *dir = opendir(runtime_dir);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (str_starts(str_of(entry->d_name), TRIAL_DIR_PREFIX))
			sweep_one(dirfd(dir), runtime_dir, entry->d_name);
	if (dir)
		closedir(dir);
}
