/* The origin map: for every object of the rendered file the place that caused it. */
#include <string.h>

#include "render/render_impl.h"

const char *pointer_join(struct arena *a, const char *base, struct str key)
{
	size_t n = str_of(base).len;
	char *out = arena_alloc(a, n + 1 + key.len * 2 + 1), *p = out + n;

	memcpy(out, base, n);
	*p++ = '/';
	for (size_t i = 0; i < key.len; i++) {
		bool escape = key.p[i] == '~' || key.p[i] == '/';

		if (escape)
			*p++ = '~';
		*p++ = !escape ? key.p[i] : key.p[i] == '~' ? '0' : '1';
	}
	return out;
}

const char *pointer_index(struct arena *a, const char *base, uint32_t i)
{
	return arena_printf(a, "%s/%u", base, i);
}

static void put_place(struct arena *a, const struct sources *sources, struct span at, struct value *v)
{
	static const char *const names[] = { "line", "column", "end_line", "end_column" };
	const struct source *src = sources_get(sources, at.src);
	uint32_t place[4];

	if (!src) {
		value_put(a, v, "file", value_null(SPAN_NONE));
		for (unsigned i = 0; i < 4; i++)
			value_put(a, v, names[i], value_null(SPAN_NONE));
		return;
	}
	value_put_str(a, v, "file", src->path);
	source_place(sources, at.src, at.begin, &place[0], &place[1]);
	source_place(sources, at.src, at.end, &place[2], &place[3]);
	for (unsigned i = 0; i < 4; i++)
		value_put_int(a, v, names[i], place[i]);
}

struct value origin_value(struct arena *a, const struct sources *sources, const struct origin *o)
{
	struct value v = value_object(SPAN_NONE);

	v.members = arena_array(a, struct member, 12);
	v.cap_members = 12;
	value_put_str(a, &v, "pointer", o->pointer);
	if (o->tag.len)
		value_put(a, &v, "tag", value_string_n(o->tag, SPAN_NONE));
	if (o->rule_tag.len)
		value_put(a, &v, "rule_tag", value_string_n(o->rule_tag, SPAN_NONE));
	value_put(a, &v, "owner", o->owner ? value_string(o->owner, SPAN_NONE) : value_null(SPAN_NONE));
	if (o->slot)
		value_put_str(a, &v, "slot", o->slot);
	put_place(a, sources, o->at, &v);
	return v;
}

struct origin origin_of_item(struct arena *a, const struct xconf *x, enum list_kind k, uint32_t i)
{
	const struct xitem *item = &list_of(x, k)->v[i];
	const struct member *tag = value_member_nocase(&item->v, list_infos[k].tag_key);
	struct str text = tag && tag->value.kind == VAL_STRING ? value_str(&tag->value) : str_of(NULL);
	struct origin o = {
		.pointer = pointer_index(a, list_infos[k].pointer, i),
		.owner = item->owner,
		.at = item->v.span,
	};

	if (k == LIST_RULES) {
		o.rule_tag = text;
		o.slot = x->raw ? NULL : rule_slot_names[item->slot];
	} else {
		o.tag = text;
	}
	return o;
}

static void map_list(struct arena *a, const struct sources *sources, const struct xconf *x, enum list_kind k,
		     struct value *objects)
{
	const struct xlist *list = list_of(x, k);

	for (uint32_t i = 0; i < list->n; i++) {
		struct origin o = origin_of_item(a, x, k, i);

		value_push(a, objects, origin_value(a, sources, &o));
	}
}

static void map_section(struct arena *a, const struct sources *sources, struct str key, const char *owner,
			const struct value *v, struct value *objects)
{
	struct origin o = { .pointer = pointer_join(a, "", key), .owner = owner, .at = v->span };

	if (v->kind != VAL_NONE)
		value_push(a, objects, origin_value(a, sources, &o));
}

static void map_sections(struct arena *a, const struct sources *sources, const struct xconf *x, enum xsection from,
			 enum xsection to, struct value *objects)
{
	for (enum xsection s = from; s <= to; s++)
		map_section(a, sources, str_of(xsection_names[s]), x->section_owner[s], &x->section[s], objects);
}

struct value render_map(struct arena *a, const struct checked *c, const struct sources *sources)
{
	const struct xconf *x = &c->x;
	struct value map = value_object(SPAN_NONE), objects = value_array(SPAN_NONE);

	map_sections(a, sources, x, XS_LOG, XS_REVERSE, &objects);
	map_section(a, sources, STR("routing"), x->raw ? NULL : ROUTING_OWNER, &x->routing, &objects);
	for (enum list_kind k = 0; k < LIST__N; k++)
		map_list(a, sources, x, k, &objects);
	map_sections(a, sources, x, XS_OBSERVATORY, XS_BURST_OBSERVATORY, &objects);
	for (uint32_t i = 0; x->rest.kind == VAL_OBJECT && i < x->rest.n_members; i++)
		map_section(a, sources, member_key(&x->rest.members[i]), NULL, &x->rest.members[i].value, &objects);
	value_put_str(a, &map, "schema_version", "1");
	value_put(a, &map, "objects", objects);
	return map;
}
