/* Identity of processes, from /proc, and pidfds. */
#include "runtime/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/process_impl.h"

enum { STAT_MAX = 4096, ARGS_MAX = 256 * 1024, FIELD_STATE = 3, FIELD_PPID = 4, FIELD_SESSION = 6, FIELD_START = 22 };

/* ENOENT: no such directory; ESRCH: it went while it was read. */
static int gone(int error)
{
	return error == ENOENT ? -ESRCH : -error;
}

int process_dir(int pid)
{
	char path[32];
	int fd;

	if (pid <= 0)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? gone(errno) : fd;
}

static ssize_t read_all(int fd, char *to, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, to + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return gone(errno);
		if (!n)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

int process_file(int dir_fd, const char *name, size_t max_bytes, char **ret_text, size_t *ret_len)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	char *text = malloc(max_bytes + 1);
	ssize_t n = fd < 0 ? gone(errno) : !text ? -ENOMEM : read_all(fd, text, max_bytes);

	if (fd >= 0)
		close(fd);
	if (n < 0) {
		free(text);
		return (int)n;
	}
	text[n] = 0;
	*ret_text = text;
	*ret_len = (size_t)n;
	return 0;
}

/* proc_pid_stat(5). The name in field 2 may hold anything, ')' included: fields are counted behind the last one. */
static int stat_parse(const char *text, struct process_stat *ret_stat)
{
	const char *p = strrchr(text, ')');

	for (int field = FIELD_STATE; p && *p; field++) {
		p = strchr(p, ' ');
		if (!p)
			break;
		p++;
		if (field == FIELD_STATE)
			ret_stat->state = *p;
		else if (field == FIELD_PPID)
			ret_stat->ppid = (int)strtol(p, NULL, 10);
		else if (field == FIELD_SESSION)
			ret_stat->session = (int)strtol(p, NULL, 10);
		else if (field == FIELD_START) {
			ret_stat->start_ticks = strtoull(p, NULL, 10);
			return 0;
		}
	}
	return -EPROTO;
}

int process_stat_read(int dir_fd, struct process_stat *ret_stat)
{
	char *text;
	size_t len;
	int r = process_file(dir_fd, "stat", STAT_MAX, &text, &len);

	if (r)
		return r;
	r = stat_parse(text, ret_stat);
	free(text);
	return r;
}

static int boot_id_read(char ret_id[BOOT_ID_TEXT])
{
	char *text;
	size_t len;
	int r = process_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", STAT_MAX, &text, &len);

	if (r)
		return r;
	snprintf(ret_id, BOOT_ID_TEXT, "%.*s", (int)strcspn(text, "\n"), text);
	free(text);
	return 0;
}

static bool is_dead(char state)
{
	return state == 'Z' || state == 'X' || state == 'x';
}

static int identify_dir(int dir_fd, int pid, bool or_dead, struct process_id *ret_id)
{
	struct process_id id = { .pid = pid };
	struct process_stat st;
	struct stat exe;
	int r = process_stat_read(dir_fd, &st);

	if (!r && !or_dead && is_dead(st.state))
		r = -ESRCH;
	if (!r)
		r = boot_id_read(id.boot_id);
	if (r)
		return r;
	id.start_ticks = st.start_ticks;
	if (!fstatat(dir_fd, "exe", &exe, 0)) {
		id.exe_dev = exe.st_dev;
		id.exe_ino = exe.st_ino;
	}
	*ret_id = id;
	return 0;
}

static int identify(int pid, bool or_dead, struct process_id *ret_id)
{
	int fd = process_dir(pid), r;

	if (fd < 0)
		return fd;
	r = identify_dir(fd, pid, or_dead, ret_id);
	close(fd);
	return r;
}

int process_identify(int pid, struct process_id *ret_id)
{
	return identify(pid, false, ret_id);
}

int process_identify_child(int pid, struct process_id *ret_id)
{
	return identify(pid, true, ret_id);
}

int process_pidfd(int pid)
{
	int fd = pid > 0 ? pidfd_open(pid, 0) : -1;

	if (fd >= 0)
		return fd;
	/* EINVAL and ENOENT: the number is that of a thread. */
	return pid <= 0 || errno == EINVAL || errno == ENOENT ? -ESRCH : -errno;
}

bool process_has_item(const char *list, size_t len, const char *item)
{
	size_t item_len = strlen(item);

	for (const char *p = list, *end = list + len; p < end; p += strnlen(p, (size_t)(end - p)) + 1)
		if (strnlen(p, (size_t)(end - p)) == item_len && !memcmp(p, item, item_len))
			return true;
	return false;
}

static bool same_process(const struct process_id *a, const struct process_id *b)
{
	bool exe_known = a->exe_ino && b->exe_ino;

	return a->pid == b->pid && a->start_ticks == b->start_ticks && !memcmp(a->boot_id, b->boot_id, BOOT_ID_TEXT) &&
		(!exe_known || (a->exe_dev == b->exe_dev && a->exe_ino == b->exe_ino));
}

/* 0: it is this process. */
static int compare(const struct process_id *id, const char *file)
{
	struct process_id now;
	char *args = NULL;
	size_t len = 0;
	int dir = process_dir(id->pid), r;

	if (dir < 0)
		return dir;
	r = identify_dir(dir, id->pid, false, &now);
	if (!r && !same_process(id, &now))
		r = -ESRCH;
	if (!r && file)
		r = process_file(dir, "cmdline", ARGS_MAX, &args, &len);
	if (!r && file && !process_has_item(args, len, file))
		r = -ESRCH;
	free(args);
	close(dir);
	return r;
}

int process_open(const struct process_id *id, const char *file)
{
	int fd = process_pidfd(id->pid), r;

	if (fd < 0)
		return fd;
	r = compare(id, file);
	if (!r)
		return fd;
	close(fd);
	return r;
}

int process_signal(int pidfd, int signal)
{
	return pidfd_send_signal(pidfd, signal, NULL, 0) ? -errno : 0;
}

bool process_ended(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

char process_state(const struct process_id *id)
{
	struct process_stat st;
	int fd = process_dir(id->pid), r;

	if (fd < 0)
		return 0;
	r = process_stat_read(fd, &st);
	close(fd);
	return r || st.start_ticks != id->start_ticks ? 0 : st.state;
}

void process_name(int pid, char *ret_name, size_t name_len)
{
	char *text;
	size_t len;
	int fd = process_dir(pid);

	*ret_name = 0;
	if (fd < 0)
		return;
	if (!process_file(fd, "comm", STAT_MAX, &text, &len)) {
		snprintf(ret_name, name_len, "%.*s", (int)strcspn(text, "\n"), text);
		free(text);
	}
	close(fd);
}

int process_each(process_each_fn *fn, void *ctx)
{
	DIR *d = opendir("/proc");
	struct dirent *entry;
	int r = 0;

	if (!d)
		return -errno;
	while (!r && (entry = readdir(d)))
		if (isdigit((unsigned char)entry->d_name[0]))
			r = fn(ctx, (int)strtol(entry->d_name, NULL, 10));
	closedir(d);
	return r;
}
