/* Work around sessions: a real request, a port that is watched, a file that is written. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/session_impl.h"
#include "fetch/fetch.h"

/* --- one request --- */
enum { TRIES = 3, NAP_MS = 250 };
struct request_work {
	char *url, *proxy;
	session_request_fn *fn;
	void *ctx;
	int64_t ms;
	char why[SESSION_WHY_BYTES];
};

static int ask(struct work *w, struct request_work *q, long timeout_ms)
{
	const struct fetch_options o = { .proxy = q->proxy, .timeout_ms = timeout_ms, .abort = work_abort, .data = w };
	struct fetch_probe_result result;
	struct err e = { 0 };
	int r = fetch_probe(q->url, &o, &result, &e);

	if (r)
		str_print(q->why, sizeof(q->why), "%s", err_text(&e));
	else if (!fetch_probe_is_good(&result))
		snprintf(q->why, sizeof(q->why), "the answer to the request has status %ld", result.status);
	q->ms = (int64_t)result.total_ms;
	err_fini(&e);
	return r ? r : !fetch_probe_is_good(&result);
}

/* More than one try, since what has just been started may lose its first; all within the one limit. */
static int run_request(struct work *w, struct arena *a, void *ctx, struct err *e)
{
	struct request_work *q = ctx;
	int64_t end = clock_mono_ms() + SESSION_REQUEST_MS, left = SESSION_REQUEST_MS;
	int r = 1;

	(void)a;
	(void)e;
	for (int i = 0; r && i < TRIES && left > 0 && !work_is_cancelled(w); i++) {
		if (i)
			poll(NULL, 0, NAP_MS);
		r = ask(w, q, (long)left);
		left = end - clock_mono_ms();
	}
	return r;
}

static void request_free(struct request_work *q)
{
	if (q->proxy)
		explicit_bzero(q->proxy, strlen(q->proxy));
	free(q->url);
	if (q->proxy) /* has a password */
		explicit_bzero(q->proxy, strlen(q->proxy));
	free(q->proxy);
	free(q);
}

static void on_requested(struct daemon *d, void *ctx, int r, struct err *e)
{
	struct request_work *q = ctx;

	if (r && !*q->why)
		str_print(q->why, sizeof(q->why), "%s", r == -ECANCELED ? "it was cancelled" : err_text(e));
	q->fn(d, q->ctx, r, q->why, q->ms);
	request_free(q);
}

int session_request(struct daemon *d, const struct session_life *s, unsigned port, session_request_fn *fn, void *ctx,
		    struct work **ret_work)
{
	struct request_work *q = calloc(1, sizeof(*q));
	const struct work_spec spec = { .name = "request", .run = run_request, .done = on_requested, .ctx = q };
	int r = -ENOMEM;

	if (!q)
		return r;
	q->fn = fn;
	q->ctx = ctx;
	q->url = strdup(s->probe_url);
	q->proxy = fetch_local_proxy(s->probe_user ? s->probe_user : "", s->probe_password ? s->probe_password : "", port);
	if (q->url && q->proxy)
		r = work_start(d, &spec, ret_work);
	if (r)
		request_free(q);
	return r;
}

/* --- how long a port does not answer --- */
enum { GAP_NAP_MS = 2, GAP_CONNECT_MS = 1000, GAP_LONGEST_MS = 60 * 1000 };
struct gap {
	struct sockaddr_storage to;
	socklen_t to_len;
	gap_began_fn *began;
	gap_fn *fn;
	void *ctx;
	bool has_begun;
	atomic_bool stop;
	int64_t begin_ms, ms;
};

static bool answers(const struct gap *g)
{
	int fd = socket(g->to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int fault = 0;
	socklen_t len = sizeof(fault);
	bool yes;

	if (fd < 0)
		return false;
	yes = !connect(fd, (const struct sockaddr *)&g->to, g->to_len);
	if (!yes && errno == EINPROGRESS && poll(&p, 1, GAP_CONNECT_MS) > 0)
		yes = !getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &len) && !fault;
	close(fd);
	return yes;
}

/* From the last answer before the first refusal (or from the beginning) to the next answer. After gap_stop it looks once
 * more. */
static int run_gap(struct work *w, struct arena *a, void *ctx, struct err *e)
{
	struct gap *g = ctx;
	int64_t end = g->begin_ms + GAP_LONGEST_MS, last = g->begin_ms, longest = 0, now = 0;
	bool yes = true, is_last = false, has_looked = false;

	(void)a;
	(void)e;
	while (!is_last && now < end && !work_is_cancelled(w)) {
		bool before = yes;

		is_last = atomic_load(&g->stop);
		yes = answers(g);
		now = clock_mono_ms();
		if (yes && !before && now - last > longest)
			longest = now - last;
		if (yes)
			last = now;
		if (!has_looked)
			work_report(w, 0, 0, "looked");
		has_looked = true;
		poll(NULL, 0, GAP_NAP_MS);
	}
	g->ms = yes ? longest : -1;
	return 0;
}

static void on_look(struct daemon *d, void *ctx, const struct work_progress *p)
{
	struct gap *g = ctx;
	bool is_first = !g->has_begun;

	(void)p;
	g->has_begun = true;
	if (is_first)
		g->began(d, g->ctx);
}

static void on_gap(struct daemon *d, void *ctx, int r, struct err *e)
{
	struct gap *g = ctx;

	(void)e;
	g->fn(d, g->ctx, r ? -1 : g->ms);
	free(g);
}

static int resolve(struct gap *g, const struct probe *p)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
	struct addrinfo *at;
	char port[16];

	snprintf(port, sizeof(port), "%u", p->port);
	if (p->kind == PROBE_ALIVE || getaddrinfo(probe_own_address(p->address), port, &hints, &at))
		return -EINVAL;
	memcpy(&g->to, at->ai_addr, at->ai_addrlen);
	g->to_len = at->ai_addrlen;
	freeaddrinfo(at);
	return 0;
}

struct gap *session_gap_start(struct daemon *d, const struct store_session *row, gap_began_fn *began, gap_fn *fn, void *ctx)
{
	const struct probe p = session_probe_of(row);
	struct gap *g = calloc(1, sizeof(*g));
	const struct work_spec spec = { .name = "gap", .run = run_gap, .done = on_gap, .progress = on_look,
					.ctx = g };

	if (!g)
		return NULL;
	g->began = began;
	g->fn = fn;
	g->ctx = ctx;
	g->begin_ms = clock_mono_ms();
	atomic_init(&g->stop, false);
	if (!resolve(g, &p) && !work_start(d, &spec, NULL))
		return g;
	free(g);
	return NULL;
}

void session_gap_stop(struct gap *g)
{
	if (g)
		atomic_store(&g->stop, true);
}

/* --- files --- */
struct put {
	int dir_fd;
	char *name;
	struct session_life *session; /* has the bytes */
	session_put_fn *fn;
	void *ctx;
};

static int run_put(struct work *w, struct arena *a, void *ctx, struct err *e)
{
	struct put *p = ctx;

	(void)w;
	(void)a;
	return file_write_atomic(p->dir_fd, p->name, p->session->bytes, 0600, e);
}

static void put_free(struct put *p)
{
	session_drop(p->session);
	free(p->name);
	free(p);
}

static void on_put(struct daemon *d, void *ctx, int r, struct err *e)
{
	struct put *p = ctx;

	p->fn(d, p->ctx, r, e);
	put_free(p);
}

int session_put(struct daemon *d, struct session_life *s, const char *file, session_put_fn *fn, void *ctx)
{
	struct put *p = calloc(1, sizeof(*p));
	const struct work_spec spec = { .name = "session file", .run = run_put, .done = on_put, .ctx = p };
	int r;

	if (!p)
		return -ENOMEM;
	*p = (struct put){ d->runtime_fd, strdup(strrchr(file, '/') + 1), session_hold(s), fn, ctx };
	r = p->name ? work_start(d, &spec, NULL) : -ENOMEM;
	if (r)
		put_free(p);
	return r;
}
