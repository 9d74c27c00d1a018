#ifndef XRAT_CLI_INTAKE_H
#define XRAT_CLI_INTAKE_H
/* A text that holds nodes, on its way into the database: fetched or read, understood, stored in one transaction. */
#include "cli/nodes.h"
#include "fetch/fetch.h"

/* One input. */
struct intake {
	const struct nodes_base *nb;
	struct arena *a;            /* of this input alone */
	enum store_sub_kind kind;
	const char *source;         /* URL or absolute path; NULL: stdin or the command line */
	const char *shown;          /* the same for people */
	bool by_hand;               /* no subscription stands behind it */
	/* read */
	struct str text;
	bool not_modified;
	struct fetch_result answer; /* of a URL */
	/* understood */
	struct diag_sink *sink;
	struct input_list list;
	struct input_summary summary;
	/* stored */
	struct store_import_row *rows;
	struct store_import_result result;
	int64_t sub_id;             /* 0: by hand */
	/* how it ended */
	int code;                   /* enum exit_code */
	const char *why;            /* code != 0, in a */
};
/* Makes it ready; a is a new arena. The arena is freed with intake_fini. */
int intake_init(struct intake *in, const struct nodes_base *nb);
void intake_fini(struct intake *in);

/* Fetches or reads in->source, or all of stdin where it is NULL and in->text is empty. sub: what is known of it (validators,
 * user agent), or NULL. in->code. */
int intake_get(struct intake *in, const struct store_sub *sub);
/* Text to nodes. in->code: EXIT_CONFIG when nothing in it is a node. Diagnostics stay in in->sink. */
int intake_read(struct intake *in);
struct intake_wish {
	const char *name, *user_agent; /* of the subscription; NULL = as it is */
	bool update;        /* what a user removed stays removed */
	bool may_lose_most;
};
/* Nodes into the database, all of them or none, with the subscription and what the server said. in->code; *ret_many: it is
 * EXIT_USAGE because more than half would be lost. */
int intake_store(struct intake *in, const struct intake_wish *wish, bool *ret_many);
/* Shows what in->sink holds (text alone). */
int intake_tell(const struct intake *in);
/* Counts as "5 nodes: 3 new, 2 there already; 1 entry could not be read". */
void intake_counts(const struct intake *in, struct buf *out);

#endif
