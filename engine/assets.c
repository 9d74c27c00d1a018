/* geosite.dat, geoip.dat and the files of ext: rules, mapped. Two levels: struct assets owns the mappings, a view has what
 * route/ made of them in the arena of one configuration. */
#include "engine/assets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct asset {
	struct asset *next;
	char *why;   /* there, but of no use; static or heap text that lives as long as this */
	void *bytes; /* NULL: not there, or of no use */
	size_t len;
	char file[];
};
struct assets {
	char **dirs;
	size_t n_dirs;
	struct asset *list;
};

/* --- life --- */
static int copy_dirs(struct assets *s, const char *const *dirs)
{
	size_t n = 0;

	while (dirs && dirs[n])
		n++;
	s->dirs = calloc(n + 1, sizeof(*s->dirs));
	if (!s->dirs)
		return -ENOMEM;
	for (; s->n_dirs < n; s->n_dirs++) {
		s->dirs[s->n_dirs] = strdup(dirs[s->n_dirs]);
		if (!s->dirs[s->n_dirs])
			return -ENOMEM;
	}
	return 0;
}

struct assets *assets_new(const char *const *dirs)
{
	struct assets *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	if (!copy_dirs(s, dirs))
		return s;
	assets_free(s);
	return NULL;
}

static void free_asset(struct asset *f)
{
	if (f->bytes)
		munmap(f->bytes, f->len);
	free(f->why);
	free(f);
}

void assets_free(struct assets *s)
{
	if (!s)
		return;
	while (s->list) {
		struct asset *next = s->list->next;

		free_asset(s->list);
		s->list = next;
	}
	for (size_t i = 0; i < s->n_dirs; i++)
		free(s->dirs[i]);
	free(s->dirs);
	free(s);
}

/* --- one file --- */
static struct asset *add(struct assets *s, const char *file)
{
	struct asset *f = calloc(1, sizeof(*f) + strlen(file) + 1);

	if (!f)
		return NULL;
	memcpy(f->file, file, strlen(file) + 1);
	f->next = s->list;
	s->list = f;
	return f;
}

static int refuse(struct asset *f, const char *why)
{
	free(f->why);
	f->why = strdup(why);
	return -EINVAL;
}

static int map(struct asset *f, int fd)
{
	struct stat st;
	void *bytes;

	if (fstat(fd, &st) < 0)
		return refuse(f, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return refuse(f, "not a regular file");
	if (!st.st_size)
		return refuse(f, "it is empty");
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return refuse(f, strerror(errno));
	if (f->bytes)
		munmap(f->bytes, f->len);
	f->bytes = bytes;
	f->len = (size_t)st.st_size;
	return 0;
}

int assets_give(struct assets *s, const char *file, int fd)
{
	struct asset *f = add(s, file);

	return f ? map(f, fd) : -ENOMEM;
}

/* Names lead into the directories and not out of them. */
static bool is_inside(const char *file)
{
	struct str rest = str_of(file);

	while (rest.len)
		if (str_is(str_cut(&rest, '/'), ".."))
			return false;
	return *file && *file != '/';
}

static int open_beneath(const char *dir, const char *file)
{
	int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

	if (dir_fd < 0)
		return -ENOENT;
	fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		fd = -errno;
	close(dir_fd);
	return fd;
}

static void open_in(struct asset *f, const char *dir)
{
	int fd = open_beneath(dir, f->file);

	if (fd >= 0)
		map(f, fd);
	else if (fd != -ENOENT && fd != -ENOTDIR)
		refuse(f, strerror(-fd));
	if (fd >= 0)
		close(fd);
}

/* Where a file stands in several directories, the first one counts. */
static struct asset *find(struct assets *s, const char *file)
{
	struct asset *f = s->list;

	while (f && strcmp(f->file, file))
		f = f->next;
	if (f)
		return f;
	f = add(s, file);
	for (size_t i = 0; f && i < s->n_dirs && !f->bytes && !f->why && is_inside(file); i++)
		open_in(f, s->dirs[i]);
	return f;
}

int assets_open_used(const struct assets *s, int (*take)(void *ctx, const char *file, int fd), void *ctx)
{
	int r = 0;

	for (const struct asset *f = s->list; f && !r; f = f->next) {
		int fd = -ENOENT;

		for (size_t i = 0; f->bytes && i < s->n_dirs && fd < 0; i++)
			fd = open_beneath(s->dirs[i], f->file);
		if (f->bytes)
			r = fd < 0 ? fd : take(ctx, f->file, fd);
	}
	return r;
}

/* --- for route_build --- */
struct view {
	struct assets *s;
	struct arena *a;
	struct seen {
		struct seen *next;
		const struct asset *asset;
		struct route_dat *dat; /* NULL: of no use */
	} *seen;
};

static struct route_dat *get(void *ctx, const char *file)
{
	struct view *v = ctx;
	struct asset *f = find(v->s, file);
	struct seen *seen = v->seen;
	const char *why = NULL;

	if (!f)
		arena_fail(v->a);
	while (seen && seen->asset != f)
		seen = seen->next;
	if (seen)
		return seen->dat;
	seen = arena_new_of(v->a, struct seen);
	*seen = (struct seen){ .next = v->seen, .asset = f };
	v->seen = seen;
	if (f->bytes && route_dat_open(v->a, (struct str){ f->bytes, f->len }, &seen->dat, &why)) {
		seen->dat = NULL;
		refuse(f, why ? why : "not a list of names or addresses");
	}
	return seen->dat;
}

static struct route_dat *get_none(void *ctx, const char *file)
{
	(void)ctx;
	(void)file;
	return NULL;
}

struct route_assets assets_for(struct assets *s, struct arena *a)
{
	struct view *v;

	if (!s)
		return (struct route_assets){ .get = get_none };
	v = arena_new_of(a, struct view);
	*v = (struct view){ .s = s, .a = a };
	return (struct route_assets){ .get = get, .ctx = v };
}

void assets_faults(const struct assets *s, void (*fault)(void *ctx, const char *file, const char *why), void *ctx)
{
	for (const struct asset *f = s ? s->list : NULL; f; f = f->next)
		if (f->why)
			fault(ctx, f->file, f->why);
}
