#ifndef XRAT_MERGE_IMPL_H
#define XRAT_MERGE_IMPL_H
/* What the files of merge/ share. */
#include "merge/merge.h"

struct merge {
	struct arena *a;
	struct diag_sink *sink;
	const struct xconf *base;
	struct xconf *x;
	const struct texts *override;
	struct map *lifts;     /* lower-cased override entry -> its struct text; NULL without entries */
	bool *lift_used;       /* one for each entry */
	struct map *rule_tags; /* ruleTag -> struct xitem; made when the first user rule has one */
	uint32_t n_rules;      /* at most that many will have one */
	struct map *reverse;   /* lower-cased reverse tag -> struct value that defines it; made on the first question */
	struct map *managed;   /* lower-cased managed tag -> struct xitem; made on the first question */
};

/* A name for a message: control characters replaced, cut when long. */
const char *merge_shown(struct merge *m, struct str name);
/* The first byte of a value: a marker under a whole object helps nobody. */
struct span merge_point(const struct value *v);

/* --- reserved.c: reserved names and the override list --- */
void merge_overrides_start(struct merge *m);
/* Warns about unused entries and collects the used ones. */
void merge_overrides_finish(struct merge *m, struct texts *ret_used);
/* Whether an override entry names this identifier; the first time a note says so at `at`. replaced: the managed object
 * whose place it takes, or NULL. */
bool merge_lifted(struct merge *m, struct str name, struct span at, const struct xitem *replaced);
/* Whether the name is reserved and not lifted: then XR302 is reported. what = "outbound tag" and the like. */
bool merge_reserved(struct merge *m, const char *what, struct str name, struct span at, const struct xitem *replaced);
/* Whether the name is reserved or the tag of a managed object. */
bool merge_is_managed(struct merge *m, struct str name);

/* The place and owner of a managed name as a note under d. */
void merge_relate_owner(struct merge *m, struct diag *d, struct str name);
/* ruleTags of the base (and of what was merged so far): ruleTag -> struct xitem. */
struct map *merge_rule_tags(struct merge *m);

/* --- entry.c: one entry of a snippet list --- */
struct entry {
	const char *noun;    /* "outbound" */
	const char *tag_key; /* "tag" or "ruleTag" */
	const struct value *v;
	const struct value *tag; /* NULL when it has none */
	bool has_type;
};
/* Reads one element: 0 and *ret_entry; 1 refused (null, no object, an attempt to delete), reported. Reserved remarks
 * and domains are reported and do not refuse. */
int merge_entry(struct merge *m, const char *noun, const char *tag_key, const struct value *v, struct entry *ret_entry);
/* Whether a tag is usable as such; a text that is not is XR304. */
bool merge_tag_is_text(struct merge *m, const struct entry *e);

/* --- the parts --- */
void merge_items(struct merge *m, const char *noun, const struct value *array, const struct xlist *base,
		 struct xlist *ret_list);
void merge_rules(struct merge *m, const struct value *after_system, const struct value *after_managed);
void merge_sections(struct merge *m, const struct snippet snippets[SNIPPET__N]);
/* The value of the snippet's own key when it has that kind, else NULL. */
const struct value *merge_snippet_value(const struct snippet *s, const char *key, enum value_kind kind);

#endif
