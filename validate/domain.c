/* Items of domain lists: prefixes, patterns that do not compile, and texts that no host name can match. */
#include "validate/domain.h"

#include <string.h>

#include "validate/rules.h"

static const struct {
	const char *text;
	uint8_t len, kind;
} prefixes[] = {
	{ "domain:", 7, DOMAIN_SUFFIX }, { "full:", 5, DOMAIN_FULL }, { "geosite:", 8, DOMAIN_GEOSITE },
	{ "regexp:", 7, DOMAIN_REGEXP }, { "keyword:", 8, DOMAIN_KEYWORD }, { "dotless:", 8, DOMAIN_DOTLESS },
	{ "ext:", 4, DOMAIN_EXT }, { "ext-domain:", 11, DOMAIN_EXT }, { "ext-site:", 9, DOMAIN_EXT },
};
/* What people write instead, and what they mean. */
static const struct {
	const char *wrong, *right;
} aliases[] = {
	{ "regex", "regexp:" }, { "domain_regex", "regexp:" }, { "suffix", "domain:" }, { "domain-suffix", "domain:" },
	{ "domain_suffix", "domain:" }, { "subdomain", "domain:" }, { "host", "full:" }, { "exact", "full:" },
	{ "substring", "keyword:" }, { "contains", "keyword:" }, { "domain-keyword", "keyword:" },
	{ "domain_keyword", "keyword:" },
};

enum domain_kind domain_split(struct str item, struct str *ret_value)
{
	const char *colon = item.len ? memchr(item.p, ':', item.len) : NULL;
	size_t len = colon ? (size_t)(colon - item.p) + 1 : 0;

	*ret_value = item;
	if (!colon)
		return DOMAIN_KEYWORD;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		if (prefixes[i].len == len && !memcmp(prefixes[i].text, item.p, len)) {
			*ret_value = str_skip(item, len);
			return prefixes[i].kind;
		}
	}
	return DOMAIN_STRANGE;
}

/* --- prefixes ----------------------------------------------------------------------------------------------------- */

static const char *prefix_meant(struct str wrong)
{
	static const char *const names[] = { "domain", "full", "geosite", "regexp", "keyword", "dotless", "ext" };
	const char *near;

	for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++)
		if (str_is_nocase(wrong, aliases[i].wrong))
			return aliases[i].right;
	near = str_nearest(wrong, names, sizeof(names) / sizeof(*names));
	for (size_t i = 0; near && i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (!strncmp(prefixes[i].text, near, prefixes[i].len - 1u))
			return prefixes[i].text;
	return NULL;
}

static void check_strange(struct facts *f, const struct xpart *item, const char *where)
{
	struct str rest = item->s, wrong = str_cut(&rest, ':');
	const char *meant;
	struct diag *d;

	if (str_is_nocase(wrong, "geoip") || ip_is_literal(item->s)) {
		d = diag_add(f->sink, DIAG_XR541, item->at, "'%s' stands for addresses, and '%s' matches names alone",
			     facts_shown(f, item->s), where);
		diag_help(f->sink, d, "move it to 'ip'");
		return;
	}
	meant = prefix_meant(wrong);
	d = diag_add(f->sink, DIAG_XR541, item->at,
		     "'%s:' is not a prefix: the text is looked for as it stands and never found",
		     facts_shown(f, wrong));
	if (meant)
		diag_help(f->sink, d, "did you mean '%s'?", meant);
	else
		diag_help(f->sink, d,
			  "the prefixes are domain:, full:, keyword:, regexp:, dotless:, geosite: and ext:");
}

/* --- texts that match nothing ------------------------------------------------------------------------------------- */

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool has_upper(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (is_upper(s.p[i]))
			return true;
	return false;
}

/* The first byte that no host name holds, or 0. */
static char foreign_byte(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' ? s.p[i] >= 0 : s.p[i] == '/' || s.p[i] == '*' || s.p[i] == '\\' || s.p[i] == '"')
			return s.p[i];
	return 0;
}

static void check_name(struct facts *f, const struct xpart *item, struct str value, const char *where)
{
	char bad = foreign_byte(value);
	struct diag *d;

	if (bad) {
		d = diag_add(f->sink, DIAG_XR542, item->at, "'%s' never matches: no host name holds %s",
			     facts_shown(f, item->s), bad == ' ' ? "a space" : bad < ' ' ? "a control character" :
			     arena_printf(f->a, "'%c'", bad));
		if (bad == '*')
			diag_help(f->sink, d, "domain:example.com covers the name and everything below it");
		else if (bad == '/')
			diag_help(f->sink, d, "write the host name alone; networks belong to 'ip'");
	} else if (value.len && value.p[value.len - 1] <= '9' && ip_is_literal(value)) { /* cheap test first */
		d = diag_add(f->sink, DIAG_XR542, item->at, "'%s' is an address, and '%s' matches names alone",
			     facts_shown(f, item->s), where);
		diag_help(f->sink, d, "move it to 'ip'");
	} else if (!target_has(f->x->target, CAP_XRAY_VALUES) && has_upper(value)) {
		d = diag_add(f->sink, DIAG_XR540, item->at, "'%s' never matches: %s compares with lower-case names",
			     facts_shown(f, item->s), f->x->target->name);
		diag_help(f->sink, d, "write it in lower case");
	}
}

/* Behind a literal: a repetition that may be none at all. */
static bool is_optional(struct str s, size_t at)
{
	return at < s.len && (s.p[at] == '?' || s.p[at] == '*' || s.p[at] == '{');
}

/* Skips what stands in brackets or behind a backslash at i; returns where it ends. */
static size_t skip_class(struct str s, size_t i)
{
	i++;
	if (i < s.len && s.p[i] == '^')
		i++;
	if (i < s.len && s.p[i] == ']')
		i++;
	while (i < s.len && s.p[i] != ']')
		i += s.p[i] == '\\' ? 2 : 1;
	return i + 1;
}

/* Whether every text that the pattern matches holds an upper-case letter: one stands outside groups, classes and
 * escapes, is not optional, and nothing offers another way or folds case. Says no when unsure. */
static bool needs_upper(struct str s)
{
	bool found = false;
	int depth = 0;

	for (size_t i = 0; i < s.len;) {
		char c = s.p[i];
		if (c == '\\') {
			if (i + 1 < s.len &&
			    (s.p[i + 1] == 'Q' || s.p[i + 1] == 'p' || s.p[i + 1] == 'P' || s.p[i + 1] == 'x'))
				return false;
			i += 2;
			continue;
		}
		if (c == '[') {
			i = skip_class(s, i);
			continue;
		}
		if (c == '(' && i + 1 < s.len && s.p[i + 1] == '?')
			return false;
		if (c == '|' && !depth)
			return false;
		depth += c == '(' ? 1 : c == ')' ? -1 : 0;
		i++;
		if (is_upper(c) && !depth && !is_optional(s, i))
			found = true;
	}
	return found;
}

static void check_regexp(struct facts *f, const struct xpart *item, struct str pattern)
{
	const char *why = NULL;
	struct diag *d;

	if (!regex_compiles(f->a, pattern, &why)) {
		diag_add(f->sink, DIAG_XR538, item->at, "the regular expression does not compile: %s", why);
		return;
	}
	if (!needs_upper(pattern))
		return;
	d = diag_add(f->sink, DIAG_XR540, item->at, "'%s' never matches: names are compared in lower case",
		     facts_shown(f, item->s));
	diag_help(f->sink, d, "write it in lower case, or begin it with (?i)");
}

/* Whether the text has a meaning in the pattern that it becomes a part of: reported, and that it does not compile. */
static bool check_dotless_pattern(struct facts *f, const struct xpart *item, struct str text)
{
	const char *pattern, *why = NULL;
	struct diag *d;
	size_t i = 0;

	while (i < text.len && !memchr("\\^$*+?()[]{}|", text.p[i], 13))
		i++;
	if (i == text.len)
		return false;
	pattern = arena_printf(f->a, "^[^.]*%.*s[^.]*$", (int)text.len, text.p);
	if (!regex_compiles(f->a, str_of(pattern), &why)) {
		d = diag_add(f->sink, DIAG_XR538, item->at,
			     "dotless: puts '%s' into a regular expression, and that does not compile: %s",
			     facts_shown(f, text), why);
	} else {
		d = diag_add(f->sink, DIAG_XR545, item->at,
			     "dotless: puts '%s' into a regular expression as it stands, and '%c' means something "
			     "there",
			     facts_shown(f, text), text.p[i]);
	}
	diag_help(f->sink, d, "write letters, digits and '-' alone, or use regexp:");
	return true;
}

static void check_dotless(struct facts *f, const struct xpart *item, struct str text)
{
	struct diag *d;

	if (text.len && memchr(text.p, '.', text.len)) {
		d = diag_add(f->sink, DIAG_XR544, item->at, "dotless: matches names without a dot, and '%s' has one",
			     facts_shown(f, text));
		diag_help(f->sink, d, "use keyword: or domain:");
		return;
	}
	if (check_dotless_pattern(f, item, text))
		return;
	if (has_upper(text))
		diag_add(f->sink, DIAG_XR540, item->at, "'%s' never matches: names are compared in lower case",
			 facts_shown(f, item->s));
}

/* CODE[@attr...] behind geosite:, FILE:CODE[@attr...] behind ext:. */
static void check_list_name(struct facts *f, const struct xpart *item, struct str value, bool with_file)
{
	struct str rest = value, file = with_file ? str_cut(&rest, ':') : str_of("geosite.dat"), code;
	const char *what = NULL;

	code = rest;
	if (code.len)
		code = str_cut(&(struct str){ rest.p, rest.len }, '@');
	if (with_file && !rest.p)
		what = "a file and a list are wanted, FILE:LIST";
	else if (!file.len)
		what = "the file name is empty";
	else if (!code.len)
		what = "the name of the list is empty";
	else if (rest.p[rest.len - 1] == '@' || memmem(rest.p, rest.len, "@@", 2))
		what = "an attribute is empty";
	if (what)
		diag_add(f->sink, DIAG_XR543, item->at, "'%s' names no list: %s", facts_shown(f, item->s), what);
}

void domain_check_item(struct facts *f, const struct xpart *item, const char *where)
{
	struct str value;

	switch (domain_split(item->s, &value)) {
	case DOMAIN_KEYWORD:
	case DOMAIN_SUFFIX:
	case DOMAIN_FULL:
		check_name(f, item, value, where);
		break;
	case DOMAIN_REGEXP:
		check_regexp(f, item, value);
		break;
	case DOMAIN_DOTLESS:
		check_dotless(f, item, value);
		break;
	case DOMAIN_GEOSITE:
		check_list_name(f, item, value, false);
		break;
	case DOMAIN_EXT:
		check_list_name(f, item, value, true);
		break;
	case DOMAIN_STRANGE:
		check_strange(f, item, where);
		break;
	}
}

void domain_check_list(struct facts *f, const struct value *list, const char *where)
{
	struct xparts it = xparts_of(list);
	struct xpart item;

	while (xparts_next(&it, &item))
		domain_check_item(f, &item, where);
}
