#ifndef XRAT_LIB_DIAG_H
#define XRAT_LIB_DIAG_H
/* What the user wrote wrongly: collected, sorted and printed once. See codes/ for the table of codes. */
#include <stdbool.h>

#include "lib/source.h"
#include "lib/value.h"

enum severity { SEV_NOTE, SEV_WARNING, SEV_ERROR, SEV__N };

/* DIAG_XR101, DIAG_XR102, … in the order of the files in codes/. */
enum diag_code {
#define X(code, severity, title, meaning, example, fix) DIAG_##code,
#include "lib/codes/all.def"
#undef X
	DIAG__N
};

const char *severity_name(enum severity s); /* "note", "warning", "error" */

struct diag_info {
	const char *name; /* "XR101" */
	enum severity severity;
	const char *title, *meaning, *example, *fix;
};
extern const struct diag_info diag_infos[DIAG__N];
/* By name, case-blind ("xr101"); NULL when there is none. */
const struct diag_info *diag_info_find(const char *name);

struct diag_related {
	struct span at;
	const char *msg;
	struct diag_related *next;
};
struct diag {
	enum diag_code code;
	enum severity severity;
	struct span at;
	const char *msg, *help; /* help may be NULL */
	struct diag_related *related;
	unsigned serial;
};

struct diag_sink;
struct diag_sink *diag_sink_new(struct arena *a, const struct sources *sources);
const struct sources *diag_sources(const struct diag_sink *s);
/* The arena it was made in. */
struct arena *diag_arena(const struct diag_sink *s);
/* From now on (or no longer) only errors are kept. */
void diag_errors_only(struct diag_sink *s, bool on);
/* Whether one of that severity would be kept: a check that costs much and finds less need not run. */
bool diag_wants(const struct diag_sink *s, enum severity severity);
/* Adds one with the code's own severity; the message is formatted and copied. Never NULL. */
struct diag *diag_add(struct diag_sink *s, enum diag_code code, struct span at, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* "help: …" line: how to fix it. Replaces an earlier one. */
void diag_help(struct diag_sink *s, struct diag *d, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Other words for the i-th. */
void diag_reword(struct diag_sink *s, unsigned i, const char *msg, const char *help);
/* A second place, shown as a note under the diagnostic; order is kept. */
void diag_relate(struct diag_sink *s, struct diag *d, struct span at, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Bytes that no printed source line may show (a password and the like). */
void diag_hide(struct diag_sink *s, struct span at);
/* Drops every diagnostic from index `from` on whose place an earlier one of at least its severity has already: a later
 * stage would only say again what an earlier one said better. An error never gives way to a warning. */
void diag_drop_repeats(struct diag_sink *s, unsigned from);
/* How many of that severity. */
unsigned diag_count(const struct diag_sink *s, enum severity severity);
/* Sorts by source, place, code; drops exact duplicates; with strict turns warnings into errors. */
void diag_finish(struct diag_sink *s, bool strict);
unsigned diag_total(const struct diag_sink *s);
const struct diag *diag_at(const struct diag_sink *s, unsigned i);

/* Text form: place, severity[code], message, source line with marker, related places, help; for what is at least
 * `from`. */
void diag_print(const struct diag_sink *s, bool color, enum severity from, struct buf *out);
/* The array of the JSON form: code, severity, file, line, column, end{line,column}, message, help, related[]. */
struct value diag_json(const struct diag_sink *s, struct arena *a);

#endif
