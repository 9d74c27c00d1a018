/* link: engine route model lib */
/* From a checked configuration to the engine's table: what each key becomes, what is missing has which default, and what a
 * reload keeps. */
#include "tests/unit/eng_conf_test.h"

#include "engine/dnsmsg.h"
#include "engine/hosts.h"

static void assert_ip(const struct route_ip *ip, const char *text)
{
	struct route_ip want;

	if (!*text) {
		assert_int_equal(ip->family, 0);
		return;
	}
	assert_int_equal(route_ip_parse(str_of(text), &want), 0);
	assert_int_equal(ip->family, want.family);
	assert_memory_equal(ip->bytes, want.bytes, want.family == 4 ? 4 : 16);
}

static void assert_addr(const struct addr *a, const char *text)
{
	char got[ADDR_TEXT];

	addr_text(a, got);
	assert_string_equal(got, text);
}

/* --- inbounds --- */
static void test_socks(void **state)
{
	struct made m = good(SOCKS(", \"listen\": \"127.0.0.1\", \"settings\": {\"auth\": \"password\", \"udp\": true, \"ip\": \"192.0.2.9\","
		"\"userLevel\": 3, \"users\": [{\"user\": \"gone\"}], \"Accounts\": [{\"user\": \"a\", \"pass\": \"x\"}, {\"user\": \"b\"},"
		"{\"user\": \"a\", \"pass\": \"change-me\"}]}"));
	const struct inbound *in = m.c->inbounds;

	(void)state;
	assert_int_equal(m.c->n_inbounds, 1);
	assert_string_equal(in->tag, "s");
	assert_int_equal(in->kind, INBOUND_MIXED);
	assert_ip(&in->listen, "127.0.0.1");
	assert_int_equal(in->n_ports, 1);
	assert_int_equal(in->ports[0].first, 1080);
	assert_true(in->tcp && !in->udp && in->needs_login && in->udp_associate);
	assert_ip(&in->udp_ip, "192.0.2.9");
	assert_int_equal(in->level, 3);
	assert_int_equal(in->n_users, 2);
	assert_true(str_is(in->users[0].name, "a") && str_is(in->users[0].password, "change-me"));
	assert_true(str_is(in->users[1].name, "b") && !in->users[1].password.len && in->users[1].level == 3);
	assert_int_equal(in->sockopt.keep_alive_idle_s, -1);
	drop(&m);

	m = good(SOCKS(", \"settings\": {\"auth\": \"noauth\", \"accounts\": [{\"user\": \"a\"}]}"));
	assert_false(m.c->inbounds->needs_login);
	assert_int_equal(m.c->inbounds->n_users, 0);
	assert_ip(&m.c->inbounds->listen, "::");
	drop(&m);

	m = good(SOCKS(", \"settings\": {\"auth\": \"password\"}"));
	assert_true(m.c->inbounds->needs_login);
	drop(&m);
}

static void test_listen(void **state)
{
	static const struct {
		const char *listen, *ip, *path;
		unsigned mode;
	} rows[] = {
		{ "0.0.0.0", "::", NULL, 0 },
		{ "::", "::", NULL, 0 },
		{ "[2001:db8::1]", "2001:db8::1", NULL, 0 },
		{ "localhost", "127.0.0.1", NULL, 0 },
		{ "env:XRAT_TEST_LISTEN", "192.0.2.5", NULL, 0 },
		{ "/run/x.sock", "", "/run/x.sock", 0755 },
		{ "/run/x.sock,0660", "", "/run/x.sock", 0660 },
		{ "@x,0660", "", "@x,0660", 0755 },
		{ "@@x", "", "@@x", 0755 },
	};

	(void)state;
	setenv("XRAT_TEST_LISTEN", "192.0.2.5", 1);
	for (size_t i = 0; i < N(rows); i++) {
		char json[300];
		struct made m;

		snprintf(json, sizeof(json), SOCKS(", \"listen\": \"%s\""), rows[i].listen);
		m = good(json);
		assert_ip(&m.c->inbounds->listen, rows[i].ip);
		if (rows[i].path)
			assert_string_equal(m.c->inbounds->unix_path, rows[i].path);
		else
			assert_null(m.c->inbounds->unix_path);
		assert_int_equal(m.c->inbounds->unix_mode, rows[i].mode);
		drop(&m);
	}
	unsetenv("XRAT_TEST_LISTEN");
}

static void test_http_and_ports(void **state)
{
	struct made m;
	const struct inbound *in;

	(void)state;
	setenv("XRAT_TEST_PORT", "7000", 1);
	m = good(IN("{\"protocol\": \"HTTP\", \"port\": \"8080, 9000-9002,env:xrat.test.port\", \"settings\": {"
		    "\"allowTransparent\": true, \"users\": [{\"user\": \"u\", \"pass\": \"p\"}]}, \"remark\": \"x\"}"));
	in = m.c->inbounds;
	assert_int_equal(in->kind, INBOUND_HTTP);
	assert_string_equal(in->tag, "");
	assert_int_equal(in->n_ports, 3);
	assert_int_equal(in->ports[1].first, 9000);
	assert_int_equal(in->ports[1].last, 9002);
	assert_int_equal(in->ports[2].last, 7000);
	assert_true(in->needs_login && in->allow_transparent && in->n_users == 1);
	drop(&m);
	unsetenv("XRAT_TEST_PORT");
}

static void test_tunnel(void **state)
{
	struct made m = good(IN("{\"protocol\": \"dokodemo-door\", \"port\": 5300, \"settings\": {\"address\": \"Dns.Example\", \"rewriteAddress\":"
		"\"192.0.2.1\", \"rewritePort\": 53, \"port\": 0, \"network\": \"tcp,udp\", \"portMap\": {\"5301\": \"a.example:54\", \"5302\": \":55\","
		"\"5303\": \"[2001:db8::1]:\"}}}"));
	const struct inbound *in = m.c->inbounds;

	(void)state;
	assert_int_equal(in->kind, INBOUND_TUNNEL);
	assert_true(in->tcp && in->udp && !in->follow_redirect);
	assert_addr(&in->target, "dns.example:53");
	assert_int_equal(in->n_port_map, 3);
	assert_int_equal(in->port_map[0].port, 5301);
	assert_addr(&in->port_map[0].target, "a.example:54");
	assert_int_equal(in->port_map[1].target.family, ADDR_NONE);
	assert_int_equal(in->port_map[1].target.port, 55);
	assert_addr(&in->port_map[2].target, "[2001:db8::1]:0");
	drop(&m);

	m = good(IN("{\"protocol\": \"tunnel\", \"port\": 1, \"settings\": {\"allowedNetwork\": [\"udp\"], \"followRedirect\": true},"
		    "\"streamSettings\": {\"sockopt\": {\"tproxy\": \"tproxy\"}}}"));
	in = m.c->inbounds;
	assert_true(!in->tcp && in->udp && in->follow_redirect && in->sockopt.transparent);
	assert_int_equal(in->target.family, ADDR_NONE);
	drop(&m);

	m = good(IN("{\"protocol\": \"tunnel\", \"port\": 1}"));
	assert_true(m.c->inbounds->tcp && !m.c->inbounds->udp);
	drop(&m);
}

static void test_sniffing(void **state)
{
	struct made m = good(SOCKS(", \"sniffing\": {\"enabled\": true, \"destOverride\": [\"http\", \"SSL\", \"fakedns+others\"], \"routeOnly\": true,"
		"\"domainsExcluded\": [\"full:mail.example\"], \"ipsExcluded\": \"192.0.2.0/24,2001:db8::/32\"}"));
	const struct sniff_conf *s = &m.c->inbounds->sniffing;
	struct small_asker asker = { 0 };
	struct route_ip ip;
	struct route_flow both = { .network = ROUTE_TCP, .domain = STR("other.example") };

	(void)state;
	assert_true(s->enabled && s->route_only && !s->metadata_only && s->http && s->tls && !s->quic && s->fakedns);
	assert_true(s->tcp_mask && s->udp_mask);
	assert_int_equal(small_has_name(&asker, m.c, &s->excluded, STR("mail.example")), 1);
	assert_int_equal(small_has_name(&asker, m.c, &s->excluded, STR("a.mail.example")), 0);
	route_ip_parse(STR("192.0.2.77"), &ip);
	assert_int_equal(small_has_ip(&asker, m.c, &s->excluded, &ip), 1);
	both.target = ip;
	assert_int_equal(small_ask(&asker, m.c, &s->excluded, &both), 1);
	route_ip_parse(STR("2001:db9::1"), &ip);
	assert_int_equal(small_has_ip(&asker, m.c, &s->excluded, &ip), 0);
	small_fini(&asker);
	drop(&m);

	m = good(SOCKS(", \"sniffing\": {\"enabled\": true, \"metadataOnly\": true, \"domainsExcluded\": []}"));
	assert_int_equal(m.c->inbounds->sniffing.tcp_mask, 0);
	assert_null(m.c->inbounds->sniffing.excluded.table);
	drop(&m);
}

/* --- outbounds --- */
static void test_freedom(void **state)
{
	struct made m = good(OUT("{\"protocol\": \"freedom\", \"tag\": \"a\", \"sendThrough\": \"192.0.2.0/24\", \"settings\": {\"domainStrategy\": \"useipv4\","
		"\"targetStrategy\": \"\", \"redirect\": \"127.0.0.1:3366\", \"userLevel\": 2}, \"streamSettings\": {\"network\": \"raw\", \"security\": \"none\","
		"\"rawSettings\": {\"header\": {\"type\": \"none\"}}, \"sockopt\": {\"mark\": -1, \"tcpFastOpen\": true, \"tcpMaxSeg\": 1440,"
		"\"tcpWindowClamp\": -5, \"interface\": \"eth0\", \"tcpCongestion\": \"\", \"tcpKeepAliveIdle\": 30, \"domainStrategy\": \"UseIP\","
		"\"happyEyeballs\": {\"tryDelayMs\": 200, \"prioritizeIPv6\": true}}}},"
		"{\"protocol\": \"direct\", \"sendThrough\": \"origin\", \"targetStrategy\": \"ForceIPv6v4\", \"settings\": {\"redirect\": \"0.0.0.0:80\"}},"
		"{\"protocol\": \"freedom\", \"streamSettings\": {\"sockopt\": {\"domainStrategy\": \"UseIPv6\", \"tcpFastOpen\": 0}}}"));
	const struct outbound *o = m.c->outbounds;

	(void)state;
	assert_int_equal(m.c->n_outbounds, 3);
	assert_int_equal(o[0].kind, OUTBOUND_FREEDOM);
	assert_int_equal(o[0].strategy, DS_USE_IP4);
	assert_true(o[0].has_redirect);
	assert_addr(&o[0].redirect, "127.0.0.1:3366");
	assert_int_equal(o[0].level, 2);
	assert_int_equal(o[0].send_from, SEND_FROM_NET);
	assert_int_equal(o[0].send_bits, 24);
	assert_true(o[0].sockopt.has_mark);
	assert_int_equal(o[0].sockopt.mark, UINT32_MAX);
	assert_int_equal(o[0].sockopt.tcp_fast_open, 256);
	assert_int_equal(o[0].sockopt.max_seg, 1440);
	assert_int_equal(o[0].sockopt.window_clamp, 0);
	assert_string_equal(o[0].sockopt.interface, "eth0");
	assert_null(o[0].sockopt.congestion);
	assert_int_equal(o[0].sockopt.keep_alive_idle_s, 30);
	assert_int_equal(o[0].sockopt.happy_eyeballs_ms, 200);
	assert_int_equal(o[0].sockopt.happy_first, 6);
	assert_int_equal(o[0].sockopt.happy_most, 4);
	assert_int_equal(o[1].strategy, DS_FORCE_IP64);
	assert_int_equal(o[1].send_from, SEND_FROM_LOCAL);
	assert_int_equal(o[1].redirect.family, ADDR_NONE);
	assert_int_equal(o[1].redirect.port, 80);
	assert_int_equal(o[2].strategy, DS_USE_IP6);
	assert_int_equal(o[2].sockopt.tcp_fast_open, 0);
	drop(&m);
}

static void test_servers(void **state)
{
	struct made m = good(OUT("{\"protocol\": \"socks\", \"settings\": {\"address\": \"A.Example\", \"port\": 1080, \"user\": \"u\", \"pass\": \"p\","
		"\"level\": 4, \"email\": \"e\"}},"
		"{\"protocol\": \"http\", \"settings\": {\"servers\": [{\"address\": \"192.0.2.2\", \"port\": 3128, \"users\": [{\"user\": \"\", \"pass\": \"q\","
		"\"level\": 5}]}]}},"
		"{\"protocol\": \"socks\", \"settings\": {\"servers\": [{\"address\": \"192.0.2.3\", \"port\": 1}]}}"));
	const struct outbound *o = m.c->outbounds;

	(void)state;
	assert_int_equal(o[0].kind, OUTBOUND_SOCKS);
	assert_addr(&o[0].server, "a.example:1080");
	assert_true(o[0].has_user && str_is(o[0].user.name, "u") && str_is(o[0].user.password, "p") && o[0].level == 4);
	assert_int_equal(o[1].kind, OUTBOUND_HTTP);
	assert_addr(&o[1].server, "192.0.2.2:3128");
	assert_true(o[1].has_user && !o[1].user.name.len && o[1].level == 5);
	assert_false(o[2].has_user);
	drop(&m);
}

static void test_other_outbounds(void **state)
{
	struct made m = good(OUT("{\"protocol\": \"blackhole\"}, {\"protocol\": \"block\", \"settings\": {\"response\": {\"type\": \"HTTP\"}}},"
		"{\"protocol\": \"loopback\", \"settings\": {\"inboundTag\": \"again\"}},"
		"{\"protocol\": \"dns\"},"
		"{\"protocol\": \"dns\", \"settings\": {\"network\": \"tcp\", \"rewriteAddress\": \"192.0.2.53\", \"nonIPQuery\": \"skip\", \"blockTypes\": [65]}},"
		"{\"protocol\": \"dns\", \"settings\": {\"rules\": [{\"action\": \"drop\", \"qType\": \"1,28-30\", \"domain\": [\"domain:x.example\"]},"
		"{\"action\": \"return\", \"rCode\": 3}]}}"));
	const struct outbound *o = m.c->outbounds;
	struct small_asker asker = { 0 };

	(void)state;
	assert_false(o[0].http_answer);
	assert_true(o[1].http_answer);
	assert_string_equal(o[2].inbound_tag, "again");
	assert_int_equal(o[3].n_dns_rules, 2);
	assert_int_equal(o[3].dns_rules[0].action, DNS_HIJACK);
	assert_int_equal(o[3].dns_rules[1].action, DNS_RETURN);
	assert_int_equal(o[3].dns_rules[1].rcode, 0);
	assert_int_equal(o[4].dns_network, ROUTE_TCP);
	assert_addr(&o[4].server, "192.0.2.53:0");
	assert_int_equal(o[4].n_dns_rules, 3);
	assert_int_equal(o[4].dns_rules[0].action, DNS_DROP);
	assert_int_equal(o[4].dns_rules[0].types[0].first, 65);
	assert_int_equal(o[4].dns_rules[2].action, DNS_DIRECT);
	assert_int_equal(o[5].n_dns_rules, 4);
	assert_int_equal(o[5].dns_rules[0].n_types, 2);
	assert_int_equal(small_has_name(&asker, m.c, &o[5].dns_rules[0].names, STR("a.x.example")), 1);
	assert_int_equal(o[5].dns_rules[1].rcode, 3);
	small_fini(&asker);
	drop(&m);
}

/* --- policy, statistics, log --- */
static void test_policy(void **state)
{
	struct made m = good("{\"policy\": {\"levels\": {\"7\": {\"handshake\": 4, \"connIdle\": 5000000, \"bufferSize\": 64}, \"0\": {\"uplinkOnly\": 0}}},"
		"\"log\": {\"loglevel\": \"none\", \"access\": \"/x\"}}");
	const struct policy *p = conf_policy(m.c, 7);

	(void)state;
	assert_int_equal(p->handshake_ms, 4000);
	assert_int_equal(p->idle_ms, UINT32_MAX);
	assert_int_equal(p->downlink_only_ms, 1000);
	assert_int_equal(p->chunk_most, 16);
	assert_int_equal(conf_policy(m.c, 0)->uplink_only_ms, 0);
	p = conf_policy(m.c, 3);
	assert_int_equal(p->handshake_ms, 60000);
	assert_int_equal(p->idle_ms, 300000);
	assert_int_equal(p->uplink_only_ms, 1000);
	assert_string_equal(m.c->log.access, "none");
	assert_string_equal(m.c->log.error, "none");
	drop(&m);

	m = good("{}");
	assert_string_equal(m.c->log.access, "none");
	assert_string_equal(m.c->log.error, "");
	assert_int_equal(m.c->log.level, LOG_WARNING);
	assert_int_equal(m.c->log.keep4, 32);
	drop(&m);

	m = good("{\"log\": {\"maskAddress\": \"/16+/64\", \"loglevel\": \"debug\", \"error\": \"/var/log/x\", \"dnsLog\": true}}");
	assert_string_equal(m.c->log.access, "");
	assert_int_equal(m.c->log.keep4, 16);
	assert_int_equal(m.c->log.keep6, 64);
	assert_true(m.c->log.dns && m.c->log.level == LOG_DEBUG);
	drop(&m);
}


static void test_counters(void **state)
{
	struct made m = good(COUNTED("{\"user\": \"al\", \"pass\": \"x\"}")), next;
	const struct inbound *in = m.c->inbounds;
	struct counter *up = in[0].traffic.up;

	(void)state;
	assert_string_equal(up->name, "inbound>>>s>>>traffic>>>uplink");
	assert_string_equal(in[0].traffic.down->name, "inbound>>>s>>>traffic>>>downlink");
	assert_null(m.c->outbounds[0].traffic.up);
	assert_string_equal(m.c->outbounds[0].traffic.down->name, "outbound>>>d>>>traffic>>>downlink");
	assert_string_equal(in[0].users[0].traffic.up->name, "user>>>al>>>traffic>>>uplink");
	assert_null(in[0].users[0].traffic.down);
	assert_ptr_equal(in[1].users[0].traffic.up, in[0].users[0].traffic.up);
	assert_null(in[1].traffic.up); /* no tag */
	assert_int_equal(m.c->n_counters, 4);

	atomic_store(&up->value, 17);
	next = make(COUNTED("{\"user\": \"bo\", \"pass\": \"x\"}"), NULL, m.c);
	assert_non_null(next.c);
	assert_int_equal(next.c->generation, m.c->generation + 1);
	assert_ptr_equal(next.c->inbounds[0].traffic.up, up);
	assert_int_equal(next.c->n_counters, 5);
	drop(&m); /* the old one first: what is shared stays */
	assert_int_equal(atomic_load(&up->value), 17);
	assert_string_equal(up->name, "inbound>>>s>>>traffic>>>uplink");
	drop(&next);

	m = good("{\"policy\": {\"system\": {\"statsInboundUplink\": true}}, \"inbounds\": [{\"protocol\": \"socks\", \"tag\": \"s\", \"port\": 1}]}");
	assert_int_equal(m.c->n_counters, 0); /* no stats section */
	drop(&m);
}

/* --- routing --- */

static void test_routes(void **state)
{
	struct made m = good("{" TWO ", \"routing\": {\"domainStrategy\": \"IPIfNonMatch\", \"rules\": [{\"type\": \"field\", \"port\": \"53\", \"outboundTag\": \"up-a\","
		"\"ruleTag\": \"dns\"}, {\"domain\": [\"x\"], \"balancerTag\": \"b\"}], \"balancers\": [{\"tag\": \"b\", \"selector\": [\"up-\"], \"strategy\":"
		"{\"type\": \"roundRobin\"}}]}}");
	const struct route_goal *g = m.c->goals;
	struct route_flow q = { .network = ROUTE_TCP, .port = 53, .domain = STR("ax") };
	struct route_scratch *s = route_scratch_new(m.c->routes);

	(void)state;
	assert_ptr_equal(g[0].outbound, &m.c->outbounds[1]);
	assert_string_equal(g[0].rule_tag, "dns");
	assert_string_equal(g[1].rule_tag, "");
	assert_non_null(g[1].balancer);
	assert_int_equal(g[1].balancer->n, 2);
	assert_true(g[1].balancer->round_robin);
	assert_string_equal(g[1].balancer->members[0]->tag, "up-a");
	assert_int_equal(route_find(m.c->routes, s, &q), 0);
	q.port = 80;
	assert_int_equal(route_find(m.c->routes, s, &q), 1);
	route_scratch_free(s);
	drop(&m);
}

/* --- dns --- */
static void test_dns(void **state)
{
	struct made m = good("{\"dns\": {\"tag\": \"dns-in\", \"queryStrategy\": \"UseIPv4\", \"clientIp\": \"203.0.113.1\", \"disableCache\": true, \"servers\": ["
		"\"192.0.2.53\", \"localhost\", \"fakedns\", \"tcp+local://[2001:db8::1]:5353/x\", {\"address\": \"dns.example\", \"port\": 54,"
		"\"domains\": [\"domain:a.example\"], \"expectIPs\": [\"192.0.2.0/24\", \"*\"], \"unexpectedIPs\": \"10.0.0.0/8\", \"skipFallback\": true,"
		"\"timeoutMs\": 100, \"disableCache\": false, \"finalQuery\": true, \"tag\": \"own\"}]}}");
	const struct dns_server *s = m.c->dns.servers;
	struct small_asker asker = { 0 };
	struct route_ip ip;

	(void)state;
	assert_int_equal(m.c->dns.n_servers, 5);
	assert_addr(&s[0].addr, "192.0.2.53:53");
	assert_true(s[0].want4 && !s[0].want6 && s[0].disable_cache && !s[0].tcp && !s[0].direct && s[0].timeout_ms == 4000);
	assert_string_equal(s[0].tag, "dns-in");
	assert_ip(&s[0].client_ip, "203.0.113.1");
	assert_true(s[1].is_local && s[1].direct);
	assert_int_equal(small_has_name(&asker, m.c, &s[1].names, STR("printer")), 1);
	assert_int_equal(small_has_name(&asker, m.c, &s[1].names, STR("printer.lan")), 1);
	assert_int_equal(small_has_name(&asker, m.c, &s[1].names, STR("a.example.com")), 0);
	assert_true(s[2].is_fake);
	assert_true(s[3].tcp && s[3].direct);
	assert_addr(&s[3].addr, "[2001:db8::1]:5353");
	assert_addr(&s[4].addr, "dns.example:54");
	assert_true(s[4].skip_fallback && s[4].final_query && !s[4].disable_cache && s[4].timeout_ms == 100);
	assert_string_equal(s[4].tag, "own");
	assert_int_equal(small_has_name(&asker, m.c, &s[4].names, STR("b.a.example")), 1);
	assert_true(s[4].prefer_expected && !s[4].prefer_others);
	route_ip_parse(STR("192.0.2.1"), &ip);
	assert_int_equal(small_has_ip(&asker, m.c, &s[4].expected, &ip), 1);
	assert_int_equal(small_has_ip(&asker, m.c, &s[4].unexpected, &ip), 0);
	/* pools of the family that is asked for */
	assert_non_null(m.c->fake[0]);
	assert_null(m.c->fake[1]);
	small_fini(&asker);
	drop(&m);

	m = good("{}");
	assert_int_equal(m.c->dns.n_servers, 1);
	assert_true(m.c->dns.servers[0].is_local && m.c->dns.servers[0].want6);
	assert_null(m.c->fake[0]);
	drop(&m);
}

static void test_hosts(void **state)
{
	struct made m = good("{\"dns\": {\"hosts\": {\"a.example\": \"192.0.2.1\", \"full:A.example\": [\"192.0.2.2\", \"2001:db8::1\"],"
		"\"domain:example\": \"192.0.2.3\", \"keyword:exam\": \"192.0.2.3\", \"b.test\": \"c.test\", \"c.test\": \"d.other\", \"loop.test\": \"loop.test\","
		"\"gone.test\": \"#3\", \"empty.test\": []}}}");
	struct small_asker asker = { 0 };
	struct hosts_answer h;

	(void)state;
	assert_int_equal(m.c->dns.n_groups, 1);
	assert_int_equal(hosts_find(&asker, m.c, STR("a.example"), true, true, &h), HOSTS_FOUND);
	assert_int_equal(h.n, 4);
	assert_ip(&h.ips[0], "192.0.2.1");
	assert_ip(&h.ips[3], "192.0.2.3");
	assert_int_equal(hosts_find(&asker, m.c, STR("a.example"), false, true, &h), HOSTS_FOUND);
	assert_int_equal(h.n, 1);
	assert_int_equal(hosts_find(&asker, m.c, STR("x.exam.net"), true, false, &h), HOSTS_FOUND);
	assert_int_equal(hosts_find(&asker, m.c, STR("b.test"), true, true, &h), HOSTS_ALIAS);
	assert_true(str_is(h.alias, "d.other"));
	assert_int_equal(hosts_find(&asker, m.c, STR("loop.test"), true, true, &h), HOSTS_ALIAS);
	assert_int_equal(hosts_find(&asker, m.c, STR("gone.test"), true, true, &h), HOSTS_CODE);
	assert_int_equal(h.rcode, 3);
	assert_int_equal(hosts_find(&asker, m.c, STR("empty.test"), true, true, &h), HOSTS_FOUND);
	assert_int_equal(h.n, 0);
	assert_int_equal(hosts_find(&asker, m.c, STR("other.net"), true, true, &h), HOSTS_NONE);
	small_fini(&asker);
	drop(&m);
}

static void test_fake_pools(void **state)
{
	const char *json = "{\"fakedns\": [{\"ipPool\": \"198.18.0.0/16\", \"poolSize\": 100}, {\"ipPool\": \"fc00::/64\", \"poolSize\": 100}]}";
	struct made m = good(json), same = make(json, NULL, m.c), other;
	struct route_ip ip, again;

	(void)state;
	assert_ptr_equal(same.c->fake[0], m.c->fake[0]);
	fakepool_lend(m.c->fake[0], STR("a.example"), &ip);
	drop(&m);
	fakepool_lend(same.c->fake[0], STR("a.example"), &again);
	assert_memory_equal(&ip, &again, sizeof(ip));
	other = make("{\"fakeDns\": {\"ipPool\": \"198.18.0.0/15\", \"poolSize\": 100}}", NULL, same.c);
	assert_non_null(other.c);
	assert_ptr_not_equal(other.c->fake[0], same.c->fake[0]);
	assert_null(other.c->fake[1]);
	drop(&same);
	drop(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_socks),           cmocka_unit_test(test_listen),
		cmocka_unit_test(test_http_and_ports),  cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_sniffing),        cmocka_unit_test(test_freedom),
		cmocka_unit_test(test_servers),         cmocka_unit_test(test_other_outbounds),
		cmocka_unit_test(test_policy),          cmocka_unit_test(test_counters),
		cmocka_unit_test(test_routes),          cmocka_unit_test(test_dns),
		cmocka_unit_test(test_hosts),           cmocka_unit_test(test_fake_pools),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
