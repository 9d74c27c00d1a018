/* The directories of .state. A symbolic link in the place of one would let somebody else choose where secrets are
 * written, so each is opened by its own name beneath its parent. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/apply.h"

const char *const state_lock_names[ROLE__N] = { "client.lock", "server.lock" };

enum { DIR_MODE = 0700 };

/* The directories and, while they are opened, the parent that nobody needs later. */
struct tree {
	int root_fd, generations_fd;
	struct state s;
};
static const struct {
	size_t parent, self;
	const char *path, *name;
} dirs[] = {
#define ROW(parent, self, below, name) \
	{ offsetof(struct tree, parent), offsetof(struct tree, self), ".state" below, name }
	ROW(root_fd, s.state_fd, "", ".state"),
	ROW(s.state_fd, s.locks_fd, "/locks", "locks"),
	ROW(s.state_fd, s.live_fd, "/live", "live"),
	ROW(s.state_fd, s.lkg_fd, "/lkg", "lkg"),
	ROW(s.state_fd, generations_fd, "/generations", "generations"),
	ROW(generations_fd, s.generations_fd[ROLE_CLIENT], "/generations/client", "client"),
	ROW(generations_fd, s.generations_fd[ROLE_SERVER], "/generations/server", "server"),
#undef ROW
};
enum { DIRS = sizeof(dirs) / sizeof(*dirs) };

static int *fd_at(struct tree *t, size_t offset)
{
	return (int *)((char *)t + offset);
}

static struct tree tree_empty(const char *root, int root_fd)
{
	struct tree t = { .root_fd = root_fd, .s = { .root = root, .root_fd = root_fd } };

	for (size_t i = 0; i < DIRS; i++)
		*fd_at(&t, dirs[i].self) = -1;
	return t;
}

static void tree_close(struct tree *t)
{
	for (size_t i = 0; i < DIRS; i++) {
		int *fd = fd_at(t, dirs[i].self);

		if (*fd >= 0)
			close(*fd);
		*fd = -1;
	}
}

/* What is inside is secret; an older version or a careless chmod may have left it open. */
static int tighten(int fd, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, -errno, "look at its mode");
	if (!(st.st_mode & 07777 & ~DIR_MODE))
		return 0;
	if (fchmod(fd, st.st_mode & DIR_MODE) < 0)
		return err_sys(e, -errno, "set its mode to 0700");
	return 0;
}

static int make_one(struct tree *t, size_t i, struct err *e)
{
	int *fd = fd_at(t, dirs[i].self), r;

	*fd = dir_make(*fd_at(t, dirs[i].parent), dirs[i].name, DIR_MODE, e);
	r = *fd < 0 ? *fd : tighten(*fd, e);
	if (r)
		err_wrap(e, "prepare '%s/%s'", t->s.root, dirs[i].path);
	return r;
}

static int open_one(struct tree *t, size_t i, struct err *e)
{
	int parent = *fd_at(t, dirs[i].parent), *fd = fd_at(t, dirs[i].self);
	struct err why = { 0 };
	int r = 0;

	if (parent < 0)
		return 0;
	*fd = dir_open_own(parent, dirs[i].name, &why);
	if (*fd < 0 && *fd != -ENOENT)
		r = err_set(e, *fd, "open '%s/%s': %s", t->s.root, dirs[i].path, err_text(&why));
	if (*fd < 0)
		*fd = -1;
	err_fini(&why);
	return r;
}

static int open_all(const char *root, int root_fd, int (*one)(struct tree *, size_t, struct err *),
		    struct state *ret_state, struct err *e)
{
	struct tree t = tree_empty(root, root_fd);
	int r = 0;

	for (size_t i = 0; !r && i < DIRS; i++)
		r = one(&t, i, e);
	if (r) {
		tree_close(&t);
		return r;
	}
	if (t.generations_fd >= 0)
		close(t.generations_fd);
	*ret_state = t.s;
	return 0;
}

int state_open(const char *root, int root_fd, struct state *ret_state, struct err *e)
{
	return open_all(root, root_fd, make_one, ret_state, e);
}

int state_open_read(const char *root, int root_fd, struct state *ret_state, struct err *e)
{
	int r = open_all(root, root_fd, open_one, ret_state, e);

	ret_state->read_only = true;
	return r;
}

void state_close(struct state *s)
{
	struct tree t = { .generations_fd = -1, .s = *s };

	tree_close(&t);
	*s = tree_empty(s->root, s->root_fd).s;
}
