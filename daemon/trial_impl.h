#ifndef XRAT_DAEMON_TRIAL_IMPL_H
#define XRAT_DAEMON_TRIAL_IMPL_H
/* The parts of a trial: nodes are tried in groups; a group has one engine and a pool of threads that go through it. */
#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "daemon/trial.h"
#include "runtime/runtime.h"

enum {
	TRIAL_GROUP = 200,        /* nodes of one engine */
	TRIAL_THREADS_MAX = 256,
	TRIAL_BAD_STARTS = 64,    /* engines that may fail in one trial, and seconds that go by so; then the rest is given up */
	TRIAL_REASON = 240,
	TRIAL_WORDS = 800,
};

/* --- trial_connect.c: one TCP connection --- */
struct trial_way {
	const char *host;
	int port;
	unsigned limit_ms;
	const atomic_bool *stop;
};
struct trial_connected {
	enum store_failure failure; /* STORE_F_NONE: connected */
	int64_t ms;                 /* of connecting alone, at least 1 */
	char reason[TRIAL_REASON];
};
/* 0, or -ECANCELED: *stop was set. */
int trial_connect(const struct trial_way *way, struct trial_connected *ret);

/* --- trial_pool.c: attempts in threads --- */
struct trial_job {
	const struct trial_node *in;
	uint16_t port;        /* of its inbound */
	const char *refused;  /* the engine cannot have it: why */
	unsigned reported;    /* attempts that are over */
};
struct trial_result {
	struct trial_result *next;
	struct trial_job *job;
	struct store_test test;
	char reason[TRIAL_REASON];
	int64_t at_ms;        /* clock_mono_ms */
};
struct trial_pool {
	const struct trial_options *o;
	const char *url;
	const char *user, *password; /* of the inbounds */
	struct trial_job *jobs;
	size_t n, next;       /* the next one to take; under lock */
	bool with_delay;
	pthread_t threads[TRIAL_THREADS_MAX];
	unsigned n_threads, n_running;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct trial_result *first, **last;
	atomic_bool stop;
	bool failed;          /* memory ran out in a thread */
};
/* Starts the threads over p->jobs, whose finished ones are passed over. 0 or -errno, then nothing runs. */
int pool_start(struct trial_pool *p);
/* The next result, the caller's to free; waits up to wait_ms for one. NULL: none yet, or none any more (*ret_over). */
struct trial_result *pool_next(struct trial_pool *p, unsigned wait_ms, bool *ret_over);
/* Puts back what pool_next gave. */
void pool_unget(struct trial_pool *p, struct trial_result *r);
/* Asks the threads to end, waits for them and drops what nobody took. */
void pool_end(struct trial_pool *p);
/* Whether a TCP connection says anything about the node. */
bool pool_speaks_tcp(const struct node *n);

/* --- trial_engine.c: the engine of one group --- */
struct trial_engine {
	struct trial_dir {
		int parent_fd, fd;  /* -1 = none; fd holds the lock that tells a live trial from a killed one's leftovers */
		char name[32];
		char *path, *file;  /* absolute; of the directory, of its xray.json */
	} dir;
	uv_loop_t loop;
	bool has_loop;
	struct sup *sup;
	enum sup_state state;
	bool stopped;
	char reason[TRIAL_WORDS];   /* of the state; not masked yet, so not cut */
};
#define TRIAL_ENGINE_NONE ((struct trial_engine){ .dir = { .parent_fd = -1, .fd = -1 } })
/* Makes the directory with its file. 0 or -errno. */
int trial_engine_prepare(struct trial_engine *t, const char *runtime_dir, struct str xray, struct err *e);
struct trial_start {
	const struct target *target;
	const char *exe, *root;
	const struct trial_job *jobs; /* ports */
	size_t n;
	bool (*abort)(void *data);
	void *data;
};
/* Starts it and waits until all inbounds listen. 0; 1: it does not run, t->reason; -ECANCELED; -errno. */
int trial_engine_start(struct trial_engine *t, const struct trial_start *s, struct err *e);
/* Whether it still runs; turns the loop once. */
bool trial_engine_lives(struct trial_engine *t);
/* Ends it and removes its directory. Harmless twice, and on TRIAL_ENGINE_NONE. */
void trial_engine_end(struct trial_engine *t);

/* --- trial_sweep.c: engines whose trial was killed --- */
/* Takes name below parent_fd for this process: 0 and the descriptor that holds it; 1: another one has it; -errno. */
int sweep_hold(int parent_fd, const char *name, int *ret_fd);

#endif
