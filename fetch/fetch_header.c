/* Header lines of an answer: entity tag, dates, and what subscription servers say about an account. */
#include <stdlib.h>
#include <string.h>

#include "fetch/fetch_impl.h"

static bool is_clean(struct str s)
{
	size_t bad;

	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return str_is_utf8(s, &bad);
}

/* The first one stands; what cannot be shown or sent again is not kept. */
static void keep(char **to, struct str s)
{
	if (!*to && s.len && is_clean(s))
		*to = strndup(s.p, s.len);
}

static void take_etag(struct fetch_transfer *t, struct str value)
{
	keep(&t->ret->etag, value);
}

static void take_last_modified(struct fetch_transfer *t, struct str value)
{
	keep(&t->ret->last_modified, value);
}

static void take_content_type(struct fetch_transfer *t, struct str value)
{
	keep(&t->ret->content_type, value);
}

static void take_interval(struct fetch_transfer *t, struct str value)
{
	int64_t hours;

	if (!str_int(value, &hours) && hours > 0 && hours <= 24 * 365)
		t->ret->update_interval_hours = hours;
}

static void take_userinfo(struct fetch_transfer *t, struct str value)
{
	fetch_userinfo_read(value, &t->ret->userinfo);
}

/* "base64:" and the text, or the text. */
static void take_title(struct fetch_transfer *t, struct str value)
{
	struct arena *a;
	struct str text;

	if (!str_starts_nocase(value, "base64:")) {
		keep(&t->ret->title, value);
		return;
	}
	a = arena_new();
	jmp_buf out_of_memory;
	if (a && !setjmp(out_of_memory)) {
		arena_on_oom(a, &out_of_memory);
		if (!base64_decode(a, str_trim(str_skip(value, 7)), &text))
			keep(&t->ret->title, str_trim(text));
	}
	arena_free(a);
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

	return at && (c | 0x20) != ' ' ? (int)(at - digits) : -1;
}

/* filename*=UTF-8''percent-encoded (RFC 6266). */
static void keep_encoded(char **to, struct str s)
{
	char text[FETCH_MAX_LINE];
	size_t n = 0;

	for (int quotes = 0; s.len && quotes < 2; s = str_skip(s, 1))
		quotes += s.p[0] == '\'';
	for (size_t i = 0; i < s.len && n < sizeof(text); i++) {
		bool coded = s.p[i] == '%' && i + 2 < s.len && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0;
		text[n++] = coded ? (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2])) : s.p[i];
		i += coded ? 2 : 0;
	}
	keep(to, (struct str){ text, n });
}

static void take_disposition(struct fetch_transfer *t, struct str value)
{
	struct str plain = { NULL, 0 };

	while (value.len) {
		struct str item = str_trim(str_cut(&value, ';')), name = str_trim(str_cut(&item, '='));
		item = str_trim(item);
		if (str_is_nocase(name, "filename*"))
			keep_encoded(&t->disposition, item);
		if (item.len > 1 && item.p[0] == '"' && item.p[item.len - 1] == '"')
			item = (struct str){ item.p + 1, item.len - 2 };
		if (str_is_nocase(name, "filename"))
			plain = item;
	}
	keep(&t->disposition, plain);
}

static const struct {
	const char *name;
	void (*take)(struct fetch_transfer *t, struct str value);
} takers[] = {
	{ "etag", take_etag },
	{ "last-modified", take_last_modified },
	{ "content-type", take_content_type },
	{ "content-disposition", take_disposition },
	{ "subscription-userinfo", take_userinfo },
	{ "profile-update-interval", take_interval },
	{ "profile-title", take_title },
};

void header_forget(struct fetch_transfer *t)
{
	struct fetch_result *r = t->ret;

	free(t->disposition);
	t->disposition = NULL;
	if (!r)
		return;
	free(r->etag);
	free(r->last_modified);
	free(r->title);
	free(r->content_type);
	r->etag = r->last_modified = r->title = r->content_type = NULL;
	r->userinfo = (struct fetch_userinfo){ 0 };
	r->update_interval_hours = 0;
}

void header_take(struct fetch_transfer *t, struct str line)
{
	struct str name, value = line;

	if (str_starts(line, "HTTP/"))
		header_forget(t);
	if (!t->ret || line.len > FETCH_MAX_LINE)
		return;
	name = str_trim(str_cut(&value, ':'));
	value = str_trim(value);
	for (size_t i = 0; i < sizeof(takers) / sizeof(*takers); i++)
		if (str_is_nocase(name, takers[i].name))
			takers[i].take(t, value);
}

void fetch_userinfo_read(struct str value, struct fetch_userinfo *ret_info)
{
	struct fetch_userinfo info = { 0 };
	const struct {
		const char *name;
		int64_t *n;
		bool *has;
	} rows[] = {
		{ "upload", &info.upload, &info.has_upload },
		{ "download", &info.download, &info.has_download },
		{ "total", &info.total, &info.has_total },
		{ "expire", &info.expire, &info.has_expire },
	};

	while (value.len) {
		struct str item = str_trim(str_cut(&value, ';')), name = str_trim(str_cut(&item, '='));
		int64_t n;
		if (str_int(str_trim(item), &n) || n < 0)
			continue;
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
			if (!str_is_nocase(name, rows[i].name))
				continue;
			*rows[i].n = n;
			*rows[i].has = info.set = true;
		}
	}
	*ret_info = info;
}
