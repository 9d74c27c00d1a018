/* Last words. */
#include "runtime/words.h"

#include <string.h>

struct str words_last(struct str text, unsigned lines, size_t max_bytes)
{
	struct str t = str_trim(text);
	size_t begin = t.len;

	for (unsigned seen = 0; begin; begin--)
		if (t.p[begin - 1] == '\n' && ++seen == lines)
			break;
	/* What is cut in two nobody knows for a secret any more, so the first word shown is a whole one. */
	if (t.len - begin > max_bytes)
		for (begin = t.len - max_bytes; begin < t.len && !(t.p[begin] && strchr(" \t\r\n\"", t.p[begin]));)
			begin++;
	return str_trim(str_skip(t, begin));
}

static char clean_byte(char c)
{
	if (c == '\n' || c == '\r' || c == '\t')
		return ' ';
	return (unsigned char)c < ' ' || c == 0x7F ? '?' : c;
}

void words_clean(char *p, size_t len)
{
	size_t bad;

	while (!str_is_utf8((struct str){ p, len }, &bad))
		p[bad] = '?';
	for (size_t i = 0; i < len; i++) {
		/* U+0080 to U+009F are control characters too. */
		if ((unsigned char)p[i] == 0xC2 && i + 1 < len && (unsigned char)p[i + 1] < 0xA0)
			p[i] = p[i + 1] = '?';
		p[i] = clean_byte(p[i]);
	}
}
