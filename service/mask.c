/* The set of secrets, and texts written again without them. */
#include "service/mask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/mask_impl.h"

enum { LAYERS = 2, LINE_SHORTEST = 8, MAYBE_SHORTEST = 6, UUID_LEN = 36 };

struct mask *mask_new(struct arena *a, mask_resolve_fn *resolve, void *ctx)
{
	struct mask *m = arena_new_of(a, struct mask);

	*m = (struct mask){ .a = a, .resolve = resolve, .ctx = ctx, .by_text = map_new(a, 64),
			    .classes = map_new(a, 256) };
	mask_names_init(m);
	return m;
}

static void index_free(struct mask_index *x)
{
	if (x)
		free(x->v);
	free(x);
}

void mask_free(struct mask *m)
{
	if (!m)
		return;
	index_free(m->index);
	index_free(m->encoded);
	m->index = m->encoded = NULL;
}

void mask_ranges_fini(struct mask_ranges *r)
{
	free(r->v);
	*r = (struct mask_ranges){ 0 };
}

void mask_range_add(struct mask *m, struct mask_ranges *r, struct mask_range range)
{
	if (!r || range.begin >= range.end)
		return;
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 16;
		void *v = realloc(r->v, cap * sizeof(*r->v));

		if (!v) {
			m->failed = true;
			return;
		}
		r->v = v;
		r->cap = cap;
	}
	r->v[r->n++] = range;
}

/* --- the set ------------------------------------------------------------------------------------------------------ */
static bool is_number(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!strchr("0123456789.,:-+TZ_ /", s.p[i]))
			return false;
	return true;
}

enum { MASK_LONGEST = 24 };
/* How long the mask at the start of text is; 0: none. */
static size_t mask_len(struct str text)
{
	static const char begin[] = "<secret-", comment[] = "<comment>";
	size_t n = sizeof(begin) - 1;

	if (str_starts(text, comment))
		return sizeof(comment) - 1;
	if (!str_starts(text, begin))
		return 0;
	while (n < text.len && text.p[n] >= '0' && text.p[n] <= '9')
		n++;
	return n < text.len && text.p[n] == '>' ? n + 1 : 0;
}

/* Exactly one mask: a secret that only begins like one is a secret. */
static bool is_mask(struct str s)
{
	return (s.len && mask_len(s) == s.len) || str_is(s, "<redacted>");
}

/* Words that stand for "no secret here": parameters of links that nobody knows are secret, "tfo=true" is none. */
static bool is_no_secret(struct str s)
{
	static const char *const words[] = { "none", "auto", "true", "false", "null" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_is_nocase(s, words[i]))
			return true;
	return false;
}

/* A suspected value that is a word of the tables, a number or stars would take harmless text with it. */
static bool is_worth(const struct mask *m, struct str s, enum mask_sure sure)
{
	size_t letters = 0;

	if (s.len < MASK_SHORTEST || is_mask(s) || is_no_secret(s))
		return false;
	if (sure == MASK_SURE)
		return true;
	for (size_t i = 0; i < s.len; i++)
		letters += (s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] | 0x20) >= 'a' || (s.p[i] & 0x80);
	return s.len >= MAYBE_SHORTEST && letters >= MASK_SHORTEST && !is_number(s) && !map_get(m->words, s);
}

static uint32_t entry_add(struct mask *m, struct str text)
{
	char *key = arena_memdup(m->a, text.p, text.len);
	uint32_t *i = arena_new_of(m->a, uint32_t);

	if (m->n == m->cap)
		m->entries = arena_grow(m->a, m->entries, m->n, sizeof(*m->entries), &m->cap);
	m->entries[m->n] = (struct mask_entry){ .text = { key, text.len } };
	*i = m->n++;
	map_put(m->by_text, m->entries[*i].text, i);
	return *i;
}

uint32_t mask_entry_of(struct mask *m, struct str text, enum mask_sure sure)
{
	const uint32_t *known = map_get(m->by_text, text);
	uint32_t i = known ? *known : entry_add(m, text);

	if (is_worth(m, text, sure))
		m->entries[i].by_value = true;
	return i;
}

/* A secret of several lines may be cut up elsewhere: a key in a list of lines, a log. */
static void learn_lines(struct mask *m, struct str text)
{
	if (!memchr(text.p, '\n', text.len))
		return;
	while (text.len) {
		struct str line = str_trim(str_cut(&text, '\n'));

		if (line.len >= LINE_SHORTEST && !str_starts(line, "-----"))
			mask_entry_of(m, line, MASK_SURE);
	}
}

void mask_secret(struct mask *m, struct str value)
{
	if (!value.len)
		return;
	mask_entry_of(m, value, MASK_SURE);
	learn_lines(m, value);
	if (memmem(value.p, value.len, "://", 3))
		mask_urls(m, (struct str){ arena_memdup(m->a, value.p, value.len), value.len }, NULL);
}

void mask_hide(struct mask *m, struct mask_ranges *r, size_t begin, size_t end, struct str value, enum mask_sure sure)
{
	if (begin >= end)
		return;
	if (sure == MASK_SURE)
		mask_secret(m, value);
	mask_range_add(m, r, (struct mask_range){ (uint32_t)begin, (uint32_t)end, mask_entry_of(m, value, sure),
						  false });
}

void mask_reference(struct mask *m, bool is_file, struct str ref)
{
	struct str value;

	if (m->resolve && ref.len && !memchr(ref.p, 0, ref.len) &&
	    m->resolve(m->ctx, is_file, arena_memdup(m->a, ref.p, ref.len), &value))
		mask_secret(m, value);
}

/* --- learning ----------------------------------------------------------------------------------------------------- */
void mask_learn(struct mask *m, struct str text, enum mask_form form, struct mask_ranges *r)
{
	bool json = form == MASK_XRAY_JSON, keyed = form != MASK_TEXT && form != MASK_ENGINE_LOG;
	bool parsed = keyed && mask_tree(m, text, form, r);

	if (parsed)
		mask_comments(m, text, json, r);
	else if (keyed)
		mask_broken(m, text, json, r);
	mask_text(m, text, (parsed ? 0 : MASK_FIND_KEYS) | (form == MASK_ENGINE_LOG ? MASK_FIND_UUIDS : 0), r);
}

/* --- sealing ------------------------------------------------------------------------------------------------------ */
static bool is_uuid(struct str s)
{
	if (s.len != UUID_LEN)
		return false;
	for (size_t i = 0; i < UUID_LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s.p[i] != '-' : !strchr("0123456789abcdefABCDEF", s.p[i]))
			return false;
	}
	return true;
}

static struct str changed(struct arena *a, struct str s, bool upper, bool dashes)
{
	char *p = arena_alloc(a, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		bool letter = (s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z';

		if (s.p[i] != '-' || dashes)
			p[n++] = (char)(!letter ? s.p[i] : upper ? s.p[i] & ~0x20 : s.p[i] | 0x20);
	}
	return (struct str){ p, n };
}

/* One secret in the ways that people and programs write it. */
static void index_entry(struct mask *m, uint32_t i)
{
	struct str text = m->entries[i].text, trimmed = str_trim(text);

	mask_index_add(m->index, text, i);
	if (trimmed.len != text.len)
		mask_index_add(m->index, trimmed, i);
	for (int form = 0; form < 4 && is_uuid(text); form++)
		mask_index_add(m->index, changed(m->a, text, form & 1, form & 2), i);
	m->has_space |= memchr(text.p, ' ', text.len) != NULL;
}

/* The exact forms that common encoders give, found without decoding anything: mask_verify takes nothing on trust. */
static void encode_percent(struct buf *out, struct str s, const char *fmt)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i], l = (char)(c | 0x20);

		if ((l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c)))
			buf_putc(out, c);
		else
			buf_printf(out, fmt, (unsigned char)c);
	}
}

static void encode_base64(struct buf *out, struct str s, const char *last)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

	for (size_t i = 0; i < s.len; i += 3) {
		uint32_t bits = 0;

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (i + k < s.len ? (unsigned char)s.p[i + k] : 0);
		for (size_t k = 0; k < 4 && k <= s.len - i; k++) {
			uint32_t digit = bits >> (18 - 6 * k) & 63;

			buf_putc(out, digit < 62 ? digits[digit] : last[digit - 62]);
		}
	}
}

static void encode_json(struct buf *out, struct str s)
{
	struct buf quoted = { 0 };

	json_write_string(&quoted, s);
	out->failed |= quoted.failed;
	if (quoted.len > 2)
		buf_add(out, quoted.p + 1, quoted.len - 2);
	buf_fini(&quoted);
}

enum { ENCODED_FORMS = 5 };

static void encode(struct buf *out, struct str s, int form)
{
	out->len = 0;
	if (form == 0)
		encode_json(out, s);
	else if (form < 3)
		encode_percent(out, s, form == 1 ? "%%%02X" : "%%%02x");
	else
		encode_base64(out, s, form == 3 ? "+/" : "-_");
}

static void index_encoded(struct mask *m, uint32_t i)
{
	struct str text = m->entries[i].text;
	struct buf out = { 0 };

	for (int form = 0; form < ENCODED_FORMS; form++) {
		encode(&out, text, form);
		m->failed |= out.failed;
		if (!out.failed)
			mask_index_add(m->encoded, (struct str){ arena_memdup(m->a, out.p, out.len), out.len }, i);
	}
	buf_fini(&out);
}

static int seal(struct mask *m)
{
	if (m->sealed)
		return m->failed ? -ENOMEM : 0;
	m->sealed = true;
	m->index = calloc(1, sizeof(*m->index));
	m->encoded = calloc(1, sizeof(*m->encoded));
	if (!m->index || !m->encoded) {
		m->failed = true;
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < m->n; i++) {
		if (!m->entries[i].by_value)
			continue;
		index_entry(m, i);
		index_encoded(m, i);
	}
	mask_index_seal(m->index);
	mask_index_seal(m->encoded);
	m->failed |= m->index->failed || m->encoded->failed;
	return m->failed ? -ENOMEM : 0;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */
static int compare(const void *left, const void *right)
{
	const struct mask_range *a = left, *b = right;

	if (a->begin != b->begin)
		return a->begin < b->begin ? -1 : 1;
	return a->end != b->end ? (a->end > b->end ? -1 : 1) : (a->secret > b->secret) - (a->secret < b->secret);
}

/* Overlapping ranges become one, named after the widest of them. */
static void merge(struct mask_ranges *r)
{
	size_t n = 0, width = 0;

	if (r->n)
		qsort(r->v, r->n, sizeof(*r->v), compare);
	for (size_t i = 0; i < r->n; i++) {
		struct mask_range *to = n ? &r->v[n - 1] : NULL, from = r->v[i];

		if (!to || from.begin >= to->end) {
			r->v[n++] = from;
			width = from.end - from.begin;
			continue;
		}
		if (from.end - from.begin > width) {
			width = from.end - from.begin;
			to->secret = from.secret;
		}
		if (from.end > to->end)
			to->end = from.end;
	}
	r->n = n;
}

/* Where a decoder would begin one byte early ("%8canary") the exact forms still stand. */
static void find_encoded(struct mask *m, struct str text, struct mask_ranges *found)
{
	for (size_t i = 0; i + MASK_SHORTEST <= text.len; i++) {
		const struct mask_pattern *p = mask_index_at(m->encoded, text, i);

		if (p)
			mask_range_add(m, found, (struct mask_range){ (uint32_t)i, (uint32_t)(i + p->text.len),
								       p->entry, false });
	}
}

/* Line ends stay, so that line numbers in messages about this text still lead to their place. */
static void put_mask(struct mask *m, struct str text, const struct mask_range *r, struct buf *out)
{
	const char *quote = r->quote ? "\"" : "";

	if (r->secret == MASK_COMMENT) {
		buf_puts(out, "<comment>");
	} else {
		struct mask_entry *e = &m->entries[r->secret];

		if (!e->number) {
			e->number = ++m->numbered;
			m->short_ones += e->text.len < MASK_SHORTEST;
		}
		buf_printf(out, "%s<secret-%u>%s", quote, e->number, quote);
	}
	for (size_t i = r->begin; i < r->end; i++)
		if (text.p[i] == '\n')
			buf_putc(out, '\n');
}

int mask_apply(struct mask *m, struct str text, const struct mask_ranges *ranges, struct buf *out)
{
	struct mask_ranges all = { 0 };
	size_t at = 0;
	int r = seal(m);

	for (size_t i = 0; !r && ranges && i < ranges->n; i++)
		mask_range_add(m, &all, ranges->v[i]);
	if (!r) {
		mask_find(m, text, LAYERS, &all);
		find_encoded(m, text, &all);
	}
	if (m->failed) {
		mask_ranges_fini(&all);
		return -ENOMEM;
	}
	merge(&all);
	for (size_t i = 0; i < all.n; i++) {
		buf_add(out, text.p + at, all.v[i].begin - at);
		put_mask(m, text, &all.v[i], out);
		at = all.v[i].end;
	}
	buf_add(out, text.p + at, text.len - at);
	mask_ranges_fini(&all);
	return out->failed ? -ENOMEM : 0;
}

/* --- verifying ---------------------------------------------------------------------------------------------------- */
/* A secret may look like the masks themselves, or like one and what stands beside it. Where a mask is, its own text is gone
 * and nothing is shown, so what touches a mask says nothing. */
static bool touches_mask(struct str text, const struct mask_range *r)
{
	size_t from = r->begin > MASK_LONGEST ? r->begin - MASK_LONGEST : 0;

	for (; from < r->end; from++)
		if (text.p[from] == '<' && from + mask_len(str_skip(text, from)) > r->begin)
			return true;
	return false;
}

int mask_verify(struct mask *m, struct str finished)
{
	struct mask_ranges found = { 0 };
	int r = seal(m);

	if (!r) {
		mask_find(m, finished, LAYERS, &found);
		find_encoded(m, finished, &found);
		r = m->failed ? -ENOMEM : 0;
	}
	for (size_t i = 0; !r && i < found.n; i++)
		if (!touches_mask(finished, &found.v[i]))
			r = -EPERM;
	mask_ranges_fini(&found);
	return r;
}

unsigned mask_count(const struct mask *m)
{
	return m->numbered;
}

unsigned mask_count_short(const struct mask *m)
{
	return m->short_ones;
}
