#ifndef XRAT_COMPILER_H
#define XRAT_COMPILER_H
/* load -> decode -> base -> merge -> validate -> render: the only driver of the pure stages. */
#include "links/links.h"
#include "merge/merge.h"
#include "model/model.h"
#include "render/render.h"
#include "validate/validate.h"

/* What load read: texts registered as sources, parsed trees, nothing decoded yet. */
struct inputs {
	const char *root;      /* as given */
	enum role role;
	struct value role_toml;   /* VAL_NONE when the file was refused */
	struct value config_toml; /* VAL_NONE when absent */
	bool has_config;
	struct snippet snippets[SNIPPET__N];
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
void load_secrets(struct arena *a, struct diag_sink *sink, int root_fd, const struct load_options *o,
		  struct secret **secrets, uint32_t n);
/* Whether certificate, key and asset files that the config names exist: warnings (at check). */
void load_check_files(struct arena *a, struct diag_sink *sink, const struct checked *c, const struct desired *d);

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
