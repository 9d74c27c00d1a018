/* Canonical JSON: the same tree gives the same bytes. Numbers are written as they were read. */
#include <string.h>

#include "lib/json.h"

/* indent < 0: on one line without spaces. */
static void write_value(struct buf *out, const struct value *v, int indent);

static void write_escape(struct buf *out, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *hit = c ? strchr(from, c) : NULL;

	if (hit) {
		buf_putc(out, '\\');
		buf_putc(out, to[hit - from]);
	} else {
		buf_printf(out, "\\u%04x", c);
	}
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

void json_write_string(struct buf *out, struct str s)
{
	size_t i = 0, run;

	buf_reserve(out, s.len + 2);
	buf_putc(out, '"');
	while (i < s.len) {
		for (run = i; run < s.len && is_plain((unsigned char)s.p[run]); run++)
			;
		buf_add(out, s.p + i, run - i);
		i = run;
		if (i < s.len)
			write_escape(out, (unsigned char)s.p[i++]);
	}
	buf_putc(out, '"');
}

static void new_line(struct buf *out, int indent)
{
	static const char spaces[] = "                                ";

	if (indent < 0)
		return;
	buf_putc(out, '\n');
	for (int left = indent * 2; left > 0; left -= 32)
		buf_add(out, spaces, left < 32 ? (size_t)left : 32);
}

static void write_array(struct buf *out, const struct value *v, int indent)
{
	int deeper = indent < 0 ? indent : indent + 1;

	buf_putc(out, '[');
	for (uint32_t i = 0; i < v->n; i++) {
		if (i)
			buf_putc(out, ',');
		new_line(out, deeper);
		write_value(out, &v->items[i], deeper);
	}
	if (v->n)
		new_line(out, indent);
	buf_putc(out, ']');
}

static void write_object(struct buf *out, const struct value *v, int indent)
{
	int deeper = indent < 0 ? indent : indent + 1;

	buf_putc(out, '{');
	for (uint32_t i = 0; i < v->n_members; i++) {
		if (i)
			buf_putc(out, ',');
		new_line(out, deeper);
		json_write_string(out, member_key(&v->members[i]));
		buf_puts(out, indent < 0 ? ":" : ": ");
		write_value(out, &v->members[i].value, deeper);
	}
	if (v->n_members)
		new_line(out, indent);
	buf_putc(out, '}');
}

static void write_value(struct buf *out, const struct value *v, int indent)
{
	switch ((enum value_kind)v->kind) {
	case VAL_BOOL:
		buf_puts(out, v->truth ? "true" : "false");
		break;
	case VAL_NUMBER:
		buf_add(out, v->text, v->len);
		break;
	case VAL_STRING:
	case VAL_DATETIME:
		json_write_string(out, value_str(v));
		break;
	case VAL_ARRAY:
		write_array(out, v, indent);
		break;
	case VAL_OBJECT:
		write_object(out, v, indent);
		break;
	default:
		buf_puts(out, "null");
	}
}

void json_write(struct buf *out, const struct value *v)
{
	write_value(out, v, 0);
	buf_putc(out, '\n');
}

void json_write_at(struct buf *out, const struct value *v, unsigned indent)
{
	write_value(out, v, (int)indent);
}

void json_write_compact(struct buf *out, const struct value *v)
{
	write_value(out, v, -1);
}
