/* Share links to nodes: scheme, server, user, parameters, name. */
#include "links/links.h"

#include <string.h>

#include "links/codec.h"
#include "links/reader.h"

/* Up to the first of the characters; *rest begins at that character. */
static struct str take_until(struct str *rest, const char *stops)
{
	size_t n = 0;

	while (n < rest->len && !strchr(stops, rest->p[n]))
		n++;
	struct str taken = { rest->p, n };
	*rest = str_skip(*rest, n);
	return taken;
}

static bool take_char(struct str *rest, char c)
{
	if (!rest->len || rest->p[0] != c)
		return false;
	*rest = str_skip(*rest, 1);
	return true;
}

void link_split_host(struct str authority, struct link_parts *parts)
{
	if (take_char(&authority, '[')) {
		parts->host = take_until(&authority, "]");
		take_char(&authority, ']');
	} else {
		parts->host = take_until(&authority, ":");
	}
	bool stray = authority.len && authority.p[0] != ':';
	parts->port = stray ? STR("?") : str_skip(authority, authority.len != 0);
}

void link_split(struct str rest, struct link_parts *ret_parts)
{
	struct link_parts p = { 0 };
	struct str authority = take_until(&rest, "/?#");

	for (size_t i = authority.len; i-- > 0;) {
		if (authority.p[i] != '@')
			continue;
		p.has_user = true;
		p.user = (struct str){ authority.p, i };
		authority = str_skip(authority, i + 1);
		break;
	}
	link_split_host(authority, &p);
	p.path = take_until(&rest, "?#");
	if (take_char(&rest, '?'))
		p.query = take_until(&rest, "#");
	p.has_name = take_char(&rest, '#');
	p.name = rest;
	*ret_parts = p;
}

bool link_decode(struct link_reader *r, const char *what, struct str s, struct str *ret_text)
{
	int bad = percent_decode(r->a, s, ret_text);

	if (bad == 1)
		link_fault(r, DIAG_XR803, "write a literal '%' as %25",
			   "a '%%' in %s is not followed by two hexadecimal digits", what);
	else if (bad)
		link_fault(r, DIAG_XR803, NULL, "%s is not UTF-8 text, or holds a control character", what);
	return !bad;
}

void link_read_port(struct link_reader *r, struct str port)
{
	int64_t n;

	if (!port.len || port.p[0] == '-' || port.p[0] == '+' || str_int(port, &n) || n < 1 || n > 65535)
		link_fault(r, DIAG_XR802, "write the server as host:port, for example edge.example.net:443",
			   "the port is not a number from 1 to 65535");
	else
		node_num(&r->n->port, n, r->at);
}

void link_read_server(struct link_reader *r, const struct link_parts *p, int default_port)
{
	struct str host = { "", 0 };

	if (!link_decode(r, "the host", p->host, &host))
		return;
	if (!name_is_host(host))
		link_fault(r, DIAG_XR802, "write the server as host:port, an IPv6 address in brackets",
			   "the host is not an address or a DNS name");
	else
		node_text(&r->n->address, host, r->at);
	if (!p->port.len && default_port)
		node_num(&r->n->port, default_port, r->at);
	else
		link_read_port(r, p->port);
}

void link_read_address(struct link_reader *r, struct str s, const char *what)
{
	if (s.len > 1 && s.p[0] == '[' && s.p[s.len - 1] == ']')
		s = (struct str){ arena_memdup(r->a, s.p + 1, s.len - 2), s.len - 2 };
	if (!name_is_host(s))
		link_fault(r, DIAG_XR802, NULL, "'%s' is not an address or a DNS name", what);
	else
		node_text(&r->n->address, s, r->at);
}

void link_read_uuid(struct link_reader *r, struct str s)
{
	if (!name_is_uuid(s))
		link_fault(r, DIAG_XR809, "a UUID looks like 00000000-0000-4000-8000-000000000000",
			   "the user is not a UUID of 36 characters");
	else
		node_secret(&r->n->uuid, s, r->at);
}

void link_read_query(struct link_reader *r, struct str query)
{
	while (query.len) {
		struct str pair = str_cut(&query, '&'), name = str_cut(&pair, '='), value = { "", 0 };
		if (!name.len && !pair.len)
			continue;
		if (link_decode(r, "the name of a parameter", name, &name) &&
		    link_decode(r, "the value of a parameter", pair, &value))
			param_read(r, name, value);
	}
}

/* Who the user part is. */
static void user_uuid(struct link_reader *r, const struct link_parts *p)
{
	struct str s;

	if (link_decode(r, "the user", p->user, &s))
		link_read_uuid(r, s);
}

static void user_password(struct link_reader *r, const struct link_parts *p)
{
	struct str s;

	if (!link_decode(r, "the user", p->user, &s))
		return;
	if (!s.len)
		link_fault(r, DIAG_XR809, NULL, "nothing stands before the '@'");
	else
		node_secret(&r->n->password, s, r->at);
}

static void read_pair(struct link_reader *r, struct str user, struct str password, bool has_password)
{
	node_text(&r->n->user, user, r->at);
	if (has_password)
		node_secret(&r->n->password, password, r->at);
}

static void user_pair(struct link_reader *r, const struct link_parts *p)
{
	struct str user = p->user, password, u, w;
	bool has_password = user.len && memchr(user.p, ':', user.len);

	if (!p->has_user || !user.len)
		return;
	password = user;
	user = str_cut(&password, ':');
	if (link_decode(r, "the user", user, &u) && link_decode(r, "the password", password, &w))
		read_pair(r, u, w, has_password);
}

/* socks:// of some clients has base64 of user:password. */
static void user_pair_or_base64(struct link_reader *r, const struct link_parts *p)
{
	struct str text, password;
	struct str encoded = p->user;

	if (p->user.len && !memchr(p->user.p, ':', p->user.len) && !percent_decode(r->a, encoded, &encoded) &&
	    !base64_decode(r->a, encoded, &text) && memchr(text.p, ':', text.len) && text_is_clean(text)) {
		password = text;
		text = str_cut(&password, ':');
		read_pair(r, (struct str){ arena_memdup(r->a, text.p, text.len), text.len }, password, true);
		return;
	}
	user_pair(r, p);
}

struct scheme {
	const char *name;
	enum node_protocol protocol;
	enum node_security security;
	int default_port;
	void (*user)(struct link_reader *, const struct link_parts *); /* NULL: the form has a reader of its own */
};
static const struct scheme schemes[] = {
	{ "vless", NODE_VLESS, NODE_NONE, 0, user_uuid },
	{ "vmess", NODE_VMESS, NODE_NONE, 0, user_uuid },
	{ "trojan", NODE_TROJAN, NODE_TLS, 0, user_password },
	{ "ss", NODE_SHADOWSOCKS, NODE_NONE, 0, NULL },
	{ "socks", NODE_SOCKS, NODE_NONE, 1080, user_pair_or_base64 },
	{ "socks5", NODE_SOCKS, NODE_NONE, 1080, user_pair },
	{ "http", NODE_HTTP, NODE_NONE, 80, user_pair },
	{ "https", NODE_HTTP, NODE_TLS, 443, user_pair },
	{ "hysteria2", NODE_HYSTERIA2, NODE_TLS, 443, user_password },
	{ "hy2", NODE_HYSTERIA2, NODE_TLS, 443, user_password },
	{ "wireguard", NODE_WIREGUARD, NODE_NONE, 0, user_password },
};

static const struct scheme *scheme_of(struct str *link)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		size_t len = strlen(schemes[i].name);
		if (!str_starts_nocase(*link, schemes[i].name) || !str_starts(str_skip(*link, len), "://"))
			continue;
		*link = str_skip(*link, len + 3);
		return &schemes[i];
	}
	return NULL;
}

static bool is_port_list(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((s.p[i] < '0' || s.p[i] > '9') && s.p[i] != ',' && s.p[i] != '-')
			return false;
	return s.len > 0;
}

/* hysteria 2 writes further ports behind the first one: 443,5000-6000. */
static void split_ports(struct link_reader *r, struct link_parts *p)
{
	struct str more = p->port;
	struct str first = str_cut(&more, ',');

	if (r->n->protocol.v != NODE_HYSTERIA2 || !is_port_list(more))
		return;
	p->port = first;
	param_read(r, STR("mport"), (struct str){ arena_memdup(r->a, more.p, more.len), more.len });
}

static void read_url(struct link_reader *r, const struct scheme *s, struct str rest)
{
	struct link_parts p;
	struct str name;

	link_split(rest, &p);
	split_ports(r, &p);
	link_read_server(r, &p, s->default_port);
	s->user(r, &p);
	if (p.path.len && !str_is(p.path, "/"))
		link_fault(r, DIAG_XR802, "cut off what follows the port", "a path stands behind the server");
	link_read_query(r, p.query);
	if (p.has_name && link_decode(r, "the name", p.name, &name))
		node_text(&r->n->name, name, r->at);
}

void link_set_defaults(struct node *n, struct span at)
{
	bool own_transport = n->protocol.v == NODE_HYSTERIA2 || n->protocol.v == NODE_WIREGUARD;

	if (!n->security.set)
		node_num(&n->security, NODE_NONE, at);
	if (!n->transport.set && !own_transport)
		node_num(&n->transport, NODE_TCP, at);
}

static int refuse(struct diag_sink *sink, struct span at, const char *why)
{
	diag_help(sink, diag_add(sink, DIAG_XR801, at, "%s", why),
		  "known schemes are vless, vmess, trojan, ss, socks, socks5, http, https, hysteria2, hy2 and wireguard");
	return 1;
}

int link_parse(struct arena *a, struct diag_sink *sink, struct str link, struct span at, struct node *ret_node)
{
	return link_parse_with(a, sink, link, at, &(struct link_options){ .lenient = false }, ret_node);
}

int link_parse_with(struct arena *a, struct diag_sink *sink, struct str link, struct span at,
		    const struct link_options *o, struct node *ret_node)
{
	struct node n = { 0 };
	struct link_reader *r = arena_new_of(a, struct link_reader);
	struct str rest = str_trim(link);
	const struct scheme *s = scheme_of(&rest);

	if (!s)
		return refuse(sink, at, "this is not a share link that xrat reads");
	if (rest.len > LINK_MAX_BYTES)
		return refuse(sink, at, "this is longer than any share link (64 KiB)");
	*r = (struct link_reader){
		.a = a, .sink = sink, .at = at, .scheme = s->name, .noun = "link", .lenient = o->lenient, .n = &n,
	};
	node_num(&n.protocol, s->protocol, at);
	if (s->protocol == NODE_SHADOWSOCKS)
		ss_read(r, rest);
	else if (s->protocol == NODE_VMESS && vmess_is_json(rest))
		vmess_read_json(r, rest);
	else
		read_url(r, s, rest);
	if (!n.security.set)
		node_num(&n.security, s->security, at);
	link_set_defaults(&n, at);
	if (r->faults)
		return 1;
	*ret_node = n;
	return 0;
}
