#ifndef XRAT_ENGINE_HTTP_H
#define XRAT_ENGINE_HTTP_H
/* HTTP/1.1 proxy requests and answers (RFC 9110, 9112) as bytes: both sides, pure. Feeding the same bytes in any pieces gives
 * the same answers; what cannot become a request any more is BAD at once. */
#include "engine/addr.h"

enum { HTTP_HEAD_MAX = 64 * 1024, HTTP_ATTRS_MAX = 128 };
enum http_step { HTTP_MORE, HTTP_REQUEST, HTTP_BAD };
enum http_body_kind { HTTP_NO_BODY, HTTP_LENGTH, HTTP_CHUNKED };
struct http_request {
	bool is_connect, has_login;
	struct addr target;
	struct str login;      /* value of Proxy-Authorization, into the bytes: for http_login, http_login_read */
	size_t head_len;       /* bytes of the head with its empty line */
	enum http_body_kind body;
	uint64_t body_len;     /* of HTTP_LENGTH */
	/* ":method", ":path" (as sent, without the query) and the headers in their order, into the bytes, for routing. Names are
	 * spelled as the client did: compare without case; of several with one name the first counts, as in Xray. A CONNECT has
	 * none, as in Xray. */
	struct route_attr attrs[HTTP_ATTRS_MAX];
	uint32_t n_attrs;
	int status;            /* BAD: 400, 431, 501, 505 */
};
/* The head of a proxy request at the begin of bytes. *ret is filled with REQUEST (all of it) and BAD (status).
 *   CONNECT: authority form alone, with a port; no body. Others: "http://host[:port]/path"; user information in it is
 *   dropped; the Host header does not count and is written anew (RFC 9112 3.2.2). Origin form ("/path") is BAD 400 unless
 *   allow_transparent, then the Host header counts. https:// and other schemes are BAD 400: nothing is sent in plain text that
 *   was meant to be encrypted.
 *   Request smuggling is refused with 400: two Content-Length, Transfer-Encoding beside it or in HTTP/1.0, two Host, white space
 *   before a colon, obs-fold, bare CR, bare LF, NUL and other control characters. A coding other than "chunked" is 501, a
 *   version other than 1.0 and 1.1 is 505, more than 64 KiB, 126 headers or 32 names in Connection is 431. */
enum http_step http_request_read(struct str bytes, bool allow_transparent, struct http_request *ret);
/* The head to send upstream for a plain request: origin form, the client's version, Host as in the request line; hop-by-hop
 * headers (also those that Connection names, except what frames the body) and Proxy-* gone; Connection: close. head: the bytes
 * that were read (their place may have changed). */
void http_request_write(struct str head, const struct http_request *r, struct buf *out);

/* How many bytes behind the head belong to the request, so that a second request of the client does not reach the wrong
 * server. Zero-initialised by http_body_of. */
struct http_body {
	enum http_body_kind kind;
	uint8_t stage;
	bool over;             /* all of the body has been seen */
	uint64_t left;         /* of the body, or of the chunk */
	uint32_t line;         /* bytes of size lines and trailers so far, against endless ones */
};
struct http_body http_body_of(const struct http_request *r);
/* The length of the prefix of bytes that belongs to the body (less than all of them only when it is over), or -EINVAL: not a
 * chunked body. Chunks are passed through as they are. */
int64_t http_body_take(struct http_body *b, struct str bytes);

/* Basic credentials (the header's value) as text: 0 or -EINVAL (another scheme, not Base64, no colon, too long). */
enum { HTTP_LOGIN_MAX = 768 };
int http_login_read(struct str header_value, char ret_text[HTTP_LOGIN_MAX], struct str *ret_user, struct str *ret_password);
/* Whether Basic credentials (the header's value) are user:password. The time depends on what was sent alone. */
bool http_login(struct str header_value, struct str user, struct str password);
/* A complete small answer with its status line, for 200 (CONNECT), 400, 403, 407, 431, 500, 501, 503, 504, 505; static text. That
 * of 500 for others. */
struct str http_answer(int status);
/* errno of a dial -> status: EACCES and EPERM 403, ETIMEDOUT 504, others 503. */
int http_status_of(int error);

/* The http outbound: CONNECT and the answer to it. Empty user: no credentials. */
void http_connect_write(const struct addr *target, struct str user, struct str password, struct buf *out);
/* MORE; REQUEST: agreed (2xx), *ret_used bytes of head, what follows is the server's; BAD: *ret_error an errno: EACCES for 401,
 * 403, 407, ETIMEDOUT for 408 and 504, EHOSTUNREACH for 502 and 503, EIO for other statuses, EPROTO for what is no answer.
 * Interim answers (1xx) are skipped, except 101. */
enum http_step http_connect_read(struct str bytes, size_t *ret_used, int *ret_error);

/* --- between http_read.c and http_write.c --- */
/* Next line of a head without its CRLF, *at moves behind it: 1; 0: not all of it is there; -EINVAL: bare CR or LF, or a
 * control character. */
int http_line(struct str head, size_t *at, struct str *ret_line);
struct http_target { /* pieces of a request line */
	struct str method, authority, path, version; /* authority: host[:port]; path with the query, "" = none */
	bool is_origin;                              /* no authority: a path or "*" */
};
/* 0, or the status of a bad one. */
int http_request_line(struct str line, struct http_target *ret);
/* "name: value": 0 or -EINVAL. */
int http_header(struct str line, struct str *ret_name, struct str *ret_value);
/* Next name of a list ("close, X-Hop"); false at its end. */
bool http_list_next(struct str *rest, struct str *ret_name);
enum { HTTP_HOPS_MAX = 32 };

#endif
