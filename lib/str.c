/* Slices. ASCII rules only: no locale ever changes an answer. */
#include "lib/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_of(const char *s)
{
	return s ? (struct str){ s, strlen(s) } : (struct str){ NULL, 0 };
}

bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (!a.len || !memcmp(a.p, b.p, a.len));
}

bool str_is(struct str a, const char *b)
{
	return str_eq(a, str_of(b));
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower((unsigned char)a.p[i]) != lower((unsigned char)b.p[i]))
			return false;
	return true;
}

bool str_is_nocase(struct str a, const char *b)
{
	return str_eq_nocase(a, str_of(b));
}

bool str_starts(struct str a, const char *prefix)
{
	size_t n = strlen(prefix);

	return a.len >= n && !memcmp(a.p, prefix, n);
}

bool str_starts_nocase(struct str a, const char *prefix)
{
	size_t n = strlen(prefix);

	return a.len >= n && str_is_nocase((struct str){ a.p, n }, prefix);
}

bool str_ends_nocase(struct str a, const char *suffix)
{
	size_t n = strlen(suffix);

	return a.len >= n && str_is_nocase((struct str){ a.p + a.len - n, n }, suffix);
}

struct str str_trim(struct str a)
{
	while (a.len && is_space(a.p[0]))
		a = str_skip(a, 1);
	while (a.len && is_space(a.p[a.len - 1]))
		a.len--;
	return a;
}

struct str str_skip(struct str a, size_t n)
{
	return n < a.len ? (struct str){ a.p + n, a.len - n } : (struct str){ a.p + a.len, 0 };
}

struct str str_cut(struct str *rest, char sep)
{
	const char *at = rest->len ? memchr(rest->p, sep, rest->len) : NULL;
	struct str head = *rest;

	if (!at) {
		*rest = (struct str){ NULL, 0 };
		return head;
	}
	head.len = (size_t)(at - rest->p);
	*rest = (struct str){ at + 1, rest->len - head.len - 1 };
	return head;
}

char *str_lower(struct arena *a, struct str s)
{
	char *copy = arena_memdup(a, s.p, s.len);

	for (size_t i = 0; i < s.len; i++)
		copy[i] = (char)lower((unsigned char)copy[i]);
	return copy;
}

int str_int(struct str s, int64_t *ret_value)
{
	bool minus = s.len && s.p[0] == '-';
	uint64_t limit = minus ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
	uint64_t n = 0;

	if (minus)
		s = str_skip(s, 1);
	if (!s.len)
		return -EINVAL;
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return -EINVAL;
	for (size_t i = 0; i < s.len; i++) {
		uint64_t digit = (uint64_t)(s.p[i] - '0');

		if (n > (limit - digit) / 10)
			return -ERANGE;
		n = n * 10 + digit;
	}
	*ret_value = minus ? (int64_t)(0 - n) : (int64_t)n;
	return 0;
}

enum { DISTANCE_MAX_LEN = 63 };

static bool same_letter(char a, char b)
{
	return lower((unsigned char)a) == lower((unsigned char)b);
}

/* Two neighbours that changed places are one mistake, as people make it. */
unsigned str_distance(struct str a, struct str b, unsigned max)
{
	unsigned rows[3][DISTANCE_MAX_LEN + 1];

	if (a.len > DISTANCE_MAX_LEN || b.len > DISTANCE_MAX_LEN)
		return max + 1;
	for (unsigned j = 0; j <= b.len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b.len; j++) {
			unsigned best = above[j - 1] + !same_letter(a.p[i - 1], b.p[j - 1]);

			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (i > 1 && j > 1 && same_letter(a.p[i - 1], b.p[j - 2]) && same_letter(a.p[i - 2], b.p[j - 1]) &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[a.len % 3][b.len] > max ? max + 1 : rows[a.len % 3][b.len];
}

const char *str_nearest(struct str s, const char *const *names, size_t n)
{
	unsigned limit = (unsigned)((s.len + 2) / 3), best = limit + 1;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		unsigned d = str_distance(s, str_of(names[i]), limit);

		if (d < best) {
			best = d;
			found = names[i];
		}
	}
	return found;
}

/* Length of the well-formed sequence at p (RFC 3629 table 3-7), 0 when there is none. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (left < n)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

bool str_is_utf8(struct str s, size_t *ret_bad)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i = 0;

	while (i < s.len) {
		uint64_t word;
		size_t n;

		if (s.len - i >= sizeof(word)) {
			memcpy(&word, p + i, sizeof(word));
			if (!(word & 0x8080808080808080u)) {
				i += sizeof(word);
				continue;
			}
		}
		n = utf8_sequence(p + i, s.len - i);
		if (!n) {
			if (ret_bad)
				*ret_bad = i;
			return false;
		}
		i += n;
	}
	return true;
}

/* Without the beginning of a character that has no end. */
static size_t whole_characters(const char *p, size_t len)
{
	size_t begin = len;

	while (begin && len - begin < 3 && ((unsigned char)p[begin - 1] & 0xc0) == 0x80)
		begin--;
	if (!begin || (unsigned char)p[begin - 1] < 0xc0 || utf8_sequence((const unsigned char *)p + begin - 1, len - begin + 1))
		return len;
	return begin - 1;
}

int str_fit(const char *s, size_t max)
{
	size_t len = strnlen(s, max);

	return (int)whole_characters(s, len);
}

void str_vprint(char *ret_text, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(ret_text, size, fmt, ap);

	if (n < 0)
		*ret_text = 0;
	ret_text[whole_characters(ret_text, strlen(ret_text))] = 0;
}

void str_print(char *ret_text, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_vprint(ret_text, size, fmt, ap);
	va_end(ap);
}
