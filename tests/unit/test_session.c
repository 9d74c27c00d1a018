/* link: compiler links render validate merge model lib */
/* Sessions: config.toml and nodes to a checked config. The renders themselves stand in tests/golden/session. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/desired_test.h"

#define UUID "00000000-0000-4000-8000-00000000abcd"
#define X25519 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

struct bed {
	struct arena *a;
	struct sources *sources;
	struct diag_sink *sink;
	char dir[32];
	int root_fd;
	struct compiled c;
	struct err e;
};

static void bed_make(struct bed *b, const char *config)
{
	int fd;

	*b = (struct bed){ .a = arena_new(), .dir = "/tmp/xrat-session.XXXXXX" };
	b->sources = sources_new(b->a);
	b->sink = diag_sink_new(b->a, b->sources);
	assert_non_null(mkdtemp(b->dir));
	b->root_fd = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(b->root_fd >= 0);
	if (!config)
		return;
	fd = openat(b->root_fd, "config.toml", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, config, strlen(config)), strlen(config));
	close(fd);
}

static void bed_drop(struct bed *b)
{
	err_fini(&b->e);
	unlinkat(b->root_fd, "config.toml", 0);
	close(b->root_fd);
	rmdir(b->dir);
	arena_free(b->a);
}

/* A node of another time: its places lead into sources that are gone. */
static struct node node_of(struct bed *b, const char *link)
{
	struct node n;

	assert_int_equal(link_parse(b->a, b->sink, str_of(link), (struct span){ 12345, 7, 9 }, &n), 0);
	return n;
}

static void compile(struct bed *b, const char *link, const struct session_options *o)
{
	struct node n = node_of(b, link);

	assert_int_equal(compile_session(b->a, b->sink, b->root_fd, "/etc/xrat", &n, o, &b->c, &b->e), 0);
}

static const char *printed(struct bed *b)
{
	struct buf out = { 0 };
	const char *text;

	diag_finish(b->sink, false);
	diag_print(b->sink, false, SEV_NOTE, &out);
	text = arena_memdup(b->a, out.p ? out.p : "", out.len);
	buf_fini(&out);
	return text;
}

static const char *rendered(struct bed *b)
{
	struct buf out = { 0 };
	const char *text;

	assert_true(b->c.has_checked);
	render_xray(b->a, &b->c.checked, &out);
	text = arena_memdup(b->a, out.p, out.len);
	buf_fini(&out);
	return text;
}

/* --- what a diagnostic about a node shows -------------------------------------------------------------------------- */
static const char *const secrets[] = { "s3cret", UUID, "5ecbad", "obf-s3cret" };

static void assert_no_secret(const char *text)
{
	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
		if (strstr(text, secrets[i]))
			fail_msg("'%s' is shown in: %s", secrets[i], text);
}

static void test_no_secret(void **state)
{
	static const char *const links[] = {
		"trojan://s3cret@edge.example.net:443?sni=edge.example.net#one",
		"vless://" UUID "@192.0.2.1:443?encryption=none&security=reality&sni=www.example.com&fp=chrome&pbk=" X25519
		"&sid=5ecbad#two",
		"hysteria2://s3cret@edge.example.net:443?sni=edge.example.net&obfs=salamander&obfs-password=obf-s3cret#three",
		"socks://user:s3cret@192.0.2.1:1080#four",
		"ss://YWVzLTI1Ni1nY206czNjcmV0@192.0.2.9:8388/?plugin=v2ray-plugin%3Bpath%3Dobf-s3cret#five",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		const struct session_options o = { .target = target_find(STR("builtin")), .node_id = 7 };
		struct bed b;
		bed_make(&b, NULL);
		compile(&b, links[i], &o);
		assert_no_secret(printed(&b));
		assert_non_null(strstr(printed(&b), "node 7 ("));
		for (uint32_t src = 1; src <= sources_count(b.sources); src++) {
			const struct source *s = sources_get(b.sources, src);
			assert_no_secret(arena_memdup(b.a, s->bytes, s->len));
		}
		bed_drop(&b);
	}
}

/* Every place of every diagnostic lies inside a text that is there. */
static void test_places(void **state)
{
	const struct session_options o = { .target = target_find(STR("v2ray-4.34")), .node_id = 7 };
	struct bed b;

	(void)state;
	bed_make(&b, "[runtime.mux]\nenabled = true\nxudp_concurrency = 4\n");
	compile(&b, "vless://" UUID "@192.0.2.1:443?encryption=none&type=xhttp&security=tls&sni=a.example&fp=chrome"
		    "&path=%2Fx&alpn=h2,h3&ech=AAAA&extra=%7B%22xPaddingBytes%22%3A%22100-200%22%7D#n", &o);
	assert_false(b.c.has_checked);
	for (unsigned i = 0; i < diag_total(b.sink); i++) {
		const struct diag *d = diag_at(b.sink, i);
		const struct source *s = sources_get(b.sources, d->at.src);
		assert_true(!d->at.src || (s && d->at.end <= s->len && d->at.begin <= d->at.end));
	}
	assert_non_null(strstr(printed(&b), "transport = \"xhttp\""));
	bed_drop(&b);
}

static void test_names(void **state)
{
	struct bed b;
	struct node n;
	const struct session_options o = { .target = target_find(STR("builtin")), .node_id = 3 };

	(void)state;
	bed_make(&b, NULL);
	n = node_of(&b, "trojan://s3cret@edge.example.net:443?sni=edge.example.net");
	n.name = (struct text){ .s = " a\nb\x1b[31m\xc3\xa9 ", .set = true };
	assert_int_equal(compile_session(b.a, b.sink, b.root_fd, "/", &n, &o, &b.c, &b.e), 0);
	assert_non_null(strstr(printed(&b), "node 3 (ab[31m\xc3\xa9):"));
	assert_null(strchr(printed(&b), '\x1b'));
	bed_drop(&b);
}

/* --- options ------------------------------------------------------------------------------------------------------- */
static void test_same_bytes(void **state)
{
	static const char link[] = "trojan://change-me@edge.example.net:443?sni=edge.example.net#n";
	const struct session_options o = { .log_name = "session-1" };
	struct bed x, y;

	(void)state;
	bed_make(&x, "[runtime.log]\ndir = \"l\"\n");
	bed_make(&y, "[runtime.log]\ndir = \"l\"\n");
	compile(&x, link, &o);
	compile(&y, link, &o);
	assert_string_equal(rendered(&x), rendered(&y));
	assert_non_null(strstr(rendered(&x), "\"/etc/xrat/l/session-1.error.log\""));
	assert_string_equal(session_log_file(x.a, "/etc/xrat", &x.c.config, "session-1", "error"),
			    "/etc/xrat/l/session-1.error.log");
	bed_drop(&x);
	bed_drop(&y);
}

static void test_disabled_stays_off(void **state)
{
	const struct session_options o = { .http_port = 31000, .shadowsocks_port = 31001, .socks_port = 31002,
		.on_loopback = true };
	struct bed b;

	(void)state;
	bed_make(&b, "[runtime.socks]\nhost = \"127.0.0.9\"\n");
	compile(&b, "socks://192.0.2.1:1080", &o);
	assert_int_equal(b.c.checked.x.inbounds.n, 1);
	assert_non_null(strstr(rendered(&b), "\"listen\": \"127.0.0.1\",\n      \"port\": 31002"));
	bed_drop(&b);
}

/* A secret of something that the session does not open is not asked for. */
static void test_secrets(void **state)
{
	const struct session_options o = { .node_id = 1 };
	struct bed b;

	(void)state;
	bed_make(&b, "[server]\nkey = { env = \"XRAT_TEST_NOT_SET\" }\n[runtime.http.auth]\nenabled = true\n"
		     "username = \"bob\"\npassword = { env = \"XRAT_TEST_NOT_SET\" }\n");
	compile(&b, "socks://192.0.2.1:1080", &o);
	assert_true(b.c.has_checked);
	bed_drop(&b);
	bed_make(&b, "[runtime.socks.auth]\nenabled = true\nusername = \"bob\"\n"
		     "password = { env = \"XRAT_TEST_NOT_SET\" }\n");
	compile(&b, "socks://192.0.2.1:1080", &o);
	assert_false(b.c.has_checked);
	bed_drop(&b);
}

/* --- many nodes ---------------------------------------------------------------------------------------------------- */
enum { MANY = 600 };

static void test_many(void **state)
{
	const struct session_options o = { .target = target_find(STR("xray-26.7")), .probe_user = "t",
		.probe_password = "change-me" };
	static struct session_test tests[MANY];
	static struct node nodes[MANY];
	struct bed b;
	unsigned refused = 0;

	(void)state;
	bed_make(&b, NULL);
	for (unsigned i = 0; i < MANY; i++) {
		const char *bad = i % 3 ? "&security=tls&sni=a.example" : "&security=none";
		nodes[i] = node_of(&b, arena_printf(b.a, "vless://" UUID "@n%u.example.net:443?encryption=none%s", i, bad));
		tests[i] = (struct session_test){ .node = { i + 1, &nodes[i] }, .port = (uint16_t)(20000 + i) };
	}
	assert_int_equal(compile_test(b.a, b.sink, b.root_fd, "/", tests, MANY, &o, &b.c, &b.e), 0);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(tests[i].refused != NULL, i % 3 == 0);
		refused += tests[i].refused != NULL;
	}
	assert_int_equal(refused, MANY / 3);
	assert_true(b.c.has_checked);
	assert_int_equal(b.c.checked.x.outbounds.n, MANY - refused);
	assert_int_equal(b.c.checked.x.inbounds.n, MANY - refused);
	assert_int_equal(b.c.checked.x.rules.n, MANY - refused);
	assert_int_equal(diag_count(b.sink, SEV_ERROR), 0);
	bed_drop(&b);
}

static void test_none_left(void **state)
{
	const struct session_options o = { .target = target_find(STR("builtin")) };
	struct session_test test = { .port = 20000 };
	struct bed b;
	struct node n;

	(void)state;
	bed_make(&b, NULL);
	n = node_of(&b, "trojan://s3cret@edge.example.net:443?sni=edge.example.net");
	test.node.node = &n;
	assert_int_equal(compile_test(b.a, b.sink, b.root_fd, "/", &test, 1, &o, &b.c, &b.e), 0);
	assert_non_null(strstr(test.refused, "XR601: "));
	assert_no_secret(test.refused);
	assert_false(b.c.has_checked);
	bed_drop(&b);
}

static void test_broken_config(void **state)
{
	const struct session_options o = { .node_id = 1 };
	struct session_test test = { .port = 20000 };
	struct bed b;
	struct node n;

	(void)state;
	bed_make(&b, "[runtime\n");
	n = node_of(&b, "socks://192.0.2.1:1080");
	test.node.node = &n;
	assert_int_equal(compile_test(b.a, b.sink, b.root_fd, "/", &test, 1, &o, &b.c, &b.e), 0);
	assert_false(b.c.has_checked);
	assert_null(test.refused);
	assert_true(diag_count(b.sink, SEV_ERROR) > 0);
	bed_drop(&b);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_no_secret), cmocka_unit_test(test_places), cmocka_unit_test(test_names),
		cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_disabled_stays_off), cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_many), cmocka_unit_test(test_none_left), cmocka_unit_test(test_broken_config),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
