#ifndef XRAT_TESTS_NOTE_TEST_H
#define XRAT_TESTS_NOTE_TEST_H
/* A CONFIG_ROOT with an empty .state, for the tests of the small files in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/note_impl.h"

struct root {
	char path[64];
	struct state s;
	struct arena *a;
	struct diag_sink *sink;
	struct err e;
};

static inline void root_make(struct root *t)
{
	*t = (struct root){ .path = "/tmp/xrat-note-XXXXXX", .a = arena_new() };
	assert_non_null(mkdtemp(t->path));
	t->s = (struct state){ .root = t->path, .root_fd = dir_open(t->path, NULL), .live_fd = -1, .lkg_fd = -1 };
	for (int i = 0; i < ROLE__N; i++)
		t->s.generations_fd[i] = -1;
	t->s.state_fd = dir_make(t->s.root_fd, ".state", 0700, NULL);
	t->s.locks_fd = dir_make(t->s.state_fd, "locks", 0700, NULL);
	assert_true(t->s.root_fd >= 0 && t->s.state_fd >= 0 && t->s.locks_fd >= 0);
	t->sink = diag_sink_new(t->a, sources_new(t->a));
}

static inline void root_drop(struct root *t)
{
	close(t->s.locks_fd);
	close(t->s.state_fd);
	close(t->s.root_fd);
	assert_int_equal(tree_remove(AT_FDCWD, t->path, NULL), 0);
	err_fini(&t->e);
	arena_free(t->a);
}

/* name is relative to the root. */
static inline void root_write(struct root *t, const char *name, const char *text)
{
	int fd = openat(t->s.root_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Its text, or NULL when it is not there. */
static inline const char *root_read(struct root *t, const char *name)
{
	struct str bytes;

	return file_read(t->a, t->s.root_fd, name, JSON_MAX_BYTES, &bytes, NULL) ? NULL : bytes.p;
}

static inline unsigned root_mode(struct root *t, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(t->s.root_fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

/* The codes told so far, "XR710 XR712 ". */
static inline const char *root_codes(struct root *t)
{
	const char *out = "";

	for (unsigned i = 0; i < diag_total(t->sink); i++)
		out = arena_printf(t->a, "%s%s ", out, diag_infos[diag_at(t->sink, i)->code].name);
	return out;
}

#endif
