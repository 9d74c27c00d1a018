/* Engines of ours among all processes. A session's file among the arguments is not enough to be one (an editor that shows
 * it has that too): it must also carry the mark that its supervisor gave it in its environment. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/session_impl.h"

enum { ENGINES_MAX = 64, PROC_MAX_BYTES = 256 * 1024, FILE_MAX = 4096, MARK_MAX = 2 * FILE_MAX };

struct search {
	struct arena *a;     /* only tried: descriptors are open here */
	const char *root;
	struct str front;    /* of every session's file */
	struct session_engine engines[ENGINES_MAX];
	size_t n;
	char text[PROC_MAX_BYTES + 1], file[FILE_MAX], mark[MARK_MAX];
};

/* A file of /proc/PID in s->text, with a NUL behind it; its length. */
static size_t read_proc(struct search *s, int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 1;

	while (fd >= 0 && n > 0 && len < PROC_MAX_BYTES) {
		n = read(fd, s->text + len, PROC_MAX_BYTES - len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	s->text[len] = 0;
	return len;
}

static bool is_session_file(const struct search *s, const char *arg)
{
	return str_starts(str_of(arg), s->front.p) && str_ends_nocase(str_of(arg), ".json") &&
	       !strchr(arg + s->front.len, '/') && strlen(arg) < FILE_MAX;
}

/* The argument that is a session's file, into s->file. */
static bool has_file(struct search *s, int dir_fd)
{
	size_t len = read_proc(s, dir_fd, "cmdline");

	for (const char *at = s->text; at < s->text + len; at += strlen(at) + 1)
		if (is_session_file(s, at)) {
			memcpy(s->file, at, strlen(at) + 1);
			return true;
		}
	return false;
}

/* XRAT_ENGINE=session-12@ROOT for …/session-12.json */
static bool has_mark(struct search *s, int dir_fd)
{
	const char *base = strrchr(s->file, '/') + 1;
	size_t len = read_proc(s, dir_fd, "environ");

	snprintf(s->mark, sizeof(s->mark), "XRAT_ENGINE=%.*s@%s", (int)(strlen(base) - strlen(".json")), base, s->root);
	for (const char *at = s->text; at < s->text + len; at += strlen(at) + 1)
		if (str_is(str_of(at), s->mark))
			return true;
	return false;
}

static bool is_own(int dir_fd)
{
	struct stat st;

	return !fstat(dir_fd, &st) && st.st_uid == geteuid();
}

static int keep(struct search *s, const struct process_id *id)
{
	const char *base = strrchr(s->file, '/') + 1;
	size_t len = strlen(base) - strlen(".json"), file_len = strlen(s->file);
	char *file = arena_try_alloc(s->a, file_len + 1), *name = arena_try_alloc(s->a, len + 1);

	if (!file || !name)
		return -ENOMEM;
	memcpy(name, base, len);
	memcpy(file, s->file, file_len);
	s->engines[s->n++] = (struct session_engine){ .id = *id, .file = file, .name = name };
	return 0;
}

/* All is read through one descriptor, so of one process; the identity around it must be the same. */
static int look(struct search *s, int pid)
{
	struct process_id before, after;
	char path[32];
	int dir_fd, r = process_identify(pid, &before);
	bool is_engine;

	if (r)
		return r == -ENOMEM ? r : 0;
	snprintf(path, sizeof(path), "/proc/%d", pid);
	dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return 0;
	is_engine = is_own(dir_fd) && has_file(s, dir_fd) && has_mark(s, dir_fd);
	close(dir_fd);
	r = is_engine ? process_identify(pid, &after) : 0;
	if (r == -ENOMEM)
		return r;
	return is_engine && !r && after.start_ticks == before.start_ticks ? keep(s, &after) : 0;
}

static int look_at_all(struct search *s)
{
	DIR *d = opendir("/proc");
	struct dirent *entry;
	int r = d ? 0 : -errno, self = getpid();

	while (!r && d && s->n < ENGINES_MAX && (entry = readdir(d))) {
		int pid = (int)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && pid != self)
			r = look(s, pid);
	}
	if (d)
		closedir(d);
	return r;
}

int session_find(struct arena *a, const char *root, const char *dir, struct session_engine **ret_engines, size_t *ret_n)
{
	struct search *s = arena_new_of(a, struct search);
	int r;

	s->a = a;
	s->root = root;
	s->front = str_of(arena_printf(a, "%s/session-", dir));
	r = look_at_all(s);
	*ret_engines = s->engines;
	*ret_n = s->n;
	return r;
}
