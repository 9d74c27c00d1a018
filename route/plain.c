/* Conditions of names, users, words and ports, tested one item at a time. */
#include "route/plain.h"

#include <string.h>

/* Compiles, asks and frees: nothing is kept. */
static bool pattern_matches(struct plain *p, struct str pattern, struct str text)
{
	const char *why;
	struct regex *re;
	bool matches;

	if (regex_new(p->a, pattern, &re, &why))
		return false;
	matches = regex_match(re, text);
	regex_free(re);
	return matches;
}

static bool ends_with(struct str s, struct str end)
{
	return s.len >= end.len && !memcmp(s.p + s.len - end.len, end.len ? end.p : "", end.len);
}

/* Xray looks up the name and each of its endings that begins with a dot among the texts of full: and domain:. */
static bool text_matches(struct str name, struct str text)
{
	if (!text.len)
		return false;
	return str_eq(name, text) || (text.p[0] == '.' && ends_with(name, text));
}

static bool domain_matches(struct plain *p, struct str name, struct str text)
{
	char *below = arena_printf(p->a, ".%.*s", (int)text.len, text.len ? text.p : "");

	return text_matches(name, text) || text_matches(name, (struct str){ below, text.len + 1 });
}

static bool contains(struct str name, struct str text)
{
	return !text.len || memmem(name.p, name.len, text.p, text.len);
}

static struct str folded(struct plain *p, struct str s)
{
	return (struct str){ str_lower(p->a, s), s.len };
}

static bool list_matches(struct plain *p, struct str name, const struct domain_item *d)
{
	struct route_dat *dat = p->assets->get ?
		p->assets->get(p->assets->ctx, arena_memdup(p->a, d->file.p, d->file.len)) : NULL;
	struct dat_walk w;
	struct dat_name n;

	if (!dat || dat_find(dat, d->code, d->attrs, &w))
		return false;
	while (dat_next_name(&w, &n) > 0) {
		bool matches = n.type == DAT_KEYWORD ? contains(name, folded(p, n.value)) :
			n.type == DAT_REGEXP ? pattern_matches(p, n.value, name) :
			n.type == DAT_DOMAIN ? domain_matches(p, name, folded(p, n.value)) :
			n.type == DAT_FULL && text_matches(name, folded(p, n.value));
		if (matches)
			return true;
	}
	return false;
}

/* Xray makes a pattern of it. Go's patterns take bytes that are no UTF-8, RE2's do not, so plain text is looked for as it
 * stands. */
static bool dotless_matches(struct plain *p, struct str name, struct str text)
{
	size_t plain = 0;

	while (plain < text.len && (memchr("-_", text.p[plain], 2) || (text.p[plain] >= '0' && text.p[plain] <= '9') ||
				    (text.p[plain] >= 'a' && text.p[plain] <= 'z')))
		plain++;
	if (plain == text.len)
		return !memchr(name.p, '.', name.len) && contains(name, text);
	if (memchr(text.p, '.', text.len))
		return false;
	return pattern_matches(p, str_of(arena_printf(p->a, "^[^.]*%.*s[^.]*$", (int)text.len, text.len ? text.p : "")),
			       name);
}

static bool item_matches(struct plain *p, struct str name, struct str item)
{
	struct domain_item d;

	items_domain(item, &d);
	switch (d.kind) {
	case DK_KEYWORD:
		return contains(name, folded(p, d.text));
	case DK_DOMAIN:
		return domain_matches(p, name, folded(p, d.text));
	case DK_FULL:
		return text_matches(name, folded(p, d.text));
	case DK_REGEXP:
		return pattern_matches(p, d.text, name);
	case DK_DOTLESS:
		return dotless_matches(p, name, d.text);
	case DK_LIST:
		return list_matches(p, name, &d);
	}
	return false;
}

bool plain_domain(struct plain *p, const struct value *list)
{
	struct str name = folded(p, p->f->domain);
	struct xparts it = xparts_of(list);
	struct xpart item;

	while (name.len && xparts_next(&it, &item))
		if (item_matches(p, name, item.s))
			return true;
	return false;
}

/* --- words -------------------------------------------------------------------------------------------------------- */

bool plain_word(const struct value *list, struct str word)
{
	struct xparts it = xparts_of(list);
	struct xpart item;

	while (xparts_next(&it, &item))
		if (item.s.len && str_eq(item.s, word))
			return true;
	return false;
}

bool plain_prefix(const struct value *list, struct str word)
{
	struct xparts it = xparts_of(list);
	struct xpart item;

	while (xparts_next(&it, &item))
		if (item.s.len && item.s.len <= word.len && !memcmp(item.s.p, word.p, item.s.len))
			return true;
	return false;
}

bool plain_user(struct plain *p, const struct value *list)
{
	struct xparts it = xparts_of(list);
	struct xpart item;

	while (p->f->user.len && xparts_next(&it, &item)) {
		bool is_pattern = str_starts(item.s, "regexp:") && item.s.len > 7;
		if (is_pattern ? pattern_matches(p, str_skip(item.s, 7), p->f->user) : str_eq(item.s, p->f->user))
			return true;
	}
	return false;
}

struct str plain_attrs(struct plain *p, const struct value *attrs)
{
	for (uint32_t i = 0; i < attrs->n_members; i++) {
		const struct member *m = &attrs->members[i];
		bool holds = false;

		for (uint32_t k = p->f->n_attrs; k > 0; k--) {
			if (!str_eq_nocase(p->f->attrs[k - 1].name, member_key(m)))
				continue;
			holds = m->value.kind == VAL_STRING &&
				pattern_matches(p, value_str(&m->value), p->f->attrs[k - 1].value);
			break;
		}
		if (!holds)
			return member_key(m);
	}
	return (struct str){ NULL, 0 };
}

static bool process_matches(struct str want, struct str process)
{
	const char *slash = memrchr(process.p, '/', process.len);
	struct str name = slash ? str_skip(process, (size_t)(slash + 1 - process.p)) : process;

	if (want.len && want.p[want.len - 1] == '/')
		return process.len >= want.len && !memcmp(process.p, want.p, want.len);
	if (want.len && memchr(want.p, '/', want.len))
		return str_eq(want, process);
	if (want.len >= 4 && ends_with(want, STR(".exe")))
		want.len -= 4;
	return want.len && str_eq(want, name);
}

bool plain_process(const struct value *list, struct str process)
{
	struct xparts it = xparts_of(list);
	struct xpart item;

	while (process.len && xparts_next(&it, &item))
		if (process_matches(item.s, process))
			return true;
	return false;
}

bool plain_os(const struct value *list)
{
	struct xparts it = xparts_of(list);
	struct xpart item;

	while (xparts_next(&it, &item))
		if (str_is_nocase(item.s, "linux"))
			return true;
	return false;
}

bool plain_network(const struct value *list, enum route_network network)
{
	struct xparts it = xparts_of(list);
	struct xpart item;

	while (xparts_next(&it, &item))
		if (str_is_nocase(item.s, network == ROUTE_TCP ? "tcp" : "udp"))
			return true;
	return false;
}

bool plain_port(const struct value *list, uint16_t port)
{
	struct xports p = xports_of(list);
	struct port_range r;

	while (items_ports_next(&p, NULL, &r))
		if (r.lo <= port && port <= r.hi)
			return true;
	return false;
}
