/* A node as a row: what lists show or sort by has a column of its own, every other field that is set stands in one JSON
 * object, in the order of node_fields. Fields not set are NULL, or not there. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "store/sql.h"

/* Fields with a column, in the order of the columns. */
static const size_t columns[] = {
	offsetof(struct node, protocol), offsetof(struct node, address), offsetof(struct node, port),
	offsetof(struct node, transport), offsetof(struct node, security), offsetof(struct node, server_name),
	offsetof(struct node, host), offsetof(struct node, path), offsetof(struct node, name),
};
_Static_assert(sizeof(columns) / sizeof(*columns) == ENCODE_COLUMNS - 1, "the last column is the JSON");

static bool has_column(const struct node_field *f)
{
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
		if (columns[i] == f->offset)
			return true;
	return false;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static void put_num(struct buf *out, const void *field)
{
	buf_printf(out, "%lld", (long long)((const struct num *)field)->v);
}

static void put_text(struct buf *out, const void *field)
{
	json_write_string(out, str_of(((const struct text *)field)->s));
}

static void put_flag(struct buf *out, const void *field)
{
	buf_puts(out, ((const struct flag *)field)->v ? "true" : "false");
}

static void put_texts(struct buf *out, const void *field)
{
	const struct texts *t = field;

	buf_putc(out, '[');
	for (uint32_t i = 0; i < t->n; i++) {
		buf_puts(out, i ? "," : "");
		json_write_string(out, str_of(t->v[i].s));
	}
	buf_putc(out, ']');
}

static void put_raw(struct buf *out, const void *field)
{
	json_write_compact(out, &((const struct raw *)field)->v);
}

static const char *const secret_kinds[] = { [SECRET_LITERAL] = NULL, [SECRET_ENV] = "env", [SECRET_FILE] = "file" };

static void put_secret(struct buf *out, const void *field)
{
	const struct secret *s = field;

	if (!secret_kinds[s->kind]) {
		json_write_string(out, str_of(s->s));
		return;
	}
	buf_printf(out, "{\"%s\":", secret_kinds[s->kind]);
	json_write_string(out, str_of(s->ref));
	buf_putc(out, '}');
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* Where a value goes; false: it is not of the field's kind. */
struct into {
	struct arena *a;
	struct span at;
	void *field;
};

static const char *copy_text(const struct into *to, const struct value *v)
{
	return arena_memdup(to->a, v->text, v->len);
}

static bool get_num(const struct into *to, const struct value *v)
{
	struct num *n = to->field;

	*n = (struct num){ .at = to->at, .set = true };
	return !value_int(v, &n->v);
}

static bool get_text(const struct into *to, const struct value *v)
{
	if (v->kind == VAL_STRING)
		*(struct text *)to->field = (struct text){ copy_text(to, v), to->at, true };
	return v->kind == VAL_STRING;
}

static bool get_flag(const struct into *to, const struct value *v)
{
	*(struct flag *)to->field = (struct flag){ v->truth, true, to->at };
	return v->kind == VAL_BOOL;
}

static bool get_texts(const struct into *to, const struct value *v)
{
	struct texts t = { .set = true, .at = to->at };

	if (v->kind != VAL_ARRAY)
		return false;
	t.v = v->n ? arena_array(to->a, struct text, v->n) : NULL;
	for (; t.n < v->n; t.n++) {
		if (v->items[t.n].kind != VAL_STRING)
			return false;
		t.v[t.n] = (struct text){ copy_text(to, &v->items[t.n]), to->at, true };
	}
	*(struct texts *)to->field = t;
	return true;
}

static void set_spans(struct value *v, struct span at)
{
	v->span = at;
	for (uint32_t i = 0; v->kind == VAL_ARRAY && i < v->n; i++)
		set_spans(&v->items[i], at);
	for (uint32_t i = 0; v->kind == VAL_OBJECT && i < v->n_members; i++) {
		v->members[i].key_span = at;
		set_spans(&v->members[i].value, at);
	}
}

static bool get_raw(const struct into *to, const struct value *v)
{
	struct raw *r = to->field;

	*r = (struct raw){ *v, to->at, true };
	set_spans(&r->v, to->at);
	return true;
}

static bool get_secret(const struct into *to, const struct value *v)
{
	struct secret *s = to->field;
	const struct value *ref = NULL;

	*s = (struct secret){ .at = to->at, .set = true };
	if (v->kind == VAL_STRING) {
		s->s = copy_text(to, v);
		return true;
	}
	for (int k = SECRET_ENV; k <= SECRET_FILE && !ref; k++) {
		s->kind = (enum secret_kind)k;
		ref = value_get(v, secret_kinds[k]);
	}
	if (!ref || ref->kind != VAL_STRING)
		return false;
	s->s = "00000000-0000-0000-0000-000000000000";
	s->ref = copy_text(to, ref);
	s->missing = true;
	return true;
}

/* --- both --------------------------------------------------------------------------------------------------------- */

#define KIND(type) offsetof(struct type, set), put_##type, get_##type
static const struct {
	size_t set;
	void (*put)(struct buf *, const void *);
	bool (*get)(const struct into *, const struct value *);
} kinds[] = {
	[NODE_F_TEXT] = { KIND(text) },   [NODE_F_NUM] = { KIND(num) },   [NODE_F_SECRET] = { KIND(secret) },
	[NODE_F_TEXTS] = { KIND(texts) }, [NODE_F_FLAG] = { KIND(flag) }, [NODE_F_RAW] = { KIND(raw) },
};
#undef KIND

static bool is_set(const struct node_field *f, const void *field)
{
	return *(const bool *)((const char *)field + kinds[f->kind].set);
}

void encode_node(const struct node *n, struct buf *out)
{
	const char *separator = "{";

	for (size_t i = 0; i < node_fields_n; i++) {
		const struct node_field *f = &node_fields[i];
		const void *field = (const char *)n + f->offset;

		if (!is_set(f, field) || has_column(f))
			continue;
		buf_puts(out, separator);
		json_write_string(out, str_of(f->name));
		buf_putc(out, ':');
		kinds[f->kind].put(out, field);
		separator = ",";
	}
	buf_puts(out, separator[0] == '{' ? "{}" : "}");
}

static struct arg text_arg(const struct text *t)
{
	return t->set ? as_str(str_of(t->s)) : as_null();
}

static struct arg name_arg(const struct num *n, const char *const *names)
{
	return n->set ? as_text(names[n->v]) : as_null();
}

void encode_columns(const struct node *n, struct str json, struct arg ret_args[static ENCODE_COLUMNS])
{
	const struct arg args[ENCODE_COLUMNS] = {
		name_arg(&n->protocol, node_protocol_names),
		text_arg(&n->address),
		n->port.set ? as_int(n->port.v) : as_null(),
		name_arg(&n->transport, node_transport_names),
		name_arg(&n->security, node_security_names),
		text_arg(&n->server_name),
		text_arg(&n->host),
		text_arg(&n->path),
		text_arg(&n->name),
		as_str(json),
	};

	memcpy(ret_args, args, sizeof(args));
}

static const struct node_field *field_named(struct str key)
{
	for (size_t i = 0; i < node_fields_n; i++)
		if (str_is(key, node_fields[i].name))
			return &node_fields[i];
	return NULL;
}

/* What this version does not know is an error: running a node without a part of it would be another connection. */
static bool read_members(struct arena *a, const struct value *v, struct span at, struct node *n)
{
	if (v->kind != VAL_OBJECT)
		return false;
	for (uint32_t i = 0; i < v->n_members; i++) {
		const struct node_field *f = field_named(member_key(&v->members[i]));
		struct into to = { a, at, f ? (char *)n + f->offset : NULL };

		if (!f || has_column(f) || !kinds[f->kind].get(&to, &v->members[i].value))
			return false;
	}
	return true;
}

static bool read_json(struct arena *a, const char *json, struct span at, struct node *n)
{
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	size_t len = json ? strlen(json) : 0;
	struct value v;

	if (!len || len > JSON_MAX_BYTES)
		return false;
	uint32_t src = sources_add(sources, "extensions_json", json, (uint32_t)len);
	return !json_parse(a, sink, src, false, &v) && read_members(a, &v, at, n);
}

static struct text text_at(const char *s, struct span at)
{
	return s ? (struct text){ s, at, true } : (struct text){ 0 };
}

/* -1 in *ret_num's place when the name is unknown. */
static bool num_named(const char *s, const char *const *names, int n, struct span at, struct num *ret_num)
{
	int v = take_index(s, names, n, -1);

	if (s)
		*ret_num = (struct num){ v, at, true };
	return !s || v >= 0;
}

int decode_node(struct arena *a, const struct coded *c, struct span at, struct node *ret_node)
{
	struct node n = {
		.name = text_at(c->name, at), .address = text_at(c->address, at), .server_name = text_at(c->sni, at),
		.host = text_at(c->host, at), .path = text_at(c->path, at), .port = { c->port, at, true },
	};

	if (!num_named(c->protocol, node_protocol_names, NODE_PROTOCOL__N, at, &n.protocol) ||
	    !num_named(c->network, node_transport_names, NODE_TRANSPORT__N, at, &n.transport) ||
	    !num_named(c->tls, node_security_names, NODE_SECURITY__N, at, &n.security) ||
	    !read_json(a, c->json, at, &n))
		return -EUCLEAN;
	*ret_node = n;
	return 0;
}
