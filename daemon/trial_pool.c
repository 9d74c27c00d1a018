/* Attempts at nodes: first a TCP connection to the server, then a request through the engine. A thread takes a node and
 * makes all its attempts, one after the other, so that they do not disturb each other. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/trial_impl.h"
#include "fetch/fetch.h"

enum { STACK_BYTES = 512 * 1024 };

bool pool_speaks_tcp(const struct node *n)
{
	if (n->protocol.v == NODE_HYSTERIA2 || n->protocol.v == NODE_WIREGUARD)
		return false;
	return n->transport.v != NODE_KCP;
}

/* --- one attempt --- */
static const struct { enum store_failure failure; const char *words; } outcomes[FETCH_OUTCOME__N] = {
	[FETCH_DNS] = { STORE_F_DNS, "the name cannot be resolved" },
	[FETCH_REFUSED] = { STORE_F_REFUSED, "refused behind the node" },
	[FETCH_TIMEOUT] = { STORE_F_TIMEOUT, NULL },
	[FETCH_TLS] = { STORE_F_TLS, "the connection through the node ended within the TLS handshake, or the certificate is not valid" },
	[FETCH_PROXY] = { STORE_F_PROXY, "the engine could not reach the server through the node" },
	[FETCH_REDIRECT] = { STORE_F_PROXY, "redirects" },
	[FETCH_BROKEN] = { STORE_F_PROXY, "the connection through the node was closed without an answer" },
};

static int64_t whole(double ms)
{
	return ms < 0 ? 0 : ms < 1 ? 1 : (int64_t)(ms + 0.5);
}

static void fail(struct trial_result *r, enum store_failure failure, const char *words)
{
	r->test.failure = failure ? failure : STORE_F_UNKNOWN;
	if (words != r->reason)
		str_print(r->reason, sizeof(r->reason), "%s", words);
}

static void judge(struct trial_result *r, const struct fetch_probe_result *p, unsigned limit_ms)
{
	bool good = fetch_probe_is_good(p);

	r->test.real_delay = good ? STORE_OK : STORE_FAILED;
	r->test.http_status = (int)p->status;
	if (good) {
		r->test.real_delay_ms = whole(p->total_ms);
		r->test.ttfb_ms = whole(p->first_byte_ms);
		return;
	}
	if (p->outcome == FETCH_OK)
		snprintf(r->reason, sizeof(r->reason), "the answer through the node was HTTP %ld", p->status);
	else if (p->outcome == FETCH_TIMEOUT)
		snprintf(r->reason, sizeof(r->reason), "no whole answer through the node within %u ms", limit_ms);
	else
		str_print(r->reason, sizeof(r->reason), "%s", outcomes[p->outcome].words ? outcomes[p->outcome].words :
				 fetch_outcome_name(p->outcome));
	fail(r, p->outcome == FETCH_OK ? STORE_F_PROXY : outcomes[p->outcome].failure, r->reason);
}

static bool is_stopped(void *data)
{
	const struct trial_pool *p = data;

	return atomic_load(&p->stop);
}

static int out_of_memory(struct trial_pool *p)
{
	p->failed = true;
	atomic_store(&p->stop, true);
	return -ENOMEM;
}

/* 0, -ECANCELED, -ENOMEM. */
static int measure_delay(struct trial_pool *p, struct trial_result *r)
{
	char *proxy = fetch_local_proxy(p->user, p->password, r->job->port);
	struct fetch_options o = { .proxy = proxy, .ca_file = p->o->ca_file, .timeout_ms = (long)p->o->delay_ms,
				   .abort = is_stopped, .data = p };
	struct fetch_probe_result got;

	if (!proxy)
		return out_of_memory(p);
	fetch_probe(p->url, &o, &got, NULL);
	explicit_bzero(proxy, strlen(proxy));
	free(proxy);
	if (got.outcome == FETCH_ABORTED)
		return -ECANCELED;
	judge(r, &got, p->o->delay_ms);
	return 0;
}

static int measure_tcp(struct trial_pool *p, struct trial_result *r)
{
	const struct node *n = r->job->in->node;
	const struct trial_way way = { n->address.s, (int)n->port.v, p->o->tcp_ms, &p->stop };
	struct trial_connected got;
	int e = trial_connect(&way, &got);

	if (e)
		return e;
	r->test.tcp = got.failure ? STORE_FAILED : STORE_OK;
	if (got.failure)
		fail(r, got.failure, got.reason);
	else
		r->test.tcp_ms = r->test.connect_ms = got.ms;
	return 0;
}

/* 0 or -ECANCELED: nothing to report. */
static int attempt(struct trial_pool *p, struct trial_result *r)
{
	int e = 0;

	if (r->job->refused) {
		r->test.real_delay = STORE_FAILED;
		fail(r, STORE_F_PROCESS, r->job->refused);
		return 0;
	}
	if (!p->o->skip_tcp && pool_speaks_tcp(r->job->in->node))
		e = measure_tcp(p, r);
	if (!e && r->test.tcp != STORE_FAILED && p->with_delay)
		e = measure_delay(p, r);
	if (!e && !r->test.tcp && !r->test.real_delay)
		fail(r, STORE_F_UNKNOWN, "a TCP connection says nothing about a node that speaks UDP");
	return e;
}

/* --- threads --- */
static void put(struct trial_pool *p, struct trial_result *r)
{
	pthread_mutex_lock(&p->lock);
	*p->last = r;
	p->last = &r->next;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

/* The next attempt of a job; false: no more of it, or none at all. */
static bool one(struct trial_pool *p, struct trial_job *job, unsigned number)
{
	struct trial_result *r = calloc(1, sizeof(*r));

	if (!r) {
		out_of_memory(p);
		return false;
	}
	r->job = job;
	r->test = (struct store_test){ .node_id = job->in->id, .attempt = (int)number,
				       .tested_at = clock_wall_ms() };
	if (attempt(p, r)) {
		free(r);
		return false;
	}
	r->test.failure_reason = *r->reason ? r->reason : NULL;
	r->at_ms = clock_mono_ms();
	put(p, r);
	return true;
}

static struct trial_job *take(struct trial_pool *p)
{
	struct trial_job *job = NULL;

	pthread_mutex_lock(&p->lock);
	while (!job && p->next < p->n && !atomic_load(&p->stop)) {
		job = &p->jobs[p->next++];
		if (job->reported >= p->o->attempts)
			job = NULL;
	}
	pthread_mutex_unlock(&p->lock);
	return job;
}

static void *run(void *data)
{
	struct trial_pool *p = data;
	struct trial_job *job;

	while ((job = take(p))) {
		/* What an engine refuses once it refuses always. */
		unsigned last = job->refused ? job->reported + 1 : p->o->attempts;

		for (unsigned i = job->reported + 1; i <= last; i++)
			if (!one(p, job, i))
				break;
	}
	pthread_mutex_lock(&p->lock);
	p->n_running--;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static int prepare(struct trial_pool *p)
{
	pthread_condattr_t attr;
	int r = pthread_mutex_init(&p->lock, NULL);

	p->last = &p->first;
	p->n_threads = p->n_running = 0;
	atomic_store(&p->stop, false);
	if (r)
		return -r;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	r = pthread_cond_init(&p->changed, &attr);
	pthread_condattr_destroy(&attr);
	return -r;
}

int pool_start(struct trial_pool *p)
{
	size_t wanted = p->o->concurrency < TRIAL_THREADS_MAX ? p->o->concurrency : TRIAL_THREADS_MAX;
	pthread_attr_t attr;
	int r = prepare(p);

	if (r)
		return r;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_mutex_lock(&p->lock);
	while (!r && p->n_threads < wanted && p->n_threads < p->n) {
		r = pthread_create(&p->threads[p->n_threads], &attr, run, p);
		p->n_threads += !r;
	}
	p->n_running = p->n_threads;
	pthread_mutex_unlock(&p->lock);
	pthread_attr_destroy(&attr);
	if (p->n_threads || !r) /* fewer than wanted will do */
		return 0;
	pool_end(p);
	return -r;
}

struct trial_result *pool_next(struct trial_pool *p, unsigned wait_ms, bool *ret_over)
{
	struct trial_result *r;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)wait_ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&p->lock);
	while (!p->first && p->n_running && !pthread_cond_timedwait(&p->changed, &p->lock, &until))
		;
	r = p->first;
	if (r)
		p->first = r->next;
	if (!p->first)
		p->last = &p->first;
	*ret_over = !r && !p->n_running;
	pthread_mutex_unlock(&p->lock);
	return r;
}

void pool_unget(struct trial_pool *p, struct trial_result *r)
{
	pthread_mutex_lock(&p->lock);
	r->next = p->first;
	p->first = r;
	if (!r->next)
		p->last = &r->next;
	pthread_mutex_unlock(&p->lock);
}

void pool_end(struct trial_pool *p)
{
	struct trial_result *r;

	atomic_store(&p->stop, true);
	for (unsigned i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	while ((r = p->first)) {
		p->first = r->next;
		free(r);
	}
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
}
