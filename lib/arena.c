/* Arena: a list of chunks that only grows. Small chunks come from calloc, big ones from the kernel as huge pages where
 * it has them (a quarter of the time of a big compile was page faults). Both are zero without being touched. */
#include "lib/arena.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CHUNK_FIRST = 16 * 1024, CHUNK_MAX = 4 * 1024 * 1024, ALIGN = 16, HUGE_PAGE = 2 * 1024 * 1024 };

struct chunk {
	struct chunk *next;
	size_t used, cap;
	size_t mapped; /* bytes to unmap, 0 = from calloc */
	_Alignas(ALIGN) char data[];
};
struct arena {
	struct chunk *head;
	jmp_buf *oom;
	size_t next_cap;
};

struct arena *arena_new(void)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a)
		a->next_cap = CHUNK_FIRST;
	return a;
}

static void chunk_free(struct chunk *c)
{
	if (c->mapped)
		munmap(c, c->mapped);
	else
		free(c);
}

/* A zeroed chunk of at least cap bytes. */
static struct chunk *chunk_new(size_t cap)
{
	size_t size = sizeof(struct chunk) + cap;
	struct chunk *c;

	if (cap < CHUNK_MAX) {
		c = calloc(1, size);
		if (c)
			c->cap = cap;
		return c;
	}
	size = (size + HUGE_PAGE - 1) & ~(size_t)(HUGE_PAGE - 1);
	c = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c == MAP_FAILED)
		return NULL;
	madvise(c, size, MADV_HUGEPAGE);
	c->cap = size - sizeof(struct chunk);
	c->mapped = size;
	return c;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct chunk *c = a->head, *next; c; c = next) {
		next = c->next;
		chunk_free(c);
	}
	free(a);
}

jmp_buf *arena_on_oom(struct arena *a, jmp_buf *to)
{
	jmp_buf *before = a->oom;

	a->oom = to;
	return before;
}

/* A big block gets a chunk of its own behind the head, so that the head's free space is not lost. */
static struct chunk *chunk_add(struct arena *a, size_t size)
{
	bool own = a->head && size > a->next_cap / 2;
	size_t cap = own || size > a->next_cap ? size : a->next_cap;
	struct chunk *c = chunk_new(cap);

	if (!c)
		return NULL;
	if (own) {
		c->next = a->head->next;
		a->head->next = c;
		return c;
	}
	c->next = a->head;
	a->head = c;
	if (a->next_cap < CHUNK_MAX)
		a->next_cap *= 2;
	return c;
}

void *arena_try_alloc(struct arena *a, size_t size)
{
	struct chunk *c = a->head;
	void *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (!c || c->cap - c->used < size) {
		c = chunk_add(a, size);
		if (!c)
			return NULL;
	}
	p = c->data + c->used;
	c->used += size;
	return p;
}

void arena_fail(struct arena *a)
{
	if (!a->oom)
		abort();
	longjmp(*a->oom, 1);
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

	if (__builtin_mul_overflow(n, size, &total))
		total = SIZE_MAX;
	return arena_alloc(a, total);
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

	if (len)
		memcpy(copy, p, len);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_memdup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	int len;
	char *s;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	assert(len >= 0);
	s = arena_alloc(a, (size_t)len + 1);
	vsnprintf(s, (size_t)len + 1, fmt, ap);
	return s;
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
