#ifndef XRAT_STORE_NODES_H
#define XRAT_STORE_NODES_H
/* Nodes: put in, look up, list, change. */
#include "store/base.h"
#include "store/tests.h"

/* What a list shows of a node; no secret is among it. */
struct store_row {
	int64_t id;
	char ref[STORE_REF_TEXT];
	const char *protocol;         /* names of model/node.h */
	const char *address;
	int port;
	const char *network, *tls;    /* "tcp" and "none" where the node does not say */
	const char *sni, *host, *path, *name; /* NULL = not set */
	bool is_enabled, is_deleted;
	bool is_active;               /* a session runs on it */
	bool by_user;                 /* is_deleted: a user removed it (else an update did) */
	int64_t imported_at, created_at, updated_at, deleted_at, cooldown_until;
	bool is_tested;
	struct store_test latest;     /* is_tested; its run_id and attempt too */
};

/* --- putting in --------------------------------------------------------------------------------------------------- */

enum store_row_outcome {
	STORE_ROW_NEW,
	STORE_ROW_DUPLICATE, /* there already (or earlier in this list); its name and link are brought up to date */
	STORE_ROW_RESTORED,  /* was removed, is back */
	STORE_ROW_REMOVED,   /* a user removed it, it stays removed (only without `revive`) */
	STORE_ROW_REFUSED,   /* protocol, address or port is not set */
	STORE_ROW__N
};
struct store_import_row {
	const struct node *node;
	struct str link;               /* as it came; empty: none */
	enum store_row_outcome outcome; /* out */
	int64_t id;                    /* out; 0 when refused */
};
struct store_import {
	struct store_import_row *rows;
	size_t n;
	int64_t subscription_id; /* whose they are; 0: put in by hand, so that no update ever takes them away */
	bool reconcile;          /* the rows are all that the subscription has now: what it had before and has no more is
				  * removed, unless another subscription or a user holds it. No rows at all: nothing is */
	bool may_lose_most;      /* the user confirmed STORE_MANY_LOST */
	bool revive;             /* nodes that a user removed come back too (`add`, `import`; not `update`) */
	int64_t now_ms;
};
struct store_import_result {
	size_t n_outcome[STORE_ROW__N];
	size_t n_held;    /* the subscription had before */
	size_t n_missing; /* of these, not among the rows */
	size_t n_lost;    /* of these, removed now (the others are held elsewhere) */
};
/* All rows in one transaction. 0; STORE_MISSING: no such subscription; STORE_MANY_LOST: n_missing is more than half of
 * n_held, nothing was written (*ret_result is set); -errno. Rows' outcomes are valid with 0 alone. */
int store_import(struct store *s, struct store_import *in, struct store_import_result *ret_result, struct err *e);
/* store_import of a single one, by hand, with `revive`. */
int store_node_add(struct store *s, const struct node *n, struct str link, int64_t now_ms, int64_t *ret_id,
		   enum store_row_outcome *ret_outcome, struct err *e);

enum { STORE_KEY_TEXT = 3 + 64 + 1 };
/* "v2:" and the SHA-256 of everything that decides the connection: every field of the node but its name, normalised
 * (docs in key.c). Equal keys = the same connection. 0 or -ENOMEM. */
int store_key(const struct node *n, char ret_key[STORE_KEY_TEXT]);

/* --- looking up --------------------------------------------------------------------------------------------------- */

/* A number or the first digits of a ref. All digits and a node of that number: the number wins. Removed nodes are found
 * too. 0: *ret_id; STORE_MISSING; STORE_AMBIGUOUS. */
int store_node_find(struct store *s, const char *text, int64_t *ret_id, struct err *e);

struct store_node {
	struct store_row row;
	struct node node;  /* all spans are `at` */
	const char *link;  /* as it came; NULL when it came without */
	int64_t *subscription_ids; /* who holds it now */
	size_t n_subscriptions;
	bool by_hand;      /* somebody put it in, beside what subscriptions say */
};
/* Everything about one, in the arena. 0; STORE_MISSING. */
int store_node_get(struct store *s, struct arena *a, int64_t id, struct span at, struct store_node *ret_node,
		   struct err *e);

enum store_which { STORE_PRESENT, STORE_DELETED, STORE_ALL };
/* Every order ends with the id; not tested and failed come last by delay and download. */
enum store_sort { STORE_BY_ID, STORE_BY_NAME, STORE_BY_ADDRESS, STORE_BY_PROTOCOL, STORE_BY_DELAY, STORE_BY_DOWNLOAD,
	STORE_BY_TESTED, STORE_SORT__N };
struct store_filter {
	enum store_which which;
	bool enabled_only, active_only;
	int64_t subscription_id;  /* 0 = any */
	const char *protocol;     /* a name of model/node.h; NULL = any */
	enum store_sort sort;
	int64_t limit, offset;    /* limit 0 = all */
	bool with_node;           /* store_cursor_node shall work */
};
struct store_cursor;
/* A list that is read row by row. While a cursor is open the store can be used, for changes too; the cursor shows the
 * nodes as they were when it was opened or later. 0: *ret_cursor, to be closed. */
int store_list(struct store *s, const struct store_filter *f, struct store_cursor **ret_cursor, struct err *e);
/* 1: *ret_row, whose texts live until the next call; 0: no more; -errno. */
int store_next(struct store_cursor *c, struct store_row *ret_row, struct err *e);
/* The node of the row that store_next gave last, and its link (ret_link may be NULL), in the arena; needs with_node. */
int store_cursor_node(struct store_cursor *c, struct arena *a, struct span at, struct node *ret_node,
		      const char **ret_link, struct err *e);
/* NULL is fine. */
void store_cursor_close(struct store_cursor *c);

/* --- changing ----------------------------------------------------------------------------------------------------- */

/* 0; STORE_UNCHANGED; STORE_MISSING (a removed node cannot be enabled or disabled: missing too). */
int store_node_enable(struct store *s, int64_t id, bool on, int64_t now_ms, struct err *e);
/* Hides it; its tests stay. 0; STORE_UNCHANGED: removed already; STORE_MISSING. */
int store_node_remove(struct store *s, int64_t id, int64_t now_ms, struct err *e);
/* 0; STORE_UNCHANGED: it is not removed; STORE_MISSING. */
int store_node_restore(struct store *s, int64_t id, int64_t now_ms, struct err *e);
/* For good, with its tests and cooldown; its sessions stay, without a node. 0; STORE_MISSING; STORE_IN_USE. */
int store_node_erase(struct store *s, int64_t id, struct err *e);
/* Erases what is removed and not in use; *ret_n of them (may be NULL). */
int store_purge(struct store *s, int64_t *ret_n, struct err *e);

#endif
