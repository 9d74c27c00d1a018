/* link: compiler links model lib */
/* The decoder: presence, defaults, secret forms, ports, words, and one code for each kind of fault. */
#include "tests/unit/desired_test.h"

#include <fcntl.h>

static void test_defaults(void **state)
{
	struct given g;
	const struct client *c = &g.d.client;

	(void)state;
	given_role(&g, ROLE_CLIENT, "");
	assert_string_equal(c->config_dir.s, "config-client");
	assert_int_equal(c->diag_port.v, 62022);
	assert_false(c->diag_port.set);
	assert_int_equal(c->tun.mtu.v, 1500);
	assert_int_equal(c->tun_mode.v, TUN_SPLIT);
	assert_int_equal(g.d.logging.level.v, 1);
	assert_int_equal(c->xray.socks.port.v, 51180);
	assert_true(c->xray.socks.udp.v);
	assert_false(c->xray.http.enabled.v);
	assert_true(c->xray.dokodemo.enabled.v);
	assert_int_equal(c->xray.sniffing.dest_override.n, 3);
	assert_string_equal(c->xray.sniffing.dest_override.v[2].s, "quic");
	assert_int_equal(c->xray.logs.api_services.n, 4);
	assert_string_equal(c->xray.logs.api_listen.s, "127.0.0.1:52180");
	assert_string_equal(c->xray.routing.domain_strategy.s, "IPOnDemand");
	assert_string_equal(c->xray.direct.domain_strategy.s, "UseIP");
	assert_int_equal(diag_total(g.sink), 0);
	given_end(&g);
	given_role(&g, ROLE_SERVER, "");
	assert_int_equal(g.d.server.trojan_port.v, 58443);
	assert_int_equal(g.d.server.xray.socks.port.v, 51080);
	assert_string_equal(g.d.server.xray.trojan.listen.s, "0.0.0.0");
	assert_string_equal(g.d.server.xray.routing.domain_strategy.s, "AsIs");
	given_end(&g);
}

/* Zero and "" are values: they never bring the default back. */
static void test_presence(void **state)
{
	struct given g;

	(void)state;
	given_role(&g, ROLE_CLIENT,
		   "[client.xray.logs]\naccess = \"\"\n[client.xray.direct_outbound]\ndomain_strategy = \"\"\n"
		   "[client.xray.sniffing]\ndest_override = []\nenabled = true\n[client]\ndiag_port = 0\n");
	assert_true(g.d.client.xray.logs.access.set);
	assert_string_equal(g.d.client.xray.logs.access.s, "");
	assert_string_equal(g.d.client.xray.direct.domain_strategy.s, "");
	assert_true(g.d.client.xray.sniffing.dest_override.set);
	assert_int_equal(g.d.client.xray.sniffing.dest_override.n, 0);
	assert_true(g.d.client.xray.sniffing.enabled.set);
	assert_string_equal(given_codes(&g), "XR152");
	given_end(&g);
}

static void test_ports_and_words(void **state)
{
	struct given g;

	(void)state;
	given_role(&g, ROLE_SERVER,
		   "[server]\ntunnel_port = \"8443\"\nport = 1\nprofile = \"VLESS-ws-tls\"\n"
		   "[server.xray.inbounds.tunnel]\nnetwork = \"RAW\"\n[server.xray.inbounds.dokodemo]\nnetwork = "
		   "\"udp,tcp\"\n"
		   "[logging]\nlevel = \" Error \"\n");
	assert_int_equal(g.d.server.trojan_port.v, 8443);
	assert_true(g.d.server.trojan_port.set);
	assert_string_equal(g.d.server.profile.s, "vless-ws-tls");
	assert_string_equal(g.d.server.xray.trojan.network.s, "tcp");
	assert_string_equal(g.d.server.xray.dokodemo.network.s, "tcp,udp");
	assert_int_equal(g.d.logging.level.v, 3);
	assert_string_equal(given_codes(&g), "");
	given_end(&g);
}

static void test_secrets(void **state)
{
	struct given g;
	const struct user *u;

	(void)state;
	given_role(&g, ROLE_SERVER, "[[server.users]]\nuser_label = \"a\"\nactive_credential = \"change-me\"\n"
		   "previous_credential_for_rotation = { env = \"OLD\" }\n"
		   "[[server.users]]\nuser_label = \"b\"\ncredential = \"env:NEW\"\n"
		   "[[server.trojan_users]]\nemail = \"c\"\npassword = { file = \"c.txt\" }\n");
	u = g.d.server.users.v;
	assert_int_equal(g.d.server.users.n, 2);
	assert_int_equal(g.d.n_secrets, 4);
	assert_int_equal(u[0].credential.kind, SECRET_LITERAL);
	assert_string_equal(u[0].credential.s, "change-me");
	assert_false(u[0].credential.missing);
	assert_int_equal(u[0].previous.kind, SECRET_ENV);
	assert_string_equal(u[0].previous.ref, "OLD");
	assert_true(u[0].previous.missing);
	assert_true(name_is_uuid(str_of(u[0].previous.s)));
	assert_string_equal(u[1].credential.ref, "NEW");
	assert_ptr_equal(g.d.secrets[0], &u[0].credential);
	u = g.d.server.trojan_users.v;
	assert_int_equal(u[0].credential.kind, SECRET_FILE);
	assert_string_equal(given_codes(&g), "");
	given_end(&g);
}

/* What a text causes, one row a fault. */
static const struct {
	enum role role;
	const char *text, *codes;
} faults[] = {
	{ ROLE_CLIENT, "[client]\ntun_enable = true", "XR150" },
	{ ROLE_CLIENT, "[clients]\n", "XR150" },
	{ ROLE_CLIENT, "client = 1", "XR151" },
	{ ROLE_CLIENT, "[client.endpoints]\nport = 1", "XR151" },
	{ ROLE_CLIENT, "[client]\nendpoints = [1, 2]", "XR151 XR151" },
	{ ROLE_CLIENT, "[client]\ntun_enabled = \"yes\"\ntun_mtu = \"1500\"\ntun_name = 1\ndns_servers = \"9.9.9.9\"",
	  "XR151 XR151 XR151 XR151" },
	{ ROLE_CLIENT, "[client]\ntun_mtu = 1500.0", "XR151" },
	{ ROLE_CLIENT, "[client]\ntun_mtu = 100", "XR152" },
	{ ROLE_CLIENT, "[client]\ndiag_port = \"65536\"", "XR152" },
	{ ROLE_CLIENT, "[client]\ndiag_port = \"\"", "XR151" },
	{ ROLE_CLIENT, "[client]\ndiag_port = \"99999999999999999999\"", "XR152" },
	{ ROLE_CLIENT, "[client]\ntun_mode = \"everything\"", "XR153" },
	{ ROLE_CLIENT, "[client.xray.sniffing]\ndest_override = [\"http\", \"smtp\"]", "XR153" },
	{ ROLE_CLIENT, "[[client.redirects]]\ncidr = \"10.0.0.0/8\"", "XR154" },
	{ ROLE_CLIENT, "[[client.forwards]]\n", "XR154 XR154 XR154" },
	{ ROLE_SERVER, "[server]\ntrojan_port = 1\ntunnel_port = 2", "XR155" },
	{ ROLE_SERVER, "[server]\ncert_store = \"x\"", "XR157" },
	{ ROLE_CLIENT, "[[client.redirects]]\ncidr = \"10.0.0.0/8\"\noutbound_tag = \"x\"\naccess = \"restricted\"",
	"XR157" },
	{ ROLE_CLIENT, "[[client.redirects]]\ncidr = \"10.0.0.0/8\"\noutbound_tag = \"x\"\naccess = \"all\"", "" },
	{ ROLE_CLIENT, "[client.xray.inbounds.socks]\nprotocol = \"http\"", "XR158" },
	{ ROLE_CLIENT, "[client.xray.inbounds.tun]\nprotocol = \"TUN\"\nport = 0", "" },
	{ ROLE_CLIENT, "[client.xray.inbounds.tun]\nport = \"0\"", "" },
	{ ROLE_CLIENT, "[client.xray.logs.policy.levels.0]\nstats_user_uplink = true\nstats_user_online = false",
	"XR158" },
	{ ROLE_CLIENT, "[client]\ntun_name = \"a\\u0000b\"", "XR159" },
	{ ROLE_CLIENT, "[client]\nconfig_dir = \"\"", "XR160" },
	{ ROLE_CLIENT, "[client.xray.inbounds.socks]\nlisten = \"\"", "XR160" },
	{ ROLE_CLIENT, "[[client.endpoints]]\naddress = \"[2001:db8::1]\"", "XR161" },
	{ ROLE_CLIENT, "[[client.endpoints]]\naddress = \"edge example\"", "XR161" },
	{ ROLE_CLIENT, "[[client.endpoints]]\naddress = \"https://edge.example\"", "XR161" },
	{ ROLE_CLIENT, "[[client.endpoints]]\naddress = \"edge.example:443\"", "XR161" },
	{ ROLE_CLIENT, "[client]\ndns_servers = [\"9.9.9.9\", \"a b\"]", "XR161" },
	{ ROLE_CLIENT, "[client]\ntun_addr = \"198.18.0.1\"", "XR162" },
	{ ROLE_CLIENT, "[[client.endpoints]]\nips = [\"edge.example\"]", "XR162" },
	{ ROLE_CLIENT, "[xray_assets]\nstale_after = \"1 week\"", "XR163" },
	{ ROLE_CLIENT, "[xray_assets]\nstale_after = \"1h30m\"", "XR163" },
	{ ROLE_CLIENT, "[[xray_assets.files]]\nname = \"x\"\nurl = \"ftp://example.org/x\"", "XR163" },
	{ ROLE_CLIENT, "[client.xray.logs.api]\nlisten = \"127.0.0.1\"", "XR163" },
	{ ROLE_CLIENT, "[client.xray.logs.api]\nlisten = \"::1:52180\"", "XR163" },
	{ ROLE_CLIENT, "[client.xray.logs.api]\nlisten = \"[::1]:52180\"", "" },
	{ ROLE_CLIENT, "[[client.endpoints]]\npinned_peer_cert_sha256 = \"abc\"", "XR163" },
	{ ROLE_CLIENT, "[[client.endpoints]]\ntag = \" proxy-x\"", "XR163" },
	{ ROLE_CLIENT, "[[client.endpoints]]\npassword = { env = \"A\", file = \"B\" }", "XR164" },
	{ ROLE_CLIENT, "[[client.endpoints]]\npassword = { name = \"A\" }", "XR164" },
	{ ROLE_CLIENT, "[[client.endpoints]]\npassword = { env = \"\" }", "XR164" },
	{ ROLE_CLIENT, "[[client.endpoints]]\npassword = \"env:\"", "XR164" },
	{ ROLE_CLIENT, "[[client.endpoints]]\npassword = 5", "XR151" },
	{ ROLE_SERVER, "[[server.users]]\nuser_label = \"a\"\nactive_credential = \"\"", "XR160" },
	{ ROLE_SERVER,
	"[[server.users]]\nuser_label = \"a\"\nactive_credential = \"x\"\nrotation_expires_at = 2030-01-01T00:00:00Z",
	"" },
	{ ROLE_SERVER, "[[server.users]]\nuser_label = \"a\"\nactive_credential = \"x\"\nrotation_expires_at = "
	"\"2030-01-01T00:00:00+02:00\"",
	  "" },
	{ ROLE_SERVER,
	"[[server.users]]\nuser_label = \"a\"\nactive_credential = \"x\"\nrotation_expires_at = 2030-01-01T00:00:00",
	  "XR163" },
	{ ROLE_SERVER,
	"[[server.users]]\nuser_label = \"a\"\nactive_credential = \"x\"\nrotation_expires_at = \"soon\"", "XR163" },
	{ ROLE_SERVER, "[server]\nreverse_channels = { x = 1 }", "XR151" },
};

static void test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		struct given g;

		given_role(&g, faults[i].role, faults[i].text);
		diag_finish(g.sink, false);
		if (strcmp(given_codes(&g), faults[i].codes))
			fail_msg("'%s' gives '%s', not '%s'", faults[i].text, given_codes(&g), faults[i].codes);
		given_end(&g);
	}
}

static void test_place_and_help(void **state)
{
	struct given g;
	const struct diag *d;

	(void)state;
	given_role(&g, ROLE_CLIENT, "[client]\ntun_mod = \"full\"\n");
	d = diag_at(g.sink, 0);
	assert_int_equal(d->at.begin, 9);
	assert_int_equal(d->at.end, 16);
	assert_string_equal(d->help, "did you mean 'tun_mode'?");
	given_end(&g);
}

/* Everything the example needs, in the places it should be. */
static void test_map(void **state)
{
	struct given g;
	const struct reverse_channel *c;

	(void)state;
	given_role(&g, ROLE_CLIENT,
		   "[client.reverse.\"b.rev\"]\nendpoint_tag = \"proxy-b\"\n[client.reverse.\"a.rev\"]\n"
		   "endpoint_tag = \"proxy-a\"\ndisabled = true\n");
	c = g.d.client.reverse.v;
	assert_int_equal(g.d.client.reverse.n, 2);
	assert_string_equal(c[0].key.s, "b.rev");
	assert_string_equal(c[1].endpoint_tag.s, "proxy-a");
	assert_true(c[1].disabled.v);
	assert_string_equal(given_codes(&g), "");
	given_end(&g);
}

static void test_config(void **state)
{
	struct given g;

	(void)state;
	given_config(&g, "");
	assert_string_equal(g.c.runtime.socks.host.s, "127.0.0.1");
	assert_int_equal(g.c.runtime.socks.port.v, 1080);
	assert_int_equal(g.c.runtime.engine.v, CONFIG_ENGINE_AUTO);
	assert_int_equal(g.c.runtime.fragment.length.n, 2);
	assert_int_equal(g.c.runtime.fragment.length.v[1], 200);
	assert_int_equal(g.c.apply.keep_generations.v, 5);
	assert_string_equal(g.c.database.path.s, "xrat.db");
	assert_string_equal(g.c.routing.domain_strategy.s, "IPIfNonMatch");
	assert_string_equal(given_codes(&g), "");
	given_end(&g);
	given_config(&g,
		     "[runtime]\nengine = \"sing-box\"\n[runtime.socks]\nauth = { enabled = true, username = \"x\", "
		     "password = \"env:P\" }\n[runtime.mux]\nconcurrency = -1\n");
	assert_int_equal(g.c.runtime.engine.v, CONFIG_ENGINE_SING_BOX);
	assert_int_equal(g.c.n_secrets, 1);
	assert_ptr_equal(g.c.secrets[0], &g.c.runtime.socks.auth.password);
	assert_string_equal(given_codes(&g), "");
	given_end(&g);
}

static const struct {
	const char *text, *codes;
} config_faults[] = {
	{ "[runtime.socks]\nhost = \"0.0.0.0\"", "XR191" },
	{ "[runtime.socks]\nhost = \"0.0.0.0\"\n[runtime]\nallow_lan = true", "" },
	{ "[runtime.socks]\nhost = \"0.0.0.0\"\nauth = { enabled = true, username = \"a\", password = \"b\" }", "" },
	{ "[runtime.socks]\nauth = { enabled = true }", "XR192" },
	{ "[runtime.http]\nhost = \"192.168.0.1\"", "" },
	{ "[runtime.http]\nenabled = true\nhost = \"192.168.0.1\"", "XR191" },
	{ "[runtime.http]\nenabled = true\nport = 1080", "XR172" },
	{ "[runtime.shadowsocks]\nenabled = true", "XR192" },
	{ "[runtime.socks]\nenabled = false", "XR193" },
	{ "[runtime.fragment]\nlength = [200, 100]\npackets = [1]", "XR194 XR194" },
	{ "[runtime.fragment]\npackets = [0, 1]", "XR152" },
	{ "[runtime.mux]\nconcurrency = 129", "XR152" },
	{ "[runtime.rotation]\nhealth_failure_threshold = 0", "XR152" },
	{ "[runtime.rotation]\nprobe_url = \"example.org\"", "XR163" },
	{ "[apply]\nsettle_ms = 3000", "XR194" },
	{ "[server]\nenabled = true\nhost = \"0.0.0.0\"", "XR191" },
	{ "[server]\nenabled = true\nport = 1080", "XR172" },
	{ "[dns.hosts]\na = \"1.1.1.1\"\nb = [\"1.1.1.1\"]\nc = 1\nd = [1]", "XR151 XR151" },
	{ "[database]\nbackend = \"postgres\"", "XR158" },
	{ "[database.postgres]\nuser = \"x\"", "XR157" },
	{ "[runtime.tun]\nenabled = true", "XR157" },
	{ "[runtimes]\n", "XR150" },
};

static void test_config_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(config_faults) / sizeof(*config_faults); i++) {
		struct given g;

		given_config(&g, config_faults[i].text);
		if (strcmp(given_codes(&g), config_faults[i].codes))
			fail_msg("'%s' gives '%s', not '%s'", config_faults[i].text, given_codes(&g),
				 config_faults[i].codes);
		given_end(&g);
	}
}

/* The starter files: clean as they are, and every commented line is one that can be uncommented. */
static void test_starters(void **state)
{
	static const char *const paths[] = { "templates/xp2p-client.toml", "templates/xp2p-server.toml",
					     "templates/config.toml" };

	(void)state;
	for (int pass = 0; pass < 6; pass++) {
		struct arena *a = arena_new();
		struct str text;
		char *copy;
		struct given g;
		int i = pass / 2;

		assert_int_equal(file_read(a, AT_FDCWD, paths[i], 1 << 20, &text, NULL), 0);
		copy = arena_memdup(a, text.p, text.len);
		for (char *p = copy; pass % 2 && *p; p++)
			if ((p == copy || p[-1] == '\n') && p[0] == '#' && p[1] == ' ')
				p[0] = ' ';
		if (i == 2)
			given_config(&g, copy);
		else if (pass % 2)
			given_role(&g, i == 0 ? ROLE_CLIENT : ROLE_SERVER, copy);
		else
			given_normal(&g, i == 0 ? ROLE_CLIENT : ROLE_SERVER, copy);
		assert_string_equal(given_codes(&g), i == 2 && pass % 2 ? "XR648" : ""); /* paths.sing_box, as its comment says */
		given_end(&g);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_presence),
		cmocka_unit_test(test_ports_and_words),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_place_and_help),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_config_faults),
		cmocka_unit_test(test_starters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
