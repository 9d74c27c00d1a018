#ifndef XRAT_STORE_BASE_H
#define XRAT_STORE_BASE_H
/* Opening, several changes as one, settings, counts. */
#include "model/model.h"

struct store;

/* Outcomes of the whole folder, so that none of them means two things. */
enum store_outcome {
	STORE_DONE,
	STORE_MISSING,   /* no such node, subscription, session, test, setting (or file, with STORE_NO_CREATE) */
	STORE_AMBIGUOUS, /* more than one ref begins so */
	STORE_UNCHANGED, /* it was so already; nothing was written */
	STORE_STALE,     /* its state is another one by now; nothing was written */
	STORE_IN_USE,    /* a live session runs on it; nothing was written */
	STORE_MANY_LOST, /* the update would lose more than half; nothing was written */
};

enum { STORE_REF_TEXT = 13 };

enum store_open_flags {
	STORE_NO_CREATE = 1, /* for commands that only look: no database is STORE_MISSING */
	STORE_CHECK = 2,     /* for the daemon: look at every page too (databases up to 256 MiB) */
};
struct store_options {
	unsigned flags;
	unsigned busy_ms; /* how long to wait for another process, 0 = 5000 */
};
/* Opens or creates the database at path below dir_fd (or an absolute path), and brings it up to this version in one
 * transaction. A directory that is missing is made (one level, 0700); the files are 0600 whatever the umask is. A file
 * that is newer, damaged or not ours stays byte for byte as it is.
 * 0: *ret_store, to be closed with store_close; STORE_MISSING; -errno as in store.h. */
int store_open(int dir_fd, const char *path, const struct store_options *options, struct store **ret_store,
	       struct err *e);
/* From now on; 0 = waits for nobody. */
void store_set_busy(struct store *s, unsigned busy_ms);
/* What is committed stands in a log at first (the file '-wal'); every so often a commit moves it into the database, which takes
 * its time. Not those of s any more: somebody else calls store_checkpoint. */
void store_leave_log(struct store *s);
/* Pages in the log behind the last commit of such a store. */
unsigned store_log_pages(const struct store *s);
/* As far as nobody reads them there. */
int store_checkpoint(struct store *s, struct err *e);
/* Closes its cursors too; NULL is fine. An open batch is rolled back. */
void store_close(struct store *s);

/* Several calls as one change: all of them or none. Batches do not nest. With `durable` it survives a power cut once
 * store_commit has returned; otherwise it survives a killed process, and the next durable change takes it along.
 * (By themselves these are durable: what a user did, i.e. nodes, subscriptions, settings. The rest is not.) */
int store_begin(struct store *s, bool durable, struct err *e);
int store_commit(struct store *s, struct err *e);
/* Undoes all since store_begin; harmless without one. */
void store_rollback(struct store *s);

/* Small texts under a name ("rotation.enabled"). NULL as value removes it. */
int store_setting_put(struct store *s, const char *name, const char *value, struct err *e);
/* 0: *ret_value in the arena; STORE_MISSING. */
int store_setting_get(struct store *s, struct arena *a, const char *name, const char **ret_value, struct err *e);

struct store_counts {
	int64_t nodes, enabled, deleted; /* nodes = not deleted; enabled are among them */
	int64_t subscriptions, sessions, live_sessions, tests, events;
};
int store_counts(struct store *s, struct store_counts *ret_counts, struct err *e);

/* The path as messages name it. */
const char *store_path(const struct store *s);

#endif
