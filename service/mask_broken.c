/* Texts that do not parse. They are read token by token as what they were meant to be; a value stays only when its key
 * is public, everything around it is too, and its line holds nothing else. Any other line is masked as a whole, and its
 * words are suspected everywhere. */
#include <string.h>

#include "service/mask_impl.h"

enum { DEPTH_MAX = 64 };
enum state { WANT_KEY, WANT_VALUE, AFTER_VALUE };
struct reader {
	struct mask *m;
	struct mask_ranges *r;
	struct mask_lexer l;
	enum state state;
	bool section;          /* of TOML: its header is public; of JSON: nothing strange was met so far */
	bool lost;             /* brackets no longer match */
	bool shown;            /* the key whose value is wanted is public */
	struct {
		bool shown, object;
	} open[DEPTH_MAX];     /* brackets */
	size_t depth;
	struct str key;
};

static struct str token(const struct reader *b)
{
	return b->l.token == TOKEN_STRING ? (struct str){ b->l.text.p + b->l.inner, b->l.inner_end - b->l.inner } :
					    (struct str){ b->l.text.p + b->l.begin, b->l.at - b->l.begin };
}

static bool is_mark(const struct reader *b, char c)
{
	return b->l.token == TOKEN_MARK && b->l.text.p[b->l.begin] == c;
}

static bool outer_shown(const struct reader *b)
{
	return b->section && (!b->depth || b->open[b->depth - 1].shown);
}

/* --- what is not understood --------------------------------------------------------------------------------------- */
static void suspect_words(struct reader *b, struct str line)
{
	size_t begin = 0;

	for (size_t i = 0; i <= line.len; i++) {
		if (i < line.len && line.p[i] && !strchr(" \t\r\n\"'`,;=()[]{}<>", line.p[i]))
			continue;
		if (i - begin >= MASK_SHORTEST)
			mask_entry_of(b->m, (struct str){ line.p + begin, i - begin }, MASK_MAYBE);
		begin = i + 1;
	}
}

/* From the start of the line to its end, and to the end of a string that goes on behind it. */
static void give_up(struct reader *b)
{
	struct str text = b->l.text;
	size_t begin = b->l.begin, end = b->l.at > b->l.begin ? b->l.at : b->l.begin;
	const char *p;

	while (begin && text.p[begin - 1] != '\n')
		begin--;
	if (b->l.token == TOKEN_LINE)
		end = b->l.begin;
	p = end < text.len ? memchr(text.p + end, '\n', text.len - end) : NULL;
	end = p ? (size_t)(p - text.p) : text.len;
	suspect_words(b, (struct str){ text.p + begin, end - begin });
	mask_hide(b->m, b->r, begin, end, (struct str){ text.p + begin, end - begin }, MASK_MAYBE);
	b->l.at = end;
	b->state = WANT_KEY;
	b->depth = 0;
	b->lost = b->l.json;
	if (b->lost) /* what the rest belongs to cannot be told any more */
		b->section = false;
}

/* --- keys --------------------------------------------------------------------------------------------------------- */
/* All parts of a dotted name. */
static bool is_public(const struct reader *b, struct str name)
{
	while (name.len) {
		struct str part = b->l.json ? name : str_cut(&name, '.');

		if (!mask_name_is_public(b->m, part) && !mask_name_header(part))
			return false;
		if (b->l.json)
			return true;
	}
	return true;
}

static bool is_reference(struct str key)
{
	return str_is(key, "env") || str_is(key, "file");
}

static void read_key(struct reader *b)
{
	struct reader at_key = *b;

	b->key = token(b);
	if (b->l.token == TOKEN_STRING && (!b->l.closed || b->l.lines)) {
		give_up(b);
		return;
	}
	mask_lex(&b->l);
	if (!is_mark(b, b->l.json ? ':' : '=')) {
		*b = at_key;
		give_up(b);
		return;
	}
	b->shown = outer_shown(b) && is_public(b, b->key);
	b->state = WANT_VALUE;
}

/* [client.xray], [[client.endpoints]]: parts that nobody knows are names of the operator's, what is below them is not
 * shown. */
static void read_header(struct reader *b)
{
	size_t begin = b->l.begin, line = begin;
	bool shown = true;

	while (line && b->l.text.p[line - 1] != '\n')
		line--;
	for (mask_lex(&b->l); b->l.token != TOKEN_LINE && b->l.token != TOKEN_END && b->l.token != TOKEN_COMMENT;
	     mask_lex(&b->l)) {
		bool word = b->l.token == TOKEN_WORD || (b->l.token == TOKEN_STRING && b->l.closed && !b->l.lines);

		if (!word && !is_mark(b, '[') && !is_mark(b, ']')) {
			give_up(b);
			b->section = false;
			return;
		}
		if (word && !is_public(b, token(b))) {
			mask_hide(b->m, b->r, b->l.begin, b->l.at, token(b), MASK_MAYBE);
			shown = false;
		}
	}
	b->section = shown && str_trim((struct str){ b->l.text.p + line, begin - line }).len == 0;
	if (b->l.token != TOKEN_END)
		b->l.at = b->l.begin;
}

/* --- values ------------------------------------------------------------------------------------------------------- */
static bool is_plain(struct str word)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_is(word, words[i]))
			return true;
	for (size_t i = 0; i < word.len; i++)
		if (!word.p[i] || !strchr("0123456789.+-:TZ_", word.p[i]))
			return false;
	return word.len <= 32;
}

/* The text of a string; escapes are found again by looking through them. */
static void hide_value(struct reader *b, size_t begin, size_t end)
{
	struct str raw = { b->l.text.p + begin, end - begin }, clear;
	enum mask_sure sure = mask_name_sounds(b->key) ? MASK_SURE : MASK_MAYBE;
	struct buf out = { 0 };

	mask_decode(MASK_UNESCAPE, raw, &out);
	b->m->failed |= out.failed;
	clear = out.failed ? raw : (struct str){ arena_memdup(b->m->a, out.p ? out.p : "", out.len), out.len };
	buf_fini(&out);
	if (str_starts(clear, "env:"))
		mask_reference(b->m, false, str_skip(clear, 4));
	mask_hide(b->m, b->r, begin, end, raw, sure);
	mask_entry_of(b->m, clear, sure);
}

static void read_scalar(struct reader *b)
{
	bool string = b->l.token == TOKEN_STRING;

	if (string && is_reference(b->key) && b->l.closed && !b->l.lines && b->depth)
		mask_reference(b->m, str_is(b->key, "file"), token(b));
	else if (!b->shown || (string && b->l.lines))
		hide_value(b, string ? b->l.inner : b->l.begin, string ? b->l.inner_end : b->l.at);
	else if (!string && !is_plain(token(b))) {
		give_up(b);
		return;
	}
	b->state = AFTER_VALUE;
	if (string && !b->l.closed)
		give_up(b);
}

static void push(struct reader *b)
{
	bool object = is_mark(b, '{');

	if (b->depth == DEPTH_MAX) {
		give_up(b);
		return;
	}
	b->open[b->depth].shown = b->shown;
	b->open[b->depth++].object = object;
	b->state = object ? WANT_KEY : WANT_VALUE;
}

static void pop(struct reader *b)
{
	if (!b->depth || b->open[b->depth - 1].object != is_mark(b, '}')) {
		give_up(b);
		return;
	}
	b->depth--;
	b->state = AFTER_VALUE;
}

static void read_value(struct reader *b)
{
	if (b->depth && !b->open[b->depth - 1].object)
		b->shown = b->open[b->depth - 1].shown;
	if (is_mark(b, '{') || is_mark(b, '['))
		push(b);
	else if (b->l.token == TOKEN_STRING || b->l.token == TOKEN_WORD)
		read_scalar(b);
	else if (is_mark(b, ']') && b->depth && !b->open[b->depth - 1].object)
		pop(b);
	else
		give_up(b);
}

static void read_after(struct reader *b)
{
	if (b->lost && !b->depth && b->l.token == TOKEN_MARK)
		b->state = is_mark(b, ',') ? WANT_KEY : AFTER_VALUE;
	else if (is_mark(b, ',') && b->depth)
		b->state = b->open[b->depth - 1].object ? WANT_KEY : WANT_VALUE;
	else if (is_mark(b, '}') || is_mark(b, ']'))
		pop(b);
	else
		give_up(b);
}

static void read_want_key(struct reader *b)
{
	if (!b->l.json && !b->depth && is_mark(b, '[')) {
		read_header(b);
	} else if (b->l.json && !b->depth && is_mark(b, '{')) {
		b->shown = b->section;
		push(b);
	} else if (is_mark(b, '}') && b->depth) {
		pop(b);
	} else if (b->l.token == TOKEN_STRING || b->l.token == TOKEN_WORD) {
		read_key(b);
	} else {
		give_up(b);
	}
}

/* The end of a line ends an entry of TOML, outside brackets; of JSON nothing. */
static void read_line(struct reader *b)
{
	if (b->l.json || (b->depth && !b->open[b->depth - 1].object))
		return;
	if (b->state == WANT_VALUE || b->depth)
		give_up(b);
	b->state = WANT_KEY;
}

void mask_broken(struct mask *m, struct str text, bool json, struct mask_ranges *r)
{
	static void (*const read[])(struct reader *) = { [WANT_KEY] = read_want_key, [WANT_VALUE] = read_value,
							 [AFTER_VALUE] = read_after };
	struct reader b = { .m = m, .r = r, .l = { .text = text, .json = json }, .section = true };

	mask_comments(m, text, json, r);
	for (mask_lex(&b.l); b.l.token != TOKEN_END; mask_lex(&b.l)) {
		if (b.l.token == TOKEN_LINE)
			read_line(&b);
		else if (b.l.token != TOKEN_COMMENT)
			read[b.state](&b);
	}
}
