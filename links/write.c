/* Nodes to share links: the same rows of parameters, in their order. */
#include <string.h>

#include "links/codec.h"
#include "links/links.h"
#include "links/reader.h"

static void put_encoded(struct buf *b, const char *s)
{
	percent_encode(b, str_of(s));
}

static void user_uuid(struct buf *b, const struct node *n)
{
	put_encoded(b, n->uuid.s);
}

static void user_password(struct buf *b, const struct node *n)
{
	put_encoded(b, n->password.s);
}

static void user_pair(struct buf *b, const struct node *n)
{
	put_encoded(b, n->user.s);
	if (n->password.set) {
		buf_putc(b, ':');
		put_encoded(b, n->password.s);
	}
}

/* SIP022 wants the 2022 methods in plain text; the older ones are base64 for the sake of older readers. */
static void user_ss(struct buf *b, const struct node *n)
{
	struct buf pair = { 0 };

	if (str_starts_nocase(str_of(n->method.s), "2022-")) {
		put_encoded(b, n->method.s);
		buf_putc(b, ':');
		put_encoded(b, n->password.s);
		return;
	}
	buf_printf(&pair, "%s:%s", n->method.s, n->password.s);
	base64url_encode(b, (struct str){ pair.p, pair.len });
	buf_fini(&pair);
}

static bool has_uuid(const struct node *n)
{
	return n->uuid.set;
}
static bool has_password(const struct node *n)
{
	return n->password.set && n->password.s && *n->password.s;
}
static bool has_method(const struct node *n)
{
	return has_password(n) && n->method.set;
}
static bool has_user(const struct node *n)
{
	return n->user.set;
}

static const struct form {
	const char *scheme, *secure; /* secure: with TLS */
	void (*user)(struct buf *, const struct node *);
	bool (*has_user)(const struct node *);
	bool required; /* no link without a user */
} forms[NODE_PROTOCOL__N] = {
	[NODE_VLESS] = { "vless", "vless", user_uuid, has_uuid, true },
	[NODE_VMESS] = { "vmess", "vmess", user_uuid, has_uuid, true },
	[NODE_TROJAN] = { "trojan", "trojan", user_password, has_password, true },
	[NODE_SHADOWSOCKS] = { "ss", "ss", user_ss, has_method, true },
	[NODE_SOCKS] = { "socks5", NULL, user_pair, has_user, false },
	[NODE_HTTP] = { "http", "https", user_pair, has_user, false },
	[NODE_HYSTERIA2] = { "hysteria2", "hysteria2", user_password, has_password, true },
	[NODE_WIREGUARD] = { "wireguard", NULL, user_password, has_password, true },
};

static void put_param(struct buf *b, char *sep, struct str name, struct str text)
{
	buf_putc(b, *sep);
	*sep = '&';
	percent_encode(b, name);
	buf_putc(b, '=');
	percent_encode(b, text);
}

/* SIP002 knows no transport and no security: they are written where a reader would miss them alone. */
static bool goes_without(const struct node *n, const char *name)
{
	return n->protocol.v == NODE_SHADOWSOCKS &&
	       ((str_is(str_of(name), "type") && n->transport.v == NODE_TCP) ||
		(str_is(str_of(name), "security") && n->security.v == NODE_NONE));
}

static void put_params(struct arena *a, struct buf *b, const struct node *n)
{
	char sep = '?';
	const char *text;

	for (size_t i = 0; i < params_n; i++)
		if (params[i].protocols & 1u << n->protocol.v && !goes_without(n, params[i].name) &&
		    param_text(a, &params[i], n, &text))
			put_param(b, &sep, str_of(params[i].name), str_of(text));
	for (uint32_t i = 0; n->extra.set && i < n->extra.v.n_members; i++) {
		const struct member *m = &n->extra.v.members[i];
		if (extra_is_free(n, m) && m->value.kind == VAL_STRING)
			put_param(b, &sep, member_key(m), value_str(&m->value));
	}
}

static void put_server(struct buf *b, const struct node *n)
{
	bool v6 = strchr(n->address.s, ':') != NULL;

	buf_printf(b, v6 ? "[%s]:%lld" : "%s:%lld", n->address.s, (long long)n->port.v);
}

static void put_url(struct arena *a, struct buf *b, const struct node *n, const struct form *f, const char *scheme)
{
	buf_printf(b, "%s://", scheme);
	if (f->has_user(n)) {
		f->user(b, n);
		buf_putc(b, '@');
	}
	put_server(b, n);
	put_params(a, b, n);
	if (n->name.set) {
		buf_putc(b, '#');
		put_encoded(b, n->name.s);
	}
}

char *link_write(struct arena *a, const struct node *n)
{
	struct buf b = { 0 };
	const struct form *f = &forms[n->protocol.v];
	const char *scheme = n->security.v == NODE_NONE ? f->scheme : f->secure;

	if (!scheme || !n->address.set || !n->port.set || (f->required && !f->has_user(n)))
		return NULL;
	if (n->protocol.v != NODE_VMESS || !vmess_write_json(a, n, &b))
		put_url(a, &b, n, f, scheme);
	char *link = b.failed ? NULL : arena_memdup(a, b.p, b.len);
	buf_fini(&b);
	return link;
}
