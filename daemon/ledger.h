#ifndef XRAT_DAEMON_LEDGER_H
#define XRAT_DAEMON_LEDGER_H
/* The loop's changes of the database, in their order. The loop reads d->store, and writes through this alone.
 *
 * The loop's connection waits for nobody. While another process writes (an import holds the database for seconds), a change
 * and all that come after it are kept here, and tried again every few milliseconds, the oldest first, until they are in. Whoever
 * made a change goes on as if it were written; when it then turns out that it cannot be, that is told in the log. So the database
 * may be behind what the daemon knows, but it never says things in another order; a daemon that is killed meanwhile leaves
 * what it would have left if it had been killed when the database was taken.
 *
 * Rows wait for room on a full disk in the same way, and what comes behind them; an event that finds the disk full is told.
 *
 * What is kept goes when the daemon stops and the database is not free within LEDGER_PATIENCE_MS: then the log says what. A
 * daemon does not let itself be replaced while something waits. */
#include "daemon/frame.h"
#include "store/store.h"

enum { LEDGER_PATIENCE_MS = 5000, LEDGER_EVENTS = 1000, LEDGER_MOVES = 3 };

/* --- changes that are kept for as long as it takes --- */
/* 0: written, or kept; a positive outcome of the store, -errno: neither, which the log was told. e may be NULL. */
struct ledger_move {
	const struct store_session *row; /* its id, and the parts that are written */
	enum store_status from, to;
	unsigned parts;
};
/* All of them (at most LEDGER_MOVES) or none. */
int ledger_move(struct daemon *d, const struct ledger_move *moves, size_t n, struct err *e);
int ledger_set(struct daemon *d, const struct store_session *row, unsigned parts);
/* Beyond LEDGER_EVENTS that wait they are only counted. */
void ledger_event(struct daemon *d, const struct store_event *event);
/* Called when it is written. */
typedef void ledger_cooled_fn(struct daemon *d, int64_t node_id, int64_t wait_ms);
struct ledger_cooldown {
	int64_t node_id, base_ms, max_ms;
	const char *reason;
	ledger_cooled_fn *cooled;
};
void ledger_cool(struct daemon *d, const struct ledger_cooldown *cooldown);
void ledger_forgive(struct daemon *d, int64_t node_id);

/* --- changes whose owner waits for them, and keeps what they are made of --- */
struct ledger_ask {
	int (*write)(struct daemon *d, void *ctx, struct err *e); /* as the store's functions; may be called often. NULL: nothing */
	/* Once, maybe from inside ledger_ask. r, *e are of write; -EBUSY, -ENOSPC: the database was not free in time. */
	void (*done)(struct daemon *d, void *ctx, int r, struct err *e);
	void *ctx;
	int64_t patience_ms; /* 0: however long it takes */
	bool once;           /* the same (write, ctx) that waits already is enough */
};
void ledger_ask(struct daemon *d, const struct ledger_ask *ask);
/* Those with this ctx are not wanted any more; done is not called. */
void ledger_forget(struct daemon *d, const void *ctx);

/* --- what the database will say --- */
bool ledger_is_empty(const struct daemon *d);
/* store_session_latest with what waits; texts in the arena or for as long as the loop does not turn. */
int ledger_session_latest(struct daemon *d, struct arena *a, struct store_session *ret_session, struct err *e);

/* --- store_open.c --- */
int ledger_open(struct daemon *d);
void ledger_stop(struct daemon *d, int64_t patience_ms);
void ledger_close(struct daemon *d);
void ledger_free(struct daemon *d);

#endif
