/* What goes into the archive, and reading it. Everything below CONFIG_ROOT may be hostile: files are opened beneath the
 * root, nothing but a regular file is read, and no descriptor is open where memory may run out. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/bundle_impl.h"

enum { SECRET_MAX = 64 * 1024, PROBLEMS_MAX = 1000 };

void bundle_problem(struct bundle *b, const char *name, const char *fmt, ...)
{
	struct value v = value_object(SPAN_NONE);
	va_list ap;

	if (b->problems.n >= PROBLEMS_MAX || b->only_learn)
		return;
	va_start(ap, fmt);
	value_put_str(b->a, &v, "name", name);
	value_put_str(b->a, &v, "reason", arena_vprintf(b->a, fmt, ap));
	va_end(ap);
	value_push(b->a, &b->problems, v);
}

void bundle_progress(const struct bundle *b, const char *what)
{
	if (b->o->progress)
		b->o->progress(b->o->ctx, what);
}

void bundle_put(struct bundle *b, const char *name, struct str bytes, enum mask_form form, const char *note)
{
	struct bundle_member *m;

	if (b->only_learn) {
		mask_learn(b->mask, bytes, form, NULL);
		return;
	}
	if (bytes.len > BUNDLE_MAX - b->total) {
		bundle_problem(b, name, "the archive is full at %d MiB", BUNDLE_MAX >> 20);
		if (b->mask)
			mask_learn(b->mask, bytes, form, NULL);
		return;
	}
	if (b->n == b->cap)
		b->v = arena_grow(b->a, b->v, b->n, sizeof(*b->v), &b->cap);
	m = &b->v[b->n++];
	*m = (struct bundle_member){ .name = name, .note = note, .bytes = bytes, .form = form };
	b->total += bytes.len;
	if (b->mask)
		mask_learn(b->mask, bytes, form, &m->ranges);
}

void bundle_put_json(struct bundle *b, const char *name, const struct value *v)
{
	struct buf out = { 0 };
	struct str bytes;

	json_write(&out, v);
	bytes = (struct str){ out.failed ? "" : arena_memdup(b->a, out.p, out.len), out.len };
	if (out.failed)
		bundle_problem(b, name, "out of memory");
	else
		bundle_put(b, name, bytes, MASK_TEXT, NULL);
	buf_fini(&out);
}

/* --- reading without links ---------------------------------------------------------------------------------------- */
static int read_at(int fd, char *p, size_t len, off_t from, size_t *ret_len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, p + got, len - got, from + (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		got += (size_t)n;
	}
	*ret_len = got;
	return 0;
}

/* At most `max` bytes, from the start or the end of the file. *ret_size is the whole. */
static int read_part(struct arena *a, int fd, size_t max, bool tail, struct str *ret_bytes, uint64_t *ret_size)
{
	struct stat st;
	size_t len;
	char *p;
	int r;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -ENOTSUP;
	*ret_size = (uint64_t)st.st_size;
	len = *ret_size < max ? (size_t)st.st_size : max;
	p = arena_try_alloc(a, len + 1);
	if (!p)
		return -ENOMEM;
	r = read_at(fd, p, len, tail ? st.st_size - (off_t)len : 0, &len);
	*ret_bytes = (struct str){ p, len };
	return r;
}

/* A secret must not be cut in two: the part of a line goes too. */
static struct str whole_lines(struct str bytes, bool tail)
{
	const char *p = tail ? memchr(bytes.p, '\n', bytes.len) : memrchr(bytes.p, '\n', bytes.len);
	size_t at = p ? (size_t)(p - bytes.p) + 1 : 0;

	if (!p)
		return (struct str){ bytes.p, 0 };
	return tail ? str_skip(bytes, at) : (struct str){ bytes.p, at };
}

static int read_plain(struct bundle *b, int dir_fd, const char *path, bool tail, struct str *ret_bytes,
		      const char **ret_note)
{
	size_t max = tail ? BUNDLE_LOG_MAX : BUNDLE_FILE_MAX;
	int fd = file_open_walk(dir_fd, path), r;
	uint64_t size = 0;

	if (fd < 0)
		return fd;
	r = read_part(b->a, fd, max, tail, ret_bytes, &size);
	close(fd);
	if (r || size <= max)
		return r;
	*ret_bytes = whole_lines(*ret_bytes, tail);
	*ret_note = arena_printf(b->a, "the %s %zu of %llu bytes", tail ? "last" : "first", ret_bytes->len,
				 (unsigned long long)size);
	return 0;
}

/* --- reading as the compiler does --------------------------------------------------------------------------------- */
/* Where a link in the place of a desired file leads; NULL when it is none. */
static const char *link_note(struct bundle *b, int dir_fd, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *parent = slash ? arena_memdup(b->a, path, (size_t)(slash - path)) : ".";
	char target[PATH_MAX];
	int fd = dir_open_beneath(dir_fd, parent, NULL);
	ssize_t n = fd >= 0 ? readlinkat(fd, slash ? slash + 1 : path, target, sizeof(target) - 1) : -1;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return NULL;
	target[n] = 0;
	return arena_printf(b->a, "a symbolic link to '%s'", target);
}

static const struct {
	int code;
	const char *text;
} reasons[] = {
	{ -ENOTSUP, "not a regular file" }, { -ENXIO, "not a regular file" }, { -EISDIR, "a directory" },
	{ -EXDEV, "it leads out of the root" }, { -ELOOP, "a symbolic link" },
	{ -EFBIG, "larger than 16 MiB" },
};

static const char *reason_of(int r)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].code == r)
			return reasons[i].text;
	return strerror(-r);
}

int bundle_read(struct bundle *b, int dir_fd, const char *path, enum bundle_how how, struct str *ret_bytes,
		const char **ret_note)
{
	int r;

	*ret_note = how == BUNDLE_DESIRED ? link_note(b, dir_fd, path) : NULL;
	if (how == BUNDLE_DESIRED)
		r = file_read(b->a, dir_fd, path, BUNDLE_FILE_MAX, ret_bytes, NULL);
	else
		r = read_plain(b, dir_fd, path, how == BUNDLE_LOG, ret_bytes, ret_note);
	if (r == -ENOMEM)
		arena_fail(b->a);
	if (r && (r != -ENOENT || *ret_note))
		bundle_problem(b, path, "%s%s%s", reason_of(r), *ret_note ? ": " : "", *ret_note ? *ret_note : "");
	return r;
}

int bundle_take(struct bundle *b, const char *name, int dir_fd, const char *path, enum bundle_how how,
		enum mask_form form)
{
	struct str bytes = { 0 };
	const char *note;
	int r = bundle_read(b, dir_fd, path, how, &bytes, &note);

	if (!r)
		bundle_put(b, name, bytes, form, note);
	return r;
}

/* Stays here when memory is out: the descriptor must not be left open. */
static int list_open(struct arena *a, int fd, const char ***ret_names, size_t *ret_n)
{
	jmp_buf oom, *outer = arena_on_oom(a, &oom);
	int r = setjmp(oom) ? -ENOMEM : dir_list(a, fd, ret_names, ret_n, NULL);

	arena_on_oom(a, outer);
	return r;
}

size_t bundle_list(struct bundle *b, int dir_fd, const char *path, bool links, const char ***ret_names)
{
	int fd = links ? dir_open_beneath(dir_fd, path, NULL) : file_open_walk(dir_fd, path), r = fd < 0 ? fd : 0;
	struct stat st;
	size_t n = 0;

	if (fd >= 0 && (fstat(fd, &st) || !S_ISDIR(st.st_mode)))
		r = -ENOTDIR;
	if (!r)
		r = list_open(b->a, fd, ret_names, &n);
	if (fd >= 0)
		close(fd);
	if (r && r != -ENOENT)
		bundle_problem(b, path, "the directory cannot be read: %s", reason_of(r));
	return r ? 0 : n;
}

/* --- secrets that stand elsewhere --------------------------------------------------------------------------------- */
static bool resolve_file(struct bundle *b, const char *path, struct str *ret_value)
{
	struct str bytes;

	if (file_read(b->a, *path == '/' ? AT_FDCWD : b->root_fd, path, SECRET_MAX, &bytes, NULL))
		return false;
	if (bytes.len && bytes.p[bytes.len - 1] == '\n')
		bytes.len--;
	if (bytes.len && bytes.p[bytes.len - 1] == '\r')
		bytes.len--;
	*ret_value = bytes;
	return bytes.len > 0;
}

bool bundle_resolve(void *ctx, bool is_file, const char *ref, struct str *ret_value)
{
	const char *set = is_file ? NULL : getenv(ref);

	if (is_file)
		return resolve_file(ctx, ref, ret_value);
	*ret_value = str_of(set);
	return set && *set;
}
