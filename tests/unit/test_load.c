/* link: compiler links merge model lib */
/* The loader against a real directory: every kind of file that is none, one diagnostic each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/compiler.h"

struct tree {
	char path[64];
	int fd;
	struct arena *a;
	struct sources *sources;
	struct diag_sink *sink;
	struct inputs in;
	struct err e;
};

static void write_bytes(struct tree *t, const char *path, const char *text, size_t len)
{
	int fd = openat(t->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static void write_text(struct tree *t, const char *path, const char *text)
{
	write_bytes(t, path, text, strlen(text));
}

static void plant(struct tree *t)
{
	*t = (struct tree){ .path = "/tmp/xrat-load-XXXXXX", .a = arena_new() };
	assert_non_null(mkdtemp(t->path));
	t->fd = dir_open(t->path, NULL);
	assert_true(t->fd >= 0);
	t->sources = sources_new(t->a);
	t->sink = diag_sink_new(t->a, t->sources);
	write_text(t, "xp2p-client.toml", "[client]\n");
	assert_int_equal(mkdirat(t->fd, "config-client", 0700), 0);
}

static int remove_one(int dir, const char *name)
{
	const char **names;
	struct arena *a;
	size_t n;
	int fd;

	if (!unlinkat(dir, name, 0))
		return 0;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	a = arena_new();
	assert_int_equal(dir_list(a, fd, &names, &n, NULL), 0);
	for (size_t i = 0; i < n; i++)
		remove_one(fd, names[i]);
	close(fd);
	arena_free(a);
	return unlinkat(dir, name, AT_REMOVEDIR);
}

static void fell(struct tree *t)
{
	close(t->fd);
	remove_one(AT_FDCWD, t->path);
	err_fini(&t->e);
	arena_free(t->a);
}

/* "config-client/dns.json XR221; ": the diagnostics in order, with their files. */
static const char *faults(struct tree *t)
{
	const char *out = "";

	diag_finish(t->sink, false);
	for (unsigned i = 0; i < diag_total(t->sink); i++) {
		const struct diag *d = diag_at(t->sink, i);
		const struct source *src = sources_get(t->sources, d->at.src);

		out = arena_printf(t->a, "%s%s %s; ", out, src ? src->path : "-", diag_infos[d->code].name);
	}
	return out;
}

static const char *load(struct tree *t)
{
	assert_int_equal(load_inputs(t->a, t->sink, t->fd, ROLE_CLIENT, &t->in, &t->e), 0);
	return faults(t);
}

static void test_roles(void **state)
{
	struct tree t;

	(void)state;
	plant(&t);
	assert_int_equal(load_roles(t.fd, NULL), 1 << ROLE_CLIENT);
	write_text(&t, "xp2p-server.toml", "");
	assert_int_equal(load_roles(t.fd, NULL), 1 << ROLE_CLIENT | 1 << ROLE_SERVER);
	unlinkat(t.fd, "xp2p-client.toml", 0);
	assert_int_equal(load_inputs(t.a, t.sink, t.fd, ROLE_CLIENT, &t.in, &t.e), -ENOENT);
	fell(&t);
}

static void test_good(void **state)
{
	struct tree t;

	(void)state;
	plant(&t);
	write_text(&t, "config.toml", "[runtime]\n");
	write_text(&t, "config-client/dns.json", "{\"dns\":{}}");
	write_text(&t, "config-client/policy.json", " \n// nothing\n");
	write_text(&t, "config-client/inbounds.append.json", "");
	assert_string_equal(load(&t), "");
	assert_true(t.in.has_config);
	assert_int_equal(t.in.role_toml.kind, VAL_OBJECT);
	assert_int_equal(t.in.snippets[SNIPPET_DNS].root.kind, VAL_OBJECT);
	assert_int_equal(t.in.snippets[SNIPPET_POLICY].root.kind, VAL_NONE);
	assert_int_equal(t.in.snippets[SNIPPET_INBOUNDS].root.kind, VAL_NONE);
	fell(&t);
}

static void test_no_files(void **state)
{
	struct tree t;

	(void)state;
	plant(&t);
	unlinkat(t.fd, "xp2p-client.toml", 0);
	assert_int_equal(mkdirat(t.fd, "xp2p-client.toml", 0700), 0);
	assert_int_equal(mkfifoat(t.fd, "config.toml", 0600), 0);
	assert_int_equal(mkdirat(t.fd, "config-client/dns.json", 0700), 0);
	assert_int_equal(mkfifoat(t.fd, "config-client/policy.json", 0600), 0);
	assert_int_equal(symlinkat("/etc/hostname", t.fd, "config-client/observatory.json"), 0);
	assert_int_equal(symlinkat("../../x", t.fd, "config-client/balancers.append.json"), 0);
	assert_int_equal(symlinkat("nothing", t.fd, "config-client/inbounds.append.json"), 0);
	assert_int_equal(symlinkat("outbounds.append.json", t.fd, "config-client/outbounds.append.json"), 0);
	assert_string_equal(load(&t),
			    "xp2p-client.toml XR221; config.toml XR221; config-client/balancers.append.json XR222; "
			    "config-client/dns.json XR221; config-client/inbounds.append.json XR220; "
			    "config-client/observatory.json XR222; config-client/outbounds.append.json XR220; "
			    "config-client/policy.json XR221; ");
	fell(&t);
}

static void test_huge(void **state)
{
	struct tree t;
	int fd;

	(void)state;
	plant(&t);
	fd = openat(t.fd, "xp2p-client.toml", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, (off_t)TOML_MAX_BYTES + 1), 0);
	close(fd);
	write_text(&t, "config-client/dns.json", "");
	fd = openat(t.fd, "config-client/dns.json", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	close(fd);
	assert_string_equal(load(&t), "xp2p-client.toml XR103; config-client/dns.json XR211; ");
	fell(&t);
}

static void test_names(void **state)
{
	static const char *const silent[] = { ".hidden", ".#dns.json", "#dns.json#",   "dns.json~",    "dns.json.swp",
					      "4913",    "x.tmp",      "dns.json.bak", ".dns.json.swx" };
	struct tree t;

	(void)state;
	plant(&t);
	for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++)
		write_text(&t, arena_printf(t.a, "config-client/%s", silent[i]), "junk");
	assert_int_equal(mkdirat(t.fd, "config-client/old", 0700), 0);
	write_text(&t, "config-client/outbound.append.json", "junk");
	write_text(&t, "config-client/README", "");
	assert_string_equal(load(&t), "config-client/README XR223; config-client/outbound.append.json XR223; ");
	assert_string_equal(diag_at(t.sink, 1)->help, "did you mean 'outbounds.append.json'");
	fell(&t);
}

struct dir_case {
	const char *value, *expected;
};
static const struct dir_case dir_cases[] = {
	{ "snippets", "xp2p-client.toml XR230; " },
	{ "../x", "xp2p-client.toml XR228; " },
	{ "/etc", "xp2p-client.toml XR228; " },
	{ "xp2p-client.toml", "xp2p-client.toml XR229; " },
	{ "out", "xp2p-client.toml XR228; " },
	{ "inside", "" },
	{ "config-client/", "" },
};

static void test_config_dir(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(dir_cases) / sizeof(*dir_cases); i++) {
		struct tree t;

		plant(&t);
		write_text(&t, "xp2p-client.toml",
			   arena_printf(t.a, "[client]\nconfig_dir = \"%s\"\n", dir_cases[i].value));
		assert_int_equal(symlinkat("/etc", t.fd, "out"), 0);
		assert_int_equal(symlinkat("config-client", t.fd, "inside"), 0);
		write_text(&t, "config-client/dns.json", "{\"dns\":{}}");
		assert_string_equal(load(&t), dir_cases[i].expected);
		assert_int_equal(t.in.snippets[SNIPPET_DNS].root.kind, *dir_cases[i].expected ? VAL_NONE : VAL_OBJECT);
		fell(&t);
	}
}

static void test_unreadable(void **state)
{
	struct tree t;

	(void)state;
	if (!geteuid())
		skip(); /* root may read everything */
	plant(&t);
	write_text(&t, "config-client/dns.json", "{\"dns\":{}}");
	assert_int_equal(fchmodat(t.fd, "config-client/dns.json", 0, 0), 0);
	assert_string_equal(load(&t), "config-client/dns.json XR220; ");
	fell(&t);
}

/* The place of the text `value` in a source of its own, behind the key. */
static struct secret secret_at(struct tree *t, const char *text, enum secret_kind kind, const char *ref)
{
	uint32_t src = sources_add(t->sources, "some.toml", text, (uint32_t)strlen(text));
	const char *brace = strchr(text, '{');

	return (struct secret){
		.at = { src, (uint32_t)(brace - text), (uint32_t)strlen(text) }, .set = true, .kind = kind, .ref = ref
	};
}

static struct secret resolve(struct tree *t, enum secret_kind kind, const char *ref, bool check)
{
	struct secret s = secret_at(t, "[x]\npassword = { ... }", kind, ref), *list[] = { &s };
	const struct load_options o = { .missing_secret_is_warning = check };

	load_secrets(t->a, t->sink, t->fd, &t->in.log, &o, list, 1);
	return s;
}

static void test_secrets(void **state)
{
	struct tree t;
	struct secret s;

	(void)state;
	plant(&t);
	setenv("XRAT_TEST_SECRET", "change-me", 1);
	s = resolve(&t, SECRET_ENV, "XRAT_TEST_SECRET", false);
	assert_string_equal(s.s, "change-me");
	assert_false(s.missing);
	write_text(&t, "secret", "change-me\r\n");
	s = resolve(&t, SECRET_FILE, "secret", false);
	assert_string_equal(s.s, "change-me");
	s = resolve(&t, SECRET_FILE, arena_printf(t.a, "%s/secret", t.path), false);
	assert_string_equal(s.s, "change-me");
	assert_string_equal(faults(&t), "");
	fchmodat(t.fd, "secret", 0604, 0);
	s = resolve(&t, SECRET_FILE, "secret", false);
	assert_string_equal(s.s, "change-me");
	assert_string_equal(faults(&t), "some.toml XR234; ");
	fell(&t);
}

static void test_missing_secrets(void **state)
{
	struct tree t;
	struct secret s;

	(void)state;
	plant(&t);
	unsetenv("XRAT_TEST_SECRET");
	s = resolve(&t, SECRET_ENV, "XRAT_TEST_SECRET", false);
	assert_true(s.missing);
	assert_string_equal(s.s, "00000000-0000-4000-8000-000000000000");
	assert_string_equal(diag_at(t.sink, 0)->msg,
			    "'password' comes from the environment variable 'XRAT_TEST_SECRET', which is not set");
	setenv("XRAT_TEST_SECRET", "", 1);
	resolve(&t, SECRET_ENV, "XRAT_TEST_SECRET", true);
	assert_int_equal(diag_at(t.sink, 1)->severity, SEV_WARNING);
	resolve(&t, SECRET_FILE, "nothing", true);
	assert_int_equal(diag_at(t.sink, 2)->severity, SEV_WARNING);
	assert_int_equal(diag_count(t.sink, SEV_ERROR), 1);
	write_text(&t, "empty", "\n");
	write_bytes(&t, "nul", "a\0b", 3);
	write_text(&t, "latin", "caf\xe9");
	resolve(&t, SECRET_FILE, "empty", true);
	resolve(&t, SECRET_FILE, "nul", false);
	resolve(&t, SECRET_FILE, "latin", false);
	resolve(&t, SECRET_FILE, "../x", false);
	resolve(&t, SECRET_FILE, "config-client", false);
	assert_string_equal(faults(&t),
			    "some.toml XR231; some.toml XR231; some.toml XR232; some.toml XR233; some.toml XR233; "
			    "some.toml XR233; some.toml XR232; some.toml XR232; ");
	fell(&t);
}

static void test_big_secret(void **state)
{
	struct tree t;
	struct secret s;
	char *big = calloc(1, 70000);

	(void)state;
	plant(&t);
	memset(big, 'a', 70000);
	write_bytes(&t, "fits", big, 65536);
	write_bytes(&t, "big", big, 65537);
	s = resolve(&t, SECRET_FILE, "fits", false);
	assert_int_equal(strlen(s.s), 65536);
	resolve(&t, SECRET_FILE, "big", false);
	assert_string_equal(faults(&t), "some.toml XR233; ");
	free(big);
	fell(&t);
}

static void test_named_files(void **state)
{
	struct tree t;
	struct checked c = { .x.target = target_default() };
	struct desired d = { .role = ROLE_CLIENT };
	struct value v;
	const char *text;
	uint32_t src;

	(void)state;
	plant(&t);
	setenv("XRAY_LOCATION_ASSET", t.path, 1);
	write_text(&t, "geoip.dat", "");
	text = arena_printf(t.a,
		"{\"inbounds\":[{\"tls\":[{\"certificateFile\":\"%s/geoip.dat\",\"keyFile\":\"%s/no.pem\"}]}],"
		"\"routing\":{\"rules\":[{\"ip\":[\"geoip:a\",\"!ext:my.dat:x\"]},{\"domain\":[\"geosite:b\",\"geosite:"
		"c\"]}]}}",
		t.path, t.path);
	src = sources_add(t.sources, "a.json", text, (uint32_t)strlen(text));
	assert_int_equal(json_parse(t.a, t.sink, src, false, &v), 0);
	xconf_from_value(t.a, &v, target_default(), &c.x);
	load_check_files(t.a, t.sink, &t.in.log, &c, &d, SEV_WARNING);
	assert_string_equal(faults(&t), "a.json XR235; a.json XR236; a.json XR236; ");
	unsetenv("XRAY_LOCATION_ASSET");
	fell(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles),           cmocka_unit_test(test_good),
		cmocka_unit_test(test_no_files),        cmocka_unit_test(test_huge),
		cmocka_unit_test(test_names),           cmocka_unit_test(test_config_dir),
		cmocka_unit_test(test_unreadable),      cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_missing_secrets), cmocka_unit_test(test_big_secret),
		cmocka_unit_test(test_named_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
