/* What to mark in a TOML text when toml++ only says where it stopped. */
#include "lib/toml_impl.h"

static bool is_word(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c >= 0x80 || c == '_' ||
		c == '-' || c == '+' || c == '.' || c == ':';
}

struct toml_range toml_char_at(struct str text, uint32_t at)
{
	struct toml_range r = { at, at };

	if (at >= text.len || text.p[at] == '\n' || text.p[at] == '\r')
		return r;
	for (r.end++; r.end < text.len && (text.p[r.end] & 0xc0) == 0x80;)
		r.end++;
	return r;
}

struct toml_range toml_word_at(struct str text, uint32_t at)
{
	struct toml_range r = { at, at };

	while (r.begin > 0 && is_word((unsigned char)text.p[r.begin - 1]))
		r.begin--;
	while (r.end < text.len && is_word((unsigned char)text.p[r.end]))
		r.end++;
	return r.begin < r.end ? r : toml_char_at(text, at);
}

static uint32_t space_back(struct str text, uint32_t i)
{
	while (i > 0 && (text.p[i - 1] == ' ' || text.p[i - 1] == '\t'))
		i--;
	return i;
}

struct toml_range toml_key_before(struct str text, uint32_t at)
{
	uint32_t end = space_back(text, at), begin;
	char quote;

	if (end == 0 || text.p[end - 1] != '=')
		return toml_char_at(text, at);
	end = space_back(text, end - 1);
	quote = end > 1 ? text.p[end - 1] : 0;
	if (quote != '"' && quote != '\'')
		return (struct toml_range){ toml_word_at(text, end).begin, end };
	for (begin = end - 2; begin > 0 && text.p[begin] != quote;)
		begin--;
	return (struct toml_range){ begin, end };
}
