/* Memory of one size, in blocks that stand at a multiple of their own size, so that a thing's address tells its block. Things are
 * taken from blocks that are in use already; a block without any is given back to the system, but for one. Of a block that is
 * not full, what was never used was never touched either. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/io.h"

enum { BLOCK_BYTES = 64 * 1024, HEAD_BYTES = 48 };

struct slab_block {
	struct slab_block *next, **at; /* in the list of those that have room, or of the full */
	void *free;                    /* linked through themselves */
	uint32_t used;                 /* in use */
	uint32_t begun;                /* in use or free: those behind were never asked for */
};
_Static_assert(sizeof(struct slab_block) <= HEAD_BYTES, "the head of a block");

void slab_init(struct slab *s, size_t size)
{
	*s = (struct slab){ .size = (size + 15) & ~(size_t)15 };
}

static uint32_t per_block(const struct slab *s)
{
	return (uint32_t)((BLOCK_BYTES - HEAD_BYTES) / s->size);
}

static void link_block(struct slab_block **list, struct slab_block *b)
{
	b->next = *list;
	b->at = list;
	if (b->next)
		b->next->at = &b->next;
	*list = b;
}

static void unlink_block(struct slab_block *b)
{
	*b->at = b->next;
	if (b->next)
		b->next->at = b->at;
}

/* What the C library keeps for itself is not in these pages. */
static void give_back(struct slab_block *b)
{
	madvise(b, BLOCK_BYTES, MADV_DONTNEED);
	free(b);
}

/* One with room at the head of its list. False: memory is out. */
static bool make_room(struct slab *s)
{
	struct slab_block *b = s->spare;

	if (s->roomy)
		return true;
	s->spare = NULL;
	if (!b)
		b = aligned_alloc(BLOCK_BYTES, BLOCK_BYTES);
	if (!b)
		return false;
	*b = (struct slab_block){ .next = NULL };
	link_block(&s->roomy, b);
	return true;
}

void *slab_get(struct slab *s)
{
	struct slab_block *b;
	void *p;

	if (!make_room(s))
		return NULL;
	b = s->roomy;
	p = b->free;
	if (p)
		b->free = *(void **)p;
	else
		p = (char *)b + HEAD_BYTES + b->begun++ * s->size;
	if (++b->used == per_block(s)) {
		unlink_block(b);
		link_block(&s->full, b);
	}
	s->in_use++;
	return memset(p, 0, s->size);
}

static void put_block(struct slab *s, struct slab_block *b)
{
	unlink_block(b);
	if (s->spare)
		give_back(b);
	else
		s->spare = b;
}

void slab_put(struct slab *s, void *p)
{
	struct slab_block *b = (struct slab_block *)(void *)((char *)p - ((uintptr_t)p & (BLOCK_BYTES - 1)));

	*(void **)p = b->free;
	b->free = p;
	s->in_use--;
	if (b->used-- == per_block(s)) {
		unlink_block(b);
		link_block(&s->roomy, b);
	}
	if (!b->used)
		put_block(s, b);
}

static void free_list(struct slab_block *b)
{
	struct slab_block *next;

	for (; b; b = next) {
		next = b->next;
		free(b);
	}
}

void slab_fini(struct slab *s)
{
	free_list(s->roomy);
	free_list(s->full);
	free(s->spare);
	*s = (struct slab){ .size = s->size };
}
