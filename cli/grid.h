#ifndef XRAT_CLI_GRID_H
#define XRAT_CLI_GRID_H
/* Tables for a terminal: columns as wide as they need, made to fit where that is too wide; texts of others made safe. */
#include "lib/lib.h"

struct grid_column {
	const char *title;
	bool right;     /* numbers */
	unsigned least; /* it may be cut to so many columns; 0 = never cut */
};
struct grid;
/* columns outlive the grid. */
struct grid *grid_new(struct arena *a, const struct grid_column *columns, unsigned n);
/* The next cell, row by row; copied, cleaned. NULL is empty. */
void grid_add(struct grid *g, const char *text);
/* The same for a text of our own that lives as long as the grid and needs no cleaning. */
void grid_put(struct grid *g, const char *text);
/* Titles and rows; nothing at all without a row. width 0 = as wide as it gets. */
void grid_write(const struct grid *g, unsigned width, struct buf *out);
/* Columns of the terminal behind a descriptor; 0 when it is none. */
unsigned grid_width(int fd);

/* With control characters, what turns the direction of text, and what is not UTF-8 written as escapes: \x1b, \u202e. */
const char *grid_clean(struct arena *a, const char *text);
/* How many columns a clean text takes. */
unsigned grid_columns(const char *text);
/* Cut to at most max columns, with … in the place of what is left out. */
const char *grid_fit(struct arena *a, const char *text, unsigned max);

#endif
