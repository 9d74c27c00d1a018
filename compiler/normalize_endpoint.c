/* One endpoint: its link with the other keys laid over it, its profile, its defaults, and what must go together. */
#include <string.h>

#include "compiler/decode_impl.h"
#include "compiler/normalize_impl.h"

struct profile {
	const char *name;
	int protocol, transport, security;
	const char *flow;
};
static const struct profile profiles[] = {
	{ "trojan-tls", NODE_TROJAN, NODE_TCP, NODE_TLS, "" },
	{ "vless-tls-vision", NODE_VLESS, NODE_TCP, NODE_TLS, "xtls-rprx-vision" },
	{ "vless-reality-vision", NODE_VLESS, NODE_TCP, NODE_REALITY, "xtls-rprx-vision" },
	{ "vless-ws-tls", NODE_VLESS, NODE_WS, NODE_TLS, "" },
	{ "vless-grpc-tls", NODE_VLESS, NODE_GRPC, NODE_TLS, "" },
	{ "vless-xhttp-tls", NODE_VLESS, NODE_XHTTP, NODE_TLS, "" },
	{ "vless-xhttp-reality", NODE_VLESS, NODE_XHTTP, NODE_REALITY, "" },
	{ "vmess-ws-tls", NODE_VMESS, NODE_WS, NODE_TLS, "" },
	{ "shadowsocks", NODE_SHADOWSOCKS, NODE_TCP, NODE_NONE, "" },
	{ "socks", NODE_SOCKS, NODE_TCP, NODE_NONE, "" },
	{ "http", NODE_HTTP, NODE_TCP, NODE_NONE, "" },
};

/* An endpoint while it is worked on. */
struct work {
	const struct norm *nm;
	struct endpoint *e;
	struct node own;  /* what the file says beside the link */
	bool link_unread; /* the link is refused or its source is missing: what it would fill in is unknown */
	bool stored;      /* a node that was read before; what it leaves out is off, as in a link */
};

static const char *who(const struct work *w)
{
	return w->e->label ? w->e->label : arena_printf(w->nm->a, "endpoint '%s'", w->e->tag.s);
}

static void fill_null_texts(struct node *n)
{
	for (size_t i = 0; i < node_fields_n; i++) {
		void *place = (char *)n + node_fields[i].offset;

		if (node_fields[i].kind == NODE_F_TEXT && !((struct text *)place)->s)
			((struct text *)place)->s = "";
		if (node_fields[i].kind == NODE_F_SECRET && !((struct secret *)place)->s)
			((struct secret *)place)->s = "";
	}
}

/* The masks must know the secrets that came in with a link. */
static void register_secrets(const struct work *w)
{
	for (size_t i = 0; i < node_fields_n; i++) {
		struct secret *s = (struct secret *)((char *)&w->e->node + node_fields[i].offset);

		if (node_fields[i].kind == NODE_F_SECRET && s->set)
			secrets_add(w->nm->a, w->nm->d, s);
	}
}

static void read_link(struct work *w)
{
	struct endpoint *e = w->e;
	struct node from = { .port = { .set = false } };

	w->own = e->node;
	if (!e->link.set) {
		w->link_unread = e->link.at.src != 0;
		return;
	}
	if (e->link.missing || link_parse(w->nm->a, w->nm->sink, str_of(e->link.s), e->link.at, &from)) {
		w->link_unread = true;
		return;
	}
	e->node = from;
	node_overlay(&e->node, &w->own);
	register_secrets(w);
}

static void contradiction(const struct work *w, struct span at, const char *key, const char *is, const char *must)
{
	const struct text *p = &w->e->profile;
	struct diag *g =
		diag_add(w->nm->sink, DIAG_XR174, at, "'%s' is '%s', but profile '%s' means '%s'", key, is, p->s, must);

	diag_relate(w->nm->sink, g, p->at, "the profile stands here");
	diag_help(w->nm->sink, g, "remove one of them, or write the long form alone");
}

static void set_num(const struct work *w, struct num *to, const struct num *own, int v, const char *key,
		    const char *const *names)
{
	if (own->set && own->v != v)
		contradiction(w, own->at, key, names[own->v], names[v]);
	*to = (struct num){ v, w->e->profile.at, true };
}

static void apply_profile(const struct work *w)
{
	struct node *n = &w->e->node;
	const struct profile *p = profiles;

	while (!str_is(str_of(w->e->profile.s), p->name))
		p++;
	set_num(w, &n->protocol, &w->own.protocol, p->protocol, "protocol", node_protocol_names);
	set_num(w, &n->transport, &w->own.transport, p->transport, "transport", node_transport_names);
	set_num(w, &n->security, &w->own.security, p->security, "security", node_security_names);
	if (w->own.flow.set && !str_is(str_of(p->flow), w->own.flow.s) &&
	    !(p->flow[0] && str_starts(str_of(w->own.flow.s), p->flow)))
		contradiction(w, w->own.flow.at, "flow", w->own.flow.s, p->flow);
	else if (w->own.flow.set)
		return;
	n->flow = (struct text){ p->flow, w->e->profile.at, true };
}

/* The long form, where keys may be left out. A link says everything itself: what it leaves out is off. */
static void default_stream(const struct work *w)
{
	struct node *n = &w->e->node;

	if (!n->protocol.set)
		n->protocol.v = NODE_TROJAN;
	if (!n->transport.set)
		n->transport.v = NODE_TCP;
	if (n->security.set)
		return;
	n->security.v = NODE_NONE;
	if (n->public_key.set && n->public_key.s[0])
		n->security.v = NODE_REALITY;
	else if (n->protocol.v == NODE_TROJAN || (n->protocol.v == NODE_VLESS && !w->e->link.set && !w->stored))
		n->security.v = NODE_TLS;
}

/* Stand-ins for what a link that could not be read would have given, and for an address whose fault is reported
 * already: later stages shall see a whole endpoint and not complain about what follows from that fault. */
static void stand_in(const struct work *w)
{
	struct endpoint *e = w->e;
	struct node *n = &e->node;

	if (!n->address.s[0]) {
		n->address.s = arena_printf(w->nm->a, "endpoint-%u.invalid", e->at.begin);
		e->hostname.s = n->address.s;
		if (!e->tag.set)
			e->tag.s = arena_printf(w->nm->a, "proxy-endpoint-%u-invalid", e->at.begin);
	}
	if (!n->port.set)
		n->port.v = 443;
	if (!n->password.set && e->link.missing)
		n->password = e->link;
	if (!n->uuid.set && e->link.missing)
		n->uuid = e->link;
}

static void default_names(const struct work *w)
{
	struct endpoint *e = w->e;
	const char *clean;
	struct diag *g;

	if (!e->hostname.s[0])
		e->hostname.s = e->node.address.s;
	if (!e->node.address.s[0])
		e->node.address.s = e->hostname.s;
	if (!e->tag.set && !e->tag.at.src) {
		clean = name_sanitise(w->nm->a, str_of(e->hostname.s));
		e->tag.s = arena_printf(w->nm->a, "proxy-%s", clean[0] ? clean : "endpoint");
	}
	if (!e->tag.s[0] || str_starts_nocase(str_of(e->tag.s), "proxy-"))
		return;
	g = diag_add(w->nm->sink, DIAG_XR170, e->tag.at, "tag '%s' of an endpoint does not begin with 'proxy-'",
		     e->tag.s);
	diag_help(w->nm->sink, g, "write 'proxy-%s', or remove the key to get a tag made from the hostname", e->tag.s);
}

static void need_address(const struct work *w)
{
	const struct node *n = &w->e->node;

	if (!n->address.s[0] && !w->own.address.at.src && !w->e->hostname.at.src)
		diag_help(w->nm->sink, diag_add(w->nm->sink, DIAG_XR176, w->e->at, "an endpoint has no address"),
			  "add 'hostname', 'address' or 'link'");
	else if (!n->address.s[0] && (w->own.address.set || w->e->hostname.set))
		diag_add(w->nm->sink, DIAG_XR176, at_or(w->own.address.at, w->e->hostname.at),
			 "the address of an endpoint is empty");
	if (!n->port.set && num_absent(&w->own.port))
		diag_help(w->nm->sink,
			  diag_add(w->nm->sink, DIAG_XR176, w->e->at, "%s has no port", who(w)),
			  "add 'port'");
}

/* A pin decides which certificate is right, so nothing else may wave one through. */
static void apply_pin(const struct work *w)
{
	struct node *n = &w->e->node;
	struct diag *g;

	if (!n->pinned_peer_cert_sha256.s[0])
		return;
	if (!n->verify_peer_cert_by_name.set && n->server_name.s[0])
		n->verify_peer_cert_by_name = (struct text){ n->server_name.s, n->pinned_peer_cert_sha256.at, true };
	if (!n->allow_insecure.v)
		return;
	g = diag_add(w->nm->sink, DIAG_XR189, n->allow_insecure.at,
		     "'allow_insecure' is off, because the certificate is pinned");
	diag_relate(w->nm->sink, g, n->pinned_peer_cert_sha256.at, "the pin stands here");
	n->allow_insecure.v = false;
}

/* Trimmed, each once without regard to case, order kept. */
static void clean_alpn(const struct work *w)
{
	struct texts *t = &w->e->node.alpn;
	struct map *seen = map_new(w->nm->a, t->n);
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		struct str s = str_trim(str_of(t->v[i].s));
		struct text *one = &t->v[i];

		if (!s.len || map_put(seen, str_of(str_lower(w->nm->a, s)), one) != one)
			continue;
		one->s = arena_memdup(w->nm->a, s.p, s.len);
		t->v[n++] = *one;
	}
	t->n = n;
}

void norm_uuid(const struct norm *nm, const struct secret *s, const char *what)
{
	struct diag *g;

	if (!s->set || s->missing || name_is_uuid(str_of(s->s)))
		return;
	g = diag_add(nm->sink, DIAG_XR177, s->at, "'%s' is not a UUID of 36 characters", what);
	diag_help(nm->sink, g, "write it as 8-4-4-4-12 hex digits; a shorter text would silently become another UUID");
}

static void need(const struct work *w, bool absent, const char *key, const char *protocol)
{
	struct diag *g;

	if (!absent)
		return;
	g = diag_add(w->nm->sink, DIAG_XR175, w->e->at, "%s has no '%s', which %s needs", who(w), key, protocol);
	diag_help(w->nm->sink, g, "add '%s'", key);
}

static void cred_uuid(const struct work *w)
{
	struct node *n = &w->e->node;
	bool by_password = secret_absent(&n->uuid) && n->password.set;

	if (by_password)
		n->uuid = n->password;
	need(w, secret_absent(&n->uuid), "uuid", node_protocol_names[n->protocol.v]);
	if (!secret_absent(&n->uuid))
		norm_uuid(w->nm, &n->uuid, by_password ? "password" : "uuid");
	if (!n->encryption.s[0])
		n->encryption.s = n->protocol.v == NODE_VLESS ? "none" : "auto";
}

static void cred_password(const struct work *w)
{
	need(w, secret_absent(&w->e->node.password), "password", node_protocol_names[w->e->node.protocol.v]);
}

static void cred_shadowsocks(const struct work *w)
{
	need(w, text_absent(&w->e->node.method), "method", "shadowsocks");
	cred_password(w);
}

/* Both or neither. */
static void cred_account(const struct work *w)
{
	const struct node *n = &w->e->node;
	bool no_user = text_absent(&n->user), no_password = secret_absent(&n->password);

	need(w, no_user && !no_password, "user", "a password");
	need(w, !no_user && no_password, "password", "a user");
}

static void (*const credentials[NODE_PROTOCOL__N])(const struct work *w) = {
	[NODE_VLESS] = cred_uuid,         [NODE_VMESS] = cred_uuid,    [NODE_TROJAN] = cred_password,
	[NODE_SHADOWSOCKS] = cred_shadowsocks, [NODE_SOCKS] = cred_account, [NODE_HTTP] = cred_account,
};

static void cannot(const struct work *w, struct span at, const char *why, const char *help)
{
	struct diag *g = diag_add(w->nm->sink, DIAG_XR173, at_or(at, at_or(w->e->profile.at, w->e->at)), "%s", why);

	diag_help(w->nm->sink, g, "%s", help);
}

static void check_vision(const struct work *w)
{
	const struct node *n = &w->e->node;

	if (!n->flow.s[0])
		return;
	if (n->protocol.v != NODE_VLESS) {
		cannot(w, n->flow.at, "'flow' belongs to vless alone", "remove 'flow', or use protocol = \"vless\"");
		return;
	}
	if (!str_is(str_of(n->encryption.s), "none"))
		return; /* VLESS encryption gives vision what it needs over any transport */
	if (n->transport.v != NODE_TCP)
		cannot(w, n->flow.at, "vision works over tcp alone: it takes the TLS connection itself",
		       "use transport = \"tcp\", or remove 'flow'");
	if (n->security.v == NODE_NONE)
		cannot(w, n->flow.at, "vision needs TLS or REALITY: there is nothing it could pass through",
		       "use security = \"tls\" or \"reality\", or remove 'flow'");
}

bool norm_is_x25519(const char *s)
{
	return strlen(s) == 43 && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == 43;
}

bool norm_is_short_id(const char *s)
{
	size_t n = strlen(s);

	return n <= 16 && n % 2 == 0 && strspn(s, "0123456789abcdefABCDEF") == n;
}

static void check_reality(const struct work *w)
{
	const struct node *n = &w->e->node;

	if (n->security.v != NODE_REALITY)
		return;
	if (n->transport.v != NODE_TCP && n->transport.v != NODE_XHTTP && n->transport.v != NODE_GRPC)
		cannot(w, n->security.at, "REALITY works over tcp, xhttp and grpc alone",
		       "use one of these transports, or security = \"tls\"");
	need(w, text_absent(&n->public_key), "public_key", "REALITY");
	if (n->public_key.s[0] && !norm_is_x25519(n->public_key.s))
		diag_add(w->nm->sink, DIAG_XR163, n->public_key.at, "'public_key' must be 43 characters of base64url");
	if (!norm_is_short_id(n->short_id.s))
		diag_add(w->nm->sink, DIAG_XR163, n->short_id.at,
			 "'short_id' must be an even number of hex digits, at most 16");
}

static void check_mode(const struct work *w)
{
	const struct text *mode = &w->e->node.mode;
	bool gun = str_is(str_of(mode->s), "gun") || str_is(str_of(mode->s), "multi");

	if (!mode->s[0])
		return;
	if (w->e->node.transport.v == NODE_GRPC && !gun)
		cannot(w, mode->at, "grpc has the modes gun and multi alone", "write one of them, or remove 'mode'");
	if (w->e->node.transport.v == NODE_XHTTP && gun)
		cannot(w, mode->at, "xhttp has the modes auto, packet-up, stream-up and stream-one alone",
		       "write one of them, or remove 'mode'");
}

/* Keys that only some transports or securities read: written for another one, they would do nothing. */
#define T(x) (1u << NODE_##x)
#define HTTPISH (T(WS) | T(HTTPUPGRADE) | T(XHTTP))
static const struct {
	const char *key;
	size_t offset;
	unsigned transports, securities; /* 0 = any */
	const char *who;
} belongs[] = {
	{ "path", offsetof(struct node, path), HTTPISH, 0, "ws, httpupgrade and xhttp" },
	{ "host", offsetof(struct node, host), HTTPISH, 0, "ws, httpupgrade and xhttp" },
	{ "service_name", offsetof(struct node, service_name), T(GRPC), 0, "grpc" },
	{ "authority", offsetof(struct node, authority), T(GRPC), 0, "grpc" },
	{ "mode", offsetof(struct node, mode), T(GRPC) | T(XHTTP), 0, "grpc and xhttp" },
	{ "public_key", offsetof(struct node, public_key), 0, T(REALITY), "REALITY" },
	{ "short_id", offsetof(struct node, short_id), 0, T(REALITY), "REALITY" },
	{ "spider_x", offsetof(struct node, spider_x), 0, T(REALITY), "REALITY" },
	{ "server_name", offsetof(struct node, server_name), 0, T(TLS) | T(REALITY), "TLS and REALITY" },
	{ "fingerprint", offsetof(struct node, fingerprint), 0, T(TLS) | T(REALITY), "TLS and REALITY" },
	{ "pinned_peer_cert_sha256", offsetof(struct node, pinned_peer_cert_sha256), 0, T(TLS), "TLS" },
	{ "verify_peer_cert_by_name", offsetof(struct node, verify_peer_cert_by_name), 0, T(TLS), "TLS" },
};

static void check_belongs(const struct work *w)
{
	const struct node *n = &w->e->node;

	for (size_t i = 0; i < sizeof(belongs) / sizeof(belongs[0]); i++) {
		const struct text *t = (const struct text *)((const char *)&w->own + belongs[i].offset);
		bool by_transport = !belongs[i].transports || (belongs[i].transports >> n->transport.v & 1);
		bool by_security = !belongs[i].securities || (belongs[i].securities >> n->security.v & 1);
		struct diag *g;

		if (!t->set || !t->s[0] || (by_transport && by_security))
			continue;
		g = diag_add(w->nm->sink, DIAG_XR188, t->at, "'%s' has no effect here: it belongs to %s",
			     belongs[i].key, belongs[i].who);
		diag_help(w->nm->sink, g, "this endpoint uses %s with security %s",
			  node_transport_names[n->transport.v], node_security_names[n->security.v]);
	}
}

/* What was refused is not judged again in combination. */
static bool stream_refused(const struct work *w)
{
	const struct node *o = &w->own;

	return (!o->protocol.set && o->protocol.at.src) || (!o->transport.set && o->transport.at.src) ||
	       (!o->security.set && o->security.at.src) || (!w->e->profile.set && w->e->profile.at.src);
}

static void check_parts(const struct work *w)
{
	need_address(w);
	if (credentials[w->e->node.protocol.v])
		credentials[w->e->node.protocol.v](w);
	check_vision(w);
	check_reality(w);
	check_mode(w);
	check_belongs(w);
}

void norm_endpoint(const struct norm *nm, struct endpoint *e)
{
	struct work w = { .nm = nm, .e = e };

	read_link(&w);
	fill_null_texts(&e->node);
	fill_null_texts(&w.own);
	if (e->profile.set)
		apply_profile(&w);
	else
		default_stream(&w);
	default_names(&w);
	apply_pin(&w);
	clean_alpn(&w);
	if (!w.link_unread && !stream_refused(&w))
		check_parts(&w);
	stand_in(&w);
}

void norm_node(const struct norm *nm, struct endpoint *e)
{
	struct work w = { .nm = nm, .e = e, .stored = true };

	register_secrets(&w);
	fill_null_texts(&e->node);
	fill_null_texts(&w.own);
	e->hostname.s = e->node.address.s;
	default_stream(&w);
	apply_pin(&w);
	clean_alpn(&w);
	check_parts(&w);
}
