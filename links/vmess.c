/* vmess:// with base64 of a JSON object, the form most programs write. What "type", "host" and "path" mean depends on
 * the transport; every other key is a parameter by its own or a shorter name. */
#include <string.h>

#include "links/codec.h"
#include "links/reader.h"

struct alias {
	const char *key, *param;
};
/* Keys whose parameter has another name. */
static const struct alias keys[] = {
	{ "scy", "encryption" }, { "aid", "alterId" }, { "net", "type" }, { "tls", "security" },
};
/* Keys that depend on the transport. */
enum { BY_TYPE, BY_HOST, BY_PATH, BY__N };
static const char *const by_keys[BY__N] = { "type", "host", "path" };
static const char *const by_transport[NODE_TRANSPORT__N][BY__N] = {
	[NODE_TCP] = { "headerType", "host", "path" },
	[NODE_WS] = { "headerType", "host", "path" },
	[NODE_GRPC] = { "mode", "authority", "serviceName" },
	[NODE_HTTPUPGRADE] = { "headerType", "host", "path" },
	[NODE_XHTTP] = { "mode", "host", "path" },
	[NODE_KCP] = { "headerType", "host", "seed" },
};

bool vmess_is_json(struct str rest)
{
	return !rest.len || !memchr(rest.p, '@', rest.len);
}

/* The text of a scalar, NUL-terminated; objects (fm, extra) as compact JSON. */
static struct str text_of(struct arena *a, const struct value *v)
{
	if (v->kind == VAL_STRING || v->kind == VAL_NUMBER)
		return (struct str){ arena_memdup(a, v->text, v->len), v->len };
	if (v->kind == VAL_BOOL)
		return v->truth ? STR("1") : STR("0");
	if (v->kind == VAL_NULL)
		return STR("");
	return param_compact(a, v);
}

static void read_address(struct link_reader *r, struct str s)
{
	link_read_address(r, s, "add");
}

static void read_name(struct link_reader *r, struct str s)
{
	node_text(&r->n->name, s, r->at);
}

static void read_nothing(struct link_reader *r, struct str s)
{
	(void)r;
	(void)s;
}

static const struct {
	const char *key;
	void (*read)(struct link_reader *, struct str);
} parts[] = {
	{ "add", read_address }, { "port", link_read_port }, { "id", link_read_uuid },
	{ "ps", read_name },     { "v", read_nothing },
};
enum { PARTS_REQUIRED = 3 };

static bool read_part(struct link_reader *r, struct str key, struct str value)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (!str_is(key, parts[i].key))
			continue;
		parts[i].read(r, value);
		return true;
	}
	return false;
}

static struct str param_of(struct link_reader *r, struct str key)
{
	for (size_t i = 0; i < BY__N; i++)
		if (str_is(key, by_keys[i]))
			return str_of(by_transport[r->n->transport.v][i]);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (str_is(key, keys[i].key))
			return str_of(keys[i].param);
	return key;
}

static void read_member(struct link_reader *r, const struct member *m)
{
	struct str key = member_key(m), value = text_of(r->a, &m->value);

	if (!text_is_clean(value) || !text_is_clean(key)) {
		link_fault(r, DIAG_XR803, NULL, "a value is not UTF-8 text, or holds a control character");
		return;
	}
	if (str_is(key, "net") || read_part(r, key, value))
		return;
	struct str param = param_of(r, key);
	if (str_is(key, "type") && str_is(param, "mode") && str_is_nocase(value, "none"))
		return; /* what clients write when there is no mode */
	param_read(r, param, value);
}

void vmess_read_json(struct link_reader *r, struct str rest)
{
	struct str text = rest;
	struct value v;

	if (percent_decode(r->a, str_trim(rest), &text) || base64_decode(r->a, text, &text) ||
	    param_json(r->a, text, &v) || v.kind != VAL_OBJECT) {
		link_fault(r, DIAG_XR804, "copy the whole link again", "what follows is not base64 of a JSON object");
		return;
	}
	if (value_get(&v, "net"))
		param_read(r, STR("type"), text_of(r->a, value_get(&v, "net")));
	for (size_t i = 0; i < PARTS_REQUIRED; i++)
		if (!value_get(&v, parts[i].key))
			link_fault(r, DIAG_XR802, NULL, "'%s' is missing", parts[i].key);
	for (uint32_t i = 0; i < v.n_members; i++)
		read_member(r, &v.members[i]);
}

/* The key a parameter is written under; NULL when the transport's reading of that key is another one. */
static const char *key_of(const struct node *n, const char *param)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (str_is(str_of(param), keys[i].param))
			return keys[i].key;
	for (size_t i = 0; i < BY__N; i++)
		if (str_is(str_of(param), by_transport[n->transport.v][i]))
			return by_keys[i];
	for (size_t i = 0; i < BY__N; i++)
		if (str_is(str_of(param), by_keys[i]))
			return NULL;
	return param;
}

static void put(struct arena *a, struct value *o, const char *key, const char *text)
{
	value_put(a, o, key, value_string(text ? text : "", SPAN_NONE));
}

static bool put_params(struct arena *a, const struct node *n, struct value *o)
{
	const char *text, *key;

	for (size_t i = 0; i < params_n; i++) {
		if (!(params[i].protocols & 1u << NODE_VMESS) || !param_text(a, &params[i], n, &text))
			continue;
		key = key_of(n, params[i].name);
		if (!key)
			return false;
		put(a, o, key, text);
	}
	for (uint32_t i = 0; n->extra.set && i < n->extra.v.n_members; i++) {
		const struct member *m = &n->extra.v.members[i];
		if (extra_is_free(n, m))
			value_put(a, o, arena_memdup(a, m->key, m->key_len), m->value);
	}
	return true;
}

bool vmess_write_json(struct arena *a, const struct node *n, struct buf *out)
{
	struct value o = value_object(SPAN_NONE);
	struct buf json = { 0 };

	put(a, &o, "v", "2");
	if (n->name.set)
		put(a, &o, "ps", n->name.s);
	put(a, &o, "add", n->address.s);
	put(a, &o, "port", arena_printf(a, "%lld", (long long)n->port.v));
	put(a, &o, "id", n->uuid.s);
	if (!put_params(a, n, &o))
		return false;
	json_write_compact(&json, &o);
	buf_puts(out, "vmess://");
	base64_encode(out, (struct str){ json.p, json.len });
	buf_fini(&json);
	return true;
}
