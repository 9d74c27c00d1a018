/* audit.log: one JSON object a line.
 *
 *   {"time":…,"pid":…,"phase":"begin","action":"publish","role":"client","generation":7,"new_generation":true,
 *    "request_id":…,"old_digest":…,"new_digest":…,"result":…,"detail":…,"actor":{"uid":…,"name":…,"sudo_user":…,"program":…}}
 *
 * Both roles write it, from several processes, so a line is one write under flock on the log itself, and whoever waited
 * looks whether the name still leads to what it has open: a rotation may have come between. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/publish_impl.h"

#define LOG "audit.log"
enum { ROTATE_BYTES = 1 << 20, KEPT = 5, TAIL_BYTES = 256 * 1024, TEXT_MAX = 4096, LOCK_WAIT_MS = 10000, RACE_TRIES = 100 };
enum { LOG_MODE = 0600, LOG_NAME = 24 };

static const struct {
	const char *key;
	size_t offset;
} texts[] = {
	{ "request_id", offsetof(struct audit, request_id) }, { "old_digest", offsetof(struct audit, old_digest) },
	{ "new_digest", offsetof(struct audit, new_digest) }, { "result", offsetof(struct audit, result) },
	{ "detail", offsetof(struct audit, detail) },
};
enum { TEXTS = sizeof(texts) / sizeof(*texts) };

/* --- one line --- */

/* A member, unless the text is empty; what is not UTF-8 or too long is cut off there. */
static void put_text(struct buf *line, const char *key, const char *text)
{
	struct str s = str_of(text);
	size_t bad;

	if (s.len > TEXT_MAX)
		s.len = TEXT_MAX;
	if (!str_is_utf8(s, &bad))
		s.len = bad;
	if (!s.len)
		return;
	buf_printf(line, ",\"%s\":", key);
	json_write_string(line, s);
}

static void put_actor(struct buf *line, const struct actor *actor)
{
	buf_printf(line, ",\"actor\":{\"uid\":%u", actor->uid);
	put_text(line, "name", actor->name);
	put_text(line, "sudo_user", actor->sudo_user);
	put_text(line, "program", actor->program);
	buf_puts(line, "}");
}

/* The line behind a newline, which is written too when the last line has none. */
static void compose(struct buf *line, const struct audit *l)
{
	char now[CLOCK_TEXT];

	clock_text(now);
	buf_printf(line, "\n{\"time\":\"%s\",\"pid\":%ld", now, (long)getpid());
	put_text(line, "phase", l->phase);
	put_text(line, "action", l->action);
	if (l->role >= 0)
		put_text(line, "role", role_names[l->role]);
	if (l->generation)
		buf_printf(line, ",\"generation\":%" PRIu64, l->generation);
	if (l->is_new)
		buf_puts(line, ",\"new_generation\":true");
	for (size_t i = 0; i < TEXTS; i++)
		put_text(line, texts[i].key, *(const char *const *)((const char *)l + texts[i].offset));
	put_actor(line, &l->actor);
	buf_puts(line, "}\n");
}

/* --- the file --- */

static int open_log(int root_fd, const char *name, int flags)
{
	int fd;

	do
		fd = openat(root_fd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, LOG_MODE);
	while (fd < 0 && errno == EINTR);
	return fd >= 0 ? fd : -errno;
}

/* A regular file that nobody else can read. */
static int check_log(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOTSUP;
	return (st.st_mode & 07777) != LOG_MODE && fchmod(fd, LOG_MODE) < 0 ? -errno : 0;
}

/* 0: open and locked under its name; 1: it was rotated away meanwhile; -errno. */
static int open_locked(int root_fd, int *ret_fd)
{
	int fd = open_log(root_fd, LOG, O_RDWR | O_APPEND | O_CREAT), r;

	if (fd < 0)
		return fd;
	r = check_log(fd);
	if (!r)
		r = lock_wait(fd, LOCK_WAIT_MS);
	if (r == 1)
		r = -ETIMEDOUT;
	if (!r)
		r = lock_is_current(fd, root_fd, LOG);
	if (r == 1) {
		*ret_fd = fd;
		return 0;
	}
	close(fd);
	return r ? r : 1;
}

static void old_name(unsigned i, char ret_name[static LOG_NAME])
{
	snprintf(ret_name, LOG_NAME, i ? LOG ".%u" : LOG, i);
}

/* The first number that is free, else the last: a killed rotation leaves a gap, and filling it loses nothing. */
static int find_gap(int root_fd, unsigned *ret_gap)
{
	char name[LOG_NAME];
	struct stat st;

	for (unsigned i = 1; i < KEPT; i++) {
		old_name(i, name);
		if (!fstatat(root_fd, name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		*ret_gap = i;
		return errno == ENOENT ? 0 : -errno;
	}
	*ret_gap = KEPT;
	return 0;
}

/* With the lock on the newest one held. */
static int rotate(int root_fd)
{
	char from[LOG_NAME], to[LOG_NAME];
	unsigned i;
	int r = find_gap(root_fd, &i);

	for (; !r && i > 0; i--) {
		old_name(i - 1, from);
		old_name(i, to);
		if (renameat(root_fd, from, root_fd, to) < 0)
			r = -errno;
	}
	return r;
}

/* The log under its lock with room for a line; *ret_size is what it holds. */
static int open_for_line(int root_fd, bool may_rotate, int *ret_fd, off_t *ret_size)
{
	struct stat st;
	int r = 1, fd = -1;

	for (int i = 0; r == 1 && i < RACE_TRIES; i++) {
		r = open_locked(root_fd, &fd);
		if (r)
			continue;
		if (fstat(fd, &st) < 0)
			r = -errno;
		else if (may_rotate && st.st_size >= ROTATE_BYTES && !(r = rotate(root_fd)))
			r = 1; /* the next round makes a new one */
		if (r)
			close(fd);
	}
	if (r)
		return r == 1 ? -EAGAIN : r;
	*ret_fd = fd;
	*ret_size = st.st_size;
	return 0;
}

/* 1, 0, -errno. */
static int ends_in_newline(int fd, off_t size)
{
	char last = '\n';
	ssize_t n;

	do
		n = size ? pread(fd, &last, 1, size - 1) : 0;
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : last == '\n';
}

/* One write; what a full disk took of it is taken back. */
static int append(int fd, off_t size, struct str line)
{
	ssize_t n;
	int r = ends_in_newline(fd, size);

	if (r < 0)
		return r;
	line = str_skip(line, r ? 1 : 0);
	do
		n = write(fd, line.p, line.len);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && (size_t)n == line.len)
		return fsync(fd) < 0 ? -errno : 0;
	r = n < 0 ? -errno : -ENOSPC;
	if (n > 0 && ftruncate(fd, size) < 0)
		r = -errno;
	return r;
}

static int write_line(int root_fd, bool may_rotate, struct str line, struct err *e)
{
	off_t size;
	int fd, r = open_for_line(root_fd, may_rotate, &fd, &size);

	if (r == -ELOOP || r == -ENOTSUP)
		return err_set(e, r, "'" LOG "' is not a regular file; move it away");
	if (r)
		return err_sys(e, r, "open '" LOG "'");
	r = append(fd, size, line);
	if (close(fd) < 0 && !r)
		r = -errno;
	if (r)
		return err_sys(e, r, "write '" LOG "'");
	return size ? 0 : dir_sync(root_fd, ".", e); /* a new file, perhaps behind a rotation */
}

int audit_write(const struct state *s, const struct audit *line, struct err *e)
{
	struct buf text = { 0 };
	bool is_end = line->phase && str_is(str_of(line->phase), "end");
	int r;

	compose(&text, line);
	r = text.failed ? err_sys(e, -ENOMEM, "write '" LOG "'") :
			  write_line(s->root_fd, !is_end, (struct str){ text.p, text.len }, e);
	buf_fini(&text);
	return r;
}

/* --- what stands in it --- */

static int read_at(int fd, char *p, size_t len, off_t offset)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = pread(fd, p + have, len - have, offset + (off_t)have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return 0;
}

/* The last TAIL_BYTES, from the begin of a line on; *ret_whole: that is all of it. No file is an empty one. */
static int read_tail(struct arena *a, int root_fd, const char *name, struct str *ret_tail, bool *ret_whole)
{
	int fd = open_log(root_fd, name, O_RDONLY), r;
	struct stat st = { 0 };
	char *p = NULL;
	size_t len;

	*ret_whole = true;
	*ret_tail = (struct str){ NULL, 0 };
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -ENOTSUP;
	len = st.st_size > TAIL_BYTES ? TAIL_BYTES : (size_t)st.st_size;
	if (!r && !(p = arena_try_alloc(a, len + 1)))
		r = -ENOMEM;
	if (!r)
		r = read_at(fd, p, len, st.st_size - (off_t)len);
	close(fd);
	if (r)
		return r;
	*ret_tail = (struct str){ p, len };
	*ret_whole = len == (size_t)st.st_size;
	if (!*ret_whole)
		str_cut(ret_tail, '\n');
	return 0;
}

static const char *copy_text(struct arena *a, const struct value *v, const char *key)
{
	struct str s = value_get_str(v, key);

	return s.len ? arena_memdup(a, s.p, s.len) : NULL;
}

/* 0 when it is a begin or end line of the role. */
static int decode(struct arena *a, struct str text, enum role role, struct audit *l)
{
	const struct value *number, *is_new;
	struct value v;
	int64_t n;

	if (!memmem(text.p, text.len, STR("\"phase\":").p, STR("\"phase\":").len) || meta_parse_object(a, text, &v))
		return -EINVAL;
	number = value_get(&v, "generation");
	is_new = value_get(&v, "new_generation");
	*l = (struct audit){ .phase = copy_text(a, &v, "phase"), .action = copy_text(a, &v, "action"), .role = role };
	if (!l->phase || !str_is(value_get_str(&v, "role"), role_names[role]) || !number || value_int(number, &n) || n <= 0)
		return -EINVAL;
	l->generation = (uint64_t)n;
	l->is_new = is_new && is_new->kind == VAL_BOOL && is_new->truth;
	for (size_t i = 0; i < TEXTS; i++)
		*(const char **)((char *)l + texts[i].offset) = copy_text(a, &v, texts[i].key);
	return 0;
}

/* From the newest line back. */
static int find_last(struct arena *a, struct str tail, enum role role, struct audit *ret_line)
{
	while (tail.len) {
		const char *newline = memrchr(tail.p, '\n', tail.len);
		size_t begin = newline ? (size_t)(newline - tail.p) + 1 : 0;
		struct audit line;

		if (begin < tail.len && !decode(a, str_skip(tail, begin), role, &line)) {
			*ret_line = line;
			return 0;
		}
		tail.len = newline ? begin - 1 : 0;
	}
	return 1;
}

int audit_last(struct arena *a, const struct state *s, enum role role, struct audit *ret_line, struct err *e)
{
	bool whole = true;
	int r = 1;

	/* The begin line may have been rotated away behind other lines; the log before that can only hold older ones. */
	for (unsigned i = 0; r == 1 && whole && i < 2; i++) {
		char name[LOG_NAME];
		struct str tail;

		old_name(i, name);
		r = read_tail(a, s->root_fd, name, &tail, &whole);
		if (r)
			return err_sys(e, r, "read '%s'", name);
		r = find_last(a, tail, role, ret_line);
	}
	return r;
}
