/* link: links model lib */
/* What each key of Xray JSON, Clash and SIP008 becomes: the node is the one that the link beside it gives. And back:
 * every node written in every form is read again as it was. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/inputs_case.h"

#define VLESS "vless://" ID "@edge.example.net:443"
#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
/* One Xray outbound; one Clash proxy. */
#define VL(stream) \
	"{\"protocol\":\"vless\",\"settings\":{\"address\":\"edge.example.net\",\"port\":443,\"id\":\"" ID "\",\"encryption\":\"none\"}," \
	"\"streamSettings\":" stream "}"
#define CL(rest) "proxies: [{server: edge.example.net, port: 443, " rest "}]"
#define CV(rest) CL("type: vless, uuid: " ID ", " rest)

static const struct {
	const char *text, *link;
} cases[] = {
	/* Xray: settings, flat and nested */
	{ VL("{}"), VLESS "?encryption=none" },
	{ "{\"tag\":\"Edge 1\",\"protocol\":\"VLESS\",\"settings\":{\"vnext\":[{\"address\":\"edge.example.net\",\"port\":443,"
	  "\"users\":[{\"id\":\"" ID "\",\"encryption\":\"none\",\"flow\":\"xtls-rprx-vision\",\"level\":8,\"security\":\"auto\","
	  "\"alterId\":0,\"email\":\"a@b\"}]}]},\"streamSettings\":{\"network\":\"raw\",\"security\":\"tls\"},\"mux\":{\"enabled\":true}}",
	  VLESS "?encryption=none&flow=xtls-rprx-vision&email=a%40b&security=tls#Edge%201" },
	{ "{\"protocol\":\"vmess\",\"settings\":{\"address\":\"[2001:db8::1]\",\"port\":\"443\",\"id\":\"" ID "\",\"security\":\"auto\"}}",
	  "vmess://" ID "@[2001:db8::1]:443?encryption=auto" },
	{ "{\"protocol\":\"vmess\",\"settings\":{\"vnext\":[{\"address\":\"edge.example.net\",\"port\":443,\"users\":[{\"id\":\"" ID
	  "\",\"alterId\":4,\"experiments\":\"\"}]}]}}", "vmess://" ID "@edge.example.net:443?alterId=4" },
	{ "{\"protocol\":\"trojan\",\"settings\":{\"servers\":[{\"address\":\"a\",\"port\":1,\"password\":\"p@:/\",\"flow\":\"\"}]},"
	  "\"streamSettings\":{\"security\":\"tls\",\"tlsSettings\":{\"serverName\":\"s\",\"alpn\":[\"h2\",\"http/1.1\"],"
	  "\"fingerprint\":\"chrome\",\"allowInsecure\":true}},\"sendThrough\":\"0.0.0.0\"}",
	  "trojan://p%40%3A%2F@a:1?sni=s&alpn=h2,http/1.1&fp=chrome&allowInsecure=1" },
	{ "{\"protocol\":\"trojan\",\"settings\":{\"address\":\"a\",\"port\":1,\"password\":\"p\"}}", "trojan://p@a:1?security=none" },
	{ "{\"protocol\":\"shadowsocks\",\"settings\":{\"servers\":[{\"address\":\"a\",\"port\":1,\"method\":\"AES-128-GCM\","
	  "\"password\":\"p\",\"uot\":false,\"UoTVersion\":2,\"ota\":false,\"level\":1}]}}", "ss://aes-128-gcm:p@a:1" },
	{ "{\"protocol\":\"socks\",\"settings\":{\"servers\":[{\"address\":\"a\",\"port\":1,\"users\":[{\"user\":\"u\",\"pass\":\"p\"}]}]}}",
	  "socks5://u:p@a:1" },
	{ "{\"protocol\":\"socks\",\"settings\":{\"servers\":[{\"address\":\"a\",\"port\":1,\"users\":[]}]},\"streamSettings\":"
	  "{\"network\":\"tcp\",\"security\":\"none\",\"sockopt\":{\"mark\":255}}}", "socks5://a:1" },
	{ "{\"protocol\":\"http\",\"settings\":{\"address\":\"a\",\"port\":1,\"user\":\"u\",\"pass\":\"\"},\"streamSettings\":"
	  "{\"security\":\"tls\",\"tlsSettings\":{\"serverName\":\"s\"}}}", "https://u@a:1?sni=s" },
	{ "{\"protocol\":\"hysteria\",\"settings\":{\"version\":2,\"address\":\"a\",\"port\":1},\"streamSettings\":{\"network\":"
	  "\"hysteria\",\"security\":\"tls\",\"hysteriaSettings\":{\"version\":2,\"auth\":\"p\"},\"finalmask\":{\"quicParams\":{}}}}",
	  "hysteria2://p@a:1?fm=%7B%22quicParams%22%3A%7B%7D%7D" },
	{ "{\"protocol\":\"wireguard\",\"settings\":{\"secretKey\":\"s=\",\"address\":[\"10.0.0.2/32\",\"fd00::2\"],\"peers\":[{\"publicKey\":"
	  "\"p=\",\"preSharedKey\":\"q\",\"endpoint\":\"[2001:db8::1]:51820\",\"keepAlive\":25,\"allowedIPs\":[\"0.0.0.0/0\",\"::/0\"]}],"
	  "\"mtu\":1420,\"reserved\":[1,2,3],\"noKernelTun\":true}}",
	  "wireguard://s%3D@[2001:db8::1]:51820?address=10.0.0.2/32,fd00::2&publickey=p%3D&presharedkey=q&keepalive=25"
	  "&allowedips=0.0.0.0/0,::/0&mtu=1420&reserved=1,2,3" },
	/* Xray: security */
	{ VL("{\"security\":\"reality\",\"realitySettings\":{\"serverName\":\"s\",\"fingerprint\":\"chrome\",\"publicKey\":\"" KEY
	  "\",\"shortId\":\"01\",\"spiderX\":\"/\",\"mldsa65Verify\":\"v\",\"show\":false}}"),
	  VLESS "?encryption=none&security=reality&sni=s&fp=chrome&pbk=" KEY "&sid=01&spx=%2F&pqv=v" },
	{ VL("{\"method\":\"grpc\",\"security\":\"reality\",\"realitySettings\":{\"password\":\"" KEY "\"},\"tlsSettings\":{\"odd\":1}}"),
	  VLESS "?encryption=none&type=grpc&security=reality&pbk=" KEY },
	{ VL("{\"security\":\"tls\",\"tlsSettings\":{\"pinnedPeerCertSha256\":\"ab\",\"verifyPeerCertByName\":\"n\",\"echConfigList\":\"e\","
	  "\"certificates\":[],\"enableSessionResumption\":true,\"disableSystemRoot\":false}}"),
	  VLESS "?encryption=none&security=tls&pcs=ab&vcn=n&ech=e" },
	/* Xray: transports */
	{ VL("{\"network\":\"ws\",\"method\":\"websocket\",\"wsSettings\":{\"headers\":{\"Host\":\"h\",\"A\":\"b\"},\"path\":\"/p?ed=1\","
	  "\"heartbeatPeriod\":30,\"acceptProxyProtocol\":false},\"grpcSettings\":{\"odd\":1},\"kcpSettings\":null}"),
	  VLESS "?encryption=none&type=ws&host=h&path=/p?ed=1&headers=%7B%22A%22:%22b%22%7D&extra=%7B%22heartbeatPeriod%22:30%7D" },
	{ VL("{\"network\":\"ws\",\"wsSettings\":{\"host\":\"h\",\"headers\":{\"host\":\"h\"},\"maxEarlyData\":2048,"
	  "\"earlyDataHeaderName\":\"Sec-WebSocket-Protocol\"}}"),
	  VLESS "?encryption=none&type=ws&host=h&ed=2048&eh=Sec-WebSocket-Protocol" },
	{ VL("{\"network\":\"grpc\",\"grpcSettings\":{\"serviceName\":\"s\",\"authority\":\"a\",\"multiMode\":true,\"idle_timeout\":60}}"),
	  VLESS "?encryption=none&type=grpc&serviceName=s&authority=a&mode=multi&extra=%7B%22idle_timeout%22:60%7D" },
	{ VL("{\"network\":\"httpupgrade\",\"httpupgradeSettings\":{\"path\":\"/\",\"host\":\"h\"}}"),
	  VLESS "?encryption=none&type=httpupgrade&path=/&host=h" },
	{ VL("{\"network\":\"xhttp\",\"xhttpSettings\":{\"path\":\"/\",\"host\":\"h\",\"mode\":\"auto\",\"headers\":{\"A\":\"b\"},"
	  "\"xPaddingBytes\":\"1-2\",\"xmux\":{\"maxConcurrency\":1}}}"),
	  VLESS "?encryption=none&type=xhttp&path=/&host=h&mode=auto&headers=%7B%22A%22:%22b%22%7D"
	  "&extra=%7B%22xPaddingBytes%22:%221-2%22,%22xmux%22:%7B%22maxConcurrency%22:1%7D%7D" },
	{ VL("{\"network\":\"splithttp\",\"splithttpSettings\":{\"path\":\"/\",\"extra\":{\"a\":1.10},\"noGRPCHeader\":true}}"),
	  VLESS "?encryption=none&type=xhttp&path=/&extra=%7B%22a%22:1.10%7D" },
	{ VL("{\"network\":\"kcp\",\"kcpSettings\":{\"header\":{\"type\":\"utp\"},\"seed\":\"x\",\"mtu\":1350}}"),
	  VLESS "?encryption=none&type=kcp&headerType=utp&seed=x&extra=%7B%22mtu%22:1350%7D" },
	{ VL("{\"network\":\"mkcp\",\"finalmask\":{\"udp\":[{\"type\":\"mkcp-legacy\"}]}}"),
	  VLESS "?encryption=none&type=kcp&fm=%7B%22udp%22:%5B%7B%22type%22:%22mkcp-legacy%22%7D%5D%7D" },
	{ VL("{\"network\":\"tcp\",\"tcpSettings\":{\"header\":{\"type\":\"none\"}}}"), VLESS "?encryption=none&headerType=none" },
	{ VL("{\"network\":\"tcp\",\"tcpSettings\":{\"header\":{\"type\":\"http\",\"request\":{\"path\":[\"/\",\"/a\"],\"headers\":{\"Host\":"
	  "[\"a\",\"b\"]}}}}}"), VLESS "?encryption=none&headerType=http&path=/,/a&host=a,b" },
	{ VL("{\"rawSettings\":{\"header\":{\"type\":\"http\",\"request\":{\"method\":\"GET\"}}}}"),
	  VLESS "?encryption=none&headerType=http&extra=%7B%22header%22:%7B%22type%22:%22http%22,%22request%22:%7B%22method%22:%22GET%22"
	  "%7D%7D%7D" },
	/* a config's remarks name its first proxy */
	{ "{\"remarks\":\"R\",\"outbounds\":[{\"protocol\":\"freedom\",\"tag\":\"d\"},{\"tag\":\"proxy\",\"protocol\":\"socks\",\"settings\":"
	  "{\"address\":\"a\",\"port\":1}}]}", "socks5://a:1#R" },
	/* SIP008 */
	{ "{\"servers\":[{\"id\":\"x\",\"remarks\":\"R\",\"server\":\"a\",\"server_port\":1,\"method\":\"aes-128-gcm\",\"password\":\"p\","
	  "\"plugin\":\"v2ray-plugin\",\"plugin_opts\":\"tls;host=h\",\"group\":\"g\"}]}",
	  "ss://aes-128-gcm:p@a:1?plugin=v2ray-plugin%3Btls%3Bhost%3Dh&group=g#R" },
	{ "{\"servers\":[{\"server\":\"::1\",\"server_port\":\"1\",\"method\":\"2022-blake3-aes-128-gcm\",\"password\":\"p:q\",\"plugin\":\"\","
	  "\"plugin_opts\":null}]}", "ss://2022-blake3-aes-128-gcm:p%3Aq@[::1]:1" },
	/* Clash */
	{ CL("type: ss, cipher: AES-128-GCM, password: 0123, name: \"\xf0\x9f\x87\xa9\", udp: true, tfo: false"),
	  "ss://aes-128-gcm:0123@edge.example.net:443#\xf0\x9f\x87\xa9" },
	{ CL("type: ss, cipher: x, password: true, plugin: obfs, plugin-opts: {mode: tls, host: a;b}"),
	  "ss://x:true@edge.example.net:443?plugin=obfs-local%3Bobfs%3Dtls%3Bobfs-host%3Da%5C%3Bb" },
	{ CL("type: ss, cipher: x, password: p, plugin: v2ray-plugin, plugin-opts: {mode: websocket, tls: true, mux: false, path: /},"
	     " udp-over-tcp: false, client-fingerprint: chrome"),
	  "ss://x:p@edge.example.net:443?plugin=v2ray-plugin%3Bmode%3Dwebsocket%3Btls%3Bpath%3D%2F" },
	{ CV("tls: true, servername: s, client-fingerprint: chrome, alpn: [h2], skip-cert-verify: false, flow: xtls-rprx-vision, "
	     "packet-encoding: xudp, network: tcp, fingerprint: AB"),
	  VLESS "?security=tls&sni=s&fp=chrome&alpn=h2&allowInsecure=0&flow=xtls-rprx-vision&packetEncoding=xudp&type=tcp&pcs=AB" },
	{ CV("tls: true, reality-opts: {public-key: " KEY ", short-id: 01}, servername: s, encryption: ''"),
	  VLESS "?security=reality&pbk=" KEY "&sid=01&sni=s" },
	{ CV("network: grpc, grpc-opts: {grpc-service-name: s, grpc-user-agent: u}, ws-opts: {odd: 1}"),
	  VLESS "?type=grpc&serviceName=s&extra=%7B%22user_agent%22:%22u%22%7D" },
	{ CV("network: ws, ws-opts: {path: /p, headers: {Host: h, A: b}, max-early-data: 2048, early-data-header-name: "
	     "Sec-WebSocket-Protocol}"),
	  VLESS "?type=ws&path=/p&host=h&headers=%7B%22A%22:%22b%22%7D&ed=2048&eh=Sec-WebSocket-Protocol" },
	{ CV("network: ws, ws-opts: {path: /p, v2ray-http-upgrade: true, v2ray-http-upgrade-fast-open: true}"),
	  VLESS "?type=httpupgrade&path=/p" },
	{ CV("network: xhttp, xhttp-opts: {path: /p, host: h, mode: auto}, ech-opts: {enable: true, config: e}"),
	  VLESS "?type=xhttp&path=/p&host=h&mode=auto&ech=e" },
	{ CL("type: vmess, uuid: " ID ", alterId: 0, cipher: auto, network: http, http-opts: {method: GET, path: [/, /a], headers: {Host: "
	     "[a, b]}}, xudp: true, global-padding: false"),
	  "vmess://" ID "@edge.example.net:443?alterId=0&encryption=auto&headerType=http&path=/,/a&host=a,b&packetEncoding=xudp" },
	{ CL("type: trojan, password: 'p@:', sni: s, ss-opts: {enabled: false}, smux: {enabled: true}, flow: ''"),
	  "trojan://p%40%3A@edge.example.net:443?sni=s" },
	{ CL("type: socks5, username: u, password: p, tls: false, skip-cert-verify: false"), "socks5://u:p@edge.example.net:443" },
	{ CL("type: socks5, password: p"), "socks5://:p@edge.example.net:443" },
	{ CL("type: http, username: u, password: p, tls: true, sni: s, headers: {}"), "https://u:p@edge.example.net:443?sni=s" },
	{ CL("type: http"), "http://edge.example.net:443" },
	{ "proxies: [{type: hysteria2, server: a, ports: '20000-30000,5', password: p, up: 30 Mbps, down: 200, obfs: salamander, "
	  "obfs-password: q, hop-interval: 30, alpn: [h3], ca: ''}]",
	  "hysteria2://p@a:20000?mport=20000-30000,5&upmbps=30&downmbps=200&obfs=salamander&obfs-password=q&hopInterval=30&alpn=h3" },
	{ CL("type: hy2, auth: p, fast-open: true"), "hysteria2://p@edge.example.net:443" },
	{ CL("type: wireguard, ip: 172.16.0.2, ipv6: 'fd01::1', private-key: 'a=', public-key: 'b=', reserved: U4An, mtu: 1280, "
	     "allowed-ips: ['0.0.0.0/0'], dns: [1.1.1.1], persistent-keepalive: 25, pre-shared-key: c"),
	  "wireguard://a%3D@edge.example.net:443?address=172.16.0.2,fd01::1&publickey=b%3D&reserved=83,128,39&mtu=1280"
	  "&allowedips=0.0.0.0/0&keepalive=25&presharedkey=c" },
	{ "proxies: [{type: wireguard, ip: 172.16.0.2, private-key: a, peers: [{server: edge.example.net, port: 443, public-key: b, "
	  "allowed-ips: [0.0.0.0/0], reserved: [1, 2, 3]}]}]",
	  "wireguard://a@edge.example.net:443?address=172.16.0.2&publickey=b&allowedips=0.0.0.0/0&reserved=1,2,3" },
	/* YAML itself */
	{ "x: &base {server: edge.example.net, port: 443, udp: true, sni: base}\nproxies:\n- <<: *base\n  type: trojan\n  sni: own\n"
	  "  password: |-\n    p\n  name: >-\n    folded\n    name\n",
	  "trojan://p@edge.example.net:443?sni=own#folded%20name" },
	{ "---\nproxies:\n  - &a {type: trojan, server: a, port: 1, password: \"\\u043f\", sni: ~, alpn: null}\n...\n---\nproxies: []\n",
	  "trojan://%D0%BF@a:1" },
	{ "proxies:\r\n- type: 'trojan'\r\n  server: a\r\n  port: 1\r\n  password: 'it''s'\r\n", "trojan://it%27s@a:1" },
};

static void test_cases(void **state)
{
	struct given g = { .a = *state };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct node want = node_of(g.a, cases[i].link);
		give(&g, cases[i].text);
		if (g.rc || g.list.n != 1 || g.sum.failed)
			fail_msg("%s\n%s", cases[i].text, printed(&g));
		const struct node *got = &g.list.v[0].node;
		if (node_lost(&want, got))
			fail_msg("%s: %s\n got %s\nwant %s", cases[i].text, node_lost(&want, got), link_write(g.a, got),
				link_write(g.a, &want));
	}
}

static void round_trip(struct given *g, const struct node *const *nodes, uint32_t n, enum output_format format)
{
	struct buf out = { 0 };

	assert_int_equal(inputs_write(g->a, format, nodes, n, &out), 0);
	give_text(g, (struct str){ arena_memdup(g->a, out.p, out.len), out.len }, false);
	buf_fini(&out);
	if (g->rc || g->list.n != n)
		fail_msg("%s: %u of %u\n%s", output_format_names[format], g->list.n, n, printed(g));
	for (uint32_t i = 0; i < n; i++)
		if (node_lost(nodes[i], &g->list.v[i].node))
			fail_msg("%s: '%s' of node %u is lost: %s", output_format_names[format],
				node_lost(nodes[i], &g->list.v[i].node), i, link_write(g->a, nodes[i]));
}

static void test_write(void **state)
{
	struct given g = { .a = *state };
	enum { N = sizeof(cases) / sizeof(*cases) };
	const struct node *nodes[N];

	for (size_t i = 0; i < N; i++) {
		struct node *n = arena_new_of(g.a, struct node);
		*n = node_of(g.a, cases[i].link);
		nodes[i] = n;
	}
	for (unsigned f = 0; f < OUTPUT_FORMAT__N; f++)
		round_trip(&g, nodes, N, f);
}

static void test_node_json(void **state)
{
	struct node n = node_of(*state, "trojan://p@a:1?type=ws&alpn=h2&allowInsecure=1&headers=%7B%22A%22:%22b%22%7D#x");
	struct value o = inputs_node_json(*state, &n), *alpn = value_get(&o, "alpn");

	assert_true(str_is(value_get_str(&o, "protocol"), "trojan"));
	assert_true(str_is(value_get_str(&o, "transport"), "ws"));
	assert_true(str_is(value_get_str(&o, "security"), "tls"));
	assert_true(str_is(value_get_str(&o, "name"), "x"));
	assert_true(alpn && alpn->kind == VAL_ARRAY && alpn->n == 1);
	assert_true(value_get(&o, "allow_insecure")->truth);
	assert_true(str_is(value_str(value_get(&o, "port")), "1"));
	assert_true(str_is(value_get_str(value_get(&o, "headers"), "A"), "b"));
	assert_null(value_get(&o, "uuid"));
}

static char *read_whole(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text = calloc(1, 1 << 20);

	assert_non_null(f);
	assert_non_null(text);
	text[fread(text, 1, (1 << 20) - 1, f)] = '\0';
	fclose(f);
	return text;
}

/* The outbounds of Xray's own documentation: what is read survives; most of it is read. */
static void test_corpus(void **state)
{
	const char *data = getenv("XRAT_TEST_DATA");
	struct given g = { .a = *state };
	char *dir = arena_printf(g.a, "%s/corpus/xray-docs", data ? data : "../shared");
	DIR *d = opendir(dir);
	unsigned texts = 0, parsed = 0;

	if (!d)
		skip();
	for (struct dirent *e; (e = readdir(d));) {
		if (!str_ends_nocase(str_of(e->d_name), ".json"))
			continue;
		char *text = read_whole(arena_printf(g.a, "%s/%s", dir, e->d_name));
		give(&g, arena_strdup(g.a, text));
		free(text);
		texts++;
		for (uint32_t i = 0; !g.rc && i < g.list.n; i++, parsed++) {
			struct node again = node_of(g.a, link_write(g.a, &g.list.v[i].node));
			if (node_lost(&g.list.v[i].node, &again))
				fail_msg("%s: %s", e->d_name, node_lost(&g.list.v[i].node, &again));
		}
	}
	closedir(d);
	print_message("%u texts, %u nodes\n", texts, parsed);
	assert_true(texts >= 30);
}

static int setup(void **state)
{
	*state = arena_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cases, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_node_json, setup, teardown),
		cmocka_unit_test_setup_teardown(test_corpus, setup, teardown),
	};
	return cmocka_run_group_tests_name("inputs forms", tests, NULL, NULL);
}
