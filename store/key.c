/* The key of a connection: SHA-256 over every field that decides it. The text that is hashed, version 2:
 *
 *   "xrat-node-2" then for each field, in the order of node_fields, that is set and not empty:
 *   NAME KIND LENGTH ":" VALUE        lengths in bytes, so that no two lists of fields give the same text
 *
 * KIND is t (text, number), s (secret), e and f (secret by variable, by file), l (list: LENGTH items, each LENGTH ":" VALUE)
 * and j (JSON, members sorted by key). A field that a later version adds leaves the keys of nodes without it as they are.
 *
 * Not part of it: the name, and the user where it is a label alone (all but socks and http).
 * Normalised before, so that two spellings of one connection meet: empty = not set, false = not set, alterId 0 = not set;
 * transport tcp = not set; security as the compiler completes it where it needs no more than the node; host names in
 * lower case; a UUID in lower case; server name = address when not set (TLS, REALITY); host = server name, else address,
 * and path = "/", when not set (ws, httpupgrade, xhttp); encryption none (vless), auto (vmess); mode auto (xhttp), gun
 * (grpc). Where it is not certain that two spellings mean the same they stay two: a node too many is a nuisance, a node
 * that swallowed another one is a loss. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/nodes.h"

static void add(struct buf *out, char kind, struct str value)
{
	buf_printf(out, "%c%zu:", kind, value.len);
	buf_add(out, value.p, value.len);
}

static void add_text(struct buf *out, const void *field)
{
	struct str s = str_of(((const struct text *)field)->s);

	if (s.len)
		add(out, 't', s);
}

static void add_num(struct buf *out, const void *field)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%lld", (long long)((const struct num *)field)->v);

	add(out, 't', (struct str){ digits, (size_t)n });
}

static void add_flag(struct buf *out, const void *field)
{
	if (((const struct flag *)field)->v)
		add(out, 't', STR("true"));
}

static void add_secret(struct buf *out, const void *field)
{
	static const char kinds[] = { [SECRET_LITERAL] = 's', [SECRET_ENV] = 'e', [SECRET_FILE] = 'f' };
	const struct secret *s = field;

	add(out, kinds[s->kind], str_of(s->kind == SECRET_LITERAL ? s->s : s->ref));
}

static void add_texts(struct buf *out, const void *field)
{
	const struct texts *t = field;

	if (t->n)
		buf_printf(out, "l%u:", t->n);
	for (uint32_t i = 0; i < t->n; i++)
		add(out, 't', str_of(t->v[i].s));
}

static int by_key(const void *a, const void *b)
{
	struct str x = member_key(*(const struct member *const *)a), y = member_key(*(const struct member *const *)b);
	int order = memcmp(x.p, y.p, x.len < y.len ? x.len : y.len);

	return order ? order : (x.len > y.len) - (x.len < y.len);
}

static void add_value(struct buf *out, const struct value *v);

static void add_members(struct buf *out, const struct value *v)
{
	const struct member **sorted = calloc(v->n_members ? v->n_members : 1, sizeof(*sorted));

	out->failed |= !sorted;
	if (!sorted)
		return;
	for (uint32_t i = 0; i < v->n_members; i++)
		sorted[i] = &v->members[i];
	qsort(sorted, v->n_members, sizeof(*sorted), by_key);
	for (uint32_t i = 0; i < v->n_members; i++) {
		buf_puts(out, i ? "," : "{");
		json_write_string(out, member_key(sorted[i]));
		buf_putc(out, ':');
		add_value(out, &sorted[i]->value);
	}
	buf_puts(out, v->n_members ? "}" : "{}");
	free(sorted);
}

static void add_value(struct buf *out, const struct value *v)
{
	if (v->kind == VAL_OBJECT) {
		add_members(out, v);
		return;
	}
	if (v->kind != VAL_ARRAY) {
		json_write_compact(out, v);
		return;
	}
	for (uint32_t i = 0; i < v->n; i++) {
		buf_puts(out, i ? "," : "[");
		add_value(out, &v->items[i]);
	}
	buf_puts(out, v->n ? "]" : "[]");
}

static void add_raw(struct buf *out, const void *field)
{
	const struct value *v = &((const struct raw *)field)->v;
	struct buf text = { 0 };

	if (v->kind == VAL_OBJECT && !v->n_members)
		return;
	add_value(&text, v);
	out->failed |= text.failed;
	if (!text.failed)
		add(out, 'j', (struct str){ text.p, text.len });
	buf_fini(&text);
}

#define KIND(type) { offsetof(struct type, set), add_##type }
static const struct {
	size_t set;
	void (*add)(struct buf *, const void *);
} kinds[] = {
	[NODE_F_TEXT] = KIND(text),   [NODE_F_NUM] = KIND(num),   [NODE_F_SECRET] = KIND(secret),
	[NODE_F_TEXTS] = KIND(texts), [NODE_F_FLAG] = KIND(flag), [NODE_F_RAW] = KIND(raw),
};
#undef KIND

/* --- normalising -------------------------------------------------------------------------------------------------- */

/* Lower-case copies live in `out`, one behind the other; it is reserved first, so that they stay where they are. */
static void lower(struct buf *out, const char **s)
{
	const char *from = *s;

	if (!from || out->failed)
		return;
	*s = out->p + out->len;
	for (; *from; from++)
		out->p[out->len++] = *from >= 'A' && *from <= 'Z' ? (char)(*from + 32) : *from;
	out->p[out->len++] = '\0';
}

static size_t room(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

static void lower_names(struct node *n, struct buf *out)
{
	enum { UUID_LEN = 36 };

	buf_reserve(out, room(n->address.s) + room(n->server_name.s) + room(n->host.s) + room(n->uuid.s) +
		    room(n->method.s));
	lower(out, &n->address.s);
	lower(out, &n->server_name.s);
	lower(out, &n->host.s);
	lower(out, &n->method.s);
	if (str_of(n->uuid.s).len == UUID_LEN) /* other texts are hashed to one, as they stand */
		lower(out, &n->uuid.s);
}

static bool is_blank(const struct text *t)
{
	return !t->set || !t->s || !t->s[0];
}

static void fill(struct text *t, const struct text *from)
{
	if (is_blank(t))
		*t = *from;
}

/* Nothing where the text is the one that stands for it. */
static void drop(struct text *t, const char *nothing)
{
	if (!is_blank(t) && str_is(str_of(t->s), nothing))
		t->set = false;
}

static void complete_security(struct node *n)
{
	bool reality = !is_blank(&n->public_key);
	/* A vless link without it means none, a desired file TLS. */
	bool certain = reality || (n->protocol.v != NODE_VLESS && n->protocol.v != NODE_HYSTERIA2);

	if (n->security.set || !certain)
		return;
	n->security.set = true;
	n->security.v = reality ? NODE_REALITY : n->protocol.v == NODE_TROJAN ? NODE_TLS : NODE_NONE;
}

static void complete_names(struct node *n)
{
	static const struct text slash = { .s = "/", .set = true };
	bool http = n->transport.v == NODE_WS || n->transport.v == NODE_HTTPUPGRADE || n->transport.v == NODE_XHTTP;

	if (n->security.set && n->security.v != NODE_NONE)
		fill(&n->server_name, &n->address);
	if (!http || !n->security.set)
		return;
	fill(&n->host, n->security.v != NODE_NONE ? &n->server_name : &n->address);
	fill(&n->path, &slash);
}

static void normalise(struct node *n, struct buf *texts)
{
	static const char *const modes[NODE_TRANSPORT__N] = { [NODE_GRPC] = "gun", [NODE_XHTTP] = "auto" };
	static const char *const encryptions[NODE_PROTOCOL__N] = { [NODE_VLESS] = "none", [NODE_VMESS] = "auto" };

	if (!n->transport.set)
		n->transport = (struct num){ .v = NODE_TCP, .set = true };
	lower_names(n, texts);
	complete_security(n);
	complete_names(n);
	n->name.set = false;
	n->user.set &= n->protocol.v == NODE_SOCKS || n->protocol.v == NODE_HTTP;
	n->alter_id.set &= n->alter_id.v != 0;
	if (modes[n->transport.v])
		drop(&n->mode, modes[n->transport.v]);
	if (encryptions[n->protocol.v])
		drop(&n->encryption, encryptions[n->protocol.v]);
}

int store_key(const struct node *node, char ret_key[STORE_KEY_TEXT])
{
	enum { PREFIX = 3, DIGEST = 32 };
	struct node n = *node;
	struct buf texts = { 0 }, out = { 0 };

	normalise(&n, &texts);
	buf_puts(&out, "xrat-node-2");
	for (size_t i = 0; i < node_fields_n; i++) {
		const struct node_field *f = &node_fields[i];
		const char *field = (const char *)&n + f->offset;
		size_t before = out.len;

		if (!*(const bool *)(field + kinds[f->kind].set))
			continue;
		buf_printf(&out, "\n%s ", f->name);
		size_t named = out.len;
		kinds[f->kind].add(&out, field);
		if (out.len == named && !out.failed)
			out.len = before; /* empty */
	}
	bool failed = out.failed || texts.failed;
	if (!failed) {
		memcpy(ret_key, "v2:", PREFIX);
		sha256_hex((struct str){ out.p, out.len }, DIGEST, ret_key + PREFIX);
	}
	buf_fini(&texts);
	buf_fini(&out);
	return failed ? -ENOMEM : 0;
}
