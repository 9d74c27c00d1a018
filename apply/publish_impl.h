#ifndef XRAT_APPLY_PUBLISH_IMPL_H
#define XRAT_APPLY_PUBLISH_IMPL_H
/* What the files of the publisher share: names on the disk, texts of meta.json, the reading of audit.log. */
#include "apply/apply.h"

#define PUBLISH_STAGING ".new-" /* before a number: being built or being removed, never looked into */
#define PUBLISH_FILE "xray.json"

enum { GENERATION_NAME = 24, GENERATION_TARGET = 64 };
extern const char *const generation_link_names[ROLE__N]; /* "config-client", "config-server" */
/* "0007", and how it is called while it is built or removed: ".new-0007". */
void generation_name(uint64_t generation, char ret_name[static GENERATION_NAME]);
void generation_staging(uint64_t generation, char ret_name[static GENERATION_NAME + 8]);
/* What a link to it says: "../generations/client/0007". */
void generation_target(enum role role, uint64_t generation, char ret_target[static GENERATION_TARGET]);
/* Absolute path of a file in a directory of generations/ROLE. */
char *generation_file_path(struct arena *a, const struct state *s, enum role role, const char *dir, const char *file);
/* Whether its xray.json is there: 0, -ENOENT, -errno. */
int generation_exists(const struct state *s, enum role role, uint64_t generation);
/* generation_of_link for those who go on without one: no link and a foreign one are 0 with *ret_foreign set for the
 * latter. 0 or -errno. */
int generation_of_link_or_none(const struct state *s, enum role role, enum which_link which, uint64_t *ret_generation,
			       bool *ret_foreign, struct err *e);
/* Removes a generation so that a kill in between leaves nothing that looks like one. */
int publish_retire(const struct state *s, enum role role, uint64_t generation, struct err *e);

/* The text of meta.json. */
int meta_text(struct arena *a, const struct meta *m, struct str *ret_text, struct err *e);
/* One JSON object out of text: 0 or -EINVAL. */
int meta_parse_object(struct arena *a, struct str text, struct value *ret_object);

/* The newest begin or end line of a role. 0; 1: there is none; -errno. Torn lines are passed over. */
int audit_last(struct arena *a, const struct state *s, enum role role, struct audit *ret_line, struct err *e);

#endif
