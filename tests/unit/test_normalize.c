/* link: compiler links model lib */
/* Rules over several keys: profiles, defaults, and one row for each combination that is refused. */
#include "tests/unit/desired_test.h"

#define UUID "\"11111111-2222-4333-8444-555555555555\""
#define EDGE "[[client.endpoints]]\nhostname = \"Edge.Example.net\"\nport = 443\n"
#define TROJAN EDGE "password = \"change-me\"\n"
#define VLESS EDGE "uuid = " UUID "\n"
#define KEY43 "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""

static void test_endpoint_defaults(void **state)
{
	struct given g;
	const struct endpoint *e;

	(void)state;
	given_normal(&g, ROLE_CLIENT, TROJAN);
	e = g.d.client.endpoints.v;
	assert_string_equal(given_codes(&g), "");
	assert_string_equal(e->tag.s, "proxy-edge-example-net");
	assert_string_equal(e->node.address.s, "Edge.Example.net");
	assert_int_equal(e->node.protocol.v, NODE_TROJAN);
	assert_int_equal(e->node.security.v, NODE_TLS);
	assert_string_equal(e->node.name.s, "");
	given_end(&g);
}

static void test_profiles(void **state)
{
	static const struct {
		const char *profile, *more;
		int protocol, transport, security;
		const char *flow;
	} rows[] = {
		{ "trojan-tls", "", NODE_TROJAN, NODE_TCP, NODE_TLS, "" },
		{ "vless-tls-vision", "", NODE_VLESS, NODE_TCP, NODE_TLS, "xtls-rprx-vision" },
		{ "vless-reality-vision", "public_key = " KEY43, NODE_VLESS, NODE_TCP, NODE_REALITY,
		  "xtls-rprx-vision" },
		{ "VLESS-WS-TLS", "path = \"/x\"", NODE_VLESS, NODE_WS, NODE_TLS, "" },
		{ "vless-grpc-tls", "service_name = \"x\"\nmode = \"multi\"", NODE_VLESS, NODE_GRPC, NODE_TLS, "" },
		{ "vless-xhttp-tls", "mode = \"auto\"", NODE_VLESS, NODE_XHTTP, NODE_TLS, "" },
		{ "vless-xhttp-reality", "public_key = " KEY43, NODE_VLESS, NODE_XHTTP, NODE_REALITY, "" },
		{ "vmess-ws-tls", "", NODE_VMESS, NODE_WS, NODE_TLS, "" },
		{ "shadowsocks", "method = \"aes-128-gcm\"", NODE_SHADOWSOCKS, NODE_TCP, NODE_NONE, "" },
		{ "socks", "user = \"u\"", NODE_SOCKS, NODE_TCP, NODE_NONE, "" },
		{ "http", "user = \"u\"", NODE_HTTP, NODE_TCP, NODE_NONE, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct given g;
		char text[512];
		const struct node *n;

		snprintf(text, sizeof(text), EDGE "password = " UUID "\nprofile = \"%s\"\n%s\n", rows[i].profile,
			 rows[i].more);
		given_normal(&g, ROLE_CLIENT, text);
		n = &((const struct endpoint *)g.d.client.endpoints.v)->node;
		if (given_codes(&g)[0])
			fail_msg("%s: %s", rows[i].profile, given_codes(&g));
		assert_int_equal(n->protocol.v, rows[i].protocol);
		assert_int_equal(n->transport.v, rows[i].transport);
		assert_int_equal(n->security.v, rows[i].security);
		assert_string_equal(n->flow.s, rows[i].flow);
		if (n->protocol.v == NODE_VLESS)
			assert_string_equal(n->uuid.s, "11111111-2222-4333-8444-555555555555");
		given_end(&g);
	}
}

static const struct {
	enum role role;
	const char *text, *codes;
} rows[] = {
	/* endpoints */
	{ ROLE_CLIENT, TROJAN "tag = \"edge\"", "XR170" },
	{ ROLE_CLIENT, TROJAN TROJAN, "XR171" },
	{ ROLE_CLIENT, TROJAN "disabled = true\n" TROJAN, "" },
	{ ROLE_CLIENT, VLESS "protocol = \"vless\"\nsecurity = \"none\"\nflow = \"xtls-rprx-vision\"", "XR173" },
	{ ROLE_CLIENT, VLESS "protocol = \"vless\"\ntransport = \"ws\"\nflow = \"xtls-rprx-vision\"", "XR173" },
	{ ROLE_CLIENT, VLESS "protocol = \"vless\"\ntransport = \"ws\"\nflow = \"xtls-rprx-vision\"\nencryption = "
	"\"mlkem768x25519plus.x\"",
	  "" },
	{ ROLE_CLIENT, TROJAN "flow = \"xtls-rprx-vision\"", "XR173" },
	{ ROLE_CLIENT, VLESS "protocol = \"vless\"\ntransport = \"ws\"\nsecurity = \"reality\"\npublic_key = " KEY43,
	"XR173" },
	{ ROLE_CLIENT, VLESS "profile = \"vless-grpc-tls\"\nmode = \"packet-up\"", "XR173" },
	{ ROLE_CLIENT, VLESS "profile = \"vless-xhttp-tls\"\nmode = \"gun\"", "XR173" },
	{ ROLE_CLIENT, TROJAN "profile = \"trojan-tls\"\ntransport = \"ws\"\nsecurity = \"none\"\nprotocol = \"vless\"",
	  "XR174 XR174 XR174" },
	{ ROLE_CLIENT, VLESS "profile = \"vless-tls-vision\"\nflow = \"\"", "XR174" },
	{ ROLE_CLIENT, VLESS "profile = \"vless-tls-vision\"\nflow = \"xtls-rprx-vision-udp443\"", "" },
	{ ROLE_CLIENT, TROJAN "profile = \"trojan-tls\"\ntransport = \"raw\"\nsecurity = \"TLS\"", "" },
	{ ROLE_CLIENT, EDGE, "XR175" },
	{ ROLE_CLIENT, EDGE "password = \"\"", "XR175" },
	{ ROLE_CLIENT, EDGE "profile = \"vless-ws-tls\"", "XR175" },
	{ ROLE_CLIENT, EDGE "profile = \"shadowsocks\"\npassword = \"x\"", "XR175" },
	{ ROLE_CLIENT, EDGE "profile = \"socks\"", "" },
	{ ROLE_CLIENT, EDGE "profile = \"socks\"\nuser = \"x\"", "XR175" },
	{ ROLE_CLIENT, EDGE "profile = \"http\"\npassword = \"x\"", "XR175" },
	{ ROLE_CLIENT, VLESS "profile = \"vless-reality-vision\"", "XR175" },
	{ ROLE_CLIENT, "[[client.endpoints]]\nport = 443\npassword = \"x\"", "XR176" },
	{ ROLE_CLIENT, "[[client.endpoints]]\nhostname = \"a\"\npassword = \"x\"", "XR176" },
	{ ROLE_CLIENT, "[[client.endpoints]]\nhostname = \"a\"\npassword = \"x\"\nport = 0", "XR152" },
	{ ROLE_CLIENT, EDGE "profile = \"vless-ws-tls\"\nuuid = \"short\"", "XR177" },
	{ ROLE_CLIENT, EDGE "profile = \"vmess-ws-tls\"\npassword = \"short\"", "XR177" },
	{ ROLE_CLIENT, EDGE "profile = \"vless-ws-tls\"\nuuid = { env = \"X\" }", "" },
	{ ROLE_CLIENT, EDGE "profile = \"vless-ws-tls\"\nuuid = 5", "XR151" },
	{ ROLE_CLIENT, TROJAN "path = \"/x\"", "XR188" },
	{ ROLE_CLIENT, VLESS "profile = \"vless-reality-vision\"\npublic_key = \"short\"\nshort_id = \"123\"",
	"XR163 XR163" },
	{ ROLE_CLIENT, "[[client.endpoints]]\nlink = { env = \"L\" }\n", "" },
	/* redirects */
	{ ROLE_CLIENT, TROJAN "[[client.redirects]]\noutbound_tag = \"x\"", "XR178" },
	{ ROLE_CLIENT, TROJAN "[[client.redirects]]\noutbound_tag = \"x\"\ncidr = \"10.0.0.0/8\"\ndomain = \"x\"",
	"XR178" },
	{ ROLE_CLIENT, TROJAN "[[client.redirects]]\noutbound_tag = \"x\"\ncidr = \"0.0.0.0/0\"", "XR179" },
	{ ROLE_CLIENT, TROJAN "[[client.redirects]]\noutbound_tag = \"x\"\ncidr = \"::/0\"", "XR179" },
	{ ROLE_CLIENT, TROJAN "[[client.redirects]]\noutbound_tag = \"x\"\ndomain = \"a b\"", "XR163" },
	{ ROLE_CLIENT, TROJAN "[[client.redirects]]\noutbound_tag = \"x\"\ndomain = \" \"", "XR160" },
	/* forwards and listeners */
	{ ROLE_CLIENT, TROJAN "[[client.forwards]]\nlisten_port = 1000\ntarget_host = \"a\"\ntarget_port = 1\n"
	  "[[client.forwards]]\nlisten_port = 1000\ntarget_host = \"a\"\ntarget_port = 1\nlisten_address = "
	  "\"127.0.0.2\"", "XR171" },
	{ ROLE_CLIENT, TROJAN "[[client.forwards]]\nlisten_port = 51180\ntarget_host = \"a\"\ntarget_port = 1",
	"XR172" },
	{ ROLE_CLIENT,
	TROJAN "[[client.forwards]]\nlisten_port = 48054\ntarget_host = \"a\"\ntarget_port = 1\nprotocol = \"udp\"",
	"" },
	{ ROLE_CLIENT, TROJAN "[client.xray.inbounds.socks]\nport = 52180", "XR172" },
	{ ROLE_CLIENT, TROJAN "[client.xray.inbounds.socks]\nlisten = \"0.0.0.0\"\nport = 48054", "XR172 XR186" },
	{ ROLE_CLIENT, TROJAN "[client.xray.inbounds.socks]\nlisten = \"::1\"\nport = 48054", "" },
	{ ROLE_CLIENT,
	TROJAN "[client.xray.inbounds.socks]\nlisten = \"::\"\nport = 48054\n[[client.xray.inbounds.socks.users]]\n"
	  "user = \"a\"\npassword = \"b\"", "XR172" },
	{ ROLE_CLIENT, TROJAN "[client.xray.inbounds.socks]\nlisten = \"localhost\"", "" },
	{ ROLE_CLIENT, TROJAN "[client.xray.inbounds.dokodemo]\nlisten = \"192.168.1.1\"", "XR186" },
	{ ROLE_CLIENT, TROJAN "[client.xray.inbounds.dokodemo]\nlisten = \"192.168.1.1\"\nenabled = false", "" },
	{ ROLE_CLIENT, TROJAN "[client.xray.inbounds.http]\nenabled = true\ntag = \"SOCKS-in\"", "XR171" },
	/* reverse channels */
	{ ROLE_CLIENT, TROJAN "[client.reverse.x]\nendpoint_tag = \"proxy-edge-example-net\"", "XR180" },
	{ ROLE_CLIENT, TROJAN "[client.reverse.\"x.rev\"]\nendpoint_tag = \"proxy-egde-example-net\"", "XR181" },
	{ ROLE_CLIENT, TROJAN "disabled = true\n[client.reverse.\"x.rev\"]\nendpoint_tag = \"proxy-edge-example-net\"\n"
	  "[client]\nallow_direct = true", "XR181" },
	{ ROLE_CLIENT, TROJAN "[client.reverse.\"x.rev\"]\nendpoint_tag = \"proxy-edge-example-net\"\nid = \"x\"",
	"XR177" },
	/* the client as a whole */
	{ ROLE_CLIENT, TROJAN "[client]\ntun_mode = \"full\"", "XR182" },
	{ ROLE_CLIENT, "", "XR183" },
	{ ROLE_CLIENT, "[client]\nallow_direct = true", "" },
	{ ROLE_CLIENT, TROJAN "disabled = true", "XR183" },
	/* the server */
	{ ROLE_SERVER, "[server]\ncertificate = \"a\"", "XR184" },
	{ ROLE_SERVER, "[server]\nkey = \"a\"", "XR184" },
	{ ROLE_SERVER, "[server]\n", "XR185" },
	{ ROLE_SERVER, "[server]\ncertificate = \"a\"\nkey = \"b\"", "" },
	{ ROLE_SERVER, "[server.xray.inbounds.trojan]\nsecurity = \"none\"", "" },
	{ ROLE_SERVER,
	"[server]\ncertificate = \"a\"\nkey = \"b\"\n[server.xray.inbounds.trojan]\nsecurity = \"none\"", "XR188" },
	{ ROLE_SERVER, "[server]\nprofile = \"vless-tls-vision\"\n[server.xray.inbounds.trojan]\nsecurity = \"none\"",
	"XR173" },
	{ ROLE_SERVER, "[server]\nprofile = \"vless-ws-tls\"\n[server.xray.inbounds.trojan]\nsecurity = \"none\"", "" },
	{ ROLE_SERVER,
	"[server]\nprofile = \"vless-ws-tls\"\n[server.xray.inbounds.trojan]\nsecurity = \"none\"\nnetwork = \"tcp\"",
	"XR174" },
	{ ROLE_SERVER, "[server]\nprofile = \"vless-reality-vision\"", "XR175 XR175" },
	{ ROLE_SERVER, "[server]\nprofile = \"vless-reality-vision\"\nprivate_key = " KEY43 "\nreality_target = "
	"\"www.example.org:443\"", "" },
	{ ROLE_SERVER, "[server]\nprofile = \"vless-tls-vision\"\ncertificate = \"a\"\nkey = \"b\"\n"
	"[[server.users]]\nuser_label = \"a\"\n"
	  "active_credential = \"change-me\"\n[[server.users]]\nuser_label = \"b\"\nactive_credential = \"env:X\"",
	  	"XR177" },
	{ ROLE_SERVER,
	"[server]\ncertificate = \"a\"\nkey = \"b\"\n[[server.users]]\nuser_label = \"a\"\nactive_credential = \"x\"\n"
	  "[[server.trojan_users]]\nemail = \"A\"\npassword = \"y\"", "XR171" },
	{ ROLE_SERVER,
	"[server]\ncertificate = \"a\"\nkey = \"b\"\n[server.reverse_channels.\"x.rev\"]\nuser_id = \"a\"", "XR181" },
	{ ROLE_SERVER, "[server]\ncertificate = \"a\"\nkey = \"b\"\ntrojan_port = 51080", "XR172" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct given g;

		given_normal(&g, rows[i].role, rows[i].text);
		if (strcmp(given_codes(&g), rows[i].codes))
			fail_msg("'%s' gives '%s', not '%s'", rows[i].text, given_codes(&g), rows[i].codes);
		given_end(&g);
	}
}

static void test_lists(void **state)
{
	struct given g;
	const struct redirect *r;
	const struct forward *f;
	const struct reverse_channel *c;

	(void)state;
	given_normal(&g, ROLE_CLIENT, TROJAN
		     "[[client.redirects]]\ncidr = \"10.20.30.40/16\"\noutbound_tag = \"x\"\n"
		     "[[client.redirects]]\ncidr = \"2001:DB8::1\"\noutbound_tag = \"x\"\n"
		     "[[client.redirects]]\ndomain = \" Corp.Example \"\noutbound_tag = \"x\"\n"
		     "[[client.redirects]]\ndomain = \"regexp:^\\\\D+$\"\noutbound_tag = \"x\"\n"
		     "[[client.forwards]]\nlisten_port = \"53331\"\ntarget_host = \"10.20.0.5\"\ntarget_port = 22\n"
		     "[client.reverse.\"x.rev\"]\nendpoint_tag = \"proxy-edge-example-net\"\n");
	r = g.d.client.redirects.v;
	f = g.d.client.forwards.v;
	c = g.d.client.reverse.v;
	assert_string_equal(given_codes(&g), "");
	assert_string_equal(r[0].cidr.s, "10.20.0.0/16");
	assert_string_equal(r[1].cidr.s, "2001:db8::1/128");
	assert_string_equal(r[2].domain.s, "corp.example");
	assert_string_equal(r[3].domain.s, "regexp:^\\D+$");
	assert_string_equal(f[0].tag.s, "in_53331");
	assert_string_equal(f[0].remark.s, "forward:10.20.0.5:22");
	assert_string_equal(c[0].tag.s, "x.rev");
	assert_string_equal(c[0].domain.s, "x.rev");
	given_end(&g);
}

static void test_pin_and_alpn(void **state)
{
	struct given g;
	const struct node *n;

	(void)state;
	given_normal(&g, ROLE_CLIENT, TROJAN "allow_insecure = true\nserver_name = \"edge.example.net\"\n"
		     "alpn = [\"h2\", \" H2 \", \"http/1.1\"]\npinned_peer_cert_sha256 = "
		     "\"0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef\"\n");
	n = &((const struct endpoint *)g.d.client.endpoints.v)->node;
	assert_string_equal(given_codes(&g), "");
	assert_true(given_has(&g, DIAG_XR189));
	assert_false(n->allow_insecure.v);
	assert_string_equal(n->verify_peer_cert_by_name.s, "edge.example.net");
	assert_int_equal(n->alpn.n, 2);
	assert_string_equal(n->alpn.v[1].s, "http/1.1");
	given_end(&g);
}

static void test_link(void **state)
{
	struct given g;
	const struct endpoint *e;

	(void)state;
	given_normal(&g, ROLE_CLIENT,
		     "[[client.endpoints]]\nport = 8443\nlink = \"trojan://change-me@edge.example.net:443?"
		     "security=tls&sni=sni.example.net#Edge\"\n");
	e = g.d.client.endpoints.v;
	assert_string_equal(given_codes(&g), "");
	assert_string_equal(e->tag.s, "proxy-edge-example-net");
	assert_string_equal(e->node.address.s, "edge.example.net");
	assert_string_equal(e->node.password.s, "change-me");
	assert_string_equal(e->node.server_name.s, "sni.example.net");
	assert_int_equal(e->node.port.v, 8443);
	assert_int_equal(e->node.security.v, NODE_TLS);
	assert_int_equal(g.d.n_secrets, 2);
	given_end(&g);
}

static void test_server(void **state)
{
	struct given g;
	const struct user *u;

	(void)state;
	given_normal(&g, ROLE_SERVER, "[server]\nprofile = \"vless-reality-vision\"\nprivate_key = " KEY43 "\n"
		     "reality_target = \"www.example.org:443\"\n"
		     "[[server.trojan_users]]\nemail = \"b\"\npassword = " UUID "\n"
		     "[[server.users]]\nuser_label = \"a\"\nactive_credential = " UUID "\n");
	assert_string_equal(given_codes(&g), "");
	assert_string_equal(g.d.server.xray.trojan.security.s, "reality");
	assert_string_equal(g.d.server.xray.trojan.network.s, "tcp");
	assert_string_equal(g.d.server.server_names.v[0].s, "www.example.org");
	assert_int_equal(g.d.server.short_ids.n, 1);
	u = g.d.server.users.v;
	assert_int_equal(g.d.server.users.n, 2);
	assert_string_equal(u[0].label.s, "a");
	assert_string_equal(u[1].label.s, "b");
	given_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endpoint_defaults),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_pin_and_alpn),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
