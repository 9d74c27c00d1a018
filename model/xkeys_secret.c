/* Which values of a configuration are secrets: by the rows where a row knows the key, else by what its name sounds
 * like. */
#include <string.h>

#include "model/xkeys.h"

enum { CANDIDATES_MAX = 48 };
/* The tables a path may have reached: a variant leads to several. */
struct candidates {
	const struct xtable *v[CANDIDATES_MAX];
	size_t n;
	bool public; /* below a map whose values are no secrets */
};

static bool sounds_secret(struct str name)
{
	static const char *const parts[] = { "pass", "secret", "token", "credential", "key",
					     "auth", "cookie", "psk",   "uuid" };
	static const char *const whole[] = { "id", "seed", "pwd" };
	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
		if (str_is_nocase(name, whole[i]))
			return true;
	for (; name.len; name = str_skip(name, 1))
		for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
			if (str_starts_nocase(name, parts[i]))
				return true;
	return false;
}

static void add(struct candidates *c, const struct xtable *t)
{
	if (t && c->n < CANDIDATES_MAX)
		c->v[c->n++] = t;
}

static bool has_sub(const struct xkey *k)
{
	switch ((enum xtype)k->type) {
	case XT_OBJ:
	case XT_OBJS:
	case XT_OBJ_OR_OBJS:
	case XT_STR_OR_OBJS:
	case XT_OBJ_LISTS:
		return true;
	default:
		return false;
	}
}

static void step(const struct candidates *from, struct str name, struct candidates *ret_to)
{
	*ret_to = (struct candidates){ .public = from->public };
	for (size_t i = 0; i < from->n; i++) {
		const struct xkey *k = xkey_find_nocase(from->v[i], name);
		if (!k)
			continue;
		ret_to->public |= k->flags & XK_PUBLIC;
		if (has_sub(k))
			add(ret_to, k->sub);
		for (size_t j = 0; k->type == XT_VARIANT && j < k->variants->n; j++)
			add(ret_to, k->variants->v[j].table);
	}
}

bool xkeys_is_secret(const char *const *path, size_t n)
{
	struct candidates at = { .v = { &xt_root }, .n = 1 }, next;
	bool known = false;
	if (!n)
		return false;
	for (size_t i = 0; i + 1 < n; i++) {
		step(&at, str_of(path[i]), &next);
		if (!next.n && !next.public && at.n && !xkey_find_nocase(at.v[0], str_of(path[i])) &&
		    sounds_secret(str_of(path[i])))
			return true;
		at = next;
	}
	for (size_t i = 0; i < at.n; i++) {
		const struct xkey *k = xkey_find_nocase(at.v[i], str_of(path[n - 1]));
		if (k && k->flags & XK_SECRET)
			return true;
		known |= k != NULL;
	}
	return !known && !at.public && sounds_secret(str_of(path[n - 1]));
}

static bool is_public_map(const struct candidates *at, struct str name)
{
	for (size_t i = 0; i < at->n; i++) {
		const struct xkey *k = xkey_find_nocase(at->v[i], name);
		if (k && (k->type == XT_MAP_HOSTS || k->type == XT_MAP_LEVELS))
			return true;
	}
	return false;
}

enum xkey_class xkeys_class(const char *const *path, size_t n)
{
	struct candidates at = { .v = { &xt_root }, .n = 1 }, next;
	enum xkey_class class = XKEY_UNKNOWN;
	for (size_t i = 0; i + 1 < n; i++) {
		if (is_public_map(&at, str_of(path[i])))
			return XKEY_PUBLIC;
		step(&at, str_of(path[i]), &next);
		at = next;
	}
	for (size_t i = 0; n && i < at.n; i++) {
		const struct xkey *k = xkey_find_nocase(at.v[i], str_of(path[n - 1]));
		if (k && k->flags & XK_SECRET)
			return XKEY_SECRET;
		if (k)
			class = XKEY_PUBLIC;
	}
	return at.public ? XKEY_PUBLIC : class;
}
