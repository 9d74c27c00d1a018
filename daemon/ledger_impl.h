#ifndef XRAT_DAEMON_LEDGER_IMPL_H
#define XRAT_DAEMON_LEDGER_IMPL_H
/* Shared by ledger.c, which keeps changes, ledger_change.c, which knows what they are, and ledger_checkpoint.c. */
#include "daemon/ledger.h"

struct ledger_change;
struct ledger_kind {
	int (*write)(struct daemon *d, struct ledger_change *c, struct err *e);
	/* It is in (r 0), or could not be. */
	void (*over)(struct daemon *d, struct ledger_change *c, int r, struct err *e);
	/* It is given up. */
	void (*lost)(struct daemon *d, struct ledger_change *c);
	/* Where its texts are; NULL: it has none of its own. */
	size_t (*texts)(struct ledger_change *c, const char ***ret_texts);
	bool may_be_lost; /* when there are too many */
	bool waits_for_room; /* not only for who holds the database, but for room on the disk too */
};
struct ledger_row {
	struct store_session row;
	enum store_status from, to;
	unsigned parts;
};
struct ledger_change {
	const struct ledger_kind *kind;
	struct ledger_change *next;
	int64_t at_ms;    /* when it happened */
	int64_t since_ms; /* by clock_mono_ms: when it was first tried */
	union {
		struct {
			struct ledger_row v[LEDGER_MOVES];
			size_t n, at; /* at: the one that was refused */
		} rows;
		struct store_event event;
		struct {
			struct ledger_cooldown in;
			int64_t until_ms;
		} cooldown;
		int64_t node_id;
		struct ledger_ask ask;
	};
};
/* Why changes wait: -EBUSY or -ENOSPC. */
int ledger_why(const struct daemon *d);

extern const struct ledger_kind ledger_kind_move, ledger_kind_set, ledger_kind_event, ledger_kind_cool, ledger_kind_forgive,
	ledger_kind_ask;

/* How far the log of the database was moved. */
struct ledger_log {
	bool is_moving;
	unsigned moved; /* pages there were when that began */
};
/* Something was committed. log lives as long as works do. */
void ledger_checkpoint(struct daemon *d, struct ledger_log *log);

/* A copy with texts of its own; NULL: no memory. For free(). */
struct ledger_change *ledger_change_copy(struct ledger_change *c);
/* What the row will say when it is in. */
void ledger_change_apply(const struct ledger_change *c, struct store_session *row);
/* The highest id of a session that it writes; 0 = none. */
int64_t ledger_change_session(const struct ledger_change *c);

#endif
