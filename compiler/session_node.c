/* A stored node as an endpoint. A row has no text that a diagnostic could point into, so one is written for it: a line a
 * field, and of secrets and link parameters only that they are there. Every place in the node leads to its line. */
#include <string.h>

#include "compiler/session_impl.h"

enum { NAME_MAX_BYTES = 60 };

struct paper { /* the text being written, and where the value of each field stands */
	const struct node *n;
	struct value *values; /* by field, as they are shown */
	struct span *places;
	struct span *extras; /* by member of extra */
	struct buf text;     /* while it is open nothing is taken from the arena, which may jump */
};

/* What cannot be shown on one line is left out of a name; it may end in the middle of nothing but characters. */
static const char *clean_name(struct arena *a, const struct text *name)
{
	struct str s = str_trim(str_of(name->s));
	char *out = arena_array(a, char, NAME_MAX_BYTES + 4);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (n >= NAME_MAX_BYTES && (c & 0xc0) != 0x80)
			break;
		if (c >= ' ' && c != 0x7f)
			out[n++] = (char)c;
	}
	return out;
}

static const char *label_of(struct arena *a, const struct session_node *node, size_t number)
{
	const char *name = clean_name(a, &node->node->name), *label = "node";

	if (node->id)
		label = arena_printf(a, "node %lld", (long long)node->id);
	else if (number)
		label = arena_printf(a, "node %zu of the list", number);
	return *name ? arena_printf(a, "%s (%s)", label, name) : label;
}

static const char *const *const enum_names[] = { node_protocol_names, node_transport_names, node_security_names };
static const size_t enum_offsets[] = { offsetof(struct node, protocol), offsetof(struct node, transport),
	offsetof(struct node, security) };

static struct value num_value(struct arena *a, const struct node_field *f, const struct num *n)
{
	for (size_t i = 0; i < sizeof(enum_offsets) / sizeof(*enum_offsets); i++)
		if (f->offset == enum_offsets[i])
			return value_string(enum_names[i][n->v], SPAN_NONE);
	return value_number(a, n->v, SPAN_NONE);
}

static struct value texts_value(struct arena *a, const struct texts *t)
{
	struct value list = value_array(SPAN_NONE);

	for (uint32_t i = 0; i < t->n; i++)
		value_push(a, &list, value_string(t->v[i].s, SPAN_NONE));
	return list;
}

#define HIDDEN "<not shown>"

/* What stands behind the key: VAL_NONE when the field is not set. A short id counts as a secret. */
static struct value shown(struct arena *a, const struct node *n, const struct node_field *f)
{
	const void *at = (const char *)n + f->offset;
	const struct text *text = at;

	if (f->offset == offsetof(struct node, short_id))
		return text->set ? value_string(HIDDEN, SPAN_NONE) : (struct value){ .kind = VAL_NONE };
	if (f->kind == NODE_F_TEXT && text->set)
		return value_string(text->s, SPAN_NONE);
	if (f->kind == NODE_F_NUM && ((const struct num *)at)->set)
		return num_value(a, f, at);
	if (f->kind == NODE_F_FLAG && ((const struct flag *)at)->set)
		return value_bool(((const struct flag *)at)->v, SPAN_NONE);
	if (f->kind == NODE_F_TEXTS && ((const struct texts *)at)->set)
		return texts_value(a, at);
	if ((f->kind == NODE_F_SECRET && ((const struct secret *)at)->set) ||
	    (f->kind == NODE_F_RAW && ((const struct raw *)at)->set))
		return value_string(HIDDEN, SPAN_NONE);
	return (struct value){ .kind = VAL_NONE };
}

static struct span line(struct paper *p, const char *group, struct str key, const struct value *v)
{
	struct span at = { 0 };

	buf_printf(&p->text, "%s%.*s = ", group, (int)key.len, key.p);
	at.begin = (uint32_t)p->text.len;
	json_write_compact(&p->text, v);
	at.end = (uint32_t)p->text.len;
	buf_putc(&p->text, '\n');
	return at;
}

static void write_fields(struct paper *p)
{
	const struct value hidden = value_string(HIDDEN, SPAN_NONE), *extra = &p->n->extra.v;

	for (size_t i = 0; i < node_fields_n; i++)
		if (p->values[i].kind != VAL_NONE && node_fields[i].offset != offsetof(struct node, extra))
			p->places[i] = line(p, "", str_of(node_fields[i].name), &p->values[i]);
	for (uint32_t i = 0; p->n->extra.set && i < extra->n_members; i++)
		p->extras[i] = line(p, "extra.", member_key(&extra->members[i]), &hidden);
}

static struct paper paper_for(struct arena *a, const struct node *n)
{
	struct paper p = { .n = n, .values = arena_array(a, struct value, node_fields_n),
		.places = arena_array(a, struct span, node_fields_n),
		.extras = arena_array(a, struct span, n->extra.set ? n->extra.v.n_members : 0) };

	for (size_t i = 0; i < node_fields_n; i++)
		p.values[i] = shown(a, n, &node_fields[i]);
	return p;
}

/* --- places back into the copy ------------------------------------------------------------------------------------- */
static void place_tree(struct value *v, struct span at)
{
	v->span = at;
	for (uint32_t i = 0; v->kind == VAL_ARRAY && i < v->n; i++)
		place_tree(&v->items[i], at);
	for (uint32_t i = 0; v->kind == VAL_OBJECT && i < v->n_members; i++) {
		v->members[i].key_span = at;
		place_tree(&v->members[i].value, at);
	}
}

static void place_texts(struct arena *a, struct texts *t, struct span at)
{
	struct text *own = arena_array(a, struct text, t->n);

	for (uint32_t i = 0; i < t->n; i++)
		own[i] = (struct text){ .s = t->v[i].s, .set = t->v[i].set, .at = at };
	t->v = own;
	t->at = at;
}

static void place_raw(struct arena *a, struct raw *r, struct span at)
{
	r->at = at;
	r->v = value_clone(a, &r->v);
	place_tree(&r->v, at);
}

static void place_field(struct arena *a, struct node *n, const struct node_field *f, struct span at)
{
	void *place = (char *)n + f->offset;

	switch (f->kind) {
	case NODE_F_TEXT:
		((struct text *)place)->at = at;
		break;
	case NODE_F_NUM:
		((struct num *)place)->at = at;
		break;
	case NODE_F_SECRET:
		((struct secret *)place)->at = at;
		break;
	case NODE_F_FLAG:
		((struct flag *)place)->at = at;
		break;
	case NODE_F_TEXTS:
		place_texts(a, place, at);
		break;
	case NODE_F_RAW:
		place_raw(a, place, at);
		break;
	}
}

static void place_fields(struct arena *a, struct node *n, const struct paper *p, uint32_t src)
{
	for (size_t i = 0; i < node_fields_n; i++) {
		struct span at = p->places[i];
		at.src = at.end ? src : 0; /* not given: no place either */
		place_field(a, n, &node_fields[i], at);
	}
	for (uint32_t i = 0; n->extra.set && i < n->extra.v.n_members; i++) {
		struct span at = p->extras[i];
		at.src = src;
		n->extra.v.members[i].key_span = at;
		place_tree(&n->extra.v.members[i].value, at);
	}
}

/* The text lives as long as the sources do, so it moves into the arena. */
static uint32_t register_text(struct arena *a, struct diag_sink *sink, struct paper *p, const char *label)
{
	struct sources *sources = (struct sources *)diag_sources(sink);
	uint32_t len = (uint32_t)p->text.len;
	char *text = p->text.failed ? NULL : arena_try_alloc(a, len + 1);

	if (text)
		memcpy(text, p->text.p, len);
	buf_fini(&p->text);
	if (!text)
		arena_fail(a);
	return sources_add(sources, label, text, len);
}

struct endpoint session_endpoint(struct arena *a, struct diag_sink *sink, const struct session_node *node,
				 const char *tag, size_t number)
{
	struct endpoint e = { .tag.s = tag, .node = *node->node, .label = label_of(a, node, number) };
	struct paper p = paper_for(a, node->node);

	buf_printf(&p.text, "[%s]", e.label);
	e.at.end = (uint32_t)p.text.len;
	buf_putc(&p.text, '\n');
	write_fields(&p);
	e.at.src = register_text(a, sink, &p, e.label);
	place_fields(a, &e.node, &p, e.at.src);
	return e;
}
