/* link: apply compiler links render validate merge model lib */
/* audit.log: lines, modes, rotation, torn lines, several writers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/unit/state_case.h"

static int put(struct state_case *c, const char *phase, const char *detail)
{
	const struct audit line = { .phase = phase, .action = "publish", .role = ROLE_SERVER, .generation = 3,
				    .actor = { .uid = 7, .name = "ann", .sudo_user = "bob", .program = "apply" },
				    .request_id = "", .old_digest = "aa", .new_digest = NULL, .detail = detail };

	return audit_write(&c->s, &line, NULL);
}

static const char *log_text(struct state_case *c)
{
	return state_case_text(c, "audit.log");
}

/* Every line one JSON object; their number. */
static unsigned count_lines(struct state_case *c, const char *name)
{
	struct str rest = str_of(state_case_text(c, "%s", name));
	unsigned n = 0;

	while (rest.len) {
		struct str line = str_cut(&rest, '\n');
		struct sources *sources = sources_new(c->a);
		struct diag_sink *sink = diag_sink_new(c->a, sources);
		struct value v;

		assert_int_equal(json_parse(c->a, sink, sources_add(sources, "l", line.p, (uint32_t)line.len), false, &v), 0);
		assert_int_equal(v.kind, VAL_OBJECT);
		n++;
	}
	return n;
}

static void test_line(void **state)
{
	struct state_case *c = *state;
	const char *text;

	assert_int_equal(put(c, "begin", "a \"quoted\"\nword"), 0);
	text = log_text(c);
	assert_non_null(strstr(text, ",\"phase\":\"begin\",\"action\":\"publish\",\"role\":\"server\",\"generation\":3,"
				     "\"old_digest\":\"aa\",\"detail\":\"a \\\"quoted\\\"\\nword\",\"actor\":{\"uid\":7,"
				     "\"name\":\"ann\",\"sudo_user\":\"bob\",\"program\":\"apply\"}}\n"));
	assert_int_equal(*text, '{');
	assert_int_equal(put(c, NULL, "\xff"), 0);
	assert_int_equal(count_lines(c, "audit.log"), 2);
	assert_int_equal(state_case_mode(c, "audit.log"), 0600);
}

static void test_long_text(void **state)
{
	struct state_case *c = *state;
	char *text = malloc(100001);

	memset(text, 'x', 100000);
	text[100000] = 0;
	memcpy(text + 4095, "\xc3\xa4", 2); /* a character across the limit */
	assert_int_equal(put(c, NULL, text), 0);
	assert_true(strlen(log_text(c)) < 5000);
	assert_int_equal(count_lines(c, "audit.log"), 1);
	free(text);
}

static void test_modes(void **state)
{
	struct state_case *c = *state;

	assert_int_equal(file_create(c->dir, "audit.log", STR("{}\n"), 0666, NULL), 0);
	assert_int_equal(put(c, NULL, NULL), 0);
	assert_int_equal(state_case_mode(c, "audit.log"), 0600);
	assert_int_equal(count_lines(c, "audit.log"), 2);
}

static void test_refused(void **state)
{
	struct state_case *c = *state;

	assert_int_equal(symlinkat("elsewhere", c->dir, "audit.log"), 0);
	assert_int_equal(put(c, NULL, NULL), -ELOOP);
	assert_false(state_case_has(c, "elsewhere"));
	unlinkat(c->dir, "audit.log", 0);
	assert_int_equal(mkfifoat(c->dir, "audit.log", 0600), 0);
	assert_int_equal(put(c, NULL, NULL), -ENOTSUP);
}

static void fill(struct state_case *c, const char *name, char mark, size_t len)
{
	char *text = malloc(len);

	memset(text, mark, len);
	text[len - 1] = '\n';
	assert_int_equal(file_write_atomic(c->dir, name, (struct str){ text, len }, 0600, NULL), 0);
	free(text);
}

static void assert_begins(struct state_case *c, const char *name, char mark)
{
	const char *text = state_case_text(c, "%s", name);

	assert_non_null(text);
	assert_int_equal(*text, mark);
}

static void test_rotation(void **state)
{
	struct state_case *c = *state;
	char name[16];

	for (char mark = 'a'; mark <= 'g'; mark++) {
		fill(c, "audit.log", mark, 1 << 20);
		assert_int_equal(put(c, "end", NULL), 0); /* belongs to its begin line */
		assert_begins(c, "audit.log", mark);
		assert_int_equal(put(c, "begin", NULL), 0);
		assert_begins(c, "audit.log", '{');
		assert_begins(c, "audit.log.1", mark);
	}
	for (char i = 1; i <= 5; i++) {
		snprintf(name, sizeof(name), "audit.log.%d", i);
		assert_begins(c, name, (char)('h' - i));
	}
	assert_false(state_case_has(c, "audit.log.6"));
	assert_int_equal(count_lines(c, "audit.log"), 1);
}

/* Killed between two renames: the gap is filled and nothing falls off the end. */
static void test_rotation_gap(void **state)
{
	struct state_case *c = *state;

	fill(c, "audit.log", '0', 1 << 20);
	fill(c, "audit.log.1", '1', 10);
	fill(c, "audit.log.2", '2', 10);
	fill(c, "audit.log.4", '4', 10);
	fill(c, "audit.log.5", '5', 10);
	assert_int_equal(put(c, NULL, NULL), 0);
	assert_begins(c, "audit.log.1", '0');
	assert_begins(c, "audit.log.2", '1');
	assert_begins(c, "audit.log.3", '2');
	assert_begins(c, "audit.log.4", '4');
	assert_begins(c, "audit.log.5", '5');
}

static void test_torn(void **state)
{
	struct state_case *c = *state;

	assert_int_equal(file_create(c->dir, "audit.log", STR("{}\n{\"time\""), 0600, NULL), 0);
	assert_int_equal(put(c, NULL, NULL), 0);
	assert_int_equal(strncmp(log_text(c), "{}\n{\"time\"\n{\"time\":\"2", 21), 0);
}

static void test_full_disk(void **state)
{
	struct state_case *c = *state;
	struct rlimit old, low;
	size_t len;

	assert_int_equal(put(c, NULL, NULL), 0);
	len = strlen(log_text(c));
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	low = old;
	low.rlim_cur = len + 40;
	setrlimit(RLIMIT_FSIZE, &low);
	assert_int_equal(put(c, NULL, NULL), -ENOSPC);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(strlen(log_text(c)), len);
	assert_int_equal(put(c, NULL, NULL), 0);
	assert_int_equal(count_lines(c, "audit.log"), 2);
}

enum { THREADS = 3, LINES = 25 };

static void *write_lines(void *arg)
{
	for (int i = 0; i < LINES; i++)
		if (put(arg, NULL, "from a thread"))
			return arg;
	return NULL;
}

/* Threads and a process write while the log is rotated under them: every line is there once and whole. */
static void test_many(void **state)
{
	struct state_case *c = *state;
	pthread_t t[THREADS];
	unsigned n = 0;
	int status;
	void *bad;
	pid_t pid;

	fill(c, "audit.log", ' ', (1 << 20) - 2000); /* rotates on the way */
	pid = fork();
	if (!pid)
		_exit(write_lines(c) != NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, write_lines, c);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &bad);
		assert_null(bad);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	n += (unsigned)state_case_count(log_text(c), "from a thread");
	n += (unsigned)state_case_count(state_case_text(c, "audit.log.1"), "from a thread");
	assert_int_equal(n, (THREADS + 1) * LINES);
	assert_int_equal(count_lines(c, "audit.log"), state_case_count(log_text(c), "from a thread"));
	assert_false(state_case_has(c, "audit.log.2"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, state_case_setup, state_case_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_line), CASE(test_long_text), CASE(test_modes), CASE(test_refused), CASE(test_rotation),
		CASE(test_rotation_gap), CASE(test_torn), CASE(test_full_disk), CASE(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
