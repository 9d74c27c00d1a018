#ifndef XRAT_SERVICE_LOG_H
#define XRAT_SERVICE_LOG_H
/* What the service says while it runs: one line each on stderr, as text or JSON. */
#include "lib/lib.h"

enum log_depth { LOG_PLAIN, LOG_DEBUG /* -v: what is done */, LOG_TRACE /* -vv: whatever comes */ };
struct log {
	enum severity from;
	enum log_depth depth; /* more than LOG_PLAIN only where `from` is SEV_NOTE */
	bool json;
};
/* who: "client", "server" or NULL. Text is one line; control characters are replaced. */
void log_line(const struct log *l, enum severity severity, const char *who, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* For whoever looks for a fault: nothing up to LOG_PLAIN. */
void log_deep(const struct log *l, enum log_depth depth, const char *who, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A diagnostic of diag_json as one JSON line, level and message at the top. Only for logs in JSON. */
void log_diagnostic(const struct log *l, const char *who, const struct value *diagnostic);

#endif
