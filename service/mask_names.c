/* Which names are public: those that a field table or a key table knows and none of them calls secret. */
#include <string.h>

#include "service/mask_impl.h"

enum { TABLES_MAX = 256 };
struct visit {
	struct mask *m;
	const void *seen[TABLES_MAX];
	size_t n;
};

static bool first_visit(struct visit *v, const void *table)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->seen[i] == table)
			return false;
	if (!table || v->n == TABLES_MAX)
		return false;
	v->seen[v->n++] = table;
	return true;
}

static void note(struct mask *m, struct str name, unsigned flag)
{
	unsigned *flags = map_get(m->names, name);

	if (!name.len)
		return;
	if (!flags)
		flags = map_put(m->names, name, arena_new_of(m->a, unsigned));
	*flags |= flag;
	if (flag == MASK_NAME_PUBLIC)
		map_put(m->words, name, m);
}

static void note_word(struct mask *m, const char *word)
{
	if (word && *word)
		map_put(m->words, str_of(word), m);
}

/* --- TOML --------------------------------------------------------------------------------------------------------- */
static void visit_fields(struct visit *v, const struct table *t);

static void visit_field(struct visit *v, const struct field *f)
{
	/* Of an unused key without a type nobody knows what it holds. */
	bool known = f->type != F_ANY, secret = f->type == F_SECRET || f->flags & FIELD_SECRET;
	unsigned flag = secret ? MASK_NAME_SECRET : known ? MASK_NAME_PUBLIC : 0;

	note(v->m, str_of(f->name), flag);
	note(v->m, str_of(f->alias), flag);
	for (const char *const *name = f->names; name && *name; name++) {
		struct str word = field_name_spelling(*name);

		if (word.len)
			map_put(v->m->words, word, v->m);
	}
	if (f->type == F_TABLE || f->type == F_TABLES || f->type == F_MAP)
		visit_fields(v, f->sub);
}

static void visit_fields(struct visit *v, const struct table *t)
{
	if (!first_visit(v, t))
		return;
	for (size_t i = 0; i < t->n; i++)
		visit_field(v, &t->fields[i]);
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */
static void visit_keys(struct visit *v, const struct xtable *t);

static void visit_names(struct visit *v, const struct xnames *names)
{
	for (size_t i = 0; names && i < names->n; i++)
		note_word(v->m, names->v[i].name);
}

static void visit_variants(struct visit *v, const struct xvariants *all)
{
	for (size_t i = 0; i < all->n; i++) {
		note_word(v->m, all->v[i].name);
		visit_keys(v, all->v[i].table);
	}
	visit_keys(v, all->other);
}

static void visit_key(struct visit *v, const struct xkey *k)
{
	note(v->m, (struct str){ k->name, k->len }, k->flags & XK_SECRET ? MASK_NAME_SECRET : MASK_NAME_PUBLIC);
	switch ((enum xtype)k->type) {
	case XT_ENUM:
	case XT_ENUMS:
	case XT_ENUMLIST:
		visit_names(v, k->names);
		break;
	case XT_OBJ:
	case XT_OBJS:
	case XT_OBJ_OR_OBJS:
	case XT_STR_OR_OBJS:
	case XT_OBJ_LISTS:
	case XT_MAP_LEVELS:
		visit_keys(v, k->sub);
		break;
	case XT_VARIANT:
		visit_variants(v, k->variants);
		break;
	default:
		break;
	}
}

static void visit_keys(struct visit *v, const struct xtable *t)
{
	if (!first_visit(v, t))
		return;
	for (size_t i = 0; i < t->n; i++)
		visit_key(v, &t->keys[i]);
}

/* --- all ---------------------------------------------------------------------------------------------------------- */
/* Spelt otherwise in the key tables, where it is secret. */
static const char *const more_secret[] = { "short_id", "short_ids", "sid", "shortId", "shortIds" };
static const char *const more_words[] = { "client", "server", "warning", "notice" };

void mask_names_init(struct mask *m)
{
	struct visit v = { .m = m };

	m->names = map_new(m->a, 1024);
	m->words = map_new(m->a, 1024);
	visit_fields(&v, &table_client_file);
	visit_fields(&v, &table_server_file);
	visit_fields(&v, &table_config_file);
	visit_keys(&v, &xt_root);
	for (size_t i = 0; i < sizeof(more_secret) / sizeof(*more_secret); i++)
		note(m, str_of(more_secret[i]), MASK_NAME_SECRET);
	for (size_t i = 0; i < sizeof(more_words) / sizeof(*more_words); i++)
		note_word(m, more_words[i]);
	for (size_t i = 0; i < targets_n; i++)
		note_word(m, targets[i].name);
}

bool mask_name_elsewhere(struct str key)
{
	for (size_t i = 0; i < sizeof(more_secret) / sizeof(*more_secret); i++)
		if (str_is(key, more_secret[i]))
			return true;
	return false;
}

bool mask_name_is_public(const struct mask *m, struct str key)
{
	const unsigned *flags = map_get(m->names, key);

	return flags && *flags == MASK_NAME_PUBLIC;
}

bool mask_name_sounds(struct str key)
{
	static const char *const parts[] = { "passw", "passphrase", "secret", "token", "credential", "cookie",
					     "authorization", "apikey", "api_key", "api-key", "privatekey",
					     "private_key", "private-key", "presharedkey", "psk" };
	static const char *const whole[] = { "pass", "pwd", "auth", "uuid", "seed", "sig", "signature" };

	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
		if (str_is_nocase(key, whole[i]))
			return true;
	for (; key.len; key = str_skip(key, 1))
		for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
			if (str_starts_nocase(key, parts[i]))
				return true;
	return false;
}

bool mask_name_header(struct str key)
{
	static const char *const names[] = { "host", "user-agent", "accept", "accept-encoding", "accept-language",
					     "connection", "pragma", "cache-control", "content-type", "origin",
					     "transfer-encoding", "upgrade" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_is_nocase(key, names[i]))
			return true;
	return false;
}
