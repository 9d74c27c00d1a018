#ifndef XRAT_SERVICE_MASK_IMPL_H
#define XRAT_SERVICE_MASK_IMPL_H
/* Shared by mask_*.c. */
#include "service/mask.h"

struct mask_entry {
	struct str text;
	unsigned number; /* 0: not seen yet */
	bool by_value;
};

/* Many byte strings to look for at once (mask_index.c). */
struct mask_pattern {
	struct str text;
	uint32_t entry;
	int32_t shorter; /* the longest pattern that this one begins with, or -1 */
};
enum { MASK_FILTER_BITS = 18 };
struct mask_index {
	struct mask_pattern *v; /* heap */
	size_t n, cap;
	uint64_t filter[(1u << MASK_FILTER_BITS) / 64]; /* of the first four bytes */
	bool failed;
};
void mask_index_add(struct mask_index *x, struct str text, uint32_t entry);
void mask_index_seal(struct mask_index *x);
/* The longest pattern that stands at text[at], or NULL. */
const struct mask_pattern *mask_index_at(const struct mask_index *x, struct str text, size_t at);

enum mask_sure {
	MASK_MAYBE, /* it may be something harmless: looked for by value only when it looks like a secret */
	MASK_SURE,
};
enum { MASK_NAME_PUBLIC = 1, MASK_NAME_SECRET = 2 };
struct mask {
	struct arena *a;
	mask_resolve_fn *resolve;
	void *ctx;
	struct map *by_text;
	struct mask_entry *entries; /* in the arena */
	unsigned n, cap;
	unsigned numbered, short_ones;
	bool sealed, failed, has_space;
	struct map *names;   /* key -> flags above, from every table */
	struct map *words;   /* values that tables name; harmless where a text is only suspected */
	struct map *classes; /* of JSON paths seen */
	struct mask_index *index, *encoded; /* heap; encoded: for mask_verify */
};

void mask_range_add(struct mask *m, struct mask_ranges *r, struct mask_range range);
/* The number of the entry for a text. */
uint32_t mask_entry_of(struct mask *m, struct str text, enum mask_sure sure);
/* Learns value and hides bytes [begin, end) of the text for it. */
void mask_hide(struct mask *m, struct mask_ranges *r, size_t begin, size_t end, struct str value, enum mask_sure sure);
/* "env:NAME" or the parts of a table: what it leads to is a secret. */
void mask_reference(struct mask *m, bool is_file, struct str ref);

/* mask_names.c */
void mask_names_init(struct mask *m);
/* Whether tables know the key and none calls it secret. */
bool mask_name_is_public(const struct mask *m, struct str key);
/* Public in the field tables and secret in the key tables under another spelling. */
bool mask_name_elsewhere(struct str key);
/* By what it sounds like, for texts that no table describes. */
bool mask_name_sounds(struct str key);
/* Request headers that say nothing. */
bool mask_name_header(struct str key);

/* mask_tree.c: true when the text parsed (then its values are done). */
bool mask_tree(struct mask *m, struct str text, enum mask_form form, struct mask_ranges *r);

/* mask_lex.c: enough of TOML and JSON for texts that are neither. */
enum mask_token { TOKEN_END, TOKEN_LINE, TOKEN_COMMENT, TOKEN_STRING, TOKEN_WORD, TOKEN_MARK };
struct mask_lexer {
	struct str text;
	size_t at;         /* behind the token */
	bool json;
	enum mask_token token;
	size_t begin;      /* of the token */
	size_t inner, inner_end; /* STRING: between its quotes */
	bool closed, lines; /* STRING: has its end; may hold lines (TOML's triple quotes) */
};
void mask_lex(struct mask_lexer *l);
void mask_comments(struct mask *m, struct str text, bool json, struct mask_ranges *r);
/* mask_broken.c */
void mask_broken(struct mask *m, struct str text, bool json, struct mask_ranges *r);

/* mask_text.c, mask_url.c */
enum { MASK_FIND_KEYS = 1, MASK_FIND_UUIDS = 2 };
void mask_text(struct mask *m, struct str text, unsigned find, struct mask_ranges *r);
void mask_urls(struct mask *m, struct str text, struct mask_ranges *r);

/* mask_view.c */
enum mask_decoder { MASK_UNESCAPE, MASK_PERCENT, MASK_PLUS, MASK_DECODER__N };
/* Decodes what it can and leaves the rest as it is. */
void mask_decode(enum mask_decoder d, struct str text, struct buf *out);
/* Standard or URL alphabet; what is over at the end is dropped. */
void mask_base64(struct str text, struct buf *out);
/* Every place of a secret in text, in any form. depth: how many layers of encoding are taken off, 2 for all. */
void mask_find(struct mask *m, struct str text, unsigned depth, struct mask_ranges *ret_found);

#endif
