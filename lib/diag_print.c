/* Diagnostics as text with the source line and a marker, and as JSON. Lines are cut to a window around the marker, and
 * control characters never reach a terminal. */
#include <string.h>

#include "lib/diag_sink.h"

enum { WINDOW = 150, WINDOW_BEFORE = 60, REGION = 2048 };

static const char *const severity_names[SEV__N] = { "note", "warning", "error" };
const char *severity_name(enum severity s)
{
	return severity_names[s];
}

static const char *const severity_colors[SEV__N] = { "\033[36m", "\033[35m", "\033[31m" };

struct printer {
	const struct diag_sink *sink;
	struct buf *out;
	bool color;
};

static void paint(struct printer *p, const char *color)
{
	if (p->color)
		buf_puts(p->out, color);
}

/* Copies text so that no control character survives. */
static void put_clean(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == 0x7f)
			continue;
		buf_putc(out, c == '\t' ? ' ' : c < 0x20 ? '?' : (char)c);
	}
}

static void put_place(struct printer *p, struct span at)
{
	const struct source *src = sources_get(p->sink->sources, at.src);
	uint32_t line, col;

	if (!src)
		return;
	put_clean(p->out, str_of(src->path));
	if (at.end || at.begin || src->len) {
		source_place(p->sink->sources, at.src, at.begin, &line, &col);
		buf_printf(p->out, ":%u:%u", line, col);
	}
	buf_puts(p->out, ": ");
}

static size_t width(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80 && s.p[i] != 0x7f;
	return n;
}

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Cuts line so that byte `at` is inside the window; *at moves along. */
static struct str cut_window(struct str line, size_t *at)
{
	size_t begin = *at > WINDOW_BEFORE && line.len > WINDOW ? *at - WINDOW_BEFORE : 0, len;

	while (begin && begin < line.len && continues(line.p[begin]))
		begin--;
	line = str_skip(line, begin);
	*at -= begin;
	len = line.len > WINDOW ? WINDOW : line.len;
	while (len < line.len && continues(line.p[len]))
		len++;
	return (struct str){ line.p, len };
}

static void put_marker(struct printer *p, struct str line, size_t at, size_t span_len, bool cut)
{
	struct str before = { line.p, at }, marked = str_skip(line, at);

	if (marked.len > span_len)
		marked.len = span_len;
	buf_puts(p->out, "        | ");
	for (size_t n = width(before) + (cut ? 3 : 0); n; n--)
		buf_putc(p->out, ' ');
	paint(p, "\033[32m");
	buf_putc(p->out, '^');
	for (size_t n = width(marked); n > 1; n--)
		buf_putc(p->out, '~');
	paint(p, "\033[0m");
	buf_putc(p->out, '\n');
}

/* The part of a line that is worth reading: all of it, or REGION bytes around byte *at of a very long one. */
static struct str line_region(struct str line, size_t *at)
{
	size_t begin = *at > REGION ? *at - REGION : 0;

	if (line.len <= 2 * REGION)
		return line;
	while (begin && continues(line.p[begin]))
		begin++;
	line = str_skip(line, begin);
	*at -= begin;
	if (line.len > 2 * REGION)
		line.len = 2 * REGION;
	return line;
}

static void put_line(struct printer *p, struct span at)
{
	const struct source *src = sources_get(p->sink->sources, at.src);
	size_t in_line, span_len = at.end > at.begin ? at.end - at.begin : 1;
	struct str line, region, shown;
	char copy[2 * REGION];
	uint32_t number, col;

	if (!src || !src->len)
		return;
	source_place(p->sink->sources, at.src, at.begin, &number, &col);
	line = source_line(p->sink->sources, at.src, number);
	in_line = at.begin - (size_t)(line.p - src->bytes);
	in_line = in_line < line.len ? in_line : line.len;
	region = line_region(line, &in_line);
	memcpy(copy, region.p, region.len);
	diag_mask_line(p->sink, at.src, (uint32_t)(region.p - src->bytes), copy, region.len);
	if (region.len < line.len)
		diag_mask_around(copy, region.len, in_line, span_len);
	line = (struct str){ copy, region.len };
	shown = cut_window(line, &in_line);
	buf_printf(p->out, "%7u | %s", number, shown.p > line.p ? "..." : "");
	put_clean(p->out, shown);
	buf_puts(p->out, shown.p + shown.len < line.p + line.len ? "...\n" : "\n");
	put_marker(p, shown, in_line, span_len, shown.p > line.p);
}

static void put_diag(struct printer *p, const struct diag *d)
{
	put_place(p, d->at);
	paint(p, severity_colors[d->severity]);
	buf_printf(p->out, "%s[%s]", severity_names[d->severity], diag_infos[d->code].name);
	paint(p, "\033[0m");
	buf_puts(p->out, ": ");
	put_clean(p->out, str_of(d->msg));
	buf_putc(p->out, '\n');
	put_line(p, d->at);
	for (const struct diag_related *r = d->related; r; r = r->next) {
		buf_puts(p->out, "      ");
		put_place(p, r->at);
		buf_puts(p->out, "note: ");
		put_clean(p->out, str_of(r->msg));
		buf_putc(p->out, '\n');
	}
	if (!d->help)
		return;
	buf_puts(p->out, "      help: ");
	put_clean(p->out, str_of(d->help));
	buf_putc(p->out, '\n');
}

void diag_print(const struct diag_sink *s, bool color, enum severity from, struct buf *out)
{
	struct printer p = { s, out, color };

	for (unsigned i = 0; i < s->n; i++)
		if (s->v[i]->severity >= from)
			put_diag(&p, s->v[i]);
}

/* file, line, column, end of a span; null when there is no place. */
static void json_place(const struct diag_sink *s, struct arena *a, struct span at, struct value *object)
{
	const struct source *src = sources_get(s->sources, at.src);
	struct value end = value_object(SPAN_NONE);
	uint32_t line, col;

	if (!src) {
		value_put(a, object, "file", value_null(SPAN_NONE));
		return;
	}
	value_put_str(a, object, "file", src->path);
	source_place(s->sources, at.src, at.begin, &line, &col);
	value_put_int(a, object, "line", line);
	value_put_int(a, object, "column", col);
	source_place(s->sources, at.src, at.end, &line, &col);
	value_put_int(a, &end, "line", line);
	value_put_int(a, &end, "column", col);
	value_put(a, object, "end", end);
}

static struct value json_diag(const struct diag_sink *s, struct arena *a, const struct diag *d)
{
	struct value o = value_object(SPAN_NONE), related = value_array(SPAN_NONE);

	value_put_str(a, &o, "code", diag_infos[d->code].name);
	value_put_str(a, &o, "severity", severity_names[d->severity]);
	json_place(s, a, d->at, &o);
	value_put_str(a, &o, "message", d->msg);
	value_put(a, &o, "help", d->help ? value_string(d->help, SPAN_NONE) : value_null(SPAN_NONE));
	for (const struct diag_related *r = d->related; r; r = r->next) {
		struct value item = value_object(SPAN_NONE);

		json_place(s, a, r->at, &item);
		value_put_str(a, &item, "message", r->msg);
		value_push(a, &related, item);
	}
	value_put(a, &o, "related", related);
	return o;
}

struct value diag_json(const struct diag_sink *s, struct arena *a)
{
	struct value list = value_array(SPAN_NONE);

	for (unsigned i = 0; i < s->n; i++)
		value_push(a, &list, json_diag(s, a, s->v[i]));
	return list;
}
