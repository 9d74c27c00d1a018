/* What is said to the upstream of a plain request, to the client of the proxy, and to an HTTP proxy (CONNECT). */
#include "engine/http.h"

#include <errno.h>

static void add(struct buf *out, struct str s)
{
	buf_add(out, s.p, s.len);
}

/* --- the head for the upstream --- */
struct hops {
	struct str names[HTTP_HOPS_MAX];
	unsigned n;
};

static bool is_listed(struct str name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_is_nocase(name, list[i]))
			return true;
	return false;
}

/* Never forwarded. Host is written anew. */
static const char *const dropped[] = { "connection", "keep-alive", "te", "upgrade", "host" };
/* Connection may name these as well, and a sender that leaves them out would change where the body ends. */
static const char *const kept[] = { "content-length", "transfer-encoding", "trailer" };
#define IS_LISTED(name, list) is_listed((name), (list), sizeof(list) / sizeof(*(list)))

static bool is_hop(const struct hops *hops, struct str name)
{
	if (IS_LISTED(name, dropped) || str_starts_nocase(name, "proxy-"))
		return true;
	for (unsigned i = 0; i < hops->n; i++)
		if (str_eq_nocase(hops->names[i], name))
			return !IS_LISTED(name, kept);
	return false;
}

/* First pass over the headers: what Connection names, and Host for the origin form. */
static void look_around(struct str head, size_t at, struct hops *hops, struct str *host)
{
	struct str line, name, value;

	while (http_line(head, &at, &line) > 0 && !http_header(line, &name, &value)) {
		if (str_is_nocase(name, "host"))
			*host = value;
		if (str_is_nocase(name, "connection"))
			while (hops->n < HTTP_HOPS_MAX && http_list_next(&value, &hops->names[hops->n]))
				hops->n++;
	}
}

static void write_first(const struct http_target *t, struct str host, struct buf *out)
{
	bool needs_slash = !t->path.len || t->path.p[0] == '?';
	bool asks_server = needs_slash && !t->path.len && str_is(t->method, "OPTIONS");

	add(out, t->method);
	buf_puts(out, asks_server ? " *" : needs_slash ? " /" : " ");
	add(out, t->path);
	buf_putc(out, ' ');
	add(out, t->version);
	buf_puts(out, "\r\nHost: ");
	add(out, t->is_origin ? host : t->authority);
	buf_puts(out, "\r\n");
}

void http_request_write(struct str head, const struct http_request *r, struct buf *out)
{
	struct http_target target;
	struct hops hops = { .n = 0 };
	struct str line, name, value, host = { NULL, 0 };
	size_t at = 0;

	head.len = r->head_len;
	buf_reserve(out, head.len + 64);
	if (http_line(head, &at, &line) <= 0 || http_request_line(line, &target))
		return;
	look_around(head, at, &hops, &host);
	write_first(&target, host, out);
	while (http_line(head, &at, &line) > 0 && !http_header(line, &name, &value)) {
		if (is_hop(&hops, name))
			continue;
		add(out, line);
		buf_puts(out, "\r\n");
	}
	buf_puts(out, "Connection: close\r\n\r\n");
}

/* --- to the client --- */
#define ANSWER(status, more) "HTTP/1.1 " status "\r\n" more "Content-Length: 0\r\nConnection: close\r\n\r\n"
static const struct {
	int status;
	const char *text;
} answers[] = {
	{ 500, ANSWER("500 Internal Server Error", "") },
	{ 200, "HTTP/1.1 200 Connection established\r\n\r\n" },
	{ 400, ANSWER("400 Bad Request", "") },
	{ 403, ANSWER("403 Forbidden", "") },
	{ 407, ANSWER("407 Proxy Authentication Required", "Proxy-Authenticate: Basic realm=\"proxy\"\r\n") },
	{ 431, ANSWER("431 Request Header Fields Too Large", "") },
	{ 501, ANSWER("501 Not Implemented", "") },
	{ 503, ANSWER("503 Service Unavailable", "") },
	{ 504, ANSWER("504 Gateway Timeout", "") },
	{ 505, ANSWER("505 HTTP Version Not Supported", "") },
};

struct str http_answer(int status)
{
	for (size_t i = 1; i < sizeof(answers) / sizeof(*answers); i++)
		if (answers[i].status == status)
			return str_of(answers[i].text);
	return str_of(answers[0].text);
}

int http_status_of(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return 403;
	case ETIMEDOUT:
		return 504;
	default:
		return 503;
	}
}
