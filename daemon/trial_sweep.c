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
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/trial_impl.h"

enum { TEXTS_BYTES = 256 * 1024 };

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

/* Whether one of the texts of a file of /proc, of a process of this user, begins with these words. */
static bool has_text(int pid, const char *file, const char *begin, char *texts)
{
	struct stat st;
	char name[40];
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/%s", pid, file);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = fstat(fd, &st) || st.st_uid != geteuid() ? 0 : read(fd, texts, TEXTS_BYTES);
	close(fd);
	texts[n > 0 ? n : 0] = 0;
	for (const char *at = texts; n > 0 && at < texts + n; at += strlen(at) + 1)
		if (str_starts(str_of(at), begin))
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

/* An engine has the mark of its trial in its environment; who only looks at the file has not. */
static void end_engines(const char *file, const char *mark)
{
	DIR *proc = opendir("/proc");
	char *texts = malloc(TEXTS_BYTES + 1);
	struct dirent *entry;

	while (proc && texts && (entry = readdir(proc))) {
		int pid = (int)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && pid != getpid() && has_text(pid, "cmdline", file, texts) && has_text(pid, "environ", mark, texts))
			end_process(pid, file);
	}
	free(texts);
	if (proc)
		closedir(proc);
}

static void sweep_one(int parent_fd, const char *runtime_dir, const char *name)
{
	struct err ignored = { 0 };
	char *file = NULL, *mark = NULL;
	int fd = -1;

	if (sweep_hold(parent_fd, name, &fd))
		return;
	if (asprintf(&file, "%s/%s/xray.json", runtime_dir, name) < 0)
		file = NULL;
	if (asprintf(&mark, "XRAT_ENGINE=%s@", name) < 0)
		mark = NULL;
	if (file && mark)
		end_engines(file, mark);
	free(file);
	free(mark);
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
