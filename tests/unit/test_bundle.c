/* link: service apply runtime compiler store merge validate render links model lib */
/* The archive's parts: programs that are run for it, reading beneath the root, and the whole of a small root. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "service/bundle_impl.h"

struct fixture {
	struct arena *a;
	char root[64];
	int fd;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->root, "/tmp/xrat-bundle-XXXXXX");
	f->a = arena_new();
	if (!mkdtemp(f->root))
		return -1;
	f->fd = open(f->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->fd);
	tree_remove(AT_FDCWD, f->root, NULL);
	arena_free(f->a);
	free(f);
	return 0;
}

static void put(struct fixture *f, const char *name, const char *text)
{
	assert_int_equal(file_write_atomic(f->fd, name, str_of(text), 0600, NULL), 0);
}

/* --- programs ----------------------------------------------------------------------------------------------------- */
static int sh(struct fixture *f, const char *script, unsigned timeout_ms, struct str *ret_out, int *ret_exit)
{
	const struct bundle_run run = { .argv = { "/bin/sh", "-c", script, NULL }, .timeout_ms = timeout_ms };

	*ret_exit = -1;
	return bundle_run(f->a, &run, ret_out, ret_exit);
}

static void test_run(void **state)
{
	struct fixture *f = *state;
	struct str out;
	int code;

	assert_int_equal(sh(f, "echo a; echo b >&2; exit 3", 10000, &out, &code), 0);
	assert_true(str_is(out, "a\nb\n"));
	assert_int_equal(code, 3);
	assert_int_equal(sh(f, "exec >&- 2>&-; exit 5", 10000, &out, &code), 0);
	assert_int_equal(code, 5);
	assert_int_equal(sh(f, "cat", 10000, &out, &code), 0); /* nothing on stdin */
	assert_int_equal(code, 0);
	assert_int_equal(sh(f, "kill -9 $$", 10000, &out, &code), 0);
	assert_int_equal(code, 128 + 9);
	/* much is read to its end and cut */
	assert_int_equal(sh(f, "head -c 3000000 /dev/zero; exit 7", 10000, &out, &code), 0);
	assert_int_equal(code, 7);
	assert_in_range(out.len, BUNDLE_LOG_MAX, BUNDLE_LOG_MAX + 65536);
}

static void test_run_stuck(void **state)
{
	struct fixture *f = *state;
	struct str out;
	int64_t begin = clock_mono_ms();
	int code;

	assert_int_equal(sh(f, "echo early; exec sleep 100", 200, &out, &code), -ETIMEDOUT);
	assert_true(str_is(out, "early\n"));
	/* a child of its own holds the pipe */
	assert_int_equal(sh(f, "sleep 5 & echo early; exit 4", 10000, &out, &code), 0);
	assert_int_equal(code, 4);
	assert_true(str_is(out, "early\n"));
	assert_true(clock_mono_ms() - begin < 5000);
	assert_int_equal(bundle_run(f->a, &(struct bundle_run){ .argv = { "/nowhere/x", NULL }, .timeout_ms = 1000 }, &out,
				    &code),
			 -ENOENT);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */
static struct bundle bundle_on(struct fixture *f, const struct bundle_options *o)
{
	return (struct bundle){ .a = f->a, .o = o, .root_fd = f->fd, .problems = value_array(SPAN_NONE) };
}

static void test_read(void **state)
{
	struct fixture *f = *state;
	const struct bundle_options o = { .root = f->root };
	struct bundle b = bundle_on(f, &o);
	const char *note;
	struct str bytes;

	put(f, "a", "text");
	assert_int_equal(mkdirat(f->fd, "dir", 0700), 0);
	assert_int_equal(symlinkat("a", f->fd, "link"), 0);
	assert_int_equal(symlinkat("/etc/hostname", f->fd, "out"), 0);
	assert_int_equal(mkfifoat(f->fd, "fifo", 0600), 0);
	assert_int_equal(bundle_read(&b, f->fd, "a", BUNDLE_STATE, &bytes, &note), 0);
	assert_true(str_is(bytes, "text"));
	assert_int_equal(bundle_read(&b, f->fd, "link", BUNDLE_DESIRED, &bytes, &note), 0);
	assert_string_equal(note, "a symbolic link to 'a'");
	assert_int_equal(bundle_read(&b, f->fd, "none", BUNDLE_DESIRED, &bytes, &note), -ENOENT);
	assert_int_equal(b.problems.n, 0);
	assert_int_equal(bundle_read(&b, f->fd, "out", BUNDLE_DESIRED, &bytes, &note), -EXDEV);
	assert_true(bundle_read(&b, f->fd, "link", BUNDLE_STATE, &bytes, &note) < 0);
	assert_int_equal(bundle_read(&b, f->fd, "dir", BUNDLE_STATE, &bytes, &note), -EISDIR);
	assert_int_equal(bundle_read(&b, f->fd, "fifo", BUNDLE_LOG, &bytes, &note), -ENOTSUP);
	assert_int_equal(bundle_read(&b, f->fd, "fifo", BUNDLE_DESIRED, &bytes, &note), -ENOTSUP);
	assert_true(bundle_read(&b, f->fd, "../etc/hostname", BUNDLE_STATE, &bytes, &note) < 0);
	assert_int_equal(b.problems.n, 6);
}

/* The end of a log begins with a whole line; one that is a single line is left out. */
static void test_tail(void **state)
{
	struct fixture *f = *state;
	const struct bundle_options o = { .root = f->root };
	struct bundle b = bundle_on(f, &o);
	struct buf log = { 0 };
	const char *note;
	struct str bytes;

	for (int i = 0; i < 200000; i++)
		buf_printf(&log, "line %d\n", i);
	put(f, "log", log.p);
	assert_int_equal(bundle_read(&b, f->fd, "log", BUNDLE_LOG, &bytes, &note), 0);
	assert_true(bytes.len <= BUNDLE_LOG_MAX && str_starts(bytes, "line ") && note);
	for (size_t i = 0; i < log.len; i++)
		log.p[i] = 'x';
	put(f, "log", log.p);
	assert_int_equal(bundle_read(&b, f->fd, "log", BUNDLE_LOG, &bytes, &note), 0);
	assert_int_equal(bytes.len, 0);
	buf_fini(&log);
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */
static int write_to(struct fixture *f, const char *name, unsigned roles, bool with_secrets,
		    struct bundle_result *ret_result, struct str *ret_bytes)
{
	const struct bundle_options o = { .root = f->root, .roles = roles, .with_secrets = with_secrets,
					  .xrat = "/bin/true" };
	char *path = arena_printf(f->a, "%s/%s", f->root, name);
	struct err e = { 0 };
	int r = bundle_write(f->a, path, &o, ret_result, &e);

	err_fini(&e);
	return r ? r : file_read(f->a, AT_FDCWD, path, BUNDLE_MAX, ret_bytes, NULL);
}

static bool is_in(const struct bundle_result *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (str_is(str_of(r->names[i]), name))
			return true;
	return false;
}

static void test_write(void **state)
{
	struct fixture *f = *state;
	struct bundle_result r;
	struct str first, second, clear;

	put(f, "xp2p-client.toml", "[[client.endpoints]]\nhostname = \"h.example\"\npassword = \"canary-1\"\n");
	put(f, "config.toml", "[runtime.socks.auth]\npassword = \"canary-2\"\n");
	for (int tries = 0; tries < 5; tries++) { /* listeners of other processes come and go */
		assert_int_equal(write_to(f, "a.zip", 1, false, &r, &first), 0);
		assert_int_equal(write_to(f, "a.zip", 1, false, &r, &second), 0);
		if (str_eq(first, second))
			break;
	}
	assert_true(str_eq(first, second));
	assert_int_equal(r.secrets, 2);
	assert_true(is_in(&r, "config.toml") && is_in(&r, "client/xp2p-client.toml") && is_in(&r, "manifest.json"));
	assert_int_equal(write_to(f, "b.zip", 1, true, &r, &clear), 0);
	assert_int_equal(r.secrets, 0);
	assert_false(str_eq(first, clear));
	assert_int_equal(write_to(f, "c.zip", 0, false, &r, &clear), 0);
	assert_true(is_in(&r, "versions.json") && !is_in(&r, "client/xp2p-client.toml"));
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	const struct bundle_options nowhere = { .root = "/nowhere", .xrat = "/bin/true" };
	struct bundle_result r;
	struct err e = { 0 };
	struct str bytes;

	assert_int_equal(bundle_write(f->a, "x.zip", &nowhere, &r, &e), -ENOENT);
	err_fini(&e);
	assert_int_equal(write_to(f, "no/such/x.zip", 0, false, &r, &bytes), -ENOENT);
	assert_int_equal(mkdirat(f->fd, "dir.zip", 0700), 0);
	assert_int_equal(write_to(f, "dir.zip", 0, false, &r, &bytes), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_run_stuck, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
