#include "links/codec.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool text_is_clean(struct str s)
{
	size_t bad;

	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return str_is_utf8(s, &bad);
}

int percent_decode(struct arena *a, struct str s, struct str *ret_text)
{
	char *out = arena_array(a, char, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] != '%') {
			out[n++] = s.p[i];
			continue;
		}
		int high = i + 2 < s.len ? hex_digit(s.p[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(s.p[i + 2]) : -1;
		if (low < 0)
			return 1;
		out[n++] = (char)(high * 16 + low);
		i += 2;
	}
	out[n] = '\0';
	*ret_text = (struct str){ out, n };
	return text_is_clean(*ret_text) ? 0 : 2;
}

static bool is_unreserved(char c)
{
	char l = (char)(c | 0x20);

	return (c >= '0' && c <= '9') || (l >= 'a' && l <= 'z' && c >= 'A') || c == '-' || c == '.' || c == '_' ||
		c == '~';
}

void percent_encode(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (is_unreserved(s.p[i]))
			buf_putc(out, s.p[i]);
		else
			buf_printf(out, "%%%02X", (unsigned char)s.p[i]);
	}
}
