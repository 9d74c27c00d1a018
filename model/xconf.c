/* An Xray configuration in parts: splitting one complete document, and putting the parts together again in the fixed
 * order. */
#include "model/xconf.h"

const char *const rule_slot_names[] = { "bypass", "system", "after-xp2p-system", "managed", "after-xp2p-managed",
	"full-tunnel", NULL };
const char *const xsection_names[] = { "log", "api", "stats", "policy", "dns", "fakedns", "reverse", "observatory",
	"burstObservatory", NULL };

/* One element of an array, e.g. of outbounds. */
struct xitem *xlist_add(struct arena *a, struct xlist *l, struct value v, const char *owner)
{
	if (l->n == l->cap)
		l->v = arena_grow(a, l->v, l->n, sizeof(*l->v), &l->cap);
	struct xitem *i = &l->v[l->n++];
	*i = (struct xitem){ .v = v, .owner = owner };
	return i;
}

static void put_member(struct arena *a, struct value *object, const struct member *m)
{
	value_put(a, object, "", m->value); /* the key is a slice: it need not end in NUL */
	struct member *last = &object->members[object->n_members - 1];
	last->key = m->key;
	last->key_len = m->key_len;
	last->key_span = m->key_span;
}

static void list_from(struct arena *a, struct xlist *l, const struct value *array)
{
	l->n = 0; /* Xray takes the last of duplicate keys */
	if (array->n > l->cap) {
		l->v = arena_array(a, struct xitem, array->n);
		l->cap = array->n;
	}
	for (uint32_t i = 0; i < array->n; i++)
		xlist_add(a, l, array->items[i], NULL)->slot = SLOT_AFTER_MANAGED;
}

/* A key whose value is an array of items goes into a list of its own. */
struct list_key {
	const char *name;
	size_t offset;
};
static const struct list_key root_lists[] = {
	{ "inbounds", offsetof(struct xconf, inbounds) },
	{ "outbounds", offsetof(struct xconf, outbounds) },
};
static const struct list_key routing_lists[] = {
	{ "rules", offsetof(struct xconf, rules) },
	{ "balancers", offsetof(struct xconf, balancers) },
};
enum { LISTS__N = 2 };

static bool take_list(struct arena *a, struct xconf *x, const struct list_key *keys, const struct member *m)
{
	if (m->value.kind != VAL_ARRAY)
		return false;
	for (size_t i = 0; i < LISTS__N; i++) {
		if (str_is_nocase(member_key(m), keys[i].name)) {
			list_from(a, (struct xlist *)((char *)x + keys[i].offset), &m->value);
			return true;
		}
	}
	return false;
}

static bool take_section(struct xconf *x, const struct member *m)
{
	/* fakedns may be one pool or a list of pools */
	for (unsigned s = 0; s < XS__N; s++) {
		if (!str_is_nocase(member_key(m), xsection_names[s]))
			continue;
		if (m->value.kind != VAL_OBJECT && !(s == XS_FAKEDNS && m->value.kind == VAL_ARRAY))
			return false;
		x->section[s] = m->value;
		return true;
	}
	return false;
}

static bool take_routing(struct arena *a, struct xconf *x, const struct member *m)
{
	if (m->value.kind != VAL_OBJECT || !str_is_nocase(member_key(m), "routing"))
		return false;
	x->routing = value_object(m->value.span);
	for (uint32_t i = 0; i < m->value.n_members; i++) {
		if (!take_list(a, x, routing_lists, &m->value.members[i]))
			put_member(a, &x->routing, &m->value.members[i]);
	}
	return true;
}

void xconf_from_value(struct arena *a, const struct value *root, const struct target *t, struct xconf *ret_x)
{
	*ret_x = (struct xconf){ .target = t, .raw = true, .at = root->span, .root = root };
	if (root->kind != VAL_OBJECT)
		return;
	for (uint32_t i = 0; i < root->n_members; i++) {
		const struct member *m = &root->members[i];
		if (take_list(a, ret_x, root_lists, m) || take_routing(a, ret_x, m) || take_section(ret_x, m))
			continue;
		if (ret_x->rest.kind == VAL_NONE)
			ret_x->rest = value_object(root->span);
		put_member(a, &ret_x->rest, m);
	}
}

static void put_section(struct arena *a, struct value *out, const struct xconf *x, enum xsection s)
{
	if (x->section[s].kind != VAL_NONE)
		value_put(a, out, xsection_names[s], x->section[s]);
}

static void put_list(struct arena *a, struct value *out, const char *key, const struct xlist *l, struct span at)
{
	if (!l->n)
		return;
	struct value array = value_array(at);
	array.items = arena_array(a, struct value, l->n);
	array.n = array.cap = l->n;
	for (uint32_t i = 0; i < l->n; i++)
		array.items[i] = l->v[i].v;
	value_put(a, out, key, array);
}

static void put_routing(struct arena *a, struct value *out, const struct xconf *x)
{
	if (x->routing.kind == VAL_NONE && !x->rules.n && !x->balancers.n)
		return;
	struct span at = x->routing.kind == VAL_NONE ? x->at : x->routing.span;
	struct value routing = value_object(at);
	for (uint32_t i = 0; x->routing.kind == VAL_OBJECT && i < x->routing.n_members; i++)
		put_member(a, &routing, &x->routing.members[i]);
	put_list(a, &routing, "rules", &x->rules, at);
	put_list(a, &routing, "balancers", &x->balancers, at);
	value_put(a, out, "routing", routing);
}

struct value xconf_to_value(struct arena *a, const struct xconf *x)
{
	struct value out = value_object(x->at);
	for (unsigned s = XS_LOG; s <= XS_REVERSE; s++)
		put_section(a, &out, x, s);
	put_routing(a, &out, x);
	put_list(a, &out, "inbounds", &x->inbounds, x->at);
	put_list(a, &out, "outbounds", &x->outbounds, x->at);
	put_section(a, &out, x, XS_OBSERVATORY);
	put_section(a, &out, x, XS_BURST_OBSERVATORY);
	for (uint32_t i = 0; x->rest.kind == VAL_OBJECT && i < x->rest.n_members; i++)
		put_member(a, &out, &x->rest.members[i]);
	return out;
}
