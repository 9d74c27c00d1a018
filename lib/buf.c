/* Growing output buffer. Failure is remembered, so a writer tests once at its end. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

void buf_reserve(struct buf *b, size_t more)
{
	size_t need, cap;
	char *p;

	if (b->failed || b->cap - b->len > more)
		return;
	if (__builtin_add_overflow(b->len, more, &need) || need > SIZE_MAX / 4) {
		b->failed = true;
		return;
	}
	cap = b->cap ? b->cap : 256;
	while (cap <= need)
		cap *= 2;
	p = realloc(b->p, cap);
	if (!p) {
		b->failed = true;
		return;
	}
	b->p = p;
	b->cap = cap;
}

void buf_add(struct buf *b, const void *p, size_t len)
{
	buf_reserve(b, len);
	if (b->failed)
		return;
	if (len)
		memcpy(b->p + b->len, p, len);
	b->len += len;
	b->p[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0)
		b->failed = true;
	else
		buf_reserve(b, (size_t)len);
	if (!b->failed) {
		vsnprintf(b->p + b->len, (size_t)len + 1, fmt, ap);
		b->len += (size_t)len;
	}
	va_end(ap);
}

void buf_fini(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}
