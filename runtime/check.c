/* The engine's own checker as a child process. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/process.h"
#include "runtime/runtime.h"
#include "runtime/spawn.h"
#include "runtime/words.h"

enum { OUTPUT_MAX = 64 * 1024, CHECK_MS = 60 * 1000, VERSION_MS = 5 * 1000, LOOK_MS = 50, LAST_LINES = 3 };

struct checker {
	const char *const *pattern; /* of its arguments */
	int limit_ms;
	const struct engine_abort *abort; /* NULL: nobody stops it */
	int pid, pidfd;
	struct process_id id;
	int out_fd; /* our end of its output, non-blocking */
	struct buf out;
};

/* What is there now. The tail is what matters, so the head gives way. 0: more may come; 1: its end was closed; -errno. */
static int take_output(struct checker *c)
{
	char chunk[4096];

	for (;;) {
		ssize_t n = read(c->out_fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return !n ? 1 : errno == EAGAIN ? 0 : -errno;
		buf_add(&c->out, chunk, (size_t)n);
		if (c->out.len > OUTPUT_MAX) {
			memmove(c->out.p, c->out.p + c->out.len - OUTPUT_MAX / 2, OUTPUT_MAX / 2);
			c->out.len = OUTPUT_MAX / 2;
		}
	}
}

static bool is_aborted(const struct checker *c)
{
	return c->abort && c->abort->fn(c->abort->data);
}

/* Until the checker ends (something that it started may keep the output open for ever), the time is over, or nobody wants to
 * know any more. */
static int collect(struct checker *c)
{
	int64_t end = clock_mono_ms() + c->limit_ms;
	int closed = 0;

	while (closed >= 0) {
		struct pollfd p[] = { { .fd = c->pidfd, .events = POLLIN }, { .fd = closed ? -1 : c->out_fd, .events = POLLIN } };
		int64_t left = end - clock_mono_ms();

		if (left <= 0)
			return -ETIMEDOUT;
		if (is_aborted(c))
			return -ECANCELED;
		if (c->abort && left > LOOK_MS)
			left = LOOK_MS;
		if (poll(p, 2, (int)left) < 0 && errno != EINTR)
			return -errno;
		if (!closed)
			closed = take_output(c);
		if (p[0].revents)
			return closed < 0 ? closed : 0;
	}
	return closed;
}

/* Ends what is left of its session; the checker is not reaped before, so the session's number is its own. */
static void end_rest(const struct checker *c)
{
	int *rest = NULL;
	size_t n = 0;

	if (c->id.pid && !process_session(&c->id, NULL, &rest, &n))
		for (size_t i = 0; i < n; i++)
			process_signal(rest[i], SIGKILL);
	process_session_free(rest, n);
}

/* 0: accepted; 1: refused; -errno. */
static int finish(struct checker *c, int r)
{
	siginfo_t info = { 0 };

	if (r)
		process_signal(c->pidfd, SIGKILL);
	end_rest(c);
	while (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED) < 0)
		if (errno != EINTR)
			return r ? r : -errno;
	if (r)
		return r;
	return info.si_code == CLD_EXITED && !info.si_status ? 0 : 1;
}

static int start(const char *exe, const char *file, int out_fd, struct checker *c)
{
	char *argv[SPAWN_ARGV_MAX];
	char **env = spawn_env(file, NULL);
	struct spawn s = { .argv = argv, .env = env, .out_fd = out_fd, .err_fd = out_fd };
	int r = env ? 0 : -ENOMEM;

	spawn_argv(c->pattern, exe, file, argv);
	if (!r)
		r = spawn_start(&s, &c->pid, &c->pidfd);
	if (!r && process_identify_child(c->pid, &c->id))
		c->id.pid = 0;
	free(env);
	return r;
}

static int run(const char *exe, const char *file, struct checker *c)
{
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	c->out_fd = fds[0];
	/* What it writes to must not be non-blocking: it would lose words. */
	r = fcntl(fds[1], F_SETFL, 0) ? -errno : start(exe, file, fds[1], c);
	close(fds[1]);
	if (!r) {
		r = finish(c, collect(c));
		close(c->pidfd);
	}
	close(fds[0]);
	return r;
}

/* In the arena, without jumping over the buffer. */
static char *keep_words(struct arena *a, struct buf *out)
{
	struct str words = words_last((struct str){ out->p, out->len }, LAST_LINES, OUTPUT_MAX);
	char *kept = arena_try_alloc(a, words.len + 1);

	if (kept && words.len) {
		memcpy(kept, words.p, words.len);
		words_clean(kept, words.len);
	}
	return kept;
}

int engine_run_check(struct arena *a, const struct target *t, const char *exe, const char *file, const struct engine_abort *abort,
		     char **ret_words, struct err *e)
{
	struct checker c = { .pattern = t->check_argv, .limit_ms = CHECK_MS, .abort = abort };
	int r = run(exe, file, &c);
	char *words = r < 0 ? NULL : keep_words(a, &c.out);

	buf_fini(&c.out);
	if (r >= 0 && !words)
		r = -ENOMEM;
	if (r < 0)
		return err_sys(e, r, "run '%s'", exe);
	*ret_words = words;
	return r;
}

/* "Xray 26.7.28 (Xray, Penetrates Everything.) ...": the second word of the line that begins with the family's name. */
static struct str find_version(struct str text, const char *name)
{
	while (text.len) {
		struct str line = str_cut(&text, '\n'), word = str_cut(&line, ' ');

		if (str_is_nocase(word, name))
			return str_cut(&line, ' ');
	}
	return (struct str){ 0 };
}

char *engine_version(struct arena *a, enum engine_family family, const char *exe, const struct engine_abort *abort)
{
	/* Both families know it, whatever their newer command is called, and it starts nothing. */
	static const char *const pattern[] = { "{exe}", "-version", NULL };
	struct checker c = { .pattern = pattern, .limit_ms = VERSION_MS, .abort = abort };
	int r = run(exe, NULL, &c);
	struct str version = { 0 };
	char *kept = NULL;

	if (r >= 0)
		version = find_version((struct str){ c.out.p, c.out.len }, engine_family_name(family));
	if (version.len)
		kept = arena_try_alloc(a, version.len + 1);
	if (kept) {
		memcpy(kept, version.p, version.len);
		words_clean(kept, version.len);
	}
	buf_fini(&c.out);
	return kept;
}
