/* What the loader looked at: noted while it reads, so that the publisher can tell whether all of it still stands, and
 * sum it up. Noting costs one small record a file; nothing is read twice before load_moved. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compiler/load_impl.h"

static struct input_file *note(struct arena *a, struct input_log *log, const char *path)
{
	struct input_file *f = arena_new_of(a, struct input_file);

	f->path = path;
	if (log->last)
		log->last->next = f;
	else
		log->first = f;
	log->last = f;
	return f;
}

static int dir_of(int root_fd, const char *path)
{
	return *path == '/' ? AT_FDCWD : root_fd;
}

int load_read(struct arena *a, struct input_log *log, int root_fd, const char *path, size_t max_bytes,
	      struct str *ret_bytes)
{
	struct input_file *f = note(a, log, path);

	f->max_bytes = max_bytes;
	f->fault = file_read_id(a, dir_of(root_fd, path), path, max_bytes, &f->bytes, &f->id, NULL);
	f->missing = f->fault != 0;
	if (f->fault)
		f->bytes = (struct str){ NULL, 0 };
	else
		*ret_bytes = f->bytes;
	return f->fault;
}

static bool is_there(const char *path)
{
	struct stat st;

	return !stat(path, &st);
}

bool load_look(struct arena *a, struct input_log *log, const char *path)
{
	struct input_file *f = note(a, log, path);

	f->named = true;
	f->missing = !is_there(path);
	return !f->missing;
}

/* --- whether it still stands -------------------------------------------------------------------------------------- */
static bool same_id(const struct file_id *a, const struct file_id *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns;
}

/* The bytes count too: a second write within one tick of the clock leaves every time stamp as it was. */
static bool has_moved(struct arena *scratch, int root_fd, const struct input_file *f)
{
	struct file_id id = { 0 };
	struct str bytes;
	int r;

	if (f->named)
		return is_there(f->path) == f->missing;
	r = file_read_id(scratch, dir_of(root_fd, f->path), f->path, f->max_bytes, &bytes, &id, NULL);
	if (r || f->fault)
		return r != f->fault;
	return !same_id(&id, &f->id) || !str_eq(bytes, f->bytes);
}

/* The next name from *i on that the loader does not pass over; NULL at the end. */
static const char *next_name(const char *const *names, size_t n, size_t *i)
{
	while (*i < n && load_is_left_behind(str_of(names[*i])))
		++*i;
	return *i < n ? names[(*i)++] : NULL;
}

/* Names alone: what stands in the files is compared file by file. */
static bool dir_has_moved(struct arena *scratch, int root_fd, const struct input_dir *d)
{
	const char **names = NULL, *was, *is;
	size_t n = 0, i = 0, k = 0;
	int r = d->path ? load_list(scratch, root_fd, d->path, &names, &n) : 0;

	if (!d->path || r || d->fault)
		return r != d->fault;
	do {
		was = next_name(d->names, d->n, &i);
		is = next_name(names, n, &k);
		if (!was != !is || (was && !str_is(str_of(was), is)))
			return true;
	} while (was);
	return false;
}

int load_moved_file(int root_fd, const struct inputs *in, const char **ret_path)
{
	struct arena *scratch = arena_new();
	const struct input_file *f = in->log.first;
	const char *moved = NULL;

	if (!scratch)
		return -ENOMEM;
	while (f && !has_moved(scratch, root_fd, f))
		f = f->next;
	if (f)
		moved = f->path;
	else if (dir_has_moved(scratch, root_fd, &in->log.dir))
		moved = in->log.dir.path;
	arena_free(scratch);
	if (moved)
		*ret_path = moved;
	return moved != NULL;
}

int load_moved(int root_fd, const struct inputs *in)
{
	const char *path;

	return load_moved_file(root_fd, in, &path) != 0;
}

/* --- the digest --------------------------------------------------------------------------------------------------- */
static int by_path(const void *left, const void *right)
{
	const struct input_file *a = *(const struct input_file *const *)left;
	const struct input_file *b = *(const struct input_file *const *)right;
	int order = strcmp(a->path, b->path);

	/* A file that was read comes before the same one that was only looked for: its bytes count. */
	return order ? order : a->named - b->named;
}

static bool counts(const struct input_file *const *files, size_t i)
{
	return !i || !str_is(str_of(files[i]->path), files[i - 1]->path);
}

static char *put_len(char *p, uint64_t len)
{
	for (int i = 0; i < 8; i++)
		*p++ = (char)(unsigned char)(len >> (8 * i));
	return p;
}

static char *put_str(char *p, struct str s)
{
	p = put_len(p, s.len);
	if (s.len)
		memcpy(p, s.p, s.len);
	return p + s.len;
}

static struct str frame(struct arena *a, const struct input_file *const *files, size_t n)
{
	size_t len = 0;
	char *text, *p;

	for (size_t i = 0; i < n; i++)
		len += 16 + strlen(files[i]->path) + files[i]->bytes.len;
	text = p = arena_alloc(a, len + 1);
	for (size_t i = 0; i < n; i++)
		if (counts(files, i))
			p = put_str(put_str(p, str_of(files[i]->path)), files[i]->bytes);
	return (struct str){ text, (size_t)(p - text) };
}

void load_digest(struct arena *a, const struct inputs *in, char ret_hex[DIGEST_TEXT])
{
	const struct input_file **files;
	size_t n = 0, i = 0;

	for (const struct input_file *f = in->log.first; f; f = f->next)
		n += !f->missing;
	files = arena_array(a, const struct input_file *, n + 1);
	for (const struct input_file *f = in->log.first; f; f = f->next)
		if (!f->missing)
			files[i++] = f;
	qsort(files, n, sizeof(*files), by_path);
	sha256_hex(frame(a, files, n), 32, ret_hex);
}
