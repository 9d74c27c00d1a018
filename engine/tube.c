/* Pipes between sockets. */
#include "engine/tube.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/worker.h"

enum {
	TUBE_BYTES = 256 * 1024,
	TUBE_LEAST = 64 * 1024, /* smaller ones (the user has too many pipes) cost more than copying */
	TUBES_MOST = 64,        /* of one worker: two descriptors each */
	TUBES_IDLE = 8,
};

static void close_tube(struct worker *w, struct tube *t)
{
	close(t->in);
	close(t->out);
	free(t);
	w->tubes.n--;
	worker_count_fds(w, -2);
}

static int open_pipe(const struct worker *w, struct tube *t)
{
	int fds[2], room;

	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC))
		return -errno;
	room = fcntl(fds[1], F_SETPIPE_SZ, TUBE_BYTES);
	if (room < 0)
		room = fcntl(fds[1], F_GETPIPE_SZ);
	if (room < TUBE_LEAST || worker_is_reserved(w, fds[0]) || worker_is_reserved(w, fds[1])) {
		close(fds[0]);
		close(fds[1]);
		return -EMFILE;
	}
	*t = (struct tube){ .out = fds[0], .in = fds[1], .room = (uint32_t)room };
	return 0;
}

struct tube *tube_get(struct worker *w)
{
	struct tube *t = w->tubes.idle;

	if (t) {
		w->tubes.idle = t->next;
		w->tubes.n_idle--;
		return t;
	}
	if (w->tubes.n >= TUBES_MOST || worker_is_short_of_fds(w))
		return NULL;
	t = malloc(sizeof(*t));
	if (!t || open_pipe(w, t)) {
		free(t);
		return NULL;
	}
	w->tubes.n++;
	worker_count_fds(w, 2);
	return t;
}

void tube_put(struct worker *w, struct tube *t)
{
	if (!t)
		return;
	if (t->held || w->tubes.n_idle >= TUBES_IDLE) {
		close_tube(w, t);
		return;
	}
	t->next = w->tubes.idle;
	w->tubes.idle = t;
	w->tubes.n_idle++;
}

void tubes_close(struct worker *w)
{
	struct tube *t;

	while ((t = w->tubes.idle)) {
		w->tubes.idle = t->next;
		close_tube(w, t);
	}
	w->tubes.n_idle = 0;
}

ssize_t tube_fill(struct tube *t, int from)
{
	ssize_t n;

	do
		n = splice(from, NULL, t->in, NULL, t->room, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	t->held += (uint32_t)n;
	return n;
}

int tube_drain(struct tube *t, int to)
{
	while (t->held) {
		ssize_t n = splice(t->out, NULL, to, NULL, t->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 1 : -errno;
		if (!n)
			return -EPIPE;
		t->held -= (uint32_t)n;
	}
	return 0;
}
