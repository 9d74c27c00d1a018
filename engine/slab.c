/* Memory of one size: taken from the system in blocks, given back when the loop ends. What is free is linked through
 * itself. */
#include <stdlib.h>
#include <string.h>

#include "engine/io.h"

enum { BLOCK_BYTES = 64 * 1024 };

void slab_init(struct slab *s, size_t size)
{
	*s = (struct slab){ .size = (size + 15) & ~(size_t)15 };
}

static int grow(struct slab *s)
{
	char *block = malloc(BLOCK_BYTES);
	size_t n = (BLOCK_BYTES - 16) / s->size;

	if (!block)
		return -1;
	*(void **)(void *)block = s->blocks;
	s->blocks = block;
	while (n--) {
		void *p = block + 16 + n * s->size;

		*(void **)p = s->free;
		s->free = p;
	}
	return 0;
}

void *slab_get(struct slab *s)
{
	void *p;

	if (!s->free && grow(s))
		return NULL;
	p = s->free;
	s->free = *(void **)p;
	s->in_use++;
	return memset(p, 0, s->size);
}

void slab_put(struct slab *s, void *p)
{
	*(void **)p = s->free;
	s->free = p;
	s->in_use--;
}

void slab_fini(struct slab *s)
{
	void *next;

	for (void *b = s->blocks; b; b = next) {
		next = *(void **)b;
		free(b);
	}
	*s = (struct slab){ .size = s->size };
}
