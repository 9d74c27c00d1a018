/* Basic credentials (RFC 7617), both ways. */
#include "engine/http.h"

#include <errno.h>

/* Value of a Base64 digit, -1 for none. */
static int digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? memchr(digits, c, sizeof(digits) - 1) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Four digits to a group, the last one padded. The length, or -EINVAL. */
static int decode(struct str text, char *to, size_t cap)
{
	size_t pad = 0, len = 0;
	uint32_t group = 0;

	while (pad < 2 && text.len > pad && text.p[text.len - 1 - pad] == '=')
		pad++;
	if (text.len % 4 || text.len / 4 * 3 > cap)
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		int value = i < text.len - pad ? digit(text.p[i]) : 0;

		if (value < 0)
			return -EINVAL;
		group = group << 6 | (uint32_t)value;
		if (i % 4 == 3) {
			to[len++] = (char)(group >> 16);
			to[len++] = (char)(group >> 8);
			to[len++] = (char)group;
		}
	}
	return (int)(len - pad);
}

int http_login_read(struct str header_value, char ret_text[HTTP_LOGIN_MAX], struct str *ret_user, struct str *ret_password)
{
	struct str text = header_value, scheme = str_cut(&text, ' ');
	const char *colon;
	int len;

	if (!str_is_nocase(scheme, "basic"))
		return -EINVAL;
	len = decode(str_trim(text), ret_text, HTTP_LOGIN_MAX);
	colon = len > 0 ? memchr(ret_text, ':', (size_t)len) : NULL;
	if (!colon)
		return -EINVAL;
	*ret_user = (struct str){ ret_text, (size_t)(colon - ret_text) };
	*ret_password = str_skip((struct str){ ret_text, (size_t)len }, ret_user->len + 1);
	return 0;
}

bool http_login(struct str header_value, struct str user, struct str password)
{
	char text[HTTP_LOGIN_MAX];
	struct str given_user, given_password;
	bool is_user, is_password;

	if (http_login_read(header_value, text, &given_user, &given_password))
		return false;
	is_user = wire_same_secret(given_user, user);
	is_password = wire_same_secret(given_password, password);
	explicit_bzero(text, sizeof(text));
	return is_user & is_password;
}
