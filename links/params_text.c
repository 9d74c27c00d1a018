/* Parameters of a node as text: the other direction of params.c. */
#include "links/params.h"

#include <string.h>

/* The buffer is gone before memory can run out in the arena. */
struct str param_compact(struct arena *a, const struct value *v)
{
	struct buf b = { 0 };
	char *copy;

	json_write_compact(&b, v);
	copy = b.failed ? NULL : arena_try_alloc(a, b.len + 1);
	if (copy && b.len)
		memcpy(copy, b.p, b.len);
	struct str s = { copy, b.len };
	buf_fini(&b);
	if (!copy)
		arena_fail(a);
	return s;
}

static bool extra_text(struct arena *a, const struct value *v, const char **ret_text)
{
	bool plain = v->kind == VAL_STRING || v->kind == VAL_NUMBER;

	*ret_text = plain ? arena_memdup(a, v->text, v->len) : param_compact(a, v).p;
	return true;
}

static bool alpn_text(struct arena *a, const struct texts *list, const char **ret_text)
{
	const char *joined = "";

	for (uint32_t i = 0; i < list->n; i++)
		joined = arena_printf(a, "%s%s%s", joined, i ? "," : "", list->v[i].s);
	*ret_text = joined;
	return list->set && list->n;
}

static bool text_text(const struct text *t, const char **ret_text)
{
	*ret_text = t->s;
	return t->set && t->s && *t->s;
}

static bool num_text(struct arena *a, const struct num *num, const char *const *names, const char **ret_text)
{
	if (!num->set)
		return false;
	*ret_text = names ? names[num->v] : arena_printf(a, "%lld", (long long)num->v);
	return true;
}

bool param_text(struct arena *a, const struct param *p, const struct node *n, const char **ret_text)
{
	const void *field = (const char *)n + p->offset;
	const struct value *extra = n->extra.set ? value_get(&n->extra.v, p->name) : NULL;

	switch (p->kind) {
	case PARAM_TEXT:
		return text_text(field, ret_text);
	case PARAM_TRANSPORT:
		return num_text(a, field, node_transport_names, ret_text);
	case PARAM_SECURITY:
		return num_text(a, field, node_security_names, ret_text);
	case PARAM_INT:
		return num_text(a, field, NULL, ret_text);
	case PARAM_FLAG:
		*ret_text = ((const struct flag *)field)->v ? "1" : "0";
		return ((const struct flag *)field)->set;
	case PARAM_ALPN:
		return alpn_text(a, field, ret_text);
	case PARAM_HEADERS:
		return n->headers.set && extra_text(a, &n->headers.v, ret_text);
	case PARAM_FIXED:
		return false;
	case PARAM_EXTRA:
	case PARAM_EXTRA_INT:
	case PARAM_EXTRA_JSON:
		return extra && extra_text(a, extra, ret_text);
	}
	return false;
}

bool extra_is_free(const struct node *n, const struct member *m)
{
	const struct param *p = param_find((unsigned)n->protocol.v, member_key(m));

	return !p || p->kind < PARAM_EXTRA;
}
