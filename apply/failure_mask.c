/* Secrets by value, for words that come from elsewhere: an engine that refuses a file likes to quote it. Values are found
 * by the tables' SECRET flags, in the TOML, in the snippets and in the merged configuration. */
#include <string.h>

#include "apply/apply.h"

enum { MASK_BYTES = 256, MASK_SHORT = 4, MASK_DEPTH = 80 };
static const char shown[] = "<secret>";

struct entry {
	struct str text;
	struct entry *next;
};
struct failure_mask {
	struct entry *of[MASK_BYTES]; /* by first byte in lower case, longest first */
};

static unsigned char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 32) : (unsigned char)c;
}

/* Words that stand for "no secret here". */
static bool is_word_of_the_format(struct str s)
{
	static const char *const words[] = { "none", "auto", "true", "false", "null" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_is(s, words[i]))
			return true;
	return false;
}

static void put(struct arena *a, struct failure_mask *m, struct str s)
{
	struct entry **at, *e;

	if (!s.len || is_word_of_the_format(s))
		return;
	for (at = &m->of[lower(*s.p)]; *at && (*at)->text.len > s.len; at = &(*at)->next)
		;
	for (e = *at; e && e->text.len == s.len; e = e->next)
		if (str_eq(e->text, s))
			return;
	e = arena_new_of(a, struct entry);
	*e = (struct entry){ s, *at };
	*at = e;
}

/* As it stands and as JSON would quote it. */
static void add(struct arena *a, struct failure_mask *m, struct str s)
{
	struct buf quoted = { 0 };

	put(a, m, s);
	json_write_string(&quoted, s);
	if (!quoted.failed && quoted.len != s.len + 2) {
		char *copy = arena_try_alloc(a, quoted.len);

		if (copy)
			put(a, m, (struct str){ memcpy(copy, quoted.p + 1, quoted.len - 2), quoted.len - 2 });
	}
	buf_fini(&quoted);
}

static void add_secrets(struct arena *a, struct failure_mask *m, struct secret *const *secrets, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (secrets[i]->s && !secrets[i]->missing)
			add(a, m, str_trim(str_of(secrets[i]->s)));
}

/* --- trees -------------------------------------------------------------------------------------------------------- */
struct walk {
	struct arena *a;
	struct failure_mask *m;
	const char *keys[MASK_DEPTH];
	size_t n;
};

static void walk_value(struct walk *w, const struct value *v, bool secret);

static void walk_member(struct walk *w, const struct member *m, bool secret)
{
	if (w->n == MASK_DEPTH)
		return;
	w->keys[w->n++] = arena_memdup(w->a, m->key, m->key_len);
	walk_value(w, &m->value, secret || xkeys_is_secret(w->keys, w->n));
	w->n--;
}

static void walk_value(struct walk *w, const struct value *v, bool secret)
{
	if (v->kind == VAL_OBJECT)
		for (uint32_t i = 0; i < v->n_members; i++)
			walk_member(w, &v->members[i], secret);
	if (v->kind == VAL_ARRAY)
		for (uint32_t i = 0; i < v->n; i++)
			walk_value(w, &v->items[i], secret);
	if (secret && (v->kind == VAL_STRING || v->kind == VAL_NUMBER))
		add(w->a, w->m, value_str(v));
}

struct failure_mask *failure_mask_new(struct arena *a, const struct compiled *c)
{
	struct failure_mask *m = arena_new_of(a, struct failure_mask);
	struct walk w = { .a = a, .m = m };
	struct value merged;

	add_secrets(a, m, c->desired.secrets, c->desired.n_secrets);
	add_secrets(a, m, c->config.secrets, c->config.n_secrets);
	for (unsigned k = 0; k < SNIPPET__N; k++)
		walk_value(&w, &c->in.snippets[k].root, false);
	if (c->has_merged) {
		merged = xconf_to_value(a, &c->merged.x);
		walk_value(&w, &merged, false);
	}
	return m;
}

struct failure_mask *failure_mask_of(struct arena *a, const struct value *xray)
{
	struct failure_mask *m = arena_new_of(a, struct failure_mask);
	struct walk w = { .a = a, .m = m };

	walk_value(&w, xray, false);
	return m;
}

/* --- texts -------------------------------------------------------------------------------------------------------- */
static bool is_alnum(char c)
{
	return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
}

/* A very short one counts as a whole word alone, or hardly a letter would be left. */
static bool stands_alone(struct str text, size_t at, size_t len)
{
	return (!at || !is_alnum(text.p[at - 1])) && (at + len == text.len || !is_alnum(text.p[at + len]));
}

/* --- links and URLs: what nobody knows as a secret is one by its place there --- */
static bool ends_token(char c)
{
	return (unsigned char)c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == '`';
}

static size_t token_end(struct str text, size_t at)
{
	while (at < text.len && !ends_token(text.p[at]))
		at++;
	return at;
}

/* Links that are Base64 as a whole. */
static bool is_sealed(struct str text, size_t colon)
{
	static const char *const schemes[] = { "vmess", "ss", "ssr" };
	size_t begin = colon;

	while (begin && is_alnum(text.p[begin - 1]))
		begin--;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (str_is_nocase((struct str){ text.p + begin, colon - begin }, schemes[i]))
			return true;
	return false;
}

static bool is_in_url(struct str text, size_t at)
{
	while (at >= 3 && !ends_token(text.p[at - 1])) {
		if (!memcmp(text.p + at - 3, "://", 3))
			return true;
		at--;
	}
	return false;
}

/* User information, a query, or all of a sealed link. */
static size_t url_secret_at(struct str text, size_t at)
{
	size_t end, i;

	if (at && text.p[at - 1] == '?' && is_in_url(text, at - 1))
		return token_end(text, at) - at;
	if (at < 3 || memcmp(text.p + at - 3, "://", 3) != 0)
		return 0;
	end = token_end(text, at);
	if (is_sealed(text, at - 3))
		return end - at;
	for (i = end; i > at && text.p[i - 1] != '@';)
		i--;
	return i > at ? i - 1 - at : 0;
}

/* Length of the longest secret at that place. */
static size_t known_at(const struct failure_mask *m, struct str text, size_t at)
{
	for (const struct entry *e = m->of[lower(text.p[at])]; e; e = e->next) {
		struct str here = str_skip(text, at);

		if (here.len < e->text.len)
			continue;
		here.len = e->text.len;
		if (str_eq_nocase(here, e->text) && (here.len >= MASK_SHORT || stands_alone(text, at, here.len)))
			return here.len;
	}
	return 0;
}

static size_t secret_at(const struct failure_mask *m, struct str text, size_t at)
{
	size_t len = url_secret_at(text, at);

	return len || !m ? len : known_at(m, text, at);
}

static size_t count(const struct failure_mask *m, struct str text)
{
	size_t n = 0;

	for (size_t i = 0, len; i < text.len; i += len ? len : 1) {
		len = secret_at(m, text, i);
		n += len > 0;
	}
	return n;
}

const char *failure_mask_text(struct arena *a, const struct failure_mask *m, const char *text)
{
	struct str s = str_of(text);
	size_t n = count(m, s);
	char *out, *p;

	if (!n)
		return text;
	out = p = arena_alloc(a, s.len + n * sizeof(shown) + 1);
	for (size_t i = 0, len; i < s.len; i += len ? len : 1) {
		len = secret_at(m, s, i);
		if (len)
			p = stpcpy(p, shown);
		else
			*p++ = s.p[i];
	}
	*p = 0;
	return out;
}
