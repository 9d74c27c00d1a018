/* HTTP/1: a request line and its headers, up to the empty line. */
#include "engine/sniff.h"

#include "engine/sniff_impl.h"

/* YES and the length of the method, once the space behind it is there. */
static enum sniff_verdict read_method(struct str bytes, size_t *ret_len)
{
	static const char methods[][8] = { "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "CONNECT" };

	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		size_t len = strlen(methods[i]), there = bytes.len < len ? bytes.len : len;

		if (!str_eq_nocase((struct str){ bytes.p, there }, (struct str){ methods[i], there }))
			continue;
		if (bytes.len <= len)
			return SNIFF_MORE;
		*ret_len = len;
		return bytes.p[len] == ' ' ? SNIFF_YES : SNIFF_NO;
	}
	return SNIFF_NO;
}

/* Cuts a line off; MORE when its end is not there; NO at a byte that no head can have. */
static enum sniff_verdict read_line(struct str *rest, struct str *ret_line)
{
	const char *end = rest->len ? memchr(rest->p, '\n', rest->len) : NULL;
	struct str line = { rest->p, end ? (size_t)(end - rest->p) : rest->len };

	if (line.len && line.p[line.len - 1] == '\r')
		line.len--;
	for (size_t i = 0; i < line.len; i++)
		if (((unsigned char)line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] == 0x7f)
			return SNIFF_NO;
	if (!end)
		return SNIFF_MORE;
	*rest = str_skip(*rest, (size_t)(end - rest->p) + 1);
	*ret_line = line;
	return SNIFF_YES;
}

static void put_attr(struct sniff_scratch *s, uint32_t *n, struct str name, struct str value)
{
	uint32_t i = 0;

	while (i < *n && !str_eq_nocase(s->attrs[i].name, name))
		i++;
	s->attrs[i] = (struct route_attr){ name, value };
	*n += i == *n;
}

static bool is_version(struct str v)
{
	return v.len == 8 && str_starts(v, "HTTP/") && v.p[5] >= '0' && v.p[5] <= '9' && v.p[6] == '.' && v.p[7] >= '0' &&
	       v.p[7] <= '9';
}

/* A target with a space in it is passed over, as Xray does. */
static bool read_request_line(struct sniff_scratch *s, struct str line, size_t method_len, struct sniffed *ret)
{
	struct str target = str_skip(line, method_len + 1);
	const char *space = target.len ? memrchr(target.p, ' ', target.len) : NULL;

	if (!space || space == target.p || !is_version(str_skip(target, (size_t)(space - target.p) + 1)))
		return false;
	target.len = (size_t)(space - target.p);
	if (memchr(target.p, ' ', target.len))
		return true;
	put_attr(s, &ret->n_attrs, STR(":method"), (struct str){ line.p, method_len });
	put_attr(s, &ret->n_attrs, STR(":path"), target);
	return true;
}

/* A line without a name, or with white space in or before it, says nothing. */
static void read_header(struct sniff_scratch *s, struct str line, bool is_attr, struct str *host, struct sniffed *ret)
{
	const char *colon = line.len ? memchr(line.p, ':', line.len) : NULL;
	struct str name = { line.p, colon ? (size_t)(colon - line.p) : 0 }, value;

	if (!name.len || memchr(name.p, ' ', name.len) || memchr(name.p, '\t', name.len))
		return;
	value = str_trim(str_skip(line, name.len + 1));
	if (is_attr)
		put_attr(s, &ret->n_attrs, name, value);
	if (str_eq_nocase(name, STR("host")))
		*host = value;
}

/* The host that was read counts; without one this is nothing that could be routed by name. */
static void take_host(struct str host, struct sniffed *ret)
{
	struct addr a;

	if (!host.len)
		return;
	ret->protocol = "http1";
	if (!addr_parse(&a, host, 0))
		ret->host = a;
}

static enum sniff_verdict read_headers(struct sniff_scratch *s, struct str rest, struct sniffed *ret)
{
	struct str line, host = { NULL, 0 };
	enum sniff_verdict v;
	unsigned n = 2; /* attributes there could be by now */

	do {
		v = read_line(&rest, &line);
		if (v == SNIFF_YES)
			read_header(s, line, n++ < SNIFF_ATTRS_MAX, &host, ret);
	} while (v == SNIFF_YES && line.len);
	if (v != SNIFF_NO)
		take_host(host, ret);
	return v;
}

static enum sniff_verdict read_head(struct sniff_scratch *s, struct str head, struct sniffed *ret)
{
	struct str line;
	size_t method_len;
	enum sniff_verdict v = read_method(head, &method_len);

	if (v != SNIFF_YES)
		return v;
	v = read_line(&head, &line);
	if (v != SNIFF_YES)
		return v;
	if (!read_request_line(s, line, method_len, ret))
		return SNIFF_NO;
	return read_headers(s, head, ret);
}

enum sniff_verdict sniff_http(struct sniff_scratch *s, struct str bytes, struct sniffed *ret)
{
	struct str head = { bytes.p, bytes.len < SNIFF_HEAD_MAX ? bytes.len : SNIFF_HEAD_MAX };
	enum sniff_verdict v;

	*ret = (struct sniffed){ .attrs = s->attrs };
	v = read_head(s, head, ret);
	/* A head longer than we read: what is known by then has to do. */
	if (v == SNIFF_MORE && bytes.len >= SNIFF_HEAD_MAX)
		v = SNIFF_YES;
	if (v == SNIFF_YES && !ret->protocol)
		v = SNIFF_NO;
	if (v == SNIFF_NO || !ret->protocol)
		*ret = (struct sniffed){ 0 };
	return v;
}
