#ifndef XRAT_CLI_REPORT_H
#define XRAT_CLI_REPORT_H
/* What one command that changes the live file came to for one role, and how that is shown for one or two of them. */
#include "apply/apply.h"
#include "cli/cli.h"

struct report {
	enum role role;
	int code;             /* enum exit_code */
	const char *outcome;  /* "published", "unchanged", "queued", "rolled_back"… */
	const char *message;  /* code != 0: one line */
	bool changed, restart, no_engine, audit_incomplete;
	bool is_auto;         /* the engine is what was found on this machine */
	bool is_dry;          /* nothing was published; changed says whether something would have been */
	uint64_t generation;  /* what is live afterwards; 0 = none */
	uint64_t previous;    /* what that took the place of; 0 = nothing */
	const char *target, *request_id;
	const char *engine;   /* its path; NULL or "" = not known */
	const char *note;     /* more to say beside the result, or NULL */
	struct value changes;     /* dry run: array */
	struct diag_sink *sink;   /* finished, or NULL */
	struct diag_sink *notes;  /* about damaged files of .state, or NULL */
	struct value diagnostics; /* those of the service, where sink is NULL; VAL_NONE = none */
};
/* Prints all of them as --format says and returns the worst code. */
int report_show(struct arena *a, const struct invocation *inv, const struct report *reports, unsigned n);
/* The system refused: into the report, and e is freed. */
void report_system(struct arena *a, struct report *r, struct err *e);
/* Why a role could not be locked; holder 0 = unknown. */
const char *report_busy(struct arena *a, enum role role, int holder);
/* One change of render_diff as a line. */
void report_change(struct buf *out, const struct value *change);
/* A diagnostic in its JSON form, of apply.error, as a line. */
void report_diagnostic(struct buf *out, const struct value *d);
/* Adds file, line and column of the desired side to each change of render_diff, by its pointer. */
void report_origins(struct arena *a, const struct compiled *c, const struct sources *sources, struct value *changes);

/* The state of CONFIG_ROOT for a command that writes. EXIT_DONE or EXIT_SYSTEM after telling why. */
int workspace_state(struct arena *a, const struct invocation *inv, const struct workspace *ws, bool writes,
		    struct state *ret_state);

#endif
