/* Forms of strings: one row of `forms` for each field type that has one. */
#include "compiler/forms.h"

#include <string.h>

static bool is_digits(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.len > 0;
}

static bool is_cidr(struct str s)
{
	struct ip_net net;

	return ip_parse(s, &net) == 0;
}

static bool is_prefix(struct str s)
{
	return is_cidr(s) && memchr(s.p, '/', s.len);
}

/* No white space around, no control characters. */
static bool is_tag(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return str_trim(s).len == s.len;
}

static bool is_duration(struct str s)
{
	static const char *const units[] = { "ns", "us", "ms", "s", "m", "h" };
	size_t n = 0;

	while (n < s.len && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	for (size_t i = 0; n && i < sizeof(units) / sizeof(units[0]); i++)
		if (str_is(str_skip(s, n), units[i]))
			return true;
	return false;
}

/* RFC 3339, with an offset: a rotation must not end at another time on another machine. 'd' stands for a digit. */
static bool is_datetime(struct str s)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd";
	const char *p = s.p, *end = s.p + s.len;

	for (const char *c = shape; *c; c++, p++) {
		bool digit = p < end && *p >= '0' && *p <= '9';

		if (p == end || (*c == 'd' ? !digit : *p != *c && !(*c == 'T' && (*p == 't' || *p == ' '))))
			return false;
	}
	if (p < end && *p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	if (p == end)
		return false;
	if (*p == 'Z' || *p == 'z')
		return p + 1 == end;
	return (*p == '+' || *p == '-') && end - p == 6 && p[3] == ':' && is_digits((struct str){ p + 1, 2 }) &&
	       is_digits((struct str){ p + 4, 2 });
}

static bool is_url(struct str s)
{
	struct str rest, host;

	if (!str_starts_nocase(s, "http://") && !str_starts_nocase(s, "https://"))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] <= ' ')
			return false;
	rest = str_skip(s, str_starts_nocase(s, "https://") ? 8 : 7);
	host = str_cut(&rest, '/');
	return host.len > 0;
}

bool form_split_hostport(struct str s, struct str *ret_host, int64_t *ret_port)
{
	const char *colon = NULL;
	struct str host, port;

	for (size_t i = s.len; i-- > 0 && !colon;)
		if (s.p[i] == ':')
			colon = s.p + i;
	if (!colon)
		return false;
	host = (struct str){ s.p, (size_t)(colon - s.p) };
	port = str_skip(s, host.len + 1);
	if (host.len >= 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
		host = (struct str){ host.p + 1, host.len - 2 };
	else if (memchr(host.p, ':', host.len))
		return false;
	if (!is_digits(port) || str_int(port, ret_port) || *ret_port < 1 || *ret_port > 65535)
		return false;
	*ret_host = host;
	return !host.len || name_is_host(host);
}

static bool is_hostport(struct str s)
{
	struct str host;
	int64_t port;

	return form_split_hostport(s, &host, &port);
}

/* 64 hex digits, colons between them allowed; several with commas. */
static bool is_sha256(struct str s)
{
	while (s.len) {
		struct str one = str_trim(str_cut(&s, ','));
		unsigned digits = 0;

		for (size_t i = 0; i < one.len; i++) {
			if (strchr("0123456789abcdefABCDEF", one.p[i]))
				digits++;
			else if (one.p[i] != ':')
				return false;
		}
		if (digits != 64)
			return false;
	}
	return true;
}

/* A name alone: no path leads out of the asset directory. */
static bool is_filename(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", s.p[i]))
			return false;
	return !str_is(s, ".") && !str_is(s, "..");
}

struct form {
	bool (*ok)(struct str s);
	enum diag_code code;
	const char *must;
};
#define FORM_HOST { name_is_host, DIAG_XR161, "an IP address or a DNS name, without brackets, spaces, scheme or port" }
#define FORM_IP { ip_is_literal, DIAG_XR162, "an IP address" }
static const struct form forms[F__N] = {
	[F_HOST] = FORM_HOST,
	[F_HOSTS] = FORM_HOST,
	[F_IP] = FORM_IP,
	[F_IPS] = FORM_IP,
	[F_CIDR] = { is_cidr, DIAG_XR162, "an address or a CIDR such as 10.20.0.0/16" },
	[F_PREFIX] = { is_prefix, DIAG_XR162, "an address with its prefix length, such as 198.18.0.1/30" },
	[F_TAG] = { is_tag, DIAG_XR163, "a tag without white space around it and without control characters" },
	[F_DURATION] = { is_duration, DIAG_XR163, "digits and one of the units ns us ms s m h, such as 168h" },
	[F_DATETIME] = { is_datetime, DIAG_XR163, "a date and time with an offset, such as 2030-01-31T00:00:00Z" },
	[F_URL] = { is_url, DIAG_XR163, "an http or https URL" },
	[F_HOSTPORT] = { is_hostport, DIAG_XR163, "an address and a port from 1 to 65535, such as 127.0.0.1:52180" },
	[F_FILENAME] = { is_filename, DIAG_XR163, "a file name: letters, digits, '.', '_' and '-'" },
	[F_SHA256] = { is_sha256, DIAG_XR163, "a SHA-256 in hex or colon-hex: 64 hex digits" },
};

/* What is probably meant by a host that is none. */
static void host_help(const struct dec *d, struct diag *g, struct str s)
{
	struct str host;
	int64_t port;

	if (s.p[0] == '[')
		diag_help(d->sink, g, "write an IPv6 address without brackets");
	else if (strstr(s.p, "://"))
		diag_help(d->sink, g, "write the host alone; a whole share link goes into 'link'");
	else if (str_trim(s).len != s.len)
		diag_help(d->sink, g, "remove the space");
	else if (form_split_hostport(s, &host, &port))
		diag_help(d->sink, g, "write the port under its own key");
}

bool form_check(const struct dec *d, const struct slot *s)
{
	const struct form *form = &forms[s->f->type];
	struct str text = value_str(s->v);
	struct diag *g;

	if (!form->ok || form->ok(text))
		return true;
	g = diag_add(d->sink, form->code, s->v->span, "'%s' must be %s", decode_path(d->a, s->path), form->must);
	if (form->code == DIAG_XR161)
		host_help(d, g, text);
	return false;
}
