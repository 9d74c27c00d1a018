/* link: apply compiler links render validate merge model lib */
/* apply.request: every form that programs and people write, and what becomes of the others. */
#include "tests/unit/note_test.h"

#include <sys/wait.h>

#define REQUEST ".state/apply.request"

static const char *id_of(struct root *t, enum role role)
{
	struct request r = { 0 };
	int got = request_get(t->a, &t->s, role, t->sink, &r, &t->e);

	assert_true(got == 0 || got == 1);
	return got ? NULL : r.id;
}

static void test_put_get_done(void **state)
{
	struct root t;
	struct request r;
	char *first, *second, *server;

	(void)state;
	root_make(&t);
	assert_int_equal(request_get(t.a, &t.s, ROLE_CLIENT, t.sink, &r, &t.e), 1);
	assert_int_equal(request_put(t.a, &t.s, ROLE_CLIENT, &first, &t.e), 0);
	assert_true(name_is_uuid(str_of(first)));
	assert_int_equal(root_mode(&t, REQUEST), 0600);
	assert_int_equal(request_put(t.a, &t.s, ROLE_SERVER, &server, &t.e), 0);
	assert_int_equal(request_put(t.a, &t.s, ROLE_CLIENT, &second, &t.e), 0);
	assert_string_not_equal(first, second);
	assert_int_equal(request_get(t.a, &t.s, ROLE_CLIENT, t.sink, &r, &t.e), 0);
	assert_string_equal(r.id, second);
	assert_false(r.migrated);
	assert_int_equal(strlen(r.timestamp), CLOCK_TEXT - 1);
	/* An older id acknowledges nothing. */
	assert_int_equal(request_done(t.a, &t.s, ROLE_CLIENT, first, &t.e), 1);
	assert_int_equal(request_done(t.a, &t.s, ROLE_CLIENT, second, &t.e), 0);
	assert_int_equal(request_done(t.a, &t.s, ROLE_CLIENT, second, &t.e), 1);
	assert_string_equal(id_of(&t, ROLE_SERVER), server);
	assert_int_equal(request_done(t.a, &t.s, ROLE_SERVER, server, &t.e), 0);
	assert_null(root_read(&t, REQUEST));
	assert_string_equal(root_codes(&t), "");
	root_drop(&t);
}

static void test_written_form(void **state)
{
	static const char head[] = "{\n  \"version\": 2,\n  \"requests\": {\n    \"server\": {\n      \"id\": \"";
	struct root t;
	char *id;

	(void)state;
	root_make(&t);
	assert_int_equal(request_put(t.a, &t.s, ROLE_SERVER, &id, &t.e), 0);
	assert_true(str_starts(str_of(root_read(&t, REQUEST)), head));
	assert_non_null(strstr(root_read(&t, REQUEST), "\"role\": \"server\"\n    }\n  }\n}\n"));
	root_drop(&t);
}

/* What is in the file, and who has a request then: "client", "both"…; want_id is the client's, NULL = any. */
struct form {
	const char *text, *who, *want_id, *codes;
};
static const struct form forms[] = {
	{ "", "both", NULL, "" },
	{ " \n\t\n", "both", NULL, "" },
	{ "\\n", "both", NULL, "" },
	{ "{\"id\":\"a-1\",\"timestamp\":\"2026-01-02T03:04:05.678Z\",\"role\":\"client\"}", "client", "a-1", "" },
	{ "{\"id\":\"a-1\",\"timestamp\":\"2026-01-02T03:04:05Z\",\"role\":\"server\"}", "server", NULL, "" },
	{ "{\"id\":\"a-1\",\"role\":\"any\"}", "both", "a-1", "" },
	{ "{\"id\":\"a-1\",\"role\":\"\"}\n", "both", "a-1", "" },
	{ "{\"id\":\"a-1\"}", "both", "a-1", "" },
	{ "{\"version\":1,\"id\":\"a-1\",\"role\":\"client\"}", "client", "a-1", "" },
	{ "{\"role\":\"client\"}", "client", NULL, "" },
	{ "{\"id\":\"a-1\",\"role\":\"client\"}\\r\\n", "client", "a-1", "" },
	{ "{\\n \"id\":\"a\\\\n1\",\\r\\n\"role\":\"client\"}\\n", "client", "a\\n1", "" },
	{ "{\"id\":\"a-1\",\"role\":\"relay\"}", "none", NULL, "XR712 " },
	{ "{\"version\":2,\"requests\":{\"client\":{\"id\":\"a-1\"}}}", "client", "a-1", "" },
	{ "{\"version\":2,\"requests\":{\"client\":{}}}", "client", NULL, "" },
	{ "{\"version\":2,\"requests\":{}}", "none", NULL, "" },
	{ "{\"version\":2,\"requests\":{\"relay\":{\"id\":\"r\"},\"client\":{\"id\":\"a-1\"},\"server\":{\"id\":\"b\"}}}",
	  "both", "a-1", "XR712 " },
	{ "{\"version\":2,\"requests\":{\"any\":{\"id\":\"r\"}}}", "none", NULL, "XR712 " },
	{ "{\"version\":3,\"requests\":{\"client\":{\"id\":\"a-1\"}}}", "none", NULL, "XR711 " },
	{ "{\"version\":-1}", "none", NULL, "XR711 " },
	{ "{\"version\":\"2\",\"requests\":{}}", "none", NULL, "XR710 " },
	{ "{\"version\":2}", "none", NULL, "XR710 " },
	{ "{\"version\":2,\"requests\":[]}", "none", NULL, "XR710 " },
	{ "{\"version\":2,\"requests\":{\"client\":7}}", "none", NULL, "XR710 " },
	{ "{\"version\":2,\"requests\":{\"client\":{\"id\":7}}}", "none", NULL, "XR710 " },
	{ "{\"id\":\"a\\u0000b\",\"role\":\"client\"}", "none", NULL, "XR710 " },
	{ "{}", "none", NULL, "XR710 " },
	{ "[]", "none", NULL, "XR710 " },
	{ "apply", "none", NULL, "XR710 " },
	{ "{\"id\":\"a-1\",\"role\":\"cli", "none", NULL, "XR710 " },
	{ "{\"id\":\"a-1\",\"role\":7}", "none", NULL, "XR710 " },
};

static const char *who(struct root *t)
{
	bool client = id_of(t, ROLE_CLIENT) != NULL, server = id_of(t, ROLE_SERVER) != NULL;

	return client ? server ? "both" : "client" : server ? "server" : "none";
}

static void check_form(const struct form *f)
{
	bool is_corrupt = str_starts(str_of(f->codes), "XR710") || str_starts(str_of(f->codes), "XR711");
	struct root t;
	const char *id;

	root_make(&t);
	root_write(&t, REQUEST, f->text);
	assert_string_equal(who(&t), f->who);
	assert_string_equal(root_codes(&t), f->codes); /* once, not at each call */
	id = id_of(&t, ROLE_CLIENT);
	if (f->want_id)
		assert_string_equal(id, f->want_id);
	else if (id)
		assert_true(name_is_uuid(str_of(id)));
	if (id) /* what was made up stays */
		assert_string_equal(id_of(&t, ROLE_CLIENT), id);
	if (id && id_of(&t, ROLE_SERVER))
		assert_string_not_equal(id, id_of(&t, ROLE_SERVER));
	assert_int_equal(root_read(&t, REQUEST ".corrupt") != NULL, is_corrupt);
	if (is_corrupt)
		assert_string_equal(root_read(&t, REQUEST ".corrupt"), f->text);
	root_drop(&t);
}

static void test_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		check_form(&forms[i]);
}

/* Neither a directory, nor a FIFO, nor a link that leads out stops requests for good. */
static void test_no_file(void **state)
{
	struct root t;
	char *id;

	(void)state;
	root_make(&t);
	assert_int_equal(mkdirat(t.s.state_fd, "apply.request", 0700), 0);
	assert_string_equal(who(&t), "none");
	assert_int_equal(symlinkat("/etc/hostname", t.s.state_fd, "apply.request"), 0);
	assert_string_equal(who(&t), "none"); /* over the directory that stands aside by now */
	assert_int_equal(mkfifoat(t.s.state_fd, "apply.request", 0600), 0);
	assert_string_equal(who(&t), "none");
	assert_string_equal(root_codes(&t), "XR710 XR710 XR710 ");
	assert_int_equal(mkdirat(t.s.state_fd, "apply.request", 0700), 0);
	assert_int_equal(request_put(t.a, &t.s, ROLE_CLIENT, &id, &t.e), 0);
	assert_string_equal(id_of(&t, ROLE_CLIENT), id);
	root_drop(&t);
}

static void test_too_large(void **state)
{
	struct root t;
	char *big;

	(void)state;
	root_make(&t);
	big = arena_alloc(t.a, REQUEST_MAX_BYTES + 2);
	memset(big, ' ', REQUEST_MAX_BYTES + 1);
	root_write(&t, REQUEST, big);
	assert_string_equal(who(&t), "none");
	assert_string_equal(root_codes(&t), "XR710 ");
	root_drop(&t);
}

static void test_peek(void **state)
{
	struct root t;
	struct request r;

	(void)state;
	root_make(&t);
	assert_int_equal(request_peek(t.a, &t.s, ROLE_CLIENT, t.sink, &r, &t.e), 1);
	root_write(&t, REQUEST, "");
	assert_int_equal(request_peek(t.a, &t.s, ROLE_CLIENT, t.sink, &r, &t.e), 0);
	assert_string_equal(r.id, "");
	assert_string_equal(root_read(&t, REQUEST), "");
	root_write(&t, REQUEST, "[");
	assert_int_equal(request_peek(t.a, &t.s, ROLE_CLIENT, t.sink, &r, &t.e), 1);
	assert_string_equal(root_read(&t, REQUEST), "[");
	assert_string_equal(root_codes(&t), "XR710 ");
	close(t.s.locks_fd);
	t.s.locks_fd = -1; /* opened for reading where nothing was locked yet */
	assert_int_equal(request_get(t.a, &t.s, ROLE_CLIENT, NULL, &r, &t.e), 1);
	assert_string_equal(root_read(&t, REQUEST), "[");
	t.s.locks_fd = openat(t.s.state_fd, "locks", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(t.s.state_fd);
	t.s.state_fd = -1;
	assert_int_equal(request_peek(t.a, &t.s, ROLE_CLIENT, t.sink, &r, &t.e), 1);
	t.s.state_fd = openat(t.s.root_fd, ".state", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	root_drop(&t);
}

/* Several programs, each with a role of its own in turn: no request of the other role is ever lost. */
enum { WRITERS = 4, ROUNDS = 25 };

static int write_rounds(const char *path, enum role role)
{
	struct arena *a = arena_new();
	int root_fd = dir_open(path, NULL), r = 0;
	struct state s = { .root = path, .root_fd = root_fd,
			   .state_fd = openat(root_fd, ".state", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
			   .locks_fd = openat(root_fd, ".state/locks", O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	struct request got;
	char *id;

	for (int i = 0; !r && i < ROUNDS; i++) {
		r = request_put(a, &s, role, &id, NULL);
		if (!r) /* somebody's of this role must be there: each puts before anyone takes out */
			r = request_get(a, &s, role, NULL, &got, NULL);
	}
	arena_free(a);
	return r ? 1 : 0;
}

static void test_writers(void **state)
{
	struct root t;
	pid_t child[WRITERS];
	int status;

	(void)state;
	root_make(&t);
	for (int i = 0; i < WRITERS; i++) {
		child[i] = fork();
		assert_true(child[i] >= 0);
		if (!child[i])
			_exit(write_rounds(t.path, i % 2 ? ROLE_SERVER : ROLE_CLIENT));
	}
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(waitpid(child[i], &status, 0), child[i]);
		assert_int_equal(status, 0);
	}
	assert_string_equal(who(&t), "both");
	root_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_get_done), cmocka_unit_test(test_written_form),
		cmocka_unit_test(test_forms),        cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_too_large),    cmocka_unit_test(test_peek),
		cmocka_unit_test(test_writers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
