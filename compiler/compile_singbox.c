/* Nodes in the words of sing-box (outbounds of 1.10 and later), for export alone. What it lacks is asked of its row in
 * model/target.c; what is not written here for other reasons is refused by name. */
#include "compiler/base_impl.h"
#include "compiler/session_impl.h"

static const char *const types[NODE_PROTOCOL__N] = {
	[NODE_VLESS] = "vless", [NODE_VMESS] = "vmess", [NODE_TROJAN] = "trojan", [NODE_SHADOWSOCKS] = "shadowsocks",
	[NODE_SOCKS] = "socks", [NODE_HTTP] = "http",   [NODE_HYSTERIA2] = "hysteria2",
};

/* Link parameters without a place in what is written here. */
static const struct {
	const char *name, *why;
} unsaid[] = {
	{ "ech", "ECH is not exported" },
	{ "pqv", "it has no post-quantum check of REALITY" },
	{ "headerType", "it has no such header" },
};

static bool says_extras(const struct maker *m, const struct endpoint *e)
{
	bool ok = true;

	for (size_t i = 0; i < sizeof(unsaid) / sizeof(*unsaid); i++) {
		const struct value *v = stream_extra(&e->node, unsaid[i].name);
		if (!v || (v->kind == VAL_STRING && str_is_nocase(value_str(v), "none")))
			continue;
		diag_add(m->sink, DIAG_XR618, v->span, "parameter '%s' of the link of %s cannot be followed by sing-box: %s",
			 unsaid[i].name, e->label, unsaid[i].why);
		ok = false;
	}
	return ok;
}

static bool says_node(const struct maker *m, const struct endpoint *e)
{
	const struct node *n = &e->node;
	bool ok = says_extras(m, e);

	if (text_given(&n->authority)) {
		diag_add(m->sink, DIAG_XR618, n->authority.at,
			 "parameter 'authority' of the link of %s cannot be followed by sing-box: it sends the server's name",
			 e->label);
		ok = false;
	}
	if (n->protocol.v == NODE_VLESS && !str_is(str_of(n->encryption.s), "none")) {
		diag_add(m->sink, DIAG_XR616, n->encryption.at, "sing-box has no VLESS encryption, which %s uses", e->label);
		ok = false;
	}
	return ok;
}

/* --- credentials --------------------------------------------------------------------------------------------------- */
static void vless(const struct maker *m, struct value *o, const struct node *n)
{
	put_secret(m, o, "uuid", &n->uuid);
	put_text_if(m, o, "flow", &n->flow);
	if (stream_extra(n, "packetEncoding"))
		value_put(m->a, o, "packet_encoding", *stream_extra(n, "packetEncoding"));
}

static void vmess(const struct maker *m, struct value *o, const struct node *n)
{
	put_secret(m, o, "uuid", &n->uuid);
	put_text(m, o, "security", &n->encryption);
	if (n->alter_id.v)
		put_num(m, o, "alter_id", &n->alter_id);
}

static void password(const struct maker *m, struct value *o, const struct node *n)
{
	put_secret(m, o, "password", &n->password);
}

static void shadowsocks(const struct maker *m, struct value *o, const struct node *n)
{
	put_text(m, o, "method", &n->method);
	password(m, o, n);
}

static void login(const struct maker *m, struct value *o, const struct node *n)
{
	if (!text_given(&n->user))
		return;
	put_text(m, o, "username", &n->user);
	password(m, o, n);
}

static void put_rate(const struct maker *m, struct value *o, const char *key, const struct node *n, const char *name)
{
	if (stream_extra(n, name))
		value_put(m->a, o, key, *stream_extra(n, name));
}

/* "2000-3000,4000" as ["2000:3000", "4000:4000"]. */
static void put_ports(const struct maker *m, struct value *o, const struct value *ports)
{
	struct value list = value_array(ports->span);
	struct str rest = value_str(ports);

	while (rest.len) {
		struct str last = str_cut(&rest, ','), first = str_cut(&last, '-');
		if (!last.len)
			last = first;
		value_push(m->a, &list, value_string(base_format(m, "%.*s:%.*s", (int)first.len, first.p, (int)last.len,
								 last.p), ports->span));
	}
	value_put(m->a, o, "server_ports", list);
}

static void hysteria(const struct maker *m, struct value *o, const struct node *n)
{
	const struct value *ports = stream_extra(n, "mport"), *key = stream_extra(n, "obfs-password");
	struct value obfs = base_object(o->span);

	if (ports)
		put_ports(m, o, ports);
	put_rate(m, o, "up_mbps", n, "upmbps");
	put_rate(m, o, "down_mbps", n, "downmbps");
	if (stream_extra(n, "obfs")) {
		put_str(m, &obfs, "type", "salamander");
		if (key)
			value_put(m->a, &obfs, "password", *key);
		value_put(m->a, o, "obfs", obfs);
	}
	password(m, o, n);
}

static void (*const credentials[NODE_PROTOCOL__N])(const struct maker *, struct value *, const struct node *) = {
	[NODE_VLESS] = vless, [NODE_VMESS] = vmess, [NODE_TROJAN] = password, [NODE_SHADOWSOCKS] = shadowsocks,
	[NODE_SOCKS] = login, [NODE_HTTP] = login,  [NODE_HYSTERIA2] = hysteria,
};

/* --- tls and transport --------------------------------------------------------------------------------------------- */
static void put_imitation(const struct maker *m, struct value *tls, const struct node *n)
{
	struct value utls = base_object(tls->span), reality = base_object(tls->span);
	bool is_reality = n->security.v == NODE_REALITY;

	if (is_reality || text_given(&n->fingerprint)) {
		value_put_bool(m->a, &utls, "enabled", true);
		put_str(m, &utls, "fingerprint", text_given(&n->fingerprint) ? n->fingerprint.s : "chrome");
		value_put(m->a, tls, "utls", utls);
	}
	if (!is_reality)
		return;
	value_put_bool(m->a, &reality, "enabled", true);
	put_text(m, &reality, "public_key", &n->public_key);
	put_text_if(m, &reality, "short_id", &n->short_id);
	value_put(m->a, tls, "reality", reality);
}

static void put_tls(const struct maker *m, struct value *o, const struct endpoint *e)
{
	const struct node *n = &e->node;
	struct value tls = base_object(o->span);

	if (n->security.v == NODE_NONE)
		return;
	value_put_bool(m->a, &tls, "enabled", true);
	put_text_if(m, &tls, "server_name", &n->server_name);
	if (n->allow_insecure.v)
		put_flag(m, &tls, "insecure", &n->allow_insecure);
	if (n->alpn.n)
		put_texts(m, &tls, "alpn", &n->alpn);
	put_imitation(m, &tls, n);
	value_put(m->a, o, "tls", tls);
}

/* "?ed=N" of a path asks for early data, whose header engines agree on. */
static void put_ws_path(const struct maker *m, struct value *o, const struct node *n)
{
	const struct value *ed = stream_extra(n, "ed");
	struct str rest = str_of(n->path.s), path = str_cut(&rest, '?');
	int64_t bytes = 0;

	if (str_starts(rest, "ed="))
		str_int(str_skip(rest, 3), &bytes);
	else
		path = str_of(n->path.s);
	if (ed)
		value_int(ed, &bytes);
	put_str(m, o, "path", path.len ? arena_memdup(m->a, path.p, path.len) : "/");
	if (bytes <= 0)
		return;
	value_put_int(m->a, o, "max_early_data", bytes);
	put_str(m, o, "early_data_header_name", "Sec-WebSocket-Protocol");
}

static void put_headers(const struct maker *m, struct value *o, const struct node *n, bool with_host)
{
	struct value headers = n->headers.set ? value_clone(m->a, &n->headers.v) : base_object(o->span);

	if (with_host)
		put_text_if(m, &headers, "Host", &n->host);
	if (headers.n_members)
		value_put(m->a, o, "headers", headers);
}

static void put_transport(const struct maker *m, struct value *o, const struct node *n)
{
	struct value t = base_object(o->span);

	if (n->transport.v == NODE_TCP || n->protocol.v == NODE_HYSTERIA2)
		return;
	put_str(m, &t, "type", node_transport_names[n->transport.v]);
	if (n->transport.v == NODE_GRPC) {
		put_text_if(m, &t, "service_name", &n->service_name);
	} else if (n->transport.v == NODE_WS) {
		put_ws_path(m, &t, n);
		put_headers(m, &t, n, true);
	} else {
		put_text_if(m, &t, "host", &n->host);
		put_text_if(m, &t, "path", &n->path);
		put_headers(m, &t, n, false);
	}
	value_put(m->a, o, "transport", t);
}

static struct value outbound(const struct maker *m, const struct endpoint *e)
{
	struct value o = base_object(e->at);

	put_str(m, &o, "type", types[e->node.protocol.v]);
	put_text(m, &o, "tag", &e->tag);
	put_text(m, &o, "server", &e->node.address);
	put_num(m, &o, "server_port", &e->node.port);
	credentials[e->node.protocol.v](m, &o, &e->node);
	put_tls(m, &o, e);
	put_transport(m, &o, &e->node);
	return o;
}

struct value compile_singbox(struct arena *a, struct diag_sink *sink, const struct session_node *nodes, size_t n)
{
	struct desired d = { .role = ROLE_CLIENT };
	struct xconf x = { .role = ROLE_CLIENT, .target = &target_sing_box };
	const struct maker m = { .a = a, .sink = sink, .d = &d, .t = &target_sing_box, .x = &x, .knobs = &d.client.xray };
	struct value list = value_array(SPAN_NONE), root = value_object(SPAN_NONE);
	struct map *taken = map_new(a, n);

	for (size_t i = 0; i < n; i++) {
		const char *tag = outbounds_tag(a, taken, &nodes[i], i + 1);
		struct endpoint e = session_endpoint(a, sink, &nodes[i], tag, n > 1 ? i + 1 : 0);
		unsigned faults = diag_count(sink, SEV_ERROR);
		norm_node(&(struct norm){ a, sink, &d }, &e);
		if (target_takes_endpoint(&m, &e) && says_node(&m, &e) && diag_count(sink, SEV_ERROR) == faults)
			value_push(a, &list, outbound(&m, &e));
	}
	value_put(a, &root, "outbounds", list);
	return root;
}
