#ifndef XRAT_APPLY_H
#define XRAT_APPLY_H
/* From rendered bytes to the live file, and what is remembered about it. Everything lives below CONFIG_ROOT/.state:
 *
 *   live/config-ROLE -> ../generations/ROLE/NNNN     what runs; switched by one rename, by publish.c alone
 *   lkg/config-ROLE  -> ../generations/ROLE/MMMM     the newest generation whose engine was seen healthy
 *   generations/ROLE/NNNN/{xray.json,meta.json,map.json}   never changed once it has its name; .new-NNNN is being built
 *   apply.request apply.error memory-ROLE.json status-ROLE.json locks/
 *
 * and CONFIG_ROOT/audit.log, whose begin line without an end line is how a killed publish is found and finished.
 * Directories 0700, files 0600. Functions return 0, a positive outcome named here, or -errno. */
#include "compiler/compiler.h"

/* --- the tree (state.c) --- */
struct state {
	const char *root;
	int root_fd;    /* borrowed */
	int state_fd, locks_fd, live_fd, lkg_fd; /* own; -1 = not there (state_open_read) */
	int generations_fd[ROLE__N];
	bool read_only; /* opened for reading: damaged files stay where they are */
};
/* Opens .state, making what is missing; nothing in it may be a symbolic link but the two kinds above. */
int state_open(const char *root, int root_fd, struct state *ret_state, struct err *e);
/* The same without making or changing anything; a missing part is -1 and no error. */
int state_open_read(const char *root, int root_fd, struct state *ret_state, struct err *e);
void state_close(struct state *s);
extern const char *const state_lock_names[ROLE__N]; /* "client.lock", "server.lock" */
#define STATE_LOCK_SERVICE "service.lock"
#define STATE_LOCK_REQUEST "apply-request.lock"

/* --- who does it (actor.c) --- */
struct actor {
	unsigned uid;
	const char *name;      /* of the uid, or its number */
	const char *sudo_user; /* NULL */
	const char *program;   /* "apply", "rollback", "service" */
};
void actor_self(struct arena *a, const char *program, struct actor *ret_actor);

/* --- generations (generation.c, meta.c) --- */
struct meta {
	uint64_t generation;
	enum role role;
	const char *input_digest, *rendered_digest; /* SHA-256 hex */
	const char *tool_version, *target;          /* "0.1.0", "xray-26.7" */
	const char *engine;                         /* path, "" = none was found */
	const char *time;                           /* RFC 3339 */
	const char *actor, *request_id;             /* "" = none */
};
/* The number that a link leads to: 0 and *ret_generation; -ENOENT (no link); -EINVAL (leads elsewhere). */
enum which_link { LINK_LIVE, LINK_LKG };
int generation_of_link(const struct state *s, enum role role, enum which_link which, uint64_t *ret_generation);
/* meta.json of a generation: 0, -ENOENT, -EINVAL (damaged), -errno. */
int generation_meta(struct arena *a, const struct state *s, enum role role, uint64_t generation, struct meta *ret_meta,
		    struct err *e);
/* xray.json of a generation. */
int generation_bytes(struct arena *a, const struct state *s, enum role role, uint64_t generation, struct str *ret_bytes,
		     struct err *e);
/* Absolute path of its xray.json. */
char *generation_path(struct arena *a, const struct state *s, enum role role, uint64_t generation);
/* All that are kept, ascending. */
int generation_list(struct arena *a, const struct state *s, enum role role, uint64_t **ret_numbers, size_t *ret_n,
		    struct err *e);

/* --- the publisher (publish.c): the only code that writes below live, lkg and generations. The caller holds the role's
 * lock. --- */
/* The engine's own checker on a file whose name ends in .json. 0 accepted; 1 refused, *ret_words says why; 2 there is no
 * engine to ask; -errno. */
typedef int publish_check_fn(void *ctx, struct arena *a, const struct target *t, const char *file, char **ret_words,
			     struct err *e);
/* What an apply gives to its check. */
struct publish_engine {
	const char *exe; /* that find_engine gave; "" = none */
	void *abort;
};
struct publication {
	enum role role;
	const struct meta *meta; /* all but generation and time */
	struct str xray, map;
	const char *action; /* for audit.log: "publish" */
	struct actor actor;
	const char *const *overrides; /* reserved names used by [extensions] override, NULL-terminated or NULL */
	unsigned keep;                /* generations besides live and LKG */
	publish_check_fn *check;
	void *check_ctx;
};
enum { PUBLISH_DONE = 0, PUBLISH_REFUSED = 1 /* by the engine's checker: *ret_words */ };
/* Steps 5 to 10. After a failure live is what it was and nothing of the attempt is left, unless *ret_switched says that the
 * switch had happened and only its fsync failed: live stays the new one, and publish_recover, which the next apply begins
 * with, makes the switch durable and writes the end line. no_engine: the check was skipped. */
struct published {
	uint64_t generation, previous; /* previous 0 = none */
	bool switched, no_engine;
	char *words;
	bool audit_incomplete; /* the end line could not be written */
};
int publish(struct arena *a, const struct state *s, const struct publication *p, struct published *ret_published,
	    struct err *e);
/* Switches live to a kept generation (rollback). 0; -ENOENT: no such generation; -EINVAL: its bytes are not those that were
 * published. A failed fsync behind the switch is as with publish, and so is ret_audit_incomplete (may be NULL). */
int publish_switch(struct arena *a, const struct state *s, enum role role, uint64_t generation, const char *action,
		   const struct actor *actor, const char *request_id, bool *ret_audit_incomplete, struct err *e);
/* Live's generation becomes the last known good; nothing happens when it is already. -ENOENT: no such generation. */
int publish_promote(const struct state *s, enum role role, uint64_t generation, struct err *e);
/* Finishes or undoes what a killed publish left: .new-*, temporaries, a generation that never went live, a missing audit end
 * line ("recovered": live leads to it; "aborted"). *ret_swept counts what was removed or completed. It can be killed and
 * run again. A live link that leads nowhere, which we never make, is told in audit.log and left to the next publish. */
int publish_recover(struct arena *a, const struct state *s, enum role role, unsigned *ret_swept, struct err *e);

/* --- audit.log (audit.c) --- */
struct audit {
	const char *phase;  /* "begin", "end", or NULL for an event of one line */
	const char *action; /* publish, rollback, override, request, promote */
	bool is_new;        /* begin: the generation is made by this; undoing means to remove it */
	int role;           /* enum role, or -1 */
	struct actor actor;
	const char *request_id, *old_digest, *new_digest, *result, *detail; /* NULL or "" = left out */
	uint64_t generation;
};
/* Appends one JSON line and syncs it; rotates at 1 MiB before a begin line or an event, 5 kept. 0600 whatever was there.
 * Of one role the lines with a phase follow one another (the role's lock): a begin line as the newest of them is a publish
 * that did not come to its end. Every line carries the pid of its writer. Two processes may write at the same time. A
 * line that a power cut tore is closed with a newline by the next one. A failed write leaves no half line. */
int audit_write(const struct state *s, const struct audit *line, struct err *e);

/* --- what was read (snapshot.c) --- */
struct snapshot {
	struct compiled compiled;
	struct diag_sink *sink;      /* finished */
	char digest[DIGEST_TEXT];    /* of the inputs */
	char rendered[DIGEST_TEXT];  /* of xray, "" when there are errors */
	struct str xray;             /* in the arena; empty when there are errors */
};
/* The origin map of one without errors, as text; made only for what is published. 0 or -ENOMEM. */
int snapshot_map(struct arena *a, const struct snapshot *snap, struct str *ret_map);
enum { SNAPSHOT_STALE = 1 };
/* Reads and compiles until no input moved meanwhile, 5 times at most. 0 (look at the sink), SNAPSHOT_STALE, -errno. */
int snapshot_take(struct arena *a, const struct state *s, enum role role, const struct compile_options *o,
		  struct snapshot *ret_snapshot, struct err *e);

/* --- secrets in words from elsewhere (failure_mask.c) --- */
/* Every secret of a compile, by value. Words of an engine go through it before anybody sees them. */
struct failure_mask;
struct failure_mask *failure_mask_new(struct arena *a, const struct compiled *c);
/* The same of a finished xray.json alone. */
struct failure_mask *failure_mask_of(struct arena *a, const struct value *xray);
/* The text with every secret as "<secret>", and what stands in links and URLs where secrets stand; the text itself when
 * there is nothing of it. m may be NULL: then nothing is known by value. */
const char *failure_mask_text(struct arena *a, const struct failure_mask *m, const char *text);

/* --- apply.request (request.c): every call takes the request lock for itself; without a lock directory (a state opened
 * for reading) the readers only look --- */
struct request {
	const char *id, *timestamp;
	bool migrated; /* from version 1 or an empty file */
};
/* Queues one for a role, replacing an older one of it; *ret_id in the arena. */
int request_put(struct arena *a, const struct state *s, enum role role, char **ret_id, struct err *e);
/* Reads the request of a role. 0; 1: none. A corrupt file is moved aside to apply.request.corrupt (diagnostic XR71x in
 * sink, which may be NULL); ids of version 1 and of empty files are made up and written back, so that they are stable. */
int request_get(struct arena *a, const struct state *s, enum role role, struct diag_sink *sink,
		struct request *ret_request, struct err *e);
/* The same without the lock and without changing anything, for who may only look (status, bundle). An id that is not
 * made up yet is "". */
int request_peek(struct arena *a, const struct state *s, enum role role, struct diag_sink *sink,
		 struct request *ret_request, struct err *e);
/* Takes out exactly this id; 0, 1: it was not there any more (a newer one is). The last one removes the file. */
int request_done(struct arena *a, const struct state *s, enum role role, const char *id, struct err *e);

/* --- apply.error (failure.c) --- */
struct failure {
	const char *request_id; /* "" = it came from an edit */
	const char *kind;       /* "configuration", "engine_check", "engine_died" (and the last known good is
	                         * live again), "engine_failed" (there was none), "system" */
	const char *reason;     /* one line */
	struct value diagnostics; /* array; at most 1,000 are written */
	const struct failure_mask *mask; /* writing: goes over reason and diagnostics; may be NULL */
	const char *timestamp;    /* read: RFC 3339; writing sets it */
	int64_t omitted;          /* diagnostics left out */
};
int failure_write(struct arena *a, const struct state *s, enum role role, const struct failure *f, struct err *e);
/* The role's entry: 0, 1 none, -errno. A corrupt file is moved aside to apply.error.corrupt. */
int failure_read(struct arena *a, const struct state *s, enum role role, struct diag_sink *sink,
		 struct failure *ret_failure, struct err *e);
/* The same without the lock and without changing anything. */
int failure_peek(struct arena *a, const struct state *s, enum role role, struct diag_sink *sink,
		 struct failure *ret_failure, struct err *e);
/* Removes the role's entry; the last one removes the file. */
int failure_clear(struct arena *a, const struct state *s, enum role role, struct err *e);

/* --- what is remembered (memory.c): memory-ROLE.json --- */
/* What a failure depends on: when one of them changes it is tried again. */
struct attempt {
	const char *input_digest, *rendered_digest, *target, *tool_version, *engine;
	int64_t engine_mtime_ns; /* 0 = no engine */
};
struct memory {
	struct attempt failed; /* input_digest NULL = none */
	const char *failed_reason;
	const char *held;      /* input digest that a rollback left; NULL = none */
	const char *held_rendered, *held_since;
	const char *damaged;   /* read: the file could not be used, why; it is set aside and all else is empty */
};
int memory_read(struct arena *a, const struct state *s, enum role role, struct memory *ret_memory, struct err *e);
int memory_write(struct arena *a, const struct state *s, enum role role, const struct memory *m, struct err *e);
/* Says so (XR714) when what was read was damaged. */
void memory_report(struct diag_sink *sink, enum role role, const struct memory *m);
bool memory_same(const struct attempt *a, const struct attempt *b);

/* --- one apply (apply.c) --- */
enum apply_outcome {
	APPLY_PUBLISHED,
	APPLY_UNCHANGED,
	APPLY_WOULD,      /* dry run: it would be published */
	APPLY_REFUSED,    /* the sink has errors, the engine's refusal (XR701) among them */
	APPLY_HELD,       /* a rollback left this input; only an explicit apply takes it again */
	APPLY_REMEMBERED, /* failed before and nothing it depends on has changed */
	APPLY_BUSY,       /* the role's lock: holder */
	APPLY_STALE,      /* inputs kept changing */
	APPLY__N
};
extern const char *const apply_outcome_names[APPLY__N]; /* "published", "unchanged"… */
struct apply_options {
	enum role role;
	const char *target;     /* --target, or NULL */
	const char *request_id; /* "" or NULL = none; goes into meta.json and audit.log */
	bool is_explicit;       /* somebody asked for it: held and remembered do not stop it */
	bool dry_run, strict;
	bool need_engine;       /* without an engine nothing is published: -ENOENT */
	unsigned lock_wait_ms;
	struct actor actor;
	publish_check_fn *check; /* ctx: a struct publish_engine */
	/* *ret_exe NULL: none there. -ENOENT: config.toml names one that is no program, and another must not run in its
	 * place. */
	int (*find_engine)(struct arena *a, const struct compiled *c, const struct sources *sources, char **ret_exe,
			   struct err *e);
	compile_auto_fn *on_auto; /* engine = "auto"; NULL: the default target. ctx: abort */
	void *abort;              /* for those two: how they learn that nobody waits for them any more; may be NULL */
	struct diag_sink *notes;                                         /* about damaged files of .state; may be NULL */
};
struct apply_result {
	enum apply_outcome outcome;
	struct snapshot snapshot;   /* STALE: its sink says which file */
	struct published published; /* for UNCHANGED generation = live's */
	struct attempt attempt;     /* what a failure of this apply would be remembered by */
	struct value changes;       /* render_diff of live and this; array */
	bool restart;               /* whether the change needs a restart */
	bool no_engine;
	const char *engine;         /* its path, "" = none */
	int holder;                 /* BUSY */
	const char *old_digest;     /* of the bytes that were live, "" = none */
};
/* Takes the lock, recovers, reads, compiles, publishes; remembers failures of the configuration, forgets them after a
 * success. Does not touch apply.request and apply.error: whoever asked answers. 0 (look at outcome) or -errno. */
int apply_run(struct arena *a, const struct state *s, const struct apply_options *o, struct apply_result *ret_result,
	      struct err *e);

struct rollback_options {
	enum role role;
	uint64_t to;  /* 0 = the last known good, or when that is live the newest older kept generation */
	bool failed;  /* not asked for: the generation was bad. It is remembered as failed, not held */
	const struct attempt *attempt; /* failed: what to remember */
	const char *reason;            /* failed: why; for memory and audit */
	const char *request_id;
	unsigned lock_wait_ms;
	struct actor actor;
};
enum { ROLLBACK_DONE = 0, ROLLBACK_NONE = 1 /* no such generation */, ROLLBACK_BUSY = 2, ROLLBACK_SAME = 3 };
struct rollback_result {
	uint64_t from, to;
	bool audit_incomplete; /* as in struct published */
	int holder;
};
int apply_rollback(struct arena *a, const struct state *s, const struct rollback_options *o,
		   struct rollback_result *ret_result, struct err *e);

#endif
