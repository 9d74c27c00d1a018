/* Looking up rows: keys, names, variants, the nearest known key. */
#include <string.h>

#include "model/xkeys.h"

const struct xkey *xkey_find_nocase(const struct xtable *t, struct str name)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_is_nocase(name, t->keys[i].name))
			return &t->keys[i];
	return NULL;
}

const char *xkey_nearest(struct arena *a, const struct xtable *t, struct str name)
{
	const char **names = arena_array(a, const char *, t->n + 1);
	size_t n = 0;
	/* a row that nobody knows is there for its advice, not to be suggested */
	for (size_t i = 0; i < t->n; i++)
		if (t->keys[i].lacks != TARGET_BITS_ALL)
			names[n++] = t->keys[i].name;
	return str_nearest(name, names, n);
}

const struct xname *xname_find(const struct xnames *names, struct str value)
{
	for (size_t i = 0; i < names->n; i++) {
		const char *name = names->v[i].name;
		if (names->exact ? str_is(value, name) : str_is_nocase(value, name))
			return &names->v[i];
	}
	return NULL;
}

const char *xnames_list(struct arena *a, const struct xnames *names, const struct target *t)
{
	const char *list = "";
	for (size_t i = 0; i < names->n; i++) {
		const struct xname *v = &names->v[i];
		if (v->hidden || (t && v->lacks & t->bit) || !*v->name)
			continue;
		list = arena_printf(a, "%s%s'%s'", list, *list ? ", " : "", v->name);
	}
	return list;
}

const struct xtable *xvariant_find(const struct xvariants *v, struct str name)
{
	for (size_t i = 0; i < v->n; i++)
		if (str_is_nocase(name, v->v[i].name))
			return v->v[i].table;
	return v->other;
}
