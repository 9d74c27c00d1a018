#ifndef XRAT_SERVICE_BUNDLE_IMPL_H
#define XRAT_SERVICE_BUNDLE_IMPL_H
/* Shared by bundle*.c. */
#include "service/bundle.h"
#include "service/mask.h"

enum {
	BUNDLE_FILE_MAX = 16 << 20,
	BUNDLE_MAX = 64 << 20,
	BUNDLE_LOG_MAX = 1 << 20, /* the end of each log */
	BUNDLE_LOGS = 32,
	BUNDLE_LOGGED = 5, /* sessions whose log files are included */
};
struct bundle_member {
	const char *name; /* in the archive: relative, no links, no .. */
	const char *note; /* what is not as on disk, or NULL */
	struct str bytes;
	enum mask_form form;
	struct mask_ranges ranges;
	struct buf done; /* masked */
};
struct bundle {
	struct arena *a;
	const struct bundle_options *o;
	int root_fd;
	struct bundle_member *v;
	unsigned n, cap;
	size_t total;
	struct value problems, ran; /* arrays: {name, reason}, {name, exit} */
	struct mask *mask;          /* NULL with --with-secrets */
	bool only_learn;            /* nothing is put in and no problem noted */
	const char *engine;         /* path, or NULL */
	struct store *store;        /* NULL: there is none, or it cannot be read */
	struct store_session *sessions; /* the newest, newest first */
	size_t n_sessions;
	bool config_is_broken;      /* config.toml: the database may be another one */
	bool knows_nodes;           /* every secret of nodes, subscriptions and sessions was learned (or none is masked) */
	const char *session_log_dir; /* [runtime.log] dir */
	struct buf zip;
};

/* bundle_read.c */
enum bundle_how {
	BUNDLE_DESIRED, /* links that stay beneath the root are followed, as the compiler does */
	BUNDLE_STATE,   /* no links at all */
	BUNDLE_LOG,     /* no links; the end alone, from the start of a line */
};
/* Reads a file below dir_fd. 0; -ENOENT is no problem of anybody's; other faults have become a problem entry. */
int bundle_read(struct bundle *b, int dir_fd, const char *path, enum bundle_how how, struct str *ret_bytes,
		const char **ret_note);
/* The same into the archive. */
int bundle_take(struct bundle *b, const char *name, int dir_fd, const char *path, enum bundle_how how,
		enum mask_form form);
void bundle_put(struct bundle *b, const char *name, struct str bytes, enum mask_form form, const char *note);
void bundle_put_json(struct bundle *b, const char *name, const struct value *v);
void bundle_problem(struct bundle *b, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Sorted names of a directory below dir_fd, "." for itself; 0 of them when it cannot be read. Links are followed as in
 * BUNDLE_DESIRED or not at all. */
size_t bundle_list(struct bundle *b, int dir_fd, const char *path, bool links, const char ***ret_names);
/* A mask_resolve_fn: ctx is the bundle. */
bool bundle_resolve(void *ctx, bool is_file, const char *ref, struct str *ret_value);
void bundle_progress(const struct bundle *b, const char *what);

/* bundle_gather.c, bundle_machine.c: everything goes in, in a fixed order */
void bundle_gather_common(struct bundle *b);
void bundle_gather_role(struct bundle *b, enum role role);
/* Of a role that is not wanted its secrets: logs and audit.log are of both. */
void bundle_learn_role(struct bundle *b, enum role role);
void bundle_gather_outputs(struct bundle *b, enum role role);
void bundle_gather_machine(struct bundle *b);

/* bundle_store.c: opens the database and learns, before anything is masked; puts in what is in it. */
void bundle_learn_store(struct bundle *b);
void bundle_gather_store(struct bundle *b);

/* bundle_logs.c */
void bundle_gather_logs(struct bundle *b);

/* bundle_run.c */
struct bundle_run {
	const char *argv[16]; /* NULL-terminated; argv[0] is the path */
	const char *const *env; /* NULL: ours */
	unsigned timeout_ms;
};
/* Output of both kinds in one, about BUNDLE_LOG_MAX of it at most; *ret_exit is the code, or 128 + signal. 0,
 * -ETIMEDOUT, -errno. */
int bundle_run(struct arena *a, const struct bundle_run *r, struct str *ret_out, int *ret_exit);

/* bundle_zip.c: 0, -errno */
int bundle_zip(struct bundle *b, struct err *e);

#endif
