/* The forms of text that Xray insists on. Each check follows the reader's own rule, so that nothing is refused here
 * that the engine would take. */
#include <stdlib.h>
#include <string.h>

#include "validate/structure.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
static bool is_base64(char c, bool url)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (url ? c == '-' || c == '_' : c == '+' || c == '/');
}

static bool all_hex(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_hex(s.p[i]))
			return false;
	return true;
}

/* Unpadded base64: the number of bytes, or SIZE_MAX. */
static size_t base64_len(struct str s, bool url)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_base64(s.p[i], url))
			return SIZE_MAX;
	return s.len % 4 == 1 ? SIZE_MAX : s.len * 3 / 4;
}

/* Groups of 8-4-4-4-12 hex digits, a hyphen allowed before each; 1 to 30 characters are a text that is hashed. */
static bool uuid_ok(struct str s)
{
	static const unsigned char groups[] = { 8, 4, 4, 4, 12 };
	if (s.len < 32 || s.len > 36)
		return s.len <= 30;
	for (size_t i = 0; i < sizeof(groups); i++) {
		if (s.len && s.p[0] == '-')
			s = str_skip(s, 1);
		if (s.len < groups[i] || !all_hex((struct str){ s.p, groups[i] }))
			return false;
		s = str_skip(s, groups[i]);
	}
	return true;
}

static bool key32_ok(struct str s)
{
	return !s.len || base64_len(s, true) == 32;
}

static bool wg_key_ok(struct str s)
{
	if (!s.len || (s.len == 64 && all_hex(s)))
		return true;
	if (s.p[s.len - 1] == '=')
		s.len--;
	bool std = memchr(s.p, '+', s.len) || memchr(s.p, '/', s.len);
	return base64_len(s, !std) != SIZE_MAX;
}

static bool short_id_ok(struct str s)
{
	return s.len <= 16 && s.len % 2 == 0 && all_hex(s);
}

static bool pins_ok(struct str s)
{
	while (s.p) {
		struct str pin = str_trim(str_cut(&s, ','));
		size_t digits = 0;
		for (size_t i = 0; i < pin.len; i++) {
			if (pin.p[i] != ':' && !is_hex(pin.p[i]))
				return false;
			digits += pin.p[i] != ':';
		}
		if (pin.len && digits != 64)
			return false;
	}
	return true;
}

static size_t number_len(struct str s)
{
	size_t n = 0;
	while (n < s.len && (is_digit(s.p[n]) || s.p[n] == '.'))
		n++;
	return n;
}

/* Go's time.ParseDuration. */
static bool duration_ok(struct str s)
{
	static const char *const units[] = { "ns", "us", "\xc2\xb5s", "\xce\xbcs", "ms", "s", "m", "h" };
	if (s.len && (s.p[0] == '-' || s.p[0] == '+'))
		s = str_skip(s, 1);
	if (str_eq(s, STR("0")))
		return true;
	bool any = s.len > 0;
	while (any && s.len) {
		size_t n = number_len(s), unit = 0;
		if (!n || (n == 1 && s.p[0] == '.'))
			return false;
		s = str_skip(s, n);
		while (unit < s.len && !is_digit(s.p[unit]) && s.p[unit] != '.')
			unit++;
		bool known = false;
		for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
			known |= str_is((struct str){ s.p, unit }, units[i]);
		any = known;
		s = str_skip(s, unit);
	}
	return any;
}

/* A number of bits per second with a unit; not less than 64 KiB a second unless 0. */
static bool bandwidth_ok(struct str s)
{
	static const char letters[] = "kmgt";
	s = str_trim(s);
	if (!s.len)
		return true;
	size_t n = number_len(s);
	char text[32];
	if (!n || n >= sizeof(text))
		return false;
	memcpy(text, s.p, n);
	text[n] = '\0';
	char *end;
	double value = strtod(text, &end);
	struct str unit = str_trim(str_skip(s, n));
	const char *scale = unit.len ? memchr(letters, unit.p[0] | 0x20, sizeof(letters) - 1) : NULL;
	for (const char *c = letters; scale && c <= scale; c++)
		value *= 1024;
	unit = scale ? str_skip(unit, 1) : unit;
	if (*end || !(!unit.len || str_is_nocase(unit, "b") || str_is_nocase(unit, "bps")))
		return false;
	return value < 8 || value >= 8.0 * 65536;
}

static bool slash_ok(struct str s)
{
	return !s.len || s.p[0] == '/';
}

/* Go's net.SplitHostPort; *ret_port is what follows the last colon. */
static bool host_port_split(struct str s, struct str *ret_port)
{
	size_t colon = s.len;
	while (colon && s.p[colon - 1] != ':')
		colon--;
	if (!colon)
		return false;
	struct str host = { s.p, colon - 1 };
	*ret_port = str_skip(s, colon);
	if (host.len && host.p[0] == '[')
		return host.p[host.len - 1] == ']';
	return !memchr(host.p, ':', host.len);
}

static bool host_port_ok(struct str s)
{
	struct str port;
	return host_port_split(s, &port);
}

static bool redirect_ok(struct str s)
{
	struct str port;
	int64_t n;
	return !s.len || (host_port_split(s, &port) && !str_int(port, &n) && n >= 0 && n <= 65535);
}

/* An address as Xray reads one: brackets and spaces around it do not count. */
static bool address_is_ip(struct str s)
{
	s = str_trim(s);
	if (s.len > 1 && s.p[0] == '[' && s.p[s.len - 1] == ']')
		s = (struct str){ s.p + 1, s.len - 2 };
	return ip_is_literal(s);
}

static bool ip_ok(struct str s)
{
	return str_starts(s, "env:") || address_is_ip(s);
}

static bool send_through_ok(struct str s)
{
	return memchr(s.p, '/', s.len) || address_is_ip(s) || str_is(s, "origin") || str_is(s, "srcip");
}

static bool listen_ok(struct str s)
{
	return str_starts(s, "/") || str_starts(s, "@") || str_is(s, "localhost") || ip_ok(s);
}

static bool packets_ok(struct str s)
{
	int64_t n;
	if (!s.len || str_is_nocase(s, "tlshello"))
		return true;
	struct str rest = s;
	struct str first = str_cut(&rest, '-');
	return !str_int(first, &n) && n > 0 && (!rest.p || !str_int(rest, &n));
}

static bool https_ok(struct str s)
{
	return str_starts(s, "https://") && s.len > 8 && s.p[8] != '/';
}

static bool version_ok(struct str s)
{
	int64_t n;
	for (int parts = 0; s.p && s.len; parts++) {
		struct str part = str_cut(&s, '.');
		if (parts == 3 || !part.len || str_int(part, &n) || n < 0 || n > 255)
			return false;
	}
	return true;
}

/* mlkem768x25519plus.MODE.TIME.[padding.]KEY…; a part of 20 characters or more is a key of one of two sizes. */
static bool vless_crypt_ok(struct str s, bool server)
{
	if (str_is(s, "none"))
		return true;
	if (!str_is(str_cut(&s, '.'), "mlkem768x25519plus"))
		return false;
	struct str mode = str_cut(&s, '.'), when = str_cut(&s, '.');
	if (!s.p || !(str_is(mode, "native") || str_is(mode, "xorpub") || str_is(mode, "random")))
		return false;
	if (server ? !when.len || !is_digit(when.p[0]) : !str_is(when, "0rtt") && !str_is(when, "1rtt"))
		return false;
	while (s.p) {
		struct str part = str_cut(&s, '.');
		size_t n = part.len < 20 ? 32 : base64_len(part, true);
		if (n != 32 && n != (server ? 64u : 1184u))
			return false;
	}
	return true;
}

static bool decryption_ok(struct str s)
{
	return !s.len || vless_crypt_ok(s, true);
}

static bool encryption_ok(struct str s)
{
	return !s.len || vless_crypt_ok(s, false);
}

static bool fingerprint_ok(struct str s)
{
	static const char *const names[] = { "", "chrome", "firefox", "safari", "ios", "android", "edge", "360", "qq",
		"random", "randomized", "randomizednoalpn", "unsafe" };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_is_nocase(s, names[i]))
			return true;
	return str_starts_nocase(s, "hello");
}

struct format {
	bool (*ok)(struct str s);
	const char *text;
};
static const struct format formats[XF__N] = {
	[XF_UUID] = { uuid_ok, "a UUID" },
	[XF_KEY32] = { key32_ok, "32 bytes of unpadded URL-safe base64 (43 characters)" },
	[XF_WGKEY] = { wg_key_ok, "a WireGuard key (base64, or 64 hex digits)" },
	[XF_SHORT_ID] = { short_id_ok, "a short id (an even number of hex digits, at most 16)" },
	[XF_PINS] = { pins_ok, "SHA-256 digests in hex, with commas between them" },
	[XF_DURATION] = { duration_ok, "a duration like 10s or 1m30s" },
	[XF_BANDWIDTH] = { bandwidth_ok, "a bandwidth like '60 mbps' (at least 0.5 mbps)" },
	[XF_SLASH] = { slash_ok, "a path that starts with '/'" },
	[XF_HOST_PORT] = { host_port_ok, "host:port" },
	[XF_REDIRECT] = { redirect_ok, "host:port" },
	[XF_IP] = { ip_ok, "an IP address" },
	[XF_SEND_THROUGH] = { send_through_ok, "an IP address, a prefix, 'origin' or 'srcip'" },
	[XF_LISTEN] = { listen_ok, "an IP address, 'localhost' or a Unix socket" },
	[XF_PACKETS] = { packets_ok, "'tlshello' or a range of packets from 1" },
	[XF_HTTPS] = { https_ok, "an address that starts with https://" },
	[XF_VERSION] = { version_ok, "a version like 26.3.27" },
	[XF_DECRYPTION] = { decryption_ok, "'none' or an mlkem768x25519plus text" },
	[XF_ENCRYPTION] = { encryption_ok, "'none' or an mlkem768x25519plus text" },
	[XF_FINGERPRINT] = { fingerprint_ok,
			     "a known browser (chrome, firefox, safari, ios, android, edge, 360, qq, random, "
			     "randomized, randomizednoalpn) or a uTLS name" },
};

bool format_ok(enum xformat f, struct str s)
{
	return !formats[f].ok || formats[f].ok(s);
}

const char *format_text(enum xformat f)
{
	return formats[f].text ? formats[f].text : "text";
}

bool format_dest_ok(struct str s)
{
	int64_t n;
	if (!s.len || s.p[0] == '/' || s.p[0] == '@' || str_is(s, "serve-ws-none"))
		return s.len > 0;
	return !str_int(s, &n) || host_port_ok(s);
}
