/* Walking the paths: from "/" (or the directory a link was found in) component by component. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "service/watch_impl.h"

enum { LINKS_MAX = 40, YOUNG_MS = 100, RACE_TRIES = 4 };

/* What a path is watched for. */
struct goal {
	unsigned steps;   /* kinds of the names on the way to it */
	unsigned content; /* kinds of the names in it, when it is a directory */
	bool top;
	bool file; /* it is a file once it is there */
};
struct walk {
	struct watch_set *set;
	struct watch_look *look;
	bool deep;
	struct timespec now;
};
/* Where a walk is: a directory and the rest of the path. */
struct place {
	int fd;
	struct stat st;
	char *text, *rest; /* rest points into text */
	unsigned links;
};
/* What stands behind a name. */
struct child {
	int fd; /* or -errno */
	struct stat st;
};

/* --- sums --- */
static void add_sum(struct walk *w, unsigned kinds, const void *p, size_t size)
{
	uint64_t h = str_hash((struct str){ p, size });

	for (unsigned i = 0; i < WATCH_KINDS; i++)
		if (kinds & 1U << i)
			w->look->sum[i] += h; /* the order of a directory does not matter */
}

static bool is_young(const struct timespec *t, const struct timespec *now)
{
	int64_t ms = (int64_t)(now->tv_sec - t->tv_sec) * 1000 + (now->tv_nsec - t->tv_nsec) / 1000000;

	return ms < YOUNG_MS && ms > -YOUNG_MS;
}

/* Where a name leads; deep: and what its file is like. Directories by identity alone, their times change with ours. */
static void sum_name(struct walk *w, unsigned kinds, const struct stat *dir, const char *name, const struct child *c)
{
	bool found = c->fd >= 0, is_dir = found && S_ISDIR(c->st.st_mode), file = found && w->deep && !is_dir;
	uint64_t row[] = {
		dir->st_dev,
		dir->st_ino,
		str_hash(str_of(name)),
		found ? c->st.st_mode & (w->deep ? ~0U : (unsigned)S_IFMT) : (uint64_t)c->fd,
		is_dir || file ? c->st.st_dev : 0,
		is_dir || file ? c->st.st_ino : 0,
		file ? (uint64_t)c->st.st_size : 0,
		file ? (uint64_t)c->st.st_mtim.tv_sec * 1000000000 + (uint64_t)c->st.st_mtim.tv_nsec : 0,
		file ? (uint64_t)c->st.st_ctim.tv_sec * 1000000000 + (uint64_t)c->st.st_ctim.tv_nsec : 0,
	};

	add_sum(w, kinds, row, sizeof(row));
	if (file && is_young(&c->st.st_ctim, &w->now))
		w->look->young = true;
}

/* --- one step --- */
static struct child open_child(int fd, const char *name)
{
	struct child c = { .fd = openat(fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC) };

	if (c.fd >= 0 && fstat(c.fd, &c.st) < 0) {
		close(c.fd);
		c.fd = -1;
	}
	if (c.fd < 0)
		c.fd = -errno;
	return c;
}

static bool is_file(const struct child *c)
{
	return c->fd >= 0 && !S_ISDIR(c->st.st_mode) && !S_ISLNK(c->st.st_mode);
}

static int see(struct walk *w, const struct place *at, bool full, unsigned kinds, struct watch_dir **ret_dir)
{
	int r = watch_set_see(w->set, at->fd, &at->st, full, kinds, ret_dir);

	if (!r && (*ret_dir)->fresh)
		w->look->fresh |= (*ret_dir)->through;
	return r;
}

/* Watches the directory, then looks the name up in it. A name that turns out to be a file needs the fuller watch, and
 * to be looked up again behind that. 0 (child->fd may be -errno) or a fault. */
static int look_up(struct walk *w, const struct place *at, const char *name, const struct goal *g,
		   struct child *ret_child)
{
	struct watch_dir *d = NULL;
	bool full = g->file && !*at->rest;
	unsigned kinds = g->steps;
	int r;

	for (int i = 0; i < RACE_TRIES; i++) {
		r = see(w, at, full, kinds, &d);
		if (!r)
			r = watch_set_word(d, name, kinds);
		if (r)
			return r;
		*ret_child = open_child(at->fd, name);
		if (full || !is_file(ret_child))
			break;
		full = true;
		close(ret_child->fd);
	}
	sum_name(w, kinds, &at->st, name, ret_child);
	return 0;
}

static void move_to(struct place *at, const struct child *c)
{
	close(at->fd);
	at->fd = c->fd;
	at->st = c->st;
}

static int go_to_root(struct place *at)
{
	struct child root = open_child(AT_FDCWD, "/");

	if (root.fd < 0)
		return root.fd;
	move_to(at, &root);
	return 0;
}

/* Puts the link's text before the rest of the path. */
static int follow(struct place *at, int link_fd)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(link_fd, "", target, sizeof(target) - 1);
	char *text = NULL;

	if (n < 0)
		return -errno;
	target[n] = 0;
	if (++at->links > LINKS_MAX)
		return -ELOOP;
	if (asprintf(&text, "%s/%s", target, at->rest) < 0)
		return -ENOMEM;
	free(at->text);
	at->text = at->rest = text;
	return *text == '/' ? go_to_root(at) : 0;
}

/* What ends the whole look; any other error just ends one path. */
static bool is_fault(int r)
{
	return r == -EMFILE || r == -ENFILE || r == -ENOMEM;
}

enum { GO_ON = 0, ENDS = 1 };
static int take_child(struct place *at, const struct child *c)
{
	int r;

	if (c->fd < 0)
		return is_fault(c->fd) ? c->fd : ENDS;
	if (S_ISDIR(c->st.st_mode)) {
		move_to(at, c);
		return GO_ON;
	}
	r = S_ISLNK(c->st.st_mode) ? follow(at, c->fd) : ENDS;
	close(c->fd);
	return r < 0 && !is_fault(r) ? ENDS : r;
}

static int step(struct walk *w, struct place *at, const struct goal *g, const char *name)
{
	struct child c = { .fd = -ENOENT };
	int r = 0;

	if (str_is(str_of(name), ".."))
		c = open_child(at->fd, name);
	else
		r = look_up(w, at, name, g, &c);
	return r ? r : take_child(at, &c);
}

/* Cuts the next component off; NULL at the end. */
static char *next_name(struct place *at)
{
	char *name, *end;

	do {
		name = at->rest + strspn(at->rest, "/");
		if (!*name)
			return NULL;
		end = name + strcspn(name, "/");
		at->rest = *end ? end + 1 : end;
		*end = 0;
	} while (str_is(str_of(name), "."));
	return name;
}

/* --- what is in a directory --- */
static int walk_path(struct walk *w, int at_fd, const char *path, const struct goal *g);

static int list_entry(struct walk *w, const struct place *at, const struct goal *g, const struct dirent *de)
{
	struct goal behind = { .steps = g->content };
	struct child c;

	/* Only a link needs another look while events come; a listing may not say what is one. */
	if (de->d_type == DT_LNK)
		return walk_path(w, at->fd, de->d_name, &behind);
	if (!w->deep && de->d_type != DT_UNKNOWN)
		return 0;
	c = open_child(at->fd, de->d_name);
	if (c.fd < 0)
		return is_fault(c.fd) ? c.fd : 0;
	sum_name(w, g->content, &at->st, de->d_name, &c);
	close(c.fd);
	return S_ISLNK(c.st.st_mode) ? walk_path(w, at->fd, de->d_name, &behind) : 0;
}

static int list(struct walk *w, const struct place *at, const struct goal *g)
{
	int fd = openat(at->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;

	if (!d) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return is_fault(r) ? r : 0;
	}
	while (!r && (de = readdir(d)))
		if (!str_is(str_of(de->d_name), ".") && !str_is(str_of(de->d_name), "..") &&
		    !watch_name_is_temp(de->d_name) && !(g->top && watch_name_is_ours(de->d_name)))
			r = list_entry(w, at, g, de);
	closedir(d);
	return r;
}

/* The path has led to a directory. */
static int arrive(struct walk *w, const struct place *at, const struct goal *g)
{
	struct child self = { .fd = at->fd, .st = at->st };
	struct watch_dir *d = NULL;
	int r;

	if (!g->content)
		return 0;
	r = see(w, at, true, g->steps | g->content, &d);
	if (r)
		return r;
	d->content |= g->content;
	d->top |= g->top;
	sum_name(w, g->content, &at->st, "", &self);
	return list(w, at, g);
}

static int walk_on(struct walk *w, struct place *at, const struct goal *g)
{
	char *name = next_name(at);
	int r = GO_ON;

	for (; name && r == GO_ON; name = r == GO_ON ? next_name(at) : NULL)
		r = step(w, at, g, name);
	if (r == GO_ON)
		r = arrive(w, at, g);
	return r == ENDS ? 0 : r;
}

static int walk_path(struct walk *w, int at_fd, const char *path, const struct goal *g)
{
	struct child start = open_child(at_fd, *path == '/' ? "/" : ".");
	struct place at = { .fd = start.fd, .st = start.st };
	int r = -ENOMEM;

	if (start.fd < 0)
		return is_fault(start.fd) ? start.fd : 0;
	at.text = at.rest = strdup(path);
	if (at.text)
		r = walk_on(w, &at, g);
	free(at.text);
	close(at.fd);
	return r;
}

/* --- all of them --- */
static int walk_below(struct walk *w, const char *root, const char *path, const struct goal *g)
{
	char *text = NULL;
	int r;

	if (*path == '/')
		return walk_path(w, AT_FDCWD, path, g);
	if (asprintf(&text, "%s/%s", root, path) < 0)
		return -ENOMEM;
	r = walk_path(w, AT_FDCWD, text, g);
	free(text);
	return r;
}

int watch_walk_all(struct watch_set *s, const struct watch_plan *p, bool deep, struct watch_look *ret_look)
{
	static const struct goal root = { .steps = WATCH_ROOT | WATCH_INPUTS, .content = WATCH_INPUTS, .top = true };
	static const struct goal request = { .steps = WATCH_REQUEST, .file = true };
	static const struct goal live = { .steps = WATCH_LIVE, .content = WATCH_LIVE };
	static const struct goal input = { .steps = WATCH_INPUTS, .content = WATCH_INPUTS };
	struct walk w = { .set = s, .look = ret_look, .deep = deep };
	int r;

	*ret_look = (struct watch_look){ 0 };
	clock_gettime(CLOCK_REALTIME, &w.now);
	watch_set_begin(s);
	r = walk_path(&w, AT_FDCWD, p->root, &root);
	if (!r)
		r = walk_below(&w, p->root, ".state/apply.request", &request);
	if (!r)
		r = walk_below(&w, p->root, ".state/live", &live);
	for (size_t i = 0; !r && i < p->n; i++)
		r = walk_below(&w, p->root, p->paths[i], &input);
	watch_set_end(s);
	return r;
}

void watch_plan_fini(struct watch_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->paths[i]);
	free(p->paths);
	free(p->root);
	*p = (struct watch_plan){ 0 };
}

int watch_plan_set(struct watch_plan *p, const char *const *paths, size_t n)
{
	struct watch_plan q = { .paths = calloc(n + 1, sizeof(char *)) };

	for (; q.paths && q.n < n; q.n++)
		if (!(q.paths[q.n] = strdup(paths[q.n])))
			break;
	if (!q.paths || q.n < n) {
		watch_plan_fini(&q);
		return -ENOMEM;
	}
	q.root = p->root;
	p->root = NULL;
	watch_plan_fini(p);
	*p = q;
	return 0;
}
