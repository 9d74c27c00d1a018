#ifndef XRAT_DAEMON_FRAME_H
#define XRAT_DAEMON_FRAME_H
/* The frame that sessions, health, rotation, nodes and the pipeline hang in. Everything here is of the loop's thread.
 *
 * To add a part X: a file daemon/X.c with its state in a `struct X` of its own, a member `struct X *X` below, a row in
 * daemon/modules.c and its methods in the table of daemon/handlers.c. It finds the configuration in d->config (it may be
 * another one after `reloaded`), the store in d->store, which it reads, the loop in &d->loop, and answers with
 * ipc_answer(d->ipc, …). It writes to the store through ledger.h, which waits for nobody; what may block goes through
 * work_start. */
#include <uv.h>

#include "daemon/daemon.h"
#include "daemon/ipc_server.h"
#include "daemon/work.h"
#include "service/service.h"

struct store;
struct ledger;
struct pipeline;
struct sessions;
struct health;
struct rotation;

enum daemon_phase {
	DAEMON_STARTING,
	DAEMON_READY,
	DAEMON_RESTARTING, /* waits until it can be replaced by its successor; still answers */
	DAEMON_STOPPING,
	DAEMON_PHASE__N
};
/* The hands of the frame itself (life.c, handover.c). */
struct life;
struct handover;

struct daemon {
	const struct daemon_options *o;
	uv_loop_t loop;
	enum daemon_phase phase;
	char instance_id[UUID_TEXT];
	char started[CLOCK_TEXT];
	int64_t started_ms;
	const char *root;         /* absolute, links resolved */
	int root_fd, runtime_fd;
	struct lock lock;         /* runtime/daemon.lock */
	struct arena *a;          /* for its whole life */
	struct arena *config_a;
	const struct config *config; /* in config_a; never NULL once a module starts. Secrets are not resolved */
	struct log log;
	bool is_level_known;      /* $XRAT_LOG can be understood */
	struct ipc_server *ipc;
	struct works works;

	struct store *store;      /* daemon/store_open.c; the loop's own, for reading */
	struct ledger *ledger;    /* what is to be written to it */
	const char *database;     /* its path, whatever config.toml says by now */
	struct pipeline *pipeline;
	struct sessions *sessions;
	struct health *health;
	struct rotation *rotation;

	bool session_was_ended;   /* by the stop that is under way; for the answer to DaemonShutdown */
	int holder;               /* DAEMON_BUSY: who holds what a module needs */
	struct handover *handover; /* what the predecessor left, while starting; NULL = a fresh start */
	struct life *life;
};

/* --- modules: started in the order of the table, stopped the other way round --- */
struct daemon_module {
	const char *name;
	/* Makes its state. 0; DAEMON_BUSY with d->holder; -errno: the daemon does not start. */
	int (*start)(struct daemon *d, struct err *e);
	/* All modules have started and the socket answers: brings the world to what the store says. May be NULL. */
	void (*reconcile)(struct daemon *d);
	/* d->config is another one (the old one goes when all modules were told). May be NULL. */
	void (*reloaded)(struct daemon *d);
	/* Ends what it runs, for good. Called once, when the modules behind it in the table have stopped; may take its time. Work
	 * that is under way was asked to end; new work may be started. May be NULL. */
	void (*stop)(struct daemon *d);
	/* Whether a stop that was begun is done; daemon_check tells the frame to ask. NULL = at once. */
	bool (*is_stopped)(const struct daemon *d);
	/* Whether a successor may take over now (nothing half done). NULL = always. */
	bool (*may_be_replaced)(const struct daemon *d);
	/* Closes its handles, whether it was ever started or not; runs nothing more. May be NULL. */
	void (*close)(struct daemon *d);
	/* The loop has turned for the last time: frees its state. May be NULL. */
	void (*free)(struct daemon *d);
};
extern const struct daemon_module daemon_modules[];
extern const size_t daemon_modules_n;

/* Something that is_stopped or may_be_replaced looks at has changed. Harmless at any time. */
void daemon_check(struct daemon *d);
/* Begins to stop. token (NULL = none) is told when everything has ended. */
void daemon_stop(struct daemon *d, const struct ipc_token *token);
/* Begins to be replaced, in the same process. 0; DAEMON_INVALID: config.toml has errors, -errno: a successor could not start,
 * both told in the log; DAEMON_BUSY: it stops, or this is under way already. */
int daemon_replace(struct daemon *d);
/* Reads config.toml again. 0; DAEMON_INVALID: it is broken, which is told in the log and changes nothing. */
int daemon_reload(struct daemon *d);
/* One line in the log. who: "session 3", "ipc", NULL. */
#define daemon_log(d, severity, who, ...) log_line(&(d)->log, severity, who, __VA_ARGS__)
/* The same for LOG_DEBUG and LOG_TRACE: names, numbers and times alone, no text of others. */
#define daemon_debug(d, depth, who, ...) log_deep(&(d)->log, depth, who, __VA_ARGS__)

/* --- handlers.c: who answers which method --- */
typedef void daemon_handler_fn(struct daemon *d, const struct ipc_request *q, struct ipc_token token);
/* An ipc_request_fn; ctx is the struct daemon. */
void daemon_handle(void *ctx, const struct ipc_request *q, struct ipc_token token);
/* An ipc_gone_fn. */
void daemon_client_gone(void *ctx, struct ipc_token token);

/* --- store_open.c --- */
int store_module_start(struct daemon *d, struct err *e);
void store_module_reloaded(struct daemon *d);
void store_module_stop(struct daemon *d);
bool store_module_is_stopped(const struct daemon *d);
bool store_module_may_be_replaced(const struct daemon *d);
void store_module_close(struct daemon *d);
void store_module_free(struct daemon *d);

/* --- pipeline.c --- */
int pipeline_start(struct daemon *d, struct err *e);
void pipeline_reloaded(struct daemon *d);
void pipeline_stop(struct daemon *d);
bool pipeline_is_stopped(const struct daemon *d);
bool pipeline_may_be_replaced(const struct daemon *d);
/* The descriptor that holds service.lock, -1 = it is not held. */
int pipeline_lock_fd(const struct daemon *d);
void pipeline_close(struct daemon *d);
void pipeline_free(struct daemon *d);
daemon_handler_fn pipeline_handle_apply, pipeline_handle_status;

#endif
