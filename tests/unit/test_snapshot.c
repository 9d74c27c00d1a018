/* link: apply compiler links render validate merge model lib */
/* What was read: the log of the loader, its digest, and that nothing moves unnoticed. */
#include "tests/unit/note_test.h"

static const char *const toml = "[client]\n[[client.endpoints]]\nprofile = \"trojan-tls\"\nhostname = \"edge.example.net\"\n"
				"tag = \"proxy-edge\"\nport = 443\nuser = \"a@example.org\"\npassword = \"change-me\"\n";

static void plant(struct root *t)
{
	root_make(t);
	root_write(t, "xp2p-client.toml", toml);
	assert_int_equal(mkdirat(t->s.root_fd, "config-client", 0700), 0);
}

static struct inputs *compile(struct root *t)
{
	const struct compile_options o = { 0 };
	struct compiled *c = arena_new_of(t->a, struct compiled);

	t->sink = diag_sink_new(t->a, sources_new(t->a));
	assert_int_equal(compile_root(t->a, t->sink, t->s.root_fd, t->path, ROLE_CLIENT, &o, c, &t->e), 0);
	return &c->in;
}

/* "xp2p-client.toml -config.toml": in order, '-' for what is missing. */
static const char *logged(struct root *t, const struct inputs *in)
{
	const char *out = "";

	for (const struct input_file *f = in->log.first; f; f = f->next) {
		assert_int_equal(f->missing, f->bytes.p == NULL && !f->id.ino);
		out = arena_printf(t->a, "%s%s%s ", out, f->missing ? "-" : "", f->path);
	}
	return out;
}

static void test_log(void **state)
{
	const struct inputs *in;
	struct root t;

	(void)state;
	plant(&t);
	assert_string_equal(logged(&t, compile(&t)), "xp2p-client.toml -config.toml ");
	root_write(&t, "config.toml", "[runtime]\n");
	root_write(&t, "config-client/dns.json", "{\"dns\": {}}");
	root_write(&t, "config-client/notes.txt", "");
	root_write(&t, "secret", "change-me\n");
	root_write(&t, "xp2p-client.toml", "[client]\n[[client.endpoints]]\nprofile = \"trojan-tls\"\ntag = \"proxy-edge\"\n"
					   "hostname = \"edge.example.net\"\nport = 443\nuser = \"a\"\n"
					   "password = { file = \"secret\" }\n");
	in = compile(&t);
	assert_string_equal(logged(&t, in), "xp2p-client.toml config.toml config-client/dns.json secret ");
	assert_string_equal(in->log.dir.path, "config-client");
	assert_int_equal(in->log.dir.n, 2);
	unlinkat(t.s.root_fd, "secret", 0);
	assert_string_equal(logged(&t, compile(&t)), "xp2p-client.toml config.toml config-client/dns.json -secret ");
	/* A text that does not parse is an input all the same, and so is all that can still be looked at. */
	root_write(&t, "xp2p-client.toml", "[client\n");
	assert_string_equal(logged(&t, compile(&t)), "xp2p-client.toml config.toml config-client/dns.json ");
	assert_true(diag_count(t.sink, SEV_ERROR) > 0);
	root_drop(&t);
}

static void moved(struct root *t, const struct inputs *in, const char *want)
{
	const char *path = NULL;
	int r = load_moved_file(t->s.root_fd, in, &path);

	assert_int_equal(r, want != NULL);
	assert_int_equal(load_moved(t->s.root_fd, in), want != NULL);
	if (want)
		assert_string_equal(path, want);
}

static void test_moved(void **state)
{
	const struct inputs *in;
	struct root t;

	(void)state;
	plant(&t);
	in = compile(&t);
	moved(&t, in, NULL);
	root_write(&t, "config-client/.dns.json.swp", "an editor's");
	root_write(&t, "config-client/dns.json~", "");
	moved(&t, in, NULL);
	root_write(&t, "config.toml", "");
	moved(&t, in, "config.toml");
	in = compile(&t);
	root_write(&t, "config-client/dns.json", "{\"dns\": {}}");
	moved(&t, in, "config-client");
	in = compile(&t);
	root_write(&t, "config-client/notes.txt", "");
	moved(&t, in, "config-client");
	in = compile(&t);
	assert_int_equal(renameat(t.s.root_fd, "config-client/notes.txt", t.s.root_fd, "config-client/other.txt"), 0);
	moved(&t, in, "config-client");
	in = compile(&t);
	assert_int_equal(fchmodat(t.s.root_fd, "config-client/dns.json", 0644, 0), 0);
	moved(&t, in, "config-client/dns.json");
	in = compile(&t);
	unlinkat(t.s.root_fd, "config-client/dns.json", 0);
	moved(&t, in, "config-client/dns.json");
	in = compile(&t);
	/* The same bytes in a new file. */
	root_write(&t, "new", toml);
	assert_int_equal(renameat(t.s.root_fd, "new", t.s.root_fd, "xp2p-client.toml"), 0);
	moved(&t, in, "xp2p-client.toml");
	in = compile(&t);
	assert_int_equal(tree_remove(t.s.root_fd, "config-client", NULL), 0);
	moved(&t, in, "config-client");
	in = compile(&t);
	moved(&t, in, NULL);
	assert_int_equal(mkdirat(t.s.root_fd, "config-client", 0700), 0);
	moved(&t, in, "config-client");
	root_drop(&t);
}

/* A write that leaves every stamp as it was. */
static void test_moved_bytes(void **state)
{
	struct inputs *in;
	struct root t;
	char *other;

	(void)state;
	plant(&t);
	in = compile(&t);
	other = arena_memdup(t.a, in->log.first->bytes.p, in->log.first->bytes.len);
	other[2] ^= 1;
	in->log.first->bytes.p = other;
	moved(&t, in, "xp2p-client.toml");
	root_drop(&t);
}

static void test_digest(void **state)
{
	/* printf '%s' of the frames by hand: 8 bytes length, path, 8 bytes length, bytes. */
	static const char frames[] = "\x0b\0\0\0\0\0\0\0config.toml\x01\0\0\0\0\0\0\0\n"
				     "\x10\0\0\0\0\0\0\0xp2p-client.toml\x09\0\0\0\0\0\0\0[client]\n";
	char want[DIGEST_TEXT], got[DIGEST_TEXT], again[DIGEST_TEXT];
	struct root t;

	(void)state;
	root_make(&t);
	root_write(&t, "xp2p-client.toml", "[client]\n");
	root_write(&t, "config.toml", "\n");
	load_digest(t.a, compile(&t), got);
	sha256_hex((struct str){ frames, sizeof(frames) - 1 }, 32, want);
	assert_string_equal(got, want);
	assert_int_equal(mkdirat(t.s.root_fd, "config-client", 0700), 0);
	root_write(&t, "config-client/other.txt", "not read");
	load_digest(t.a, compile(&t), again);
	assert_string_equal(again, want);
	unlinkat(t.s.root_fd, "config.toml", 0);
	load_digest(t.a, compile(&t), again);
	assert_string_not_equal(again, want);
	root_drop(&t);
}

/* A certificate that is put in its place is another input: what failed without it is tried again. */
static void test_named_files(void **state)
{
	char before[DIGEST_TEXT], after[DIGEST_TEXT];
	const struct inputs *in;
	struct root t;

	(void)state;
	plant(&t);
	root_write(&t, "config-client/inbounds.append.json",
		   arena_printf(t.a, "{\"inbounds\": [{\"tag\": \"more\", \"protocol\": \"socks\", \"port\": 1099, "
				     "\"listen\": \"127.0.0.1\", \"streamSettings\": {\"security\": \"tls\", "
				     "\"tlsSettings\": {\"certificates\": [{\"certificateFile\": \"%s/c.pem\", "
				     "\"keyFile\": \"%s/c.pem\"}]}}}]}",
				t.path, t.path));
	in = compile(&t);
	load_digest(t.a, in, before);
	assert_non_null(strstr(logged(&t, in), arena_printf(t.a, "-%s/c.pem ", t.path)));
	root_write(&t, "c.pem", "not read");
	moved(&t, in, arena_printf(t.a, "%s/c.pem", t.path));
	load_digest(t.a, compile(&t), after);
	assert_string_not_equal(before, after);
	root_drop(&t);
}

/* --- the snapshot ------------------------------------------------------------------------------------------------- */
static void test_take(void **state)
{
	struct compile_options o = { 0 };
	struct snapshot one, two;
	struct str map, other_map;
	struct root t;
	char hex[DIGEST_TEXT];

	(void)state;
	plant(&t);
	assert_int_equal(snapshot_take(t.a, &t.s, ROLE_CLIENT, &o, &one, &t.e), 0);
	assert_int_equal(diag_count(one.sink, SEV_ERROR), 0);
	sha256_hex(one.xray, 32, hex);
	assert_string_equal(one.rendered, hex);
	assert_int_equal(strlen(one.digest), 64);
	assert_int_equal(snapshot_map(t.a, &one, &map), 0);
	assert_true(str_starts(one.xray, "{\n") && str_starts(map, "{\n"));
	assert_non_null(strstr(map.p, "\"schema_version\""));
	assert_int_equal(snapshot_take(t.a, &t.s, ROLE_CLIENT, &o, &two, &t.e), 0);
	assert_int_equal(snapshot_map(t.a, &two, &other_map), 0);
	assert_true(str_eq(one.xray, two.xray) && str_eq(map, other_map));
	assert_string_equal(one.digest, two.digest);
	root_write(&t, "config-client/notes.txt", "");
	assert_int_equal(snapshot_take(t.a, &t.s, ROLE_CLIENT, &o, &two, &t.e), 0);
	assert_int_equal(two.xray.len, one.xray.len);
	o.strict = true;
	assert_int_equal(snapshot_take(t.a, &t.s, ROLE_CLIENT, &o, &two, &t.e), 0);
	assert_true(diag_count(two.sink, SEV_ERROR) > 0);
	assert_int_equal(two.xray.len, 0);
	assert_string_equal(two.rendered, "");
	root_write(&t, "xp2p-client.toml", "[client\n");
	assert_int_equal(snapshot_take(t.a, &t.s, ROLE_CLIENT, &o, &two, &t.e), 0);
	assert_true(diag_count(two.sink, SEV_ERROR) > 0);
	assert_int_equal(strlen(two.digest), 64);
	unlinkat(t.s.root_fd, "xp2p-client.toml", 0);
	assert_int_equal(snapshot_take(t.a, &t.s, ROLE_CLIENT, &o, &two, &t.e), -ENOENT);
	root_drop(&t);
}

/* A file that is another one at each reading: given up after five tries, with its name. */
static void test_stale(void **state)
{
	static const char changing[] = "/proc/sys/kernel/random/uuid";
	struct compile_options o = { 0 };
	struct snapshot snap;
	struct root t;

	(void)state;
	if (access(changing, R_OK))
		skip();
	plant(&t);
	root_write(&t, "xp2p-client.toml",
		   arena_printf(t.a, "[client]\n[[client.endpoints]]\nprofile = \"trojan-tls\"\ntag = \"proxy-edge\"\n"
				     "hostname = \"edge.example.net\"\nport = 443\nuser = \"a\"\n"
				     "password = { file = \"%s\" }\n", changing));
	assert_int_equal(snapshot_take(t.a, &t.s, ROLE_CLIENT, &o, &snap, &t.e), SNAPSHOT_STALE);
	assert_int_equal(diag_total(snap.sink), 1);
	assert_int_equal(diag_at(snap.sink, 0)->code, DIAG_XR720);
	assert_string_equal(sources_get(diag_sources(snap.sink), diag_at(snap.sink, 0)->at.src)->path, changing);
	assert_int_equal(snap.xray.len, 0);
	root_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log),         cmocka_unit_test(test_moved), cmocka_unit_test(test_moved_bytes),
		cmocka_unit_test(test_digest),      cmocka_unit_test(test_named_files),
		cmocka_unit_test(test_take),        cmocka_unit_test(test_stale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
