/* streamSettings of an endpoint: network, security and the one transport that is selected. */
#include <string.h>

#include "compiler/base_impl.h"

const struct value *stream_extra(const struct node *n, const char *name)
{
	const struct value *v = n->extra.set ? value_get(&n->extra.v, name) : NULL;

	return v && (v->kind != VAL_STRING || v->len) ? v : NULL;
}

static struct str extra_text(const struct node *n, const char *name)
{
	const struct value *v = stream_extra(n, name);

	return v && v->kind == VAL_STRING ? value_str(v) : (struct str){ NULL, 0 };
}

/* Header type "http": what the first bytes look like. Lists are written with commas in links. */
static struct value http_header(const struct maker *m, const struct node *n, struct span at)
{
	struct value header = base_object(at), request = base_object(at), headers = base_object(at), list;
	struct str rest;

	put_str(m, &header, "type", "http");
	if (text_given(&n->path)) {
		list = value_array(span_or(n->path.at, at));
		for (rest = str_of(n->path.s); rest.len;)
			value_push(m->a, &list, value_string_n(str_cut(&rest, ','), list.span));
		value_put(m->a, &request, "path", list);
	}
	if (text_given(&n->host)) {
		list = value_array(span_or(n->host.at, at));
		for (rest = str_of(n->host.s); rest.len;)
			value_push(m->a, &list, value_string_n(str_cut(&rest, ','), list.span));
		value_put(m->a, &headers, "Host", list);
		value_put(m->a, &request, "headers", headers);
	}
	if (request.n_members)
		value_put(m->a, &header, "request", request);
	return header;
}

static void tcp(const struct maker *m, struct value *o, const struct node *n)
{
	struct value none = base_object(o->span);

	if (str_is_nocase(extra_text(n, "headerType"), "http")) {
		value_put(m->a, o, "header", http_header(m, n, o->span));
		return;
	}
	put_str(m, &none, "type", "none");
	value_put(m->a, o, "header", none);
}

/* "ed" of a link becomes what engines read from the path: "/path?ed=2048". */
static void put_path(const struct maker *m, struct value *o, const struct node *n)
{
	const struct value *ed = stream_extra(n, "ed");
	const char *path = text_given(&n->path) ? n->path.s : "/";

	if (ed && !strchr(path, '?'))
		path = base_format(m, "%s?ed=%.*s", path, (int)ed->len, ed->text);
	value_put(m->a, o, "path", value_string(path, span_or(n->path.at, o->span)));
}

static void put_headers(const struct maker *m, struct value *o, const struct node *n)
{
	if (n->headers.set)
		value_put(m->a, o, "headers", n->headers.v);
}

static void ws(const struct maker *m, struct value *o, const struct node *n)
{
	struct value headers = n->headers.set ? value_clone(m->a, &n->headers.v) : base_object(o->span);

	put_path(m, o, n);
	if (target_has(m->t, CAP_WS_HOST))
		put_text_if(m, o, "host", &n->host);
	else
		put_text_if(m, &headers, "Host", &n->host);
	if (headers.n_members)
		value_put(m->a, o, "headers", headers);
}

static void grpc(const struct maker *m, struct value *o, const struct node *n)
{
	put_text_if(m, o, "serviceName", &n->service_name);
	put_text_if(m, o, "authority", &n->authority);
	if (text_given(&n->mode))
		value_put(m->a, o, "multiMode",
			  value_bool(str_is(str_of(n->mode.s), "multi"), span_or(n->mode.at, o->span)));
}

static void httpupgrade(const struct maker *m, struct value *o, const struct node *n)
{
	put_path(m, o, n);
	put_text_if(m, o, "host", &n->host);
	put_headers(m, o, n);
}

static void xhttp(const struct maker *m, struct value *o, const struct node *n)
{
	const struct value *extra = stream_extra(n, "extra");

	put_path(m, o, n);
	put_text_if(m, o, "host", &n->host);
	put_text_if(m, o, "mode", &n->mode);
	put_headers(m, o, n);
	if (extra)
		value_put(m->a, o, "extra", *extra);
}

static void kcp(const struct maker *m, struct value *o, const struct node *n)
{
	const struct value *type = stream_extra(n, "headerType"), *seed = stream_extra(n, "seed");
	struct value header = base_object(o->span);

	if (type) {
		value_put(m->a, &header, "type", *type);
		value_put(m->a, o, "header", header);
	}
	if (seed)
		value_put(m->a, o, "seed", *seed);
}

static const struct {
	const char *network, *key;
	void (*put)(const struct maker *, struct value *, const struct node *);
} transports[NODE_TRANSPORT__N] = {
	[NODE_TCP] = { "tcp", "tcpSettings", tcp },
	[NODE_WS] = { "ws", "wsSettings", ws },
	[NODE_GRPC] = { "grpc", "grpcSettings", grpc },
	[NODE_HTTPUPGRADE] = { "httpupgrade", "httpupgradeSettings", httpupgrade },
	[NODE_XHTTP] = { "xhttp", "xhttpSettings", xhttp },
	[NODE_KCP] = { "kcp", "kcpSettings", kcp },
};

/* "extra" of the other transports holds members of their settings as an imported outbound had them. */
static void put_tuning(const struct maker *m, struct value *settings, const struct node *n)
{
	const struct value *extra = n->transport.v == NODE_XHTTP ? NULL : stream_extra(n, "extra");

	for (uint32_t i = 0; extra && extra->kind == VAL_OBJECT && i < extra->n_members; i++) {
		const struct member *from = &extra->members[i];
		struct member *there = value_member(settings, member_key(from));
		if (there)
			there->value = from->value;
		else
			value_put(m->a, settings, base_format(m, "%.*s", (int)from->key_len, from->key), from->value);
	}
}

static void put_transport(const struct maker *m, struct value *stream, const struct node *n)
{
	struct value settings = base_object(stream->span);

	transports[n->transport.v].put(m, &settings, n);
	put_tuning(m, &settings, n);
	value_put(m->a, stream, transports[n->transport.v].key, settings);
}

/* hysteria: port hopping and rates moved between versions. */
static void hysteria_rates(const struct maker *m, const struct node *n, struct value *quic, struct value *own)
{
	bool in_quic = target_has(m->t, CAP_QUIC_PARAMS);
	struct value *o = in_quic ? quic : own, hop = base_object(o->span);
	const struct value *up = stream_extra(n, "upmbps"), *down = stream_extra(n, "downmbps"),
			   *ports = stream_extra(n, "mport");

	if (up)
		put_str(m, o, in_quic ? "brutalUp" : "up", base_format(m, "%.*s mbps", (int)up->len, up->text));
	if (down)
		put_str(m, o, in_quic ? "brutalDown" : "down", base_format(m, "%.*s mbps", (int)down->len, down->text));
	if (!ports)
		return;
	value_put(m->a, &hop, in_quic ? "ports" : "port", *ports);
	if (stream_extra(n, "hopInterval"))
		value_put(m->a, &hop, "interval", *stream_extra(n, "hopInterval"));
	value_put(m->a, o, in_quic ? "udpHop" : "udphop", hop);
}

static struct value finalmask(const struct maker *m, const struct node *n, const struct value *quic)
{
	const struct value *fm = stream_extra(n, "fm"), *password = stream_extra(n, "obfs-password");
	struct value mask = fm ? value_clone(m->a, fm) : base_object(quic->span);
	struct value udp = value_array(quic->span), layer = base_object(quic->span), settings = base_object(quic->span);

	if (stream_extra(n, "obfs")) {
		put_str(m, &layer, "type", "salamander");
		if (password)
			value_put(m->a, &settings, "password", *password);
		value_put(m->a, &layer, "settings", settings);
		value_push(m->a, &udp, layer);
		value_put(m->a, &mask, "udp", udp);
	}
	if (quic->n_members)
		value_put(m->a, &mask, "quicParams", *quic);
	return mask;
}

static struct value hysteria_stream(const struct maker *m, const struct endpoint *e)
{
	struct value s = base_object(e->at), own = base_object(e->at), quic = base_object(e->at), mask;

	put_str(m, &s, "network", "hysteria");
	security_put(m, &s, e);
	value_put_int(m->a, &own, "version", 2);
	put_secret(m, &own, "auth", &e->node.password);
	hysteria_rates(m, &e->node, &quic, &own);
	value_put(m->a, &s, "hysteriaSettings", own);
	mask = finalmask(m, &e->node, &quic);
	if (mask.n_members)
		value_put(m->a, &s, "finalmask", mask);
	return s;
}

/* Shadowsocks, SOCKS and HTTP run over plain TCP unless something else is said. */
static bool is_plain(const struct node *n)
{
	bool bare = n->protocol.v == NODE_SHADOWSOCKS || n->protocol.v == NODE_SOCKS || n->protocol.v == NODE_HTTP;

	return bare && n->transport.v == NODE_TCP && n->security.v == NODE_NONE && !stream_extra(n, "headerType") &&
	       !stream_extra(n, "fm");
}

struct value base_stream(const struct maker *m, const struct endpoint *e)
{
	const struct node *n = &e->node;
	struct value s = base_object(e->at);

	if (n->protocol.v == NODE_WIREGUARD || is_plain(n))
		return (struct value){ .kind = VAL_NONE };
	if (n->protocol.v == NODE_HYSTERIA2)
		return hysteria_stream(m, e);
	value_put(m->a, &s, "network",
		  value_string(transports[n->transport.v].network, span_or(n->transport.at, e->at)));
	security_put(m, &s, e);
	put_transport(m, &s, n);
	if (stream_extra(n, "fm"))
		value_put(m->a, &s, "finalmask", *stream_extra(n, "fm"));
	return s;
}
