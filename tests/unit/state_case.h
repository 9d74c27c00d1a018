/* A CONFIG_ROOT in a temporary directory with its .state open, for the tests of apply/. */
#ifndef XRAT_TESTS_STATE_CASE_H
#define XRAT_TESTS_STATE_CASE_H
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/apply.h"

struct state_case {
	char path[64];
	int dir;
	struct arena *a;
	struct state s;
	bool refuse;       /* what the checker says */
	unsigned n_checks; /* how often it was asked */
	char checked[256]; /* what it was asked about last */
};

static inline int state_case_setup(void **state)
{
	struct state_case *c = calloc(1, sizeof(*c));

	*state = c;
	strcpy(c->path, "/tmp/xrat-test-XXXXXX");
	if (!mkdtemp(c->path))
		return -1;
	c->dir = dir_open(c->path, NULL);
	c->a = arena_new();
	return state_open(c->path, c->dir, &c->s, NULL);
}

static inline int state_case_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int state_case_teardown(void **state)
{
	struct state_case *c = *state;

	state_close(&c->s);
	close(c->dir);
	nftw(c->path, state_case_remove, 16, FTW_DEPTH | FTW_PHYS);
	arena_free(c->a);
	free(c);
	return 0;
}

/* Text of a file below the root; NULL when it is not there. */
static inline const char *state_case_text(struct state_case *c, const char *fmt, ...)
{
	char path[256];
	struct str s;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	return file_read(c->a, c->dir, path, 4 << 20, &s, NULL) ? NULL : s.p;
}

static inline bool state_case_has(struct state_case *c, const char *path)
{
	struct stat st;

	return !fstatat(c->dir, path, &st, AT_SYMLINK_NOFOLLOW);
}

static inline unsigned state_case_mode(struct state_case *c, const char *path)
{
	struct stat st = { 0 };

	fstatat(c->dir, path, &st, AT_SYMLINK_NOFOLLOW);
	return st.st_mode & 07777;
}

static inline size_t state_case_count(const char *text, const char *what)
{
	size_t n = 0;

	for (; text && (text = strstr(text, what)); text++)
		n++;
	return n;
}

#endif
