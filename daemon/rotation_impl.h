#ifndef XRAT_DAEMON_ROTATION_IMPL_H
#define XRAT_DAEMON_ROTATION_IMPL_H
/* Shared by the rotation*.c and health*.c files.
 *
 *   rotation_core.c   decides (pure)
 *   rotation.c        the module: timer, what the core says is done
 *   rotation_look.c   work: candidates, tests of those that were not tested lately
 *   rotation_tell.c   events, log lines, what outlives a restart
 *   rotation_answer.c clients
 *   health.c          the module: ticks, what probes found
 *   health_probe.c    work: the listeners, a request through the node
 *   network.c         whether it is our own network that is down
 *
 * On the loop the store is read directly and written through ledger.h; a work has a connection of its own, and may wait. */
#include "daemon/network.h"
#include "daemon/rotation_core.h"
#include "daemon/sessions.h"
#include "store/store.h"

enum { ROTATION_TEXT_BYTES = 300 };

/* Who waits for the rotation that is under way, or for having been refused. */
struct rotation_order {
	session_done_fn *done; /* NULL: nobody */
	void *ctx;
	struct session_result result;
	char why[600];
	struct rotation_order *next;
};
struct rotation {
	struct daemon *daemon;
	struct rotation_core core;
	uv_timer_t timer; /* until the core is due */
	uv_timer_t tell;  /* what is in `over` */
	bool is_open;
	struct rotation_order *order; /* under way */
	struct rotation_order *over;
	/* of the store's row, beside what the core has */
	enum store_switch enabled;
	int last_trigger; /* enum ipc_trigger */
	int64_t last_candidate_id;
	char last_result[ROTATION_TEXT_BYTES], last_candidate_result[ROTATION_TEXT_BYTES], last_health_error[ROTATION_TEXT_BYTES];
	bool is_proved;   /* the active node has run long enough: its failures are forgotten */
	bool was_down;    /* our network was, when that was told last */
	bool is_begin_told; /* of the rotation that is under way */
};

/* --- rotation.c --- */
/* Something happened to the core: timers are set anew, state is kept. */
void rotation_changed(struct rotation *all);
/* asked: by a client. done is told later, also of a refusal. */
void rotation_order(struct daemon *d, enum ipc_trigger trigger, bool asked, int64_t candidate_id, session_done_fn *done, void *ctx);
/* `proxy start` and `proxy stop`. done is called once, maybe from inside: it is on the disk and holds, or (r, *e) it never was;
 * -EBUSY: another process held the database for too long. */
typedef void rotation_switched_fn(struct daemon *d, void *ctx, int r, struct err *e);
void rotation_switch(struct daemon *d, enum store_switch to, rotation_switched_fn *done, void *ctx);

/* --- rotation_look.c --- */
struct rotation_look {
	/* in; texts live as long as the work */
	char *database, *root, *runtime_dir;
	int root_fd;
	int64_t now, fresh_since;
	int64_t not_id;           /* the node that is active, or died */
	bool ignore_cooldown, check_network, may_test;
	/* out */
	enum rotation_looked how;
	int64_t ids[ROTATION_CANDIDATES];
	size_t n;
	bool has_stale;
	size_t n_tested;
	char why[ROTATION_TEXT_BYTES]; /* not ROTATION_LOOKED */
};
/* A work_spec.run. */
int rotation_look_run(struct work *w, struct arena *a, void *ctx, struct err *e);
/* Opens what the daemon has open too, for a worker. */
int rotation_open_store(int root_fd, const char *path, struct store **ret_store, struct err *e);
/* Whether our own network is down, asked because of a node. 0; -errno. */
int rotation_look_at_network(struct work *w, struct arena *a, struct store *s, int64_t node_id, enum network_state *ret_state,
			     struct err *e);

/* --- rotation_tell.c --- */
/* One event and one line in the log. */
void rotation_tell(struct rotation *all, enum store_level level, const char *source, const char *kind, int64_t node_id,
		   const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* Once a rotation; for one by itself when it is known that it comes to something. */
void rotation_tell_begin(struct rotation *all);
void rotation_tell_try(struct rotation *all);
void rotation_tell_tried(struct rotation *all, const struct session_result *r);
void rotation_tell_end(struct rotation *all, const char *why);
/* why: it is down. */
void rotation_tell_network(struct rotation *all, const char *why);
/* Cools a node down that has failed. */
void rotation_tell_cooldown(struct rotation *all, int64_t node_id, const char *why);
/* For the next daemon, by way of the ledger: what is written is how things are by then. */
void rotation_keep(struct rotation *all);
/* At once. 0 or -errno. */
int rotation_write(struct rotation *all, enum store_switch enabled, struct err *e);
int rotation_read(struct rotation *all, struct err *e);

/* --- health_probe.c --- */
enum { HEALTH_INBOUNDS = 3, HEALTH_REQUEST_MS = 10000, HEALTH_REACH_MS = 2000 };
struct health_probe {
	/* in */
	char *url, *proxy;        /* proxy NULL: no request */
	char *database;
	int root_fd;
	int64_t session_id, node_id;
	struct {
		char *host;       /* NULL: none */
		unsigned port;
		const char *name;
	} inbounds[HEALTH_INBOUNDS];
	/* out */
	enum rotation_verdict verdict;
	const char *kind;         /* of the event; NULL: good */
	int64_t ms;               /* of the request */
	char why[ROTATION_TEXT_BYTES];
};
/* A work_spec.run. */
int health_probe_run(struct work *w, struct arena *a, void *ctx, struct err *e);
struct health_probe *health_probe_new(struct daemon *d, const struct session_view *v); /* NULL: no memory */
void health_probe_free(struct health_probe *p);

#endif
