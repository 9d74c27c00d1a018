/* Secrets out of what people see. Which keys are secret is decided by the key table alone. */
#include "render/render_impl.h"

static struct value redacted(const struct value *v)
{
	return value_string("<redacted>", v->span);
}

/* Below a secret key every text and number is secret; an empty text hides nothing and stays. */
static bool is_masked(const struct value *v)
{
	return (v->kind == VAL_STRING || v->kind == VAL_NUMBER || v->kind == VAL_DATETIME) && v->len;
}

const char *key_text(struct arena *a, const struct member *m)
{
	return arena_memdup(a, m->key, m->key_len);
}

static struct value walk(struct arena *a, struct keypath *at, const struct value *v, bool secret);

static struct value walk_object(struct arena *a, struct keypath *at, const struct value *v, bool secret)
{
	struct value copy = *v;

	copy.members = arena_array(a, struct member, v->n_members);
	copy.cap_members = v->n_members;
	for (uint32_t i = 0; i < v->n_members; i++) {
		const struct member *m = &v->members[i];

		copy.members[i] = *m;
		keypath_push(at, key_text(a, m));
		copy.members[i].value =
			walk(a, at, &m->value, secret || at->n > PATH_MAX_KEYS || xkeys_is_secret(at->keys, at->n));
		keypath_pop(at);
	}
	return copy;
}

static struct value walk_array(struct arena *a, struct keypath *at, const struct value *v, bool secret)
{
	struct value copy = *v;

	copy.items = arena_array(a, struct value, v->n);
	copy.cap = v->n;
	for (uint32_t i = 0; i < v->n; i++)
		copy.items[i] = walk(a, at, &v->items[i], secret);
	return copy;
}

static struct value walk(struct arena *a, struct keypath *at, const struct value *v, bool secret)
{
	if (v->kind == VAL_OBJECT)
		return walk_object(a, at, v, secret);
	if (v->kind == VAL_ARRAY)
		return walk_array(a, at, v, secret);
	return secret && is_masked(v) ? redacted(v) : *v;
}

struct value redact_value(struct arena *a, struct keypath *at, const struct value *v)
{
	bool secret = false;
	struct keypath prefix = *at;

	for (prefix.n = 1; prefix.n <= at->n && prefix.n <= PATH_MAX_KEYS && !secret; prefix.n++)
		secret = xkeys_is_secret(prefix.keys, prefix.n);
	return walk(a, at, v, secret);
}

struct keypath list_path(enum list_kind k)
{
	struct keypath p = { { NULL }, 0 };

	for (size_t i = 0; i < list_infos[k].n_path; i++)
		keypath_push(&p, list_infos[k].path[i]);
	return p;
}

static void redact_list(struct arena *a, enum list_kind k, struct xconf *x)
{
	struct xlist *list = (struct xlist *)((char *)x + list_infos[k].offset);
	struct keypath at = list_path(k);
	struct xitem *copy = arena_array(a, struct xitem, list->n);

	for (uint32_t i = 0; i < list->n; i++) {
		copy[i] = list->v[i];
		copy[i].v = redact_value(a, &at, &list->v[i].v);
	}
	list->v = copy;
}

static void redact_at(struct arena *a, const char *key, struct value *v)
{
	struct keypath at = { { key }, key ? 1 : 0 };

	*v = redact_value(a, &at, v);
}

struct xconf redact_xconf(struct arena *a, const struct xconf *x)
{
	struct xconf copy = *x;

	for (enum list_kind k = 0; k < LIST__N; k++)
		redact_list(a, k, &copy);
	for (enum xsection s = 0; s < XS__N; s++)
		redact_at(a, xsection_names[s], &copy.section[s]);
	redact_at(a, "routing", &copy.routing);
	redact_at(a, NULL, &copy.rest);
	return copy;
}
