#ifndef XRAT_APPLY_NOTE_IMPL_H
#define XRAT_APPLY_NOTE_IMPL_H
/* The small JSON files below .state that other programs write too: how they are read, written, kept apart by the lock,
 * and what stands in them. The parsers take bytes and do no input or output. */
#include "apply/apply.h"

enum { NOTE_LOCK_WAIT_MS = 5000 };
/* Reads one. 0; 1: not there; 2: it cannot be what it should be (too large, a directory, a link that leads out), *ret_why
 * says so; -errno. */
int note_read(struct arena *a, int dir_fd, const char *name, size_t max_bytes, struct str *ret_bytes, const char **ret_why,
	      struct err *e);
/* Writes one: canonical JSON, 0600, atomically. 0 or -errno. */
int note_write(int dir_fd, const char *name, const struct value *v, struct err *e);
/* Removes one durably; absent is fine. */
int note_remove(int dir_fd, const char *name, struct err *e);
/* Renames it to NAME.corrupt, in the place of an older one. 0 or -errno. */
int note_set_aside(struct arena *a, int dir_fd, const char *name, struct err *e);
/* Parses a whole text. 0: *ret_value; 1: blank; 2: not JSON, *ret_why says where and why. */
int note_parse(struct arena *a, struct str bytes, struct value *ret_value, const char **ret_why);
/* The text as it may stand in JSON and on a terminal: well-formed UTF-8, control characters as spaces, at most max_bytes
 * and then an ellipsis. */
char *note_clean(struct arena *a, struct str text, size_t max_bytes);
/* A deep copy with every text cleaned and masked (mask may be NULL). */
struct value note_clean_value(struct arena *a, const struct failure_mask *mask, const struct value *v);
/* Text of a member, NUL-terminated and clean; fallback when it is absent or no text. */
const char *note_text(struct arena *a, const struct value *object, const char *key, const char *fallback);
/* Role by name: ROLE__N for "any" and "" when both are meant, -1 unknown. */
int note_role(struct str name);

/* Runs job with apply-request.lock held. Memory that runs out in it is -ENOMEM and lets the lock go. */
typedef int note_job(void *ctx, struct arena *a, const struct state *s, struct err *e);
int note_locked(struct arena *a, const struct state *s, note_job *job, void *ctx, struct err *e);

/* --- apply.request --- */
enum { REQUEST_MAX_BYTES = 64 * 1024, REQUEST_MAX_ID = 128 };
struct request_set {
	struct request of[ROLE__N]; /* id NULL: to be made up */
	bool has[ROLE__N];
	bool is_old;         /* version 1, an empty file, or something in it was made up or dropped: to be written anew */
	const char *dropped; /* a role that nobody has; NULL = none */
};
/* 0; 1: corrupt; 2: a version that is not known; for both *ret_why. */
enum { REQUEST_CORRUPT = 1, REQUEST_VERSION = 2 };
int request_parse(struct arena *a, struct str bytes, struct request_set *ret_set, const char **ret_why);
struct value request_value(struct arena *a, const struct request_set *set);

/* --- apply.error --- */
enum { FAILURE_MAX_BYTES = JSON_MAX_BYTES, FAILURE_MAX_DIAGNOSTICS = 1000, FAILURE_MAX_WRITTEN = 4 * 1024 * 1024,
	FAILURE_MAX_REASON = 4096 };
struct failure_set {
	struct failure of[ROLE__N];
	bool has[ROLE__N];
	enum role newest;
};
/* 0, or 1: corrupt. */
int failure_parse(struct arena *a, struct str bytes, struct failure_set *ret_set, const char **ret_why);
struct value failure_value(struct arena *a, const struct failure_set *set);

/* --- memory-ROLE.json --- */
enum { MEMORY_MAX_BYTES = 64 * 1024 };
/* 0, or 1: corrupt. */
int memory_parse(struct arena *a, struct str bytes, struct memory *ret_memory, const char **ret_why);
struct value memory_value(struct arena *a, const struct memory *m);

#endif
