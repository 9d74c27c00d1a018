/* Reads the head of a proxy request, line by line; every complete line is judged as soon as it is there. */
#include "engine/http.h"

#include <errno.h>

enum { METHOD_MAX = 32 };

/* --- pieces --- */
static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_token(char c)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	return is_alnum(c) || memchr(others, c, sizeof(others) - 1);
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

int http_line(struct str head, size_t *at, struct str *ret_line)
{
	const char *begin = head.len ? head.p + *at : NULL;
	const char *end = begin ? memchr(begin, '\n', head.len - *at) : NULL;
	size_t len;

	if (!end)
		return 0;
	len = (size_t)(end - begin);
	if (!len || begin[len - 1] != '\r')
		return -EINVAL;
	for (size_t i = 0; i + 1 < len; i++)
		if (is_control(begin[i]) && begin[i] != '\t')
			return -EINVAL;
	*at += len + 1;
	*ret_line = (struct str){ begin, len - 1 };
	return 1;
}

/* Length of the method at the begin of a first line: 0 when it has not ended yet, -EINVAL when it is none. */
static int method_len(struct str line)
{
	for (size_t i = 0; i < line.len && i <= METHOD_MAX; i++) {
		if (line.p[i] == ' ' && i)
			return (int)i;
		if (!is_token(line.p[i]) || i == METHOD_MAX)
			return -EINVAL;
	}
	return 0;
}

static int read_version(struct str v)
{
	bool is_http = v.len == 8 && str_starts(v, "HTTP/") && v.p[6] == '.';

	if (!is_http || v.p[5] < '0' || v.p[5] > '9' || v.p[7] < '0' || v.p[7] > '9')
		return 400;
	return v.p[5] == '1' && v.p[7] <= '1' ? 0 : 505;
}

/* RFC 3986 3.2.1: what stands before the '@' must not look like a host and a path to other readers. */
static bool is_user_info(struct str s)
{
	static const char others[] = "-._~%!$&'()*+,;=:";

	for (size_t i = 0; i < s.len; i++)
		if (!is_alnum(s.p[i]) && !memchr(others, s.p[i], sizeof(others) - 1))
			return false;
	return true;
}

/* "http://[user@]host[:port][/path][?query]" */
static int read_absolute(struct str url, struct http_target *ret)
{
	struct str rest = str_skip(url, sizeof("http://") - 1);
	size_t end = 0;
	const char *at;

	if (!str_starts_nocase(url, "http://"))
		return 400;
	while (end < rest.len && !memchr("/?", rest.p[end], 2))
		end++;
	ret->path = str_skip(rest, end);
	ret->authority = (struct str){ rest.p, end };
	at = end ? memchr(rest.p, '@', end) : NULL;
	if (at)
		ret->authority = str_skip(ret->authority, (size_t)(at - rest.p) + 1);
	return !at || is_user_info((struct str){ rest.p, (size_t)(at - rest.p) }) ? 0 : 400;
}

int http_request_line(struct str line, struct http_target *ret)
{
	struct str rest = line, url;
	int n = method_len(line);

	*ret = (struct http_target){ .method = { line.p, n > 0 ? (size_t)n : 0 } };
	if (n <= 0)
		return 400;
	rest = str_skip(rest, (size_t)n + 1);
	url = str_cut(&rest, ' ');
	ret->version = rest;
	if (!url.len || memchr(url.p, '#', url.len) || memchr(url.p, '\t', url.len))
		return 400;
	ret->path = url;
	ret->is_origin = url.p[0] == '/' || str_is(url, "*");
	if (str_is(ret->method, "CONNECT"))
		ret->authority = url;
	else if (!ret->is_origin && read_absolute(url, ret))
		return 400;
	return read_version(ret->version);
}

int http_header(struct str line, struct str *ret_name, struct str *ret_value)
{
	const char *colon = line.len ? memchr(line.p, ':', line.len) : NULL;
	struct str name, value;

	if (!colon || colon == line.p)
		return -EINVAL;
	name = (struct str){ line.p, (size_t)(colon - line.p) };
	for (size_t i = 0; i < name.len; i++)
		if (!is_token(name.p[i]))
			return -EINVAL;
	value = str_skip(line, name.len + 1);
	*ret_name = name;
	*ret_value = str_trim(value);
	return 0;
}

bool http_list_next(struct str *rest, struct str *ret_name)
{
	while (rest->len) {
		*ret_name = str_trim(str_cut(rest, ','));
		if (ret_name->len)
			return true;
	}
	return false;
}

/* --- the head as a whole --- */
struct head {
	struct http_request *r;
	struct http_target line;
	bool allow_transparent;
	bool has_host, has_length, has_coding, is_http10;
	struct str host;
	unsigned hops;
};

static int read_host(struct head *h, struct str value)
{
	if (h->has_host)
		return 400;
	h->has_host = true;
	h->host = value;
	return 0;
}

static int read_length(struct head *h, struct str value)
{
	int64_t len;

	if (h->has_length || !value.len || value.p[0] == '-' || str_int(value, &len))
		return 400;
	h->has_length = true;
	h->r->body = len ? HTTP_LENGTH : HTTP_NO_BODY;
	h->r->body_len = (uint64_t)len;
	return 0;
}

static int read_coding(struct head *h, struct str value)
{
	if (h->has_coding || h->is_http10)
		return 400;
	h->has_coding = true;
	return str_is_nocase(value, "chunked") ? 0 : 501;
}

static int read_login(struct head *h, struct str value)
{
	if (h->r->has_login)
		return 400;
	h->r->has_login = true;
	h->r->login = value;
	return 0;
}

static int read_hops(struct head *h, struct str value)
{
	struct str name;

	while (http_list_next(&value, &name))
		h->hops++;
	return h->hops > HTTP_HOPS_MAX ? 431 : 0;
}

static const struct {
	const char *name;
	int (*read)(struct head *h, struct str value);
} watched[] = {
	{ "host", read_host },
	{ "content-length", read_length },
	{ "transfer-encoding", read_coding },
	{ "proxy-authorization", read_login },
	{ "connection", read_hops },
};

static int read_header(struct head *h, struct str line)
{
	struct http_request *r = h->r;
	struct str name, value;
	int status = 0;

	if (http_header(line, &name, &value))
		return 400;
	if (r->n_attrs == HTTP_ATTRS_MAX)
		return 431;
	r->attrs[r->n_attrs++] = (struct route_attr){ name, value };
	for (size_t i = 0; i < sizeof(watched) / sizeof(*watched) && !status; i++)
		if (str_is_nocase(name, watched[i].name))
			status = watched[i].read(h, value);
	return status;
}

static int read_host_port(struct http_request *r, struct str authority, int default_port)
{
	return addr_parse(&r->target, authority, default_port) || !r->target.port ? 400 : 0;
}

static int read_first(struct head *h, struct str line)
{
	struct http_request *r = h->r;
	int status = http_request_line(line, &h->line);
	struct str path = h->line.path;

	if (status)
		return status;
	r->is_connect = str_is(h->line.method, "CONNECT");
	h->is_http10 = str_is(h->line.version, "HTTP/1.0");
	path = str_cut(&path, '?');
	r->attrs[r->n_attrs++] = (struct route_attr){ STR(":method"), h->line.method };
	r->attrs[r->n_attrs++] = (struct route_attr){ STR(":path"), path.len ? path : STR("/") };
	if (h->line.is_origin)
		return h->allow_transparent && !r->is_connect ? 0 : 400;
	return read_host_port(r, h->line.authority, r->is_connect ? -1 : 80);
}

/* What only the whole head can say. */
static int finish(struct head *h)
{
	struct http_request *r = h->r;

	if (h->has_coding && (h->has_length || r->is_connect))
		return 400;
	if (r->is_connect && r->body_len)
		return 400;
	if (h->has_coding)
		r->body = HTTP_CHUNKED;
	if (r->is_connect)
		r->n_attrs = 0;
	return h->line.is_origin ? read_host_port(r, h->host, 80) : 0;
}

static enum http_step bad(struct http_request *r, int status)
{
	r->status = status;
	return HTTP_BAD;
}

/* The lines that are there: HTTP_REQUEST at the empty one. */
static enum http_step read_lines(struct head *h, struct str bytes)
{
	struct str line = { NULL, 0 };
	size_t at = 0;
	int r, status = 0;

	while ((r = http_line(bytes, &at, &line)) > 0 && (line.len || !h->line.method.len)) {
		status = h->line.method.len ? read_header(h, line) : read_first(h, line);
		if (status)
			return bad(h->r, status);
	}
	if (r < 0 || (!h->line.method.len && method_len(bytes) < 0))
		return bad(h->r, 400);
	if (!r)
		return bytes.len < HTTP_HEAD_MAX ? HTTP_MORE : bad(h->r, 431);
	h->r->head_len = at;
	status = finish(h);
	return status ? bad(h->r, status) : HTTP_REQUEST;
}

enum http_step http_request_read(struct str bytes, bool allow_transparent, struct http_request *ret)
{
	struct head h = { .r = ret, .allow_transparent = allow_transparent };

	ret->is_connect = ret->has_login = false;
	ret->target = (struct addr){ 0 };
	ret->login = (struct str){ NULL, 0 };
	ret->head_len = 0;
	ret->body = HTTP_NO_BODY;
	ret->body_len = 0;
	ret->n_attrs = 0;
	ret->status = 0;
	if (bytes.len > HTTP_HEAD_MAX)
		bytes.len = HTTP_HEAD_MAX;
	return read_lines(&h, bytes);
}
