/* What an engine started or left behind. */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/process_impl.h"

enum { ENVIRON_MAX = 256 * 1024 };

struct search {
	const struct process_id *leader;
	const char *marker;
	int self;
	int *pidfds;
	size_t n, cap;
};

static bool has_marker(int dir_fd, const char *marker)
{
	char *text;
	size_t len;
	bool found = false;

	if (marker && !process_file(dir_fd, "environ", ENVIRON_MAX, &text, &len)) {
		found = process_has_item(text, len, marker);
		free(text);
	}
	return found;
}

/* Nobody who started before the engine can come from it. */
static bool belongs(const struct search *s, int dir_fd, const struct process_stat *st)
{
	if (st->start_ticks < s->leader->start_ticks)
		return false;
	return st->session == s->leader->pid || (st->ppid == s->self && has_marker(dir_fd, s->marker));
}

static int keep(struct search *s, int pidfd)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 8;
		int *more = realloc(s->pidfds, cap * sizeof(*more));

		if (!more) {
			close(pidfd);
			return -ENOMEM;
		}
		s->pidfds = more;
		s->cap = cap;
	}
	s->pidfds[s->n++] = pidfd;
	return 0;
}

/* The pidfd comes before what is read, as in process_open. */
static int look_at(struct search *s, int pid, int dir_fd)
{
	struct process_stat st;
	int pidfd = process_pidfd(pid);

	if (pidfd < 0)
		return pidfd == -ESRCH ? 0 : pidfd;
	if (process_stat_read(dir_fd, &st) || !belongs(s, dir_fd, &st)) {
		close(pidfd);
		return 0;
	}
	if (!process_ended(pidfd))
		return keep(s, pidfd);
	if (st.ppid == s->self)
		waitid(P_PIDFD, (id_t)pidfd, &(siginfo_t){ 0 }, WEXITED | WNOHANG);
	close(pidfd);
	return 0;
}

static int visit(void *ctx, int pid)
{
	struct search *s = ctx;
	struct process_stat st;
	int dir_fd, r = 0;

	if (pid == s->leader->pid || pid == s->self)
		return 0;
	dir_fd = process_dir(pid);
	if (dir_fd < 0)
		return dir_fd == -ESRCH ? 0 : dir_fd;
	/* Most are strangers: no pidfd for those. */
	if (!process_stat_read(dir_fd, &st) && (st.session == s->leader->pid || st.ppid == s->self))
		r = look_at(s, pid, dir_fd);
	close(dir_fd);
	return r;
}

/* Another process has come to the pid: then the session of that number is not the engine's either. */
static bool is_recycled(const struct process_id *leader)
{
	struct process_stat st;
	int dir_fd = process_dir(leader->pid);
	bool other = false;

	if (dir_fd >= 0) {
		other = !process_stat_read(dir_fd, &st) && st.start_ticks != leader->start_ticks;
		close(dir_fd);
	}
	return other;
}

void process_session_free(int *pidfds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(pidfds[i]);
	free(pidfds);
}

int process_session(const struct process_id *leader, const char *marker, int **ret_pidfds, size_t *ret_n)
{
	struct search s = { .leader = leader, .marker = marker, .self = getpid() };
	int r = leader->pid > 0 && !is_recycled(leader) ? process_each(visit, &s) : 0;

	if (r) {
		process_session_free(s.pidfds, s.n);
		return r;
	}
	*ret_pidfds = s.pidfds;
	*ret_n = s.n;
	return 0;
}
