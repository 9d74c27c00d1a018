#ifndef XRAT_STORE_EVENTS_H
#define XRAT_STORE_EVENTS_H
/* Events: what happened, for people. The caller puts no secret into them. */
#include "store/base.h"

enum store_level { STORE_DEBUG, STORE_INFO, STORE_WARNING, STORE_ERROR, STORE_LEVEL__N };
extern const char *const store_level_names[]; /* "debug", "info", "warning", "error" */
/* What every 128th event is held against by itself. */
enum { STORE_EVENTS_KEEP = 10000, STORE_EVENTS_DAYS = 30 };

struct store_event {
	int64_t id;
	enum store_level level;
	const char *source;  /* "daemon", "rotation", "engine"… */
	const char *kind;    /* "replace_started", "runtime_process_exited"… */
	int64_t node_id, session_id; /* 0 = none; what they name may be gone */
	const char *message, *detail; /* detail may be NULL */
	int64_t created_at;
};
/* ret_id may be NULL. */
int store_event_add(struct store *s, const struct store_event *in, int64_t *ret_id, struct err *e);
struct store_event_filter {
	enum store_level least;  /* this level and above */
	const char *source;      /* NULL = any */
	int64_t session_id;      /* 0 = any */
	int64_t after_id;        /* only newer ones */
	size_t max;              /* the newest so many, 0 = all */
};
/* Oldest first, in the arena. */
int store_events(struct store *s, struct arena *a, const struct store_event_filter *f, struct store_event **ret_events,
		 size_t *ret_n, struct err *e);
/* Keeps the newest `keep` and of these what is not before before_ms; *ret_n were dropped (may be NULL). */
int store_events_prune(struct store *s, int64_t keep, int64_t before_ms, int64_t *ret_n, struct err *e);

#endif
