#ifndef XRAT_ROUTE_AC_H
#define XRAT_ROUTE_AC_H
/* Which of many texts occur in a name: an Aho-Corasick automaton in 13 bytes a node. Only route/ includes this.
 *
 * Nodes are numbered level by level, so the children of a node stand side by side: node i has those from first[i] to
 * first[i + 1]. A node without the wanted child goes on at its fail node, as in the textbook; the table of a full
 * automaton would need a kilobyte a node. */
#include "route/book.h"

struct ac {
	uint32_t n;      /* nodes; 0 = no texts */
	uint32_t *first; /* n + 1 */
	uint32_t *fail;  /* longest proper ending that is a node */
	uint32_t *out;   /* nearest node on the way of endings, itself included, where a text ends; 0 = none */
	uint8_t *byte;   /* that leads from the parent here */
	uint32_t root[256]; /* child of the root, or 0 */
	uint32_t *text_at;  /* sorted nodes where a text ends… */
	uint32_t *text;     /* …and which text of the book it is */
	uint32_t n_texts;
};
/* From the texts of a book, none of them empty. */
void ac_build(struct arena *a, struct arena *tmp, const struct book_maker *m, struct ac *ret_ac);
/* The node after one more byte. */
uint32_t ac_step(const struct ac *ac, uint32_t node, char c);
/* The text of the book that ends at a node where one does. */
uint32_t ac_text(const struct ac *ac, uint32_t node);
size_t ac_bytes(const struct ac *ac);

#endif
