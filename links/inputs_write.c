/* Nodes to texts. */
#include <stddef.h>

#include "links/inputs.h"

const char *const output_format_names[] = {
	[OUTPUT_LINKS] = "links", [OUTPUT_BASE64] = "base64", [OUTPUT_JSON] = "json", [OUTPUT_FORMAT__N] = NULL,
};

static struct value texts_json(struct arena *a, const struct texts *list)
{
	struct value array = value_array(SPAN_NONE);

	for (uint32_t i = 0; i < list->n; i++)
		value_push(a, &array, value_string(list->v[i].s, SPAN_NONE));
	return array;
}

/* VAL_NONE when the field is not set. */
static struct value field_json(struct arena *a, const struct node_field *f, const struct node *n)
{
	const void *p = (const char *)n + f->offset;
	const struct num *num = p;
	struct value none = { .kind = VAL_NONE };

	switch (f->kind) {
	case NODE_F_TEXT:
		return ((const struct text *)p)->set ? value_string(((const struct text *)p)->s, SPAN_NONE) : none;
	case NODE_F_SECRET:
		return ((const struct secret *)p)->set ? value_string(((const struct secret *)p)->s, SPAN_NONE) : none;
	case NODE_F_TEXTS:
		return ((const struct texts *)p)->set ? texts_json(a, p) : none;
	case NODE_F_FLAG:
		return ((const struct flag *)p)->set ? value_bool(((const struct flag *)p)->v, SPAN_NONE) : none;
	case NODE_F_RAW:
		return ((const struct raw *)p)->set ? ((const struct raw *)p)->v : none;
	case NODE_F_NUM:
		break;
	}
	return num->set ? value_number(a, num->v, SPAN_NONE) : none;
}

static void put_enum(struct arena *a, struct value *o, const char *key, const struct num *num, const char *const *names)
{
	if (num->set)
		value_put(a, o, key, value_string(names[num->v], SPAN_NONE));
}

static bool is_enum(const struct node_field *f)
{
	return f->offset == offsetof(struct node, protocol) || f->offset == offsetof(struct node, transport) ||
		f->offset == offsetof(struct node, security);
}

struct value inputs_node_json(struct arena *a, const struct node *n)
{
	struct value o = value_object(SPAN_NONE);
	const char *link = link_write(a, n);

	if (link)
		value_put(a, &o, "link", value_string(link, SPAN_NONE));
	put_enum(a, &o, "protocol", &n->protocol, node_protocol_names);
	put_enum(a, &o, "transport", &n->transport, node_transport_names);
	put_enum(a, &o, "security", &n->security, node_security_names);
	for (size_t i = 0; i < node_fields_n; i++) {
		struct value v = { .kind = VAL_NONE };
		if (!is_enum(&node_fields[i]))
			v = field_json(a, &node_fields[i], n);
		if (v.kind != VAL_NONE)
			value_put(a, &o, node_fields[i].name, v);
	}
	return o;
}

static bool put_link(struct arena *a, const struct node *n, struct buf *out)
{
	const char *link = link_write(a, n);

	if (!link)
		return false;
	buf_puts(out, link);
	buf_putc(out, '\n');
	return true;
}

static uint32_t write_links(struct arena *a, const struct node *const *nodes, uint32_t n, struct buf *out)
{
	uint32_t without = 0;

	for (uint32_t i = 0; i < n; i++)
		without += !put_link(a, nodes[i], out);
	return without;
}

static uint32_t write_base64(struct arena *a, const struct node *const *nodes, uint32_t n, struct buf *out)
{
	struct buf list = { 0 };
	uint32_t without = write_links(a, nodes, n, &list);

	base64_encode(out, (struct str){ list.p, list.len });
	buf_putc(out, '\n');
	out->failed = out->failed || list.failed;
	buf_fini(&list);
	return without;
}

static uint32_t write_json(struct arena *a, const struct node *const *nodes, uint32_t n, struct buf *out)
{
	struct value array = value_array(SPAN_NONE);
	uint32_t without = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct value o = inputs_node_json(a, nodes[i]);
		without += !value_get(&o, "link");
		value_push(a, &array, o);
	}
	json_write(out, &array);
	return without;
}

static uint32_t (*const writers[OUTPUT_FORMAT__N])(struct arena *, const struct node *const *, uint32_t, struct buf *) = {
	[OUTPUT_LINKS] = write_links, [OUTPUT_BASE64] = write_base64, [OUTPUT_JSON] = write_json,
};

uint32_t inputs_write(struct arena *a, enum output_format format, const struct node *const *nodes, uint32_t n,
		      struct buf *out)
{
	return writers[format](a, nodes, n, out);
}
