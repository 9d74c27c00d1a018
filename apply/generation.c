/* Generations on the disk: their names, the links that lead to them, what they hold. Reading alone. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/publish_impl.h"

enum { BYTES_MAX = 256 * 1024 * 1024, NUMBER_DIGITS = 18 };

const char *const generation_link_names[ROLE__N] = { "config-client", "config-server" };

void generation_name(uint64_t generation, char ret_name[static GENERATION_NAME])
{
	snprintf(ret_name, GENERATION_NAME, "%04" PRIu64, generation);
}

void generation_staging(uint64_t generation, char ret_name[static GENERATION_NAME + 8])
{
	snprintf(ret_name, GENERATION_NAME + 8, PUBLISH_STAGING "%04" PRIu64, generation);
}

void generation_target(enum role role, uint64_t generation, char ret_target[static GENERATION_TARGET])
{
	snprintf(ret_target, GENERATION_TARGET, "../generations/%s/%04" PRIu64, role_names[role], generation);
}

/* The number of a directory's name: only what generation_name writes, from 1. */
static int parse_name(struct str name, uint64_t *ret_generation)
{
	char again[GENERATION_NAME];
	int64_t n;

	if (!name.len || name.len > NUMBER_DIGITS || str_int(name, &n) || n <= 0)
		return -EINVAL;
	generation_name((uint64_t)n, again);
	if (!str_is(name, again))
		return -EINVAL;
	*ret_generation = (uint64_t)n;
	return 0;
}

int generation_of_link(const struct state *s, enum role role, enum which_link which, uint64_t *ret_generation)
{
	int dir = which == LINK_LIVE ? s->live_fd : s->lkg_fd;
	char target[GENERATION_TARGET + 1], prefix[GENERATION_TARGET];
	ssize_t n = dir < 0 ? -1 : readlinkat(dir, generation_link_names[role], target, GENERATION_TARGET);

	if (n < 0)
		return dir < 0 ? -ENOENT : -errno; /* EINVAL: not a link */
	target[n] = 0;
	snprintf(prefix, sizeof(prefix), "../generations/%s/", role_names[role]);
	if (!str_starts((struct str){ target, (size_t)n }, prefix))
		return -EINVAL;
	return parse_name(str_of(target + strlen(prefix)), ret_generation);
}

int generation_of_link_or_none(const struct state *s, enum role role, enum which_link which, uint64_t *ret_generation,
			       bool *ret_foreign, struct err *e)
{
	int r = generation_of_link(s, role, which, ret_generation);

	*ret_foreign = r == -EINVAL;
	if (r)
		*ret_generation = 0;
	if (!r || r == -ENOENT || r == -EINVAL)
		return 0;
	return err_sys(e, r, "read link '.state/%s/%s'", which == LINK_LIVE ? "live" : "lkg",
		       generation_link_names[role]);
}

int generation_exists(const struct state *s, enum role role, uint64_t generation)
{
	char path[GENERATION_NAME + sizeof(PUBLISH_FILE) + 1];
	struct stat st;

	snprintf(path, sizeof(path), "%04" PRIu64 "/" PUBLISH_FILE, generation);
	if (s->generations_fd[role] < 0)
		return -ENOENT;
	if (fstatat(s->generations_fd[role], path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	return S_ISREG(st.st_mode) ? 0 : -ENOENT;
}

int generation_bytes(struct arena *a, const struct state *s, enum role role, uint64_t generation, struct str *ret_bytes,
		     struct err *e)
{
	char name[GENERATION_NAME];

	generation_name(generation, name);
	if (s->generations_fd[role] < 0)
		return err_sys(e, -ENOENT, "read generation %s", name);
	return file_read(a, s->generations_fd[role], arena_printf(a, "%s/" PUBLISH_FILE, name), BYTES_MAX, ret_bytes, e);
}

char *generation_file_path(struct arena *a, const struct state *s, enum role role, const char *dir, const char *file)
{
	char real[PATH_MAX];
	const char *root = *s->root == '/' ? s->root : realpath(s->root, real);

	return arena_printf(a, "%s/.state/generations/%s/%s/%s", root ? root : s->root, role_names[role], dir, file);
}

char *generation_path(struct arena *a, const struct state *s, enum role role, uint64_t generation)
{
	char name[GENERATION_NAME];

	generation_name(generation, name);
	return generation_file_path(a, s, role, name, PUBLISH_FILE);
}

static int compare_numbers(const void *left, const void *right)
{
	uint64_t l = *(const uint64_t *)left, r = *(const uint64_t *)right;

	return l < r ? -1 : l > r;
}

int generation_list(struct arena *a, const struct state *s, enum role role, uint64_t **ret_numbers, size_t *ret_n,
		    struct err *e)
{
	const char **names = NULL;
	size_t n = 0, kept = 0;
	uint64_t *numbers;
	int r = s->generations_fd[role] < 0 ? 0 : dir_list(a, s->generations_fd[role], &names, &n, e);

	if (r) {
		err_wrap(e, "list the generations of the %s", role_names[role]);
		return r;
	}
	numbers = arena_array(a, uint64_t, n + 1);
	for (size_t i = 0; i < n; i++)
		kept += !parse_name(str_of(names[i]), &numbers[kept]);
	/* By number: from 10000 on the names are longer. */
	qsort(numbers, kept, sizeof(*numbers), compare_numbers);
	*ret_numbers = numbers;
	*ret_n = kept;
	return 0;
}
