#ifndef XRAT_LIB_DIAG_SINK_H
#define XRAT_LIB_DIAG_SINK_H
/* The inside of a sink, for diag.c and diag_print.c. */
#include "lib/diag.h"

struct diag_sink {
	struct arena *arena;
	const struct sources *sources;
	struct diag **v;
	unsigned n, cap;
	bool errors_only;
	struct span *hidden;
	unsigned n_hidden, cap_hidden;
};

/* Overwrites with '*' what line (a copy of the bytes that start at offset of source src) must not show. */
void diag_mask_line(const struct diag_sink *s, uint32_t src, uint32_t offset, char *line, size_t len);
/* Of a piece of a line whose begin is not known (a quote may be open there): hides every word outside the marked
 * bytes. */
void diag_mask_around(char *piece, size_t len, size_t begin, size_t marked_len);

#endif
