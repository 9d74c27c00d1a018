/* The control socket. */
#include "engine/control.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/engine_impl.h"
#include "engine/listen.h"
#include "engine/parcel.h"
#include "engine/sock.h"

struct peer {
	int fd;           /* -1: free */
	struct buf in, out;
	struct parcel given; /* with the line that is coming in */
	size_t out_at;
	int64_t since_ms; /* the newest whole line, or the begin */
};
struct control {
	struct engine *en;
	int fd;
	struct peer clients[CONTROL_CLIENTS];
};

/* --- answers --- */
struct request {
	const struct value *line;
	struct parcel *given;
};
typedef bool command_fn(struct arena *a, struct engine *en, struct request q, struct value *ret_result, const char **ret_why);

static void put_common(struct arena *a, const struct engine *en, struct value *v)
{
	value_put_int(a, v, "generation", (int64_t)en->conf->generation);
	value_put_int(a, v, "uptime_ms", clock_mono_ms() - en->started_ms);
	value_put_int(a, v, "workers", en->n_workers);
	value_put_int(a, v, "flows", engine_flows(en));
}

static bool do_stats(struct arena *a, struct engine *en, struct request q, struct value *ret_result, const char **ret_why)
{
	struct value counters = value_object(SPAN_NONE);

	(void)q;
	(void)ret_why;
	for (uint32_t i = 0; i < en->conf->n_counters; i++) {
		const struct counter *n = en->conf->counters[i];

		value_put_int(a, &counters, n->name, (int64_t)atomic_load_explicit(&n->value, memory_order_relaxed));
	}
	put_common(a, en, ret_result);
	value_put(a, ret_result, "counters", counters);
	return true;
}

static bool do_status(struct arena *a, struct engine *en, struct request q, struct value *ret_result, const char **ret_why)
{
	struct value list = value_array(SPAN_NONE);
	char text[ADDR_TEXT];

	(void)q;
	(void)ret_why;
	value_put_str(a, ret_result, "state", en->draining ? "stopping" : "running");
	value_put_str(a, ret_result, "version", XRAT_VERSION);
	value_put_int(a, ret_result, "pid", getpid());
	put_common(a, en, ret_result);
	for (const struct door *d = en->doors; d; d = d->next) {
		struct value v = value_object(SPAN_NONE);

		value_put_str(a, &v, "inbound", d->inbound ? d->inbound->tag : "");
		value_put_str(a, &v, "address", arena_strdup(a, listen_text(d, text)));
		value_put_str(a, &v, "network", listen_network(d));
		value_push(a, &list, v);
	}
	value_put(a, ret_result, "listeners", list);
	return true;
}

static bool do_reload(struct arena *a, struct engine *en, struct request q, struct value *ret_result, const char **ret_why)
{
	int r = parcel_name(q.given, value_get(q.line, "given"));

	if (r) {
		*ret_why = r == -ENOMEM ? "out of memory" : "'given' names each descriptor that came with the line, and no other";
		return false;
	}
	en->given = q.given;
	r = engine_reload(en, ret_why);
	en->given = NULL;
	if (r)
		return false;
	value_put_int(a, ret_result, "generation", (int64_t)en->conf->generation);
	return true;
}

static const struct {
	const char *name;
	command_fn *run;
} commands[] = {
	{ "stats", do_stats },
	{ "status", do_status },
	{ "reload", do_reload },
};

static struct value answer_to(struct arena *a, struct engine *en, struct str line, struct parcel *given)
{
	struct sources *sources = sources_new(a);
	struct value request = { 0 }, reply = value_object(SPAN_NONE), result = value_object(SPAN_NONE);
	uint32_t src = sources_add(sources, "request", line.p, (uint32_t)line.len);
	const char *why = "the line is no JSON object with a 'command': stats, status, reload";
	bool ok = false;

	if (!json_parse(a, diag_sink_new(a, sources), src, false, &request))
		for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
			if (str_is(value_get_str(&request, "command"), commands[i].name))
				ok = commands[i].run(a, en, (struct request){ &request, given }, &result, &why);
	value_put_bool(a, &reply, "ok", ok);
	if (ok)
		value_put(a, &reply, "result", result);
	else
		value_put_str(a, &reply, "error", arena_strdup(a, why));
	return reply;
}

/* 0 or -ENOMEM. */
static int answer(struct engine *en, struct peer *c, struct str line)
{
	struct arena *a = arena_new();
	struct value reply;
	jmp_buf oom;

	if (!a || setjmp(oom)) {
		arena_free(a);
		return -ENOMEM;
	}
	arena_on_oom(a, &oom);
	reply = answer_to(a, en, line, &c->given);
	parcel_fini(&c->given);
	json_write_compact(&c->out, &reply);
	buf_putc(&c->out, '\n');
	arena_free(a);
	return c->out.failed ? -ENOMEM : 0;
}

/* --- clients --- */
static void drop(struct peer *c)
{
	close(c->fd);
	parcel_fini(&c->given);
	buf_fini(&c->in);
	buf_fini(&c->out);
	c->in = c->out = (struct buf){ 0 };
	c->out_at = 0;
	c->fd = -1;
}

static void send_answers(struct peer *c)
{
	while (c->out_at < c->out.len) {
		ssize_t n = send(c->fd, c->out.p + c->out_at, c->out.len - c->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			drop(c);
			return;
		}
		c->out_at += (size_t)n;
	}
	buf_fini(&c->out);
	c->out = (struct buf){ 0 };
	c->out_at = 0;
}

/* Whole lines of what has arrived; the next is not looked at before the last one's answer is out. */
static void take_lines(struct control *k, struct peer *c)
{
	const char *end;

	while (c->fd >= 0 && !c->out.len && c->in.len && (end = memchr(c->in.p, '\n', c->in.len))) {
		size_t len = (size_t)(end - c->in.p);
		int r = answer(k->en, c, (struct str){ c->in.p, len });

		if (r) {
			drop(c);
			return;
		}
		memmove(c->in.p, end + 1, c->in.len - len - 1);
		c->in.len -= len + 1;
		c->since_ms = clock_mono_ms();
		send_answers(c);
	}
	if (c->fd >= 0 && c->in.len > CONTROL_LINE_MAX)
		drop(c);
}

static void read_client(struct control *k, struct peer *c)
{
	char bytes[4096];
	ssize_t n = parcel_recv(&c->given, c->fd, bytes, sizeof(bytes));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		buf_add(&c->in, bytes, (size_t)n);
	if (n <= 0 || c->in.failed)
		drop(c);
	else
		take_lines(k, c);
}

static bool may_come_in(int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) && (!who.uid || who.uid == geteuid());
}

static struct peer *free_client(struct control *k)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (k->clients[i].fd < 0)
			return &k->clients[i];
	return NULL;
}

static void accept_one(struct control *k)
{
	struct peer *c = free_client(k);
	int fd = c ? accept4(k->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) : -1;

	if (fd < 0)
		return;
	if (may_come_in(fd)) {
		c->fd = fd;
		c->since_ms = clock_mono_ms();
	} else
		close(fd);
}

/* --- between the polls --- */
unsigned control_poll(struct control *k, struct pollfd *fds, int *timeout_ms)
{
	int64_t now = clock_mono_ms();
	unsigned n = 0;

	if (!k)
		return 0;
	if (free_client(k))
		fds[n++] = (struct pollfd){ .fd = k->fd, .events = POLLIN };
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		const struct peer *c = &k->clients[i];
		int64_t left = c->since_ms + CONTROL_IDLE_MS - now;

		if (c->fd < 0)
			continue;
		fds[n++] = (struct pollfd){ .fd = c->fd, .events = c->out.len ? POLLOUT : POLLIN };
		if (*timeout_ms < 0 || left < *timeout_ms)
			*timeout_ms = left > 0 ? (int)left : 0;
	}
	return n;
}

static void serve_client(struct control *k, struct peer *c, short events)
{
	if (clock_mono_ms() - c->since_ms >= CONTROL_IDLE_MS)
		drop(c);
	else if (events && c->out.len) {
		send_answers(c);
		if (c->fd >= 0)
			take_lines(k, c);
	} else if (events)
		read_client(k, c);
}

void control_serve(struct control *k, const struct pollfd *fds, unsigned n)
{
	if (!k)
		return;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		struct peer *c = &k->clients[i];

		for (unsigned j = 0; j < n && c->fd >= 0; j++)
			if (fds[j].fd == c->fd) {
				serve_client(k, c, fds[j].revents);
				break;
			}
	}
	for (unsigned j = 0; j < n; j++) /* last, since a number may come round */
		if (fds[j].fd == k->fd && fds[j].revents)
			accept_one(k);
}

int control_open(struct engine *en, struct err *e)
{
	const char *path = en->o->control;
	struct control *k;
	int fd;

	if (!path || !*path)
		return 0;
	if (*path == '@')
		return err_set(e, -EINVAL, "the control socket '%s' needs a path: everyone can reach an abstract name", path);
	fd = sock_unix(path, 0600);
	if (fd < 0)
		return err_sys(e, fd, "make the control socket '%s'", path);
	k = calloc(1, sizeof(*k));
	if (!k) {
		close(fd);
		return err_sys(e, -ENOMEM, "make the control socket '%s'", path);
	}
	k->en = en;
	k->fd = fd;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		k->clients[i].fd = -1;
	en->control = k;
	return 0;
}

void control_close(struct control *k)
{
	if (!k)
		return;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (k->clients[i].fd >= 0)
			drop(&k->clients[i]);
	unlink(k->en->o->control);
	close(k->fd);
	k->en->control = NULL;
	free(k);
}
