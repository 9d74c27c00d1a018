/* Listening: doors (the engine's thread) and the workers' watches at them. */
#include "engine/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/flow.h"
#include "engine/packet.h"
#include "engine/parcel.h"
#include "engine/sock.h"

enum { ACCEPT_BATCH = 64, NO_DESCRIPTOR_MS = 100, COMPLAIN_MS = 10 * 1000 };
#define GIVEN_UP " (root's rights were given up at the start: restart the engine, or reload as root with 'xrat engine reload -c FILE')"

/* A worker's watch at a door. */
struct listener {
	struct io io; /* first */
	struct retired retired;
	struct listener *next;
	const struct inbound *inbound;
	bool udp, paused;
};

/* --- accepting --- */
static void on_descriptors_back(struct loop *l, struct timer *t)
{
	struct worker *w = l->owner;

	if (!worker_may_accept(w)) {
		timer_set(l, t, NO_DESCRIPTOR_MS, on_descriptors_back);
		return;
	}
	for (struct listener *i = w->listeners; i; i = i->next)
		if (i->paused && !io_pause(l, &i->io, false))
			i->paused = false;
}

/* No descriptor left: nobody is woken for it until some may have come back. */
static void rest(struct worker *w, struct listener *li)
{
	if (!li->paused && !io_pause(&w->loop, &li->io, true))
		li->paused = true;
	if (!w->complained_ms || w->loop.now_ms - w->complained_ms > COMPLAIN_MS) {
		w->complained_ms = w->loop.now_ms;
		elog(w, LOG_WARNING, 0, "no descriptor is left for new connections: they wait; raise the limit of open files");
	}
	timer_set(&w->loop, &w->accept_timer, NO_DESCRIPTOR_MS, on_descriptors_back);
}

static int accept_one(struct worker *w, int fd, struct sockaddr_storage *ret_peer)
{
	socklen_t len = sizeof(*ret_peer);
	int r = worker_may_accept(w) ? accept4(fd, (struct sockaddr *)ret_peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC) : -EMFILE;

	return r == -1 ? -errno : r;
}

static void on_listener(struct loop *l, struct io *io)
{
	struct worker *w = l->owner;
	struct listener *li = (struct listener *)io;
	struct sockaddr_storage peer;

	io->up = 0;
	if (li->udp) {
		packet_read(w, li->inbound, io->fd);
		return;
	}
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int fd = accept_one(w, io->fd, &peer);

		if (fd >= 0)
			flow_accept(w, li->inbound, fd, (struct sockaddr *)&peer);
		else if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM) {
			rest(w, li);
			return;
		} else if (fd != -ECONNABORTED && fd != -EINTR)
			return;
	}
}

/* --- a worker's watches --- */
static int enter(struct worker *w, const struct door *d, struct door_part *part)
{
	struct listener *li = calloc(1, sizeof(*li));
	int r;

	if (!li)
		return -ENOMEM;
	io_init(&li->io, on_listener);
	li->udp = d->udp;
	li->inbound = d->inbound;
	r = d->udp ? packet_prepare(part->fd, d->inbound) : 0;
	if (!r)
		r = io_open_level(&w->loop, &li->io, part->fd);
	if (r) {
		free(li);
		return r;
	}
	li->next = w->listeners;
	w->listeners = part->listener = li;
	return 0;
}

static int keep(const struct door *d, struct door_part *part)
{
	part->listener->inbound = d->inbound;
	return d->udp ? packet_prepare(part->fd, d->inbound) : 0;
}

static void release(struct loop *l, struct retired *r)
{
	(void)l;
	free((char *)r - offsetof(struct listener, retired));
}

/* The descriptor stays open: it is the door's. */
static void leave(struct worker *w, struct door_part *part)
{
	struct listener *li = part->listener, **at = &w->listeners;

	while (*at != li)
		at = &(*at)->next;
	*at = li->next;
	part->listener = NULL;
	if (!li->paused)
		io_pause(&w->loop, &li->io, true);
	if (li->udp)
		packet_forget(w, part->fd);
	li->io.fd = -1; /* an event of this batch may still come */
	loop_retire(&w->loop, &li->retired, release);
}

int listen_enter(struct worker *w)
{
	int r = 0, failed = 0;

	for (struct door *d = w->engine->doors; d; d = d->next) {
		struct door_part *part = &d->parts[w->index];

		if (!d->inbound && part->listener)
			leave(w, part);
		else if (d->inbound && part->listener)
			r = keep(d, part);
		else if (d->inbound)
			r = enter(w, d, part);
		if (r && !failed)
			failed = r;
	}
	return failed;
}

void listen_leave(struct worker *w)
{
	timer_off(&w->accept_timer);
	for (struct door *d = w->engine->doors; d; d = d->next)
		if (d->parts[w->index].listener)
			leave(w, &d->parts[w->index]);
}

int listen_fds(const struct engine *en)
{
	unsigned n = 0;

	for (const struct door *d = en->doors; d; d = d->next)
		n += d->path ? 1 : d->n;
	return (int)n;
}

/* --- the same or another --- */
static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_sockopt(const struct sockopt *a, const struct sockopt *b)
{
	return a->tcp_fast_open == b->tcp_fast_open && a->has_mark == b->has_mark && a->mark == b->mark &&
	       a->transparent == b->transparent && a->keep_alive_idle_s == b->keep_alive_idle_s &&
	       a->keep_alive_interval_s == b->keep_alive_interval_s && a->user_timeout_ms == b->user_timeout_ms &&
	       a->max_seg == b->max_seg && a->window_clamp == b->window_clamp && a->v6only == b->v6only && a->mptcp == b->mptcp &&
	       same_text(a->interface, b->interface) && same_text(a->congestion, b->congestion);
}

static struct door *find(struct engine *en, const struct door *like)
{
	for (struct door *d = en->doors; d; d = d->next)
		if (d->udp == like->udp && same_text(d->path, like->path) && addr_equal(&d->at, &like->at) &&
		    (d->path || d->is_stub || same_sockopt(&d->sockopt, &like->sockopt)))
			return d;
	return NULL;
}

/* --- doors --- */
const char *listen_text(const struct door *d, char ret_text[ADDR_TEXT])
{
	if (d->path)
		return d->path;
	addr_text(&d->at, ret_text);
	return ret_text;
}

static void close_parts(struct door *d)
{
	for (unsigned i = 0; i < d->n; i++)
		if (d->parts[i].fd >= 0 && (!i || !d->path))
			close(d->parts[i].fd);
}

static void free_door(struct door *d, bool unlink_path)
{
	if (d->path && *d->path != '@' && unlink_path && !d->is_stub)
		unlink(d->path);
	close_parts(d);
	free((void *)d->path);
	free(d);
}

/* Whether one of ours has that port: then others of ours have to share it, if the kernel lets them. */
static bool is_our_port(const struct engine *en, const struct door *like)
{
	for (const struct door *d = en->doors; d; d = d->next)
		if (d->udp == like->udp && !d->path && d->at.port == like->at.port)
			return true;
	return false;
}

const char *listen_network(const struct door *d)
{
	return d->path ? "unix" : d->udp ? "udp" : "tcp";
}

/* A socket that our parent has opened for this: -ENOENT when there is none, -EINVAL when it is another one. */
static int take_given(struct engine *en, const struct door *d)
{
	char text[ADDR_TEXT];
	int fd = parcel_take(en->given, listen_network(d), listen_text(d, text)), listens = 0;
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa), int_len = sizeof(listens);
	struct addr at = { .port = 0 };

	if (fd < 0)
		return fd;
	if (!getsockname(fd, (struct sockaddr *)&sa, &len))
		addr_from_sockaddr(&at, (struct sockaddr *)&sa);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_len) || listens == (int)d->udp ||
	    (!d->path && at.port != d->at.port) || fcntl(fd, F_SETFL, O_NONBLOCK)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

static int open_one(struct engine *en, const struct door *d, const struct inbound *in, enum sock_share share)
{
	int fd = take_given(en, d);

	return fd != -ENOENT ? fd :
	       d->path       ? sock_unix(d->path, in->unix_mode) :
	       d->udp        ? sock_udp(&d->at, &d->sockopt, share) :
			       sock_listen(&d->at, &d->sockopt, share);
}

static int open_parts(struct engine *en, struct door *d, const struct inbound *in)
{
	enum sock_share share = is_our_port(en, d) ? SOCK_MORE : SOCK_FIRST;

	for (unsigned i = 0; i < d->n; i++) {
		int fd = d->path && i ? d->parts[0].fd : open_one(en, d, in, share);

		if (fd < 0)
			return fd;
		d->parts[i].fd = fd;
		share = SOCK_MORE;
	}
	return 0;
}

static struct door *new_door(unsigned n_workers, const struct door *like)
{
	struct door *d = calloc(1, sizeof(*d) + n_workers * sizeof(d->parts[0]));

	if (!d)
		return NULL;
	*d = *like;
	d->n = n_workers;
	d->is_new = true;
	for (unsigned i = 0; i < d->n; i++)
		d->parts[i].fd = -1;
	if (like->path) {
		d->path = strdup(like->path);
		if (!d->path) {
			free(d);
			return NULL;
		}
	}
	return d;
}

static int open_door(struct engine *en, const struct door *like, struct err *e)
{
	const struct inbound *in = like->wanted;
	struct door *d = new_door(en->n_workers, like);
	int r = d ? open_parts(en, d, in) : -ENOMEM;
	char text[ADDR_TEXT];

	if (!r) {
		d->next = en->doors;
		en->doors = d;
		return 0;
	}
	r = err_sys(e, r, "inbound '%s': listen on %s%s", in->tag, listen_text(like, text),
		    r == -EACCES && en->o->user ? GIVEN_UP : "");
	if (d)
		free_door(d, d->parts[0].fd >= 0);
	return r;
}

static int want(struct engine *en, const struct door *like, struct err *e)
{
	struct door *there = find(en, like);
	char text[ADDR_TEXT];

	if (!there)
		return open_door(en, like, e);
	if (there->wanted)
		return err_sys(e, -EADDRINUSE, "inbounds '%s' and '%s': listen on %s", there->wanted->tag, like->wanted->tag,
			       listen_text(like, text));
	there->wanted = like->wanted;
	return 0;
}

static int want_port(struct engine *en, const struct inbound *in, uint16_t port, struct err *e)
{
	struct door like = { .wanted = in, .sockopt = in->sockopt };
	int r = 0;

	addr_set_ip(&like.at, &in->listen, port);
	if (in->tcp)
		r = want(en, &like, e);
	like.udp = true;
	return r || !in->udp || in->kind != INBOUND_TUNNEL ? r : want(en, &like, e);
}

static int want_inbound(struct engine *en, const struct inbound *in, struct err *e)
{
	struct door like = { .wanted = in, .sockopt = in->sockopt, .path = in->unix_path };
	int r = 0;

	if (in->unix_path)
		return want(en, &like, e);
	for (uint32_t i = 0; i < in->n_ports && !r; i++)
		for (uint32_t port = in->ports[i].first; port <= in->ports[i].last && !r; port++)
			r = want_port(en, in, (uint16_t)port, e);
	return r;
}

int listen_prepare(struct engine *en, const struct conf *c, struct err *e)
{
	int r = 0;

	for (uint32_t i = 0; i < c->n_inbounds && !r; i++)
		r = want_inbound(en, &c->inbounds[i], e);
	if (r)
		listen_cancel(en);
	return r;
}

/* Closes the doors that the test picks. */
static void close_doors(struct engine *en, bool (*picks)(const struct door *d))
{
	struct door **at = &en->doors, *d;

	while ((d = *at)) {
		if (!picks(d)) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		free_door(d, true);
	}
}

static bool is_new(const struct door *d)
{
	return d->is_new;
}

static bool is_unwanted(const struct door *d)
{
	return !d->inbound;
}

static bool is_any(const struct door *d)
{
	return d != NULL;
}

void listen_cancel(struct engine *en)
{
	close_doors(en, is_new);
	for (struct door *d = en->doors; d; d = d->next)
		d->wanted = NULL;
}

void listen_commit(struct engine *en)
{
	for (struct door *d = en->doors; d; d = d->next) {
		d->inbound = d->wanted;
		if (d->wanted)
			d->sockopt = d->wanted->sockopt;
		d->wanted = NULL;
		d->is_new = false;
	}
}

void listen_sweep(struct engine *en)
{
	close_doors(en, is_unwanted);
}

void listen_close(struct engine *en)
{
	close_doors(en, is_any);
}

/* --- for another process --- */
int listen_stub(struct engine *en, struct str network, struct str text)
{
	struct door like = { .udp = str_is(network, "udp"), .is_stub = true }, *d;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 2];

	if (str_is(network, "unix") && text.len < sizeof(path)) {
		memcpy(path, text.p, text.len);
		path[text.len] = 0;
		like.path = path;
	} else if (addr_parse(&like.at, text, -1))
		return -EINVAL;
	d = new_door(0, &like);
	if (!d)
		return -ENOMEM;
	d->is_new = false;
	d->next = en->doors;
	en->doors = d;
	return 0;
}

int listen_pack(struct engine *en, struct parcel *p)
{
	char text[ADDR_TEXT];
	struct door *d;
	int r = 0;

	while ((d = en->doors)) {
		unsigned n = d->path && d->n ? 1 : d->n;

		for (unsigned i = 0; i < n; i++) {
			int fd = d->parts[i].fd;

			d->parts[i].fd = -1;
			if (!r && fd >= 0)
				r = parcel_add(p, listen_network(d), listen_text(d, text), fd);
			else if (fd >= 0)
				close(fd);
		}
		en->doors = d->next;
		free_door(d, r);
	}
	return r;
}
