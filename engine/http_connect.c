/* What an HTTP proxy is asked, and what it answers. */
#include "engine/http.h"

#include <errno.h>

static void put_base64(struct buf *out, const unsigned char *p, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t group = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);

		buf_putc(out, digits[group >> 18]);
		buf_putc(out, digits[group >> 12 & 63]);
		buf_putc(out, n > 1 ? digits[group >> 6 & 63] : '=');
		buf_putc(out, n > 2 ? digits[group & 63] : '=');
	}
}

static void put_login(struct buf *out, struct str user, struct str password)
{
	struct buf text = { 0 };

	buf_add(&text, user.p, user.len);
	buf_putc(&text, ':');
	buf_add(&text, password.p, password.len);
	buf_puts(out, "Proxy-Authorization: Basic ");
	put_base64(out, (const unsigned char *)text.p, text.len);
	buf_puts(out, "\r\n");
	out->failed |= text.failed;
	if (text.p)
		explicit_bzero(text.p, text.len);
	buf_fini(&text);
}

void http_connect_write(const struct addr *target, struct str user, struct str password, struct buf *out)
{
	char host[ADDR_TEXT];

	addr_text(target, host);
	buf_puts(out, "CONNECT ");
	buf_puts(out, host);
	buf_puts(out, " HTTP/1.1\r\nHost: ");
	buf_puts(out, host);
	buf_puts(out, "\r\n");
	if (user.len)
		put_login(out, user, password);
	buf_puts(out, "Proxy-Connection: Keep-Alive\r\n\r\n");
}

/* --- the answer --- */
/* "HTTP/1.1 200 whatever": the status, or -EPROTO. */
static int read_status(struct str line)
{
	int64_t status;

	if (line.len < 12 || !str_starts(line, "HTTP/1.") || line.p[8] != ' ' || (line.len > 12 && line.p[12] != ' '))
		return -EPROTO;
	if (line.p[9] < '1' || line.p[9] > '5' || str_int((struct str){ line.p + 9, 3 }, &status))
		return -EPROTO;
	return (int)status;
}

static int error_of(int status)
{
	static const struct {
		int status, error;
	} rows[] = {
		{ 401, EACCES },    { 403, EACCES },	   { 407, EACCES },	  { 408, ETIMEDOUT },
		{ 504, ETIMEDOUT }, { 502, EHOSTUNREACH }, { 503, EHOSTUNREACH }, { -EPROTO, EPROTO },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].status == status)
			return rows[i].error;
	return EIO;
}

/* What does not begin like an answer will never be one. */
static bool may_be_answer(struct str bytes)
{
	static const char begin[] = "HTTP/1.";
	size_t n = bytes.len < sizeof(begin) - 1 ? bytes.len : sizeof(begin) - 1;

	return !n || !memcmp(bytes.p, begin, n);
}

static enum http_step bad(int *ret_error, int error)
{
	*ret_error = error;
	return HTTP_BAD;
}

enum http_step http_connect_read(struct str bytes, size_t *ret_used, int *ret_error)
{
	struct str head = { bytes.p, bytes.len < HTTP_HEAD_MAX ? bytes.len : HTTP_HEAD_MAX }, line;
	size_t at = 0;
	int status = 0, r;

	*ret_used = 0;
	while ((r = http_line(head, &at, &line)) > 0) {
		if (!status) {
			status = read_status(line);
			if (status < 100 || status >= 300 || status == 101)
				return bad(ret_error, error_of(status));
		} else if (!line.len && status >= 200) {
			*ret_used = at;
			return HTTP_REQUEST;
		} else if (!line.len) {
			status = 0; /* the head of an interim answer ends: another one follows */
		}
	}
	if (r < 0 || head.len == HTTP_HEAD_MAX || (!status && head.len && !may_be_answer(str_skip(head, at))))
		return bad(ret_error, EPROTO);
	return HTTP_MORE;
}
