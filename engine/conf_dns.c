/* Section dns: servers and what they are asked for. Without servers the system's resolver is the only one. */
#include "engine/conf_impl.h"

enum { PORT_DNS = 53, TIMEOUT_MS = 4000 };
enum families { BOTH, ONLY4, ONLY6 };
static const struct conf_name query_strategies[] = {
	{ "UseIP", BOTH },      { "use_ip", BOTH },     { "use-ip", BOTH },      { "", BOTH },
	{ "UseIPv4", ONLY4 },   { "useip4", ONLY4 },    { "use_ip4", ONLY4 },    { "use_ipv4", ONLY4 },
	{ "use_ip_v4", ONLY4 }, { "use-ip4", ONLY4 },   { "use-ipv4", ONLY4 },   { "use-ip-v4", ONLY4 },
	{ "UseIPv6", ONLY6 },   { "useip6", ONLY6 },    { "use_ip6", ONLY6 },    { "use_ipv6", ONLY6 },
	{ "use_ip_v6", ONLY6 }, { "use-ip6", ONLY6 },   { "use-ipv6", ONLY6 },   { "use-ip-v6", ONLY6 },
};

/* --- where a server is --- */
struct scheme {
	const char *prefix;
	bool direct;
};
/* Others need TLS. */
static const struct scheme tcp_schemes[] = { { "tcp://", false }, { "tcp+local://", true } };

static bool has_scheme(struct str s)
{
	for (size_t i = 0; i + 2 < s.len; i++)
		if (s.p[i] == ':' && s.p[i + 1] == '/' && s.p[i + 2] == '/')
			return true;
	return false;
}

/* What stands behind the scheme: host, host:port; a path is not looked at. */
static void read_tcp(struct conf_reader *r, struct dns_server *s, struct str text, struct span at)
{
	if (addr_parse(&s->addr, str_cut(&text, '/'), PORT_DNS) || !s->addr.port)
		conf_fault(r, at, "the address of a name server over TCP must be 'tcp://host:port'");
	s->tcp = true;
}

static void read_address(struct conf_reader *r, struct dns_server *s, const struct value *v)
{
	static const struct conf_key key = { .name = "address" };
	struct str text;

	if (!conf_text_of(r, &key, v, true, &text))
		return;
	for (size_t i = 0; i < CONF_N(tcp_schemes); i++) {
		if (str_starts_nocase(text, tcp_schemes[i].prefix)) {
			s->direct = tcp_schemes[i].direct;
			read_tcp(r, s, str_skip(text, __builtin_strlen(tcp_schemes[i].prefix)), v->span);
			return;
		}
	}
	s->is_local = str_is_nocase(text, "localhost");
	s->is_fake = str_is_nocase(text, "fakedns");
	s->direct = s->is_local;
	if (has_scheme(text))
		conf_fault(r, v->span, "the embedded engine asks name servers over UDP and TCP alone, not '%.*s'", (int)text.len,
			   text.p);
	else if (!s->is_local && !s->is_fake)
		conf_host(r, "address", text, v->span, &s->addr);
}

/* --- one server --- */
struct lists {
	const struct value *domains, *expected, *unexpected;
};
struct entry {
	struct dns_server s;
	struct lists lists;
	const struct value *address;
	uint16_t port;
	unsigned families;
	int64_t timeout_ms;
};
#define AT(member) CONF_AT(struct entry, member)
static const struct conf_key server_keys[] = {
	{ "address", conf_set_value, AT(address) },
	{ "port", conf_set_port, AT(port) },
	{ "domains", conf_set_value, AT(lists.domains) },
	{ "expectIPs", conf_set_value, AT(lists.expected) },
	{ "expectedIPs", conf_set_value, AT(lists.expected) },
	{ "unexpectedIPs", conf_set_value, AT(lists.unexpected) },
	{ "clientIp", conf_set_ip, AT(s.client_ip) },
	{ "skipFallback", conf_set_bool, AT(s.skip_fallback) },
	{ "queryStrategy", conf_set_name, AT(families), CONF_NAMES(query_strategies) },
	{ "tag", conf_set_text, AT(s.tag) },
	{ "timeoutMs", conf_set_i64, AT(timeout_ms), .lo = 0, .hi = INT32_MAX },
	{ "disableCache", conf_set_bool, AT(s.disable_cache) },
	{ "finalQuery", conf_set_bool, AT(s.final_query) },
};

/* The list without its "*", which only says how strict it is. */
static struct value without_star(struct conf_reader *r, const struct value *list, bool *ret_star)
{
	struct value rest;

	if (list->kind == VAL_STRING && str_is(value_str(list), "*")) {
		*ret_star = true;
		return value_array(list->span);
	}
	if (list->kind != VAL_ARRAY)
		return *list;
	rest = value_array(list->span);
	for (uint32_t i = 0; i < list->n; i++) {
		if (list->items[i].kind == VAL_STRING && str_is(value_str(&list->items[i]), "*"))
			*ret_star = true;
		else
			value_push(r->a, &rest, list->items[i]);
	}
	return rest;
}

static void read_ips(struct conf_reader *r, const struct value *list, struct small *ret_small, bool *ret_star)
{
	struct value rest;

	if (!list)
		return;
	rest = without_star(r, list, ret_star);
	conf_small(r, &(struct conf_list){ "ip", &rest }, 1, ret_small);
}

/* The system's resolver is also the first to ask for names that only it can know. */
static struct value local_names(struct conf_reader *r, struct span at)
{
	static const char *const names[] = { "regexp:^[^.]+$", "domain:local", "domain:localdomain", "domain:localhost",
		"domain:lan", "domain:home.arpa", "domain:example", "domain:invalid", "domain:test" };
	struct value list = value_array(at);

	for (size_t i = 0; i < CONF_N(names); i++)
		value_push(r->a, &list, value_string(names[i], at));
	return list;
}

static void read_lists(struct conf_reader *r, struct dns_server *s, const struct lists *l, struct span at)
{
	struct value local = s->is_local ? local_names(r, at) : (struct value){ 0 };

	conf_small(r, (struct conf_list[]){ { "domain", &local }, { "domain", l->domains } }, 2, &s->names);
	read_ips(r, l->expected, &s->expected, &s->prefer_expected);
	read_ips(r, l->unexpected, &s->unexpected, &s->prefer_others);
}

static struct dns_server read_server(struct conf_reader *r, const struct value *v, const struct dns_server *usual)
{
	const struct dns_conf *d = &r->c->dns;
	struct entry e = { .s = *usual, .families = BOTH };

	if (v->kind == VAL_STRING)
		e.address = v;
	else
		conf_object(r, "a name server", server_keys, CONF_N(server_keys), v, &e);
	if (e.address)
		read_address(r, &e.s, e.address);
	else
		conf_fault(r, v->span, "a name server must have an 'address'");
	if (!e.s.tcp)
		e.s.addr.port = e.port ? e.port : PORT_DNS;
	if (e.timeout_ms)
		e.s.timeout_ms = (uint32_t)e.timeout_ms;
	if (!*e.s.tag)
		e.s.tag = usual->tag;
	e.s.want4 = d->want4 && e.families != ONLY6;
	e.s.want6 = d->want6 && e.families != ONLY4;
	if (!e.s.want4 && !e.s.want6)
		conf_fault(r, v->span, "'queryStrategy' of the name server and that of 'dns' leave no kind of address");
	read_lists(r, &e.s, &e.lists, v->span);
	return e.s;
}

/* --- the section --- */
struct section {
	struct dns_conf d;
	struct dns_server usual;
	unsigned families;
	const struct value *servers, *hosts;
};
static const struct conf_key keys[] = {
	{ "tag", conf_set_text, CONF_AT(struct section, usual.tag) },
	{ "clientIp", conf_set_ip, CONF_AT(struct section, usual.client_ip) },
	{ "disableCache", conf_set_bool, CONF_AT(struct section, usual.disable_cache) },
	{ "queryStrategy", conf_set_name, CONF_AT(struct section, families), CONF_NAMES(query_strategies) },
	{ "disableFallback", conf_set_bool, CONF_AT(struct section, d.disable_fallback) },
	{ "disableFallbackIfMatch", conf_set_bool, CONF_AT(struct section, d.disable_fallback_if_match) },
	{ "servers", conf_set_value, CONF_AT(struct section, servers) },
	{ "hosts", conf_set_value, CONF_AT(struct section, hosts) },
};

static void read_servers(struct conf_reader *r, const struct section *s)
{
	struct dns_conf *d = &r->c->dns;
	uint32_t n = s->servers && s->servers->kind == VAL_ARRAY ? s->servers->n : 0;

	if (s->servers && s->servers->kind != VAL_ARRAY)
		conf_fault(r, s->servers->span, "'servers' must be a list, not %s", value_kind_name(s->servers->kind));
	d->servers = arena_array(r->a, struct dns_server, n + 1);
	for (uint32_t i = 0; i < n; i++)
		d->servers[d->n_servers++] = read_server(r, &s->servers->items[i], &s->usual);
	if (!n) {
		d->servers[d->n_servers] = s->usual;
		d->servers[d->n_servers].is_local = d->servers[d->n_servers].direct = true;
		d->servers[d->n_servers].want4 = d->want4;
		d->servers[d->n_servers++].want6 = d->want6;
	}
}

void conf_dns(struct conf_reader *r)
{
	struct section s = { .usual = { .tag = "", .timeout_ms = TIMEOUT_MS }, .families = BOTH };

	conf_object(r, "dns", keys, CONF_N(keys), &r->x->section[XS_DNS], &s);
	s.d.want4 = s.families != ONLY6;
	s.d.want6 = s.families != ONLY4;
	r->c->dns = s.d;
	read_servers(r, &s);
	if (s.hosts)
		conf_hosts(r, s.hosts);
}
