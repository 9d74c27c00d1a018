#ifndef XRAT_TESTS_ENG_DRIVE_H
#define XRAT_TESTS_ENG_DRIVE_H
/* Plays the caller of the engine's codecs: feeds bytes in pieces, each in a block of its own size (a sanitizer sees one byte too
 * far), and notes everything that comes out. For unit tests and fuzz targets: a broken promise ends the program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/http.h"
#include "engine/socks.h"

#define MUST(what)                                                               \
	do                                                                       \
		if (!(what)) {                                                   \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
			abort();                                                 \
		}                                                                \
	while (0)

static inline struct str drive_block(const void *p, size_t len)
{
	char *block = malloc(len ? len : 1);

	MUST(block);
	if (len)
		memcpy(block, p, len);
	return (struct str){ block, len };
}

struct drive {
	int step, error;
	size_t used, sent_len;
	uint8_t sent[1600];
	int command;
	char target[ADDR_TEXT];
	char login[520]; /* user, NUL, password */
};

static inline void drive_sent(struct drive *d, const uint8_t *p, size_t len)
{
	MUST(d->sent_len + len <= sizeof(d->sent));
	memcpy(d->sent + d->sent_len, p, len);
	d->sent_len += len;
}

/* The first cut bytes at once, then each further `by` bytes. */
static inline bool drive_more(size_t *available, size_t len, size_t cut, size_t by)
{
	if (*available >= len)
		return false;
	*available = *available < cut ? cut : len - *available < by ? len : *available + by;
	return true;
}

static inline void drive_login(struct socks_server *s, struct drive *d)
{
	bool ok = wire_same_secret(s->user, STR("user")) && wire_same_secret(s->password, STR("change-me"));

	if (s->user.len)
		memcpy(d->login, s->user.p, s->user.len);
	if (s->password.len)
		memcpy(d->login + s->user.len + 1, s->password.p, s->password.len);
	socks_server_login(s, ok);
}

static inline struct drive drive_server(const uint8_t *p, size_t len, size_t cut, size_t by, bool wants_password)
{
	struct socks_server s = { .wants_password = wants_password };
	struct drive d = { .step = SOCKS_MORE };
	size_t available = cut < len ? cut : len;

	for (;;) {
		struct str bytes = drive_block(p + d.used, available - d.used);
		size_t used = SIZE_MAX;

		d.step = socks_server_step(&s, bytes, &used);
		MUST(used <= bytes.len && s.reply_len <= sizeof(s.reply));
		MUST(d.step == SOCKS_REPLY || d.step == SOCKS_REQUEST || !used);
		if (d.step == SOCKS_REPLY && s.check_user)
			drive_login(&s, &d);
		drive_sent(&d, s.reply, s.reply_len);
		MUST(d.step != SOCKS_REPLY || s.reply_len);
		free((char *)bytes.p);
		d.used += used;
		if (d.step == SOCKS_REQUEST || d.step == SOCKS_BAD)
			break;
		if (d.step == SOCKS_MORE && !drive_more(&available, len, cut, by))
			break;
	}
	if (d.step == SOCKS_REQUEST) {
		d.command = s.command;
		addr_text(&s.target, d.target);
	}
	return d;
}

static inline struct drive drive_client(struct socks_client c, const uint8_t *p, size_t len, size_t cut, size_t by)
{
	struct drive d = { .step = SOCKS_MORE };
	size_t available = 0;

	for (;;) {
		struct str bytes = drive_block(p + d.used, available - d.used);
		size_t used = SIZE_MAX;

		d.step = socks_client_step(&c, bytes, &used, &d.error);
		MUST(used <= bytes.len && c.send_len <= sizeof(c.send));
		MUST(d.step == SOCKS_REPLY || d.step == SOCKS_REQUEST || !used);
		MUST(d.step != SOCKS_BAD || d.error > 0);
		drive_sent(&d, c.send, c.send_len);
		free((char *)bytes.p);
		d.used += used;
		if (d.step == SOCKS_REQUEST || d.step == SOCKS_BAD)
			break;
		if (d.step == SOCKS_MORE && !drive_more(&available, len, cut, by))
			break;
	}
	if (d.step == SOCKS_REQUEST)
		addr_text(&c.bound, d.target);
	return d;
}

static inline bool drive_equal(const struct drive *a, const struct drive *b)
{
	return a->step == b->step && a->error == b->error && a->used == b->used && a->sent_len == b->sent_len &&
	       !memcmp(a->sent, b->sent, a->sent_len) && a->command == b->command && !strcmp(a->target, b->target) &&
	       !memcmp(a->login, b->login, sizeof(a->login));
}

/* All that a read of a request says, without addresses of memory. */
struct drive_http {
	int step, status, body;
	bool is_connect, has_login;
	size_t head_len, login_at, login_len;
	uint64_t body_len;
	uint32_t n_attrs, attrs_hash;
	char target[ADDR_TEXT];
};

static inline struct drive_http drive_request(const uint8_t *p, size_t len, bool transparent)
{
	struct http_request *r = malloc(sizeof(*r)); /* not zeroed: the reader has to */
	struct str bytes = drive_block(p, len);
	struct drive_http d;

	MUST(r);
	memset(&d, 0, sizeof(d));
	d.step = http_request_read(bytes, transparent, r);
	d.status = d.step == HTTP_BAD ? r->status : 0;
	MUST(d.step != HTTP_BAD || r->status >= 400);
	if (d.step == HTTP_REQUEST) {
		d.is_connect = r->is_connect;
		d.has_login = r->has_login;
		d.head_len = r->head_len;
		d.login_at = r->has_login && r->login.len ? (size_t)(r->login.p - bytes.p) : 0;
		d.login_len = r->login.len;
		d.body = r->body;
		d.body_len = r->body_len;
		d.n_attrs = r->n_attrs;
		for (uint32_t i = 0; i < r->n_attrs; i++)
			d.attrs_hash = d.attrs_hash * 31 + (uint32_t)wire_hash(r->attrs[i].name, wire_hash(r->attrs[i].value, i));
		addr_text(&r->target, d.target);
		MUST(r->head_len <= len && r->head_len <= HTTP_HEAD_MAX && r->n_attrs <= HTTP_ATTRS_MAX);
		MUST(r->target.family && r->target.port);
	}
	free((char *)bytes.p);
	free(r);
	return d;
}

static inline bool drive_http_equal(const struct drive_http *a, const struct drive_http *b)
{
	return a->step == b->step && a->status == b->status && a->body == b->body && a->is_connect == b->is_connect &&
	       a->has_login == b->has_login && a->head_len == b->head_len && a->login_at == b->login_at &&
	       a->login_len == b->login_len && a->body_len == b->body_len && a->n_attrs == b->n_attrs &&
	       a->attrs_hash == b->attrs_hash && !strcmp(a->target, b->target);
}

/* The bytes of a chunked or counted body in pieces: *ret_over as at the end. */
static inline int64_t drive_body(struct http_body b, const uint8_t *p, size_t len, size_t by, bool *ret_over)
{
	size_t at = 0;

	while (at < len && !b.over) {
		struct str bytes = drive_block(p + at, len - at < by ? len - at : by);
		int64_t n = http_body_take(&b, bytes);

		MUST(n <= (int64_t)bytes.len && (n < 0 || b.over || n == (int64_t)bytes.len));
		free((char *)bytes.p);
		if (n < 0)
			return n;
		at += (size_t)n;
	}
	*ret_over = b.over;
	return (int64_t)at;
}

#endif
