/* A look over a TOML text before toml++ sees it: nesting that would overflow its stack, and strings that are not
 * closed. It only needs to know strings, comments, brackets and dots. */
#include <string.h>

#include "lib/toml.h"
#include "lib/toml_impl.h"

struct scan {
	struct diag_sink *sink;
	uint32_t src;
	const char *base, *p, *end;
	const char *open[TOML_MAX_DEPTH];
	unsigned depth, parts;
};

static bool refuse(struct scan *s, enum diag_code code, size_t len, const char *msg)
{
	uint32_t begin = (uint32_t)(s->p - s->base);

	diag_add(s->sink, code, (struct span){ s->src, begin, begin + (uint32_t)len }, "%s", msg);
	return false;
}

static bool is_triple(const char *p, const char *end)
{
	return end - p >= 3 && p[1] == p[0] && p[2] == p[0];
}

/* Behind the closing quotes of a multi-line string: three of them, and up to two more belong to the text. */
static const char *skip_triple(const char *p, const char *end)
{
	char quote = *p;

	for (p += 3; p < end; p++) {
		if (*p == '\\' && quote == '"') {
			p++;
		} else if (*p == quote && is_triple(p, end)) {
			p += 3;
			for (int i = 0; i < 2 && p < end && *p == quote; i++)
				p++;
			return p;
		}
	}
	return NULL;
}

const char *toml_skip_string(const char *p, const char *end)
{
	char quote = *p;

	if (is_triple(p, end))
		return skip_triple(p, end);
	for (p++; p < end && *p != '\n'; p++) {
		if (*p == quote)
			return p + 1;
		if (*p == '\\' && quote == '"' && end - p > 1 && p[1] != '\n')
			p++;
	}
	return NULL;
}

static bool scan_string(struct scan *s)
{
	const char *behind = toml_skip_string(s->p, s->end);

	if (!behind && is_triple(s->p, s->end))
		return refuse(s, DIAG_XR108, 3,
			      "string is not closed: expected three quotes before the end of the file");
	if (!behind)
		return refuse(s, DIAG_XR108, 1,
			      "string is not closed: expected its quote again before the end of the line");
	s->p = behind;
	return true;
}

static bool scan_open(struct scan *s)
{
	if (s->depth == TOML_MAX_DEPTH)
		return refuse(s, DIAG_XR106, 1, "nested deeper than 64 levels, which is the limit");
	s->open[s->depth++] = s->p++;
	s->parts = 0;
	return true;
}

static bool scan_dot(struct scan *s)
{
	if (++s->parts >= TOML_MAX_DEPTH)
		return refuse(s, DIAG_XR106, 1, "key has more than 64 dotted parts, which is the limit");
	s->p++;
	return true;
}

/* Only strings and comments hold such characters: a letter in a bare key or value, a typographic quote, a wide
 * space. */
static bool scan_wide(struct scan *s)
{
	struct str text = { s->base, (size_t)(s->end - s->base) };
	struct toml_range r = toml_char_at(text, (uint32_t)(s->p - s->base));

	diag_add(s->sink, DIAG_XR101, (struct span){ s->src, r.begin, r.end },
		 "'%.*s' stands outside quotes: keys and text with other than ASCII letters need quotes",
		 (int)(r.end - r.begin), s->p);
	return false;
}

static bool scan_one(struct scan *s)
{
	const char *nl;

	if (*s->p & 0x80)
		return scan_wide(s);
	switch (*s->p) {
	case '"':
	case '\'':
		return scan_string(s);
	case '[':
	case '{':
		return scan_open(s);
	case '.':
		return scan_dot(s);
	case '#':
		nl = memchr(s->p, '\n', (size_t)(s->end - s->p));
		s->p = nl ? nl : s->end;
		return true;
	case ']':
	case '}':
		s->depth -= s->depth > 0;
		/* fall through */
	case '\n':
	case '=':
	case ',':
		s->parts = 0;
		/* fall through */
	default:
		s->p++;
		return true;
	}
}

bool toml_scan(struct diag_sink *sink, uint32_t src, struct str bytes, uint32_t from, struct toml_shape *ret_shape)
{
	struct scan s = { .sink = sink, .src = src, .base = bytes.p, .p = bytes.p + from, .end = bytes.p + bytes.len };

	/* toml++ skips a mark at the start itself, so it would accept two. */
	if (bytes.len - from >= 3 && memcmp(s.p, "\xef\xbb\xbf", 3) == 0)
		return refuse(&s, DIAG_XR101, 3, "byte order mark stands twice: remove it");
	while (s.p < s.end)
		if (!scan_one(&s))
			return false;
	*ret_shape = (struct toml_shape){ .open_bracket = s.depth > 0 };
	if (s.depth)
		ret_shape->open_at = (uint32_t)(s.open[s.depth - 1] - s.base);
	return true;
}
