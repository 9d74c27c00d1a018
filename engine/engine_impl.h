#ifndef XRAT_ENGINE_ENGINE_IMPL_H
#define XRAT_ENGINE_ENGINE_IMPL_H
/* What the workers share: made before they start, and by reloads, on the engine's own thread. */
#include "engine/engine.h"
#include "engine/worker.h"

struct control;
struct door;
struct elog;
struct parcel;
struct engine {
	const struct engine_options *o;
	struct worker *workers;
	unsigned n_workers, n_opened, n_started;
	struct conf *conf;   /* of the newest reload; held */
	struct control *control;
	struct elog *log;
	struct door *doors;  /* changed only while every worker has answered (engine_wait) */
	struct parcel *given; /* with the reload under way; NULL = nothing */
	struct parcel *packing; /* not an engine, but who packs for one: what it was given from files goes in here; NULL */
	int answer_fd;       /* eventfd: a worker adds one for each thing it was told to do */
	int64_t started_ms;  /* monotonic */
	int fd_most;         /* so many may be in use when a connection is accepted: the control socket and a reload need some too */
	int fd_grace;        /* and so many more may those use that were */
	_Atomic int fd_base; /* how many are open besides those of flows, paths and pipes */
	int fd_others;       /* of fd_base, without the listeners */
	bool draining;
	char *text;          /* heap: the newest reason, for the control socket */
};
/* A worker has done what it was told. On its thread. */
void engine_answer(struct engine *en);
/* Flows that are open now. */
uint32_t engine_flows(const struct engine *en);
/* 0, 1 refused, -errno; *ret_why lives until the next reload. */
int engine_reload(struct engine *en, const char **ret_why);

/* --- engine_load.c --- */
/* Reads, checks and builds: 0, and the conf is held once; 1 refused (*ret_why as above); -errno. */
int engine_load(struct engine *en, struct conf **ret_conf, const char **ret_why, struct err *e);
/* Copies a text to where *ret_why of a reload may point. */
const char *engine_keep_text(struct engine *en, const char *text);

#endif
