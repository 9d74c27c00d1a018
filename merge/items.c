/* Inbounds, outbounds and balancers: the snippet's entries behind the managed ones, each tag once. */
#include "merge/merge_impl.h"

struct adder {
	struct merge *m;
	const char *what; /* "outbound tag" */
	struct xlist *list;
	struct map *exact, *lower; /* tag -> struct xitem */
	const struct xitem *api;   /* the api tag acts as an outbound; it has no place in the list */
};

static void know(struct adder *ad, struct xitem *item, struct str tag)
{
	map_put(ad->exact, tag, item);
	map_put(ad->lower, str_of(str_lower(ad->m->a, tag)), item);
}

static void report_managed(struct adder *ad, const struct entry *e, const struct xitem *owner)
{
	struct merge *m = ad->m;
	const char *tag = merge_shown(m, value_str(e->tag));
	struct diag *d =
		diag_add(m->sink, DIAG_XR305, e->tag->span, "%s '%s' belongs to a managed object", ad->what, tag);

	diag_relate(m->sink, d, owner->v.span, "'%s' is the %s", tag, owner->owner);
	if (owner == ad->api)
		diag_help(m->sink, d, "choose another tag");
	else
		diag_help(m->sink, d,
			  "choose another tag, or list it in [extensions] override to replace the managed one");
}

static void report_twice(struct adder *ad, const struct entry *e, const struct xitem *first)
{
	const char *tag = merge_shown(ad->m, value_str(e->tag));
	const struct member *other = value_member_nocase(&first->v, "tag");
	struct diag *d = diag_add(ad->m->sink, DIAG_XR306, e->tag->span, "%s '%s' is used twice", ad->what, tag);

	diag_relate(ad->m->sink, d, other ? other->value.span : first->v.span, "the first one");
	diag_help(ad->m->sink, d, "rename one of them");
}

static void warn_case(struct adder *ad, const struct entry *e)
{
	const struct xitem *near = map_get(ad->lower, str_of(str_lower(ad->m->a, value_str(e->tag))));
	const struct member *other = near ? value_member_nocase(&near->v, "tag") : NULL;
	struct diag *d;

	if (!other || str_eq(value_str(&other->value), value_str(e->tag)))
		return;
	d = diag_add(ad->m->sink, DIAG_XR307, e->tag->span, "%s '%s' differs from '%s' in case alone", ad->what,
		     merge_shown(ad->m, value_str(e->tag)), merge_shown(ad->m, value_str(&other->value)));
	if (near->owner)
		merge_relate_owner(ad->m, d, value_str(&other->value));
	else
		diag_relate(ad->m->sink, d, other->value.span, "the other one");
	diag_help(ad->m->sink, d, "Xray takes them as two; use names that differ in more");
}

enum verdict { TAG_NEW, TAG_FAULT, TAG_REPLACES };

/* Override entries lift the reservation of a name and the hold of a managed object on its tag alike. */
static enum verdict judge_tag(struct adder *ad, const struct entry *e)
{
	struct str tag = value_str(e->tag);
	struct xitem *same = map_get(ad->exact, tag), *managed = same && same->owner ? same : NULL;
	const struct xitem *replaced = managed == ad->api ? NULL : managed;

	if (merge_reserved(ad->m, ad->what, tag, e->tag->span, replaced))
		return TAG_FAULT;
	if (managed && !name_reserved(tag) && !merge_lifted(ad->m, tag, e->tag->span, replaced)) {
		report_managed(ad, e, managed);
		return TAG_FAULT;
	}
	if (same && !managed) {
		report_twice(ad, e, same);
		return TAG_FAULT;
	}
	if (replaced) {
		*managed = (struct xitem){ .v = *e->v, .replaced = true };
		return TAG_REPLACES;
	}
	warn_case(ad, e);
	return TAG_NEW;
}

static enum verdict check_tag(struct adder *ad, const struct entry *e)
{
	struct diag *d;

	if (e->tag && e->tag->kind != VAL_NULL)
		return merge_tag_is_text(ad->m, e) ? judge_tag(ad, e) : TAG_FAULT;
	d = diag_add(ad->m->sink, DIAG_XR303, merge_point(e->v), "this %s has no tag", e->noun);
	diag_help(ad->m->sink, d, "add \"tag\": \"...\" with a name that no other %s has", e->noun);
	return TAG_FAULT;
}

static void add_item(struct adder *ad, const char *noun, const struct value *v)
{
	struct entry e;
	enum verdict verdict;
	struct xitem *item;

	if (merge_entry(ad->m, noun, "tag", v, &e))
		return;
	verdict = check_tag(ad, &e);
	if (verdict == TAG_REPLACES)
		return;
	item = &ad->list->v[ad->list->n++];
	*item = (struct xitem){ .v = *v };
	if (verdict == TAG_NEW)
		know(ad, item, value_str(e.tag));
}

static void know_api(struct adder *ad)
{
	const struct value *api = &ad->m->base->section[XS_API];
	struct xitem *item = arena_new_of(ad->m->a, struct xitem);

	*item = (struct xitem){ .v = *api, .owner = "api" };
	ad->api = item;
	if (value_get_str(api, "tag").len)
		know(ad, item, value_get_str(api, "tag"));
}

void merge_items(struct merge *m, const char *noun, const struct value *array, const struct xlist *base,
		 struct xlist *ret_list)
{
	uint32_t cap = base->n + (array ? array->n : 0);
	struct xlist list = { .cap = cap };
	struct adder ad = { .m = m, .what = arena_printf(m->a, "%s tag", noun), .list = &list };

	if (!array || !array->n)
		return;
	list.v = arena_array(m->a, struct xitem, cap); /* never grows: the maps point into it */
	ad.exact = map_new(m->a, cap);
	ad.lower = map_new(m->a, cap);
	if (*noun == 'o')
		know_api(&ad);
	for (uint32_t i = 0; i < base->n; i++) {
		list.v[list.n] = base->v[i];
		know(&ad, &list.v[list.n++], value_get_str(&base->v[i].v, "tag"));
	}
	for (uint32_t i = 0; i < array->n; i++)
		add_item(&ad, noun, &array->items[i]);
	*ret_list = list;
}
