/* link: engine route model lib */
/* Tubes: what goes in comes out, a full receiver holds it, and how many there are stays within bounds. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/engine_impl.h"
#include "engine/tube.h"
#include "engine/worker.h"

struct bed {
	struct engine engine;
	struct worker w;
	int from[2], to[2]; /* [0] is the tube's side */
};

static void open_pair(int pair[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
}

static int setup(void **state)
{
	static struct bed bed;

	bed = (struct bed){ .engine = { .fd_most = INT_MAX } };
	bed.w.engine = &bed.engine;
	open_pair(bed.from);
	open_pair(bed.to);
	*state = &bed;
	return 0;
}

static int teardown(void **state)
{
	struct bed *b = *state;

	tubes_close(&b->w);
	for (int i = 0; i < 2; i++) {
		close(b->from[i]);
		close(b->to[i]);
	}
	return b->w.tubes.n ? -1 : 0; /* all of them were given back */
}

static void test_through(void **state)
{
	struct bed *b = *state;
	struct tube *t = tube_get(&b->w);
	char got[16] = "";

	assert_non_null(t);
	assert_int_equal(tube_fill(t, b->from[0]), -EAGAIN);
	assert_int_equal(write(b->from[1], "hello", 5), 5);
	assert_int_equal(tube_fill(t, b->from[0]), 5);
	assert_int_equal(t->held, 5);
	assert_int_equal(tube_drain(t, b->to[0]), 0);
	assert_int_equal(t->held, 0);
	assert_int_equal(read(b->to[1], got, sizeof(got)), 5);
	assert_string_equal(got, "hello");
	shutdown(b->from[1], SHUT_WR);
	assert_int_equal(tube_fill(t, b->from[0]), 0);
	tube_put(&b->w, t);
	assert_int_equal(b->w.tubes.n_idle, 1);
	assert_ptr_equal(tube_get(&b->w), t);
	tube_put(&b->w, t);
}

static void test_full_receiver(void **state)
{
	struct bed *b = *state;
	struct tube *t = tube_get(&b->w);
	char block[4096], got[4096];
	size_t in = 0, out = 0;
	int r = 0;

	assert_non_null(t);
	for (unsigned round = 0; !r && round < 10000; round++) {
		memset(block, (int)(in / sizeof(block)), sizeof(block));
		assert_int_equal(write(b->from[1], block, sizeof(block)), sizeof(block));
		in += sizeof(block);
		assert_int_equal(tube_fill(t, b->from[0]), sizeof(block));
		r = tube_drain(t, b->to[0]);
	}
	assert_int_equal(r, 1);
	assert_true(t->held > 0);
	while (out < in) {
		ssize_t n = read(b->to[1], got, sizeof(got));

		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			assert_true(tube_drain(t, b->to[0]) >= 0);
			continue;
		}
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal((unsigned char)got[i], (out + (size_t)i) / sizeof(block) & 255);
		out += (size_t)n;
	}
	assert_int_equal(t->held, 0);
	tube_put(&b->w, t);
}

/* A tube with bytes inside is never lent again. */
static void test_not_reused_full(void **state)
{
	struct bed *b = *state;
	struct tube *t = tube_get(&b->w);

	assert_non_null(t);
	assert_int_equal(write(b->from[1], "x", 1), 1);
	assert_int_equal(tube_fill(t, b->from[0]), 1);
	tube_put(&b->w, t);
	assert_int_equal(b->w.tubes.n, 0);
	tube_put(&b->w, NULL);
}

static void test_gone_receiver(void **state)
{
	struct bed *b = *state;
	struct tube *t = tube_get(&b->w);

	assert_non_null(t);
	assert_int_equal(write(b->from[1], "x", 1), 1);
	assert_int_equal(tube_fill(t, b->from[0]), 1);
	close(b->to[1]);
	b->to[1] = -1;
	assert_int_equal(tube_drain(t, b->to[0]), -EPIPE);
	tube_put(&b->w, t);
}

static void test_bounds(void **state)
{
	struct bed *b = *state;
	struct tube *all[200];
	unsigned n = 0;

	while (n < 200 && (all[n] = tube_get(&b->w)))
		n++;
	assert_in_range(n, 1, 199);
	assert_int_equal(b->w.tubes.n, n);
	while (n)
		tube_put(&b->w, all[--n]);
	assert_in_range(b->w.tubes.n_idle, 1, 16);
	assert_int_equal(b->w.tubes.n, b->w.tubes.n_idle);
	tubes_close(&b->w);
	assert_int_equal(b->w.tubes.n, 0);
	b->engine.fd_most = b->to[1]; /* the last descriptors are for others */
	assert_null(tube_get(&b->w));
	assert_int_equal(b->w.tubes.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_through, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_receiver, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_reused_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone_receiver, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
