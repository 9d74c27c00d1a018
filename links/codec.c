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

static const char std_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

int base64_decode(struct arena *a, struct str s, struct str *ret_bytes)
{
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t n = 0;

	for (int pad = 0; pad < 2 && s.len && s.p[s.len - 1] == '='; pad++)
		s.len--;
	if (s.len % 4 == 1)
		return 1;
	char *out = arena_array(a, char, s.len + 1);
	for (size_t i = 0; i < s.len; i++) {
		int digit = base64_digit(s.p[i]);
		if (digit < 0)
			return 1;
		bits = bits << 6 | (uint32_t)digit;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			out[n++] = (char)(bits >> n_bits);
			bits &= (1u << n_bits) - 1;
		}
	}
	out[n] = '\0';
	*ret_bytes = (struct str){ out, n };
	return 0;
}

static void encode(struct buf *out, struct str s, const char *alphabet, bool padded)
{
	for (size_t i = 0; i < s.len; i += 3) {
		size_t left = s.len - i;
		uint32_t bits = (uint32_t)(unsigned char)s.p[i] << 16;
		if (left > 1)
			bits |= (uint32_t)(unsigned char)s.p[i + 1] << 8;
		if (left > 2)
			bits |= (unsigned char)s.p[i + 2];
		for (size_t d = 0; d < 4; d++) {
			if (d <= left)
				buf_putc(out, alphabet[bits >> (18 - 6 * d) & 63]);
			else if (padded)
				buf_putc(out, '=');
		}
	}
}

void base64url_encode(struct buf *out, struct str s)
{
	encode(out, s, url_alphabet, false);
}

void base64_encode(struct buf *out, struct str s)
{
	encode(out, s, std_alphabet, true);
}
