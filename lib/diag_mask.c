/* Keeps secrets out of printed source lines. Spans the decoder marked are hidden; in a file that did not parse nothing
 * is marked yet, so every line is also read as text: the value of a key that sounds secret, links with user information
 * and UUIDs are hidden too. Widths stay, so that markers keep their place. */
#include <string.h>

#include "lib/diag_sink.h"

static const char *const secret_words[] = {
	"password", "passwd", "pass", "secret", "credential", "uuid", "token", "psk", "presharedkey", "privatekey",
	"private_key", "masterkey", "seed", "auth", "link", "id", "key", "previous_credential_for_rotation",
		"active_credential",
	"user_credential", "secretkey", "encryption", "decryption", "shortid", "shortids", "short_id", "public_key",
		"publickey",
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool sounds_secret(struct str key)
{
	for (size_t i = 0; i < sizeof(secret_words) / sizeof(*secret_words); i++)
		if (str_is_nocase(key, secret_words[i]))
			return true;
	return str_ends_nocase(key, "password") || str_ends_nocase(key, "secret") || str_ends_nocase(key, "credential");
}

static void hide(char *p, const char *end)
{
	while (p < end) {
		if (((unsigned char)*p & 0xc0) != 0x80)
			*p = '*';
		else
			*p = '\x7f'; /* dropped when printed: one star a character */
		p++;
	}
}

/* The last word before p, behind white space, quotes, '=' and ':'. */
static struct str key_before(const char *line, const char *p)
{
	const char *end;

	while (p > line && memchr(" \t\"'=:{[", p[-1], 8))
		p--;
	end = p;
	while (p > line && is_word(p[-1]))
		p--;
	return (struct str){ p, (size_t)(end - p) };
}

/* The end of the string that opens at p, or the end of the line: an unclosed one may still hold a secret. */
static char *string_end(char *p, const char *end)
{
	char quote = *p++;

	while (p < end && *p != quote)
		p += *p == '\\' && p + 1 < end ? 2 : 1;
	return p;
}

static bool hides_value(const char *line, const char *open, const char *close)
{
	struct str text = { open + 1, (size_t)(close - open - 1) }, key = key_before(line, open);

	if (text.len > 6 && memmem(text.p, text.len, "://", 3) && memchr(text.p, '@', text.len))
		return true;
	if (text.len && text.p[0] == '/' && str_is_nocase(key, "key"))
		return false; /* the path of a TLS key */
	return sounds_secret(key);
}

static void hide_strings(char *line, char *end)
{
	for (char *p = line; p < end; p++) {
		char *close;

		if (*p != '"' && *p != '\'')
			continue;
		close = string_end(p, end);
		while (close > end)
			close--;
		if (hides_value(line, p, close))
			hide(p + 1, close);
		p = close;
	}
}

/* A value without quotes ("password = hunter2") is a syntax error whose line is shown. */
static void hide_bare(char *line, char *end)
{
	for (char *p = line; p < end; p++) {
		char *value = p + 1;

		if (*p != '=' && *p != ':')
			continue;
		while (value < end && (*value == ' ' || *value == '\t'))
			value++;
		if (value == end || memchr("\"'{[", *value, 4) || !sounds_secret(key_before(line, p)))
			continue;
		hide(value, end);
		return;
	}
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

enum { UUID_LEN = 36 };

static bool is_uuid(const char *p)
{
	for (int i = 0; i < UUID_LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? p[i] != '-' : !is_hex(p[i]))
			return false;
	}
	return true;
}

static void hide_uuids(char *line, char *end)
{
	for (char *p = line; p + UUID_LEN <= end; p++)
		if (is_uuid(p))
			hide(p, p + UUID_LEN);
}

static void hide_link(char *line, char *end)
{
	char *at = memmem(line, (size_t)(end - line), "://", 3);

	if (at && (memchr(at, '@', (size_t)(end - at)) || end - at > 40))
		hide(at + 3, end);
}

void diag_mask_around(char *piece, size_t len, size_t begin, size_t marked_len)
{
	for (size_t i = 0; i < len; i++)
		if ((i < begin || i - begin >= marked_len) && (is_word(piece[i]) || (unsigned char)piece[i] >= 0x80))
			hide(piece + i, piece + i + 1);
}

void diag_mask_line(const struct diag_sink *s, uint32_t src, uint32_t offset, char *line, size_t len)
{
	for (unsigned i = 0; i < s->n_hidden; i++) {
		const struct span *h = &s->hidden[i];
		size_t begin = h->begin > offset ? h->begin - offset : 0, end = h->end > offset ? h->end - offset : 0;

		if (h->src != src || begin >= len)
			continue;
		hide(line + begin, line + (end < len ? end : len));
	}
	hide_strings(line, line + len);
	hide_bare(line, line + len);
	hide_uuids(line, line + len);
	if (!memchr(line, '"', len) && !memchr(line, '\'', len))
		hide_link(line, line + len);
}
