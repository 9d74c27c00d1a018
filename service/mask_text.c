/* Texts that no table describes: logs, messages, our own JSON. Links, private key blocks, values behind names that
 * sound secret and, where it is asked for, UUIDs. */
#include <string.h>

#include "service/mask_impl.h"

enum { UUID_LEN = 36, KEY_LINE_SHORTEST = 16 };

static bool is_word(char c)
{
	char l = (char)(c | 0x20);

	return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* --- private keys ------------------------------------------------------------------------------------------------- */
/* Lines of base64, however they are joined: by line ends, escaped ones, or quotes and commas. */
static void learn_key_lines(struct mask *m, struct str body)
{
	size_t begin = 0;

	for (size_t i = 0; i <= body.len; i++) {
		bool digit = i < body.len && (is_word(body.p[i]) || (body.p[i] && strchr("+/=", body.p[i])));

		if (digit)
			continue;
		if (i < body.len && body.p[i] == '\\') { /* the letter of \n is no digit */
			if (i - begin >= KEY_LINE_SHORTEST)
				mask_entry_of(m, (struct str){ body.p + begin, i - begin }, MASK_SURE);
			begin = i + 2;
			i++;
			continue;
		}
		if (i - begin >= KEY_LINE_SHORTEST && i > begin)
			mask_entry_of(m, (struct str){ body.p + begin, i - begin }, MASK_SURE);
		begin = i + 1;
	}
}

static void find_keys_in_blocks(struct mask *m, struct str text, struct mask_ranges *r)
{
	size_t at = 0;
	const char *p;

	while (at < text.len && (p = memmem(text.p + at, text.len - at, "PRIVATE KEY-----", 16))) {
		size_t begin = (size_t)(p - text.p) + 16;
		const char *end = memmem(text.p + begin, text.len - begin, "-----END", 8);
		size_t stop = end ? (size_t)(end - text.p) : text.len;
		struct str body = { text.p + begin, stop - begin };

		at = begin;
		if (begin < 64 ? !memmem(text.p, begin, "BEGIN", 5) : !memmem(p - 40, 40, "BEGIN", 5))
			continue;
		learn_key_lines(m, body);
		mask_hide(m, r, begin, stop, body, MASK_MAYBE);
		at = stop;
	}
}

/* --- names that sound secret -------------------------------------------------------------------------------------- */
/* The name before text[at], behind its quote (which may be escaped) and spaces. */
static struct str name_before(struct str text, size_t at)
{
	size_t end;

	while (at && text.p[at - 1] && strchr(" \t\"'\\", text.p[at - 1]))
		at--;
	for (end = at; at && is_word(text.p[at - 1]); at--)
		;
	return (struct str){ text.p + at, end - at };
}

/* From `at` on: the text between quotes, else up to white space or a bracket. */
static void value_behind(struct str text, size_t at, size_t *ret_begin, size_t *ret_end)
{
	char quote = 0;
	bool escaped;

	while (at < text.len && (text.p[at] == ' ' || text.p[at] == '\t'))
		at++;
	escaped = at + 1 < text.len && text.p[at] == '\\' && strchr("\"'", text.p[at + 1]);
	at += escaped;
	if (at < text.len && (text.p[at] == '"' || text.p[at] == '\''))
		quote = text.p[at++];
	*ret_begin = at;
	for (; at < text.len && text.p[at] != '\n'; at++) {
		bool backslash = text.p[at] == '\\' && at + 1 < text.len;

		if (quote && (escaped ? backslash && text.p[at + 1] == quote : text.p[at] == quote))
			break;
		if (!quote && text.p[at] && strchr(" \t\r,;)]}\"'&", text.p[at]))
			break;
		at += quote && backslash && text.p[at + 1] != '\n';
	}
	*ret_end = at < text.len ? at : text.len;
}

/* "Authorization: Bearer …": the word before the secret is none. */
static size_t skip_scheme_word(struct str text, size_t begin, size_t end)
{
	static const char *const words[] = { "Bearer", "Basic", "Token", "Digest" };
	struct str rest = { text.p + begin, end - begin };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_is_nocase(rest, words[i]) || (str_starts_nocase(rest, words[i]) &&
						       rest.p[str_of(words[i]).len] == ' '))
			return str_of(words[i]).len;
	return 0;
}

/* Stars and brackets are masks of others. */
static bool says_something(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (is_word(s.p[i]) || s.p[i] & 0x80)
			return *s.p != '{' && *s.p != '[' && *s.p != '<';
	return false;
}

static void find_named(struct mask *m, struct str text, size_t at, struct mask_ranges *r)
{
	size_t begin, end, skip;
	struct str name = name_before(text, at), raw;
	struct buf out = { 0 };

	if (!name.len || !mask_name_sounds(name))
		return;
	value_behind(text, at + 1, &begin, &end);
	skip = skip_scheme_word(text, begin, end);
	if (skip && begin + skip == end)
		value_behind(text, end, &begin, &end);
	else
		begin += skip ? skip + 1 : 0;
	raw = (struct str){ text.p + begin, begin < end ? end - begin : 0 };
	if (!says_something(raw))
		return;
	mask_decode(MASK_UNESCAPE, raw, &out);
	m->failed |= out.failed;
	if (!out.failed && out.len)
		mask_entry_of(m, (struct str){ arena_memdup(m->a, out.p, out.len), out.len }, MASK_MAYBE);
	buf_fini(&out);
	mask_hide(m, r, begin, end, raw, MASK_MAYBE);
}

static void find_names(struct mask *m, struct str text, struct mask_ranges *r)
{
	for (size_t i = 1; i < text.len; i++)
		if ((text.p[i] == ':' || text.p[i] == '=') && str_skip(text, i + 1).len &&
		    !str_starts(str_skip(text, i), "://"))
			find_named(m, text, i, r);
}

/* --- UUIDs -------------------------------------------------------------------------------------------------------- */
static bool is_uuid(const char *p)
{
	for (int i = 0; i < UUID_LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? p[i] != '-' : !(p[i] && strchr("0123456789abcdefABCDEF", p[i])))
			return false;
	}
	return true;
}

static void find_uuids(struct mask *m, struct str text, struct mask_ranges *r)
{
	for (size_t i = 0; i + UUID_LEN <= text.len; i++)
		if (text.p[i + 8] == '-' && is_uuid(text.p + i)) {
			mask_hide(m, r, i, i + UUID_LEN, (struct str){ text.p + i, UUID_LEN }, MASK_SURE);
			i += UUID_LEN - 1;
		}
}

void mask_text(struct mask *m, struct str text, unsigned find, struct mask_ranges *r)
{
	mask_urls(m, text, r);
	find_keys_in_blocks(m, text, r);
	if (find & MASK_FIND_KEYS)
		find_names(m, text, r);
	if (find & MASK_FIND_UUIDS)
		find_uuids(m, text, r);
}
