/* link: compiler links model lib */
/* Every key that xp2p reads, with the value it has there by default or in its docs: none may be unknown here, and none
 * may be of a wrong type. Keys that are out of scope say so with their own code. */
#include "tests/unit/desired_test.h"

struct key {
	enum role role;
	const char *text;
	const char *code; /* NULL: nothing above a note */
};
#define C(table, ...) { ROLE_CLIENT, "[client" table "]\n" __VA_ARGS__ , NULL }
#define S(table, ...) { ROLE_SERVER, "[server" table "]\n" __VA_ARGS__ , NULL }
#define EP(...) { ROLE_CLIENT, "[[client.endpoints]]\n" __VA_ARGS__, NULL }
#define RD(...) { ROLE_CLIENT, "[[client.redirects]]\noutbound_tag = \"x\"\n" __VA_ARGS__, NULL }
#define SRD(...) { ROLE_SERVER, "[[server.server_redirects]]\noutbound_tag = \"x\"\n" __VA_ARGS__, NULL }
#define RV(...) { ROLE_CLIENT, "[client.reverse.\"x.rev\"]\nendpoint_tag = \"proxy-x\"\n" __VA_ARGS__, NULL }
#define SRV(...) { ROLE_SERVER, "[server.reverse_channels.\"x.rev\"]\n" __VA_ARGS__, NULL }
#define FW_REST "listen_port = 1\ntarget_host = \"x\"\ntarget_port = 1\n"
#define US(...) { ROLE_SERVER, "[[server.users]]\nuser_label = \"x\"\nactive_credential = \"x\"\n" __VA_ARGS__, NULL }
#define OUT(r, ...) { r, __VA_ARGS__, "XR157" }
#define XRAY(table, ...) { ROLE_CLIENT, "[client.xray." table "]\n" __VA_ARGS__, NULL }, \
	{ ROLE_SERVER, "[server.xray." table "]\n" __VA_ARGS__, NULL }
#define TUNNEL(...) { ROLE_SERVER, "[server.xray.inbounds.trojan]\n" __VA_ARGS__, NULL }

static const struct key keys[] = {
	/* logging */
	{ ROLE_CLIENT, "[logging]\nlevel = \"INFO\"", NULL },
	{ ROLE_CLIENT, "[logging]\nlevel = \"debug\"", NULL },
	{ ROLE_SERVER, "[logging]\nlevel = \"warn\"", NULL },
	{ ROLE_SERVER, "[logging]\nformat = \"json\"", NULL },
	/* client */
	C("", "install_dir = \"\""), C("", "config_dir = \"config-client\""), C("", "server_address = \"\""),
	C("", "server_port = \"8443\""), C("", "diag_port = \"62023\""), C("", "user = \"\""), C("", "password = \"\""),
	C("", "server_name = \"\""), C("", "allow_insecure = false"), C("", "socks_address = \"127.0.0.1:51180\""),
	C("", "tun_enabled = true"), C("", "tun_name = \"xp2pc\""), C("", "tun_mtu = 1500"),
	    C("", "tun_addr = \"198.18.0.1/30\""),
	C("", "tun_mode = \" Split \""), C("", "tun_mode = \"full\""), C("", "tun_mode = \"proxy\""),
	C("", "dns_servers = [\"9.9.9.9\"]"), C("", "full_tunnel_verbose = false"), C("", "full_tunnel_tag = \"\""),
	C("", "endpoints = []"), C("", "redirects = []"), C("", "forwards = []"), C(".reverse", ""), C(".xray", ""),
	/* endpoints */
	EP("profile = \"trojan-tls\""), EP("profile = \"vless-tls-vision\""), EP("protocol = \"trojan\""),
	    EP("protocol = \"vless\""),
	EP("transport = \"tcp\""), EP("security = \"tls\""), EP("flow = \"xtls-rprx-vision\""), EP("flow = \"\""),
	EP("hostname = \"edge.example.net\""), EP("address = \"198.51.100.7\""), EP("address = \"2001:db8::1\""),
	EP("tag = \"proxy-edge\""), EP("port = 58443"), EP("user = \"branch@example.org\""),
	    EP("password = \"change-me\""),
	EP("server_name = \"\""), EP("alpn = [\"h2\", \"http/1.1\"]"), EP("allow_insecure = true"),
	EP("pinned_peer_cert_sha256 = \"\""),
	EP("pinned_peer_cert_sha256 = "
	"\"01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef:01:23:45:67:89:AB:CD:EF\""),
	EP("verify_peer_cert_by_name = \"edge.example.net\""), EP("disabled = true"),
	/* redirects */
	RD("cidr = \"10.20.0.0/16\""), RD("domain = \"corp.example\""), RD("no_routes = true"), RD("disabled = true"),
	RD("access = \"all\""), SRD("cidr = \"10.20.0.0/16\""), SRD("domain = \"corp.example\""),
	    SRD("no_routes = true"),
	SRD("disabled = true"), SRD("access = \"all\""),
	/* reverse channels */
	RV("user_id = \"branch@example.org\""), RV("host = \"edge.example.net\""), RV("tag = \"x.rev\""),
	    RV("domain = \"x.rev\""),
	RV("channel_id = \"1\""), RV("disabled = true"),
	SRV("user_id = \"branch@example.org\"\nhost = \"edge.example.net\"\ntag = \"x.rev\"\ndomain = \"x.rev\"\n"
	"disabled = true"),
	/* forwards */
	{ ROLE_CLIENT, "[[client.forwards]]\n" FW_REST "listen_address = \"127.0.0.1\"\nprotocol = \"tcp\"\ntag = "
	"\"in_1\"\nremark = \"x\"",
	  NULL },
	{ ROLE_SERVER, "[[server.forward_rules]]\n" FW_REST "listen_address = \"127.0.0.1\"\nprotocol = \"both\"\ntag "
	"= \"in_1\"\nremark = \"x\"",
	  NULL },
	/* server */
	S("", "port = \"62022\""), S("", "trojan_port = \"58443\""), S("", "profile = \"trojan-tls\""),
	S("", "profile = \"vless-tls-vision\""), S("", "install_dir = \"\""), S("", "config_dir = \"config-server\""),
	S("", "mode = \"auto\""), S("", "certificate = \"\""), S("", "key = \"\""), S("", "host = \"\""),
	S("", "tun_enabled = false"), S("", "tun_name = \"xp2ps\""), S("", "tun_mtu = 1500"),
	    S("", "tun_addr = \"198.18.0.5/30\""),
	S("", "users = []"), S("", "trojan_users = []"), S("", "server_redirects = []"), S("", "forward_rules = []"),
	S(".reverse_channels", ""), S(".xray", ""),
	US("previous_credential_for_rotation = \"y\""), US("rotation_expires_at = \"2030-01-01T00:00:00Z\""),
	US("credential_generation = 1"), US("disabled = true"), US("metadata = { team = \"a\" }"),
	{ ROLE_SERVER, "[[server.users]]\nuser_label = \"x\"\ncredential = \"x\"", NULL },
	{ ROLE_SERVER, "[[server.trojan_users]]\nemail = \"x\"\npassword = \"x\"\ndisabled = true", NULL },
	/* low-level knobs */
	XRAY("inbounds.socks", "tag = \"socks-in\""), XRAY("inbounds.socks", "protocol = \"socks\""),
	XRAY("inbounds.socks", "listen = \"127.0.0.1\""), XRAY("inbounds.socks", "port = 51180"),
	    XRAY("inbounds.socks", "udp = true"),
	XRAY("inbounds.dokodemo", "tag = \"in-48054\""), XRAY("inbounds.dokodemo", "remark = \"local-input\""),
	XRAY("inbounds.dokodemo", "protocol = \"dokodemo-door\""), XRAY("inbounds.dokodemo", "listen = \"0.0.0.0\""),
	XRAY("inbounds.dokodemo", "port = 48054"), XRAY("inbounds.dokodemo", "network = \"tcp\""),
	XRAY("inbounds.dokodemo", "follow_redirect = true"),
	XRAY("inbounds.tun", "tag = \"tun-in\""), XRAY("inbounds.tun", "protocol = \"tun\""),
	    XRAY("inbounds.tun", "port = 0"),
	XRAY("inbounds.trojan", "listen = \"0.0.0.0\""), XRAY("inbounds.trojan", "protocol = \"trojan\""),
	XRAY("inbounds.trojan", "network = \"tcp\""), XRAY("inbounds.trojan", "security = \"tls\""),
	XRAY("inbounds.trojan", "allow_insecure = false"), XRAY("inbounds.trojan", "tag = \"xp2p-tunnel\""),
	XRAY("inbounds.trojan.header", "type = \"none\""),
	TUNNEL("header = { type = \"none\", request = { version = \"1.1\", method = \"GET\", path = [\"/\"], headers "
	"= { Host = [\"x\"] } } }"),
	XRAY("logs", "level = \"warning\""), XRAY("logs", "access = \"none\""), XRAY("logs.api", "tag = \"api\""),
	XRAY("logs.api", "listen = \"127.0.0.1:52180\""), XRAY("logs.api",
	    "services = [\"HandlerService\", \"RoutingService\"]"),
	XRAY("logs.api",
	    "services = [\"StatsService\", \"LoggerService\", \"ReflectionService\", \"ObservatoryService\"]"),
	XRAY("logs", "stats_enabled = true"), XRAY("logs.policy.levels.\"0\"", "stats_user_uplink = true"),
	XRAY("logs.policy.levels.\"0\"", "stats_user_downlink = true"),
	    XRAY("logs.policy.levels.\"0\"", "stats_user_online = true"),
	XRAY("logs.policy.system", "stats_inbound_uplink = true"),
	    XRAY("logs.policy.system", "stats_inbound_downlink = true"),
	XRAY("logs.policy.system", "stats_outbound_uplink = true"),
	    XRAY("logs.policy.system", "stats_outbound_downlink = true"),
	XRAY("routing", "domain_strategy = \"IPOnDemand\""), XRAY("routing", "rules = []"),
	XRAY("routing", "rules = [{ type = \"field\", ip = [\"10.0.0.0/8\"], outboundTag = \"direct\" }]"),
	XRAY("direct_outbound", "tag = \"direct\""), XRAY("direct_outbound", "protocol = \"freedom\""),
	XRAY("direct_outbound", "domain_strategy = \"UseIP\""), XRAY("direct_outbound", "send_through = \"\""),
	/* assets */
	{ ROLE_CLIENT, "[xray_assets]\nstale_after = \"24h\"\n[[xray_assets.files]]\nname = \"geoip.dat\"\nurl = "
	"\"https://example.org/x\"\n"
	  "stale_after = \"1h\"", NULL },
	{ ROLE_SERVER, "[xray_assets]\nstale_after = \"24h\"\n[[xray_assets.files]]\nname = \"geoip.dat\"", NULL },
	/* out of scope, each with its own words */
	OUT(ROLE_CLIENT, "[[client.endpoint_groups]]\ngroup_id = \"a\"\ntag = \"b\"\nmembers = [\"c\"]"),
	OUT(ROLE_CLIENT, "[client.reverse.\"x.rev\"]\nendpoint_tag = \"proxy-x\"\ngroup_tag = \"x\""),
	OUT(ROLE_CLIENT, "[[client.redirects]]\noutbound_tag = \"x\"\naccess = \"restricted\""),
	OUT(ROLE_CLIENT, "[[client.redirects]]\noutbound_tag = \"x\"\nusers = [\"a\"]"),
	OUT(ROLE_CLIENT, "[[client.redirects]]\noutbound_tag = \"x\"\ngroups = [\"a\"]"),
	OUT(ROLE_SERVER, "[[server.server_redirects]]\noutbound_tag = \"x\"\nusers = [\"a\"]"),
	OUT(ROLE_SERVER, "[[server.server_redirects]]\noutbound_tag = \"x\"\ngroups = [\"a\"]"),
	OUT(ROLE_SERVER, "[server]\ncert_store = \"x\""), OUT(ROLE_SERVER,
	    "[server.identity_provider]\nkind = \"ldap\""),
	OUT(ROLE_SERVER, "[server]\nha_generation = 1"), OUT(ROLE_SERVER, "[server]\nha_local_peer_id = \"a\""),
	OUT(ROLE_SERVER, "[[server.ha_peers]]\nid = \"a\""), OUT(ROLE_SERVER, "[server]\nha_identity_acl = {}"),
	OUT(ROLE_SERVER, "[server]\nha_provisioned_resources = {}"),
	    OUT(ROLE_SERVER, "[server]\nha_redirect_keys = []"),
};

static void test_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		struct given g;

		given_role(&g, keys[i].role, keys[i].text);
		diag_finish(g.sink, false);
		/* a required neighbour may be missing: one key a row */
		if (given_has(&g, DIAG_XR150))
			fail_msg("unknown key: %s", keys[i].text);
		if (strcmp(given_codes(&g), keys[i].code ? keys[i].code : "") && !given_has(&g, DIAG_XR154))
			fail_msg("'%s' gives '%s'", keys[i].text, given_codes(&g));
		given_end(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_keys) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
