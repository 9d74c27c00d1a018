/* Where the body of a request ends (RFC 9112 6, 7): a byte count, or chunks that are passed through as they are. */
#include "engine/http.h"

#include <errno.h>

/* SIZE digits, EXTENSION up to CR, SIZE_LF, DATA, DATA_CR, DATA_LF, and behind the last chunk: TRAILER (begin of a line), its TEXT,
 * TEXT_LF, END_LF. */
enum { SIZE, SIZE_MORE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER, TEXT, TEXT_LF, END_LF };
enum { LINES_MAX = 64 * 1024 };

struct http_body http_body_of(const struct http_request *r)
{
	return (struct http_body){ .kind = r->body, .over = r->body == HTTP_NO_BODY, .left = r->body_len };
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int size_byte(struct http_body *b, char c)
{
	int value = hex(c);

	if (value >= 0) {
		if (b->left >> 56)
			return -EINVAL;
		b->left = b->left << 4 | (uint64_t)value;
		b->stage = SIZE_MORE;
		return 0;
	}
	if (b->stage == SIZE)
		return -EINVAL;
	b->stage = c == '\r' ? SIZE_LF : EXTENSION;
	return c == '\r' || c == ';' || c == ' ' || c == '\t' ? 0 : -EINVAL;
}

static int text_byte(struct http_body *b, char c)
{
	if (c == '\r')
		b->stage = b->stage == EXTENSION ? SIZE_LF : b->stage == TRAILER ? END_LF : TEXT_LF;
	else if (((unsigned char)c < ' ' && c != '\t') || c == 0x7f)
		return -EINVAL;
	else if (b->stage == TRAILER)
		b->stage = TEXT;
	return 0;
}

static int expect(struct http_body *b, char c, char expected, uint8_t next)
{
	b->stage = next;
	return c == expected ? 0 : -EINVAL;
}

static int chunk_byte(struct http_body *b, char c)
{
	switch (b->stage) {
	case SIZE:
	case SIZE_MORE:
		return size_byte(b, c);
	case SIZE_LF:
		return expect(b, c, '\n', b->left ? DATA : TRAILER);
	case DATA_CR:
		return expect(b, c, '\r', DATA_LF);
	case DATA_LF:
		return expect(b, c, '\n', SIZE);
	case TEXT_LF:
		return expect(b, c, '\n', TRAILER);
	case END_LF:
		b->over = true;
		return expect(b, c, '\n', END_LF);
	default:
		return text_byte(b, c);
	}
}

static size_t take_data(struct http_body *b, size_t len)
{
	size_t n = len < b->left ? len : (size_t)b->left;

	b->left -= n;
	return n;
}

static int64_t take_chunks(struct http_body *b, struct str bytes)
{
	size_t at = 0;

	while (at < bytes.len && !b->over) {
		if (b->stage == DATA) {
			at += take_data(b, bytes.len - at);
			b->stage = b->left ? DATA : DATA_CR;
			b->line = 0;
		} else if (++b->line > LINES_MAX || chunk_byte(b, bytes.p[at++])) {
			return -EINVAL;
		}
	}
	return (int64_t)at;
}

int64_t http_body_take(struct http_body *b, struct str bytes)
{
	size_t n;

	if (b->over)
		return 0;
	if (b->kind == HTTP_CHUNKED)
		return take_chunks(b, bytes);
	n = take_data(b, bytes.len);
	b->over = !b->left;
	return (int64_t)n;
}
