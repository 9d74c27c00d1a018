/* Finds secrets through encodings: a text is decoded as a whole, remembering where each decoded byte came from, and
 * what is found there is marked in the text itself. Nothing has to be known about which characters an encoder
 * escapes. */
#include <stdlib.h>
#include <string.h>

#include "service/mask_impl.h"

/* Decoded bytes [out, out + out_len) come from [in, in + in_len); between such places both run alike. */
struct anchor {
	uint32_t out, in;
	uint8_t out_len, in_len;
};
struct view {
	struct buf text;
	struct anchor *v;
	size_t n, cap;
	bool failed;
};

static void anchor_add(struct view *w, size_t in, size_t in_len, size_t out_len)
{
	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 256;
		void *v = realloc(w->v, cap * sizeof(*w->v));

		if (!v) {
			w->failed = true;
			return;
		}
		w->v = v;
		w->cap = cap;
	}
	w->v[w->n++] = (struct anchor){ (uint32_t)(w->text.len - out_len), (uint32_t)in, (uint8_t)out_len,
					(uint8_t)in_len };
}

/* Where in the text the decoded byte at `out` begins, or behind_it ends. */
static size_t place_of(const struct view *w, size_t out, bool behind_it)
{
	size_t low = 0, high = w->n;
	const struct anchor *a;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (w->v[middle].out <= out)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return out + behind_it;
	a = &w->v[low - 1];
	if (out < a->out + a->out_len)
		return a->in + (behind_it ? a->in_len : 0);
	return a->in + a->in_len + (out - a->out - a->out_len) + behind_it;
}

static void view_fini(struct view *w)
{
	buf_fini(&w->text);
	free(w->v);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* n hex digits at the start of s, or -1. */
static int64_t hex_number(struct str s, size_t n)
{
	int64_t value = 0;

	if (s.len < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int digit = hex_digit(s.p[i]);

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

static void put_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_putc(out, (char)c);
	} else if (c < 0x800) {
		buf_putc(out, (char)(0xc0 | c >> 6));
		buf_putc(out, (char)(0x80 | (c & 63)));
	} else if (c < 0x10000) {
		buf_putc(out, (char)(0xe0 | c >> 12));
		buf_putc(out, (char)(0x80 | (c >> 6 & 63)));
		buf_putc(out, (char)(0x80 | (c & 63)));
	} else {
		buf_putc(out, (char)(0xf0 | (c >> 18 & 7)));
		buf_putc(out, (char)(0x80 | (c >> 12 & 63)));
		buf_putc(out, (char)(0x80 | (c >> 6 & 63)));
		buf_putc(out, (char)(0x80 | (c & 63)));
	}
}

/* A \uXXXX, two of them for a surrogate pair: how long it is, or 0. */
static size_t unescape_unicode(struct str s, struct buf *out)
{
	int64_t high = hex_number(str_skip(s, 2), 4), low;

	if (high < 0)
		return 0;
	if (high >= 0xd800 && high < 0xdc00 && s.len >= 12 && s.p[6] == '\\' && s.p[7] == 'u') {
		low = hex_number(str_skip(s, 8), 4);
		if (low >= 0xdc00 && low < 0xe000) {
			put_utf8(out, (uint32_t)(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)));
			return 12;
		}
	}
	put_utf8(out, (uint32_t)high);
	return 6;
}

/* s begins with a backslash. How many bytes of it were decoded; 0: it is none. */
static size_t unescape(struct str s, struct buf *out)
{
	static const char letters[] = "bfnrte0", meant[] = "\b\f\n\r\t\033";
	const char *letter;
	int64_t number;

	if (s.len < 2)
		return 0;
	if (s.p[1] == 'u')
		return unescape_unicode(s, out);
	if (s.p[1] == 'x' || s.p[1] == 'U') {
		size_t digits = s.p[1] == 'x' ? 2 : 8;

		number = hex_number(str_skip(s, 2), digits);
		if (number < 0 || number > 0x10ffff)
			return 0;
		if (s.p[1] == 'x')
			buf_putc(out, (char)number);
		else
			put_utf8(out, (uint32_t)number);
		return 2 + digits;
	}
	letter = s.p[1] ? strchr(letters, s.p[1]) : NULL;
	buf_putc(out, letter ? meant[letter - letters] : s.p[1]);
	return 2;
}

static size_t unpercent(struct str s, struct buf *out)
{
	int64_t number = *s.p == '%' ? hex_number(str_skip(s, 1), 2) : -1;

	if (number < 0)
		return 0;
	buf_putc(out, (char)number);
	return 3;
}

static size_t unplus(struct str s, struct buf *out)
{
	if (*s.p != '+')
		return unpercent(s, out);
	buf_putc(out, ' ');
	return 1;
}

struct decoder {
	const char *starts; /* bytes that begin something encoded */
	size_t (*take)(struct str s, struct buf *out);
};
static const struct decoder decoders[MASK_DECODER__N] = {
	[MASK_UNESCAPE] = { "\\", unescape },
	[MASK_PERCENT] = { "%", unpercent },
	[MASK_PLUS] = { "+%", unplus },
};

/* The next byte that may begin something, at or behind `at`. */
static size_t next_start(struct str text, size_t at, const char *starts)
{
	size_t best = text.len;

	for (; *starts && at < best; starts++) {
		const char *p = memchr(text.p + at, *starts, best - at);

		if (p)
			best = (size_t)(p - text.p);
	}
	return best;
}

static void decode(enum mask_decoder d, struct str text, struct view *w)
{
	for (size_t at = 0; at < text.len && !w->text.failed && !w->failed;) {
		size_t start = next_start(text, at, decoders[d].starts), before, taken;

		buf_add(&w->text, text.p + at, start - at);
		at = start;
		if (at == text.len)
			return;
		before = w->text.len;
		taken = decoders[d].take(str_skip(text, at), &w->text);
		if (taken)
			anchor_add(w, at, taken, w->text.len - before);
		else
			buf_putc(&w->text, text.p[at]);
		at += taken ? taken : 1;
	}
}

void mask_decode(enum mask_decoder d, struct str text, struct buf *out)
{
	struct view w = { 0 };

	decode(d, text, &w);
	out->failed |= w.failed || w.text.failed;
	buf_add(out, w.text.p, w.text.len);
	view_fini(&w);
}

/* --- what is found ------------------------------------------------------------------------------------------------ */
static bool is_digits(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.len > 0;
}

/* The character before at, or from at on, that is no space; 0 = none. */
static char beside(struct str text, size_t at, bool before)
{
	while (before ? at > 0 : at < text.len) {
		char c = text.p[before ? --at : at++];

		if (!strchr(" \t\r\n", c))
			return c;
	}
	return 0;
}

/* Digits are found in the middle of numbers too: the number goes as a whole, and as a string where it is a value of JSON. */
static struct mask_range widen(struct str text, struct mask_range r)
{
	static const char number[] = "0123456789.+-eE";

	while (r.begin && text.p[r.begin - 1] && strchr(number, text.p[r.begin - 1]))
		r.begin--;
	while (r.end < text.len && text.p[r.end] && strchr(number, text.p[r.end]))
		r.end++;
	r.quote = strchr(":[,", beside(text, r.begin, true)) && strchr(",]}", beside(text, r.end, false)) &&
		  beside(text, r.begin, true) && beside(text, r.end, false);
	return r;
}

static void find_raw(struct mask *m, struct str text, struct mask_ranges *found)
{
	for (size_t i = 0; i + MASK_SHORTEST <= text.len; i++) {
		const struct mask_pattern *p = mask_index_at(m->index, text, i);
		struct mask_range r;

		if (!p)
			continue;
		r = (struct mask_range){ (uint32_t)i, (uint32_t)(i + p->text.len), p->entry, false };
		mask_range_add(m, found, is_digits(p->text) ? widen(text, r) : r);
	}
}

static void find_decoded(struct mask *m, struct str text, enum mask_decoder d, unsigned depth,
			 struct mask_ranges *found)
{
	struct view w = { 0 };
	struct mask_ranges inner = { 0 };

	decode(d, text, &w);
	if (w.failed || w.text.failed)
		m->failed = true;
	else if (w.n)
		mask_find(m, (struct str){ w.text.p, w.text.len }, depth, &inner);
	for (size_t i = 0; i < inner.n; i++) {
		struct mask_range r = inner.v[i];

		r.begin = (uint32_t)place_of(&w, r.begin, false);
		r.end = (uint32_t)place_of(&w, r.end - 1, true);
		mask_range_add(m, found, r);
	}
	mask_ranges_fini(&inner);
	view_fini(&w);
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

void mask_base64(struct str text, struct buf *out)
{
	uint32_t bits = 0;
	unsigned n = 0;

	for (size_t i = 0; i < text.len; i++) {
		int digit = base64_digit(text.p[i]);

		if (digit < 0)
			continue;
		bits = (bits << 6 | (uint32_t)digit) & 0xffff;
		n += 6;
		if (n >= 8) {
			n -= 8;
			buf_putc(out, (char)(bits >> n));
		}
	}
}

static void hex_bytes(struct str text, struct buf *out)
{
	for (size_t i = 0; i + 1 < text.len; i += 2)
		buf_putc(out, (char)(hex_digit(text.p[i]) * 16 + hex_digit(text.p[i + 1])));
}

/* One run of digits, decoded at each of the places where its first group can begin; it is masked as a whole. */
static void find_in_run(struct mask *m, struct str text, size_t begin, size_t end, bool hex, unsigned depth,
			struct mask_ranges *found)
{
	struct mask_ranges inner = { 0 };
	struct buf out = { 0 };
	size_t widest = 0;

	buf_reserve(&out, end - begin);
	for (size_t shift = 0; shift < (hex ? 2 : 4) && begin + shift < end; shift++) {
		struct str digits = { text.p + begin + shift, end - begin - shift };

		out.len = 0;
		if (hex)
			hex_bytes(digits, &out);
		else
			mask_base64(digits, &out);
		if (!out.failed)
			mask_find(m, (struct str){ out.p, out.len }, depth, &inner);
	}
	m->failed |= out.failed;
	for (size_t i = 1; i < inner.n; i++)
		if (inner.v[i].end - inner.v[i].begin > inner.v[widest].end - inner.v[widest].begin)
			widest = i;
	if (inner.n)
		mask_range_add(m, found, (struct mask_range){ (uint32_t)begin, (uint32_t)end, inner.v[widest].secret,
							       false });
	mask_ranges_fini(&inner);
	buf_fini(&out);
}

/* Base64 of mails and keys is wrapped: a long line goes on behind its end. */
enum { WRAPPED_AT = 48, RUN_MIN64 = MASK_SHORTEST * 4 / 3 + 1, RUN_MIN16 = MASK_SHORTEST * 2 };

static size_t run_end(struct str text, size_t at, bool hex)
{
	size_t line = at;

	for (;;) {
		size_t next;

		while (at < text.len && (hex ? hex_digit(text.p[at]) : base64_digit(text.p[at])) >= 0)
			at++;
		if (hex || at - line < WRAPPED_AT || at == text.len)
			return at;
		for (next = at; next < text.len && strchr("\r\n \t", text.p[next]) && text.p[next]; next++)
			;
		if (next == at || !memchr(text.p + at, '\n', next - at) || next == text.len ||
		    base64_digit(text.p[next]) < 0)
			return at;
		at = line = next;
	}
}

static void find_runs(struct mask *m, struct str text, bool hex, unsigned depth, struct mask_ranges *found)
{
	for (size_t i = 0; i < text.len;) {
		size_t end;

		if ((hex ? hex_digit(text.p[i]) : base64_digit(text.p[i])) < 0) {
			i++;
			continue;
		}
		end = run_end(text, i, hex);
		if (end - i >= (hex ? RUN_MIN16 : RUN_MIN64))
			find_in_run(m, text, i, end, hex, depth, found);
		i = end;
	}
}

void mask_find(struct mask *m, struct str text, unsigned depth, struct mask_ranges *found)
{
	find_raw(m, text, found);
	if (!depth)
		return;
	find_runs(m, text, false, depth - 1, found);
	find_runs(m, text, true, 0, found);
	for (enum mask_decoder d = 0; d < MASK_DECODER__N; d++)
		if ((d != MASK_PLUS || m->has_space) && next_start(text, 0, decoders[d].starts) < text.len)
			find_decoded(m, text, d, depth - 1, found);
}
