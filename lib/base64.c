/* Base64 (RFC 4648): both alphabets are read, either is written. */
#include "lib/base64.h"

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
