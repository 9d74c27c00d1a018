/* link: links model lib */
/* Share links: reading and writing back loses nothing; faults are named without showing the link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "links/links.h"
#include "tests/unit/node_same.h"

#define ID "00000000-0000-4000-8000-000000000000"

/* Every one of them is read, written, read again and compared. */
static const char *const good[] = {
	"vless://" ID "@edge.example.net:443",
	"vless://" ID "@edge.example.net:443#",
	"vless://" ID "@edge.example.net:443?#name",
	"vless://" ID "@198.51.100.7:8443?security=none&type=tcp",
	"vless://" ID "@[2001:db8::7]:443?security=tls&sni=edge.example.net",
	"vless://" ID "@edge.example.net:443?encryption=none&security=tls&sni=edge.example.net&fp=chrome&alpn=h2%2Chttp%2F1.1&type=tcp"
	"&flow=xtls-rprx-vision#Edge",
	"vless://" ID "@edge.example.net:443?security=reality&pbk=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA&sid=0123abcd&spx=%2F"
	"&fp=firefox&sni=www.example.com&type=tcp&flow=xtls-rprx-vision-udp443",
	"vless://" ID "@edge.example.net:443?type=ws&path=%2Fa%3Fed%3D2048&host=cdn.example.net&security=tls",
	"vless://" ID "@edge.example.net:443?type=websocket&ed=2048&path=/plain/path",
	"vless://" ID "@edge.example.net:443?type=grpc&serviceName=tunnel&mode=multi&authority=a.example.net&security=tls",
	"vless://" ID "@edge.example.net:443?type=httpupgrade&path=%2Fup&host=h.example.net&security=tls",
	"vless://" ID "@edge.example.net:443?type=xhttp&mode=stream-one&path=%2Fx&extra=%7B%22xPaddingBytes%22%3A%22100-1000%22%7D"
	"&security=tls",
	"vless://" ID "@edge.example.net:443?type=splithttp&extra=%7B%22xmux%22%3A%7B%22maxConcurrency%22%3A16%7D%2C%22n%22%3A1.10%7D",
	"vless://" ID "@edge.example.net:443?type=kcp&headerType=wechat-video&seed=change-me",
	"vless://" ID "@edge.example.net:443?type=raw&headerType=http&host=a.example,b.example&path=/",
	"vless://" ID "@edge.example.net:443?type=mkcp&fm=%7B%22udp%22%3A%5B%7B%22type%22%3A%22mkcp-legacy%22%7D%5D%7D",
	"vless://" ID "@edge.example.net:443?pqv=AAAA&security=reality&pbk=x",
	"vless://" ID "@edge.example.net:443?security=tls&ech=AAAA%2B%2F%3D&pcs=ab:cd&vcn=edge.example.net",
	"vless://" ID "@edge.example.net:443?security=tls&allowInsecure=1",
	"vless://" ID "@edge.example.net:443?security=tls&insecure=true",
	"vless://" ID "@edge.example.net:443?security=tls&allow_insecure=false",
	"vless://" ID "@edge.example.net:443?packetEncoding=xudp",
	"vless://" ID "@edge.example.net:443?xp2p_v=1&xp2p_profile=vless-tls-vision&xp2p_exp=1767225600&xp2p_user=a%40b&security=tls",
	"vless://" ID "@edge.example.net:443?xp2p_pin_sha256=&security=tls",
	"vless://" ID "@edge.example.net:443?sni=&fp=&alpn=&path=&host=&flow=",
	"vless://" ID "@edge.example.net:443?remarks=r&group=g&email=e%40example.org#%F0%9F%87%A9%F0%9F%87%AA%20Frankfurt",
	"vless://" ID "@edge.example.net:443#\xd0\x9c\xd0\xbe\xd1\x81\xd0\xba\xd0\xb2\xd0\xb0 7",
	"vless://" ID "@edge.example.net:443?encryption=mlkem768x25519plus.native.0rtt.AAAA",
	"VLESS://" ID "@EDGE.example.net:443/?type=tcp",
	"vless://" ID "@localhost:65535#a%23b%3Fc%26d%3De%2Bf%25",
	"  vless://" ID "@edge.example.net:1  ",
	"trojan://change-me@edge.example.net:443",
	"trojan://change-me@edge.example.net:443?security=none",
	"trojan://p%40ss%3Aw%2Frd%3F%23%25@edge.example.net:443?sni=edge.example.net#x",
	"trojan://a:b@edge.example.net:443?peer=edge.example.net&allowInsecure=0",
	"trojan://a@b@edge.example.net:443",
	"trojan://change-me@[::1]:443?type=ws&path=%2F&host=h",
	"trojan://change-me@edge.example.net:443?security=tls&pinnedPeerCertSha256=aa&verifyPeerCertByName=edge.example.net",
	"trojan://change-me@edge.example.net:443?type=grpc&serviceName=s%2Fv&mode=gun",
	"trojan://%D0%BF%D0%B0%D1%80%D0%BE%D0%BB%D1%8C@edge.example.net:443",
	"vmess://" ID "@edge.example.net:443?encryption=auto&type=ws&path=%2F&security=tls&alterId=0#url form",
	"vmess://" ID "@[2001:db8::1]:443?type=grpc&path=%2Fodd&serviceName=s",
	/* {"v":"2","ps":"a","add":"edge.example.net","port":"443","id":ID,"aid":"0","scy":"auto","net":"ws","type":"none",
	 * "host":"h.example.net","path":"/p","tls":"tls","sni":"s.example.net","alpn":"h2","fp":"chrome"} */
	"vmess://eyJ2IjoiMiIsInBzIjoiYSIsImFkZCI6ImVkZ2UuZXhhbXBsZS5uZXQiLCJwb3J0IjoiNDQzIiwiaWQiOiIwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAw"
	"MDAwMDAwMDAiLCJhaWQiOiIwIiwic2N5IjoiYXV0byIsIm5ldCI6IndzIiwidHlwZSI6Im5vbmUiLCJob3N0IjoiaC5leGFtcGxlLm5ldCIsInBhdGgiOiIvcCIsInRs"
	"cyI6InRscyIsInNuaSI6InMuZXhhbXBsZS5uZXQiLCJhbHBuIjoiaDIiLCJmcCI6ImNocm9tZSJ9",
	"ss://YWVzLTI1Ni1nY206Y2hhbmdlLW1l@edge.example.net:8388#ss",
	"ss://YWVzLTI1Ni1nY206Y2hhbmdlLW1l@edge.example.net:8388/?plugin=obfs-local%3Bobfs%3Dhttp#ss",
	"ss://YWVzLTI1Ni1nY206Y2hhbmdlLW1lQGVkZ2UuZXhhbXBsZS5uZXQ6ODM4OA==#legacy",
	"ss://YWVzLTI1Ni1nY206Y2hhbmdlLW1lQGVkZ2UuZXhhbXBsZS5uZXQ6ODM4OA",
	"ss://YWVzLTEyOC1nY206cEBzczp3QFsyMDAxOmRiODo6MV06ODM4OA#v6%20legacy",
	"ss://2022-blake3-aes-128-gcm:AAAAAAAAAAAAAAAAAAAAAA%3D%3D@edge.example.net:8388",
	"ss://chacha20-ietf-poly1305:p%25%3A%40@[2001:db8::2]:8388",
	"ss://AES-256-GCM:change-me@edge.example.net:8388?type=ws&path=/&security=tls&sni=edge.example.net",
	"socks://dXNlcjpjaGFuZ2UtbWU=@edge.example.net:1080#socks",
	"socks://user:change-me@edge.example.net:1080",
	"socks5://user@edge.example.net",
	"socks5://127.0.0.1:1080",
	"socks5://dXNlcjpwdw@edge.example.net:1080#name%20is%20not%20base64",
	"http://edge.example.net",
	"http://user:ch%40nge@edge.example.net:3128/",
	"http://:pw@edge.example.net:3128",
	"https://user:change-me@edge.example.net?sni=s.example.net&alpn=h2,http/1.1&fp=chrome#tls",
	"https://edge.example.net:8443?insecure=1",
	"hysteria2://change-me@edge.example.net:443/?insecure=0&obfs=salamander&obfs-password=change-me&sni=real.example.com#hy2",
	"hy2://user:pw@edge.example.net?upmbps=20&downmbps=100&pinSHA256=aa%3Abb",
	"hy2://change-me@edge.example.net:443,5000-6000?alpn=h3",
	"hysteria2://change-me@[2001:db8::3]:8443?mport=20000-30000&alpn=h3",
	("wireguard://cHJpdmF0ZQ%3D%3D@edge.example.net:51820?publickey=cHVibGlj%2B%2F&address=10.0.0.2%2F32%2Cfd00::2/128"
	 "&reserved=1,2,3&mtu=1420&keepalive=25&presharedkey=cHNr#wg"),
};

struct fixture {
	struct arena *a;
	struct sources *sources;
	struct diag_sink *sink;
};

static int parse(struct fixture *f, const char *link, struct node *ret_node)
{
	f->sources = sources_new(f->a);
	uint32_t src = sources_add(f->sources, "xp2p-client.toml", "link", 4);
	f->sink = diag_sink_new(f->a, f->sources);
	return link_parse(f->a, f->sink, str_of(link), (struct span){ src, 0, 4 }, ret_node);
}

static void test_round_trip(void **state)
{
	struct fixture f = { .a = *state };
	_Static_assert(sizeof(good) / sizeof(*good) >= 60, "not enough links");

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct node one = { 0 }, two = { 0 };
		if (parse(&f, good[i], &one))
			fail_msg("refused: %s: %s", good[i], diag_total(f.sink) ? diag_at(f.sink, 0)->msg : "");
		char *link = link_write(f.a, &one);
		if (!link || parse(&f, link, &two))
			fail_msg("not read again: %s: %s", good[i], link);
		if (node_lost(&one, &two))
			fail_msg("%s lost in %s -> %s", node_lost(&one, &two), good[i], link);
		assert_string_equal(link, link_write(f.a, &two));
	}
}

static void test_fields(void **state)
{
	struct fixture f = { .a = *state };
	struct node n = { 0 };

	assert_int_equal(
		parse(&f, "trojan://p%40ss@edge.example.net:443?type=ws&path=%2Fa%20b&alpn=h2,http/1.1#n%20x", &n), 0);
	assert_int_equal(n.protocol.v, NODE_TROJAN);
	assert_int_equal(n.security.v, NODE_TLS);
	assert_true(n.security.set && n.transport.set);
	assert_int_equal(n.transport.v, NODE_WS);
	assert_string_equal(n.password.s, "p@ss");
	assert_string_equal(n.path.s, "/a b");
	assert_string_equal(n.name.s, "n x");
	assert_int_equal(n.alpn.n, 2);
	assert_string_equal(n.alpn.v[1].s, "http/1.1");
	assert_int_equal(n.port.at.end, 4);
	assert_false(n.server_name.set);

	assert_int_equal(parse(&f, "https://u@edge.example.net", &n), 0);
	assert_int_equal(n.security.v, NODE_TLS);
	assert_int_equal(n.port.v, 443);
	assert_false(n.password.set);

	assert_int_equal(parse(&f, "socks://dXNlcjpjaGFuZ2UtbWU=@edge.example.net:1080", &n), 0);
	assert_string_equal(n.user.s, "user");
	assert_string_equal(n.password.s, "change-me");
	assert_int_equal(parse(&f, "socks5://dXNlcjpwdw@edge.example.net:1080", &n), 0);
	assert_string_equal(n.user.s, "dXNlcjpwdw");

	assert_int_equal(parse(&f, "ss://YWVzLTEyOC1nY206cEBzczp3QFsyMDAxOmRiODo6MV06ODM4OA", &n), 0);
	assert_string_equal(n.method.s, "aes-128-gcm");
	assert_string_equal(n.password.s, "p@ss:w");
	assert_string_equal(n.address.s, "2001:db8::1");
	assert_int_equal(n.port.v, 8388);
}

static const struct {
	const char *link;
	enum diag_code code;
} bad[] = {
	{ "", DIAG_XR801 },
	{ "edge.example.net:443", DIAG_XR801 },
	{ "tuic://S3CRET@edge.example.net:443", DIAG_XR801 },
	{ "vless:/" ID "@edge.example.net:443", DIAG_XR801 },
	{ "vless://" ID "@edge.example.net", DIAG_XR802 },
	{ "vless://" ID "@edge.example.net:0", DIAG_XR802 },
	{ "vless://" ID "@edge.example.net:70000", DIAG_XR802 },
	{ "vless://" ID "@edge.example.net:+443", DIAG_XR802 },
	{ "vless://" ID "@edge.example.net:44x", DIAG_XR802 },
	{ "vless://" ID "@:443", DIAG_XR802 },
	{ "vless://" ID "@[2001:db8::1:443", DIAG_XR802 },
	{ "vless://" ID "@[2001:db8::1]443", DIAG_XR802 },
	{ "vless://" ID "@ed ge:443", DIAG_XR802 },
	{ "trojan://S3CRET@edge.example.net:443/path", DIAG_XR802 },
	{ "trojan://S3CRET%zz@edge.example.net:443", DIAG_XR803 },
	{ "trojan://S3CRET%@edge.example.net:443", DIAG_XR803 },
	{ "trojan://S3CRET%00@edge.example.net:443", DIAG_XR803 },
	{ "trojan://S3CRET%ff@edge.example.net:443", DIAG_XR803 },
	{ "trojan://S3CRET@edge.example.net:443?sni=%0a", DIAG_XR803 },
	{ "trojan://S3CRET@edge.example.net:443#%c3", DIAG_XR803 },
	{ "vmess://S3CRET!", DIAG_XR804 },
	{ "vmess://bm90LWpzb24", DIAG_XR804 },
	{ "vmess://W10=", DIAG_XR804 },
	{ "vmess://e30=", DIAG_XR802 },
	{ "ss://S3CRET!@edge.example.net:8388", DIAG_XR804 },
	{ "ss://S3CRET", DIAG_XR804 },
	{ "trojan://S3CRET@edge.example.net:443?warp=S3CRET", DIAG_XR805 },
	{ "trojan://S3CRET@edge.example.net:443?flow=xtls-rprx-vision", DIAG_XR805 },
	{ "trojan://S3CRET@edge.example.net:443?S3CRET%20S3CRET", DIAG_XR805 },
	{ "socks5://S3CRET@edge.example.net:443?type=ws", DIAG_XR805 },
	{ "trojan://S3CRET@edge.example.net:443?sni=S3CRET&sni=S3CRET", DIAG_XR806 },
	{ "trojan://S3CRET@edge.example.net:443?xp2p_v=1&xp2p_v=1", DIAG_XR806 },
	{ "trojan://S3CRET@edge.example.net:443?sni=S3CRET&peer=other", DIAG_XR807 },
	{ "trojan://S3CRET@edge.example.net:443?allowInsecure=S3CRET", DIAG_XR808 },
	{ "vless://" ID "@edge.example.net:443?flow=xtls-rprx-direct", DIAG_XR808 },
	{ "vless://" ID "@edge.example.net:443?type=S3CRET", DIAG_XR808 },
	{ "vless://" ID "@edge.example.net:443?extra=S3CRET", DIAG_XR808 },
	{ "vless://" ID "@edge.example.net:443?extra=%7B%22a%22%3A1%2C%22a%22%3A2%7D", DIAG_XR808 },
	{ "vless://" ID "@edge.example.net:443?ed=S3CRET", DIAG_XR808 },
	{ "vless://S3CRET@edge.example.net:443", DIAG_XR809 },
	{ "vless://edge.example.net:443", DIAG_XR809 },
	{ "trojan://edge.example.net:443", DIAG_XR809 },
	{ "ss://bm9uZTo@edge.example.net:1", DIAG_XR809 },
	{ "vless://" ID "@edge.example.net:443?type=h2", DIAG_XR810 },
	{ "vless://" ID "@edge.example.net:443?security=xtls", DIAG_XR810 },
};

static void test_faults(void **state)
{
	struct fixture f = { .a = *state };
	struct node n = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (!parse(&f, bad[i].link, &n))
			fail_msg("accepted: %s", bad[i].link);
		assert_true(diag_total(f.sink) > 0);
		bool found = false;
		for (unsigned k = 0; k < diag_total(f.sink); k++) {
			const struct diag *d = diag_at(f.sink, k);
			found = found || d->code == bad[i].code;
			if (strstr(d->msg, "S3CRET") && !strstr(bad[i].link, "?S3CRET"))
				fail_msg("the message shows the link: %s", d->msg);
		}
		if (!found)
			fail_msg("%s: %s", bad[i].link, diag_at(f.sink, 0)->msg);
	}
}

static void test_all_faults_at_once(void **state)
{
	struct fixture f = { .a = *state };
	struct node n = { 0 };

	assert_int_equal(parse(&f, "vless://x@edge.example.net:0?type=quic&warp=1&sni=a&sni=b", &n), 1);
	assert_int_equal(diag_total(f.sink), 5);
}

static void test_no_form(void **state)
{
	struct fixture f = { .a = *state };
	struct node n = { 0 };

	assert_null(link_write(f.a, &n));
	assert_int_equal(parse(&f, "trojan://change-me@edge.example.net:443", &n), 0);
	n.password.set = false;
	assert_null(link_write(f.a, &n));
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
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_faults_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_form, setup, teardown),
	};
	return cmocka_run_group_tests_name("links", tests, NULL, NULL);
}
