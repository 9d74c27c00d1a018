#ifndef XRAT_LIB_ARENA_H
#define XRAT_LIB_ARENA_H
/* Bump allocator: everything a compile makes lives in one arena and dies with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

struct arena;

/* A new, empty arena; NULL when memory is out. Free with arena_free (NULL is fine). */
struct arena *arena_new(void);
void arena_free(struct arena *a);

/* Where arena_alloc goes when memory is out; returns the earlier place, to be put back. Without one it aborts. Never
 * set it above C++ frames. */
jmp_buf *arena_on_oom(struct arena *a, jmp_buf *to);

/* Memory ran out elsewhere: jumps as arena_alloc does. */
void arena_fail(struct arena *a) __attribute__((noreturn));

/* size_bytes zeroed bytes, aligned for any scalar; never NULL (jumps instead). */
void *arena_alloc(struct arena *a, size_t size_bytes);
/* The same, but NULL when memory is out: for callers that cannot be jumped over. */
void *arena_try_alloc(struct arena *a, size_t size_bytes);
#define arena_new_of(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc_array((a), (n), sizeof(type)))
/* n * size_bytes with an overflow check. */
void *arena_alloc_array(struct arena *a, size_t n, size_t size_bytes);
/* Doubles an array that is full: copies n elements of size_bytes and updates *cap. */
void *arena_grow(struct arena *a, void *old, size_t n, size_t size_bytes, unsigned *cap);

/* NUL-terminated copies. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_memdup(struct arena *a, const void *p, size_t len_bytes);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap);

#endif
