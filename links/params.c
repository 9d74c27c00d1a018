/* The rows, and what each kind of parameter does to a node. Sources: the VMessAEAD/VLESS share link proposal, SIP002,
 * the hysteria 2 URI scheme, the links xp2p writes, and what clients are seen to write. */
#include "links/params.h"

#include <stddef.h>
#include <string.h>

#define P(protocol) (1u << NODE_##protocol)
#define STREAM (P(VLESS) | P(VMESS) | P(TROJAN) | P(SHADOWSOCKS))
#define TLS (STREAM | P(HTTP) | P(HYSTERIA2))
#define ALL ((1u << NODE_PROTOCOL__N) - 1)
#define AT(field) offsetof(struct node, field)

static const char *const header_types[] = { "none", "http", "srtp", "utp", "wechat-video", "dtls", "wireguard", "dns",
	NULL };
static const char *const modes[] = { "gun", "multi", "auto", "packet-up", "stream-up", "stream-one", NULL };
static const char *const flows[] = { "xtls-rprx-vision", "xtls-rprx-vision-udp443", NULL };
static const char *const packet_encodings[] = { "xudp", "none", NULL };
static const char *const obfs_kinds[] = { "salamander", NULL };

const struct param params[] = {
	{ "type", "net network", PARAM_TRANSPORT, STREAM, AT(transport), NULL },
	{ "security", NULL, PARAM_SECURITY, STREAM, AT(security), NULL },
	{ "encryption", NULL, PARAM_TEXT, P(VLESS) | P(VMESS), AT(encryption), NULL },
	{ "flow", NULL, PARAM_TEXT, P(VLESS), AT(flow), flows },
	{ "sni", "peer servername serverName", PARAM_TEXT, TLS, AT(server_name), NULL },
	{ "alpn", NULL, PARAM_ALPN, TLS, AT(alpn), NULL },
	{ "fp", "fingerprint", PARAM_TEXT, TLS, AT(fingerprint), NULL },
	{ "allowInsecure", "insecure allow_insecure skip-cert-verify", PARAM_FLAG, TLS, AT(allow_insecure), NULL },
	{ "pcs", "pinnedPeerCertSha256 pinSHA256", PARAM_TEXT, TLS, AT(pinned_peer_cert_sha256), NULL },
	{ "vcn", "verifyPeerCertByName", PARAM_TEXT, TLS, AT(verify_peer_cert_by_name), NULL },
	{ "ech", NULL, PARAM_EXTRA, TLS, 0, NULL },
	{ "pbk", "publicKey", PARAM_TEXT, STREAM, AT(public_key), NULL },
	{ "sid", "shortId", PARAM_TEXT, STREAM, AT(short_id), NULL },
	{ "spx", "spiderX", PARAM_TEXT, STREAM, AT(spider_x), NULL },
	{ "pqv", NULL, PARAM_EXTRA, STREAM, 0, NULL },
	{ "host", NULL, PARAM_TEXT, STREAM, AT(host), NULL },
	{ "path", NULL, PARAM_TEXT, STREAM, AT(path), NULL },
	{ "serviceName", NULL, PARAM_TEXT, STREAM, AT(service_name), NULL },
	{ "authority", NULL, PARAM_TEXT, STREAM, AT(authority), NULL },
	{ "mode", NULL, PARAM_TEXT, STREAM, AT(mode), modes },
	{ "headerType", NULL, PARAM_EXTRA, STREAM, 0, header_types },
	{ "seed", NULL, PARAM_EXTRA, STREAM, 0, NULL },
	{ "ed", NULL, PARAM_EXTRA_INT, STREAM, 0, NULL },
	{ "extra", NULL, PARAM_EXTRA_JSON, STREAM, 0, NULL },
	{ "fm", NULL, PARAM_EXTRA_JSON, STREAM | P(HYSTERIA2), 0, NULL },
	{ "packetEncoding", NULL, PARAM_EXTRA, P(VLESS) | P(VMESS), 0, packet_encodings },
	{ "alterId", "aid", PARAM_INT, P(VMESS), AT(alter_id), NULL },
	{ "plugin", NULL, PARAM_EXTRA, P(SHADOWSOCKS), 0, NULL },
	{ "obfs", NULL, PARAM_EXTRA, P(HYSTERIA2), 0, obfs_kinds },
	{ "obfs-password", NULL, PARAM_EXTRA, P(HYSTERIA2), 0, NULL },
	{ "mport", NULL, PARAM_EXTRA, P(HYSTERIA2), 0, NULL },
	{ "upmbps", "up", PARAM_EXTRA_INT, P(HYSTERIA2), 0, NULL },
	{ "downmbps", "down", PARAM_EXTRA_INT, P(HYSTERIA2), 0, NULL },
	{ "publickey", "publicKey peer-public-key", PARAM_TEXT, P(WIREGUARD), AT(public_key), NULL },
	{ "presharedkey", "preSharedKey psk", PARAM_EXTRA, P(WIREGUARD), 0, NULL },
	{ "address", "ip", PARAM_EXTRA, P(WIREGUARD), 0, NULL },
	{ "reserved", NULL, PARAM_EXTRA, P(WIREGUARD), 0, NULL },
	{ "allowedips", "allowedIPs", PARAM_EXTRA, P(WIREGUARD), 0, NULL },
	{ "mtu", NULL, PARAM_EXTRA_INT, P(WIREGUARD), 0, NULL },
	{ "keepalive", "keepAlive", PARAM_EXTRA_INT, P(WIREGUARD), 0, NULL },
	/* labels, without any effect on the connection */
	{ "remark", NULL, PARAM_EXTRA, ALL, 0, NULL },
	{ "remarks", NULL, PARAM_EXTRA, ALL, 0, NULL },
	{ "name", NULL, PARAM_EXTRA, ALL, 0, NULL },
	{ "group", NULL, PARAM_EXTRA, ALL, 0, NULL },
	{ "email", NULL, PARAM_EXTRA, ALL, 0, NULL },
};
const size_t params_n = sizeof(params) / sizeof(params[0]);
_Static_assert(sizeof(params) / sizeof(params[0]) <= PARAMS_MAX, "link_reader.seen is too small");

int link_fault(struct link_reader *r, enum diag_code code, const char *help, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *msg = arena_vprintf(r->a, fmt, ap);
	va_end(ap);
	struct diag *d = diag_add(r->sink, code, r->at, "%s link: %s", r->scheme, msg);
	if (help)
		diag_help(r->sink, d, "%s", help);
	r->faults++;
	return 1;
}

/* A name is shown only when it looks like one: a broken link could have a secret in its place. */
static const char *shown(struct link_reader *r, struct str name)
{
	bool plain = name.len > 0 && name.len <= 32;

	for (size_t i = 0; plain && i < name.len; i++) {
		char c = name.p[i], l = (char)(c | 0x20);
		plain = (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
	}
	return plain ? arena_memdup(r->a, name.p, name.len) : "?";
}

static bool is_word_of(const char *words, struct str name)
{
	struct str rest = str_of(words);

	while (rest.len)
		if (str_eq(str_cut(&rest, ' '), name))
			return true;
	return false;
}

static const struct param *param_find(unsigned protocol, struct str name)
{
	for (size_t i = 0; i < params_n; i++) {
		const struct param *p = &params[i];
		if (p->protocols & 1u << protocol && (str_is(name, p->name) || is_word_of(p->aliases, name)))
			return p;
	}
	return NULL;
}

void extra_put(struct arena *a, struct node *n, struct str key, struct value v, struct span at)
{
	if (!n->extra.set)
		n->extra = (struct raw){ .v = value_object(at), .at = at, .set = true };
	value_put(a, &n->extra.v, arena_memdup(a, key.p, key.len), v);
}

int param_json(struct arena *a, struct str text, struct value *ret_value)
{
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);

	if (text.len > JSON_MAX_BYTES)
		return 1;
	uint32_t src = sources_add(sources, "link", text.p, (uint32_t)text.len);
	return json_parse(a, sink, src, false, ret_value) || diag_count(sink, SEV_ERROR);
}

/* Names of the enum, then aliases; what was removed from the engines has a message of its own. */
struct choice {
	const char *name;
	int value;
};
enum { REMOVED = -1 };
static const struct choice transports[] = {
	{ "tcp", NODE_TCP },       { "raw", NODE_TCP },
	{ "ws", NODE_WS },         { "websocket", NODE_WS },
	{ "grpc", NODE_GRPC },     { "gun", NODE_GRPC },
	{ "xhttp", NODE_XHTTP },   { "splithttp", NODE_XHTTP },
	{ "kcp", NODE_KCP },       { "mkcp", NODE_KCP },
	{ "httpupgrade", NODE_HTTPUPGRADE },
	{ "h2", REMOVED },         { "http", REMOVED },
	{ "quic", REMOVED },       { NULL, 0 },
};
static const struct choice securities[] = {
	{ "none", NODE_NONE }, { "tls", NODE_TLS }, { "reality", NODE_REALITY }, { "xtls", REMOVED }, { NULL, 0 },
};
static const struct choice booleans[] = {
	{ "1", 1 }, { "0", 0 }, { "true", 1 }, { "false", 0 }, { NULL, 0 },
};

static bool choose(struct link_reader *r, const char *name, const struct choice *c, struct str value, int *ret_value)
{
	for (; c->name; c++) {
		if (!str_is_nocase(value, c->name))
			continue;
		if (c->value == REMOVED)
			link_fault(r, DIAG_XR810,
				   "ask for a link with type tcp, ws, grpc, httpupgrade, xhttp or kcp and security tls "
				   "or reality",
				   "parameter '%s' asks for '%s', which no engine has any more", name, c->name);
		*ret_value = c->value;
		return c->value != REMOVED;
	}
	link_fault(r, DIAG_XR808, NULL, "parameter '%s' has a value that is not known", name);
	return false;
}

static void read_choice(struct link_reader *r, const struct param *p, const struct choice *choices, struct str value)
{
	int v;

	if (choose(r, p->name, choices, value, &v))
		node_num((struct num *)((char *)r->n + p->offset), v, r->at);
}

static void read_flag(struct link_reader *r, const struct param *p, struct str value)
{
	int v;

	if (choose(r, p->name, booleans, value, &v))
		*(struct flag *)((char *)r->n + p->offset) = (struct flag){ .v = v, .set = true, .at = r->at };
}

static void read_text(struct link_reader *r, const struct param *p, struct str value)
{
	node_text((struct text *)((char *)r->n + p->offset), value, r->at);
}

/* A comma list; empty items count for nothing. */
static void read_alpn(struct link_reader *r, const struct param *p, struct str value)
{
	struct texts list = { .v = arena_array(r->a, struct text, value.len / 2 + 1), .set = true, .at = r->at };

	while (value.len) {
		struct str item = str_trim(str_cut(&value, ','));
		if (item.len)
			node_text(&list.v[list.n++], (struct str){ arena_memdup(r->a, item.p, item.len), item.len },
				  r->at);
	}
	if (list.n)
		*(struct texts *)((char *)r->n + p->offset) = list;
}

static bool is_int(struct link_reader *r, const struct param *p, struct str value, int64_t *ret_value)
{
	if (!str_int(value, ret_value) && *ret_value >= 0 && *ret_value <= 1000000)
		return true;
	link_fault(r, DIAG_XR808, NULL, "parameter '%s' is not a number from 0 to 1000000", p->name);
	return false;
}

static void read_int(struct link_reader *r, const struct param *p, struct str value)
{
	int64_t v;

	if (is_int(r, p, value, &v))
		node_num((struct num *)((char *)r->n + p->offset), v, r->at);
}

static void read_extra(struct link_reader *r, const struct param *p, struct str value)
{
	extra_put(r->a, r->n, str_of(p->name), value_string_n(value, r->at), r->at);
}

static void read_extra_int(struct link_reader *r, const struct param *p, struct str value)
{
	int64_t v;

	if (is_int(r, p, value, &v))
		extra_put(r->a, r->n, str_of(p->name), value_number(r->a, v, r->at), r->at);
}

/* Places inside a link are not places of a file: the whole tree takes the link's. */
static void place_all(struct value *v, struct span at)
{
	v->span = at;
	for (uint32_t i = 0; v->kind == VAL_ARRAY && i < v->n; i++)
		place_all(&v->items[i], at);
	for (uint32_t i = 0; v->kind == VAL_OBJECT && i < v->n_members; i++) {
		v->members[i].key_span = at;
		place_all(&v->members[i].value, at);
	}
}

static void read_extra_json(struct link_reader *r, const struct param *p, struct str value)
{
	struct value v;

	if (param_json(r->a, value, &v) || v.kind != VAL_OBJECT) {
		link_fault(r, DIAG_XR808, NULL, "parameter '%s' is not a JSON object", p->name);
		return;
	}
	place_all(&v, r->at);
	extra_put(r->a, r->n, str_of(p->name), v, r->at);
}

static void read_transport(struct link_reader *r, const struct param *p, struct str value)
{
	read_choice(r, p, transports, value);
}

static void read_security(struct link_reader *r, const struct param *p, struct str value)
{
	read_choice(r, p, securities, value);
}

static void (*const readers[])(struct link_reader *, const struct param *, struct str) = {
	[PARAM_TEXT] = read_text,         [PARAM_TRANSPORT] = read_transport, [PARAM_SECURITY] = read_security,
	[PARAM_FLAG] = read_flag,         [PARAM_ALPN] = read_alpn,           [PARAM_INT] = read_int,
	[PARAM_EXTRA] = read_extra,       [PARAM_EXTRA_INT] = read_extra_int, [PARAM_EXTRA_JSON] = read_extra_json,
};

/* Whether this is the first time; otherwise the fault is reported. */
static bool first_time(struct link_reader *r, const struct param *p, struct str name, struct str value)
{
	size_t row = (size_t)(p - params);

	if (!r->seen[row].name) {
		r->seen[row].name = shown(r, name);
		r->seen[row].value = value;
		return true;
	}
	if (str_is(name, r->seen[row].name))
		link_fault(r, DIAG_XR806, "keep one of them", "parameter '%s' stands twice", p->name);
	else if (!str_eq(value, r->seen[row].value))
		link_fault(r, DIAG_XR807, "keep one of them", "parameters '%s' and '%s' mean the same and differ",
			   r->seen[row].name, shown(r, name));
	return false;
}

/* xp2p's own parameters say nothing to an engine; they are kept for whoever reads the link next. */
static void read_free(struct link_reader *r, struct str name, struct str value)
{
	if (r->n->extra.set && value_member(&r->n->extra.v, name)) {
		link_fault(r, DIAG_XR806, "keep one of them", "parameter '%s' stands twice", shown(r, name));
		return;
	}
	extra_put(r->a, r->n, name, value_string_n(value, r->at), r->at);
}

static bool is_allowed(const struct param *p, struct str value)
{
	for (const char *const *v = p->values; v && *v; v++)
		if (str_is_nocase(value, *v))
			return true;
	return !p->values;
}

void param_read(struct link_reader *r, struct str name, struct str value)
{
	const struct param *p = param_find((unsigned)r->n->protocol.v, name);

	if (!p && str_starts(name, "xp2p_")) {
		read_free(r, name, value);
		return;
	}
	if (!p) {
		link_fault(r, DIAG_XR805,
			"remove it if the connection works without it; xrat never ignores what it does not understand",
			"parameter '%s' is not known", shown(r, name));
		return;
	}
	if (!first_time(r, p, name, value) || !value.len)
		return;
	if (!is_allowed(p, value)) {
		link_fault(r, DIAG_XR808, NULL, "parameter '%s' has a value that is not known", p->name);
		return;
	}
	readers[p->kind](r, p, value);
}

static bool extra_text(struct arena *a, const struct value *v, const char **ret_text)
{
	if (v->kind == VAL_STRING || v->kind == VAL_NUMBER) {
		*ret_text = arena_memdup(a, v->text, v->len);
		return true;
	}
	struct buf b = { 0 };
	json_write_compact(&b, v);
	*ret_text = arena_memdup(a, b.p ? b.p : "", b.len);
	buf_fini(&b);
	return true;
}

static bool alpn_text(struct arena *a, const struct texts *list, const char **ret_text)
{
	const char *joined = "";

	for (uint32_t i = 0; i < list->n; i++)
		joined = arena_printf(a, "%s%s%s", joined, i ? "," : "", list->v[i].s);
	*ret_text = joined;
	return list->set && list->n;
}

static bool text_text(const struct text *t, const char **ret_text)
{
	*ret_text = t->s;
	return t->set && t->s && *t->s;
}

static bool num_text(struct arena *a, const struct num *num, const char *const *names, const char **ret_text)
{
	if (!num->set)
		return false;
	*ret_text = names ? names[num->v] : arena_printf(a, "%lld", (long long)num->v);
	return true;
}

bool param_text(struct arena *a, const struct param *p, const struct node *n, const char **ret_text)
{
	const void *field = (const char *)n + p->offset;
	const struct value *extra = n->extra.set ? value_get(&n->extra.v, p->name) : NULL;

	switch (p->kind) {
	case PARAM_TEXT:
		return text_text(field, ret_text);
	case PARAM_TRANSPORT:
		return num_text(a, field, node_transport_names, ret_text);
	case PARAM_SECURITY:
		return num_text(a, field, node_security_names, ret_text);
	case PARAM_INT:
		return num_text(a, field, NULL, ret_text);
	case PARAM_FLAG:
		*ret_text = ((const struct flag *)field)->v ? "1" : "0";
		return ((const struct flag *)field)->set;
	case PARAM_ALPN:
		return alpn_text(a, field, ret_text);
	case PARAM_EXTRA:
	case PARAM_EXTRA_INT:
	case PARAM_EXTRA_JSON:
		return extra && extra_text(a, extra, ret_text);
	}
	return false;
}

bool extra_is_free(const struct node *n, const struct member *m)
{
	const struct param *p = param_find((unsigned)n->protocol.v, member_key(m));

	return !p || p->kind < PARAM_EXTRA;
}
