/* Tokens of the JSON reader: white space and comments, strings, numbers, and words that are none of these. */
#include <string.h>

#include "lib/json_impl.h"

static const uint64_t ONES = 0x0101010101010101u, HIGHS = 0x8080808080808080u;

/* A newline ends it; the end of the text does too. */
static void skip_line(struct json_reader *r)
{
	const char *nl = memchr(r->p, '\n', (size_t)(r->end - r->p));

	r->p = nl ? nl + 1 : r->end;
}

static bool skip_block_comment(struct json_reader *r)
{
	const char *open = r->p, *p = r->p + 2;

	while ((p = memchr(p, '*', (size_t)(r->end - p)))) {
		if (++p < r->end && *p == '/') {
			r->p = p + 1;
			return true;
		}
	}
	(r->behind ? json_dislike : json_fault)(r, DIAG_XR214, json_span(r, open, open + 2),
						"comment is not closed: expected '*/' before the end of the text");
	return false;
}

static bool skip_slash(struct json_reader *r)
{
	if (r->end - r->p >= 2 && r->p[1] == '*')
		return skip_block_comment(r);
	if (r->end - r->p >= 2 && r->p[1] == '/') {
		skip_line(r);
		return true;
	}
	(r->behind ? json_dislike : json_fault)(r, DIAG_XR201, json_span(r, r->p, r->p + 1),
						"unexpected '/': a comment begins with '//', '/*' or '#'");
	return false;
}

bool json_skip_space(struct json_reader *r)
{
	while (r->p < r->end) {
		switch (*r->p) {
		case ' ':
		case '\t':
		case '\n':
		case '\r':
			r->p++;
			break;
		case '#':
			skip_line(r);
			break;
		case '/':
			if (!skip_slash(r))
				return false;
			break;
		default:
			return true;
		}
	}
	return true;
}

/* Moves over bytes that need no care in a string: all but '"', '\\' and control characters. */
static const char *skip_plain(const char *p, const char *end)
{
	while (end - p >= 8) {
		uint64_t w, quote, slash, hit;

		memcpy(&w, p, 8);
		quote = w ^ (ONES * '"');
		slash = w ^ (ONES * '\\');
		hit = ((w - ONES * 0x20) & ~w) | ((quote - ONES) & ~quote) | ((slash - ONES) & ~slash);
		if (hit & HIGHS)
			break;
		p += 8;
	}
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
		p++;
	return p;
}

/* Four hex digits at p, or -1. */
static int hex4(const char *p, const char *end)
{
	int n = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int c = (unsigned char)p[i], low = c | 0x20;

		if (c >= '0' && c <= '9')
			n = n * 16 + c - '0';
		else if (low >= 'a' && low <= 'f')
			n = n * 16 + low - 'a' + 10;
		else
			return -1;
	}
	return n;
}

static char *put_utf8(char *out, int cp)
{
	if (cp < 0x80) {
		*out++ = (char)cp;
		return out;
	}
	if (cp < 0x800) {
		*out++ = (char)(0xc0 | cp >> 6);
	} else {
		if (cp < 0x10000) {
			*out++ = (char)(0xe0 | cp >> 12);
		} else {
			*out++ = (char)(0xf0 | cp >> 18);
			*out++ = (char)(0x80 | (cp >> 12 & 0x3f));
		}
		*out++ = (char)(0x80 | (cp >> 6 & 0x3f));
	}
	*out++ = (char)(0x80 | (cp & 0x3f));
	return out;
}

/* p stands behind "\u". Writes the character (of a surrogate pair, too) and returns what stands behind the escape. */
static const char *unescape_u(struct json_reader *r, const char *p, char **out)
{
	const char *begin = p - 2;
	int cp = hex4(p, r->end), low;

	if (cp < 0) {
		json_fault(r, DIAG_XR209, json_span(r, begin, p), "'\\u' needs four hexadecimal digits");
		return p;
	}
	p += 4;
	if (cp >= 0xd800 && cp < 0xdc00 && r->end - p >= 2 && p[0] == '\\' && p[1] == 'u') {
		low = hex4(p + 2, r->end);
		if (low >= 0xdc00 && low < 0xe000) {
			*out = put_utf8(*out, 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00));
			return p + 6;
		}
	}
	if (cp >= 0xd800 && cp < 0xe000)
		json_fault(r, DIAG_XR208, json_span(r, begin, p),
			   "'%.6s' is half of a surrogate pair: write both halves, or the character itself", begin);
	else
		*out = put_utf8(*out, cp);
	return p;
}

/* p stands on the backslash, which is not the last byte. */
static const char *unescape(struct json_reader *r, const char *p, char **out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *hit = p[1] ? strchr(from, p[1]) : NULL;

	if (p[1] == 'u')
		return unescape_u(r, p + 2, out);
	if (!hit)
		json_fault(r, DIAG_XR209, json_span(r, p, p + 2),
			   "unknown escape in a string: allowed are \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX");
	else
		*(*out)++ = to[hit - from];
	return p + 2;
}

/* The closing quote of a string with escapes; NULL when there is none on this line. */
static const char *closing_quote(const char *p, const char *end)
{
	for (p = skip_plain(p, end); p < end && *p != '"' && *p != '\n'; p = skip_plain(p, end)) {
		p += *p == '\\' && end - p > 1 ? 2 : 1;
	}
	return p < end && *p == '"' ? p : NULL;
}

/* Text with escapes or control characters: decoded into the arena. */
static void decode(struct json_reader *r, const char *p, const char *close, struct str *ret_text)
{
	char *text = arena_alloc(r->arena, (size_t)(close - p) + 1), *out = text;

	while (p < close) {
		const char *plain = skip_plain(p, close);

		memcpy(out, p, (size_t)(plain - p));
		out += plain - p;
		p = plain;
		if (p < close && *p == '\\') {
			p = unescape(r, p, &out);
		} else if (p < close) {
			json_fault(r, DIAG_XR209, json_span(r, p, p + 1),
				   "control character 0x%02x in a string: write it as \\u%04x%s", *p, *p,
				   *p == '\t' ? " or \\t" : "");
			p++;
		}
	}
	*ret_text = (struct str){ text, (size_t)(out - text) };
}

bool json_read_string(struct json_reader *r, struct str *ret_text, struct span *ret_span)
{
	const char *open = r->p, *close = skip_plain(open + 1, r->end);

	if (close < r->end && *close == '"') {
		*ret_text = (struct str){ open + 1, (size_t)(close - open - 1) };
	} else {
		close = closing_quote(close, r->end);
		if (!close) {
			json_fault(r, DIAG_XR214, json_span(r, open, open + 1),
				   "string is not closed: expected '\"' before the end of the line");
			return false;
		}
		decode(r, open + 1, close, ret_text);
	}
	r->p = close + 1;
	*ret_span = json_span(r, open, r->p);
	return r->faults < JSON_MAX_FAULTS;
}

static bool is_digit(const char *p, const char *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

static const char *skip_digits(const char *p, const char *end)
{
	while (is_digit(p, end))
		p++;
	return p;
}

/* A byte that can stand in a bare word or a badly written number. */
static bool is_word(const char *p, const char *end)
{
	return p < end &&
		((*p >= '0' && *p <= '9') || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z') || *p == '_' || *p == '$' ||
		 *p == '-' || *p == '+' || *p == '.' || (*p & 0x80));
}

/* The end of the longest JSON number at p; *ret_want says what is missing, or NULL. */
static const char *number_end(const char *p, const char *end, const char **ret_want)
{
	*ret_want = "a digit";
	if (p < end && *p == '-')
		p++;
	if (!is_digit(p, end))
		return p;
	p = *p == '0' ? p + 1 : skip_digits(p, end);
	if (p < end && *p == '.') {
		*ret_want = "a digit behind the point";
		if (!is_digit(++p, end))
			return p;
		p = skip_digits(p, end);
	}
	if (p < end && (*p | 0x20) == 'e') {
		*ret_want = "a digit in the exponent";
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if (!is_digit(p, end))
			return p;
		p = skip_digits(p, end);
	}
	*ret_want = NULL;
	return p;
}

static void bad_number(struct json_reader *r, const char *begin, const char *stop, const char *want)
{
	const char *end = stop;

	while (is_word(end, r->end))
		end++;
	r->p = end > begin ? end : begin + 1;
	if (*begin == '0' && is_digit(begin + 1, r->end))
		want = "no leading zero";
	else if (*begin == '+')
		want = "no leading '+'";
	else if (*begin == '.')
		want = "a digit before the point";
	json_fault(r, DIAG_XR213, json_span(r, begin, r->p), "'%.*s' is not a JSON number: expected %s",
		   (int)(r->p - begin > 40 ? 40 : r->p - begin), begin,
		   want ? want : "digits alone, like 12, -3.5 or 1e6");
}

bool json_read_number(struct json_reader *r, struct value *ret_value)
{
	const char *begin = r->p, *want, *end = number_end(begin, r->end, &want);

	if (want || is_word(end, r->end))
		bad_number(r, begin, end, want);
	else
		r->p = end;
	*ret_value = (struct value){ .kind = VAL_NUMBER, .span = json_span(r, begin, r->p) };
	ret_value->text = begin;
	ret_value->len = (uint32_t)(r->p - begin);
	return r->faults < JSON_MAX_FAULTS;
}

/* 'text' on one line: clearly meant as a string. */
static bool read_single_quoted(struct json_reader *r, const char *what)
{
	const char *open = r->p, *p = open + 1;

	while (p < r->end && *p != '\'' && *p != '\n')
		p++;
	if (p >= r->end || *p != '\'')
		return json_expected(r, what);
	r->p = p + 1;
	json_fault(r, DIAG_XR215, json_span(r, open, r->p),
		   "expected %s, found single quotes: JSON strings stand in double quotes", what);
	return true;
}

static void bare_word(struct json_reader *r, const char *what, const char *begin)
{
	static const char *const literals[] = { "true", "false", "null" };
	struct str word = { begin, (size_t)(r->p - begin) };
	struct span at = json_span(r, begin, r->p);

	for (unsigned i = 0; i < 3; i++) {
		if (!str_is_nocase(word, literals[i]))
			continue;
		json_fault(r, DIAG_XR215, at, "expected %s, found '%.*s': literals are lower case, like %s", what,
			   (int)word.len, word.p, literals[i]);
		return;
	}
	json_fault(r, DIAG_XR215, at, "expected %s, found the word '%.*s': text stands in double quotes", what,
		   (int)(word.len > 40 ? 40 : word.len), word.p);
}

bool json_read_odd(struct json_reader *r, const char *what, struct str *ret_text, struct span *ret_span)
{
	const char *begin = r->p;

	if (begin < r->end && *begin == '\'') {
		if (!read_single_quoted(r, what))
			return false;
	} else {
		while (is_word(r->p, r->end))
			r->p++;
		if (r->p == begin)
			return json_expected(r, what);
		bare_word(r, what, begin);
	}
	*ret_text = (struct str){ begin, (size_t)(r->p - begin) };
	*ret_span = json_span(r, begin, r->p);
	return r->faults < JSON_MAX_FAULTS;
}
