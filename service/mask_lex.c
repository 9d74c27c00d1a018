/* Tokens of TOML and JSON, of texts that parse and of texts that do not: it never fails, and never reads behind the end
 * of a line for what must end on it. */
#include <string.h>

#include "service/mask_impl.h"

static bool is_at(const struct mask_lexer *l, size_t at, const char *what)
{
	return at <= l->text.len && str_starts(str_skip(l->text, at), what);
}

static size_t line_end(const struct mask_lexer *l, size_t at)
{
	const char *p = at < l->text.len ? memchr(l->text.p + at, '\n', l->text.len - at) : NULL;

	return p ? (size_t)(p - l->text.p) : l->text.len;
}

static bool lex_comment(struct mask_lexer *l)
{
	const char *end;

	if (l->json && is_at(l, l->at, "/*")) {
		end = memmem(l->text.p + l->at + 2, l->text.len - l->at - 2, "*/", 2);
		l->at = end ? (size_t)(end - l->text.p) + 2 : l->text.len;
	} else if (is_at(l, l->at, "#") || (l->json && is_at(l, l->at, "//"))) {
		l->at = line_end(l, l->at);
	} else {
		return false;
	}
	l->token = TOKEN_COMMENT;
	return true;
}

/* Where a string ends whose content begins at `at`; literal: without escapes. */
static size_t string_end(const struct mask_lexer *l, size_t at, size_t stop, struct str quotes, bool literal)
{
	for (; at < stop; at++) {
		if (!literal && l->text.p[at] == '\\')
			at++;
		else if (!memcmp(l->text.p + at, quotes.p, quotes.len <= stop - at ? quotes.len : stop - at) &&
			 quotes.len <= stop - at)
			return at;
	}
	return stop;
}

static bool lex_string(struct mask_lexer *l)
{
	char c = l->text.p[l->at];
	struct str quotes = { l->text.p + l->at, 1 };
	size_t stop;

	if (c != '"' && c != '\'')
		return false;
	l->lines = !l->json && is_at(l, l->at, c == '"' ? "\"\"\"" : "'''");
	if (l->lines)
		quotes.len = 3;
	stop = l->lines ? l->text.len : line_end(l, l->at);
	l->inner = l->at + quotes.len;
	l->inner_end = string_end(l, l->inner, stop, quotes, c == '\'' && !l->json);
	l->closed = l->inner_end < stop;
	l->at = l->inner_end + (l->closed ? quotes.len : 0);
	/* Two more quotes may belong to the content. */
	for (int i = 0; l->lines && l->closed && i < 2 && l->at < l->text.len && l->text.p[l->at] == c; i++) {
		l->at++;
		l->inner_end++;
	}
	l->token = TOKEN_STRING;
	return true;
}

static bool ends_word(const struct mask_lexer *l, size_t at)
{
	return strchr(l->json ? " \t\r\n\"'[]{},:#" : " \t\r\n\"'[]{},=#", l->text.p[at]) ||
	       (l->json && is_at(l, at, "/*"));
}

void mask_lex(struct mask_lexer *l)
{
	while (l->at < l->text.len && l->text.p[l->at] && strchr(" \t\r", l->text.p[l->at]))
		l->at++;
	l->begin = l->at;
	if (l->at >= l->text.len) {
		l->token = TOKEN_END;
	} else if (l->text.p[l->at] == '\n') {
		l->token = TOKEN_LINE;
		l->at++;
	} else if (!lex_comment(l) && !lex_string(l)) {
		l->token = l->text.p[l->at] && ends_word(l, l->at) ? TOKEN_MARK : TOKEN_WORD;
		for (l->at++; l->token == TOKEN_WORD && l->at < l->text.len; l->at++)
			if (!l->text.p[l->at] || ends_word(l, l->at))
				break;
	}
}

/* The comment without what opens and closes it. */
static void hide_comment(struct mask *m, const struct mask_lexer *l, struct mask_ranges *r)
{
	bool block = l->json && is_at(l, l->begin, "/*"), slashes = l->json && is_at(l, l->begin, "//");
	size_t begin = l->begin + (block || slashes ? 2 : 1), end = l->at;

	if (block && end >= begin + 2 && is_at(l, end - 2, "*/"))
		end -= 2;
	if (begin < end && str_trim((struct str){ l->text.p + begin, end - begin }).len)
		mask_range_add(m, r, (struct mask_range){ (uint32_t)begin, (uint32_t)end, MASK_COMMENT, false });
}

void mask_comments(struct mask *m, struct str text, bool json, struct mask_ranges *r)
{
	struct mask_lexer l = { .text = text, .json = json };

	for (mask_lex(&l); l.token != TOKEN_END; mask_lex(&l))
		if (l.token == TOKEN_COMMENT)
			hide_comment(m, &l, r);
}
