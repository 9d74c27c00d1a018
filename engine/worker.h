#ifndef XRAT_ENGINE_WORKER_H
#define XRAT_ENGINE_WORKER_H
/* One thread: its loop, its memory, its listeners, its share of the flows. */
#include <pthread.h>

#include "engine/conf.h"
#include "engine/io.h"
#include "engine/sniff.h"
#include "engine/tube.h"

enum { SCRATCH_BYTES = 512 * 1024 };
struct engine;
struct flow;
struct resolver;
struct listener;
struct worker {
	struct loop loop;          /* first: a loop's worker is the loop itself */
	struct engine *engine;
	unsigned index;
	pthread_t thread;
	struct conf *conf;       /* for new flows; held */
	_Atomic(struct conf *) next_conf; /* handed over by a reload; taken at the next wake */
	char *scratch;             /* SCRATCH_BYTES; holds nothing between two calls */
	struct slab flows, setups;
	struct tubes tubes;
	struct route_scratch *route;   /* for route_of; made anew when that changes */
	uint64_t route_of;             /* its generation: an address may come round */
	struct small_asker small;      /* for the small tables of sniffing and dns */
	uint64_t random;               /* xorshift state; decides nothing that must not be guessed */
	struct sniff_scratch *sniff;
	struct resolver *resolver;
	struct listener *listeners;
	struct packet_worker *packets; /* UDP */
	struct timer accept_timer;     /* no descriptor was left: accept again then */
	int64_t complained_ms;         /* when that was told last */
	struct flow *first_flow;       /* all that are open */
	_Atomic uint32_t n_flows;
	_Atomic int32_t n_fds;         /* descriptors that its flows, paths and pipes have or will need */
	uint64_t next_id;
	_Atomic bool drain, stop;  /* wished for by the engine's thread */
	bool draining;             /* no new flows */
};

/* Everything but the thread. 0 or -errno; worker_close in both cases. */
int worker_open(struct worker *w, struct engine *engine, unsigned index, struct err *e);
void worker_close(struct worker *w);
int worker_start(struct worker *w);
void worker_join(struct worker *w);
/* The scratch for asking a configuration's routes; NULL when memory is out. */
struct route_scratch *worker_scratch(struct worker *w, const struct conf *c);
uint32_t worker_random(struct worker *w);
/* Whether a new descriptor is one of the last few, which flows leave alone. (The lowest free number is given out first, so
 * the number says how many are in use.) */
bool worker_is_reserved(const struct worker *w, int fd);
/* fd, or -EMFILE and it is closed, for a new socket; what is negative stays as it is. */
int worker_take_fd(const struct worker *w, int fd);
/* Whether another connection may be accepted: everybody who is must get the descriptors that go with it, so that who has to wait
 * waits in the queue and is not turned away. */
bool worker_may_accept(const struct worker *w);
/* Whether what can do without a descriptor should. */
bool worker_is_short_of_fds(const struct worker *w);
void worker_count_fds(struct worker *w, int change);

/* --- resolve.c --- */
struct query;
typedef void query_fn(struct worker *w, void *ctx, int error, const struct route_ip *ips, uint32_t n);
/* Addresses of a name by the table's dns section; hosts and cache answer at once, also before this returns
 * (*ret_query, NULL then, is written before done is called). want4, want6. */
void resolve_start(struct worker *w, const struct conf *t, struct str name, bool want4, bool want6, query_fn *done, void *ctx,
		   struct query **ret_query);
/* The same for dialling, by an outbound's strategy: AsIs asks the system, UseIP… the dns section and, where that knows nothing,
 * the system, ForceIP… the dns section alone. */
void resolve_dial(struct worker *w, const struct conf *c, struct str name, enum domain_strategy strategy, query_fn *done, void *ctx,
		  struct query **ret_query);
void resolve_cancel(struct worker *w, struct query *q);
int resolver_open(struct worker *w);
void resolver_close(struct worker *w);

/* --- elog.c --- */
/* One line of the error log; id 0: of no connection. Addresses in it come from elog_addr. */
void elog(const struct worker *w, enum log_level level, uint64_t id, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* An address as the log may show it (maskAddress), with its port. */
const char *elog_addr(const struct worker *w, const struct addr *a, char ret_text[ADDR_TEXT]);
/* One line of the access log: who, where to, by which inbound and outbound, and by which rule. */
void elog_access(const struct worker *w, const struct flow *f, const char *verdict, const char *reason);

#endif
