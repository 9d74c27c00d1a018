#ifndef XRAT_CLI_NODES_H
#define XRAT_CLI_NODES_H
/* What the commands about nodes and subscriptions share: the database below CONFIG_ROOT, looked up, shown and changed
 * without a daemon. */
#include "cli/cli.h"
#include "store/store.h"

struct nodes_base {
	struct arena *a;
	const struct invocation *inv;
	const char *root;      /* absolute */
	int root_fd;
	struct compiled *config; /* of config.toml alone */
	struct store *s;       /* NULL: there is no database yet (nodes_look alone) */
};
/* Opens config.toml and the database; nodes_change makes both directories and the database where they are missing. EXIT_DONE,
 * or the exit code after telling why. Both are undone by nodes_close, which may be called after a failure too. */
int nodes_look(struct arena *a, const struct invocation *inv, struct nodes_base *ret_nb);
int nodes_change(struct arena *a, const struct invocation *inv, struct nodes_base *ret_nb);
void nodes_close(struct nodes_base *nb);
/* What a call of store/ that failed comes to: told, e freed. */
int nodes_fail(const struct nodes_base *nb, struct err *e);
/* An absolute path for one that may be relative; NULL when the working directory is gone. */
const char *nodes_absolute(struct arena *a, const char *path);

/* --- looking up --- */
/* EXIT_DONE and the id, or EXIT_NOT_FOUND, EXIT_USAGE (more than one ref begins so), EXIT_SYSTEM, told. */
int nodes_find(const struct nodes_base *nb, const char *text, int64_t *ret_id);
int nodes_find_sub(const struct nodes_base *nb, const char *text, int64_t *ret_id);
/* Whether this is a subscription and no node. */
bool nodes_is_sub_alone(const struct nodes_base *nb, const char *text);
enum nodes_kind { NODES_ANY, NODES_NODE, NODES_SUB };
/* The kind that the first operand names; NODES_ANY and *ret_first 0 when it names none. */
enum nodes_kind nodes_kind_of(const struct invocation *inv, unsigned *ret_first);
/* A filter from --enabled-only, --subscription, --protocol, --sort, --limit. EXIT_DONE or told. */
int nodes_filter(const struct nodes_base *nb, struct store_filter *ret_filter);

/* On a terminal: why there is nothing to see. */
void nodes_nothing(const struct invocation *inv, const char *text);
/* y/N on the terminal unless --yes. EXIT_DONE: go on; else EXIT_USAGE, told. */
int nodes_confirm(const struct nodes_base *nb, const char *question);

/* --- showing (nodes_show.c) --- */
/* RFC 3339 in UTC; "" for 0. */
const char *nodes_time(struct arena *a, int64_t ms);
struct value nodes_row_json(struct arena *a, const struct store_row *row);
struct value nodes_sub_json(struct arena *a, const struct store_sub *sub, bool with_secrets);
/* null for 0. */
struct value nodes_time_json(struct arena *a, int64_t ms);
/* Counts of an import: found, new, restored… into v. */
void nodes_counts_json(struct arena *a, struct value *v, const struct store_import_result *r);
/* "node 7 (0123abcd) 'NAME'", made safe for a terminal. */
const char *nodes_label(struct arena *a, int64_t id, const char *ref, const char *name);
/* "subscription 2 'NAME'". */
const char *nodes_sub_label(struct arena *a, const struct store_sub *sub);
/* Where a subscription comes from, without what may be secret. */
const char *nodes_sub_source(struct arena *a, const struct store_sub *sub);
enum { NODES_REF_SHOWN = 8 };

/* --- progress on stderr: a line that is written over on a terminal, else lines; nothing at all unless it is wanted --- */
struct progress {
	bool on, on_terminal, shown;
	int64_t next_ms;
};
struct progress nodes_progress(const struct invocation *inv);
/* Shows it unless the one before is too new; `now` shows it in any case. */
void nodes_progress_show(struct progress *p, bool now, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Takes the line away. */
void nodes_progress_end(struct progress *p);

#endif
