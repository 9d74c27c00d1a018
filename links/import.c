/* Walking the tables of import.h, and the readers that more than one form needs. */
#include "links/import.h"

#include <string.h>

#include "links/codec.h"
#include "links/reader.h"

const struct value *import_get(const struct value *object, const char *name)
{
	const struct value *v = value_get(object, name);

	return v && v->kind != VAL_NULL ? v : NULL;
}

bool import_is_true(const struct value *v)
{
	if (!v || v->kind == VAL_BOOL)
		return v && v->truth;
	return (v->kind == VAL_STRING || v->kind == VAL_NUMBER) &&
	       (str_is_nocase(value_str(v), "true") || str_is(value_str(v), "1"));
}

static const char *full_name(struct import *im, const char *name)
{
	return im->prefix[0] ? arena_printf(im->r.a, "%s%s", im->prefix, name) : name;
}

static void dirty(struct import *im)
{
	link_fault(&im->r, DIAG_XR803, NULL, "a value is not UTF-8 text, or holds a control character");
}

bool import_scalar(struct import *im, const struct value *v, struct str *ret_text)
{
	switch (v->kind) {
	case VAL_BOOL:
		*ret_text = v->truth ? STR("true") : STR("false");
		return true;
	case VAL_NULL:
		*ret_text = STR("");
		return true;
	case VAL_STRING:
	case VAL_NUMBER:
		if (!text_is_clean(value_str(v)))
			break;
		*ret_text = (struct str){ arena_memdup(im->r.a, v->text, v->len), v->len };
		return true;
	default:
		return false;
	}
	dirty(im);
	return false;
}

void import_plain(struct import *im, const char *param, struct str text)
{
	if (text_is_clean(text))
		param_read(&im->r, str_of(param), text);
	else
		dirty(im);
}

static void bad_kind(struct import *im, const struct import_key *key, const char *wanted)
{
	link_fault(&im->r, DIAG_XR808, NULL, "'%s' must be %s", full_name(im, key->name), wanted);
}

static bool scalar_of(struct import *im, const struct value *v, const struct import_key *key, struct str *ret_text)
{
	if (import_scalar(im, v, ret_text))
		return true;
	if (v->kind == VAL_ARRAY || v->kind == VAL_OBJECT)
		bad_kind(im, key, "a text");
	return false;
}

void import_unknown(struct import *im, const char *name, const struct value *v)
{
	bool plain = v->kind == VAL_STRING || v->kind == VAL_NUMBER;
	struct str text = plain ? value_str(v) : param_compact(im->r.a, v);

	name = full_name(im, name);
	if (!text_is_clean(str_of(name)) || !text_is_clean(text)) {
		dirty(im);
		return;
	}
	param_unknown(&im->r, str_of(name), (struct str){ arena_memdup(im->r.a, text.p, text.len), text.len });
}

static const struct import_key *find(const struct import *im, const struct import_table *t, struct str name)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct import_key *k = &t->keys[i];
		if ((!k->protocols || k->protocols & 1u << im->r.n->protocol.v) && str_is(name, k->name))
			return k;
	}
	return NULL;
}

bool import_knows(const struct import *im, const struct import_table *t, struct str name)
{
	return find(im, t, name) != NULL;
}

bool import_is_one_of(struct str s, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_is_nocase(s, names[i]))
			return true;
	return false;
}

int import_no_kind(struct diag_sink *sink, struct span at, const char *noun)
{
	diag_help(sink, diag_add(sink, DIAG_XR862, at, "this %s is of a kind that xrat does not know", noun),
		  "known kinds are vless, vmess, trojan, shadowsocks, socks, http, hysteria2 and wireguard");
	return 1;
}

void import_walk(struct import *im, const struct value *object, const struct import_table *t)
{
	for (uint32_t i = 0; i < object->n_members && im->r.faults < LINK_MAX_FAULTS; i++) {
		const struct member *m = &object->members[i];
		const struct import_key *key = find(im, t, member_key(m));

		if (m->value.kind == VAL_NULL)
			continue;
		if (key)
			key->read(im, &m->value, key);
		else
			import_unknown(im, arena_memdup(im->r.a, m->key, m->key_len), &m->value);
	}
}

void import_walk_in(struct import *im, const struct value *object, const struct import_table *t, const char *name)
{
	const char *outer = im->prefix;

	im->prefix = arena_printf(im->r.a, "%s%s.", outer, name);
	import_walk(im, object, t);
	im->prefix = outer;
}

IMPORT_READER(import_param)
{
	struct str text;

	if (scalar_of(im, v, key, &text))
		param_read(&im->r, str_of(key->param), text);
}

/* Commas of an item would make two of it. */
static bool join(struct import *im, const struct value *v, const struct import_key *key, struct str *ret_text)
{
	struct str text;
	char *out;
	size_t len = 0;

	for (uint32_t i = 0; i < v->n; i++) {
		if (!scalar_of(im, &v->items[i], key, &text))
			return false;
		if (text.len && memchr(text.p, ',', text.len)) {
			bad_kind(im, key, "a list of texts without commas");
			return false;
		}
		len += text.len + 1;
	}
	out = arena_alloc(im->r.a, len + 1);
	len = 0;
	for (uint32_t i = 0; i < v->n && import_scalar(im, &v->items[i], &text); i++) {
		if (i)
			out[len++] = ',';
		memcpy(out + len, text.p, text.len);
		len += text.len;
	}
	*ret_text = (struct str){ out, len };
	return true;
}

IMPORT_READER(import_list)
{
	struct str text;

	if (v->kind == VAL_ARRAY ? join(im, v, key, &text) : scalar_of(im, v, key, &text))
		param_read(&im->r, str_of(key->param), text);
}

IMPORT_READER(import_object)
{
	if (v->kind != VAL_OBJECT)
		bad_kind(im, key, "an object");
	else if (v->n_members)
		param_read(&im->r, str_of(key->param), param_compact(im->r.a, v));
}

IMPORT_READER(import_ignore)
{
	(void)im;
	(void)v;
	(void)key;
}

IMPORT_READER(import_off)
{
	bool off = v->kind == VAL_BOOL ? !v->truth : v->kind == VAL_OBJECT ? !v->n_members : !v->n;

	if (v->kind == VAL_NUMBER || v->kind == VAL_STRING)
		off = !v->len || str_is(value_str(v), "0") || str_is_nocase(value_str(v), "false") ||
			str_is_nocase(value_str(v), "none");
	if (!off)
		import_unknown(im, key->name, v);
}

IMPORT_READER(import_sub)
{
	if (v->kind == VAL_OBJECT)
		import_walk_in(im, v, key->sub, key->name);
	else
		bad_kind(im, key, "an object");
}

IMPORT_READER(import_one)
{
	if (v->kind != VAL_ARRAY || v->n > 1 || (v->n && v->items[0].kind != VAL_OBJECT))
		bad_kind(im, key, "a list of one object");
	else if (v->n)
		import_walk_in(im, &v->items[0], key->sub, key->name);
}

IMPORT_READER(import_tuning)
{
	value_put(im->r.a, &im->tuning, key->param ? key->param : key->name, *v);
}

IMPORT_READER(import_name)
{
	struct str text;

	if (scalar_of(im, v, key, &text))
		node_text(&im->r.n->name, text, im->r.at);
}

IMPORT_READER(import_address)
{
	struct str text;

	if (scalar_of(im, v, key, &text))
		link_read_address(&im->r, text, full_name(im, key->name));
}

IMPORT_READER(import_port)
{
	struct str text;

	if (scalar_of(im, v, key, &text))
		link_read_port(&im->r, text);
}

IMPORT_READER(import_uuid)
{
	struct str text;

	if (scalar_of(im, v, key, &text))
		link_read_uuid(&im->r, text);
}

IMPORT_READER(import_password)
{
	struct str text;

	if (scalar_of(im, v, key, &text) && text.len)
		node_secret(&im->r.n->password, text, im->r.at);
}

IMPORT_READER(import_user)
{
	struct str text;

	if (scalar_of(im, v, key, &text) && text.len)
		node_text(&im->r.n->user, text, im->r.at);
}

IMPORT_READER(import_method)
{
	struct str text;

	if (scalar_of(im, v, key, &text) && text.len)
		node_text(&im->r.n->method, (struct str){ str_lower(im->r.a, text), text.len }, im->r.at);
}

/* A header field in node.headers; a list of one is a text. */
static void put_header(struct import *im, const struct member *m, struct value *headers)
{
	const struct value *v = &m->value;

	if (v->kind == VAL_ARRAY && v->n == 1)
		v = &v->items[0];
	if (v->kind != VAL_STRING || !text_is_clean(value_str(v)) || !text_is_clean(member_key(m)))
		link_fault(&im->r, DIAG_XR808, NULL, "'%sheaders' must be an object of texts", im->prefix);
	else
		value_put(im->r.a, headers, arena_memdup(im->r.a, m->key, m->key_len), *v);
}

void import_headers(struct import *im, const struct value *v)
{
	static const struct import_key host = { .name = "headers.Host", .param = "host" };
	struct value headers = value_object(im->r.at);

	if (v->kind != VAL_OBJECT) {
		link_fault(&im->r, DIAG_XR808, NULL, "'%sheaders' must be an object of texts", im->prefix);
		return;
	}
	for (uint32_t i = 0; i < v->n_members && im->r.faults < LINK_MAX_FAULTS; i++) {
		const struct member *m = &v->members[i];
		bool is_host = str_is_nocase(member_key(m), host.name + 8);
		if (is_host && !im->r.n->host.set)
			import_list(im, &m->value, &host);
		else if (!is_host)
			put_header(im, m, &headers);
		else if (m->value.kind != VAL_STRING || !str_is(value_str(&m->value), im->r.n->host.s))
			link_fault(&im->r, DIAG_XR807, "keep one of them", "'host' and the header 'Host' differ");
	}
	if (headers.n_members)
		im->r.n->headers = (struct raw){ .v = headers, .at = im->r.at, .set = true };
}

void import_begin(struct import *im, struct arena *a, struct diag_sink *sink, struct span at, bool lenient,
		  const char *noun, struct node *n)
{
	*im = (struct import){
		.r = { .a = a, .sink = sink, .at = at, .scheme = "unknown", .noun = noun, .lenient = lenient, .n = n },
		.prefix = "", .tuning = value_object(at),
	};
}

void import_protocol(struct import *im, enum node_protocol p)
{
	im->r.scheme = node_protocol_names[p];
	node_num(&im->r.n->protocol, p, im->r.at);
}

static void need(struct import *im, bool there, enum diag_code code, const char *what)
{
	if (!there)
		link_fault(&im->r, code, NULL, "%s is missing", what);
}

static void check_whole(struct import *im)
{
	const struct node *n = im->r.n;
	unsigned p = 1u << n->protocol.v;

	need(im, n->address.set, DIAG_XR802, "the server's address");
	need(im, n->port.set, DIAG_XR802, "the server's port");
	if (p & (FOR(VLESS) | FOR(VMESS)))
		need(im, n->uuid.set, DIAG_XR809, "the UUID");
	else if (!(p & (FOR(SOCKS) | FOR(HTTP))))
		need(im, n->password.set, DIAG_XR809, "the password or key");
	else if (n->password.set && !n->user.set)
		node_text(&im->r.n->user, STR(""), im->r.at);
	if (p & FOR(SHADOWSOCKS))
		need(im, n->method.set, DIAG_XR809, "the method");
}

/* Stored nodes travel as links, so each must have one that can be read again. */
static void check_link(struct import *im)
{
	const char *link = link_write(im->r.a, im->r.n);

	if (!link || strlen(link) > LINK_MAX_BYTES)
		link_fault(&im->r, DIAG_XR802, NULL, "it cannot be written as a share link");
}

int import_end(struct import *im)
{
	if (im->tuning.n_members)
		param_read(&im->r, STR("extra"), param_compact(im->r.a, &im->tuning));
	link_set_defaults(im->r.n, im->r.at);
	if (!im->r.faults)
		check_whole(im);
	if (!im->r.faults)
		check_link(im);
	return im->r.faults != 0;
}
