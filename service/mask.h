#ifndef XRAT_SERVICE_MASK_H
#define XRAT_SERVICE_MASK_H
/* Secrets out of texts that leave the machine, in two passes. First every text is learned: what its keys, links and
 * key blocks say is secret is collected, and which of its bytes are secret by their place. Then every text is written
 * again, with those bytes, and every secret wherever it stands in any text, replaced by <secret-N>: the same number for
 * the same secret, counted in the order of first appearance.
 *
 * By place is decided with an allow-list: a value is shown only when its key stands in a field table or a key table and
 * is not marked SECRET there. Comments are free text and are not shown. In a text that does not parse a value stays
 * only where its line can be understood; all others are masked as whole lines.
 *
 * By value a secret is found raw and behind JSON or TOML escapes, percent-encoding (and both, and twice), base64 in
 * both alphabets at every alignment, also wrapped, and hex. Secrets under MASK_SHORTEST bytes are masked by place
 * alone. */
#include "model/model.h"

enum { MASK_SHORTEST = 4 };
enum mask_form {
	MASK_TEXT,       /* free text, and JSON of our own */
	MASK_ENGINE_LOG, /* the same; UUIDs are secrets too */
	MASK_CLIENT_TOML, MASK_SERVER_TOML, MASK_CONFIG_TOML,
	MASK_XRAY_JSON,  /* a whole xray.json or a snippet */
	MASK_FORM__N
};

/* Bytes [begin, end) of one text that are not shown. */
struct mask_range {
	uint32_t begin, end;
	uint32_t secret; /* which one; MASK_COMMENT: a comment */
	bool quote;      /* a bare value: the mask stands in quotes there */
};
#define MASK_COMMENT UINT32_MAX
struct mask_ranges {
	struct mask_range *v; /* heap; mask_ranges_fini */
	size_t n, cap;
};
void mask_ranges_fini(struct mask_ranges *r);

/* Where { env = "…" } and { file = "…" } lead. True: *ret_value is the secret. */
typedef bool mask_resolve_fn(void *ctx, bool is_file, const char *ref, struct str *ret_value);

struct mask;
/* In the arena and on the heap; mask_free takes NULL. resolve may be NULL. */
struct mask *mask_new(struct arena *a, mask_resolve_fn *resolve, void *ctx);
void mask_free(struct mask *m);

/* A value known to be secret from elsewhere. */
void mask_secret(struct mask *m, struct str value);
/* What is secret of a node, however it came to us; of the address of a subscription its user information and every part of
 * its path and query that looks like a token. */
void mask_node(struct mask *m, const struct node *n);
void mask_address(struct mask *m, struct str url);
/* Learns a text, which must live as long as the mask and have less than 2^31 bytes; ret_ranges (caller's, may be NULL)
 * gets what is secret by place. */
void mask_learn(struct mask *m, struct str text, enum mask_form form, struct mask_ranges *ret_ranges);
/* Writes text to out without its secrets. What is learned after the first call is masked by place alone. 0, -ENOMEM. */
int mask_apply(struct mask *m, struct str text, const struct mask_ranges *ranges, struct buf *out);
/* Whether a finished text is clean: 0; -EPERM a secret is still there; -ENOMEM. */
int mask_verify(struct mask *m, struct str finished);
/* How many different ones were replaced so far; how many of them are too short to be found by value. */
unsigned mask_count(const struct mask *m);
unsigned mask_count_short(const struct mask *m);

#endif
