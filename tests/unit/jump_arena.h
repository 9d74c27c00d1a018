#ifndef XRAT_TEST_JUMP_ARENA_H
#define XRAT_TEST_JUMP_ARENA_H
/* An arena in which every allocation is one of its own, and the nth of the test's thread fails: it stands here in place of
 * lib's. Whatever jumps then must leave as many descriptors, locks, children and threads as there were. JUMPS=0 tries
 * every n. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/arena.h"

/* --- the arena --- */
struct block {
	struct block *next;
	_Alignas(16) char data[];
};
struct arena {
	struct block *first;
	jmp_buf *oom;
};
static struct {
	pthread_t thread;
	bool armed;
	long count, fail_at;
} faults;

static inline bool fails_now(void)
{
	return faults.armed && pthread_equal(faults.thread, pthread_self()) && ++faults.count == faults.fail_at;
}

struct arena *arena_new(void)
{
	return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *a)
{
	for (struct block *b = a ? a->first : NULL, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

jmp_buf *arena_on_oom(struct arena *a, jmp_buf *to)
{
	jmp_buf *before = a->oom;

	a->oom = to;
	return before;
}

void arena_fail(struct arena *a)
{
	if (!a->oom)
		abort();
	longjmp(*a->oom, 1);
}

void *arena_try_alloc(struct arena *a, size_t size)
{
	struct block *b = fails_now() || size > SIZE_MAX / 2 ? NULL : calloc(1, sizeof(*b) + size);

	if (!b)
		return NULL;
	b->next = a->first;
	a->first = b;
	return b->data;
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *p = arena_try_alloc(a, size);

	if (!p)
		arena_fail(a);
	return p;
}

void *arena_alloc_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	return arena_alloc(a, __builtin_mul_overflow(n, size, &total) ? SIZE_MAX : total);
}

void *arena_grow(struct arena *a, void *old, size_t n, size_t size, unsigned *cap)
{
	unsigned bigger = *cap ? *cap * 2 : 4;
	void *p = arena_alloc_array(a, bigger, size);

	if (n)
		memcpy(p, old, n * size);
	*cap = bigger;
	return p;
}

char *arena_memdup(struct arena *a, const void *p, size_t len)
{
	char *copy = arena_alloc(a, len + 1);

	return len ? memcpy(copy, p, len) : copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_memdup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	char *text, *kept;
	int len = vasprintf(&text, fmt, ap);

	assert_true(len >= 0);
	kept = arena_try_alloc(a, (size_t)len + 1);
	if (kept)
		memcpy(kept, text, (size_t)len);
	free(text);
	if (!kept)
		arena_fail(a);
	return kept;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

/* --- each allocation in turn --- */
static inline unsigned entries(const char *dir)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Descriptors, threads, children. */
static inline unsigned held(void)
{
	bool has_child = waitpid(-1, NULL, WNOHANG) >= 0;

	return entries("/proc/self/fd") * 10000 + entries("/proc/self/task") * 10 + has_child;
}

typedef int worker_fn(void *p);

static inline int run(void *p, worker_fn *fn, long fail_at)
{
	int r;

	faults.thread = pthread_self();
	faults.count = 0;
	faults.fail_at = fail_at;
	faults.armed = true;
	r = fn(p);
	faults.armed = false;
	return r;
}

/* most: how many points where not every one is asked for. */
static inline void each(void *p, worker_fn *fn, long most)
{
	const char *wish = getenv("JUMPS");
	unsigned before;
	long points, step, failed = 0;
	int calm = run(p, fn, 0);

	most = wish ? atol(wish) : most;
	before = held();
	assert_int_equal(run(p, fn, 0), calm);
	assert_int_equal(held(), before);
	points = faults.count;
	step = most && points > most ? points / most : 1;
	assert_true(points > 5);
	for (long at = 1; at <= points; at += step) {
		failed += run(p, fn, at) == -ENOMEM;
		if (held() != before)
			fail_msg("allocation %ld of %ld: holds %u, not %u", at, points, held(), before);
	}
	print_message("%ld points of %ld, %ld of them ended it\n", (points + step - 1) / step, points, failed);
	assert_true(failed > 0);
}

#endif
