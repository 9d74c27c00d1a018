#ifndef XRAT_SERVICE_LOG_H
#define XRAT_SERVICE_LOG_H
/* What the service says while it runs: one line each on stderr, as text or JSON. */
#include "lib/lib.h"

struct log {
	enum severity from;
	bool json;
};
/* who: "client", "server" or NULL. Text is one line; control characters are replaced. */
void log_line(const struct log *l, enum severity severity, const char *who, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A diagnostic of diag_json as one JSON line, level and message at the top. Only for logs in JSON. */
void log_diagnostic(const struct log *l, const char *who, const struct value *diagnostic);

#endif
