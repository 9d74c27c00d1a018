/* Paths: finding them, what goes through them, and their end. Batches of datagrams lie in memory of the worker, in slots with
 * room before each, so that a header can be put in front without a copy. */
#include "engine/packet_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/elog.h"

enum { PATHS_LEAST = 256, PATHS_SHARE = 8 /* of the descriptors, for each worker */ };
/* A little more than whole pages apart, so that the slots do not share the same lines of the cache. */
enum { SLOT = 68 * 1024 + 192, MEMORY = PACKET_BATCH * SLOT };

/* Each path is a descriptor, and connections need some too. */
static uint32_t most_paths(void)
{
	struct rlimit limit = { .rlim_cur = 0 };
	rlim_t n;

	getrlimit(RLIMIT_NOFILE, &limit);
	n = limit.rlim_cur / PATHS_SHARE;
	return n < PATHS_LEAST ? PATHS_LEAST : n > PATHS_MAX ? PATHS_MAX : (uint32_t)n;
}

int packet_open(struct worker *w)
{
	struct packet_worker *k = calloc(1, sizeof(*k));
	void *memory;

	if (!k)
		return -ENOMEM;
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED) {
		free(k);
		return -ENOMEM;
	}
	k->memory = memory;
	k->max_paths = most_paths();
	slab_init(&k->paths, sizeof(struct path));
	packet_init_associations(k);
	w->packets = k;
	return 0;
}

void packet_close(struct worker *w)
{
	struct packet_worker *k = w->packets;

	if (!k)
		return;
	while (k->oldest)
		path_close(w, k->oldest);
	foreign_close_all(w);
	dns_close_all(w);
	loop_release(&w->loop);
	slab_fini(&k->paths);
	slab_fini(&k->associations);
	munmap(k->memory, MEMORY);
	free(k);
	w->packets = NULL;
}

/* --- sockets --- */
socklen_t packet_sa_len(const union path_sa *sa)
{
	return sa->sa.sa_family == AF_INET ? sizeof(sa->in) : sa->sa.sa_family == AF_INET6 ? sizeof(sa->in6) : 0;
}

void packet_sa_addr(const union path_sa *sa, struct addr *ret)
{
	addr_from_sockaddr(ret, &sa->sa);
}

unsigned packet_recv(struct worker *w, int fd, bool with_control)
{
	struct packet_worker *k = w->packets;
	int n;

	for (int i = 0; i < PACKET_BATCH; i++) {
		struct datagram *d = &k->batch[i];

		memset(&d->sa, 0, sizeof(d->sa)); /* its bytes are a key */
		d->p = k->memory + (size_t)i * SLOT + PACKET_HEADROOM;
		k->iov[i] = (struct iovec){ d->p, PACKET_MAX };
		k->msgs[i].msg_hdr = (struct msghdr){ .msg_name = &d->sa, .msg_namelen = sizeof(d->sa), .msg_iov = &k->iov[i],
						      .msg_iovlen = 1 };
		if (with_control) {
			k->msgs[i].msg_hdr.msg_control = k->control[i];
			k->msgs[i].msg_hdr.msg_controllen = sizeof(k->control[i]);
		}
	}
	do
		n = recvmmsg(fd, k->msgs, PACKET_BATCH, MSG_DONTWAIT, NULL);
	while (n < 0 && errno == EINTR);
	for (int i = 0; i < n; i++)
		k->batch[i].len = k->msgs[i].msg_len;
	return n < 0 ? 0 : (unsigned)n;
}

void packet_send(struct worker *w, int fd, struct datagram *d, unsigned n)
{
	packet_send_from(w, fd, d, n, NULL, 0);
}

void packet_send_from(struct worker *w, int fd, struct datagram *d, unsigned n, void *control, size_t control_len)
{
	struct packet_worker *k = w->packets;
	unsigned done = 0;

	for (unsigned i = 0; i < n; i++) {
		socklen_t len = packet_sa_len(&d[i].sa);

		k->iov[i] = (struct iovec){ d[i].p, d[i].len };
		k->msgs[i].msg_hdr = (struct msghdr){ .msg_name = len ? &d[i].sa : NULL, .msg_namelen = len, .msg_iov = &k->iov[i],
						      .msg_iovlen = 1, .msg_control = control,
						      .msg_controllen = control_len };
	}
	while (done < n) {
		int r = sendmmsg(fd, k->msgs + done, n - done, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (r < 0 && errno == EAGAIN)
			return;
		if (r > 0)
			done += (unsigned)r;
		else if (errno != EINTR)
			done++; /* this one cannot be sent: too long, or nowhere to go */
	}
}

/* --- queues --- */
bool queue_add(struct queue *q, const struct datagram *d)
{
	struct queued *e = malloc(sizeof(*e) + d->len);

	if (!e)
		return false;
	e->next = NULL;
	e->len = d->len;
	e->at = d->at;
	memcpy(e->bytes, d->p, d->len);
	*(q->first ? q->last : &q->first) = e;
	q->last = &e->next;
	q->n++;
	q->bytes += d->len;
	while (q->n > QUEUE_MAX || (q->n > 1 && q->bytes > QUEUE_BYTES)) /* the oldest goes */
		free(queue_take(q));
	return true;
}

struct queued *queue_take(struct queue *q)
{
	struct queued *e = q->first;

	if (!e)
		return NULL;
	q->first = e->next;
	q->n--;
	q->bytes -= e->len;
	return e;
}

void queue_free(struct queue *q)
{
	struct queued *e;

	while ((e = queue_take(q)))
		free(e);
}

/* --- the table, and the list from the newest use to the oldest --- */
static struct path **bucket_of(struct packet_worker *k, int fd, const union path_sa *source)
{
	const struct str key = { (const char *)source, sizeof(*source) };

	return &k->buckets[(wire_hash(key, (uintptr_t)k) + (unsigned)fd) % PATH_BUCKETS];
}

bool packet_same_sa(const union path_sa *a, const union path_sa *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_port == b->in.sin_port && a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return a->in6.sin6_port == b->in6.sin6_port && a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
	       !memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr));
}

struct path *path_find(struct worker *w, int fd, const union path_sa *source)
{
	struct path *p = *bucket_of(w->packets, fd, source);

	while (p && (p->fd != fd || !packet_same_sa(&p->source, source)))
		p = p->chain;
	return p;
}

static void list_out(struct packet_worker *k, struct path *p)
{
	*(p->newer ? &p->newer->older : &k->newest) = p->older;
	*(p->older ? &p->older->newer : &k->oldest) = p->newer;
}

static void list_in(struct packet_worker *k, struct path *p)
{
	p->newer = NULL;
	p->older = k->newest;
	*(k->newest ? &k->newest->newer : &k->oldest) = p;
	k->newest = p;
}

static void hash_in(struct packet_worker *k, struct path *p)
{
	struct path **bucket = bucket_of(k, p->fd, &p->source);

	p->chain = *bucket;
	if (p->chain)
		p->chain->chain_at = &p->chain;
	p->chain_at = bucket;
	*bucket = p;
}

static void hash_out(struct path *p)
{
	if (!p->chain_at)
		return;
	*p->chain_at = p->chain;
	if (p->chain)
		p->chain->chain_at = p->chain_at;
	p->chain_at = NULL;
}

/* --- begin and end --- */
static void on_up(struct loop *l, struct io *io);

struct path *path_new(struct worker *w, struct conf *c, const struct inbound *in, const struct path_in *ops, int fd,
		      const union path_sa *source)
{
	struct packet_worker *k = w->packets;
	struct path *p;

	if (w->draining && fd >= 0)
		return NULL;
	if (k->n_paths >= k->max_paths)
		path_close(w, k->oldest);
	p = slab_get(&k->paths);
	if (!p)
		return NULL;
	io_init(&p->up, on_up);
	p->conf = c;
	conf_hold(c);
	p->inbound = in;
	p->in = ops;
	p->fd = fd;
	p->source = *source;
	p->id = ++w->next_id << 8 | w->index;
	p->idle_ms = PATH_IDLE_MS;
	p->last_ms = w->loop.now_ms;
	k->n_paths++;
	worker_count_fds(w, 1);
	list_in(k, p);
	if (fd >= 0)
		hash_in(k, p);
	return p;
}

static void release(struct loop *l, struct retired *r)
{
	struct worker *w = l->owner;

	slab_put(&w->packets->paths, r);
}

void path_close(struct worker *w, struct path *p)
{
	if (p->stage == PATH_DEAD)
		return;
	p->stage = PATH_DEAD;
	timer_off(&p->timer);
	hash_out(p);
	list_out(w->packets, p);
	w->packets->n_paths--;
	worker_count_fds(w, -1);
	if (p->out && p->out->stop)
		p->out->stop(w, p);
	peer_free_all(w, p);
	path_free_setup(p->setup, w);
	p->setup = NULL;
	io_close(&p->up, false);
	if (p->in->closed)
		p->in->closed(w, p);
	conf_drop(p->conf);
	loop_retire(&w->loop, &p->retired, release);
}

/* The listener goes, and with it the paths that answer through it. */
void packet_forget(struct worker *w, int fd)
{
	struct path *older;

	for (struct path *p = w->packets ? w->packets->newest : NULL; p; p = older) {
		older = p->older;
		if (p->fd == fd)
			path_close(w, p);
	}
}

/* --- up --- */
static void count(struct counter *const counters[3], size_t n)
{
	for (size_t i = 0; i < 3; i++)
		if (counters[i])
			atomic_fetch_add_explicit(&counters[i]->value, n, memory_order_relaxed);
}

static size_t bytes_of(const struct datagram *d, unsigned n)
{
	size_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += d[i].len;
	return sum;
}

void path_take(struct worker *w, struct path *p, struct datagram *d, unsigned n)
{
	struct packet_worker *k = w->packets;

	if (p->stage == PATH_DEAD)
		return;
	if (k->newest != p) {
		list_out(k, p);
		list_in(k, p);
	}
	while (n && p->stage != PATH_UP) {
		if (p->stage == PATH_NEW)
			path_begin(w, p, d);
		else if (p->stage == PATH_ROUTE || p->stage == PATH_DIAL)
			queue_add(&p->setup->waiting, d);
		else
			return; /* deaf, dead */
		d++;
		n--;
	}
	if (!n)
		return;
	p->last_ms = w->loop.now_ms;
	count(p->count_up, bytes_of(d, n));
	p->out->send(w, p, d, n);
}

/* --- down --- */
void path_reply(struct worker *w, struct path *p, struct datagram *d, unsigned n, bool at_known)
{
	if (!n)
		return;
	for (unsigned i = 0; i < n; i++) {
		if (!at_known)
			packet_sa_addr(&d[i].sa, &d[i].at);
		if (p->peers)
			peer_origin(p, &d[i].at);
	}
	p->last_ms = w->loop.now_ms;
	count(p->count_down, bytes_of(d, n));
	p->in->reply(w, p, d, n);
}

static void on_up(struct loop *l, struct io *io)
{
	struct worker *w = l->owner;
	struct path *p = (struct path *)((char *)io - offsetof(struct path, up));
	unsigned n;

	io->up = 0;
	n = packet_recv(w, io->fd, false);
	if (p->out && p->out->received)
		p->out->received(w, p, w->packets->batch, n);
	else
		path_reply(w, p, w->packets->batch, n, false);
}

/* --- the log --- */
void path_log(struct worker *w, const struct path *p, const char *verdict, const char *reason)
{
	const struct path_setup *s = p->setup;
	struct elog_entry e = { .network = "udp", .verdict = verdict, .reason = reason, .id = p->id };
	struct addr source;

	if (!elog_wants_access(w))
		return;
	packet_sa_addr(&p->source, &source);
	e.source = &source;
	e.user = p->user ? p->user->name : str_of("");
	e.target = s ? &s->target : NULL;
	e.rule_tag = s ? s->rule_tag : NULL;
	e.inbound = s && s->inbound_tag ? s->inbound_tag : p->inbound->tag;
	e.outbound = p->outbound ? p->outbound->tag : NULL;
	elog_entry(w, &e);
}
