/* link: apply compiler links render validate merge model lib */
/* The publisher: what is on the disk after a publish, a refusal, a rollback, a full disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "tests/unit/publish_case.h"

static int broken_check(void *ctx, struct arena *a, const struct target *t, const char *file, char **ret_words,
			struct err *e)
{
	(void)ctx;
	(void)a;
	(void)t;
	(void)file;
	(void)ret_words;
	return err_sys(e, -EIO, "run the checker");
}

static void test_publish(void **state)
{
	struct state_case *c = *state;
	struct meta m;
	struct str bytes;

	assert_int_equal(generation_of_link(&c->s, ROLE_CLIENT, LINK_LIVE, &(uint64_t){ 0 }), -ENOENT);
	assert_int_equal(put(c, "{\"one\":1}\n"), 1);
	assert_live(c, 1, "{\"one\":1}\n");
	assert_int_equal(c->n_checks, 1);
	assert_non_null(strstr(c->checked, "/generations/client/.new-0001/xray.json"));
	assert_int_equal(*c->checked, '/');
	assert_int_equal(generation_meta(c->a, &c->s, ROLE_CLIENT, 1, &m, NULL), 0);
	assert_int_equal(m.generation, 1);
	assert_string_equal(m.request_id, "id-1");
	assert_string_equal(m.engine, "/usr/bin/xray");
	assert_int_equal(strlen(m.time), CLOCK_TEXT - 1);
	assert_int_equal(generation_bytes(c->a, &c->s, ROLE_CLIENT, 1, &bytes, NULL), 0);
	assert_string_equal(bytes.p, "{\"one\":1}\n");
	assert_int_equal(access(generation_path(c->a, &c->s, ROLE_CLIENT, 1), R_OK), 0);
	assert_int_equal(state_case_mode(c, GENERATIONS "/0001"), 0700);
	assert_int_equal(state_case_mode(c, GENERATIONS "/0001/xray.json"), 0600);
	assert_int_equal(state_case_mode(c, GENERATIONS "/0001/meta.json"), 0600);
	assert_string_equal(state_case_text(c, GENERATIONS "/0001/map.json"), "{}\n");
	assert_int_equal(recover(c), 0);
	assert_int_equal(generation_meta(c->a, &c->s, ROLE_CLIENT, 2, &m, NULL), -ENOENT);
}

static void test_umask(void **state)
{
	struct state_case *c = *state;
	mode_t old = umask(0277);

	put(c, "{}");
	umask(0);
	put(c, "{\"b\":1}");
	umask(old);
	assert_int_equal(state_case_mode(c, GENERATIONS "/0001"), 0700);
	assert_int_equal(state_case_mode(c, GENERATIONS "/0001/xray.json"), 0600);
	assert_int_equal(state_case_mode(c, GENERATIONS "/0002"), 0700);
	assert_int_equal(state_case_mode(c, GENERATIONS "/0002/xray.json"), 0600);
	assert_int_equal(state_case_mode(c, "audit.log"), 0600);
}

static void test_refused(void **state)
{
	struct state_case *c = *state;
	struct meta m;
	struct published done;
	struct publication p;

	put(c, "{}");
	c->refuse = true;
	p = publication(c, "{\"bad\":1}", &m);
	assert_int_equal(publish(c->a, &c->s, &p, &done, NULL), PUBLISH_REFUSED);
	assert_string_equal(done.words, "no such thing");
	assert_false(done.switched);
	assert_live(c, 1, "{}");
	assert_kept(c, "1");
	assert_false(state_case_has(c, GENERATIONS "/.new-0002"));
	p.check = NULL;
	assert_int_equal(publish(c->a, &c->s, &p, &done, NULL), 0);
	assert_true(done.no_engine);
	assert_int_equal(done.previous, 1);
	assert_live(c, 2, "{\"bad\":1}");
}

static void test_check_fails(void **state)
{
	struct state_case *c = *state;
	struct meta m;
	struct published done;
	struct err e = { 0 };
	struct publication p = publication(c, "{}", &m);

	p.check = broken_check;
	assert_int_equal(publish(c->a, &c->s, &p, &done, &e), -EIO);
	assert_string_equal(err_text(&e), "publish generation 0001: run the checker: Input/output error");
	assert_kept(c, "");
	assert_false(state_case_has(c, GENERATIONS "/.new-0001"));
	assert_false(state_case_has(c, LIVE));
	err_fini(&e);
}

static void test_prune(void **state)
{
	struct state_case *c = *state;

	put(c, "1");
	assert_int_equal(publish_promote(&c->s, ROLE_CLIENT, 1, NULL), 0);
	put(c, "2");
	put(c, "3");
	assert_kept(c, "1 2 3");
	put(c, "4");
	assert_kept(c, "1 2 3 4"); /* live 4, LKG 1, two others */
	put(c, "5");
	assert_kept(c, "1 3 4 5");
	assert_int_equal(publish_promote(&c->s, ROLE_CLIENT, 5, NULL), 0);
	put(c, "6");
	assert_kept(c, "3 4 5 6");
	assert_int_equal(leads_to(c, LINK_LKG), 5);
}

static void test_promote(void **state)
{
	struct state_case *c = *state;

	assert_int_equal(publish_promote(&c->s, ROLE_CLIENT, 1, NULL), -ENOENT);
	put(c, "1");
	assert_int_equal(publish_promote(&c->s, ROLE_CLIENT, 1, NULL), 0);
	assert_int_equal(publish_promote(&c->s, ROLE_CLIENT, 1, NULL), 0);
	assert_int_equal(leads_to(c, LINK_LKG), 1);
	assert_int_equal(state_case_count(state_case_text(c, "audit.log"), "promote"), 1);
}

static int roll(struct state_case *c, uint64_t to)
{
	const struct actor actor = { .uid = 1, .name = "ann", .program = "rollback" };

	return publish_switch(c->a, &c->s, ROLE_CLIENT, to, "rollback", &actor, NULL, NULL, NULL);
}

static void test_switch(void **state)
{
	struct state_case *c = *state;
	const char *log;

	put(c, "1");
	put(c, "2");
	assert_int_equal(roll(c, 1), 0);
	assert_live(c, 1, "1");
	assert_int_equal(roll(c, 7), -ENOENT);
	assert_live(c, 1, "1");
	log = state_case_text(c, "audit.log");
	assert_int_equal(state_case_count(log, "\"phase\":\"begin\",\"action\":\"rollback\""), 1);
	assert_int_equal(state_case_count(log, "\"phase\":\"end\",\"action\":\"rollback\""), 1);
	assert_int_equal(state_case_count(log, "\"new_generation\":true"), 2);
	/* What was tampered with does not come back. */
	assert_int_equal(file_write_atomic(c->dir, GENERATIONS "/0002/xray.json", STR("3"), 0600, NULL), 0);
	assert_int_equal(roll(c, 2), -EINVAL);
	assert_live(c, 1, "1");
	put(c, "4");
	assert_live(c, 3, "4");
}

static void test_overrides(void **state)
{
	struct state_case *c = *state;
	static const char *const names[] = { "managed-in", "direct", NULL };
	struct meta m;
	struct published done;
	struct publication p = publication(c, "{}", &m);

	p.overrides = names;
	assert_int_equal(publish(c->a, &c->s, &p, &done, NULL), 0);
	assert_int_equal(state_case_count(state_case_text(c, "audit.log"), "\"detail\":\"managed-in, direct\""), 1);
	assert_int_equal(recover(c), 0);
}

/* A disk that takes no more: every limit from nothing to enough fails cleanly. */
static void test_full_disk(void **state)
{
	struct state_case *c = *state;
	struct rlimit old, low;
	struct meta m;
	struct published done;
	struct publication p;
	unsigned failed = 0;
	int r = -1;

	put(c, "1");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	p = publication(c, "{\"a longer text\":\"that fills the disk\"}", &m);
	for (low = old, low.rlim_cur = 0; r; low.rlim_cur += 16) {
		setrlimit(RLIMIT_FSIZE, &low);
		r = publish(c->a, &c->s, &p, &done, NULL);
		setrlimit(RLIMIT_FSIZE, &old);
		if (!r)
			break;
		failed++;
		assert_false(done.switched);
		assert_live(c, 1, "1");
		assert_kept(c, "1");
		assert_false(state_case_has(c, GENERATIONS "/.new-0002"));
	}
	assert_true(failed > 10);
	assert_live(c, 2, "{\"a longer text\":\"that fills the disk\"}");
	if (done.audit_incomplete)
		assert_int_equal(recover(c), 1);
	assert_int_equal(recover(c), 0);
}

static void test_state_modes(void **state)
{
	struct state_case *c = *state;
	struct state again;

	assert_int_equal(fchmodat(c->dir, ".state", 0755, 0), 0);
	assert_int_equal(fchmodat(c->dir, GENERATIONS, 0770, 0), 0);
	assert_int_equal(state_open(c->path, c->dir, &again, NULL), 0);
	state_close(&again);
	assert_int_equal(again.live_fd, -1);
	assert_int_equal(state_case_mode(c, ".state"), 0700);
	assert_int_equal(state_case_mode(c, GENERATIONS), 0700);
}

static void test_state_links(void **state)
{
	struct state_case *c = *state;
	struct state other = { .root = "unchanged" };
	struct err e = { 0 };

	assert_int_equal(unlinkat(c->s.state_fd, "lkg", AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat("live", c->s.state_fd, "lkg"), 0);
	assert_true(state_open(c->path, c->dir, &other, &e) < 0);
	assert_non_null(strstr(err_text(&e), "/.state/lkg': 'lkg' is a symbolic link; it has to be a directory: remove it"));
	assert_true(state_open_read(c->path, c->dir, &other, &e) < 0);
	assert_string_equal(other.root, "unchanged");
	err_fini(&e);
}

static void test_state_read(void **state)
{
	struct state_case *c = *state;
	struct state r;
	int sub;
	uint64_t n, *v;
	size_t count;

	assert_int_equal(mkdirat(c->dir, "empty", 0700), 0);
	sub = openat(c->dir, "empty", O_RDONLY | O_DIRECTORY);
	assert_int_equal(state_open_read("empty", sub, &r, NULL), 0);
	assert_int_equal(r.state_fd, -1);
	assert_int_equal(r.generations_fd[ROLE_SERVER], -1);
	assert_int_equal(generation_of_link(&r, ROLE_CLIENT, LINK_LIVE, &n), -ENOENT);
	assert_int_equal(generation_list(c->a, &r, ROLE_CLIENT, &v, &count, NULL), 0);
	assert_int_equal(count, 0);
	assert_false(state_case_has(c, "empty/.state"));
	state_close(&r);
	close(sub);
	put(c, "1");
	assert_int_equal(state_open_read(c->path, c->dir, &r, NULL), 0);
	assert_int_equal(generation_of_link(&r, ROLE_CLIENT, LINK_LIVE, &n), 0);
	assert_int_equal(n, 1);
	state_close(&r);
}

static void test_actor(void **state)
{
	struct state_case *c = *state;
	struct actor actor;

	setenv("SUDO_USER", "ann", 1);
	actor_self(c->a, "apply", &actor);
	assert_int_equal(actor.uid, getuid());
	assert_true(*actor.name);
	assert_string_equal(actor.sudo_user, "ann");
	setenv("SUDO_USER", "\xff", 1);
	actor_self(c->a, "apply", &actor);
	assert_null(actor.sudo_user);
	unsetenv("SUDO_USER");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, state_case_setup, state_case_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_publish), CASE(test_umask), CASE(test_refused), CASE(test_check_fails),
		CASE(test_prune), CASE(test_promote), CASE(test_switch), CASE(test_overrides),
		CASE(test_full_disk), CASE(test_state_modes), CASE(test_state_links), CASE(test_state_read),
		CASE(test_actor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
