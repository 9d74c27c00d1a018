#ifndef XRAT_COMPILER_H
#define XRAT_COMPILER_H
/* load -> decode -> base -> merge -> validate -> render: the only driver of the pure stages. */
#include "links/links.h"
#include "merge/merge.h"
#include "model/model.h"
#include "render/render.h"
#include "validate/validate.h"

/* One file that the loader looked at: read, or found missing. */
struct input_file {
	const char *path; /* relative to CONFIG_ROOT, or absolute for a secret's file elsewhere */
	bool missing;     /* or unreadable: bytes are empty, id is zero */
	bool named;       /* a certificate or geodata file: looked for, never read */
	int fault;        /* why it could not be read: -errno */
	size_t max_bytes; /* the limit it was read with */
	struct str bytes;
	struct file_id id;
	struct input_file *next;
};
/* The snippet directory: a name that comes or goes counts, whether it is a snippet's or not. */
struct input_dir {
	const char *path; /* NULL: not looked at */
	int fault;        /* why it could not be listed: -errno */
	const char *const *names; /* sorted, all of them */
	size_t n;
};
struct input_log {
	struct input_file *first, *last;
	struct input_dir dir;
};

/* What load read: texts registered as sources, parsed trees, nothing decoded yet. */
struct inputs {
	const char *root;      /* as given */
	enum role role;
	struct value role_toml;   /* VAL_NONE when the file was refused */
	struct value config_toml; /* VAL_NONE when absent */
	bool has_config;
	struct snippet snippets[SNIPPET__N];
	struct input_log log; /* every file looked at, secret files and named files too */
};
struct load_options {
	bool missing_secret_is_warning; /* check */
};
/* Which role files exist below root_fd: bit 1 << ROLE_CLIENT, 1 << ROLE_SERVER; or -errno. */
int load_roles(int root_fd, struct err *e);
/* Reads and parses every input of a role (the snippet directory comes from the TOML's config_dir). Faults of the text
 * are diagnostics; 0, or -errno for what the system refused. */
int load_inputs(struct arena *a, struct diag_sink *sink, int root_fd, enum role role, struct inputs *ret_in,
		struct err *e);
/* Resolves { env } and { file } secrets after decoding (file paths: relative ones below root_fd). Missing ones are
 * diagnostics that name the key and the variable. */
void load_secrets(struct arena *a, struct diag_sink *sink, int root_fd, struct input_log *log,
		  const struct load_options *o, struct secret **secrets, uint32_t n);
/* Whether a file of the log is another one now, came or went, or a name in the snippet directory did: 1 yes, 0 no. What
 * cannot be looked at for want of memory counts as moved. */
int load_moved(int root_fd, const struct inputs *in);
/* The same, and which one: 1 and *ret_path, 0, -ENOMEM. */
int load_moved_file(int root_fd, const struct inputs *in, const char **ret_path);
enum { DIGEST_TEXT = 65 };
/* Lower-case hex SHA-256 over what was read: for each file that exists, sorted by path: length of the path (8 bytes,
 * little endian), path, length of the bytes, bytes. Certificates and geodata count by their name alone, without bytes, so
 * that one that is put in its place makes another digest. */
void load_digest(struct arena *a, const struct inputs *in, char ret_hex[DIGEST_TEXT]);
/* Whether certificate, key and asset files that the config names exist: warnings, or errors at apply. */
void load_check_files(struct arena *a, struct diag_sink *sink, struct input_log *log, const struct checked *c,
		      const struct desired *d, enum severity severity);

/* TOML trees to structs by the field tables; defaults filled in, every fault reported (XR15x). 0, or 1 when something
 * that later stages need is missing. */
int decode_role(struct arena *a, struct diag_sink *sink, const struct inputs *in, struct desired *ret_desired);
int decode_config(struct arena *a, struct diag_sink *sink, const struct value *toml, struct config *ret_config);
/* Any table into any struct (the building stone of the two above). */
int decode_table(struct arena *a, struct diag_sink *sink, const struct value *object, const struct table *t,
		 void *ret_struct, struct desired *secrets_owner);
/* Rules over several keys of config.toml (XR19x); decode_config calls it. Looks at no secret's text. */
void normalize_config(struct arena *a, struct diag_sink *sink, struct config *c);
/* After secrets: links into nodes, profiles into protocol/transport/security, default tags, cross-field rules (XR17x,
 * XR8xx). */
void normalize(struct arena *a, struct diag_sink *sink, struct desired *d, const struct target *t);

/* The managed base for a target (XR6xx for what it lacks). */
void base_build(struct arena *a, struct diag_sink *sink, const struct desired *d, const struct target *t,
		struct base *ret_base);

struct compile_options {
	const char *target;             /* --target, or NULL */
	bool missing_secret_is_warning; /* check */
	bool missing_file_is_error;     /* apply: the engine of this machine would not start */
	bool strict;                    /* for snapshot_take: warnings are errors */
};
struct compiled {
	struct inputs in;
	struct desired desired;
	struct config config;
	const struct target *target;
	struct merged merged;
	struct checked checked;
	bool has_merged, has_checked; /* checked only when the sink has no error */
};
/* Runs every stage as far as it can go, so that all faults are reported at once. 0 done (look at the sink and has_*),
 * -errno what the system refused, -ENOMEM. */
int compile_root(struct arena *a, struct diag_sink *sink, int root_fd, const char *root, enum role role,
		 const struct compile_options *o, struct compiled *ret_compiled, struct err *e);
/* check --raw: one complete xray.json. */
int compile_raw(struct arena *a, struct diag_sink *sink, const char *path, const struct compile_options *o,
		struct compiled *ret_compiled, struct err *e);

#endif
