/* Tables. Widths follow Unicode's East Asian Width and general categories, in the coarse ranges that matter for names. */
#include "cli/grid.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { GAP = 2 };

/* --- characters --- */
struct range {
	uint32_t first, last;
};
/* Combining marks, variation selectors, joiners, tags: no column of their own. */
static const struct range nothing[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x0610, 0x061a }, { 0x064b, 0x065f }, { 0x0670, 0x0670 },
	{ 0x06d6, 0x06dc }, { 0x0900, 0x0902 }, { 0x093c, 0x093c }, { 0x0941, 0x0948 }, { 0x094d, 0x094d }, { 0x0e31, 0x0e31 },
	{ 0x0e34, 0x0e3a }, { 0x0e47, 0x0e4e }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x200b, 0x200d }, { 0x20d0, 0x20ff },
	{ 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0x1f3fb, 0x1f3ff }, { 0xe0000, 0xe0fff },
};
static const struct range wide[] = {
	{ 0x1100, 0x115f }, { 0x231a, 0x231b }, { 0x23e9, 0x23ec }, { 0x2614, 0x2615 }, { 0x26a1, 0x26a1 }, { 0x2705, 0x2705 },
	{ 0x2728, 0x2728 }, { 0x274c, 0x274e }, { 0x2753, 0x2757 }, { 0x2b50, 0x2b55 }, { 0x2e80, 0x303e }, { 0x3041, 0x33ff },
	{ 0x3400, 0x4dbf }, { 0x4e00, 0x9fff }, { 0xa000, 0xa4cf }, { 0xa960, 0xa97f }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },
	{ 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x1f004, 0x1f004 }, { 0x1f18e, 0x1f19a }, { 0x1f200, 0x1f320 },
	{ 0x1f32d, 0x1f3fa }, { 0x1f400, 0x1f64f }, { 0x1f680, 0x1f6ff }, { 0x1f7e0, 0x1f7eb }, { 0x1f900, 0x1f9ff },
	{ 0x1fa70, 0x1faff }, { 0x20000, 0x3fffd },
};
/* What a name could change the look of other lines with. */
static const struct range unsafe[] = {
	{ 0x0000, 0x001f }, { 0x007f, 0x009f }, { 0x061c, 0x061c }, { 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
	{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb },
};

static bool is_in(const struct range *ranges, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n && ranges[i].first <= c; i++)
		if (c <= ranges[i].last)
			return true;
	return false;
}
#define IS_IN(ranges, c) is_in(ranges, sizeof(ranges) / sizeof(*(ranges)), c)

/* The character at p and its length; length 1 and c the byte itself where it is not UTF-8, told by *ret_bad. */
static unsigned read_char(const char *p, uint32_t *ret_c, bool *ret_bad)
{
	unsigned char b = (unsigned char)*p;
	unsigned len = b < 0x80 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
	size_t bad;

	*ret_bad = strnlen(p, len) < len || !str_is_utf8((struct str){ p, len }, &bad);
	*ret_c = b;
	if (*ret_bad || len == 1)
		return 1;
	*ret_c = b & (0x7fu >> len);
	for (unsigned i = 1; i < len; i++)
		*ret_c = *ret_c << 6 | ((unsigned char)p[i] & 0x3f);
	return len;
}

static unsigned columns_of(uint32_t c)
{
	return c < 0x300 ? 1 : IS_IN(nothing, c) ? 0 : IS_IN(wide, c) ? 2 : 1;
}

static void put_escape(struct buf *out, uint32_t c)
{
	buf_printf(out, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
}

/* Printable ASCII alone, as most texts are: as many columns as bytes, and nothing to escape. */
static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

const char *grid_clean(struct arena *a, const char *text)
{
	struct str s = str_of(text);
	struct buf out = { 0 };
	const char *r;

	if (is_plain(s))
		return arena_memdup(a, s.p, s.len);
	for (unsigned len; *text; text += len) {
		uint32_t c;
		bool bad;

		len = read_char(text, &c, &bad);
		if (bad || IS_IN(unsafe, c))
			put_escape(&out, c);
		else
			buf_add(&out, text, len);
	}
	if (out.failed)
		arena_fail(a);
	r = arena_memdup(a, out.p ? out.p : "", out.len);
	buf_fini(&out);
	return r;
}

unsigned grid_columns(const char *text)
{
	struct str s = str_of(text);
	unsigned n = 0;

	if (is_plain(s))
		return (unsigned)s.len;
	for (unsigned len; *text; text += len) {
		uint32_t c;
		bool bad;

		len = read_char(text, &c, &bad);
		n += columns_of(c);
	}
	return n;
}

const char *grid_fit(struct arena *a, const char *text, unsigned max)
{
	unsigned n = 0, len;
	const char *p = text;

	if (grid_columns(text) <= max || !max)
		return text;
	for (; *p; p += len) {
		uint32_t c;
		bool bad;

		len = read_char(p, &c, &bad);
		n += columns_of(c);
		if (n > max - 1)
			break;
	}
	return arena_printf(a, "%.*s…", (int)(p - text), text);
}

/* --- tables --- */
struct cell {
	const char *text;
	unsigned columns;
};
struct grid {
	struct arena *a;
	const struct grid_column *columns;
	unsigned n_columns, cap;
	unsigned *widths; /* as wide as the widest cell */
	struct cell *cells;
	size_t n;
};

struct grid *grid_new(struct arena *a, const struct grid_column *columns, unsigned n)
{
	struct grid *g = arena_new_of(a, struct grid);

	g->a = a;
	g->columns = columns;
	g->n_columns = n;
	g->widths = arena_array(a, unsigned, n);
	for (unsigned i = 0; i < n; i++)
		g->widths[i] = grid_columns(columns[i].title);
	return g;
}

void grid_add(struct grid *g, const char *text)
{
	grid_put(g, grid_clean(g->a, text ? text : ""));
}

void grid_put(struct grid *g, const char *text)
{
	unsigned column = (unsigned)(g->n % g->n_columns);
	struct cell c = { text, grid_columns(text) };

	if (g->n == g->cap)
		g->cells = arena_grow(g->a, g->cells, g->n, sizeof(*g->cells), &g->cap);
	g->cells[g->n++] = c;
	if (c.columns > g->widths[column])
		g->widths[column] = c.columns;
}

/* Takes from the widest column that may give, until all of it fits or nobody can give any more. */
static void shrink(const struct grid *g, unsigned *widths, unsigned width)
{
	unsigned all = (g->n_columns - 1) * GAP;

	for (unsigned i = 0; i < g->n_columns; i++)
		all += widths[i];
	while (all > width) {
		unsigned best = g->n_columns;

		for (unsigned i = 0; i < g->n_columns; i++)
			if (g->columns[i].least && widths[i] > g->columns[i].least &&
			    (best == g->n_columns || widths[i] > widths[best]))
				best = i;
		if (best == g->n_columns)
			return;
		widths[best]--;
		all--;
	}
}

static void pad(struct buf *out, unsigned n)
{
	static const char blanks[] = "                                ";

	for (; n >= sizeof(blanks) - 1; n -= sizeof(blanks) - 1)
		buf_add(out, blanks, sizeof(blanks) - 1);
	buf_add(out, blanks, n);
}

static struct cell cut(const struct grid *g, struct cell c, unsigned width)
{
	if (c.columns <= width)
		return c;
	c.text = grid_fit(g->a, c.text, width);
	c.columns = grid_columns(c.text);
	return c;
}

/* No blanks at the end of a line. */
static void write_row(const struct grid *g, const unsigned *widths, const struct cell *cells, struct buf *out)
{
	unsigned blank = 0;

	for (unsigned i = 0; i < g->n_columns; i++) {
		struct cell c = cut(g, cells[i], widths[i]);
		unsigned gap = widths[i] - c.columns;

		if (c.columns) {
			pad(out, blank + (g->columns[i].right ? gap : 0));
			buf_puts(out, c.text);
			blank = 0;
		}
		blank += (!c.columns ? widths[i] : g->columns[i].right ? 0 : gap) + GAP;
	}
	buf_putc(out, '\n');
}

void grid_write(const struct grid *g, unsigned width, struct buf *out)
{
	unsigned *widths = (unsigned *)(void *)arena_memdup(g->a, g->widths, g->n_columns * sizeof(unsigned));
	struct cell *titles = arena_array(g->a, struct cell, g->n_columns);

	if (!g->n)
		return;
	if (width)
		shrink(g, widths, width);
	for (unsigned i = 0; i < g->n_columns; i++)
		titles[i] = (struct cell){ g->columns[i].title, grid_columns(g->columns[i].title) };
	write_row(g, widths, titles, out);
	for (size_t i = 0; i + g->n_columns <= g->n; i += g->n_columns)
		write_row(g, widths, g->cells + i, out);
}

unsigned grid_width(int fd)
{
	struct winsize size;

	return !ioctl(fd, TIOCGWINSZ, &size) ? size.ws_col : 0;
}
