/* One worker: made by the engine, runs its loop, takes a new configuration when one is handed over. */
#include "engine/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine_impl.h"
#include "engine/flow.h"
#include "engine/listen.h"
#include "engine/packet.h"

struct route_scratch *worker_scratch(struct worker *w, const struct conf *c)
{
	if (w->route_of != c->generation) {
		route_scratch_free(w->route);
		w->route = route_scratch_new(c->routes);
		w->route_of = w->route ? c->generation : 0;
	}
	return w->route;
}

/* xorshift64*; good enough to spread flows over the members of a balancer. */
uint32_t worker_random(struct worker *w)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (uint32_t)(w->random * 2685821657736338717ull >> 32);
}

bool worker_is_reserved(const struct worker *w, int fd)
{
	return fd >= w->engine->fd_most + w->engine->fd_grace;
}

int worker_take_fd(const struct worker *w, int fd)
{
	if (fd < 0 || !worker_is_reserved(w, fd))
		return fd;
	close(fd);
	return -EMFILE;
}

void worker_count_fds(struct worker *w, int change)
{
	atomic_fetch_add_explicit(&w->n_fds, change, memory_order_relaxed);
}

static int64_t free_fds(const struct engine *en)
{
	int64_t room = (int64_t)en->fd_most - en->fd_base;

	for (unsigned i = 0; i < en->n_opened; i++)
		room -= atomic_load_explicit(&en->workers[i].n_fds, memory_order_relaxed);
	return room;
}

bool worker_is_short_of_fds(const struct worker *w)
{
	return free_fds(w->engine) < w->engine->fd_most / 4;
}

/* Each worker may take one at the same moment. */
bool worker_may_accept(const struct worker *w)
{
	return free_fds(w->engine) >= 2 * (int64_t)w->engine->n_workers;
}

static void take_conf(struct worker *w, struct conf *c)
{
	int r = listen_enter(w);

	if (r)
		elog(w, LOG_ERROR, 0, "worker %u cannot listen everywhere: %s", w->index, strerror(-r));
	conf_drop(w->conf);
	w->conf = c;
	engine_answer(w->engine);
}

static void on_woken(struct loop *l)
{
	struct worker *w = l->owner;
	struct conf *c = atomic_exchange(&w->next_conf, NULL);

	if (c)
		take_conf(w, c);
	if (atomic_load(&w->drain) && !w->draining) {
		w->draining = true;
		listen_leave(w);
		engine_answer(w->engine);
	}
	if (atomic_load(&w->stop))
		l->stop = true;
}

int worker_open(struct worker *w, struct engine *engine, unsigned index, struct err *e)
{
	int r;

	*w = (struct worker){ .engine = engine, .index = index, .random = 88172645463325252ull + index };
	r = loop_init(&w->loop, w, on_woken);
	if (r)
		return err_sys(e, r, "make an event loop");
	slab_init(&w->flows, sizeof(struct flow));
	slab_init(&w->setups, sizeof(struct setup));
	w->scratch = malloc(SCRATCH_BYTES);
	w->sniff = sniff_scratch_new();
	r = w->scratch && w->sniff ? resolver_open(w) : -ENOMEM;
	if (!r)
		r = packet_open(w);
	if (r)
		return err_sys(e, r, "start worker %u", index);
	w->conf = engine->conf;
	conf_hold(w->conf);
	r = listen_enter(w);
	return r ? err_sys(e, r, "watch the listeners") : 0;
}

void worker_close(struct worker *w)
{
	listen_leave(w);
	while (w->first_flow)
		flow_close(w, w->first_flow, true);
	tubes_close(w);
	packet_close(w);
	resolver_close(w);
	sniff_scratch_free(w->sniff);
	route_scratch_free(w->route);
	small_fini(&w->small);
	if (w->conf)
		conf_drop(w->conf);
	loop_release(&w->loop);
	slab_fini(&w->flows);
	slab_fini(&w->setups);
	free(w->scratch);
	loop_fini(&w->loop);
}

static void *run(void *arg)
{
	struct worker *w = arg;

	loop_run(&w->loop);
	return NULL;
}

int worker_start(struct worker *w)
{
	return -pthread_create(&w->thread, NULL, run, w);
}

void worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
}
