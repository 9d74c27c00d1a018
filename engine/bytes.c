/* Bytes that gather while something is being set up. */
#include <stdlib.h>
#include <string.h>

#include "engine/flow.h"

void bytes_add(struct bytes *b, const void *p, size_t len)
{
	if (b->len + len > b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 512;
		char *bigger;

		while (cap < b->len + len)
			cap *= 2;
		bigger = realloc(b->p, cap);
		if (!bigger) {
			bytes_free(b);
			return;
		}
		b->p = bigger;
		b->cap = (uint32_t)cap;
	}
	if (len)
		memcpy(b->p + b->len, p, len);
	b->len += (uint32_t)len;
}

void bytes_drop(struct bytes *b, size_t len)
{
	if (len && len < b->len)
		memmove(b->p, b->p + len, b->len - len);
	b->len -= (uint32_t)len;
}

void bytes_free(struct bytes *b)
{
	free(b->p);
	*b = (struct bytes){ 0 };
}

