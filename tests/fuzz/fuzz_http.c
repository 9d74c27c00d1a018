/* link: engine route model lib */
/* HTTP: the first byte says which codec and how, the rest is what the other side sends. What is said of a begin is said of all that
 * is longer; what goes upstream is a request to the same host that goes on unchanged, without a word for the proxy in it. */
#include "tests/unit/eng_drive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool contains(const struct buf *b, const char *text)
{
	return b->p && strstr(b->p, text);
}

static void upstream(struct str bytes, const struct http_request *r)
{
	static struct http_request again;
	struct buf out = { 0 }, twice = { 0 };

	http_request_write(bytes, r, &out);
	MUST(!out.failed && out.len == strlen(out.p));
	MUST(http_request_read((struct str){ out.p, out.len }, true, &again) == HTTP_REQUEST);
	MUST(again.head_len == out.len && addr_equal(&r->target, &again.target));
	MUST(again.body == r->body && again.body_len == r->body_len && !again.has_login);
	MUST(!contains(&out, "\nProxy-") && !contains(&out, "\nproxy-") && contains(&out, "\r\nConnection: close\r\n\r\n"));
	http_request_write((struct str){ out.p, out.len }, &again, &twice);
	MUST(twice.len == out.len && !memcmp(out.p, twice.p, out.len));
	buf_fini(&out);
	buf_fini(&twice);
}

static void request(const uint8_t *p, size_t len, size_t step, bool transparent)
{
	static struct http_request r;
	struct drive_http whole = drive_request(p, len, transparent);
	bool is_over = false;
	struct str bytes;

	for (size_t n = 0; n < len; n += step) {
		struct drive_http part = drive_request(p, n, transparent);

		MUST(part.step == HTTP_MORE ? !is_over : drive_http_equal(&whole, &part));
		is_over |= part.step != HTTP_MORE;
	}
	if (whole.step != HTTP_REQUEST)
		return;
	/* The last byte of the head is what makes it one. */
	MUST(drive_request(p, whole.head_len - 1, transparent).step == HTTP_MORE);
	bytes = drive_block(p, len);
	MUST(http_request_read(bytes, transparent, &r) == HTTP_REQUEST);
	if (r.has_login)
		http_login(r.login, STR("user"), STR("change-me"));
	/* Two headers are added: near a limit the result is beyond it. */
	if (!r.is_connect && r.n_attrs < HTTP_ATTRS_MAX - 2 && r.head_len < HTTP_HEAD_MAX - 1024)
		upstream(bytes, &r);
	free((char *)bytes.p);
}

static void answer(const uint8_t *p, size_t len, size_t step)
{
	size_t used = SIZE_MAX, part_used;
	int error = 0, part_error, said = http_connect_read((struct str){ (const char *)p, len }, &used, &error);

	MUST(used <= len && (said == HTTP_REQUEST || !used) && (said != HTTP_BAD || error > 0));
	for (size_t n = 0; n < len; n += step) {
		struct str block = drive_block(p, n);
		int part = http_connect_read(block, &part_used, &part_error);

		MUST(part == HTTP_MORE || (part == said && part_used == used && (part != HTTP_BAD || part_error == error)));
		free((char *)block.p);
	}
}

static void body(const uint8_t *p, size_t len, size_t step)
{
	const struct http_request r = { .body = HTTP_CHUNKED };
	bool over = false, over_parts = false;
	int64_t whole = drive_body(http_body_of(&r), p, len, len ? len : 1, &over);
	int64_t parts = drive_body(http_body_of(&r), p, len, step, &over_parts);

	MUST(whole == parts && over == over_parts);
}

static void login(const uint8_t *p, size_t len)
{
	struct str user = { (const char *)p, len / 2 }, password = str_skip((struct str){ (const char *)p, len }, len / 2);
	static struct http_request r;
	struct buf out = { 0 };
	struct addr target;

	if (len > 500 || !user.len || memchr(user.p, ':', user.len))
		return;
	MUST(!addr_parse(&target, STR("example.com:443"), -1));
	http_connect_write(&target, user, password, &out);
	MUST(http_request_read((struct str){ out.p, out.len }, false, &r) == HTTP_REQUEST && r.has_login);
	MUST(http_login(r.login, user, password));
	MUST(!http_login(r.login, user, STR("another password")) || str_is(password, "another password"));
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t step;

	if (size < 2)
		return 0;
	step = 1 + data[1] % 16 + (size - 2) / 32;
	switch (data[0] % 6) {
	case 0:
	case 1:
		request(data + 2, size - 2, step, data[0] % 6);
		break;
	case 2:
		answer(data + 2, size - 2, step);
		break;
	case 3:
		body(data + 2, size - 2, step);
		break;
	case 4:
		login(data + 2, size - 2);
		break;
	default: { /* credentials as they come */
		char text[HTTP_LOGIN_MAX];
		struct str block = drive_block(data + 2, size - 2), user, password;

		if (!http_login_read(block, text, &user, &password))
			MUST(http_login(block, user, password));
		free((char *)block.p);
	}
	}
	return 0;
}
